"""The check that mail data of a transcript has its final dot, before anything is sent."""

from __future__ import annotations

import re

from smtp_shell.errors import Fault
from smtp_shell.matching.expectation import ExpectedLine
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.foreseen import FORESEEN
from smtp_shell.transcript.step import Marker, Step

MAY_END = (".", "\\")
"""How a line of mail data without a variable begins that may be the final dot."""

# Compiled at their first use: most transcripts need neither.
_ENDED = rb"(?s)(?:.*\n)?\.\r?\n"
_ONE_VARIABLE = r"\$\{[^}]*\}"
_NEEDS_THE_DOT = frozenset(("", "connect", "authenticate", "finally"))  # empty: the end of the transcript
_ENDINGS = frozenset(("close", "timeout", "error"))


class MailDataEnd:
    """Follows the lines after a DATA up to the final dot.

    The lines are mail data if a 354 is expected, and perhaps if no reply is expected. In a script that expects nothing they may be
    commands: then only lines that are no commands are missing their dot.

    Attributes:
        line: Number of the line with DATA; 0 where no mail data is awaited.
        in_text: Whether a line that cannot be the final dot changes nothing.
    """

    def __init__(self) -> None:
        self.line = 0
        self.in_text = False
        self._replies = 0  # of the group that DATA is the end of, that have not been expected yet
        self._asked = False  # an S line may still say what DATA is answered with
        self._demanded = False  # it is 354
        self._has_lines = False
        self._commands_only = True  # of lines that nothing says to be mail data
        self._broken = False  # the server breaks it off

    def begin(self, line: int, replies: int) -> None:
        """Begin after a DATA.

        Args:
            line: Its number.
            replies: How many replies its group has.
        """
        self.line, self._replies, self._asked = line, replies, True
        self._demanded = self._has_lines = self._broken = self.in_text = False
        self._commands_only = True

    def expect(self, line: int, expected: ExpectedLine) -> Fault | None:
        """Follow an `S` line; return what is wrong with it here.

        Args:
            line: Its number.
            expected: What it expects.
        """
        if self._asked:
            self._demanded = self._demanded or expected.may_begin("354")
            self._replies -= expected.continues is not True
            if self._replies <= 0 and not self._demanded:
                self._end()
            return None
        if not (expected.may_begin("2") or expected.may_begin("3")):
            self._broken = True
            return None
        begun = self.line
        self._end()
        if not self._demanded and self._commands_only:
            return None
        return Fault(line, f"the mail data after the DATA in line {begun} has no final dot", "C: . before this line")

    def send(self, step: Step) -> None:
        """Follow a client line."""
        self._asked = False
        if step.text == "." or step.marker is Marker.MAIL_DATA_FILE:
            self._end()
            return
        self._has_lines = True
        if step.marker is Marker.CLIENT_OCTETS:
            if re.fullmatch(_ENDED, step.octets):
                self._end()
        elif ("\\" in step.text and step.octets == b".") or re.fullmatch(_ONE_VARIABLE, step.text):
            self._end()  # a variable may be the dot
        else:
            self._commands_only = self._commands_only and Command.parse(step.octets).verb in FORESEEN
            self.in_text = not self._commands_only

    def stop(self, event: str) -> Fault | None:
        """Follow an event; return what is wrong with the mail data that it ends.

        Args:
            event: Its name; empty for the end of the transcript.
        """
        if event in _ENDINGS:
            self._end()
        if not self.line or event not in _NEEDS_THE_DOT:
            return None
        begun = self.line
        self._end()
        if self._broken or not self._has_lines or (self._commands_only and not self._demanded):
            return None
        return Fault(begun, "the mail data after this DATA has no final dot", "C: . after its last line")

    def _end(self) -> None:
        self.line, self.in_text = 0, False

"""The check of a transcript's steps, one after the other, before anything is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.errors import Fault, SmtpShellError, TranscriptError, UsageError
from smtp_shell.matching.expectation import ExpectedLine
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.commands import Command, auth_mechanism
from smtp_shell.protocol.masking import may_answer
from smtp_shell.protocol.replies import ReplyLimits
from smtp_shell.replay.data_end import MAY_END, MailDataEnd
from smtp_shell.transcript.body import body_path
from smtp_shell.transcript.events import check_event, near_miss
from smtp_shell.transcript.header import MOST_FAULTS, Header
from smtp_shell.transcript.included_line import file_of
from smtp_shell.transcript.including import IncludeStack
from smtp_shell.transcript.reader import open_scan
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, Template, Variables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOST_IN_A_GROUP: Final = 10_000
MOST_IN_A_REPLY: Final = ReplyLimits().lines + 2
"""More than a recording has of one reply: as many lines as a reply may have, and the one that was too many."""
MOST_CAPTURES: Final = 1_000
MOST_KEPT: Final = 1_000
"""How many included steps are kept: more of them than a plan keeps, so a plan has all of them or none."""

# A recording of a connection on which nothing was said holds one of these, and is compared with what the server does now.
_ENDS_UNANSWERED = frozenset(("timeout", "error", "close"))

_LONGEST_UNENDED = 1024  # octets: no command is longer, and a line of mail data in pieces may be

_LINES = frozenset((Marker.CLIENT, Marker.PIPELINED))
_MAY_MATTER = ("A", "a", "D", "d", " ", "\\")  # how the text of an AUTH or DATA line can begin
# What may stand between AUTH and a later `${sasl}`: responses that are no secret, or that were left in the file.
_RESPONSE = rb"[A-Za-z0-9+/]*={0,2}|\*"


class StepChecker:
    """Checks steps in their order, and notes what a replay must know beforehand.

    Args:
        path: The transcript.
        header: Its header; None where it has none, or one with faults.
        given: Values of variables from the caller.
        found: Takes what is wrong.
        outside: Whether mail data and included files may stand outside the transcript's folder.

    Attributes:
        header: The header.
        lacks_header: Whether it, and so its variables, may be missing.
        defaults: Defaults of variables: those of the header, and then of the headers of included files.
        warnings: What a user should look at.
        used: The names of the variables in client lines.
        captured: The names of the variables that patterns capture.
        address: The server of the first `connect`; empty where there is none.
        tls: Whether the first connection begins with TLS.
        uses_sasl: Whether credentials are needed.
        may_hold_credentials: Whether AUTH is sent, or octets in which it may stand.
        includes: Whether other files are included.
        has_finally: Whether a part is done in any case.
    """

    def __init__(
        self, path: Path, header: Header | None, given: Mapping[str, str], found: list[Fault], *, outside: bool
    ) -> None:
        self.header = header
        self.defaults: dict[str, str] = dict(header.variables) if header else {}
        self.includes = self.has_finally = False
        self._stack = IncludeStack(path, outside=outside)
        self._splices: list[tuple[Step, list[Step]]] = []  # each include of the last steps, with what it includes
        self._included = 0  # how many steps of included files there were
        self._given = given
        self._after: Step | None = None  # the `authenticate` or `finally` that nothing acted on follows yet
        self.lacks_header = bool(found)
        self._outside = outside
        self._found = found
        self.warnings: list[Fault] = []
        self._variables = Variables(given, self.defaults)
        self.captured: set[str] = set()
        self.used: set[str] = set()
        self._data = MailDataEnd()
        self.address = ""
        self.tls = False
        self._connects = False
        self._acts = False
        self.may_hold_credentials = False
        self._in_auth = False
        self._early = 0  # the number of a `C&` line with `${sasl}`, until it is known what follows it
        self._unended = b""  # of `C|` lines: the start of a line that has not ended
        self.uses_sasl = False
        self._group = 0
        self._reply = 0

    def check(self, steps: Sequence[Step]) -> None:
        """Check some more steps."""
        data = self._data
        for step in steps:
            marker, text = step.marker, step.text
            if self._early and marker is not Marker.NOTE:
                self._check_early(step)
            # Most lines of a large file are mail data: without this the check of such a file is a third slower.
            if data.in_text and marker is Marker.CLIENT and text[:1] not in MAY_END and "${" not in text:
                continue
            if marker in CLIENT_LINES:
                self._acts = True
                self._after = None
                self._reply = 0
                if data.line:
                    data.send(step)
                if marker is Marker.CLIENT_OCTETS:
                    self._check_octets(step)
                elif self._in_auth or self._unended or "${" in text or text[:1] in _MAY_MATTER:
                    self._check_client_line(step)
                if marker is Marker.PIPELINED:
                    self._check_group(step)
                else:
                    self._group = 0
                    self.may_hold_credentials = self.may_hold_credentials or marker is Marker.CLIENT_OCTETS
            elif marker in SERVER_LINES:
                self._acts = True
                try:
                    expected = ExpectedLine.parse(step)
                except ValueError as error:
                    self._refuse(step.line, str(error))
                    continue
                if data.line:
                    self._add(data.expect(step.line, expected))
                if self._after is not None:
                    self._check_after(expected, self._after)
                if expected.continues is False and expected.pattern is None:
                    self._reply = 0
                else:
                    self._check_expected(step.line, expected)
            elif marker is Marker.EVENT:
                self._check_event(step)
            elif marker is Marker.MAIL_DATA_FILE:
                self._acts = True
                self._reply = self._group = 0
                if data.line:
                    data.send(step)
                self._check_body(step)

    def check_end(self) -> None:
        """Check what is known at the end of the transcript only."""
        self._add(self._data.stop(""))
        if self._early:
            self._check_early(None)

    def check_whole(self) -> None:
        """Check what only counts where nothing else is wrong."""
        if not self._acts:
            self._refuse(0, "the transcript has no steps", "at least one line such as C: NOOP")

    def with_included(self, steps: Sequence[Step]) -> Sequence[Step]:
        """Return the steps that were checked last, and after each `*: include` those of the file.

        Args:
            steps: The steps.
        """
        splices, self._splices = self._splices, []
        if not splices:
            return steps
        found: list[Step] = []
        pending = iter(splices)
        event, included = next(pending)
        for step in steps:
            found.append(step)
            if step is event:
                found += included
                event, included = next(pending, (event, []))
        return found

    def _add(self, fault: Fault | None) -> None:
        if fault is not None:
            file = file_of(fault.line)
            self._found.append(replace(fault, file=file) if file else fault)

    def _refuse(self, line: int, problem: str, expected: str = "") -> None:
        self._add(Fault(line, problem, expected))

    def _check_group(self, step: Step) -> None:
        self._group += 1
        if self._group == MOST_IN_A_GROUP:
            self._refuse(step.line, f"a group has more than {MOST_IN_A_GROUP:,} lines", "a C: line that ends it")

    def _check_client_line(self, step: Step) -> None:
        if "${" in step.text:
            template = Template.parse(step.text)
            if names := template.names:
                self._check_names(step, names)
            if SASL in names:
                self.uses_sasl = self.may_hold_credentials = True
                self._check_sasl(step, template)
                self._in_auth = True
                return
            line = b"".join(part if isinstance(part, bytes) else b"x" for part in template.parts)
        else:
            line = step.octets
        self._note_line(self._unended + line)
        self._unended = b""
        is_free = step.marker is Marker.CLIENT and not self._data.line
        if is_free and Command.parse(step.octets).verb == "DATA":
            self._data.begin(step.line, self._group + 1)
            self._in_auth = False

    def _check_octets(self, step: Step) -> None:
        """Read the command lines in octets: they may hold several, and end inside one."""
        template = Template.parse(step.text)
        if names := template.names:
            self._check_names(step, names)
        parts = template.parts
        at = parts.index(SASL) if SASL in names else len(parts)
        head = b"".join(part if isinstance(part, bytes) else b"x" for part in parts[:at])
        *lines, rest = (self._unended + head).split(b"\n")
        self._unended = rest[:_LONGEST_UNENDED]
        for line in lines:
            self._note_line(line.removesuffix(b"\r"))
        if SASL in names:
            self.uses_sasl = True
            self._check_place(step, self._unended, parts[at + 1 :] in ((), (b"\r\n",), (b"\n",)))
            self._in_auth, self._unended = True, b""

    def _note_line(self, line: bytes) -> None:
        mechanism = auth_mechanism(line)
        self.may_hold_credentials = self.may_hold_credentials or mechanism is not None
        if mechanism:
            self._in_auth = True
        elif self._in_auth and not re.fullmatch(_RESPONSE, line):
            self._in_auth = False

    def _check_names(self, step: Step, names: frozenset[str]) -> None:
        self.used |= names
        if self.lacks_header:
            return
        try:
            self._variables.require(names, captured=self.captured)
        except SmtpShellError as error:
            self._refuse(step.line, str(error))

    def _check_sasl(self, step: Step, template: Template) -> None:
        if step.marker is Marker.PIPELINED:
            self._early = step.line
        at = template.parts.index(SASL)
        head = b"".join(part if isinstance(part, bytes) else b"x" for part in template.parts[:at])
        self._check_place(step, head, not template.parts[at + 1 :])

    def _check_early(self, following: Step | None) -> None:
        """Check what follows a line with `${sasl}` that waits for no reply: a response, which may go out before it is asked for.

        Args:
            following: The step that follows; None at the end.
        """
        line, self._early = self._early, 0
        if following is None or following.marker not in _LINES or not may_answer(following.octets):
            self._refuse(line, "${sasl} stands in a line that waits for no reply", "C: in place of C&")

    def _check_place(self, step: Step, head: bytes, ends: bool) -> None:
        """Check where `${sasl}` stands.

        Args:
            step: The step.
            head: What precedes it in its line.
            ends: Whether nothing but a line end follows it.
        """
        if not ends or not (_is_bare_auth(head) if head else self._in_auth):
            self._refuse(
                step.line,
                "${sasl} stands where no response of a mechanism is sent",
                "AUTH MECHANISM ${sasl}, or ${sasl} alone after such a line",
            )

    def _check_expected(self, line: int, expected: ExpectedLine) -> None:
        self._reply = 0 if expected.continues is False else self._reply + 1
        if self._reply == MOST_IN_A_REPLY:
            self._refuse(line, f"a reply has more than {MOST_IN_A_REPLY:,} lines", "a last line without a hyphen")
        if expected.pattern is not None:
            self.captured |= expected.pattern.names
            if len(self.captured) > MOST_CAPTURES:
                self._refuse(line, f"the patterns capture more than {MOST_CAPTURES:,} variables", "fewer")
                self.captured.clear()

    def _check_body(self, step: Step) -> None:
        try:
            body_path(self._stack.home, step, outside=self._outside)
        except ValueError as error:
            self._refuse(step.line, str(error), "a file beside the transcript")

    def _check_event(self, step: Step) -> None:
        name, *words = step.event
        if self._data.line:
            self._add(self._data.stop(name))
        if name in _ENDS_UNANSWERED and (self._connects or words[:1] == ["server"]):
            self._acts = True
        problem = check_event(step.event)
        if problem is not None:
            self._refuse(step.line, *problem)
        elif name == "include":
            self._include(step)
        elif name in ("authenticate", "finally"):
            self._reply = self._group = 0
            self._after = step
            self._check_suite_event(step)
        elif (meant := near_miss(name)) is not None:
            sentence = f"*: {name} is no event that a replay knows; is *: {meant} meant?"
            self.warnings.append(Fault(step.line, sentence, file=file_of(step.line)))
        elif name == "connect":
            self._reply = 0
            self._after = None
            self._check_server(step.line, words[0])
            if not self._connects:
                self._connects, self.address, self.tls = True, words[0], "tls" in words[1:]

    def _check_suite_event(self, step: Step) -> None:
        if step.event[0] == "authenticate":
            self._acts = self.uses_sasl = True
            self._in_auth = False
        elif self.has_finally:
            self._refuse(step.line, "*: finally stands twice", "it once")
        elif self._stack.is_inside:
            self._refuse(step.line, "*: finally stands in an included file", "it in the file that includes this one")
        elif not self._acts:
            self._refuse(step.line, "*: finally stands before any step", "what may fail before it")
        else:
            self.has_finally = True

    def _check_after(self, expected: ExpectedLine, event: Step) -> None:
        """Check the first expected line after an `*: authenticate` or an `*: finally`."""
        if event.event[0] == "finally":
            self._refuse(expected.line, "an expectation follows *: finally, and nothing was sent", "a client line")
        elif expected.codes == ("334",):
            self._refuse(
                expected.line,
                "a challenge is expected after *: authenticate, which answers them all",
                "the reply that ends the exchange, such as S: 235",
            )
        self._after = None

    def _include(self, step: Step) -> None:
        """Check the steps of an included file in the place of the event."""
        self.includes = True
        stack = self._stack
        try:
            path = stack.enter(step)
        except ValueError as error:
            self._refuse(step.line, str(error), "a transcript in the folder of this one")
            return
        outer, self._splices = self._splices, []
        flat: list[Step] = []
        try:
            with open_scan(path) as scan:
                self._found += [replace(fault, file=stack.name) for fault in scan.header_faults]
                if scan.header_faults:
                    self.lacks_header = True
                elif scan.header is not None:
                    self.defaults = {**scan.header.variables, **self.defaults}
                    self._variables = Variables(self._given, self.defaults)
                for block in scan:
                    steps = [stack.included(each) for each in block.steps]
                    self.check(steps)
                    self._found += [replace(fault, file=stack.name) for fault in block.faults]
                    if len(self._found) > MOST_FAULTS:
                        break
                    if self._included <= MOST_KEPT:
                        flat += self.with_included(steps)
                    self._included += len(steps)
        except TranscriptError as error:
            self._found += [replace(fault, file=error.file) for fault in error.faults]
        stack.leave()
        self._splices = [*outer, (step, flat)]

    def _check_server(self, line: int, address: str) -> None:
        try:
            parse_target(address)
        except UsageError as error:
            self._refuse(line, f"*: connect names no server: {error.message.removesuffix('.')}")


def _is_bare_auth(line: bytes) -> bool:
    """Return whether a line is an AUTH command without an initial response."""
    return line.split()[1:] == [auth_mechanism(line)]

"""Mail data of a replay: sent after a 354, and otherwise skipped."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.maildata import END_OF_DATA, PIECE, MailDataEncoder
from smtp_shell.protocol.octets import CRLF
from smtp_shell.replay.verifier import DIFFERS
from smtp_shell.transcript.body import body_pieces
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smtp_shell.client.session import Session
    from smtp_shell.replay.cursor import StepCursor
    from smtp_shell.replay.incoming import IncomingReplies
    from smtp_shell.replay.verifier import Comparison

_LINES = frozenset((Marker.CLIENT, Marker.PIPELINED))


class SentMailData(Struct, frozen=True):
    """Mail data that was sent.

    Args:
        lines: Numbers of its first and its last line.
        is_whole: Whether the final dot was sent.
        why: Why it was broken off, where that is the transcript's doing.
        doubtful: Whether octets that may or may not be owed a reply ended it.
    """

    lines: tuple[int, int]
    is_whole: bool
    why: str = ""
    doubtful: bool = False


class SkippedMailData(Struct, frozen=True):
    """Mail data that was passed without being sent.

    Args:
        lines: Numbers of its first and its last line.
        why: Why.
        status: Exit status that it stands for; 0 where the transcript foresaw it.
    """

    lines: tuple[int, int]
    why: str
    status: int


class MailDataSender:
    """Sends the mail data at the cursor, a piece at a time.

    Args:
        cursor: The transcript.
        folder: The transcript's folder.
        expand: Returns the octets of a client line, its variables replaced.
        outside: Whether mail data may stand outside the transcript's folder.

    Attributes:
        is_sending: Whether a piece has been sent, and not the last one.
    """

    def __init__(self, cursor: StepCursor, folder: Path, expand: Callable[[Step], bytes], *, outside: bool) -> None:
        self.is_sending = False
        self._cursor = cursor
        self._folder = folder
        self._expand_line = expand
        self._outside = outside
        self._is_taken = False  # whether all of it has been taken from the transcript
        self._first = 0  # number of the first line of the mail data that is being sent
        self._file: Iterator[bytes] | None = None  # the rest of a `C<` file
        self._encoder = MailDataEncoder()

    def send_piece(self, session: Session, incoming: IncomingReplies) -> SentMailData | None:
        """Send the next piece of mail data; return what was sent when it was the last one.

        A step that is no mail data ends it without the final dot.

        Args:
            session: The session.
            incoming: Takes an error that breaks the session.

        Raises:
            TranscriptError: A file with mail data cannot be read any more.
            UsageError: A variable has no value.
            NotSendable: A value would not stay inside one line.
        """
        if self._file is not None:
            return self._send_file_piece(session, incoming, self._file)
        cursor = self._cursor
        step = cursor.step
        if not self.is_sending:
            self.is_sending, self._is_taken, self._first = True, False, step.line if step is not None else 0
        if step is None:
            return self._end(is_whole=False, why="the transcript ends inside the mail data; no final dot is sent")
        if step.marker in _LINES:
            lines = cursor.take_run(_LINES, ".", PIECE)
            self._is_taken = lines[-1].text == "."
            octets, is_whole = self._expand(lines)
            incoming.attempt(partial(session.send_mail_data, octets, last=is_whole))
            return self._end(is_whole=True) if is_whole else None
        if step.marker is Marker.MAIL_DATA_FILE:
            cursor.advance()
            self._is_taken = True
            self._encoder = MailDataEncoder()
            self._file = body_pieces(self._folder, step, outside=self._outside)
            return None
        if step.marker is Marker.CLIENT_OCTETS:
            cursor.advance()
            incoming.attempt(partial(session.send_raw, self._expand_line(step)))
            return self._end(is_whole=False, doubtful=True)
        return self._end(is_whole=False)

    def skip_refused(self, comparison: Comparison) -> SkippedMailData | None:
        """Pass the mail data after a DATA that was not answered with 354; return None if there is none to pass.

        Args:
            comparison: What came to DATA.
        """
        if comparison.accepts_354:
            if not self._is_next():
                return None
            if not comparison.ok:
                return self.skip("there was no 354", 0)
            return self.skip(f"DATA was answered with {comparison.code}, as foreseen: the mail data is not sent", 0)
        if not comparison.demanded and self.is_ahead():
            status = DIFFERS if comparison.ok else 0
            return self.skip(f"DATA was answered with {comparison.code}, not 354: the mail data is not sent", status)
        return None

    def is_ahead(self) -> bool:
        """Return whether the client lines that follow are mail data: only that ends with a dot before any reply."""
        end = _EndOfData()
        for step in self._cursor.look_ahead():
            if end.is_in(step):
                return True
            if step.marker in SERVER_LINES or step.event[:1] in (("connect",), ("close",)):
                return False
        return False

    def skip(self, why: str, status: int) -> SkippedMailData:
        """Pass mail data up to the final dot, with the replies expected to it."""
        first = last = self._cursor.step
        assert first is not None
        assert last is not None
        end = _EndOfData()
        while (step := self._cursor.step) is not None:
            last = step
            self._cursor.advance()
            if end.is_in(step):
                break
        self._cursor.skip_expected()
        return SkippedMailData((first.line, last.line), why, status)

    def break_off(self) -> tuple[int, int]:
        """Pass the rest of mail data that cannot be sent, with the replies expected to it; return its first and last line."""
        cursor = self._cursor
        while not self._is_taken and (step := cursor.step) is not None and step.marker in _LINES:
            cursor.advance()
            self._is_taken = step.text == "."
        lines = (self._first, cursor.line)
        cursor.skip_expected()
        self.is_sending, self._file = False, None
        return lines

    def _expand(self, lines: list[Step]) -> tuple[bytes, bool]:
        """Return the octets of lines of mail data without the final dot, and whether the final dot is among them.

        Lines after the dot are put back: a dot that is written as a variable or with an escape is no less final.
        """
        text = "".join([f"{line.text}\r\n" for line in lines])
        if "\\" in text:
            return self._expand_lines(lines)
        # All lines at once: a third less time for a message with variables, a quarter more pipelined messages a second without.
        # No value of a variable holds a line end, so each line is one line on the wire.
        octets = self._expand_line(Step(Marker.CLIENT, text, None, lines[0].line))
        if octets.startswith(END_OF_DATA):
            end = 0
        else:
            end = octets.find(CRLF + END_OF_DATA) + len(CRLF)
            if end < len(CRLF):
                return octets, False
        number = octets.count(CRLF, 0, end) + 1
        if number < len(lines):
            self._cursor.put_back(lines[number:], lines[number - 1].line)
        return octets[:end], True

    def _expand_lines(self, lines: list[Step]) -> tuple[bytes, bool]:
        octets = bytearray()
        for number, line in enumerate(lines, 1):
            expanded = self._expand_line(line)
            if expanded == b".":
                self._cursor.put_back(lines[number:], line.line)
                return bytes(octets), True
            octets += expanded + CRLF
        return bytes(octets), False

    def _is_next(self) -> bool:
        step = self._cursor.step
        return step is not None and (step.marker in CLIENT_LINES or step.marker is Marker.MAIL_DATA_FILE)

    def _send_file_piece(
        self, session: Session, incoming: IncomingReplies, file: Iterator[bytes]
    ) -> SentMailData | None:
        piece = next(file, None)
        if piece is None or incoming.broken is not None:
            end = self._encoder.end().removesuffix(END_OF_DATA)
            incoming.attempt(partial(session.send_mail_data, end, last=True))
            return self._end(is_whole=True)
        incoming.attempt(partial(session.send_mail_data, self._encoder.encode(piece)))
        return None

    def _end(self, *, is_whole: bool, why: str = "", doubtful: bool = False) -> SentMailData:
        sent = SentMailData((self._first, self._cursor.line), is_whole=is_whole, why=why, doubtful=doubtful)
        self.is_sending, self._file = False, None
        return sent


class _EndOfData:
    """Finds the end of mail data in steps that are not sent: a dot alone on a line, which octets may hold in pieces."""

    def __init__(self) -> None:
        self._rest = b""  # of a line that has not ended

    def is_in(self, step: Step) -> bool:
        """Return whether the mail data ends in this step, the next one."""
        if step.marker is Marker.MAIL_DATA_FILE:
            return True
        if step.marker in _LINES:
            is_dot, self._rest = not self._rest and step.text == ".", b""
            return is_dot
        if step.marker is not Marker.CLIENT_OCTETS:
            return False
        *lines, rest = (self._rest + step.octets).split(b"\n")
        self._rest = rest[:3]  # enough to tell a dot from a longer line
        return any(line.removesuffix(b"\r") == b"." for line in lines)

"""Encode entries as the steps of a transcript. The inverse is `decoder`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, Final, Protocol, assert_never

from smtp_shell.figures import plain
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Decoded,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyBegun,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.maildata import MailDataDecoder, has_only_crlf
from smtp_shell.protocol.octets import CRLF, escape, escape_str
from smtp_shell.transcript.notation import client_text
from smtp_shell.transcript.step import Marker, Step, octet_steps
from smtp_shell.transcript.variables import SASL_MARK

NOTICE: Final = "notice: "
"""Start of a note that smtp-shell wrote itself."""

BODY_LIMIT: Final = 64 * 1024
"""Octets of mail data of one message that are written into the transcript. If there are more, they go to a file of their own."""

_BROKEN_OFF = "the recording broke off within mail data that is too long for this file"

# An octet takes at most four characters of the notation, so that a line of this length is within a reader's default limit.
_LONGEST_LINE = 16_000  # octets
_LONGEST_TEXT = 2_000  # characters of free text in an event


class BodyFiles(Protocol):
    """Files for mail data that is too long for the transcript.

    The transcript names a file when it is whole. A recorder that is killed before leaves a transcript that ends within the mail data.
    """

    def mark(self) -> None:
        """Remember the position in the transcript where mail data begins."""

    def open(self) -> BinaryIO:
        """Create the next file. It has no name yet."""

    def put_in_place(self, at: float) -> None:
        """Name the file opened last, which is closed, and replace what was written since `mark` with a line that has its name."""

    def discard(self) -> None:
        """Remove the file opened last, which is closed."""


class TranscriptEncoder:
    """Encode entries as steps. A consumer of the event stream.

    Args:
        write: Called with steps, in order.
        bodies: Files for long mail data; None to write all of it as steps.
        limit: Octets of one message's mail data that are written as steps if there are `bodies`.
    """

    def __init__(
        self, write: Callable[[Iterable[Step]], object], bodies: BodyFiles | None = None, *, limit: int = BODY_LIMIT
    ) -> None:
        self._write = write
        self._bodies = bodies
        self._limit = limit
        self._data: _MailData | None = None

    def __call__(self, entry: Entry) -> None:
        """Write the steps of one entry. The last line of mail data is held back until its end is known."""
        event, at = entry.event, round(entry.at * 1000) / 1000
        if isinstance(event, MailDataSent):
            self._add_mail_data(event, at)
            return
        if self._data is not None and not isinstance(event, Decoded):
            self._data.flush(at)
            if isinstance(event, CommandSent | OctetsSent | Connected | Disconnected):
                self.close()
        steps = event_steps(event, at)
        if self._data is not None:
            steps = self._data.remember(steps)
        self._write(steps)

    def close(self) -> None:
        """Write what is held back."""
        if self._data is not None:
            self._data.abandon()
            self._data = None

    def release(self) -> None:
        """Close a file of mail data that is open, and write nothing more to the transcript."""
        if self._data is not None:
            self._data.release()
            self._data = None

    def _add_mail_data(self, event: MailDataSent, at: float) -> None:
        if self._data is None:
            self._data = _MailData(self._write, self._bodies, self._limit)
        if event.last:
            self._data.end(at)
            self._data = None
        else:
            self._data.add(event.octets, at)


class _MailData:
    """The mail data of one message, written as steps or into a file beside the transcript."""

    def __init__(self, write: Callable[[Iterable[Step]], object], bodies: BodyFiles | None, limit: int) -> None:
        self._write = write
        self._bodies = bodies
        self._limit = limit
        self._inline = bytearray()  # what has been written as steps, up to the limit, in case it moves to a file
        self._line = b""  # a line without its CRLF, held back
        self._within_line = False  # the start of the current line has been written as C| already
        self._regular = True  # no bare CR or LF so far
        self._last_cr = b""
        self._at = 0.0
        self._file: BinaryIO | None = None
        self._since: list[Step] = []  # what happened while mail data went to the file
        self._decoder = MailDataDecoder()
        if bodies is not None:
            bodies.mark()

    def add(self, octets: bytes, at: float) -> None:
        """Write the next piece, as it was sent."""
        self._at = at
        # The last CR may become part of a CRLF with the next piece.
        self._regular = self._regular and has_only_crlf((self._last_cr + octets).removesuffix(b"\r"))
        self._last_cr = b"\r" if octets.endswith(b"\r") else b""
        if self._file is not None:
            self._write_to_file(self._decoder.decode(octets))
            return
        if self._bodies is not None and self._regular and len(self._inline) + len(octets) > self._limit:
            self._move_out(self._bodies, octets)
            return
        if len(self._inline) <= self._limit:
            self._inline += octets
        *lines, self._line = (self._line + octets).split(CRLF)
        if lines:
            self._write_lines(lines, at)
        if len(self._line) > _LONGEST_LINE:
            self.flush(at)

    def flush(self, at: float) -> None:
        """Write the part of a line that is held back, because something else follows in the transcript."""
        if self._file is None and self._line:
            # A CR stays held back: its LF may follow.
            held = b"\r" if self._line.endswith(b"\r") else b""
            self._write_octets(self._line.removesuffix(b"\r") if held else self._line, at)
            self._within_line = True
            self._line = held

    def end(self, at: float) -> None:
        """Write the final dot."""
        if self._file is not None:
            self._close_file(at)
            return
        if self._line:
            self._write_octets(self._line, at)
        self._write((Step(Marker.CLIENT, ".", at),))

    def abandon(self) -> None:
        """Stop without a final dot."""
        if self._file is not None:
            self._close_file(self._at)
            self._write_note("the mail data ended here without its final dot")
        elif self._line:
            self._write_octets(self._line, self._at)

    def release(self) -> None:
        """Remove the file, if there is one."""
        if self._file is not None and self._bodies is not None:
            with suppress(OSError):
                self._file.close()
            self._bodies.discard()

    def remember(self, steps: Iterable[Step]) -> Iterable[Step]:
        """Return steps that are written between mail data, which stay when the mail data moves to a file."""
        if self._file is None:
            return steps
        found = [*steps]
        self._since += found
        return found

    def _move_out(self, bodies: BodyFiles, octets: bytes) -> None:
        self._file = bodies.open()
        self._write_to_file(self._decoder.decode(bytes(self._inline) + octets))
        self._write_note(_BROKEN_OFF)  # it goes with the mail data that stands in the transcript
        self._inline.clear()
        self._line = b""

    def _write_to_file(self, octets: bytes) -> None:
        # Through a buffer, and flushed: an unbuffered file takes a part of the octets where the disk becomes full, and says nothing.
        assert self._file is not None
        self._file.write(octets)
        self._file.flush()

    def _close_file(self, at: float) -> None:
        assert self._file is not None
        assert self._bodies is not None
        with self._file as file:
            file.write(self._decoder.end())
        self._bodies.put_in_place(at)
        self._write(self._since)
        if not self._regular:
            self._write_note("the mail data in the file had bare CR or LF, which a replay sends as CRLF")

    def _write_lines(self, lines: Sequence[bytes], at: float) -> None:
        steps: list[Step] = []
        for line in lines:
            if self._within_line or len(line) > _LONGEST_LINE:
                self._within_line = False
                steps += octet_steps(Marker.CLIENT_OCTETS, line + CRLF, at)
            else:
                steps.append(Step(Marker.CLIENT, client_text(line), at))
        self._write(steps)

    def _write_octets(self, octets: bytes, at: float) -> None:
        self._write(octet_steps(Marker.CLIENT_OCTETS, octets, at))

    def _write_note(self, text: str) -> None:
        self._write((Step(Marker.NOTE, NOTICE + text),))


def event_steps(event: Event, at: float) -> Iterable[Step]:
    """Return the steps of an event. Mail data has none here: its lines run across events (see `TranscriptEncoder`).

    Args:
        event: The event.
        at: Seconds since the connection was opened.
    """
    match event:
        case CommandSent():
            return _command_steps(event, at)
        case ReplyReceived():
            return _reply_steps(event.new_octets, at)
        case ReplyBegun():
            return _reply_steps(event.octets, at)
        case Connected():
            return (_event(at, "connect", event.address, "tls" if event.tls else ""),)
        case SaslSent():
            return (Step(Marker.CLIENT, SASL_MARK if event.secret else client_text(event.line), at),)
        case OctetsSent():
            return _octets_sent_steps(event, at)
        case TlsStarted():
            verified = {True: "verified", False: "unverified", None: ""}[event.verified]
            subject = escape(event.certificate.subject[:_LONGEST_TEXT])
            words = ("tls", event.version, event.cipher, verified, subject)
            return (Step(Marker.EVENT, " ".join(word for word in words if word), at),)
        case Authenticated():
            return (_event(at, "auth", event.mechanism, event.user),)
        case Noticed(kind=NoticeKind.NO_TLS):
            return (Step(Marker.EVENT, "no-tls", at),)
        case Noticed():
            note = Step(Marker.NOTE, NOTICE + event.sentence[:_LONGEST_TEXT], at)
            return (note, *octet_steps(Marker.SERVER_OCTETS, event.octets, at))
        case Remarked():
            return (Step(Marker.NOTE, event.text[:_LONGEST_LINE], at),)
        case ReplyExpected():
            return (Step(Marker(marker), text, at) for marker, text in event.lines)
        case Written():
            return (Step(Marker(event.marker), event.text, at),) if event.marker else ()
        case TimedOut():
            return (Step(Marker.EVENT, f"timeout {plain(event.waited)} {event.waiting_for}", at),)
        case Disconnected():
            return (Step(Marker.EVENT, _ending(event), at),)
        case Decoded() | MailDataSent():
            return ()
        case _:
            assert_never(event)


def _event(at: float, *words: str) -> Step:
    r"""Return an event; a space inside a word is written as `\x20`."""
    return Step(Marker.EVENT, " ".join(escape_str(word).replace(" ", r"\x20") for word in words if word), at)


def _ending(event: Disconnected) -> str:
    detail = event.detail[:_LONGEST_TEXT]
    match event.end:
        case End.CLIENT:
            return f"close {detail}".rstrip(" ")
        case End.SERVER:
            return f"close server {detail}".rstrip(" ")
        case End.TIMEOUT:
            return "timeout"
        case End.ERROR:
            return f"error {detail}".rstrip(" ")


def _command_steps(event: CommandSent, at: float) -> Iterator[Step]:
    command = event.command
    marker = Marker.PIPELINED if event.pipelined else Marker.CLIENT
    if command.public is not None:
        yield Step(marker, client_text(command.shown[:_LONGEST_LINE]) + SASL_MARK, at)
    elif len(command.line) > _LONGEST_LINE:
        yield from octet_steps(Marker.CLIENT_OCTETS, command.octets, at)
    else:
        yield Step(marker, client_text(command.line), at)


def _octets_sent_steps(event: OctetsSent, at: float) -> Iterator[Step]:
    if event.public is None:
        yield from octet_steps(Marker.CLIENT_OCTETS, event.octets, at)
        return
    shown, hidden = event.octets[: event.public], event.octets[event.public :]
    end = r"\x0d\x0a" if hidden.endswith(CRLF) else r"\x0a" if hidden.endswith(b"\n") else ""
    # A credential that is sent in several pieces is one `${sasl}`, with the piece that ends its line.
    text = client_text(shown[:_LONGEST_LINE]) + (SASL_MARK + end if end else "")
    if text:
        yield Step(Marker.CLIENT_OCTETS, text, at)
    if hidden and not end:
        yield Step(
            Marker.NOTE, f"{NOTICE}a part of a credential was sent here; {SASL_MARK} stands where its line ends", at
        )


def _reply_steps(octets: bytes, at: float) -> Iterator[Step]:
    start = 0
    while start < len(octets):
        end = octets.find(b"\n", start) + 1 or len(octets)
        line = octets[start:end]
        start = end
        if line.endswith(CRLF) and len(line) <= _LONGEST_LINE:
            yield Step(Marker.SERVER, escape(line[:-2]), at)
        else:
            yield from octet_steps(Marker.SERVER_OCTETS, line, at)

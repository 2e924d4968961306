"""What happened, as the steps of a transcript."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import BinaryIO, Final, Protocol, assert_never

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
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.maildata import MailDataDecoder, has_only_crlf
from smtp_shell.protocol.octets import CRLF, escape, escape_str
from smtp_shell.transcript.notation import client_text, client_texts
from smtp_shell.transcript.step import Marker, Step, octet_steps
from smtp_shell.transcript.variables import SASL_MARK

NOTICE: Final = "notice: "
"""How a note begins that smtp-shell wrote itself."""

BODY_LIMIT: Final = 64 * 1024
"""How many octets of mail data stand in the transcript; more of it goes to a file of its own."""

_LONGEST_LINE = 16_000
_LONGEST_TEXT = 2_000
_LONGEST_KEPT = 512
_CLIENT = Marker.CLIENT


class Bodies(Protocol):
    """Where mail data goes that is too long for the transcript."""

    def mark(self) -> None:
        """Remember that mail data begins here in the transcript."""

    def open(self) -> BinaryIO:
        """Make the next file."""

    def put_in_place(self, at: float) -> None:
        """Put a line that names the file where the mail data began; what was written since then goes."""


class Recorder:
    """Turn entries into steps; a consumer.

    Args:
        write: Takes steps, in order.
        bodies: Where long mail data goes; None to write all of it as steps.
        limit: How many octets of mail data are written as steps.
    """

    def __init__(
        self, write: Callable[[Iterable[Step]], object], bodies: Bodies | None = None, *, limit: int = BODY_LIMIT
    ) -> None:
        self._write = write
        self._bodies = bodies
        self._limit = limit
        self._data: _MailData | None = None

    def __call__(self, entry: Entry) -> None:
        """Write what an entry stands for."""
        event, at = entry.event, round(entry.at * 1000) / 1000
        if isinstance(event, MailDataSent):
            self._take_mail_data(event, at)
            return
        if self._data is not None and not isinstance(event, Decoded):
            self._interrupt_mail_data(event, at)
        self._write(event_steps(event, at))

    def close(self) -> None:
        """Write what is held back."""
        if self._data is not None:
            self._leave_mail_data()

    def _take_mail_data(self, event: MailDataSent, at: float) -> None:
        if self._data is None:
            self._data = _MailData(self._write, self._bodies, self._limit)
        if event.last:
            self._data.end(at)
            self._data = None
        else:
            self._data.take(event.octets, at)

    def _interrupt_mail_data(self, event: Event, at: float) -> None:
        assert self._data is not None
        self._data.pause(at)
        if isinstance(event, CommandSent | OctetsSent | Connected | Disconnected):
            self._leave_mail_data()

    def _leave_mail_data(self) -> None:
        assert self._data is not None
        self._data.leave()
        self._data = None


class _MailData:
    """Mail data on its way into the transcript, or into a file beside it."""

    def __init__(self, write: Callable[[Iterable[Step]], object], bodies: Bodies | None, limit: int) -> None:
        self._write = write
        self._bodies = bodies
        self._limit = limit
        self._inline = bytearray()
        self._line = b""
        self._within_line = False
        self._regular = True
        self._last_cr = b""
        self._at = 0.0
        self._file: BinaryIO | None = None
        self._decoder = MailDataDecoder()
        if bodies is not None:
            bodies.mark()

    def take(self, octets: bytes, at: float) -> None:
        """Write the next piece, as it went over the wire."""
        self._at = at
        self._regular = self._regular and _is_regular(self._last_cr + octets)
        self._last_cr = b"\r" if octets.endswith(b"\r") else b""
        if self._file is not None:
            self._file.write(self._decoder.decode(octets))
            return
        if self._bodies is not None and self._regular and len(self._inline) + len(octets) > self._limit:
            self._move_out(self._bodies, octets, at)
            return
        if len(self._inline) <= self._limit:
            self._inline += octets
        *lines, self._line = (self._line + octets).split(CRLF)
        if lines:
            self._put_lines(lines, at)
        if len(self._line) > _LONGEST_LINE:
            self.pause(at)

    def pause(self, at: float) -> None:
        """Write what has come of a line, since something else comes in between."""
        if self._file is None and self._line:
            # A CR is kept back: the LF behind it may still come.
            held = b"\r" if self._line.endswith(b"\r") else b""
            self._put_octets(self._line.removesuffix(b"\r") if held else self._line, at)
            self._within_line = True
            self._line = held

    def end(self, at: float) -> None:
        """Write the final dot."""
        if self._file is not None:
            self._close_file()
            return
        if self._line:
            self._put_octets(self._line, at)
        self._write((Step(Marker.CLIENT, ".", at),))

    def leave(self) -> None:
        """Stop without a final dot."""
        if self._file is not None:
            self._close_file()
            self._note("the mail data ended here without its final dot")
        elif self._line:
            self._put_octets(self._line, self._at)

    def _move_out(self, bodies: Bodies, octets: bytes, at: float) -> None:
        self._file = bodies.open()
        self._file.write(self._decoder.decode(bytes(self._inline) + octets))
        bodies.put_in_place(at)
        self._inline.clear()
        self._line = b""

    def _close_file(self) -> None:
        assert self._file is not None
        with self._file as file:
            file.write(self._decoder.end())
        if not self._regular:
            self._note("the mail data in the file had bare CR or LF, which a replay sends as CRLF")

    def _put_lines(self, lines: Sequence[bytes], at: float) -> None:
        if self._within_line:
            self._within_line = False
            self._put_octets(lines[0] + CRLF, at)
            lines = lines[1:]
        if max(map(len, lines), default=0) <= _LONGEST_LINE:
            self._write([Step(_CLIENT, text, at) for text in client_texts(lines)])
            return
        for line in lines:
            if len(line) > _LONGEST_LINE:
                self._put_octets(line + CRLF, at)
            else:
                self._write((Step(_CLIENT, client_text(line), at),))

    def _put_octets(self, octets: bytes, at: float) -> None:
        self._write(octet_steps(Marker.CLIENT_OCTETS, octets, at))

    def _note(self, text: str) -> None:
        self._write((Step(Marker.NOTE, NOTICE + text),))


def _is_regular(octets: bytes) -> bool:
    """Say whether every CR and every LF is part of a CRLF; the last CR may still become one."""
    return has_only_crlf(octets.removesuffix(b"\r"))


def event_steps(event: Event, at: float) -> Iterable[Step]:
    """Give the steps that stand for an event; mail data is not among them, since its lines run across events.

    Args:
        event: What happened.
        at: Seconds since the connection was opened.
    """
    match event:
        case CommandSent():
            return _command_steps(event, at)
        case ReplyReceived():
            octets = event.reply.octets
            if len(octets) > _LONGEST_KEPT:
                return _reply_steps(octets, at)
            return [Step(step.marker, step.text, at) for step in _reply_kept(octets)]
        case Connected():
            return (_event(at, "connect", event.address, "tls" if event.tls else ""),)
        case SaslSent():
            return (Step(Marker.CLIENT, SASL_MARK if event.secret else client_text(event.line), at),)
        case OctetsSent():
            return _octets_sent_steps(event, at)
        case TlsStarted():
            verified = "verified" if event.verified else "unverified"
            subject = escape(event.certificate.subject[:_LONGEST_TEXT])
            return (Step(Marker.EVENT, f"tls {event.version} {event.cipher} {verified} {subject}".rstrip(" "), at),)
        case Authenticated():
            return (_event(at, "auth", event.mechanism, event.user),)
        case Noticed(kind=NoticeKind.NO_TLS):
            return (Step(Marker.EVENT, "no-tls", at),)
        case Noticed():
            note = Step(Marker.NOTE, NOTICE + event.sentence[:_LONGEST_TEXT], at)
            return (note, *octet_steps(Marker.SERVER_OCTETS, event.octets, at))
        case Remarked():
            return (Step(Marker.NOTE, event.text[:_LONGEST_LINE], at),)
        case TimedOut():
            return (Step(Marker.EVENT, f"timeout {event.waited:g} {event.waiting_for}", at),)
        case Disconnected():
            return (Step(Marker.EVENT, _ending(event), at),)
        case Decoded() | MailDataSent():
            return ()
        case _:
            assert_never(event)


def _event(at: float, *words: str) -> Step:
    """Make an event whose words hold no space."""
    return Step(Marker.EVENT, " ".join(escape_word(word) for word in words if word), at)


def escape_word(word: str) -> str:
    r"""Write text as one word of an event, a space in it as `\x20`."""
    return escape_str(word).replace(" ", r"\x20")


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
    yield Step(Marker.CLIENT_OCTETS, client_text(shown[:_LONGEST_LINE]) + SASL_MARK + end, at)


@lru_cache(maxsize=256)
def _reply_kept(octets: bytes) -> tuple[Step, ...]:
    """Give the steps of a short reply, without their time: servers say few things, again and again."""
    return tuple(_reply_steps(octets))


def _reply_steps(octets: bytes, at: float | None = None) -> Iterator[Step]:
    start = 0
    while start < len(octets):
        end = octets.find(b"\n", start) + 1 or len(octets)
        line = octets[start:end]
        start = end
        if line.endswith(CRLF) and len(line) <= _LONGEST_LINE:
            yield Step(Marker.SERVER, escape(line[:-2]), at)
        else:
            yield from octet_steps(Marker.SERVER_OCTETS, line, at)

"""Decode the steps of a transcript into entries, so that a file looks like a live server to every consumer. The inverse of `encoder`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from smtp_shell.matching.expectation import ExpectedLine
from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.dialogue import Dialogue, Phase
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
    Connected,
    Disconnected,
    End,
    Entry,
    Event,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyReceived,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.maildata import END_OF_DATA, MailDataEncoder
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import CRLF, unescape
from smtp_shell.protocol.replies import Oddity
from smtp_shell.recording.encoder import NOTICE
from smtp_shell.transcript.body import body_pieces
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, SASL_MARK, Template

_WITH_OCTETS: Final = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.CUT_REPLY, NoticeKind.PLAINTEXT_AFTER_STARTTLS})
# Notices that the dialogue makes again when it reads the replies.
_NOTICED_AGAIN: Final = frozenset(
    {NoticeKind.ODD_REPLY, NoticeKind.BAD_REPLY, NoticeKind.UNSOLICITED, NoticeKind.LATE, NoticeKind.TOO_MUCH}
)

_EIGHT_BIT: Final = Noticed(NoticeKind.ODD_REPLY, Oddity.EIGHT_BIT.value)


def entries(steps: Iterable[Step], folder: Path | None = None) -> Iterator[Entry]:
    """Yield the entries that the steps stand for.

    A credential is `${sasl}` here too. Expectations that are no reply (`S~`, `S: 2yz`) become remarks.

    Args:
        steps: The steps, as a stream.
        folder: The transcript's folder, to read mail data from the files beside it; None to leave that mail data out.

    Raises:
        TranscriptError: A file with mail data cannot be read.
    """
    decoder = _Decoder(folder)
    for step in steps:
        yield from decoder.decode(step)
    yield from decoder.end()


class _Decoder:
    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._dialogue = Dialogue()
        self._seq = 0
        self._at = 0.0  # time of the current step, in seconds
        self._sent_at = 0.0  # time of the last client line, for the latency of its reply
        self._tls = False
        self._begun = False  # the greeting has been read, or is left out
        self._data_asked = False  # the last line was DATA: in a script its reply may be left out
        self._in_data = False
        self._data_ended = False  # the final dot was sent; the reply to it may be left out too
        self._chunk_left = 0  # octets of a BDAT chunk that are still to be sent
        self._unasked = False  # the next reply answers nothing
        self._masked = False  # the reply holds the mask of a credential
        self._notice: Noticed | None = None  # a notice whose octets follow in S| lines

    def decode(self, step: Step) -> Iterator[Entry]:
        if step.at is not None:
            self._at = step.at
        if self._notice is not None and step.marker is not Marker.SERVER_OCTETS:
            yield from self._end_notice()
        for event in self._events(step):
            yield self._entry(event)

    def end(self) -> Iterator[Entry]:
        yield from self._end_notice()

    def _entry(self, event: Event) -> Entry:
        self._seq += 1
        if isinstance(event, ReplyReceived) and not self._unasked:
            event = ReplyReceived(event.reply, event.command, max(0.0, self._at - self._sent_at), event.verb)
        self._unasked = isinstance(event, Noticed) and event.kind is NoticeKind.UNSOLICITED
        entry = Entry(self._seq, self._at, event, self._tls)
        self._tls = self._tls or isinstance(event, TlsStarted)
        return entry

    def _end_notice(self) -> Iterator[Entry]:
        if self._notice is not None:
            notice, self._notice = self._notice, None
            yield self._entry(notice)

    def _events(self, step: Step) -> Iterator[Event]:
        if step.marker in SERVER_LINES:
            self._begun = True
            yield from self._server_line(step)
        elif step.marker is Marker.EVENT:
            yield from self._event(*step.event)
        elif step.marker is Marker.NOTE:
            yield from self._note(step.text)
        else:
            if not self._begun:  # a script that leaves the greeting out
                self._dialogue.forget_plaintext()
                self._begun = True
            self._sent_at = self._at
            yield from self._client_line(step)

    def _client_line(self, step: Step) -> Iterator[Event]:
        octets = step.octets
        public = _secret_start(step)
        in_data = self._is_in_data()
        if step.marker is Marker.MAIL_DATA_FILE:
            yield from self._body(step)
        elif step.marker is Marker.CLIENT_OCTETS:
            yield from self._octets(octets, public)
        elif in_data and octets == b".":
            self._data_ended, self._in_data, self._data_asked = True, False, False
            yield from self._dialogue.send_mail_data(END_OF_DATA, last=True)
        elif in_data:
            self._in_data = True
            yield from self._dialogue.send_mail_data(octets + CRLF)
        elif self._dialogue.phase is Phase.AUTH:
            yield from self._dialogue.send_sasl(octets, secret=public is not None)
        else:
            yield from self._command(Command(octets, public), pipelined=step.marker is Marker.PIPELINED)

    def _is_in_data(self) -> bool:
        return self._in_data or self._data_asked or (self._dialogue.phase is Phase.MAILDATA and not self._data_ended)

    def _command(self, command: Command, *, pipelined: bool) -> Iterator[Event]:
        self._data_asked = command.verb == "DATA"
        self._in_data = self._data_ended = False
        chunk = bdat_chunk(command.line)
        self._chunk_left = chunk.size if chunk else 0
        yield from self._dialogue.send(command, pipelined=pipelined)

    def _octets(self, octets: bytes, public: int | None) -> Iterator[Event]:
        if self._chunk_left >= len(octets) > 0:
            self._chunk_left -= len(octets)
            yield from self._dialogue.send_chunk(octets, public=public)
            return
        self._data_asked = False
        events = self._dialogue.send_raw(octets)
        yield from events if public is None else [OctetsSent(octets, public)]

    def _body(self, step: Step) -> Iterator[Event]:
        name = step.text
        if self._folder is None:
            yield Remarked(f"the mail data is in the file {name}")
        else:
            encoder = MailDataEncoder()
            for piece in body_pieces(self._folder, step):
                yield from self._dialogue.send_mail_data(encoder.encode(piece))
            line_end = encoder.end().removesuffix(END_OF_DATA)
            if line_end:
                yield from self._dialogue.send_mail_data(line_end)
        self._data_asked, self._in_data, self._data_ended = False, False, True
        yield from self._dialogue.send_mail_data(END_OF_DATA, last=True)

    def _server_line(self, step: Step) -> Iterator[Event]:
        self._data_asked = False
        if step.marker is Marker.SERVER_OCTETS:
            if self._notice is not None:
                self._notice = Noticed(self._notice.kind, self._notice.detail, self._notice.octets + step.octets)
                return
            yield from self._dialogue.receive(step.octets)
        elif step.marker is Marker.SERVER_MATCHES or _is_wild(step):
            self._in_data = self._in_data or _may_be_354(step)
            yield Remarked(f"expected: {step.marker} {step.text}")
        else:
            self._masked = self._masked or (MASK in step.text and step.text.replace(MASK, "").isascii())
            for event in self._dialogue.receive(step.octets + CRLF):
                # The octets over 127 are the mask's, not the server's.
                if not (self._masked and event == _EIGHT_BIT):
                    yield event
                self._masked = self._masked and not isinstance(event, ReplyReceived)

    def _note(self, text: str) -> Iterator[Event]:
        notice = _parse_notice(text)
        if notice is None:
            yield Remarked(text)
        elif notice.kind in _WITH_OCTETS:
            self._notice = notice
        elif notice.kind not in _NOTICED_AGAIN:
            yield notice

    def _event(self, name: str, *words: str) -> Iterator[Event]:
        text = " ".join(words)
        match name:
            case "connect":
                self._dialogue = Dialogue()
                self._begun, self._tls = True, False
                self._data_asked = self._in_data = self._data_ended = False
                yield Connected(clean(_word(words, 0)), words[1:2] == ("tls",))
            case "tls":
                if self._dialogue.phase is Phase.TLS:
                    self._dialogue.forget_plaintext()
                subject = Certificate(subject=unescape(" ".join(words[3:])))
                version, cipher = clean(_word(words, 0)), clean(_word(words, 1))
                yield TlsStarted(version, cipher, words[2:3] == ("verified",), subject, "")
            case "no-tls":
                self._dialogue.forget_plaintext()
                yield Noticed(NoticeKind.NO_TLS)
            case "auth":
                yield Authenticated(clean(_word(words, 0)), _word(words, 1))
            case "timeout" if words:
                self._data_asked = False
                self._dialogue.expect_late()
                yield TimedOut(_number(words[0]), " ".join(words[1:]))
            case "timeout":
                yield from self._close(End.TIMEOUT, "")
            case "error":
                yield from self._close(End.ERROR, text)
            case "close" if words[:1] == ("server",):
                yield from self._close(End.SERVER, " ".join(words[1:]))
            case "close":
                yield from self._close(End.CLIENT, text)

    def _close(self, end: End, detail: str) -> Iterator[Event]:
        if end is not End.CLIENT:
            yield from self._dialogue.receive_eof()
        yield Disconnected(end, detail)


def _secret_start(step: Step) -> int | None:
    """Return the offset in a client line's octets at which a credential was left out; None if none was. A literal `${sasl}` is none."""
    if step.marker not in CLIENT_LINES or SASL_MARK not in step.text:
        return None
    start = 0
    for part in Template.parse(step.text).parts:
        if part == SASL:
            return start
        start += len(part) if isinstance(part, bytes) else len(f"${{{part}}}")
    return None


def _is_wild(step: Step) -> bool:
    try:
        return step.marker is Marker.SERVER and ExpectedLine.parse(step).is_wild
    except ValueError:
        return False


def _may_be_354(step: Step) -> bool:
    try:
        demand = ExpectedLine.parse(step)
    except ValueError:
        return False
    return demand.accepts(354) if demand.pattern is None else "35" in step.text


def _parse_notice(text: str) -> Noticed | None:
    if not text.startswith(NOTICE):
        return None
    sentence = text.removeprefix(NOTICE)
    for kind in NoticeKind:
        if sentence == kind.value:
            return Noticed(kind)
        if sentence.startswith(f"{kind.value}: "):
            return Noticed(kind, sentence.removeprefix(f"{kind.value}: "))
    return None


def _word(words: tuple[str, ...], index: int) -> str:
    return unescape(words[index]).decode("utf-8", "surrogateescape") if index < len(words) else ""


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return 0.0

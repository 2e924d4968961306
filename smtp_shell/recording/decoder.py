"""Decode the steps of a transcript into entries, so that a file looks like a live server to every consumer. The inverse of `encoder`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    ENDS_REPLY,
    GOODBYE,
    Authenticated,
    Certificate,
    Connected,
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
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.maildata import END_OF_DATA, MailDataEncoder
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import CRLF, unescape
from smtp_shell.protocol.phases import Asked, Phase
from smtp_shell.protocol.rawlines import PROXY_SIGN, is_proxy_header
from smtp_shell.protocol.replies import Oddity
from smtp_shell.recording.encoder import NOTICE
from smtp_shell.recording.expected import TranscriptReply, good_codes, leaves_replies_out
from smtp_shell.transcript.body import body_pieces
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, SASL_MARK, Template

_WITH_OCTETS: Final = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.CUT_REPLY, NoticeKind.PLAINTEXT_AFTER_STARTTLS})
_VERIFIED: Final = {"verified": True, "unverified": False}
# Notices that the dialogue makes again when it reads the replies.
_NOTICED_AGAIN: Final = frozenset(
    {
        *(NoticeKind.ODD_REPLY, NoticeKind.BAD_REPLY, NoticeKind.UNSOLICITED, NoticeKind.LATE, NoticeKind.TOO_MUCH),
        NoticeKind.UNFORESEEN,
    }
)

_MASK: Final = MASK.encode()
_EIGHT_BIT: Final = Noticed(NoticeKind.ODD_REPLY, Oddity.EIGHT_BIT.value)


def entries(steps: Iterable[Step], folder: Path | None = None, header: Header | None = None) -> Iterator[Entry]:
    """Yield the entries that the steps stand for.

    A credential is `${sasl}` here too. A reply that a written transcript leaves out is taken for a good one, and what is expected of one,
    without its words, is an entry of its own (`S~`, `S=`, `S: 2yz`, `S: 250|251`).

    Args:
        steps: The steps, as a stream.
        folder: The transcript's folder, to read mail data from the files beside it; None to leave that mail data out.
        header: The transcript's header: its fields become entries, and it says whether a program recorded the steps. None for no header.

    Raises:
        TranscriptError: A file with mail data cannot be read.
    """
    decoder = _Decoder(folder, is_recording=header is not None and bool(header.client))
    for name, value in header.fields if header else ():
        if name.lower() != "transcript":
            yield decoder.entry(Written("", f"{name}: {value}"))
    for step in steps:
        yield from decoder.decode(step)
    yield from decoder.end()


class _Decoder:
    def __init__(self, folder: Path | None, *, is_recording: bool) -> None:
        self._folder = folder
        self._is_recording = is_recording
        self._dialogue = Dialogue()
        self._in_message = False  # the last step was a line of mail data, and no reply is owed: what follows is mail data up to the dot
        self._seq = 0
        self._line = 0  # of the file, where the current event begins
        self._numbers: tuple[int, ...] = ()  # of the lines of the reply that is told of
        self._at = 0.0  # time of the current step, in seconds
        self._sent_at = 0.0  # time of the last client line, for the latency of its reply
        self._tls = False
        self._tls_begins = False  # TLS from the first octet, whether or not `*: tls` says more about it
        self._replied = True  # whether a client line now comes after all replies to those before it, in the file or not
        self._after_octets = False  # the last client line was C|
        self._is_literal = (
            False  # a recording of lines that did not wait for replies: all that came is in it, and nothing is assumed
        )
        self._loose = 0  # how many of the owed replies answer octets that a C: line follows: they may be left out
        self._unasked = False  # the next reply answers nothing
        self._reply = TranscriptReply()  # the lines of a reply that is not whole yet
        self._known = 0  # how many lines of the reply under way are in a `ReplyBegun`
        self._notice: Noticed | None = None  # a notice whose octets follow in S| lines
        self._notice_line = 0
        self._is_cut_told = False  # whether there is a note about what came of the reply that is not whole

    def decode(self, step: Step) -> Iterable[Entry]:
        """Return the entries of the next step, to be used up at once."""
        if self._in_message and step.marker is Marker.CLIENT:  # most steps of a long transcript are this one
            octets = step.octets
            if octets != b".":
                return (self._line_of_message(step, octets),)
        self._in_message = False
        return self._decode(step)

    def _line_of_message(self, step: Step, octets: bytes) -> Entry:
        """Return the entry of a line of mail data after another one, which leaves the dialogue as it is.

        Decoded as any other step, such a line takes three times as long: 13 MB of mail data a second in place of 25, as a capture.
        """
        self._line = step.line
        if step.at is not None:
            self._at = self._sent_at = step.at
        self._seq += 1
        return Entry(self._seq, self._at, MailDataSent(octets + CRLF), self._tls, step.line)

    def _decode(self, step: Step) -> Iterator[Entry]:
        if self._notice is not None and step.marker is not Marker.SERVER_OCTETS:
            yield from self._end_notice()
        if self._reply.steps and step.marker not in SERVER_LINES and not self._is_inside_reply(step):
            yield from map(self.entry, self._end_reply())
        self._line = step.line
        if step.at is not None:
            self._at = step.at
        if self._tls_begins and step.marker not in (Marker.EVENT, Marker.NOTE) and not _is_header(step):
            self._tls = True
        for event in self._events(step):
            yield self.entry(event)

    def _is_inside_reply(self, step: Step) -> bool:
        """Return whether a step may stand between two lines of a reply that came at once.

        A notice about the reply may, and a note in a transcript that was written. A recording has its user's note where more of the reply
        was still to come.
        """
        last = self._reply.steps[-1]
        is_torn = last.marker is Marker.SERVER_OCTETS and not last.octets.endswith(b"\n")
        return step.marker is Marker.NOTE and (not self._is_recording or is_torn or step.text.startswith(NOTICE))

    def end(self) -> Iterator[Entry]:
        yield from self._end_notice()
        yield from map(self.entry, self._end_reply())

    def entry(self, event: Event) -> Entry:
        self._seq += 1
        if isinstance(event, ReplyReceived) and not self._unasked:
            event = replace(event, seconds=max(0.0, self._at - self._sent_at))
        self._unasked = isinstance(event, Noticed) and event.kind is NoticeKind.UNSOLICITED
        entry = Entry(
            self._seq, self._at, event, self._tls, self._line, self._numbers_of(event) if self._numbers else ()
        )
        self._tls = self._tls or isinstance(event, TlsStarted)
        return entry

    def _numbers_of(self, event: Event) -> tuple[int, ...]:
        """Return the numbers of the lines that an event tells of: octets may hold several replies."""
        match event:
            case ReplyReceived(reply=reply, known=known):
                size = reply.octets.count(b"\n") - known
            case ReplyBegun(octets=octets):
                size = octets.count(b"\n")
            case ReplyExpected(lines=lines):
                size = len(lines)
            case _:
                size = 0
        numbers, self._numbers = self._numbers[:size], self._numbers[size:]
        return numbers

    def _end_notice(self) -> Iterator[Entry]:
        if self._notice is not None:
            notice, self._notice = self._notice, None
            self._is_cut_told = notice.kind in ENDS_REPLY
            self._line = self._notice_line
            yield self.entry(notice)

    def _events(self, step: Step) -> Iterator[Event]:
        if step.marker in SERVER_LINES:
            yield from self._server_line(step)
        elif step.marker is Marker.EVENT and step.event[0] == "authenticate":
            yield from self._authenticate(step)
        elif step.marker is Marker.EVENT:
            yield from self._event(step.text, *step.event)
        elif step.marker is Marker.NOTE:
            yield from self._note(step.text, step.line)
        else:
            self._sent_at = self._at
            yield from self._client_line(step)

    # Client lines

    def _client_line(self, step: Step) -> Iterator[Event]:
        octets = step.octets
        public = _secret_start(step)
        if self._replied and step.marker is not Marker.CLIENT_OCTETS:
            self._assume_replies(step)
        elif self._after_octets and step.marker is Marker.CLIENT and not self._is_literal:
            self._loose = len(self._dialogue.owed)
        self._after_octets = step.marker is Marker.CLIENT_OCTETS
        self._is_literal = self._is_literal or (self._is_recording and self._after_octets)
        self._replied = step.marker in (Marker.CLIENT, Marker.MAIL_DATA_FILE)
        # Not after a final dot whose reply is owed. A doubtful one, which the server may wait to see the end of, ends nothing.
        is_ended = any(owed.asked is Asked.END_OF_DATA and not owed.doubtful for owed in self._dialogue.owed)
        in_data = self._dialogue.phase is Phase.MAILDATA and not is_ended
        if step.marker is Marker.MAIL_DATA_FILE:
            yield from self._body(step)
        elif step.marker is Marker.CLIENT_OCTETS:
            yield from self._octets(octets, public)
        elif in_data and octets == b".":
            yield from self._dialogue.send_mail_data(END_OF_DATA, last=True)
        elif in_data:
            yield from self._dialogue.send_mail_data(octets + CRLF)
            self._in_message = self._replied and not (self._dialogue.owed or self._dialogue.unended)
        elif self._dialogue.phase is Phase.AUTH or self._is_late_response(step, public):
            yield from self._dialogue.send_sasl(octets, secret=public is not None)
        else:
            yield from self._dialogue.send(Command(octets, public), pipelined=step.marker is Marker.PIPELINED)

    def _is_late_response(self, step: Step, public: int | None) -> bool:
        """Return whether a line answers a challenge after a 421 in the exchange: the server may have said it before it read the line."""
        is_alone = step.marker is Marker.CLIENT and self._dialogue.exchange.challenged
        return is_alone and (public == 0 or step.text == "*")

    def _authenticate(self, step: Step) -> Iterator[Event]:
        """Yield a whole exchange as its event: the reply in the file is the last one, whatever the mechanism."""
        if self._replied:
            self._assume_replies(step)
        yield Written(str(Marker.EVENT), step.text)
        self._replied, self._sent_at = True, self._at
        for _ in self._dialogue.send(Command(b"AUTH")):
            pass

    def _assume_replies(self, step: Step) -> None:
        """Assume good replies where they are owed when the next line is sent, and are not in the file.

        A script leaves them out. It leaves out `*: tls` as well. A recording has the greeting: without it, the line was sent before it.
        """
        assumes = not self._is_literal and leaves_replies_out(self._dialogue.owed, is_recording=self._is_recording)
        while assumes and (owed := self._dialogue.oldest_owed) is not None and not owed.late:
            if owed.doubtful or (self._is_recording and owed.asked is Asked.GREETING):
                break
            response = owed.verb == "AUTH" and step.text in (SASL_MARK, "*")
            if self._answer(334 if response else good_codes(owed)[0]) is None:
                break  # the dialogue reads no more replies
        if self._dialogue.phase is Phase.TLS:
            self._dialogue.forget_plaintext()
            self._tls = True

    def _answer(self, code: int) -> ReplyReceived | None:
        """Pass a reply with this code to the dialogue, and return its event, without a notice of what is odd."""
        events = list(self._dialogue.receive(b"%d \r\n" % code))
        return next((event for event in events if isinstance(event, ReplyReceived)), None)

    def _octets(self, octets: bytes, public: int | None) -> Iterator[Event]:
        if self._dialogue.chunk_left >= len(octets) > 0:
            yield from self._dialogue.send_chunk(octets, public=public)
            return
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
        yield from self._dialogue.send_mail_data(END_OF_DATA, last=True)

    # Server lines

    def _server_line(self, step: Step) -> Iterator[Event]:
        if self._notice is not None and step.marker is Marker.SERVER_OCTETS:
            self._notice = Noticed(self._notice.kind, self._notice.detail, self._notice.octets + step.octets)
            return
        reply = self._reply
        reply.add(step)
        # A pattern that does not say whether it is the last line ends a reply where another one is owed.
        ends = not reply.continues if reply.continues is not None else len(self._dialogue.owed) > 1
        if ends or reply.is_full:
            yield from self._end_reply()

    def _end_reply(self) -> Iterator[Event]:
        """Yield the reply that the lines so far are, or what is expected of one."""
        reply, self._reply = self._reply, TranscriptReply()
        if not reply.steps:
            return
        self._line, self._numbers = reply.steps[0].line, reply.numbers
        self._pass_over_octets(reply)
        if reply.is_literal and (not reply.continues or reply.is_full or self._is_recording):
            is_masked = _is_ascii_but_masked([self._dialogue.pending, *(step.octets for step in reply.steps)])
            seconds = max(0.0, self._at - self._sent_at)
            events = [event for octets in reply.octets for event in self._dialogue.receive(octets, seconds)]
            # The octets over 127 are the mask's, not the server's.
            yield from map(self._with_known, (event for event in events if not (is_masked and event == _EIGHT_BIT)))
            if reply.continues and (octets := self._dialogue.pending_from(self._known)):
                # Its end is not in the file, or something else happened before it came.
                self._known = self._dialogue.pending_lines
                yield ReplyBegun(
                    octets, int(self._dialogue.pending_from(0)[:3])
                )  # `pending` is empty after a line that is none of a reply
                return
            if events or self._dialogue.pending:  # else the dialogue reads no more replies, and this one is only shown
                return
        owed = self._dialogue.oldest_owed
        code = reply.code_for(owed) if owed is not None else 0
        event = self._answer(code) if code else None
        lines = tuple((str(step.marker), step.text) for step in reply.steps)
        command, verb = (event.command, event.verb) if event is not None else (None, "")
        yield ReplyExpected(lines, reply.code, reply.digit, command, verb)

    def _with_known(self, event: Event) -> Event:
        """Return a reply with the number of its lines that were in a `ReplyBegun`."""
        if not (self._known and isinstance(event, ReplyReceived)):
            return event
        known, self._known = self._known, 0
        return replace(event, known=known)

    def _pass_over_octets(self, reply: TranscriptReply) -> None:
        """Assume good replies to octets where this reply can only be the one to the line after them."""
        owed, loose = self._dialogue.owed, self._loose
        if 0 < loose < len(owed) and not reply.fits(owed[0]) and reply.fits(owed[loose]):
            for each in owed[:loose]:
                self._answer(good_codes(each)[0])
            self._loose = 0
        self._loose = max(0, self._loose - 1)

    def _note(self, text: str, line: int) -> Iterator[Event]:
        notice = _parse_notice(text)
        if notice is None:
            yield Remarked(text)
        elif notice.kind in _WITH_OCTETS:
            if notice.kind in ENDS_REPLY:
                yield from self._end_reply()  # the lines before what broke it off
            self._notice, self._notice_line = notice, line
        elif notice.kind not in _NOTICED_AGAIN:
            yield notice

    def _event(self, written: str, name: str, *words: str) -> Iterator[Event]:
        text = written.partition(" ")[2]  # with its spaces as they are
        match name:
            case "connect":
                self._dialogue = Dialogue()
                self._is_literal = self._after_octets = False
                self._known = self._loose = 0
                self._is_cut_told = False
                self._replied, self._tls, self._tls_begins = True, False, words[1:2] == ("tls",)
                yield Connected(clean(_word(words, 0)), words[1:2] == ("tls",))
            case "tls":
                if self._dialogue.phase is Phase.TLS:
                    self._dialogue.forget_plaintext()
                subject = Certificate(subject=unescape(" ".join(words[3:])))
                version, cipher = clean(_word(words, 0)), clean(_word(words, 1))
                yield TlsStarted(version, cipher, _VERIFIED.get(_word(words, 2)), subject, "")
            case "no-tls":
                self._dialogue.forget_plaintext()
                yield Noticed(NoticeKind.NO_TLS)
            case "auth":
                yield Authenticated(clean(_word(words, 0)), _word(words, 1))
            case "timeout" if words:
                self._dialogue.expect_late()
                self._is_literal = self._is_recording
                yield TimedOut(_number(words[0]), text.partition(" ")[2])
            case "timeout":
                yield from self._close(End.TIMEOUT, "")
            case "error":
                yield from self._close(End.ERROR, text)
            case "close" if words[:1] == ("server",):
                yield from self._close(End.SERVER, text.partition(" ")[2])
            case "close":
                yield from self._close(End.CLIENT, text)
            case _:
                yield Written(str(Marker.EVENT), written)

    def _close(self, end: End, detail: str) -> Iterator[Event]:
        known, self._known = self._known, 0
        if end is not End.CLIENT:
            for event in self._dialogue.receive_eof():
                if isinstance(event, Noticed) and not self._is_cut_told:  # as in a file that was written or cut by hand
                    yield replace(event, octets=event.octets.split(b"\n", known)[-1])
        yield Disconnected(end, detail)


def _is_header(step: Step) -> bool:
    """Return whether a step sends a PROXY header, which goes before TLS too."""
    return step.marker is Marker.CLIENT_OCTETS and is_proxy_header(step.octets[:PROXY_SIGN])


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


def _is_ascii_but_masked(lines: Sequence[bytes]) -> bool:
    """Return whether the lines of a reply hold a mask, and no octet over 127 but the mask's."""
    return any(_MASK in each for each in lines) and all(each.replace(_MASK, b"").isascii() for each in lines)


def _parse_notice(text: str) -> Noticed | None:
    if not text.startswith(NOTICE):
        return None
    sentence = text.removeprefix(NOTICE)
    if sentence.startswith(GOODBYE):
        return Noticed(NoticeKind.UNSOLICITED, sentence)
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

"""Entries as the moments that rules read, and the state of the dialogue between them.

The state is that of `protocol.dialogue`, driven as an observer. Where a written transcript leaves a reply out, a good one is assumed, as
its decoder does, and nothing is concluded from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from smtp_shell.lint.doubtful_dot import DoubtfulDot
from smtp_shell.lint.findings import Place
from smtp_shell.lint.mail_data import MessageScan
from smtp_shell.lint.moments import (
    Answer,
    CommandLine,
    DataBegun,
    LineSent,
    Moment,
    ResponseLine,
    SentEarly,
    View,
    Wait,
)
from smtp_shell.lint.standing import MOST_OF_COMMAND, Standing
from smtp_shell.lint.verbs import KNOWN_VERBS, looks_like_text
from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Disconnected,
    End,
    Entry,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.octets import CRLF, decode_base64
from smtp_shell.protocol.phases import Asked, Owed, Phase
from smtp_shell.protocol.rawlines import lines_of
from smtp_shell.protocol.replies import Oddity, Reply
from smtp_shell.recording.expected import good_codes, leaves_replies_out
from smtp_shell.transcript.foreign import HIDDEN_DATA

_MOST_EARLY = 1_000
_DATA_IN_A_FILE = "the mail data is in the file "  # a note of the decoder where it does not read that file
_MARK = b"${"

Placed = tuple[Moment, Place]


class Tracker:
    """Observer of one dialogue after another, as they stand in a stream of entries."""

    _place: Place  # of the current entry

    def __init__(self) -> None:
        self._has_client_field = False
        self._begin()

    def _begin(self) -> None:
        self._dialogue = Dialogue()
        self._tls = False
        self._is_file = False
        self._waits = True  # the last client line in a file, if there is one, waits for its replies
        self._is_literal = False  # octets were recorded: no reply was left out
        self._standing = Standing()
        self._responses = 0
        self._challenge = b""
        self._after_lf = False  # the line before ended in LF alone
        self._unasked = False
        self._scan: MessageScan | None = None
        self._data_left_out = False
        self._chunk_left = 0
        self._data_may_come = False  # DATA was sent as octets, and may be answered with 354
        self._partial = 0  # octets of a raw line that has not ended
        self._dot = DoubtfulDot()
        self._ended = self._wait_told = False
        # The replies that were owed before a line that the dialogue has read already; None at other times.
        self._owed_before: tuple[Owed, ...] | None = None
        self._early: deque[tuple[SentEarly | DataBegun, Place]] = deque()

    @property
    def _is_recorded(self) -> bool:
        return not self._is_file or self._has_client_field

    @property
    def _owed(self) -> tuple[Owed, ...]:
        """The replies that were owed before the current line."""
        return self._dialogue.owed if self._owed_before is None else self._owed_before

    def view(self) -> View:
        """Return where the dialogue stands."""
        return self._standing.view(self._dialogue, self._owed, tls=self._tls, is_recorded=self._is_recorded)

    def takes_plain(self, octets: bytes) -> bool:
        """Consume a line of mail data if no moment comes of it, and return whether it was such a line.

        Args:
            octets: A piece of mail data.
        """
        return (
            self._scan is not None
            and not self._dot.is_held
            and not self._dialogue.unended
            and self._scan.takes_plain(octets)
        )

    def receive(self, entry: Entry) -> Iterator[Placed]:
        """Yield the moments of an entry. The view before each of them is that of `view`, until the next one is asked for.

        Args:
            entry: The entry.
        """
        event = entry.event
        self._place = Place(entry.line, entry.seq)
        if entry.line:
            self._is_file = True
        if isinstance(event, CommandSent | SaslSent | OctetsSent | MailDataSent):
            self._wait_told = False
        if entry.tls and not self._tls:
            self._enter_tls()
        match event:
            case Written(marker="", text=text):
                self._has_client_field = self._has_client_field or text.lower().startswith("client:")
            case Written(marker="*:", text=text) if text.split()[0] == "authenticate":
                self._assume()
                for _ in self._dialogue.send(Command(b"AUTH")):  # the reply in the file ends the exchange
                    pass
            case Connected():
                self._begin()
                self._tls = event.tls and entry.tls
            case CommandSent():
                yield from self._whole_line(event.command, pipelined=event.pipelined)
            case SaslSent():
                yield from self._sasl_line(event)
            case OctetsSent():
                yield from self._octets(event)
            case MailDataSent():
                yield from self._mail_data(event)
            case ReplyReceived():
                yield from self._reply(event)
            case ReplyExpected():
                yield from self._expected(event)
            case _:
                yield from self._aside(event)

    def end(self) -> Iterator[Placed]:
        """Yield the moments that the end of the entries makes. A written script whose last line is no QUIT ends by hanging up."""
        if not self._is_recorded and not self._ended and self._standing.sent:
            yield from self._aside(Disconnected(End.CLIENT))

    def _aside(self, event: object) -> Iterator[Placed]:
        match event:
            case Authenticated():
                self._standing.authenticated = True
            case Remarked(text=text):
                self._data_left_out = self._data_left_out or text.startswith((_DATA_IN_A_FILE, HIDDEN_DATA))
            case TlsStarted():
                self._enter_tls()
                yield event, self._place
            case Noticed():
                self._unasked = event.kind is NoticeKind.UNSOLICITED
                if event.kind is NoticeKind.NO_TLS:
                    self._dialogue.forget_plaintext()
                yield event, self._place
            case TimedOut():
                yield from self._wait(event)
                self._dialogue.expect_late()
            case Disconnected():
                if self._waited_for():
                    yield from self._wait(event)
                yield event, self._place
                self._ended = True

    def _wait(self, event: TimedOut | Disconnected) -> Iterator[Placed]:
        """Yield that a wait has ended, once for what the client sent last."""
        if not self._wait_told:
            yield Wait(event, self._waited_for()), self._place
        self._wait_told = True

    def _waited_for(self) -> str:
        if self._dot.is_held:
            return ""  # what is wrong with the dot has been told
        if self._partial:
            return "line"
        if self._chunk_left:
            return "chunk"
        return "dot" if self._dialogue.standing is Phase.MAILDATA else ""

    def _enter_tls(self) -> None:
        if self._dialogue.phase is Phase.TLS:
            self._dialogue.forget_plaintext()
            self._standing.enter_tls()
            self._partial = 0
        self._tls = True

    # What the client sends

    def _whole_line(self, command: Command, *, pipelined: bool) -> Iterator[Placed]:
        if self._dialogue.unended or self._dot.is_held:
            yield from self._octets(OctetsSent(command.octets, command.public))
            return
        self._assume()
        yield from self._early_moment(command.verb)
        length = len(command.line) + len(CRLF)
        if command.public is None and self._dialogue.is_response(command):
            yield from self._response_moments(command.line, LineSent("response", length), secret=False)
        else:
            yield from self._command_moments(command, LineSent("command", length, CRLF), pipelined=pipelined)
        self._dialogue.send(command)
        yield from self._after_command(command)
        self._waits = not pipelined

    def _command_moments(self, command: Command, line: LineSent, *, pipelined: bool) -> Iterator[Placed]:
        after_lf, self._after_lf = self._after_lf, line.end == b"\n"
        if command.public == 0 and not self._dialogue.is_authenticating:
            # A line that was masked although no exchange is open: an answer that comes too late.
            yield LineSent("command", line.length, line.end, frozenset()), self._place
            yield CommandLine(command, "", b"", pipelined, True, True), self._place
            return
        if command.public == 0:
            self._responses += 1
            yield LineSent("response", line.length, line.end), self._place
            yield ResponseLine(False, False, None, self._challenge, self._responses), self._place
            return
        yield LineSent("command", line.length, line.end, _odd_facts(command, after_lf=after_lf)), self._place
        verb = command.verb
        argument = command.shown[len(verb) :].strip()[:MOST_OF_COMMAND]
        is_text = bool(command.line) and verb not in KNOWN_VERBS and looks_like_text(command.line)
        answers_nothing = (
            is_text
            and "AUTH" in self._standing.sent
            and not self._standing.after_message
            and decode_base64(command.line) is not None
        )
        yield CommandLine(command, verb, argument, pipelined, is_text, answers_nothing), self._place
        self._standing.in_text = is_text and (self._standing.data_refused or self._standing.after_message)

    def _after_command(self, command: Command) -> Iterator[Placed]:
        verb = command.verb
        if self._dialogue.is_response(command):
            return
        in_transaction = self._dialogue.phase in (Phase.MAIL, Phase.RCPT)
        self._standing.command_sent(command, in_transaction=in_transaction)
        if verb == "AUTH":
            self._responses = 0
        elif verb == "BDAT":
            chunk = bdat_chunk(command.line)
            self._chunk_left = chunk.size if chunk else 0
            if chunk and self._scan is None:
                self._scan = MessageScan(transparent=False)
            if not self._chunk_left:  # BDAT 0 LAST ends the message without an octet
                yield from self._chunk(b"")

    def _sasl_line(self, event: SaslSent) -> Iterator[Placed]:
        if self._dialogue.unended:
            yield from self._octets(OctetsSent(event.line + CRLF, 0 if event.secret else None))
            return
        self._assume(334)
        yield from self._response_moments(event.line, LineSent("response", len(event.line) + 2), secret=event.secret)
        self._dialogue.send_sasl(event.line)
        self._waits = True

    def _response_moments(self, line: bytes, sent: LineSent, *, secret: bool) -> Iterator[Placed]:
        self._responses += 1
        is_masked = secret and (_MARK in line or not line.isascii())
        is_base64 = None if is_masked else line == b"*" or decode_base64(line) is not None
        after_lf, self._after_lf = self._after_lf, sent.end == b"\n"
        yield sent, self._place
        yield ResponseLine(not line, line == b"*", is_base64, self._challenge, self._responses, after_lf), self._place

    def _octets(self, event: OctetsSent) -> Iterator[Placed]:
        """Read raw octets line by line; the dialogue says what each line is."""
        self._waits = False
        self._is_literal = self._is_recorded
        for piece in lines_of(event.octets):
            if self._dot.is_held and not self._dot.hold(piece, event.public, self._place):
                yield from self._go_on()
            if not self._dot.is_held and self._is_doubtful_dot(piece):
                self._dot.hold(piece, event.public, self._place)
                if not piece.endswith(CRLF):
                    yield LineSent("mail data", len(piece), b"\n", frozenset({"dot"})), self._place
            elif not self._dot.is_held:
                yield from self._raw_piece(piece, event.public)

    def _is_doubtful_dot(self, piece: bytes) -> bool:
        """Return whether a dot has not CRLF on both sides, so that it ends the mail data for some servers and not for others."""
        is_asked = self._dialogue.owed or self._dialogue.unended
        if self._scan is None or is_asked or self._dialogue.standing is not Phase.MAILDATA:
            return False
        return piece == b".\n" or (piece == b".\r\n" and self._scan.is_after_lf)

    def _end_at_dot(self) -> Iterator[Placed]:
        """Treat the doubtful dot as the end of the mail data, and what followed it as lines: a reply to it has come."""
        now = self._place
        for piece, public, place in self._dot.release():
            self._place = place
            yield from self._raw_piece(piece, public)
        self._place = now

    def _go_on(self) -> Iterator[Placed]:
        """Treat the doubtful dot, and what followed it, as mail data: the server waits for the true one."""
        for piece, _, place in self._dot.release():
            if self._scan is not None:
                yield from self._scan.receive(piece, place)

    def _raw_piece(self, piece: bytes, public: int | None) -> Iterator[Placed]:
        if self._chunk_left:
            size = min(self._chunk_left, len(piece))
            self._dialogue.send_raw(piece[:size])
            yield from self._chunk(piece[:size])
            piece = piece[size:]
        if not piece:
            return
        before, owed = self._dialogue.asked, self._dialogue.owed
        whole = self._dialogue.unended + piece  # of an endless line its end only
        self._dialogue.send_raw(piece)
        length = self._partial + len(piece)
        if not piece.endswith(b"\n"):
            self._partial = length
            if self._is_in_data():
                yield from self._data(piece)
            return
        self._partial = 0
        end = CRLF if whole.endswith(CRLF) else b"\n"
        if self._dialogue.asked == before:
            if self._is_in_data():
                yield from self._data(piece)
            return
        newest, self._owed_before = self._dialogue.owed[-1], owed
        yield from self._raw_line(newest, LineSent("command", length, end), whole, public)
        self._owed_before = None

    def _raw_line(self, owed: Owed, line: LineSent, octets: bytes, public: int | None) -> Iterator[Placed]:
        verb = owed.verb if owed.asked in (Asked.COMMAND, Asked.CHUNK) else ""
        yield from self._early_moment(verb)
        if owed.asked is Asked.END_OF_DATA:
            self._data_may_come = False
            self._dialogue.end_at_dot()
            yield from self._final_dot(by_lf=line.end != CRLF)
        elif owed.asked is Asked.SASL:
            line = LineSent("response", line.length, line.end)
            yield from self._response_moments(octets.rstrip(b"\r\n"), line, secret=public is not None)
        elif owed.command is not None:
            yield from self._command_moments(owed.command, line, pipelined=False)
            yield from self._after_command(owed.command)
            self._data_may_come = owed.verb == "DATA"

    def _is_in_data(self) -> bool:
        if self._data_may_come:
            return True
        return self._dialogue.standing is Phase.MAILDATA

    def _mail_data(self, event: MailDataSent) -> Iterator[Placed]:
        if self._dialogue.unended:
            yield from self._octets(OctetsSent(event.octets))
            return
        yield from self._go_on()
        if self._scan is None:
            self._assume()
        if event.last:
            self._dialogue.send_mail_data(event.octets, last=True)
            self._dialogue.end_at_dot()
            yield from self._final_dot(by_lf=False)
        else:
            yield from self._data(event.octets)
        self._waits = True

    def _data(self, octets: bytes) -> Iterator[Placed]:
        if self._scan is None:
            self._scan = MessageScan()
            is_early = any(each.verb == "DATA" for each in self._dialogue.owed)
            is_expected = self._dialogue.phase is Phase.MAILDATA or is_early
            if self._is_file and is_early:  # a reply that follows in the file shows it
                self._keep(DataBegun(is_expected, is_early=True))
            else:
                yield DataBegun(is_expected, is_early), self._place
        yield from self._scan.receive(octets, self._place)

    def _chunk(self, octets: bytes) -> Iterator[Placed]:
        self._chunk_left -= len(octets)
        if self._scan is not None:
            yield from self._scan.receive(octets, self._place)
        newest = self._dialogue.owed[-1] if self._dialogue.owed else None
        if not self._chunk_left and newest is not None and newest.asked is Asked.CHUNK:
            scan, self._scan = self._scan, None
            if scan is not None:
                yield from scan.end(self._place, chunked=True)

    def _final_dot(self, *, by_lf: bool) -> Iterator[Placed]:
        left_out, self._data_left_out = self._data_left_out and self._scan is None, False
        scan, self._scan = self._scan or MessageScan(), None
        if by_lf and not self._dot.is_told:
            yield LineSent("mail data", 2, b"\n", frozenset({"dot"})), self._place
        if not left_out:
            yield from scan.end(self._place)
        self._standing.after_message = True

    # What was sent before a reply was there

    def _early_moment(self, verb: str) -> Iterator[Placed]:
        """Yield that something is sent early, if it is certain; else keep it until a reply shows it."""
        owed = tuple(each for each in self._owed if not each.late)
        if not owed:
            return
        moment = SentEarly(verb, owed[-1])
        if not self._is_file:
            yield moment, self._place
        else:
            self._keep(moment)

    def _keep(self, moment: SentEarly | DataBegun) -> None:
        if len(self._early) < _MOST_EARLY:
            self._early.append((moment, self._place))

    # What the server sends

    def _assume(self, code: int | None = None) -> None:
        """Assume good replies where a script leaves them out.

        Args:
            code: That of the reply to AUTH; None for the usual one.
        """
        if not (self._is_file and self._waits) or self._is_literal:
            return
        assumes = leaves_replies_out(self._dialogue.owed, is_recording=self._is_recorded)
        while assumes and (owed := self._dialogue.oldest_owed) is not None and not owed.late:
            if self._is_recorded and owed.asked is Asked.GREETING:
                break
            if not self._assume_one(owed, code):
                break
        if self._dialogue.phase is Phase.TLS:  # the handshake is left out as well
            self._enter_tls()

    def _assume_one(self, owed: Owed, code: int | None = None) -> bool:
        if code is None or owed.verb != "AUTH":
            code = good_codes(owed)[0]
        before = self._dialogue.answered
        reply = Reply(code, (b"",), b"%d \r\n" % code)
        self._learn(owed, reply, is_whole=False)
        for _ in self._dialogue.receive(reply.octets):
            pass
        return self._dialogue.answered > before

    def _reply(self, event: ReplyReceived) -> Iterator[Placed]:
        reply = event.reply
        is_answer = reply.code != 421 and not self._unasked
        yield from self._end_at_dot() if is_answer else self._go_on()
        if self._unasked or Oddity.ODD_CODE in reply.oddities:
            self._unasked = False
            yield Answer(reply, None), self._place
            self._standing.last_code = reply.code
            return
        while (owed := self._dialogue.oldest_owed) is not None and not _fits(owed, event):
            if len(self._dialogue.owed) == 1 or not self._assume_one(owed):
                break
        owed = self._dialogue.oldest_owed
        is_whole = self._is_recorded or len(reply.lines) > 1 or bool(reply.lines[0])
        yield from self._proven()
        yield Answer(reply, owed, is_whole), self._place
        self._standing.last_code = reply.code
        if owed is not None:
            self._learn(owed, reply, is_whole=self._is_recorded or len(reply.lines) > 1)
        for _ in self._dialogue.receive(reply.octets):
            pass

    def _expected(self, event: ReplyExpected) -> Iterator[Placed]:
        owed = self._dialogue.oldest_owed
        if owed is None:
            return
        good = [code for code in good_codes(owed) if event.digit in (0, code // 100)]
        code = event.code or (good[0] if good else event.digit * 100 + 50)
        reply = Reply(code, (b"",), b"%d \r\n" % code)
        yield from self._proven()
        yield Answer(reply, owed, is_whole=False), self._place
        self._learn(owed, reply, is_whole=False)
        for _ in self._dialogue.receive(reply.octets):
            pass

    def _proven(self) -> Iterator[Placed]:
        """Yield what was sent before this reply, although it follows it in the order of commands."""
        while self._early:
            yield self._early.popleft()

    def _learn(self, owed: Owed, reply: Reply, *, is_whole: bool) -> None:
        """Keep what a reply says, before the dialogue takes it in.

        Args:
            owed: What it answers.
            reply: The reply.
            is_whole: Whether all its lines are known.
        """
        self._challenge = reply.lines[0] if reply.code == 334 else b""
        self._standing.reply_received(owed, reply, self._dialogue, is_whole=is_whole)
        if owed.asked is Asked.CHUNK:
            self._scan = None
        elif owed.verb == "DATA":  # after 354 the phase says so
            self._data_may_come = False


def _fits(owed: Owed, event: ReplyReceived) -> bool:
    """Return whether a reply that the stream pairs with something answers this."""
    if event.command is None:
        return owed.command is None
    return owed.command is not None and (owed.command.line == event.command.line or owed.verb == event.verb)


def _odd_facts(command: Command, *, after_lf: bool) -> frozenset[str]:
    line = command.shown
    found = set()
    if command.public is None and line != line.rstrip(b" \t"):
        found.add("trailing blank")
    if line[:1] in (b" ", b"\t"):
        found.add("leading blank")
    if b"\r" in line:
        found.add("CR")
    if b"\0" in line:
        found.add("NUL")
    if not line:
        found.add("empty after LF" if after_lf else "empty")
    return frozenset(found)

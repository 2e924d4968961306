"""One client at a mock server: what it says is compared with the script, and answered from it.

`MockDialogue` knows no socket and no clock. It is a generator of acts: the driver adds to `buffer` what has come, and goes on when there is
more. Whatever the client says has an answer, so that neither side waits for the other for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.masking import MASK, ExchangeLines
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.servers.faults import Fault, HangUp, Hear, Pause, Phase, Send
from smtp_shell.servers.mock.acts import Need, StartTls
from smtp_shell.servers.mock.comparing import Values, difference, is_near
from smtp_shell.servers.mock.maildata import DataReader
from smtp_shell.servers.mock.replies import DOT, GREETING, for_recipients, made_up, made_up_exchange, refreshed
from smtp_shell.servers.mock.results import LONGEST_SHOWN, MOST_DIFFERENCES, Difference, Kind
from smtp_shell.servers.mock.script import Exchange, Says, ScriptedReply, Then
from smtp_shell.servers.mock.settings import Extra
from smtp_shell.transcript.included_line import file_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from smtp_shell.servers.faults import Act, FaultPlan
    from smtp_shell.servers.mock.acts import Acts, Asks, Yielded
    from smtp_shell.servers.mock.picking import SessionPicker
    from smtp_shell.servers.mock.script import MockScript, ScriptedSession
    from smtp_shell.servers.mock.settings import MockSettings

LINE_LIMIT: Final = 64 * 1024
"""Octets of a line that a client may send, mail data aside."""

DATA_LIMIT: Final = 1024 * 1024 * 1024
"""Octets of mail data that are read of one message."""

_LOOK_AHEAD = 200  # exchanges in which a command is looked for that comes too early
_MOST_HEARD = 200  # lines that are kept to choose a session of the transcript by
_NEUTRAL = frozenset({"NOOP", "RSET", "HELP", "VRFY", "EXPN"})
"""Commands that may come at any time, and never mean that something before them was left out."""

_TLS_HELLO = b"\x16\x03"


class MockDialogue:
    """The dialogue with one client.

    Args:
        script: What is expected and said.
        settings: How the server is to be.
        picker: Chooses the session of the script.
        faults: What is to go wrong.
        note: Called with each difference as it is found.

    Attributes:
        buffer: What the client has sent and the server has not read. The driver adds to it.
        ended: Whether the client sends no more. The driver sets it.
        session: The session of the script that is served; None if there is none left.
        matched: How many things the client said were as in the script.
        differences: Where it was not, the first of them.
        differed: How many differences there are.
        made: The faults that were made.
        bindings: Returns what an exchange can be bound to: type of channel binding -> its octets; nothing outside TLS.
    """

    def __init__(
        self,
        script: MockScript,
        settings: MockSettings,
        picker: SessionPicker,
        faults: FaultPlan,
        note: Callable[[Difference], None],
    ) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.matched = self.differed = 0
        self.differences: list[Difference] = []
        self.made: list[str] = []
        self.bindings: Callable[[], Mapping[str, bytes]] = dict
        self._script, self._settings, self._picker = script, settings, picker
        self._faults = faults
        self._note = note
        self.session: ScriptedSession | None = picker.next()
        self._exchanges: Sequence[Exchange] = self.session.exchanges if self.session is not None else ()
        self._at = 0
        self._values = Values(script.values)
        self._lines = ExchangeLines()
        self._secret_start: int | None = None  # of the last line: where its credential begins
        self._heard: list[tuple[bytes, bytes]] = []
        self._is_over = False  # nothing more is said on this connection
        self._is_excused = False  # what the client says now follows from a fault, or from a dialogue that broke
        self._is_tls = False
        self._is_lmtp = False
        self._recipients = 0

    def run(self) -> Acts:
        """Hold the dialogue."""
        session = self.session
        if session is None:
            yield b"421 4.3.2 mock.example All of the transcript has been played, closing the connection\r\n"
            yield HangUp()
            return
        if session.tls and (session.greeting or session.then is not Then.END):
            yield from self._start_tls()
        if not self._is_over:
            yield from self._answer(GREETING, session.greeting)
            yield from self._go_on(session.then)
        while not self._is_over:
            exchange = self._expected()
            if exchange is not None and exchange.says is Says.OCTETS:
                yield from self._octets(exchange)
                continue
            said = yield from self._line()
            if said is None:
                break
            yield from self._command(*said)
        self._end()
        yield HangUp()

    def broke(self, why: str) -> None:
        """Note that the connection cannot go on.

        Args:
            why: Why, in a sentence without its full stop.
        """
        exchange = self._expected()
        if not self._is_excused and (exchange is None or exchange.then is not Then.END):
            self._differ(Kind.BROKEN, exchange, why)
        self._is_excused = self._is_over = True

    # Finding the place in the script

    def _expected(self) -> Exchange | None:
        return self._exchanges[self._at] if self._at < len(self._exchanges) else None

    @property
    def _next_says(self) -> Says | None:
        """What the client does next, as recorded; None at the end."""
        expected = self._expected()
        return expected.says if expected is not None else None

    @property
    def _closes_next(self) -> bool:
        """Whether the client closes next, as recorded."""
        return self._next_says in (None, Says.CLOSE)

    def _find(self, line: bytes, end: bytes) -> Exchange | None:
        """Return the exchange that a command belongs to, and go on to the next one; None for a command that the script does not have."""
        while self._next_says is Says.DATA:
            self._at += 1  # DATA was not answered with 354 after all
        expected = self._expected()
        if expected is not None and expected.says is not Says.CLOSE and is_near(expected, line):
            why = self._difference(expected, line, end)
            if not why or not self._switch(line, end):
                return self._take(self._at, expected, why, line)
            return self._take(self._at, self._exchanges[self._at], "", line)
        if self._switch(line, end):
            return self._take(self._at, self._exchanges[self._at], "", line)
        verb = Command(line).verb
        ahead = self._ahead(line, end) if verb not in _NEUTRAL else None
        if ahead is not None:
            self._miss(self._at, ahead)
            return self._take(ahead, self._exchanges[ahead], "", line)
        behind = self._behind(line, end) if self._settings.reuse else None
        if behind is not None:
            return self._take(behind, self._exchanges[behind], "", line)
        is_last = all(each.says is Says.CLOSE for each in self._exchanges[self._at :])
        if not (verb == "QUIT" and is_last):
            why = "a command came that the transcript does not have" if is_last else "another command came"
            self._differ(Kind.EXTRA, expected, why, line)
        return None

    def _take(self, at: int, exchange: Exchange, why: str, line: bytes) -> Exchange:
        if why:
            self._differ(Kind.DIFFERS, exchange, why, line)
        else:
            self.matched += 1
        self._at = at + 1
        return exchange

    def _difference(self, exchange: Exchange, line: bytes, end: bytes) -> str:
        settings = self._settings
        return difference(exchange, line, end, settings.match, settings.ignored, self._values)

    def _fits(self, exchange: Exchange, line: bytes, end: bytes) -> bool:
        is_command = exchange.says in (Says.LINE, Says.AUTH)
        return is_command and is_near(exchange, line) and not self._difference(exchange, line, end)

    def _ahead(self, line: bytes, end: bytes) -> int | None:
        most = min(len(self._exchanges), self._at + _LOOK_AHEAD)
        return next((at for at in range(self._at + 1, most) if self._fits(self._exchanges[at], line, end)), None)

    def _behind(self, line: bytes, end: bytes) -> int | None:
        least = max(-1, self._at - _LOOK_AHEAD)
        return next((at for at in range(self._at - 1, least, -1) if self._fits(self._exchanges[at], line, end)), None)

    def _switch(self, line: bytes, end: bytes) -> bool:
        """Go over to another session of the transcript that begins as this one did, and has the line."""
        if not self._settings.by_content or self.differed or self.session is None:
            return False
        said = [*self._heard[:-1], (line, end)]
        if len(said) > _MOST_HEARD:
            return False
        for session in self._picker.others(self.session):
            commands = [each for each in session.exchanges if each.says in (Says.LINE, Says.AUTH)][: len(said)]
            if len(commands) == len(said) and all(
                self._fits(each, *heard) for each, heard in zip(commands, said, strict=True)
            ):
                self._picker.change(self.session, session)
                self.session, self._exchanges = session, session.exchanges
                self._at = next(at for at, each in enumerate(session.exchanges) if each is commands[-1])
                return True
        return False

    # Differences

    def _differ(self, kind: Kind, exchange: Exchange | None, why: str, line: bytes | None = None) -> None:
        if self._is_excused or self.session is None:
            return
        number = exchange.line if exchange is not None else self._last_line()
        said = "" if line is None else self._shown(line)
        expected = exchange.shown if exchange is not None else ""
        if exchange is not None and exchange.says is Says.CLOSE:
            expected = "the client closes the connection"
        found = Difference(file_of(number) or self.session.file, number, kind, why, expected[:LONGEST_SHOWN], said)
        self.differed += 1
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(found)
        self._note(found)

    def _shown(self, line: bytes) -> str:
        """Return a line of the client as it may be shown."""
        start = self._secret_start
        if start is None:
            return escape(line[:LONGEST_SHOWN])
        return escape(line[: min(start, LONGEST_SHOWN)]) + MASK

    def _last_line(self) -> int:
        if self._exchanges:
            return self._exchanges[min(self._at, len(self._exchanges)) - 1].line
        return self.session.line if self.session is not None else 0

    def _miss(self, first: int, end: int) -> None:
        """Note that the client left out a part of the script."""
        left = [each for each in self._exchanges[first:end] if each.says is not Says.CLOSE]
        if left:
            more = f", nor {len(left) - 1} more after it" if len(left) > 1 else ""
            self._differ(Kind.MISSING, left[0], f"the client did not say this{more}")

    def _end(self) -> None:
        self._miss(self._at, len(self._exchanges))
        self._at = len(self._exchanges)

    # Reading

    def _line(self) -> Asks:
        """Read a line; return it with its line end, or None at the end of what the client sends."""
        buffer = self.buffer
        searched = 0
        while (at := buffer.find(b"\n", searched)) < 0:
            searched = len(buffer)
            if buffer.startswith(_TLS_HELLO) and not self._is_tls:
                self.broke("the client began TLS where a command was expected")
                return None
            if self.ended:
                if buffer:
                    self._differ(Kind.BROKEN, self._expected(), "the client closed in the middle of a line")
                return None
            if searched > LINE_LIMIT:
                break
            yield Need.MORE
        if at < 0 or at > LINE_LIMIT:
            self._secret_start = 0
            self._differ(Kind.BROKEN, self._expected(), f"a line came that is longer than {LINE_LIMIT:,} octets")
            self._is_excused = True
            yield b"500 5.5.2 Line too long, closing the connection\r\n"
            yield from self._hang_up()
            return None
        line = bytes(buffer[: at + 1])
        del buffer[: at + 1]
        end = CRLF if line.endswith(CRLF) else b"\n"
        line = line[: -len(end)]
        self._secret_start = self._lines.send(line)
        return line, end

    def _octets(self, exchange: Exchange) -> Acts:
        """Read octets that end no line, as recorded."""
        holes = any(isinstance(part, str) for part in exchange.parts)
        wanted = b"".join(part for part in exchange.parts if isinstance(part, bytes))
        while not self.ended and (
            not self.buffer if holes else len(self.buffer) < len(wanted) and wanted.startswith(bytes(self.buffer))
        ):
            yield Need.MORE
        self._at += 1
        if holes or self.buffer.startswith(wanted):
            del self.buffer[: len(self.buffer) if holes else len(wanted)]
            self.matched += 1
            yield from self._answer("", exchange.replies)
            yield from self._go_on(exchange.then)
            return
        self._secret_start = 0
        self._differ(Kind.DIFFERS, exchange, "other octets came", bytes(self.buffer[:LONGEST_SHOWN]))
        if self.ended:
            self.buffer.clear()

    # Commands

    def _command(self, line: bytes, end: bytes) -> Acts:
        if len(self._heard) < _MOST_HEARD + 1:
            self._heard.append((line, end))
        exchange = self._find(line, end)
        verb = Command(line).verb
        self._is_lmtp = self._is_lmtp or verb == "LHLO"
        self._recipients *= verb not in ("MAIL", "RSET")
        if exchange is None:
            yield from self._extra(line, verb)
        elif verb == "AUTH" and exchange.says is Says.AUTH:
            yield from self._authenticate(exchange, line)
        else:
            yield from self._chunk_and_reply(exchange, line, verb)

    def _chunk_and_reply(self, exchange: Exchange, line: bytes, verb: str) -> Acts:
        if chunk := bdat_chunk(line):
            size = chunk.size if exchange.chunk is None else min(chunk.size, exchange.chunk)
            yield from self._chunk(size, ends_here=not exchange.replies)
        if not self._is_over:
            yield from self._reply(exchange, verb)

    def _reply(self, exchange: Exchange, verb: str) -> Acts:
        """Answer a command as the script does, and read the mail data after a 354."""
        replies = exchange.replies
        if self._is_lmtp and verb == "BDAT" and len(replies) > 1:
            replies = for_recipients(replies, exchange.recipients, self._recipients)
        if not (yield from self._answer(verb, replies)) or self._is_over:
            return
        code = replies[-1].code if replies else 0
        self._recipients += verb == "RCPT" and code // 100 == 2
        yield from self._go_on(exchange.then)
        # A client that did not wait for the 354 sent its mail data all the same.
        is_data_due = code == 354 or (not replies and self._next_says is Says.DATA)
        if verb == "DATA" and is_data_due and not self._is_over:
            yield from self._mail_data()

    def _mail_data(self) -> Acts:
        exchange = self._expected() if self._next_says is Says.DATA else None
        reader = DataReader(exchange.data if exchange is not None else None, compares=self._settings.data_exact)
        while True:
            reader.feed(self.buffer)
            if reader.is_over or self.ended:
                break
            if reader.size > DATA_LIMIT:
                yield from self._refuse_endless()
                return
            yield Need.MORE
        if exchange is not None:
            self._at += 1
        if not reader.is_over:
            # The transcript ends before the first line of mail data.
            is_as_recorded = exchange is None and self._closes_next and not reader.size
            if not is_as_recorded and (exchange is None or exchange.data is None or exchange.data.ends):
                self._differ(Kind.BROKEN, exchange, "the client closed in the middle of the mail data")
            return
        if why := reader.difference(self._values.known):
            self._differ(Kind.DATA, exchange, why)
        elif exchange is not None:
            self.matched += 1
        replies = exchange.replies if exchange is not None else (made_up(DOT),)
        if self._is_lmtp:
            replies = for_recipients(replies, exchange.recipients if exchange is not None else None, self._recipients)
        yield from self._answer(DOT, replies)
        yield from self._go_on(exchange.then if exchange is not None else Then.NOTHING)

    def _refuse_endless(self) -> Acts:
        self.broke(f"the mail data is longer than {DATA_LIMIT:,} octets")
        yield b"552 5.3.4 The mail data does not end, closing the connection\r\n"
        yield from self._hang_up()

    def _chunk(self, size: int, *, ends_here: bool = False) -> Acts:
        """Read the octets after a BDAT command.

        Args:
            size: How many there are.
            ends_here: Whether the transcript has no reply to the command: the client closes in the chunk there, if it closes after it.

        Source: RFC 3030 section 2
        """
        if size > DATA_LIMIT:
            yield from self._refuse_endless()
            return
        left = size
        while left:
            taken = min(left, len(self.buffer))
            del self.buffer[:taken]
            left -= taken
            if left and self.ended:
                if not (ends_here and self._closes_next):
                    self._differ(Kind.BROKEN, self._expected(), "the client closed in the middle of a BDAT chunk")
                return
            if left:
                yield Need.MORE

    def _extra(self, line: bytes, verb: str) -> Acts:
        """Answer a command that the script does not have."""
        is_end = verb == "QUIT" and all(each.says is Says.CLOSE for each in self._exchanges[self._at :])
        extra = self._settings.extra if not is_end and not self._is_excused else Extra.OK
        if extra is not Extra.OK:
            if extra is Extra.UNAVAILABLE:
                yield b"421 4.3.2 This command is not in the transcript, closing the connection\r\n"
            self._is_excused = True
            yield from self._hang_up()
            return
        if verb == "AUTH":
            yield from self._authenticate(None, line)
            return
        exchange = made_up_exchange(verb, self._exchanges, is_tls=self._is_tls)
        yield from self._chunk_and_reply(exchange, line, verb)

    # AUTH

    def _authenticate(self, exchange: Exchange | None, line: bytes) -> Acts:
        from smtp_shell.servers.mock.sasl import AuthDialogue

        dialogue = AuthDialogue(exchange, line, self._settings.credentials, self.bindings)
        done, twisted = yield from self._before("AUTH")
        if done:
            return
        act = dialogue.begin()
        while act.challenge is not None:
            yield from self._say(act.challenge, twisted)
            twisted = None
            said = yield from self._line()
            if said is None:
                if why := dialogue.leave():
                    self._secret_start = 0
                    self._differ(Kind.CREDENTIALS, exchange, why)
                self._is_over = True
                return
            act = dialogue.respond(said[0])
        if act.why:
            self._secret_start = 0
            self._differ(Kind.CREDENTIALS if act.is_refused else Kind.DIFFERS, exchange, act.why)
        yield from self._say(act.replies, twisted)
        yield from self._go_on(exchange.then if exchange is not None else Then.NOTHING)

    # Answering

    def _answer(self, place: str, replies: Sequence[ScriptedReply]) -> Generator[Yielded, object, bool]:
        """Send replies, or do what is to go wrong. Return whether they were sent as the script has them."""
        done, twisted = yield from self._before(place)
        if done:
            return False
        yield from self._say(replies, twisted)
        return twisted is None or not self._is_excused

    def _before(self, place: str) -> Generator[Yielded, object, tuple[bool, Fault | None]]:
        """Do what is to go wrong before a reply. Return whether that was the answer, and the fault of the reply, if there is one."""
        twisted: Fault | None = None
        for fault in self._faults.at(place) if place else ():
            phase = fault.kind.phase
            if phase is Phase.REPLY:
                twisted = fault
                continue
            self._make(fault)
            yield from self._perform(fault.acts(b"", place))
            if phase is Phase.INSTEAD:
                return True, None
        return False, twisted

    def _make(self, fault: Fault) -> None:
        """Note a fault. What the client does after most of them follows from it."""
        self.made.append(str(fault))
        self._is_excused = self._is_excused or not fault.kind.is_harmless

    def _say(self, replies: Sequence[ScriptedReply], twisted: Fault | None = None) -> Acts:
        for reply in replies:
            seconds = reply.delay or (reply.after if self._settings.times else 0.0)
            if seconds:
                yield Pause(seconds)
            octets = refreshed(reply.octets) if reply.has_date and self._settings.refresh else reply.octets
            for name, value in reply.captures.items():
                self._values.bind(name, value)
            self._lines.receive(reply.code, octets[4:].strip())
            if twisted is None:
                yield octets
                continue
            self._make(twisted)
            yield from self._perform(twisted.acts(octets))
            twisted = None
            if self._is_over:
                return

    def _perform(self, acts: Iterable[Act]) -> Acts:
        for act in acts:
            match act:
                case Send():
                    yield act.octets
                case Hear():
                    while not self.buffer and not self.ended:
                        yield Need.MORE
                    self.buffer.clear()
                case HangUp():
                    self._is_over = True
                    yield act
                case Pause():
                    yield act

    def _go_on(self, then: Then) -> Acts:
        """Do what follows the replies."""
        if self._is_over:
            return
        if then is Then.TLS:
            yield from self._start_tls()
        elif then is not Then.NOTHING:
            self._is_excused = self._is_excused or then is Then.END
            yield from self._hang_up(reset=then is Then.RESET)

    def _start_tls(self) -> Acts:
        """Do the handshake. What the client sent before it is dropped.

        Source: RFC 3207 section 4.2
        """
        if self.session is not None and not self.session.tls:
            self.buffer.clear()
        if (yield StartTls()):
            self._is_tls = True
            return
        self.broke("the TLS handshake failed")

    def _hang_up(self, *, reset: bool = False) -> Acts:
        self._is_over = True
        yield HangUp(reset=reset)

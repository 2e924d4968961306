"""The state of one dialogue: its phase, and which reply answers which command.

The dialogue observes and never polices: anything may be sent at any time. It turns commands into octets and octets into events, and
knows no socket, clock or screen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.protocol.commands import HELLOS, Command, auth_mechanism, bdat_chunk, forward_path, secret_start
from smtp_shell.protocol.events import (
    GOODBYE,
    CommandSent,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.foreseen import FORESEEN, is_foreseen_after_message, is_foreseen_as_greeting
from smtp_shell.protocol.masking import ExchangeLines, is_secret_answer, is_user_name, may_answer
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.protocol.phases import TRANSITIONS, Asked, Owed, Phase
from smtp_shell.protocol.rawlines import RawLines, is_proxy_header, lines_of, proxy_header_length, without_end
from smtp_shell.protocol.replies import VIOLATIONS, Extensions, Malformed, Oddity, Reply, ReplyLimits, ReplyParser

if TYPE_CHECKING:
    from smtp_shell.protocol.preamble import Preamble

UNASKED_LIMIT = 64 * 1024
MOST_HELD = 100
"""Lines after a doubtful dot that are kept, and are commands if a reply to the dot comes."""

_MOST_PATHS = 10_000  # recipients of a transaction that are remembered by name
_SILENCE = 20.0  # seconds without a command after which a 421 is taken for an idle time-out


_BEGIN_ANEW = frozenset({*HELLOS, "MAIL", "RSET"})
_IN_TRANSACTION = frozenset({Phase.MAIL, Phase.RCPT, Phase.MAILDATA, Phase.AUTH})
_CONDITIONAL = frozenset({"STARTTLS", "XCLIENT", "RCPT", "RSET"})


class Dialogue:
    """The state of one dialogue.

    Args:
        limits: Limits of what a server may send.
        preamble: Whether text may precede the greeting, as of a program that is the server on its standard output.

    Attributes:
        phase: The phase.
        extensions: What the last EHLO announced; None before it, and after HELO, which asks for none.
        announced_in_clear: What was announced before TLS, to be compared and never believed; None outside TLS, or where nothing was.
        greeting: The greeting, once it has come.
        mail: The line of the MAIL command of the transaction, public as it is; empty outside one.
        lmtp: Whether it is LMTP, where the final dot has a reply for each accepted recipient.
        exchange: Its AUTH exchanges, line by line.
        asked: How many replies have been owed so far, including those that came.
        answered: How many of them are not owed any more.
    """

    def __init__(self, limits: ReplyLimits | None = None, *, preamble: bool = False) -> None:
        self._limits = limits or ReplyLimits()
        self._parser = ReplyParser(self._limits)
        self._preamble: Preamble | None = None  # until the greeting begins
        if preamble:
            from smtp_shell.protocol.preamble import Preamble

            self._preamble = Preamble()
        self._owed: deque[Owed] = deque([Owed(Asked.GREETING)])
        self.asked = 1
        self.answered = 0
        self._raw = RawLines(self._limits.line)  # what `send_raw` was given, as lines
        self._raw_in_data = False  # whether raw lines are mail data: DATA was among them, and may be answered with 354
        self._after_lf = False  # the last line of mail data ended in LF alone
        # Lines after a doubtful dot, with their ends, and what `asked` was before each; None where there is no such dot.
        self._held: list[tuple[bytes, int]] | None = None
        self._unasked = 0  # octets of replies that answered nothing, since the last one that did
        self._response: bytes | None = None  # the first response of the current exchange; as secret as a password
        self._accepted = 0  # recipients of the transaction, each of which has a reply after the final dot in LMTP
        self._paths: list[bytes] = []  # of these recipients, the first ones
        self._auth = Command(b"AUTH")  # the command that the responses of the current exchange belong to
        self.exchange = ExchangeLines()
        self.phase = Phase.GREETING
        self._before_auth = Phase.GREETING  # the phase in which the last AUTH exchange began
        self.extensions: Extensions | None = None
        self.announced_in_clear: Extensions | None = None
        self.greeting: Reply | None = None
        self.lmtp = False
        self.mail = b""

    @property
    def owed(self) -> tuple[Owed, ...]:
        """The replies that the server owes, the oldest first."""
        return tuple(self._owed)

    @property
    def oldest_owed(self) -> Owed | None:
        """The oldest reply that is owed; None if none is."""
        return self._owed[0] if self._owed else None

    @property
    def standing(self) -> Phase:
        """Where the client stands: the phase, or `Phase.ENDED` from the final dot to its reply.

        The phase changes with replies alone. Whether the next line is mail data depends on what was sent as well. After a doubtful dot it
        is mail data again once the wait for a reply has ended in vain.
        """
        ends = (owed.asked is Asked.END_OF_DATA and not (owed.doubtful and owed.late) for owed in self._owed)
        return Phase.ENDED if self.phase is Phase.MAILDATA and any(ends) else self.phase

    @property
    def pending(self) -> bytes:
        """What has come of a reply that is not whole yet."""
        return self._parser.pending if self._preamble is None else self._preamble.pending

    @property
    def pending_lines(self) -> int:
        """How many whole lines have come of a reply that is not whole yet."""
        return self._parser.line_count

    def pending_from(self, start: int) -> bytes:
        """Return the whole lines of a reply that is not whole yet.

        Args:
            start: How many of them to leave out.
        """
        return self._parser.lines_from(start)

    @property
    def unended(self) -> bytes:
        """The start of a line that was sent as octets and has not ended yet."""
        return self._raw.rest

    @property
    def chunk_left(self) -> int:
        """Octets of a BDAT chunk that are still to be sent."""
        return self._raw.chunk_left

    @property
    def is_authenticating(self) -> bool:
        """Whether an AUTH exchange is under way, or will be once pending replies come."""
        return self.phase is Phase.AUTH or any(owed.verb == "AUTH" for owed in self._owed)

    @property
    def auth(self) -> tuple[str, bytes | None]:
        """The mechanism of the current or last exchange, as it was named, and its first response, which is as secret as a password."""
        return escape(auth_mechanism(self._auth.shown) or b""), self._response

    def is_response(self, command: Command) -> bool:
        """Return whether a line that is sent as a command answers a challenge, such as one in a group with its AUTH.

        All of it is secret, or it is `*` or empty while an exchange is under way.

        Args:
            command: The line.
        """
        return command.public == 0 or (not is_secret_answer(command.line) and self.is_authenticating)

    def send(self, command: Command, *, pipelined: bool = False) -> list[Event]:
        """Record that a command line is sent. Its octets are `command.octets`. After an unended line they are the rest of it.

        Args:
            command: The command.
            pipelined: Whether more follows in the same write.
        """
        if self._raw.rest:
            return self._send_rest(command.octets, command.public)
        self._raw.chunk_left = 0
        self._owe_command(command)
        return [CommandSent(command, pipelined)]

    def send_sasl(self, line: bytes, *, secret: bool = True, meaning: str = "") -> list[Event]:
        """Record that a line of an AUTH exchange is sent, with a CRLF after it.

        Args:
            line: The base64, or `*` to cancel.
            secret: Whether it carries a credential.
            meaning: What it means, decoded and masked.

        Source: RFC 4954 section 4
        """
        if self._raw.rest:
            return self._send_rest(line + CRLF, 0 if secret else None)
        self._owe_response(line)
        return [SaslSent(line, secret, meaning, self.exchange.names_user and is_user_name(line))]

    def send_mail_data(self, octets: bytes, *, last: bool = False) -> list[Event]:
        """Record that a piece of mail data is sent, as it goes over the wire.

        Args:
            octets: The piece; the final dot is a piece of its own.
            last: Whether this is the final dot.

        Source: RFC 5321 section 4.1.1.4, RFC 2033 section 4.2
        """
        if self._raw.rest:
            return self.send_raw(octets)
        if last:
            self._end_data(doubtful=self._after_lf)
        elif self._held:
            self._held.clear()  # they are mail data, as what follows them is
        self._after_lf = octets.endswith(b"\n") and not octets.endswith(CRLF)
        return [MailDataSent(octets, last)]

    def send_chunk(self, octets: bytes, *, public: int | None = None) -> list[Event]:
        """Record that octets of a BDAT chunk are sent: no reply is owed to them.

        Source: RFC 3030 section 2
        """
        self._raw.skip_chunk(len(octets))
        return [OctetsSent(octets, public)]

    def send_raw(self, octets: bytes) -> list[Event]:
        """Record that exactly these octets are sent, and read the command lines in them."""
        if self._is_untouched and not (self._raw.rest or self._raw.chunk_left):
            self._raw.chunk_left = proxy_header_length(octets)
        events: list[Event] = []
        for line in lines_of(octets) if self._may_hold_secret(octets) else (octets,):
            events.append(OctetsSent(line, self._public_length(line)))
            for whole in self._raw.receive(line):
                self._owe_raw_line(whole)
        return events

    def foretell_raw(self, octets: bytes) -> list[OctetsSent]:
        """Return the events that sending exactly these octets would make, and record nothing."""
        from copy import copy  # takes a millisecond to load, and few sessions ask

        ahead = copy(self)
        ahead._owed, ahead._raw, ahead.exchange = self._owed.copy(), copy(self._raw), copy(self.exchange)
        ahead._held = None if self._held is None else [*self._held]
        return [event for event in ahead.send_raw(octets) if isinstance(event, OctetsSent)]

    def expect_late(self) -> None:
        """Record that nobody waits any more for the replies that are owed now. The silence makes mail data of a doubtful dot."""
        self._owed = deque(replace(owed, late=True) for owed in self._owed)
        self._held = None

    def end_at_dot(self) -> None:
        """Record that a doubtful dot was the end of the mail data, if there is one, and read the lines after it as commands.

        A reply to it does the same.
        """
        if not any(owed.doubtful for owed in self._owed):
            return
        self._owed = deque(replace(owed, doubtful=False) for owed in self._owed)
        held, self._held = self._held or [], None
        self._raw_in_data = self._after_lf = False
        later, self._owed = self._owed, deque()
        number = self.answered
        for line, asked in held:  # a command may have been sent before a line, and another one after it
            while number < asked:
                self._owed.append(later.popleft())
                number += 1
            self._owe_raw_line(line)
        self._owed += later

    def receive(self, octets: bytes, seconds: float = 0.0) -> Iterator[Event]:
        """Yield what octets from the server mean, in order.

        Octets after the 220 to STARTTLS are not read as replies. They are noticed, and never believed.

        Args:
            octets: What came.
            seconds: Seconds since the client last sent something.

        Source: RFC 3207 section 6
        """
        if self.phase is Phase.TLS and octets:
            yield Noticed(NoticeKind.PLAINTEXT_AFTER_STARTTLS, octets=octets[: self._limits.line])
            return
        if self._preamble is not None:
            octets = yield from self._take_preamble(self._preamble, octets)
        for item in self._parser.receive(octets):
            if isinstance(item, Malformed):
                yield Noticed(NoticeKind.NOT_A_REPLY, item.reason, item.octets)
                return
            yield from self._take(item, seconds)
            if self.phase is Phase.TLS:
                yield from self.receive(octets[self._parser.consumed :])
                return

    def _take_preamble(self, preamble: Preamble, octets: bytes) -> Generator[Noticed, None, bytes]:
        """Yield the lines that precede the greeting, and return what belongs to the greeting."""
        if lines := preamble.receive(octets):
            yield Noticed(NoticeKind.PREAMBLE, "" if lines.strip() else "an empty line", lines)
        if preamble.rest is None:
            return b""
        self._preamble = None
        return preamble.rest

    def receive_eof(self) -> Iterator[Event]:
        """Record that the server sends no more, and yield what that leaves open."""
        if self.pending:
            kind = NoticeKind.CUT_REPLY if self._preamble is None else NoticeKind.PREAMBLE
            yield Noticed(kind, octets=self.pending)
        self._parser, self._preamble = ReplyParser(self._limits), None
        self._forgive()
        self.phase = Phase.CLOSED

    def forget_plaintext(self) -> None:
        """Forget all that was learnt before TLS: a new dialogue begins, without a greeting.

        Source: RFC 3207 section 4.2
        """
        self._parser = ReplyParser(self._limits)
        self._forgive()
        self._raw = RawLines(self._limits.line)
        self.exchange = ExchangeLines()
        self._raw_in_data = False
        self.announced_in_clear, self.extensions = self.extensions, None
        self.mail = b""
        self.phase = Phase.FRESH

    def learn_again(self, reply: Reply, masked: Reply, command: Command | None) -> None:
        """Keep, of a reply that was taken in, another wording in which a credential that it held is masked.

        Args:
            reply: The reply as it came.
            masked: The reply, masked.
            command: What it answers.
        """
        if reply is self.greeting:
            self.greeting = masked
        if command is not None and command.verb in ("EHLO", "LHLO") and reply.code // 100 == 2:
            self.extensions = Extensions.parse(masked)

    def _send_rest(self, octets: bytes, public: int | None) -> list[Event]:
        """Record that the rest of a line is sent. A credential in it is one, although it is in no AUTH command of this line any more.

        Args:
            octets: The rest, with the end of the line.
            public: How many of its octets may be shown; None for all.
        """
        events = self.send_raw(octets)
        if public is None:
            return events
        known = (each.public for each in events if isinstance(each, OctetsSent) and each.public is not None)
        return [OctetsSent(octets, min((public, *known)))]

    def _forgive(self) -> None:
        self._held, self._after_lf = None, False
        self._owed.clear()
        self.answered = self.asked

    def _owe(self, owed: Owed) -> None:
        self._owed.append(owed)
        self.asked += 1

    def _owe_command(self, command: Command) -> None:
        if self.is_response(command):
            self._owe_response(command.line)
            return
        verb = command.verb
        if verb == "AUTH":
            self._auth = command
            self._response = command.line[command.public :].strip() if command.public is not None else None
            self.exchange.send(command.line)
        chunk = bdat_chunk(command.line)
        if chunk:
            self._raw.chunk_left = chunk.size
        if chunk and chunk.last:
            self._owe_for_message(Owed(Asked.CHUNK, command, verb))
            return
        self._owed.append(Owed(Asked.COMMAND, command, verb))
        self.asked += 1

    def _owe_for_message(self, owed: Owed) -> None:
        """Owe what ends a message: one reply, or in LMTP one for each accepted recipient."""
        for number in range(max(1, self._accepted) if self.lmtp else 1):
            self._owe(replace(owed, path=self._path(number)) if self.lmtp else owed)

    def _path(self, number: int) -> bytes:
        """Return an accepted recipient by its number, from 0; empty if it is not known."""
        return self._paths[number] if number < len(self._paths) else b""

    def _forget_recipients(self) -> None:
        self._accepted, self._paths = 0, []

    def _end_data(self, *, doubtful: bool) -> None:
        """Owe the reply to a final dot. A true one shows that those before it were mail data.

        Source: RFC 5321 section 4.1.1.4
        """
        if doubtful:
            self._held = self._held or []
        else:
            self._forget_doubtful_dots()
            self._raw_in_data = False
        self._owe_for_message(Owed(Asked.END_OF_DATA, doubtful=doubtful))

    def _forget_doubtful_dots(self) -> None:
        firm = deque(owed for owed in self._owed if not owed.doubtful)
        self.answered += len(self._owed) - len(firm)
        self._owed, self._held = firm, None

    @property
    def _is_untouched(self) -> bool:
        """Whether nothing that a reply answers has been sent, and nothing has come."""
        return self.asked == 1 and not self.answered

    @property
    def _is_in_data(self) -> bool:
        """Whether a line that is sent as octets is mail data."""
        if self._raw_in_data:
            return True
        return self.phase is Phase.MAILDATA and not self._has_ended_data

    @property
    def _has_ended_data(self) -> bool:
        """Whether a final dot is sent that no server takes for mail data, and its reply is owed."""
        return any(owed.asked is Asked.END_OF_DATA and not owed.doubtful for owed in self._owed)

    @property
    def _is_certainly_in_data(self) -> bool:
        return self._held is None and self._is_in_data

    @property
    def _may_authenticate(self) -> bool:
        """Whether a line may belong to an AUTH exchange, among others to one after a doubtful dot."""
        return self.is_authenticating or any(auth_mechanism(line) is not None for line, _ in self._held or ())

    def _owe_response(self, line: bytes) -> None:
        self._owe(Owed(Asked.SASL, self._auth, "AUTH"))
        self.exchange.send(line)
        # LOGIN has its user name where it is asked for: what answers a question about the password is none.
        if self._response is None and (self.exchange.names_user or self.exchange.mechanism.upper() != "LOGIN"):
            self._response = line

    def _may_hold_secret(self, octets: bytes) -> bool:
        return self._may_authenticate or any(
            auth_mechanism(line) is not None for line in (self._raw.rest + octets).split(b"\n")
        )

    def _is_response(self, line: bytes) -> bool:
        """Return whether a raw line answers a challenge, including one that has not come yet."""
        if self._is_certainly_in_data:
            return False
        return self.phase is Phase.AUTH or (may_answer(line) and self._may_authenticate)

    def _public_length(self, octets: bytes) -> int | None:
        if self.phase is Phase.MAILDATA and self._is_certainly_in_data:
            return None  # the server takes it for text, whatever it looks like
        line = self._raw.rest + octets
        if self._is_response(line):
            return 0 if is_secret_answer(line) else None
        start = secret_start(line)
        return None if start is None else max(0, start - len(self._raw.rest))

    def _owe_raw_line(self, ended: bytes) -> None:
        """Owe the reply to a line that was sent as octets, if it has one.

        Args:
            ended: The line, with its end.
        """
        line = without_end(ended)
        if self._is_in_data:
            self._take_raw_data(line, ended)
            return
        if self._is_response(line):
            self._owe_response(line)
            return
        if self._is_untouched and is_proxy_header(line):
            return
        command = Command.parse(line)
        self._raw_in_data = command.verb == "DATA"
        self._owe_command(command)

    def _take_raw_data(self, line: bytes, ended: bytes) -> None:
        has_crlf = ended.endswith(CRLF)
        doubtful, self._after_lf = self._after_lf or not has_crlf, not has_crlf
        if line == b"." and not (doubtful and self._held is not None):
            self._end_data(doubtful=doubtful)
        elif self._held is not None and len(self._held) < MOST_HELD:
            self._held.append((ended[-self._limits.line :], self.asked))

    def _take(self, reply: Reply, seconds: float) -> list[Event]:
        events: list[Event] = []
        for oddity in reply.oddities:
            kind = NoticeKind.BAD_REPLY if oddity in VIOLATIONS else NoticeKind.ODD_REPLY
            events.append(Noticed(kind, oddity.value))
        if self._owed and self._owed[0].doubtful and Oddity.ODD_CODE not in reply.oddities:
            if reply.code == 421:
                self._forget_doubtful_dots()
            else:
                self.end_at_dot()
        if not self._owed or Oddity.ODD_CODE in reply.oddities:
            return events + self._take_unasked(reply, seconds)
        owed = self._owed.popleft()
        self.answered += 1
        self._unasked = 0
        if owed.verb == "BDAT" and all(other.verb != "BDAT" for other in self._owed):
            self._raw.chunk_left = 0  # a reply before the whole chunk was sent: the server does not take it
        if owed.late:
            events.append(Noticed(NoticeKind.LATE, str(owed)))
        self._advance(owed, reply)
        if self.phase not in _IN_TRANSACTION:
            self.mail = b""
        elif owed.verb == "MAIL" and reply.code // 100 == 2 and owed.command is not None:
            self.mail = owed.command.line
        if reply.code < 400 and not _is_foreseen(owed, reply.code):  # anything may be refused
            events.append(Noticed(NoticeKind.UNFORESEEN, f"{reply.code} as {owed}"))
        events.append(ReplyReceived(reply, owed.command, seconds, owed.verb, recipient=owed.path))
        return events

    def _take_unasked(self, reply: Reply, seconds: float) -> list[Event]:
        self._unasked += len(reply.octets)
        detail = ""
        if reply.code == 421:
            self.phase = Phase.CLOSED
            detail = _goodbye(seconds)
        events: list[Event] = [Noticed(NoticeKind.UNSOLICITED, detail), ReplyReceived(reply, None)]
        if self._unasked > UNASKED_LIMIT:
            events.append(Noticed(NoticeKind.TOO_MUCH, f"the limit is {UNASKED_LIMIT:,} octets"))
        return events

    def _advance(self, owed: Owed, reply: Reply) -> None:
        digit = reply.code // 100
        # Whatever was sent before the challenge came is the response to it.
        if owed.verb == "AUTH" or self.phase is Phase.AUTH:
            self.exchange.receive(reply.code, reply.lines[0])
            self._advance_by_auth(digit)
        if owed.asked in (Asked.COMMAND, Asked.SASL):
            self._advance_by_command(owed, digit, reply)
        elif owed.asked is Asked.GREETING:
            self.greeting = reply
            self.phase = Phase.FRESH if digit == 2 else self.phase
        else:
            self._end_message(owed, reply)
        if reply.code == 421:
            self.phase = Phase.CLOSED

    def _end_message(self, owed: Owed, reply: Reply) -> None:
        if reply.code == 353 and not owed.recipient:
            # PRDR: one more reply for each recipient, then one for the message (draft-hall-prdr-00 section 4)
            each = (replace(owed, recipient=True, path=self._path(number)) for number in range(self._accepted + 1))
            self._owed.extendleft(reversed([*each]))
            self.asked += self._accepted + 1
        if any(other.asked is owed.asked for other in self._owed):
            return
        self._forget_recipients()
        # A final dot without a preceding 354, or a chunk outside a transaction, ends nothing.
        if self.phase in ((Phase.MAILDATA,) if owed.asked is Asked.END_OF_DATA else (Phase.MAIL, Phase.RCPT)):
            self.phase = Phase.READY

    def _advance_by_command(self, owed: Owed, digit: int, reply: Reply) -> None:
        verb = owed.verb
        if digit == 2 and verb in _BEGIN_ANEW:
            self._forget_recipients()
            if verb in HELLOS:
                self.lmtp = verb == "LHLO"
                self.extensions = None if verb == "HELO" else Extensions.parse(reply)
        elif digit == 2 and verb == "RCPT":
            self._accepted += 1
            if owed.command is not None and len(self._paths) < _MOST_PATHS:
                self._paths.append(forward_path(owed.command.shown))
        elif verb == "XCLIENT" and reply.code == 220:
            # The reply is a greeting, and the dialogue begins anew (Postfix, XCLIENT_README).
            self._forget_recipients()
            self.greeting, self.extensions = reply, None
        elif digit != 3 and verb == "DATA":
            self._raw_in_data = False
            self.end_at_dot()  # it was read as a command
        phase = TRANSITIONS.get((verb, digit))
        if phase is not None and not (verb in _CONDITIONAL and self._stays(verb, digit, reply)):
            self.phase = phase

    def _advance_by_auth(self, digit: int) -> None:
        """Note where an exchange begins, and go back there when it ends: it neither replaces EHLO nor ends a transaction.

        Source: RFC 4954 section 4
        """
        if self.phase is not Phase.AUTH:
            self._before_auth = self.phase
        elif digit != 3:
            self.phase = self._before_auth

    def _stays(self, verb: str, digit: int, reply: Reply) -> bool:
        """Return whether the phase stays although the table has a row, because the row's condition is not met."""
        if verb == "XCLIENT":
            return reply.code != 220
        if verb == "STARTTLS":
            return reply.code != 220 or not VIOLATIONS.isdisjoint(reply.oddities)
        if verb == "RCPT":
            return self.phase not in (Phase.MAIL, Phase.RCPT)
        return self.phase is Phase.FRESH


def _goodbye(seconds: float) -> str:
    """Describe a 421 that answers nothing.

    Args:
        seconds: Seconds since the client last sent something.

    Source: RFC 5321 sections 3.8 and 4.5.3.2
    """
    if seconds < _SILENCE:
        return f"{GOODBYE}idle for too long, or shutting down"
    silence = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"{GOODBYE}its idle time-out, after {silence} of silence"


def _is_foreseen(owed: Owed, code: int) -> bool:
    if owed.asked in (Asked.COMMAND, Asked.SASL):
        foreseen = FORESEEN.get(owed.verb)
        return foreseen is None or code in foreseen
    if owed.asked is Asked.GREETING:
        return is_foreseen_as_greeting(code)
    return is_foreseen_after_message(code)

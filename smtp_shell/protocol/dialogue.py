"""One dialogue: which phase it is in, and which reply answers which command.

The dialogue observes and never polices: anything may be sent at any time. It turns commands into octets and octets into events, and
knows no socket, clock or screen.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    CommandSent,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import VIOLATIONS, Extensions, Malformed, Reply, ReplyLimits, ReplyParser

UNASKED_LIMIT = 64 * 1024


class Phase(Enum):
    """Where a dialogue stands; the value says it in a word."""

    GREETING = "greeting"
    FRESH = "greeted"
    READY = "ready"
    MAIL = "mail"
    RCPT = "rcpt"
    MAILDATA = "mail data"
    AUTH = "auth"
    TLS = "tls"
    CLOSED = "closed"


class Asked(Enum):
    """What kind of thing a reply is owed to."""

    GREETING = "the greeting"
    COMMAND = "the reply"
    SASL = "the reply to the response"
    END_OF_DATA = "the reply to the final dot"
    CHUNK = "the reply to the chunk"


@dataclass(frozen=True, slots=True)
class Owed:
    """A reply that the server owes.

    Args:
        asked: What kind of thing it answers.
        command: The command it answers, if it answers one.
        late: Whether nobody waits for it any more.
    """

    asked: Asked
    command: Command | None = None
    late: bool = False

    def __str__(self) -> str:
        if self.command is None:
            return self.asked.value
        return f"{self.asked.value} to {escape(self.command.verb.encode()) or 'the line'}"


# (verb, first digit of the reply code) -> the phase after it. What is not listed leaves the phase as it is.
# Source: RFC 5321 §4.1.4 and §4.3.2, RFC 3207 §4, RFC 4954 §4.
TRANSITIONS: dict[tuple[str, int], Phase] = {
    ("EHLO", 2): Phase.READY,
    ("HELO", 2): Phase.READY,
    ("LHLO", 2): Phase.READY,
    ("MAIL", 2): Phase.MAIL,
    ("RCPT", 2): Phase.RCPT,
    ("DATA", 3): Phase.MAILDATA,
    ("RSET", 2): Phase.READY,
    ("BDAT", 2): Phase.READY,
    ("AUTH", 3): Phase.AUTH,
    ("AUTH", 2): Phase.READY,
    ("AUTH", 4): Phase.READY,
    ("AUTH", 5): Phase.READY,
    ("STARTTLS", 2): Phase.TLS,
    ("QUIT", 2): Phase.CLOSED,
}

_AUTH_WITH_RESPONSE = re.compile(rb"^[ \t]*AUTH[ \t]+[^ \t\r\n]+[ \t]+(?=[^ \t\r\n])", re.IGNORECASE)
_BDAT_LAST = re.compile(rb"BDAT[ \t]+[0-9]+[ \t]+LAST[ \t]*", re.IGNORECASE)


class Dialogue:
    """The state of one dialogue.

    Args:
        limits: How much a server may say.

    Attributes:
        phase: Where the dialogue stands.
        extensions: What the last EHLO announced; None before it.
        greeting: The greeting, once it is in.
        lmtp: Whether it is LMTP, where the final dot has a reply for each accepted recipient.
        asked: How many replies have been owed so far, those that came included.
    """

    def __init__(self, limits: ReplyLimits | None = None) -> None:
        self._limits = limits or ReplyLimits()
        self._parser = ReplyParser(self._limits)
        self._owed: deque[Owed] = deque([Owed(Asked.GREETING)])
        self.asked = 1
        self._raw_line = b""
        self._raw_in_data = False
        self._unasked = 0
        self._accepted = 0
        self._auth = Command(b"AUTH")
        self.phase = Phase.GREETING
        self.extensions: Extensions | None = None
        self.greeting: Reply | None = None
        self.lmtp = False

    @property
    def owed(self) -> tuple[Owed, ...]:
        """The replies that the server owes, the oldest first."""
        return tuple(self._owed)

    @property
    def answered(self) -> int:
        """How many replies are not owed any more, of the `asked` in all."""
        return self.asked - len(self._owed)

    @property
    def pending(self) -> bytes:
        """What has come of a reply that is not whole yet."""
        return self._parser.pending

    def send(self, command: Command, *, pipelined: bool = False) -> list[Event]:
        """Note that a command line goes out; its octets are `command.octets`.

        Args:
            command: The command.
            pipelined: Whether more follows in the same write.
        """
        self._owe_command(command)
        return [CommandSent(command, pipelined)]

    def send_sasl(self, line: bytes, *, secret: bool = True, meaning: str = "") -> list[Event]:
        """Note that a line of an AUTH exchange goes out, CRLF behind it.

        Args:
            line: The base64, or `*` to cancel.
            secret: Whether it carries a credential.
            meaning: What it says, decoded and masked.

        Source: RFC 4954 §4
        """
        self._owe(Owed(Asked.SASL, self._auth))
        return [SaslSent(line, secret, meaning)]

    def send_mail_data(self, octets: bytes, *, last: bool = False) -> list[Event]:
        """Note that a piece of mail data goes out, as it goes over the wire.

        Args:
            octets: The piece; the final dot is a piece of its own.
            last: Whether this is the final dot.

        Source: RFC 5321 §4.1.1.4, RFC 2033 §4.2
        """
        if last:
            self._owe_for_message(Asked.END_OF_DATA, None)
        return [MailDataSent(octets, last)]

    def send_chunk(self, octets: bytes, *, public: int | None = None) -> list[Event]:
        """Note that octets of a BDAT chunk go out: they answer nothing and are owed nothing.

        Source: RFC 3030 §2
        """
        return [OctetsSent(octets, public)]

    def send_raw(self, octets: bytes) -> list[Event]:
        """Note that exactly these octets go out, and look for the command lines in them."""
        events: list[Event] = []
        for line in _lines(octets) if self._holds_secret(octets) else (octets,):
            events.append(OctetsSent(line, self._public_length(line)))
            self._take_raw(line)
        return events

    def expect_late(self) -> None:
        """Note that nobody waits any more for the replies that are owed now."""
        self._owed = deque(replace(owed, late=True) for owed in self._owed)

    def receive(self, octets: bytes) -> Iterator[Event]:
        """Take octets from the server in; give what they mean, in order.

        Octets behind the 220 to STARTTLS are not read as replies: they are noticed, and never believed.

        Source: RFC 3207 §6
        """
        if self.phase is Phase.TLS and octets:
            yield Noticed(NoticeKind.PLAINTEXT_AFTER_STARTTLS, octets=octets[: self._limits.line])
            return
        for item in self._parser.receive(octets):
            if isinstance(item, Malformed):
                yield Noticed(NoticeKind.NOT_A_REPLY, item.reason, item.octets)
                return
            yield from self._take(item)
            if self.phase is Phase.TLS:
                yield from self.receive(octets[self._parser.consumed :])
                return

    def receive_eof(self) -> Iterator[Event]:
        """Note that the server sends no more; give what that leaves open."""
        if self._parser.pending:
            yield Noticed(NoticeKind.CUT_REPLY, octets=self._parser.pending)
        self._owed.clear()
        self.phase = Phase.CLOSED

    def forget_plaintext(self) -> None:
        """Forget all that was learnt before TLS: a new dialogue begins, without a greeting.

        Source: RFC 3207 §4.2
        """
        self._parser = ReplyParser(self._limits)
        self._owed.clear()
        self._raw_line = b""
        self.extensions = None
        self.phase = Phase.FRESH

    def _owe(self, owed: Owed) -> None:
        self._owed.append(owed)
        self.asked += 1

    def _owe_command(self, command: Command) -> None:
        if command.verb == "AUTH":
            self._auth = command
        if self.lmtp and _BDAT_LAST.fullmatch(command.line):
            self._owe_for_message(Asked.CHUNK, command)
            return
        self._owe(Owed(Asked.COMMAND, command))

    def _owe_for_message(self, asked: Asked, command: Command | None) -> None:
        """Owe what ends a message: one reply, or in LMTP one for each accepted recipient."""
        replies = max(1, self._accepted) if self.lmtp else 1
        for _ in range(replies):
            self._owe(Owed(asked, command))

    def _holds_secret(self, octets: bytes) -> bool:
        if self.phase is Phase.AUTH:
            return True
        return any(_AUTH_WITH_RESPONSE.match(line) for line in (self._raw_line + octets).split(b"\n"))

    def _public_length(self, octets: bytes) -> int | None:
        if self.phase is Phase.AUTH and not self._raw_in_data:
            return 0
        match = _AUTH_WITH_RESPONSE.match(self._raw_line + octets)
        return max(0, match.end() - len(self._raw_line)) if match else None

    def _take_raw(self, octets: bytes) -> None:
        *lines, rest = (self._raw_line + octets).split(b"\n")
        self._raw_line = rest[-self._limits.line :]
        for line in lines:
            self._owe_raw_line(line.removesuffix(b"\r"))

    def _owe_raw_line(self, line: bytes) -> None:
        if self._raw_in_data or self.phase is Phase.MAILDATA:
            if line == b".":
                self._raw_in_data = False
                self._owe_for_message(Asked.END_OF_DATA, None)
            return
        if self.phase is Phase.AUTH:
            self._owe(Owed(Asked.SASL, self._auth))
            return
        command = Command.parse(line)
        self._raw_in_data = command.verb == "DATA"
        self._owe_command(command)

    def _take(self, reply: Reply) -> Iterator[Event]:
        for oddity in reply.oddities:
            yield Noticed(NoticeKind.BAD_REPLY if oddity in VIOLATIONS else NoticeKind.ODD_REPLY, oddity.value)
        if reply.reply_class is None or not self._owed:
            yield from self._take_unasked(reply)
            return
        owed = self._owed.popleft()
        self._unasked = 0
        if owed.late:
            yield Noticed(NoticeKind.LATE, str(owed))
        self._advance(owed, reply)
        yield ReplyReceived(reply, owed.command)

    def _take_unasked(self, reply: Reply) -> Iterator[Event]:
        self._unasked += len(reply.octets)
        if reply.code == 421:
            self.phase = Phase.CLOSED
        yield Noticed(NoticeKind.UNSOLICITED)
        yield ReplyReceived(reply, None)
        if self._unasked > UNASKED_LIMIT:
            yield Noticed(NoticeKind.TOO_MUCH, f"the limit is {UNASKED_LIMIT:,} octets")

    def _advance(self, owed: Owed, reply: Reply) -> None:
        digit = reply.code // 100
        if owed.asked is Asked.GREETING:
            self.greeting = reply
            self.phase = Phase.FRESH if digit == 2 else self.phase
        elif owed.asked in (Asked.END_OF_DATA, Asked.CHUNK):
            self._end_message(owed, reply)
        elif owed.command is not None:
            self._advance_by_command(owed.command, digit, reply)
        if reply.code == 421:
            self.phase = Phase.CLOSED

    def _end_message(self, owed: Owed, reply: Reply) -> None:
        if (
            reply.code == 353
        ):  # PRDR: one more reply for each recipient, then one for the message (draft-hall-prdr-00 §4)
            self._owed.extendleft([owed] * (self._accepted + 1))
            self.asked += self._accepted + 1
        if any(other.asked is owed.asked for other in self._owed):
            return
        self._accepted = 0
        self.phase = Phase.READY

    def _advance_by_command(self, command: Command, digit: int, reply: Reply) -> None:
        verb = command.verb
        if digit == 2 and verb in ("EHLO", "HELO", "LHLO"):
            self._accepted = 0
            self.lmtp = verb == "LHLO"
            self.extensions = Extensions({}) if verb == "HELO" else Extensions.parse(reply)
        elif digit == 2 and verb == "RCPT":
            self._accepted += 1
        elif digit == 2 and verb in ("MAIL", "RSET"):
            self._accepted = 0
        elif digit != 3 and verb == "DATA":
            self._raw_in_data = False
        if self._stays(command, digit, reply.code):
            return
        self.phase = TRANSITIONS.get((verb, digit), self.phase)

    def _stays(self, command: Command, digit: int, code: int) -> bool:
        """Say whether the phase stays although the table has a row: the row's condition is not met."""
        verb = command.verb
        if verb == "STARTTLS":
            return code != 220
        if verb == "RCPT":
            return self.phase not in (Phase.MAIL, Phase.RCPT)
        if verb == "RSET":
            return self.phase is Phase.FRESH
        return verb == "BDAT" and not (digit == 2 and _BDAT_LAST.fullmatch(command.line))


def _lines(octets: bytes) -> list[bytes]:
    """Cut octets behind each LF."""
    return [line for line in re.split(rb"(?<=\n)", octets) if line]

"""The exchanges of a dialogue: each reply with what it answers, and where the dialogue stood before it and stands after it.

A consumer of entries, so that a live session, a recording and an imported log are followed in the same way. What an exchange means is
in `reasons`.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.protocol.commands import HELLOS, Command, bdat_chunk
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Disconnected,
    Entry,
    MailDataSent,
    OctetsSent,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.phases import TRANSITIONS, Phase
from smtp_shell.protocol.replies import Extensions, Reply

_CANCEL = b"*"
_MOST_WAITING = 1000


class Standing(Struct, frozen=True):
    """Where a dialogue stands.

    Args:
        phase: The phase, by the replies so far.
        hello: The verb of the last hello that was accepted; empty for none since the connection or TLS began.
        extensions: What its reply announced; None before it and after HELO.
        tls: Whether it is inside TLS.
        hello_due: Whether TLS has started and no hello has been accepted since.
        authenticated: Whether AUTH has succeeded.
        accepted: Recipients of the transaction that were accepted.
        refused: Recipients of the transaction that were refused.
        octets: Octets of mail data sent since the last 354.
        sent: How many commands have been sent on the connection.
        before_auth: The phase in which the AUTH exchange began that goes on or was the last.
    """

    phase: Phase = Phase.GREETING
    hello: str = ""
    extensions: Extensions | None = None
    tls: bool = False
    hello_due: bool = False
    authenticated: bool = False
    accepted: int = 0
    refused: int = 0
    octets: int = 0
    sent: int = 0
    before_auth: Phase = Phase.GREETING


class Exchange(Struct, frozen=True):
    """A reply, and what it answers.

    Args:
        command: The command; None for the greeting, the final dot, and a reply that answers nothing.
        verb: Its verb; empty for none.
        code: The reply code; 0 where a script leaves it open.
        reply: The reply; None where only a script says what is expected.
        before: Where the dialogue stood, as the server saw it.
        after: Where it stands after the reply.
        is_answer: Whether it is the reply to a line of an AUTH exchange, not to the command.
        is_asked: Whether the reply answers something.
        is_cancelled: Whether it answers the `*` that cancels an AUTH exchange, so that a refusal is what the client asked for.
        recipient: The recipient that it is for, after a message in LMTP; empty for none.
    """

    command: Command | None
    verb: str
    code: int
    reply: Reply | None
    before: Standing
    after: Standing
    is_answer: bool = False
    is_asked: bool = True
    is_cancelled: bool = False
    recipient: bytes = b""

    @property
    def is_negative(self) -> bool:
        """Whether the code is 4yz or 5yz."""
        return self.code // 100 in (4, 5)

    @property
    def ends_message(self) -> bool:
        """Whether it is the reply to the final dot."""
        return self.command is None and self.is_asked and self.before.phase is Phase.MAILDATA


class Exchanges:
    """Follows the exchanges of one dialogue.

    Memory does not grow with the dialogue: replies that are owed are counted, mail data too.

    Attributes:
        last: The last exchange; None before the first.
        now: Where the dialogue stands.
        waiting: The commands that were sent and are not answered, the oldest first.
        ending: How a wait or the connection ended, if nothing has happened since; else None.
    """

    wants = (
        Authenticated,
        CommandSent,
        Connected,
        Disconnected,
        MailDataSent,
        OctetsSent,
        ReplyExpected,
        ReplyReceived,
        SaslSent,
        TimedOut,
        TlsStarted,
    )

    def __init__(self, now: Standing | None = None) -> None:
        self.last: Exchange | None = None
        self.now = now or Standing()
        self.waiting: deque[Command] = deque(maxlen=_MOST_WAITING)
        self.ending: TimedOut | Disconnected | None = None
        self._cancelled = False  # the last line of the AUTH exchange is the * that cancels it
        self._octets = 0  # of mail data since the last 354
        self._replies_due = 0  # to the final dot: one, or in LMTP one for each recipient

    def __call__(self, entry: Entry) -> None:
        """Follow an event."""
        event = entry.event
        match event:
            case MailDataSent():
                self._mail_data(event)
            case CommandSent():
                self.waiting.append(event.command)
                self.ending = None
            case ReplyReceived():
                self._reply(
                    event.command, event.verb, event.reply.code, event.reply, is_asked=event.seconds is not None
                )
                if event.recipient and self.last is not None:
                    self.last = replace(self.last, recipient=event.recipient)
            case ReplyExpected():
                self._reply(event.command, event.verb, event.code or event.digit * 100, None, is_asked=True)
            case SaslSent():
                self.now = self._with_phase(Phase.AUTH)
                self.ending = None
                self._cancelled = event.line == _CANCEL
            case OctetsSent():
                self._cancelled = self.now.phase is Phase.AUTH and event.octets.rstrip(b"\r\n") == _CANCEL
            case TlsStarted():
                self._tls()
            case Connected():
                self.__init__(Standing(tls=event.tls))  # type: ignore[misc]
            case Authenticated():
                self.now = replace(self.now, authenticated=True)
            case TimedOut():
                self.ending = event
            case Disconnected():
                self.ending = event
                self.now = self._with_phase(Phase.CLOSED)
            case _:
                pass

    def _with_phase(self, phase: Phase) -> Standing:
        return self.now if self.now.phase is phase else replace(self.now, phase=phase)

    def _tls(self) -> None:
        before = self.now
        hello_due = before.phase is not Phase.GREETING
        phase = Phase.FRESH if hello_due else before.phase
        self.now = Standing(phase=phase, tls=True, hello_due=hello_due, sent=before.sent)
        self.waiting.clear()

    def _mail_data(self, event: MailDataSent) -> None:
        self.ending = None
        if self.now.phase is not Phase.MAILDATA:  # a script leaves the replies out
            self.waiting.clear()
            self.now = replace(self.now, phase=Phase.MAILDATA, accepted=max(1, self.now.accepted))
            self._octets = 0
        if event.last:
            self._replies_due = _replies_to_message(self.now)
            self.now = replace(self.now, octets=self._octets)
        else:
            self._octets += len(event.octets)

    def _reply(self, command: Command | None, verb: str, code: int, reply: Reply | None, *, is_asked: bool) -> None:
        self.ending = None
        if command is not None:
            self._pass_over(command)
        before = self.now
        is_greeting = before.phase is Phase.GREETING and command is None
        is_answer = verb == "AUTH" and before.phase is Phase.AUTH
        self.now = self._after(before, command, verb, code, reply, is_asked=is_asked, is_greeting=is_greeting)
        cancelled, self._cancelled = self._cancelled and is_answer, False
        self.last = Exchange(
            command, verb, code, reply, before, self.now, is_answer, is_asked or is_greeting, is_cancelled=cancelled
        )

    def _pass_over(self, command: Command) -> None:
        """Forget the command that is answered. A script may leave out the replies to those before it, which are taken for good ones."""
        if not any(each is command for each in self.waiting):
            return
        while (passed := self.waiting.popleft()) is not command:
            verb = passed.verb
            digit = 3 if verb == "DATA" else 2
            self.now = self._after(self.now, passed, verb, digit * 100, None, is_asked=True, is_greeting=False)

    def _after(
        self,
        now: Standing,
        command: Command | None,
        verb: str,
        code: int,
        reply: Reply | None,
        *,
        is_asked: bool,
        is_greeting: bool,
    ) -> Standing:
        """Return where the dialogue stands after a reply. The rules are those of `protocol.dialogue`."""
        digit = code // 100
        if code == 421:
            return replace(now, phase=Phase.CLOSED)
        if is_greeting:
            return replace(now, phase=Phase.FRESH) if digit == 2 else now
        if command is None:
            return self._after_message(now, code) if is_asked and now.phase is Phase.MAILDATA else now
        now = replace(now, sent=now.sent + 1)
        if verb == "RCPT" and now.phase in (Phase.MAIL, Phase.RCPT):
            return _after_recipient(now, digit)
        if verb == "AUTH":
            return _after_auth(now, digit)
        if digit == 2 and verb in HELLOS:
            extensions = Extensions.parse(reply) if reply is not None and verb != "HELO" else None
            return replace(
                now, phase=Phase.READY, hello=verb, extensions=extensions, hello_due=False, accepted=0, refused=0
            )
        if verb in ("BDAT", "BURL"):
            chunk = bdat_chunk(command.line)
            return self._after_last_chunk(now, code) if chunk is not None and chunk.last else now
        if digit == 2 and verb in ("MAIL", "RSET"):
            if verb == "RSET" and now.phase is Phase.FRESH:
                return replace(now, accepted=0, refused=0)
            return replace(now, phase=Phase.MAIL if verb == "MAIL" else Phase.READY, accepted=0, refused=0)
        if verb == "DATA" and digit == 3:
            self._octets = 0
        if verb == "STARTTLS" and digit == 2 and code not in (200, 220):
            return now
        phase = TRANSITIONS.get((verb, digit), now.phase)
        return replace(now, phase=phase) if phase is not now.phase and verb in ("DATA", "STARTTLS", "QUIT") else now

    def _after_last_chunk(self, now: Standing, code: int) -> Standing:
        if not self._replies_due:
            self._replies_due = _replies_to_message(now)
        return self._after_message(now, code) if now.phase in (Phase.MAIL, Phase.RCPT) else now

    def _after_message(self, now: Standing, code: int) -> Standing:
        if code == 353:  # PRDR: one more for each recipient, and one for the message
            self._replies_due += now.accepted + 1
        self._replies_due = max(0, self._replies_due - 1)
        return now if self._replies_due else replace(now, phase=Phase.READY, accepted=0, refused=0, octets=0)


def _replies_to_message(now: Standing) -> int:
    """Return how many replies the end of a message has: one, or in LMTP one for each recipient."""
    return max(1, now.accepted) if now.hello == "LHLO" else 1


def _after_recipient(now: Standing, digit: int) -> Standing:
    if digit == 2:
        return replace(now, phase=Phase.RCPT, accepted=now.accepted + 1)
    return replace(now, refused=now.refused + 1) if digit in (4, 5) else now


def _after_auth(now: Standing, digit: int) -> Standing:
    if digit == 3:
        return now if now.phase is Phase.AUTH else replace(now, phase=Phase.AUTH, before_auth=now.phase)
    if now.phase is Phase.AUTH:
        now = replace(now, phase=now.before_auth)
    return replace(now, authenticated=True) if digit == 2 else now

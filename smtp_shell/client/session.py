"""A dialogue over a connection: it moves the octets, stamps each event with the time, and publishes it.

One session is one connection, used by one thread. Everything that happens goes to its consumers, in order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from smtp_shell.client.conversation import Conversation
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import (
    ConnectionLost,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.net.connect import connect
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Asked, Owed, Phase
from smtp_shell.protocol.events import (
    Authenticated,
    Connected,
    Consumer,
    Decoded,
    End,
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
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.replies import Reply, ReplyLimits
from smtp_shell.protocol.secret import Secret

_SHORTEST_WAIT = 0.001


class Session:
    """One connection and its dialogue.

    Args:
        target: What it is connected to.
        transport: The open connection.
        consumers: Who gets each event.
        afterwards: Who gets each event too, but behind the octets that it is about, and before any wait: a recording, which is not to
            keep them waiting.
        timeouts: How long to wait for what.
        limits: How much the server may say.
        strict: Whether a reply that breaks the protocol, or one that answers nothing, ends the session, as it should where
            nobody watches.
        clock: Gives seconds.

    Attributes:
        timeouts: How long to wait for what.
        until: When every wait ends at the latest, on the clock.
        within: How many seconds are to be waited for replies, whatever `timeouts` says; None for what it says.
    """

    def __init__(
        self,
        target: Target,
        transport: Transport,
        consumers: Sequence[Consumer] = (),
        *,
        afterwards: Sequence[Consumer] = (),
        timeouts: Timeouts | None = None,
        limits: ReplyLimits | None = None,
        strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
        opened: float | None = None,
    ) -> None:
        self.target = target
        self.timeouts = timeouts or Timeouts()
        self.until = math.inf
        self.within: float | None = None
        self.user = ""
        self._clock = clock
        self._tls_declined = False
        self._wire = Conversation(
            transport,
            consumers,
            afterwards=afterwards,
            limits=limits,
            strict=strict,
            clock=clock,
            opened=clock() if opened is None else opened,
        )
        self.dialogue = self._wire.dialogue
        self.dialogue.lmtp = target.lmtp

    @classmethod
    def open(
        cls,
        target: Target,
        consumers: Sequence[Consumer] = (),
        *,
        afterwards: Sequence[Consumer] = (),
        timeouts: Timeouts | None = None,
        tls: TlsSettings | None = None,
        limits: ReplyLimits | None = None,
        strict: bool = False,
        source: str | None = None,
        family: int = 0,
        attentive: bool = False,
    ) -> Session:
        """Connect, and do the TLS handshake if TLS begins with the first octet. The greeting is still to be read.

        Raises:
            ConnectFailed: There is no connection.
            TlsFailed: TLS failed or the certificate could not be verified.
        """
        timeouts = timeouts or Timeouts()
        opened = time.monotonic()
        transport = connect(target, timeouts.connect, source=source, family=family)
        session = cls(
            target,
            transport,
            consumers,
            afterwards=afterwards,
            timeouts=timeouts,
            limits=limits,
            strict=strict,
            opened=opened,
        )
        session.attentive = attentive
        session._wire.publish(Connected(str(target), target.tls, transport.peer))
        if target.tls:
            session._wire.shake_hands(tls or TlsSettings(), target.name, timeouts.tls, implicit=True)
        return session

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""
        return self._wire.is_open

    @property
    def strict(self) -> bool:
        """Whether a reply that breaks the protocol ends the session."""
        return self._wire.strict

    @property
    def attentive(self) -> bool:
        """Whether this process stays awake for a moment to hear what a quick server says, as `Transport` has it."""
        return self._wire.transport.busy_poll

    @attentive.setter
    def attentive(self, attentive: bool) -> None:
        self._wire.transport.busy_poll = attentive

    @property
    def tls(self) -> TlsStarted | None:
        """The facts of TLS; None in the clear."""
        return self._wire.tls

    @property
    def phase(self) -> Phase:
        """Where the dialogue stands."""
        return self.dialogue.phase

    @property
    def peer(self) -> str:
        """The address that answered; empty where that says nothing new."""
        return self._wire.transport.peer

    @property
    def local_host(self) -> str:
        """The address of this end of the connection; empty where it has none."""
        return self._wire.transport.local_host

    @property
    def has_input(self) -> bool:
        """Whether something has come that `look` would take in."""
        return self._wire.is_open and self._wire.transport.readable

    @property
    def tls_due(self) -> bool:
        """Whether the server said 220 to STARTTLS and the handshake is still to be done."""
        return self.phase is Phase.TLS and not self._tls_declined

    @property
    def is_private(self) -> bool:
        """Whether nobody between here and the server can listen: TLS, a Unix socket or a pipe."""
        return self.tls is not None or self.target.way is not Way.TCP

    def subscribe(self, consumer: Consumer) -> None:
        """Let a consumer have each event from now on."""
        self._wire.subscribe(consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Let a consumer have no more events."""
        self._wire.unsubscribe(consumer)

    def catch_up(self) -> None:
        """Give who gets events afterwards all that has happened, before something else than the server is waited for."""
        self._wire.catch_up()

    def keep_secret(self, secret: Secret) -> None:
        """Mask this value wherever the server sends it back."""
        self._wire.keep_secret(secret)

    def keep_secrets_of(self, other: Session) -> None:
        """Mask here too what another session masks: a server may remember it."""
        self._wire.keep_secrets_of(other._wire)

    def greeting(self) -> Reply:
        """Wait for the greeting.

        Raises:
            DialogueBroken: It did not come, or was no greeting.
        """
        return self.read_reply()

    def command(self, command: Command) -> Reply:
        """Send a command and wait for its reply.

        Raises:
            DialogueBroken: The connection broke, the reply did not come in time or was none.
        """
        self.send(command)
        return self.read_reply()

    def send(self, *commands: Command, more: bool = False, looked: bool = False) -> None:
        """Send commands, in one write, without waiting for replies.

        Args:
            commands: The commands.
            more: Whether a chunk follows the last one (BDAT).
            looked: Whether the caller has looked just now at what has come.

        Raises:
            DialogueBroken: The connection broke, or what the server sent unasked ends a strict session.
        """
        if not looked:
            self.look()
        self._check_sendable()
        self._wire.skip_answers()
        events: list[Event] = []
        lines: list[bytes] = []
        for number, command in enumerate(commands, 1):
            if command.public is not None:
                self.keep_secret(_secret(command.line[command.public :]))
            events += self.dialogue.send(command, pipelined=more or number < len(commands))
            lines.append(command.octets)
        self._say(events, b"".join(lines))

    def send_raw(self, octets: bytes) -> None:
        """Send exactly these octets.

        Raises:
            DialogueBroken: The connection broke, or what the server sent unasked ends a strict session.
        """
        self.look()
        self._check_sendable()
        self._wire.skip_answers()
        events = self.dialogue.send_raw(octets)
        for event in events:
            if isinstance(event, OctetsSent) and event.public is not None:
                self.keep_secret(_secret(event.octets[event.public :].strip()))
        self._say(events, octets)

    def send_sasl(self, line: bytes, *, secret: bool = True, meaning: str = "") -> None:
        """Send a line of an AUTH exchange.

        Args:
            line: Base64, or `*`, without CRLF.
            secret: Whether it carries a credential.
            meaning: What it says, decoded and masked.

        Raises:
            DialogueBroken: The connection broke.
        """
        self._check_sendable()
        if secret:
            self.keep_secret(_secret(line))
        self._wire.skip_answers()
        self._say(self.dialogue.send_sasl(line, secret=secret, meaning=meaning), line + CRLF)

    def send_mail_data(self, pieces: Iterable[bytes]) -> Reply:
        """Send a message, in pieces of any size, dot-stuffed, with the final dot; wait for the reply.

        Returns:
            The last reply: in LMTP there is one for each accepted recipient.

        Raises:
            OutcomeUnknown: The connection broke after the final dot.
            DialogueBroken: The connection broke before it, or the server ended the dialogue.
        """
        encoder = MailDataEncoder()
        for piece in pieces:
            self.send_mail_piece(encoder.encode(piece))
        return self.end_mail_data(encoder)

    def send_mail_piece(self, octets: bytes) -> None:
        """Send a piece of mail data as it goes over the wire.

        Raises:
            DialogueBroken: The connection broke, or the server spoke in between.
        """
        if not octets:
            return
        self.look()
        self._check_sendable()
        self._say(self.dialogue.send_mail_data(octets), octets)

    def send_last_mail_piece(self, octets: bytes) -> None:
        """Send the last piece of mail data, as it goes over the wire, and the final dot in one write; the reply is not awaited.

        Args:
            octets: The piece, which ends in CRLF, or nothing.

        Raises:
            DialogueBroken: The connection broke, or the server spoke in between.
        """
        self.look()
        self._check_sendable()
        self._wire.skip_answers()
        events = self.dialogue.send_mail_data(octets) if octets else []
        self._say([*events, *self.dialogue.send_mail_data(END_OF_DATA, last=True)], octets + END_OF_DATA)

    def end_mail_data(self, encoder: MailDataEncoder | None = None) -> Reply:
        """Send the final dot and wait for all that answers it.

        Args:
            encoder: What encoded the pieces before; None when they ended in CRLF.

        Raises:
            OutcomeUnknown: The connection broke after the final dot.
            DialogueBroken: The connection broke before it.
        """
        self.send_end_of_data(encoder)
        return self.read_replies()[-1].reply

    def send_end_of_data(self, encoder: MailDataEncoder | None = None) -> None:
        """Send the final dot without waiting for its reply.

        Raises:
            DialogueBroken: The connection broke.
        """
        end = encoder.end() if encoder else END_OF_DATA
        self.send_last_mail_piece(end[: -len(END_OF_DATA)])

    def send_chunk(self, octets: bytes, *, last: bool) -> Reply:
        """Send a BDAT command with its chunk, in one write, and wait for the reply.

        Args:
            octets: The chunk.
            last: Whether it ends the message.

        Raises:
            DialogueBroken: The connection broke.

        Source: RFC 3030 §2
        """
        self.look()
        self._check_sendable()
        self._wire.skip_answers()
        command = Command(f"BDAT {len(octets)}{' LAST' if last else ''}".encode())
        events = [*self.dialogue.send(command, pipelined=True), *self.dialogue.send_chunk(octets)]
        self._say(events, command.octets + octets)
        return self.read_replies()[-1].reply

    def send_chunk_piece(self, octets: bytes) -> None:
        """Send octets of a chunk whose BDAT command has gone out; the reply is still to be read.

        Raises:
            DialogueBroken: The connection broke.

        Source: RFC 3030 §2
        """
        self._check_sendable()
        self._say(self.dialogue.send_chunk(octets), octets)

    def read_reply(self, seconds: float | None = None) -> Reply:
        """Wait for the reply that is owed longest and give it.

        Args:
            seconds: How long to wait; None for what the settings say about what is owed.

        Raises:
            WaitTimedOut: It did not come in time. A strict session is then closed; in another one it is still owed.
            OutcomeUnknown: It was the reply to the final dot, and the connection is gone.
            ConnectionLost: The server closed the connection.
            ProtocolViolation: What came is no reply.
            UsageError: No reply is owed.
        """
        return self.read_owed(seconds).reply

    def read_owed(self, seconds: float | None = None) -> ReplyReceived:
        """Wait as `read_reply` does; give the reply with what it answers."""
        if self._wire.next_answer > self.dialogue.asked:
            self._check_open()
            raise UsageError("no reply is owed: there is nothing to wait for.")
        answer = self._wire.take_answer()
        if answer is not None:
            return answer
        self._check_open()
        owed = self.dialogue.owed[self._wire.next_answer - self.dialogue.answered - 1]
        waited = self._patience(owed) if seconds is None else seconds
        deadline = self._clock() + waited
        while answer is None:
            try:
                if not self._wire.receive(deadline):
                    self._time_out(owed, waited)
            except KeyboardInterrupt:
                self.give_up_waiting()
                raise
            answer = self._wire.take_answer()
        return answer

    def read_replies(self) -> list[ReplyReceived]:
        """Wait for all replies that are owed; give them in order. Raises as `read_reply` does."""
        found: list[ReplyReceived] = []
        while self._wire.next_answer <= self.dialogue.asked:
            found.append(self.read_owed())
        return found

    def read_late(self, seconds: float | None = None) -> Reply:
        """Wait for all replies that are owed, also those that nobody waited for any more.

        Args:
            seconds: How long to wait for each; None for what the settings say.

        Returns:
            The last one.

        Raises:
            DialogueBroken: As `read_reply` does.
        """
        self._wire.next_answer = self.dialogue.answered + 1
        reply = self.read_owed(seconds).reply
        while self.dialogue.owed:
            reply = self.read_owed(seconds).reply
        return reply

    @property
    def patience(self) -> float:
        """How many seconds the settings give the reply that is owed longest, or any reply when none is owed."""
        oldest = self.dialogue.oldest_owed
        return self.bounded(self.timeouts.reply if oldest is None else self._usual_patience(oldest))

    def bounded(self, seconds: float) -> float:
        """Give how long a wait may take that may take this long by the settings.

        Args:
            seconds: What the settings say.
        """
        wanted, left = seconds if self.within is None else self.within, self.until - self._clock()
        return wanted if wanted < left else max(left, _SHORTEST_WAIT)

    def wait_until(self, deadline: float) -> bool:
        """Take in what comes next, whatever it answers: for the consumers, and nothing of it for `read_reply`.

        Args:
            deadline: When to stop waiting, on the clock; in the past to look without waiting.

        Returns:
            Whether anything came.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        if not self._wire.is_open:
            self._check_open()
        came = self._wire.receive(deadline)
        self._wire.skip_answers()
        return came

    def time_out(self, waited: float) -> NoReturn:
        """Note that a wait is over, and nothing came.

        Args:
            waited: How many seconds it was.

        Raises:
            WaitTimedOut: Always.
        """
        self._time_out(self.dialogue.oldest_owed or Owed(Asked.COMMAND), waited)

    def listen(self, seconds: float) -> None:
        """Take in what comes for a while.

        Args:
            seconds: How long.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        deadline = self._clock() + seconds
        while self.is_open and self._wire.receive(deadline):
            pass

    def look(self) -> bool:
        """Take in what has come, without waiting.

        Returns:
            Whether anything came.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        return self._wire.look()

    def give_up_waiting(self) -> None:
        """Stop waiting for what is owed; it is shown and paired when it comes."""
        self.dialogue.expect_late()
        self._wire.skip_answers()

    def start_tls(self, settings: TlsSettings, *, name: str | None = None) -> TlsStarted:
        """Do the handshake after the 220 to STARTTLS, and forget all that was learnt in the clear.

        Args:
            settings: How to do TLS.
            name: The name to check the certificate against; None for the one that was connected to.

        Raises:
            ProtocolViolation: Text in the clear stands behind the 220: it is not believed, and the connection is closed.
            TlsFailed: The handshake failed, or the certificate could not be verified; the connection is closed.

        Source: RFC 3207 §4
        """
        self.look()
        self._check_open()
        return self._wire.shake_hands(
            settings, name or self.target.name, self.bounded(self.timeouts.tls), implicit=False
        )

    def decline_tls(self) -> None:
        """Go on in the clear after a 220 to STARTTLS, as a transcript with `*: no-tls` asks."""
        self._tls_declined = True
        self.dialogue.forget_plaintext()
        self._wire.skip_answers()
        self._wire.publish(Noticed(NoticeKind.NO_TLS))

    def explain(self, mechanism: str, meaning: str, *, client: bool) -> None:
        """Publish what the base64 line before means."""
        self._wire.publish(Decoded(client, mechanism, meaning))

    def set_user(self, mechanism: str, user: str) -> None:
        """Note who is authenticated now."""
        self.user = user
        self._wire.publish(Authenticated(mechanism, user))

    def notice(self, kind: NoticeKind, detail: str = "") -> None:
        """Publish a notice that is not the server's doing."""
        self._wire.publish(Noticed(kind, detail))

    def remark(self, text: str) -> None:
        """Publish a person's note."""
        self._wire.publish(Remarked(text))

    def close(self) -> None:
        """Close the connection."""
        self._wire.end(End.CLIENT)

    def drop(self, *, reset: bool = False) -> None:
        """Close the connection at once, in the middle of whatever it is in.

        Args:
            reset: Send a TCP reset.
        """
        if self.is_open:
            self._wire.transport.abort(reset=reset)
        self._wire.end(End.CLIENT, "reset" if reset else "dropped")

    def interrupt(self) -> None:
        """Let whoever waits on this session find the connection closed; any thread may."""
        self._wire.transport.shut()

    def wait_for_close(self, seconds: float) -> bool:
        """Wait until the server closes the connection.

        Returns:
            Whether it did.

        Raises:
            ProtocolViolation: It sent something that is no reply.
        """
        deadline = self._clock() + seconds
        while self.is_open:
            try:
                if not self._wire.receive(deadline):
                    return False
            except ConnectionLost:
                return True
        return True

    def _patience(self, owed: Owed) -> float:
        return self.bounded(self._usual_patience(owed))

    def _usual_patience(self, owed: Owed) -> float:
        times, verb = self.timeouts, owed.verb
        if verb == "QUIT":
            return times.quit
        if verb == "DATA":
            return times.data
        if owed.asked is Asked.GREETING:
            return times.greeting
        return times.final_dot if owed.ends_message or verb == "BDAT" else times.reply

    def _time_out(self, owed: Owed, waited: float) -> NoReturn:
        partly = " Part of it came." if self.dialogue.pending else ""
        self._wire.publish(TimedOut(waited, str(owed)))
        error = WaitTimedOut(f"{owed} did not come within {waited:g} s.{partly}")
        if not self.strict:
            self.give_up_waiting()
            raise error
        everything = self.dialogue.owed
        self._wire.end(End.TIMEOUT, error.message)
        raise self._wire.loss(everything, error)

    def _say(self, events: Iterable[Event], octets: bytes) -> None:
        self._wire.say(events, octets, self.timeouts.send, self.until)

    def _check_open(self) -> None:
        if not self.is_open:
            raise ConnectionLost("there is no connection any more; connect again.")

    def _check_sendable(self) -> None:
        if not self._wire.is_open:
            self._check_open()
        if self.dialogue.phase is Phase.TLS and not self._tls_declined:
            raise UsageError(
                "the server said 220 to STARTTLS: the handshake comes next, and nothing more goes in the clear."
            )


def _secret(octets: bytes) -> Secret:
    return Secret(octets.decode("utf-8", "surrogateescape"))

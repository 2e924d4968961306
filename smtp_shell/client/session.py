"""A session: one dialogue over one connection.

It moves the octets, stamps each event with the time, and publishes it. One thread uses a session. What the server sends is queued once,
in the order of the wire: `read_reply` takes the reply to what was sent last, `next_incoming` takes whatever is next.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from msgspec.structs import replace

from smtp_shell.client.begun import BegunReply
from smtp_shell.client.breaks import Hints, fatal, handshake_due, loss
from smtp_shell.client.event_stream import EventStream
from smtp_shell.client.handshake import shake_hands
from smtp_shell.client.incoming import IncomingReply
from smtp_shell.client.waits import Waits
from smtp_shell.client.ways import begin
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import (
    ConnectionLost,
    DialogueBroken,
    ProtocolViolation,
    TlsFailed,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.net.attempts import Watch
from smtp_shell.net.connect import connect
from smtp_shell.net.settings import DIRECT, ConnectSettings
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command, secret_start
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import (
    Authenticated,
    Connected,
    Disconnected,
    End,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyReceived,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.masking import EchoMask
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.phases import Asked, Owed, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smtp_shell.client.program import ProgramWords
    from smtp_shell.net.tap import Taps
    from smtp_shell.net.transport import Transport
    from smtp_shell.protocol.events import Consumer, Event
    from smtp_shell.protocol.maildata import MailDataEncoder
    from smtp_shell.protocol.replies import Reply, ReplyLimits
    from smtp_shell.protocol.secret import Secret

_LOGINS = frozenset({"AUTH", "XCLIENT"})
_FATAL_WHEN_STRICT = frozenset({NoticeKind.BAD_REPLY, NoticeKind.PREAMBLE, NoticeKind.UNSOLICITED})


class Session:
    """One connection and its dialogue.

    Args:
        target: What it is connected to.
        transport: The open connection.
        consumers: Called with each event at once.
        deferred: Called with each event after its octets are sent, before the next wait: a recording, which must not delay them.
        timeouts: Timeouts of each kind of wait.
        limits: How much the server may send.
        strict: Whether a reply that breaks the protocol, or answers nothing, ends the session, as it should where nobody watches.
        clock: Returns seconds.
        opened: When the connection was opened, on that clock; None for now.
        stream: The stream of its events, where some have been published before the connection was open; None to make one.

    Attributes:
        target: What it is connected to.
        looked_up: How many seconds the look-up of the server's name took; None where no name is looked up.
        dialogue: The state of the dialogue.
        waits: Timeouts, and what bounds them.
        strict: As above.
        tls: The facts of TLS; None in the clear.
        user: Who is authenticated; empty for nobody.
        bound_by: The type of channel binding of the last AUTH exchange; empty for none.
        is_open: Whether the connection is open.
        drives_auth: Whether a mechanism makes the responses of the AUTH exchange under way; those of a user are followed here.
        is_attacked: Whether text in the clear followed the 220 to STARTTLS.
        stream: The stream of its events.
        hints: What may be behind it when the connection breaks.
        publish: Delivers an event to every consumer, as `EventStream.publish` does.
        begun: The reply under way.
        incoming: The queue: what the server has sent and nobody has taken, in the order of the wire.
    """

    def __init__(
        self,
        target: Target,
        transport: Transport,
        consumers: Sequence[Consumer] = (),
        *,
        deferred: Sequence[Consumer] = (),
        timeouts: Timeouts | None = None,
        limits: ReplyLimits | None = None,
        strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
        opened: float | None = None,
        stream: EventStream | None = None,
    ) -> None:
        self.target = target
        self.dialogue = Dialogue(limits, preamble=target.way is Way.PIPE)
        self.dialogue.lmtp = target.lmtp
        self.waits = Waits(timeouts or Timeouts(), clock)
        self.strict = strict
        self.tls: TlsStarted | None = None
        self.user = self.bound_by = ""
        self.is_open = True
        self.drives_auth = self.is_attacked = False
        self.incoming: deque[IncomingReply] = deque()
        self._transport, self.looked_up = transport, transport.looked_up
        self._program: ProgramWords | None = None
        self._clock = clock
        self._sent_at = clock() if opened is None else opened
        self.stream = stream or EventStream(consumers, clock, self._sent_at, deferred)
        self.publish = self.stream.publish
        self._next_answer = 1  # ordinal of the reply that `read_reply` waits for, as in IncomingReply.number
        self._tls_declined = False
        self._echo = EchoMask()
        self.hints = Hints(target, transport)
        self.begun = BegunReply(self.dialogue, self._echo)
        self._violation: ProtocolViolation | None = None  # noticed; raised once the reply that made it is published

    @classmethod
    def open(
        cls,
        target: Target,
        consumers: Sequence[Consumer] = (),
        *,
        deferred: Sequence[Consumer] = (),
        timeouts: Timeouts | None = None,
        tls: TlsSettings | None = None,
        limits: ReplyLimits | None = None,
        strict: bool = False,
        connection: ConnectSettings = DIRECT,
        busy_poll: bool = False,
        taps: Taps | None = None,
        trying: Callable[[str], None] | None = None,
    ) -> Session:
        """Connect, and do the TLS handshake if TLS begins with the first octet. The greeting is still to be read.

        `trying` is called with each address of several that is tried, printable, and with an empty string once one has answered.

        Raises:
            ConnectFailed: There is no connection.
            TlsFailed: TLS failed or the certificate could not be verified.
        """
        timeouts = timeouts or Timeouts()
        opened = time.monotonic()
        stream = EventStream(consumers, time.monotonic, opened, deferred)
        transport = connect(target, timeouts.connect, connection, Watch(stream.publish, trying))
        session = None
        try:
            if taps is not None:
                transport.attach(taps, opened=True)
            session = cls(
                target,
                transport,
                timeouts=timeouts,
                limits=limits,
                strict=strict,
                opened=opened,
                stream=stream,
            )
            session.set_busy_poll(busy_poll)
            session.publish(
                Connected(str(target), target.tls, transport.peer, transport.looked_up, transport.opened_in)
            )
            session._program = begin(session, connection, session._echo)
            if target.tls:
                shake_hands(session, tls or TlsSettings(), target.name, timeouts.tls, implicit=True)
        except BaseException:
            if session is None or session.is_open:  # a consumer failed: nobody else has the connection to close it
                transport.abort()
            raise
        return session

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # State

    def set_busy_poll(self, on: bool) -> None:
        """Poll for quick replies without sleeping, or not, as `Transport.busy_poll` says."""
        self._transport.busy_poll = on

    @property
    def phase(self) -> Phase:
        """The phase of the dialogue."""
        return self.dialogue.phase

    @property
    def transport(self) -> Transport:
        """The connection below the dialogue: its addresses, and the tap of a capture."""
        return self._transport

    @property
    def has_input(self) -> bool:
        """Whether something has arrived that `look` would read."""
        return self.is_open and (self._transport.readable or (self._program is not None and self._program.waiting))

    @property
    def tls_due(self) -> bool:
        """Whether the server answered STARTTLS with 220 and the handshake is still to be done."""
        return self.dialogue.phase is Phase.TLS and not self._tls_declined

    @property
    def is_private(self) -> bool:
        """Whether nobody between here and the server can listen: TLS, a Unix socket or a pipe."""
        return self.tls is not None or self.target.way is not Way.TCP

    @property
    def outstanding(self) -> int:
        """How many replies are owed, or queued as answers and not taken."""
        taken = sum([each.number > 0 for each in self.incoming]) if self.incoming else 0
        return self.dialogue.asked - self.dialogue.answered + taken

    # Consumers

    def subscribe(self, consumer: Consumer) -> None:
        """Deliver each event from now on to a consumer."""
        self.stream.subscribe(consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Deliver no more events to a consumer."""
        self.stream.unsubscribe(consumer)

    def flush(self) -> None:
        """Deliver pending events to the deferred consumers, before a wait for something else than the server."""
        self.stream.flush()

    def keep_secret(self, secret: Secret) -> None:
        """Mask a secret wherever the server sends it back."""
        self._echo.add(secret)

    def keep_secrets_of(self, other: Session) -> None:
        """Mask what another session masks."""
        self._echo.add_all(other._echo)

    def set_user(self, mechanism: str, user: str) -> None:
        """Publish who is authenticated now."""
        self.user = user
        self.publish(Authenticated(mechanism, user))

    # Sending

    def command(self, command: Command) -> Reply:
        """Send a command and read its reply.

        Raises:
            DialogueBroken: The connection broke, the reply did not come in time or was none.
        """
        self.send(command)
        return self.read_reply()

    def send(self, *commands: Command, more: bool = False, looked: bool = False) -> None:
        """Send commands in one write, without waiting for replies.

        Args:
            commands: The commands.
            more: Whether a chunk follows the last one (BDAT).
            looked: Whether the caller has just called `look`.

        Raises:
            DialogueBroken: The connection broke, or what the server sent unasked ends a strict session.
        """
        self._begin_sending(looked=looked)
        events: list[Event] = []
        lines: list[bytes] = []
        for number, command in enumerate(commands, 1):
            if command.public is not None:
                self._echo.add_line(command.line, command.public)
            events += self.dialogue.send(command, pipelined=more or number < len(commands))
            lines.append(command.octets)
        self._send(events, b"".join(lines))

    def send_raw(self, octets: bytes) -> None:
        """Send exactly these octets.

        Raises:
            DialogueBroken: The connection broke, or what the server sent unasked ends a strict session.
        """
        self._begin_sending()
        self._send(self.dialogue.send_raw(octets), octets)

    def send_sasl(self, line: bytes, *, secret: bool = True, meaning: str = "") -> None:
        """Send a line of an AUTH exchange.

        Args:
            line: Base64, or `*`, without CRLF.
            secret: Whether it carries a credential.
            meaning: What it means, decoded and masked.

        Raises:
            DialogueBroken: The connection broke.
        """
        self._begin_sending(looked=True)
        events = self.dialogue.send_sasl(line, secret=secret, meaning=meaning)
        if secret:
            self._echo.add_octets(line, decoded=not self.dialogue.exchange.names_user)
            if (start := secret_start(line)) is not None:
                self._echo.add_line(line, start)  # another AUTH command, which the server takes for an answer
        self._send(events, line + CRLF)

    def send_mail_data(self, octets: bytes, *, last: bool = False) -> None:
        """Send a piece of mail data as it goes over the wire; the reply is not awaited.

        Args:
            octets: The piece, dot-stuffed. Before the final dot it ends in CRLF, or is empty.
            last: Whether the final dot follows, in the same write.

        Raises:
            DialogueBroken: The connection broke, or the server spoke in between.
        """
        if not octets and not last:
            return
        self.look()
        self._check_sendable()
        events = self.dialogue.send_mail_data(octets) if octets else []
        if last:
            self._next_answer = self.dialogue.asked + 1
            events = [*events, *self.dialogue.send_mail_data(END_OF_DATA, last=True)]
            octets += END_OF_DATA
        self._send(events, octets)

    def end_message(self, encoder: MailDataEncoder | None = None) -> Reply:
        """Send the final dot and read all that answers it.

        Args:
            encoder: The encoder of the preceding pieces; None if they ended in CRLF.

        Returns:
            The last reply: LMTP has one for each accepted recipient.

        Raises:
            OutcomeUnknown: The connection broke after the final dot.
            DialogueBroken: The connection broke before it.
        """
        end = encoder.end() if encoder else END_OF_DATA
        self.send_mail_data(end[: -len(END_OF_DATA)], last=True)
        return (self.read_replies() or [self.read_reply()])[-1]

    def send_bdat(self, octets: bytes, *, last: bool) -> Reply:
        """Send a BDAT command with its chunk, in one write, and read the reply.

        Args:
            octets: The chunk.
            last: Whether it ends the message.

        Raises:
            DialogueBroken: The connection broke.

        Source: RFC 3030 section 2
        """
        command = Command(f"BDAT {len(octets)}{' LAST' if last else ''}".encode())
        self._begin_sending()
        events = [*self.dialogue.send(command, pipelined=True), *self.dialogue.send_chunk(octets)]
        self._send(events, command.octets + octets)
        return (self.read_replies() or [self.read_reply()])[-1]

    def send_chunk(self, octets: bytes) -> None:
        """Send octets of a chunk whose BDAT command has been sent; the reply is still to be read.

        Raises:
            DialogueBroken: The connection broke.

        Source: RFC 3030 section 2
        """
        self._check_sendable()
        self._send(self.dialogue.send_chunk(octets), octets)

    # Reading

    def read_reply(self, seconds: float | None = None) -> Reply:
        """Wait for the oldest reply that is owed to what was sent last; skip what was queued before it.

        Args:
            seconds: Timeout; None for the one that `timeouts` has for what is owed.

        Raises:
            WaitTimedOut: It did not come in time. A strict session is then closed; in another one it is still owed.
            OutcomeUnknown: It was the reply to the final dot, and the connection is gone.
            ConnectionLost: The server closed the connection.
            ProtocolViolation: What came is no reply.
            UsageError: No reply is owed.
        """
        if self._next_answer > self.dialogue.asked:
            self._check_open()
            raise UsageError("no reply is owed: there is nothing to wait for.")
        reply = self._take_answer()
        if reply is not None:
            return reply
        self._check_open()
        owed = self.dialogue.owed[self._next_answer - self.dialogue.answered - 1]
        timeout = self.waits.for_reply(owed) if seconds is None else seconds
        deadline = self._clock() + timeout
        while reply is None:
            try:
                if not self.receive(deadline):
                    self._time_out(owed, timeout)
            except KeyboardInterrupt:
                # In a recording the wait has an end too, or the reply to a later command would seem to be missing.
                self.publish(TimedOut(round(timeout + self._clock() - deadline, 3), str(owed)))
                self.give_up_waiting()
                raise
            reply = self._take_answer()
        return reply

    @property
    def awaited(self) -> bool:
        """Whether a reply to what was sent last has not been read."""
        return self._next_answer <= self.dialogue.asked

    def read_replies(self) -> list[Reply]:
        """Wait for every reply that is owed to what was sent last, as `read_reply` does; return them in order."""
        found: list[Reply] = []
        while self.awaited:
            found.append(self.read_reply())
        return found

    def read_late(self, seconds: float | None = None) -> Reply:
        """Wait for all replies that are owed, including those that nobody waited for any more; return the last one.

        Args:
            seconds: Timeout of each; None for the one that `timeouts` has.

        Raises:
            DialogueBroken: As `read_reply` does.
        """
        self._next_answer = self.dialogue.answered + 1
        reply = self.read_reply(seconds)
        while self.dialogue.owed:
            reply = self.read_reply(seconds)
        return reply

    def next_incoming(self) -> IncomingReply:
        """Return what is next in the queue, whatever it answers; wait for it if the queue is empty.

        Raises:
            WaitTimedOut: Nothing whole came in time; what is owed is late from now on.
            OutcomeUnknown: Nothing came in time, or the connection is gone, after the final dot.
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        if not self.incoming:
            timeout = self.waits.for_reply(self.dialogue.oldest_owed)
            deadline = self._clock() + timeout
            while not self.incoming:
                if not self.receive(deadline):
                    self._time_out_incoming(timeout)
        return self.incoming.popleft()

    def wait_for_incoming(self, seconds: float) -> bool:
        """Wait until the queue holds something; return whether it does.

        Args:
            seconds: How long to wait; 0 to look only.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        deadline = self._clock() + seconds
        while not self.incoming and self.receive(deadline):
            pass
        return bool(self.incoming)

    def receive(self, deadline: float) -> bool:
        """Wait for octets; queue and publish what they mean.

        Args:
            deadline: When to stop waiting, on the clock; in the past to look only.

        Returns:
            Whether anything came.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        self._check_open()
        if self.stream.pending:
            self.stream.flush()
        try:
            octets = self._transport.recv(deadline) if self._program is None else self._program.receive(deadline)
        except (ConnectionLost, TlsFailed) as error:
            self._lose(error)
        if octets is None:
            return False
        if not octets:
            self._end_of_stream()
        with self.stream:
            for event in self.dialogue.receive(octets, self._clock() - self._sent_at):
                if isinstance(event, ReplyReceived):
                    self._take_reply(event)
                else:
                    self._take(event)
            if self.dialogue.pending_lines > self.begun.known:
                self.publish(self.begun.take_lines())
        return True

    def listen(self, seconds: float) -> None:
        """Read all that comes for a while.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        deadline = self._clock() + seconds
        while self.is_open and self.receive(deadline):
            pass

    def look(self) -> bool:
        """Read all that has arrived, without waiting; return whether there was anything.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        came = False
        while self.has_input and self.receive(0.0):
            came = True
        return came

    def give_up_waiting(self) -> None:
        """Stop waiting for what is owed; it is published as late when it comes."""
        self.dialogue.expect_late()
        self._next_answer = self.dialogue.asked + 1

    # TLS and the end

    def start_tls(self, settings: TlsSettings, *, name: str | None = None) -> TlsStarted:
        """Do the handshake after the 220 to STARTTLS, and forget all that was learnt in the clear.

        Args:
            settings: How to do TLS.
            name: The name to check the certificate against; None for the one that was connected to.

        Raises:
            ProtocolViolation: Text in the clear follows the 220: it is not believed, and the connection is closed.
            TlsFailed: The handshake failed, or the certificate could not be verified; the connection is closed.

        Source: RFC 3207 section 4
        """
        self.look()
        self._check_open()
        seconds = self.waits.bounded(self.waits.timeouts.tls)
        return shake_hands(self, settings, name or self.target.name, seconds, implicit=False)

    def decline_tls(self) -> None:
        """Go on in the clear after a 220 to STARTTLS, as a transcript with `*: no-tls` asks."""
        self._tls_declined = True
        self.begin_anew()
        self.publish(Noticed(NoticeKind.NO_TLS))

    def close(self) -> None:
        """Close the connection."""
        self.end(End.CLIENT)

    def drop(self, *, reset: bool = False) -> None:
        """Close the connection at once, in the middle of whatever it is in.

        Args:
            reset: Send a TCP reset.
        """
        if self.is_open:
            self._transport.abort(reset=reset)
        self.end(End.CLIENT, "reset" if reset else "dropped")

    def begin_anew(self) -> None:
        """Forget what was learnt in the clear, and owe nothing for it."""
        self.dialogue.forget_plaintext()
        self._next_answer = self.dialogue.asked + 1

    def end(self, end: End, detail: str = "") -> None:
        """Close the connection if it is open, and publish how it ended."""
        if not self.is_open:
            return
        self.is_open = False
        self._transport.close()
        with suppress(DialogueBroken):
            for event in self.dialogue.receive_eof():
                self._take(event)
        if self._program is not None:
            self._program.end()
        self.publish(Disconnected(end, detail))
        self.stream.flush()

    def interrupt(self) -> None:
        """Make a wait on this session find the connection closed. Safe to call from any thread."""
        self._transport.shut()

    # Private: sending
    def _begin_sending(self, *, looked: bool = False) -> None:
        if not looked:
            self.look()
        if not self.is_open or self.dialogue.phase is Phase.TLS:
            self._check_sendable()
        self._next_answer = self.dialogue.asked + 1

    def _send(self, events: Sequence[Event], octets: bytes) -> None:
        """Publish what is sent, and send it.

        Args:
            events: What it means.
            octets: All of it.

        Raises:
            DialogueBroken: The connection broke, or the server stopped reading.
        """
        if events and type(events[0]) is OctetsSent:
            self._echo.add_sent(events)
        with self.stream:
            for event in events:
                self.publish(event)
            self._sent_at = self._clock()
            try:
                self._transport.send(octets, self.waits.timeouts.send, self.waits.deadline)
            except (ConnectionLost, WaitTimedOut, TlsFailed) as error:
                self._not_sent(error)
            except KeyboardInterrupt:
                self.end(End.ERROR, "interrupted while sending")
                raise
        if self.stream.pending:
            self.stream.flush()

    def _not_sent(self, error: DialogueBroken) -> NoReturn:
        owed = self.dialogue.owed
        with suppress(DialogueBroken):
            self.look()
        if self.is_open:
            self._lose(error)
        raise loss(owed, error) from None

    def _check_open(self) -> None:
        if not self.is_open:
            raise ConnectionLost("there is no connection any more; connect again.")

    def _check_sendable(self) -> None:
        self._check_open()
        if self.dialogue.phase is Phase.TLS and not self._tls_declined:
            raise handshake_due()

    # Private: receiving

    def _take_answer(self) -> Reply | None:
        """Return the reply that `read_reply` waits for, if it is queued; drop what precedes it."""
        while self.incoming:
            incoming = self.incoming.popleft()
            if incoming.number >= self._next_answer and incoming.reply is not None:
                self._next_answer = incoming.number + 1
                return incoming.reply
        return None

    def _take(self, event: Event) -> None:
        if isinstance(event, Noticed):
            self._take_notice(event)
        else:
            self.publish(event)

    def _take_reply(self, event: ReplyReceived) -> None:
        if not self._echo.is_empty:
            masked = self._echo.reply(event.reply)
            if masked is not event.reply:
                self.publish(Noticed(NoticeKind.ECHO))
                self.dialogue.learn_again(event.reply, masked, event.command)
                event = replace(event, reply=masked)
        event = self.begun.finish(event)
        reply = event.reply
        number = 0 if event.seconds is None else self.dialogue.answered
        self.incoming.append(IncomingReply(reply, reply.octets, number, event.verb))
        self.publish(event)
        if event.verb in _LOGINS and not self._takes_from_mechanism(event):
            from smtp_shell.client.logins import follow

            follow(self, event, self._echo)
        if self._violation is not None:
            self._break_off(self.hints.violated(self.dialogue, self._violation, reply))

    def _takes_from_mechanism(self, event: ReplyReceived) -> bool:
        """Return whether a reply to AUTH is one to a mechanism, which knows what it means. After the last the user goes on by hand."""
        is_driven = self.drives_auth and event.verb == "AUTH"
        if is_driven and event.reply.code != 334:
            self.drives_auth = False
        return is_driven

    def _take_notice(self, notice: Noticed) -> None:
        """Publish a notice, and end the session where the notice demands it."""
        if notice.octets:
            self.is_attacked |= notice.kind is NoticeKind.PLAINTEXT_AFTER_STARTTLS
            if self.dialogue.pending_lines > self.begun.known:
                self.publish(self.begun.take_lines())
            notice, octets = self.begun.cut(notice)
            self.incoming.append(IncomingReply(None, octets))
        self.publish(notice)
        if error := fatal(notice, self.target, strict=self.strict):
            self._break_off(error)
        if self.strict and notice.kind in _FATAL_WHEN_STRICT and self._violation is None:
            self._violation = ProtocolViolation(notice.sentence)

    def _break_off(self, error: DialogueBroken) -> NoReturn:
        self.end(End.ERROR, error.message)
        raise error

    def _end_of_stream(self) -> NoReturn:
        owed, error = self.dialogue.owed, self.hints.closed(self.dialogue)
        if self._transport.truncated:
            self.publish(Noticed(NoticeKind.NO_CLOSE_NOTIFY))
        for event in self.dialogue.receive_eof():
            self._take(event)
        self.end(End.SERVER)
        raise loss(owed, error)

    def _lose(self, error: DialogueBroken) -> NoReturn:
        owed = self.dialogue.owed
        error = self.hints.lost(self.dialogue, error)
        for event in self.dialogue.receive_eof():
            self._take(event)
        self.end(End.ERROR, error.message)
        raise loss(owed, error)

    def _time_out(self, owed: Owed, waited: float) -> NoReturn:
        self.publish(TimedOut(waited, str(owed)))
        error = self.hints.timed_out(self.dialogue, owed, waited)
        if not self.strict:
            self.give_up_waiting()
            raise error
        everything = self.dialogue.owed
        self.end(End.TIMEOUT, error.message)
        raise loss(everything, error)

    def _time_out_incoming(self, waited: float) -> NoReturn:
        awaited = [owed for owed in self.dialogue.owed if not owed.late]
        try:
            self._time_out(self.dialogue.oldest_owed or Owed(Asked.COMMAND), waited)
        except WaitTimedOut as error:
            raise loss(awaited, error) from None

"""A dialogue over a connection: it moves the octets, stamps each event with the time, and publishes it.

One session is one connection, used by one thread. Everything that happens goes to its consumers, in order.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import NoReturn

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.connecting import connect
from smtp_shell.errors import (
    ConnectionLost,
    DialogueBroken,
    OutcomeUnknown,
    ProtocolViolation,
    TlsFailed,
    UsageError,
    WaitTimedOut,
)
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Asked, Dialogue, Owed, Phase
from smtp_shell.protocol.events import (
    Authenticated,
    Connected,
    Consumer,
    Decoded,
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
from smtp_shell.protocol.masking import conceal_octets
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.protocol.replies import Reply, ReplyLimits
from smtp_shell.protocol.secret import Secret
from smtp_shell.target import Target, Way
from smtp_shell.transport import Transport

_ALWAYS_FATAL = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.TOO_MUCH, NoticeKind.PLAINTEXT_AFTER_STARTTLS})
_FATAL_WHEN_STRICT = frozenset({NoticeKind.BAD_REPLY, NoticeKind.UNSOLICITED})


class Session:
    """One connection and its dialogue.

    Args:
        target: What it is connected to.
        transport: The open connection.
        consumers: Who gets each event.
        timeouts: How long to wait for what.
        limits: How much the server may say.
        strict: Whether a reply that breaks the protocol, or one that answers nothing, ends the session, as it should where
            nobody watches.
        clock: Gives seconds.
    """

    def __init__(
        self,
        target: Target,
        transport: Transport,
        consumers: Sequence[Consumer] = (),
        *,
        timeouts: Timeouts | None = None,
        limits: ReplyLimits | None = None,
        strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
        opened: float | None = None,
    ) -> None:
        self.target = target
        self.timeouts = timeouts or Timeouts()
        self.strict = strict
        self.dialogue = Dialogue(limits)
        self.dialogue.lmtp = target.lmtp
        self.tls: TlsStarted | None = None
        self.user = ""
        self.is_open = True
        self._transport = transport
        self._consumers = list(consumers)
        self._clock = clock
        self._opened = clock() if opened is None else opened
        self._seq = 0
        self._sent_at = self._opened
        self._answers: deque[tuple[int, ReplyReceived]] = deque()
        self._next = 1
        self._last_notice: NoticeKind | None = None
        self._secrets: list[Secret] = []
        self._failure: DialogueBroken | None = None
        self._tls_declined = False
        self._in_one_go = False
        self._pressed = False

    @classmethod
    def open(
        cls,
        target: Target,
        consumers: Sequence[Consumer] = (),
        *,
        timeouts: Timeouts | None = None,
        tls: TlsSettings | None = None,
        limits: ReplyLimits | None = None,
        strict: bool = False,
        source: str | None = None,
        family: int = 0,
    ) -> "Session":
        """Connect, and do the TLS handshake if TLS begins with the first octet. The greeting is still to be read.

        Raises:
            ConnectFailed: There is no connection.
            TlsFailed: TLS failed or the certificate could not be verified.
        """
        timeouts = timeouts or Timeouts()
        opened = time.monotonic()
        transport = connect(target, timeouts.connect, source=source, family=family)
        session = cls(target, transport, consumers, timeouts=timeouts, limits=limits, strict=strict, opened=opened)
        session._publish(Connected(str(target), target.tls, transport.peer))
        if target.tls:
            session._shake_hands(tls or TlsSettings(), implicit=True)
        return session

    @property
    def phase(self) -> Phase:
        """Where the dialogue stands."""
        return self.dialogue.phase

    @property
    def peer(self) -> str:
        """The address that answered; empty where that says nothing new."""
        return self._transport.peer

    @property
    def local_host(self) -> str:
        """The address of this end of the connection; empty where it has none."""
        return self._transport.local_host

    @property
    def has_input(self) -> bool:
        """Whether something has come that `look` would take in."""
        return self.is_open and self._transport.readable

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
        self._consumers.append(consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Let a consumer have no more events."""
        self._consumers.remove(consumer)

    def keep_secret(self, secret: Secret) -> None:
        """Mask this value wherever the server sends it back."""
        self._secrets.append(secret)

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

    def send(self, *commands: Command, more: bool = False) -> None:
        """Send commands, in one write, without waiting for replies.

        Args:
            commands: The commands.
            more: Whether a chunk follows the last one (BDAT).

        Raises:
            DialogueBroken: The connection broke, or what the server sent unasked ends a strict session.
        """
        self.look()
        octets = b"".join(command.octets for command in commands)
        self._check_sendable()
        self._next = self.dialogue.asked + 1
        events: list[Event] = []
        for number, command in enumerate(commands, 1):
            if command.secret:
                self.keep_secret(_secret(command.line[command.public :]))
            events += self.dialogue.send(command, pipelined=more or number < len(commands))
        self._say(events, octets)

    def send_raw(self, octets: bytes) -> None:
        """Send exactly these octets.

        Raises:
            DialogueBroken: The connection broke, or what the server sent unasked ends a strict session.
        """
        self.look()
        self._check_sendable()
        self._next = self.dialogue.asked + 1
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
        self._next = self.dialogue.asked + 1
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
        self.look()
        self._check_sendable()
        self._next = self.dialogue.asked + 1
        end = encoder.end() if encoder else END_OF_DATA
        line_end = end[: -len(END_OF_DATA)]
        events = self.dialogue.send_mail_data(line_end) if line_end else []
        self._say([*events, *self.dialogue.send_mail_data(END_OF_DATA, last=True)], end)

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
        self._next = self.dialogue.asked + 1
        command = Command(f"BDAT {len(octets)}{' LAST' if last else ''}".encode())
        for event in (*self.dialogue.send(command, pipelined=True), *self.dialogue.send_chunk(octets)):
            self._publish(event)
        self._transmit(command.octets + octets)
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
        if self._next > self.dialogue.asked:
            self._check_open()
            raise UsageError("no reply is owed: there is nothing to wait for.")
        answer = self._take_answer()
        if answer is not None:
            return answer
        self._check_open()
        owed = self.dialogue.owed[self._next - self.dialogue.answered - 1]
        waited = self._patience(owed) if seconds is None else seconds
        deadline = self._clock() + waited
        while answer is None:
            try:
                if not self._receive(deadline):
                    self._time_out(owed, waited)
            except KeyboardInterrupt:
                self.give_up_waiting()
                raise
            answer = self._take_answer()
        return answer

    def read_replies(self) -> list[ReplyReceived]:
        """Wait for all replies that are owed; give them in order. Raises as `read_reply` does."""
        found: list[ReplyReceived] = []
        while self._next <= self.dialogue.asked:
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
        self._next = self.dialogue.answered + 1
        reply = self.read_owed(seconds).reply
        while self.dialogue.owed:
            reply = self.read_owed(seconds).reply
        return reply

    @property
    def patience(self) -> float:
        """How many seconds the settings give the reply that is owed longest, or any reply when none is owed."""
        owed = self.dialogue.owed
        return self._patience(owed[0]) if owed else self.timeouts.reply

    def wait(self, seconds: float) -> bool:
        """Take in what comes next, whatever it answers.

        Args:
            seconds: How long to wait for it.

        Returns:
            Whether anything came.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        self._check_open()
        return self._receive(self._clock() + seconds)

    def time_out(self, waited: float) -> NoReturn:
        """Note that a wait is over, and nothing came.

        Args:
            waited: How many seconds it was.

        Raises:
            WaitTimedOut: Always.
        """
        owed = self.dialogue.owed
        self._time_out(owed[0] if owed else Owed(Asked.COMMAND), waited)

    def listen(self, seconds: float) -> None:
        """Take in what comes for a while.

        Args:
            seconds: How long.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        deadline = self._clock() + seconds
        while self.is_open and self._receive(deadline):
            pass

    def look(self) -> bool:
        """Take in what has come, without waiting.

        Returns:
            Whether anything came.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        came = False
        while self.is_open and self._receive(0.0):
            came = True
        return came

    def give_up_waiting(self) -> None:
        """Stop waiting for what is owed; it is shown and paired when it comes."""
        self.dialogue.expect_late()
        self._next = self.dialogue.asked + 1

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
        return self._shake_hands(settings, implicit=False, name=name)

    def decline_tls(self) -> None:
        """Go on in the clear after a 220 to STARTTLS, as a transcript with `*: no-tls` asks."""
        self._tls_declined = True
        self.dialogue.forget_plaintext()
        self._next = self.dialogue.asked + 1
        self._publish(Noticed(NoticeKind.NO_TLS))

    def explain(self, mechanism: str, meaning: str, *, client: bool) -> None:
        """Publish what the base64 line before means."""
        self._publish(Decoded(client, mechanism, meaning))

    def set_user(self, mechanism: str, user: str) -> None:
        """Note who is authenticated now."""
        self.user = user
        self._publish(Authenticated(mechanism, user))

    def notice(self, kind: NoticeKind, detail: str = "") -> None:
        """Publish a notice that is not the server's doing."""
        self._publish(Noticed(kind, detail))

    def remark(self, text: str) -> None:
        """Publish a person's note."""
        self._publish(Remarked(text))

    def close(self) -> None:
        """Close the connection."""
        self._end(End.CLIENT)

    def drop(self, *, reset: bool = False) -> None:
        """Close the connection at once, in the middle of whatever it is in.

        Args:
            reset: Send a TCP reset.
        """
        if self.is_open:
            self._transport.abort(reset=reset)
        self._end(End.CLIENT, "reset" if reset else "dropped")

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
                if not self._receive(deadline):
                    return False
            except ConnectionLost:
                return True
        return True

    def _take_answer(self) -> ReplyReceived | None:
        """Give the reply that is to be read next, if it is in; those before it are for nobody any more."""
        while self._answers:
            number, answer = self._answers.popleft()
            if number >= self._next:
                self._next = number + 1
                return answer
        return None

    def _patience(self, owed: Owed) -> float:
        times = self.timeouts
        if owed.asked is Asked.GREETING:
            return times.greeting
        if owed.ends_message:
            return times.final_dot
        verb = owed.command.verb if owed.command else ""
        if verb == "BDAT":
            return times.final_dot
        return {"DATA": times.data, "QUIT": times.quit}.get(verb, times.reply)

    def _receive(self, deadline: float) -> bool:
        """Take in what comes before the deadline; say whether anything did."""
        try:
            octets = self._transport.recv(deadline)
        except (ConnectionLost, TlsFailed) as error:
            self._lose(error)
        if octets is None:
            return False
        if not octets:
            self._end_of_stream()
        with self._whole():
            for event in self.dialogue.receive(octets):
                self._take(event)
        return True

    def _take(self, event: Event) -> None:
        if isinstance(event, ReplyReceived):
            seconds = self._clock() - self._sent_at
            unasked = event.command is None and self._last_notice is NoticeKind.UNSOLICITED
            masked = self._masked(event.reply)
            if masked is not event.reply:
                self.dialogue.learn_again(masked, event.command)
            event = replace(event, reply=masked, seconds=None if unasked else seconds)
            if not unasked:
                self._answers.append((self.dialogue.answered, event))
        elif isinstance(event, Noticed) and event.octets:
            event = replace(event, octets=self._mask(event.octets))
        self._last_notice = event.kind if isinstance(event, Noticed) else None
        self._publish(event)
        if isinstance(event, Noticed):
            self._judge(event)
        elif isinstance(event, ReplyReceived) and self._failure is not None:
            self._break_off(self._named(self._failure, event.reply))

    def _judge(self, notice: Noticed) -> None:
        """Decide whether a notice ends the session; what it is about is shown first."""
        if notice.kind in _ALWAYS_FATAL:
            shown = f': "{escape(notice.octets[:120].rstrip())}"' if notice.octets else ""
            self._break_off(ProtocolViolation(f"{notice.sentence}{shown}. The connection is closed."))
        if self.strict and notice.kind in _FATAL_WHEN_STRICT and self._failure is None:
            self._failure = ProtocolViolation(notice.sentence)

    def _named(self, failure: DialogueBroken, reply: Reply) -> DialogueBroken:
        """Give a failure with the words of the reply that made it; a 421 that nobody asked for only says goodbye."""
        said = escape(b" ".join(reply.wire_lines())[:200])
        if reply.code == 421:
            return ConnectionLost(f'the server said "{said}" unasked and is closing; connect again.')
        return ProtocolViolation(f'{failure.message}: "{said}". The connection is closed.')

    def _break_off(self, failure: DialogueBroken) -> NoReturn:
        self._end(End.ERROR, failure.message)
        raise failure

    def _masked(self, reply: Reply) -> Reply:
        octets = self._mask(reply.octets)
        if octets is reply.octets:
            return reply
        self._publish(Noticed(NoticeKind.ECHO))
        return replace(reply, octets=octets, lines=tuple(self._mask(line) for line in reply.lines))

    def _mask(self, octets: bytes) -> bytes:
        masked = octets
        for secret in self._secrets:
            masked = conceal_octets(masked, secret)
        return octets if masked == octets else masked

    def _end_of_stream(self) -> NoReturn:
        owed = self.dialogue.owed
        if self._transport.truncated:
            self._publish(Noticed(NoticeKind.NO_CLOSE_NOTIFY))
        cut = bool(self.dialogue.pending)
        for event in self.dialogue.receive_eof():
            self._take(event)
        waiting = f" while {owed[0]} was owed" if owed else ""
        where = " in the middle of a reply" if cut else waiting
        self._end(End.SERVER)
        raise self._loss(owed, ConnectionLost(f"the server closed the connection{where}."))

    def _lose(self, error: DialogueBroken) -> NoReturn:
        owed = self.dialogue.owed
        for event in self.dialogue.receive_eof():
            self._take(event)
        self._end(End.ERROR, error.message)
        raise self._loss(owed, error)

    def _loss(self, owed: Sequence[Owed], error: DialogueBroken) -> DialogueBroken:
        if any(each.ends_message for each in owed):
            return OutcomeUnknown(
                f"the outcome is unknown: {error.message.rstrip('.')}; the message may have been accepted, so look before sending it again."
            )
        return error

    def _time_out(self, owed: Owed, waited: float) -> NoReturn:
        partly = " Part of it came." if self.dialogue.pending else ""
        self._publish(TimedOut(waited, str(owed)))
        error = WaitTimedOut(f"{owed} did not come within {waited:g} s.{partly}")
        if not self.strict:
            self.give_up_waiting()
            raise error
        everything = self.dialogue.owed
        self._end(End.TIMEOUT, error.message)
        raise self._loss(everything, error)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Let a Ctrl-C that comes while a consumer works wait until what is half done is whole.

        Else a command would be owed a reply and never go out, or a reply be lost with the segment it came in.
        """
        outer, self._in_one_go = self._in_one_go, True
        try:
            yield
        except BaseException:
            self._pressed = False
            raise
        finally:
            self._in_one_go = outer
        self._raise_pressed()

    def _raise_pressed(self) -> None:
        if self._pressed and not self._in_one_go:
            self._pressed = False
            raise KeyboardInterrupt

    def _say(self, events: Iterable[Event], octets: bytes) -> None:
        """Publish what goes out, and send it."""
        with self._whole():
            for event in events:
                self._publish(event)
            self._transmit(octets)

    def _transmit(self, octets: bytes) -> None:
        self._sent_at = self._clock()
        owed = self.dialogue.owed
        try:
            self._transport.send(octets, self.timeouts.send)
        except (ConnectionLost, WaitTimedOut, TlsFailed) as error:
            with suppress(DialogueBroken):
                self.look()
            if self.is_open:
                self._lose(error)
            raise self._loss(owed, error) from None
        except KeyboardInterrupt:
            self._end(End.ERROR, "interrupted while sending")
            raise

    def _check_open(self) -> None:
        if not self.is_open:
            raise ConnectionLost("there is no connection any more; connect again.")

    def _check_sendable(self) -> None:
        self._check_open()
        if self.tls_due:
            raise UsageError(
                "the server said 220 to STARTTLS: the handshake comes next, and nothing more goes in the clear."
            )

    def _shake_hands(self, settings: TlsSettings, *, implicit: bool, name: str | None = None) -> TlsStarted:
        checked = name or self.target.name
        try:
            facts = self._transport.start_tls(settings, checked, self.timeouts.tls, implicit=implicit)
        except DialogueBroken as error:
            self._end(End.ERROR, error.message)
            raise
        except KeyboardInterrupt:
            self._end(End.ERROR, "interrupted in the TLS handshake")
            raise
        if not implicit:
            self.dialogue.forget_plaintext()
            self._next = self.dialogue.asked + 1
        self.tls = facts
        self._publish(facts)
        return facts

    def _end(self, end: End, detail: str = "") -> None:
        if not self.is_open:
            return
        self.is_open = False
        self._transport.close()
        self.dialogue.phase = Phase.CLOSED
        self._publish(Disconnected(end, detail))

    def _publish(self, event: Event) -> None:
        self._seq += 1
        in_tls = self._transport.in_tls and not isinstance(event, TlsStarted)
        entry = Entry(self._seq, self._clock() - self._opened, event, in_tls)
        for consumer in tuple(self._consumers):
            try:
                consumer(entry)
            except KeyboardInterrupt:  # the others shall have it too
                self._pressed = True
        self._raise_pressed()


def _secret(octets: bytes) -> Secret:
    return Secret(octets.decode("utf-8", "surrogateescape"))

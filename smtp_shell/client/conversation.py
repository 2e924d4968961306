"""Octets and events over one connection: what is received, sent, masked, judged, and how it ends."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NoReturn

from msgspec.structs import replace

from smtp_shell.client.event_stream import EventStream
from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConnectionLost, DialogueBroken, OutcomeUnknown, ProtocolViolation, TlsFailed, WaitTimedOut
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.dialogue import Dialogue, Owed, Phase
from smtp_shell.protocol.events import (
    Consumer,
    Disconnected,
    End,
    Event,
    Noticed,
    NoticeKind,
    ReplyReceived,
    TlsStarted,
)
from smtp_shell.protocol.masking import conceal_traces, traces_of
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import Reply, ReplyLimits
from smtp_shell.protocol.secret import Secret

_ALWAYS_FATAL = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.TOO_MUCH, NoticeKind.PLAINTEXT_AFTER_STARTTLS})
_FATAL_WHEN_STRICT = frozenset({NoticeKind.BAD_REPLY, NoticeKind.UNSOLICITED})


class Conversation:
    """A dialogue on a transport, without any idea of what is to be said.

    Args:
        transport: The open connection.
        consumers: Who gets each event.
        afterwards: Who gets each event behind the octets that it is about, and before any wait.
        limits: How much the server may say.
        strict: Whether a reply that breaks the protocol, or one that answers nothing, ends it.
        clock: Gives seconds.
        opened: When the connection was opened, on that clock.

    Attributes:
        dialogue: Where the dialogue stands.
        tls: The facts of TLS, once it has started.
        is_open: Whether the connection is open.
        next_answer: Number of the reply that is to be read next, of all that are or were owed.
        publish: Gives an event to every consumer.
        catch_up: Gives who gets events afterwards all that has happened; to be called before something else than the server is waited for.
    """

    def __init__(
        self,
        transport: Transport,
        consumers: Sequence[Consumer] = (),
        *,
        afterwards: Sequence[Consumer] = (),
        limits: ReplyLimits | None = None,
        strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
        opened: float,
    ) -> None:
        self.transport = transport
        self.strict = strict
        self.dialogue = Dialogue(limits)
        self.tls: TlsStarted | None = None
        self.is_open = True
        self.next_answer = 1
        self._stream = EventStream(consumers, clock, opened, afterwards)
        self.publish = self._stream.publish
        self.catch_up = self._stream.catch_up
        self._clock = clock
        self._sent_at = opened
        self._answers: deque[tuple[int, ReplyReceived]] = deque()
        self._traces: dict[bytes, None] = {}
        self._failure: DialogueBroken | None = None

    def subscribe(self, consumer: Consumer) -> None:
        """Let a consumer have each event from now on."""
        self._stream.subscribe(consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Let a consumer have no more events."""
        self._stream.unsubscribe(consumer)

    def keep_secret(self, secret: Secret) -> None:
        """Mask this value wherever the server sends it back."""
        self._traces.update(dict.fromkeys(traces_of(secret)))

    def keep_secrets_of(self, other: Conversation) -> None:
        """Mask here too what another conversation masks."""
        self._traces.update(other._traces)

    def skip_answers(self) -> None:
        """Let the next reply that is read be one to what is said from now on."""
        self.next_answer = self.dialogue.asked + 1
        self._answers.clear()

    def take_answer(self) -> ReplyReceived | None:
        """Give the reply that is to be read next, if it is in; those before it are for nobody any more."""
        while self._answers:
            number, answer = self._answers.popleft()
            if number >= self.next_answer:
                self.next_answer = number + 1
                return answer
        return None

    def receive(self, deadline: float) -> bool:
        """Take in what comes.

        Args:
            deadline: When to stop waiting, on the clock; in the past to look without waiting.

        Returns:
            Whether anything came.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        self.catch_up()
        try:
            octets = self.transport.recv(deadline)
        except (ConnectionLost, TlsFailed) as error:
            self._lose(error)
        if octets is None:
            return False
        if not octets:
            self._end_of_stream()
        with self._stream:
            for event in self.dialogue.receive(octets, self._clock() - self._sent_at):
                self._take(event)
        return True

    def _take(self, event: Event) -> None:
        if isinstance(event, ReplyReceived):
            masked = self._masked(event.reply) if self._traces else event.reply
            if masked is not event.reply:
                self.dialogue.learn_again(event.reply, masked, event.command)
                event = replace(event, reply=masked)
            if event.seconds is not None:
                self._answers.append((self.dialogue.answered, event))
            self.publish(event)
            if self._failure is not None:
                self._break_off(self._named(self._failure, event.reply))
        elif isinstance(event, Noticed):
            if event.octets:
                event = replace(event, octets=self._mask(event.octets))
            self.publish(event)
            self._judge(event)
        else:
            self.publish(event)

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
        self.end(End.ERROR, failure.message)
        raise failure

    def _masked(self, reply: Reply) -> Reply:
        octets = self._mask(reply.octets)
        if octets is reply.octets:
            return reply
        self.publish(Noticed(NoticeKind.ECHO))
        return replace(reply, octets=octets, lines=tuple(self._mask(line) for line in reply.lines))

    def _mask(self, octets: bytes) -> bytes:
        return conceal_traces(octets, self._traces)

    def _end_of_stream(self) -> NoReturn:
        owed = self.dialogue.owed
        if self.transport.truncated:
            self.publish(Noticed(NoticeKind.NO_CLOSE_NOTIFY))
        cut = bool(self.dialogue.pending)
        for event in self.dialogue.receive_eof():
            self._take(event)
        waiting = f" while {owed[0]} was owed" if owed else ""
        where = " in the middle of a reply" if cut else waiting
        self.end(End.SERVER)
        raise self.loss(owed, ConnectionLost(f"the server closed the connection{where}."))

    def _lose(self, error: DialogueBroken) -> NoReturn:
        owed = self.dialogue.owed
        for event in self.dialogue.receive_eof():
            self._take(event)
        self.end(End.ERROR, error.message)
        raise self.loss(owed, error)

    def look(self) -> bool:
        """Take in what has come, without waiting; say whether anything did.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        came = False
        while self.is_open and self.transport.readable and self.receive(0.0):
            came = True
        return came

    def loss(self, owed: Sequence[Owed], error: DialogueBroken) -> DialogueBroken:
        """Give the error for a connection that broke while replies were owed: behind a message, its outcome is unknown."""
        if any(each.ends_message for each in owed):
            return OutcomeUnknown(
                f"the outcome is unknown: {error.message.rstrip('.')}; the message may have been accepted, so look before sending it again."
            )
        return error

    def say(self, events: Iterable[Event], octets: bytes, seconds: float, until: float) -> None:
        """Publish what goes out, and send it.

        Args:
            events: What it is.
            octets: All of it.
            seconds: How long each 64 KiB may take.
            until: When all of it must be sent, on the clock.

        Raises:
            DialogueBroken: The connection broke, or the server stopped reading.
        """
        with self._stream:
            for event in events:
                self.publish(event)
            self._sent_at = self._clock()
            try:
                self.transport.send(octets, seconds, until)
            except (ConnectionLost, WaitTimedOut, TlsFailed) as error:
                self._not_sent(error)
            except KeyboardInterrupt:
                self.end(End.ERROR, "interrupted while sending")
                raise
        self.catch_up()

    def _not_sent(self, error: DialogueBroken) -> NoReturn:
        owed = self.dialogue.owed
        with suppress(DialogueBroken):
            self.look()
        if self.is_open:
            self._lose(error)
        raise self.loss(owed, error) from None

    def shake_hands(self, settings: TlsSettings, name: str, seconds: float, *, implicit: bool) -> TlsStarted:
        """Do the TLS handshake; after STARTTLS all that was learnt in the clear is forgotten.

        Args:
            settings: How to do it.
            name: The name to check the certificate against.
            seconds: How long it may take.
            implicit: Whether TLS begins with the first octet.

        Raises:
            TlsFailed: It failed; the connection is closed.
            ProtocolViolation: Text in the clear came in its place; the connection is closed.
        """
        self.catch_up()
        try:
            facts = self.transport.start_tls(settings, name, seconds, implicit=implicit)
        except DialogueBroken as error:
            self.end(End.ERROR, error.message)
            raise
        except KeyboardInterrupt:
            self.end(End.ERROR, "interrupted in the TLS handshake")
            raise
        if not implicit:
            self.dialogue.forget_plaintext()
            self.skip_answers()
        self.tls = facts
        self.publish(facts)
        self._stream.tls = True
        return facts

    def end(self, end: End, detail: str = "") -> None:
        """Close the connection, if it is open, and publish how it ended."""
        if not self.is_open:
            return
        self.is_open = False
        self.transport.close()
        self.dialogue.phase = Phase.CLOSED
        self.publish(Disconnected(end, detail))
        self.catch_up()

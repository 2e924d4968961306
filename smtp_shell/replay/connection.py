"""The connection of a replay: opened, watched and closed as the events of the transcript say, within the time of the whole replay."""

from __future__ import annotations

import math
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.errors import ConnectionLost, DialogueBroken, WaitTimedOut
from smtp_shell.figures import plain
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.rawlines import is_whole_proxy_header
from smtp_shell.replay.endings import ConnectForeseen
from smtp_shell.replay.incoming import IncomingReplies
from smtp_shell.replay.targets import find_target
from smtp_shell.replay.verifier import DIFFERS, VIOLATED, Comparison, unexpected
from smtp_shell.transcript.step import Marker

if TYPE_CHECKING:
    from smtp_shell.config import Timeouts
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.replay.account import RunAccount
    from smtp_shell.replay.cursor import StepCursor
    from smtp_shell.replay.emitter import ResultEmitter
    from smtp_shell.replay.plan import ReplayPlan
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.replay.verifier import ReplyVerifier
    from smtp_shell.transcript.step import Step

_TICK = 0.2
_LAST_LOOK = 0.1
"""Seconds in which a server may still send something unasked when a transcript ends."""

_GOODBYE = 1.0
"""Seconds in which a server may close the connection after it has answered QUIT."""

_SHORTEST_WAIT = 0.001
_READY = frozenset((Phase.FRESH, Phase.READY, Phase.MAIL, Phase.RCPT))
"""Phases in which the server waits for a command."""


class ReplayConnection:
    """One connection after the other, and the events that are about them.

    Args:
        name: The transcript's name, escaped.
        settings: How it is replayed.
        checked: Its plan.
        cursor: The transcript.
        verifier: Compares what comes with it.
        emitter: Makes results.
        account: Is flushed before a wait.

    Attributes:
        session: The connection while it is open; after a difference perhaps one that was closed.
        incoming: What the server has sent on it.
        server: What the first connection was made to; empty before it.
        deadline: When the whole replay must end, on the clock of `time.monotonic`.
        overall: Seconds that the replay may take in all.
        is_interrupted: Whether `interrupt` was called.
    """

    def __init__(
        self,
        name: str,
        settings: ReplaySettings,
        checked: ReplayPlan,
        cursor: StepCursor,
        verifier: ReplyVerifier,
        emitter: ResultEmitter,
        account: RunAccount,
    ) -> None:
        self.session: Session | None = None
        self.incoming: IncomingReplies | None = None
        self.server = ""
        self.deadline = 0.0
        self.is_interrupted = False
        self.overall = settings.overall_for(checked.header)
        self._name = name
        self._settings = settings
        self._plan = checked
        self._cursor = cursor
        self._verifier = verifier
        self._emitter = emitter
        self._account = account

    def interrupt(self) -> None:
        """End all waits soon. Safe to call from any thread."""
        self.is_interrupted = True
        self.overall = self.deadline = 0.0
        session = self.session
        if session is not None:
            session.interrupt()

    def hand_over(self) -> None:
        """Lift the bounds of the replay from the session: a user goes on with it."""
        if self.session is not None:
            self.session.waits.deadline, self.session.waits.reply_timeout = math.inf, None
            self.session.set_busy_poll(False)

    def allow(self, seconds: float) -> None:
        """Allow so much time for what follows, if less is left."""
        self.deadline = max(self.deadline, monotonic() + seconds)
        if self.session is not None:
            self.session.waits.deadline = self.deadline

    def settle(self) -> bool:
        """Make the connection ready for another command after a difference, and close it where that cannot be; return whether it is open.

        Replies that are still owed are read. Where the server waits for mail data, a response or a handshake, no command can be sent.
        """
        session, incoming = self.session, self.incoming
        if session is None or incoming is None:
            return False
        until = monotonic() + session.waits.bounded(session.waits.timeouts.quit)
        doubtful = self._verifier.doubtful
        incoming.drop_all()
        while incoming.broken is None and session.outstanding > doubtful and monotonic() < until:
            incoming.look(max(until - monotonic(), _SHORTEST_WAIT))
            incoming.drop_all()
        is_whole = session.outstanding <= doubtful and not session.dialogue.unended
        if incoming.broken is None and is_whole and session.phase in _READY:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close the connection at once, without a look at what the server may still send."""
        if self.session is not None:
            self.session.close()
        self._forget()

    def check_time(self) -> None:
        """Check that the replay has time left.

        Raises:
            WaitTimedOut: It has none.
        """
        if monotonic() >= self.deadline:
            raise WaitTimedOut(f"the replay took longer than {plain(self.overall)} s in all.")

    def opened(self, step: Step) -> tuple[Session, IncomingReplies]:
        """Return the session; where a transcript has no `connect`, connect first.

        Args:
            step: The step that needs it.

        Raises:
            DialogueEnded: There is no connection.
            ConnectForeseen: There is none, as in the transcript.
        """
        session, incoming = self.session, self.incoming
        if session is None or incoming is None:
            return self._open(self._plan.address, tls=self._plan.tls, line=step.line)
        if not session.is_open and incoming.broken is None:
            incoming.broken = ConnectionLost("the connection is closed, and the transcript goes on.")
        return session, incoming

    def act(self, step: Step) -> None:
        """Act on an event about the connection.

        Raises:
            DialogueEnded: The dialogue ends here.
            WaitTimedOut: The replay has no time left.
        """
        name, *words = step.event
        match name:
            case "connect":
                self.end()
                with suppress(ConnectForeseen):
                    self._open(words[0], tls="tls" in words[1:], line=step.line)
            case "wait":
                self._wait(float(words[0]))
            case "close" if words[:1] == ["server"]:
                self._expect_close(step)
            case "close" | "error":
                self.end(reset=words[:1] == ["reset"], look=name == "close" and words[:1] != ["dropped"])
            case "timeout" if not words:
                self.end(look=False)

    def end(self, *, reset: bool = False, look: bool = True) -> None:
        """Close the connection, if there is one.

        Args:
            reset: Send a TCP reset.
            look: Whether to look for what the server has sent and the transcript does not have.

        Raises:
            DialogueEnded: There is something.
        """
        session, incoming, started = self.session, self.incoming, monotonic()
        if session is None or incoming is None:
            return
        if look and not reset:
            self._account.flush()
            goodbye = min(_GOODBYE, session.waits.bounded(session.waits.timeouts.quit))
            incoming.look(goodbye if session.phase is Phase.CLOSED else _LAST_LOOK)
        surplus = self._verifier.surplus(incoming) if look else None
        if surplus is not None:
            status = VIOLATED if surplus.reply is None else DIFFERS
            why = "something came that the transcript does not have"
            self._emitter.emit((self._cursor.line,), "", started, unexpected(surplus, status, why))
        if reset:
            session.drop(reset=True)
        session.close()
        self._forget()

    def _forget(self) -> None:
        """Forget a connection that is closed, except for the TLS handshake that failed in it and is reported."""
        broken = self.incoming.broken if self.incoming is not None else None
        if broken is not None:
            if self._account.status:
                self._account.note_handshake(broken, self._settings.tls_settings)
            _drop_frames(broken)
        self.session = self.incoming = None

    def _open(self, address: str, *, tls: bool, line: int) -> tuple[Session, IncomingReplies]:
        settings = self._settings
        target = find_target(self._name, settings, address, tls=tls)
        self._verifier.doubtful = 0
        self.server = self.server or str(target)
        try:
            session = Session.open(
                target,
                deferred=settings.consumers,
                timeouts=self._capped(settings.timeouts),
                tls=settings.tls_settings,
                connection=self._with_header(settings.connection, target),
                busy_poll=settings.busy_poll,
                taps=settings.taps,
            )
        except DialogueBroken as error:
            if not self._verifier.foresees(error, attacked=False, cut=True):
                self._account.note_handshake(error, settings.tls_settings)
                failure = Comparison(ended=True).differing(error.exit_status, error.message.removesuffix("."))
                self._emitter.emit((line,) if line else (), "*: connect", monotonic(), failure)
            raise ConnectForeseen from None
        session.waits.timeouts = settings.timeouts
        session.waits.deadline = self.deadline
        self.session, self.incoming = session, IncomingReplies(session)
        return session, self.incoming

    def _with_header(self, connection: ConnectSettings, target: Target) -> ConnectSettings:
        """Return how to connect: where TLS begins with the first octet, with the PROXY header that the transcript has next."""
        if not target.tls or connection.proxy_protocol is not None:
            return connection
        step = next(self._cursor.look_ahead_acted(), None)
        if step is None or step.marker is not Marker.CLIENT_OCTETS or not is_whole_proxy_header(step.octets):
            return connection
        from smtp_shell.protocol.proxy_header import ProxyHeader

        return replace(connection, proxy_protocol=ProxyHeader("", verbatim=step.octets))

    def _capped(self, timeouts: Timeouts) -> Timeouts:
        """Return the timeouts of a connection, no longer than what is left of the replay's time."""
        left = max(self.deadline - monotonic(), _SHORTEST_WAIT)
        return replace(timeouts, connect=min(timeouts.connect, left), tls=min(timeouts.tls, left))

    def _wait(self, seconds: float) -> None:
        until = monotonic() + seconds
        while (left := min(until, self.deadline) - monotonic()) > 0:  # an interruption moves the deadline
            session, incoming = self.session, self.incoming
            if session is None or not session.is_open or incoming is None or incoming.broken is not None:
                sleep(min(left, _TICK))
            else:
                incoming.watch(left)
        self.check_time()

    def _expect_close(self, step: Step) -> None:
        session, incoming, started = self.session, self.incoming, monotonic()
        found = Comparison(demanded=True)
        if session is not None and incoming is not None and session.is_open:
            found = self._verifier.verify_close(session, incoming)
        elif session is not None and session.is_attacked:
            return
        self._emitter.emit((step.line,), "*: close server", started, found)
        if session is not None:
            session.close()


def _drop_frames(error: BaseException | None) -> None:
    """Drop the frames in which an error, and what it came of, was raised.

    They refer to all of the replay, which refers to the error. Each dialogue ends so, and the collector left the circles of hundreds, with
    the buffers of TLS in them: memory grew by 7 MB in 3,000 dialogues.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__

"""What all connections of a mock server share."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from smtp_shell.servers.faults import FaultPlan
from smtp_shell.servers.mock.picking import SessionPicker

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.servers.certificate import ServerCertificate
    from smtp_shell.servers.mock.connection import MockConnection
    from smtp_shell.servers.mock.results import ServedSession
    from smtp_shell.servers.mock.script import MockScript
    from smtp_shell.servers.mock.settings import MockSettings
    from smtp_shell.servers.watching import Watch

MOST_RESULTS: Final = 1_000
"""How many sessions that are over are kept."""


class MockShared:
    """What all connections share.

    Args:
        script: What is expected and said.
        settings: How the server is to be.
        certificate: Returns the certificate, which may still be in the making.
        watch: Watches the connections; None where nobody does.
        on_session: Called with each session that is over, in the server's thread.

    Attributes:
        script: As above.
        settings: As above.
        certificate: As above.
        watch: As above.
        faults: What is to go wrong.
        picker: Chooses the session of the script.
        connections: The connections that are open.
        done: Set when the server has served as many sessions as it was to serve.
    """

    def __init__(
        self,
        script: MockScript,
        settings: MockSettings,
        certificate: Callable[[], Future[ServerCertificate]],
        watch: Watch | None = None,
        on_session: Callable[[ServedSession], None] | None = None,
    ) -> None:
        self.script, self.settings, self.certificate, self.watch = script, settings, certificate, watch
        self.faults = FaultPlan(settings.faults, settings.seed)
        self.picker = SessionPicker(script.sessions, once=settings.once)
        self.connections: set[MockConnection] = set()
        self.done = threading.Event()
        self._changed = threading.Condition()
        self._count = 0
        self._over = 0
        self._differed = 0
        self._results: deque[ServedSession] = deque(maxlen=MOST_RESULTS)
        self._on_session = on_session

    @property
    def is_done(self) -> bool:
        """Whether no more connections are served."""
        most = self.settings.sessions
        return self.picker.is_empty or (most > 0 and self._count >= most)

    @property
    def totals(self) -> tuple[int, int]:
        """How many sessions are over, and in how many of them something differed."""
        with self._changed:
            return self._over, self._differed

    @property
    def begun(self) -> int:
        """How many sessions have begun."""
        return self._count

    def count(self) -> int:
        """Count a connection, and return its number."""
        self._count += 1
        return self._count

    def add(self, session: ServedSession) -> None:
        """Keep the result of a session that is over."""
        with self._changed:
            self._over += 1
            self._differed += not session.ok
            self._results.append(session)
            self._changed.notify_all()
        if self._on_session is not None:
            self._on_session(session)
        if self.is_done and not self.connections:
            self.done.set()

    def results(self, count: int, seconds: float) -> tuple[ServedSession, ...]:
        """Return the sessions that are over, once there are so many of them, or after some seconds.

        Args:
            count: How many sessions to wait for.
            seconds: How long to wait at most.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over >= count, seconds)
            return tuple(self._results)

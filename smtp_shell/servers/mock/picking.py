"""Which session of a transcript is served to which connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.servers.mock.script import ScriptedSession


class SessionPicker:
    """Hands out the sessions of a transcript in their order, and from the first again after the last.

    Args:
        sessions: The sessions.
        once: Whether each of them is handed out once only.
    """

    def __init__(self, sessions: tuple[ScriptedSession, ...], *, once: bool) -> None:
        self._sessions = sessions
        self._once = once
        self._next = 0
        self._played: set[int] = set()  # numbers of the sessions that were handed out, if each is played once

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to hand out."""
        return self._once and len(self._played) == len(self._sessions)

    def next(self) -> ScriptedSession | None:
        """Return the next session; None if there is none left."""
        if self.is_empty:
            return None
        while self._next in self._played:
            self._next = (self._next + 1) % len(self._sessions)
        at = self._next
        self._next = (self._next + 1) % len(self._sessions)
        if self._once:
            self._played.add(at)
        return self._sessions[at]

    def others(self, session: ScriptedSession) -> Iterator[ScriptedSession]:
        """Yield the sessions that could be served in place of one.

        Args:
            session: The session that has been handed out.
        """
        for at, other in enumerate(self._sessions):
            if other is not session and at not in self._played and other.tls == session.tls:
                yield other

    def change(self, session: ScriptedSession, other: ScriptedSession) -> None:
        """Replace a session that was handed out by another one.

        Args:
            session: The session that was handed out.
            other: One of `others`.
        """
        if self._once:
            self._played.discard(_at(self._sessions, session))
            self._played.add(_at(self._sessions, other))


def _at(sessions: tuple[ScriptedSession, ...], session: ScriptedSession) -> int:
    return next(at for at, each in enumerate(sessions) if each is session)

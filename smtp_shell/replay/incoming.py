"""What the server has sent and a replay has not judged yet."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from smtp_shell.errors import DialogueBroken

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.client.incoming import IncomingReply
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.replies import Reply

_TICK: Final = 0.1
"""Seconds of a wait for more of a reply that is under way."""


class IncomingReplies:
    """Reads a session's queue in the order of the wire, and puts off what broke the session until all that preceded it was read.

    Args:
        session: The session.

    Attributes:
        broken: What ended the dialogue; None while it goes on.
        last_reply: The reply that was returned last.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.broken: DialogueBroken | None = None
        self.last_reply: Reply | None = None

    def attempt(self, send: Callable[[], object]) -> None:
        """Send, unless the dialogue is broken. An error is raised by `next`, after all that the server still said."""
        if self.broken is not None:
            return
        try:
            send()
        except DialogueBroken as error:
            self.broken = error

    def next(self) -> IncomingReply:
        """Return what comes next; wait for it as long as the session's timeouts say.

        Raises:
            WaitTimedOut: Nothing whole came in time.
            OutcomeUnknown: Nothing came in time, or the connection is gone, after the final dot.
            DialogueBroken: The dialogue ended.
        """
        queue = self._session.incoming
        if self.broken is None:
            try:
                incoming = self._session.next_incoming()
            except DialogueBroken as error:
                if not self._session.is_open:  # not a timeout
                    self.broken = error
                if not queue:
                    raise
                incoming = queue.popleft()
        elif queue:
            incoming = queue.popleft()
        else:
            raise self.broken
        self.last_reply = incoming.reply
        return incoming

    def put_back(self, incoming: IncomingReply) -> None:
        """Put back what was returned last, so that it comes next again."""
        self._session.incoming.appendleft(incoming)

    def next_begun(self, lines: int, seconds: float | None = None) -> bytes:
        """Wait until so many lines of a reply have come, the last perhaps in part; return them.

        Args:
            lines: How many lines.
            seconds: How long to wait at most, if less than the session's timeouts say.

        Returns:
            What has come; empty if something whole is queued, or if it does not come in time.

        Raises:
            DialogueBroken: The dialogue ended, and nothing is queued.
        """
        session = self._session
        patience = session.waits.for_reply(session.dialogue.oldest_owed)
        deadline = monotonic() + (patience if seconds is None else min(patience, seconds))
        while not self.look() and self.broken is None and _count_lines(session.begun.octets) < lines:
            if monotonic() >= deadline:
                return b""
            self.look(_TICK)
        self.look(_TICK)  # the rest of it may be on its way
        return b"" if session.incoming or self.broken is not None else session.begun.octets

    def drop(self) -> IncomingReply | None:
        """Return what is queued, without waiting; None if nothing is."""
        return self._session.incoming.popleft() if self._session.incoming else None

    def drop_all(self) -> None:
        """Drop all that is queued, without waiting."""
        self._session.incoming.clear()

    def look(self, seconds: float = 0.0) -> bool:
        """Wait until something is queued; return whether it is.

        Args:
            seconds: How long to wait; 0 to look only.
        """
        if self.broken is None and (seconds or self._session.has_input):
            try:
                return self._session.wait_for_incoming(seconds)
            except DialogueBroken as error:
                self.broken = error
        return bool(self._session.incoming)

    def watch(self, seconds: float) -> None:
        """Queue all that comes for a while."""
        try:
            self._session.listen(seconds)
        except DialogueBroken as error:
            self.broken = error


def _count_lines(octets: bytes) -> int:
    return octets.count(b"\n") + (octets[-1:] not in (b"", b"\n"))

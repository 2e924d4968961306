"""The reply under way: lines that have come before its last one, each published once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.protocol.events import ENDS_REPLY, NoticeKind, ReplyBegun, ReplyReceived

if TYPE_CHECKING:
    from smtp_shell.protocol.dialogue import Dialogue
    from smtp_shell.protocol.events import Noticed
    from smtp_shell.protocol.masking import EchoMask


class BegunReply:
    """Which lines of the reply under way have been published.

    Args:
        dialogue: The dialogue that the reply belongs to.
        echo: What is masked in it.

    Attributes:
        known: How many of its lines have been published.
    """

    def __init__(self, dialogue: Dialogue, echo: EchoMask) -> None:
        self.known = 0
        self._dialogue = dialogue
        self._echo = echo

    @property
    def octets(self) -> bytes:
        """What has come of it, credentials masked."""
        return self._echo.octets(self._dialogue.pending)

    def take_lines(self) -> ReplyBegun:
        """Return an event with the lines that have not been published; the caller has seen that there are some."""
        octets = self._dialogue.pending_from(self.known)
        self.known = self._dialogue.pending_lines
        return ReplyBegun(self._echo.octets(octets), int(octets[:3]))

    def finish(self, event: ReplyReceived) -> ReplyReceived:
        """Return the event of the whole reply, which says how many of its lines are known."""
        if not self.known:
            return event
        known, self.known = self.known, 0
        return replace(event, known=known)

    def cut(self, notice: Noticed) -> tuple[Noticed, bytes]:
        """Return a notice about octets that are no whole reply, without the lines that have been published; and all of them.

        Args:
            notice: The notice; its octets are masked here.
        """
        octets = self._echo.octets(notice.octets)
        if notice.kind not in ENDS_REPLY:
            return replace(notice, octets=octets), octets
        self.known = 0
        lines = self._dialogue.pending_from(0)
        if notice.kind is NoticeKind.CUT_REPLY:
            return replace(notice, octets=self._echo.octets(notice.octets[len(lines) :])), octets
        return replace(notice, octets=octets), self._echo.octets(lines) + octets

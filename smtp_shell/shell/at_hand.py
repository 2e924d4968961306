"""Lines at hand: what the next prompt begins with, and what was typed last, for `/edit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.shell.typed_secrets import is_kept, mask_starts

if TYPE_CHECKING:
    from smtp_shell.protocol.phases import Phase


class LinesAtHand:
    """What is at hand at a prompt.

    Attributes:
        next: What the next prompt begins with.
        following: The lines of the history that followed the one that the next prompt begins with, in their order.
        last: The last line that was typed, or the lines that were pasted; never with a credential or with mail data.
    """

    def __init__(self) -> None:
        self.next = ""
        self.following: list[str] = []
        self.last = ""

    def note(self, text: str, phase: Phase | None, *, in_exchange: bool) -> None:
        """Keep what was typed, unless it holds a credential or mail data, is empty, or is `/edit` itself.

        Args:
            text: What was typed, of one line or several.
            phase: Phase of the dialogue at its beginning; None without a connection.
            in_exchange: Whether an AUTH command was sent whose exchange has not ended.
        """
        if not text.strip() or text.split()[0] == "/edit" or is_secret(text, in_exchange=in_exchange):
            return
        if all(is_kept(line, phase) for line in text.split("\n")):
            self.last = text

    def take_next(self) -> str:
        """Return what the next prompt begins with; the one after it begins empty."""
        text, self.next = self.next, ""
        if not text:
            self.following = []
        return text

    def offer_following(self) -> None:
        """Have the next prompt begin with the first of the lines that follow, if there are any."""
        if self.following:
            self.next, *self.following = self.following


def is_secret(text: str, *, in_exchange: bool) -> bool:
    """Return whether lines at a prompt hold a credential, so that they must not be written into a file.

    Args:
        text: The lines.
        in_exchange: Whether an AUTH command was sent whose exchange has not ended.
    """
    return any(start is not None for start in mask_starts(text, in_exchange=in_exchange))

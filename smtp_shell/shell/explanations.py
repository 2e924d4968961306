"""The shell's explanations: it follows the dialogue for `/explain`, and tells it as `/set explain` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.knowledge.exchanges import Exchanges, Standing
from smtp_shell.protocol.events import ReplyReceived
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.client.session import Session
    from smtp_shell.protocol.events import Entry


class Explanations:
    """Follows the exchanges of a connection. A consumer of the event stream, after the view.

    Args:
        say: Shows a line of the shell's own words, with a style.
        mode: Returns the value of `/set explain`: `off`, `on` for each 4yz and 5yz, `all` for every reply.
        now: Where the dialogue stands; None for its beginning.

    Attributes:
        exchanges: The exchanges so far.
    """

    wants = Exchanges.wants

    def __init__(self, say: Callable[[str, str], None], mode: Callable[[], str], now: Standing | None = None) -> None:
        self.exchanges = Exchanges(now)
        self._say = say
        self._mode = mode

    def __call__(self, entry: Entry) -> None:
        """Follow an event, and say what a reply means if that is asked for."""
        self.exchanges(entry)
        event = entry.event
        if not isinstance(event, ReplyReceived):
            return
        mode = self._mode()
        if mode == "all" or (mode == "on" and event.reply.is_negative):
            self._tell()

    def _tell(self) -> None:
        from smtp_shell.knowledge.narration import INDENT, of_reply  # takes some milliseconds to load

        last = self.exchanges.last
        if last is not None:
            self._say(INDENT + of_reply(last), "explained")


def standing_of(session: Session) -> Standing:
    """Return where a dialogue stands whose beginning was not followed."""
    dialogue = session.dialogue
    hello = "LHLO" if dialogue.lmtp else "EHLO" if dialogue.extensions is not None else "HELO"
    begun = dialogue.phase not in (Phase.GREETING, Phase.FRESH)
    return Standing(dialogue.phase, hello if begun else "", dialogue.extensions, tls=session.tls is not None)

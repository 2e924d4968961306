"""What the server refused: counted for exit statuses, and kept as a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.events import Noticed, NoticeKind, ReplyReceived
from smtp_shell.protocol.octets import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry

_UNKNOWN_COMMAND = (500, 502)
_NO_MAIL_DATA = "The server is not taking mail data: what you type next goes out as commands."


class Refusals:
    """Counts refusals. A consumer of the event stream, after the view.

    Args:
        view: Shows that mail data was refused, and what was meant; None where no user types, whom the prompt alone would not tell.
        meant: Returns the slash command that the verb of an unknown command means; empty for none.

    Attributes:
        number: Number of replies so far that were 4yz, 5yz or not foreseen.
        last: The last of those, as a sentence.
        of_mail_data: Whether the server has refused to take mail data since this was set to False.
        said_goodbye: Whether the server has sent a 421 since this was set to False.
    """

    def __init__(self, view: View | None, meant: Callable[[str], str]) -> None:
        self.number = 0
        self.last = ""
        self.of_mail_data = False
        self.said_goodbye = False
        self._view = view
        self._meant = meant

    def __call__(self, entry: Entry) -> None:
        """Count an event if it is a refusal."""
        event = entry.event
        if isinstance(event, Noticed) and event.kind is NoticeKind.UNFORESEEN:
            self._count(f"{event.sentence}.")
        elif isinstance(event, ReplyReceived):
            self._take_reply(event)

    def _take_reply(self, event: ReplyReceived) -> None:
        reply = event.reply
        self.said_goodbye |= reply.code == 421
        if reply.is_negative and event.seconds is not None:
            for_now = " for now" if reply.code // 100 == 4 else ""
            self._count(f"the server refused{for_now}: {quoted(reply.one_line())}.")
        if _refuses_mail_data(event):
            self.of_mail_data = True
            if self._view is not None and reply.code != 421:  # that ends the connection
                self._view.say(_NO_MAIL_DATA, "notice")
        elif reply.code in _UNKNOWN_COMMAND and self._view is not None and (meant := self._meant(event.verb)):
            self._view.say(f"{meant} is a command of the shell; without the / the line was sent.", "notice")

    def _count(self, sentence: str) -> None:
        self.number += 1
        self.last = sentence


def _refuses_mail_data(event: ReplyReceived) -> bool:
    """Return whether a reply says that the server takes no mail data now: to DATA any but a 3yz, to BDAT a 4yz or 5yz."""
    if event.verb == "DATA":
        return event.reply.code // 100 != 3
    return event.verb == "BDAT" and event.reply.is_negative

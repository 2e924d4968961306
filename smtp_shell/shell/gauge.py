"""What the bottom line counts: the time since the last reply, the octets of the message so far, and its recipients."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smtp_shell.protocol.events import Connected, MailDataSent, ReplyReceived

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.protocol.events import Entry

_BEGIN_ANEW = ("MAIL", "RSET", "EHLO", "HELO", "LHLO", "STARTTLS")


class Gauge:
    """Counts along with a dialogue. A consumer of the event stream.

    Args:
        clock: Returns the time in seconds.

    Attributes:
        octets: Octets of mail data that have gone out for the message under way, doubled dots included.
        recipients: How many recipients of the mail transaction the server has taken.
    """

    wants = (Connected, MailDataSent, ReplyReceived)

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.octets = 0
        self.recipients = 0
        self._clock = clock
        self._replied: float | None = None

    @property
    def silence(self) -> float | None:
        """Seconds since the last reply; None before the first of the connection."""
        return None if self._replied is None else max(self._clock() - self._replied, 0.0)

    def __call__(self, entry: Entry) -> None:
        """Follow an event."""
        match entry.event:
            case MailDataSent() as event:
                self.octets += 0 if event.last else len(event.octets)
            case ReplyReceived() as event:
                self._replied = self._clock()
                self._count(event)
            case Connected():
                self.octets = self.recipients = 0
                self._replied = None

    def _count(self, event: ReplyReceived) -> None:
        command = event.command
        if command is None or event.reply.code // 100 not in (2, 3):
            return
        if command.verb == "RCPT":
            self.recipients += 1
        elif command.verb == "BDAT":
            size = command.line.split()[1:2]
            self.octets += int(size[0]) if size and size[0].isdigit() else 0
        elif command.verb == "DATA":
            self.octets = 0
        elif command.verb in _BEGIN_ANEW:
            self.octets = self.recipients = 0

"""What the things mean that a tap on a connection has noted: a dialogue, entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.events import End, Entry, MailDataSent, OctetsSent, Remarked, TlsStarted
from smtp_shell.servers.sessions import WatchedDialogue
from smtp_shell.servers.waiting import PATIENCE, waiting_for
from smtp_shell.servers.watched_session import MOST_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smtp_shell.servers.watched_session import WatchedSession

MAIL_KEPT: Final = 64 * 1024
"""Octets of one message's mail data that are kept in memory."""

_MAIL_SHOWN = 16 * 1024  # octets of one message's mail data that go to the screen
_ROWS_WITH_BARE_LF = 12  # lines of one message that are shown as octets

Noted = bytes | str | TlsStarted
"""What a tap notes: octets, words, or the facts of TLS."""


class Cut:
    """Cuts the mail data of each message, so that memory and screen hold no more than the start of it.

    Args:
        octets: Octets of it that are passed on.
        rows: Lines of it that are passed on where the client sent them with a bare LF.
    """

    def __init__(self, octets: int, rows: int) -> None:
        self._most, self._most_rows = octets, rows
        self._octets = self._rows = self._hidden = 0

    def __call__(self, entry: Entry, *, in_data: bool) -> Iterator[Entry]:
        """Yield the entries that are passed on in an entry's place.

        Args:
            entry: The entry.
            in_data: Whether octets are mail data.
        """
        event = entry.event
        is_data = isinstance(event, MailDataSent) and not event.last
        if is_data or (in_data and isinstance(event, OctetsSent)):
            assert isinstance(event, MailDataSent | OctetsSent)
            self._octets += len(event.octets)
            self._rows += not is_data
            if self._octets > self._most or self._rows > self._most_rows:
                self._hidden += len(event.octets)
                return
        elif self._octets and not in_data:
            if self._hidden:
                yield Entry(
                    entry.seq, entry.at, Remarked(f"{self._hidden:,} more octets of mail data are left out here")
                )
            self._octets = self._rows = self._hidden = 0
        yield entry


class TapReader:
    """Finds out what the noted things of one connection mean.

    Args:
        session: Its dialogue, as it is kept.
        take: Takes each entry.
        opened: When the connection was opened, on the loop's clock.
        preamble: Whether text may precede the greeting.

    Attributes:
        session: As above.
        watched: The dialogue as it is read.
        cut: Cuts mail data for memory.
        shown: Cuts mail data for the screen.
        is_over: Whether no more is read.
    """

    def __init__(
        self, session: WatchedSession, take: Callable[[TapReader, Entry], None], opened: float, *, preamble: bool
    ) -> None:
        self.session = session
        self.watched = WatchedDialogue(lambda entry: take(self, entry), preamble=preamble)
        self.cut = Cut(MAIL_KEPT, MOST_ENTRIES // 2)
        self.shown = Cut(_MAIL_SHOWN, _ROWS_WITH_BARE_LF)
        self.is_over = False
        self._opened = opened
        self._spoke = opened  # when something passed last
        self._remarked = False  # what the server waits for has been told in this wait

    def read(self, kind: str | End, at: float, what: Noted) -> None:
        """Read one thing.

        Args:
            kind: What kind of thing.
            at: When it passed, on the loop's clock.
            what: The octets, words, or the facts of TLS.
        """
        seconds = at - self._opened
        self._spoke, self._remarked = at, False
        if isinstance(kind, End):
            self.watched.closed(kind, seconds, str(what))
        elif isinstance(what, bytes):
            if kind == "client":
                self.watched.from_client(what, seconds)
            else:
                self.watched.from_server(what, seconds, more=kind == "more")
        elif isinstance(what, TlsStarted):
            self.watched.tls_started_as(what, seconds)
        elif kind in ("connect", "tls"):
            self.watched.connected(what, tls=kind == "tls")
        elif kind == "remark":
            self.watched.remark(what, seconds)
        else:
            self.watched.tls_started(kind, what, seconds)

    def tell_what_is_awaited(self, now: float) -> None:
        """Write what the server waits for into the dialogue, once for each wait that takes long."""
        if self._remarked or now - self._spoke < PATIENCE:
            return
        self._remarked = True
        if sentence := waiting_for(self.watched):
            self.watched.remark(sentence, now - self._opened)

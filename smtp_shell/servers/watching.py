"""Watching a server of ours: the dialogues of all its clients, while they go on and afterwards.

The server's connections note what passes (`Tap`), which takes microseconds. What it means is found out a moment later, in short slices of
the server's event loop, so that a dialogue is not delayed: `Watch` makes entries of it, checks them, keeps the last dialogues, writes each
into a transcript where that is wanted, and hands them to the screen.
"""

from __future__ import annotations

import asyncio
import select
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.protocol.events import Disconnected, End, Entry, Remarked, TlsStarted
from smtp_shell.protocol.rawlines import lines_of
from smtp_shell.servers.tap_reader import TapReader
from smtp_shell.servers.watched_session import WatchedSession

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smtp_shell.lint import Finding, Linter
    from smtp_shell.recording.recording import Recording
    from smtp_shell.servers.tap_reader import Noted

MOST_SESSIONS: Final = 100
"""Dialogues that are kept in memory."""

_MOST_SHOWN = 4_000  # entries and remarks that wait for the screen
_DELAY = 0.02  # seconds from the first tap to the work: most dialogues are over by then
_SLICE = 0.002  # seconds of work in one go
_PAUSE = 0.001
_TICK = 0.5  # seconds between looks for a client that waits
_MOST_PENDING = 1024 * 1024  # octets that are kept until their slice comes


class News(Struct, frozen=True):
    """Something for the screen.

    Args:
        session: The dialogue that it is about.
        entry: What happened; None for a finding.
        finding: What lint says; None for an entry.
    """

    session: WatchedSession
    entry: Entry | None = None
    finding: Finding | None = None


class Tap:
    """Where a connection notes what passes. All its methods are called in the server's event loop.

    Args:
        watch: The watch.
        peer: The client's address.
        opened: When the connection was opened, on the loop's clock.
        descriptor: The socket's descriptor; -1 for none.

    Attributes:
        peer: As above.
        opened: As above.
        preamble: Whether text may precede the greeting.
        reader: Reads the dialogue; None until a moment after the connection was opened.
    """

    __slots__ = ("_poll", "_watch", "opened", "peer", "preamble", "reader")

    def __init__(self, watch: Watch, peer: str, opened: float, descriptor: int) -> None:
        self._watch = watch
        self._poll = select.poll() if descriptor >= 0 and hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(descriptor, select.POLLIN)
        self.peer = peer
        self.opened = opened
        self.preamble = False
        self.reader: TapReader | None = None

    def client(self, octets: bytes) -> None:
        """Note what the client has sent, decrypted."""
        self._watch.add(self, "client", octets)

    def server(self, octets: bytes) -> None:
        """Note what the server sends, before it is encrypted."""
        # What has arrived by now was sent before this reply: nobody can have read it.
        more = self._poll is not None and bool(self._poll.poll(0))
        self._watch.add(self, "more" if more else "server", octets)

    def server_lines(self, octets: bytes) -> None:
        """Note what another server has sent: it may have answered several commands at once."""
        for line in lines_of(octets):
            self._watch.add(self, "server", line)

    def tls(self, version: str, cipher: str) -> None:
        """Note that TLS has started."""
        self._watch.add(self, version, cipher)

    def tls_as(self, facts: TlsStarted) -> None:
        """Note that TLS has started with another server, whose certificate is known."""
        self._watch.add(self, "started", facts)

    def remark(self, text: str) -> None:
        """Note a remark.

        Args:
            text: One printable line.
        """
        self._watch.add(self, "remark", text)

    def closed(self, end: End, detail: str = "") -> None:
        """Note how the connection ended; only the first call counts."""
        self._watch.add(self, end, detail)


class Watch:
    """Watches all connections of one server.

    Args:
        keep: Starts the transcript of a dialogue; None where none is kept.
        shows: Whether there is a screen, which takes what is in `news`.
        lints: Whether the screen shows what lint finds.

    Attributes:
        news: What the screen has not shown yet.
        missed: How much of it was dropped because the screen did not take it.
        own: The ports of clients whose dialogue is on the screen anyway: those of the shell in this process.
    """

    def __init__(
        self,
        *,
        keep: Callable[[WatchedSession], Recording | None] | None = None,
        shows: bool = False,
        lints: bool = True,
    ) -> None:
        self.news: deque[News] = deque()
        self.missed = 0
        self.own: set[int] = set()
        self._keep = keep
        self._shows = shows
        self._make_linter: Callable[[], Linter] | None = _linter_class() if shows and lints else None
        self._sessions: deque[WatchedSession] = deque(maxlen=MOST_SESSIONS)
        self._lock = threading.Lock()  # of `_sessions`, which the shell's thread reads
        self._number = 0
        self._items: deque[tuple[Tap, str | End, float, Noted]] = deque()
        self._pending = 0  # octets in `_items`
        self._open: set[TapReader] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_soon = False  # the timer is for what is pending, and not for the next look
        self._works = False

    # For the shell

    def sessions(self) -> Sequence[WatchedSession]:
        """Return the last dialogues, the oldest first. Safe to call from another thread."""
        self._settle()
        with self._lock:
            return tuple(self._sessions)

    def _settle(self) -> None:
        """Wait until what has passed by now has been read."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        done = threading.Event()

        def work() -> None:
            self._work(float("inf"))
            done.set()

        with suppress(RuntimeError):  # it has closed in between
            loop.call_soon_threadsafe(work)
            done.wait(2.0)

    def stop(self) -> None:
        """Read what has not been read, and close the transcripts. Called when the server's loop has ended."""
        self._work(float("inf"))
        for reader in tuple(self._open):
            reader.watched.closed(End.SERVER, 0.0)
        self._loop = self._timer = None

    # For the connections

    def begin(
        self,
        loop: asyncio.AbstractEventLoop,
        server: str,
        peer: str,
        descriptor: int = -1,
        *,
        tls: bool = False,
        preamble: bool = False,
    ) -> Tap:
        """Watch a connection.

        Args:
            loop: The server's event loop, in which this is called.
            server: The server's address.
            peer: The client's address.
            descriptor: The socket's descriptor; -1 for none.
            tls: Whether TLS begins with the first octet.
            preamble: Whether text may precede the greeting, as of a program that is the server.
        """
        self._loop = loop
        tap = Tap(self, peer, loop.time(), descriptor)
        tap.preamble = preamble
        self.add(tap, "tls" if tls else "connect", server)
        return tap

    def add(self, tap: Tap, kind: str | End, what: Noted) -> None:
        """Note something; what it means is found out a moment later.

        Args:
            tap: The connection.
            kind: What kind of thing.
            what: The octets, words, or the facts of TLS.
        """
        loop = self._loop
        if loop is None:
            return
        self._items.append((tap, kind, loop.time(), what))
        self._pending += _weight(what)
        if self._pending > _MOST_PENDING:
            self._work(float("inf"))
        elif not self._is_soon:
            self._set_timer(_DELAY, soon=True)

    def _set_timer(self, seconds: float, *, soon: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._is_soon = soon
        self._timer = self._loop.call_later(seconds, self._on_timer) if self._loop is not None else None

    def _on_timer(self) -> None:
        self._timer, self._is_soon = None, False  # whatever fails here, what comes next is read
        self._work(_SLICE)
        if self._items:
            self._set_timer(_PAUSE, soon=True)
            return
        if self._open:
            self._tell_who_waits()
            self._set_timer(_TICK, soon=False)

    def _work(self, seconds: float) -> None:
        """Find out what the noted things mean, for about so long."""
        if self._works or self._loop is None:
            return
        self._works = True
        try:
            until = self._loop.time() + seconds
            while self._items:
                tap, kind, at, what = self._items.popleft()
                self._pending -= _weight(what)
                reader = tap.reader = tap.reader or self._begin(tap, str(what))
                if not reader.is_over:
                    try:
                        reader.read(kind, at, what)
                    except Exception as error:
                        # Nothing that a client sends may end the server, and a mistake of ours must not be hidden either.
                        self._give_up(reader, error)
                if self._loop.time() > until:
                    return
        finally:
            self._works = False

    def _begin(self, tap: Tap, server: str) -> TapReader:
        self._number += 1
        linter = self._make_linter() if self._make_linter is not None else None
        session = WatchedSession(self._number, server, tap.peer, linter)
        if self._keep is not None:
            session.recording = self._keep(session)
        with self._lock:
            self._sessions.append(session)
        reader = TapReader(session, self.take, tap.opened, preamble=tap.preamble)
        self._open.add(reader)
        return reader

    def _give_up(self, reader: TapReader, error: Exception) -> None:
        """Read no more of a dialogue."""
        session = reader.session
        session.ended = f"it could not be read on: {type(error).__name__}"
        self._end(reader)
        if self._shows:
            self._show(News(session, Entry(0, 0.0, Remarked(f"the dialogue {session.ended}"))))

    def _end(self, reader: TapReader) -> None:
        reader.is_over = True
        self._open.discard(reader)
        if reader.session.recording is not None:
            reader.session.recording.close()

    def _tell_who_waits(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        for reader in tuple(self._open):
            reader.tell_what_is_awaited(now)

    # What the dialogues publish

    def take(self, reader: TapReader, entry: Entry) -> None:
        """Record an entry of a dialogue, check it, keep it, and pass it to the screen."""
        session, in_data = reader.session, reader.watched.in_data
        if session.recording is not None:
            session.recording(entry)
        for kept in reader.cut(entry, in_data=in_data):
            session.add(kept, reader.watched)
        if self._shows:
            for shown in reader.shown(entry, in_data=in_data):
                self._show(News(session, shown))
        linter = session.linter
        # What the server never read is not known to be a command: it may be the mail data after a DATA that was not answered.
        if linter is not None and not reader.watched.is_unread:
            self._take_findings(session, linter.feed(entry))
        if isinstance(entry.event, Disconnected):
            if linter is not None:
                self._take_findings(session, linter.finish())
            self._end(reader)

    def _take_findings(self, session: WatchedSession, findings: Sequence[Finding]) -> None:
        for finding in findings:
            session.add_finding(finding)
            if self._shows:
                self._show(News(session, None, finding))

    def _show(self, news: News) -> None:
        if len(self.news) >= _MOST_SHOWN:
            self.missed += 1
        else:
            self.news.append(news)


def _weight(what: Noted) -> int:
    return 0 if isinstance(what, TlsStarted) else len(what)


def _linter_class() -> type[Linter]:
    """Return the class, loaded before the first client comes: that takes longer than a dialogue."""
    from smtp_shell.lint import Linter

    Linter()
    return Linter

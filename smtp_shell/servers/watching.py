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
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.protocol.events import (
    CommandSent,
    Disconnected,
    End,
    Entry,
    MailDataSent,
    OctetsSent,
    Remarked,
    ReplyReceived,
    TlsStarted,
)
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.rawlines import lines_of
from smtp_shell.servers.sessions import WatchedDialogue
from smtp_shell.servers.waiting import PATIENCE, waiting_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smtp_shell.lint import Finding, Linter
    from smtp_shell.protocol.events import Event
    from smtp_shell.recording.recording import Recording

MOST_SESSIONS: Final = 100
"""Dialogues that are kept in memory."""

MAIL_KEPT: Final = 64 * 1024
"""Octets of one message's mail data that are kept in memory."""

MOST_ENTRIES: Final = 4_000
"""Entries of one dialogue that are kept in memory."""

MOST_OCTETS: Final = 512 * 1024
"""Octets of one dialogue that are kept in memory."""

_MAIL_SHOWN = 16 * 1024  # octets of one message's mail data that go to the screen
_ROWS_WITH_BARE_LF = 12  # lines of one message that are shown as octets
_MOST_SHOWN = 4_000  # entries and remarks that wait for the screen
_DELAY = 0.02  # seconds from the first tap to the work: most dialogues are over by then
_SLICE = 0.002  # seconds of work in one go
_PAUSE = 0.001
_TICK = 0.5  # seconds between looks for a client that waits
_MOST_PENDING = 1024 * 1024  # octets that are kept until their slice comes
Noted = bytes | str | TlsStarted
"""What a tap notes: octets, words, or the facts of TLS."""

_HELLOS = frozenset({"EHLO", "HELO", "LHLO"})


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


class WatchedSession:
    """One dialogue of a client with the server.

    Args:
        number: Its number, from 1.
        server: The server's address.
        peer: The client's address.
        linter: Checks the dialogue while it goes on; None to have it checked when somebody asks.

    Attributes:
        began: When it began.
        hello: The name that the client gave in EHLO, escaped; empty before that.
        tls: The version of TLS; empty in the clear.
        messages: How many messages were accepted.
        ended: How it ended, in a word or two; empty while it goes on.
        left_out: How many entries are not kept.
        recording: The transcript that is written of it; None for none.
    """

    def __init__(self, number: int, server: str, peer: str, linter: Linter | None) -> None:
        self.number, self.server, self.peer = number, server, peer
        self.began = datetime.now().astimezone()
        self.hello = self.tls = self.ended = ""
        self.messages = self.left_out = 0
        self.recording: Recording | None = None
        self.linter = linter
        self._entries: list[Entry] = []
        self._findings: list[Finding] = []
        self._octets = 0  # of the entries
        self._ends_message = False  # the next reply is the one to a final dot
        self._said_quit = False

    @property
    def entries(self) -> Sequence[Entry]:
        """The entries that are kept, long mail data cut."""
        return tuple(self._entries)

    @property
    def findings(self) -> Sequence[Finding]:
        """What lint found, in the order of the entries. Where it is asked for the first time, the entries that are kept are checked."""
        if self.linter is not None:
            return tuple(self._findings)
        from smtp_shell.lint import Linter

        linter = Linter()
        found: list[Finding] = []
        for entry in self.entries:
            found += linter.feed(entry)
        return (*found, *linter.finish()) if self.ended else found

    @property
    def faults(self) -> int:
        """How many findings are errors or warnings."""
        return sum(each.severity in ("error", "warning") for each in self.findings)

    def add(self, entry: Entry, watched: WatchedDialogue) -> None:
        """Note an entry, and keep it.

        Args:
            entry: The entry.
            watched: The dialogue that it comes from.
        """
        event = entry.event
        self.tls = watched.tls
        if isinstance(event, CommandSent):
            if event.command.verb in _HELLOS:
                self.hello = escape(event.command.argument[:255])
            self._said_quit = event.command.verb == "QUIT"
        elif isinstance(event, MailDataSent):
            self._ends_message = event.last
        elif isinstance(event, ReplyReceived):
            self.messages += self._ends_message and event.reply.code // 100 == 2
            self._ends_message = False
        elif isinstance(event, Disconnected):
            self.ended = _ending(event, said_quit=self._said_quit)
        self._octets += _size(event)
        if isinstance(event, Disconnected) or (len(self._entries) < MOST_ENTRIES and self._octets <= MOST_OCTETS):
            self._entries.append(entry)
        else:
            self.left_out += 1

    def add_finding(self, finding: Finding) -> None:
        """Keep a finding."""
        if len(self._findings) < MOST_ENTRIES:
            self._findings.append(finding)


def _size(event: Event) -> int:
    match event:
        case MailDataSent() | OctetsSent():
            return len(event.octets)
        case CommandSent():
            return len(event.command.line)
        case ReplyReceived():
            return len(event.reply.octets)
    return 0


def _ending(event: Disconnected, *, said_quit: bool) -> str:
    if event.end is End.ERROR:
        return "TLS failed" if "TLS" in event.detail else "an error"
    if said_quit:
        return "QUIT"
    return event.detail or ("no QUIT" if event.end is End.CLIENT else "by server")


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
        self.reader: Reader | None = None

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


class Reader:
    """Finds out what the noted things of one connection mean.

    Args:
        watch: The watch, which takes the entries.
        tap: The connection.
        session: Its dialogue.

    Attributes:
        session: As above.
        watched: The dialogue as it is read.
        cut: Cuts mail data for memory.
        shown: Cuts mail data for the screen.
        is_over: Whether no more is read.
    """

    def __init__(self, watch: Watch, tap: Tap, session: WatchedSession) -> None:
        self.session = session
        self.watched = WatchedDialogue(lambda entry: watch.take(self, entry), preamble=tap.preamble)
        self.cut = Cut(MAIL_KEPT, MOST_ENTRIES // 2)
        self.shown = Cut(_MAIL_SHOWN, _ROWS_WITH_BARE_LF)
        self.is_over = False
        self._opened = tap.opened
        self._spoke = tap.opened  # when something passed last
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
        self._open: set[Reader] = set()
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
        self._timer = None
        self._work(_SLICE)
        if self._items:
            self._set_timer(_PAUSE, soon=True)
            return
        self._is_soon = False
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

    def _begin(self, tap: Tap, server: str) -> Reader:
        self._number += 1
        linter = self._make_linter() if self._make_linter is not None else None
        session = WatchedSession(self._number, server, tap.peer, linter)
        if self._keep is not None:
            session.recording = self._keep(session)
        with self._lock:
            self._sessions.append(session)
        reader = Reader(self, tap, session)
        self._open.add(reader)
        return reader

    def _give_up(self, reader: Reader, error: Exception) -> None:
        """Read no more of a dialogue."""
        session = reader.session
        session.ended = f"it could not be read on: {type(error).__name__}"
        self._end(reader)
        if self._shows:
            self._show(News(session, Entry(0, 0.0, Remarked(f"the dialogue {session.ended}"))))

    def _end(self, reader: Reader) -> None:
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

    def take(self, reader: Reader, entry: Entry) -> None:
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

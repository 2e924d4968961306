"""The dialogues of a watched server on the screen, while they go on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from smtp_shell.protocol.events import Connected, Disconnected, Remarked

if TYPE_CHECKING:
    from smtp_shell.display.views import View
    from smtp_shell.lint import Finding
    from smtp_shell.protocol.events import Entry
    from smtp_shell.servers.watched_session import WatchedSession
    from smtp_shell.servers.watching import Watch

_MOST_VIEWS = 200  # dialogues that are open, or whose last findings may still come; there are at most 50 connections


class LiveScreen:
    """Shows the news of a watch. Each row begins with the number of its dialogue.

    Args:
        watch: The watch.
        view: Where to show it.
    """

    def __init__(self, watch: Watch, view: View) -> None:
        self._watch = watch
        self._view = view
        self._views: dict[int, View] = {}
        self._over: deque[int] = deque()  # dialogues whose end has been shown
        self._missed = 0
        self._told: dict[int, set[str]] = {}  # rules that a dialogue has broken before

    @property
    def has_news(self) -> bool:
        """Whether there is something to show."""
        return bool(self._watch.news)

    def settle(self) -> None:
        """Wait until what has passed by now can be shown."""
        self._watch.sessions()

    def show(self) -> None:
        """Show what is new."""
        while self._watch.news:
            news = self._watch.news.popleft()
            number = news.session.number
            if news.entry is not None:
                self._entry(news.session, news.entry)
            elif news.finding is not None:
                self._finding(number, news.finding)
        if self._watch.missed > self._missed:
            self._view.say(f"{self._watch.missed - self._missed:,} lines came too fast to be shown.", "notice")
            self._missed = self._watch.missed

    def _entry(self, session: WatchedSession, entry: Entry) -> None:
        number = session.number
        if isinstance(entry.event, Connected):
            self._begin(session)
        view = self._views.get(number)
        if view is None:
            return
        if isinstance(entry.event, Remarked):
            view.remark(entry.event.text)
            return
        view(entry)
        if isinstance(entry.event, Connected):
            view(entry_of_peer(entry, session.peer))
        elif isinstance(entry.event, Disconnected):
            self._over.append(number)

    def _begin(self, session: WatchedSession) -> None:
        port = int(session.peer.rpartition(":")[2] or 0)
        if port in self._watch.own:
            self._watch.own.discard(port)
            return
        self._views[session.number] = self._view.labelled(session.number)
        if len(self._views) > _MOST_VIEWS:
            # The oldest of all only where ends came too fast to be shown: an old dialogue may still go on.
            gone = self._over.popleft() if self._over else next(iter(self._views))
            del self._views[gone]
            self._told.pop(gone, None)

    def _finding(self, number: int, finding: Finding) -> None:
        view = self._views.get(number)
        if view is None:
            return
        told = self._told.setdefault(number, set())
        again = finding.rule in told
        told.add(finding.rule)
        text = f"{finding.severity} {finding.rule}, again" if again else str(finding)
        facts = {
            "rule": finding.rule,
            "severity": str(finding.severity),
            "message": finding.message,
            "sources": list(finding.sources),
        }
        view.remark(text, facts)


def entry_of_peer(entry: Entry, peer: str) -> Entry:
    """Return an entry that says where a client is."""
    from msgspec.structs import replace

    return replace(entry, event=Remarked(f"the client is {peer}"))

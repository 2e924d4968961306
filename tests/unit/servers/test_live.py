"""The dialogues of a watched server on the screen."""

from io import StringIO

from smtp_shell.display.views import PlainView
from smtp_shell.protocol.events import Connected, Disconnected, End, Entry, Event, Remarked
from smtp_shell.servers.live import LiveScreen
from smtp_shell.servers.watched_session import WatchedSession
from smtp_shell.servers.watching import News, Watch

_PASSES_BY = 1_000


class _Screen:
    """A screen, and what it shows of dialogues whose events are given."""

    def __init__(self) -> None:
        self.watch, self.out = Watch(shows=True), StringIO()
        self.live = LiveScreen(self.watch, PlainView(self.out, StringIO()))

    def session(self, number: int) -> WatchedSession:
        return WatchedSession(number, "127.0.0.1:25", f"127.0.0.1:{20_000 + number}", None)

    def show(self, session: WatchedSession, *events: Event) -> str:
        """Return what is shown of some events."""
        self.out.truncate(0)
        self.out.seek(0)
        for event in events:
            self.watch.news.append(News(session, Entry(1, 0.0, event)))
        self.live.show()
        return self.out.getvalue()


def test_the_end_of_a_dialogue_is_shown_however_many_have_come_and_gone_meanwhile() -> None:
    screen = _Screen()
    slow = screen.session(1)
    begun = screen.show(slow, Connected("127.0.0.1:25"))
    for number in range(2, _PASSES_BY):
        shown = screen.show(screen.session(number), Connected("127.0.0.1:25"), Disconnected(End.CLIENT))
        assert shown.count(f"[{number}] ") >= 2
    ended = screen.show(slow, Remarked("still here"), Disconnected(End.CLIENT))
    assert begun.startswith("[1] ")
    assert ended.count("[1] ") == 2
    assert "still here" in ended


def test_dialogues_whose_end_came_too_fast_to_be_shown_do_not_keep_others_from_the_screen() -> None:
    screen = _Screen()
    for number in range(1, _PASSES_BY):
        screen.show(screen.session(number), Connected("127.0.0.1:25"))
    last = screen.session(_PASSES_BY)
    assert screen.show(last, Connected("127.0.0.1:25"), Disconnected(End.SERVER)).count(f"[{_PASSES_BY}] ") >= 2
    assert screen.show(screen.session(1), Remarked("late")) == ""

"""A view that holds back what it is shown, until it is known whether anybody needs to see it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from smtp_shell.display.passing_view import PassingView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry

_MOST_HELD = 2_000


class HeldView(PassingView):
    """Holds back entries and words for another view. If there are many, they are shown at once.

    What `labelled` returns holds nothing back.

    Args:
        view: The other view.

    Attributes:
        texts: The lines of the words that it was shown, the first ones.
    """

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.texts: list[str] = []
        self._held: list[Callable[[], None]] | None = []  # None once they are shown at once

    def __call__(self, entry: Entry) -> None:
        """Hold an entry."""
        self._hold(partial(self.to, entry))

    def show_all(self, entries: Iterable[Entry]) -> None:
        """Show another dialogue whole, after what is held: it may be read from a file that is open now only."""
        self.release()
        self.to.show_all(entries)

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        """Hold a remark."""
        self._hold(partial(self.to.remark, text, facts))

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = False
    ) -> None:
        """Hold what a command was asked to find out."""
        if as_json:
            self.release()
            self.to.answer(rows, objects, as_json=True)
            return
        found = list(rows)
        self._keep([text for text, _ in found])
        self._hold(partial(self.to.answer, found, list(objects), as_json=False))

    def say(self, text: str, style: str = "said") -> None:
        """Hold the program's own words."""
        self._keep(text.split("\n"))
        self._hold(partial(self.to.say, text, style))

    def release(self) -> None:
        """Show what is held, and from now on everything at once."""
        held, self._held = self._held or [], None
        for show in held:
            show()

    def _keep(self, texts: list[str]) -> None:
        self.texts += texts[: _MOST_HELD - len(self.texts)]

    def _hold(self, show: Callable[[], None]) -> None:
        if self._held is not None and len(self._held) < _MOST_HELD:
            self._held.append(show)
            return
        self.release()
        show()

"""A view that shows everything on another one: what a shell puts between its dialogue and the screen is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smtp_shell.display.render import Look
    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry


class PassingView:
    """Shows everything on another view.

    Args:
        view: The other view.

    Attributes:
        to: The view that it shows everything on now.
    """

    def __init__(self, view: View) -> None:
        self.to = view

    @property
    def look(self) -> Look:
        """What is shown; may be replaced between entries."""
        return self.to.look

    @look.setter
    def look(self, look: Look) -> None:
        self.to.look = look

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""
        self.to(entry)

    def show_all(self, entries: Iterable[Entry]) -> None:
        """Show another dialogue whole."""
        self.to.show_all(entries)

    def labelled(self, number: int) -> View:
        """Return a view of another dialogue on the same output."""
        return self.to.labelled(number)

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        """Show a remark about the dialogue."""
        self.to.remark(text, facts)

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = False
    ) -> None:
        """Show what a command was asked to find out."""
        self.to.answer(rows, objects, as_json=as_json)

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words."""
        self.to.say(text, style)

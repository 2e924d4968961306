"""Where a dialogue is shown: a console in colour, or plain text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from smtp_shell.display.render import Look, Presenter, Row, fold, wrap
from smtp_shell.display.themes import QUOTING, style_of
from smtp_shell.protocol.events import Entry

if TYPE_CHECKING:
    from rich.console import Console


class View(Protocol):
    """Where entries and the program's own words are shown."""

    look: Look

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words, printable text."""


class ConsoleView:
    """Show entries on a rich console, in colour where it has any.

    Args:
        console: The console.
        look: What to show.
    """

    def __init__(self, console: Console | None, look: Look | None = None) -> None:
        self._console = console
        self._make_console: Callable[[], Console] | None = None
        self._presenter = Presenter(look)

    @classmethod
    def later(cls, make_console: Callable[[], Console]) -> ConsoleView:
        """Make a view on standard output whose console is made when something with a style is shown for the first time.

        What the shell says before its first prompt has no style, and rich would take as long to import as all that is ours.
        """
        view = cls(None)
        view._make_console = make_console
        return view

    @property
    def look(self) -> Look:
        """What is shown."""
        return self._presenter.look

    @look.setter
    def look(self, look: Look) -> None:
        self._presenter.look = look

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""
        for row in self._presenter.rows(entry):
            self._print(row)

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words."""
        for line in text.split("\n"):
            for part in wrap(line, self._width, quotes=style in QUOTING):
                self._print(Row("", part, style))

    @property
    def _width(self) -> int:
        if self._console is not None:
            return self._console.width
        import shutil

        return shutil.get_terminal_size().columns

    def _print(self, row: Row) -> None:
        if self._console is None and row.style == "said":
            sys.stdout.write(f"{row.text}\n")
            return
        self._print_styled(row)

    def _print_styled(self, row: Row) -> None:
        from rich.text import Text

        if self._console is None:
            assert self._make_console is not None
            sys.stdout.flush()
            self._console = self._make_console()
        style = style_of(row.style, self.look.theme) or None
        for gutter, text, aside in fold(row, self._console.width):
            line = Text(no_wrap=True, overflow="ignore", end="")
            line.append(gutter, style)
            line.append(text, style)
            line.append(aside, style_of("aside", self.look.theme) or None)
            self._console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)
        if row.style == "error":
            self._console.file.flush()


class PlainView:
    """Show entries as plain text, a line each, for output that is no terminal.

    Args:
        out: Where dialogue goes.
        words: Where the program's own words go.
        look: What to show.
    """

    def __init__(self, out: TextIO, words: TextIO, look: Look | None = None) -> None:
        self._out = out
        self._words = words
        self._presenter = Presenter(look or Look(times=False))

    @property
    def look(self) -> Look:
        """What is shown."""
        return self._presenter.look

    @look.setter
    def look(self, look: Look) -> None:
        self._presenter.look = look

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""
        for row in self._presenter.rows(entry):
            self._out.write(f"{row.gutter}{row.text}\n")
        self._out.flush()

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words."""
        self._words.write(f"{text}\n")
        self._words.flush()


def console_view(*, color: bool, force: bool) -> ConsoleView:
    """Make a view on standard output.

    Args:
        color: Whether it has colours.
        force: Whether it has them although it is no terminal.
    """

    def make() -> Console:
        from rich.console import Console

        return Console(highlight=False, no_color=not color, force_terminal=True if force else None)

    return ConsoleView.later(make)

"""A progress bar at the foot of the terminal."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import TaskID

_WIDTH = 20


class ProgressBar:
    """A bar, a text, and the time since it began. It leaves nothing on the screen.

    Args:
        terminal: The terminal.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._console = Console(file=terminal)
        self._progress = Progress(
            BarColumn(_WIDTH),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID = self._progress.add_task("", total=None)

    def start(self) -> None:
        """Show it."""
        with suppress(OSError):
            self._progress.start()

    def stop(self) -> None:
        """Remove it from the screen."""
        with suppress(OSError):
            self._progress.stop()

    def update(self, words: str, done: int, total: int | None) -> None:
        """Show how far it is.

        Args:
            words: The text, printable.
            done: How much is done.
            total: Of how much; None where that is not known.
        """
        self._progress.update(self._task, description=words, completed=done, total=total)

    def print_above(self, text: str) -> None:
        """Print lines above it.

        Args:
            text: Printable lines, and colours.
        """
        self._console.print(Text.from_ansi(text), soft_wrap=True, highlight=False, markup=False, emoji=False)

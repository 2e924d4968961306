"""A progress bar for work that turns out to take long. Short work shows none, and does not load what draws it."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from smtp_shell.display.file_position import FilePosition
from smtp_shell.figures import shown_octets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from smtp_shell.display.progress import ProgressBar

PATIENCE: Final = 1.0
"""Seconds before there is a bar."""

_TICK: Final = 0.2


def stands_on_a_terminal() -> bool:
    """Return whether standard error is a terminal that can show a bar."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"


class LateProgress:
    """Shows how far some work is, from the moment on that it takes long. It leaves nothing on the screen.

    Args:
        words: What is done, printable.
        terminal: The terminal.
        patience: Seconds before there is a bar.
        wanted: Whether the terminal can show a bar.

    Attributes:
        is_wanted: Whether the terminal can show a bar.
    """

    def __init__(self, words: str, terminal: TextIO, *, patience: float = PATIENCE, wanted: bool = True) -> None:
        self._words = words
        self.is_wanted = wanted
        self._terminal = terminal
        self._patience = patience
        self._done: Callable[[], int | None] | None = (
            None  # returns None once a file has been read to its end and closed
        )
        self._total: int | None = None
        self._counted = 0
        self._over = threading.Event()
        self._bar: ProgressBar | None = None  # while it is on the screen
        self._lock = threading.Lock()  # guards it
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        """Show the bar if the work takes long from now on. Starting twice does nothing."""
        if self._thread.ident is None and not self._over.is_set():
            with suppress(RuntimeError):  # no thread can be had: the work goes on without a bar
                self._thread.start()

    def stop(self) -> None:
        """Remove the bar. Stopping twice does nothing."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def follow(self, stream: BinaryIO) -> None:
        """Show how far a file has been read."""
        position = FilePosition.of(stream)
        if position is not None:
            self._total, self._done = position.total, position.octets

    def counted(self, pieces: Iterable[bytes], total: int) -> Iterator[bytes]:
        """Yield pieces, and show from the first to the last how many of their octets have been taken.

        Args:
            pieces: The pieces.
            total: How many octets they have in all; 0 if that is not known.
        """
        if self.is_wanted:
            self.start()
        self._total, self._done = total or None, lambda: self._counted
        for piece in pieces:
            yield piece
            self._counted += len(piece)
        self.stop()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the bar while something else is written to the terminal."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            try:
                yield
            finally:
                if self._bar is not None:
                    sys.stdout.flush()
                    self._bar.start()

    def _run(self) -> None:
        if self._over.wait(self._patience):
            return
        from smtp_shell.display.progress import ProgressBar

        bar = ProgressBar(self._terminal)
        self._update(bar)
        with self._lock:
            sys.stdout.flush()
            bar.start()
            self._bar = bar
        try:
            while not self._over.wait(_TICK):
                self._update(bar)
        finally:
            with self._lock:
                self._bar = None
                bar.stop()

    def _update(self, bar: ProgressBar) -> None:
        done = self._position()
        of = f" of {shown_octets(self._total)}" if self._total else ""
        far = f", {shown_octets(min(done, self._total or done))}{of}" if done else ""
        bar.update(f"{self._words}{far}", done, self._total)

    def _position(self) -> int:
        done = self._done() if self._done is not None else 0
        return done if done is not None else self._total or 0


@contextmanager
def late_progress(words: str, *, beside: bool = True, at_once: bool = True) -> Iterator[LateProgress]:
    """Show on standard error how far the work of the block is, if it takes long and that is a terminal.

    Args:
        words: What is done, printable.
        beside: Whether the terminal is free: nothing else is written to it meanwhile.
        at_once: Whether the work begins with the block, and not with the pieces that are counted.
    """
    progress = LateProgress(words, sys.stderr, wanted=beside and stands_on_a_terminal())
    try:
        if at_once and progress.is_wanted:
            progress.start()
        yield progress
    finally:
        progress.stop()

"""The line that says what is awaited, under it the bottom line: both are there only while a wait takes long.

A wait blocks the thread that the shell runs in, in the look-up of a name, a connection, a handshake or a reply. So one other thread
draws. It sleeps as long as nothing is awaited.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from prompt_toolkit import print_formatted_text
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.utils import get_cwidth

from smtp_shell.display.folding import HiddenPieces
from smtp_shell.display.passing_view import PassingView
from smtp_shell.display.themes import is_spoken
from smtp_shell.shell.prompt import on_terminal

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.output import Output
    from prompt_toolkit.styles import BaseStyle

    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry

PATIENCE = 1.0
"""Seconds for which a wait is not spoken of; after that the line changes as often."""


class WaitLine(PassingView):
    """A view that shows entries and words on another one, and below them what is awaited.

    What `labelled` returns is to be used while nothing is awaited.

    Args:
        view: The view on the terminal.
        output: The terminal.
        bottom: Returns the bottom line for a number of columns; None where the prompt has none.
        style: Returns the style of both.
    """

    def __init__(
        self,
        view: View,
        output: Output,
        bottom: Callable[[int], StyleAndTextTuples] | None,
        style: Callable[[], BaseStyle],
    ) -> None:
        self._style = style
        super().__init__(view)
        self._output = output
        self._bottom = bottom
        self._changed = threading.Condition()  # guards all below, and the terminal
        self._what: Callable[[], str] | None = None  # None while nothing is awaited
        self._since = 0.0  # when the wait began, or something was last shown
        self._due = 0.0  # when the line is to be drawn next
        self._is_drawn = False
        self._is_spoken = False  # this wait has been spoken of, where the line is not drawn
        self._sleeps = False  # the thread waits to be told
        self._thread: threading.Thread | None = None
        self._is_hidden = HiddenPieces()

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""
        with self._changed:
            if not self._is_hidden(entry.event, self.to.look):
                self._restart()
            self.to(entry)

    def show_all(self, entries: Iterable[Entry]) -> None:
        """Show another dialogue whole."""
        with self._changed:
            self._restart()
            self.to.show_all(entries)

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        """Show a remark about the dialogue."""
        with self._changed:
            self._restart()
            self.to.remark(text, facts)

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = False
    ) -> None:
        """Show what a command was asked to find out."""
        with self._changed:
            self._restart()
            self.to.answer(rows, objects, as_json=as_json)

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words."""
        with self._changed:
            self._restart()
            self.to.say(text, style)

    @contextmanager
    def waiting(self, what: Callable[[], str]) -> Iterator[None]:
        """Show what is awaited if the block takes long.

        Args:
            what: Returns what is awaited now, printable.
        """
        with self._changed:
            self._what = what
            self._is_spoken = False
            self._restart()
            self._wake()
        try:
            yield
        finally:
            with self._changed:
                self._what = None
                self._erase()

    def _restart(self) -> None:
        self._erase()
        self._since = time.monotonic()
        self._due = self._since + PATIENCE

    def _wake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="wait-line", daemon=True)
            with suppress(RuntimeError):  # no thread can be had: the wait goes on without words
                thread.start()
                self._thread = thread
        elif self._sleeps:
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while True:
                left = self._due - time.monotonic()
                if self._what is None:
                    self._sleeps = True
                    self._changed.wait()
                    self._sleeps = False
                elif left > 0:
                    self._changed.wait(left)
                else:
                    self._draw(self._what())
                    self._due += PATIENCE

    def _draw(self, what: str) -> None:
        if is_spoken(self.look.theme):
            self._speak(what)
            return
        width = max(self._output.get_size().columns - 1, 1)
        rows = _cut([("class:wait", wait_words(what, time.monotonic() - self._since, width))], width)
        if self._bottom is not None:
            rows += [("", "\n"), *_cut(self._bottom(width), width, "class:bottom-toolbar")]
        self._is_drawn = True
        self._output.write_raw("\r")
        self._output.erase_down()
        print_formatted_text(FormattedText(rows), end="", style=self._style(), output=self._output)
        self._output.write_raw("\r")
        if self._bottom is not None:
            self._output.cursor_up(1)
        self._output.flush()

    def _speak(self, what: str) -> None:
        """Show what is awaited once: a screen reader would read each change of a line aloud."""
        if not self._is_spoken:
            self._is_spoken = True
            self.to.say(f"Waiting for {what}; Ctrl-C ends the wait.")

    def _erase(self) -> None:
        if not self._is_drawn:
            return
        self._is_drawn = False
        self._output.write_raw("\r")
        self._output.erase_down()
        self._output.flush()


def wait_words(what: str, seconds: float, width: int) -> str:
    """Return what the line says.

    Args:
        what: What is awaited, printable.
        seconds: For how long.
        width: Columns that it has. Where they are few the way out is said more shortly.
    """
    forms = (
        f"   … waiting {seconds:.0f} s for {what}; Ctrl-C ends the wait",
        f"… {seconds:.0f} s for {what}; Ctrl-C ends it",
        f"… {seconds:.0f} s for {what}; Ctrl-C",
        f"… {seconds:.0f} s; Ctrl-C ends the wait",
        f"… {seconds:.0f} s; Ctrl-C",
    )
    return on_terminal(next((each for each in forms if get_cwidth(each) <= width), forms[-1]))


def _cut(parts: StyleAndTextTuples, width: int, fill: str = "") -> StyleAndTextTuples:
    """Return parts cut to a width; with `fill`, all in that style and as wide as that."""
    shown: StyleAndTextTuples = []
    for style, text, *_ in parts:
        text = text[:width]
        while get_cwidth(text) > width:
            text = text[:-1]
        shown.append((f"{fill} {style}".strip(), text))
        width -= get_cwidth(text)
    return [*shown, (fill, " " * width)] if fill else shown

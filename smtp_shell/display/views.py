"""Views: a dialogue on a console in colour, or as plain text. For JSON see `json_lines`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import IO, TYPE_CHECKING, Final, Protocol, TextIO

from msgspec.structs import replace

from smtp_shell.display.characters import in_ascii, shows_utf_8
from smtp_shell.display.columns import fold, wrap
from smtp_shell.display.links import kept_whole, linked, unbroken
from smtp_shell.display.painting import gutter_parts, word_styles
from smtp_shell.display.render import Look, Presenter, Row
from smtp_shell.display.themes import QUOTING, WIRE, style_of
from smtp_shell.protocol.events import Entry

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment
    from rich.style import Style

    from smtp_shell.display.dialogue_words import DialogueWords


REMARK: Final = "   #! "
"""Gutter of a remark."""


class View(Protocol):
    """Shows entries and the program's own words.

    Attributes:
        look: What is shown. It may be replaced between entries.
    """

    look: Look

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""

    def show_all(self, entries: Iterable[Entry]) -> None:
        """Show another dialogue whole, with its mail data, whatever state the one that goes on is in."""

    def labelled(self, number: int) -> View:
        """Return a view of another dialogue on the same output, which shows its mail data.

        Args:
            number: Its number, in brackets at the start of each row.
        """

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        """Show a remark about the dialogue, among its rows.

        Args:
            text: The remark, one printable line.
            facts: It as fields, for other programs.
        """

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = False
    ) -> None:
        """Show what a command was asked to find out, on standard output: in words, or as JSON, one object on a line.

        Args:
            rows: It as printable lines, each with a key of `themes.STYLES`.
            objects: It as fields. A view for other programs shows these, whatever `as_json` says.
            as_json: Whether the user asked for JSON. Only what is shown is iterated.
        """

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words.

        Args:
            text: One or more printable lines.
            style: A key of `themes.STYLES`.
        """


class ConsoleView:
    """Shows entries on a rich console, in colour if it has colours.

    Args:
        console: The console; None only in `later`.
        look: What is shown.
        label: What each row begins with.
        ascii_only: Whether the terminal shows ASCII and nothing else.

    Attributes:
        color: Whether it has colours.
    """

    def __init__(
        self, console: Console | None, look: Look | None = None, *, label: str = "", ascii_only: bool = False
    ) -> None:
        self._console = console
        self._ascii_only = ascii_only
        self._label = label
        self._make_console: Callable[[], Console] | None = None
        self._presenter = Presenter(look)
        self._styles: dict[tuple[str, ...], Style] = {}  # those in use, by the theme and their names
        self._words: DialogueWords | None = None  # from the first row with a style on
        self.color = True

    @classmethod
    def later(
        cls, make_console: Callable[[], Console], look: Look | None = None, *, color: bool, ascii_only: bool = False
    ) -> ConsoleView:
        """Return a view on standard output that makes its console when it first shows something with a style.

        What the shell prints before the first prompt has no style, and importing rich takes as long as importing all of smtp-shell.

        Args:
            make_console: Returns a console on standard output.
            look: What is shown.
            color: Whether that has colours.
            ascii_only: Whether the terminal shows nothing else.
        """
        view = cls(None, look, ascii_only=ascii_only)
        view.color = color
        view._make_console = make_console
        return view

    @property
    def look(self) -> Look:
        """What is shown; may be replaced between entries."""
        return self._presenter.look

    @look.setter
    def look(self, look: Look) -> None:
        self._presenter.look = look

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""
        for row in self._presenter.rows(entry):
            self._print(row)

    def show_all(self, entries: Iterable[Entry]) -> None:
        """Show another dialogue whole."""
        view = self._of_another(replace(self.look, typed_data=True, paired=False))
        for entry in entries:
            view(entry)

    def labelled(self, number: int) -> ConsoleView:
        """Return a view of another dialogue on the same console."""
        return self._of_another(replace(self.look, typed_data=True, times=False), f"[{number}] ")

    def _of_another(self, look: Look, label: str = "") -> ConsoleView:
        """Return a view of another dialogue on the same console, with whatever else this one knows of the terminal."""
        view = copy(self)
        view._presenter, view._words, view._label = Presenter(look), None, label
        return view

    def on_stream(self, out: TextIO, width: int) -> ConsoleView:
        """Return a view that shows the same on a stream which a pager reads.

        Args:
            out: The stream.
            width: Columns of the screen.
        """
        from rich.console import Console

        view = self._of_another(self.look, self._label)
        view._console = Console(
            file=out,
            width=width,
            highlight=False,
            no_color=not self.color,
            force_terminal=self.color,
            legacy_windows=False,
        )
        return view

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        """Show a remark about the dialogue."""
        self._print(Row(REMARK, text, "notice"))

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = False
    ) -> None:
        """Show what a command was asked to find out. No screen breaks an object into lines of its own."""
        if as_json:
            _write_objects(self._console.file if self._console is not None else sys.stdout, objects)
            return
        for text, style in rows:
            self.say(text, style)

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words."""
        for line in (kept_whole(self._printable(text))).split("\n"):
            for part in wrap(line, self._width, quotes=style in QUOTING):
                # In the styles of what went over the wire a reference is no link, and a no-break space would be shown as it is.
                self._print(Row("", unbroken(part) if style in WIRE else part, style))

    def _printable(self, text: str) -> str:
        return in_ascii(text) if self._ascii_only else text

    @property
    def _width(self) -> int:
        if self._console is not None:
            return self._console.width
        import shutil

        return shutil.get_terminal_size().columns

    def _print(self, row: Row) -> None:
        if self._console is None and row.style == "said" and not self.look.links:
            sys.stdout.write(f"{self._label}{unbroken(row.text)}\n")
            return
        if self._label:
            row = replace(row, gutter=self._label + row.gutter, further=row.further and self._label + row.further)
        self._print_styled(row)

    def _print_styled(self, row: Row) -> None:
        from rich.segment import Segment, Segments

        from smtp_shell.display.dialogue_words import DialogueWords, pieces

        self._words = self._words or DialogueWords()
        if self._console is None:
            assert self._make_console is not None
            sys.stdout.flush()
            self._console = self._make_console()
        if self._ascii_only:
            row = replace(row, text=in_ascii(row.text), aside=in_ascii(row.aside))
        marks, at = self._words.of_row(row), 0
        for gutter, text, aside in fold(row, self._console.width):
            # Segments and not a Text, which would be laid out once more: 8,000 rows take 1.1 s and not 2.0 s.
            line: list[Segment] = []
            for part, name in gutter_parts(gutter, row.style):
                self._append(line, part, name)
            for kind, piece in pieces(text, marks, at):
                self._append(line, piece, *word_styles(kind, row.style))
            at += len(text)
            self._append(line, aside, "aside")
            self._console.print(Segments([*line, Segment.line()]), soft_wrap=True, end="")
        if row.style == "error":
            self._console.file.flush()

    def _append(self, line: list[Segment], part: str, *names: str) -> None:
        """Append a part of a row to a line of the screen, in styles of which each may change the one before; our own words with links."""
        from rich.segment import Segment

        if not part:
            return
        style = self._style(names)
        if not names or names[0] in WIRE:
            line.append(Segment(part, style))
        elif "RFC" not in part:
            line.append(Segment(unbroken(part), style))
        else:
            links = self.look.links
            line += (Segment(each, style.update_link(to) if to and links else style) for each, to in linked(part))

    def _style(self, names: tuple[str, ...]) -> Style:
        key = (self.look.theme, *names)
        if key not in self._styles:
            from rich.style import Style

            styles = (Style.parse(style_of(name, self.look.theme)) for name in names)
            self._styles[key] = sum(styles, start=Style.null())
        return self._styles[key]


class PlainView:
    """Shows each row as one unwrapped line of plain text, for output that is not a terminal.

    Args:
        out: Stream for the dialogue, flushed after each entry.
        words: Stream for the program's own words.
        look: What is shown.
        label: What each row begins with.
    """

    def __init__(self, out: TextIO, words: TextIO, look: Look | None = None, *, label: str = "") -> None:
        self._out = out
        self._label = label
        self._words = words
        self._presenter = Presenter(look or Look(times=False))

    @property
    def look(self) -> Look:
        """What is shown; may be replaced between entries."""
        return self._presenter.look

    @look.setter
    def look(self, look: Look) -> None:
        self._presenter.look = look

    def __call__(self, entry: Entry) -> None:
        """Show an entry."""
        for row in self._presenter.rows(entry):
            self._out.write(f"{self._label}{row.gutter}{row.text}\n")
        self._out.flush()

    def show_all(self, entries: Iterable[Entry]) -> None:
        """Show another dialogue whole."""
        view = PlainView(self._out, self._words, replace(self.look, typed_data=True, paired=False))
        for entry in entries:
            view(entry)

    def labelled(self, number: int) -> PlainView:
        """Return a view of another dialogue on the same streams."""
        return PlainView(self._out, self._words, replace(self.look, typed_data=True), label=f"[{number}] ")

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        """Show a remark about the dialogue."""
        self._out.write(f"{self._label}{REMARK}{text}\n")
        self._out.flush()

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = False
    ) -> None:
        """Show what a command was asked to find out."""
        if as_json:
            _write_objects(self._out, objects)
            return
        for text, _ in rows:
            self._out.write(f"{text}\n")
        self._out.flush()

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words."""
        self._words.write(f"{text}\n")
        self._words.flush()


def _write_objects(out: IO[str], objects: Iterable[Mapping[str, object]]) -> None:
    import json  # late: a prompt needs none

    for each in objects:
        out.write(f"{json.dumps(each)}\n")
    out.flush()


def console_view(*, color: bool, force: bool, look: Look | None = None) -> ConsoleView:
    """Return a view on standard output.

    Args:
        color: Whether to use colours.
        force: Whether to write them even if standard output is not a terminal.
        look: What is shown.
    """

    def make() -> Console:
        from rich.console import Console

        size: tuple[int, int] | tuple[None, None] = (None, None)
        if os.environ.get("TERM") in ("dumb", "unknown"):
            import shutil

            size = shutil.get_terminal_size()  # rich takes 80 columns for each dumb terminal
        return Console(
            highlight=False,
            no_color=not color,
            force_terminal=True if force else None,
            width=size[0],
            height=size[1],
        )

    ascii_only = sys.stdout.isatty() and not shows_utf_8(os.environ, sys.stdout.encoding)
    return ConsoleView.later(make, look, color=color, ascii_only=ascii_only)

"""The view that all of a shell writes to. What it shows can be led elsewhere for a while: to a file, to a program, or held back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TextIO

    from smtp_shell.display.render import Look
    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry


class Destination(Protocol):
    """Where the words of slash commands go from `/output` on.

    Attributes:
        name: Its name, printable.
    """

    name: str

    def write(self, outlet: Outlet, act: Callable[[], None]) -> None:
        """Lead there what is shown while something is done."""

    def close(self) -> None:
        """Close it."""


class Outlet:
    """A view that shows everything on another one.

    Args:
        view: The view.

    Attributes:
        to: The view that it shows everything on now.
        stream: Where that one writes; None for standard output.
        file: Where `/output` leads; None while there is none.
    """

    def __init__(self, view: View) -> None:
        self.to = view
        self.stream: TextIO | None = None
        self.file: Destination | None = None

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

    @contextmanager
    def led_to(self, view: View, stream: TextIO | None = None) -> Iterator[None]:
        """Show everything on another view meanwhile.

        Args:
            view: The view.
            stream: Where it writes; None for standard output.
        """
        before = self.to, self.stream
        self.to, self.stream = view, stream
        try:
            yield
        finally:
            self.to, self.stream = before

    def close(self) -> None:
        """Close the file of `/output`, if there is one."""
        file, self.file = self.file, None
        if file is not None:
            file.close()

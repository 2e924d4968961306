"""The view that all of a shell writes to. What it shows can be led elsewhere for a while: to a file, to a program, or held back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from smtp_shell.display.passing_view import PassingView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from smtp_shell.display.views import View


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


class Outlet(PassingView):
    """A view that shows everything on another one, which can be changed for a while.

    Args:
        view: The view.

    Attributes:
        stream: Where the view that it shows everything on writes; None for standard output.
        file: Where `/output` leads; None while there is none.
    """

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.stream: TextIO | None = None
        self.file: Destination | None = None

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

    @contextmanager
    def showing_mail_data(self) -> Iterator[None]:
        """Show the mail data that is sent meanwhile: nobody has typed it."""
        before = self.look
        self.look = replace(before, typed_data=True)
        try:
            yield
        finally:
            self.look = before

    def close(self) -> None:
        """Close the file of `/output`, if there is one."""
        file, self.file = self.file, None
        if file is not None:
            file.close()

"""The pictures of `smtp-shell show`: options, and what draws on standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.arguments import whole_number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry

_MOST_COLUMNS = 1000
_NO_TERMINAL = 80  # columns, where standard output is a file


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for pictures."""
    parser.add_argument("--diagram", action="store_true", help="draw it as a ladder between client and server")
    parser.add_argument("--timing", action="store_true", help="draw how long each part took, as bars")
    parser.add_argument(
        "--width",
        type=whole_number(_MOST_COLUMNS),
        metavar="COLUMNS",
        help="width of a picture (default: the terminal's, else 80)",
    )


def pictures(options: argparse.Namespace, view: View) -> Callable[[Iterable[Entry]], None] | None:
    """Return what draws the pictures that the options ask for; None if they ask for none.

    Args:
        options: The parsed options.
        view: The view on standard output, which has the colours.

    Raises:
        UsageError: They contradict each other.
    """
    from smtp_shell.errors import UsageError

    asked = [name for name in ("explain", "diagram", "timing") if getattr(options, name)]
    if len(asked) > 1:
        raise UsageError(f"show --{asked[0]} and --{asked[1]} are two ways to show it; ask for one at a time.")
    if not options.diagram and not options.timing:
        if options.width is not None:
            raise UsageError("show --width is for --diagram and --timing; leave it out.")
        return None
    from smtp_shell.display.views import PlainView
    from smtp_shell.export.diagram import ascii_only, ladder
    from smtp_shell.export.timing import bars

    columns = _columns()
    width = options.width or columns
    is_plain = isinstance(view, PlainView) or width > columns  # the view would fold the rows
    draw = ladder if options.diagram else bars

    def show(entries: Iterable[Entry]) -> None:
        for row in draw(entries, width, ascii_only=ascii_only(sys.stdout)):
            if is_plain:
                sys.stdout.write(f"{row.text}\n")
            else:
                view.say(row.text, row.style)

    return show


def _columns() -> int:
    """Return the columns that a picture may have; the view keeps the last one of a terminal free."""
    if not sys.stdout.isatty():
        return _NO_TERMINAL
    import shutil

    return shutil.get_terminal_size().columns - 1

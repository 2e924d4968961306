"""The pictures of `smtp-shell show`: options, and what draws on standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.arguments import whole_number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry

_MOST_COLUMNS = 1000
_NO_TERMINAL = 80  # columns, where standard output is a file


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for pictures."""
    parser.add_argument(
        "--packets", action="store_true", help="which packet of its capture (convert FILE x.pcapng) holds which step"
    )
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

    asked = [name for name in ("explain", "packets", "diagram", "timing") if getattr(options, name)]
    if len(asked) > 1:
        raise UsageError(f"show --{asked[0]} and --{asked[1]} are two ways to show it; ask for one at a time.")
    if options.json and asked and not options.explain:
        raise UsageError(f"show --{asked[0]} draws a picture, and --json has none; leave one of them out.")
    if options.width is not None and not (options.diagram or options.timing):
        raise UsageError("show --width is for --diagram and --timing; leave it out.")
    columns = _columns()
    width = options.width or columns
    draw = _drawing(options, width)
    if draw is None:
        return None
    from smtp_shell.display.views import PlainView

    is_plain = isinstance(view, PlainView) or width > columns  # the view would fold the rows

    def show(entries: Iterable[Entry]) -> None:
        for text, style in draw(entries):
            if is_plain:
                sys.stdout.write(f"{text}\n")
            else:
                view.say(text, style)

    return show


def _drawing(options: argparse.Namespace, width: int) -> Callable[[Iterable[Entry]], Iterator[tuple[str, str]]] | None:
    """Return what makes the lines of a picture, each with its style; None if none is asked for."""
    if options.packets:
        from smtp_shell.export.packet_list import packet_rows

        return packet_rows
    if not (options.diagram or options.timing):
        return None
    from smtp_shell.export.diagram import ascii_only, ladder
    from smtp_shell.export.timing import bars

    rows = ladder if options.diagram else bars
    only = ascii_only(sys.stdout)
    return lambda entries: ((row.text, row.style) for row in rows(entries, width, ascii_only=only))


def _columns() -> int:
    """Return the columns that a picture may have; the view keeps the last one of a terminal free."""
    if not sys.stdout.isatty():
        return _NO_TERMINAL
    import shutil

    return shutil.get_terminal_size().columns - 1

"""`smtp-shell man`: the manual page, for `man`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.cli.options import command_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.arguments import ArgumentParser

_EXAMPLES = (
    ("smtp-shell man | man -l -", "read it"),
    ("smtp-shell man | mandoc -a", "on macOS"),
    ("smtp-shell man > ~/.local/share/man/man1/smtp-shell.1", "keep it"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell man`.

    Args:
        words: The arguments after `man`.

    Returns:
        The exit status.

    Raises:
        UsageError: There are any but `--help`.
    """
    make_parser().parse_args(words)
    from smtp_shell.cli.man_page import man_page

    sys.stdout.write(man_page())
    if sys.stdout.isatty():
        sys.stdout.flush()
        sys.stderr.write("smtp-shell: this is for man: smtp-shell man | man -l -, or mandoc -a on macOS\n")
    return 0


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    return command_parser("man", examples=_EXAMPLES)

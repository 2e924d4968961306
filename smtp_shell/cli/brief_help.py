"""`smtp-shell --help`: examples and commands on one screen of 80 columns and 24 rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.cli.main import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_END = "--help-all lists every option and exit status. In the shell, type /help."


_COLUMNS = 80


def brief_help(usage: str, examples: Sequence[tuple[str, str]], width: int = _COLUMNS) -> str:
    """Return the help.

    Args:
        usage: The synopsis.
        examples: Command lines to begin with, each with what it does.
        width: Columns of the screen. On a narrow one rows are wrapped.
    """
    commands = (f"  {name:<11} {summary}" for name, (summary, _) in COMMANDS.items())
    if width >= _COLUMNS:
        rows = [f"  {line:<43}  {what}" for line, what in examples]
    else:
        rows = [row for line, what in examples for row in (f"  {line}", f"      {what}")]
    lines = (f"usage: {usage}", *rows, "", "commands, each with its own --help:", *commands, _END)
    if width < _COLUMNS:
        from smtp_shell.display.columns import wrap

        lines = tuple(part for line in lines for part in wrap(line, width))
    return "".join(f"{line}\n" for line in lines)

"""`smtp-shell --help`: examples and commands on one screen of 80 columns and 24 rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.cli.main import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_END = "--help-all lists every option and exit status. In the shell, type /help."


def brief_help(usage: str, examples: Sequence[tuple[str, str]]) -> str:
    """Return the help.

    Args:
        usage: The synopsis.
        examples: Command lines to begin with, each with what it does.
    """
    rows = (f"  {line:<43}  {what}" for line, what in examples)
    commands = (f"  {name:<11} {summary}" for name, (summary, _) in COMMANDS.items())
    return "\n".join((f"usage: {usage}", *rows, "", "commands, each with its own --help:", *commands, _END, ""))

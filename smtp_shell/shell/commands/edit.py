"""`/edit`: lines in the user's own editor."""

from __future__ import annotations

from smtp_shell.errors import UsageError
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

_MOST_LINES = 1_000


@shell_command("/edit", "[N]", group="settings")
def edit(shell: Shell, args: Args) -> None:
    """Edit the last line in $VISUAL or $EDITOR, or the last paste, or the last N lines of the history.

    What the editor leaves is at the prompt then, and Enter runs it. An empty file runs nothing.
    Ctrl-X Ctrl-E does the same with what is being typed, in mail data too; with vi keys v does, after Escape.
    """
    if not shell.options.interactive:
        raise UsageError("/edit: nobody is there to edit; write the lines into a file for -f.")
    from smtp_shell.shell.composition import edited

    shell.at_hand.next = edited(_lines(shell, args)).rstrip("\r\n").replace("\r\n", "\n")


def _lines(shell: Shell, args: Args) -> str:
    if not args.text:
        return shell.at_hand.last
    number = int(args.text) if args.text.isascii() and args.text.isdigit() and len(args.text) < 6 else 0
    if not 1 <= number <= _MOST_LINES:
        raise UsageError(f"/edit takes a number of lines from 1 to {_MOST_LINES:,}; see /help /edit.")
    lines = [line for line in shell.history() if line.split()[:1] != ["/edit"]]
    return "\n".join(lines[-number:])

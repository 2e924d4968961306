"""The completion script for fish, from version 3.0 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.cli.command_tree import Takes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.cli.command_tree import Argument, CommandLine

_HEAD = """# fish completion of smtp-shell, as `smtp-shell completion fish` writes it.

function __smtp_shell_command
    # True if the command line is for this command; with no name: if it begins with no command.
    set -l words (commandline -opc)
    if test (count $argv) -gt 0
        test (count $words) -gt 1; and test $words[2] = $argv[1]
    else
        test (count $words) -lt 2; or not contains -- $words[2] %s
    end
end

function __smtp_shell_first
    test (count (commandline -opc)) -eq 1
end

function __smtp_shell_profiles
    smtp-shell completion --profiles </dev/null 2>/dev/null
end

complete -c smtp-shell -f
"""


def script(tree: Sequence[CommandLine]) -> str:
    """Return the script.

    Args:
        tree: The commands; the first is the command line without one.
    """
    names = " ".join(line.name for line in tree[1:])
    commands = (
        f"complete -c smtp-shell -n __smtp_shell_first -a {line.name} -d {_quoted(line.summary)}" for line in tree[1:]
    )
    rows = "\n".join((*commands, *(row for line in tree for row in _rows(line))))
    return f"{_HEAD % names}{rows}\n"


def _rows(line: CommandLine) -> Iterator[str]:
    """Yield a command for each argument of a command."""
    start = f"complete -c smtp-shell -n {_quoted(f'__smtp_shell_command {line.name}'.rstrip())}"
    for operand in line.operands:
        if (values := _values(operand)) and operand.takes is not Takes.TEXT:
            yield f"{start} {values.removeprefix('-x ')}"
    for option in line.options:
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        yield " ".join(filter(None, (start, names, _values(option), f"-d {_quoted(option.help)}")))


def _values(argument: Argument) -> str:
    """Return the options of `complete` that say what an argument takes."""
    match argument.takes:
        case Takes.NOTHING:
            return ""
        case Takes.TEXT:
            return "-x"
        case Takes.WORD:
            return f"-x -a {_quoted(' '.join(argument.words))}"
        case Takes.FILE:
            return "-r -F" if argument.names else "-F"
        case Takes.FOLDER:
            return "-x -a '(__fish_complete_directories)'"
        case Takes.SERVER:
            return "-x -a '(__smtp_shell_profiles)'"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

"""The completion script for bash, from version 3.2 on, which macOS has."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from smtp_shell.cli.command_tree import Takes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.cli.command_tree import Argument, CommandLine

_HEAD = r"""# bash completion of smtp-shell, as `smtp-shell completion bash` writes it.

# Sets `options`, `operand` and `words` to what may follow a command; an empty name is the command line without one.
_smtp_shell_command() {
    operand= words=
    case $1 in
"""

_VALUES = r"""    esac
}

# Sets `takes` to what an option of a command takes, and `words` to the values that are known; `takes` is empty for a flag.
_smtp_shell_option() {
    takes= words=
    case "$1 $2" in
"""

_TAIL = r"""    esac
}

# Adds what begins with the current word to COMPREPLY, a line each: names of files may have blanks.
_smtp_shell_add() {
    local line
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done
}

_smtp_shell_value() {
    case $1 in
    word) _smtp_shell_add < <(compgen -W "$words" -- "$current") ;;
    file)
        compopt -o filenames 2>/dev/null
        _smtp_shell_add < <(compgen -f -- "$current")
        ;;
    folder)
        compopt -o filenames 2>/dev/null
        _smtp_shell_add < <(compgen -d -- "$current")
        ;;
    server) _smtp_shell_add < <(compgen -W "$words $(smtp-shell completion --profiles </dev/null 2>/dev/null)" -- "$current") ;;
    esac
}

_smtp_shell() {
    local current=${COMP_WORDS[COMP_CWORD]} options operand takes words word before= command= number
    COMPREPLY=()
    # The command is the first word that is neither an option nor the value of one.
    for ((number = 1; number < COMP_CWORD; number++)); do
        word=${COMP_WORDS[number]}
        if [[ $word == = ]]; then
            continue
        elif [[ -n $before ]]; then
            before=
        elif [[ $word == -* ]]; then
            _smtp_shell_option "$command" "$word"
            before=$takes
        elif [[ -z $command && " $_smtp_shell_commands " == *" $word "* ]]; then
            command=$word
        fi
    done
    # bash makes a word of its own of the = in --color=auto.
    if [[ $current == = ]]; then
        current=
        word=${COMP_WORDS[COMP_CWORD - 1]}
    else
        word=${COMP_WORDS[COMP_CWORD - 1]}
        if [[ $word == = ]]; then word=${COMP_WORDS[COMP_CWORD - 2]}; fi
    fi
    if [[ $word == -* ]]; then
        _smtp_shell_option "$command" "$word"
        if [[ -n $takes ]]; then
            _smtp_shell_value "$takes"
            return
        fi
    fi
    _smtp_shell_command "$command"
    if [[ $current == -* || (-z $operand && -z $current) ]]; then
        words=$options
        _smtp_shell_value word
    else
        _smtp_shell_value "$operand"
    fi
}

complete -F _smtp_shell smtp-shell
"""


def script(tree: Sequence[CommandLine]) -> str:
    """Return the script.

    Args:
        tree: The commands; the first is the command line without one.
    """
    names = " ".join(line.name for line in tree[1:])
    return "".join(
        (
            _HEAD,
            *(_command(line, names) for line in tree),
            _VALUES,
            *(case for line in tree for case in _options(line)),
            _TAIL.replace("$_smtp_shell_commands", names),
        )
    )


def _command(line: CommandLine, commands: str) -> str:
    """Return the case of a command: its options, and what else it takes."""
    operand = next((each for each in line.operands if each.takes is not Takes.TEXT), None)
    words = " ".join(operand.words) if operand is not None else ""
    if not line.name:
        words = commands
    options = " ".join(name for option in line.options for name in option.names)
    rows = [f"options={shlex.quote(options)}"]
    if operand is not None:
        rows.append(f"operand={operand.takes.value}")
    if words:
        rows.append(f"words={shlex.quote(words)}")
    inner = "".join(f"        {row}\n" for row in rows)
    return f"    {shlex.quote(line.name)})\n{inner}        ;;\n"


def _options(line: CommandLine) -> Iterator[str]:
    """Yield the cases of a command's options that take a value, those with the same values together."""
    cases: dict[str, list[Argument]] = {}
    for option in line.options:
        if option.takes is not Takes.NOTHING:
            words = f" words={shlex.quote(' '.join(option.words))}" if option.words else ""
            cases.setdefault(f"takes={option.takes.value}{words}", []).append(option)
    for assignments, options in cases.items():
        patterns = " | ".join(shlex.quote(f"{line.name} {name}") for option in options for name in option.names)
        yield f"    {patterns}) {assignments} ;;\n"

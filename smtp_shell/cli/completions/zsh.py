"""The completion script for zsh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.cli.command_tree import Takes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.cli.command_tree import Argument, CommandLine

_HEAD = """#compdef smtp-shell
# zsh completion of smtp-shell, as `smtp-shell completion zsh` writes it.

_smtp_shell_servers() {
    local -a profiles
    profiles=(${(f)"$(smtp-shell completion --profiles </dev/null 2>/dev/null)"})
    (( $#profiles )) && _describe -t profiles profile profiles
    _hosts
}

"""

_TAIL = """_smtp_shell_first() {
    local -a commands
    commands=(
%s    )
    _describe -t commands command commands
    _smtp_shell_servers
}

_smtp_shell() {
    local curcontext=$curcontext
    if (( CURRENT > 2 && $+functions[_smtp_shell_command_$words[2]] )); then
        local command=$words[2]
        shift words
        (( CURRENT-- ))
        curcontext="${curcontext%%:*:*}:smtp-shell-$command:"
        _smtp_shell_command_$command
    else
        _smtp_shell_command_
    fi
}

if [[ $funcstack[1] == _smtp-shell ]]; then
    _smtp_shell "$@"
else
    compdef _smtp_shell smtp-shell
fi
"""


def script(tree: Sequence[CommandLine]) -> str:
    """Return the script.

    Args:
        tree: The commands; the first is the command line without one.
    """
    commands = "".join(f"        {_quoted(f'{_plain(line.name)}:{line.summary}')}\n" for line in tree[1:])
    return "".join((_HEAD, *map(_function, tree), _TAIL % commands))


def _function(line: CommandLine) -> str:
    specifications = [*(each for option in line.options for each in _option(option)), *_operands(line)]
    rows = "".join(f" \\\n        {_quoted(each)}" for each in specifications)
    return f"_smtp_shell_command_{line.name}() {{\n    _arguments -S{rows}\n}}\n\n"


def _option(option: Argument) -> Iterator[str]:
    """Yield the specification of each name of an option; one name keeps the others away."""
    for name in option.names:
        others = "" if option.repeats else f"({' '.join(option.names)})"
        help_text = f"[{_escaped(option.help)}]"
        if option.takes is Takes.NOTHING:
            yield f"{others}{name}{help_text}"
        else:
            joined = "=" if name.startswith("--") else "+"
            yield f"*{name}{joined}{help_text}:{_escaped(option.value)}:{_action(option)}"


def _operands(line: CommandLine) -> Iterator[str]:
    if not line.name:
        yield "1:command or server:_smtp_shell_first"
        return
    for number, operand in enumerate(line.operands, 1):
        place = "*" if operand.repeats else str(number)
        yield f"{place}:{_escaped(operand.value)}:{_action(operand)}"


def _action(argument: Argument) -> str:
    match argument.takes:
        case Takes.WORD:
            return f"({' '.join(map(_plain, argument.words))})"
        case Takes.FILE:
            return "_files"
        case Takes.FOLDER:
            return "_files -/"
        case Takes.SERVER:
            return "_smtp_shell_servers"
        case _:
            return " "


def _plain(word: str) -> str:
    """Return a word with a backslash before each character that a list of words gives a meaning to."""
    return "".join(f"\\{char}" if char in "\\: ()[]{}'\"$`;&|<>*?~#=" else char for char in word)


def _escaped(text: str) -> str:
    """Return text for a specification of `_arguments`, where brackets and colons have a meaning."""
    return "".join(f"\\{char}" if char in "\\[]:" else char for char in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

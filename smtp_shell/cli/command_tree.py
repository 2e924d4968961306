"""The command line as data: each command with its arguments, read from the parsers.

Completions of shells and the manual page are made from it.
"""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.cli.main import COMMANDS, SHELL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from smtp_shell.arguments import ArgumentParser

_FILES = frozenset({"FILE", "FILE|DIR", "IN", "OUT", "A", "B"})
_UNCOUNTED = frozenset({"+", "*"})


class Takes(Enum):
    """What an argument takes."""

    NOTHING = "nothing"
    TEXT = "text"
    WORD = "word"
    FILE = "file"
    FOLDER = "folder"
    SERVER = "server"  # a host, a URL or a profile


class Argument(Struct, frozen=True):
    """An option, or an operand.

    Args:
        names: The option's names; empty for an operand.
        takes: What it takes.
        value: What stands for its value in a synopsis; empty for none.
        words: The values that are known.
        help: What it is for, in one line.
        section: Heading of the help that it is below.
        repeats: Whether it may be given more than once: an option that takes a value is taken to be one of these.
    """

    names: tuple[str, ...]
    takes: Takes
    value: str = ""
    words: tuple[str, ...] = ()
    help: str = ""
    section: str = ""
    repeats: bool = False


class CommandLine(Struct, frozen=True):
    """What may follow `smtp-shell`, or one of its commands.

    Args:
        name: Name of the command; empty for a command line that begins with none.
        summary: What the command does, in one line.
        usage: Its synopsis, without the word `usage:`.
        epilog: What its help ends with; empty for nothing.
        examples: Command lines, each with what it does.
        options: Its options.
        operands: What else follows.
    """

    name: str
    summary: str
    usage: str
    epilog: str
    examples: Sequence[tuple[str, str]]
    options: tuple[Argument, ...]
    operands: tuple[Argument, ...]


def command_tree() -> tuple[CommandLine, ...]:
    """Return the command line that begins with no command, and those of all commands in the order of their table."""
    modules = {"": ("", SHELL), **COMMANDS}
    return tuple(
        _command_line(name, summary, import_module(module).make_parser()) for name, (summary, module) in modules.items()
    )


def _command_line(name: str, summary: str, parser: ArgumentParser) -> CommandLine:
    arguments = [_argument(name, heading, action) for heading, actions in parser.sections() for action in actions]
    return CommandLine(
        name,
        summary,
        parser.short_usage(),
        parser.epilog or "",
        parser.examples,
        tuple(each for each in arguments if each.names),
        tuple(each for each in arguments if not each.names),
    )


def _argument(command: str, section: str, action: argparse.Action) -> Argument:
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.nargs == 0:
        value = ""
    words = tuple(map(str, action.choices or ())) or _known_words(command, action)
    return Argument(
        tuple(action.option_strings),
        _takes(command, action, words),
        value,
        words,
        " ".join((action.help or "").replace("%%", "%").split()),
        section,
        action.nargs in _UNCOUNTED if not action.option_strings else action.nargs != 0,
    )


def _takes(command: str, action: argparse.Action, words: tuple[str, ...]) -> Takes:
    if action.nargs == 0:
        return Takes.NOTHING
    if words:
        return Takes.WORD
    if action.metavar == "DIR" or action.dest == "maildir":
        return Takes.FOLDER
    if (action.metavar in _FILES and (command, action.metavar) != ("send", "A")) or action.dest == "file":
        return Takes.FILE
    if action.dest in ("target", "server", "profile"):
        return Takes.SERVER
    return Takes.TEXT


def _known_words(command: str, action: argparse.Action) -> tuple[str, ...]:
    """Return the values that an option knows, where its parser does not say them."""
    for name in action.option_strings:
        found = KNOWN_WORDS.get(f"{command} {name}".strip()) or KNOWN_WORDS.get(name)
        if found is not None:
            return tuple(found())
    return ()


def _mechanisms() -> Iterable[str]:
    from smtp_shell.protocol.sasl import MECHANISMS

    return MECHANISMS


def _proxy_headers() -> Iterable[str]:
    from smtp_shell.protocol.proxy_header import FORMS

    return FORMS


def _strictness() -> Iterable[str]:
    from smtp_shell.matching.expectation import Strictness

    return [level.name.lower() for level in Strictness]


def _stops() -> Iterable[str]:
    from smtp_shell.cli.send_options import STOPS

    return dict.fromkeys(STOPS.values())


def _formats() -> Iterable[str]:
    from smtp_shell.cli.convert import written_formats

    return written_formats()


def _dialects() -> Iterable[str]:
    from smtp_shell.importers import dialects
    from smtp_shell.transcript.foreign import AUTO, OWN_FORM

    return [AUTO, OWN_FORM, *dialects()]


def _kinds() -> Iterable[str]:
    from smtp_shell.study.kinds import all_kinds

    return [each.name for each in all_kinds()]


def _rubrics() -> Iterable[str]:
    from importlib.resources import files

    return sorted(each.name.removesuffix(".toml") for each in (files("smtp_shell.lint") / "profiles").iterdir())


KNOWN_WORDS: dict[str, Callable[[], Iterable[str]]] = {
    "--mechanism": _mechanisms,
    "--tls-min": lambda: ("1.2", "1.3"),
    "--tls-max": lambda: ("1.2", "1.3"),
    "--proxy-protocol": _proxy_headers,
    "replay --match": _strictness,
    "diff --match": _strictness,
    "send --quit-after": _stops,
    "send --drop-after": _stops,
    "convert --to": _formats,
    "convert --from": _dialects,
    "quiz --kind": _kinds,
    "lint --for": _rubrics,
}
"""Option, or command and option -> its known values."""

"""The options of a shell command, as data: what follows its name is read by them, completed by them, and explained by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.arguments import ArgumentParser, did_you_mean, parser_arguments
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion.context import Option

if TYPE_CHECKING:
    from smtp_shell.shell.completion.context import Candidates


def synopsis(options: Sequence[Option]) -> str:
    """Return how the options are written, each in brackets; those that exclude each other share theirs."""
    sets: dict[str, list[str]] = {}
    for option in options:
        sets.setdefault(option.either or option.name, []).append(option.usage)
    return " ".join(f"[{' | '.join(each)}]" for each in sets.values())


class GivenOptions(Struct, frozen=True):
    """What follows the name of a command, read by its options.

    Args:
        values: The options that are there, each with its values; none for an option that takes none.
        words: The other words.
    """

    values: Mapping[str, Sequence[str]]
    words: Sequence[str]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def last(self, name: str, default: str = "") -> str:
        """Return the last value of an option, or the default where it is not there."""
        return self.values[name][-1] if self.values.get(name) else default


def read_options(command: str, words: Sequence[str], options: Sequence[Option]) -> GivenOptions:
    """Read the words after the name of a command.

    Args:
        command: Name of the command, for messages.
        words: The words.
        options: The options that there are. A value is written as `--name VALUE` or `--name=VALUE`. After `--` no word is an option.

    Raises:
        UsageError: There is another option, a value is missing, is one too many or none of the choices, or two exclude each other.
    """
    known = {option.name: option for option in options}
    found: dict[str, list[str]] = {}
    others: list[str] = []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        option = known.get(name)
        if word == "--":
            others.extend(left)
        elif option is None and word.startswith("--"):
            advice = did_you_mean(name, known, f"see /help {command}.")
            raise UsageError(f"{command} has no option {escape_str(name)}; {advice}")
        elif option is None:
            others.append(word)
        elif not option.value and equals:
            raise UsageError(f"{command}: {name} takes no value; see /help {command}.")
        else:
            given = value if equals else next(left, None) if option.value else ""
            if given is None:
                raise UsageError(f"{command}: {name} takes a value, {option.value}; see /help {command}.")
            if option.choices and given not in option.choices:
                raise UsageError(f"{command}: {name} {escape_str(given)}: it takes one of {', '.join(option.choices)}.")
            _check_alone(command, option, found, known)
            found.setdefault(name, []).extend([given] if option.value else [])
    return GivenOptions(found, others)


def parser_options(parser: ArgumentParser, complete: Mapping[str, Candidates] | None = None) -> tuple[Option, ...]:
    """Return the options of an argument parser.

    Args:
        parser: The parser.
        complete: What completes the values of options, by their names; those with choices need none.
    """
    appends = type(ArgumentParser(add_help=False).add_argument("--x", action="append"))  # its class has no public name
    found: list[Option] = []
    for each in parser_arguments(parser):
        if each.option_strings and "--help" not in each.option_strings:
            name = max(each.option_strings, key=len)
            value = "" if each.nargs == 0 else str(each.metavar or each.dest.upper().replace("_", "-"))
            by, choices = (complete or {}).get(name), dict.fromkeys(map(str, each.choices or ()), "")
            meaning = " ".join((each.help or "").split()).replace("%%", "%")
            found.append(Option(name, meaning, value, by, choices, repeats=isinstance(each, appends)))
    return tuple(found)


def _check_alone(command: str, option: Option, found: Mapping[str, object], known: Mapping[str, Option]) -> None:
    if option.name in found and not option.repeats:
        raise UsageError(f"{command}: {option.name} is given twice; leave one out.")
    for other in found:
        if option.either and known[other].either == option.either and other != option.name:
            raise UsageError(f"{command}: {other} and {option.name} exclude each other; leave one out.")

"""Arguments as words: a parser that raises UsageError, and the types of values that several commands share.

Nothing here is about one command. The command line and the shell's slash commands read their words with it.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_LONGEST_SECONDS = 86_400
_LAST_PORT = 65_535
_HELP_WIDTH = 80
_UNKNOWN = "unrecognized arguments: "


class ArgumentParser(argparse.ArgumentParser):
    """ArgumentParser that raises UsageError instead of exiting.

    Abbreviations are off: `--password` must not stand for `--password-command`, whose value is run as a command.
    """

    def __init__(
        self, *, formatter_class: type[argparse.HelpFormatter] = argparse.HelpFormatter, **options: Any
    ) -> None:
        self._help_formatter = formatter_class
        # argparse builds a formatter for each option to check it. Without a width each of them imports shutil (4 ms).
        super().__init__(
            formatter_class=partial(formatter_class, width=_HELP_WIDTH), **{"allow_abbrev": False, **options}
        )

    def format_help(self) -> str:
        """Return the help text, as wide as the terminal."""
        self.formatter_class = self._help_formatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise the parser's complaint.

        Raises:
            UsageError: Always.
        """
        from smtp_shell.protocol.octets import escape_str

        where = f"{self.prog} --help" if self.add_help else f"/help {self.prog}"
        near = _nearest_option(self, message)
        advice = f"did you mean {near}? See {where}." if near else f"see {where}."
        raise UsageError(f"{escape_str(message)}; {advice}")


class _Recorder(argparse.HelpFormatter):
    """Help formatter that keeps the arguments that it is given, in their order: argparse has no other public list of them."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, width=_HELP_WIDTH)
        self.found: list[argparse.Action] = []

    def add_argument(self, action: argparse.Action) -> None:
        """Keep an argument."""
        self.found.append(action)


def parser_arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a parser, hidden ones left out, in the order of its help."""
    recorders: list[_Recorder] = []

    def record(prog: str) -> _Recorder:
        recorders.append(_Recorder(prog))
        return recorders[-1]

    formatter, parser.formatter_class = parser.formatter_class, record
    try:
        argparse.ArgumentParser.format_help(parser)
    finally:
        parser.formatter_class = formatter
    return [each for each in recorders[-1].found if each.help is not argparse.SUPPRESS]


def _nearest_option(parser: argparse.ArgumentParser, message: str) -> str:
    """Return the option that is nearest to one that argparse complains about not knowing; empty where none is near."""
    if not message.startswith(_UNKNOWN):
        return ""
    typed = next((word for word in message.removeprefix(_UNKNOWN).split() if word.startswith("-")), "")
    return nearest(typed.partition("=")[0], [name for each in parser_arguments(parser) for name in each.option_strings])


def nearest(name: str, names: Iterable[str]) -> str:
    """Return which of the names is nearest to one that is none of them; empty where none is near.

    The hyphens of an option and the slash of a command do not count: every name has them.
    """
    from difflib import get_close_matches

    bare = {each.lstrip("-/"): each for each in names}
    return next((bare[each] for each in get_close_matches(name.lstrip("-/").lower(), bare, n=1)), "")


def file_path(text: str) -> Path:
    """Return a path, with a leading `~` expanded."""
    from pathlib import Path

    return Path(text).expanduser()


def port_number(text: str) -> int:
    """Return a port number from 0 to 65535; 0 stands for any free port.

    Raises:
        argparse.ArgumentTypeError: It is not one.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"'{text}' is no port, which is a whole number from 0 to {_LAST_PORT}")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds, more than 0 and at most a day.

    Raises:
        argparse.ArgumentTypeError: It is not one.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no number of seconds, more than 0 and at most {_LONGEST_SECONDS:,}"
        )
    return number


def whole_number(most: int) -> Callable[[str], int]:
    """Return a type for whole numbers from 1 to a bound.

    Args:
        most: The largest number allowed.
    """

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= most):
            from smtp_shell.protocol.octets import SINGLE, quoted

            raise argparse.ArgumentTypeError(f"{quoted(text, SINGLE)} is no whole number from 1 to {most:,}")
        return int(text)

    return read

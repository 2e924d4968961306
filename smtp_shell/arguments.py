"""Arguments as words: a parser that raises UsageError, and the types of values that several commands share.

Nothing here is about one command. The command line and the shell's slash commands read their words with it.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_LONGEST_SECONDS = 86_400
_LAST_PORT = 65_535
_HELP_WIDTH = 80
_UNKNOWN = "unrecognized arguments: "
_LONGEST_USAGE = 3  # lines
_LONGEST_NAME = 60  # characters that are compared: a hostile file can have a name of a million


class ArgumentParser(argparse.ArgumentParser):
    """ArgumentParser that raises UsageError instead of exiting.

    Abbreviations are off: `--password` must not stand for `--password-command`, whose value is run as a command.

    Args:
        formatter_class: Formatter of the help.
        examples: Command lines that the help shows first, each with what it does; empty for what is plain.
        options: More arguments of `argparse.ArgumentParser`.
    """

    def __init__(
        self,
        *,
        formatter_class: type[argparse.HelpFormatter] = argparse.HelpFormatter,
        examples: Sequence[tuple[str, str]] = (),
        **options: Any,
    ) -> None:
        self._help_formatter = formatter_class
        self.examples = examples
        # argparse builds a formatter for each option to check it. Without a width each of them imports shutil (4 ms).
        super().__init__(
            formatter_class=partial(formatter_class, width=_HELP_WIDTH), **{"allow_abbrev": False, **options}
        )

    def format_help(self) -> str:
        """Return the help text, as wide as the terminal: the usage in three lines at most, then the examples, then the arguments."""
        self.formatter_class = self._help_formatter
        if self.usage is None and self.format_usage().count("\n") > _LONGEST_USAGE:
            self.usage = self.short_usage()
        if not self.examples:
            return super().format_help()
        begins = self.format_usage()
        if self.description:
            begins += f"\n{self.description}\n"
        self.description, described = None, self.description
        try:
            rest = super().format_help().removeprefix(self.format_usage())
        finally:
            self.description = described
        width = max(len(line) for line, _ in self.examples)
        rows = (f"  {line:{width}}  {what}".rstrip() for line, what in self.examples)
        return "\n".join((begins, "examples:", *rows, rest))

    def short_usage(self) -> str:
        """Return the usage without the options that may be left out."""
        if self.usage is not None:
            return self.usage
        actions = [action for _, section in self.sections() for action in section]
        needed = [action for action in actions if action.option_strings and action.required]
        words = [f"{action.option_strings[0]} {action.metavar or action.dest.upper()}" for action in needed]
        forms = {"?": "[{}]", "*": "[{} ...]", "+": "{} [{} ...]"}
        for action in actions:
            if not action.option_strings:
                words.append(forms.get(str(action.nargs), "{}").replace("{}", str(action.metavar or action.dest)))
        return " ".join((self.prog, "[OPTIONS]", *words))

    def sections(self) -> list[tuple[str, list[argparse.Action]]]:
        """Return the arguments that the help shows, by section: its heading, and its arguments in their order."""
        formatter = _Collector(self.prog)
        before, self.formatter_class = self.formatter_class, lambda prog: formatter
        try:
            super().format_help()
        finally:
            self.formatter_class = before
        return [(heading, actions) for heading, actions in formatter.sections if actions]

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


def parser_arguments(parser: ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a parser, hidden ones left out, in the order of its help."""
    return [each for _, section in parser.sections() for each in section]


def _nearest_option(parser: ArgumentParser, message: str) -> str:
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
    wanted = name.lstrip("-/").lower()[:_LONGEST_NAME]
    return next((bare[each] for each in get_close_matches(wanted, bare, n=1)), "")


def did_you_mean(name: str, names: Iterable[str], otherwise: str) -> str:
    """Return the end of a sentence about a name that is none of several: the nearest one, or other advice where none is near.

    Args:
        name: What was typed.
        names: What there is, printable.
        otherwise: The advice.
    """
    near = nearest(name, names)
    return f"did you mean {near}?" if near else otherwise


class _Collector(argparse.HelpFormatter):
    """Formatter that keeps the arguments in place of writing them: argparse has no other public way to list them."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_HELP_WIDTH)
        self.sections: list[tuple[str, list[argparse.Action]]] = []

    def start_section(self, heading: str | None) -> None:
        self.sections.append((heading or "", []))

    def end_section(self) -> None:
        pass

    def add_usage(self, *words: Any, **options: Any) -> None:
        pass

    def add_text(self, text: str | None) -> None:
        pass

    def add_arguments(self, actions: Iterable[argparse.Action]) -> None:
        self.sections[-1][1].extend(action for action in actions if action.help is not argparse.SUPPRESS)


def file_path(text: str) -> Path:
    """Return a path, with a leading `~` expanded."""
    from smtp_shell.config import user_path

    return user_path(text)


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

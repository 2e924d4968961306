"""The registry: what the shell does itself, by name, with its help and its completion.

It does not know the shell: the type of what the functions act on is a parameter, which the shell fills in.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

from msgspec import Struct

from smtp_shell.arguments import did_you_mean
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.command_options import GivenOptions, read_options, synopsis
from smtp_shell.shell.completion.context import Candidates, OptionSource, options_of

_COMMANDS = "smtp_shell.shell.commands"
SHORTHANDS = "shorthands"
OTHER_NAMES: Mapping[str, str] = {
    "?": "/help",
    "bye": "/exit",
    "close": "/disconnect",
    "h": "/help",
    "logout": "/exit",
    "open": "/connect",
    "practice": "/connect",
    "q": "/exit",
    "quit": "/exit",
    "telnet": "/connect",
}
"""What people type who look for a command of the shell, from other shells and from telnet -> its name here."""
_SENTENCE_ENDS = (".", ":", "?")

ShellT = TypeVar("ShellT")


class Args(Struct, frozen=True):
    """What follows the name.

    Args:
        name: Name of the command, for messages.
        text: The rest of the line, without white space around it.
        options: The options that the command has.
    """

    name: str
    text: str
    options: OptionSource = ()

    @property
    def words(self) -> list[str]:
        """The words, quoted as in a POSIX shell, except that a backslash is itself, as in Windows paths.

        Raises:
            UsageError: A quote is not closed.
        """
        import shlex

        lexer = shlex.shlex(self.text, posix=True, punctuation_chars=False)
        lexer.whitespace_split = True
        lexer.commenters = ""
        lexer.escape = ""
        try:
            return list(lexer)
        except ValueError:
            raise UsageError(f"{self.name}: a quote is not closed; close it.") from None

    def none(self) -> None:
        """Check that nothing follows the name.

        Raises:
            UsageError: Something does.
        """
        if self.text:
            raise UsageError(f"{self.name} takes nothing after it; see /help {self.name}.")

    def one(self, what: str) -> str:
        """Return the one word that must follow.

        Args:
            what: What it is, for the message.

        Raises:
            UsageError: There is none, or more than one.
        """
        words = self.words
        if len(words) != 1:
            raise UsageError(f"{self.name} takes one {what}; see /help {self.name}.")
        return words[0]

    def read(self) -> GivenOptions:
        """Return the options that follow, each with its values, and the other words.

        Raises:
            UsageError: There is an option that the command has not, or a value is missing.
        """
        return read_options(self.name, self.words, options_of(self.options))


class ShellCommand(Struct, Generic[ShellT], frozen=True):
    """A line that the shell handles itself: a slash command, or a shorthand for a line to the server.

    Args:
        name: The name in lower case, with the slash of a slash command.
        usage: What may follow the name, but for the options.
        run: The function that does it; its docstring is the help.
        complete: Completes what follows the name; None where nothing is suggested.
        rfc: Where the RFCs define a shorthand's command; None for a slash command.
        applies: Whether what follows a shorthand's name makes it one. Any other line goes out as typed. None for a slash command.
        group: Name of the group that `/help` lists it in.
        options: Its options, or what makes them.
    """

    name: str
    usage: str
    run: Callable[[ShellT, Args], None]
    complete: Candidates | None = None
    rfc: str | None = None
    applies: Callable[[str], bool] | None = None
    group: str = SHORTHANDS
    options: OptionSource = ()

    @property
    def synopsis(self) -> str:
        """What may follow the name, and the options."""
        return f"{self.usage} {synopsis(options_of(self.options))}".strip()

    @property
    def is_for_shell(self) -> bool:
        """Whether it is a slash command, and not a shorthand for a line to the server."""
        return self.applies is None

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return self.help.partition("\n")[0]

    @property
    def help(self) -> str:
        """The whole help text. A sentence that goes over several lines of the docstring is one line of it, for the screen to wrap."""
        found: list[str] = []
        for line in (self.run.__doc__ or "").strip().split("\n"):
            text = line.strip()
            if text and found and found[-1] and not found[-1].endswith(_SENTENCE_ENDS):
                found[-1] += f" {text}"
            else:
                found.append(text)
        return "\n".join(found)


def shell_command(
    name: str, usage: str = "", *, complete: Candidates | None = None, group: str = "", options: OptionSource = ()
) -> Callable[[Callable[[ShellT, Args], None]], ShellCommand[ShellT]]:
    """Make a function a slash command. The arguments are those of `ShellCommand`; without a group it is in that of its module."""
    return lambda run: ShellCommand(
        name, usage, run, complete, group=group or run.__module__.rpartition(".")[2], options=options
    )


def _of_all_modules() -> Iterator[ShellCommand[Any]]:
    from smtp_shell.submodules import submodules

    for module in submodules(importlib.import_module(_COMMANDS)):
        yield from (value for value in vars(module).values() if isinstance(value, ShellCommand))


def shorthand(
    name: str,
    usage: str = "",
    *,
    rfc: str,
    applies: Callable[[str], bool],
    complete: Candidates | None = None,
    options: OptionSource = (),
) -> Callable[[Callable[[ShellT, Args], None]], ShellCommand[ShellT]]:
    """Make a function a shorthand. The arguments are those of `ShellCommand`."""
    return lambda run: ShellCommand(name, usage, run, complete, rfc, applies, options=options)


class Registry(Mapping[str, ShellCommand[ShellT]]):
    """All shell commands and shorthands by name, in the order of their names.

    Args:
        commands: The commands, in any order; or what returns them, which is called when the first is asked for.
    """

    def __init__(self, commands: Iterable[ShellCommand[ShellT]] | Callable[[], Iterable[ShellCommand[ShellT]]]) -> None:
        self._source = commands if callable(commands) else tuple(commands)

    @cached_property
    def _commands(self) -> dict[str, ShellCommand[ShellT]]:
        commands = self._source() if callable(self._source) else self._source
        return {each.name: each for each in sorted(commands, key=lambda each: each.name)}

    @classmethod
    def load(cls) -> Registry[ShellT]:
        """Return the commands of all modules of `shell.commands`.

        They are imported when the first command is asked for: that takes 6 ms, and the first prompt needs none.
        """
        return cls(_of_all_modules)

    def __getitem__(self, name: str) -> ShellCommand[ShellT]:
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)

    def shorthand(self, verb: str, rest: str) -> ShellCommand[ShellT] | None:
        """Return the shorthand that a line to the server is; None where the line goes out as typed.

        Args:
            verb: The first word, in any case.
            rest: What follows it, without white space around it.
        """
        found = self._commands.get(verb.lower()) if verb.isascii() else None
        return found if found is not None and found.applies is not None and found.applies(rest) else None

    def meant(self, word: str) -> str:
        """Return the slash command that a word probably means; empty for none.

        Args:
            word: A word without a slash: the name of a slash command, or what other programs call it.
        """
        name = OTHER_NAMES.get(word.lower()) or f"/{word.lower()}"
        return name if name in self._commands else ""

    def find(self, name: str) -> ShellCommand[ShellT]:
        """Return a command by its name, with or without the slash.

        Raises:
            UsageError: There is none; the message names the nearest.
        """
        found = self._commands.get(name) or self._commands.get(f"/{name}")
        if found is not None:
            return found
        habit = self.meant(name.lstrip("/"))
        hint = f"did you mean {habit}?" if habit else did_you_mean(name, self._commands, "/help lists what there is.")
        raise UsageError(f"{escape_str(name)} is no command of the shell, and nothing was sent; {hint}")

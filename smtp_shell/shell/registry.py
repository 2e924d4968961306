"""The one registry: every line that the shell handles itself, with its help and its completion."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.shell.shell import Shell

_ROOMS = ("connection", "dialogue", "transcripts", "replay", "learn", "settings")


class Args(Struct, frozen=True):
    """What stands behind the name.

    Args:
        name: The entry's name, for messages.
        text: The rest of the line, without white space around it.
    """

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words, quoted as in a POSIX shell; a backslash is itself, as Windows paths want it.

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
        """Refuse anything behind the name.

        Raises:
            UsageError: There is something.
        """
        if self.text:
            raise UsageError(f"{self.name} takes nothing behind it; see /help {self.name}.")

    def one(self, what: str) -> str:
        """Give the one word that must be there.

        Args:
            what: What it is, for the message.

        Raises:
            UsageError: There is none, or more than one.
        """
        words = self.words
        if len(words) != 1:
            raise UsageError(f"{self.name} takes one {what}; see /help {self.name}.")
        return words[0]


Run = Callable[["Shell", Args], None]
Complete = Callable[["Shell", str], Iterator[tuple[str, str]]]
"""Gives (word, description) for the last word typed."""


class ShellEntry(Struct, frozen=True):
    """A line that the shell handles itself.

    Args:
        name: With its slash, or a verb of SMTP that has manners.
        usage: What may stand behind it.
        rfc: Where the RFCs define it; None for what is the shell's own.
        run: What it does.
        complete: Completion of what stands behind it, or None for nothing.
        applies: For a verb: whether the rest of the line is one that the shell handles; anything else goes out as typed.
    """

    name: str
    usage: str
    rfc: str | None
    run: Run
    complete: Complete | None = None
    applies: Callable[[str], bool] = bool

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (self.run.__doc__ or "").strip().split("\n")[0]

    @property
    def help(self) -> str:
        """All that is to be said about it."""
        lines = (self.run.__doc__ or "").strip().split("\n")
        return "\n".join(line.removeprefix("    ") for line in lines)


def entry(
    name: str,
    usage: str = "",
    *,
    rfc: str | None = None,
    complete: Complete | None = None,
    applies: Callable[[str], bool] = lambda text: True,
) -> Callable[[Run], ShellEntry]:
    """Make a function an entry of the registry. Its docstring is its help."""

    def make(run: Run) -> ShellEntry:
        return ShellEntry(name, usage, rfc, run, complete, applies)

    return make


class Registry:
    """All entries by name.

    Args:
        entries: Name to entry.
    """

    def __init__(self, entries: Mapping[str, ShellEntry]) -> None:
        self._entries = dict(sorted(entries.items()))

    @classmethod
    def load(cls) -> Registry:
        """Collect the entries of all rooms of `shell.commands`."""
        found: dict[str, ShellEntry] = {}
        for room in _ROOMS:
            module = importlib.import_module(f"smtp_shell.shell.commands.{room}")
            found |= {value.name: value for value in vars(module).values() if isinstance(value, ShellEntry)}
        return cls(found)

    def __iter__(self) -> Iterator[ShellEntry]:
        return iter(self._entries.values())

    def verb(self, word: str) -> ShellEntry | None:
        """Find a verb that has manners, in any case."""
        return self._entries.get(word.lower()) if word.isascii() else None

    def find(self, name: str) -> ShellEntry:
        """Find an entry by its name, with or without the slash.

        Raises:
            UsageError: There is none; the message says what comes near.
        """
        found = self._entries.get(name) or self._entries.get(f"/{name}")
        if found is not None:
            return found
        from difflib import get_close_matches

        near = get_close_matches(name, self._entries, n=1)
        hint = f"did you mean {near[0]}?" if near else "/help lists what there is."
        raise UsageError(f"{escape_str(name)} is no command of the shell, and nothing was sent; {hint}")

"""What a typed line is: the one rule of two languages at one prompt.

A line that starts with `/` is for the shell. Everything else is for the server, exactly as typed, unless it is one of the
shorthands in the registry: those go out as SMTP writes them, in capitals, however they are typed.
In mail data every line is mail data; after a 334 every line but a slash command is an answer to it.
"""

from __future__ import annotations

import re
from typing import Generic, TypeAlias

from msgspec import Struct

from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.registry import Args, Registry, ShellCommand, ShellT

# Surrogates but those that stand for an octet which is not UTF-8 (PEP 383).
_HALF_A_CHARACTER = "[\ud800-\udc7f\udd00-\udfff]"  # compiled when it is first used
_BLANKS = " \t"  # any other white space is a character of the line


class Run(Struct, Generic[ShellT], frozen=True):
    """A line that the shell handles itself."""

    command: ShellCommand[ShellT]
    args: Args


class Wire(Struct, frozen=True):
    """A line for the server, exactly as typed."""

    text: str

    def __repr__(self) -> str:
        return "Wire(...)"


class MailDataLine(Struct, frozen=True):
    """A line of mail data; a dot alone ends it."""

    text: str


class Answer(Struct, frozen=True):
    """An answer to a 334, typed by hand."""

    text: str

    def __repr__(self) -> str:
        return "Answer(...)"


Line: TypeAlias = Run[ShellT] | Wire | MailDataLine | Answer | None
"""A typed line, parsed; None for an empty one, which does nothing."""


def is_for_shell(line: object) -> bool:
    """Return whether a parsed line is a slash command."""
    return isinstance(line, Run) and line.command.is_for_shell


def begins_mail_data(text: str) -> bool:
    """Check whether a line asks the server to take mail data that the following lines hold: DATA, but not `data < FILE`."""
    word, _, rest = text.strip(_BLANKS).partition(" ")
    return word.upper() == "DATA" and not rest.strip(_BLANKS).startswith("<")


def parse(text: str, registry: Registry[ShellT], phase: Phase | None) -> Line[ShellT]:
    """Parse a typed line.

    Args:
        text: The line, without its line end.
        registry: The shell commands and shorthands.
        phase: Phase of the dialogue; None without a connection.

    Returns:
        The line, or None for an empty one, which does nothing.

    Raises:
        UsageError: It starts with a slash and is no command, or means a slash command where no server could take it.
        NotSendable: It holds half a character, as a Windows console can produce.
    """
    if re.search(_HALF_A_CHARACTER, text):
        raise NotSendable("the line holds half a character, which stands for no octets; type it again.")
    if phase is Phase.MAILDATA:
        return MailDataLine(text)
    stripped = text.strip(_BLANKS)
    word, _, rest = stripped.partition(" ")
    rest = rest.strip(_BLANKS)
    if word.startswith("/"):
        found = registry.find(word)
        return Run(found, Args(word, rest, found.options))
    if phase is Phase.AUTH:
        return Answer(text)
    if not stripped:
        return None
    if phase is None and (meant := registry.meant(word)):
        raise UsageError(f"there is no connection, and nothing was sent; did you mean {meant}?")
    shorthand = registry.shorthand(word, rest)
    return Wire(text) if shorthand is None else Run(shorthand, Args(shorthand.name, rest, shorthand.options))

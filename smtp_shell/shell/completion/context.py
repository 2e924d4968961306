"""What suggestions are made from: the commands with their options, and what is known at the moment of a key press."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from smtp_shell.protocol.phases import Phase
    from smtp_shell.protocol.replies import Extensions
    from smtp_shell.shell.completion.typed_words import TypedAddresses, TypedHosts
    from smtp_shell.shell.settings import ShellOptions, ShellSettings


class Option(Struct, frozen=True):
    """An option of a shell command.

    Args:
        name: Its name, with its hyphens.
        meaning: What it does, in a few printable words, for menus and for `/help`.
        value: What its value is called, such as `FILE`; empty for an option that takes none.
        complete: Completes its value; None where nothing is suggested, or `choices` has all values.
        choices: The values that there are, each with its description; empty where others are possible.
        either: Name of a set of options that exclude each other; empty for none.
        repeats: Whether it may be given more than once.
    """

    name: str
    meaning: str
    value: str = ""
    complete: Candidates | None = None
    choices: Mapping[str, str] = {}
    either: str = ""
    repeats: bool = False

    @property
    def usage(self) -> str:
        """Its name, with that of its value."""
        return f"{self.name} {self.value}" if self.value else self.name


OptionSource: TypeAlias = Sequence[Option] | Callable[[], Sequence[Option]]
"""The options, or what makes them: for a command whose options are those of an argument parser that the first prompt need not load."""


def options_of(source: OptionSource) -> Sequence[Option]:
    """Return the options that a source stands for."""
    return _made(source) if callable(source) else source


@cache
def _made(source: Callable[[], Sequence[Option]]) -> Sequence[Option]:
    """Return what a source makes, which is made once: a parser takes up to 20 ms to build, and every key press asks."""
    return source()


class Completable(Protocol):
    """What a line can begin with."""

    @property
    def summary(self) -> str:
        """What it does, in one line."""

    @property
    def group(self) -> str:
        """Name of the group that it is listed in."""

    @property
    def complete(self) -> Candidates | None:
        """Completes what follows it."""

    @property
    def options(self) -> OptionSource:
        """The options that may follow it."""


class CompletionContext(Struct, frozen=True):
    """What suggestions are made from, at the moment of one key press.

    Args:
        commands: Slash commands and shorthands by name.
        addresses: The addresses typed before.
        history: The lines typed before, the oldest first.
        phase: Phase of the dialogue; None without a connection.
        extensions: What the server announced; None before EHLO.
        hosts: The servers named before; None where they are not known.
        settings: What `/set` changes; None where it is not known.
        shell_options: What the shell was started with: profiles, and the practice server; None where it is not known.
        attached: The names of the attachments of the draft.
    """

    commands: Mapping[str, Completable]
    addresses: TypedAddresses
    history: Sequence[str] = ()
    phase: Phase | None = None
    extensions: Extensions | None = None
    hosts: TypedHosts | None = None
    settings: ShellSettings | None = None
    shell_options: ShellOptions | None = None
    attached: Sequence[str] = ()


Candidates = Callable[[CompletionContext, str], Iterator[tuple[str, str]]]
"""Yields (word, description) for the last word of what follows a name. Words that do not fit are left out by `suggest`."""

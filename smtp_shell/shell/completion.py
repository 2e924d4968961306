"""What could be typed next, from the commands, what the server announced, and what was typed before."""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Extensions

# Verbs that go out as typed; the shorthands are in the registry.
VERBS = {
    "rset": "give up the mail transaction (RFC 5321 §4.1.1.5)",
    "vrfy": "ask whether a mailbox exists (RFC 5321 §4.1.1.6)",
    "expn": "ask who is on a mailing list (RFC 5321 §4.1.1.7)",
    "help": "ask the server for help (RFC 5321 §4.1.1.8)",
    "noop": "ask for a reply and nothing else (RFC 5321 §4.1.1.9)",
    "etrn": "ask the server to send what it has for a domain (RFC 1985)",
    "burl": "have the server fetch a part of the message by its URL (RFC 4468)",
}

_ADDRESS = re.compile(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+")
_FILE_BEGINS = re.compile(r"(?:^|[ \t])<[ \t]*[^<> \t]*$")
_MOST_SUGGESTIONS = 50
_MOST_FILES = 1000


class Completable(Protocol):
    """What a line can begin with."""

    @property
    def summary(self) -> str:
        """What it does, in one line."""

    @property
    def complete(self) -> Candidates | None:
        """Completes what follows it."""


class CompletionContext(Struct, frozen=True):
    """What suggestions are made from, at the moment of one key press.

    Args:
        commands: Slash commands and shorthands by name.
        addresses: The addresses typed before.
        history: The lines typed before, the oldest first.
        phase: Phase of the dialogue; None without a connection.
        extensions: What the server announced; None before EHLO.
    """

    commands: Mapping[str, Completable]
    addresses: TypedAddresses
    history: Sequence[str] = ()
    phase: Phase | None = None
    extensions: Extensions | None = None


Candidates = Callable[[CompletionContext, str], Iterator[tuple[str, str]]]
"""Yields (word, description) for the last word of what follows a name. Words that do not fit are left out by `suggest`."""


class Suggestion(Struct, frozen=True):
    """One thing that could be typed.

    Args:
        text: What to insert.
        start: Number of characters before the cursor that it replaces.
        description: A few printable words.
    """

    text: str
    start: int
    description: str = ""


def suggest(context: CompletionContext, text: str) -> Iterator[Suggestion]:
    """Suggest what could follow.

    Args:
        context: What to make suggestions from.
        text: The line up to the cursor.
    """
    if context.phase in (Phase.MAILDATA, Phase.AUTH):
        return
    head, space, rest = text.lstrip().partition(" ")
    if not space:
        yield from _first_words(context, head)
        return
    name = head.lower() if head.isascii() else ""
    command = context.commands.get(name)
    complete = command.complete if command is not None else _AFTER_VERBS.get(name)
    if complete is None:
        return
    word = _last_word(rest)
    seen = 0
    for candidate, description in complete(context, rest):
        if candidate.lower().startswith(word.lower()) and candidate != word:
            yield Suggestion(candidate, len(word), description)
            seen += 1
        if seen == _MOST_SUGGESTIONS:
            return


def _first_words(context: CompletionContext, head: str) -> Iterator[Suggestion]:
    wanted = head.lower()
    for name, command in context.commands.items():
        if name.startswith(wanted) and name.startswith("/") == wanted.startswith("/"):
            yield Suggestion(name, len(head), command.summary)
    for verb, description in VERBS.items():
        if verb.startswith(wanted):
            yield Suggestion(verb, len(head), description)


def _last_word(text: str) -> str:
    return text.rsplit(" ", 1)[-1]


def mail_parameters(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield what may follow `mail`: addresses, the parameters that this server announced, and files after `<`."""
    if _FILE_BEGINS.search(text):
        return paths(context, text)
    return _parameters(context, text, "MAIL")


def rcpt_parameters(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield what may follow `rcpt`: addresses, and the parameters that this server announced."""
    return _parameters(context, text, "RCPT")


def _parameters(context: CompletionContext, text: str, verb: str) -> Iterator[tuple[str, str]]:
    if " " in text.lstrip() and context.extensions is not None:
        yield from _announced_parameters(context.extensions, verb, text)
    yield from addresses(context, text)


def _announced_parameters(extensions: Extensions, verb: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a command that were announced and are not in the line yet, each with its usual values."""
    from smtp_shell.protocol.parameters import PARAMETERS

    *before, typed = text.upper().split(" ")
    there = {word.partition("=")[0] for word in before}
    for name, row in PARAMETERS.items():
        if verb not in row.commands or name in there:
            continue
        source = row.source.partition(" section")[0]
        for value in row.values:
            if all(each in extensions for each in row.extensions(value.text)):
                yield f"{name}={value.text}", f"{value.meaning} ({source})"
        if row.extension in extensions and not row.values and not typed.startswith(f"{name}="):
            yield f"{name}=" if row.form and not row.is_optional else name, f"{row.meaning} ({source})"


def client_attributes(verb: str) -> Candidates:
    """Return what completes XCLIENT or XFORWARD: the attributes that this server announced.

    Args:
        verb: The command, upper-case.
    """

    def complete(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
        from smtp_shell.protocol.announcements import announcement
        from smtp_shell.protocol.client_attributes import ATTRIBUTES

        extensions = context.extensions
        if extensions is None or verb not in extensions:
            return
        there = {word.partition("=")[0].upper() for word in text.split(" ")[:-1]}
        for name in announcement(verb, extensions.keywords[verb]).names:
            if name not in there:
                yield f"{name}=", ATTRIBUTES.get(name, "announced by this server")

    return complete


def addresses(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the addresses that were typed before."""
    for address in context.addresses.beginning(_last_word(text), context.history):
        yield address, "typed before"


def _verbs(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the commands that a server may have help for."""
    if " " in text.lstrip():
        return
    for name, command in context.commands.items():
        if not name.startswith("/"):
            yield name.upper(), command.summary
    for name, description in VERBS.items():
        yield name.upper(), description


# What completes the verbs that are no shorthands.
_AFTER_VERBS: Mapping[str, Candidates] = {"vrfy": addresses, "expn": addresses, "help": _verbs}


class TypedAddresses:
    """The addresses in a history. Each line is read once: there may be ten thousand, and every key press asks."""

    def __init__(self) -> None:
        # Number of lines read, the last of them, and each address -> its lower case, the latest last.
        self._lines = 0
        self._last = ""
        self._found: dict[str, str] = {}

    def beginning(self, word: str, history: Sequence[str]) -> Iterator[str]:
        """Yield the addresses that begin with a word in any case, the latest first, each once and printable.

        Args:
            word: The beginning.
            history: The lines typed before, the oldest first.
        """
        self._read(history)
        word = word.lower()
        for address, lower in reversed(self._found.items()):
            if lower.startswith(word):
                yield escape_str(address)

    def _read(self, history: Sequence[str]) -> None:
        if self._lines and (len(history) < self._lines or history[self._lines - 1] != self._last):
            self._lines, self._found = 0, {}  # another history, or one that has been loaded since
        if len(history) == self._lines:
            return
        new = history[self._lines :]
        self._lines, self._last = len(history), new[-1]
        for address in _ADDRESS.findall("\n".join(new)):
            self._found.pop(address, None)  # an address that is typed again goes to the end
            self._found[address] = address.lower()


_AUTH_OPTIONS = (
    ("--initial-response", "the first response in the AUTH command"),
    ("--no-initial-response", "the first response when it is asked for"),
    ("--authzid", "whom to act as"),
    ("--channel-binding", "tls-exporter, tls-unique or tls-server-end-point"),
)


def mechanisms_of(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield all mechanisms that smtp-shell knows, those that the server announced first; after one, the options of `auth`."""
    word = _last_word(text)
    if word.startswith("-"):
        yield from ((option, meaning) for option, meaning in _AUTH_OPTIONS if option not in text.split()[:-1])
        return
    if " " in text.lstrip():
        return
    from smtp_shell.protocol.sasl import MECHANISMS

    announced = context.extensions.mechanisms if context.extensions is not None else ()
    for name in MECHANISMS:
        if name in announced:
            yield name.lower(), "announced by this server"
    for name in MECHANISMS:
        if name not in announced:
            yield name.lower(), "not announced"


def names(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the names of all slash commands and shorthands."""
    for name, command in context.commands.items():
        yield name, command.summary


def paths(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield files and folders, without hidden ones and those whose names are not printable."""
    word = _last_word(text)
    prefix = "<" if word.startswith("<") else ""
    typed = word.removeprefix("<")
    is_folder = not typed or typed.endswith(("/", "\\"))
    folder = Path(typed).expanduser() if is_folder else Path(typed).expanduser().parent
    shown = typed if is_folder else typed[: len(typed) - len(Path(typed).name)]
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for path in found[:_MOST_FILES]:
        if not path.name.startswith(".") and path.name.isprintable():
            yield f"{prefix}{shown}{path.name}{'/' if os.path.isdir(path) else ''}", ""

"""What may follow the name of a command: addresses, files, and what the server announced."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.shell.completion.context import Candidates, CompletionContext

if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Extensions

# Verbs that go out as typed, with what they ask for; the shorthands are in the registry.
VERBS = {
    "rset": "give up the mail transaction (RFC 5321 §4.1.1.5)",
    "vrfy": "ask whether a mailbox exists (RFC 5321 §4.1.1.6)",
    "expn": "ask who is on a mailing list (RFC 5321 §4.1.1.7)",
    "help": "ask the server for help (RFC 5321 §4.1.1.8)",
    "noop": "ask for a reply and nothing else (RFC 5321 §4.1.1.9)",
    "etrn": "ask the server to send what it has for a domain (RFC 1985)",
    "burl": "have the server fetch a part of the message by its URL (RFC 4468)",
}

_MARK = re.compile("[ \t\"']")
_BEFORE_QUOTE = ("", " ", "\t", "<", "=")
_FILE_BEGINS = re.compile(r"(?:^|[ \t])<[ \t]*[^<> \t]*$")
_MOST_FILES = 1000


def last_word(text: str) -> str:
    """Return the word that the cursor stands after. A quote that begins a word holds its blanks, as in `Args.words`."""
    start, quote = 0, ""
    for mark in _MARK.finditer(text):
        if quote:
            quote = "" if mark[0] == quote else quote
        elif mark[0] in " \t":
            start = mark.end()
        elif text[max(0, mark.start() - 1) : mark.start()] in _BEFORE_QUOTE:
            quote = mark[0]
    return text[start:]


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
    for address in context.addresses.beginning(last_word(text), context.history):
        yield address, "typed before"


def server_verbs(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the commands that a server may have help for."""
    if " " in text.lstrip():
        return
    for name, command in context.commands.items():
        if not name.startswith("/"):
            yield name.upper(), command.summary
    for name, description in VERBS.items():
        yield name.upper(), description


def mechanisms_of(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield all mechanisms that smtp-shell knows, those that the server announced first."""
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
    word = last_word(text)
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

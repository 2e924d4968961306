"""Words that may follow the name of a command: addresses, parameters, mechanisms, names of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtp_shell.shell.completion.context import Candidates, CompletionContext

# Verbs that go out as typed, with what they ask for; the shorthands are in the registry.
SENT_AS_TYPED = {
    "rset": "Give up the mail transaction (RFC 5321 §4.1.1.5)",
    "vrfy": "Ask whether a mailbox exists (RFC 5321 §4.1.1.6)",
    "expn": "Ask who is on a mailing list (RFC 5321 §4.1.1.7)",
    "help": "Ask the server for help (RFC 5321 §4.1.1.8)",
    "noop": "Ask for a reply and nothing else (RFC 5321 §4.1.1.9)",
    "etrn": "Ask the server to send what it has for a domain (RFC 1985)",
    "burl": "Have the server fetch a part of the message by its URL (RFC 4468)",
}

MATCH_LEVELS = {
    "code": "the reply code alone",
    "enhanced": "and the enhanced status code",
    "keywords": "and the keywords of EHLO",
    "text": "and the text, but for times and queue numbers",
    "exact": "every octet",
}
"""How strictly replies are compared, from the loosest on: the members of `matching.Strictness`, which the first prompt need not load."""

_MARK = re.compile("[ \t\"']")
_BEFORE_QUOTE = ("", " ", "\t", "<", "=")


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


def addresses(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the addresses that were typed before."""
    for address in context.addresses.fitting(last_word(text), context.history):
        yield address, "typed before"


def server_verbs(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the commands that a server may have help for."""
    if " " in text.lstrip():
        return
    for name, command in context.commands.items():
        if not name.startswith("/"):
            yield name.upper(), command.summary
    for name, description in SENT_AS_TYPED.items():
        yield name.upper(), description


def mechanisms_of(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield all mechanisms that smtp-shell knows, those that the server announced first."""
    if " " in text.lstrip():
        return
    from smtp_shell.knowledge.tables import titles
    from smtp_shell.protocol.sasl import MECHANISMS

    known = titles("mechanism")
    announced = context.extensions.mechanisms if context.extensions is not None else ()
    for is_announced in (True, False):
        said = "" if context.extensions is None else "announced: " if is_announced else "not announced: "
        for name in MECHANISMS:
            if (name in announced) is is_announced:
                yield name.lower(), f"{said}{known.get(name, name)}"


def names(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the names of all slash commands and shorthands, and of their groups."""
    if " " in text.strip():
        return
    for name, command in context.commands.items():
        yield name, command.summary
    for group in sorted({command.group for command in context.commands.values()}):
        yield group, "a group of commands"
    if not text.startswith("/"):  # a name without its slash finds the command too
        yield from ((name[1:], command.summary) for name, command in context.commands.items() if name.startswith("/"))


def one_of(words: Mapping[str, str]) -> Candidates:
    """Return what completes the first word: one of several.

    Args:
        words: The words, each with its description.
    """
    return lambda context, text: iter(()) if " " in text.lstrip() else iter(words.items())

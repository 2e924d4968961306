"""A typed line and what it is: the whole rule of two languages at one prompt.

A line that starts with `/` is for the shell. Everything else is for the server, exactly as typed, unless it is one of the shorthands
that the registry knows. Inside mail data every line is mail data; behind a 334 every line is an answer to it.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from smtp_shell.protocol.dialogue import Phase
from smtp_shell.shell.registry import Args, Registry, ShellEntry

_CREDENTIAL = re.compile(r"(?=.*[A-Z0-9])[A-Za-z0-9+/]{8,}={0,2}")


@dataclass(frozen=True, slots=True)
class Run:
    """A line that the shell handles itself."""

    entry: ShellEntry
    args: Args


@dataclass(frozen=True, slots=True)
class Wire:
    """A line for the server, exactly as typed."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailDataLine:
    """A line of mail data; a dot alone ends it."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a 334, typed by hand."""

    text: str = field(repr=False)


Line = Run | Wire | MailDataLine | Answer


def parse(text: str, registry: Registry, phase: Phase | None) -> Line | None:
    """Say what a typed line is.

    Args:
        text: The line, without its line end.
        registry: The entries.
        phase: Where the dialogue stands; None without a connection.

    Returns:
        The line, or None for an empty one, which is nothing.

    Raises:
        UsageError: It starts with a slash and is no entry.
    """
    if phase is Phase.MAILDATA:
        return MailDataLine(text)
    stripped = text.strip()
    if stripped.startswith("/"):
        name, _, rest = stripped.partition(" ")
        return Run(registry.find(name), Args(name, rest.strip()))
    if phase is Phase.AUTH:
        return Answer(text)
    if not stripped:
        return None
    verb, _, rest = stripped.partition(" ")
    entry = registry.verb(verb)
    if entry is not None and entry.applies(rest.strip()):
        return Run(entry, Args(entry.name, rest.strip()))
    return Wire(text)


def is_response(mechanism: str, word: str) -> bool:
    """Say whether the word behind `auth MECHANISM` is an initial response typed by hand, and not a user's name.

    Args:
        mechanism: The word behind `auth`.
        word: The word behind that.

    Source: RFC 4954 §4
    """
    if word == "=":
        return True
    try:
        decoded = base64.b64decode(word, validate=True)
    except (ValueError, binascii.Error):
        return False
    if mechanism.upper() == "PLAIN":
        return b"\0" in decoded
    return len(word) >= 4 and (word.endswith("=") or decoded.startswith((b"n,", b"user="))) and _is_text(decoded)


def secret_from(text: str) -> int | None:
    """Find where the credential begins in a line that is being typed.

    Returns:
        The position, or None when there is none to be seen.
    """
    match = re.match(r"\s*auth\s+(\S+\s+)?", text, re.IGNORECASE)
    if match is None:
        return None
    for word in re.finditer(r"\S+", text[match.start(1) if match[1] else match.end() :]):
        start = (match.start(1) if match[1] else match.end()) + word.start()
        if _CREDENTIAL.fullmatch(word[0]) and not re.fullmatch(r"[A-Z0-9-]+|[a-z0-9-]+", word[0]):
            return start
        if word[0].startswith("AG") or word[0].endswith("="):
            return start
    return None


def _is_text(octets: bytes) -> bool:
    try:
        return octets.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False

"""A typed line and what it is: the whole rule of two languages at one prompt.

A line that starts with `/` is for the shell. Everything else is for the server, exactly as typed, unless it is one of the shorthands
that the registry knows. Inside mail data every line is mail data; behind a 334 every line is an answer to it.
"""

from __future__ import annotations

import base64
import binascii
import re

from msgspec import Struct

from smtp_shell.errors import NotSendable
from smtp_shell.protocol.commands import secret_start
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import unescape
from smtp_shell.shell.registry import Args, Registry, ShellEntry

_SURROGATE = re.compile("[\ud800-\udfff]")
# Surrogates but those that stand for an octet which is no UTF-8 (PEP 383).
_HALF_A_CHARACTER = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_BLANKS = " \t"  # and nothing else: any other space is a character of the line
_RAW = re.compile(r"\s*/raw\s")
_RAW_LINE = re.compile(r"(?:^|\\[rn])((?:[^\\]|\\(?![rn]))+)")
_AUTH = re.compile(rb"\s*AUTH\b", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"://[^/\s]*:[^/\s]*@")
# NUL and the first octet of an ASCII user name, in base64.
_PLAIN_BEGINS = re.compile(r"A[A-H]")
# How SCRAM (RFC 5802 §7), OAUTHBEARER (RFC 7628 §3.1) and XOAUTH2 begin.
_GS2_OR_USER = (b"n,", b"y,", b"p=", b"user=")
_CREDENTIAL = re.compile(r"(?=.*[A-Z0-9])[A-Za-z0-9+/]{8,}={0,2}")


class Run(Struct, frozen=True):
    """A line that the shell handles itself."""

    entry: ShellEntry
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
        NotSendable: It holds half a character, as a Windows console can give it.
    """
    if _HALF_A_CHARACTER.search(text):
        raise NotSendable("the line holds half a character, which stands for no octets; type it again.")
    if phase is Phase.MAILDATA:
        return MailDataLine(text)
    stripped = text.strip(_BLANKS)
    if stripped.startswith("/"):
        name, _, rest = stripped.partition(" ")
        return Run(registry.find(name), Args(name, rest.strip(_BLANKS)))
    if phase is Phase.AUTH:
        return Answer(text)
    if not stripped:
        return None
    verb, _, rest = stripped.partition(" ")
    entry = registry.verb(verb)
    if entry is not None and entry.applies(rest.strip(_BLANKS)):
        return Run(entry, Args(entry.name, rest.strip(_BLANKS)))
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
    if decoded.startswith(_GS2_OR_USER):
        return True
    return len(word) >= 4 and word.endswith("=") and _is_text(decoded)


def secret_from(text: str) -> int | None:
    r"""Find where the credential begins in a line that is being typed.

    In what `/raw` is to send, each line counts, up to its `\r\n`.

    Returns:
        The position, or None when there is none to be seen.
    """
    raw = _RAW.match(text)
    if raw is None:
        return _credential(text)
    for line in _RAW_LINE.finditer(text[raw.end() :]):
        found = _credential(line[1])
        if found is not None:
            return raw.end() + line.start(1) + found
    return None


def _credential(text: str) -> int | None:
    match = re.match(r"\s*auth\s+(\S+\s+)?", text, re.IGNORECASE)
    if match is None:
        return None
    behind = match.start(1) if match[1] else match.end()
    for word in re.finditer(r"\S+", text[behind:]):
        if _CREDENTIAL.fullmatch(word[0]) and not re.fullmatch(r"[A-Z0-9-]+|[a-z0-9-]+", word[0]):
            return behind + word.start()
        if _PLAIN_BEGINS.match(word[0]) or word[0].endswith("="):
            return behind + word.start()
    return None


def is_kept(text: str, phase: Phase | None) -> bool:
    """Say whether a typed line can be kept in the history: not when it holds a credential, nor in mail data.

    Args:
        text: The line.
        phase: Where the dialogue stands; None without a connection.
    """
    if phase in (Phase.MAILDATA, Phase.AUTH) or "\n" in text or secret_from(text) is not None:
        return False
    # A file of UTF-8 cannot hold what was not typed in UTF-8.
    if _PASSWORD_IN_URL.search(text) or _SURROGATE.search(text):
        return False
    raw = _RAW.match(text)
    if raw is None:
        return secret_start(text.encode("utf-8", "surrogateescape")) is None
    first, *rest = unescape(text[raw.end() :]).rstrip(b"\r\n").split(b"\n")
    if any(secret_start(line.rstrip(b"\r")) is not None for line in (first, *rest)):
        return False
    # What follows an AUTH line in the same octets answers challenges that have not come yet.
    return not rest or not any(_AUTH.match(line) for line in (first, *rest))


def _is_text(octets: bytes) -> bool:
    try:
        return octets.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False

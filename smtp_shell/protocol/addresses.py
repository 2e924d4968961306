"""Addresses as users type them, and the paths and parameters that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from smtp_shell.protocol.hostnames import ascii_name


class EnvelopePath(Struct, frozen=True):
    """A reverse-path or forward-path with its parameters.

    Args:
        mailbox: The text between the angle brackets; empty for the null reverse-path.
        parameters: ESMTP parameters, keywords in upper case.

    Source: RFC 5321 section 4.1.2
    """

    mailbox: str
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((f"<{self.mailbox}>", *self.parameters))


def parse_paths(text: str) -> tuple[EnvelopePath, ...] | None:
    """Read addresses, each with the parameters that follow it.

    An address is `local-part@domain`, bare or in angle brackets, or anything else in angle brackets. Parameters are `keyword` or
    `keyword=value`; they belong to the preceding address.

    Args:
        text: The rest of the line after the verb, as typed.

    Returns:
        The paths, or None when the text does not begin with an address: it is then no shorthand.
    """
    words = list(_words(text))
    if not words or _mailbox(words[0]) is None:
        return None
    paths: list[EnvelopePath] = []
    for word in words:
        mailbox = None if _PARAMETER.match(word) and paths else _mailbox(word)
        if mailbox is not None:
            paths.append(EnvelopePath(mailbox))
            continue
        last = paths[-1]
        paths[-1] = EnvelopePath(last.mailbox, (*last.parameters, _parameter(word)))
    return tuple(paths)


def as_sent(path: EnvelopePath) -> EnvelopePath:
    """Return a path as a shorthand sends it: its domain in ASCII, and its parameters in xtext where they have that.

    Raises:
        UsageError: The domain is no host name.
    """
    from smtp_shell.protocol.parameters import written_parameter

    path = with_ascii_domain(path)
    return EnvelopePath(path.mailbox, tuple(map(written_parameter, path.parameters))) if path.parameters else path


def with_ascii_domain(path: EnvelopePath) -> EnvelopePath:
    """Return a path with its domain in ASCII, which every server takes.

    It stays as it is where the mailbox is to be sent in UTF-8: with SMTPUTF8, or with a local part that has no other form.

    Raises:
        UsageError: The domain is no host name.

    Source: RFC 6531 section 3.2
    """
    local, at, domain = path.mailbox.rpartition("@")
    if domain.isascii() or not at or not local.isascii() or "SMTPUTF8" in path.parameters:
        return path
    return EnvelopePath(f"{local}@{ascii_name(domain)}", path.parameters)


# Only a space or a tab separates words: a line break in a value must reach the check that refuses it.
_WORD = re.compile(r"""(?:<(?:"(?:[^"\\]|\\.)*"|[^<>"])*>|"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^ \t"<]|<)+""", re.DOTALL)
_BARE = re.compile(
    r"""(?:"(?:[^"\\]|\\.)*"|[^\s<>()\[\]:;,@"\\]+)@(?:\[[^\s\[\]<>]*\]|[^\s<>()\[\]:;,@"\\]+)""", re.DOTALL
)
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*=")


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in _WORD.finditer(text.strip(" \t")))


def _mailbox(word: str) -> str | None:
    if word.startswith("<") and word.endswith(">"):
        return word[1:-1]
    return word if _BARE.fullmatch(word) else None


def _parameter(word: str) -> str:
    keyword, equals, value = word.partition("=")
    return (keyword.upper() if keyword.isascii() else keyword) + equals + value

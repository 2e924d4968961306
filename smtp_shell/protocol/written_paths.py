"""The arguments of MAIL and RCPT as they were written, right or wrong."""

from __future__ import annotations

import re

from msgspec import Struct

_MOST_PARAMETERS = 100
_PATH = re.compile(
    rb"""(?is)\s*(?:MAIL|RCPT)(?P<before>[ \t]*)(?P<word>FROM|TO)?(?P<gap>[ \t]*)(?P<colon>:?)(?P<blank>[ \t]*)"""
    rb"""(?P<path><(?:"(?:[^"\\]|\\.)*"|[^<>"])*>|<[^>]*>|[^\s<]*)(?P<rest>.*)"""
)


class WrittenPath(Struct, frozen=True):
    """The argument of MAIL or RCPT.

    Args:
        word: FROM or TO, upper-case; empty if it is missing.
        has_colon: Whether the colon is there.
        gap: White space before the colon.
        blank: White space after the colon.
        mailbox: What stands between the angle brackets, or in their place.
        has_brackets: Whether there are angle brackets.
        rest: What follows the path.
    """

    word: str
    has_colon: bool
    gap: bytes
    blank: bytes
    mailbox: bytes
    has_brackets: bool
    rest: bytes

    @property
    def is_known(self) -> bool:
        """Whether the mailbox is there, and no variable of a transcript."""
        return b"${" not in self.mailbox


def written_path(line: bytes) -> WrittenPath | None:
    """Read the argument of a MAIL or RCPT line; None if it is another command.

    Args:
        line: The command line.

    Source: RFC 5321 section 4.1.2
    """
    match = _PATH.fullmatch(line)
    if match is None:
        return None
    path = match["path"]
    has_brackets = path.startswith(b"<")
    return WrittenPath(
        (match["word"] or b"").upper().decode("ascii"),
        bool(match["colon"]),
        match["gap"] if match["colon"] else b"",
        match["blank"],
        path[1:-1] if has_brackets else path,
        has_brackets,
        match["rest"],
    )


def parameter_words(line: bytes) -> list[bytes]:
    """Return the words after the path of a MAIL or RCPT line, at most 100; none for another command.

    Args:
        line: The command line.
    """
    path = written_path(line)
    return path.rest.split()[:_MOST_PARAMETERS] if path is not None else []


def parameters_of(line: bytes) -> dict[str, bytes]:
    """Return the parameters of a MAIL or RCPT line: upper-case keyword to value.

    Args:
        line: The command line.

    Source: RFC 5321 section 4.1.2
    """
    found: dict[str, bytes] = {}
    for word in parameter_words(line):
        keyword, _, value = word.partition(b"=")
        if re.fullmatch(rb"[A-Za-z0-9][A-Za-z0-9-]*", keyword):
            found[keyword.decode("ascii").upper()] = value
    return found

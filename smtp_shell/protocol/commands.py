"""Commands: the lines that a client sends, kept as octets."""

from __future__ import annotations

import re

from msgspec import Struct

from smtp_shell.errors import NotSendable
from smtp_shell.protocol.octets import CRLF

HELLOS = frozenset({"EHLO", "HELO", "LHLO"})
"""Verbs with which a client names itself.

Source: RFC 5321 section 4.1.1.1, RFC 2033 section 4.1
"""


VERBS = (
    *("EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT"),
    *("STARTTLS", "AUTH", "ETRN", "ATRN", "BURL", "XCLIENT", "XFORWARD", "TURN", "SEND", "SOML", "SAML"),
)
"""The verbs of SMTP, of its extensions, and of what became of them; those that one types most come first."""

WITHIN_GROUP = frozenset({"MAIL", "RCPT", "RSET", "BDAT", "SEND", "SOML", "SAML"})
"""Verbs that may be followed by others before their replies have come. Any other is the last of a group.

Source: RFC 2920 section 3.1, RFC 3030 section 4.2
"""


class Command(Struct, frozen=True):
    """One command line.

    Args:
        line: The line as sent, without its line end. Not in the repr, since it may hold a credential.
        public: Octets of the line, from its start, that may be shown; None for all of it.
    """

    line: bytes
    public: int | None = None

    def __repr__(self) -> str:
        return f"Command(public={self.public!r})"

    @classmethod
    def parse(cls, line: bytes) -> Command:
        """Return the command of a line, exactly as it is to be sent.

        An AUTH line that carries an initial response is secret after its mechanism.

        Args:
            line: The line without its CRLF.

        Source: RFC 4954 section 4
        """
        return cls(line, secret_start(line))

    @classmethod
    def of(cls, verb: str, argument: str = "") -> Command:
        """Build a command from a verb and an argument that came from a user, a file or a variable.

        Raises:
            NotSendable: The argument holds CR, LF or NUL, and would not stay inside one line.
        """
        line = f"{verb} {argument}" if argument else verb
        refuse_line_breaks(line, verb)
        return cls.parse(line.encode("utf-8", "surrogateescape"))

    @property
    def octets(self) -> bytes:
        """The line as it goes over the wire."""
        return self.line + CRLF

    @property
    def verb(self) -> str:
        """The first word, upper-case; empty when it is not made of letters, digits and hyphens."""
        match = _VERB.match(self.line)
        return match[0].upper().decode("ascii") if match else ""

    @property
    def argument(self) -> bytes:
        """The rest of the line after the verb, without white space around it."""
        return self.line[len(self.verb) :].strip()

    @property
    def secret(self) -> bool:
        """Whether the line carries a credential."""
        return self.public is not None

    @property
    def shown(self) -> bytes:
        """The part of the line that may be shown."""
        return self.line if self.public is None else self.line[: self.public]


_VERB = re.compile(rb"[A-Za-z0-9-]+(?=[ \t]|$)")
_AUTH = re.compile(rb"\s*AUTH(?:\s+|=|\Z)(\S*)\s*", re.IGNORECASE)
_MECHANISM = re.compile(rb"[A-Z0-9_-]{1,20}|[a-z0-9_-]{1,20}|(?i:plain|login|cram-md5|scram-sha-1|scram-sha-256)")
_FORWARD_PATH = rb'(?i)RCPT\s+TO:\s*(<(?:[^">]|"(?:[^"\\]|\\.)*")*>|\S+)'
_LONGEST_PATH = 1_000
_BDAT = rb"(?i)BDAT[ \t]+([0-9]{1,19})([ \t]+LAST)?[ \t]*"  # compiled by the first BDAT: few dialogues have one
_LINE_BREAKS = {"\r": "CR", "\n": "LF", "\0": "NUL"}


def secret_start(line: bytes) -> int | None:
    """Return where the initial response of an AUTH line begins.

    If something else than a mechanism's name follows AUTH, it is treated as a response whose mechanism was forgotten.

    Args:
        line: A command line, with or without its line end.

    Returns:
        Octets of the line that may be shown; None for all of it.

    Source: RFC 4954 section 4
    """
    match = _AUTH.match(line)
    if match is None or not match[1]:
        return None
    if not _MECHANISM.fullmatch(match[1]):
        return match.start(1)
    return None if line[match.end() :].strip() in (b"", b"=") else match.end()


def auth_mechanism(line: bytes) -> bytes | None:
    """Return the word after AUTH, which names the mechanism or is a credential in the wrong place.

    White space before AUTH, and `=` in place of the space, are no correct command. They are accepted because a credential may follow.

    Args:
        line: A command line, with or without its line end.

    Returns:
        The word as written; empty for a lone AUTH; None if the line is no AUTH command.

    Source: RFC 4954 section 4
    """
    match = _AUTH.match(line)
    return match[1] if match else None


class Chunk(Struct, frozen=True):
    """The octets that follow a BDAT command.

    Args:
        size: Number of octets.
        last: Whether the command ends in LAST: the message ends with this chunk.
    """

    size: int
    last: bool


def bdat_chunk(line: bytes) -> Chunk | None:
    """Parse a BDAT command, or BURL, whose chunk the server fetches itself: no octets follow it.

    Args:
        line: A command line without its line end.

    Returns:
        The chunk; None if the line is another command, or not a correct one.

    Source: RFC 3030 section 2, RFC 4468 section 3.1
    """
    if line[:5].upper() == b"BURL ":
        words = line.split()
        is_last = len(words) == 3 and words[2].upper() == b"LAST"
        return Chunk(0, is_last) if is_last or len(words) == 2 else None
    match = re.fullmatch(_BDAT, line) if line[:4].upper() == b"BDAT" else None
    return Chunk(int(match[1]), match[2] is not None) if match else None


def forward_path(line: bytes) -> bytes:
    """Return the forward-path of a RCPT command, with its angle brackets; without them as far as it goes. Empty for another command.

    Source: RFC 5321 section 4.1.1.3
    """
    match = re.match(_FORWARD_PATH, line)
    return match[1][:_LONGEST_PATH] if match else b""


def refuse_line_breaks(text: str, what: str) -> None:
    """Refuse a value that would not stay inside one command line.

    Args:
        text: The value; it is never shown.
        what: What it is for, shown in the message.

    Raises:
        NotSendable: It holds CR, LF or NUL.
    """
    for char, name in _LINE_BREAKS.items():
        if char in text:
            raise NotSendable(
                f"{what}: the value holds {name}, which would end the command line early; use /raw to send octets as they are."
            )

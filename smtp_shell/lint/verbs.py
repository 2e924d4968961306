"""The verbs of SMTP, and the command that somebody probably meant."""

from __future__ import annotations

import re

_USUAL = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "STARTTLS", "AUTH")
KNOWN_VERBS = frozenset(
    {*_USUAL, "LHLO", "BDAT", "VRFY", "EXPN", "HELP", "ETRN", "ATRN", "TURN", "SEND", "SOML", "SAML", "BURL"}
    | {"XCLIENT", "XFORWARD", "XEXCH50", "PROXY"}
)
_NEAR = {
    "HELLO": "EHLO",
    "ELHO": "EHLO",
    "FROM": "MAIL FROM:<…>",
    "TO": "RCPT TO:<…>",
    "MAILFROM": "MAIL FROM:<…>",
    "RCPTTO": "RCPT TO:<…>",
    "TLS": "STARTTLS",
    "EXIT": "QUIT",
    "BYE": "QUIT",
    "LOGIN": "AUTH LOGIN",
}
_LONGEST_MEANT = 12
_FIELD = re.compile(rb"[A-Za-z][!-9;-~]*:(?!<)")


def near_command(line: bytes) -> str:
    """Return the command that a line probably means; empty for none. What was typed is not repeated: it may be a password.

    Args:
        line: A line that begins with no known verb.
    """
    word = next(iter(line.replace(b":", b" ").split()), b"")
    if not word.isascii() or len(word) > _LONGEST_MEANT:
        return ""
    text = word.decode("ascii").upper()
    if text in _NEAR:
        return _NEAR[text]
    from difflib import get_close_matches

    return next(iter(get_close_matches(text, _USUAL, 1, 0.7)), "")


def looks_like_text(line: bytes) -> bool:
    """Return whether a line that begins with no known verb is text of a message, and no command that was misspelt.

    Args:
        line: The line.
    """
    return bool(_FIELD.match(line)) or not near_command(line)  # a dot is near none

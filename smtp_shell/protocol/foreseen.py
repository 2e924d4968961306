"""The reply codes that the standards foresee for each command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FORESEEN: Final[Mapping[str, frozenset[int]]] = {
    "EHLO": frozenset({250}),
    "HELO": frozenset({250}),
    "LHLO": frozenset({250}),
    "MAIL": frozenset({250}),
    "RCPT": frozenset({250, 251, 252}),
    "DATA": frozenset({354}),
    "BDAT": frozenset({250}),
    "RSET": frozenset({250}),
    "NOOP": frozenset({250}),
    "VRFY": frozenset({250, 251, 252}),
    "EXPN": frozenset({250, 252}),
    "HELP": frozenset({211, 214, 250}),
    "QUIT": frozenset({221}),
    "STARTTLS": frozenset({220}),
    "AUTH": frozenset({235, 334}),
}
"""Verb -> the codes of its replies that are neither 4yz nor 5yz. A verb that is not listed may have any.

Source: RFC 5321 section 4.3.2, RFC 3207 section 4, RFC 4954 sections 4 and 6, RFC 3030 section 2
"""
_GREETING = frozenset({220})
_END_OF_DATA = frozenset({250, 251, 252, 353})


def is_foreseen_as_greeting(code: int) -> bool:
    """Return whether a server may greet with this code.

    Source: RFC 5321 section 4.3.2
    """
    return code in _GREETING or 400 <= code <= 599


def is_foreseen_after_message(code: int) -> bool:
    """Return whether the reply to the final dot, or to the last chunk, may have this code.

    Source: RFC 5321 section 4.3.2, draft-hall-prdr-00 section 4
    """
    return code in _END_OF_DATA or 400 <= code <= 599

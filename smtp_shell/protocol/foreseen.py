"""Which reply codes the standards foresee for what."""

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
"""Verb -> what a reply to it that is neither 4yz nor 5yz may be. A verb that is not listed may have any.

Source: RFC 5321 §4.3.2, RFC 3207 §4, RFC 4954 §4 and §6, RFC 3030 §2
"""
_GREETING = frozenset({220})
_END_OF_DATA = frozenset({250, 251, 252, 353})


def is_foreseen_as_greeting(code: int) -> bool:
    """Say whether a server may greet with this code.

    Source: RFC 5321 §4.3.2
    """
    return code in _GREETING or 400 <= code <= 599


def is_foreseen_after_message(code: int) -> bool:
    """Say whether the final dot, or the last chunk, may have this code.

    Source: RFC 5321 §4.3.2, draft-hall-prdr-00 §4
    """
    return code in _END_OF_DATA or 400 <= code <= 599

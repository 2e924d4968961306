"""Challenges of AUTH: which part of them is random by its nature, so that no two runs share it."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64

# What LOGIN asks for, such as "Username:", "Password:" or "User Name" with a NUL: the same each time.
_PROMPT = rb"[A-Za-z ]{1,40}:?\0?"
_BASE64 = rb"[A-Za-z0-9+/]{4,65536}={0,2}"
_PROOF = (b"v=", b"rspauth=")
_CHALLENGE = b"<challenge>"


def without_random(text: bytes, code: int) -> bytes:
    """Return the text of a line of a 334 or 235 reply to AUTH, with a placeholder for a challenge, a nonce or a proof made from one.

    An empty challenge, a prompt of LOGIN and words that are no base64 are kept.

    Args:
        text: The text, following the reply code and its separator.
        code: The reply code.

    Source: RFC 4954 section 4, RFC 5802 section 7, RFC 2195 section 2
    """
    if code == 334:
        challenge = _decoded(text)
        return text if challenge is None or re.fullmatch(_PROMPT, challenge) else _CHALLENGE
    return b" ".join(
        _CHALLENGE if (proof := _decoded(word)) is not None and proof.startswith(_PROOF) else word
        for word in text.split(b" ")
    )


def _decoded(word: bytes) -> bytes | None:
    """Return what a word of base64 holds; None if it is none."""
    if re.fullmatch(_BASE64, word) is None:
        return None
    try:
        return a2b_base64(word)
    except Error:
        return None

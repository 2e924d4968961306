"""What tools write in place of a credential."""

from __future__ import annotations

import re
from typing import Final

from smtp_shell.protocol.octets import decode_base64

_WORDS: Final = (
    r"\*{3,}|\u2022{3,}|[xX]{4,}|\.{3,}|(?:PROVIDED_BUT_REMOVED)"
    r"|[\[<({](?:[^\])>}]*\b(?:hidden|redacted|removed|masked|secret|omitted|suppressed|elided|filtered"
    r"|credentials?|password|pass|base64[^\])>}]*|user(?:name)?)\b[^\])>}]*)[\])>}]"
    r"|(?i:hidden|redacted|masked)"
)
_MASK: Final = re.compile(rf"(?:{_WORDS})$")
_LONGEST: Final = 4_000
_INSIDE: Final = (b"/* secret */", b"PROVIDED_BUT_REMOVED")
_RESPONSE: Final = re.compile(r"(?i)AUTH[ \t]+\S+[ \t]+")


def mask_start(text: str) -> int | None:
    """Return where a client line is masked by the tool that wrote it; None if it is not.

    Args:
        text: An AUTH command, an answer to a challenge, or a line of which only its mask is known.
    """
    found = _RESPONSE.match(text)
    start = found.end() if found else 0
    secret = text[start:].strip()
    if not secret or len(secret) > _LONGEST:
        return None
    if _MASK.match(secret) or (found and _MASK.search(secret)):
        return start
    if any(inside.decode() in secret for inside in _INSIDE):
        return start
    octets = decode_base64(secret.encode("utf-8", "surrogateescape")) or b""
    return start if any(inside in octets for inside in _INSIDE) else None


def is_mask(text: str) -> bool:
    """Return whether a client line is nothing but the words that stand for a credential, such as `[credentials hidden]`."""
    return (
        text[:1] in "[<({"
        and len(text) <= _LONGEST
        and re.match(r"(?i).\s*(?:SMTP )?(?:credentials|password|secret|auth\w*)\b[^\n]*[\])>}]$", text) is not None
    )

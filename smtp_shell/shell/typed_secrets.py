"""Credentials in what is typed: what to mask while somebody types, what the history keeps, and what is no user name.

`protocol.commands` finds the credential in a line that is sent. Here the line may be half typed, and the word after `auth
MECHANISM` may be a user name.
"""

from __future__ import annotations

import re

from smtp_shell.protocol.commands import auth_mechanism, secret_start
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import unescape

_WORD = re.compile(r"\S+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RAW = re.compile(r"\s*/raw\s")
_RAW_LINE = re.compile(r"(?:^|\\[rn])((?:[^\\]|\\(?![rn]))+)")
_PASSWORD_IN_URL = re.compile(r"://[^/\s]*:[^/\s]*@")
# NUL and the first octet of an ASCII user name, in base64, as the response of PLAIN begins; or padding.
_BASE64_FOR_SURE = re.compile(r"A[A-H].*|.*=")
_BASE64 = re.compile(r"(?=.*[A-Z0-9])[A-Za-z0-9+/]{8,}")
_IN_ONE_CASE = re.compile(r"[A-Z0-9-]+|[a-z0-9-]+")  # the name of a mechanism or of a user
# How the responses of SCRAM (RFC 5802 section 7), OAUTHBEARER (RFC 7628 section 3.1) and XOAUTH2 begin.
_GS2_OR_USER = (b"n,", b"y,", b"p=", b"user=")


def is_initial_response(mechanism: str, word: str) -> bool:
    """Check whether the word after `auth MECHANISM` is an initial response typed by hand, not a user name.

    Args:
        mechanism: The first word after `auth`.
        word: The second word after `auth`.

    Source: RFC 4954 section 4
    """
    from smtp_shell.protocol.sasl import decode_challenge

    if word == "=":
        return True
    decoded = decode_challenge(word.encode("utf-8", "replace"))
    if decoded is None:
        return False
    if mechanism.upper() == "PLAIN":
        return b"\0" in decoded
    return decoded.startswith(_GS2_OR_USER) or (word.endswith("=") and _is_text(decoded))


def _is_text(octets: bytes) -> bool:
    try:
        return octets.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def mask_start(text: str) -> int | None:
    r"""Find where to begin to mask a line that is being typed.

    In what `/raw` is to send, each line is looked at, up to its `\r\n`.

    Returns:
        The index of the first character of a credential; None if there is none.
    """
    raw = _RAW.match(text)
    if raw is None:
        return _credential_start(text)
    for line in _RAW_LINE.finditer(text[raw.end() :]):
        found = _credential_start(line[1])
        if found is not None:
            return raw.end() + line.start(1) + found
    return None


def _credential_start(text: str) -> int | None:
    words = list(_WORD.finditer(text))
    # A pasted no-break space separates words too: the line is no AUTH then, but it still shows a credential.
    if auth_mechanism(" ".join(word[0] for word in words).encode("utf-8", "replace")) is None:
        return None
    return next((word.start() for word in words[1:] if _may_be_base64(word[0])), None)


def _may_be_base64(word: str) -> bool:
    if _BASE64_FOR_SURE.fullmatch(word):
        return True
    return bool(_BASE64.fullmatch(word)) and not _IN_ONE_CASE.fullmatch(word)


def is_kept(text: str, phase: Phase | None) -> bool:
    """Check whether the history keeps a typed line: not one with a credential, and none in mail data or after a 334.

    Args:
        text: The line.
        phase: Phase of the dialogue; None without a connection.
    """
    if phase in (Phase.MAILDATA, Phase.AUTH) or "\n" in text or mask_start(text) is not None:
        return False
    # The file of the history is UTF-8 and cannot hold what was not typed in UTF-8.
    if _PASSWORD_IN_URL.search(text) or _SURROGATE.search(text):
        return False
    raw = _RAW.match(text)
    if raw is None:
        return secret_start(text.encode()) is None
    lines = [line.rstrip(b"\r") for line in unescape(text[raw.end() :]).rstrip(b"\r\n").split(b"\n")]
    if any(secret_start(line) is not None for line in lines):
        return False
    # What follows an AUTH line in the same octets answers challenges that have not come yet.
    return len(lines) == 1 or all(auth_mechanism(line) is None for line in lines)

"""Credentials in what is typed: what to mask while somebody types, what the history keeps, and what is no user name.

`protocol.commands` finds the credential in a line that is sent. Here the line may be half typed, and the word after `auth
MECHANISM` may be a user name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.protocol.commands import auth_mechanism, secret_start
from smtp_shell.protocol.masking import ExchangeLines, is_user_name
from smtp_shell.protocol.octets import decode_base64, unescape
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

# Strings, which `re` compiles when they are first used: the first prompt waits for none of them.
_WORD = r"\S+"
_SURROGATE = "[\ud800-\udfff]"
_RAW = r"\s*/raw\s"
_RAW_LINE = r"(?:^|\\(?:[rn]|x0[aAdD]))((?:[^\\]|\\(?!(?:[rn]|x0[aAdD])))+)"
_ALIAS = r"\s*/alias\s[^=]*="
_ALIAS_LINE = "[^;]+"
_WATCHED = r"(?s)\s*/watch\s.*?\s(?=/)"  # what precedes a slash command that is repeated
_CARRIES = r"(?is)\s*/(?:watch|pipeline)\s.*?((?<![\w-])auth\s.*)"  # a line for the server
_SLASH_COMMAND = r"\s*/[a-z]+(?:\s|\Z)"
_MAY_BE_AUTH = r"(?im)^\s*(?:/(?:raw|watch|pipeline|alias)\s|auth(?:\s|=|$))"
_PASSWORD_IN_URL = r"://[^/\s]*:[^/\s]*@"
# NUL and the first octet of an ASCII user name, in base64, as the response of PLAIN begins; or padding.
_BASE64_FOR_SURE = r"A[A-H].*|.*="
_BASE64 = r"(?=.*[A-Z0-9])[A-Za-z0-9+/]{8,}"
_IN_ONE_CASE = r"[A-Z0-9-]+|[a-z0-9-]+"  # the name of a mechanism or of a user
# How the responses of SCRAM (RFC 5802 section 7), OAUTHBEARER (RFC 7628 section 3.1) and XOAUTH2 begin.
_GS2_OR_USER = (b"n,", b"y,", b"p=", b"user=")


def is_initial_response(mechanism: str, word: str) -> bool:
    """Check whether the word after `auth MECHANISM` is an initial response typed by hand, not a user name.

    Args:
        mechanism: The first word after `auth`.
        word: The second word after `auth`.

    Source: RFC 4954 section 4
    """
    if word == "=":
        return True
    octets = word.encode("utf-8", "replace")
    decoded = decode_base64(octets)
    if not decoded:
        return False
    if (mechanism.upper() == "PLAIN" and b"\0" in decoded) or decoded.startswith(_GS2_OR_USER):
        return True
    # Of all words of four lower-case letters 4.9 % decode to text, of eight 0.4 %: such a word is a user name all the same.
    return is_user_name(octets) and not re.fullmatch("[a-z]+", word)


def is_guess(word: str) -> bool:
    """Return whether a word after `auth MECHANISM` could be a user name as well as base64: base64 without padding."""
    return not word.endswith("=") and bool(decode_base64(word.encode("utf-8", "replace")))


def mask_start(text: str) -> int | None:
    """Find where to begin to mask a line that is being typed; see `mask_starts`."""
    return mask_starts(text)[0]


def mask_starts(text: str, *, in_exchange: bool = False) -> list[int | None]:
    r"""Find where to begin to mask each line of what is being typed or pasted.

    The lines are followed through AUTH exchanges: what follows an AUTH line answers challenges that have not come yet. In what
    `/raw` is to send, each line is looked at, up to its `\r\n`.

    Args:
        text: The lines, with LF between them.
        in_exchange: Whether an AUTH command was sent whose exchange has not ended.

    Returns:
        For each line the index of the first character of a credential; None if there is none.
    """
    lines = text.split("\n")
    if not in_exchange and not re.search(_MAY_BE_AUTH, text):
        return [None] * len(lines)
    exchange = ExchangeLines()
    exchange.is_open = in_exchange
    return [_start_in(line, exchange) for line in lines]


def _start_in(text: str, exchange: ExchangeLines) -> int | None:
    if alias := re.match(_ALIAS, text):
        of_alias = ExchangeLines()  # its lines are sent some time
        lines = re.compile(_ALIAS_LINE).finditer(text, alias.end())
        masked = ((line.start(), _start_in(line[0], of_alias)) for line in lines)
        return next((at + start for at, start in masked if start is not None), None)
    if (watched := re.match(_WATCHED, text)) and re.match(_RAW, text[watched.end() :]):
        start = _start_in(text[watched.end() :], exchange)
        return None if start is None else watched.end() + start
    if carried := re.match(_CARRIES, text):
        start = _credential_start(carried[1], exchange)
        return None if start is None else carried.start(1) + start
    raw = re.match(_RAW, text)
    if raw is None:
        return None if re.match(_SLASH_COMMAND, text) else _credential_start(text, exchange)
    starts: list[int] = []
    for line in re.finditer(_RAW_LINE, text[raw.end() :]):
        octets = unescape(line[1])
        start = _credential_start(octets.decode("utf-8", "surrogateescape"), exchange)
        if start is not None:
            # An escape takes more characters than its octet: all of such a line is masked.
            starts.append(raw.end() + line.start(1) + (start if "\\" not in line[1] else 0))
    return starts[0] if starts else None


def _credential_start(text: str, exchange: ExchangeLines) -> int | None:
    words = list(re.finditer(_WORD, text))
    # A pasted no-break space separates words too: the line is no AUTH then, but it still shows a credential.
    line = " ".join(word[0] for word in words).encode("utf-8", "replace")
    if not line:
        return None
    start = exchange.send(line)
    if exchange.answers:
        return start
    if auth_mechanism(line) is None:
        return None
    return next((word.start() for word in words[1:] if _may_be_base64(word[0])), None)


def begins_exchange(text: str) -> bool:
    """Return whether a typed line, or a line that `/raw` is to send, is an AUTH command."""
    raw = re.match(_RAW, text)
    lines = unescape(text[raw.end() :]).split(b"\n") if raw else [text.encode("utf-8", "replace")]
    return any(auth_mechanism(line) is not None for line in lines)


def looks_like_answer(text: str) -> bool:
    """Return whether a line is base64 that stands for an answer to a challenge, and for no command."""
    return _may_be_base64(text.strip())


def _may_be_base64(word: str) -> bool:
    if re.fullmatch(_BASE64_FOR_SURE, word):
        return True
    return bool(re.fullmatch(_BASE64, word)) and not re.fullmatch(_IN_ONE_CASE, word)


def hold_credential(lines: Sequence[str]) -> bool:
    """Return whether lines that are run in a row hold a credential, one that answers a challenge of the AUTH line before it too."""
    starts = mask_starts("\n".join(lines))
    return any(start is not None for start in starts) or not all(is_kept(line, None) for line in lines)


def is_kept(text: str, phase: Phase | None) -> bool:
    """Check whether the history keeps a typed line: not one with a credential, and none in mail data or after a 334.

    Args:
        text: The line.
        phase: Phase of the dialogue; None without a connection.
    """
    if phase in (Phase.MAILDATA, Phase.AUTH) or "\n" in text or mask_start(text) is not None:
        return False
    # The file of the history is UTF-8 and cannot hold what was not typed in UTF-8.
    if re.search(_PASSWORD_IN_URL, text) or re.search(_SURROGATE, text):
        return False
    if (alias := re.match(_ALIAS, text)) and hold_credential(re.findall(_ALIAS_LINE, text[alias.end() :])):
        return False
    if watched := re.match(_WATCHED, text):
        return is_kept(text[watched.end() :], phase)
    raw = re.match(_RAW, text)
    if raw is None:
        carried = re.match(_CARRIES, text)
        return secret_start((carried[1] if carried else text).encode()) is None
    lines = [line.rstrip(b"\r") for line in unescape(text[raw.end() :]).rstrip(b"\r\n").split(b"\n")]
    if any(secret_start(line) is not None for line in lines):
        return False
    # What follows an AUTH line in the same octets answers challenges that have not come yet.
    return len(lines) == 1 or all(auth_mechanism(line) is None for line in lines)

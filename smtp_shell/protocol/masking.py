"""Masking of credentials: those that a server sends back, and those that a user types by hand."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator

from smtp_shell.protocol.octets import decode_base64, escape
from smtp_shell.protocol.secret import Secret

MASK = "\N{BULLET}" * 6

_MASK_OCTETS = MASK.encode()
_SHORTEST_FOUND = 4
# Compiled when somebody has typed a response by hand.
_CRAM_ANSWER = rb"(?s)(.*) [0-9A-Fa-f]{32}"
_SCRAM_PROOF = rb",p=[^,]*"
_OAUTH_ANSWER = rb"(?i)([^\x01]*\x01(?:(?!auth=)[^\x01]*\x01)*auth=Bearer )[^\x01]*(\x01+)"


def conceal_octets(octets: bytes, secret: Secret) -> bytes:
    """Mask a secret that a server has echoed, in clear or anywhere inside base64.

    A secret of fewer than four octets is not looked for: it would be found in any text.

    Args:
        octets: What came over the wire, before `escape`.
        secret: What must be neither shown nor kept.
    """
    return conceal_traces(octets, traces_of(secret))


def traces_of(secret: Secret) -> tuple[bytes, ...]:
    """Return the octets by which a secret is found in what a server sends. They are as secret as it is.

    Args:
        secret: What must be neither shown nor kept.
    """
    value = secret.reveal().encode("utf-8", "surrogateescape")
    return tuple(_traces(value)) if len(value) >= _SHORTEST_FOUND else ()


def conceal_traces(octets: bytes, traces: Iterable[bytes]) -> bytes:
    """Mask the traces of secrets.

    Args:
        octets: What came over the wire, before `escape`.
        traces: What to look for, in this order.
    """
    for trace in traces:
        if trace in octets:
            octets = octets.replace(trace, _MASK_OCTETS)
    return octets


def _traces(value: bytes) -> Iterator[bytes]:
    yield value
    # In base64 the same octets give other digits at each offset modulo 3; digits that share bits with a neighbour are left out.
    for offset, first in ((0, 0), (1, 2), (2, 3)):
        whole_digits = (offset + len(value)) * 8 // 6
        yield b2a_base64(b"\0" * offset + value)[first:whole_digits]


def is_secret_answer(line: bytes) -> bool:
    """Return whether a line typed as the answer to a 334 is to be masked: every one except `*` and the empty one."""
    return line.strip() not in (b"", b"*")


def describe_typed(line: bytes, name: str) -> str:
    """Return what an initial response, or an answer to a 334, means that the user typed by hand, its password masked.

    Only what stands where the mechanism has something harmless is shown, so a wrong form is masked as a whole.

    Args:
        line: The base64, or `*`, or `=`.
        name: The mechanism's name as typed in the AUTH command.
    """
    line = line.strip()
    if line == b"*":
        return "cancel the exchange"
    if line in (b"", b"="):
        return "(empty)"
    octets = decode_base64(line)
    if octets is None:
        return f"{MASK} (no base64)"
    match name.upper() if name.isascii() else "":
        case "PLAIN":
            return _describe_plain(octets)
        case "CRAM-MD5" if found := re.fullmatch(_CRAM_ANSWER, octets):
            return f"{escape(found[1])} and the digest {MASK}"
        case "SCRAM-SHA-1" | "SCRAM-SHA-256" if octets.startswith((b"n,", b"y,", b"c=")):
            return escape(re.sub(_SCRAM_PROOF, b",p=" + MASK.encode(), octets))
        case "XOAUTH2" | "OAUTHBEARER" if found := re.fullmatch(_OAUTH_ANSWER, octets):
            return f"{escape(found[1])}{MASK}{escape(found[2])}"
    return MASK + _hint(octets)


def _describe_plain(octets: bytes) -> str:
    fields = octets.split(b"\0")
    if len(fields) != 3:
        return f"{MASK} (NUL stands in it {len(fields) - 1} times, not twice)"
    authzid, user, password = fields
    if not user or not password:
        return f"{MASK} (the user name or the password is empty)"
    return " ".join(filter(None, (escape(authzid), "NUL", escape(user), "NUL", MASK))) + _hint(octets)


def _hint(octets: bytes) -> str:
    return " (ends in a line feed)" if octets.endswith(b"\n") else ""  # as from `echo` without -n

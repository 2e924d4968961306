"""Responses that a user made by hand: whom they name."""

from __future__ import annotations

import re

from smtp_shell.protocol.octets import decode_base64

# How the first response of a mechanism names the user, in octets after base64. What is not listed names nobody that is known here.
_NAMES = {
    "PLAIN": rb"[^\0]*\0([^\0]*)\0[^\0]*",
    "LOGIN": rb"(.*)",
    "CRAM-MD5": rb"(.*) [0-9A-Fa-f]+",
    "SCRAM-SHA-1": rb"[nyp][^,]*,[^,]*,n=([^,]*),.*",
    "SCRAM-SHA-256": rb"[nyp][^,]*,[^,]*,n=([^,]*),.*",
    "XOAUTH2": rb"(?i:user)=([^\x01]*)\x01.*",
    "OAUTHBEARER": rb"[ny][^,]*,a=([^,]*),.*",
    "EXTERNAL": rb"(.*)",
    "ANONYMOUS": rb"(.*)",
    # The name in quotes, with a backslash before a quote or a backslash in it.
    "DIGEST-MD5": rb"(?:.*[ ,])?(?i:username)=\"((?:[^\"\\]|\\.)*)\".*",
}
_SASLNAME = {b"=2C": b",", b"=2c": b",", b"=3D": b"=", b"=3d": b"="}
_GS2 = ("SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER")


def user_in(mechanism: str, response: bytes | None) -> str:
    """Return the user whom the first response of an exchange names; empty for nobody that can be told.

    Args:
        mechanism: The mechanism's name as typed.
        response: The response as it was sent, in base64; None for none.

    Source: RFC 4616 section 2, RFC 2195 section 2, RFC 5802 section 7, RFC 7628 section 3.1, RFC 2831 section 2.1.2
    """
    octets = decode_base64((response or b"").strip())
    kind = mechanism.upper().removesuffix("-PLUS") if mechanism.isascii() else ""
    pattern = _NAMES.get(kind)
    found = re.fullmatch(pattern, octets, re.DOTALL) if pattern is not None and octets is not None else None
    if found is None:
        return ""
    name: bytes = found[1]
    if kind == "DIGEST-MD5":
        name = re.sub(rb"(?s)\\(.)", rb"\1", name)
    if kind in _GS2:
        name = re.sub(rb"(?i)=2C|=3D", lambda code: _SASLNAME[code[0]], name)
    return name.decode("utf-8", "surrogateescape")

"""The server's side of DIGEST-MD5, without a socket: what the mock checks a client with.

An exchange is a generator: it yields each challenge, decoded, and is sent the response to it, decoded.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.sasl.digest_md5 import COUNT, Proofs, directives, narrow

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from smtp_shell.protocol.secret import Secret


def fresh_challenge(realm: str) -> bytes:
    """Return a challenge that was never sent before.

    Args:
        realm: Printable ASCII without a quotation mark or a backslash.

    Source: RFC 2831 section 2.1.1
    """
    nonce = secrets.token_urlsafe(18)
    return f'realm="{realm}",nonce="{nonce}",qop="auth",charset=utf-8,algorithm=md5-sess'.encode()


def check_digest(challenge: bytes, user: str, password: Secret) -> Generator[bytes, bytes, bool]:
    """Check a client's digest, and prove that the server knows the password too.

    Args:
        challenge: What to ask.
        user: The user's name.
        password: The password.

    Returns:
        Whether the client is who it says. It may not act as anybody else.

    Source: RFC 2831 section 2.1
    """
    response = yield challenge
    try:
        asked, said = directives(challenge), directives(response)
        proofs = _proofs(asked, said, user, password)
        if proofs is None or not hmac.compare_digest(_one(said, "response").lower(), proofs.of_client):
            return False
        end = yield b"rspauth=" + proofs.of_server
    except SmtpShellError:  # no list of directives, or nothing that this system computes with
        return False
    return not end


def _proofs(
    asked: Mapping[str, list[bytes]], said: Mapping[str, list[bytes]], user: str, password: Secret
) -> Proofs | None:
    """Return what both sides are to show; None where the client has answered something else than was asked."""
    utf8 = _one(said, "charset").lower() == b"utf-8"
    name = user.encode("utf-8" if utf8 else "latin-1", "surrogateescape" if utf8 else "replace")
    nonce, cnonce, realm = _one(asked, "nonce"), _one(said, "cnonce"), _one(said, "realm")
    is_answer = (
        _one(said, "nonce") == nonce
        and bool(nonce and cnonce)
        and _one(said, "nc") == COUNT
        and _one(said, "qop", b"auth").lower() == b"auth"
        and (realm in asked.get("realm", [b""]))
        and _one(said, "authzid", name) == name
    )
    if not (hmac.compare_digest(_one(said, "username"), name) and is_answer):
        return None
    who = b":".join((narrow(user, utf8=utf8), realm, narrow(password.reveal(), utf8=utf8)))
    return Proofs(who, nonce, cnonce, _one(said, "authzid"), _one(said, "digest-uri"))


def _one(found: Mapping[str, list[bytes]], name: str, default: bytes = b"") -> bytes:
    """Return the value of a directive; empty where it stands twice, which none of these may."""
    values = found.get(name, [default])
    return values[0] if len(values) == 1 else b""

"""The server's side of AUTH: the exchanges of a mock server that knows the user's password.

An exchange is a generator: it yields each challenge, decoded, and is sent the response to it, decoded. It returns whether the client is
who it says. It needs no socket.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.protocol.octets import decode_base64
from smtp_shell.servers.scram import ITERATIONS, SALT_OCTETS, ScramUser, check_scram

if TYPE_CHECKING:
    from collections.abc import Generator

    from smtp_shell.protocol.sasl import Credentials

RESPONSES: Final = {
    "PLAIN": 1,
    "LOGIN": 2,
    "CRAM-MD5": 1,
    "SCRAM-SHA-1": 3,
    "SCRAM-SHA-256": 3,
    "XOAUTH2": 1,
    "OAUTHBEARER": 1,
    "EXTERNAL": 1,
}
"""How many responses a client sends in an exchange of each mechanism, where it succeeds."""

KNOWN: Final = frozenset(RESPONSES) - {"EXTERNAL"}
"""Mechanisms whose credentials can be checked."""

_PROMPTS = {"LOGIN": (b"Username:", b"Password:")}
_TOKEN = re.compile(rb"(?is)(?:user=([^\x01]*)|n,a=([^,]*),)\x01(?:[^\x01]*\x01)*?auth=Bearer ([^\x01]*)\x01.*")


class Recorded(Struct, frozen=True):
    """What a recorded exchange has.

    Args:
        challenges: Its challenges, decoded.
    """

    challenges: tuple[bytes, ...] = ()


def prompt(mechanism: str, number: int) -> bytes:
    """Return the challenge that asks for a response where the transcript has none.

    Args:
        mechanism: The mechanism, upper-case.
        number: Which response, from 0.
    """
    prompts = _PROMPTS.get(mechanism, ())
    if mechanism == "CRAM-MD5":
        return f"<{secrets.token_hex(8)}@mock.example>".encode()
    return prompts[number] if number < len(prompts) else b""


def begin(mechanism: str, who: Credentials, recorded: Recorded) -> Generator[bytes, bytes, bool]:
    """Begin an exchange. The first challenge is empty where the client speaks first.

    Args:
        mechanism: One of `KNOWN`.
        who: The user and the password, or token.
        recorded: What the transcript has of the server's side: the words and the challenges that are not fresh by their nature.
    """
    match mechanism:
        case "PLAIN":
            return _plain(who)
        case "LOGIN":
            return _login(who, recorded)
        case "CRAM-MD5":
            return _cram_md5(who, recorded)
        case "XOAUTH2" | "OAUTHBEARER":
            return _token(who)
    return _scram("sha1" if mechanism == "SCRAM-SHA-1" else "sha256", who, recorded)


def _plain(who: Credentials) -> Generator[bytes, bytes, bool]:
    """Check `authzid NUL authcid NUL password`.

    Source: RFC 4616 section 2
    """
    fields = (yield b"").split(b"\0")
    return len(fields) == 3 and _is(fields[1], who.user) and _is(fields[2], who.password.reveal())


def _login(who: Credentials, recorded: Recorded) -> Generator[bytes, bytes, bool]:
    prompts = recorded.challenges if len(recorded.challenges) == 2 else _PROMPTS["LOGIN"]
    user = yield prompts[0]
    password = yield prompts[1]
    return _is(user, who.user) and _is(password, who.password.reveal())


def _cram_md5(who: Credentials, recorded: Recorded) -> Generator[bytes, bytes, bool]:
    """Check the keyed digest of the challenge.

    Source: RFC 2195 section 2
    """
    challenge = recorded.challenges[0] if recorded.challenges and recorded.challenges[0] else prompt("CRAM-MD5", 0)
    user, _, digest = (yield challenge).rpartition(b" ")
    right = hmac.new(_octets(who.password.reveal()), challenge, "md5").hexdigest()
    return _is(user, who.user) and _is(digest, right)


def _token(who: Credentials) -> Generator[bytes, bytes, bool]:
    """Check a bearer token. An error is described in a challenge, which the client acknowledges.

    Source: RFC 7628 section 3
    """
    found = _TOKEN.fullmatch((yield b""))
    if found is not None and _is(found[1] or found[2] or b"", who.user) and _is(found[3], who.password.reveal()):
        return True
    yield b'{"status":"401","schemes":"bearer"}'
    return False


def _scram(name: str, who: Credentials, recorded: Recorded) -> Generator[bytes, bytes, bool]:
    """Check the proof. Salt and iterations are those of the transcript, where it has them; the nonce is fresh.

    Source: RFC 5802 section 3
    """
    error = yield from check_scram(name, ScramUser(who.user, who.password, *_recorded_salt(recorded)))
    return not error


def _recorded_salt(recorded: Recorded) -> tuple[bytes, int]:
    for challenge in recorded.challenges:
        found = re.fullmatch(rb"r=[^,]+,s=([A-Za-z0-9+/=]+),i=([0-9]{1,6})(?:,.*)?", challenge)
        salt = decode_base64(found[1]) if found else None
        if found and salt and int(found[2]) >= ITERATIONS:
            return salt, int(found[2])
    return secrets.token_bytes(SALT_OCTETS), ITERATIONS


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is(given: bytes, right: str) -> bool:
    return hmac.compare_digest(given, _octets(right))

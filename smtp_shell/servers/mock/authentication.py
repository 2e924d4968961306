"""The server's side of AUTH: the exchanges of a mock server that knows the user's password.

An exchange is a generator: it yields each challenge, decoded, and is sent the response to it, decoded. It returns why the client is
refused, in a sentence without its full stop, or nothing. It needs no socket.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.protocol.octets import decode_base64
from smtp_shell.servers.digest_md5 import check_digest, fresh_challenge
from smtp_shell.servers.scram import ITERATIONS, NO_BINDING, SALT_OCTETS, Binding, ScramUser, check_scram

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from smtp_shell.protocol.sasl import Credentials

RESPONSES: Final = {
    "PLAIN": 1,
    "LOGIN": 2,
    "CRAM-MD5": 1,
    "DIGEST-MD5": 2,
    "SCRAM-SHA-1": 3,
    "SCRAM-SHA-256": 3,
    "SCRAM-SHA-1-PLUS": 3,
    "SCRAM-SHA-256-PLUS": 3,
    "XOAUTH2": 1,
    "OAUTHBEARER": 1,
    "EXTERNAL": 1,
    "ANONYMOUS": 1,
}
"""How many responses a client sends in an exchange of each mechanism, where it succeeds."""

KNOWN: Final = frozenset(RESPONSES) - {"EXTERNAL", "ANONYMOUS"}
"""Mechanisms whose credentials can be checked."""

SERVER_FIRST: Final = frozenset({"CRAM-MD5", "DIGEST-MD5"})
"""Mechanisms that have no initial response."""

WRONG: Final = "the credentials are not those of the user"
"""Why a client is refused, where nothing better is known."""

_REALM: Final = "mock.example"
_UNBOUND: Final = {
    "channel-bindings-dont-match": "the channel binding of the client is not that of this TLS connection",
    "channel-binding-not-supported": "the client binds to the TLS connection, with a mechanism that does not",
    "unsupported-channel-binding-type": "the client binds to something that this connection does not have",
    "other-error": "the client's message is not one of the mechanism",
}
"""Error of SCRAM -> what is wrong, where it is not the credentials."""

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
    if mechanism == "DIGEST-MD5":
        return b"" if number else fresh_challenge(_REALM)
    if mechanism == "CRAM-MD5":
        return f"<{secrets.token_hex(8)}@mock.example>".encode()
    return prompts[number] if number < len(prompts) else b""


def begin(
    mechanism: str, who: Credentials, recorded: Recorded, bindings: Callable[[], Mapping[str, bytes]]
) -> Generator[bytes, bytes, str]:
    """Begin an exchange. The first challenge is empty where the client speaks first.

    Args:
        mechanism: One of `KNOWN`.
        who: The user and the password, or token.
        recorded: What the transcript has of the server's side: the words and the challenges that are not fresh by their nature.
        bindings: Returns what the connection can be bound to: type of channel binding -> its octets.
    """
    if mechanism.startswith("SCRAM-"):
        return _scram(mechanism, who, recorded, bindings)
    return _checked(_steps(mechanism, who, recorded))


def _checked(steps: Generator[bytes, bytes, bool]) -> Generator[bytes, bytes, str]:
    return "" if (yield from steps) else WRONG


def _steps(mechanism: str, who: Credentials, recorded: Recorded) -> Generator[bytes, bytes, bool]:
    match mechanism:
        case "PLAIN":
            return _plain(who)
        case "LOGIN":
            return _login(who, recorded)
        case "CRAM-MD5":
            return _cram_md5(who, recorded)
        case "DIGEST-MD5":
            asked = recorded.challenges[0] if recorded.challenges else b""
            return check_digest(asked or fresh_challenge(_REALM), who.user, who.password)
    return _token(who)


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


def _scram(
    mechanism: str, who: Credentials, recorded: Recorded, bindings: Callable[[], Mapping[str, bytes]]
) -> Generator[bytes, bytes, str]:
    """Check the proof. Salt and iterations are those of the transcript, where it has them; the nonce is fresh.

    Source: RFC 5802 section 3
    """
    binding = Binding(bindings(), demanded=True) if mechanism.endswith("-PLUS") else NO_BINDING
    name = "sha1" if mechanism.startswith("SCRAM-SHA-1") else "sha256"
    error = yield from check_scram(name, ScramUser(who.user, who.password, *_recorded_salt(recorded)), binding)
    return _UNBOUND.get(error, WRONG) if error else ""


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

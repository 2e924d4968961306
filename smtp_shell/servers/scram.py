"""The server's side of SCRAM, without a socket: what the practice server and the mock check a client with.

An exchange is a generator: it yields each challenge, decoded, and is sent the response to it, decoded.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.octets import decode_base64
from smtp_shell.protocol.sasl.saslprep import saslprep

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from smtp_shell.protocol.secret import Secret

ITERATIONS: Final = 4096
"""As few as a client may take. Source: RFC 7677 section 4"""

SALT_OCTETS: Final = 16

_NONCE_OCTETS = 18
_FIRST = re.compile(
    rb"(?P<header>(?:(?P<flag>[ny])|p=(?P<type>[A-Za-z0-9.-]{1,40})),(?:a=(?P<authzid>[^,]*))?,)"
    rb"(?P<bare>(?P<extension>m=[^,]*,)?n=(?P<user>[^,]*),r=(?P<nonce>[!-+\--~]+)(?:,.*)?)",
    re.DOTALL,
)
_FINAL = re.compile(
    rb"(?P<without_proof>c=(?P<binding>[A-Za-z0-9+/=]*),r=(?P<nonce>[!-+\--~]+)(?:,.*)?),p=(?P<proof>[A-Za-z0-9+/=]*)",
    re.DOTALL,
)
_NAME = re.compile(rb"(?:[^=,\x00]|=2C|=3D)+")


class ScramUser(Struct, frozen=True):
    """Whom a client is to prove to be.

    Args:
        name: The user's name.
        password: The password.
        salt: What the password is stored with.
        iterations: How many times it was hashed.
    """

    name: str
    password: Secret
    salt: bytes
    iterations: int = ITERATIONS


class Binding(Struct, frozen=True):
    """What a server can do about channel binding.

    Args:
        data: Type of channel binding -> its octets, as the server sees this connection; empty for a server that offers no -PLUS.
        demanded: Whether the mechanism is the one with -PLUS.
    """

    data: Mapping[str, bytes]
    demanded: bool = False


NO_BINDING: Final = Binding({})


def fresh_nonce() -> bytes:
    """Return what a server adds to the client's nonce."""
    return b64encode(secrets.token_bytes(_NONCE_OCTETS))


def check_scram(
    name: str, who: ScramUser, binding: Binding = NO_BINDING, nonce_of_server: Callable[[], bytes] = fresh_nonce
) -> Generator[bytes, bytes, str]:
    """Check a client's proof, and prove that the server knows the password too.

    A name that is not the user's gets as far as the right one would, with the same salt, so that the exchange does not tell which names
    there are.

    Args:
        name: The hash, as `hashlib` names it.
        who: Whom the client is to be.
        binding: What the connection is bound to.
        nonce_of_server: Returns printable ASCII without a comma, never the same twice.

    Yields:
        An empty challenge, the server-first-message, and the server-final-message if the proof is right.

    Returns:
        Empty if the client is who it says; otherwise the error as RFC 5802 names it.

    Source: RFC 5802 sections 3, 5 and 6
    """
    first = _FIRST.fullmatch((yield b""))
    error = _why_not_begin(first, binding)
    if first is None or error:
        return error
    nonce = first["nonce"] + nonce_of_server()
    server_first = b"r=%b,s=%b,i=%d" % (nonce, b64encode(who.salt), who.iterations)
    final = _FINAL.fullmatch((yield server_first))
    if final is None:
        return "other-error"
    bound = binding.data[first["type"].decode().lower()] if first["type"] else b""
    if final["nonce"] != nonce:
        return "other-error"
    if decode_base64(final["binding"]) != first["header"] + bound:
        return "channel-bindings-dont-match"
    signed = b",".join((first["bare"], server_first, final["without_proof"]))
    salted = hashlib.pbkdf2_hmac(name, prepared(who.password.reveal(), "password"), who.salt, who.iterations)
    is_right = _is_proof(name, salted, signed, decode_base64(final["proof"]) or b"")
    if not (_is_user(first["user"], who.name) and is_right):
        return "invalid-proof"
    if first["authzid"] and not _is_user(first["authzid"], who.name):
        return "other-error"
    answer = yield b"v=" + b64encode(hmac.digest(hmac.digest(salted, b"Server Key", name), signed, name))
    return "other-error" if answer else ""


def _why_not_begin(first: re.Match[bytes] | None, binding: Binding) -> str:
    """Return the error in a client-first-message; empty for none.

    Source: RFC 5802 section 6
    """
    if first is None:
        return "other-error"
    if first["extension"]:
        return "extensions-not-supported"
    if not _NAME.fullmatch(first["user"]) or not (first["authzid"] is None or _NAME.fullmatch(first["authzid"])):
        return "invalid-username-encoding"
    if first["flag"] == b"y" and binding.data:
        # The client could, and believes that the server cannot: somebody may have taken -PLUS out of the offer.
        return "server-does-support-channel-binding"
    if binding.demanded != bool(first["type"]):
        return "channel-binding-not-supported" if first["type"] else "other-error"
    if first["type"] and first["type"].decode().lower() not in binding.data:
        return "unsupported-channel-binding-type"
    return ""


def _is_proof(name: str, salted: bytes, signed: bytes, proof: bytes) -> bool:
    client_key = hmac.digest(salted, b"Client Key", name)
    signature = hmac.digest(hashlib.new(name, client_key).digest(), signed, name)
    return hmac.compare_digest(proof, bytes(a ^ b for a, b in zip(client_key, signature, strict=True)))


def _is_user(given: bytes, right: str) -> bool:
    name = given.replace(b"=2C", b",").replace(b"=3D", b"=")
    try:
        shown = prepared(name.decode(), "user name")
    except UnicodeDecodeError:
        shown = name
    return hmac.compare_digest(shown, prepared(right, "user name"))


def prepared(text: str, what: str) -> bytes:
    """Return a name or a password in the form with which both sides compute; as it is where SASLprep does not allow it.

    Args:
        text: As it was typed.
        what: What it is.

    Source: RFC 4013 section 2
    """
    try:
        return saslprep(text, what).encode()
    except SmtpShellError:
        return text.encode("utf-8", "surrogateescape")

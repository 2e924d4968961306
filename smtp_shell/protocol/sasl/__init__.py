"""SASL: the table of mechanisms, one module for each family of them.

`exchange` holds what all have in common, and no I/O:

```
exchange = mechanism("SCRAM-SHA-256").start(credentials, nonce=fresh_nonce)
first = exchange.initial_response()          # b"AUTH SCRAM-SHA-256 " + first.base64_initial
answer = exchange.respond(challenge)         # for each 334; answer.base64, or cancel with `*` if it raises
exchange.finish()                            # at the 235
```

A new mechanism is a subclass of `Exchange` and a line in `MECHANISMS`.

A response is `secret` if it is made from the credentials: the password, a digest or proof with which passwords can be tried, and also a
bare user name or a SCRAM first message. A transcript holds `${sasl}` for each, and a replay computes it anew. Only the empty response and
the dummy that acknowledges an OAuth error are written as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import decode_base64
from smtp_shell.protocol.sasl.exchange import Credentials, Exchange, Response

__all__ = [
    "MECHANISMS",
    "Credentials",
    "Exchange",
    "Mechanism",
    "Response",
    "choose",
    "decode_challenge",
    "mechanism",
]

Mechanism = type[Exchange]

MECHANISMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "OAUTHBEARER": ("oauth", "OAuthBearer"),
        "XOAUTH2": ("oauth", "XOAuth2"),
        "SCRAM-SHA-256": ("scram", "ScramSha256"),
        "SCRAM-SHA-1": ("scram", "ScramSha1"),
        "CRAM-MD5": ("cram_md5", "CramMd5"),
        "PLAIN": ("plain", "Plain"),
        "LOGIN": ("plain", "Login"),
        "EXTERNAL": (
            "external",
            "External",
        ),  # last: `choose` never takes it, only the user knows what a certificate is for
    }
)
"""Name -> module and class, strongest first. Loaded by `mechanism`: SCRAM alone loads hashlib, hmac and stringprep."""


def mechanism(name: str) -> Mechanism:
    """Return the mechanism of a name, in any case.

    Raises:
        UsageError: There is none of that name. The sentence leaves the word out: it may be a password in the wrong place.
    """
    found = MECHANISMS.get(_canonical(name))
    if found is None:
        raise UsageError(f"That is no SASL mechanism that smtp-shell knows; it knows {', '.join(sorted(MECHANISMS))}.")
    module, class_name = found
    loaded: Mechanism = getattr(import_module(f"{__name__}.{module}"), class_name)
    return loaded


def choose(offered: Iterable[str], *, tls: bool, password: bool = True, token: bool = False) -> Mechanism | None:
    """Choose the strongest mechanism that both sides have.

    A token precedes a password. Without TLS, a mechanism that keeps the secret off the wire precedes one that does not. The caller decides
    whether a `plaintext` mechanism may be used without TLS at all.

    Args:
        offered: The mechanisms that the server announced.
        tls: Whether the connection is encrypted.
        password: Whether a password is available.
        token: Whether an OAuth token is available.

    Returns:
        The mechanism; None if there is none in common.
    """
    names = set(map(_canonical, offered))
    available = {"user"} | ({"password"} if password else set()) | ({"token"} if token else set())
    usable = [each for each in map(mechanism, filter(names.__contains__, MECHANISMS)) if each.needs <= available]
    if not tls:
        usable.sort(key=lambda each: each.plaintext)
    return usable[0] if usable else None


def decode_challenge(text: bytes) -> bytes | None:
    """Decode the text of a 334 reply.

    Returns:
        The challenge; None if the text is no base64. The caller then cancels with `*`.

    Source: RFC 4954 section 4
    """
    return decode_base64(text)


def _canonical(name: str) -> str:
    return name.upper() if name.isascii() else ""

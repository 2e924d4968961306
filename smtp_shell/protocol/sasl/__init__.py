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
from smtp_shell.protocol.sasl.exchange import ChannelBinding, Credentials, Exchange, Response

__all__ = [
    "MECHANISMS",
    "ChannelBinding",
    "Credentials",
    "Exchange",
    "Mechanism",
    "Response",
    "choose",
    "decode_challenge",
    "explain_choice",
    "mechanism",
]

Mechanism = type[Exchange]

MECHANISMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "OAUTHBEARER": ("oauth", "OAuthBearer"),
        "XOAUTH2": ("oauth", "XOAuth2"),
        "SCRAM-SHA-256-PLUS": ("scram", "ScramSha256Plus"),
        "SCRAM-SHA-1-PLUS": ("scram", "ScramSha1Plus"),
        "SCRAM-SHA-256": ("scram", "ScramSha256"),
        "SCRAM-SHA-1": ("scram", "ScramSha1"),
        "CRAM-MD5": ("cram_md5", "CramMd5"),
        "PLAIN": ("plain", "Plain"),
        "LOGIN": ("plain", "Login"),
        # After PLAIN: inside TLS it protects nothing that TLS does not, and few servers do it right (RFC 6331).
        "DIGEST-MD5": ("digest_md5", "DigestMd5"),
        # These are never chosen: only the user knows what a certificate or a ticket is for, and whether nobody is who is wanted.
        "GSSAPI": ("gss", "Gssapi"),
        "NTLM": ("gss", "Ntlm"),
        "EXTERNAL": ("external", "External"),
        "ANONYMOUS": ("anonymous", "Anonymous"),
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


def choose(
    offered: Iterable[str], *, tls: bool, password: bool = True, token: bool = False, binding: bool = False
) -> Mechanism | None:
    """Choose the strongest mechanism that both sides have.

    A token precedes a password. Without TLS, a mechanism that keeps the secret off the wire precedes one that does not. The caller decides
    whether a `plaintext` mechanism may be used without TLS at all.

    Args:
        offered: The mechanisms that the server announced.
        tls: Whether the connection is encrypted.
        password: Whether a password is available.
        token: Whether an OAuth token is available.
        binding: Whether there is something of a TLS connection to bind to.

    Returns:
        The mechanism; None if there is none in common.
    """
    available = _available(password=password, token=token, binding=binding)
    usable = [each for each in _known(offered) if not each.by_name_only and each.needs <= available]
    if not tls:
        usable.sort(key=lambda each: each.plaintext)
    return usable[0] if usable else None


def explain_choice(
    chosen: Mechanism,
    offered: Iterable[str],
    *,
    tls: bool,
    password: bool = True,
    token: bool = False,
    binding: bool = False,
) -> str:
    """Return a sentence: why this mechanism was chosen, and what kept each stronger one that the server announces from it.

    Args:
        chosen: The mechanism.
        offered: As for `choose`.
        tls: As for `choose`.
        password: As for `choose`.
        token: As for `choose`.
        binding: As for `choose`.
    """
    available = _available(password=password, token=token, binding=binding)
    why = {"token": "no token", "binding": "nothing of TLS to bind to", "password": "no password"}
    passed: list[str] = []
    for each in _known(offered):
        if each is chosen:
            break
        if each.by_name_only:
            continue
        lacking = [why[need] for need in sorted(each.needs - available) if need in why]
        if not lacking and each.plaintext and not tls:
            lacking = ["no TLS to protect the secret"]
        passed += [f"{each.name} ({', '.join(lacking)})"] if lacking else []
    rest = f" Passed over: {', '.join(passed)}." if passed else ""
    return f"{chosen.name} is the strongest that both sides can do: {chosen.merit}.{rest}"


def _available(*, password: bool, token: bool, binding: bool) -> set[str]:
    found = {"user"}
    found |= {"password"} if password else set()
    found |= {"token"} if token else set()
    return found | ({"binding"} if binding else set())


def _known(offered: Iterable[str]) -> list[Mechanism]:
    """Return the mechanisms of these names that smtp-shell knows, the strongest first."""
    names = set(map(_canonical, offered))
    return [mechanism(name) for name in MECHANISMS if name in names]


def decode_challenge(text: bytes) -> bytes | None:
    """Decode the text of a 334 reply.

    Returns:
        The challenge; None if the text is no base64. The caller then cancels with `*`.

    Source: RFC 4954 section 4
    """
    return decode_base64(text)


def _canonical(name: str) -> str:
    return name.upper() if name.isascii() else ""

"""The server's side of the mechanisms, without a socket.

An exchange is a generator: it yields each challenge, decoded, and is sent the response to it, decoded. It returns the reply that refuses
the client; an empty one if the client is who it says.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.servers.mailboxes import HOSTNAME

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from smtp_shell.protocol.secret import Secret

    Exchange = Generator[bytes, bytes, str]

REFUSED: Final = "535 5.7.8 Authentication credentials invalid"
_NO_FIELDS: Final = "501 5.5.2 The response is not of the form that {} has: {}"
_TOKEN = re.compile(rb"user=(?P<user>[^\x01]*)\x01auth=(?i:Bearer) +(?P<token>[^\x01]*)\x01\x01")
_BEARER = re.compile(
    rb"[ny],(?:a=(?P<user>[^,\x01]*))?,\x01(?:(?!auth=)[A-Za-z]+=[^\x01]*\x01)*"
    rb"auth=(?i:Bearer) +(?P<token>[^\x01]*)\x01(?:[A-Za-z]+=[^\x01]*\x01)*\x01"
)


class Account(Struct, frozen=True):
    """The one user of the server, and the connection.

    Args:
        user: The user's name.
        password: The password.
        token: The token of the OAuth mechanisms.
        salt: What the password is stored with for SCRAM.
        bindings: Type of channel binding -> its octets; called by SCRAM alone.
    """

    user: str
    password: Secret
    token: Secret
    salt: bytes
    bindings: Callable[[], Mapping[str, bytes]]

    def is_user(self, given: bytes) -> bool:
        """Return whether this is the user's name, in the same time whatever it is."""
        return hmac.compare_digest(given, _octets(self.user))

    def has_password(self, given: bytes) -> bool:
        """Return whether this is the password."""
        return hmac.compare_digest(given, _octets(self.password.reveal()))

    def has_token(self, given: bytes) -> bool:
        """Return whether this is the token."""
        return hmac.compare_digest(given, _octets(self.token.reveal()))


def begin(mechanism: str, account: Account) -> Exchange:
    """Begin an exchange. Where the client speaks first, the first challenge is empty.

    Args:
        mechanism: The mechanism, one of those that are offered.
        account: Whom the client is to be.
    """
    match mechanism:
        case "PLAIN":
            return _plain(account)
        case "LOGIN":
            return _login(account)
        case "CRAM-MD5":
            return _cram_md5(account)
        case "XOAUTH2":
            return _xoauth2(account)
        case "OAUTHBEARER":
            return _oauthbearer(account)
    return _scram(account, demanded=mechanism.endswith("-PLUS"))


def _plain(account: Account) -> Exchange:
    """Check `authzid NUL authcid NUL password`.

    Source: RFC 4616 section 2
    """
    fields = (yield b"").split(b"\0")
    if len(fields) != 3:
        return _NO_FIELDS.format("PLAIN", "[authzid] NUL user NUL password")
    return _verdict(account, fields[1], is_right=account.has_password(fields[2]), authzid=fields[0])


def _login(account: Account) -> Exchange:
    user = yield b"Username:"
    password = yield b"Password:"
    return _verdict(account, user, is_right=account.has_password(password))


def _cram_md5(account: Account) -> Exchange:
    """Check the keyed digest of the challenge.

    Source: RFC 2195 section 2
    """
    challenge = f"<{secrets.token_hex(8)}.{time.time_ns()}@{HOSTNAME}>".encode()
    user, _space, digest = (yield challenge).rpartition(b" ")
    right = hmac.new(_octets(account.password.reveal()), challenge, "md5").hexdigest().encode()
    return _verdict(account, user, is_right=hmac.compare_digest(digest, right))


def _scram(account: Account, *, demanded: bool) -> Exchange:
    """Check the proof of SCRAM-SHA-256, and prove that the server knows the password too.

    Source: RFC 5802 section 3, RFC 7677
    """
    from smtp_shell.servers.scram import Binding, ScramUser, check_scram

    who = ScramUser(account.user, account.password, account.salt)
    error = yield from check_scram("sha256", who, Binding(account.bindings(), demanded))
    return f"{REFUSED} (SCRAM: {error})" if error else ""


def _xoauth2(account: Account) -> Exchange:
    """Check a token. The reason of a refusal is a challenge, which the client answers with an empty line.

    Source: the OAuth 2.0 mechanism of Gmail and Exchange Online, in no RFC
    """
    found = _TOKEN.fullmatch((yield b""))
    if found is None:
        return _NO_FIELDS.format("XOAUTH2", "user=... ^A auth=Bearer ... ^A ^A")
    refusal = _verdict(account, found["user"], is_right=account.has_token(found["token"]))
    if refusal:
        yield _json(status="401", schemes="bearer", scope=f"https://{HOSTNAME}/mail")
    return refusal


def _oauthbearer(account: Account) -> Exchange:
    """Check a token. The reason of a refusal is a challenge, which the client answers with one octet.

    Source: RFC 7628 section 3
    """
    found = _BEARER.fullmatch((yield b""))
    if found is None:
        return _NO_FIELDS.format("OAUTHBEARER", "n,a=...,^A auth=Bearer ... ^A ^A")
    user = found["user"]
    given = account.user.encode("utf-8", "surrogateescape") if user is None else _unescaped(user)
    refusal = _verdict(account, given, is_right=account.has_token(found["token"]))
    if refusal:
        yield _json(status="invalid_token", scope=f"https://{HOSTNAME}/mail")
    return refusal


def _verdict(account: Account, user: bytes, *, is_right: bool, authzid: bytes = b"") -> str:
    if not (account.is_user(user) and is_right):
        return REFUSED
    if authzid and not account.is_user(authzid):
        return "535 5.7.8 This user may not act as another one (authorization identity)"
    return ""


def _unescaped(name: bytes) -> bytes:
    return name.replace(b"=2C", b",").replace(b"=3D", b"=")


def _json(**members: str) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

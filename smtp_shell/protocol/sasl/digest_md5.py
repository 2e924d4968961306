"""DIGEST-MD5: a digest of password, realm and both sides' nonces. It is obsolete, and here for servers that have nothing better.

```
S: realm="example.org",nonce="SERVER",qop="auth",charset=utf-8,algorithm=md5-sess
C: username="student",realm="example.org",nonce="SERVER",cnonce="CLIENT",nc=00000001,qop=auth,digest-uri="smtp/HOST",response=DIGEST
S: rspauth=DIGEST                                          the server knows the password too
C: (empty)
```
"""

from __future__ import annotations

import hmac
import re

from msgspec import Struct

from smtp_shell.errors import AuthFailed, ProtocolViolation
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.sasl.exchange import EMPTY, Exchange, Response, Setting, encode

_LONGEST = 2048
"""Octets that no challenge reaches. Source: RFC 2831 section 2.1.1"""

# name=token or name="quoted", and the commas after it. Bounded: each octet is in one group only.
_DIRECTIVE = re.compile(
    rb"[ \t\r\n,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*"
    rb"(?:\"((?:[^\"\\]|\\.)*)\"|([!#$%&'*+.^_`|~0-9A-Za-z/:-]+))[ \t\r\n]*(?:,|\Z)",
    re.DOTALL,
)
COUNT = b"00000001"
"""Which request this is: the first of its nonce, always."""


class DigestMd5(Exchange):
    """Answer the challenge with a digest, and check the server's.

    Source: RFC 2831 section 2.1
    """

    name = "DIGEST-MD5"
    initial = "no"
    takes_authzid = True
    merit = "the password stays here, though MD5 is weak and the mechanism obsolete"
    obsolete = "DIGEST-MD5 is obsolete, as its digests are weak and servers differ in how they read it (RFC 6331)."

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._digest, self._acknowledgement)
        self._cnonce = setting.nonce().encode()
        self._service, self._host = setting.service, setting.host
        self._proof = b""  # what the server is to send
        self._verified = False

    def finish(self) -> None:
        """Check, after the 235, that the server has proved itself.

        Raises:
            ProtocolViolation: The server has not sent a valid digest of its own.

        Source: RFC 2831 section 2.1.3
        """
        if not self._verified:
            raise ProtocolViolation(
                "The server accepted DIGEST-MD5 without a valid digest of its own: it may be an impostor; leave."
            )

    def _digest(self, challenge: bytes) -> Response:
        asked = _read(challenge)
        who = self._credentials
        utf8 = asked["charset"] == [b"utf-8"]
        realm = _realm_for(who.user, asked["realm"])
        uri = self._service.encode() + b"/" + (encode(self._host) or realm or b"localhost")
        names = {"username": _charset(who.user, "user name", utf8=utf8)}
        names |= {"realm": realm} if asked["realm"] else {}
        authzid = encode(who.authzid)
        names |= {"authzid": authzid} if authzid else {}
        nonce = asked["nonce"][0]
        inner = b":".join((narrow(who.user, utf8=utf8), realm, narrow(who.password.reveal(), utf8=utf8)))
        proofs = Proofs(inner, nonce, self._cnonce, authzid, uri)
        self._proof = proofs.of_server
        fields = [b"charset=utf-8"] if utf8 else []
        fields += [name.encode() + b"=" + _quoted(value) for name, value in names.items()]
        fields += [b"nonce=" + _quoted(nonce), b"nc=" + COUNT, b"cnonce=" + _quoted(self._cnonce)]
        fields += [b"digest-uri=" + _quoted(uri), b"qop=auth"]
        public = b",".join(fields) + b",response="
        return Response(public + proofs.of_client, f"{escape(public)}{MASK}", secret=True)

    def _acknowledgement(self, challenge: bytes) -> Response:
        fields = directives(challenge)
        if [*fields] != ["rspauth"] or len(fields["rspauth"]) != 1:
            raise ProtocolViolation(
                "The server did not send its digest (rspauth) where it was due; do not trust this server."
            )
        if not hmac.compare_digest(fields["rspauth"][0].lower(), self._proof):
            raise ProtocolViolation(
                "The server's digest is false: it does not know the password, and may be an impostor; leave."
            )
        self._verified = True
        return Response(b"", f"{EMPTY}: the digest is right", secret=False)

    def _explain(self, challenge: bytes) -> str:
        return (
            "server digest: the proof that it knows the password too"
            if challenge.startswith(b"rspauth=")
            else escape(challenge)
        )


class Proofs(Struct, frozen=True):
    """What each side shows that it knows the password with. Its repr is blank.

    Args:
        who: User name, realm and password, as `narrow` encodes them, with colons between them.
        nonce: The server's nonce.
        cnonce: The client's.
        authzid: Whom to act as; empty for the user.
        uri: The name of the service, such as `smtp/mail.example`.

    Raises:
        AuthFailed: This system has no MD5.

    Source: RFC 2831 section 2.1.2.1
    """

    who: bytes
    nonce: bytes
    cnonce: bytes
    authzid: bytes
    uri: bytes

    def __repr__(self) -> str:
        return "Proofs(...)"

    @property
    def of_client(self) -> bytes:
        """The `response` of a client."""
        return self._proof(b"AUTHENTICATE:" + self.uri)

    @property
    def of_server(self) -> bytes:
        """The `rspauth` of a server."""
        return self._proof(b":" + self.uri)

    def _proof(self, a2: bytes) -> bytes:
        a1 = b":".join((md5(self.who), self.nonce, self.cnonce, *([self.authzid] if self.authzid else [])))
        parts = (md5(a1).hex().encode(), self.nonce, COUNT, self.cnonce, b"auth", md5(a2).hex().encode())
        return md5(b":".join(parts)).hex().encode()


def _read(challenge: bytes) -> dict[str, list[bytes]]:
    """Return the directives of a digest-challenge, checked, each name that matters with its values.

    Raises:
        ProtocolViolation: It is none.
        AuthFailed: The server insists on a layer of its own.

    Source: RFC 2831 section 2.1.1
    """
    found = directives(challenge)
    if len(found.get("nonce", [])) != 1 or not found["nonce"][0]:
        raise ProtocolViolation(
            "The server's DIGEST-MD5 challenge has no nonce, or more than one; try another mechanism."
        )
    if [each.lower() for each in found.get("algorithm", [])] != [b"md5-sess"]:
        raise ProtocolViolation(
            "The server's DIGEST-MD5 challenge does not name the algorithm md5-sess, once; try another."
        )
    charsets = [each.lower() for each in found.get("charset", [])]
    if charsets not in ([], [b"utf-8"]):
        raise ProtocolViolation(
            "The server's DIGEST-MD5 challenge names another charset than utf-8; try another mechanism."
        )
    offered = re.split(rb"[ \t\r\n]*,[ \t\r\n]*", b",".join(found.get("qop", [b"auth"])).lower().strip())
    if b"auth" not in offered:
        raise AuthFailed(
            "The server wants DIGEST-MD5 with a layer of its own on the connection, which smtp-shell does not do; "
            "use starttls and another mechanism."
        )
    return {"realm": found.get("realm", []), "nonce": found["nonce"], "charset": charsets}


def directives(message: bytes) -> dict[str, list[bytes]]:
    """Return the directives of a message by name, in lower case.

    Args:
        message: A challenge, or a response.

    Raises:
        ProtocolViolation: It is no list of directives, or too long.

    Source: RFC 2831 section 7.1
    """
    if len(message) >= _LONGEST:
        raise ProtocolViolation(f"The server's DIGEST-MD5 message is over {_LONGEST - 1} octets; none may be.")
    message = message.rstrip(b" \t\r\n,")
    found: dict[str, list[bytes]] = {}
    at = 0
    while at < len(message):
        match = _DIRECTIVE.match(message, at)
        if match is None:
            raise ProtocolViolation("The server's DIGEST-MD5 message is no list of name=value; try another mechanism.")
        value = match[3] if match[2] is None else re.sub(rb"(?s)\\(.)", rb"\1", match[2])
        found.setdefault(match[1].decode().lower(), []).append(value)
        at = match.end()
    return found


def _realm_for(user: str, realms: list[bytes]) -> bytes:
    """Return the realm to use: the one that the user name ends in, else the first; empty where the server names none."""
    domain = encode(user.rpartition("@")[2])
    return domain if domain in realms else realms[0] if realms else b""


def _quoted(value: bytes) -> bytes:
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"'


def _charset(text: str, what: str, *, utf8: bool) -> bytes:
    """Encode a name as the server has asked.

    Raises:
        AuthFailed: The server knows no UTF-8, and the name needs it.
    """
    if utf8:
        return encode(text)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # not chained: the value is in it
        pass
    raise AuthFailed(f"The {what} {escape_str(text)} needs UTF-8, and the server has DIGEST-MD5 without it.")


def narrow(text: str, *, utf8: bool) -> bytes:
    """Encode what the inner digest covers: in ISO 8859-1 where that holds it, in UTF-8 elsewhere.

    Args:
        text: The user name, or the password.
        utf8: Whether the server knows UTF-8.

    Raises:
        AuthFailed: The server knows no UTF-8, and the value needs it.

    Source: RFC 2831 section 2.1.2.1
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # not chained: the value is in it
        pass
    if utf8:
        return encode(text)
    raise AuthFailed("The password needs UTF-8, and the server has DIGEST-MD5 without it.")


def md5(octets: bytes) -> bytes:
    """Return the MD5 digest.

    Raises:
        AuthFailed: This system has none.
    """
    import hashlib

    try:
        return hashlib.new("md5", octets).digest()
    except ValueError:  # a system in FIPS mode has no MD5
        pass
    raise AuthFailed(
        "This system's cryptography does not allow MD5, so DIGEST-MD5 cannot be used; choose another mechanism."
    )

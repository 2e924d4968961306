"""SCRAM: both sides prove that they know the password, and it never crosses the wire.

```
C: n,,n=student,r=CLIENT                       who I am, and something fresh
S: r=CLIENTSERVER,s=SALT,i=4096                something fresher, and how my password is stored
C: c=biws,r=CLIENTSERVER,p=PROOF               I know the password
S: v=SIGNATURE                                 so do I, or at least what is stored of it
```

With channel binding the first message begins with `p=TYPE,,`, and `c=` holds that and what belongs to the TLS connection. The proof covers
it, so whoever has one TLS connection to each side cannot pass the exchange on.

A listener can try passwords against the messages. Few iterations make that cheap, so they are refused. Very many only keep the client
busy, so they are refused too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from typing import ClassVar, final

from smtp_shell.errors import AuthFailed, ProtocolViolation
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import decode_base64, escape
from smtp_shell.protocol.sasl.exchange import (
    EMPTY,
    ChannelBinding,
    Exchange,
    Need,
    Response,
    Setting,
    gs2_header,
    saslname,
)
from smtp_shell.protocol.sasl.saslprep import saslprep
from smtp_shell.protocol.secret import Secret

MIN_ITERATIONS = 4096
MAX_ITERATIONS = 600_000

_NONCE = re.compile(rb"[!-+\--~]+")
_COUNT = re.compile(rb"[1-9][0-9]{0,9}")
_NAMED_ERRORS = frozenset(
    (
        b"invalid-encoding",
        b"extensions-not-supported",
        b"invalid-proof",
        b"channel-bindings-dont-match",
        b"server-does-support-channel-binding",
        b"channel-binding-not-supported",
        b"unsupported-channel-binding-type",
        b"unknown-user",
        b"invalid-username-encoding",
        b"no-resources",
        b"other-error",
    )
)


class ScramSha1(Exchange):
    """Prove that both sides know the password, without sending it.

    Source: RFC 5802 section 3
    """

    name = "SCRAM-SHA-1"
    hash_name: ClassVar[str] = "sha1"
    takes_authzid = True
    speaks_of_binding = True
    merit = "the password stays here, and the server proves that it knows it too"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._first, self._final, self._acknowledgement)
        who = setting.credentials
        self._client = ScramClient(
            self.hash_name,
            user=who.user,
            password=who.password,
            authzid=who.authzid,
            nonce=setting.nonce(),
            binding=setting.binding if "binding" in self.needs else None,
            binding_unannounced=setting.binding_unannounced,
        )

    def finish(self) -> None:
        """Check, after the 235, that the server has proved itself.

        Raises:
            ProtocolViolation: The server has not sent a valid signature.

        Source: RFC 5802 section 3
        """
        if not self._client.verified:
            raise ProtocolViolation(
                f"The server accepted {self.name} without a valid signature of its own: it may be an impostor; leave."
            )

    def _first(self, challenge: bytes) -> Response:
        octets = self._client.first()
        return Response(octets, escape(octets), secret=True)

    def _final(self, challenge: bytes) -> Response:
        octets = self._client.final(challenge)
        bound = self._client.binding
        inside = f" (c holds p={bound.name} and {len(bound.data)} octets of this TLS connection)" if bound else ""
        return Response(octets, f"{escape(octets.rpartition(b',p=')[0])},p={MASK}{inside}", secret=True)

    def _acknowledgement(self, challenge: bytes) -> Response:
        self._client.check(challenge)
        proved = ": the signature is right" if self._client.verified else ""
        return Response(b"", EMPTY + proved, secret=False)

    def _explain(self, challenge: bytes) -> str:
        return describe(challenge)


class ScramSha256(ScramSha1):
    """SCRAM with SHA-256.

    Source: RFC 7677 section 3
    """

    name = "SCRAM-SHA-256"
    hash_name = "sha256"


class ScramSha1Plus(ScramSha1):
    """SCRAM-SHA-1, bound to the TLS connection.

    Source: RFC 5802 section 6
    """

    name = "SCRAM-SHA-1-PLUS"
    needs: ClassVar[frozenset[Need]] = frozenset(("user", "password", "binding"))
    merit = (
        "the password stays here, the server proves that it knows it too, and nobody between the two can pass the exchange on, "
        "as it is bound to this TLS connection"
    )


class ScramSha256Plus(ScramSha1Plus):
    """SCRAM-SHA-256, bound to the TLS connection.

    Source: RFC 7677 section 3
    """

    name = "SCRAM-SHA-256-PLUS"
    hash_name = "sha256"


@final
class ScramClient:
    """The client's messages in one SCRAM exchange.

    Args:
        hash_name: The hash as `hashlib` names it, `sha1` or `sha256`.
        user: The user name, as typed.
        password: The password, as typed.
        authzid: The authorization identity; empty for the user.
        nonce: A fresh nonce of printable ASCII without a comma.
        binding: What the exchange is bound to; None for nothing.
        binding_unannounced: Whether the client could bind and the server announces nothing that does.

    Attributes:
        verified: Whether the server has proved itself.
        binding: As above.

    Raises:
        AuthFailed: The user name or the password holds characters that SASLprep does not allow.
    """

    __slots__ = (
        "_client_first",
        "_gs2_header",
        "_hash_name",
        "_nonce",
        "_password",
        "_signature",
        "binding",
        "verified",
    )

    def __init__(
        self,
        hash_name: str,
        *,
        user: str,
        password: Secret,
        authzid: str = "",
        nonce: str,
        binding: ChannelBinding | None = None,
        binding_unannounced: bool = False,
    ) -> None:
        prepared = saslprep(user, "user name", unassigned=True)
        if not prepared:
            raise AuthFailed("The user name is empty once it is prepared for SCRAM; give another one.")
        if not _NONCE.fullmatch(nonce.encode()):
            raise ValueError("a SCRAM nonce is printable ASCII without a comma")
        self._hash_name = hash_name
        self._password = Secret(saslprep(password.reveal(), "password"))
        self._nonce = nonce.encode()
        self.binding = binding
        flag = b"y" if binding_unannounced else b"n"
        self._gs2_header = gs2_header(authzid, b"p=" + binding.name.encode() if binding is not None else flag)
        self._client_first = b"n=" + saslname(prepared) + b",r=" + self._nonce
        self._signature = b""
        self.verified = False

    def first(self) -> bytes:
        """Return the client-first-message.

        Source: RFC 5802 section 7
        """
        return self._gs2_header + self._client_first

    def final(self, server_first: bytes) -> bytes:
        """Answer the server-first-message with the client-final-message, the proof last.

        Args:
            server_first: `r=...,s=...,i=...`

        Raises:
            ProtocolViolation: The nonce does not extend ours, an extension is demanded (`m=`), the salt is no base64, the iterations
                are fewer than 4096 or more than 600,000, or the message is no server-first-message.

        Source: RFC 5802 section 3 and 5.1, RFC 7677 section 4
        """
        nonce, salt, iterations = self._read_server_first(server_first)
        salted = hashlib.pbkdf2_hmac(self._hash_name, self._password.reveal().encode(), salt, iterations)
        client_key = self._hmac(salted, b"Client Key")
        stored_key = hashlib.new(self._hash_name, client_key).digest()
        bound = self.binding.data if self.binding is not None else b""
        without_proof = b"c=" + _base64(self._gs2_header + bound) + b",r=" + nonce
        signed = b",".join((self._client_first, server_first, without_proof))
        proof = bytes(a ^ b for a, b in zip(client_key, self._hmac(stored_key, signed), strict=True))
        self._signature = self._hmac(self._hmac(salted, b"Server Key"), signed)
        return without_proof + b",p=" + _base64(proof)

    def check(self, server_final: bytes) -> None:
        """Verify the server's signature.

        An error that the server names here (`e=invalid-proof`) is no violation: its reply follows, and `verified` stays False. Those
        about channel binding are, as somebody between the two sides explains them best.

        Args:
            server_final: `v=...` or `e=...`

        Raises:
            ProtocolViolation: The signature is wrong, the message is no server-final-message, or the server sees another TLS connection.
            AuthFailed: The server cannot bind to what the client does.

        Source: RFC 5802 section 3, 5.1 and 6
        """
        name, _, value = server_final.split(b",", 1)[0].partition(b"=")
        if name == b"e":
            self._check_error(value)
            return
        signature = decode_base64(value)
        if name != b"v" or signature is None:
            raise ProtocolViolation(
                "The server did not send its SCRAM signature where it was due; do not trust this server."
            )
        if not self._signature or not hmac.compare_digest(signature, self._signature):
            raise ProtocolViolation(
                "The server's SCRAM signature is false: it does not know the password, and may be an impostor; leave."
            )
        self.verified = True

    def _check_error(self, error: bytes) -> None:
        if error == b"server-does-support-channel-binding":
            raise ProtocolViolation(
                "The server can bind to the TLS connection, and its announcement held no -PLUS mechanism when it came here: "
                "somebody on the way may have taken it out; leave."
            )
        if error == b"channel-bindings-dont-match":
            raise ProtocolViolation(f"The server sees {another_connection(f'SCRAM-{self._hash_name}')}.")
        if error == b"unsupported-channel-binding-type" and self.binding is not None:
            raise AuthFailed(
                f"The server cannot bind by {self.binding.name}; try another type with --channel-binding, "
                "or the mechanism without -PLUS."
            )

    def _read_server_first(self, message: bytes) -> tuple[bytes, bytes, int]:
        fields = message.split(b",")
        if fields[0].startswith(b"m="):
            raise ProtocolViolation("The server demands a SCRAM extension (m=) that no client is to go on with.")
        if [field[:2] for field in fields[:3]] != [b"r=", b"s=", b"i="]:
            raise ProtocolViolation(
                "The server's first SCRAM message is not of the form r=...,s=...,i=...; try another mechanism."
            )
        nonce, encoded_salt, count = (field[2:] for field in fields[:3])
        if not nonce.startswith(self._nonce) or nonce == self._nonce or not _NONCE.fullmatch(nonce):
            raise ProtocolViolation(
                "The server's SCRAM nonce does not extend ours: the message may be an old one, replayed."
            )
        salt = decode_base64(encoded_salt)
        if not salt:
            raise ProtocolViolation("The salt in the server's first SCRAM message is empty or no base64.")
        iterations = int(count) if _COUNT.fullmatch(count) else 0
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
            raise ProtocolViolation(
                f"The server asks for a number of SCRAM iterations outside {MIN_ITERATIONS} to {MAX_ITERATIONS}: "
                "fewer make the password cheap to guess, more only cost time."
            )
        return nonce, salt, iterations

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._hash_name)


def another_connection(mechanism: str) -> str:
    """Return why a server sees another TLS connection than the client, and what to do: the end of a sentence, without its full stop.

    Args:
        mechanism: The mechanism, with or without -PLUS.
    """
    without = mechanism.lower().removesuffix("-plus").replace("-sha1", "-sha-1").replace("-sha256", "-sha-256")
    return (
        "another TLS connection than this one: TLS ends on the way, at a relay or a proxy, or at somebody who passes the exchange on; "
        f"if you know that relay use `auth {without}`, else leave"
    )


def describe(message: bytes) -> str:
    """Return a message from a SCRAM server as printable text.

    Args:
        message: A server-first-message, a server-final-message, or anything else, which is only escaped.
    """
    fields = message.split(b",")
    names = [field[:2] for field in fields]
    if names[:3] == [b"r=", b"s=", b"i="]:
        nonce, salt, count = (escape(field[2:]) for field in fields[:3])
        return f"nonce {nonce}, salt {salt}, {count} iterations"
    if names[0] == b"v=":
        return "server signature: the proof that it knows the password too"  # its value lets others test passwords, just as the proof does
    if names[0] == b"e=":
        error = fields[0][2:]
        return f"error {error.decode()}" if error in _NAMED_ERRORS else f"error of no known name: {escape(error)}"
    return escape(message)


def _base64(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False)

"""SASL: one small class a mechanism, which answers challenges and says what each line means.

A mechanism is a class with its facts (`name`, `plaintext`, `needs`); an instance is one exchange. An exchange counts its responses, so a
server that never stops asking is told no. Clock, socket and randomness are the caller's:

```
exchange = mechanism("SCRAM-SHA-256").start(credentials, nonce=fresh_nonce)
first = exchange.initial_response()          # b"AUTH SCRAM-SHA-256 " + first.base64_initial
answer = exchange.respond(challenge)         # for each 334; answer.base64, or cancel with `*` when it raises
exchange.finish()                            # at the 235
```

A response is `secret` when it is made from the credentials: the password itself, a digest or proof with which passwords can be tried, and
also a bare user name or a SCRAM first message. So a transcript holds `${sasl}` for each, and a replay computes each anew; only the empty
response and the dummy that acknowledges an OAuth error are written as they are.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar, Literal, Self

from msgspec import Struct, field

from smtp_shell.errors import AuthFailed, NotSendable, ProtocolViolation, UsageError
from smtp_shell.protocol.masking import MASK, conceal_octets
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.secret import Secret

MAX_CHALLENGE = 65_536

Need = Literal["user", "password", "token", "certificate"]
Step = Callable[[bytes], "Response"]

_SOH = "\x01"
_EMPTY = "(empty)"


class Credentials(Struct, frozen=True):
    """What a mechanism authenticates with; its repr is blank.

    Args:
        user: The authentication identity; empty where there is none.
        password: The password, or the token for the OAuth mechanisms.
        authzid: Whom to act as; empty for the user.
    """

    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    authzid: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


class Response(Struct, frozen=True):
    """One client response of an exchange.

    Args:
        octets: The response before base64.
        meaning: What it says, printable, with a mask of a fixed length for what is secret.
        secret: Whether it is made from the credentials.
    """

    octets: bytes
    meaning: str
    secret: bool

    def __repr__(self) -> str:
        return f"Response(meaning={self.meaning!r}, secret={self.secret!r})"

    @property
    def base64(self) -> bytes:
        """The line that answers a challenge."""
        return b2a_base64(self.octets, newline=False)

    @property
    def base64_initial(self) -> bytes:
        """The argument of AUTH, where a lone `=` stands for the empty response.

        Source: RFC 4954 §4
        """
        return self.base64 or b"="


class _Setting(Struct, frozen=True):
    credentials: Credentials
    nonce: Callable[[], str]
    host: str
    port: int


class Exchange:
    """One exchange of a mechanism; the subclasses are the mechanisms.

    Attributes:
        name: The mechanism's registered name.
        plaintext: Whether the password or token itself crosses the wire.
        needs: What `start` must be given.
        initial: Whether the first response may stand in the AUTH command: `yes`, only when `asked` for, or `no`.
        takes_authzid: Whether the mechanism can say whom to act as.
    """

    name: ClassVar[str]
    plaintext: ClassVar[bool] = False
    needs: ClassVar[frozenset[Need]] = frozenset(("user", "password"))
    initial: ClassVar[Literal["yes", "asked", "no"]] = "yes"
    takes_authzid: ClassVar[bool] = False

    def __init__(self, setting: _Setting, *steps: Step) -> None:
        self._credentials = setting.credentials
        self._steps = steps
        self._given = 0

    @classmethod
    def start(cls, credentials: Credentials, *, nonce: Callable[[], str], host: str = "", port: int = 0) -> Self:
        """Begin an exchange.

        Args:
            credentials: Who authenticates, and with what. An empty password is sent as one; an empty user or token is missing.
            nonce: Gives a fresh nonce, printable ASCII without a comma; only SCRAM calls it.
            host: The host that the client connected to, which OAUTHBEARER tells the server; empty to leave it out.
            port: The port likewise; 0 to leave it out.

        Raises:
            AuthFailed: Something that the mechanism needs is missing, or SCRAM cannot use it.
            NotSendable: A value holds CR, LF, NUL or something else that the mechanism has no way to carry.
        """
        if "user" in cls.needs and not credentials.user:
            raise AuthFailed(f"{cls.name} needs a user name; name one after the mechanism or with --user.")
        if "token" in cls.needs and not credentials.password:
            raise AuthFailed(f"{cls.name} needs a token; give a command that prints one with --token-command.")
        if credentials.authzid and not cls.takes_authzid:
            raise AuthFailed(
                f"{cls.name} cannot say whom to act as; leave the authorization identity out or use PLAIN or SCRAM."
            )
        for what, value in (
            ("user name", credentials.user),
            ("authorization identity", credentials.authzid),
            ("password or token", credentials.password.reveal()),
        ):
            _refuse_unsendable(what, value)
        return cls(_Setting(credentials, nonce, host, port))

    def initial_response(self, *, asked: bool = False) -> Response | None:
        """Return the response to send with the AUTH command itself, if there is one.

        A caller that wants none sends AUTH without it and never calls this: the first `respond` then gives it.

        Args:
            asked: Whether the user asked for an initial response where that is uncommon (LOGIN).

        Source: RFC 4954 §4
        """
        if self.initial == "no" or (self.initial == "asked" and not asked):
            return None
        return self._next(b"")

    def respond(self, challenge: bytes) -> Response:
        """Answer a challenge. A caller that gets an exception cancels the exchange with `*`.

        Args:
            challenge: The challenge after base64.

        Raises:
            ProtocolViolation: The challenge is over 64 KiB, or one too many, or is none that the mechanism foresees.
            AuthFailed: This system cannot compute the response.
        """
        if len(challenge) > MAX_CHALLENGE:
            raise ProtocolViolation(f"The server's challenge is over {MAX_CHALLENGE} octets; no mechanism needs that.")
        return self._next(challenge)

    def explain(self, challenge: bytes) -> str:
        """Say what a challenge holds, as printable text that never shows the password.

        Args:
            challenge: The challenge after base64.
        """
        return self._explain(conceal_octets(challenge, self._credentials.password)) if challenge else _EMPTY

    def finish(self) -> None:
        """Take note that the server said 235.

        Raises:
            ProtocolViolation: The mechanism lets the server prove itself (SCRAM), and it has not.
        """

    def _explain(self, challenge: bytes) -> str:
        return escape(challenge)

    def _next(self, challenge: bytes) -> Response:
        if self._given == len(self._steps):
            raise ProtocolViolation(f"The server asks for one more response than {self.name} has; cancel with `*`.")
        self._given += 1
        return self._steps[self._given - 1](challenge)


class Plain(Exchange):
    """Send all in one line: whom to act as, user name and password, with NUL between them.

    Source: RFC 4616 §2
    """

    name = "PLAIN"
    plaintext = True
    takes_authzid = True

    def __init__(self, setting: _Setting) -> None:
        super().__init__(setting, self._message)

    def _message(self, challenge: bytes) -> Response:
        who = self._credentials
        names = " ".join(filter(None, (escape_str(who.authzid), "NUL", escape_str(who.user), "NUL")))
        octets = b"\0".join(map(_utf8, (who.authzid, who.user, who.password.reveal())))
        return Response(octets, f"{names} {MASK}", secret=True)


class Login(Exchange):
    """Answer two challenges by their order, whatever their words: user name, then password.

    Source: draft-murchison-sasl-login-00 §2
    """

    name = "LOGIN"
    plaintext = True
    initial = "asked"

    def __init__(self, setting: _Setting) -> None:
        super().__init__(setting, self._user, self._password)

    def _user(self, challenge: bytes) -> Response:
        return Response(_utf8(self._credentials.user), f"user name {escape_str(self._credentials.user)}", secret=True)

    def _password(self, challenge: bytes) -> Response:
        return Response(_utf8(self._credentials.password.reveal()), f"password {MASK}", secret=True)


class CramMd5(Exchange):
    """Answer the challenge with the user name and a keyed digest of the challenge.

    Source: RFC 2195 §2
    """

    name = "CRAM-MD5"
    initial = "no"

    def __init__(self, setting: _Setting) -> None:
        super().__init__(setting, self._digest)

    def _digest(self, challenge: bytes) -> Response:
        digest = _hmac_md5(_utf8(self._credentials.password.reveal()), challenge)
        octets = _utf8(self._credentials.user) + b" " + digest.hex().encode()
        return Response(octets, f"{escape_str(self._credentials.user)} and the digest {MASK}", secret=True)


class External(Exchange):
    """Let the client certificate speak; the response only says whom to act as, or nothing.

    Source: RFC 4422 Appendix A
    """

    name = "EXTERNAL"
    needs = frozenset(("certificate",))
    takes_authzid = True

    def __init__(self, setting: _Setting) -> None:
        super().__init__(setting, self._authzid)

    def _authzid(self, challenge: bytes) -> Response:
        authzid = self._credentials.authzid or self._credentials.user
        return Response(_utf8(authzid), f"act as {escape_str(authzid)}" if authzid else _EMPTY, secret=bool(authzid))


class ScramSha1(Exchange):
    """Prove that both sides know the password, without sending it.

    Source: RFC 5802 §3
    """

    name = "SCRAM-SHA-1"
    hash_name: ClassVar[str] = "sha1"
    takes_authzid = True

    def __init__(self, setting: _Setting) -> None:
        from smtp_shell.protocol.sasl import scram

        super().__init__(setting, self._first, self._final, self._acknowledgement)
        who = setting.credentials
        self._client = scram.ScramClient(
            self.hash_name, user=who.user, password=who.password, authzid=who.authzid, nonce=setting.nonce()
        )

    def finish(self) -> None:
        """Take note that the server said 235.

        Raises:
            ProtocolViolation: The server has not shown a valid signature.

        Source: RFC 5802 §3
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
        return Response(octets, f"{escape(octets.rpartition(b',p=')[0])},p={MASK}", secret=True)

    def _acknowledgement(self, challenge: bytes) -> Response:
        self._client.check(challenge)
        return Response(b"", _EMPTY, secret=False)

    def _explain(self, challenge: bytes) -> str:
        from smtp_shell.protocol.sasl import scram

        return scram.describe(challenge)


class ScramSha256(ScramSha1):
    """Do what SCRAM-SHA-1 does, with a better hash.

    Source: RFC 7677 §3
    """

    name = "SCRAM-SHA-256"
    hash_name = "sha256"


class OAuthBearer(Exchange):
    """Send a token; if the server refuses it, it says why in JSON, which wants an answer before the failure comes.

    Source: RFC 7628 §3.1, §3.2.3
    """

    name = "OAUTHBEARER"
    plaintext = True
    needs: ClassVar[frozenset[Need]] = frozenset(("token",))
    takes_authzid = True

    def __init__(self, setting: _Setting) -> None:
        super().__init__(setting, self._token, self._dummy)
        self._host, self._port = setting.host, setting.port
        for what, value in (
            ("user name", setting.credentials.user),
            ("authorization identity", setting.credentials.authzid),
            ("host", setting.host),
        ):
            if re.search(r"[\x00-\x1f\x7f]", value):
                raise NotSendable(
                    f"The {what} holds a control character, which {self.name} uses to separate its fields."
                )
        if not re.fullmatch("[!-~]+", setting.credentials.password.reveal()):
            raise NotSendable("The token holds a space, a control character or one outside ASCII, which no token has.")

    def _token(self, challenge: bytes) -> Response:
        before, after = self._around_token()
        octets = before + self._credentials.password.reveal().encode() + after
        return Response(octets, f"{escape(before)}{MASK}{escape(after)}", secret=True)

    def _around_token(self) -> tuple[bytes, bytes]:
        from smtp_shell.protocol.sasl import scram

        authzid = self._credentials.authzid or self._credentials.user
        header = b"n," + (b"a=" + scram.saslname(authzid) if authzid else b"") + b","
        fields = [f"host={self._host}"] * bool(self._host) + [f"port={self._port}"] * bool(self._port)
        return header + _utf8("".join(_SOH + each for each in (*fields, "auth=Bearer "))), b"\x01\x01"

    def _dummy(self, challenge: bytes) -> Response:
        return Response(b"\x01", escape(b"\x01"), secret=False)

    def _explain(self, challenge: bytes) -> str:
        return _describe_json(challenge, self._credentials.password)


class XOAuth2(OAuthBearer):
    """Send a token in the way that came before OAUTHBEARER; the dummy response is the empty one.

    Source: the OAuth 2.0 mechanism of Gmail and Exchange Online, in no RFC
    """

    name = "XOAUTH2"
    needs = frozenset(("user", "token"))
    takes_authzid = False

    def _around_token(self) -> tuple[bytes, bytes]:
        return _utf8(f"user={self._credentials.user}{_SOH}auth=Bearer "), b"\x01\x01"

    def _dummy(self, challenge: bytes) -> Response:
        return Response(b"", _EMPTY, secret=False)


Mechanism = type[Exchange]

# Strongest first. EXTERNAL stands last because `choose` never takes it: only the user knows what the certificate is for.
MECHANISMS: Mapping[str, Mechanism] = MappingProxyType(
    {each.name: each for each in (OAuthBearer, XOAuth2, ScramSha256, ScramSha1, CramMd5, Plain, Login, External)}
)


def mechanism(name: str) -> Mechanism:
    """Find a mechanism by its name, in any case.

    Raises:
        UsageError: There is none of that name. The sentence leaves the word out, for it may be a password in the wrong place.
    """
    found = MECHANISMS.get(_canonical(name))
    if found is None:
        raise UsageError(f"That is no SASL mechanism that smtp-shell knows; it knows {', '.join(sorted(MECHANISMS))}.")
    return found


def choose(offered: Iterable[str], *, tls: bool, password: bool = True, token: bool = False) -> Mechanism | None:
    """Choose the strongest mechanism that both sides can do.

    A token goes before a password. In the clear, any mechanism that keeps the secret off the wire goes before any that does not. Whether
    a `plaintext` mechanism is used in the clear at all is for the caller to ask.

    Args:
        offered: The mechanisms that the server announced.
        tls: Whether the connection is encrypted.
        password: Whether a password can be had.
        token: Whether there is an OAuth token.

    Returns:
        The mechanism, or `None` where there is none in common.
    """
    names = set(map(_canonical, offered))
    had = {"user"} | ({"password"} if password else set()) | ({"token"} if token else set())
    able = [each for each in MECHANISMS.values() if each.name in names and each.needs <= had]
    if not tls:
        able.sort(key=lambda each: each.plaintext)
    return able[0] if able else None


def decode_challenge(text: bytes) -> bytes | None:
    """Decode what stands behind a 334.

    Returns:
        The challenge, or `None` where the text is no base64: the caller then cancels with `*`.

    Source: RFC 4954 §4
    """
    from smtp_shell.protocol.sasl import scram

    return scram.decode_base64(text)


def _describe_json(challenge: bytes, secret: Secret) -> str:
    """Show the members of an error object, or anything else as it is.

    Source: RFC 7628 §3.2.2
    """
    import json

    try:
        found = json.loads(challenge.decode())
        if not isinstance(found, dict) or not found:
            return escape(challenge)
        members = [f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in found.items()]
    except (ValueError, RecursionError):  # no JSON, or nested so deeply that only malice explains it
        return escape(challenge)
    # JSON has escapes of its own, behind which a secret may hide until here.
    return escape(conceal_octets(", ".join(members).encode("utf-8", "surrogatepass"), secret))


def _canonical(name: str) -> str:
    return name.upper() if name.isascii() else ""


def _refuse_unsendable(what: str, value: str) -> None:
    if any(char in value for char in "\r\n\0"):
        raise NotSendable(
            f"The {what} holds CR, LF or NUL, which does not belong there; what a file or a command gave may end in a line feed too many."
        )
    if _holds_lone_surrogate(value):
        raise NotSendable(f"The {what} holds half a surrogate pair, which no UTF-8 can carry.")


def _holds_lone_surrogate(value: str) -> bool:
    try:
        _utf8(value)
    except UnicodeEncodeError:  # not passed on: the value is in it
        return True
    return False


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _hmac_md5(key: bytes, message: bytes) -> bytes:
    import hmac

    try:
        return hmac.digest(key, message, "md5")
    except ValueError:  # a system in FIPS mode has no MD5
        pass
    raise AuthFailed(
        "This system's cryptography does not allow MD5, so CRAM-MD5 cannot be used; choose another mechanism."
    )

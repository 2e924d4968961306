"""One AUTH exchange: what every SASL mechanism has in common.

An exchange is given a challenge and returns the response to it. It does no I/O: the caller sends and reads. It counts its responses, so a
server that never stops asking is refused.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from typing import ClassVar, Literal, Self

from msgspec import Struct, field

from smtp_shell.errors import AuthFailed, NotSendable, ProtocolViolation
from smtp_shell.protocol.masking import conceal_octets
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.secret import Secret

MAX_CHALLENGE = 65_536
EMPTY = "(empty)"
ASKS_FOR_REFUSAL = "the reason is read, and the refusal may come"

Need = Literal["user", "password", "token", "certificate", "binding"]


class Credentials(Struct, frozen=True):
    """What a mechanism authenticates with. Its repr is blank.

    Args:
        user: The authentication identity; empty for none.
        password: The password, or the token for the OAuth mechanisms.
        authzid: The authorization identity: whom to act as; empty for the user.
        origin: Where the password or token comes from, in words that complete a sentence; empty if that is not known.
    """

    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    authzid: str = ""
    origin: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


class ChannelBinding(Struct, frozen=True):
    """What belongs to one TLS connection alone, and is known at both of its ends. Its repr is blank.

    Args:
        name: Its type as registered: `tls-exporter`, `tls-unique` or `tls-server-end-point`.
        data: The octets.

    Source: RFC 5056 section 2
    """

    name: str
    data: bytes

    def __repr__(self) -> str:
        return f"ChannelBinding({self.name!r})"


class Response(Struct, frozen=True):
    """One client response of an exchange.

    Args:
        octets: The response before base64.
        meaning: Printable text for a person, with a mask of fixed length for each secret.
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
        """The argument of AUTH; `=` for the empty response.

        Source: RFC 4954 section 4
        """
        return self.base64 or b"="


class Setting(Struct, frozen=True):
    """What an exchange starts with; see `Exchange.start`."""

    credentials: Credentials
    nonce: Callable[[], str]
    host: str = ""
    port: int = 0
    service: str = "smtp"
    binding: ChannelBinding | None = None
    binding_unannounced: bool = False


class Exchange:
    """One exchange of a mechanism. The subclasses are the mechanisms.

    Attributes:
        name: The mechanism's registered name.
        plaintext: Whether the password or token itself crosses the wire.
        needs: What `start` requires.
        initial: Whether the first response may stand in the AUTH command: `yes`, only when `asked` for, or `no`.
        takes_authzid: Whether the mechanism can carry an authorization identity.
        speaks_of_binding: Whether it tells the server whether this client could bind to the TLS connection.
        by_name_only: Whether it is used only where the user names it, and never chosen.
        begins_with_text: Whether the server's first challenge may be text that is no base64, and does not count.
        holds_credential: Whether anything in it proves who the user is, so that it is not sent where somebody may listen.
        merit: What it is good for, to complete a sentence.
        obsolete: Why it is obsolete, in a sentence; empty if it is not.
    """

    name: ClassVar[str]
    plaintext: ClassVar[bool] = False
    needs: ClassVar[frozenset[Need]] = frozenset(("user", "password"))
    initial: ClassVar[Literal["yes", "asked", "no"]] = "yes"
    takes_authzid: ClassVar[bool] = False
    speaks_of_binding: ClassVar[bool] = False
    by_name_only: ClassVar[bool] = False
    begins_with_text: ClassVar[bool] = False
    holds_credential: ClassVar[bool] = True
    merit: ClassVar[str] = ""
    obsolete: ClassVar[str] = ""

    def __init__(self, setting: Setting, *steps: Callable[[bytes], Response]) -> None:
        self._credentials = setting.credentials
        self._steps = steps
        self._count = 0

    @classmethod
    def start(
        cls,
        credentials: Credentials,
        *,
        nonce: Callable[[], str],
        host: str = "",
        port: int = 0,
        service: str = "smtp",
        binding: ChannelBinding | None = None,
        binding_unannounced: bool = False,
    ) -> Self:
        """Start an exchange.

        Args:
            credentials: An empty password is sent as it is; an empty user or token counts as missing.
            nonce: Returns a fresh nonce of printable ASCII without a comma, for SCRAM and DIGEST-MD5.
            host: The host that the client connected to, for OAUTHBEARER, DIGEST-MD5 and GSSAPI; empty to leave it out.
            port: The port, for OAUTHBEARER; 0 to leave it out.
            service: The name of the protocol, for DIGEST-MD5 and GSSAPI.
            binding: What a -PLUS mechanism binds to; None for nothing.
            binding_unannounced: Whether this client could bind to the TLS connection and the server announces nothing that does.
                SCRAM says so, and a server that did announce it finds out that somebody has taken that away.

        Raises:
            AuthFailed: Something that the mechanism needs is missing, or SCRAM cannot use it.
            NotSendable: A value holds CR, LF, NUL or something else that the mechanism cannot carry.
        """
        if "user" in cls.needs and not credentials.user:
            raise AuthFailed(f"{cls.name} needs a user name; none was given.")
        if "token" in cls.needs and not credentials.password:
            raise AuthFailed(f"{cls.name} needs a token; none was given.")
        if "binding" in cls.needs and binding is None:
            raise AuthFailed(
                f"{cls.name} is bound to the TLS connection, and there is none, or nothing of it to bind to; "
                f"use starttls first, or {cls.name.removesuffix('-PLUS')}."
            )
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
        return cls(Setting(credentials, nonce, host, port, service, binding, binding_unannounced))

    def initial_response(self, *, asked: bool = False) -> Response | None:
        """Return the response to send in the AUTH command itself; None if the mechanism has none.

        A caller that wants none sends AUTH alone and does not call this. The first `respond` then returns the response.

        Args:
            asked: Whether the user asked for an initial response where that is uncommon (LOGIN).

        Source: RFC 4954 section 4
        """
        if self.initial == "no" or (self.initial == "asked" and not asked):
            return None
        return self._next(b"")

    def respond(self, challenge: bytes) -> Response:
        """Answer a challenge. The caller cancels the exchange with `*` if this raises.

        Args:
            challenge: The challenge after base64.

        Raises:
            ProtocolViolation: The challenge is over 64 KiB, one too many, or not one that the mechanism allows.
            AuthFailed: This system cannot compute the response.
        """
        if len(challenge) > MAX_CHALLENGE:
            raise ProtocolViolation(f"The server's challenge is over {MAX_CHALLENGE} octets; no mechanism needs that.")
        return self._next(challenge)

    def explain(self, challenge: bytes) -> str:
        """Return a challenge as printable text without the password.

        Args:
            challenge: The challenge after base64.
        """
        return self._explain(conceal_octets(challenge, self._credentials.password)) if challenge else EMPTY

    def finish(self) -> None:
        """Check, after the 235, that the server has proved itself where the mechanism has a proof.

        Raises:
            ProtocolViolation: The mechanism lets the server prove itself (SCRAM), and it has not.
        """

    def _explain(self, challenge: bytes) -> str:
        return escape(challenge)

    def _next(self, challenge: bytes) -> Response:
        if self._count == len(self._steps):
            raise ProtocolViolation(f"The server asks for one more response than {self.name} has; cancel with `*`.")
        self._count += 1
        return self._steps[self._count - 1](challenge)


def gs2_header(authzid: str, flag: bytes = b"n") -> bytes:
    """Build the header of a client's first message.

    Args:
        authzid: The authorization identity; empty for none.
        flag: About channel binding: `n` for none, `y` where the client could and the server cannot, `p=TYPE` where it is used.

    Source: RFC 5801 section 4
    """
    return flag + b"," + (b"a=" + saslname(authzid) if authzid else b"") + b","


def saslname(text: str) -> bytes:
    """Encode a name for a SCRAM or GS2 message, in which a comma and an equals sign have a meaning.

    Source: RFC 5802 section 5.1
    """
    return encode(text.replace("=", "=3D").replace(",", "=2C"))


def encode(text: str) -> bytes:
    """Encode as UTF-8. Octets that were no UTF-8 when they were read come back as they were (PEP 383)."""
    return text.encode("utf-8", "surrogateescape")


def _refuse_unsendable(what: str, value: str) -> None:
    if any(char in value for char in "\r\n\0"):
        raise NotSendable(
            f"The {what} holds CR, LF or NUL, which does not belong there; what a file or a command gave may end in a line feed too many."
        )
    if _holds_lone_surrogate(value):
        raise NotSendable(f"The {what} holds half a surrogate pair, which no UTF-8 can carry.")


def _holds_lone_surrogate(value: str) -> bool:
    try:
        encode(value)
    except UnicodeEncodeError:  # not chained: the value is in it
        return True
    return False

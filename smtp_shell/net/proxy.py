"""Proxies: SOCKS 4, 4a and 5, and the CONNECT of HTTP. What they are asked is said by the library python-socks.

The library is given the connection's own sends and receives, so that the deadline, Ctrl-C and the limits are those of every connection, and
what the server says right after the proxy's answer is not lost.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.config import PROXY_PASSWORD_VARIABLE
from smtp_shell.errors import ConfigError, ConnectFailed, ConnectionLost, TlsFailed, UsageError, WaitTimedOut
from smtp_shell.net.target import Target, Way, canonical_address
from smtp_shell.protocol.hostnames import ascii_name
from smtp_shell.protocol.octets import escape, escape_str, quoted
from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from python_socks import ProxyError

    from smtp_shell.net.transport import Transport

SCHEMES: Final = ("socks5h", "socks5", "socks4a", "socks4", "http")
"""Kinds of proxies. With `socks5` and `socks4` the name is looked up here, with the others there."""

_LOOKED_UP_HERE = frozenset({"socks5", "socks4"})
_SOCKS_PORT = 1080
_LONGEST_HEAD = 16 * 1024  # octets of a proxy's answer to CONNECT
_LONGEST_WORDS = 200
_LONGEST_CREDENTIAL = 255  # RFC 1929 section 2
_PROXY_AUTHENTICATION_REQUIRED = 407  # RFC 9110 section 15.5.8
_NO_ANSWERS = ("Unexpected", "Malformed", "Invalid", "Empty")  # as the library begins its words about what is no answer
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] [0-9]{3}(?: |\r?\n)")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


class Proxy(Struct, frozen=True):
    """A proxy.

    Args:
        scheme: One of `SCHEMES`.
        host: Its name in ASCII, or its address.
        port: Its port.
        user: Who uses it; empty for nobody.
        password: That user's password; None if it is not known yet, or there is none.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: Secret | None = None

    def __str__(self) -> str:
        user = f"{escape_str(self.user)}@" if self.user else ""
        return f"{self.scheme}://{user}{self.target}"

    @property
    def target(self) -> Target:
        """Where it is."""
        return Target(Way.TCP, self.host, self.port)

    @property
    def looks_up(self) -> bool:
        """Whether the server's name is looked up by the proxy."""
        return self.scheme not in _LOOKED_UP_HERE

    @property
    def wants_password(self) -> bool:
        """Whether its user has a password, which is not known yet. SOCKS 4 has none."""
        return bool(self.user) and self.password is None and not self.scheme.startswith("socks4")


def parse_proxy(text: str) -> Proxy:
    """Parse the URL of a proxy. If the environment has the password, it is taken from there.

    Args:
        text: Such as `socks5h://127.0.0.1:1080` or `http://ann@proxy.example.org:3128`.

    Raises:
        UsageError: It is none, or holds a password.
    """
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    user, _, place = (rest if separator else text).rpartition("@")
    user = unquote(user)
    if ":" in user:  # first of all: no message repeats a password
        raise UsageError(
            f"a proxy's password does not belong into its URL; set {PROXY_PASSWORD_VARIABLE}, or let it be asked for."
        )
    if not separator or scheme not in SCHEMES:
        raise UsageError(
            f"--proxy {escape_str(text)}: no such kind of proxy; use one of {', '.join(f'{each}://' for each in SCHEMES)}."
        )
    if _UNPRINTABLE.search(user) or len(user.encode("utf-8", "surrogateescape")) > _LONGEST_CREDENTIAL:
        raise UsageError("--proxy: the user holds white space or control characters, or is too long.")
    host, port = _place(place, text)
    if port is None and scheme == "http":
        raise UsageError(f"--proxy {escape_str(text)}: a proxy of HTTP has no usual port; write http://HOST:PORT.")
    password = os.environ.get(PROXY_PASSWORD_VARIABLE, "") if user else ""
    return Proxy(scheme, host, port or _SOCKS_PORT, user, Secret(password) if password else None)


def _place(place: str, text: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if (
        not host
        or port == 0
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or _UNPRINTABLE.search(place)
    ):
        raise UsageError(f"--proxy {escape_str(text)}: that is no address; write {text.partition(':')[0]}://HOST:PORT.")
    return canonical_address(host) if ":" in host else ascii_name(host), port


def with_password(proxy: Proxy, ask: Callable[[str, bool], str] | None) -> Proxy:
    """Return the proxy with its user's password, where one is needed.

    Args:
        proxy: The proxy.
        ask: Asks the user, given the question and whether the answer is hidden; None where nobody can be asked.

    Raises:
        UsageError: Nobody can be asked, or there was no answer.
    """
    if not proxy.wants_password:
        return proxy
    password = ask(f"Password of {escape_str(proxy.user)} for the proxy {proxy.target}: ", True) if ask else ""
    if not password:
        raise UsageError(f"--proxy {proxy}: the password of this user is missing; set {PROXY_PASSWORD_VARIABLE}.")
    return replace(proxy, password=Secret(password))


def check_proxy(proxy: Proxy) -> None:
    """Check that the library for proxies is there, before anything is opened.

    Raises:
        ConfigError: It is not.
    """
    try:
        import python_socks  # noqa: F401
    except ImportError:
        raise ConfigError(
            f'--proxy {proxy}: the library for proxies is missing; install it with: pip install "smtp-shell[proxy]".'
        ) from None


def ask_proxy(transport: Transport, proxy: Proxy, host: str, port: int, deadline: float) -> None:
    """Have a proxy connect to a server.

    Args:
        transport: The connection to the proxy, which is one to the server afterwards.
        proxy: The proxy.
        host: The server's name or address, as the proxy is told it.
        port: Its port.
        deadline: When to give up, on the clock of `time.monotonic`.

    Raises:
        ConnectFailed: It did not.
    """
    from python_socks import ProxyError, ProxyTimeoutError, ProxyType
    from python_socks.sync import Proxy as Client

    kind = {"socks5": ProxyType.SOCKS5, "socks4": ProxyType.SOCKS4, "http": ProxyType.HTTP}[proxy.scheme.rstrip("ah")]
    wire = _Wire(transport, deadline, whole_head=proxy.scheme == "http")
    password = proxy.password.reveal() if proxy.password is not None else ""
    opened: Any = _Opened(wire)  # the library has no type for what is only connected like a proxy
    client = Client(kind, proxy.host, proxy.port, proxy.user, password, rdns=True, forward=opened)
    name = f"{host}:{port}"
    try:
        client.connect(host, port)
    except ProxyTimeoutError:
        raise ConnectFailed(
            f"the proxy {proxy} did not answer in time; check that it is one, and the network."
        ) from None
    except ProxyError as error:
        raise ConnectFailed(
            f"the proxy {proxy} did not connect to {name}: {_words(error)}; {_advice(error, proxy)}."
        ) from None
    except _NoAnswer as error:
        raise ConnectFailed(f"the proxy {proxy} {error}; check its kind and port.") from None
    except (ConnectionLost, WaitTimedOut, TlsFailed) as error:
        raise ConnectFailed(f"the proxy {proxy} broke off: {error.message}") from None
    except (
        ValueError,
        LookupError,
        AssertionError,
        OSError,
    ):  # from the library, for octets or credentials that it cannot use
        raise ConnectFailed(
            f"the proxy {proxy} and this client do not understand each other; check its kind."
        ) from None
    if wire.rest:
        transport.unread(bytes(wire.rest))


def _words(error: Exception) -> str:
    words = escape_str(str(error))
    return quoted(words[:_LONGEST_WORDS] if len(words) > _LONGEST_WORDS else words.rstrip("."))


def _advice(error: ProxyError, proxy: Proxy) -> str:
    """Return what to do about a refusal, by the words and codes that the library has for it."""
    words = str(error)
    if error.error_code == _PROXY_AUTHENTICATION_REQUIRED or "uthentication" in words:
        if proxy.user:
            return f"check its user and {PROXY_PASSWORD_VARIABLE}"
        return f"if it wants a user, write {proxy.scheme}://USER@{proxy.target}"
    if error.error_code is None and words.startswith(_NO_ANSWERS):
        return "check its kind and port"
    return "ask its operator, or check the server's name and port"


class _NoAnswer(Exception):
    """What the proxy sent is no answer; the words say what it did."""


class _Opened:
    """A connection that is there already, in the form in which the library takes one proxy in front of another."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def connect(self, **_: Any) -> _Wire:
        return self._wire


class _Wire:
    """The connection to the proxy, in the form of a socket.

    Args:
        transport: The connection.
        deadline: When to give up, on the clock of `time.monotonic`.
        whole_head: Whether a receive returns the whole head of an answer of HTTP.

    Attributes:
        rest: What came after the answer.
    """

    def __init__(self, transport: Transport, deadline: float, *, whole_head: bool) -> None:
        self._transport = transport
        self._deadline = deadline
        self._whole_head = whole_head
        self.rest = bytearray()

    def sendall(self, octets: bytes) -> None:
        self._transport.send(bytes(octets), max(self._deadline - time.monotonic(), 0.001), self._deadline)

    def recv(self, most: int) -> bytes:
        if self._whole_head:
            most = self._head()
        elif not self.rest:
            self._receive()
        octets = bytes(self.rest[:most])
        del self.rest[:most]
        return octets

    def close(self) -> None:
        """Do nothing: whoever opened the connection closes it."""

    def _head(self) -> int:
        """Receive the head of an answer; return its length."""
        searched = 0
        while (end := _END_OF_HEAD.search(self.rest, max(searched - 3, 0))) is None:
            searched = len(self.rest)
            if searched > _LONGEST_HEAD:
                raise _NoAnswer(f"sent more than {_LONGEST_HEAD:,} octets in place of an answer")
            if b"\n" in self.rest:
                self._check_status_line()
            if not self._receive():
                break
        self._check_status_line()
        return len(self.rest) if end is None else end.end()

    def _check_status_line(self) -> None:
        if not self.rest:
            raise _NoAnswer("closed the connection without an answer")
        if not _STATUS_LINE.match(self.rest):
            shown = escape(bytes(self.rest[:80]).partition(b"\n")[0].rstrip(b"\r"))
            raise _NoAnswer(f"does not speak HTTP: {quoted(shown)}")

    def _receive(self) -> bool:
        octets = self._transport.recv(self._deadline)
        if octets is None:
            raise TimeoutError
        self.rest += octets
        return bool(octets)

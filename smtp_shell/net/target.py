"""What to connect to: a host and port, a Unix socket, or a program. Parsed, not looked up."""

from __future__ import annotations

import re
from enum import Enum
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.protocol.hostnames import ascii_name
from smtp_shell.protocol.octets import escape_str


class Way(Enum):
    """How the octets get to the server."""

    TCP = "tcp"
    UNIX = "unix"
    PIPE = "pipe"
    MX = "mx"
    """By way of the hosts that the DNS names for a domain; `client.mail_hosts` makes targets of them."""


class Target(Struct, frozen=True):
    """A server to connect to.

    Args:
        way: How the octets get there.
        host: Name in ASCII or address (TCP), path of the socket (Unix), command line (pipe), or domain (MX).
        port: Port number, 0 if there is none.
        tls: Whether TLS begins with the first octet.
        starttls: Whether the user asked for STARTTLS.
        lmtp: Whether the dialogue is LMTP.
    """

    way: Way
    host: str
    port: int = 0
    tls: bool = False
    starttls: bool = False
    lmtp: bool = False

    def __str__(self) -> str:
        shown = escape_str(self.host)
        if self.way is Way.PIPE:
            return f"pipe:{shown}"
        if self.way is Way.UNIX:
            return f"{'lmtp' if self.lmtp else 'smtp'}+unix:{shown}"
        if self.way is Way.MX:
            return f"mx:{shown}" if self.port == _PORTS["smtp"] else f"mx:{shown}:{self.port}"
        return f"[{shown}]:{self.port}" if ":" in self.host else f"{shown}:{self.port}"

    @property
    def name(self) -> str:
        """The name to check the certificate against, and to ask the server for: without the dot of an absolute name.

        Source: RFC 6066 section 3
        """
        if self.way is not Way.TCP:
            return "localhost"
        if ":" not in self.host:
            return self.host.removesuffix(".")
        from smtp_shell.net.literals import unmapped  # socket, which a replay's check of its target does not need

        return unmapped(self.host)


# Searched in the whole text: `urlsplit` removes line ends and tabs without an error, and what follows a bracket too.
_NEVER_IN_A_HOST = re.compile(r"[\x00-\x20\x7f]|\][^:/]")
UNIX = ("lmtp+unix:", "smtp+unix:")
"""How the URL of a Unix socket begins."""

_PORTS = {"smtp": 25, "smtps": 465, "lmtp": 24}
_SERVICES = {"smtp": "25", "submission": "587", "submissions": "465", "smtps": "465", "lmtp": "24"}
"""Names that telnet takes for a port."""


def parse_target(text: str, *, tls: bool = False, starttls: bool = False, mx: bool = False) -> Target:
    """Parse a URL or HOST[:PORT].

    Args:
        text: `smtp://host:port`, `smtps://host`, `lmtp://host:port`, `lmtp+unix:/path`, `smtp+unix:/path`, `pipe:COMMAND`, `host`,
            `host:port` or `[::1]:25`.
            A port is a number or the name of a service, such as `submission`. With `mx` also `mx:domain` and `mx:domain:port`.
        tls: Whether TLS begins with the first octet.
        starttls: Whether STARTTLS was asked for. The default port is then 587, but for `mx:`.
        mx: Whether the caller can go from a domain to its hosts.

    Raises:
        UsageError: The text is none of these, its host is no host name, it holds a user or password, or `tls` and `starttls` are both set.
    """
    _refuse_both(tls, starttls)
    if text.startswith("pipe:"):
        return _other(Way.PIPE, text.removeprefix("pipe:"), text, tls=tls, starttls=starttls, lmtp=False)
    if text.startswith(UNIX):
        path = unquote(text.partition(":")[2].removeprefix("//"))
        return _other(Way.UNIX, path, text, tls=tls, starttls=starttls, lmtp=text.startswith("lmtp"))
    if _names_domain(text):
        if not mx:
            raise UsageError(
                f"{escape_str(text)} is a domain, and a host is needed here; /mx lists its hosts, name one of them."
            )
        return parse_domain(text, tls=tls, starttls=starttls)
    scheme, separator, _ = text.partition("://")
    scheme = scheme.lower()
    if not separator:
        scheme = "smtp"
    if scheme not in _PORTS:
        raise UsageError(
            f"{escape_str(scheme)}:// is no scheme for mail; {_nearest_scheme(scheme)}use smtp://, smtps://, lmtp://, "
            "smtp+unix:/path, lmtp+unix:/path or pipe:COMMAND."
        )
    implicit = tls or scheme == "smtps"
    host, port = _host_and_port(text if separator else f"smtp://{_bracketed(text)}", text)
    if port is None:
        port = 587 if starttls and scheme == "smtp" else 465 if implicit else _PORTS[scheme]
    return Target(
        Way.TCP, canonical_address(host), port, tls=implicit, starttls=starttls and not implicit, lmtp=scheme == "lmtp"
    )


def _names_domain(text: str) -> bool:
    """Return whether this is `mx:DOMAIN`. A host may be named mx, and a number or the name of a service after it is its port."""
    scheme, _, rest = text.partition(":")
    is_port = not rest or rest.isdigit() or rest.lower() in _SERVICES
    return scheme.lower() == "mx" and not is_port and not rest.startswith("//")


def parse_domain(text: str, *, tls: bool = False, starttls: bool = False) -> Target:
    """Parse DOMAIN or DOMAIN:PORT, with or without `mx:` before it.

    Args:
        text: The domain.
        tls: Whether TLS with its hosts begins with the first octet.
        starttls: Whether STARTTLS was asked for.

    Raises:
        UsageError: It is no domain.
    """
    _refuse_both(tls, starttls)
    domain = text[3:] if text[:3].lower() == "mx:" else text
    host, port = _host_and_port(f"smtp://{domain}", text)
    if not re.fullmatch(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?", host) or re.fullmatch(r"[0-9.]+", host):
        raise UsageError(f"{escape_str(text)}: MX records belong to a domain, such as example.org, and to no address.")
    return Target(Way.MX, host, port or _PORTS["smtp"], tls=tls, starttls=starttls)


def _refuse_both(tls: bool, starttls: bool) -> None:
    if tls and starttls:
        raise UsageError("tls and starttls exclude each other: TLS begins at once, or after the command; choose one.")


def canonical_address(host: str) -> str:
    """Return an IPv6 address in its one short form, such as `::1`. Any other text is returned as it is.

    Source: RFC 5952 section 4
    """
    if ":" not in host:
        return host
    import socket

    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host))
    except (OSError, ValueError):  # ValueError: it holds NUL or half a surrogate pair
        return host


def _other(way: Way, host: str, text: str, *, tls: bool, starttls: bool, lmtp: bool) -> Target:
    if not host.strip():
        raise UsageError(
            f"{escape_str(text)} names nothing; write smtp+unix:/path/to/socket, lmtp+unix:/path/to/socket or pipe:COMMAND."
        )
    return Target(way, host, tls=tls, starttls=starttls, lmtp=lmtp)


def _bracketed(text: str) -> str:
    """Put a bare IPv6 address into brackets."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _nearest_scheme(scheme: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(scheme, _PORTS, n=1)
    return f"did you mean {near[0]}://? Otherwise " if near else ""


def _host_and_port(text: str, typed: str) -> tuple[str, int | None]:
    if "@" in text:  # first of all: no message repeats a password
        raise UsageError(
            "a user or password does not belong into the address; give the user beside it, and let the password be asked for."
        )
    refusal = UsageError(_why_no_address(typed))
    text = _with_number(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refusal from None
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment or _NEVER_IN_A_HOST.search(text):
        raise refusal
    if port == 0:
        raise UsageError(f"{escape_str(typed)}: port 0 cannot be connected to; give a port from 1 to 65535.")
    return host if ":" in host else ascii_name(host), port


def _with_number(text: str) -> str:
    """Return a URL with the number of its port where that is the name of a service."""
    before, colon, name = text.rstrip("/").rpartition(":")
    number = _SERVICES.get(name.lower()) if "://" in before else None
    return f"{before}{colon}{number}" if number else text


def _why_no_address(typed: str) -> str:
    host, _, port = typed.partition(" ")
    meant = as_one_word(host, port)
    shown = escape_str(typed)
    if meant:
        return f"{shown} is two words; write {meant}."
    return f"{shown} is no address; write HOST, HOST:PORT, [IPV6]:PORT or smtp://HOST:PORT."


def as_one_word(host: str, port: str) -> str:
    """Return host and port, which telnet takes as two words, as one word, printable; empty if the second is no port.

    Args:
        host: A host, or a URL without a port.
        port: A number, or the name of a service of mail.
    """
    number = _SERVICES.get(port.lower(), port)
    if not host or not (number.isascii() and number.isdigit()):
        return ""
    scheme, separator, name = host.rpartition("://")
    return f"{escape_str(f'{scheme}{separator}{_bracketed(name)}')}:{number}"

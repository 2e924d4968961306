"""What a client asks of a server's TLS by name: the name that is verified, the one that SNI has, the protocols of ALPN, an earlier session.

Where SNI has another name than the one that is verified, OpenSSL cannot check the latter, because it knows one name only. It is checked
here.
"""

from __future__ import annotations

import re
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtp_shell.config import TlsSettings
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.net.literals import family_of
from smtp_shell.protocol.hostnames import ascii_name
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NO_NAME = "none"
"""The value of `--sni` that leaves SNI out."""

_NEVER_IN_A_NAME = r"[^\x21-\x7e]|[/@\[\]\\]|^\.|^$"
_NAME_MISMATCH = 62  # X509_V_ERR_HOSTNAME_MISMATCH


class TlsSession(Struct, frozen=True):
    """A session of TLS that another connection to the same server may go on from. It is kept in memory only.

    What was verified then is not verified again, so that it goes with the context, the settings and the name of that time.

    Args:
        session: The session of `ssl`.
        context: The context that it began with.
        settings: The settings of TLS.
        name: The name that was verified.
    """

    session: ssl.SSLSession
    context: ssl.SSLContext
    settings: TlsSettings
    name: str

    def __repr__(self) -> str:
        """Return it without its keys."""
        return f"TlsSession({self.name!r})"

    def fits(self, context: ssl.SSLContext, settings: TlsSettings, name: str) -> bool:
        """Whether another connection may go on from it."""
        return context is self.context and settings == self.settings and name == self.name


def session_of(tls: ssl.SSLObject, settings: TlsSettings, name: str) -> TlsSession | None:
    """Return the session of a connection; None if the server has sent nothing to resume it with."""
    try:
        session = tls.session
    except ValueError:  # `ssl` copies it, and has no room for the certificate in it if that has thousands of names
        return None
    if session is None or not (session.has_ticket or (session.id and tls.version() != "TLSv1.3")):
        return None
    return TlsSession(session, tls.context, settings, name)


def sni_octets(settings: TlsSettings, name: str) -> bytes | None:
    """Return the name that SNI has, in octets; None for none.

    Octets, because the ssl module encodes a str with its codec of IDNA 2003, which takes long to load.

    Args:
        settings: The settings of TLS.
        name: The name that is verified.

    Raises:
        UsageError: A name is no host name.

    Source: RFC 6066 section 3
    """
    if settings.sni == NO_NAME:
        return None
    wanted = settings.sni or name
    return (wanted if ":" in wanted else ascii_name(wanted)).encode()


def check_names(settings: TlsSettings) -> None:
    """Check the names that the settings have.

    Raises:
        ConfigError: One is no host name and no address.
    """
    for option, name in (("tls-name", settings.server_name), ("sni", settings.sni)):
        if name is None:
            continue
        with suppress(UsageError):
            if not re.search(_NEVER_IN_A_NAME, name if ":" in name else ascii_name(name)):
                continue
        raise ConfigError(f"{escape_str(settings.option(option, name))}: that is no name of a host; give one alone.")


def offer_protocols(context: ssl.SSLContext, settings: TlsSettings) -> None:
    """Set the protocols that the client offers.

    Raises:
        ConfigError: One of them is none.

    Source: RFC 7301 section 3.1
    """
    try:
        if not all(each.isprintable() for each in settings.alpn):
            raise ValueError
        context.set_alpn_protocols(list(settings.alpn))
    except (ValueError, ssl.SSLError):
        given = escape_str(settings.option("alpn", ",".join(settings.alpn)))
        raise ConfigError(f"{given}: a protocol is 1 to 255 printable octets of ASCII; smtp is one.") from None


def name_error(tls: ssl.SSLObject, name: str) -> ssl.SSLCertVerificationError | None:
    """Return the error that OpenSSL would have raised if a certificate is not for a name; None if it is for it.

    Source: RFC 9525 section 6
    """
    facts: Any = tls.getpeercert() or {}
    if is_for(facts.get("subjectAltName", ()), name):
        return None
    error = ssl.SSLCertVerificationError()
    error.verify_code = _NAME_MISMATCH
    error.verify_message = f"Hostname mismatch, certificate is not valid for '{name}'."
    return error


def is_for(names: Iterable[tuple[str, str]], name: str) -> bool:
    """Return whether a certificate with these names is for a name.

    A `*` stands for one whole label, the first, of a name with at least two more. An address is compared with addresses only.

    Args:
        names: Kind and value of each, as `ssl` has them.
        name: A host name in ASCII, or an address.

    Source: RFC 9525 sections 6.3 and 6.5
    """
    if family_of(name) is not None:
        return any(kind == "IP Address" and _octets_of(value) == _octets_of(name) for kind, value in names)
    wanted = name.lower().rstrip(".")
    first, _, rest = wanted.partition(".")
    accepted = {wanted, f"*.{rest}"} if first and rest.count(".") else {wanted}
    return any(kind == "DNS" and value.lower().rstrip(".") in accepted for kind, value in names)


def _octets_of(address: str) -> bytes | None:
    import socket

    kind = family_of(address.strip())
    return None if kind is None else socket.inet_pton(kind, address.strip())


def details(tls: ssl.SSLObject, settings: TlsSettings, name: str, offered: TlsSession | None) -> Iterator[str]:
    """Yield what came of what the user has asked for, in words, escaped.

    Args:
        tls: The connection, after the handshake.
        settings: The settings of TLS.
        name: The name that was verified.
        offered: The earlier session that was offered; None for none.
    """
    if settings.server_name:
        yield f"the certificate is checked against the name {escape_str(name)}"
    if settings.sni:
        yield "no name was sent (SNI)" if settings.sni == NO_NAME else f"SNI named {escape_str(settings.sni)}"
    if settings.alpn:
        chosen, asked = tls.selected_alpn_protocol(), escape_str(", ".join(settings.alpn))
        yield f"ALPN: the server chose {escape_str(chosen)}" if chosen else f"ALPN: the server chose none of {asked}"
    if offered is not None:
        yield (
            "the session was resumed: what was verified then was not sent again"
            if tls.session_reused
            else "the session was not resumed: the server wanted a whole handshake"
        )

"""How a connection is opened: where it comes from, which addresses it may use, and what it goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.net.name_server import NameServer
    from smtp_shell.net.proxy import Proxy
    from smtp_shell.net.tls_identity import TlsSession
    from smtp_shell.protocol.proxy_header import ProxyHeader

_NONE = "none"
_WITH_ADDRESSES = ("v1", "v2")


class ConnectSettings(Struct, frozen=True):
    """Settings of a connection that is about to be opened. The defaults are the system's choice.

    Args:
        source: Local address to connect from; None for the system's choice.
        source_port: Local port to connect from; 0 for the system's choice.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.
        proxy: The proxy to go through; None for none.
        proxy_protocol: The PROXY header to send first; None for none.
        resume: The session of TLS to go on from, if it fits; None for none.
        resolver: The resolver to ask; None for the system's way.
    """

    source: str | None = None
    source_port: int = 0
    family: int = 0
    proxy: Proxy | None = None
    proxy_protocol: ProxyHeader | None = None
    resume: TlsSession | None = None
    resolver: NameServer | None = None


DIRECT: Final = ConnectSettings()
"""The settings of a user who has said nothing about it."""


class Words(Struct, frozen=True):
    """What a user has said about how to connect, as words. Each is None where nothing was said.

    Args:
        source: `ADDR`, `ADDR:PORT` or `:PORT` to connect from.
        proxy: URL of a proxy; `none` for no proxy.
        proxy_protocol: The form of a PROXY header; `none` for no header.
        proxy_source: `ADDR:PORT` of the client that the PROXY header names.
        proxy_destination: `ADDR:PORT` where that client connected to.
    """

    source: str | None = None
    proxy: str | None = None
    proxy_protocol: str | None = None
    proxy_source: str | None = None
    proxy_destination: str | None = None


def with_words(settings: ConnectSettings, words: Words) -> ConnectSettings:
    """Return settings changed as a user has asked for.

    Raises:
        UsageError: A word is not what it must be, or goes with another one that is missing.
    """
    if words.source is not None:
        settings = _with_source(settings, words.source)
    if words.proxy is not None:
        from smtp_shell.net.proxy import parse_proxy

        settings = replace(settings, proxy=None if words.proxy == _NONE else parse_proxy(words.proxy))
    return replace(settings, proxy_protocol=_header(settings.proxy_protocol, words))


def _with_source(settings: ConnectSettings, text: str) -> ConnectSettings:
    from smtp_shell.net.literals import endpoint

    found = endpoint(text, lenient=True)
    if found is None:
        # What is no address is refused where the connection is opened, with the server's name.
        return replace(settings, source=text, source_port=0)
    return replace(settings, source=found[0] or None, source_port=found[1])


def _header(before: ProxyHeader | None, words: Words) -> ProxyHeader | None:
    from smtp_shell.net.literals import endpoint
    from smtp_shell.protocol.proxy_header import FORMS, ProxyHeader

    form = words.proxy_protocol
    if form == _NONE:
        return None
    header = before if form is None else ProxyHeader(form)
    if form is not None and form not in FORMS:
        raise UsageError(f"--proxy-protocol {escape_str(form)}: no such form; use one of {', '.join(FORMS)}.")
    for option, text in (("--proxy-source", words.proxy_source), ("--proxy-destination", words.proxy_destination)):
        if text is None:
            continue
        found = endpoint(text)
        if found is None:
            raise UsageError(
                f"{option} {escape_str(text)}: that is no address with a port; write ADDR:PORT or [ADDR]:PORT."
            )
        if header is None or header.form not in _WITH_ADDRESSES:
            raise UsageError(f"{option} says what a PROXY header holds; add --proxy-protocol v1 or v2.")
        header = replace(header, **{"source" if option == "--proxy-source" else "destination": found})
    if header is not None:
        header.octets(None, None)  # two addresses that do not fit are refused before anything is opened
    return header


def with_proxy_password(settings: ConnectSettings, ask: Callable[[str, bool], str] | None) -> ConnectSettings:
    """Return settings with the password of the proxy's user, where one is needed.

    Args:
        settings: The settings.
        ask: Asks the user, given the question and whether the answer is hidden; None where nobody can be asked.

    Raises:
        UsageError: It is missing.
    """
    if settings.proxy is None or not settings.proxy.wants_password:
        return settings
    from smtp_shell.net.proxy import with_password

    return replace(settings, proxy=with_password(settings.proxy, ask))

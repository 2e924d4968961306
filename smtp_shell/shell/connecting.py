"""The words after `/connect`: one address, and how to connect to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.net.settings import Words, with_proxy_password, with_words

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.client.credentials import Ask
    from smtp_shell.net.settings import ConnectSettings


_FLAGS = (
    ("--tls", "TLS from the first octet"),
    ("--starttls", "go on through EHLO and STARTTLS; stop if it is not offered"),
    ("--no-wait", "wait for the greeting later, before the next line for the server"),
    ("--mx", "HOST is a mail domain: its first host that greets"),
    ("--probe", "compare the ports 25, 465 and 587 of a host"),
)
_VALUED = (
    ("--ports", "LIST", "the ports of --probe, such as 25,4465/tls"),
    ("--source", "ADDR[:PORT]", "local address and port to connect from"),
    ("--proxy", "URL", "go through socks5h://, socks5://, socks4a://, socks4:// or http://[USER@]HOST:PORT"),
    ("--proxy-protocol", "FORM", "send a PROXY header first: v1, v2, v1-unknown or v2-local"),
    ("--proxy-source", "ADDR:PORT", "the client's address in it"),
    ("--proxy-destination", "ADDR:PORT", "the server's address in it"),
)


def connect_parser() -> ArgumentParser:
    """Return the parser of what follows `/connect`."""
    from smtp_shell.arguments import ArgumentParser

    parser = ArgumentParser(prog="/connect", add_help=False)
    parser.add_argument("places", nargs="*")
    for flag, meaning in _FLAGS:
        parser.add_argument(flag, action="store_true", help=meaning)
    parser.add_argument("-4", dest="ipv4", action="store_true", help="IPv4 only")
    parser.add_argument("-6", dest="ipv6", action="store_true", help="IPv6 only")
    for option, value, meaning in _VALUED:
        parser.add_argument(option, metavar=value, help=meaning)
    return parser


def parse_connect(words: Sequence[str]) -> tuple[Namespace, list[str]]:
    """Return the options among the words, and what is left: addresses.

    Raises:
        UsageError: There is an option that is none, or one without its value.
    """
    line = connect_parser().parse_intermixed_args(list(words))
    return line, line.places


def connection_of(line: Namespace, given: ConnectSettings, ask: Ask | None) -> ConnectSettings:
    """Return how to connect.

    Args:
        line: The options of the line.
        given: How to connect where the line says nothing.
        ask: Asks the user for the password of a proxy; None where nobody can be asked.

    Raises:
        UsageError: An option's value cannot be used, or the password is missing.
        ConfigError: The library for proxies is missing.
    """
    settings = with_words(
        given, Words(line.source, line.proxy, line.proxy_protocol, line.proxy_source, line.proxy_destination)
    )
    if line.ipv4 or line.ipv6:
        from smtp_shell.net.resolve import FAMILIES

        settings = replace(settings, family=FAMILIES["-4" if line.ipv4 else "-6"])
    if settings.proxy is not None:
        from smtp_shell.net.proxy import check_proxy

        check_proxy(settings.proxy)
    return with_proxy_password(settings, ask)

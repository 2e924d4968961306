"""The words after `/connect`: one address, and how to connect to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.net.settings import Words, with_proxy_password, with_words

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from smtp_shell.client.credentials import Ask
    from smtp_shell.net.settings import ConnectSettings


def parse_connect(words: Sequence[str]) -> tuple[Namespace, list[str]]:
    """Return the options among the words, and what is left: addresses.

    Raises:
        UsageError: There is an option that is none, or one without its value.
    """
    from smtp_shell.arguments import ArgumentParser

    parser = ArgumentParser(prog="/connect", add_help=False)
    parser.add_argument("places", nargs="*")
    for flag in ("--tls", "--starttls", "--no-wait", "--mx", "--probe"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("-4", dest="ipv4", action="store_true")
    parser.add_argument("-6", dest="ipv6", action="store_true")
    for option in ("--ports", "--source", "--proxy", "--proxy-protocol", "--proxy-source", "--proxy-destination"):
        parser.add_argument(option)
    line = parser.parse_intermixed_args(list(words))
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

"""Options that several commands share, and the settings that they stand for.

The packages of these settings are imported in the functions: a short command needs few of them.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from smtp_shell.arguments import ArgumentParser, file_path, seconds
from smtp_shell.cli.main import COMMANDS
from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.client.credentials import Ask, CredentialSource
    from smtp_shell.config import TlsSettings
    from smtp_shell.display.views import View
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.protocol.secret import Secret


class _NoPassword(argparse.Action):
    """Refuse a password as an option's value, which every user of the machine could see; do not repeat it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        raise UsageError(
            f"{option_string}: a password is never an option's value; let it be asked for, use --password-command CMD, "
            "or set SMTP_SHELL_PASSWORD."
        )


def command_parser(name: str, **options: Any) -> ArgumentParser:
    """Return a parser for a command, described by its line in the table of commands.

    Args:
        name: Name of the command.
        options: More arguments of `ArgumentParser`.
    """
    summary, _ = COMMANDS[name]
    return ArgumentParser(prog=f"smtp-shell {name}", description=f"{summary[0].upper()}{summary[1:]}.", **options)


def connection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options about the connection, credentials, output and recording."""
    group = parser.add_argument_group("connection")
    group.add_argument(
        "--starttls", action="store_true", help="send EHLO and STARTTLS first; stop if TLS does not start"
    )
    group.add_argument("--tls", action="store_true", help="TLS from the first octet")
    server_options(group.add_argument)
    group = parser.add_argument_group("authentication")
    group.add_argument("--user", help="user name for AUTH")
    group.add_argument("--password", nargs="?", action=_NoPassword, help=argparse.SUPPRESS)
    group.add_argument(
        "--password-command", metavar="CMD", help="command that prints the password (or set SMTP_SHELL_PASSWORD)"
    )
    group.add_argument("--token-command", metavar="CMD", help="command that prints an OAuth token")
    group.add_argument(
        "--netrc-file", type=file_path, metavar="FILE", help="netrc file with the password (default: ~/.netrc)"
    )
    group.add_argument("--authzid", default="", metavar="ID", help="whom to act as, where the mechanism can say so")
    group.add_argument("--insecure-auth", action="store_true", help="send credentials even without TLS")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_color_option(parser)
    parser.add_argument("--record", type=file_path, metavar="FILE", help="record to this file as well")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file with --record")
    parser.add_argument(
        "--no-times",
        action="store_true",
        help="leave times and the date out of --record: a re-recording is a small diff",
    )
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure that would end the run")


def profile_option(add: Callable[..., argparse.Action]) -> None:
    """Add `--profile`.

    Args:
        add: `add_argument` of a parser or of a group.
    """
    add("--profile", metavar="NAME", help="a server of the configuration, with its user, its TLS and its settings")


def no_config_option(add: Callable[..., argparse.Action]) -> None:
    """Add `--no-config`. The argument is that of `profile_option`."""
    add("--no-config", action="store_true", help="read no configuration file, environment settings or start-up file")


def server_options(add: Callable[..., argparse.Action]) -> None:
    """Add the options about how a server is reached, and how TLS is done with it.

    Args:
        add: `add_argument` of a parser or of a group.
    """
    add("--ca-file", type=file_path, metavar="FILE", help="trusted authorities, PEM, instead of the system's")
    add("--insecure", action="store_true", help="go on although the certificate cannot be verified")
    add("--tls-min", metavar="VERSION", help="lowest TLS version (default 1.2)")
    add("--tls-max", metavar="VERSION", help="highest TLS version")
    add("--ciphers", help="OpenSSL cipher string")
    add("--tls-name", metavar="NAME", help="name that the certificate must be for, and that SNI asks for")
    add("--sni", metavar="NAME", help="name that SNI asks for, where it is another one; none to ask for none")
    add("--alpn", metavar="PROTOCOL", help="protocols that ALPN offers, with commas between them")
    add("--client-cert", type=file_path, metavar="FILE", help="client certificate, PEM")
    add("--client-key", type=file_path, metavar="FILE", help="its key, PEM")
    add("--tls-pin", action="append", metavar="SHA256:...", help="accept this public key alone; may be repeated")
    add("--timeout", type=seconds, metavar="S", help="seconds for every wait except QUIT's")
    add("--source", metavar="ADDR[:PORT]", help="local address to connect from, or :PORT alone")
    add("-4", dest="ipv4", action="store_true", help="IPv4 only")
    add("-6", dest="ipv6", action="store_true", help="IPv6 only")
    add("--resolver", metavar="ADDR[:PORT]", help="name server to ask, instead of the system's way")
    proxy_options(add)


def proxy_options(add: Callable[..., argparse.Action]) -> None:
    """Add the options about what a connection goes through, and the PROXY header that says so to the server.

    Args:
        add: `add_argument` of a parser or of a group.
    """
    add(
        "--proxy",
        metavar="URL",
        help="proxy to go through: socks5h://, socks5://, socks4a://, socks4:// or http://[USER@]HOST:PORT "
        "(its password: SMTP_SHELL_PROXY_PASSWORD); with socks5:// and socks4:// the name is looked up here",
    )
    add("--proxy-protocol", metavar="FORM", help="send a PROXY header first: v1, v2, v1-unknown or v2-local")
    add("--proxy-source", metavar="ADDR:PORT", help="client that the PROXY header names (default: this end)")
    add("--proxy-destination", metavar="ADDR:PORT", help="where that client connected to (default: the server)")


def add_color_option(parser: argparse.ArgumentParser) -> None:
    """Add `--color`."""
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")


def is_terminal() -> bool:
    """Return True if standard input and standard output are both terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def wants_color(options: argparse.Namespace) -> bool:
    """Return True if standard output gets colours: `always`, or `auto` on a terminal and without `NO_COLOR`."""
    if options.color != "auto":
        return bool(options.color == "always")
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def address_family(options: argparse.Namespace) -> int:
    """Return the address family to use; 0 for either."""
    if not options.ipv4 and not options.ipv6:
        return 0
    from smtp_shell.net.resolve import FAMILIES

    return FAMILIES["-4" if options.ipv4 else "-6"]


def connect_settings(options: argparse.Namespace, ask: Ask | None = None) -> ConnectSettings:
    """Return how the options want connections to be opened.

    Args:
        options: The parsed options.
        ask: Asks the user for the password of a proxy; None where nobody can be asked.

    Raises:
        UsageError: An option's value cannot be used, or the password is missing.
        ConfigError: The library for proxies is missing.
    """
    from msgspec.structs import replace

    from smtp_shell.net.settings import ConnectSettings, Words, with_proxy_password, with_words

    settings = ConnectSettings(family=address_family(options))
    if options.resolver is not None:
        from smtp_shell.net.name_server import parse_name_server

        settings = replace(settings, resolver=parse_name_server(options.resolver, "--resolver"))
    words = Words(
        options.source, options.proxy, options.proxy_protocol, options.proxy_source, options.proxy_destination
    )
    if words == Words():
        return settings
    settings = with_words(settings, words)
    if settings.proxy is not None:
        from smtp_shell.net.proxy import check_proxy

        check_proxy(settings.proxy)
    return with_proxy_password(settings, ask)


def tls_settings(options: argparse.Namespace) -> TlsSettings:
    """Return the TLS settings of the options.

    Raises:
        ConfigError: A file, version or cipher that they name cannot be used.
    """
    from smtp_shell.config import TlsSettings
    from smtp_shell.net.tls_check import check_tls

    settings = TlsSettings(
        ca_file=options.ca_file,
        insecure=options.insecure,
        minimum=options.tls_min or TlsSettings().minimum,
        maximum=options.tls_max,
        ciphers=options.ciphers,
        client_cert=options.client_cert,
        client_key=options.client_key,
        server_name=options.tls_name,
        sni=options.sni,
        alpn=tuple(options.alpn.split(",")) if options.alpn else (),
        pins=_pins(options.tls_pin),
    )
    check_tls(settings)
    return settings


def _pins(given: list[str] | None) -> tuple[str, ...]:
    if not given:
        return ()
    from smtp_shell.net.tls_pins import parse_pins

    return tuple(pin for text in given for pin in parse_pins(text, "--tls-pin"))


def credential_source(options: argparse.Namespace, ask: Ask | None, preset: Secret | None = None) -> CredentialSource:
    """Return the source of credentials.

    Args:
        options: The parsed options.
        ask: Asks the user; None where nobody can be asked.
        preset: Password that the program itself knows.
    """
    from smtp_shell.client.credentials import CredentialSource

    return CredentialSource(
        options.user or "",
        options.password_command,
        options.token_command,
        ask,
        preset,
        netrc=options.netrc_file,
        authzid=options.authzid,
    )


def terminal_ask() -> Ask:
    """Return the function that asks the user at the terminal."""
    from smtp_shell.shell.repl import ask

    return ask


def terminal_edit() -> Callable[[str, str], str]:
    """Return the function that asks the user at the terminal for a line, which begins as another one."""
    from smtp_shell.shell.repl import edit_line

    return edit_line


def make_view(options: argparse.Namespace, words: TextIO | None = None) -> View:
    """Return a view on standard output: JSON, colours or plain text.

    Args:
        options: The parsed options.
        words: Stream for the program's own words where the dialogue is plain text; None for standard error.
    """
    if options.json:
        from smtp_shell.display.json_lines import JsonView

        return JsonView(sys.stdout, sys.stderr)
    coloured = wants_color(options)
    if not coloured and not sys.stdout.isatty():
        from smtp_shell.display.views import PlainView

        return PlainView(sys.stdout, words or sys.stderr)
    from smtp_shell.display.views import console_view

    return console_view(color=coloured, force=options.color == "always")

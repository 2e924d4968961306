"""Options that several commands share, and what they mean; nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from smtp_shell.arguments import file_path, seconds
from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    from smtp_shell.client.credentials import Ask, CredentialSource
    from smtp_shell.config import TlsSettings


class _NoPassword(argparse.Action):
    """Refuse a password as an option's value, without showing it: every user of the machine can see it there."""

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


def connection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options about the connection, which several commands share."""
    group = parser.add_argument_group("connection")
    group.add_argument("--starttls", action="store_true", help="go on through EHLO and STARTTLS, or stop")
    group.add_argument("--tls", action="store_true", help="TLS from the first octet")
    group.add_argument(
        "--ca-file", type=file_path, metavar="FILE", help="authorities to trust, PEM, in place of the system's"
    )
    group.add_argument("--insecure", action="store_true", help="go on although the certificate cannot be verified")
    group.add_argument("--tls-min", metavar="VERSION", default="1.2", help="lowest TLS version (default 1.2)")
    group.add_argument("--tls-max", metavar="VERSION", help="highest TLS version")
    group.add_argument("--ciphers", help="OpenSSL cipher string")
    group.add_argument("--client-cert", type=file_path, metavar="FILE", help="client certificate, PEM")
    group.add_argument("--client-key", type=file_path, metavar="FILE", help="its key, PEM")
    group.add_argument("--timeout", type=seconds, metavar="S", help="seconds for every wait but QUIT's")
    group.add_argument("--source", metavar="ADDR", help="local address to connect from")
    group.add_argument("-4", dest="ipv4", action="store_true", help="IPv4 only")
    group.add_argument("-6", dest="ipv6", action="store_true", help="IPv6 only")
    group = parser.add_argument_group("authentication")
    group.add_argument("--user", help="user name for auth")
    group.add_argument("--password", nargs="?", action=_NoPassword, help=argparse.SUPPRESS)
    group.add_argument(
        "--password-command", metavar="CMD", help="command that prints the password (or set SMTP_SHELL_PASSWORD)"
    )
    group.add_argument("--token-command", metavar="CMD", help="command that prints an OAuth token")
    group.add_argument("--insecure-auth", action="store_true", help="let credentials cross a connection without TLS")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.add_argument("--record", type=file_path, metavar="FILE", help="record to a file of your own as well")
    parser.add_argument("--force", action="store_true", help="let --record write over a file that is there")
    parser.add_argument("--keep-going", action="store_true", help="go on after what would stop the run")


def is_terminal() -> bool:
    """Say whether a person is at both ends: standard input and standard output."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def wants_color(options: argparse.Namespace) -> bool:
    """Say whether standard output is to have colours: `always`, or `auto` on a terminal and without `NO_COLOR`."""
    if options.color != "auto":
        return bool(options.color == "always")
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def address_family(options: argparse.Namespace) -> int:
    """Give the address family that the options say: 0 for either."""
    if not options.ipv4 and not options.ipv6:
        return 0
    from smtp_shell.net.resolve import FAMILIES

    return FAMILIES["-4" if options.ipv4 else "-6"]


def tls_settings(options: argparse.Namespace) -> TlsSettings:
    """Give the TLS settings that the options say."""
    from smtp_shell.config import TlsSettings

    return TlsSettings(
        ca_file=options.ca_file,
        insecure=options.insecure,
        minimum=options.tls_min,
        maximum=options.tls_max,
        ciphers=options.ciphers,
        client_cert=options.client_cert,
        client_key=options.client_key,
    )


def credential_source(options: argparse.Namespace, ask: Ask | None) -> CredentialSource:
    """Give the source of credentials that the options say."""
    from smtp_shell.client.credentials import CredentialSource

    preset = None if ask is not None else getattr(options, "preset", None)
    return CredentialSource(options.user or "", options.password_command, options.token_command, ask, preset)


def terminal_ask() -> Ask:
    """Return what asks the user at the terminal."""
    from smtp_shell.shell.repl import ask

    return ask

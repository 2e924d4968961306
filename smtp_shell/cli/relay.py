"""`smtp-shell relay`: between a client and a server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.arguments import file_path, port_number
from smtp_shell.cli.listening import (
    certificate_options,
    complain,
    from_elsewhere,
    kept_folder,
    listening_address,
    listening_options,
    say,
)
from smtp_shell.cli.options import (
    add_color_option,
    command_parser,
    connect_settings,
    is_terminal,
    make_view,
    profile_option,
    server_options,
    terminal_ask,
    tls_settings,
)
from smtp_shell.cli.watching import ending_by_signal, show_until
from smtp_shell.config import Timeouts, key_log_file
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.net.target import Target
    from smtp_shell.servers.relay import RelayServer

_RISK = (
    "The relay would listen on {}: every machine that reaches it\n"
    "could reach the server through this one, and in its name."
)

_EXAMPLES = (
    ("smtp-shell relay HOST:587 --port 2527 --watch", "watch live"),
    ("smtp-shell relay 127.0.0.1:2525 --port 2527 --keep seen", "keep files"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell relay`.

    Args:
        words: The arguments after `relay`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, or the relay cannot start.
    """
    options = make_parser().parse_args(words)
    target = _target(options)
    if options.key is not None and options.cert is None:
        raise UsageError("relay --key needs --cert FILE as well: a key is of no use without its certificate.")
    options.watch = options.watch or options.json
    kept, reason = (None, "") if options.cert is not None else kept_folder("relay")
    remark = f"The certificate is for this run only: {reason}" if reason else ""
    server = _server(options, target, kept)
    screen = None
    if options.watch and server.watch is not None:
        from smtp_shell.servers.live import LiveScreen

        screen = LiveScreen(server.watch, make_view(options))
    out = sys.stderr if options.json else sys.stdout
    with ending_by_signal() as stop, server:
        for line in (*_facts(server, options), remark, "Ctrl-C stops it."):
            if line:
                say(line, out)
        status = show_until(stop, screen)
    if screen is not None:
        screen.show()
    return status


def _target(options: argparse.Namespace) -> Target:
    """Return the server, by its address or with the profile that names it; what else that says is filled in.

    Raises:
        UsageError: Neither is given, or the address is none.
        ConfigError: The profile cannot be used.
    """
    from smtp_shell.net.target import parse_target

    profile = None
    if options.profile is not None:
        from smtp_shell.cli.configured import fill_from_profile

        profile = fill_from_profile(options)
    if options.server is not None:
        return parse_target(options.server)
    if profile is None:
        raise UsageError("relay needs a server: smtp-shell relay smtp://HOST:PORT, or --profile NAME.")
    # STARTTLS is the client's to ask for.
    return replace(profile.target, starttls=False)


def _server(options: argparse.Namespace, target: Target, kept: Path | None) -> RelayServer:
    from smtp_shell.servers.relay import RelayServer
    from smtp_shell.servers.relay.server import IDLE_SECONDS

    host = listening_address(options, "relay", _RISK)
    timeouts = Timeouts() if options.timeout is None else Timeouts().all(options.timeout)
    return RelayServer(
        target,
        host=host or "127.0.0.1",
        port=options.port,
        anywhere=bool(host),
        implicit_tls=options.tls,
        tls=tls_settings(options),
        keep=options.keep,
        shows=options.watch,
        certificate=options.cert,
        key=options.key,
        kept=kept,
        timeouts=timeouts,
        idle=options.timeout or IDLE_SECONDS,
        connection=connect_settings(options, terminal_ask() if is_terminal() else None),
        on_failure=complain,
    )


def _facts(server: RelayServer, options: argparse.Namespace) -> Iterator[str]:
    """Yield the address at once, and each other fact as soon as the relay knows it: the certificate takes a while."""
    begins = "TLS from the first octet" if options.tls else "in the clear, TLS with STARTTLS"
    if not server.is_open_to_all:
        yield f"relay            {server.host}:{server.port} (this machine only), {begins}"
    else:
        yield f"relay            {server.host}:{server.port}, {begins}"
        yield f"another machine  {from_elsewhere(server.reachable, server.port)}"
        yield "WARNING          whoever reaches this machine reaches the server through it; Ctrl-C ends it"
    yield f"server           {server.target}{' (TLS from the first octet)' if server.target.tls else ''}"
    if options.insecure:
        yield "WARNING          the server's certificate is not verified (--insecure)"
    yield f"certificate      {escape_str(str(server.ca_file))}"
    if (key_log := key_log_file()) is not None:
        yield f"keys of TLS to   {escape_str(str(key_log))} (SSLKEYLOGFILE): whoever reads it can decrypt the connections"
    if options.keep is not None:
        yield f"transcripts in   {escape_str(str(options.keep))}"
    elif not options.watch:
        yield "Nothing is shown or written: add --watch, or --keep DIR."


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("relay", examples=_EXAMPLES)
    parser.add_argument(
        "server",
        metavar="SERVER",
        nargs="?",
        help="smtp://HOST:PORT, smtps://HOST, smtp+unix:/PATH, lmtp+unix:/PATH, pipe:COMMAND or HOST[:PORT]",
    )
    parser.add_argument("--port", type=port_number, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--watch", action="store_true", help="print each dialogue, live, with remarks on what is wrong")
    parser.add_argument("--keep", type=file_path, metavar="DIR", help="write each dialogue as a transcript into DIR")
    listening_options(parser)
    group = parser.add_argument_group("the client's side")
    group.add_argument("--tls", action="store_true", help="TLS from the first octet (default: after STARTTLS)")
    certificate_options(group.add_argument)
    add = parser.add_argument_group("the server's side").add_argument
    profile_option(add)
    server_options(add)
    parser.add_argument("--json", action="store_true", help="one JSON object a line; implies --watch")
    add_color_option(parser)
    return parser

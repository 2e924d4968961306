"""`smtp-shell practice`: a server on loopback, and a shell connected to it."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING

from smtp_shell.arguments import file_path, port_number
from smtp_shell.cli.options import command_parser, connection_options
from smtp_shell.cli.shell import line_options, run_shell
from smtp_shell.config import key_log_file
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from smtp_shell.servers.practice import PracticeServer

_TRY = """\
Try ehlo, starttls, ehlo, auth, mail ann@example.org, rcpt bob@example.org, data,
quit, and then /inbox. /help lists all there is."""


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell practice`.

    Args:
        words: The arguments after `practice`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, the server cannot start, or there is no connection.
    """
    options = _parser().parse_args(words)
    if options.tls:
        raise UsageError(
            "practice --tls: the practice server begins TLS with STARTTLS only; use --starttls, or type starttls."
        )
    if options.serve_only and (options.lines or options.json or options.record or options.starttls):
        raise UsageError("practice --serve-only opens no shell; leave out -c, -f, --json, --record and --starttls.")
    if options.key is not None and options.cert is None:
        raise UsageError("practice --key needs --cert FILE as well: a key is of no use without its certificate.")
    from smtp_shell.servers.faults import parse_faults
    from smtp_shell.servers.practice import PracticeServer, PracticeSettings

    settings = PracticeSettings(
        port=options.port,
        faults=parse_faults(options.fault or ()),
        maildir=options.maildir,
        certificate=options.cert,
        key=options.key,
    )
    if options.serve_only:
        return _serve(PracticeServer(settings))
    with PracticeServer(settings) as server:
        return _open_shell(server, options)


def _serve(server: PracticeServer) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    import signal
    import threading

    stop = threading.Event()
    # Before the server starts: SIGTERM must not leave its temporary files.
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    with server:
        for line in chain(_facts(server), ("Ctrl-C stops it.",)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        try:
            while not stop.wait(0.2):
                pass
        except KeyboardInterrupt:
            return 130
    return 0


def _open_shell(server: PracticeServer, options: argparse.Namespace) -> int:
    from smtp_shell.net.target import Target, Way

    options.ca_file = options.ca_file or server.ca_file
    options.user = options.user or server.user
    target = Target(Way.TCP, server.host, server.port, starttls=options.starttls)
    introduction = chain((f"  {line}" for line in _facts(server)), (_TRY,))
    return run_shell(options, target, introduction, inbox=server.inbox, password=server.password)


def _facts(server: PracticeServer) -> Iterator[str]:
    """Yield the address at once, and each other fact as soon as the server knows it: the certificate takes a while."""
    yield f"practice server  {server.host}:{server.port} (this machine only)"
    yield f"user             {server.user}"
    yield f"password         {server.password.reveal()}"
    yield f"certificate      {server.ca_file}"
    yield f"mail goes to     {server.maildir}"
    if (key_log := key_log_file()) is not None:
        yield f"keys of TLS to   {escape_str(str(key_log))} (SSLKEYLOGFILE): whoever reads it can decrypt the connections"


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("practice")
    parser.add_argument("--port", type=port_number, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--serve-only", action="store_true", help="serve, without a shell, until Ctrl-C")
    parser.add_argument(
        "--fault",
        action="append",
        metavar="VERB=…",
        help="misbehave: VERB=CODE, VERB=drop or VERB=delay:SECONDS, at a command, CONNECT (the greeting) or DOT (the final dot)",
    )
    parser.add_argument("--maildir", type=file_path, help="folder for mail (default: a temporary one)")
    parser.add_argument("--cert", type=file_path, metavar="FILE", help="certificate of your own, PEM")
    parser.add_argument("--key", type=file_path, metavar="FILE", help="its key, PEM")
    connection_options(parser)
    line_options(parser)
    return parser

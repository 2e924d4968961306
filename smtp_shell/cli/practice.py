"""`smtp-shell practice`: a server on loopback, and a shell connected to it."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING

from smtp_shell.arguments import file_path, port_number
from smtp_shell.cli.first_start import in_practice, is_first_practice
from smtp_shell.cli.listening import (
    certificate_options,
    complain,
    fault_options,
    listening_address,
    listening_options,
    say,
)
from smtp_shell.cli.options import command_parser, connection_options, make_view
from smtp_shell.cli.practice_server import USER, facts, with_what_is_kept
from smtp_shell.cli.shell import line_options, run_shell
from smtp_shell.cli.watching import ending_by_signal, show_until
from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.recording.capture import Capture
    from smtp_shell.servers.live import LiveScreen
    from smtp_shell.servers.practice import PracticeServer, PracticeSettings
    from smtp_shell.servers.watching import Watch

_SERVED = frozenset(
    {"port", "serve_only", "user", "fault", "seed", "maildir", "cert", "key", "color", "theme", "no_record"}
    | {"watch", "keep", "listen", "yes", "insecure_auth", "capture"}
)
"""Options that `--serve-only` has a use for, or whose wish it fulfils anyway."""

_SPELLED = {"lines": "-c and -f", "ipv4": "-4", "ipv6": "-6"}
"""Options that are not spelled like the names of their values."""

_RISK = "The practice server would listen on {}: every machine\nthat reaches it could connect, guess the password and fill the mailbox."

_EXAMPLES = (
    ("smtp-shell practice", "a server, and a shell on it"),
    ("smtp-shell practice --serve-only --port 2525", "the server alone"),
    ("smtp-shell practice --fault rcpt=451", "misbehave: see below"),
    ("smtp-shell practice -c ehlo -c quit", "run lines without a prompt"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell practice`.

    Args:
        words: The arguments after `practice`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, the server cannot start, or there is no connection.
    """
    parser = make_parser()
    options = parser.parse_args(words)
    if options.tls:
        raise UsageError(
            "practice --tls: the practice server begins TLS with STARTTLS only; use --starttls, or type starttls."
        )
    if options.serve_only:
        _refuse_shell_options(parser, options)
    if options.key is not None and options.cert is None:
        raise UsageError("practice --key needs --cert FILE as well: a key is of no use without its certificate.")
    from smtp_shell.servers.practice import PracticeServer

    first = is_first_practice()
    settings, remark = _settings(options)
    capture = _capture(options.capture)
    options.capture = None  # the server's side has all of it, this shell's connection too
    server = PracticeServer(settings, _watch(options), capture)
    try:
        if options.serve_only:
            return _serve(server, options, remark, capture)
        with server:
            return _open_shell(server, options, chain((remark,) if remark else (), in_practice(first=first)), capture)
    finally:
        if capture is not None:
            capture.close()


def _capture(path: Path | None) -> Capture | None:
    """Create the capture of the server's connections, if one is asked for.

    Raises:
        UsageError: The file exists already, or cannot be created.
    """
    if path is None:
        return None
    from smtp_shell.recording.capture import Capture

    return Capture.create(path, on_failure=complain)


def _watch(options: argparse.Namespace) -> Watch | None:
    """Return what watches the server's clients: for the screen, for files, and for `/sessions` in the shell.

    Raises:
        UsageError: The folder for the files cannot be used.
    """
    if options.serve_only and not options.watch and options.keep is None:
        return None
    from smtp_shell.cli.watching import make_watch

    return make_watch(shows=options.watch, keep=options.keep, on_failure=complain)


def _refuse_shell_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse the options that only a shell has a use for, so that none is ignored in silence.

    Raises:
        UsageError: One is given.
    """
    served = _SERVED | {"json"} if options.watch else _SERVED
    given = [
        _SPELLED.get(name, f"--{name.replace('_', '-')}")
        for name, value in vars(options).items()
        if name not in served and value != parser.get_default(name)
    ]
    if given:
        raise UsageError(f"practice --serve-only opens no shell; leave out {', '.join(given)}.")


def _settings(options: argparse.Namespace) -> tuple[PracticeSettings, str]:
    """Return how the server is to be, and a remark if nothing can be kept from this run to the next."""
    from smtp_shell.servers.faults import parse_faults
    from smtp_shell.servers.practice import PracticeSettings

    host = listening_address(options, "practice", _RISK)
    settings = PracticeSettings(
        host=host or "127.0.0.1",
        anywhere=bool(host),
        port=options.port,
        user=checked_user(options.user, "practice"),
        faults=parse_faults(options.fault or ()),
        seed=options.seed,
        maildir=options.maildir,
        certificate=options.cert,
        key=options.key,
        auth_before_tls=options.insecure_auth,
    )
    return with_what_is_kept(settings)


def checked_user(name: str | None, command: str) -> str:
    """Return the user's name, or `student` if none was given.

    Args:
        name: The name.
        command: The command, for messages.

    Raises:
        UsageError: It is empty, or holds a character that AUTH cannot carry.
    """
    if name is None:
        return USER
    if not name or any(char < " " or char == "\x7f" for char in name):
        raise UsageError(f"{command} --user: a user name has at least one character, and no control characters.")
    return name


def _serve(server: PracticeServer, options: argparse.Namespace, remark: str, capture: Capture | None) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    screen = _screen(server, options)
    with ending_by_signal() as stop, server:
        words = sys.stderr if options.json else sys.stdout
        for line in chain(facts(server, capture), (_for_python(server), remark, "Ctrl-C stops it.")):
            if line:
                say(line, words)
        status = show_until(stop, screen)
    if screen is not None:
        screen.show()
    return status


def _screen(server: PracticeServer, options: argparse.Namespace) -> LiveScreen | None:
    """Return what shows the dialogues; None if they are not to be shown."""
    if server.watch is None or not options.watch:
        return None
    from smtp_shell.servers.live import LiveScreen

    return LiveScreen(server.watch, make_view(options))


def _open_shell(
    server: PracticeServer, options: argparse.Namespace, remarks: Iterable[str], capture: Capture | None
) -> int:
    from smtp_shell.net.target import Target, Way

    options.user = server.user
    target = Target(Way.TCP, server.host, server.port, starttls=options.starttls)
    introduction = chain((f"  {line}" for line in facts(server, capture)), remarks)
    return run_shell(options, target, introduction, practice=server, watches=options.watch)


def _for_python(server: PracticeServer) -> str:
    """Return the line with which a Python client trusts the server."""
    return f"in Python        context = ssl.create_default_context(cafile={str(server.ca_file.absolute())!a})"


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    import argparse

    from smtp_shell.servers.faults import describe_faults

    parser = command_parser(
        "practice", examples=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=describe_faults()
    )
    parser.add_argument("--port", type=port_number, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--serve-only", action="store_true", help="serve, without a shell, until Ctrl-C")
    fault_options(parser.add_argument)
    parser.add_argument(
        "--watch", action="store_true", help="print what each client says, live, with remarks on what is wrong"
    )
    parser.add_argument("--keep", type=file_path, metavar="DIR", help="write each dialogue as a transcript into DIR")
    listening_options(parser)
    parser.add_argument("--maildir", type=file_path, help="folder for mail (default: a temporary one)")
    certificate_options(parser.add_argument)
    connection_options(parser)
    line_options(parser)
    return parser

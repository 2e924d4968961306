"""`smtp-shell serve`: the server's side of a transcript, for the client under test to talk to."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, TextIO

from smtp_shell.arguments import file_path, port_number, seconds, whole_number
from smtp_shell.cli.listening import certificate_options, fault_options, listening_address, listening_options
from smtp_shell.cli.options import add_color_option, command_parser, make_view
from smtp_shell.cli.watching import SHOW_SECONDS, ending_by_signal
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted

if TYPE_CHECKING:
    import queue
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from smtp_shell.protocol.sasl import Credentials
    from smtp_shell.protocol.secret import Secret
    from smtp_shell.servers.live import LiveScreen
    from smtp_shell.servers.mock import MockServer, MockSettings, ServedSession
    from smtp_shell.servers.watching import Watch

_RISK = "The mock server would listen on {}: every machine that reaches it could connect."

_MATCHES = {"verb": "VERB", "parameters": "PARAMETERS", "exact": "EXACT"}


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell serve`.

    Args:
        words: The arguments after `serve`.

    Returns:
        The exit status: 0 if all clients said what is in the transcript, 1 if one did not, or none came.

    Raises:
        SmtpShellError: An option is wrong, the transcript cannot be served, or the server cannot start.
    """
    options = _parser().parse_args(words)
    _check(options)
    who, shown = _credentials(options)
    settings = _settings(options, who)
    if options.stdio:
        return _serve_stdio(options, settings, shown)
    import queue

    from smtp_shell.servers.mock import MockServer

    over: queue.Queue[ServedSession] = queue.Queue()
    server = MockServer(
        options.file,
        variables=dict(options.var or ()),
        settings=settings,
        outside=options.allow_outside,
        watch=_watch(options),
        on_session=over.put,
    )
    return _serve(server, options, over, who, shown)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: Two of them do not.
    """
    if options.key is not None and options.cert is None:
        raise UsageError("serve --key needs --cert FILE as well: a key is of no use without its certificate.")
    taken = [
        name
        for name, given in (
            ("--port", options.port),
            ("--listen", options.listen),
            ("--keep", options.keep),
            ("--sessions", options.sessions),
        )
        if given
    ]
    if options.stdio and taken:
        raise UsageError(f"serve --stdio has one client, at standard input, and no port; leave out {', '.join(taken)}.")


def _credentials(options: argparse.Namespace) -> tuple[Credentials | None, str]:
    """Return who may authenticate, and the password as it is shown. Without a name and a password, whoever does is accepted.

    Raises:
        UsageError: The name cannot be a user's.
    """
    from smtp_shell.config import PASSWORD_VARIABLE
    from smtp_shell.protocol.sasl import Credentials
    from smtp_shell.protocol.secret import Secret

    given = os.environ.get(PASSWORD_VARIABLE)
    if options.user is None and not given:
        return None, ""
    from smtp_shell.cli.practice import checked_user

    user = checked_user(options.user, "serve")
    if given:
        return Credentials(user, Secret(given)), f"from {PASSWORD_VARIABLE}"
    password = _kept_password()
    return Credentials(user, password), escape_str(password.reveal())


def _kept_password() -> Secret:
    """Return the password of the practice server; one for this run if it cannot be kept."""
    from smtp_shell.config import state_dir
    from smtp_shell.errors import ConfigError
    from smtp_shell.private_files import private_folder
    from smtp_shell.servers.passwords import keep_password, make_password

    try:
        return keep_password(private_folder(state_dir().absolute() / "practice"))
    except (OSError, ConfigError):
        return make_password()


def _settings(options: argparse.Namespace, who: Credentials | None) -> MockSettings:
    from smtp_shell.servers.faults import parse_faults
    from smtp_shell.servers.mock import ClientMatch, Extra, MockSettings

    host = listening_address(options, "serve", _RISK)
    return MockSettings(
        extra=Extra(options.extra),
        match=ClientMatch[_MATCHES[options.match]],
        ignored=options.ignore_parameters,
        data_exact=options.data == "exact",
        reuse=options.reuse,
        once=options.once,
        by_content=options.pick == "content",
        times=options.times,
        refresh=not options.no_refresh,
        credentials=who,
        faults=parse_faults(options.fault or ()),
        seed=options.seed,
        host=host or "127.0.0.1",
        anywhere=bool(host),
        port=options.port or 0,
        certificate=options.cert,
        key=options.key,
        kept=_kept_folder(),
        idle_limit=options.timeout or 300.0,
        sessions=options.sessions or 0,
    )


def _kept_folder() -> Path | None:
    """Return the folder in which the certificate is kept; None if there can be none."""
    from smtp_shell.config import state_dir
    from smtp_shell.errors import ConfigError
    from smtp_shell.private_files import private_folder

    try:
        return private_folder(state_dir().absolute() / "serve")
    except (OSError, ConfigError):
        return None


def _watch(options: argparse.Namespace) -> Watch | None:
    """Return what watches the clients, for the screen and for files; None where nobody does.

    Raises:
        UsageError: The folder for the files cannot be used.
    """
    shows = not options.quiet and not options.json
    if not shows and options.keep is None:
        return None
    from smtp_shell.servers.watching import Watch

    keeper = None
    if options.keep is not None:
        from smtp_shell.servers.keeping import Keeper

        keeper = Keeper(options.keep, "serve", "with the mock server", _complain)
    return Watch(keep=keeper, shows=shows, lints=False)


def _complain(text: str) -> None:
    _say(f"smtp-shell: {text}", sys.stderr)


def _say(line: str, stream: TextIO | None = None) -> None:
    out = stream or sys.stdout
    out.write(line + "\n")
    out.flush()


def _serve(
    server: MockServer,
    options: argparse.Namespace,
    over: queue.Queue[ServedSession],
    who: Credentials | None,
    shown: str,
) -> int:
    """Serve until as many sessions are over as were asked for, or until Ctrl-C or SIGTERM."""
    from smtp_shell.servers.mock.report import credentials_warning

    screen = _screen(server, options)
    words = sys.stderr if options.json else sys.stdout
    with ending_by_signal() as stop:
        server.start()
        try:
            if warning := credentials_warning(server.script, knows_password=who is not None):
                _complain(warning)
            for line in _facts(server, who, shown):
                _say(line, words)
            while not server.is_done and not stop.wait(SHOW_SECONDS):
                _show(screen, over, options)
        except KeyboardInterrupt:
            pass  # the report follows
        finally:
            server.stop()
    _show(screen, over, options)
    return _conclude(*server.totals, options)


def _show(screen: LiveScreen | None, over: queue.Queue[ServedSession], options: argparse.Namespace) -> None:
    """Show what is new: the dialogues, and the sessions that are over."""
    ended = [over.get() for _ in range(over.qsize())]
    if screen is not None:
        if ended:
            screen.settle()
        screen.show()
    for session in ended:
        _tell(session, options)


def _tell(session: ServedSession, options: argparse.Namespace, stream: TextIO | None = None) -> None:
    from smtp_shell.servers.mock.report import session_lines, session_objects

    if options.json:
        from smtp_shell.cli.json_rows import json_row

        for each in session_objects(session):
            _say(json_row(each), stream)
        return
    if options.quiet and session.ok and not options.stdio:
        return
    for line in session_lines(session):
        _say(line, stream)


def _conclude(over: int, differed: int, options: argparse.Namespace, stream: TextIO | None = None) -> int:
    """Print how many sessions there were, and return the exit status."""
    status = 0 if over and not differed else 1
    if options.json:
        from smtp_shell.cli.json_rows import json_row

        _say(json_row({"summary": True, "sessions": over, "differed": differed, "exit_status": status}), stream)
        return status
    if not over:
        _say("No client connected.", stream)
    else:
        sessions = "1 session" if over == 1 else f"{over:,} sessions"
        _say(f"{sessions}: {over - differed:,} as in the transcript, {differed:,} differed", stream)
    return status


def _screen(server: MockServer, options: argparse.Namespace) -> LiveScreen | None:
    if server.watch is None or options.quiet or options.json:
        return None
    from smtp_shell.servers.live import LiveScreen

    return LiveScreen(server.watch, make_view(options))


def _facts(server: MockServer, who: Credentials | None, shown: str) -> Iterator[str]:
    count = len(server.script.sessions)
    yield f"transcript       {server.script.file}{'' if count == 1 else f' ({count} sessions)'}"
    yield f"mock server      {server.url}" + ("" if server.is_open_to_all else " (this machine only)")
    if server.is_open_to_all:
        found = ", ".join(f"{f'[{each}]' if ':' in each else each}:{server.port}" for each in server.reachable)
        yield f"another machine  {found or 'this machine has no network'}"
        yield "WARNING          whoever reaches this machine can connect; Ctrl-C ends it"
    if who is not None:
        yield f"user             {escape_str(who.user)}"
        yield f"password         {shown}"
    elif server.script.mechanisms:
        yield "AUTH             whoever authenticates is answered as recorded; --user NAME checks the password"
    if server.script.has_tls:
        yield f"certificate      {escape_str(str(server.ca_file))}"
    yield "Ctrl-C ends it, with a report."


def _serve_stdio(options: argparse.Namespace, settings: MockSettings, password: str) -> int:
    """Serve one client at standard input; the report goes to standard error."""
    from smtp_shell.servers.mock import MockServer
    from smtp_shell.servers.mock.report import credentials_warning
    from smtp_shell.servers.mock.stdio import serve_stdio

    server = MockServer(
        options.file, variables=dict(options.var or ()), settings=settings, outside=options.allow_outside
    )
    if warning := credentials_warning(server.script, knows_password=settings.credentials is not None):
        _complain(warning)
    if settings.credentials is not None:
        _say(f"user             {escape_str(settings.credentials.user)}\npassword         {password}", sys.stderr)
    try:
        session = serve_stdio(server.shared, sys.stdin.fileno(), sys.stdout.fileno())
    finally:
        server.stop()
    if session is not None and (options.json or not options.quiet):
        _tell(session, options, sys.stderr)
    return 0 if session is not None and session.ok else 1


def _parameters(text: str) -> frozenset[str]:
    """Return the names of parameters, upper-case.

    Raises:
        argparse.ArgumentTypeError: One of them cannot be one.
    """
    if text.lower() == "none":
        return frozenset()
    names = [name.strip().rstrip("=").upper() for name in text.split(",")]
    if not all(name and name.isascii() and name.replace("-", "").isalnum() for name in names):
        raise argparse.ArgumentTypeError(
            f"{quoted(text, SINGLE)} is no list of parameters such as SIZE,BODY, and not none"
        )
    return frozenset(names)


def _assignment(text: str) -> tuple[str, str]:
    from smtp_shell.transcript.variables import parse_assignment

    try:
        return parse_assignment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    from smtp_shell.servers.faults import describe_faults

    parser = command_parser("serve", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=describe_faults())
    parser.add_argument("file", type=file_path, metavar="FILE", help="the transcript")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--port", type=port_number, help="port to listen on (default: any free one)")
    place.add_argument("--stdio", action="store_true", help="serve one client at standard input and output")
    listening_options(parser)
    _expectation_options(parser)
    _answer_options(parser)
    parser.add_argument("--keep", type=file_path, metavar="DIR", help="write each dialogue as a transcript into DIR")
    parser.add_argument("--quiet", action="store_true", help="show no dialogues, only what differed")
    parser.add_argument("--json", action="store_true", help="the report as JSON, one object a line")
    add_color_option(parser)
    return parser


def _expectation_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the client says")
    group.add_argument(
        "--match",
        choices=tuple(_MATCHES),
        default="parameters",
        help="what of a line must be as in the transcript: the verb; its parameters too, but no EHLO name (default); every octet",
    )
    group.add_argument(
        "--ignore-parameters",
        type=_parameters,
        default=frozenset({"SIZE"}),
        metavar="NAMES",
        help="parameters of MAIL and RCPT that are not compared, such as SIZE,BODY, or none (default SIZE)",
    )
    group.add_argument(
        "--data", choices=("any", "exact"), default="any", help="mail data that is accepted (default any)"
    )
    group.add_argument("--var", type=_assignment, action="append", metavar="NAME=VALUE", help="value of a variable")
    group.add_argument(
        "--allow-outside", action="store_true", help="mail data (C<) may stand outside the transcript's folder"
    )
    group.add_argument(
        "--user", metavar="NAME", help="who may authenticate, with a password that is shown or in SMTP_SHELL_PASSWORD"
    )
    group.add_argument(
        "--timeout", type=seconds, metavar="S", help="seconds that a client may say nothing (default 300)"
    )


def _answer_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the server says")
    group.add_argument(
        "--extra",
        choices=("ok", "421", "close"),
        default="ok",
        help="answer to a command that the transcript does not have: a good reply (default), 421 and the end, the end",
    )
    group.add_argument("--reuse", action="store_true", help="commands may come again, such as a second message")
    group.add_argument("--once", action="store_true", help="play each session of the transcript once, and end")
    group.add_argument("--sessions", type=whole_number(1_000_000), metavar="N", help="end after N connections")
    group.add_argument(
        "--pick",
        choices=("order", "content"),
        default="order",
        help="how a connection gets its session of the transcript: in their order (default), or by what the client says",
    )
    group.add_argument("--times", action="store_true", help="take as long for each reply as recorded")
    group.add_argument("--no-refresh", action="store_true", help="leave dates in replies as they are recorded")
    fault_options(group.add_argument)
    certificate_options(group.add_argument)

"""`smtp-shell serve`: the server's side of a transcript, for the client under test to talk to."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, TextIO

from smtp_shell.cli.listening import (
    complain,
    from_elsewhere,
    kept_folder,
    listening_address,
    say,
)
from smtp_shell.cli.options import make_view
from smtp_shell.cli.serve_options import MATCHES, check_options, make_parser
from smtp_shell.cli.watching import SHOW_SECONDS, ending_by_signal
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import queue
    from collections.abc import Iterator, Sequence

    from smtp_shell.protocol.sasl import Credentials
    from smtp_shell.protocol.secret import Secret
    from smtp_shell.servers.live import LiveScreen
    from smtp_shell.servers.mock import MockServer, MockSettings, ServedSession
    from smtp_shell.servers.watching import Watch

_RISK = "The mock server would listen on {}: every machine that reaches it could connect."


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell serve`.

    Args:
        words: The arguments after `serve`.

    Returns:
        The exit status: 0 if all clients said what is in the transcript, 1 if one did not, or none came.

    Raises:
        SmtpShellError: An option is wrong, the transcript cannot be served, or the server cannot start.
    """
    options = make_parser().parse_args(words)
    check_options(options)
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
    from smtp_shell.servers.passwords import keep_password, make_password

    folder, _ = kept_folder("practice")
    try:
        return keep_password(folder) if folder is not None else make_password()
    except OSError:
        return make_password()


def _settings(options: argparse.Namespace, who: Credentials | None) -> MockSettings:
    from smtp_shell.servers.faults import parse_faults
    from smtp_shell.servers.mock import ClientMatch, Extra, MockSettings

    host = listening_address(options, "serve", _RISK)
    return MockSettings(
        extra=Extra(options.extra),
        match=ClientMatch[MATCHES[options.match]],
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
        kept=kept_folder("serve")[0],
        idle_limit=options.timeout or 300.0,
        sessions=options.sessions or 0,
    )


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

        keeper = Keeper(options.keep, "serve", "with the mock server", complain)
    return Watch(keep=keeper, shows=shows, lints=False)


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
                complain(warning)
            for line in _facts(server, who, shown):
                say(line, words)
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
            say(json_row(each), stream)
        return
    if options.quiet and session.ok and not options.stdio:
        return
    for line in session_lines(session):
        say(line, stream)


def _conclude(over: int, differed: int, options: argparse.Namespace, stream: TextIO | None = None) -> int:
    """Print how many sessions there were, and return the exit status."""
    status = 0 if over and not differed else 1
    if options.json:
        from smtp_shell.cli.json_rows import json_row

        say(json_row({"summary": True, "sessions": over, "differed": differed, "exit_status": status}), stream)
        return status
    if not over:
        say("No client connected.", stream)
    else:
        sessions = "1 session" if over == 1 else f"{over:,} sessions"
        say(f"{sessions}: {over - differed:,} as in the transcript, {differed:,} differed", stream)
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
        yield f"another machine  {from_elsewhere(server.reachable, server.port)}"
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
        complain(warning)
    if settings.credentials is not None:
        say(f"user             {escape_str(settings.credentials.user)}\npassword         {password}", sys.stderr)
    try:
        session = serve_stdio(server.shared, sys.stdin.fileno(), sys.stdout.fileno())
    finally:
        server.stop()
    if session is not None and (options.json or not options.quiet):
        _tell(session, options, sys.stderr)
    return 0 if session is not None and session.ok else 1

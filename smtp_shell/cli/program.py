"""The program behind the command line: what to do, with which options; each command imports its world when it is called."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from smtp_shell import __version__
from smtp_shell.arguments import ArgumentParser, file_path, port_number
from smtp_shell.cli.options import (
    address_family,
    connection_options,
    credential_source,
    is_terminal,
    terminal_ask,
    tls_settings,
    wants_color,
)
from smtp_shell.errors import SmtpShellError, UsageError

if TYPE_CHECKING:
    from smtp_shell.display.views import View
    from smtp_shell.net.target import Target
    from smtp_shell.servers.inbox import Inbox
    from smtp_shell.servers.practice import PracticeServer
    from smtp_shell.shell.shell import Shell

_COMMANDS = {
    "practice": "an embedded server on loopback to practise on, and the shell connected to it",
    "replay": "replay transcripts against a server and compare what it says",
    "show": "show a transcript as a dialogue",
    "convert": "convert a transcript into another format",
}

_TRY = """\
Try ehlo, starttls, ehlo, auth, mail ann@example.org, rcpt bob@example.org, data,
quit, and then /inbox. /help lists all there is."""
_NOT_CONNECTED = """\
Not connected. Try /connect HOST[:PORT]; or leave with Ctrl-D, and start
`smtp-shell practice` for a server of your own. /help lists all there is."""

_EPILOG = """commands:
  smtp-shell practice    {practice}
  smtp-shell replay      {replay}
  smtp-shell show        {show}
  smtp-shell convert     {convert}
Each has its own --help. A server that is named like a command is reached as smtp://NAME.

exit status: 0 all happened, 1 a reply was not the expected one or 4yz/5yz, 2 wrong usage, 3 no connection, 4 TLS, 5 authentication,
6 the server broke the protocol, 7 unknown outcome after the final dot, 130 interrupted
""".format(**_COMMANDS)


class _LineSource(argparse.Action):
    """Keep `-c` and `-f` in the order in which they stand."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.lines = [*(namespace.lines or []), (option_string, values)]


def run(words: list[str]) -> int:
    """Run smtp-shell.

    Args:
        words: The arguments.

    Returns:
        The exit status.
    """
    _use_utf8()
    try:
        try:
            return _dispatch(words)
        finally:
            sys.stdout.flush()
    except SmtpShellError as error:
        sys.stderr.write("".join(f"smtp-shell: {line}\n" for line in str(error).split("\n")))
        return error.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("smtp-shell: interrupted.\n")
        return 130
    except OSError as error:
        return output_lost(error)
    finally:
        gc.freeze()  # the process is about to end: nothing is to be looked through for what can go


def leave(status: int) -> None:
    """End the process at once, where nothing speaks against it: to free each object first takes longer than many a reply.

    What is registered to be done at the end is done; where a thread still works, or somebody watches this process, it ends as usual.

    Args:
        status: The exit status.
    """
    threading = sys.modules.get("threading")
    is_watched = sys.flags.inspect or sys.getprofile() is not None or sys.gettrace() is not None
    if is_watched or (threading is not None and threading.active_count() > 1):
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def output_lost(error: OSError) -> int:
    """Say why the results cannot be written; whoever read them and has had enough needs no telling.

    Args:
        error: What the system said.

    Returns:
        The exit status.
    """
    # Python would complain once more when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 0
    reason = (error.strerror or type(error).__name__).lower()
    sys.stderr.write(f"smtp-shell: the results cannot be written: {reason}; make room, or send them elsewhere.\n")
    return 1


def _dispatch(words: list[str]) -> int:
    if words and words[0] == "practice":
        return _practice(words[1:])
    if words and words[0] == "replay":
        with _loading():
            from smtp_shell.cli.replay import main as replay
        return replay(words[1:])
    if words and words[0] == "show":
        return _show(words[1:])
    if words and words[0] == "convert":
        return _convert(words[1:])
    return _shell(words)


@contextmanager
def _loading() -> Iterator[None]:
    """Keep the garbage collector away from imports: what they make stays, and to look through it takes a twentieth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _use_utf8() -> None:
    """Let a stream that cannot show a character show its escape instead, as with a Windows console or LANG=C."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _shell(words: list[str]) -> int:
    options = _shell_parser().parse_args(words)
    target = None
    if options.target is not None:
        from smtp_shell.net.target import parse_target

        target = parse_target(options.target, tls=options.tls, starttls=options.starttls)
    elif options.tls or options.starttls:
        raise UsageError("--tls and --starttls need a server: smtp-shell --starttls HOST.")
    return _run_shell(options, target)


def _practice(words: list[str]) -> int:
    options = _practice_parser().parse_args(words)
    if options.tls:
        raise UsageError(
            "practice --tls: the practice server begins TLS with STARTTLS only; use --starttls, or type starttls."
        )
    if options.serve_only and (options.lines or options.json or options.record or options.starttls):
        raise UsageError("practice --serve-only opens no shell; leave out -c, -f, --json, --record and --starttls.")
    with _loading():
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
        return _serve_only(PracticeServer(settings))
    with PracticeServer(settings) as server:
        return _practise(server, options)


def _serve_only(server: PracticeServer) -> int:
    """Serve until Ctrl-C or SIGTERM, which is awaited before there is anything that it could leave behind."""
    import signal
    import threading

    stop = threading.Event()
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


def _practise(server: PracticeServer, options: argparse.Namespace) -> int:
    from smtp_shell.net.target import Target, Way

    options.ca_file = options.ca_file or server.ca_file
    options.user = options.user or server.user
    options.preset = server.password
    target = Target(Way.TCP, server.host, server.port, starttls=options.starttls)
    return _run_shell(options, target, server)


def _facts(server: PracticeServer) -> Iterator[str]:
    """Say where the server is, at once, and what belongs to it, as soon as it is there."""
    yield f"practice server  {server.host}:{server.port} (this machine only)"
    yield f"user             {server.user}"
    yield f"password         {server.password.reveal()}"
    yield f"certificate      {server.ca_file}"
    yield f"mail goes to     {server.maildir}"


def _run_shell(options: argparse.Namespace, target: Target | None, server: PracticeServer | None = None) -> int:
    scripted = bool(options.lines) or not is_terminal()
    with _loading():
        shell = _make_shell(options, server.inbox if server else None, interactive=not scripted)
    if not scripted:
        return _interact(shell, options, target, server)
    from smtp_shell.shell.scripted_lines import run_lines

    try:
        _begin(shell, options, target)
        status = 1 if shell.failed_replies else 0
        if status:
            shell.say_loudly(f"smtp-shell: {shell.refusal}")
        if not status or options.keep_going:
            status = run_lines(shell, _lines(options), keep_going=options.keep_going) or status
        return status
    finally:
        shell.close()


def _interact(shell: Shell, options: argparse.Namespace, target: Target | None, server: PracticeServer | None) -> int:
    from smtp_shell.shell.repl import run_repl

    def begin() -> None:
        for line in _facts(server) if server else ():
            shell.say(f"  {line}")
        if server:
            shell.say(_TRY)
        if target is None:
            shell.say(_NOT_CONNECTED)
        _begin(shell, options, target)

    return run_repl(shell, begin)


def _begin(shell: Shell, options: argparse.Namespace, target: Target | None) -> None:
    if options.record is not None:
        shell.target = target
        shell.record_to(options.record, overwrite=options.force)
    if target is not None:
        shell.connect(target)


def _lines(options: argparse.Namespace) -> Any:
    from pathlib import Path

    from smtp_shell.shell.scripted_lines import byte_lines, command_lines, file_lines

    if not options.lines:
        return byte_lines(sys.stdin.buffer, "standard input")
    return chain.from_iterable(
        command_lines([value])
        if kind == "-c"
        else byte_lines(sys.stdin.buffer, "standard input")
        if value == "-"
        else file_lines(Path(value))
        for kind, value in options.lines
    )


def _make_shell(options: argparse.Namespace, inbox: Inbox | None, *, interactive: bool) -> Shell:
    from smtp_shell.shell.settings import ShellOptions, ShellSettings
    from smtp_shell.shell.shell import Shell

    ask = terminal_ask() if interactive else None
    settings = ShellSettings(
        timeout=options.timeout or 0.0, ehlo=options.ehlo or "", insecure_auth=options.insecure_auth, times=interactive
    )
    shell_options = ShellOptions(
        tls=tls_settings(options),
        credentials=credential_source(options, ask),
        source=options.source,
        family=address_family(options),
        interactive=interactive,
        recording=not options.no_record,
        inbox=inbox,
    )
    return Shell(_view(options), shell_options, settings, ask=ask)


def _view(options: argparse.Namespace) -> View:
    if options.json:
        from smtp_shell.export.text import JsonView

        return JsonView(sys.stdout, sys.stderr)
    coloured = wants_color(options)
    if not coloured and not sys.stdout.isatty():
        from smtp_shell.display.views import PlainView

        return PlainView(sys.stdout, sys.stderr)
    from smtp_shell.display.views import console_view

    return console_view(color=coloured, force=options.color == "always")


def _show(words: list[str]) -> int:
    parser = ArgumentParser(prog="smtp-shell show", description="Show a transcript as a dialogue.")
    parser.add_argument("file", help="the transcript")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    parser.set_defaults(json=False)
    options = parser.parse_args(words)
    from pathlib import Path

    from smtp_shell.recording.decoder import entries
    from smtp_shell.transcript.reader import open_transcript

    view = _view(options)
    with open_transcript(Path(options.file)) as reader:
        for entry in entries(reader):
            view(entry)
    return 0


def _convert(words: list[str]) -> int:
    parser = ArgumentParser(prog="smtp-shell convert", description=_COMMANDS["convert"].capitalize() + ".")
    parser.add_argument("input", metavar="IN", help="the transcript")
    parser.add_argument("output", metavar="OUT", help="the file to write; - is standard output")
    parser.add_argument("--to", metavar="FORMAT", help="json, svg or html (default: by OUT's suffix)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    options = parser.parse_args(words)
    from contextlib import nullcontext
    from io import TextIOWrapper
    from pathlib import Path

    from smtp_shell.export import find_export
    from smtp_shell.private_files import create_private
    from smtp_shell.protocol.octets import escape_str
    from smtp_shell.recording.decoder import entries
    from smtp_shell.transcript.reader import open_transcript

    export = find_export(options.to or Path(options.output).suffix.removeprefix("."))
    with open_transcript(Path(options.input)) as reader:
        header = reader.header
        title = (header.title or header.server) if header else ""
        out = (
            nullcontext(sys.stdout)
            if options.output == "-"
            else TextIOWrapper(create_private(Path(options.output), overwrite=options.force), "utf-8", newline="\n")
        )
        with out as stream:
            export(entries(reader), stream, escape_str(title) or "smtp-shell")
    return 0


def _shell_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="smtp-shell",
        description="See SMTP with your own eyes: type commands, go on after STARTTLS and AUTH, keep a transcript, replay it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "target", nargs="?", help="HOST[:PORT], smtp://, smtps://, lmtp://, lmtp+unix:/path or pipe:COMMAND"
    )
    parser.add_argument("--version", action="version", version=f"smtp-shell {__version__}")
    connection_options(parser)
    _script_options(parser)
    return parser


def _practice_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="smtp-shell practice", description=_COMMANDS["practice"].capitalize() + ".")
    parser.add_argument("--port", type=port_number, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--serve-only", action="store_true", help="serve, without a shell, until Ctrl-C")
    parser.add_argument(
        "--fault", action="append", metavar="VERB=…", help="misbehave: VERB=CODE, VERB=drop or VERB=delay:SECONDS"
    )
    parser.add_argument("--maildir", type=file_path, help="where mail goes (default: a temporary folder)")
    parser.add_argument("--cert", type=file_path, metavar="FILE", help="certificate of your own, PEM")
    parser.add_argument("--key", type=file_path, metavar="FILE", help="its key, PEM")
    connection_options(parser)
    _script_options(parser)
    return parser


def _script_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("lines without a prompt")
    group.add_argument("-c", dest="lines", action=_LineSource, metavar="LINE", help="run this line; may be repeated")
    group.add_argument(
        "-f", dest="lines", action=_LineSource, metavar="FILE", help="run the lines of a file; - is standard input"
    )
    group.add_argument("--ehlo", metavar="NAME", help="name that EHLO, HELO and LHLO give")
    group.add_argument("--no-record", action="store_true", help="do not record sessions into the state directory")

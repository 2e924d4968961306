"""`smtp-shell [SERVER]`: the shell, at a prompt or on lines from `-c`, `-f` or standard input."""

from __future__ import annotations

import argparse
import itertools
import os.path
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from smtp_shell import __version__
from smtp_shell.arguments import ArgumentParser, file_path
from smtp_shell.cli.configured import Start, read_start, settle, take_aliases, take_tls
from smtp_shell.cli.exit_statuses import EXIT_STATUSES
from smtp_shell.cli.first_start import unconnected
from smtp_shell.cli.main import COMMANDS
from smtp_shell.cli.options import (
    connect_settings,
    connection_options,
    credential_source,
    is_terminal,
    make_view,
    no_config_option,
    profile_option,
    terminal_ask,
    tls_settings,
    wants_color,
)
from smtp_shell.cli.startup import collector_off
from smtp_shell.errors import ConnectFailed, TlsFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from io import BufferedReader

    from smtp_shell.net.target import Target
    from smtp_shell.servers.practice import PracticeServer
    from smtp_shell.shell.shell import Shell

_USAGE = "smtp-shell [OPTIONS] [COMMAND | HOST[:PORT] | URL | PROFILE]"

_EPILOG = """commands:
{commands}
Each has its own --help. A server that is named like a command is reached as smtp://NAME.

exit status:
{statuses}
"""


class _LineSource(argparse.Action):
    """Keep `-c` and `-f` in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.lines = [*(namespace.lines or []), (option_string, values)]


def main(words: Sequence[str]) -> int:
    """Run the shell.

    Args:
        words: All arguments of the command line.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, or there is no connection.
    """
    parser = make_parser()
    options, unknown = parser.parse_known_args(words)
    if len(unknown) == 1 and options.target is not None:
        from smtp_shell.net.target import as_one_word

        whole = as_one_word(options.target, unknown[0])  # HOST PORT, as for telnet
        options.target, unknown = (whole, []) if whole else (options.target, unknown)
    if unknown or options.target in COMMANDS:
        from smtp_shell.cli.misplaced import run_misplaced

        return run_misplaced(parser, words, options.target, unknown)
    start = read_start(options, interactive=_is_interactive(options))
    if start.configuration is not None:
        if options.profile is None and options.target in start.configuration.profiles and not options.mx:
            options.profile, options.target = options.target, None
        if options.profile is not None:
            take_tls(options, start.configuration.profile(options.profile))
    target = _target(options)
    introduction = () if target or options.profile else unconnected()
    return run_shell(options, target, introduction, start=start)


def _is_interactive(options: argparse.Namespace) -> bool:
    return not options.lines and is_terminal()


def _target(options: argparse.Namespace) -> Target | None:
    """Return the server that is named; None where none is, or a profile names it.

    Raises:
        UsageError: It is no address, or an option needs one.
    """
    if options.target is not None:
        from smtp_shell.net.target import parse_domain, parse_target

        parse = parse_domain if options.mx else partial(parse_target, mx=True)
        return parse(options.target, tls=options.tls, starttls=options.starttls)
    if options.mx:
        raise UsageError("--mx needs a domain: smtp-shell --mx DOMAIN.")
    if (options.tls or options.starttls) and options.profile is None:
        raise UsageError("--tls and --starttls need a server: smtp-shell --starttls HOST.")
    return None


def run_shell(
    options: argparse.Namespace,
    target: Target | None,
    introduction: Iterable[str] = (),
    *,
    practice: PracticeServer | None = None,
    watches: bool = False,
    start: Start | None = None,
) -> int:
    """Run a shell, without a prompt if there are lines to run or nobody is at the terminal.

    Args:
        options: The parsed options of `connection_options` and `line_options`.
        target: The server to connect to; None: start unconnected.
        introduction: What to print at the prompt before the connection is opened.
        practice: The practice server that runs in this process. Its password and token are used without a prompt where the options name
            none; at a prompt the user is asked.
        watches: Whether to show the dialogues that its other clients have.
        start: The configuration; None to read it.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: There is no connection, or the recording cannot be created.
    """
    interactive = _is_interactive(options)
    with collector_off():
        start = start or read_start(options, interactive=interactive)
        shell, start = _shell_and_start(options, practice, start, interactive=interactive, watches=watches)
    if practice is None and options.profile is not None:
        from smtp_shell.shell.profiles import use_profile

        own = use_profile(shell, options.profile)
        target = target or replace(own, tls=options.tls, starttls=options.starttls and not options.tls)
    if interactive:
        return _run_at_prompt(shell, options, target, introduction, start)
    if not watches:
        return _run_lines(shell, options, target)
    from smtp_shell.cli.watching import showing

    with showing(shell.options.live):
        return _run_lines(shell, options, target)


def line_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a shell that are not about the connection."""
    group = parser.add_argument_group("lines without a prompt")
    group.add_argument("-c", dest="lines", action=_LineSource, metavar="LINE", help="run this line; may be repeated")
    group.add_argument(
        "-f",
        dest="lines",
        action=_LineSource,
        metavar="FILE",
        help="run the lines of a file, comments (#) left out; - is standard input",
    )
    group.add_argument(
        "--capture", type=file_path, metavar="FILE", help="capture the octets, with the keys of TLS, for Wireshark"
    )
    group.add_argument("--mechanism", default="", metavar="NAME", help="SASL mechanism that `auth` alone uses")
    group.add_argument("--ehlo", metavar="NAME", help="name that EHLO, HELO and LHLO give")
    group.add_argument("--no-record", action="store_true", help="do not record sessions into the state directory")
    no_config_option(group.add_argument)


def _run_at_prompt(
    shell: Shell, options: argparse.Namespace, target: Target | None, introduction: Iterable[str], start: Start
) -> int:
    from smtp_shell.shell.repl import run_repl
    from smtp_shell.shell.startup_lines import run_startup
    from smtp_shell.shell.terminal_end import run_until_end

    def begin() -> None:
        for text in introduction:
            shell.say(text)
        for problem in filter(None, (start.problem, shell.aliases.take_problem())):
            shell.say_loudly(problem)
        if not start.is_off:
            run_startup(shell, start.configuration)
        _connect(shell, options, target)

    return run_until_end(shell, lambda: run_repl(shell, begin))


def _run_lines(shell: Shell, options: argparse.Namespace, target: Target | None) -> int:
    from smtp_shell.shell.scripted_lines import run_lines

    try:
        _check_files(options)
        try:
            _connect(shell, options, target, greets=not _begins_early(options))
        except TlsFailed:
            _look_at_tls(shell, options)
            raise
        status = 1 if shell.refusals.number else 0
        if status:
            shell.say_loudly(f"smtp-shell: {shell.refusals.last}")
        if not status or options.keep_going:
            status = run_lines(shell, _lines(options), keep_going=options.keep_going) or status
    finally:
        shell.close()
    return status or int(shell.recordings.is_incomplete)


def _look_at_tls(shell: Shell, options: argparse.Namespace) -> None:
    """Run the lines that only look at TLS, up to the first that does more: they are there for a server that is refused too."""
    from smtp_shell.shell.scripted_lines import run_lines

    if any(kind == "-f" and not os.path.isfile(value) for kind, value in options.lines or [("-f", "-")]):
        return  # standard input, which is not waited for
    looks = itertools.takewhile(lambda each: each[1].split()[:1] == ["/tls"], _lines(options))
    run_lines(shell, looks, keep_going=True)


def _begins_early(options: argparse.Namespace) -> bool:
    """Return whether the first line sends what goes before the greeting. Standard input is not waited for to know that."""
    from smtp_shell.shell.scripted_lines import begins_with_proxy

    kind, value = (options.lines or [("-f", "-")])[0]
    is_known = kind == "-c" or (value != "-" and os.path.isfile(value))
    return is_known and begins_with_proxy(_lines(options))


def _connect(shell: Shell, options: argparse.Namespace, target: Target | None, *, greets: bool = True) -> None:
    if options.no_times and options.record is None:
        raise UsageError("--no-times has a meaning with --record FILE only; leave it out.")
    if options.record is not None:
        shell.target = target
        shell.record_to(options.record, overwrite=options.force, times=not options.no_times)
    if options.capture is not None:
        from smtp_shell.shell.commands.capture import begin

        begin(shell, options.capture, target=target)
    if target is None:
        return
    from smtp_shell.shell.mail_hosts import connect

    try:
        connect(shell, target, greets=greets)
    except ConnectFailed as error:
        error.message += _hint(shell, target.host)
        raise


def _hint(shell: Shell, host: str) -> str:
    """Return a hint if a host that cannot be reached is named almost like a profile or a command; empty if not."""
    from difflib import get_close_matches

    from smtp_shell.shell.profiles import near_profile

    if profile := near_profile(shell, host):
        return f" If the profile was meant: smtp-shell {profile}."
    near = [] if "." in host or ":" in host else get_close_matches(host, COMMANDS, n=1, cutoff=0.7)
    return f" If the command was meant: smtp-shell {near[0]}." if near else ""


def _check_files(options: argparse.Namespace) -> None:
    """Check the files of `-f` before anything is sent."""
    from pathlib import Path

    from smtp_shell.shell.line_files import check_file

    for kind, value in options.lines or ():
        if kind == "-f" and value != "-":
            check_file(Path(value))


def _lines(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield (where the line stands, the line), in the order of the options; without any, of standard input."""
    from pathlib import Path

    from smtp_shell.shell.line_files import file_lines, stream_lines
    from smtp_shell.shell.scripted_lines import command_lines

    for kind, value in options.lines or [("-f", "-")]:
        if kind == "-c":
            yield from command_lines([value])
        elif value == "-":
            yield from stream_lines(_standard_input, "standard input")
        else:
            yield from file_lines(Path(value))


def _standard_input(size: int) -> bytes:
    """Return what has come, without waiting for as much as was asked for."""
    stdin = cast("BufferedReader", sys.stdin.buffer)
    return stdin.read1(size)


def make_shell(options: argparse.Namespace, *, asks: bool = False) -> Shell:
    """Return a shell for a run without a prompt, not connected.

    Args:
        options: The parsed options of `connection_options`, with `ehlo`, `no_record` and `no_config`.
        asks: Whether what is missing is asked for at the terminal.

    Raises:
        SmtpShellError: An option or the configuration cannot be used.
    """
    return _shell_and_start(options, None, read_start(options, interactive=False), asks=asks)[0]


def _shell_and_start(
    options: argparse.Namespace,
    practice: PracticeServer | None,
    start: Start,
    *,
    interactive: bool = False,
    watches: bool = False,
    asks: bool = False,
) -> tuple[Shell, Start]:
    """Return a shell, not connected, and the configuration that it starts with.

    Args:
        options: The parsed options of `connection_options`, with `ehlo` and `no_record`.
        practice: The practice server that runs in this process.
        start: The configuration.
        interactive: Whether a user is at the prompt.
        watches: Whether to show the dialogues that the practice server's other clients have.
        asks: Whether what is missing is asked for at the terminal, without a prompt too.
    """
    from smtp_shell.shell.settings import ShellOptions, ShellSettings
    from smtp_shell.shell.shell import Shell

    if options.mechanism:
        from smtp_shell.protocol.sasl import mechanism

        mechanism(options.mechanism)  # an unknown one is refused before anything is sent
    ask = terminal_ask() if interactive or asks else None
    known = practice if not interactive else None
    credentials = credential_source(options, ask, known.password if known is not None else None)
    if known is not None:
        credentials = replace(credentials, preset_token=known.token)
    found, start = settle(
        options, ShellSettings(times=interactive), start, interactive=interactive, practises=practice is not None
    )
    view, live = make_view(options), None
    if watches and practice is not None and practice.watch is not None:
        from smtp_shell.servers.live import LiveScreen

        live = LiveScreen(practice.watch, view)
    shell_options = ShellOptions(
        tls=tls_settings(options),
        credentials=credentials,
        mechanism=options.mechanism.upper(),
        connection=connect_settings(options, ask),
        interactive=interactive,
        color=wants_color(options),
        recording=not options.no_record,
        practice=practice,
        inbox=practice.inbox if practice is not None else None,
        live=live,
        start_practice=_start_practice,
        configuration=start.configuration,
    )
    shell = Shell(view, shell_options, found.settings, ask=ask)
    shell.origins = found.origins
    take_aliases(shell, start)
    return shell, start


def _start_practice(at_prompt: bool) -> tuple[PracticeServer, Iterable[str]]:
    from smtp_shell.cli.practice_server import start_practice

    return start_practice(at_prompt)


class _Parser(ArgumentParser):
    """Parser whose `--help` fits a screen; `--help-all` prints the help of the others."""

    def print_help(self, file: Any = None) -> None:
        import shutil

        from smtp_shell.cli.brief_help import brief_help

        out = file or sys.stdout
        width = shutil.get_terminal_size().columns if out.isatty() else 80
        out.write(brief_help(self.short_usage(), self.examples, width))


class _HelpAll(argparse.Action):
    """Print the whole help, and end."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        sys.stdout.write(parser.format_help())
        parser.exit()


def make_parser() -> ArgumentParser:
    """Return the parser of a command line that begins with no command."""
    commands = "\n".join(f"  {name:<11} {summary}" for name, (summary, _) in COMMANDS.items())
    statuses = "\n".join(f"  {status:>3}  {meaning}" for status, meaning in EXIT_STATUSES.items())
    parser = _Parser(
        prog="smtp-shell",
        usage=_USAGE,
        examples=(
            ("smtp-shell practice", "start here: a server of your own"),
            ("smtp-shell --starttls mail.example.org", "type SMTP inside TLS"),
            ("smtp-shell mail.example.org -c ehlo -c quit", "run lines without a prompt"),
        ),
        description="See SMTP with your own eyes: type it by hand, record it, replay it.",
        epilog=_EPILOG.format(commands=commands, statuses=statuses),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "target",
        nargs="?",
        help="HOST[:PORT], PROFILE, mx:DOMAIN, smtp://, smtps://, lmtp://, smtp+unix:/path, lmtp+unix:/path or pipe:COMMAND",
    )
    parser.add_argument("--mx", action="store_true", help="the server is a domain: connect to its mail hosts in turn")
    parser.add_argument("--help-all", action=_HelpAll, nargs=0, help="show every option and exit status, and exit")
    parser.add_argument("--version", action="version", version=f"smtp-shell {__version__}")
    connection_options(parser)
    profile_option(parser.add_argument)
    line_options(parser)
    return parser

"""`/replay`: transcripts replayed from the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import Interrupted, UsageError
from smtp_shell.shell.command_options import parser_options
from smtp_shell.shell.completion import MATCH_LEVELS, Candidates, Option, hosts, one_of, paths
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.net.target import Target
    from smtp_shell.replay.profiles import ProfiledServer
    from smtp_shell.shell.shell import Shell


def _parser() -> ArgumentParser:
    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.replay.options import add_replay_options
    from smtp_shell.replay.reporting import add_report_options

    parser = ArgumentParser(prog="/replay", add_help=False)
    add_replay_options(parser)
    add_report_options(parser)
    parser.add_argument("--keep-going", action="store_true", help="go on after a step that differs")
    parser.add_argument("--force", action="store_true", help="write over reports that are there")
    return parser


def _options() -> tuple[Option, ...]:
    complete: dict[str, Candidates] = {"--server": hosts, "--match": one_of(MATCH_LEVELS)}
    return parser_options(_parser(), complete | dict.fromkeys(("--junit", "--tap", "--html"), paths))


@shell_command("/replay", "FILE|DIR…", complete=paths, options=_options)
def replay(shell: Shell, args: Args) -> None:
    """Replay transcripts against a server, and compare.

    What the client said is sent again, and what the server says is compared with what it said then.
    Without --server it goes to the server that this shell is or was connected to, over a connection of its own. If that is the
    server of a profile, its variables and its level of --match hold.
    Credentials that stand in a transcript are sent only with --send-secrets, or where its header says `Secrets: included`.
    """
    from smtp_shell.replay.options import find_once, refuse_servers, with_replay_options
    from smtp_shell.replay.reporters import ReportSettings
    from smtp_shell.replay.reporting import open_reports
    from smtp_shell.replay.runner import ReplayOptions, run_replays
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.shell.profiles import leave_profile
    from smtp_shell.shell.settings import credentials_for

    options = _parser().parse_args(args.words)
    refuse_servers(options.files)
    if options.step and not shell.options.interactive:
        raise UsageError("/replay --step asks before each step, and nobody can be asked here; leave it out.")
    settings = ReplaySettings(
        tls_settings=shell.tls,
        timeouts=shell.timeouts,
        credentials=find_once(lambda: credentials_for(shell.options, shell.target)),
        has_token=credentials_for(shell.options, shell.target).has_token,
        allow_cleartext=shell.settings.insecure_auth,
        connection=shell.connection if shell.target is None else shell.ways.get(shell.target, shell.connection),
        taps=shell.recordings.taps,
    )
    servers = options.server or _server_of(shell)
    report = ReportSettings(
        repeat=options.repeat,
        jobs=options.jobs,
        whole_replies=options.step,
        times=options.times,
        only_failures=options.only_failures,
        failures_first=options.failures_first,
    )
    names = ["text", "table"] if len(servers) > 1 else ["text"]
    with open_reports(options, report, _ShellWriter(shell.say), names=names) as reports:
        batch = ReplayOptions(
            options.files,
            servers,
            with_replay_options(settings, options, shell.ask, shell.edit),
            reports.reporters,
            reports_times=reports.reports_times,
            repeat=options.repeat,
            jobs=options.jobs,
            warn=shell.say_loudly,
        )
        result = run_replays(batch, reports.out)
    for sentence in reports.failures:
        shell.say_loudly(sentence)
    if result.handed_over is not None:
        session = result.handed_over.session
        if session is not None and session.target != shell.target:
            leave_profile(shell)  # its password is for its own server
        from smtp_shell.shell.adoption import adopt

        adopt(shell, result.handed_over)
    if result.exit_status == Interrupted.exit_status:
        raise Interrupted("the replay was interrupted.")
    shell.refusals.number += result.exit_status != 0


def _server_of(shell: Shell) -> Sequence[Target | ProfiledServer]:
    """Return the server of this shell, with what a profile in use says of replays; nothing where there was none."""
    if shell.target is None:
        return []
    if shell.profile is None or shell.profile.profile.target != shell.target:
        return [shell.target]
    from smtp_shell.replay.profiles import profiled_server

    profile, target = shell.profile.profile, shell.target
    source = shell.options.credentials
    return [
        profiled_server(shell.profile.name, profile.address, profile, source, tls=target.tls, starttls=target.starttls)
    ]


class _ShellWriter:
    """Writer that shows each line as the shell's own words."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def write(self, text: str) -> int:
        self._say(text.rstrip("\n"))
        return len(text)

    def flush(self) -> None:
        """Do nothing: each line is shown at once."""

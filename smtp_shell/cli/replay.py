"""`smtp-shell replay`: transcripts replayed against a server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.cli.options import (
    command_parser,
    connect_settings,
    connection_options,
    credential_source,
    is_terminal,
    profile_option,
    terminal_ask,
    terminal_edit,
    tls_settings,
    wants_color,
)
from smtp_shell.cli.startup import for_many_threads
from smtp_shell.config import Timeouts
from smtp_shell.errors import Interrupted, UsageError
from smtp_shell.replay.options import (
    add_replay_options,
    add_suite_options,
    add_update_options,
    find_once,
    refuse_servers,
    seed_of,
    with_replay_options,
)
from smtp_shell.replay.reporters import ReportSettings, make_reporter
from smtp_shell.replay.reporting import add_report_options, open_reports
from smtp_shell.replay.runner import ReplayOptions, find_transcripts, run_replays
from smtp_shell.replay.settings import ReplaySettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.cli.updating import Updater
    from smtp_shell.client.credentials import Ask
    from smtp_shell.config import TlsSettings
    from smtp_shell.net.target import Target
    from smtp_shell.replay.profiles import ProfiledServer
    from smtp_shell.replay.replay import Replay

_EXAMPLES = (
    ("smtp-shell replay lab.smtp --server smtp://127.0.0.1:2525", ""),
    ("smtp-shell replay suite/ --server HOST --junit report.xml", "for CI"),
    ("smtp-shell replay lab.smtp --server HOST --update", "mend the file"),
    ("smtp-shell replay --check suite/", "without a server"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell replay`.

    Args:
        words: The arguments after `replay`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: Something is wrong with a transcript or an option; nothing was sent.
    """
    options = make_parser().parse_args(words)
    _take_profile(options)
    refuse_servers(options.files)
    _refuse_conflicts(options)
    ask = terminal_ask() if is_terminal() else None
    if options.check:
        from smtp_shell.cli.checking import run_check

        settings = with_replay_options(_settings(options, None), options, None)
        servers = _servers(options, None, settings.tls_settings)
        return run_check(options, settings, servers, credential_source(options, None), color=wants_color(options))
    return _run(options, ask, wants_color(options))


def _take_profile(options: argparse.Namespace) -> None:
    """Fill in what `--profile` says, and keep the profile as `options.chosen`.

    Raises:
        UsageError: There is no such profile, or a file of profiles is named too.
        ConfigError: It cannot be used.
    """
    options.chosen = None
    if options.profile is None:
        return
    if options.profiles is not None:
        raise UsageError("--profile is a server of the configuration, --profiles a file of others; give one of them.")
    from smtp_shell.cli.configured import fill_from_profile, take_tls

    options.chosen = fill_from_profile(options)
    take_tls(options, options.chosen)


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("replay", examples=_EXAMPLES)
    add_replay_options(parser)
    add_suite_options(parser)
    add_report_options(parser)
    add_update_options(parser)
    connection_options(parser)
    profile_option(parser.add_argument)
    return parser


def _run(options: argparse.Namespace, ask: Ask | None, color: bool) -> int:
    """Replay, report, and with `--update` rewrite what differs; return the exit status."""
    updater = _updater(options)
    edit = terminal_edit() if options.step else None
    report = ReportSettings(
        color,
        options.repeat,
        options.jobs,
        options.step,
        options.times,
        options.only_failures,
        options.failures_first,
    )
    if options.jobs > 1:
        for_many_threads()
    names = ["json"] if options.json else ["text"]
    with open_reports(options, report, names=names, ask=ask) as reports:
        settings = _settings(options, reports.ask)
        servers = _servers(options, reports.ask, settings.tls_settings)
        if updater is not None:
            updater.refuse_servers(servers)
        if len(servers) > 1 and not options.json:
            reports.reporters.append(make_reporter("table", report))
        batch = ReplayOptions(
            options.files,
            servers,
            _observed(with_replay_options(settings, options, reports.ask, edit), updater),
            [*reports.reporters, *([updater] if updater is not None else [])],
            reports_times=reports.reports_times,
            record=options.record,
            force=options.force,
            record_times=not options.no_times,
            repeat=options.repeat,
            jobs=options.jobs,
            warn=_warn,
            prints=options.print_names,
            tags=options.tag,
            seed=seed_of(options),
            max_failures=options.max_failures,
            budgets=options.budget,
        )
        result = run_replays(batch, reports.out)
    for sentence in reports.failures:
        _warn(sentence)
    if result.handed_over is not None:
        _go_on(result.handed_over, options, ask)
    status = result.exit_status
    if updater is not None and status != Interrupted.exit_status:
        status = updater.run(sys.stdout, None if options.yes else ask, color=color)
    return max(status, int(bool(reports.failures)))


def _refuse_conflicts(options: argparse.Namespace) -> None:
    """Refuse options that could not do what they say.

    Raises:
        UsageError: There are such options.
    """
    if options.step and not is_terminal():
        raise UsageError("--step asks before each step, and nobody can be asked here; leave it out.")
    for option, is_there, needed in (
        ("--yes", options.yes and not options.update, "--update"),
        ("--no-times", options.no_times and options.record is None, "--record FILE"),
    ):
        if is_there:
            raise UsageError(f"{option} has a meaning with {needed} only; leave it out.")


def _updater(options: argparse.Namespace) -> Updater | None:
    if not options.update:
        return None
    from smtp_shell.cli.updating import Updater, refuse_update

    refuse_update(options, asks=is_terminal())
    return Updater(find_transcripts(options.files))


def _observed(settings: ReplaySettings, updater: Updater | None) -> ReplaySettings:
    """Return settings with which all replies come to the updater, those after a difference too."""
    return settings if updater is None else replace(settings, observe=updater.log, keep_going=True)


def _settings(options: argparse.Namespace, ask: Ask | None) -> ReplaySettings:
    return ReplaySettings(
        tls=options.tls,
        starttls=options.starttls,
        tls_settings=replace(tls_settings(options), detailed=options.json),
        timeouts=Timeouts().all(options.timeout) if options.timeout else Timeouts(),
        credentials=find_once(lambda: credential_source(options, ask)),
        has_token=options.token_command is not None,
        allow_cleartext=options.insecure_auth,
        connection=connect_settings(options, ask),
    )


def _servers(
    options: argparse.Namespace, ask: Ask | None, general: TlsSettings
) -> Sequence[str | Target | ProfiledServer]:
    """Return what the user has named to replay against."""
    if options.chosen is not None:
        from smtp_shell.replay.profiles import profiled_server

        source = credential_source(options, ask)
        own = [(options.profile, options.chosen.address)]
        named = [(server, server) for server in options.server or ()]
        return [profiled_server(name, server, options.chosen, source) for name, server in named or own]
    if options.profiles is None:
        return options.server or ()
    from smtp_shell.replay.profiles import profiled_servers

    return profiled_servers(options.profiles, options.server or (), credential_source(options, ask), general)


def _warn(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _go_on(replay: Replay, options: argparse.Namespace, ask: Ask | None) -> None:
    """Open a shell on the connection of a replay that the user takes over."""
    from smtp_shell.display.views import console_view
    from smtp_shell.shell.repl import run_repl
    from smtp_shell.shell.settings import ShellOptions, ShellSettings
    from smtp_shell.shell.shell import Shell

    shell = Shell(
        console_view(color=wants_color(options), force=False),
        ShellOptions(tls_settings(options), credential_source(options, ask), interactive=True),
        ShellSettings(insecure_auth=options.insecure_auth),
        ask=ask,
    )
    run_repl(shell, lambda: shell.adopt(replay))

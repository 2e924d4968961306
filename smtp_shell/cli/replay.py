"""`smtp-shell replay`: transcripts replayed against a server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.arguments import ArgumentParser
from smtp_shell.cli.options import (
    address_family,
    connection_options,
    credential_source,
    is_terminal,
    terminal_ask,
    tls_settings,
    wants_color,
)
from smtp_shell.cli.startup import for_many_threads
from smtp_shell.config import Timeouts
from smtp_shell.errors import UsageError
from smtp_shell.replay.options import (
    add_replay_options,
    add_suite_options,
    find_once,
    refuse_servers,
    seed_of,
    with_replay_options,
)
from smtp_shell.replay.reporters import ReportSettings, make_reporter
from smtp_shell.replay.runner import ReplayOptions, run_replays
from smtp_shell.replay.settings import ReplaySettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from smtp_shell.client.credentials import Ask
    from smtp_shell.config import TlsSettings
    from smtp_shell.net.target import Target
    from smtp_shell.replay.profiles import ProfiledServer
    from smtp_shell.replay.replay import Replay


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell replay`.

    Args:
        words: The arguments after `replay`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: Something is wrong with a transcript or an option; nothing was sent.
    """
    parser = ArgumentParser(
        prog="smtp-shell replay", description="Replay transcripts against a server and compare what it says."
    )
    add_replay_options(parser)
    add_suite_options(parser)
    connection_options(parser)
    options = parser.parse_args(words)
    refuse_servers(options.files)
    if options.step and not is_terminal():
        raise UsageError("--step asks before each step, and nobody can be asked here; leave it out.")
    ask = terminal_ask() if is_terminal() else None
    settings = ReplaySettings(
        tls=options.tls,
        starttls=options.starttls,
        tls_settings=tls_settings(options),
        timeouts=Timeouts().all(options.timeout) if options.timeout else Timeouts(),
        credentials=find_once(lambda: credential_source(options, ask)),
        has_token=options.token_command is not None,
        allow_cleartext=options.insecure_auth,
        source=options.source,
        family=address_family(options),
    )
    report = ReportSettings(wants_color(options), options.repeat, options.jobs, options.step)
    servers = _servers(options, ask, settings.tls_settings)
    reporters = ["json"] if options.json else ["text", "table"] if len(servers) > 1 else ["text"]
    batch = ReplayOptions(
        options.files,
        servers,
        with_replay_options(settings, options, ask),
        [make_reporter(name, report) for name in reporters],
        reports_times=options.json,
        record=options.record,
        force=options.force,
        repeat=options.repeat,
        jobs=options.jobs,
        warn=_warn,
        tags=options.tag,
        seed=seed_of(options),
        max_failures=options.max_failures,
        budgets=options.budget,
    )
    if options.jobs > 1:
        for_many_threads()
    result = run_replays(batch, sys.stdout)
    if result.handed_over is not None:
        _go_on(result.handed_over, options, ask)
    return result.exit_status


def _servers(
    options: argparse.Namespace, ask: Ask | None, general: TlsSettings
) -> Sequence[str | Target | ProfiledServer]:
    """Return what the user has named to replay against."""
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

"""Replay from the command line and from the prompt: options, steps that a person decides on, and going on by hand."""

from __future__ import annotations

import argparse
import sys
from _thread import allocate_lock
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.cli.options import (
    Parser,
    address_family,
    connection_options,
    credential_source,
    file_path,
    is_terminal,
    tls_settings,
    wants_color,
)
from smtp_shell.config import Timeouts
from smtp_shell.errors import Interrupted, UsageError
from smtp_shell.matching.compare import Strictness
from smtp_shell.replay.driver import Replay, ReplaySettings
from smtp_shell.replay.results import Act, Decision, PendingStep
from smtp_shell.replay.runner import ReplayOptions, run_replay
from smtp_shell.transcript.variables import parse_assignment

if TYPE_CHECKING:
    from smtp_shell.client.credentials import Ask, CredentialSource
    from smtp_shell.protocol.sasl import Credentials, Mechanism
    from smtp_shell.replay.settings import CredentialsFor
    from smtp_shell.shell.shell import Shell

_ACTS = {"": Act.SEND, "s": Act.SEND, "k": Act.SKIP, "e": Act.EDIT, "g": Act.HAND_OVER, "q": Act.QUIT}
_MOST_JOBS = 1_000
_MOST_TIMES = 1_000_000_000
_MENU = "[Enter] send, [k] skip, [e] edit, [g] go on by hand, [q] quit: "


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell replay`.

    Args:
        words: The arguments behind `replay`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: Something is wrong with a transcript or an option; nothing was sent.
    """
    parser = Parser(
        prog="smtp-shell replay", description="Replay transcripts against a server and compare what it says."
    )
    _replay_options(parser)
    connection_options(parser)
    options = parser.parse_args(words)
    if options.step and not is_terminal():
        raise UsageError("--step asks before each step, and nobody can be asked here; leave it out.")
    ask = _asker() if is_terminal() else None
    times = Timeouts().all(options.timeout) if options.timeout else Timeouts()
    settings = ReplaySettings(
        tls=options.tls,
        starttls=options.starttls,
        tls_settings=tls_settings(options),
        timeouts=times,
        overall=options.overall,
        credentials=_credentials(options, ask),
        allow_cleartext=options.insecure_auth,
        source=options.source,
        family=address_family(options),
    )
    replay_options = ReplayOptions(
        options.files,
        options.server or (),
        _with_replay_options(settings, options, ask),
        json=options.json,
        color=wants_color(options),
        record=options.record,
        force=options.force,
        hand_over=lambda replay: _go_on(replay, options, ask),
        repeat=options.repeat,
        jobs=options.jobs,
    )
    return run_replay(replay_options, sys.stdout)


def replay_in_shell(shell: Shell, words: Sequence[str]) -> None:
    """Run `/replay`, over a connection of its own to the server that the shell is or was connected to.

    Args:
        shell: The shell.
        words: What stands behind `/replay`.

    Raises:
        SmtpShellError: Something is wrong with a transcript or an option; nothing was sent.
    """
    parser = Parser(prog="/replay", add_help=False, exit_on_error=False)
    _replay_options(parser)
    parser.add_argument("--keep-going", action="store_true")
    options = parser.parse_args(words)
    if options.step and not shell.options.interactive:
        raise UsageError("/replay --step asks before each step, and nobody can be asked here; leave it out.")
    settings = ReplaySettings(
        tls_settings=shell.tls,
        timeouts=shell.timeouts,
        overall=options.overall,
        credentials=_found_once(lambda: shell.options.credentials),
        allow_cleartext=shell.settings.insecure_auth,
        source=shell.options.source,
        family=shell.options.family,
    )
    servers = options.server or ([shell.target] if shell.target is not None else [])
    taken: list[Replay] = []
    status = run_replay(
        ReplayOptions(
            options.files,
            servers,
            _with_replay_options(settings, options, shell.ask_plainly),
            hand_over=taken.append,
            repeat=options.repeat,
            jobs=options.jobs,
        ),
        _Words(shell.say),
    )
    if taken:
        shell.adopt(taken[0])
    if status == Interrupted.exit_status:
        raise Interrupted("the replay was interrupted.")
    shell.failed_replies += status != 0


class _Words:
    """A stream whose lines are the shell's own words."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def write(self, text: str) -> int:
        self._say(text.rstrip("\n"))
        return len(text)

    def flush(self) -> None:
        """Do nothing: each line is shown at once."""


def _replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=file_path, metavar="FILE|DIR", help="transcripts, and folders of them")
    group = parser.add_argument_group("replay")
    group.add_argument("--server", action="append", metavar="URL", help="server to replay against; may be repeated")
    group.add_argument(
        "--match",
        type=_strictness,
        default=Strictness.CODE,
        metavar="LEVEL",
        help="code, enhanced, keywords, text or exact",
    )
    group.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="value of a variable")
    group.add_argument("--step", action="store_true", help="show each step and ask before it is sent")
    group.add_argument(
        "--overall", type=float, default=300.0, metavar="S", help="seconds for a replay in all (default 300)"
    )
    group.add_argument("--repeat", type=_times, default=1, metavar="N", help="replay each transcript N times")
    group.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="replay N at a time, a thread each")
    group.add_argument("--allow-outside", action="store_true", help="let C< name files outside the transcript's folder")


def _with_replay_options(settings: ReplaySettings, options: argparse.Namespace, ask: Ask | None) -> ReplaySettings:
    try:
        variables = dict(parse_assignment(each) for each in options.var)
    except ValueError as error:
        raise UsageError(f"--var: {error}.") from None
    hook = _step_hook(ask) if options.step and ask is not None else None
    return replace(
        settings,
        strictness=options.match,
        variables=variables,
        keep_going=options.keep_going,
        before_step=hook,
        outside=options.allow_outside,
    )


def _strictness(text: str) -> Strictness:
    """Read a level by its name.

    Raises:
        ValueError: There is none of that name.
    """
    if text.upper() not in Strictness.__members__:
        raise ValueError
    return Strictness[text.upper()]


def _times(text: str) -> int:
    """Read how often something is done.

    Raises:
        ArgumentTypeError: It is no whole number, or less than 1.
    """
    return _number(text, _MOST_TIMES)


def _jobs(text: str) -> int:
    """Read how many replays go on at a time.

    Raises:
        ArgumentTypeError: It is no whole number, or not from 1 to `_MOST_JOBS`.
    """
    return _number(text, _MOST_JOBS)


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 to {most:,}")
    return int(text)


def _step_hook(ask: Ask) -> Callable[[PendingStep], Decision]:
    def decide(step: PendingStep) -> Decision:
        text = "\n        ".join(f"C: {line}" for line in step.text.split("\n"))
        problem = f"     {step.problem}\n" if step.problem else ""
        return _decide(ask, f"{problem}next {step.line}: {text}\n     {_MENU}", step)

    return decide


def _decide(ask: Ask, question: str, step: PendingStep) -> Decision:
    while True:
        try:
            act = _ACTS.get(ask(question, False).strip().lower())
        except (EOFError, KeyboardInterrupt):
            return Decision(Act.QUIT)
        if act is Act.EDIT and not step.mail_data:
            return Decision(Act.EDIT, ask("     send instead: ", False))
        if act is not None and (act is not Act.EDIT):
            return Decision(act)


def _credentials(options: argparse.Namespace, ask: Ask | None) -> CredentialsFor:
    return _found_once(lambda: credential_source(options, ask))


def _found_once(source_of: Callable[[], CredentialSource]) -> CredentialsFor:
    """Find credentials once for all replays: a person is not asked for each of a thousand runs, and no command is run for each.

    Args:
        source_of: Gives the source, once a replay needs it.
    """
    found: dict[tuple[frozenset[str], str], Credentials] = {}
    lock = allocate_lock()

    def find(mechanism: Mechanism, user: str) -> Credentials:
        source = source_of()
        name = source.user or user
        with lock:
            key = (frozenset(mechanism.needs), name)
            if key not in found:
                found[key] = source.find(mechanism.needs, user=name)
            return found[key]

    return find


def _asker() -> Ask:
    from smtp_shell.shell.repl import ask

    return ask


def _go_on(replay: Replay, options: argparse.Namespace, ask: Ask | None) -> None:
    """Open a shell on the connection of a replay that a person takes over."""
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

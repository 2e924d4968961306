"""Replay transcripts and tell how it went; without rich, so that a replay in CI starts quickly."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from smtp_shell.errors import Interrupted, UsageError
from smtp_shell.net.target import Target
from smtp_shell.replay.batch import Run, prepare, repeated
from smtp_shell.replay.driver import Replay
from smtp_shell.replay.results import Outcome, ReplayResult, StepResult
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.stats import Tally
from smtp_shell.replay.telling import INDENT, heading, json_result, json_step, json_summary, step_lines, summary

if TYPE_CHECKING:
    from smtp_shell.replay.workers import Writer

_MOST_RUNS_SHOWN: Final = 10
"""Of how many repeated runs that differ the differences are shown."""


class ReplayOptions(Struct, frozen=True):
    """What the command line says about replays.

    Args:
        paths: Files, and folders with files that end in `.smtp`.
        servers: What to replay against, as URLs; none for what the transcripts name.
        settings: How to replay.
        json: One JSON object a line in place of text.
        color: Whether the text has colours.
        record: Where to record; None for nowhere.
        force: Whether that file is written over.
        hand_over: Takes the replay that a person goes on from by hand, its connection open.
        repeat: How often each transcript is replayed.
        jobs: How many replays go on at a time.
    """

    paths: Sequence[Path]
    servers: Sequence[str | Target] = ()
    settings: ReplaySettings = field(default_factory=ReplaySettings)
    json: bool = False
    color: bool = False
    record: Path | None = None
    force: bool = False
    hand_over: Callable[[Replay], None] | None = None
    repeat: int = 1
    jobs: int = 1


def run_replay(options: ReplayOptions, out: Writer) -> int:
    """Replay transcripts and tell how it went; all of them are checked before anything is sent.

    Args:
        options: What to replay, and how.
        out: Where the lines go.

    Returns:
        The exit status: the highest that a replay came to, and at least 1 when it could not be recorded as asked.

    Raises:
        SmtpShellError: Something is wrong with a transcript or an option; nothing was sent.
    """
    _refuse_what_needs_one_at_a_time(options)
    tally = Tally()
    unrecorded = 0
    many = options.repeat > 1 or options.jobs > 1
    tells_times = many or options.json or options.record is not None
    settings = replace(options.settings, attentive=options.jobs == 1, prepares=not tells_times)
    if many:
        settings = replace(settings, numbers=settings.numbers or count(1))
    with ExitStack() as stack:
        replays = prepare(options.paths, settings, options.servers)
        if options.record is not None:
            from smtp_shell.recording.library import recording_header
            from smtp_shell.recording.recording import Recording

            recording = Recording.create(
                options.record, recording_header(), overwrite=options.force, on_failure=_say_loudly
            )
            stack.callback(recording.close)
            for each in replays:
                each.settings = replace(each.settings, consumers=(*each.settings.consumers, recording))
        started = monotonic()
        tasks = (_Task(run, options, tally) for run in repeated(replays, options.repeat))
        interrupted = _do(tasks, options.jobs, out)
        tally.seconds = monotonic() - started
        if options.record is not None:
            unrecorded = int(recording.failed)
    if interrupted:
        tally.exit_status = Interrupted.exit_status
        if not options.json:
            out.write(f"{INDENT}interrupted\n")
    tally.exit_status = max(tally.exit_status, unrecorded)
    for line in [json_summary(tally)] if options.json else summary(tally, repeat=options.repeat, jobs=options.jobs):
        out.write(f"{line}\n")
    out.flush()
    return tally.exit_status


def _do(tasks: Iterator[_Task], jobs: int, out: Writer) -> bool:
    """Do the tasks; say whether Ctrl-C ended them."""
    if jobs > 1:
        from smtp_shell.replay.workers import in_order

        return in_order(tasks, jobs, out)
    all(task.run(out) for task in tasks)  # up to the first behind which there is to be no other
    return False


def _refuse_what_needs_one_at_a_time(options: ReplayOptions) -> None:
    if options.jobs == 1:
        return
    if options.record is not None:
        raise UsageError("--record keeps one dialogue behind the other; leave it out, or leave out --jobs.")
    if options.settings.before_step is not None:
        raise UsageError("--step asks before each step, of one dialogue at a time; leave it out, or leave out --jobs.")


def _say_loudly(sentence: str) -> None:
    """Tell on standard error what must not be missed, and what is no result."""
    sys.stderr.write(f"{sentence}\n")


class _Task:
    """One run of a replay, and what is told of it."""

    def __init__(self, run: Run, options: ReplayOptions, tally: Tally) -> None:
        self._run = run
        self._options = options
        self._tally = tally
        self._part = Tally()
        self._interrupted = False
        self._quiet = run.of > 1 and not options.json
        self._shown: bool | None = None

    def run(self, out: Writer) -> bool:
        """Replay, and tell it; say whether there is to be another replay."""
        options, replay = self._options, self._run.replay

        def tell(*lines: str) -> None:
            out.write("\n".join([*lines, ""]))
            out.flush()

        if not options.json and self._run.number == 1:
            tell(heading(replay.name, str(replay.settings.server or ""), times=self._run.of))
            if replay.settings.tls_settings.insecure:
                tell(f"{INDENT}--insecure is on: certificates are not verified")
        result = replay.run(partial(self._tell_step, tell))
        if self._interrupted:
            return False
        self._part.count(result)
        self._tally.add(self._part)
        self._tell_result(result, tell)
        if result.handed_over and options.hand_over is not None:
            options.hand_over(replay)
        return result.exit_status != Interrupted.exit_status and not result.handed_over

    def interrupt(self) -> None:
        """Make `run` end soon; called from another thread."""
        self._interrupted = True
        self._run.replay.interrupt()

    def _tell_step(self, tell: Callable[..., None], step: StepResult) -> None:
        self._part.count_step(step)
        if self._options.json:
            tell(json_step(step, run=self._run.number if self._run.of > 1 else 0))
            return
        if self._quiet and step.outcome is not Outcome.MISMATCHED:
            return
        if not self._quiet or self._is_shown(tell):
            tell(*step_lines(step, color=self._options.color))

    def _tell_result(self, result: ReplayResult, tell: Callable[..., None]) -> None:
        if self._options.json:
            tell(json_result(result, run=self._run.number if self._run.of > 1 else 0))
        elif result.failure is not None and not result.counts[Outcome.MISMATCHED]:
            if self._quiet and not self._is_shown(tell):
                return
            tell(f"{INDENT}{result.failure}")

    def _is_shown(self, tell: Callable[..., None]) -> bool:
        """Say whether what went wrong in one of many runs is to be shown, and once which it was; of most only the number is told."""
        if self._shown is None:
            self._shown = self._tally.claim_showing(_MOST_RUNS_SHOWN)
            if self._shown:
                tell(f"run {self._run.number}")
        return self._shown

"""The runner: files, servers, repeats and threads of replays. Reporters write; the runner prints nothing."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from itertools import count, islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from smtp_shell.config import KEY_LOG_VARIABLE, key_log_file
from smtp_shell.errors import Interrupted, UsageError
from smtp_shell.net.target import Target, parse_target
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.reporters import RunInfo
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.stats import RunStats
from smtp_shell.transcript.variables import SASL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from smtp_shell.replay.budget import Budget
    from smtp_shell.replay.profiles import ProfiledServer
    from smtp_shell.replay.reporters import Reporter
    from smtp_shell.replay.selection import TagCondition
    from smtp_shell.replay.settings import CredentialsFor
    from smtp_shell.replay.workers import Writer

_SUFFIX: Final = ".smtp"
_MOST_KEPT: Final = 200
"""Of how many transcripts the steps are kept in memory, if they are few."""

_MOST_NAMED: Final = 100
"""How many of the runs that were not begun the reports name."""


def _ignore(sentence: str) -> None:
    """Drop a warning: the caller has asked for none."""


class ReplayOptions(Struct, frozen=True):
    """What is replayed, and how.

    Args:
        paths: Files, and folders that have, or whose subfolders have, files that end in `.smtp`.
        servers: What to replay against, as URLs or targets; none for what the transcripts name.
        settings: How to replay.
        reporters: Report what happens.
        reports_times: Whether a report has the time of each reply, which rules out loading TLS and SASL during waits.
        record: Where to record; None for nowhere.
        force: Whether that file is overwritten.
        record_times: Whether it has times.
        repeat: How many times each transcript is replayed.
        jobs: How many replays run at a time, a thread each.
        warn: Called with a sentence that must not be missed and is no result.
        prints: Names of captured variables that a report prints.
        tags: What the tags of a transcript must meet, or it is left out.
        seed: Seed of the order of the replays; None for the order of the files.
        max_failures: After how many failed replays no more is begun; 0 for no such number.
        budgets: How long the steps may take.
    """

    paths: Sequence[Path]
    servers: Sequence[str | Target | ProfiledServer] = ()
    settings: ReplaySettings = field(default_factory=ReplaySettings)
    reporters: Sequence[Reporter] = ()
    reports_times: bool = True
    record: Path | None = None
    force: bool = False
    record_times: bool = True
    repeat: int = 1
    jobs: int = 1
    warn: Callable[[str], None] = _ignore
    prints: Sequence[str] = ()
    tags: Sequence[TagCondition] = ()
    seed: int | None = None
    max_failures: int = 0
    budgets: Sequence[Budget] = ()


class BatchResult(Struct, frozen=True):
    """Result of a batch.

    Args:
        exit_status: The highest that a replay came to, and at least 1 when it could not be recorded as asked.
        handed_over: The replay that a user goes on from by hand, its connection open; None if there is none.
    """

    exit_status: int
    handed_over: Replay | None = None


def run_replays(options: ReplayOptions, out: Writer) -> BatchResult:
    """Replay transcripts. All of them are checked before anything is sent.

    Args:
        options: What to replay, and how.
        out: Where reporters write.

    Raises:
        SmtpShellError: Something is wrong with a transcript or an option; nothing was sent.
    """
    _refuse_side_by_side(options)
    stats = RunStats()
    unrecorded = False
    batch = _Batch(options, stats)
    key_log = key_log_file()
    if key_log is not None:
        options.warn(f"{KEY_LOG_VARIABLE} is set: the keys of TLS are written to {escape_str(str(key_log))}.")
    with ExitStack() as stack:
        replays = _selected(options, stats)
        _refuse_unused(options.settings.variables, replays)
        _refuse_uncaptured(options.prints, replays)
        for each in replays:
            for warning in each.check().warnings:
                options.warn(f"{warning.file or each.name}:{warning.line}: {warning}")
        recording = None
        if options.record is not None:
            from smtp_shell.recording.library import recording_header
            from smtp_shell.recording.recording import Recording

            recording = Recording.create(
                options.record,
                recording_header(times=options.record_times),
                overwrite=options.force,
                on_failure=options.warn,
                times=options.record_times,
            )
            stack.callback(recording.close)
            for each in replays:
                each.settings = replace(each.settings, consumers=(*each.settings.consumers, recording))
        started = monotonic()
        stats.interrupted = batch.run(replays, out)
        stats.seconds = monotonic() - started
        if recording is not None:
            recording.close()
            unrecorded = recording.failed
    if stats.interrupted:
        stats.exit_status = Interrupted.exit_status
    stats.exit_status = max(stats.exit_status, int(unrecorded))
    if stats.exit_status != Interrupted.exit_status:
        stats.over_budget += filter(None, [each.exceeded_by(stats.step_seconds) for each in options.budgets])
        stats.exit_status = max(stats.exit_status, int(bool(stats.over_budget)))
    for reporter in options.reporters:
        reporter.summary(stats, out)
    return BatchResult(stats.exit_status, batch.handed_over)


def _selected(options: ReplayOptions, stats: RunStats) -> list[Replay]:
    """Return the replays of the transcripts that are selected, in the order in which they run."""
    paths: Sequence[Path] = options.paths
    if options.tags:
        from smtp_shell.replay.selection import select

        every = find_transcripts(paths)
        paths = select(every, options.tags)
        stats.not_selected = len(every) - len(paths)
    replays = prepare(paths, _batch_settings(options), options.servers)
    if options.seed is None:
        return replays
    from smtp_shell.replay.selection import shuffled

    stats.seed = options.seed
    return shuffled(replays, options.seed)


def prepare(
    paths: Sequence[Path], settings: ReplaySettings, servers: Sequence[str | Target | ProfiledServer] = ()
) -> list[Replay]:
    """Return the replays of transcripts, each against each server. All are checked, and nothing is sent.

    Args:
        paths: Files, and folders, as for `find_transcripts`.
        settings: How to replay them.
        servers: What to replay against; none for what the settings or the transcripts name.

    Raises:
        UsageError: A folder has no transcripts, or a transcript no server.
        TranscriptError: A transcript cannot be replayed.
    """
    wanted: Sequence[str | Target | ProfiledServer | None] = servers or (settings.server,)
    each_server = [settings_for(server, settings) for server in wanted]
    found = [Replay(path, chosen) for path in find_transcripts(paths) for chosen in each_server]
    for number, each in enumerate(found):
        each.check(keep=number < _MOST_KEPT)
    return found


def _at(credentials: CredentialsFor | None, server: str | Target | None) -> CredentialsFor | None:
    """Return what finds credentials, told for which host."""
    from smtp_shell.replay.credential_finder import CredentialFinder

    if not isinstance(credentials, CredentialFinder) or server is None:
        return credentials
    with suppress(UsageError):  # of a server that cannot be one, the replay speaks itself
        return credentials.at((parse_target(server) if isinstance(server, str) else server).host.removesuffix("."))
    return credentials


def settings_for(server: str | Target | ProfiledServer | None, settings: ReplaySettings) -> ReplaySettings:
    """Return how to replay against a server.

    Args:
        server: The server; None for what the transcript names.
        settings: How to replay against any.
    """
    if server is None or isinstance(server, str | Target):
        return replace(settings, server=server, credentials=_at(settings.credentials, server))
    return server.settings(settings)


def find_transcripts(paths: Sequence[Path]) -> list[Path]:
    """Return the transcripts that files and folders stand for.

    Of a folder these are all files in it and its subfolders that end in `.smtp`, sorted. Hidden subfolders and links to folders are left
    out, as pytest does with the hidden ones. A link to a file counts as a file.

    Raises:
        UsageError: A folder has none, or one of them cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        inside = sorted(_inside(path))
        if not inside:
            raise UsageError(
                f"the folder {escape_str(str(path))} and its subfolders have no transcripts (files that end in .smtp)."
            )
        found += inside
    return found


def _inside(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in files if name.endswith(_SUFFIX))


def _refuse_folder(error: OSError) -> None:
    raise UsageError(f"the folder {escape_str(str(error.filename))} cannot be read; check its permissions.") from None


def _refuse_unused(given: Mapping[str, str], replays: Sequence[Replay]) -> None:
    used = frozenset[str]().union(*(each.check().variables for each in replays))
    unused = sorted(given.keys() - used)
    if unused:
        names = ", ".join(map(escape_str, unused))
        there_are = ", ".join(sorted(map(escape_str, used - {SASL}))) or "none"
        raise UsageError(
            f"--var {names}: no transcript has such a variable in a client line; those there are: {there_are}."
        )


def _refuse_uncaptured(names: Sequence[str], replays: Sequence[Replay]) -> None:
    captured = frozenset[str]().union(*(each.check().captured for each in replays)) if names else frozenset[str]()
    if missing := [name for name in names if name not in captured]:
        shown, there_are = (", ".join(map(escape_str, each)) or "none" for each in (missing, sorted(captured)))
        raise UsageError(f"--print {shown}: no S~ pattern captures such a variable; those there are: {there_are}.")


class _Batch:
    """The runs of a batch."""

    def __init__(self, options: ReplayOptions, stats: RunStats) -> None:
        self.options = options
        self.stats = stats
        self.handed_over: Replay | None = None
        self.total = 0  # how many runs there are

    @property
    def has_failed(self) -> bool:
        """Whether as many replays have failed as may."""
        return 0 < self.options.max_failures <= self.stats.failed

    def run(self, replays: Sequence[Replay], out: Writer) -> bool:
        """Run all replays; return whether Ctrl-C ended them while they ran side by side."""
        self.total = len(replays) * self.options.repeat
        tasks = self._tasks(replays)
        interrupted = False
        if self.options.jobs > 1:
            from smtp_shell.replay.workers import run_in_order

            interrupted = run_in_order(tasks, self.options.jobs, out)
        else:
            all(task.run(out) for task in tasks)  # up to the first one that ends the batch
        if self.has_failed:
            from smtp_shell.replay.reporters.wording import run_title

            self.stats.not_run = self.total - self.stats.replays
            self.stats.first_not_run += [run_title(task.info) for task in islice(tasks, _MOST_NAMED)]
        return interrupted

    def _tasks(self, replays: Sequence[Replay]) -> Iterator[_Task]:
        times = self.options.repeat
        order = count()
        for replay in replays:
            yield _Task(self, replay, 1, next(order))
            for number in range(2, times + 1):
                yield _Task(self, replay.again(), number, next(order))


class _Task:
    """One run, and its reports."""

    def __init__(self, batch: _Batch, replay: Replay, number: int, order: int) -> None:
        self._batch = batch
        self._replay = replay
        self._number = number
        self._order = order
        self._interrupted = False

    @property
    def info(self) -> RunInfo:
        """What the reports need to know of it."""
        batch, settings = self._batch, self._replay.settings
        return RunInfo(
            self._replay.name,
            settings.label or str(settings.server or ""),
            self._number,
            batch.options.repeat,
            settings.tls_settings.insecure,
            len(batch.options.servers),
            self._order,
            batch.total,
            batch.stats.seed,
        )

    def run(self, out: Writer) -> bool:
        """Replay and report; return whether the batch goes on."""
        batch, replay, info = self._batch, self._replay, self.info
        reports = [reporter.for_run(info, out) for reporter in batch.options.reporters]
        for report in reports:
            report.start()
        stats = RunStats()
        result = replay.run(stats.add_step, *(report.step for report in reports))
        if self._interrupted:
            return False
        stats.add_replay(result, info.server if info.servers > 1 else "")
        batch.stats.merge(stats)
        for report in reports:
            report.finish(result)
        if result.handed_over:
            batch.handed_over = replay
        return result.exit_status != Interrupted.exit_status and not result.handed_over and not batch.has_failed

    def interrupt(self) -> None:
        """Make `run` end soon. Called from another thread."""
        self._interrupted = True
        self._replay.interrupt()


def _batch_settings(options: ReplayOptions) -> ReplaySettings:
    """Return the settings of each replay, as the batch changes them."""
    many = options.repeat > 1 or options.jobs > 1
    settings = options.settings
    return replace(
        settings,
        busy_poll=options.jobs == 1,
        preloads=not (many or options.reports_times or options.record is not None),
        numbers=settings.numbers or count(1) if many else settings.numbers,
    )


def _refuse_side_by_side(options: ReplayOptions) -> None:
    if options.jobs == 1:
        return
    if options.record is not None:
        raise UsageError("--record keeps one dialogue after the other; leave it out, or leave out --jobs.")
    if options.settings.before_step is not None:
        raise UsageError("--step asks before each step, of one dialogue at a time; leave it out, or leave out --jobs.")

"""The text report: lines for a person, without rich, so that a replay in CI starts quickly."""

from __future__ import annotations

from _thread import allocate_lock
from typing import TYPE_CHECKING, Final

from smtp_shell.figures import plain
from smtp_shell.replay.reporters.inert import inert
from smtp_shell.replay.reporters.wording import Parts, remarks, sent_line, untold_ending
from smtp_shell.replay.results import Outcome
from smtp_shell.replay.stats import Latencies, RunStats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.replay.reporters import ReportSettings, RunInfo
    from smtp_shell.replay.reporters.files import Spool
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.workers import Writer

_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"
_WORDS: Final = {
    Outcome.MATCHED: ("ok  ", _GREEN),
    Outcome.SENT: ("sent", _DIM),
    Outcome.MISMATCHED: ("FAIL", _RED),
    Outcome.SKIPPED: ("skip", _YELLOW),
}
INDENT: Final = " " * 11
_PERCENTILES: Final = (50, 90, 95, 99)
_SHORT = 60
_MOST_LINES = 20
_MOST_RUNS_SHOWN: Final = 10
"""Of how many repeated runs that differ the differences are shown."""


class TextReporter:
    """Reports each step of a single run. Of repeated runs it reports the first few that differ.

    Args:
        settings: What it needs to know of the batch.
    """

    def __init__(self, settings: ReportSettings) -> None:
        self._settings = settings
        self._runs_shown = 0
        self._lock = allocate_lock()
        self._passed: Spool | None = None  # the runs that passed, where those that failed come first

    def for_run(self, run: RunInfo, out: Writer) -> TextRunReport:
        """Return the report of a run."""
        return TextRunReport(self, run, out, self._settings)

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Write what all runs came to."""
        if self._passed is not None:
            for text in self._passed.read():
                out.write(text)
        lines = [f"{INDENT}interrupted"] if stats.interrupted else []
        _write(out, *lines, *summary_lines(stats, repeat=self._settings.repeat, jobs=self._settings.jobs))

    def hold_back(self, lines: Spool) -> None:
        """Keep the lines of a run that passed until all runs have ended. Safe to call from any thread."""
        with self._lock:
            self._passed = self._passed or _new_spool()
            for text in lines.read():
                self._passed.write(text)

    def claim_run(self) -> bool:
        """Return whether one more run may show what went wrong. Safe to call from any thread, once for each run."""
        with self._lock:
            self._runs_shown += 1
            return self._runs_shown <= _MOST_RUNS_SHOWN


class TextRunReport:
    """The lines of one run.

    Args:
        reporter: Knows how many runs have been shown.
        run: The run.
        out: Takes the lines.
        settings: Whether they have colours, and whole replies.
    """

    def __init__(self, reporter: TextReporter, run: RunInfo, out: Writer, settings: ReportSettings) -> None:
        self._reporter = reporter
        self._run = run
        self._out = out
        self._settings = settings
        self._is_quiet = run.of > 1 or settings.only_failures
        self._parts = Parts(run.name)
        self._is_shown: bool | None = None  # of a quiet run: whether it may show what went wrong
        self._held: Spool | None = None  # the lines so far, until it is known whether the run failed
        if settings.failures_first:
            self._held = _new_spool()
            self._out = _Held(self._held)
        self._whole_out = out

    def start(self) -> None:
        """Write the heading of the transcript, once for all of its runs."""
        if not self._settings.only_failures and self._run.number == 1:
            self._write_heading()

    def _write_heading(self) -> None:
        run = self._run
        often = f", {run.of:,} times" if run.of > 1 else ""
        _write(self._out, f"{run.name} -> {run.server}{often}" if run.server else f"{run.name}{often}")
        if run.insecure:
            _write(self._out, f"{INDENT}--insecure is on: certificates are not verified")

    def step(self, result: StepResult) -> None:
        """Write the lines of a step."""
        if self._is_quiet and (result.outcome is not Outcome.MISMATCHED or not self._may_show()):
            return
        for heading in self._parts.headings(result):
            _write(self._out, f"{INDENT}{heading}")
        settings = self._settings
        _write(
            self._out,
            *step_lines(result, color=settings.color, whole_reply=settings.whole_replies, times=settings.times),
        )

    def finish(self, result: ReplayResult) -> None:
        """Write what ended the run, if no step has said so."""
        if (ending := untold_ending(result)) and (not self._is_quiet or self._may_show()):
            _write(self._out, f"{INDENT}{ending}")
        if self._held is not None and result.ok:
            self._reporter.hold_back(self._held)
        elif self._held is not None:
            for text in self._held.read():
                self._whole_out.write(text)
            self._whole_out.flush()

    def _may_show(self) -> bool:
        if self._is_shown is None:
            self._is_shown = self._reporter.claim_run()
            if self._is_shown and self._settings.only_failures:
                self._write_heading()
            if self._is_shown and self._run.of > 1:
                _write(self._out, f"run {self._run.number}")
        return self._is_shown


class _Held:
    """Writer into a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def write(self, text: str) -> None:
        self._spool.write(text)

    def flush(self) -> None:
        """Do nothing: it is shown later."""


def _new_spool() -> Spool:
    from smtp_shell.replay.reporters.files import Spool

    return Spool()


def step_lines(step: StepResult, *, color: bool = False, whole_reply: bool = False, times: bool = False) -> list[str]:
    """Return the lines that report a step.

    Args:
        step: The step.
        color: Whether they have colours.
        whole_reply: Whether to show all lines of what came.
        times: Whether to show how long it took, in milliseconds.
    """
    word, style = _WORDS[step.outcome]
    number = str(step.lines[0]) if step.lines else "-"
    sent = step.sent.split("\n")[:_MOST_LINES] if step.sent else []
    what = _sent_line(sent[0]) if sent else _short(f"S: {_first(step.received)}") if step.lines else "(the greeting)"
    code = f"  {step.code}" if step.code and (sent or not step.lines) else ""
    took = f"{_milliseconds(step)} " if times else ""
    lines = [f"{paint(word, style) if color else word} {number:>4} {took} {what}{code}"]
    lines += [f"{INDENT}{_sent_line(line)}" for line in sent[1:]]
    if whole_reply and step.difference is None and step.received and (sent or "\n" in step.received):
        lines += _labelled("S: ", step.received)
    if whole_reply and step.difference is None and step.expected not in ("", step.received):
        lines += _labelled("as expected: ", step.expected)
    if step.outcome is Outcome.MISMATCHED:
        lines += _difference(step, color=color)
    elif step.why:
        lines.append(f"{INDENT}{step.why}")
    return lines


def summary_lines(stats: RunStats, *, repeat: int = 1, jobs: int = 1) -> Iterator[str]:
    """Yield the lines that sum up: what failed, and `3 transcripts, 57 steps: 56 matched, 1 differed`.

    Of many replays also how fast they were.

    Args:
        stats: The numbers of all replays.
        repeat: How many times each transcript was to be replayed.
        jobs: How many ran at a time.
    """
    parts = [
        f"{stats.counts[outcome]} {word}"
        for outcome, word in (
            (Outcome.MATCHED, "matched"),
            (Outcome.MISMATCHED, "differed"),
            (Outcome.SKIPPED, "skipped"),
            (Outcome.SENT, "sent with nothing expected"),
        )
        if stats.counts[outcome] or outcome is Outcome.MATCHED
    ]
    yield from (f"failed: {failure}" for failure in stats.failures.shown())
    what = _many(stats.replays, "replay" if repeat > 1 else "transcript")
    failed = f" ({stats.failed} failed)" if repeat > 1 and stats.failed else ""
    yield f"{what}{failed}, {_many(stats.steps, 'step')}: {', '.join(parts)}"
    yield from remarks(stats)
    if repeat > 1 or jobs > 1:
        together = f", {jobs} at a time" if jobs > 1 else ""
        yield (
            f"{stats.seconds:.3f} s{together}: {_per_second(stats.replays, stats.seconds)} replays a second, "
            f"{_per_second(stats.steps, stats.seconds)} steps a second"
        )
        yield _latencies("a replay", stats.replay_seconds)
        yield _latencies("a step", stats.step_seconds)


def _write(out: Writer, *lines: str) -> None:
    out.write(inert("\n".join([*lines, ""])))
    out.flush()


def _latencies(what: str, times: Latencies) -> str:
    shown = [(f"p{percent}", times.percentile(percent)) for percent in _PERCENTILES]
    named = [f"{name} {plain(seconds * 1000, 3)} ms" for name, seconds in (*shown, ("max", times.longest))]
    return f"{what:<8}  {', '.join(named)}"


def _per_second(number: int, seconds: float) -> str:
    rate = number / seconds if seconds else 0.0
    return f"{rate:,.0f}" if rate >= 100 else plain(rate, 3)


def _difference(step: StepResult, *, color: bool) -> Iterator[str]:
    if step.command is not None:
        command = step.sent.split("\n")[step.command : step.command + 1] or ["…"]
        yield f"{INDENT}the reply to line {step.line}, {_sent_line(command[0])}"
    if step.expected:
        yield from _labelled("expected: ", step.expected)
    if step.received:
        yield from _labelled("received: ", step.received)
    at = step.difference.at if step.difference is not None else None
    if at is not None and step.expected and step.received and "\n" not in step.received:
        below = f"{INDENT}{' ' * len('received: ')}{' ' * at}^"
        yield paint(below, _RED) if color else below
    yield f"{INDENT}{step.place}: {step.why}"


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n")[:_MOST_LINES]):
        yield f"{INDENT}{label if number == 0 else ' ' * len(label)}{line}"


def _sent_line(line: str) -> str:
    return _short(sent_line(line))


def _milliseconds(step: StepResult) -> str:
    return " " * 12 if step.outcome is Outcome.SKIPPED else f"{step.seconds * 1000:>9.1f} ms"


def _first(text: str) -> str:
    return text.partition("\n")[0]


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def paint(text: str, style: str) -> str:
    """Return a text in colour. Nothing else in the package makes control sequences by itself."""
    return f"\x1b[{style}m{text}\x1b[0m"

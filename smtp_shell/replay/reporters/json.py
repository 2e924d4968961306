"""The JSON report: one object a line, absent values left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from smtp_shell.replay.reporters.inert import inert_json
from smtp_shell.replay.results import Outcome

if TYPE_CHECKING:
    from smtp_shell.replay.reporters import ReportSettings, RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import Latencies, RunStats
    from smtp_shell.replay.workers import Writer

_PERCENTILES: Final = (50, 90, 95, 99)
_ALWAYS: Final = ("exit_status", "seconds")
_ALWAYS_IN_SUMMARY: Final = (*_ALWAYS, "replays", "steps", "matched")


class JsonReporter:
    """Reports every step, every run, and the batch.

    Args:
        settings: What it needs to know of the batch.
    """

    def __init__(self, settings: ReportSettings) -> None:
        self._settings = settings

    def for_run(self, run: RunInfo, out: Writer) -> JsonRunReport:
        """Return the report of a run."""
        server = run.server if run.servers > 1 else ""
        return JsonRunReport(run.number if run.of > 1 else 0, out, server, only_failures=self._settings.only_failures)

    def summary(self, stats: RunStats, out: Writer) -> None:
        """Write what all runs came to."""
        _write(out, summary_object(stats), _ALWAYS_IN_SUMMARY)


class JsonRunReport:
    """The objects of one run.

    Args:
        number: Which of several runs it is, from 1; 0 for the only one.
        out: Takes the lines.
        server: Which of several servers it is against; empty for the only one.
        only_failures: Whether steps that passed are left out.
    """

    def __init__(self, number: int, out: Writer, server: str = "", *, only_failures: bool = False) -> None:
        self._only_failures = only_failures
        self._number = number
        self._out = out
        self._server = server

    def start(self) -> None:
        """Write nothing: each object names its file."""

    def step(self, result: StepResult) -> None:
        """Write the object of a step."""
        if self._only_failures and result.outcome in (Outcome.MATCHED, Outcome.SENT):
            return
        _write(self._out, step_object(result, run=self._number, server=self._server))

    def finish(self, result: ReplayResult) -> None:
        """Write the object of the run."""
        _write(self._out, run_object(result, run=self._number, server=self._server))


def step_object(step: StepResult, *, run: int = 0, server: str = "") -> dict[str, object]:
    """Return a step as a JSON object.

    Args:
        step: The step.
        run: Which of several runs it is of, from 1; 0 for the only one.
        server: Which of several servers it is against; empty for the only one.
    """
    return {
        "file": step.path,
        "run": run,
        "server": server,
        "lines": list(step.lines),
        "verdict": step.outcome.value,
        "sent": step.sent,
        "expected": step.expected,
        "expected_line": step.expected_line,
        "expected_file": step.expected_path if step.expected_path != step.path else "",
        "command_line": step.line if step.command is not None else 0,
        "received": step.received,
        "code": step.code,
        "why": step.why,
        "seconds": round(step.seconds, 3),
        "edited": step.edited,
        "captures": dict(step.captures),
        "finally": step.in_finally,
    }


def run_object(result: ReplayResult, *, run: int = 0, server: str = "") -> dict[str, object]:
    """Return a run as a JSON object.

    Args:
        result: The run.
        run: Which of several runs it is, from 1; 0 for the only one.
        server: Which of several servers it is against, as in its steps; empty for the only one.
    """
    return {
        "file": result.path,
        "run": run,
        "server": server or result.server,
        "exit_status": result.exit_status,
        "failure": result.failure,
        "ending": result.ending,
        "tls": _tls(result),
        **{outcome.value: number for outcome, number in result.counts.items()},
        "seconds": round(result.seconds, 3),
    }


def _tls(result: ReplayResult) -> dict[str, object]:
    """Return the object of the TLS handshake that failed; empty if none did."""
    if result.tls is None:
        return {}
    from smtp_shell.display.tls_json import tls_object

    return tls_object(result.tls)


def summary_object(stats: RunStats) -> dict[str, object]:
    """Return the batch as a JSON object; percentiles are in seconds."""
    return {
        "summary": True,
        "replays": stats.replays,
        "failed": stats.failed,
        "steps": stats.steps,
        **{outcome.value: number for outcome, number in stats.counts.items()},
        "failures": list(stats.failures.shown()),
        "not_selected": stats.not_selected,
        "not_run": stats.not_run,
        "seed": "" if stats.seed is None else stats.seed,
        "over_budget": stats.over_budget,
        "exit_status": stats.exit_status,
        "seconds": round(stats.seconds, 6),
        "replays_per_second": _rate(stats.replays, stats.seconds),
        "steps_per_second": _rate(stats.steps, stats.seconds),
        "replay_seconds": _percentiles(stats.replay_seconds),
        "step_seconds": _percentiles(stats.step_seconds),
    }


def json_line(values: dict[str, object], always: tuple[str, ...] = _ALWAYS) -> str:
    """Return an object on one line, absent values left out.

    Args:
        values: The object.
        always: Names that are there whatever their value.
    """
    absent: tuple[object, ...] = ("", None, 0, False, [], {})
    return inert_json(
        json.dumps({name: value for name, value in values.items() if value not in absent or name in always})
    )


def _write(out: Writer, values: dict[str, object], always: tuple[str, ...] = _ALWAYS) -> None:
    out.write(f"{json_line(values, always)}\n")
    out.flush()


def _percentiles(times: Latencies) -> dict[str, float]:
    shown = {f"p{percent}": round(times.percentile(percent), 6) for percent in _PERCENTILES}
    return {**shown, "max": round(times.longest, 6)}


def _rate(number: int, seconds: float) -> float:
    return round(number / seconds, 3) if seconds else 0.0

"""The TAP report, version 14: a subtest for each run, a test point for each step, with a YAML block where it differs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from smtp_shell.figures import counted
from smtp_shell.replay.reporters.files import Spool
from smtp_shell.replay.reporters.inert import inert, inert_json
from smtp_shell.replay.reporters.wording import NOT_RUN, place_title, remarks, run_title, server_lines, untold_ending
from smtp_shell.replay.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.replay.reporters import ReportSettings, RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats

_INDENT: Final = "    "


class TapFormat:
    """TAP 14.

    Args:
        settings: What it needs to know of the batch.
    """

    signature = "# smtp-shell replay"

    def __init__(self, settings: ReportSettings) -> None:
        self.runs = 0

    def head(self) -> str:
        """Return the start of the document."""
        return f"TAP version 14\n{self.signature}\n"

    def run(self, info: RunInfo) -> TapRun:
        """Return an empty subtest."""
        return TapRun(self, info)

    def tail(self, stats: RunStats, problem: str) -> str:
        """Return what the batch as a whole came to, and the plan, which may stand at the end, or what ended the batch early."""
        more = stats.not_run - len(stats.first_not_run)
        skipped = [*stats.first_not_run, *([counted(more, "more run")] if more > 0 else [])]
        points = [
            *(("not ok", _description(f"--budget: {each}")) for each in stats.over_budget),
            *(("ok", f"{_description(each)} # SKIP {NOT_RUN}") for each in skipped),
        ]
        lines = [f"# {_line(each)}" for each in remarks(stats)]
        lines += [f"{word} {number} - {text}" for number, (word, text) in enumerate(points, self.runs + 1)]
        lines.append(f"Bail out! {_line(problem)}" if problem else f"1..{self.runs + len(points)}")
        return "".join(f"{line}\n" for line in lines)


class TapRun:
    """One subtest."""

    def __init__(self, form: TapFormat, info: RunInfo) -> None:
        self._form = form
        self._info = info
        self._title = _description(run_title(info))
        self._points = Spool()
        self._number = 0

    def step(self, result: StepResult) -> None:
        """Add a test point."""
        self._number += 1
        is_wrong = result.outcome is Outcome.MISMATCHED
        skip = f" # SKIP {_line(result.why)}" if result.outcome is Outcome.SKIPPED else ""
        description = _description(place_title(result, self._info))
        self._points.write(f"{_INDENT}{'not ok' if is_wrong else 'ok'} {self._number} - {description}{skip}\n")
        duration: dict[str, object] = {"duration_ms": round(result.seconds * 1000, 3)}
        facts = {**_facts(result), **duration} if is_wrong else duration
        if result.outcome is not Outcome.SKIPPED:
            self._points.write("".join(f"{_INDENT}  {line}\n" for line in _yaml(facts)))

    def parts(self, result: ReplayResult) -> Iterator[str]:
        """Return the subtest, and the test point that it is for the batch."""
        self._form.runs += 1
        yield f"# Subtest: {self._title}\n"
        yield from self._points.read()
        if ending := untold_ending(result):
            self._number += 1
            yield f"{_INDENT}not ok {self._number} - {_description(ending)}\n"
        yield f"{_INDENT}1..{self._number}\n"
        yield f"{'ok' if result.ok else 'not ok'} {self._form.runs} - {self._title}\n"
        if result.failure:
            yield "".join(
                f"  {line}\n" for line in _yaml({"message": result.failure, "exit_status": result.exit_status})
            )


def _facts(step: StepResult) -> dict[str, object]:
    place, line = (step.expected_path, step.expected_line) if step.expected_line else (step.path, step.line)
    facts: dict[str, object] = {"message": step.why, "at": {"file": place, "line": line} if line else {"file": place}}
    if step.expected:
        facts["wanted"] = step.expected
    if step.received:
        facts["found"] = step.received
    if len(lines := server_lines(step)) > 1:
        facts["reply"] = lines
    return facts


def _yaml(facts: dict[str, object]) -> Iterator[str]:
    # JSON is YAML, and leaves nothing to the rules of plain scalars.
    yield "---"
    yield from (f"{name}: {inert_json(json.dumps(value))}" for name, value in facts.items())
    yield "..."


def _line(text: str) -> str:
    return inert(" ".join(text.split()))


def _description(text: str) -> str:
    r"""Return a description: `#` would begin a directive, and a backslash an escape."""
    return _line(text.replace("\\", "\\\\").replace("#", "\\#"))

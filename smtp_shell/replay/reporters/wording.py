"""How reports name a step, and show its dialogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smtp_shell.replay.results import Outcome, shown_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.replay.reporters import RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import RunStats

NOT_RUN: Final = "not replayed: as many replays as --max-failures allows had failed"
_SHORT: Final = 60
_MOST_LINES: Final = 100


def sent_line(line: str) -> str:
    """Return a line of a step as a report shows it: with `C:` in front, unless it is no line that was sent."""
    return line if line.startswith(("(", "*:")) else f"C: {line}"


def title(step: StepResult) -> str:
    """Return the name of a step, on one short line: what was sent, or what was awaited. It is the same in each run."""
    if step.sent:
        found = sent_line(step.sent.partition("\n")[0])
    elif step.lines:
        found = f"S: {step.expected.partition(chr(10))[0]}" if step.expected else "(the server)"
    else:
        found = "(the greeting)"
    return found if len(found) <= _SHORT else f"{found[: _SHORT - 1]}…"


def place_title(step: StepResult, run: RunInfo) -> str:
    """Return the name of a step with its place: the part of the transcript, another file than the transcript itself, and the line.

    Args:
        step: The step.
        run: The run that it is of.
    """
    part = "finally, " if step.in_finally else ""
    file = f"{step.path} " if step.path != run.name else ""
    line = f"line {step.lines[0]}" if step.lines else ""
    where = f"{part}{file}{line}".rstrip(", ")
    return f"{where}: {title(step)}" if where else title(step)


class Parts:
    """Where another part of a dialogue begins: another file, or what follows `*: finally`.

    Args:
        name: The transcript's name, escaped.
    """

    def __init__(self, name: str) -> None:
        self._path = name  # of the file that the last step stood in
        self._in_finally = False

    def headings(self, step: StepResult) -> Iterator[str]:
        """Yield the lines that stand before a step; steps come in their order, each once."""
        if step.in_finally and not self._in_finally:
            self._in_finally = True
            yield "*: finally"
        if step.path != self._path:
            self._path = step.path
            yield f"in {step.path}"


def remarks(stats: RunStats) -> Iterator[str]:
    """Yield what a user must know of the batch as a whole."""
    if stats.not_selected:
        yield f"not selected by --tag: {stats.not_selected} {'transcript' if stats.not_selected == 1 else 'transcripts'}"
    if stats.not_run:
        yield f"not replayed, by --max-failures: {stats.not_run}"
    if stats.seed is not None:
        yield f"shuffled; the same order again: --seed {stats.seed}"
    yield from (f"over budget: {sentence}." for sentence in stats.over_budget)


def run_title(run: RunInfo) -> str:
    """Return the name of a run: the transcript, the server, and which of several runs it is."""
    number = f" (run {run.number} of {run.of})" if run.of > 1 else ""
    return f"{run.name} -> {run.server}{number}" if run.server else f"{run.name}{number}"


def untold_ending(result: ReplayResult) -> str | None:
    """Return what ended a run, in a sentence, where no step has said so; None or empty where nothing did."""
    return result.ending or (None if result.counts[Outcome.MISMATCHED] else result.failure)


def client_lines(step: StepResult) -> list[str]:
    """Return the lines that were sent, or were to be."""
    return [sent_line(line) for line in step.sent.split("\n")[:_MOST_LINES]] if step.sent else []


def server_lines(step: StepResult) -> list[str]:
    """Return the lines that came, without a mark in front."""
    texts = (each if isinstance(each, str) else shown_reply(each) for each in step.replies)
    lines = [line for text in texts for line in text.split("\n")]
    return (lines or (step.received.split("\n") if step.received else []))[:_MOST_LINES]


def dialogue_lines(step: StepResult) -> Iterator[str]:
    """Yield the lines of a step's dialogue, each with its mark."""
    skipped = "  (not sent)" if step.outcome is Outcome.SKIPPED else ""
    yield from (f"{line}{skipped}" for line in client_lines(step))
    yield from (f"S: {line}" for line in server_lines(step))


def difference_lines(step: StepResult) -> Iterator[str]:
    """Yield what differs, in plain words: the place, the expected lines, and those that came."""
    yield f"{step.place}: {step.why}"
    for label, text in (("expected: ", step.expected), ("received: ", step.received)):
        for number, line in enumerate(text.split("\n")[:_MOST_LINES] if text else ()):
            yield f"{label if number == 0 else ' ' * len(label)}{line}"

"""How reports name a step, and show its dialogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smtp_shell.replay.results import Outcome, shown_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.replay.reporters import RunInfo
    from smtp_shell.replay.results import StepResult

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


def run_title(run: RunInfo) -> str:
    """Return the name of a run: the transcript, the server, and which of several runs it is."""
    number = f" (run {run.number} of {run.of})" if run.of > 1 else ""
    return f"{run.name} -> {run.server}{number}" if run.server else f"{run.name}{number}"


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

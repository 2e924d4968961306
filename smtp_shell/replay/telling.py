"""What came of replays in words: lines for a person, JSON lines for a program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smtp_shell.replay.latency import Latencies
from smtp_shell.replay.results import Outcome, ReplayResult, StepResult
from smtp_shell.replay.stats import Tally

_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"
_WORDS: Final = {
    Outcome.MATCHED: ("ok  ", _GREEN),
    Outcome.SENT: ("sent", _DIM),
    Outcome.MISMATCHED: ("FAIL", _RED),
    Outcome.SKIPPED: ("skip", _YELLOW),
}
_MATCHED: Final = Outcome.MATCHED
INDENT: Final = " " * 11
_PERCENTILES: Final = (50, 90, 95, 99)
_ALWAYS: Final = ("exit_status", "seconds")
_SHORT = 60
_MOST_LINES = 20


def heading(name: str, server: str, *, times: int = 1) -> str:
    """Name a replay.

    Args:
        name: The transcript's name, escaped.
        server: What it is replayed against; empty when the transcript says that.
        times: How often it is replayed.
    """
    often = f", {times:,} times" if times > 1 else ""
    return f"{name} -> {server}{often}" if server else f"{name}{often}"


def step_lines(step: StepResult, *, color: bool = False) -> Iterator[str]:
    """Give the lines that tell what came of a step.

    Args:
        step: The step.
        color: Whether they have colours.
    """
    word, style = _WORDS[step.outcome]
    number = str(step.lines[0]) if step.lines else "-"
    sent = step.sent.split("\n")[:_MOST_LINES] if step.sent else []
    what = _sent_line(sent[0]) if sent else _short(f"S: {_first(step.received)}") if step.lines else "(the greeting)"
    code = f"  {step.code}" if step.code and (sent or not step.lines) else ""
    yield f"{_paint(word, style) if color else word} {number:>4}  {what}{code}"
    if step.outcome is _MATCHED and len(sent) < 2 and not step.why:
        return
    for line in sent[1:]:
        yield f"{INDENT}{_sent_line(line)}"
    if step.outcome is Outcome.SKIPPED or (step.outcome is not Outcome.MISMATCHED and step.why):
        yield f"{INDENT}{step.why}"
    if step.outcome is Outcome.MISMATCHED:
        yield from _difference(step, color=color)


def summary(tally: Tally, *, repeat: int = 1, jobs: int = 1) -> Iterator[str]:
    """Sum up: `3 transcripts, 57 steps: 56 matched, 1 differed`; of many replays also how fast they went.

    Args:
        tally: What the replays came to.
        repeat: How often each transcript was to be replayed.
        jobs: How many went on at a time.
    """
    parts = [
        f"{tally.counts[outcome]} {word}"
        for outcome, word in (
            (Outcome.MATCHED, "matched"),
            (Outcome.MISMATCHED, "differed"),
            (Outcome.SKIPPED, "skipped"),
            (Outcome.SENT, "sent with nothing expected"),
        )
        if tally.counts[outcome] or outcome is Outcome.MATCHED
    ]
    what = _many(tally.replays, "replay" if repeat > 1 else "transcript")
    failed = f" ({tally.failed} failed)" if repeat > 1 and tally.failed else ""
    yield f"{what}{failed}, {_many(tally.steps, 'step')}: {', '.join(parts)}"
    if repeat > 1 or jobs > 1:
        together = f", {jobs} at a time" if jobs > 1 else ""
        yield (
            f"{tally.seconds:.3f} s{together}: {_per_second(tally.replays, tally.seconds)} replays a second, "
            f"{_per_second(tally.steps, tally.seconds)} steps a second"
        )
        yield _latencies("a replay", tally.replay_seconds)
        yield _latencies("a step", tally.step_seconds)


def json_step(step: StepResult, *, run: int = 0) -> str:
    """Write what came of a step as one JSON object on one line.

    Args:
        step: The step.
        run: Which of several runs it is of, from 1; 0 for the only one.
    """
    return _json_line(
        {
            "file": step.path,
            "run": run,
            "lines": list(step.lines),
            "verdict": step.outcome.value,
            "sent": step.sent,
            "expected": step.expected,
            "received": step.received,
            "code": step.code,
            "why": step.why,
            "seconds": round(step.seconds, 3),
            "edited": step.edited,
        }
    )


def json_result(result: ReplayResult, *, run: int = 0) -> str:
    """Write what came of a replay as one JSON object on one line.

    Args:
        result: The replay.
        run: Which of several runs it is, from 1; 0 for the only one.
    """
    return _json_line(
        {
            "file": result.path,
            "run": run,
            "server": result.server,
            "exit_status": result.exit_status,
            "failure": result.failure,
            **{outcome.value: number for outcome, number in result.counts.items()},
            "seconds": round(result.seconds, 3),
        }
    )


def json_summary(tally: Tally) -> str:
    """Write what all replays came to as one JSON object on one line; percentiles are in seconds."""
    return _json_line(
        {
            "summary": True,
            "replays": tally.replays,
            "failed": tally.failed,
            "steps": tally.steps,
            **{outcome.value: number for outcome, number in tally.counts.items()},
            "exit_status": tally.exit_status,
            "seconds": round(tally.seconds, 6),
            "replays_per_second": _rate(tally.replays, tally.seconds),
            "steps_per_second": _rate(tally.steps, tally.seconds),
            "replay_seconds": _percentiles(tally.replay_seconds),
            "step_seconds": _percentiles(tally.step_seconds),
        }
    )


def _json_line(told: dict[str, object]) -> str:
    absent: tuple[object, ...] = ("", None, 0, False, [])
    always = ("exit_status", "seconds", "replays", "steps", "matched") if "summary" in told else _ALWAYS
    kept = {name: value for name, value in told.items() if value not in absent or name in always}
    import json

    return json.dumps(kept, ensure_ascii=True)


def _percentiles(times: Latencies) -> dict[str, float]:
    shown = {f"p{percent}": round(times.percentile(percent), 6) for percent in _PERCENTILES}
    return {**shown, "max": round(times.longest, 6)}


def _latencies(what: str, times: Latencies) -> str:
    shown = [f"{name} {seconds * 1000:.3g} ms" for name, seconds in _percentiles(times).items()]
    return f"{what:<8}  {', '.join(shown)}"


def _rate(number: int, seconds: float) -> float:
    return round(number / seconds, 3) if seconds else 0.0


def _per_second(number: int, seconds: float) -> str:
    rate = _rate(number, seconds)
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _difference(step: StepResult, *, color: bool) -> Iterator[str]:
    if step.expected:
        yield from _labelled("expected: ", step.expected)
    if step.received:
        yield from _labelled("received: ", step.received)
    mark = _first_difference(step.expected, step.received)
    if mark is not None:
        below = f"{INDENT}{' ' * len('received: ')}{' ' * mark}^"
        yield _paint(below, _RED) if color else below
    yield f"{INDENT}{step.why}"


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n")[:_MOST_LINES]):
        yield f"{INDENT}{label if number == 0 else ' ' * len(label)}{line}"


def _first_difference(expected: str, received: str) -> int | None:
    """Find where two lines begin to differ; None where a mark beneath them would say nothing."""
    if not expected or not received or "\n" in expected + received or expected.startswith(("S~ ", "S| ", "*: ")):
        return None
    pairs = zip(expected, received, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(expected), len(received)))


def _sent_line(line: str) -> str:
    return _short(line if line.startswith(("(", "*:")) else f"C: {line}")


def _first(text: str) -> str:
    return text.partition("\n")[0]


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _paint(text: str, style: str) -> str:
    """Colour a text; the one place where control sequences are made."""
    return f"\x1b[{style}m{text}\x1b[0m"

"""Tell what came of replays, as plain lines or JSON; without rich, so that a replay in CI starts quickly."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from smtp_shell.errors import Interrupted
from smtp_shell.target import Target
from smtp_shell.transcript.batch import prepare
from smtp_shell.transcript.record import Recording, recording_header
from smtp_shell.transcript.replay import Replay
from smtp_shell.transcript.result import Outcome, ReplayResult, StepResult
from smtp_shell.transcript.settings import ReplaySettings

_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"
_WORDS: Final = {
    Outcome.MATCHED: ("ok", _GREEN),
    Outcome.SENT: ("sent", _DIM),
    Outcome.MISMATCHED: ("FAIL", _RED),
    Outcome.SKIPPED: ("skip", _YELLOW),
}
_INDENT = " " * 11
_SHORT = 60
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class ReplayOptions:
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
    """

    paths: Sequence[Path]
    servers: Sequence[str | Target] = ()
    settings: ReplaySettings = field(default_factory=ReplaySettings)
    json: bool = False
    color: bool = False
    record: Path | None = None
    force: bool = False
    hand_over: Callable[[Replay], None] | None = None


class Writer(Protocol):
    """What lines can be written to."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> None:
        """Show what was written."""


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

    def tell(line: str) -> None:
        out.write(f"{line}\n")
        out.flush()

    def tell_step(step: StepResult) -> None:
        for line in [json_line(step)] if options.json else step_lines(step, color=options.color):
            tell(line)

    settings = replace(options.settings, progress=tell_step)
    results: list[ReplayResult] = []
    recording: Recording | None = None
    with ExitStack() as stack:
        replays = prepare(options.paths, settings, options.servers)
        if options.record is not None:
            recording = Recording.create(
                options.record, recording_header(), overwrite=options.force, on_failure=_say_loudly
            )
            stack.callback(recording.close)
            for each in replays:
                each.settings = replace(each.settings, consumers=(*each.settings.consumers, recording))
        for each in replays:
            if not options.json:
                tell(heading(each.name, str(each.settings.server or "")))
                if each.settings.tls_settings.insecure:
                    tell(f"{_INDENT}--insecure is on: certificates are not verified")
            # What the steps were has been told; only the numbers are kept.
            result = replace(each.run(), steps=())
            results.append(result)
            if options.json:
                tell(json_line(result))
            elif result.failure is not None and not result.counts[Outcome.MISMATCHED]:
                tell(f"{_INDENT}{result.failure}")
            if result.handed_over and options.hand_over is not None:
                options.hand_over(each)
            if result.exit_status == Interrupted.exit_status or result.handed_over:
                break
    if not options.json:
        tell(summary(results))
    unrecorded = int(recording is not None and recording.failed)
    return max([unrecorded, *(result.exit_status for result in results)])


def _say_loudly(sentence: str) -> None:
    """Tell on standard error what must not be missed, and what is no result."""
    sys.stderr.write(f"{sentence}\n")


def heading(name: str, server: str) -> str:
    """Name a replay.

    Args:
        name: The transcript's name, escaped.
        server: What it is replayed against; empty when the transcript says that.
    """
    return f"{name} -> {server}" if server else name


def step_lines(step: StepResult, *, color: bool = False) -> Iterator[str]:
    """Give the lines that tell what came of a step.

    Args:
        step: The step.
        color: Whether they have colours.
    """
    word, style = _WORDS[step.outcome]
    number = str(step.lines[0]) if step.lines else "-"
    sent = (
        [line if line.startswith(("(", "*:")) else f"C: {line}" for line in step.sent.split("\n")] if step.sent else []
    )
    heard = step.received.partition("\n")[0]
    what = _short(sent[0]) if sent else _short(f"S: {heard}") if step.lines else "(the greeting)"
    code = f"  {step.code}" if step.code and (sent or not step.lines) else ""
    yield f"{_paint(f'{word:<4}', style, color=color)} {number:>4}  {what}{code}"
    for line in sent[1:_MOST_LINES]:
        yield f"{_INDENT}{_short(line)}"
    if step.outcome is Outcome.SKIPPED or (step.outcome is not Outcome.MISMATCHED and step.why):
        yield f"{_INDENT}{step.why}"
    if step.outcome is Outcome.MISMATCHED:
        yield from _difference(step, color=color)


def summary(results: Sequence[ReplayResult]) -> str:
    """Sum up: `3 transcripts, 57 steps: 56 matched, 1 differed`.

    Args:
        results: The replays.
    """
    counts = {outcome: sum(result.counts.get(outcome, 0) for result in results) for outcome in Outcome}
    parts = [
        f"{counts[outcome]} {word}"
        for outcome, word in (
            (Outcome.MATCHED, "matched"),
            (Outcome.MISMATCHED, "differed"),
            (Outcome.SKIPPED, "skipped"),
            (Outcome.SENT, "sent with nothing expected"),
        )
        if counts[outcome] or outcome is Outcome.MATCHED
    ]
    return f"{_many(len(results), 'transcript')}, {_many(sum(counts.values()), 'step')}: {', '.join(parts)}"


def json_line(result: StepResult | ReplayResult) -> str:
    """Write a result as one JSON object on one line."""
    if isinstance(result, StepResult):
        told: dict[str, object] = {
            "file": result.path,
            "lines": list(result.lines),
            "verdict": result.outcome.value,
            "sent": result.sent,
            "expected": result.expected,
            "received": result.received,
            "code": result.code,
            "why": result.why,
            "seconds": round(result.seconds, 3),
            "edited": result.edited,
        }
    else:
        told = {
            "file": result.path,
            "server": result.server,
            "exit_status": result.exit_status,
            "failure": result.failure,
            **{outcome.value: number for outcome, number in result.counts.items()},
            "seconds": round(result.seconds, 3),
        }
    absent: tuple[object, ...] = ("", None, 0, False, [])
    kept = {name: value for name, value in told.items() if value not in absent or name in ("exit_status", "seconds")}
    return json.dumps(kept, ensure_ascii=True)


def _difference(step: StepResult, *, color: bool) -> Iterator[str]:
    if step.expected:
        yield from _labelled("expected: ", step.expected)
    if step.received:
        yield from _labelled("received: ", step.received)
    mark = _first_difference(step.expected, step.received)
    if mark is not None:
        yield _paint(f"{_INDENT}{' ' * len('received: ')}{' ' * mark}^", _RED, color=color)
    yield f"{_INDENT}{step.why}"


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n")[:_MOST_LINES]):
        yield f"{_INDENT}{label if number == 0 else ' ' * len(label)}{line}"


def _first_difference(expected: str, received: str) -> int | None:
    """Find where two lines begin to differ; None where a mark beneath them would say nothing."""
    if not expected or not received or "\n" in expected + received or expected.startswith(("S~ ", "S| ", "*: ")):
        return None
    pairs = zip(expected, received, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(expected), len(received)))


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _paint(text: str, style: str, *, color: bool) -> str:
    """Colour a text; the one place where control sequences are made."""
    return f"\x1b[{style}m{text}\x1b[0m" if color else text

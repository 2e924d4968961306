"""Judges of transcripts: a recording is the start of the dialogue, cut at a line, and has all that was shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO

from smtp_shell.errors import SmtpShellError
from smtp_shell.transcript.reader import TranscriptReader
from tests.crash.room import Case, Kept
from tests.crash.writer import REASONS, Judge

_SHOWN = re.compile(r"(?m)^(?:.  | +[0-9.]+  )?([CS]): ?(.*)$")
_VARYING = (
    (re.compile(r"queued as \w+"), "queued as *"),
    (re.compile(r"^(Date|Message-ID): .*$"), "*"),
    (re.compile(r"127\.0\.0\.1:[0-9]+"), "127.0.0.1:*"),
    (re.compile(r"^[\w.-]+\.[0-9]+\.eml$"), "*.eml"),
)


def steps_of(octets: bytes) -> list[tuple[str, str]]:
    """Return the markers and texts of a transcript's steps, with a mark where runs differ.

    Raises:
        SmtpShellError: It is malformed.
    """
    return [(str(step.marker), _same(step.text)) for step in TranscriptReader(BytesIO(octets), "it")]


def judge_recording(pattern: str, *, shown: bool = True, done: str = "", either_closes: bool = False) -> Judge:
    """Return a judge of the recordings whose names match a pattern.

    Args:
        pattern: Pattern of their names in the room.
        shown: Whether what the screen shows must be in each of them.
        either_closes: Whether the recorder stands between two sides, which both close after QUIT, and may see either first.
        done: What the program says when one is whole, for a file that is not to be there before; empty for one that grows.
    """

    def judge(case: Case) -> Iterable[str]:
        clean = next((kept.octets for name, kept in case.clean.items() if re.fullmatch(pattern, name)), b"")
        found = _new(pattern, case)
        if not case.kind and not found:
            yield f"there is no new {pattern}"
        if case.is_killed and shown and not found:
            yield from _lacks(case, [], pattern)
        for name, kept in found:
            yield from _judge_one(name, kept.octets, clean, case, shown=shown, either_closes=either_closes)
            # A recording that has stopped, and said so, can be saved too.
            is_told = bool(case.kind) and REASONS.get(case.kind, "-") in case.outcome.text.lower()
            if done and not is_told and len(steps_of(kept.octets)) != len(steps_of(clean)):
                yield f"{name} is half a file"
        if done and done in case.outcome.out and not found:
            yield f"it says `{done}`, and there is no {pattern}"

    return judge


def _new(pattern: str, case: Case) -> list[tuple[str, Kept]]:
    """Return the recordings that are not as they were before."""
    matching = ((name, kept) for name, kept in case.after.items() if re.fullmatch(pattern, name))
    return [(name, kept) for name, kept in matching if case.before.get(name) != kept]


def _judge_one(
    name: str, octets: bytes, clean: bytes, case: Case, *, shown: bool, either_closes: bool
) -> Iterator[str]:
    if not octets:
        yield f"{name} is empty"
        return
    whole = steps_of(clean)
    try:
        found = steps_of(octets)
    except SmtpShellError as error:
        yield f"{name} is no transcript: {error}"
        return
    if "452 4.3.1" in case.outcome.out:  # the server's disk is full too, and so the dialogue is another one
        return
    if either_closes:
        whole, found = [*map(_same_end, whole)], [*map(_same_end, found)]
    if (difference := _difference(found, whole)) is not None:
        yield f"{name} has {difference}"
    is_cut = len(found) < len(whole)
    if not case.kind and is_cut:
        yield f"{name} is not whole"
    if case.is_killed and shown:
        yield from _lacks(case, found, name)
    if case.kind and not case.is_killed and is_cut and REASONS[case.kind] not in case.outcome.text.lower():
        yield f"{name} is cut off, and nothing says so"


def _same_end(step: tuple[str, str]) -> tuple[str, str]:
    return ("*:", "close") if step == ("*:", "close server") else step


def _difference(found: Sequence[tuple[str, str]], whole: Sequence[tuple[str, str]]) -> str | None:
    """Return where a transcript is not the start of the whole one."""
    for number, ours in enumerate(found):
        if number >= len(whole):
            return f"{ours[1]!r} after the end"
        if ours != whole[number]:
            # Mail data that is too long is written into the transcript first, and then moves to a file beside it.
            return None if whole[number][0] == "C<" and ours[0] == "C:" else f"{ours!r} in place of {whole[number]!r}"
    return None


def _lacks(case: Case, found: Sequence[tuple[str, str]], name: str) -> Iterator[str]:
    """Yield what the record of a run that was killed lacks: it must have all that the screen showed but the line in flight."""
    recorded = {(marker[:1], text.rstrip()) for marker, text in found}
    # The octets of a message are beside the transcript where it names a file.
    moved = any(marker == "C<" for marker, _ in found) or any(key.endswith(".eml") for key in case.after)
    shown = [(marker, _same(text).rstrip()) for marker, text in _SHOWN.findall(case.outcome.out)]
    missing = [each for each in shown if each not in recorded and not (moved and each[0] == "C")]
    if len(missing) > 1:
        yield f"{name} lacks {len(missing)} lines that the screen showed: {missing[0]!r} and others"


def _same(text: str) -> str:
    for pattern, mark in _VARYING:
        text = pattern.sub(mark, text)
    return text

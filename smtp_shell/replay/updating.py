"""`--update`: the expectations of a transcript, rewritten from what was received.

A reply that is as expected is not touched. In one that differs only the lines that differ are: notes, times, layout and the kinds of lines
(`S=`, `S|`) stay. A pattern (`S~`) stays where a line of the reply meets it, and is never rewritten: nobody can tell what it was to say.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.matching.expectation import ExpectedLine, Strictness
from smtp_shell.protocol.masking import may_answer
from smtp_shell.protocol.octets import CRLF, escape, escape_str, unescape
from smtp_shell.transcript.included_line import file_of
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import CLIENT_LINES, Marker, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from smtp_shell.replay.results import Answer

_LINE: Final = re.compile(r"(\ufeff?[ \t]*(?:[0-9]{1,9}(?:\.[0-9]{1,6})?[ \t]+)?)(S[:|=~])( ?)(.*)", re.DOTALL)
_BEFORE: Final = re.compile(r"\ufeff?[ \t]*(?:[0-9]{1,9}(?:\.[0-9]{1,6})?[ \t]+)?(?=C[:&|<]|S[:|=~]|\*:|#)")
_LONGEST_LINE: Final = 16_000
_MOST_PAIRS: Final = 250_000
_ANNOUNCING: Final = ("EHLO", "LHLO")
_BEGINS_EXCHANGE: Final = Step(Marker.CLIENT, "AUTH LOGIN")

Place: TypeAlias = "tuple[int, int]"


class Edit(Struct, frozen=True):
    """Lines of a file that others take the place of.

    Args:
        first: Number of the first line; the line before which lines are added, where `last` is the one before it.
        last: Number of the last line.
        old: The lines, without their line ends.
        new: The lines in their place.
    """

    first: int
    last: int
    old: tuple[str, ...]
    new: tuple[str, ...]


class FileUpdate(Struct, frozen=True):
    """What is to be changed in one transcript.

    Args:
        path: The file.
        edits: The changes, in the order of the file.
        left: What differs and cannot be rewritten, in sentences with FILE:LINE.
        stamp: What tells whether the file has changed since.
        is_included: Whether it is one that a transcript includes.
    """

    path: Path
    edits: tuple[Edit, ...]
    left: tuple[str, ...]
    stamp: tuple[int, ...]
    is_included: bool


class _ByHand(Exception):
    """A reply that cannot be rewritten; with the reason."""


class AnswerLog:
    """The answers of a run that differ, as `ReplaySettings.observe` is called with them.

    An answer is one of the file that its expectation stands in: the transcript, or what it includes.

    Args:
        paths: The transcripts.

    Attributes:
        differing: The answers that differ, for each file.
        files: For each transcript, by its name, the files in which its answers differ.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.differing: dict[Path, list[Answer]] = {}
        self.files: dict[str, set[Path]] = {}
        self._paths = {escape_str(str(path)): path for path in paths}
        self._stamps = {path: stamp_of(path) for path in self._paths.values()}
        self._met: dict[Path, set[int]] = {}  # of each included file: expectations that were met in one place at least

    def __call__(self, answer: Answer) -> None:
        """Note an answer."""
        path = self._paths.get(answer.path)
        if path is None:
            return
        _, line = _place_of(answer)
        if included := file_of(line):
            path = Path(unescape(included).decode("utf-8", "surrogateescape"))
            if path not in self._stamps:
                self._stamps[path] = stamp_of(path)
            if answer.ok:
                self._met.setdefault(path, set()).add(int(line))
        if not answer.ok:
            self.differing.setdefault(path, []).append(answer)
            self.files.setdefault(answer.path, set()).add(path)

    def updates(self) -> Iterator[FileUpdate]:
        """Yield what is to be changed in each transcript that differs.

        Raises:
            UsageError: A file cannot be read any more.
        """
        for path, answers in self.differing.items():
            yield plan_update(path, answers, self._stamps[path], self._met.get(path, ()))


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return what tells whether a file has changed; empty where it cannot be told."""
    try:
        facts = os.stat(path)
    except OSError:
        return ()
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def plan_update(path: Path, answers: Sequence[Answer], stamp: tuple[int, ...], met: Collection[int] = ()) -> FileUpdate:
    """Return what is to be changed in a transcript.

    Args:
        path: The file.
        answers: The answers that differ.
        stamp: What `stamp_of` returned when it was replayed.
        met: Lines of expectations that were met in another place that includes the file.

    Raises:
        UsageError: The file cannot be read.
    """
    from smtp_shell.replay.file_lines import read_lines

    is_included = any(file_of(_place_of(each)[1]) for each in answers)
    name = escape_str(str(path))
    wanted = {line.line for answer in answers for line in answer.lines} | {answer.after for answer in answers}
    raw = {number: text for number, text, _ in read_lines(path) if number in wanted}
    edits: list[Edit] = []
    left: list[str] = []
    for (_, number), same in _by_place(answers) if is_included else [(_place_of(each), [each]) for each in answers]:
        try:
            edits += _edits_of_included(same, raw, met) if is_included else _edits_of(same[0], raw)
        except _ByHand as reason:
            left.append(f"{name}:{number}: {reason}")
    edits.sort(key=lambda edit: (edit.first, edit.last))
    return FileUpdate(path, tuple(edits), tuple(left), stamp, is_included)


def _place_of(answer: Answer) -> tuple[bool, int]:
    """Return whether a reply is expected, and the line of that; or the line after which it came."""
    return (True, answer.lines[0].line) if answer.lines else (False, answer.after)


def _by_place(answers: Sequence[Answer]) -> Iterable[tuple[tuple[bool, int], list[Answer]]]:
    """Return the answers to each expectation of a file that may be included several times."""
    found: dict[tuple[bool, int], list[Answer]] = {}
    for each in answers:
        found.setdefault(_place_of(each), []).append(each)
    return found.items()


def _edits_of_included(same: Sequence[Answer], raw: dict[int, str], met: Collection[int]) -> list[Edit]:
    """Return the changes for the replies to one expectation of an included file.

    Raises:
        _ByHand: They cannot be rewritten so that they are right in each place that includes it.
    """
    first = same[0]
    if not first.lines:
        raise _ByHand("a reply came that this included file does not have; add it by hand")
    if len({file_of(line.line) for line in first.lines}) > 1:
        raise _ByHand("the reply is expected in two files; change it by hand")
    edits = _edits_of(first, raw)
    if first.lines[0].line in met or any(_edits_of(each, raw) != edits for each in same):
        raise _ByHand("this line is included more than once, and the replies to it differ; change it by hand")
    return edits


def _edits_of(answer: Answer, raw: dict[int, str]) -> list[Edit]:
    """Return the changes for one reply.

    Raises:
        _ByHand: It cannot be rewritten.
    """
    if answer.octets is None:
        raise _ByHand("no whole reply came, and what is expected stays as it is")
    if answer.broken:
        raise _ByHand("the reply broke the protocol, and what is expected stays as it is")
    came = _cut(answer.octets)
    if not answer.lines:
        layout = _layout_of(raw.get(answer.after, ""))
        new = tuple(f"{layout}{_rendered(Marker.SERVER, line)}" for line in came)
        return [Edit(answer.after + 1, answer.after, (), new)]
    numbers = [line.line for line in answer.lines]
    if len(set(numbers)) < len(numbers):
        raise _ByHand("an S| line holds more than one line of the reply; change it by hand")
    old = [_old_line(line, raw) for line in answer.lines]
    if _is_code_alone(answer):
        line = answer.lines[0]
        text = f"{old[0]}{line.marker} {came[-1][:3].decode('ascii', 'replace')}"
        return [Edit(line.line, line.line, (raw[line.line],), (text,))]
    pairs = _aligned(answer, came)
    return list(_changes(answer, came, pairs, old, raw))


def _old_line(line: ExpectedLine, raw: dict[int, str]) -> str:
    """Return what precedes the marker of a line.

    Raises:
        _ByHand: The line is not what was compared.
    """
    found = _LINE.fullmatch(raw.get(line.line, ""))
    if found is None or found[2] != line.marker or not _is_text_of(line, found[4]):
        raise _ByHand("the line is not in this file as it was compared; change it by hand")
    return found[1]


def _is_text_of(line: ExpectedLine, text: str) -> bool:
    if line.marker is Marker.SERVER_OCTETS:  # its text is written anew when it is cut into lines
        return unescape(text) == line.octets
    return clean(text) == line.text


def _is_code_alone(answer: Answer) -> bool:
    """Return whether a code is all that the transcript says, and all that is compared."""
    line = answer.lines[0]
    is_bare = len(answer.lines) == 1 and line.marker is Marker.SERVER and not line.words
    return is_bare and answer.strictness < Strictness.TEXT and not line.continues


def _changes(
    answer: Answer, came: Sequence[bytes], pairs: Sequence[Place], old: Sequence[str], raw: dict[int, str]
) -> Iterator[Edit]:
    """Yield the changes between pairs of an expected line and a line of the reply that meets it.

    Raises:
        _ByHand: A line to change is a pattern.
    """
    lines = answer.lines
    is_literal = all(line.marker is Marker.SERVER_EQUALS for line in lines)
    added = Marker.SERVER_EQUALS if is_literal else Marker.SERVER
    index = place = 0
    for kept, met in (*pairs, (len(lines), len(came))):
        gap, fresh = lines[index:kept], came[place:met]
        for line in gap:
            if line.pattern is not None:
                raise _ByHand(f"no line of the reply meets the pattern in line {line.line}; change it by hand")
        layouts = [*old[index:kept], *([old[max(kept - 1, 0)]] * len(fresh))]
        markers = [*(line.marker for line in gap), *([added] * len(fresh))]
        new = tuple(
            f"{layout}{_rendered(marker, line)}" for layout, marker, line in zip(layouts, markers, fresh, strict=False)
        )
        yield from _edit(gap, new, raw, before=lines[kept - 1].line if kept else lines[0].line - 1)
        if kept < len(lines) and (text := _with_separator(lines[kept], came[met], old[kept])):
            yield Edit(lines[kept].line, lines[kept].line, (raw[lines[kept].line],), (text,))
        index, place = kept + 1, met + 1


def _edit(gap: Sequence[ExpectedLine], new: tuple[str, ...], raw: dict[int, str], *, before: int) -> Iterator[Edit]:
    """Yield the changes for lines that follow one another in the reply; notes may stand between them in the file."""
    if not gap:
        if new:
            yield Edit(before + 1, before, (), new)
        return
    for line, text in zip(gap, new, strict=False):
        is_last = line is gap[min(len(gap), len(new)) - 1]
        texts = (text, *new[len(gap) :]) if is_last else (text,)
        yield Edit(line.line, line.line, (raw[line.line],), texts)
    for line in gap[len(new) :]:
        yield Edit(line.line, line.line, (raw[line.line],), ())


def _with_separator(line: ExpectedLine, came: bytes, layout: str) -> str:
    """Return a line that stays, but for whether more of the reply follow it; empty where that is the same."""
    if line.marker is not Marker.SERVER or line.text[3:4] not in ("-", " ", ""):
        return ""
    head = came[:4].decode("ascii", "replace").rstrip("\r\n")
    if line.text[:4].strip() == head.strip() or line.text[:3] != head[:3]:
        return ""
    return f"{layout}{line.marker} {head}{line.text[4:]}"


def _aligned(answer: Answer, came: Sequence[bytes]) -> list[Place]:
    """Return the longest sequence of an expected line, and a line of the reply that meets it, in the order of both."""
    lines = answer.lines
    if len(lines) * len(came) > _MOST_PAIRS:
        same = 0
        while same < min(len(lines), len(came)) and _meets(answer, lines[same], came[same], same):
            same += 1
        return [(number, number) for number in range(same)]
    meets = [[_meets(answer, line, each, index) for each in came] for index, line in enumerate(lines)]
    longest = [[0] * (len(came) + 1) for _ in range(len(lines) + 1)]
    for index in reversed(range(len(lines))):
        for place in reversed(range(len(came))):
            longest[index][place] = (
                longest[index + 1][place + 1] + 1
                if meets[index][place]
                else max(longest[index + 1][place], longest[index][place + 1])
            )
    pairs: list[Place] = []
    index = place = 0
    while index < len(lines) and place < len(came):
        if meets[index][place]:
            pairs.append((index, place))
            index, place = index + 1, place + 1
        elif longest[index + 1][place] >= longest[index][place + 1]:
            index += 1
        else:
            place += 1
    return pairs


def _meets(answer: Answer, line: ExpectedLine, came: bytes, index: int) -> bool:
    """Return whether a line of the reply is what a line of the transcript says, as far as it counts."""
    bare = came.removesuffix(b"\n").removesuffix(b"\r")
    if line.pattern is not None:
        from smtp_shell.matching.pattern import PatternTooSlow

        try:
            return line.pattern.match(escape(bare)) is not None
        except PatternTooSlow:
            return False
    if line.marker is not Marker.SERVER:
        return line.octets == came
    if not bare[:3].isdigit() or not line.accepts(code := int(bare[:3])):
        return False
    if line.is_wild and not line.words:
        return True
    return _counts(answer, line.words, code, index) == _counts(answer, bare[4:], code, index)


def _counts(answer: Answer, words: bytes, code: int, index: int) -> bytes:
    """Return what counts of a line's text."""
    if answer.strictness is Strictness.EXACT:
        return words
    if answer.strictness is Strictness.KEYWORDS and answer.verb in _ANNOUNCING:
        return words.split(b" ")[0].upper() if index else b""
    from smtp_shell.matching.normalise import normalise

    greets = index == 0 and code // 100 == 2 and (answer.greets or answer.verb in (*_ANNOUNCING, "HELO"))
    return normalise(words, code=code, verb=answer.verb, greets=greets)


def _cut(octets: bytes) -> list[bytes]:
    *lines, rest = octets.split(b"\n")
    return [*(line + b"\n" for line in lines), *([rest] if rest else [])]


def _rendered(marker: Marker, line: bytes) -> str:
    """Return a line of a reply as a line of the file, without what precedes its marker.

    Raises:
        _ByHand: It is too long for one line.
    """
    if len(line) > _LONGEST_LINE:
        raise _ByHand("a line of the reply is too long for the file; record it")
    if marker is Marker.SERVER_OCTETS or not line.endswith(CRLF):
        return f"{Marker.SERVER_OCTETS} {escape(line)}"
    return f"{marker} {escape(line.removesuffix(CRLF))}"


def _layout_of(text: str) -> str:
    """Return the white space with which a line is set in, as wide as its time."""
    found = _BEFORE.match(text)
    return re.sub("[^ \t]", " ", found[0].removeprefix("\ufeff")) if found is not None else ""


def diff_lines(update: FileUpdate) -> Iterator[str]:
    """Yield a unified diff, with three lines of context, credentials masked.

    Args:
        update: The changes.

    Raises:
        UsageError: The file cannot be read.
        TranscriptError: It cannot be read as a transcript.
    """
    from smtp_shell.replay.file_lines import hunks
    from smtp_shell.transcript.credentials import CredentialMask, masked_steps
    from smtp_shell.transcript.reader import open_transcript

    name = escape_str(str(update.path))
    yield f"--- {name}"
    yield f"+++ {name}"
    with open_transcript(update.path) as reader:
        whole = _begun_anywhere(reader) if update.is_included else reader
        steps = iter(masked_steps(whole, CredentialMask(reader.header.variables if reader.header else None)))
        step = next(steps, None)

        def shown(number: int, text: str) -> str | None:
            nonlocal step
            while step is not None and step.line < number:
                step = next(steps, None)
            found = _BEFORE.match(text)
            if found is None or step is None:  # a line with a marker is always a step
                return None if text.strip() else ""
            return f"{found[0]}{step.marker} {step.text}"

        for hunk in hunks(update.path, update.edits, shown):
            yield from (line.replace("\ufeff", "") for line in hunk)  # a byte-order mark stays, and is not seen


def _begun_anywhere(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps of an included file. What precedes it is not known here: it may begin in the middle of an AUTH exchange."""
    is_first = True
    for step in steps:
        if is_first and step.marker in CLIENT_LINES:
            is_first = False
            if may_answer(step.octets):
                yield _BEGINS_EXCHANGE
        yield step


def write_update(update: FileUpdate) -> None:
    """Change the file in one step: who reads it finds the old one or the new one. Its permissions stay.

    Raises:
        UsageError: It is a link, has changed since it was replayed, or cannot be written.
    """
    from smtp_shell.replay.file_lines import replace_lines

    name = escape_str(str(update.path))
    if os.path.islink(update.path):
        raise UsageError(f"{name} is a link, and what it leads to stays as it is; name the file itself.")
    if not update.stamp or stamp_of(update.path) != update.stamp:
        raise UsageError(f"{name} has changed since it was replayed, and stays as it is; replay it again.")
    replace_lines(update.path, update.edits)

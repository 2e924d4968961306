"""Lessons: transcripts with notes, whose client lines the reader types.

A lesson is read into tasks. Each has what to say before it, what to type, and the replies that are expected. `lesson_run` judges what was
typed, by `same_meaning`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, SASL_MARK, Template, Variables

_NAME: Final = re.compile(r"\d+-(.+)")
_NO_LESSONS: Final = frozenset({"captures-and-variables", "telnet-lab"})
"""Transcripts that teach the format of transcripts, or that hold for servers which differ."""

_SENTENCE_ENDS: Final = (".", ":", "?")
_FOR_REPLAY: Final = "Replay "  # how a note begins that is for who replays the file
_BY_HAND: Final = "nothing, if you used `auth`: the shell answers by itself; else the answer in base64"


class TaskKind(Enum):
    """What is to be typed."""

    COMMAND = "command"
    WRITE = "several lines in one write"
    RESPONSE = "an answer in an AUTH exchange"
    MAIL_LINE = "a line of mail data"
    DOT = "the final dot"


class Task(Struct, frozen=True):
    """One thing to type.

    Args:
        kind: What it is.
        lines: The lines as they go over the wire, without their line ends; a credential is `${sasl}`.
        shown: What to type, printable.
        line: Its line in the file.
        before: Notes that say why, printable.
        after: Notes on the reply.
        replies: What is expected of each reply: the first line of it, as in the file; empty for any.
    """

    kind: TaskKind
    lines: tuple[bytes, ...]
    shown: str
    line: int
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()


class Lesson(Struct, frozen=True):
    """A lesson.

    Args:
        name: What is typed after `/lesson`.
        title: What it is about, printable.
        tasks: What to type.
        end: Notes at the end.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    end: tuple[str, ...] = ()


def lesson_files() -> dict[str, Path]:
    """Return the transcripts that are lessons, by the names of the lessons.

    In a checkout they are in `transcripts/`; a package has a copy beside this module.
    """
    here = Path(__file__).parent
    found: dict[str, Path] = {}
    for folder in (here / "transcripts", here.parents[1] / "transcripts"):
        for path in sorted(folder.glob("*.smtp")):
            name = _name_of(path)
            if name not in _NO_LESSONS:
                found.setdefault(name, path)
    return found


def find_lesson(name: str) -> Path:
    """Return the transcript of a lesson.

    Args:
        name: Its name, or the beginning of one name only.

    Raises:
        UsageError: There is none; the message names the nearest.
    """
    files, wanted = lesson_files(), name.lower()
    begin = [wanted] if wanted in files else [each for each in files if each.startswith(wanted)]
    if len(begin) == 1:
        return files[begin[0]]
    from difflib import get_close_matches

    near = begin or get_close_matches(wanted, files, n=1)
    hint = f"did you mean {' or '.join(near)}?" if near else "/lesson lists what there is."
    raise UsageError(f"{escape_str(name)} is no lesson; {hint}")


def title_of(path: Path) -> str:
    """Return the title of a lesson, printable.

    Raises:
        TranscriptError: The file cannot be read.
    """
    with open_transcript(path) as reader:
        return escape_str(reader.header.title) if reader.header else ""


def read_lesson(path: Path, variables: Variables | None = None) -> Lesson:
    """Read a lesson.

    Args:
        path: The transcript.
        variables: Values for what is shown to be typed. Default: the built-in ones.

    Raises:
        TranscriptError: The file cannot be read.
        UsageError: A line has a variable without a value.
    """
    with open_transcript(path) as reader:
        builder = _Builder(variables or Variables())
        for step in reader:
            builder.add(step)
        title = escape_str(reader.header.title) if reader.header else ""
    return Lesson(_name_of(path), title, *builder.end())


def _name_of(path: Path) -> str:
    numbered = _NAME.fullmatch(path.stem)
    return numbered[1] if numbered else path.stem


class _Builder:
    """Collects the steps of a transcript into tasks."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._tasks: list[Task] = []
        self._notes: list[str] = []
        self._group: list[Step] = []  # lines of one write
        self._replies: list[str] = []  # what is expected after the last task
        self._is_reply_open = False  # the last line of a reply has not come
        self._in_data = self._in_exchange = False

    def add(self, step: Step) -> None:
        if step.marker is Marker.NOTE:
            self._note(step.text)
        elif step.marker in SERVER_LINES:
            self._server_line(step)
        elif step.marker is not Marker.EVENT:
            self._client_line(step)

    def end(self) -> tuple[tuple[Task, ...], tuple[str, ...]]:
        self._end_replies()
        return tuple(map(_as_typed, self._tasks, (*self._tasks[1:], None))), tuple(self._notes)

    def _note(self, text: str) -> None:
        """Keep a note; a sentence that goes over several lines is one note, for the screen to wrap."""
        if self._notes and not self._notes[-1].endswith(_SENTENCE_ENDS):
            self._notes[-1] += f" {text}"
        elif not text.startswith(_FOR_REPLAY):
            self._notes.append(text)

    def _client_line(self, step: Step) -> None:
        if not self._group:
            self._end_replies()
        self._group.append(step)
        if step.marker is Marker.PIPELINED:
            return
        group, self._group = self._group, []
        kind = self._kind_of(group)
        lines = tuple(each.text.encode() if SASL_MARK in each.text else each.octets for each in group)
        before, self._notes = tuple(self._notes), []
        self._tasks.append(Task(kind, lines, self._shown(kind, group), step.line, before))
        self._in_exchange = False
        if kind is TaskKind.DOT:
            self._in_data = False

    def _kind_of(self, group: list[Step]) -> TaskKind:
        if self._in_data:
            return TaskKind.DOT if group[0].octets == b"." else TaskKind.MAIL_LINE
        if len(group) > 1 or group[0].marker is Marker.CLIENT_OCTETS:
            return TaskKind.WRITE
        return TaskKind.RESPONSE if self._in_exchange else TaskKind.COMMAND

    def _shown(self, kind: TaskKind, group: list[Step]) -> str:
        texts = [self._expanded(each) for each in group]
        if kind is TaskKind.RESPONSE and group[0].text == SASL_MARK:
            return _BY_HAND
        if kind is TaskKind.MAIL_LINE:
            return texts[0].removeprefix(".")
        if kind is TaskKind.WRITE:
            end = "" if group[0].marker is Marker.CLIENT_OCTETS else r"\r\n"
            return f"/raw {end.join(texts)}{end}"
        return texts[0].replace(f" {SASL_MARK}", "")

    def _expanded(self, step: Step) -> str:
        return escape(Template.parse(step.text).expand(self._value))

    def _value(self, name: str) -> str:
        return SASL_MARK if name == SASL else self._variables.value(name)

    def _server_line(self, step: Step) -> None:
        if self._tasks and self._notes:
            last = self._tasks[-1]
            self._tasks[-1] = replace(last, after=(*last.after, *self._notes))
            self._notes = []
        if not self._is_reply_open:
            self._replies.append("" if step.marker is Marker.SERVER_MATCHES else step.text)
        self._is_reply_open = re.match(r"\d{3}-", step.text) is not None
        self._in_exchange = step.text.startswith("334")
        self._in_data |= step.text.startswith("354")

    def _end_replies(self) -> None:
        """Hand what was expected to the last task. What comes before the first one is the greeting."""
        replies, self._replies = self._replies, []
        if self._tasks and self._tasks[-1].kind is not TaskKind.MAIL_LINE:
            last = self._tasks[-1]
            missing = max(0, len(last.lines) - len(replies))
            self._tasks[-1] = replace(last, replies=(*replies, *([""] * missing)))


def _as_typed(task: Task, following: Task | None) -> Task:
    """Return a task with what to type for AUTH and STARTTLS.

    The shell's shorthands do the whole exchange, and complain where it is refused. `/raw` only sends the line.
    """
    words = task.shown.upper().split()
    if task.kind is not TaskKind.COMMAND or words[:1] not in (["AUTH"], ["STARTTLS"]) or len(words) > 2:
        return task
    is_whole = task.replies[0][:1] in ("2", "3") and (following is None or following.lines != (b"*",))
    return replace(task, shown=task.shown.lower() if is_whole else rf"/raw {task.shown}\r\n")


def fits_reply(expected: str, code: int) -> bool:
    """Return whether a reply code is what a line of a transcript expects.

    Args:
        expected: The line's text: `250`, `250-…`, `2yz`, `250|251`; empty for any reply.
        code: The code.
    """
    words = re.match(r"[0-9yz]{3}(?:\|[0-9yz]{3})*", expected)
    if words is None:
        return True
    return any(re.fullmatch(re.sub("[yz]", "[0-9]", each), str(code)) for each in words[0].split("|"))


def lines_in(octets: bytes) -> Iterable[bytes]:
    """Return the lines in octets that went out, without their line ends."""
    return [line.removesuffix(b"\r") for line in octets.removesuffix(b"\n").split(b"\n")]


def header_field(line: bytes) -> bytes | None:
    """Return the name of the header field that a line is, lower-case; None if it is none.

    Source: RFC 5322 section 2.2
    """
    found = re.match(rb"([!-9;-~]+):", line)
    return found[1].lower() if found else None


def typed_together(tasks: Iterable[Task]) -> Iterator[str]:
    """Yield what to type for a run of mail data: the first task, and those after it that have no notes of their own.

    Args:
        tasks: What is left of the lesson.
    """
    for number, task in enumerate(tasks):
        if task.kind not in (TaskKind.MAIL_LINE, TaskKind.DOT) or (number and (task.before or task.lines == (b"..",))):
            return
        yield task.shown

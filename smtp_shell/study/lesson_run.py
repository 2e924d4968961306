"""A lesson under way: what the reader has typed is judged by its meaning, and what comes next is said.

It is fed with the entries of the live session, and never sends anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from msgspec import Struct

from smtp_shell.knowledge.lookup import ReplyFact, find
from smtp_shell.protocol.events import (
    CommandSent,
    Disconnected,
    Entry,
    MailDataSent,
    OctetsSent,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.study.lessons import Lesson, Task, TaskKind, fits_reply, header_field, lines_in, typed_together
from smtp_shell.study.meaning import same_meaning

_OF_MAIL = (TaskKind.MAIL_LINE, TaskKind.DOT)
_LONE_DOT = b".."  # as it goes over the wire

_BACK = "  /lesson shows the step again, /lesson skip passes over it, /lesson again begins anew."
_STRAYED = "The lesson has something else here; your line was sent all the same. To go on, type: {}"
_OTHER_REPLY = "The lesson expects {} here, and the server said {}. To try again, type: {}"
_NO_FIELD = "  The lesson is in the header: a field is Name: value, and an empty line ends the header."
_HEADER_ENDS = "  Your header is shorter than the lesson's. The server does not mind; From and Date belong there."
_ENDS_EARLY = "  Your mail is shorter than the lesson's. The server does not mind."
_TWO_DOTS = "  A line that is a dot alone would end the mail at this prompt. A program sends two dots for it, and the mail goes on."
_CLOSED = "The connection has ended before the lesson has. /lesson again begins anew."
_PASSED = "Passed over. Nothing was sent, so the server does not know of it."
_END = "That was the lesson. /lesson lists the others, /lesson again repeats this one."


class Said(Struct, frozen=True):
    """What the lesson says.

    Args:
        text: One line, printable.
        style: A key of `themes.STYLES`.
    """

    text: str
    style: str = "said"


class LessonRun:
    """One run of a lesson.

    Args:
        lesson: The lesson.

    Attributes:
        lesson: As given.
        is_over: Whether all of it was typed, or the connection has ended.
    """

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.is_over = False
        self._index = 0
        self._judged: Task | None = None  # the task that was typed, whose replies are awaited
        self._codes: list[int] = []
        self._stray_replies = 0  # that are owed to lines which the lesson did not ask for
        self._fields: set[bytes | None] = set()  # names of the header fields that were typed
        self._explained_codes: set[int] = set()
        self._was_told = False  # how to come back, since the last step

    @property
    def task(self) -> Task | None:
        """What is to be typed now; None at the end."""
        return self.lesson.tasks[self._index] if self._index < len(self.lesson.tasks) else None

    def begin(self) -> Iterator[Said]:
        """Yield what the lesson is about, and what to type now."""
        yield Said(f"Lesson {self.lesson.name}: {self.lesson.title}", "command")
        yield from self.step()

    def step(self) -> Iterator[Said]:
        """Yield what to type now, and why."""
        task = self.task
        if task is None:
            return
        yield from _notes(task.before)
        of = f"  Step {self._index + 1} of {len(self.lesson.tasks)}: type"
        if task.kind not in _OF_MAIL:
            yield Said(of)
            yield Said(f"    {task.shown}", "command")
            return
        lines = list(typed_together(self.lesson.tasks[self._index :]))
        yield Said(of if lines == ["."] else f"{of}, in words of your own if you like,")
        yield from (Said(f"    {line or '(an empty line)'}", "command") for line in lines)

    def skip(self) -> Iterator[Said]:
        """Pass over a step."""
        if self.task is not None:
            yield Said(_PASSED)
            self._judged = None
            yield from self._advance()

    def take(self, entry: Entry) -> Iterator[Said]:
        """Judge an entry of the session."""
        event = entry.event
        if self.is_over:
            return
        match event:
            case CommandSent():
                yield from self._commands((event.command.line,))
            case OctetsSent():
                yield from self._commands(tuple(lines_in(event.octets)))
            case SaslSent():
                yield from self._response(event)
            case MailDataSent(last=True):
                yield from self._dot()
            case MailDataSent():
                for line in lines_in(event.octets):
                    yield from self._mail_line(line)
            case ReplyReceived() if event.seconds is not None:
                yield from self._reply(event.reply.code)
            case Disconnected():
                self.is_over = True
                yield Said(_CLOSED, "notice")
            case _:
                return

    def _commands(self, lines: tuple[bytes, ...]) -> Iterator[Said]:
        task = self.task
        is_command = task is not None and task.kind in (TaskKind.COMMAND, TaskKind.WRITE)
        wanted = task.lines if task is not None and is_command else ()
        if len(lines) == len(wanted) and self._judged is None and all(map(same_meaning, wanted, lines)):
            self._judged, self._codes = task, []
        else:
            yield from self._strayed(len(lines))

    def _response(self, event: SaslSent) -> Iterator[Said]:
        task = self.task
        if task is not None and task.kind is TaskKind.RESPONSE and (task.lines == (b"*",)) is (event.line == b"*"):
            self._judged, self._codes = task, []
        else:
            yield from self._strayed(1)

    def _strayed(self, replies: int) -> Iterator[Said]:
        """Yield how to come back, once for a step. What is owed to a stray line does not count."""
        self._stray_replies += replies
        task = self.task
        if task is not None and not self._was_told:
            self._was_told = True
            yield Said(_STRAYED.format(task.shown or "an empty line"), "notice")
            yield Said(_BACK)

    def _reply(self, code: int) -> Iterator[Said]:
        task = self._judged
        if self._stray_replies or task is None:
            self._stray_replies = max(0, self._stray_replies - 1)
            return
        self._codes.append(code)
        if len(self._codes) < len(task.replies):
            return
        self._judged = None
        wrong = next((pair for pair in zip(task.replies, self._codes, strict=False) if not fits_reply(*pair)), None)
        if wrong is None:
            yield from self._explained()
            yield from _notes(task.after)
            yield from self._advance()
        else:
            expected = wrong[0].partition(" ")[0].partition("-")[0]
            yield Said(_OTHER_REPLY.format(expected, wrong[1], task.shown), "notice")
            yield Said(_BACK)

    def _explained(self) -> Iterator[Said]:
        """Yield what each reply code means where it first occurs."""
        for code in dict.fromkeys(self._codes):
            fact = find(ReplyFact, str(code)) if code not in self._explained_codes else None
            self._explained_codes.add(code)
            if fact is not None:
                yield Said(f"  {code}: {fact.title}.", "decoded")

    def _advance(self, *, quietly: bool = False) -> Iterator[Said]:
        """Go to the next task.

        Args:
            quietly: Say what it is only if it has notes: it was said with the one before it.
        """
        self._index += 1
        self._was_told = False
        task = self.task
        if task is None:
            self.is_over = True
            yield from _notes(self.lesson.end)
            yield Said(_END, "command")
        elif task.kind is TaskKind.MAIL_LINE and task.lines == (_LONE_DOT,):
            yield from _notes(task.before)
            yield Said(_TWO_DOTS)
            yield from self._advance()
        elif not quietly or task.before:
            yield from self.step()

    # Mail data

    def _mail_line(self, line: bytes) -> Iterator[Said]:
        task = self.task
        if task is None or task.kind is not TaskKind.MAIL_LINE:
            return
        header = self._header()
        name = header_field(line)
        if header is None:
            if line.startswith(b"..") or not task.lines[0].startswith(b".."):
                yield from self._advance(quietly=True)
        elif not line:
            if not self._fields.issuperset(header):
                yield Said(_HEADER_ENDS)
            self._fields.clear()
            self._index += len(header)
            yield from self._advance(quietly=True)
        elif name is not None:
            self._fields.add(name)  # in any order
        elif line[:1] not in b" \t":
            yield Said(_NO_FIELD, "notice")

    def _header(self) -> list[bytes | None] | None:
        """Return the names of the header fields that the lesson has here; None in the body."""
        names: list[bytes | None] = []
        for task in takewhile(_is_mail_line, self.lesson.tasks[self._index :]):
            if not task.lines[0]:
                return names
            names.append(header_field(task.lines[0]))
        return None

    def _dot(self) -> Iterator[Said]:
        task = self.task
        if task is None or task.kind not in _OF_MAIL:
            self._stray_replies += 1
            return
        if task.kind is TaskKind.MAIL_LINE:
            yield Said(_ENDS_EARLY)
        self._index += sum(1 for _ in takewhile(_is_mail_line, self.lesson.tasks[self._index :]))
        self._fields.clear()
        self._judged, self._codes = self.task, []


def _is_mail_line(task: Task) -> bool:
    return task.kind is TaskKind.MAIL_LINE


def _notes(notes: tuple[str, ...]) -> Iterator[Said]:
    return (Said(f"  {note}", "note") for note in notes)

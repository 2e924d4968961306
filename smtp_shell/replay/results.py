"""Results of a replay: values that are made once, for reporters and callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import wire_lines

if TYPE_CHECKING:
    from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply, Strictness
    from smtp_shell.net.tls_view import TlsView

LONGEST_SHOWN: Final = 2_000
"""How many characters of a text a result keeps."""

MOST_STEPS_KEPT: Final = 1_000
"""How many steps a replay's result keeps. Each is also reported as it happens."""

_MOST_LINES_SHOWN = 100


class Outcome(StrEnum):
    """What became of a step."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    SKIPPED = "skipped"
    SENT = "sent"


def no_counts() -> dict[Outcome, int]:
    """Return a count of 0 for each outcome."""
    return dict.fromkeys(Outcome, 0)


class Difference(Struct, frozen=True):
    """The two lines that differ.

    Args:
        expected: The line of the transcript that was not met; empty where none was.
        received: The line that came in its place, escaped, or the whole reply where no single line did; empty where none came.
        at: Column of `received` at which it begins to differ in what counts; None where that is no place.
        line: Number in the file of the expected line; 0 for none.
        reply: Which of the replies of this step differs, from 1; 0 where it answers nothing.
        file: Name of the file with the expected line, escaped, where it is another one than the step's; empty otherwise.
    """

    expected: str = ""
    received: str = ""
    at: int | None = 0
    line: int = 0
    reply: int = 0
    file: str = ""


class StepResult(Struct, frozen=True):
    """Result of one step. All text is printable, credentials are left out, and what is long is cut.

    Args:
        path: The name, escaped, of the file that the step stands in: the transcript, or one that it includes.
        lines: Numbers of the client lines, or of the event, in the file; for mail data the first and the last.
        sent: What was sent; lines are joined with LF.
        outcome: `sent` is a step for which the transcript expects nothing.
        why: What differs, or why it was skipped: a sentence without its full stop.
        seconds: How long it took.
        code: The last reply's code; 0 when none came.
        edited: Whether a user changed it before it was sent.
        difference: The two lines that differ; None in a step that does not.
        expectations: The replies that were expected, or excerpts of them where there are many.
        replies: The replies that came, as octets, or excerpts of them where they are long or many.
        captures: What named groups of `S~` patterns matched, in the notation of `escape`.
        in_finally: Whether it follows `*: finally`, and is done in any case.
    """

    path: str
    lines: tuple[int, ...]
    sent: str
    outcome: Outcome
    why: str = ""
    seconds: float = 0.0
    code: int = 0
    edited: bool = False
    difference: Difference | None = None
    expectations: tuple[ExpectedReply | str, ...] = ()
    replies: tuple[bytes | str, ...] = ()
    captures: Mapping[str, str] = field(default_factory=dict)
    in_finally: bool = False

    @property
    def line(self) -> int:
        """Number of its first line, or in a pipelined group of the command whose reply differs; 0 for a step without lines."""
        command = self.command
        return self.lines[command] if command is not None else self.lines[0] if self.lines else 0

    @property
    def command(self) -> int | None:
        """Which command of a pipelined group the difference is about, from 0; None in any other step."""
        reply = self.difference.reply if self.difference is not None else 0
        return reply - 1 if "\n" in self.sent and 0 < reply <= len(self.lines) else None

    @property
    def expected_line(self) -> int:
        """Number of the expected line that was not met; 0 for none."""
        return self.difference.line if self.difference is not None else 0

    @property
    def expected_path(self) -> str:
        """The name of the file with the expected line that was not met, escaped."""
        return self.difference.file or self.path if self.difference is not None else self.path

    @property
    def place(self) -> str:
        """FILE:LINE of the expected line that was not met, or else of the step's first line."""
        if self.expected_line:
            return f"{self.expected_path}:{self.expected_line}"
        return f"{self.path}:{self.line}" if self.line else self.path

    @property
    def names_expectation(self) -> bool:
        """Whether the line that was not met is to be named by its number, as it does not follow the step's last line."""
        if not self.expected_line or not self.sent or not self.lines:
            return False
        return self.command is not None or self.expected_path != self.path or self.expected_line != self.lines[-1] + 1

    @property
    def expected(self) -> str:
        """What the transcript expects; in a mismatch the line that was not met."""
        if self.difference is not None:
            return self.difference.expected
        return _joined([str(each) for each in self.expectations])

    @property
    def received(self) -> str:
        """What came; in a mismatch the line that differs."""
        if self.difference is not None:
            return self.difference.received
        return _joined([each if isinstance(each, str) else shown_reply(each) for each in self.replies])


class ReplayResult(Struct, frozen=True):
    """Result of one replay.

    Args:
        path: The transcript's name, escaped.
        server: What it was replayed against; empty when there was no connection.
        steps: The steps, at most `MOST_STEPS_KEPT`; those that differ or were skipped are kept before others.
        counts: How many steps had which outcome.
        exit_status: The exit status that it stands for.
        failure: The first thing that went wrong, in a sentence; None when nothing did.
        seconds: How long it took.
        handed_over: Whether a user goes on by hand.
        ending: What ended it early, in a sentence, where no step says so; empty where nothing did.
        tls: The TLS handshake that failed, with what the server had shown; None if none did, or its details are not kept.
    """

    path: str
    server: str
    steps: tuple[StepResult, ...]
    counts: dict[Outcome, int]
    exit_status: int
    failure: str | None
    seconds: float
    handed_over: bool = False
    ending: str = ""
    tls: TlsView | None = None

    @property
    def ok(self) -> bool:
        """Whether every step matched."""
        return self.exit_status == 0

    @property
    def mismatches(self) -> tuple[StepResult, ...]:
        """The steps that differ."""
        return tuple(step for step in self.steps if step.outcome is Outcome.MISMATCHED)

    @property
    def captures(self) -> dict[str, str]:
        """What named groups of `S~` patterns matched in the steps that are kept, in the notation of `escape`; the last match counts."""
        return {name: value for step in self.steps for name, value in step.captures.items()}


class Answer(Struct, frozen=True):
    """A reply beside the lines of the transcript that expect it.

    Args:
        path: The transcript's name, escaped.
        lines: The expected lines; none for a reply that the transcript does not have.
        octets: The reply, credentials masked; None where no whole reply came.
        strictness: How strict `S:` lines are.
        ok: Whether the reply is as expected.
        verb: The verb of the command that it answers.
        greets: Whether it is the greeting.
        broken: Whether it breaks the protocol.
        after: Number of the line that was passed last.
    """

    path: str
    lines: tuple[ExpectedLine, ...]
    octets: bytes | None
    strictness: Strictness
    ok: bool
    verb: str = ""
    greets: bool = False
    broken: bool = False
    after: int = 0


class Act(Enum):
    """What a user decides about a step."""

    SEND = "send"
    SKIP = "skip"
    EDIT = "edit"
    HAND_OVER = "hand over"
    QUIT = "quit"


class Decision(Struct, frozen=True):
    """A user's decision about a step.

    Args:
        act: What to do.
        text: The line to send instead, in the notation of the file; for `EDIT` only.
    """

    act: Act = Act.SEND
    text: str = ""


class PendingStep(Struct, frozen=True):
    """A client step that is about to be sent.

    Args:
        line: Its number in the file.
        text: The line, or lines joined with LF, as they stand in the file: escaped, variables unexpanded, no credential in it.
        mail_data: Whether it is mail data, of which only the first line is given. It can only be sent.
        problem: Why the line that the user gave instead cannot be sent; empty when the step is asked about for the first time.
        notes: The transcript's notes since the step before, printable.
        filled: The step with its variables filled in, as it goes over the wire; empty where it has none.
        expected: The lines that the transcript expects in reply, each with its marker; none where it expects nothing.
        draft: The line as it stands in the file, to begin an edit with; empty where it holds a credential, or is a group.
        is_event: Whether it is an `*: authenticate`, which can be sent or skipped; `text` begins with `*:` then.
    """

    line: int
    text: str
    mail_data: bool = False
    problem: str = ""
    notes: tuple[str, ...] = ()
    filled: str = ""
    expected: tuple[str, ...] = ()
    draft: str = ""
    is_event: bool = False


BeforeStep = Callable[[PendingStep], Decision]
AnswerConsumer = Callable[["Answer"], None]
StepConsumer = Callable[[StepResult], None]


def excerpt(text: str) -> str:
    """Return a text, cut if it is too long to keep."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def shown_reply(octets: bytes) -> str:
    """Return the lines of a reply, escaped, each cut if it is too long to keep."""
    return "\n".join([escape(line[:LONGEST_SHOWN]) for line in wire_lines(octets, most=_MOST_LINES_SHOWN)])


def _joined(texts: list[str]) -> str:
    return excerpt(texts[0]) if len(texts) == 1 else excerpt("\n".join(map(excerpt, texts)))

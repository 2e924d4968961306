"""A run of the quiz: asks, judges, explains, asks again what was wrong, and keeps the score. It knows neither terminal nor file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import SmtpShellError, SystemRefused
from smtp_shell.protocol.octets import escape_str
from smtp_shell.study.judging import judge
from smtp_shell.study.question import LETTERS, Question

if TYPE_CHECKING:
    from smtp_shell.study.memory import Memory

AGAIN_AFTER: Final = 3
"""How many other questions come before one that was answered wrong comes again."""

MOST_TIMES: Final = 3
"""How often a question is asked in one run at most."""

_GIVING_UP: Final = "?"
_ANSWER: Final = "  answer: "


class Asked(Struct, frozen=True):
    """A question that was asked.

    Args:
        question: The question.
        first: Whether the first answer was right.
        right: Whether the last answer was right.
    """

    question: Question
    first: bool
    right: bool


class Run:
    """One run.

    Args:
        questions: The questions, in order.
        ask: Returns what the user types at a prompt; EOFError and KeyboardInterrupt end the run.
        say: Shows a line in a style of `display.themes.STYLES`.

    Attributes:
        asked: What was answered so far, by the identity of the question.
    """

    def __init__(
        self, questions: Sequence[Question], ask: Callable[[str], str], say: Callable[[str, str], None]
    ) -> None:
        self._left = deque((question, 1) for question in questions)
        self._total = len(self._left)
        self._ask = ask
        self._say = say
        self.asked: dict[str, Asked] = {}

    @property
    def answers(self) -> list[tuple[Question, bool]]:
        """Each question that was answered, with whether the first answer was right."""
        return [(each.question, each.first) for each in self.asked.values()]

    def run(self) -> None:
        """Ask until nothing is left.

        Raises:
            EOFError: The user ended it.
            KeyboardInterrupt: The user stopped it.
        """
        while self._left:
            question, time = self._left.popleft()
            known = self.asked.get(question.identity)
            number = len(self.asked) + 1
            self._say("", "said")
            self._say(f"{number} of {self._total}" if known is None else "once more", "aside")
            right = self._ask_one(question)
            self.asked[question.identity] = Asked(question, right if known is None else known.first, right)
            if not right and time < MOST_TIMES:
                self._left.insert(min(AGAIN_AFTER, len(self._left)), (_turned(question), time + 1))

    def score(self) -> str:
        """Return the score in a sentence."""
        number, right = len(self.asked), sum(each.first for each in self.asked.values())
        if not number:
            return "No question was answered."
        text = f"{right} of {number} right at the first try"
        if later := sum(each.right and not each.first for each in self.asked.values()):
            text += f", {later} more when asked again"
        if number < self._total:
            text += f"; {self._total - number} of {self._total} were not asked"
        return f"{text}."

    def _ask_one(self, question: Question) -> bool:
        self._say(question.question, "command")
        for letter, choice in zip(LETTERS, question.choices, strict=False):
            self._say(f"  {letter}) {choice}", "said")
        verdict: bool | None = None
        while verdict is None:
            answer = self._ask(_ANSWER)
            if answer.strip() in ("", _GIVING_UP):
                verdict = False
            else:
                verdict = judge(question, answer)
                if verdict is None:
                    self._say(_how_to_answer(question), "notice")
        self._explain(question, right=verdict)
        return verdict

    def _explain(self, question: Question, *, right: bool) -> None:
        if right:
            self._say("+ Right.", "reply.2")
        elif question.choices:
            self._say(f"! No: {question.letter}) {question.answers[0]}", "reply.5")
        else:
            self._say(f"! No: {question.answers[0]}", "reply.5")
        self._say(question.explanation, "said")
        self._say(f"({', '.join(question.sources)})", "decoded")


def _turned(question: Question) -> Question:
    """Return a question with its choices in another order, so that nobody learns the letter by heart."""
    return replace(question, choices=(*question.choices[1:], *question.choices[:1]))


def _how_to_answer(question: Question) -> str:
    if not question.choices:
        return "Type the answer, or nothing to see it."
    return f"Type a letter from a to {LETTERS[len(question.choices) - 1]}, or nothing to see the answer."


class Ending(Enum):
    """How a run ended."""

    DONE = "every question was asked"
    LEFT = "the user left"
    STOPPED = "the user stopped it"


def hold_quiz(
    questions: Sequence[Question],
    name: str,
    ask: Callable[[str], str],
    say: Callable[[str, str], None],
    memory: Memory,
) -> Ending:
    """Hold a run from its heading to its score, and remember what was answered.

    Args:
        questions: The questions, in order.
        name: Name of the file that they are about.
        ask: Returns what the user types at a prompt; EOFError and KeyboardInterrupt end the run.
        say: Shows a line in a style of `display.themes.STYLES`.
        memory: Where the answers are kept.

    Raises:
        SystemRefused: The terminal could not be asked. What was answered before is kept.
    """
    if memory.problem:
        say(memory.problem, "notice")
    noun = "question" if len(questions) == 1 else "questions"
    say(f"{len(questions)} {noun} about {escape_str(name)}; its line numbers are in the questions.", "said")
    say("Type the letter or the answer; an empty line shows it. Ctrl-D ends with the score.", "said")
    run = Run(questions, ask, say)
    ending, refused = Ending.DONE, None
    try:
        run.run()
    except EOFError:
        ending = Ending.LEFT
    except KeyboardInterrupt:
        ending = Ending.STOPPED
    except SystemRefused as error:
        refused = error
    say("", "said")
    say(run.score(), "command")
    try:
        memory.record(run.answers)
    except SmtpShellError as error:
        say(str(error), "notice")
    if refused is not None:
        raise refused
    return ending

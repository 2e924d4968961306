"""A question with its answers, and a kind of question: a function that draws questions from a reading."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.protocol.octets import quoted

if TYPE_CHECKING:
    from smtp_shell.study.reading import Exchange, Reading, Said

LETTERS: Final = "abcdefgh"
_SHOWN: Final = 64
_STRIPPED: Final = " \t\"'`<>.,;:!?()[]{}*"
_ARTICLE: Final = r"\A(?:the|an?) (?=.)"
_NUMBERS: Final = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


class Question(Struct, frozen=True, kw_only=True):
    """A question about one dialogue.

    Args:
        question: The question, printable.
        line: Number of the line that it is about.
        answers: The right answers: the one choice, or the forms that may be typed, the best first.
        explanation: Why that is so.
        sources: Where that is defined, down to the section.
        choices: What there is to choose from; empty where the answer is typed.
        kind: Name of its kind.
        case_matters: Whether `a` and `A` are different answers, as in base64.
    """

    question: str
    line: int
    answers: tuple[str, ...]
    explanation: str
    sources: tuple[str, ...]
    choices: tuple[str, ...] = ()
    kind: str = ""
    case_matters: bool = False

    @property
    def identity(self) -> str:
        """What it is known by from one run to the next. The dialogue cannot be read from it."""
        from hashlib import sha256

        words = "\0".join((self.kind, self.question, *self.answers))
        return sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def letter(self) -> str:
        """The letter of the right choice; empty where the answer is typed."""
        return LETTERS[self.choices.index(self.answers[0])] if self.choices else ""


class Kind(Struct, frozen=True):
    """A kind of question.

    Args:
        name: Its name, such as `ehlo-after-tls`.
        about: What it asks, in a sentence.
        ask: Yields its questions about a reading, without the name of the kind.
    """

    name: str
    about: str
    ask: Callable[[Reading], Iterator[Question]]

    def questions(self, reading: Reading) -> Iterator[Question]:
        """Yield its questions about a reading, those left out whose answers could be taken for each other."""
        for question in self.ask(reading):
            if is_sound(question):
                yield replace(question, kind=self.name)


def kind(ask: Callable[[Reading], Iterator[Question]]) -> Kind:
    """Make a function a kind of question: it is named after the function, and its docstring says what it asks."""
    about = (ask.__doc__ or "").strip().partition("\n")[0].removeprefix("Ask ")
    return Kind(ask.__name__.strip("_").replace("_", "-"), about[:1].upper() + about[1:], ask)


def choose(line: int, question: str, right: str, wrong: Iterable[str], explanation: str, *sources: str) -> Question:
    """Return a question with choices, of which the first is right. A wrong one that reads like another is left out."""
    choices = {tight(right): right}
    for each in wrong:
        choices.setdefault(tight(each), each)
    return Question(
        question=question,
        line=line,
        answers=(right,),
        choices=tuple(choices.values()),
        explanation=explanation,
        sources=sources,
    )


def typed(
    line: int, question: str, answers: Iterable[str], explanation: str, *sources: str, case_matters: bool = False
) -> Question:
    """Return a question whose answer is typed, in one of several forms."""
    return Question(
        question=question,
        line=line,
        answers=tuple(dict.fromkeys(answers)),
        explanation=explanation,
        sources=sources,
        case_matters=case_matters,
    )


def is_sound(question: Question) -> bool:
    """Return whether exactly one choice is right, or every form of the typed answer can be told from an empty one."""
    if not question.choices:
        return bool(question.answers) and all(map(normal, question.answers))
    forms = [tight(each) for each in question.choices]
    distinct = len(set(forms)) == len(forms) >= 2 and all(len(form) > 1 for form in forms)
    return distinct and len(question.answers) == 1 and question.choices.count(question.answers[0]) == 1


def tight(text: str) -> str:
    """Return text in the form in which choices are compared: without regard to case and to the number of blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def normal(text: str) -> str:
    """Return text in the form in which typed answers are compared: without regard to case, blanks, and punctuation around it."""
    before, text = "", tight(text)
    while before != text:
        before, text = text, text.strip(_STRIPPED)
    return re.sub(r"(?<=[0-9])[,_' ](?=[0-9]{3}(?![0-9]))", "", text)


def without_article(text: str) -> str:
    """Return text as `tight` does, and without an article in front of it."""
    return re.sub(_ARTICLE, "", tight(text))


def bare(text: str) -> str:
    """Return text as `normal` does, and without an article in front of it."""
    return normal(without_article(normal(text)))


def clip(text: str) -> str:
    """Return text cut to what a question can quote."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def quote(text: str) -> str:
    """Return text in quotation marks, cut to what a question can quote."""
    return quoted(clip(text))


def sent_line(exchange: Exchange) -> str:
    """Return a line of the client as a choice names it."""
    return f"line {exchange.line}, C: {clip(exchange.text)}"


def said_line(said: Said) -> str:
    """Return a reply as a choice names it."""
    return f"line {said.line}, S: {clip(said.text)}"


def number_forms(number: int, *units: str) -> Iterator[str]:
    """Yield the forms in which a number may be typed.

    Args:
        number: The number.
        units: What may follow it.
    """
    words = [str(number), *_NUMBERS[number : number + 1]]
    yield from words
    yield from (f"{word} {unit}" for word in words for unit in units)


def code_forms(code: int) -> Iterator[str]:
    """Yield the forms in which a reply code may be typed, with or without an article."""
    yield str(code)
    yield from (f"{word} {code}" for word in ("code", "reply", "reply code"))


def verb_forms(*verbs: str) -> Iterator[str]:
    """Yield the forms in which a command may be typed, with or without an article."""
    for verb in verbs:
        yield from (verb, f"{verb} command", f"command {verb}")


def address_forms(mailbox: str) -> Iterator[str]:
    """Yield the forms in which an address may be typed."""
    yield mailbox
    yield f"mailto:{mailbox}"

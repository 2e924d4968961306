"""An explanation: what is known about one thing, as a value for every reader: screen, JSON, exports, quiz."""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LABELS = (
    ("syntax", "Syntax"),
    ("example", "Example"),
    ("phases", "Phases"),
    ("adds", "Adds"),
    ("parameters", "Parameters"),
    ("commands", "With"),
    ("extension", "Extension"),
    ("exchange", "Exchange"),
    ("usage", "Usage"),
    ("set_by", "Written by"),
    ("occurs", "Occurs"),
    ("server", "Server"),
)
_OF_REFUSAL = (("fault", "Fault"), ("retries", "Retries"))
_WIDEST = max(len(label) for _, label in _LABELS)
# What to do -> the words that say so, as advice may begin with them too, and the sentence.
_DO = {
    "fix": ("Fix", "Fix it."),
    "retry": ("Try again", "Try again later."),
    "give up": ("Give up", "Give up."),
}


class Explanation:
    """What is known about one thing. It does not change.

    No msgspec.Struct, because `smtp-shell explain` has no time to import msgspec; see `tables`.

    Args:
        fields: The attributes that are not as below.

    Attributes:
        what: What was asked for, printable.
        kind: A value of `lookup.Kind`.
        title: What it is, in a few words.
        meaning: What it means, in a few sentences.
        do: What the sender of what it answers does: `fix`, `retry`, `give up` or `none`.
        sources: Where it is defined, down to the section.
        known: Whether it is a fact. False for a code that is in no standard, and is read digit by digit.
        fault: Whose fault it usually is.
        advice: What to do, in a sentence.
        retries: Who tries again.
        syntax: Its form.
        example: A line with it.
        phases: Phases of a dialogue in which a command is in order.
        replies: Reply codes of a command -> what they mean for it.
        next: Commands that usually follow.
        adds: Commands that an extension adds.
        parameters: Parameters that an extension adds.
        commands: Commands that take a parameter.
        extension: The keyword that announces a parameter.
        usage: How common a mechanism is, as IANA has it.
        needs_tls: Whether a mechanism needs TLS to be safe.
        exchange: What client and server say, step by step.
        set_by: Who writes a header field.
        occurs: How often a header field occurs.
        server: The server whose wording it is.
        causes: What may be the cause, the likeliest first.
        check: What to look at, one step each.
        see: Names of what to read next.
    """

    what: str
    kind: str
    title: str
    meaning: str
    do: str = "none"
    sources: tuple[str, ...] = ()
    known: bool = True
    fault: str = ""
    advice: str = ""
    retries: str = ""
    syntax: str = ""
    example: str = ""
    phases: tuple[str, ...] = ()
    replies: Mapping[str, str] = {}
    next: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    extension: str = ""
    usage: str = ""
    needs_tls: bool = False
    exchange: str = ""
    set_by: str = ""
    occurs: str = ""
    server: str = ""
    causes: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    see: tuple[str, ...] = ()

    def __init__(self, **fields: object) -> None:
        known = type(self).__annotations__
        self.__dict__.update(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in fields.items()
            if name in known
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an explanation does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Explanation) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((self.what, self.kind, self.meaning))

    def __repr__(self) -> str:
        return f"Explanation(what={self.what!r}, kind={self.kind!r}, title={self.title!r})"

    def but(self, **fields: object) -> Explanation:
        """Return the explanation with other values for these attributes."""
        return Explanation(**{**self.__dict__, **fields})

    @property
    def summary(self) -> str:
        """The first sentence of the meaning, which is that of the most special part of it."""
        return first_sentence(self.meaning.partition("\n")[0]) or f"{self.title}."

    @property
    def action(self) -> str:
        """What to do, in a sentence or two; empty for nothing. Where the advice begins with the same words, they are said once."""
        begins, words = _DO.get(self.do, ("", ""))
        if not words or (self.advice.startswith(begins) and not self.advice[len(begins) :][:1].isalnum()):
            return self.advice
        return f"{words} {self.advice}".rstrip()

    def as_json(self) -> dict[str, object]:
        """Return the object for `--json`: `what`, `kind`, `title`, `meaning` and `do` always, anything else where it is known."""
        found: dict[str, object] = {}
        for name in type(self).__annotations__:
            value = getattr(self, name)
            if name == "known":
                if not value:
                    found[name] = False
            elif value or name in ("what", "kind", "title", "meaning", "do"):
                found[name] = value
        return found

    def lines(self) -> Iterator[str]:
        """Yield the explanation as lines for a person, to be wrapped by who shows them. The first is its heading."""
        yield f"{self.what}  {self.title}"
        yield from (f"  {paragraph}" for paragraph in self.meaning.split("\n") if paragraph)
        for name, label in _LABELS:
            value = getattr(self, name)
            if value:
                yield row(label, value if isinstance(value, str) else ", ".join(value))
        if self.needs_tls:
            yield row("TLS", "needed: without it the credential, or something as good, can be read on the way")
        for code, meaning in self.replies.items():
            yield row(code, meaning)
        if self.next:
            yield row("Next", ", ".join(self.next))
        if self.action:
            yield row("Do", self.action)
        if self.do != "none":
            yield from (row(label, getattr(self, name)) for name, label in _OF_REFUSAL if getattr(self, name))
        yield from (row("Cause", cause) for cause in self.causes)
        yield from (row("Check", step) for step in self.check)
        if self.see:
            yield row("See", ", ".join(self.see))
        yield from (row("Source", "; ".join(self.sources)) for _ in self.sources[:1])


def row(label: str, text: str) -> str:
    """Return a line of an explanation: what it is about, and the text."""
    return f"  {label:<{_WIDEST}}  {text}"


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, with its full stop."""
    end = 0
    while True:
        end = text.find(". ", end) + 1
        if not end:
            return text
        word = text[:end].rsplit(" ", 1)[-1]
        if len(word) > 2 and not word.endswith(("e.g.", "i.e.", "sec.")):
            return text[:end]

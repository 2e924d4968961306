"""The facts: what a table of `data/*.toml` holds, and how a fact is found by its name.

One file holds one kind. A fact is a table whose name is what people call the thing: `["EHLO"]`, `["550"]`, `["x.7.1"]`, `["open relay"]`.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct, convert

from smtp_shell.knowledge.tables import table, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """Kind of a fact, as `--json` names it, and the name of its file."""

    COMMAND = "command"
    REPLY = "reply"
    ENHANCED = "enhanced"
    EXTENSION = "extension"
    PARAMETER = "parameter"
    MECHANISM = "mechanism"
    ALERT = "alert"
    HEADER = "header"
    TERM = "term"
    REFUSAL = "refusal"


class Fact(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known about one thing.

    Args:
        title: What it is, in a few words without a full stop.
        meaning: What it means, in a few sentences of our own, plain text.
        sources: Where it is defined, down to the section: `RFC 5321 section 4.2.3`, `IANA SMTP Enhanced Status Codes`, or an https address.
        also: Other names that find it.
        see: Names of facts to read next.
    """

    title: str
    meaning: str
    sources: tuple[str, ...]
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()


class Advice(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a reply wants of the one who gets it.

    Args:
        fault: Whose fault it usually is, in a few words: `the sender`, `the recipient's server`, `nobody`.
        do: `fix`, `retry`, `give up` or `none`.
        advice: What to do, in a sentence.
        retries: Who tries again: `the client, by itself`, `the user, after the mistake is mended`, `nobody`.
    """

    fault: str
    do: str
    advice: str = ""
    retries: str = ""


class CommandFact(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A command.

    Args:
        syntax: Its line, such as `MAIL FROM:<reverse-path> [SP parameters]`.
        phases: Phases of `protocol.phases.Phase`, by name in lower case, in which it is in order; empty for any.
        replies: Reply codes that are foreseen for it -> what they mean here, in a few words.
        example: A line as one would type it.
        next: Commands that usually follow.
    """

    syntax: str
    phases: tuple[str, ...] = ()
    replies: dict[str, str] = {}
    example: str = ""
    next: tuple[str, ...] = ()


class ReplyFact(Advice, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reply code."""


class EnhancedFact(Advice, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An enhanced status code, without its class: `x.7.1`.

    `fault`, `do`, `advice` and `retries` are those of its permanent form.

    Args:
        classes: The classes that are registered for it or that occur: 2, 4, 5.
        replies: Basic reply codes that go with it, where the registry names them.
    """

    classes: tuple[int, ...] = (4, 5)
    replies: tuple[str, ...] = ()


class ExtensionFact(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An EHLO keyword.

    Args:
        syntax: What stands behind the keyword in the EHLO reply; empty for nothing.
        adds: Commands that it adds.
        parameters: Parameters of MAIL and RCPT that it adds.
        registered: Whether IANA lists it.
    """

    syntax: str = ""
    adds: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    registered: bool = True


class ParameterFact(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parameter of MAIL or RCPT.

    Args:
        syntax: Such as `SIZE=octets`.
        commands: The commands that take it: `MAIL`, `RCPT`, and in one case `VRFY` and `EXPN`.
        extension: The keyword that the server must have announced.
        example: Such as `SIZE=1200`.
    """

    syntax: str
    commands: tuple[str, ...]
    extension: str
    example: str = ""


class MechanismFact(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A SASL mechanism.

    Args:
        usage: As IANA has it: `common`, `limited`, `obsolete` or `must not be used`; `unregistered` if IANA does not list it.
        needs_tls: Whether it needs TLS to be safe: the credential, or something as good, can be read off the wire.
        exchange: What client and server say, step by step; empty where that is too long to say.
    """

    usage: str
    needs_tls: bool = False
    exchange: str = ""


class AlertFact(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A TLS alert that a mail client meets.

    Args:
        number: Its number (RFC 8446 section 6).
        advice: What to check.
    """

    number: int
    advice: str = ""


class HeaderFact(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A header field.

    Args:
        syntax: Its form.
        set_by: Who writes it: `author`, `submission server`, `relay`, `delivery`.
        occurs: How often: `exactly once`, `at most once`, `any number`.
        example: A line.
    """

    syntax: str
    set_by: str = "author"
    occurs: str = "at most once"
    example: str = ""


class TermFact(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A term that people ask about."""


class RefusalFact(Advice, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A refusal as a well-known server words it.

    Args:
        server: Who says so: `Postfix`, `Gmail`, …
        pattern: A regular expression (Python's), searched for without regard to case in the reply's text, its lines joined by a blank.
        codes: Reply codes that it comes with; empty for any.
        enhanced: Enhanced status codes that it comes with; empty for any or none.
        example: A text that the pattern finds.
        causes: What may be behind it, the likeliest first.
        check: What to look at, one step each.
    """

    server: str
    pattern: str
    example: str
    codes: tuple[int, ...] = ()
    enhanced: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    check: tuple[str, ...] = ()


FactT = TypeVar("FactT", bound=Fact)

CLASSES: Final[Mapping[Kind, type[Fact]]] = {
    Kind.COMMAND: CommandFact,
    Kind.REPLY: ReplyFact,
    Kind.ENHANCED: EnhancedFact,
    Kind.EXTENSION: ExtensionFact,
    Kind.PARAMETER: ParameterFact,
    Kind.MECHANISM: MechanismFact,
    Kind.ALERT: AlertFact,
    Kind.HEADER: HeaderFact,
    Kind.TERM: TermFact,
    Kind.REFUSAL: RefusalFact,
}
"""Class of the facts of a kind. The file is named for the kind: `data/command.toml`."""


def facts(kind: type[FactT]) -> Mapping[str, FactT]:
    """Return all facts of a class by name, in the order of their file."""
    found: Mapping[str, FactT] = _read(_kind_of(kind))
    return found


def find(kind: type[FactT], name: str) -> FactT | None:
    """Return the fact with this name or one of its other names, without regard to case; None if there is none."""
    hit = table(_kind_of(kind).value, name)
    return None if hit is None else convert(hit[1], kind)


def _kind_of(kind: type[Fact]) -> Kind:
    return next(each for each, class_ in CLASSES.items() if class_ is kind)


# Reading the largest file takes some milliseconds, and a page of explanations asks for each reply.
@lru_cache(maxsize=len(CLASSES))
def _read(kind: Kind) -> Mapping[str, Any]:
    """Read the file of a kind.

    Raises:
        msgspec.ValidationError: The file does not hold what its class says; a test keeps that from happening.
    """
    from types import GenericAlias, MappingProxyType

    from msgspec import toml

    return MappingProxyType(toml.decode(text_of(kind.value), type=GenericAlias(dict, (str, CLASSES[kind]))))

"""What is known of the thing that a question is about, for its explanation."""

from __future__ import annotations

from smtp_shell.knowledge.lookup import Fact, find


def sources(kind: type[Fact], name: str, otherwise: str) -> tuple[str, ...]:
    """Return where a thing is defined.

    Args:
        kind: The class of the fact.
        name: Its name.
        otherwise: The source where nothing is known.
    """
    fact = find(kind, name)
    return fact.sources if fact is not None else (otherwise,)


def meaning(kind: type[Fact], name: str, otherwise: str) -> str:
    """Return what is known of a thing, in a few sentences.

    Args:
        kind: The class of the fact.
        name: Its name.
        otherwise: What is said where nothing is known.
    """
    fact = find(kind, name)
    return fact.meaning if fact is not None else otherwise

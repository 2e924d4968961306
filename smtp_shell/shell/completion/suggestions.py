"""What could be typed next, from the commands, what the server announced, and what was typed before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.completion.context import Candidates, options_of
from smtp_shell.shell.completion.places import domains
from smtp_shell.shell.completion.words import SENT_AS_TYPED, addresses, last_word, server_verbs

if TYPE_CHECKING:
    from smtp_shell.shell.completion.context import Completable, CompletionContext, Option

_MOST_SUGGESTIONS = 50
# What usually follows in each phase.
_NEXT: Mapping[Phase, Sequence[str]] = {
    Phase.FRESH: ("ehlo", "helo", "lhlo", "quit"),
    Phase.READY: ("mail", "starttls", "auth", "ehlo", "quit"),
    Phase.MAIL: ("rcpt", "rset"),
    Phase.RCPT: ("rcpt", "data", "bdat", "rset"),
}
# What completes the verbs that are no shorthands.
_AFTER_VERBS: Mapping[str, Candidates] = {
    "vrfy": addresses,
    "expn": addresses,
    "help": server_verbs,
    "etrn": domains,
}


class Suggestion(Struct, frozen=True):
    """One thing that could be typed.

    Args:
        text: What to insert.
        start: Number of characters before the cursor that it replaces.
        description: A few printable words.
        shown: How it stands in a menu, if that is not what is inserted.
    """

    text: str
    start: int
    description: str = ""
    shown: str = ""

    @property
    def label(self) -> str:
        """How it stands in a menu."""
        return self.shown or self.text


def suggest(context: CompletionContext, text: str) -> Iterator[Suggestion]:
    """Suggest what could follow.

    Args:
        context: What to make suggestions from.
        text: The line up to the cursor.
    """
    if context.phase in (Phase.MAILDATA, Phase.AUTH):
        return
    head, space, rest = text.lstrip().partition(" ")
    if not space:
        yield from _first_words(context, head)
        return
    name = head.lower() if head.isascii() else ""
    command = context.commands.get(name)
    seen = 0
    holding: list[Suggestion] = []
    for found in _candidates(context, command, _AFTER_VERBS.get(name), rest):
        word = rest[len(rest) - found.start :]
        if found.text != word and _fits(found.text, word):
            yield found
            seen += 1
        elif not seen and len(holding) < _MOST_SUGGESTIONS and _holds(found.text, word):
            holding.append(found)
        if seen == _MOST_SUGGESTIONS:
            return
    if not seen:
        yield from holding


def _candidates(
    context: CompletionContext, command: Completable | None, complete: Candidates | None, rest: str
) -> Iterator[Suggestion]:
    """Yield what may follow a name, with much that does not begin as what was typed."""
    word = last_word(rest)
    before = [each.partition("=")[0] for each in rest[: len(rest) - len(word)].split()]
    by_name = {option.name: option for option in options_of(command.options)} if command is not None else {}
    name, equals, value = word.partition("=")
    option = by_name.get(name if equals else before[-1] if before else "")
    if option is not None and option.value:
        typed = value if equals else word
        complete = option.complete
        found = complete(context, typed) if complete is not None else option.choices.items()
        yield from (Suggestion(each, len(typed), meaning) for each, meaning in found)
        return
    complete = command.complete if command is not None else complete
    # A command whose options are no data, such as /set, has them among its other words.
    if complete is not None and not (by_name and word.startswith("-")):
        yield from (Suggestion(each, len(word), meaning) for each, meaning in complete(context, rest))
    if not word or word.startswith("-"):
        yield from (Suggestion(each.name, len(word), each.meaning, each.usage) for each in _possible(by_name, before))


def _possible(by_name: Mapping[str, Option], before: Sequence[str]) -> Iterator[Option]:
    """Yield the options that may still be added to those that are there."""
    there = [by_name[each] for each in before if each in by_name]
    sets = {each.either for each in there if each.either}
    for option in by_name.values():
        if (option.repeats or option not in there) and option.either not in sets:
            yield option


def _fits(candidate: str, word: str) -> bool:
    """Return whether a candidate begins with what was typed, in any case, and with or without quotes."""
    candidate, word = candidate.lower(), word.lower()
    return candidate.startswith(word) or _bare(candidate).startswith(_bare(word))


def _holds(candidate: str, word: str) -> bool:
    """Return whether a candidate has what was typed further on, as `mail-editor` has `editor`. One letter is in too many."""
    return len(word) > 1 and word.lower() in candidate.lower()[1:]


def _bare(word: str) -> str:
    return word.removeprefix("<").lstrip("\"'")


def _first_words(context: CompletionContext, head: str) -> Iterator[Suggestion]:
    """Yield slash commands, or verbs: first those that are in order now."""
    wanted = head.lower()
    found = {name: command.summary for name, command in context.commands.items()} | SENT_AS_TYPED
    next_ = _NEXT.get(context.phase, ()) if context.phase is not None else ()
    names = [
        name
        for name in dict.fromkeys((*next_, *found))
        if name in found and name.startswith("/") == wanted.startswith("/")
    ]
    fitting = [name for name in names if name.startswith(wanted)]
    for name in fitting or [name for name in names if _holds(name, wanted.removeprefix("/"))]:
        yield Suggestion(name, len(head), found[name])

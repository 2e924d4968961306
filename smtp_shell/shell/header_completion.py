"""What completes the header of mail data: the names of fields, and what usually stands in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.shell.completion import Suggestion, addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.shell.completion import CompletionContext

# What an author writes, in the order in which it is suggested.
_NAMES = (
    *("From", "To", "Subject", "Date", "Cc", "Message-ID", "Reply-To", "Sender", "Bcc", "In-Reply-To", "References"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-Language"),
    *("Keywords", "Comments", "Auto-Submitted", "List-Id", "List-Unsubscribe", "Importance", "User-Agent"),
)
_SEVERAL = frozenset({"comments", "keywords"})  # fields that may stand there more than once
_ADDRESSES = frozenset({"from", "to", "cc", "bcc", "reply-to", "sender"})
_VALUES = {
    "mime-version": (("1.0", "the only version there is"),),
    "content-type": (
        ("text/plain; charset=utf-8", "a text"),
        ("text/html; charset=utf-8", "a page of HTML"),
        ("multipart/mixed; boundary=part", "a text and files"),
        ("multipart/alternative; boundary=part", "the same as text and as HTML"),
    ),
    "content-transfer-encoding": (
        ("7bit", "ASCII, in lines of at most 998 octets"),
        ("8bit", "any text, where the server announces 8BITMIME"),
        ("quoted-printable", "mostly ASCII, the rest as =XX"),
        ("base64", "any octets, a third longer"),
    ),
    "content-disposition": (("inline", "shown with the text"), ("attachment; filename=", "offered as a file")),
    "auto-submitted": (("auto-generated", "written by a program"), ("auto-replied", "an automatic answer")),
    "importance": (("high", ""), ("normal", ""), ("low", "")),
}
_LAST_ADDRESS = re.compile(r"[^\s,;<]*\Z")
_NAME = re.compile(r"[!-9;-~]+(?=:)")


def is_in_header(text: str, cursor: int) -> bool:
    """Return whether the cursor is in the header: no empty line has ended it.

    Args:
        text: The mail data.
        cursor: Characters in front of the cursor.

    Source: RFC 5322 section 2.1
    """
    return not (cursor and text.startswith("\n")) and text.find("\n\n", 0, cursor) < 0


def suggest_header(context: CompletionContext, before: str, *, asked: bool = True) -> Iterator[Suggestion]:
    """Suggest what could follow in the header of mail data.

    Args:
        context: What to make suggestions from.
        before: The mail data up to the cursor.
        asked: Whether the user asks for suggestions. Otherwise none is made where nothing is typed yet.
    """
    if not is_in_header(before, len(before)):
        return
    *above, line = before.split("\n")
    name, colon, value = line.partition(":")
    if colon:
        yield from _values(context, name.strip().lower(), value.lstrip(), above, asked=asked)
    elif line[:1] in (" ", "\t"):  # the rest of a folded field
        field = next((each.partition(":")[0].lower() for each in reversed(above) if _NAME.match(each)), "")
        if field in _ADDRESSES:
            yield from _values(context, field, value or line.lstrip(), above, asked=asked)
    elif line or asked:
        yield from _names(line, above)


def _names(typed: str, above: list[str]) -> Iterator[Suggestion]:
    from smtp_shell.knowledge.lookup import HeaderFact, find

    there = {found[0].lower() for each in above if (found := _NAME.match(each))}
    for name in _NAMES:
        if name.lower().startswith(typed.lower()) and (name.lower() not in there or name.lower() in _SEVERAL):
            fact = find(HeaderFact, name)
            yield Suggestion(f"{name}: ", len(typed), fact.title if fact is not None else "")


def _values(
    context: CompletionContext, name: str, value: str, above: list[str], *, asked: bool
) -> Iterator[Suggestion]:
    if name in _ADDRESSES:
        found = _LAST_ADDRESS.search(value)
        word = found[0] if found is not None else ""
        if word or asked:
            for address, description in addresses(context, word):
                yield Suggestion(address, len(word), description)
        return
    for text, description in _usual(name, above):
        if text.lower().startswith(value.lower()) and text != value:
            yield Suggestion(text, len(value), description)


def _usual(name: str, above: list[str]) -> Iterator[tuple[str, str]]:
    if name == "date":
        from smtp_shell.transcript.variables import local_now, rfc5322_date

        yield rfc5322_date(local_now()), "now"
    elif name == "message-id":
        from uuid import uuid4

        author = next((each for each in above if each.lower().startswith("from:")), "")
        domain = re.search(r"@([A-Za-z0-9.-]+)", author)
        yield f"<{uuid4().hex}@{domain[1] if domain else 'localhost'}>", "a name that no other message has"
    else:
        yield from _VALUES.get(name, ())

"""The messages of a dialogue: which of its entries are the mail data of which message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.commands import bdat_chunk
from smtp_shell.protocol.events import CommandSent, MailDataSent, OctetsSent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtp_shell.protocol.events import Entry


def mail_data(entries: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
    """Yield the entries that are mail data, each with the number of its message, from 1: text after DATA, or BDAT and its chunk.

    Args:
        entries: The dialogue.

    Source: RFC 5321 section 4.1.1.4, RFC 3030 section 2
    """
    number, in_text, in_chunk = 0, False, False
    has_begun = False  # a message in chunks, whose last one has not come
    for entry in entries:
        match entry.event:
            case MailDataSent() as event:
                number += not in_text
                in_text = not event.last
                yield number, entry
            case OctetsSent() if in_chunk:
                yield number, entry
            case CommandSent() as event:
                chunk = bdat_chunk(event.command.line)
                in_text, in_chunk = False, chunk is not None
                if chunk is not None:
                    number += not has_begun
                    has_begun = not chunk.last
                    yield number, entry
                elif event.command.verb != "NOOP":
                    has_begun = False


def count_messages(entries: Iterable[Entry]) -> int:
    """Return how many messages were sent in a dialogue, whole or not."""
    number = 0
    for number, _ in mail_data(entries):  # noqa: B007
        pass
    return number


def one_message(entries: Iterable[Entry], number: int) -> Iterator[Entry]:
    """Yield the mail data of one message.

    Args:
        entries: The dialogue.
        number: Which message, from 1.
    """
    for found, entry in mail_data(entries):
        if found == number:
            yield entry
        elif found > number:
            return

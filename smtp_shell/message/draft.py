"""A draft: all of a message that its author decides, as values. `building` makes octets of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.message.mailboxes import Mailbox, check_text, parse_mailboxes
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted

_NAME = re.compile(r"[!-9;-~]{1,70}")
_MOST_OF_LINE = 900
_OF_MIME = ("mime-version", "content-")
_ADDRESSES = {"from": "from_", "to": "to", "cc": "cc", "bcc": "bcc"}
_TEXTS = {"subject": "subject", "date": "date", "message-id": "message_id"}
WITH_MAILBOXES = frozenset({"sender", "reply-to", "resent-from", "resent-to", "resent-cc", "resent-sender"})
"""The other fields that hold mailboxes, in lower case."""

NEVER_SENT = frozenset({"bcc", "resent-bcc"})
"""Fields that no message has on its way, in lower case.

Source: RFC 5322 section 3.6.3
"""


class Attachment(Struct, frozen=True):
    """A file that goes with a message.

    Args:
        path: The file. It is read when the message is sent.
        type: Its media type, parameters included; empty for what its name suggests.
        name: The name that readers see; empty for the file's own.
    """

    path: Path
    type: str = ""
    name: str = ""

    @property
    def shown_name(self) -> str:
        """The name that readers see."""
        return self.name or self.path.name


class Draft(Struct, frozen=True):
    """A message that is being composed.

    Args:
        from_: Its authors.
        to: Its recipients.
        cc: Who gets a copy.
        bcc: Who gets a copy unseen: they are in the envelope only.
        subject: The subject.
        date: The Date field, as RFC 5322 writes it; empty for none yet.
        message_id: The Message-ID field, with its angle brackets; empty for none yet.
        body: The text. Any line ends.
        html: The same text as HTML; empty for none.
        attachments: The files that go with it.
        headers: Further fields, (name, value), in their order.
    """

    from_: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    subject: str = ""
    date: str = ""
    message_id: str = ""
    body: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def recipients(self) -> tuple[Mailbox, ...]:
        """Everybody who gets it, each address once."""
        return tuple({each.address: each for each in (*self.to, *self.cc, *self.bcc)}.values())

    @property
    def sender(self) -> Mailbox | None:
        """Who sends it: the Sender field, or the first author; None for nobody yet.

        Raises:
            UsageError: The Sender field holds no mailbox.
        """
        for name, value in self.headers:
            if name.lower() == "sender":
                found = parse_mailboxes(value, name)
                return found[0] if found else None
        return self.from_[0] if self.from_ else None

    @property
    def mailboxes(self) -> Iterator[Mailbox]:
        """Every mailbox in it."""
        yield from (*self.from_, *self.to, *self.cc, *self.bcc)
        for name, value in self.headers:
            if name.lower() in WITH_MAILBOXES:
                yield from parse_mailboxes(value, name)

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address in it has no form in ASCII, so that only a server with SMTPUTF8 can take it.

        Source: RFC 6531 section 3.1
        """
        return any(each.needs_smtputf8 for each in self.mailboxes)


def check_name(name: str) -> None:
    """Check that a header field can have a name.

    Raises:
        UsageError: It cannot.

    Source: RFC 5322 section 2.2
    """
    if not _NAME.fullmatch(name):
        shown = quoted(escape_str(name[:70]), SINGLE)
        raise UsageError(f"{shown} is no name of a header field: it has printable ASCII, without blanks and colons.")


def with_field(draft: Draft, name: str, value: str) -> Draft:
    """Return a draft with a header field set, whichever it is.

    From, To, Cc, Bcc, Subject, Date and Message-ID are replaced. Any other name is added, and an empty value takes it out.

    Args:
        draft: The draft.
        name: Name of the field, in any case.
        value: Its value, as typed.

    Raises:
        NotSendable: The value holds CR, LF or NUL.
        UsageError: There can be no such field, MIME writes it, or its addresses are none.
    """
    check_name(name)
    check_text(value, name)
    lower, value = name.lower(), value.strip(" \t")
    if lower.startswith(_OF_MIME):
        raise UsageError(
            f"{name} follows from the text and the attachments; use /attach FILE --type TYPE for a file's."
        )
    if lower == "resent-bcc":
        raise UsageError(f"{name} would go to everybody; use Bcc, which is in the envelope only.")
    if lower in _ADDRESSES:
        return replace(draft, **{_ADDRESSES[lower]: parse_mailboxes(value, name)})
    if lower in _TEXTS:
        if lower != "subject" and not (value.isascii() and len(value) <= _MOST_OF_LINE):
            raise UsageError(f"{name} has at most {_MOST_OF_LINE} characters, all of them ASCII; correct it.")
        return replace(draft, **{_TEXTS[lower]: value})
    if lower in WITH_MAILBOXES:
        parse_mailboxes(value, name)
    kept = tuple(each for each in draft.headers if each[0].lower() != lower) if not value else draft.headers
    return replace(draft, headers=(*kept, (name, value)) if value else kept)

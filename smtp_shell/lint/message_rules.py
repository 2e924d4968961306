"""Rules about the message: its header, and what its body needs."""

from __future__ import annotations

import re
from collections import Counter

from smtp_shell.lint.dates import fault_of_date
from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import DataFault, DataFaultSent, HeaderEnd, HeaderSent, MessageSent, View
from smtp_shell.lint.rules import At, Said, rule
from smtp_shell.protocol.written_paths import written_path

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_ONCE = {
    "from": "From",
    "sender": "Sender",
    "reply-to": "Reply-To",
    "to": "To",
    "cc": "Cc",
    "bcc": "Bcc",
    "message-id": "Message-ID",
    "in-reply-to": "In-Reply-To",
    "references": "References",
    "subject": "Subject",
    "date": "Date",
    "mime-version": "MIME-Version",
    "content-type": "Content-Type",
    "content-transfer-encoding": "Content-Transfer-Encoding",
}
_ENCODINGS = frozenset({b"7bit", b"8bit", b"binary", b"quoted-printable", b"base64"})
_MESSAGE_ID = re.compile(rb"""<[^\s<>@]+@[^\s<>@]+>|<"[^"]*"@[^\s<>@]+>""")
_ANY_ADDRESS = re.compile(rb"""[^\s<>()\[\]:;,@"\\]+@(?:\[[^\s\[\]]+\]|[^\s<>()\[\]:;,@"\\]+)""")
_COMMENT = re.compile(rb"\([^()]*\)")
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')


def _is_known(value: bytes) -> bool:
    """Return whether a value is there, and no variable of a transcript."""
    return b"${" not in value


def _plain(value: bytes) -> bytes:
    """Return a list of addresses without its comments; what is quoted is one word, in a name or before an @."""
    return _QUOTED.sub(b"Q", _COMMENT.sub(b"", value))


def _token(value: bytes) -> bytes:
    return _COMMENT.sub(b"", value).split(b";")[0].strip().lower()


def _has_header(header: HeaderSent) -> bool:
    return bool(header.fields)


# The header as lines


@rule("no-header", _ERROR, "RFC 5322 section 2.1", "RFC 5322 section 3.6", on=HeaderSent)
def no_header(view: View, header: HeaderSent) -> Said:
    """The message has no header."""
    if not header.fields:
        yield "the message has no header: fields such as From and Date come first, then an empty line, then the text"


@rule("no-empty-line", _ERROR, "RFC 5322 section 2.1", on=HeaderSent)
def no_empty_line(view: View, header: HeaderSent) -> Said:
    """No empty line stands between header and body."""
    if header.fields and header.end is HeaderEnd.TEXT:
        yield "the text follows the header without an empty line between them; readers take it for a part of the header"


@rule("field-without-colon", _ERROR, "RFC 5322 section 2.2", on=DataFaultSent)
def field_without_colon(view: View, fault: DataFaultSent) -> Said:
    """A line of the header has no colon."""
    if fault.fault is DataFault.NO_COLON:
        yield "a line of the header has no colon after its name; a field is Name: value"


@rule("blank-in-field-name", _ERROR, "RFC 5322 section 2.2", "RFC 5322 section 4.5", on=HeaderSent)
def blank_in_field_name(view: View, header: HeaderSent) -> Said:
    """There is a blank between a field's name and its colon."""
    for field in header.fields:
        if field.has_blank:
            yield At(field.place, "there is a blank between the field's name and its colon, where none may be")


@rule("mbox-line", _WARNING, "RFC 5322 section 2.2", "RFC 4155 section 2", on=DataFaultSent)
def mbox_line(view: View, fault: DataFaultSent) -> Said:
    """The message begins with the line that separates messages in a mailbox file."""
    if fault.fault is DataFault.MBOX_LINE:
        yield "the message begins with a line From without a colon: that belongs to mailbox files, not to the message"


@rule("folded-first-line", _ERROR, "RFC 5322 section 2.2.3", on=DataFaultSent)
def folded_first_line(view: View, fault: DataFaultSent) -> Said:
    """The first line of the header begins with white space."""
    if fault.fault is DataFault.FOLDED_FIRST:
        yield "the first line begins with white space, as if it went on with a field before it"


@rule("empty-folded-line", _WARNING, "RFC 5322 section 3.2.2", on=DataFaultSent)
def empty_folded_line(view: View, fault: DataFaultSent) -> Said:
    """A line of the header holds white space alone."""
    if fault.fault is DataFault.EMPTY_FOLD:
        yield "a line of the header holds blanks alone: some readers take it for the end of the header, some do not"


@rule(
    "eight-bit-header", _ERROR, "RFC 5322 section 2.2", "RFC 2047 section 2", "RFC 6532 section 3.2", on=DataFaultSent
)
def eight_bit_header(view: View, fault: DataFaultSent) -> Said:
    """The header holds octets over 127, and MAIL has no SMTPUTF8."""
    if fault.fault is DataFault.EIGHT_BIT_HEADER and "SMTPUTF8" not in view.mail_parameters:
        yield "the header holds octets over 127: write them as encoded words (=?utf-8?q?…?=), or say SMTPUTF8 in MAIL"


# Fields that have to be there, and how often


@rule("no-from", _ERROR, "RFC 5322 section 3.6.2", on=HeaderSent)
def no_from(view: View, header: HeaderSent) -> Said:
    """The header has no From field."""
    if _has_header(header) and not header.all("from"):
        yield "there is no From field, which every message has"


@rule("no-date", _ERROR, "RFC 5322 section 3.6.1", on=HeaderSent)
def no_date(view: View, header: HeaderSent) -> Said:
    """The header has no Date field."""
    if _has_header(header) and not header.all("date"):
        yield "there is no Date field, which every message has"


@rule("no-message-id", _ADVICE, "RFC 5322 section 3.6.4", on=HeaderSent)
def no_message_id(view: View, header: HeaderSent) -> Said:
    """The header has no Message-ID field."""
    if _has_header(header) and not header.all("message-id"):
        yield "there is no Message-ID field, which every message should have; some receivers count it as a sign of spam"


@rule("no-recipient-field", _ADVICE, "RFC 5322 section 3.6.3", on=HeaderSent)
def no_recipient_field(view: View, header: HeaderSent) -> Said:
    """The header has no To, Cc or Bcc field."""
    if _has_header(header) and not header.all("to", "cc", "bcc"):
        yield "there is no To, Cc or Bcc field; the envelope alone decides who gets it, and readers see no recipient"


@rule("no-subject", _ADVICE, "RFC 5322 section 3.6.5", on=HeaderSent)
def no_subject(view: View, header: HeaderSent) -> Said:
    """The header has no Subject field."""
    if _has_header(header) and not header.all("subject"):
        yield "there is no Subject field"


@rule("duplicate-field", _ERROR, "RFC 5322 section 3.6", on=HeaderSent)
def duplicate_field(view: View, header: HeaderSent) -> Said:
    """A field that may be there once is there twice."""
    seen: Counter[str] = Counter()
    for field in header.fields:
        seen[field.key] += 1
        if field.key in _ONCE and seen[field.key] == 2:
            yield At(field.place, f"the field {_ONCE[field.key]} is there twice, and may be once")


# What stands in fields


@rule("date", _ERROR, "RFC 5322 section 3.3", on=HeaderSent)
def date(view: View, header: HeaderSent) -> Said:
    """The Date field holds no date."""
    for field in header.all("date")[:1]:
        if _is_known(field.value) and (fault := fault_of_date(field.value)):
            yield At(field.place, f"{fault}; a date is such as Fri, 27 Nov 2026 10:21:05 +0100")


@rule("message-id", _WARNING, "RFC 5322 section 3.6.4", on=HeaderSent)
def message_id(view: View, header: HeaderSent) -> Said:
    """The Message-ID field is malformed."""
    for field in header.all("message-id")[:1]:
        if _is_known(field.value) and not _MESSAGE_ID.fullmatch(_COMMENT.sub(b"", field.value).strip()):
            yield At(field.place, "the Message-ID is no <left@right>, with angle brackets and without blanks")


@rule("from-without-address", _ERROR, "RFC 5322 section 3.6.2", on=HeaderSent)
def from_without_address(view: View, header: HeaderSent) -> Said:
    """The From field holds no mail address."""
    for field in header.all("from")[:1]:
        if _is_known(field.value) and not _ANY_ADDRESS.search(_plain(field.value)):
            yield At(field.place, "the From field holds no mail address")


@rule("address-without-brackets", _ERROR, "RFC 5322 section 3.4", on=HeaderSent)
def address_without_brackets(view: View, header: HeaderSent) -> Said:
    """A name stands before an address, and the address has no angle brackets."""
    for field in header.all("from", "sender", "to", "cc", "reply-to"):
        plain = _plain(field.value)
        if not _is_known(plain) or b"<" in plain or b":" in plain:
            continue
        if any(len(each.split()) > 1 and b"@" in each for each in plain.split(b",")):
            yield At(field.place, "a name stands beside an address without angle brackets: Name <address>")


@rule("several-authors", _ERROR, "RFC 5322 section 3.6.2", on=HeaderSent)
def several_authors(view: View, header: HeaderSent) -> Said:
    """The From field has several addresses, and there is no Sender field."""
    for field in header.all("from")[:1]:
        if len(_ANY_ADDRESS.findall(_plain(field.value))) > 1 and not header.all("sender"):
            yield At(field.place, "the From field has several addresses, and no Sender field says who sends it")


@rule("from-not-envelope", _ADVICE, "RFC 5321 section 3.3", "RFC 7489 section 3.1", on=HeaderSent)
def from_not_envelope(view: View, header: HeaderSent) -> Said:
    """The address in From has another domain than MAIL FROM."""
    path = written_path(view.sender) if view.sender is not None else None
    if path is None or not path.is_known or b"@" not in path.mailbox or header.all("sender"):
        return
    domain = path.mailbox.rpartition(b"@")[2].lower()
    for field in header.all("from")[:1]:
        found = [each.rpartition(b"@")[2].lower() for each in _ANY_ADDRESS.findall(field.value)]
        if _is_known(field.value) and found and domain not in found:
            yield At(
                field.place,
                "From has another domain than MAIL FROM: that is allowed, and receivers that check SPF and DMARC may refuse it",
            )


@rule("bcc-sent", _WARNING, "RFC 5322 section 3.6.3", on=HeaderSent)
def bcc_sent(view: View, header: HeaderSent) -> Said:
    """The message carries a Bcc field."""
    for field in header.all("bcc")[:1]:
        if field.value:
            yield At(
                field.place,
                "the Bcc field goes to all recipients; leave it out: RCPT alone decides who gets the message",
            )


@rule("return-path-sent", _WARNING, "RFC 5321 section 4.4", on=HeaderSent)
def return_path_sent(view: View, header: HeaderSent) -> Said:
    """The message carries a Return-Path field."""
    for field in header.all("return-path")[:1]:
        yield At(field.place, "the last server writes the field Return-Path; leave it out")


# MIME


@rule("mime-version-missing", _WARNING, "RFC 2045 section 4", on=HeaderSent)
def mime_version_missing(view: View, header: HeaderSent) -> Said:
    """There are MIME fields, and no MIME-Version."""
    found = header.all("content-type", "content-transfer-encoding", "content-disposition")
    if found and not header.all("mime-version"):
        yield At(found[0].place, "there is a MIME field without MIME-Version: 1.0")


@rule("transfer-encoding", _ERROR, "RFC 2045 section 6.1", on=HeaderSent)
def transfer_encoding(view: View, header: HeaderSent) -> Said:
    """The Content-Transfer-Encoding is none that exists."""
    for field in header.all("content-transfer-encoding")[:1]:
        value = _token(field.value)
        if _is_known(value) and value not in _ENCODINGS and not value.startswith(b"x-"):
            yield At(field.place, "Content-Transfer-Encoding is 7bit, 8bit, binary, quoted-printable or base64")


@rule("encoded-multipart", _ERROR, "RFC 2045 section 6.4", on=HeaderSent)
def encoded_multipart(view: View, header: HeaderSent) -> Said:
    """A multipart message as a whole is encoded as base64 or quoted-printable."""
    is_multipart = any(_token(field.value).startswith(b"multipart/") for field in header.all("content-type"))
    for field in header.all("content-transfer-encoding")[:1]:
        if is_multipart and _token(field.value) in (b"base64", b"quoted-printable"):
            yield At(field.place, "a multipart message as a whole may not be encoded; its parts are")


@rule("no-boundary", _ERROR, "RFC 2046 section 5.1.1", on=HeaderSent)
def no_boundary(view: View, header: HeaderSent) -> Said:
    """A multipart Content-Type has no boundary."""
    for field in header.all("content-type")[:1]:
        if _token(field.value).startswith(b"multipart/") and not re.search(rb"(?i);\s*boundary\s*=", field.value):
            yield At(field.place, "a multipart Content-Type has no boundary")


@rule("content-type", _ERROR, "RFC 2045 section 5.1", on=HeaderSent)
def content_type(view: View, header: HeaderSent) -> Said:
    """The Content-Type is no type with a subtype."""
    for field in header.all("content-type")[:1]:
        value = _token(field.value)
        if _is_known(value) and not re.fullmatch(rb"[^\s/;]+\s*/\s*[^\s/;]+", value):
            yield At(field.place, "Content-Type is a type and a subtype, such as text/plain; charset=utf-8")


@rule("eight-bit-without-mime", _WARNING, "RFC 2045 section 2.8", "RFC 5322 section 2.3", on=MessageSent)
def eight_bit_without_mime(view: View, message: MessageSent) -> Said:
    """The body holds octets over 127, and no MIME field says what they mean."""
    if message.has_eight_bit and not message.header.all("content-type"):
        yield "the body holds octets over 127, and no Content-Type says in which charset; add MIME-Version and Content-Type"


@rule("eight-bit-in-7bit", _ERROR, "RFC 2045 section 6.2", on=MessageSent)
def eight_bit_in_7bit(view: View, message: MessageSent) -> Said:
    """The body holds octets over 127, and the Content-Transfer-Encoding says 7bit, or is not there."""
    encodings = [_token(field.value) for field in message.header.all("content-transfer-encoding")[:1]]
    types = [_token(field.value) for field in message.header.all("content-type")[:1]]
    if not message.has_eight_bit or not types:
        return
    if not encodings and not types[0].startswith(b"multipart/"):
        yield "the body holds octets over 127, and there is no Content-Transfer-Encoding: 8bit"
    elif encodings and encodings[0] in (b"7bit", b"base64", b"quoted-printable"):
        yield "the body holds octets over 127, which its Content-Transfer-Encoding does not allow"


@rule("eight-bit-not-announced", _ERROR, "RFC 6152 section 3", on=MessageSent)
def eight_bit_not_announced(view: View, message: MessageSent) -> Said:
    """The body holds octets over 127, and the server does not announce 8BITMIME."""
    if message.has_eight_bit and (view.lacks("8BITMIME") or view.hello == "HELO"):
        yield "the body holds octets over 127, and the server does not announce 8BITMIME; encode it"


@rule("body-not-declared", _WARNING, "RFC 6152 section 2", on=MessageSent)
def body_not_declared(view: View, message: MessageSent) -> Said:
    """The body holds octets over 127, and MAIL does not say BODY=8BITMIME."""
    if not message.has_eight_bit or view.hello == "HELO" or view.lacks("8BITMIME"):
        return
    if view.mail_parameters.get("BODY", b"").upper() not in (b"8BITMIME", b"BINARYMIME"):
        yield "the body holds octets over 127, and MAIL does not say BODY=8BITMIME"


@rule("dot-not-doubled", _ERROR, "RFC 5321 section 4.5.2", on=DataFaultSent)
def dot_not_doubled(view: View, fault: DataFaultSent) -> Said:
    """A line of the mail data begins with a single dot."""
    if fault.fault is DataFault.SINGLE_DOT:
        yield "a line begins with one dot, which the server takes away; double each dot that begins a line"


@rule("empty-message", _WARNING, "RFC 5322 section 3.5", on=MessageSent)
def empty_message(view: View, message: MessageSent) -> Said:
    """The message is empty."""
    if not message.size:
        yield "the message is empty: it has neither header nor text"

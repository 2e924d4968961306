"""The octets of a draft: MIME by the standard library's `email` package, the attachments read from their files as the octets are taken.

`email` builds and writes the tree of parts, in which each attachment is a mark of a few octets. The marks are then replaced by the files,
encoded piece by piece, so that memory does not grow with them.
"""

from __future__ import annotations

import codecs
import mimetypes
import re
import stat
from binascii import b2a_base64
from collections.abc import Iterator
from email import quoprimime
from email.generator import BytesGenerator
from email.message import Message
from email.policy import EmailPolicy
from hashlib import sha256
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

from msgspec import Struct

from smtp_shell.errors import MessageChanged, NotSendable, UsageError
from smtp_shell.message.draft import NEVER_SENT, WITH_MAILBOXES, Attachment, Draft, check_name
from smtp_shell.message.fields import (
    LONGEST_LINE,
    Field,
    disposition_field,
    is_readable,
    mailboxes_field,
    plain_field,
    text_field,
)
from smtp_shell.message.mailboxes import check_text, parse_mailboxes
from smtp_shell.protocol.octets import CRLF, SINGLE, escape_str, quoted

_LINE = 57  # octets of a file in a line of base64
_ENCODED = 76
_PIECE = _LINE * 1024
_TYPE = re.compile(r"""[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:[ \t]*;[ \t]*[\w-]+=(?:[^\s;"]+|"[^"]*"))*""", re.ASCII)
_UNKNOWN_TYPE = "application/octet-stream"
# They may not be encoded as base64 (RFC 2046 sections 5.1 and 5.2.1).
_NEVER_ENCODED = ("message/", "multipart/")


class Enclosed(Struct, frozen=True):
    """An attachment's file, as it is in the message: in base64.

    Args:
        path: The file.
        octets: Its size when the message was laid out.
    """

    path: Path
    octets: int

    @property
    def size(self) -> int:
        """Octets of the encoded file: lines of 76 with CRLF between them."""
        length = 4 * -(-self.octets // 3)
        return length + len(CRLF) * max(0, -(-length // _ENCODED) - 1)

    def pieces(self) -> Iterator[bytes]:
        """Yield the encoded file, in pieces.

        Raises:
            MessageChanged: The file cannot be read any more, or its size is another.

        Source: RFC 2045 section 6.8
        """
        name = quoted(escape_str(str(self.path)), SINGLE)
        left = self.octets
        try:
            with self.path.open("rb") as stream:
                while left and (octets := stream.read(min(left, _PIECE))):
                    left -= len(octets)
                    yield _base64_lines(octets) + (CRLF if left else b"")
                grown = not left and stream.read(1)
        except OSError as error:
            raise MessageChanged(f"{name} cannot be read any more: {error.strerror}") from None
        if left or grown:
            how = f"{left:,} octets of it are missing" if left else "it has grown"
            raise MessageChanged(f"{name} has changed since the message was made: {how}")


class Layout(Struct, frozen=True):
    """A message that is ready to be sent.

    Args:
        parts: Its octets, and the files between them, in order.
        fields: The fields of its header, and those of its parts that mean something encoded: a text, the name of an attachment.
    """

    parts: tuple[bytes | Enclosed, ...]
    fields: tuple[Field, ...]

    @property
    def size(self) -> int:
        """How many octets it has."""
        return sum(len(each) if isinstance(each, bytes) else each.size for each in self.parts)

    @property
    def has_eight_bit(self) -> bool:
        """Whether it holds octets over 127."""
        return not all(each.isascii() for each in self.parts if isinstance(each, bytes))

    @property
    def attachment_octets(self) -> int:
        """Octets of all files, before they are encoded."""
        return sum(each.octets for each in self.parts if isinstance(each, Enclosed))

    def pieces(self) -> Iterator[bytes]:
        """Yield its octets, in pieces, with CRLF line ends and without doubled dots.

        Raises:
            MessageChanged: An attachment's file is not what it was.
        """
        for each in self.parts:
            if isinstance(each, bytes):
                yield each
            else:
                yield from each.pieces()


def build(draft: Draft, *, smtputf8: bool, eight_bit: bool | None = None) -> bytes:
    """Return the octets of a draft, all at once; for a message with large attachments take `lay_out(...).pieces()`.

    Raises:
        As `lay_out` and `Layout.pieces`.
    """
    return b"".join(lay_out(draft, smtputf8=smtputf8, eight_bit=eight_bit).pieces())


def lay_out(draft: Draft, *, smtputf8: bool, eight_bit: bool | None = None) -> Layout:
    """Return a draft as a message that is ready to be sent. The same draft has the same octets each time.

    Bcc is left out. Without `smtputf8` the header is in ASCII.

    Args:
        draft: The draft.
        smtputf8: Whether the header may be in UTF-8.
        eight_bit: Whether the text may have octets over 127; None: as `smtputf8`.

    Raises:
        UsageError: An attachment cannot be read, or its type cannot be.
        NotSendable: A text is no Unicode, a name holds CR, LF or NUL, or an address has no form in ASCII.

    Source: RFC 5322 section 3, RFC 2045, RFC 2046 section 5.1, RFC 6532 section 3
    """
    eight_bit = smtputf8 if eight_bit is None else eight_bit
    if not smtputf8:
        _check_ascii_addresses(draft)
    header = list(_header(draft, utf8=smtputf8))
    texts = [_text_part(text, kind, eight_bit=eight_bit) for kind, text in _texts(draft)]
    files = [_enclosed(each) for each in draft.attachments]
    words = _unused_words(header, texts)
    tree = texts[0] if len(texts) == 1 else _multipart("alternative", texts, next(words))
    marks = [next(words) for _ in files]
    dispositions = [disposition_field(each.shown_name, utf8=smtputf8) for each in draft.attachments]
    if files:
        types = [_type_of(each) for each in draft.attachments]
        parts = [_attachment_part(*each) for each in zip(types, dispositions, marks, strict=True)]
        tree = _multipart("mixed", [tree, *parts], next(words))
    octets = b"".join(field.octets for field in (*header, plain_field("MIME-Version", "1.0"))) + _written(tree)
    encoded = [_encoding_field(each, text) for each, (_, text) in zip(texts, _texts(draft), strict=True)]
    fields = (*header, *(each for each in encoded if each.rules), *dispositions)
    return Layout(tuple(_with_files(octets, marks, files)), fields)


def check_attachment(attachment: Attachment) -> str:
    """Check that a file can be attached, and return it in words: name, type, size.

    Raises:
        UsageError: It cannot be read, or its type cannot be.
        NotSendable: Its name holds CR, LF or NUL.
    """
    octets = _enclosed(attachment).octets
    return f"{escape_str(attachment.shown_name)}: {escape_str(_type_of(attachment))}, {octets:,} octets"


# The header


def _check_ascii_addresses(draft: Draft) -> None:
    for each in draft.mailboxes:
        if each.needs_smtputf8:
            raise NotSendable(
                f"the address {escape_str(each.address)} has letters before its @ that only a server with SMTPUTF8 takes (RFC 6531); "
                "this one does not announce it, and nothing was sent."
            )


def _header(draft: Draft, *, utf8: bool) -> Iterator[Field]:
    for name, mailboxes in (("From", draft.from_), ("To", draft.to), ("Cc", draft.cc)):
        for each in mailboxes:
            check_text(f"{each.name}{each.address}", name)
        if mailboxes:
            yield mailboxes_field(name, mailboxes, utf8=utf8)
    if draft.subject:
        check_text(draft.subject, "Subject")
        yield text_field("Subject", draft.subject, utf8=utf8)
    for name, value in (("Date", draft.date), ("Message-ID", draft.message_id)):
        if value:
            check_text(value, name)
            yield plain_field(name, value)
    for name, value in draft.headers:
        check_name(name)
        check_text(value, name)
        if name.lower() in NEVER_SENT:
            continue
        if name.lower() in WITH_MAILBOXES:
            yield mailboxes_field(name, parse_mailboxes(value, name), utf8=utf8)
        else:
            yield text_field(name, value, utf8=utf8, as_typed=True)


# The parts


class _Policy(EmailPolicy):
    """Writes header fields as they are: `fields` has folded them."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return name, value

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return value

    def fold(self, name: str, value: str) -> str:
        return f"{name}: {value}\r\n"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode()


_POLICY = _Policy(linesep="\r\n", utf8=True)


def _texts(draft: Draft) -> Iterator[tuple[str, str]]:
    """Yield the subtype and the text of each form of the body; the last one is the best (RFC 2046 section 5.1.4)."""
    if draft.body or not draft.html:
        yield "plain", draft.body
    if draft.html:
        yield "html", draft.html


def _text_part(text: str, subtype: str, *, eight_bit: bool) -> Message:
    """Return a text as a part, in the encoding that changes least of it.

    Source: RFC 2045 section 6
    """
    try:
        octets = _with_line_ends(text).encode()
    except UnicodeEncodeError:
        raise NotSendable("the text is not valid Unicode; write it in UTF-8. Nothing was sent.") from None
    part: Message = Message(policy=_POLICY)
    charset = "us-ascii" if octets.isascii() else "utf-8"
    part["Content-Type"] = f"text/{subtype}; charset={charset}"
    is_short = b"\0" not in octets and max(map(len, octets.split(CRLF))) <= LONGEST_LINE
    if is_short and (eight_bit or octets.isascii()):
        part["Content-Transfer-Encoding"] = "7bit" if octets.isascii() else "8bit"
        part.set_payload(octets.decode("ascii", "surrogateescape"))
        return part
    in_q = quoprimime.body_encode(octets.decode("latin-1").replace("\r\n", "\n"), eol="\r\n")
    in_base64 = _base64_lines(octets)
    is_q = is_readable(len(in_q), len(in_base64))
    part["Content-Transfer-Encoding"] = "quoted-printable" if is_q else "base64"
    part.set_payload(in_q if is_q else in_base64.decode("ascii"))
    return part


def _encoding_field(part: Message, text: str) -> Field:
    """Return the field that names how a text is encoded, with the text as its meaning."""
    name = "Content-Transfer-Encoding"
    value = str(part[name])
    return Field(name, value, text, ("RFC 2045",) if value in ("base64", "quoted-printable") else ())


def _with_line_ends(text: str) -> str:
    """Return a text with CRLF at the end of each line, the last one too."""
    lines = re.split(r"\r\n|\r|\n", text)
    if lines[-1]:
        lines.append("")
    return "\r\n".join(lines)


def _multipart(subtype: str, parts: list[Message], boundary: str) -> Message:
    whole: Message = Message(policy=_POLICY)
    whole["Content-Type"] = f'multipart/{subtype};\r\n boundary="{boundary}"'
    for part in parts:
        whole.attach(part)
    return whole


def _attachment_part(media_type: str, disposition: Field, mark: str) -> Message:
    part: Message = Message(policy=_POLICY)
    part["Content-Type"] = media_type
    part["Content-Transfer-Encoding"] = "base64"
    part[disposition.name] = disposition.value
    part.set_payload(mark)
    return part


def _unused_words(header: list[Field], texts: list[Message]) -> Iterator[str]:
    """Yield words that are in none of the texts, each another one, and the same ones for the same message.

    No line of base64 or quoted-printable holds `=_`.

    Source: RFC 2046 section 5.1.1
    """
    found = [str(each.get_payload()) for each in texts]
    seed = repr(([each.octets for each in header], found)).encode()
    for number in count():
        word = f"=_{sha256(seed + str(number).encode()).hexdigest()[:40]}"
        if not any(word in each for each in found):
            yield word


def _written(tree: Message) -> bytes:
    stream = BytesIO()
    BytesGenerator(stream, mangle_from_=False, policy=_POLICY).flatten(tree)
    return stream.getvalue()


def _with_files(octets: bytes, marks: list[str], files: list[Enclosed]) -> Iterator[bytes | Enclosed]:
    """Yield the octets with each mark replaced by its file."""
    for mark, file in zip(marks, files, strict=True):
        before, _, octets = octets.partition(mark.encode())
        yield before
        yield file
    yield octets


# Attachments


def _enclosed(attachment: Attachment) -> Enclosed:
    name = quoted(escape_str(str(attachment.path)), SINGLE)
    check_text(attachment.shown_name, f"the name of the attachment {name}")
    try:
        status = attachment.path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{name} is no file that can be attached; nothing was sent.")
        with attachment.path.open("rb"):
            return Enclosed(attachment.path, status.st_size)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there can be no such name"
        raise UsageError(f"{name} cannot be attached: {reason}; nothing was sent.") from None


def _type_of(attachment: Attachment) -> str:
    """Return the media type of an attachment, with the charset of a text.

    Raises:
        UsageError: The type that was given is none, or may not be encoded.

    Source: RFC 2045 section 5.1, RFC 2046 sections 5.1 and 5.2.1
    """
    given = attachment.type
    if not given:
        return _guessed_type(attachment)
    shown = quoted(escape_str(given[:80]), SINGLE)
    if not _TYPE.fullmatch(given):
        raise UsageError(f"{shown} is no media type; write one such as application/pdf or text/plain; charset=utf-8.")
    if given.lower().startswith(_NEVER_ENCODED):
        raise UsageError(
            f"{shown} may not be encoded (RFC 2046), and an attachment is; leave --type out, or send an .eml with data < FILE."
        )
    return given


def _guessed_type(attachment: Attachment) -> str:
    guessed, encoding = mimetypes.guess_type(attachment.shown_name, strict=False)
    if encoding == "gzip":
        return "application/gzip"
    if guessed is None or encoding or guessed.startswith(_NEVER_ENCODED):
        return _UNKNOWN_TYPE
    if not guessed.startswith("text/"):
        return guessed
    charset = _charset_of(attachment.path)
    return f"{guessed}; charset={charset}" if charset else _UNKNOWN_TYPE


def _charset_of(path: Path) -> str:
    """Return the charset of a text file: ASCII or UTF-8; empty for another one.

    Raises:
        UsageError: The file cannot be read.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        with path.open("rb") as stream:
            while octets := stream.read(_PIECE):
                is_ascii = is_ascii and octets.isascii()
                decoder.decode(octets)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        name = quoted(escape_str(str(path)), SINGLE)
        raise UsageError(f"{name} cannot be attached: {error.strerror}; nothing was sent.") from None
    return "us-ascii" if is_ascii else "utf-8"


def _base64_lines(octets: bytes) -> bytes:
    """Return octets in base64, in lines with CRLF between them."""
    encoded = b2a_base64(octets, newline=False)
    return CRLF.join(encoded[start : start + _ENCODED] for start in range(0, len(encoded), _ENCODED))

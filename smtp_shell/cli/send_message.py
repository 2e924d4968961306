"""The message of `smtp-shell send`: built from options, or a file as it is."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, cast

from msgspec.structs import replace

from smtp_shell.config import user_path
from smtp_shell.errors import MessageChanged, UsageError
from smtp_shell.message.building import Layout
from smtp_shell.message.draft import Attachment, Draft, with_field
from smtp_shell.message.mailboxes import parse_mailboxes
from smtp_shell.protocol.maildata import PIECE, MailDataEncoder
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted
from smtp_shell.shell.message_files import is_device

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_MOST_TEXT = 16 * 1024 * 1024
"""Octets of a text from standard input, which is kept in memory."""

_IN_MEMORY = 1024 * 1024  # octets of a message from standard input; more go to a temporary file


class FileMessage(Layout, frozen=True):
    """A message that is in a file.

    Args:
        parts: None.
        fields: None.
        stream: The open file, which can be read again from its start.
        name: Its name, quoted and printable.
        octets: How many octets it has as mail data.
        is_eight_bit: Whether it has octets over 127.
        is_raw: Whether it is sent as it is, without a CRLF for each line end.
    """

    stream: BinaryIO
    name: str
    octets: int = 0
    is_eight_bit: bool = False
    is_raw: bool = False

    @property
    def size(self) -> int:
        """How many octets it has as mail data."""
        return self.octets

    @property
    def has_eight_bit(self) -> bool:
        """Whether it has octets over 127."""
        return self.is_eight_bit

    def pieces(self) -> Iterator[bytes]:
        """Yield its octets.

        Raises:
            MessageChanged: It cannot be read any more.
        """
        encoder = None if self.is_raw else MailDataEncoder(transparent=False)
        try:
            self.stream.seek(0)
            while piece := self.stream.read(PIECE):
                yield encoder.encode(piece) if encoder is not None else piece
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it was closed"
            raise MessageChanged(f"{self.name} cannot be read any more: {reason}") from None


def draft_of(options: argparse.Namespace) -> Draft:
    """Return the draft that the options make; with `--data` it is the envelope only.

    Raises:
        UsageError: An address or a field is none, or a file cannot be read.
        NotSendable: A value holds CR, LF or NUL.
    """
    draft = Draft()
    for name in ("to", "cc", "bcc"):
        found = tuple(each for text in getattr(options, name) for each in parse_mailboxes(text, f"--{name}"))
        draft = replace(draft, **{name: found})
    if options.sender is not None:
        draft = replace(draft, from_=parse_mailboxes(options.sender, "--from"))
        if not draft.from_:
            raise UsageError("--from is empty; nothing was sent.")
    if options.data is not None:
        return draft
    if options.template is not None:
        draft = _with_template(draft, options)
    if options.subject is not None:
        draft = with_field(draft, "Subject", options.subject)
    for text in options.header:
        name, colon, value = text.partition(":")
        if not colon:
            raise UsageError(f"--header {escape_str(text[:80])}: a field is NAME: VALUE, with a colon after the name.")
        draft = with_field(draft, name.rstrip(" \t"), value)
    attached = tuple(
        Attachment(each["path"], each.get("type", ""), each.get("name", "")) for each in options.attach or ()
    )
    body, html = _text("--body", options.body), _text("--html", options.html)
    draft = replace(draft, body=body if options.body is not None else draft.body, html=html, attachments=attached)
    from smtp_shell.shell.composition import complete

    return complete(draft)


def _with_template(draft: Draft, options: argparse.Namespace) -> Draft:
    """Return a draft with what the template has; sender and recipients are those of the options, where they are given."""
    from smtp_shell.shell.composition import draft_of_template, read_text
    from smtp_shell.transcript.variables import parse_assignment

    try:
        values = dict(map(parse_assignment, options.var))
    except ValueError as error:
        raise UsageError(f"--var: {error}.") from None
    found = draft_of_template(Draft(), read_text(options.template, "--template"), values)
    given = {name: value for name in ("from_", "to", "cc", "bcc") if (value := getattr(draft, name))}
    return replace(found, **given)


def _text(option: str, text: str | None) -> str:
    """Return the text that an option names."""
    from smtp_shell.shell.composition import read_text

    if text is None or not text.startswith(("@", "-")):
        return text or ""
    if text == "-":
        octets = sys.stdin.buffer.read(_MOST_TEXT + 1)
        if len(octets) > _MOST_TEXT:
            raise UsageError(f"{option} -: the text is larger than {_MOST_TEXT:,} octets; attach it as a file.")
        try:
            return octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError(f"{option} -: the text is not UTF-8 at octet {error.start:,}; convert it.") from None
    if text.startswith("-") or text.startswith("@@"):
        return text.removeprefix("@")
    return read_text(user_path(text[1:]), option)


def _kept(source: BinaryIO, stack: ExitStack) -> BinaryIO:
    """Return a temporary file with what a stream that can be read once has."""
    stream = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the caller's stack closes it
    stack.callback(stream.close)
    while piece := source.read(PIECE):
        stream.write(piece)
    return stream


def file_message(name: str, stack: ExitStack, *, raw: bool) -> FileMessage:
    """Open the file of `--data`, and count its octets.

    Args:
        name: Its path; `-` is standard input, which is kept in a temporary file.
        stack: Closes it.
        raw: Whether it is sent as it is.

    Raises:
        UsageError: It cannot be read, or is empty.
    """
    shown = "standard input" if name == "-" else quoted(escape_str(name), SINGLE)
    try:
        source = sys.stdin.buffer if name == "-" else stack.enter_context(user_path(name).open("rb"))
        if name != "-" and is_device(source):
            raise UsageError(f"--data: {shown} is a device and no file; nothing was sent.")
        stream = source if name != "-" and source.seekable() else _kept(source, stack)
        message = FileMessage((), (), stream, shown, is_raw=raw)
        octets, is_ascii = 0, True
        for piece in message.pieces():
            octets += len(piece)
            is_ascii = is_ascii and piece.isascii()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there can be no such name"
        raise UsageError(f"--data: {shown} cannot be read: {reason}; nothing was sent.") from None
    except MessageChanged as error:
        raise UsageError(f"--data: {error}; nothing was sent.") from None
    if not octets:
        raise UsageError(f"--data: {shown} is empty; nothing was sent.")
    return replace(message, octets=octets, is_eight_bit=not is_ascii)

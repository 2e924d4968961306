"""The mailbox of the practice server: a Maildir, how mail gets into it and how it is read.

A message is stored as it came over the wire, CRLF and all, after the trace header fields that a server adds.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import itertools
import os
import quopri
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from smtp_shell.errors import UsageError
from smtp_shell.private_files import make_folder, new_draft, reason_of
from smtp_shell.protocol.octets import CRLF, escape, escape_str
from smtp_shell.servers.notifications import REQUEST_FIELD

MESSAGE_LIMIT = 11 * 1024 * 1024
HEADER_LIMIT = 64 * 1024
SUBJECT_LIMIT = 2000

_PIECE = 64 * 1024


class Message(Struct, frozen=True):
    """A message that the practice server has received.

    Args:
        number: Its place in the order of arrival, from 1.
        sender: The mailbox of the reverse-path; empty for the null reverse-path.
        recipients: The mailboxes of the forward-paths, in the order of the RCPT commands.
        subject: Its subject, decoded and then escaped; empty without one.
        date: When it arrived.
        size: Its size in octets, trace header fields included.
        path: The file that holds it.
        requests: What the client asked for about reports of delivery, escaped.
    """

    number: int
    sender: bytes
    recipients: tuple[bytes, ...]
    subject: str
    date: datetime
    size: int
    path: Path
    requests: tuple[str, ...] = ()


class IncomingMessage:
    """One message on its way into the mailbox: written under `tmp`, and moved to `new` when it is whole.

    What a server that is killed leaves under `tmp`, the next one removes.

    Args:
        maildir: The mailbox.
        name: The name of the file under `new`.

    Attributes:
        size: Octets of mail data that have been written.
    """

    def __init__(self, maildir: Path, name: str) -> None:
        self._goal = maildir / "new" / name
        self._file: BinaryIO | None
        self._path, self._file = new_draft(maildir / "tmp")
        self._start = 0  # where the mail data begins
        self.size = 0

    def write_trace(self, fields: Iterable[bytes]) -> None:
        """Add the trace header fields, which precede the mail data.

        Args:
            fields: The fields, without their last line ends.

        Raises:
            OSError: The disk is full, or the mailbox has gone.
        """
        octets = b"".join(field + CRLF for field in fields)
        if self._file is not None:
            self._start += self._file.write(octets)

    def mail_data(self) -> Iterator[bytes]:
        """Yield the mail data that has been written, piece by piece.

        Raises:
            OSError: The mailbox has gone.
        """
        if self._file is not None:
            self._file.flush()
        with (self._path if self._file is not None else self._goal).open("rb") as file:
            file.seek(self._start)
            while piece := file.read(_PIECE):
                yield piece

    def write(self, octets: bytes) -> None:
        """Add octets of mail data.

        Raises:
            OSError: The disk is full, or the mailbox has gone.
        """
        if self._file is not None:
            self.size += self._file.write(octets)

    def commit(self) -> None:
        """Move the message to where readers look. There is no fsync: practice mail need not survive a power cut.

        Raises:
            OSError: The disk is full, or the mailbox has gone. Nothing is left of the message.
        """
        if self._file is None:
            return
        try:
            self._file.close()
            self._path.rename(self._goal)
        except OSError:
            self.discard()
            raise
        self._file = None

    def discard(self) -> None:
        """Remove what was written, unless it has been committed."""
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(OSError):  # the last octets did not fit on the disk; the file goes anyway
            file.close()
        with suppress(OSError):  # a mailbox that has gone
            self._path.unlink()


class Inbox:
    """A mailbox in the Maildir format.

    Args:
        path: Its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sequence = itertools.count(1)

    def prepare(self) -> None:
        """Create the directories that are missing, for their owner only.

        Raises:
            UsageError: One could not be created.
        """
        try:
            for folder in (self.path, *(self.path / name for name in ("tmp", "new", "cur"))):
                make_folder(folder)
        except OSError as error:
            raise UsageError(
                f"The mailbox {escape_str(str(self.path))} could not be made: {reason_of(error)}; "
                "choose another directory."
            ) from None

    def deliver(
        self, sender: bytes, recipients: Sequence[bytes], received: bytes, requests: Iterable[bytes] = ()
    ) -> IncomingMessage:
        """Begin a message with its trace header fields.

        Args:
            sender: The mailbox of the reverse-path; it and the recipients hold no CR, LF or NUL.
            recipients: The mailboxes of the forward-paths.
            received: The `Received:` header field, with its CRLF.
            requests: Header fields with what the client asked for about reports of delivery.

        Raises:
            OSError: The disk is full, or the mailbox has gone.

        Source: RFC 5321 section 4.4
        """
        now = time.time_ns()
        seconds, micros = now // 10**9, now % 10**9 // 1000
        name = f"{seconds}.M{micros:06d}Q{next(self._sequence):06d}R{secrets.token_hex(4)}.practice.example"
        message = IncomingMessage(self.path, name)
        try:
            message.write_trace((b"Return-Path: <" + sender + b">",))
            message.write_trace(b"Delivered-To: " + recipient for recipient in recipients)
            message.write_trace((*requests, received.removesuffix(CRLF)))
        except OSError:
            message.discard()
            raise
        return message

    def messages(self) -> list[Message]:
        """Return what has arrived, the oldest first."""
        found = (_describe(number, at, path) for number, (at, path) in enumerate(self._arrivals(), 1))
        return [message for message in found if message is not None]

    def read(self, number: int, *, limit: int = MESSAGE_LIMIT) -> bytes:
        """Return a message as it is stored.

        Args:
            number: Its place in the order of arrival, from 1.
            limit: The most octets to return.

        Raises:
            UsageError: There is no such message, or it cannot be read.
        """
        arrivals = self._arrivals()
        if not 1 <= number <= len(arrivals):
            there = f"numbers go from 1 to {len(arrivals)}" if arrivals else "nothing has arrived yet"
            raise UsageError(f"There is no message {number} in the inbox: {there}.")
        try:
            with arrivals[number - 1][1].open("rb") as file:
                return file.read(limit)
        except OSError as error:
            raise UsageError(f"Message {number} of the inbox cannot be read: {reason_of(error)}.") from None

    def _arrivals(self) -> list[tuple[int, Path]]:
        """List the files with the times of their arrival, in nanoseconds, in that order."""
        found: list[tuple[int, int, str, Path]] = []
        for folder in ("new", "cur"):
            try:
                with os.scandir(self.path / folder) as entries:
                    found.extend(_arrival(entry) for entry in entries if entry.is_file(follow_symlinks=False))
            except OSError:
                continue  # no such folder: nothing has arrived
        return [(at, path) for at, _, _, path in sorted(found)]


_OWN_NAME = re.compile(r"([0-9]{1,10})\.M([0-9]{6})Q([0-9]{6,9})R", re.ASCII)
_ENCODED_WORD = re.compile(rb"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([!->@-~]*)\?=")
# Codecs of Python's own that no mail is written in; the first warns about what it decodes.
_NO_CHARSETS = frozenset(("unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined"))
_REQUEST = REQUEST_FIELD.lower().encode()
_BETWEEN_ENCODED_WORDS = re.compile(rb"(?<=\?=)[ \t]+(?==\?)")


def _arrival(entry: os.DirEntry[str]) -> tuple[int, int, str, Path]:
    own = _OWN_NAME.match(entry.name)
    if own is not None:
        return int(own[1]) * 10**9 + int(own[2]) * 1000, int(own[3]), entry.name, Path(entry.path)
    try:
        at = entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        at = 0
    return at, 0, entry.name, Path(entry.path)


def _describe(number: int, at: int, path: Path) -> Message | None:
    """Read the header section of one file; None when it has gone since it was listed."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_LIMIT)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    fields = _fields(head)
    sender, recipients, requests, subject = b"", [], [], b""
    for name, body in itertools.takewhile(lambda field: field[0] != b"received", fields):
        if name == b"return-path":
            sender = body.removeprefix(b"<").removesuffix(b">")
        elif name == b"delivered-to":
            recipients.append(body)
        elif name == _REQUEST:
            requests.append(escape(body))
    for name, body in fields:
        if name == b"subject":
            subject = body
            break
    return Message(number, sender, tuple(recipients), _decoded(subject), _time(at), size, path, tuple(requests))


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Split a header section into names, in lower case, and unfolded bodies."""
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in head.split(b"\n"):
        line = line.removesuffix(b"\r")
        if not line:
            break
        if line[:1] in (b" ", b"\t"):
            if fields:
                fields[-1][1].append(line)
            continue
        name, colon, body = line.partition(b":")
        if colon:
            fields.append((name.rstrip(b" \t").lower(), [body]))
    return [(name, b"".join(lines).strip(b" \t")) for name, lines in fields]


def _decoded(subject: bytes) -> str:
    """Decode the encoded words of a subject; what cannot be decoded stays as it is.

    Source: RFC 2047 section 2, section 6.2
    """
    subject = _BETWEEN_ENCODED_WORDS.sub(b"", subject[:SUBJECT_LIMIT])
    shown: list[str] = []
    end = 0
    for match in _ENCODED_WORD.finditer(subject):
        shown += (subject[end : match.start()].decode("utf-8", "surrogateescape"), _decoded_word(match))
        end = match.end()
    shown.append(subject[end:].decode("utf-8", "surrogateescape"))
    return escape_str("".join(shown))


def _decoded_word(match: re.Match[bytes]) -> str:
    charset, encoding, text = match[1].decode("ascii"), match[2], match[3]
    try:
        if codecs.lookup(charset).name in _NO_CHARSETS:
            return match[0].decode("ascii")
        octets = base64.b64decode(text) if encoding in b"Bb" else quopri.decodestring(text, header=True)
        return octets.decode(charset, "replace")
    except (binascii.Error, LookupError, ValueError, OverflowError):
        return match[0].decode("ascii")


def _time(at: int) -> datetime:
    try:
        return datetime.fromtimestamp(at / 10**9, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)

"""Mail data on its way over the wire: CRLF line ends, transparency, and the end of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import IncrementalNewlineDecoder

from msgspec import Struct

from smtp_shell.protocol.octets import CRLF

END_OF_DATA = b".\r\n"

PIECE = 64 * 1024
"""Octets of a message that are read, encoded and sent at a time. Larger pieces are allocated anew each time, which is slower."""

# As patterns, which search for the first octet alone: many times faster than bytes.replace.
_DOT_AFTER_LF = rb"\n\."
_DOT_AFTER_CRLF = rb"\r\n\."


class MailDataEncoder:
    """Encoder from the text of a message, in pieces of any size, to mail data.

    LF, CR and CRLF all end a line and become CRLF. A dot at the start of a line is doubled, on the first line too.

    Args:
        transparent: Whether dots are doubled. BDAT does without.

    Source: RFC 5321 section 4.5.2
    """

    def __init__(self, *, transparent: bool = True) -> None:
        self._transparent = transparent
        self._at_line_start = True
        self._after_cr = False
        self._added = 0

    @property
    def mended(self) -> int:
        """How many line ends so far were LF or CR alone, and became CRLF."""
        return self._added

    def encode(self, piece: bytes) -> bytes:
        """Encode the next piece; line ends may be cut between pieces."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
            self._added -= 1  # it was counted with its CR
        if not piece:
            return b""
        self._after_cr = piece.endswith(b"\r")
        lines = _with_crlf(piece)
        self._added += len(lines) - len(piece)
        if not self._transparent:
            return lines
        stuffed = re.sub(_DOT_AFTER_LF, b"\n..", lines)
        if self._at_line_start and stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self._at_line_start = stuffed.endswith(b"\n")
        return stuffed

    def end(self) -> bytes:
        """Return the end of the mail data: the final dot, after a CRLF if the last line lacks one."""
        return END_OF_DATA if self._at_line_start else CRLF + END_OF_DATA


def in_chunks(pieces: Iterable[bytes], size: int, encoder: MailDataEncoder | None) -> Iterator[bytes]:
    """Yield a message in chunks for BDAT; the last one may be shorter, or empty for an empty message.

    Args:
        pieces: The message, in pieces of any size.
        size: Octets in a chunk, as they go over the wire.
        encoder: Makes CRLF of its line ends; None where they stay as they are (BODY=BINARYMIME).

    Source: RFC 3030 sections 2 and 3
    """
    held = bytearray()
    for piece in pieces:
        held += piece if encoder is None else encoder.encode(piece)
        start = 0
        while len(held) - start > size:
            yield bytes(held[start : start + size])
            start += size
        del held[:start]
    yield bytes(held)


class Measure(Struct, frozen=True):
    """What a message is like as it goes over the wire.

    Args:
        size: Octets, each line end counted as CRLF, without doubled dots and the final dot.
        has_eight_bit: Whether octets over 127 occur.
        has_nul: Whether NUL occurs.
    """

    size: int
    has_eight_bit: bool
    has_nul: bool

    @property
    def body(self) -> str:
        """The value of BODY that fits: `7BIT`, `8BITMIME` or `BINARYMIME`."""
        return "BINARYMIME" if self.has_nul else "8BITMIME" if self.has_eight_bit else "7BIT"


def measure(pieces: Iterable[bytes]) -> Measure:
    """Measure a message.

    Args:
        pieces: The message, in pieces of any size, with any line ends.

    Source: RFC 1870 section 5
    """
    encoder = MailDataEncoder(transparent=False)
    size, has_eight_bit, has_nul, last = 0, False, False, b"\n"
    for piece in pieces:
        octets = encoder.encode(piece)
        size += len(octets)
        has_eight_bit = has_eight_bit or not octets.isascii()
        has_nul = has_nul or b"\0" in octets
        last = octets[-1:] or last
    return Measure(size if last == b"\n" else size + len(CRLF), has_eight_bit, has_nul)


class MailDataDecoder:
    """Decoder that undoes transparency in mail data, in pieces of any size.

    Source: RFC 5321 section 4.5.2
    """

    def __init__(self) -> None:
        self._held = b"\r\n"
        self._first = True

    def decode(self, piece: bytes) -> bytes:
        """Decode the next piece. The final dot is never passed in."""
        octets = self._held + piece
        keep = _cut_before_line_start(octets)
        self._held = octets[keep:]
        ready = re.sub(_DOT_AFTER_CRLF, CRLF, octets[:keep])
        return self._without_start(ready)

    def end(self) -> bytes:
        """Return what was held back."""
        ready, self._held = re.sub(_DOT_AFTER_CRLF, CRLF, self._held), b""
        return self._without_start(ready)

    def _without_start(self, ready: bytes) -> bytes:
        if not self._first or not ready:
            return ready
        self._first = False
        return ready[2:]


def has_only_crlf(octets: bytes) -> bool:
    """Return whether every CR and every LF is part of a CRLF."""
    return _line_ends(octets) in (None, "\r\n")


def _with_crlf(piece: bytes) -> bytes:
    """Return the piece with each line ending in CRLF. A CR at its end ends a line."""
    ends = _line_ends(piece)
    if ends in (None, "\r\n"):
        return piece
    if ends != "\n":
        piece = piece.replace(CRLF, b"\n").replace(b"\r", b"\n")
    return piece.replace(b"\n", CRLF)


def _line_ends(octets: bytes) -> object:
    """Return the kinds of line ends in octets: None, one of CR, LF and CRLF, or a tuple. Twice as fast as counting them."""
    decoder = IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(octets.decode("latin-1"), final=True)
    return decoder.newlines


def _cut_before_line_start(octets: bytes) -> int:
    """Return where to cut so that no CRLF is separated from the octet that follows it."""
    if octets.endswith(b"\r\n"):
        return len(octets) - 2
    return len(octets) - 1 if octets.endswith(b"\r") else len(octets)

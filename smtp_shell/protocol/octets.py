r"""Octets and how they are shown: one reversible notation for the screen and for files.

Text from the wire or from a file is `bytes` until it has been through `escape`, so that the type checker finds what was forgotten.
"""

from __future__ import annotations

import re
import unicodedata
from binascii import a2b_base64

CRLF = b"\r\n"

PLAIN = bytes(set(range(0x20, 0x7F)) - {0x5C})
"""The octets that stand for themselves in the notation, whatever is beside them."""

SINGLE = "'\"`"
"""Quotation marks for `quoted`, single ones first: around what stands in a file or on a command line."""

_ESCAPE = rb"\\(x[0-9A-Fa-f]{2}|[rnt\\])"
_NAMED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
_MARKS_IN_A_ROW = 4

# ASCII is escaped in runs, together with octets that are no UTF-8: none of them composes with the character before it. A chunk of
# 64 KiB takes 3 ms so, and 109 ms character by character; one of random octets 9 ms, and 100 ms.
_ESCAPES = (
    {octet: rf"\x{octet:02x}" for octet in range(0x80) if octet not in PLAIN}
    | {0x5C: r"\\"}
    | {0xDC00 + octet: rf"\x{octet:02x}" for octet in range(0x80, 0x100)}
)
_RUNS = re.compile(r"[\x00-\x7f\udc80-\udcff]+|[^\x00-\x7f\udc80-\udcff]+")

# Characters with a visible category that no terminal shows, or gives no column: fillers, joiners, variation selectors, the braille
# blank, and the parts of Hangul syllables that follow the first.
_INVISIBLE = frozenset(
    map(chr, (0x034F, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0, 0xFFFC))
) | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x115F, 0x1200), *range(0xD7B0, 0xD800)))
)


def escape(octets: bytes) -> str:
    r"""Return octets as printable text that `unescape` turns back into them.

    Printable UTF-8 stays. Each octet of anything else becomes `\xNN`: controls (C0, DEL, C1), what is not valid UTF-8, format
    characters (bidirectional and zero-width controls, tags), separators other than the space, invisible and unassigned characters,
    and what would look like another character sequence (text that is not in Unicode's form NFC). A backslash becomes `\\`.

    Args:
        octets: Any octets.

    Returns:
        Text that is safe on a terminal.
    """
    if not octets.translate(None, PLAIN):
        return octets.decode("ascii")
    text = octets.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text.translate(_ESCAPES)
    shown: list[str] = []
    cluster, marks = "", 0
    for run in _RUNS.findall(text):
        if run[0] < "\x80" or "\udc80" <= run[0] <= "\udcff":
            shown.append(run.translate(_ESCAPES))
            cluster, marks = "" if ord(run[-1]) in _ESCAPES else run[-1], 0
            continue
        for char in run:
            if unicodedata.category(char)[0] == "M":
                marks += 1
                keep = marks <= _MARKS_IN_A_ROW and _may_follow(cluster, char)
                shown_now = cluster + char
            else:
                marks = 0
                # Since Unicode 16 two characters that are no marks can compose too: vowel signs of Kirat Rai.
                keep = _is_shown(char) and unicodedata.is_normalized("NFC", cluster + char)
                shown_now = char
            shown.append(char if keep else _as_escape(char))
            cluster = shown_now if keep else ""
    return "".join(shown)


def escape_str(text: str) -> str:
    """Return a string that came from outside (a file name, a system error) as `escape` returns its octets."""
    try:
        return escape(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # a lone surrogate that stands for no octet, as a Windows file name may hold
        return escape(text.encode("utf-8", "surrogatepass"))


def quoted(text: str, marks: str = "\"'`") -> str:
    """Return text in quotation marks that it does not hold itself, so that its end is seen.

    Args:
        text: Printable text.
        marks: The marks to choose from. If the text holds each of them, the first is taken, and escaped inside the text.
    """
    mark = next((each for each in marks if each not in text), "")
    if mark:
        return f"{mark}{text}{mark}"
    return f"{marks[0]}{text.replace(marks[0], _as_escape(marks[0]))}{marks[0]}"


def unescape(text: str) -> bytes:
    r"""Return the octets that a text in the notation of `escape` stands for.

    A reader also takes `\r`, `\n` and `\t`. A backslash before any other character is itself.

    Args:
        text: Text in the notation; characters outside it stand for their UTF-8 octets.
    """
    if "\\" not in text:
        return text.encode("utf-8", "surrogateescape")
    parts = re.split(_ESCAPE, text.encode("utf-8", "surrogateescape"))
    parts[1::2] = [_NAMED.get(escaped) or bytes.fromhex(escaped[1:].decode()) for escaped in parts[1::2]]
    return b"".join(parts)


def is_utf8(octets: bytes) -> bool:
    """Return whether octets are valid UTF-8."""
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def decode_base64(text: bytes) -> bytes | None:
    """Decode base64, with its padding and without anything else.

    Returns:
        The octets; None if the text is no base64.

    Source: RFC 4648 section 4
    """
    if len(text) % 4 or not re.fullmatch(rb"[A-Za-z0-9+/]*={0,2}", text):
        return None
    return a2b_base64(text)


def _is_shown(char: str) -> bool:
    if char in _INVISIBLE:
        return False
    if unicodedata.category(char)[0] in "CZ":
        return False
    return unicodedata.normalize("NFC", char) == char


def _may_follow(cluster: str, mark: str) -> bool:
    """Return whether a combining mark is seen as itself after this character and its other marks."""
    if not cluster or cluster == " " or mark in _INVISIBLE:
        return False
    # All of the cluster counts: a mark can compose with the character across another mark.
    return unicodedata.is_normalized("NFC", cluster + mark)


def _as_escape(char: str) -> str:
    return "".join(f"\\x{octet:02x}" for octet in char.encode())

"""A foreign file as lines: decoded, bounded, and without what is around each of them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from smtp_shell.importers.dialect import Line
from smtp_shell.importers.markup import is_escaped, parts_of
from smtp_shell.importers.times import after_time
from smtp_shell.transcript.blocks import Blocks, is_utf_16

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Octets of one line. smtplib writes a whole message as one."""

_FENCE = re.compile(r"[ \t]{0,3}(```+|~~~+)")
_LOGFMT = re.compile(
    r"level=(?P<level>[A-Z]+) uuid=(?P<key>\S+) source=(?P<source>\S+) message=\"(?P<message>.*)\"(?: state=\S+)?\s*$"
)
_LONGEST_OBJECT = 1_000_000
_BLOCK = re.compile(r"(?: {4}|\t)")
_SHORTEST_BLOCK = 3
_QUOTED = re.compile(r"[ \t]?>[ \t]?")
_BOM = "\ufeff"
_LONGEST_PREFIX = 400


class Layers(Struct, frozen=True):
    """What is around the lines of a dialogue in a file.

    Args:
        structured: Whether each line is an object of a logger, in JSON or logfmt, whose message is the line that counts.
        fenced: Whether only what is inside Markdown fences counts.
        blocks: Whether only what is indented counts, as code in Markdown without fences.
        quoted: How many quotation marks `>` are in front of each line that counts.
        timed: How many times are in front of lines, each perhaps with a logger's name and level.
        html: Whether it is HTML, or text in which `<`, `>` and `&` are escaped as there.
        prefix: What is in front of lines besides, as a regular expression; empty for nothing.
        indent: White space characters that all lines begin with.
    """

    structured: bool = False
    fenced: bool = False
    blocks: bool = False
    quoted: int = 0
    timed: int = 0
    indent: int = 0
    html: bool = False
    prefix: str = ""


def encoding_of(start: bytes) -> str:
    """Return the encoding of a file: that of UTF-16, or an empty word for UTF-8 or Windows-1252, which are told apart line by line.

    Args:
        start: The file's first octets.
    """
    if not is_utf_16(start):
        return ""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "utf-16-le" if start[1] == 0 else "utf-16-be"


def raw_lines(stream: BinaryIO, encoding: str, *, longest: int = LONGEST_LINE) -> Iterator[bytes | None]:
    """Yield the lines of a file, each as octets of UTF-8 or Windows-1252 without its LF; None for one that is too long.

    Args:
        stream: The file.
        encoding: What `encoding_of` said of it.
        longest: Octets of the longest line.
    """
    read = _as_utf_8(stream, encoding) if encoding else stream.read
    blocks = Blocks(read, longest)
    first = True
    while (block := blocks.next_block()) != b"":
        if block is None:
            yield None
            continue
        if first:
            block, first = block.removeprefix(codecs.BOM_UTF8), False
        yield from block[:-1].split(b"\n")


def _as_utf_8(stream: BinaryIO, encoding: str) -> _Recoded:
    return _Recoded(stream, encoding)


class _Recoded:
    """Octets of a file in UTF-16, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._rest = b""

    def __call__(self, size: int) -> bytes:
        while not self._rest:
            octets = self._stream.read(size)
            self._rest = self._decoder.decode(octets, final=not octets).encode("utf-8", "replace")
            if not octets:
                break
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


def decoded(octets: bytes) -> str:
    """Return a line as text: UTF-8, or Windows-1252 where it is none. An octet that is neither is a lone surrogate."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        pass
    try:
        return octets.decode("cp1252")
    except UnicodeDecodeError:
        return octets.decode("utf-8", "surrogateescape")


def text_lines(raw: Iterable[bytes | None], *, keeps_cr: bool = False) -> Iterator[Line]:
    """Yield lines as text, with their numbers.

    Args:
        raw: The lines, from `raw_lines`.
        keeps_cr: Whether a CR inside a line is left there. Otherwise it ends a line too.
    """
    for number, octets in enumerate(raw, 1):
        if octets is None:
            yield Line("", number, cut=True)
            continue
        text = decoded(octets)
        if text.endswith("\r"):
            text = text.rstrip("\r")
        if "\r" in text and not keeps_cr:
            for part in text.split("\r"):
                yield Line(part, number)
        else:
            yield Line(text, number)


def peeled(lines: Iterable[Line], layers: Layers) -> Iterator[Line]:
    """Yield the lines that count, without what is around them.

    Args:
        lines: The lines, as text.
        layers: What is around them.
    """
    if layers.structured:
        lines = _messages(lines)
    if layers.html:
        lines = _without_markup(lines)
    if layers.fenced:
        lines = _inside_fences(lines)
    for _ in range(layers.quoted):
        lines = _unquoted(lines)
    if layers.blocks:
        lines = _inside_blocks(lines)
    if layers.indent:
        lines = _unindented(lines, layers.indent)
    for _ in range(layers.timed):
        lines = _untimed(lines)
    if layers.prefix:
        lines = _without_prefix(lines, re.compile(layers.prefix))
    return iter(lines)


def _without_markup(lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        for part in parts_of(line.text):
            yield Line(part, line.number, line.at, line.cut)


def _without_prefix(lines: Iterable[Line], prefix: re.Pattern[str]) -> Iterator[Line]:
    for line in lines:
        found = prefix.match(line.text, 0, _LONGEST_PREFIX)
        if found is None:
            yield line
            continue
        time = after_time(line.text) if line.at is None else None
        yield Line(line.text[found.end() :], line.number, time[0] if time else line.at, line.cut)


def _inside_fences(lines: Iterable[Line], numbered: list[int] | None = None) -> Iterator[Line]:
    fence = ""
    for line in lines:
        found = _FENCE.match(line.text.lstrip("> \t") if line.text[:1] == ">" else line.text)
        if found and not fence:
            fence = found[1]
            if numbered is not None:
                numbered[0] += 1
        elif found and found[1].startswith(fence):
            fence = ""
        elif fence:
            yield line


def _inside_blocks(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield what is in indented blocks. Blank lines at the end of one, of which the prose after it has one, are kept."""
    inside = False
    for line in lines:
        if found := _BLOCK.match(line.text):
            inside = True
            yield Line(line.text[found.end() :], line.number, line.at, line.cut)
        elif inside and not line.text.strip():
            yield Line("", line.number, line.at, line.cut)
        else:
            inside = False


def _messages(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield what loggers had to say: journalctl -o json, Docker's JSON files, Haraka's formats."""
    for line in lines:
        text = message_of(line.text)
        if text is None:
            yield line
            continue
        for part in text.removesuffix("\n").split("\n"):
            yield Line(part.rstrip("\r"), line.number, line.at, line.cut)


def message_of(text: str) -> str | None:
    """Return the message of a line that is an object of a logger, with what the plain form has in front of it; None for any other."""
    if found := _LOGFMT.match(text):
        return f"[{found['level']}] [{found['key']}] [{found['source']}] {found['message']}"
    if text[:1] != "{" or len(text) > _LONGEST_OBJECT:
        return None
    try:
        fields = msgspec.json.decode(text.encode("utf-8", "replace"), type=dict[str, object])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return None
    message = next(
        (fields[name] for name in ("MESSAGE", "message", "msg", "log") if isinstance(fields.get(name), str)), None
    )
    if not isinstance(message, str):
        return None
    if program := fields.get("SYSLOG_IDENTIFIER"):
        return f"{program}[{fields.get('SYSLOG_PID') or fields.get('_PID') or 0}]: {message}"
    if all(isinstance(fields.get(name), str) for name in ("level", "uuid", "source")):
        return f"[{fields['level']}] [{fields['uuid']}] [{fields['source']}] {message}"
    return message


def is_structured(lines: Iterable[Line]) -> bool:
    """Return whether most of the first lines are objects of a logger."""
    found = [message_of(line.text) is not None for line in islice(lines, 20) if line.text.strip()]
    return bool(found) and sum(found) > len(found) / 2


def _unquoted(lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        if found := _QUOTED.match(line.text):
            yield Line(line.text[found.end() :], line.number, line.at, line.cut)


def _unindented(lines: Iterable[Line], indent: int) -> Iterator[Line]:
    for line in lines:
        if line.text[:indent].strip(" \t"):
            yield line
        else:
            yield Line(line.text[indent:], line.number, line.at, line.cut)


def _untimed(lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        found = after_time(line.text)
        if found is None:
            yield line
        else:
            yield Line(line.text[found[1] :], line.number, found[0] if line.at is None else line.at, line.cut)


def has_block(lines: Iterable[Line]) -> bool:
    """Return whether some lines are indented as code is in Markdown, and others are not."""
    found = [bool(_BLOCK.match(line.text)) for line in lines if line.text.strip()]
    return sum(found) >= _SHORTEST_BLOCK and not all(found)


def fenced_blocks(lines: Iterable[Line]) -> Iterator[Iterator[Line]]:
    """Yield the lines of each Markdown fence by themselves.

    Args:
        lines: The lines of the file, without what is around the fences.
    """
    count = [0]
    for _, block in groupby(_inside_fences(lines, count), key=lambda _: count[0]):
        yield block


def is_html(lines: Iterable[Line]) -> bool:
    """Return whether lines are HTML, or text that was escaped as there: no other `<` and `>` are in them than those of tags."""
    return is_escaped(line.text for line in lines)


def has_fence(lines: Iterable[Line]) -> bool:
    """Return whether a line begins a Markdown fence."""
    return any(_FENCE.match(line.text.lstrip("> \t") if line.text[:1] == ">" else line.text) for line in lines)


def quoted_share(lines: Iterable[Line]) -> float:
    """Return the share of the lines that are not blank which begin with a quotation mark."""
    found = [bool(_QUOTED.match(line.text)) for line in lines if line.text.strip()]
    return sum(found) / len(found) if found else 0.0


def common_indent(lines: Iterable[Line]) -> int:
    """Return how many white space characters each line begins with that is not blank."""
    widths = [len(line.text) - len(line.text.lstrip(" \t")) for line in lines if line.text.strip()]
    return min(widths, default=0)

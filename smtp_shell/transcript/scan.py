"""Go through a transcript file: its header, its steps, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import attrgetter
from typing import BinaryIO, Final

from msgspec import Struct

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape
from smtp_shell.transcript.blocks import Blocks
from smtp_shell.transcript.header import DIALOGUE, MOST_FAULTS, VERSION, Header, parse_header
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import CLIENT_LINES, Marker, Step
from smtp_shell.transcript.variables import Template

_MARKERS: Final = {str(marker): marker for marker in Marker}
# Each line is matched as a whole, one without a marker too: it is all content then.
_LINES = re.compile(r"[ \t]*+(?:(?:([0-9]{1,9}+(?:\.[0-9]{1,6}+)?)[ \t]++)?(C[:&|<]|S[:|=~]|\*:|#) ?)?(.*)\n")
_ODD_TIME = r"[ \t]*([^ \t]+)[ \t]+(?:C[:&|<]|S[:|=~]|\*:|#)"
_BOM = b"\xef\xbb\xbf"
_FIRST_FIELD = "transcript:"
_BESIDE_CONTENT = 64  # octets of white space, time, marker and line end that a line may have beside its content
_EXCERPT = 60
_PLAIN = bytes(range(0x20, 0x7F)) + b"\n"
_EVENT = Marker.EVENT
_line_of = attrgetter("line")


class ReadLimits(Struct, frozen=True):
    """How much a reader takes.

    Args:
        line: Octets of content in one line, counted as its notation is written.
        header: Octets of the whole header.
    """

    line: int = 65_536
    header: int = 262_144


class _Malformed(Exception):
    """A line's content cannot be; the arguments are those of its fault."""


class Block(Struct, frozen=True):
    """Some lines in a row.

    Args:
        steps: The steps that they are.
        faults: What is wrong with those that are none; both in the order of the lines.
    """

    steps: list[Step]
    faults: list[Fault]

    @property
    def items(self) -> list[Step | Fault]:
        """Steps and faults in the order of the lines."""
        return sorted([*self.steps, *self.faults], key=_line_of) if self.faults else [*self.steps]


class Scan:
    """The file as it is gone through: its header, then its steps and what is wrong with them."""

    def __init__(self, stream: BinaryIO, name: str, limits: ReadLimits) -> None:
        self._stream = stream
        self._name = name
        self._limits = limits
        self._number = 0
        self.header: Header | None = None
        self.header_faults: list[Fault] = []
        self.torn = False
        self._blocks = Blocks(self._read, limits.line + _BESIDE_CONTENT)
        self._read_header()

    def __iter__(self) -> Iterator[Block]:
        """Give what is in the file, many lines at a time."""
        while (block := self._blocks.take()) != b"":
            if block is None:
                self._number += 1
                yield Block([], [self._too_long()])
            elif not self._blocks.is_whole and self.header is not None and self.header.client:
                self.torn = True
            else:
                yield self._block(block)

    def _block(self, block: bytes) -> Block:
        """Read a block of lines."""
        found = Block([], [])
        self._read_lines(block, found.steps, found.faults)
        return found

    def _read_lines(self, block: bytes, steps: list[Step], faults: list[Fault]) -> None:
        try:
            text = block.decode()
        except UnicodeDecodeError as error:
            lines = block.split(b"\n")[:-1]
            if len(lines) == 1:
                self._number += 1
                faults.append(self._not_utf8(lines[0], error.start))
                return
            for line in lines:
                self._read_lines(line + b"\n", steps, faults)
            return
        longest = self._limits.line
        # What holds for the whole block need not be asked of each line.
        is_plain = not block.translate(None, _PLAIN) and b"${" not in block and len(block) <= longest
        number, seconds_before, at = self._number, "", None
        for seconds, word, content in _LINES.findall(text):
            number += 1
            if not word:
                if content:
                    faults.append(Fault(number, *_without_marker(content)))
                continue
            marker = _MARKERS[word]
            if seconds != seconds_before:
                seconds_before, at = seconds, float(seconds) if seconds else None
            if marker is _EVENT or not (is_plain or _is_plain(content, longest)):
                try:
                    content = _examined(marker, content, longest)
                except _Malformed as problem:
                    faults.append(Fault(number, *problem.args))
                    continue
            steps.append(Step(marker, content, at, number))
        self._number = number

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            raise TranscriptError(
                self._name, Fault(self._number, f"the file cannot be read on: {reason_of(error)}")
            ) from None

    def _take_line(self) -> bytes | None:
        line = self._blocks.take_line()
        self._number += line != b""
        return line

    def _read_header(self) -> None:
        first = self._take_line()
        first = first and first.removeprefix(_BOM)
        start = (first or b"")[: len(_FIRST_FIELD)].removesuffix(b"\n").decode("ascii", "replace").lower()
        if start != _FIRST_FIELD:
            # A recording may have been cut before its first colon.
            self.torn = not self._blocks.is_whole and _FIRST_FIELD.startswith(start)
            if self.torn:
                self._blocks.stop()
            elif first != b"":
                self._blocks.put_back(first)
            self._number = 0
            return
        lines = self._header_lines(first or b"")
        if self.header_faults:
            return
        is_whole = self._blocks.is_whole
        header, found = parse_header(lines, longest=self._limits.line)
        if found and not is_whole and not DIALOGUE.match(lines[-1][1]):
            # Only the last field can have been cut; the ones in front of it are judged as they stand.
            self.torn = True
            header, found = parse_header(lines[: _last_field(lines)], longest=self._limits.line)
        self.header = header if header.fields else None
        self.header_faults = found
        if found and self.header is not None and self.header.fields[0][1] != VERSION:
            # What else is in a file of another format is not for us to judge.
            self.header_faults = found[:1]
            self._blocks.stop()

    def _header_lines(self, first: bytes) -> list[tuple[int, str]]:
        """Take the lines up to the empty one; where no end of the header can be hoped for, the rest of the file is left unread."""
        lines: list[tuple[int, str]] = []
        size = 0
        line: bytes | None = first
        while line != b"":
            size += len(line or b"") - 1
            if line is None or size > self._limits.header:
                self.header_faults.append(self._too_long() if line is None else self._header_too_long())
                self._blocks.stop()
                break
            raw = line[:-1]
            if not raw.strip(b" \t"):
                break
            try:
                lines.append((self._number, raw.decode()))
            except UnicodeDecodeError as error:
                self.torn = not self._blocks.is_whole
                if not self.torn and len(self.header_faults) < MOST_FAULTS:
                    self.header_faults.append(self._not_utf8(raw, error.start))
            else:
                if DIALOGUE.match(lines[-1][1]):
                    break
            line = self._take_line()
        return lines

    def _header_too_long(self) -> Fault:
        problem = f"the header is longer than {self._limits.header} octets"
        return Fault(self._number, problem, "an empty line after the header")

    def _too_long(self) -> Fault:
        return Fault(
            self._number, f"the line is longer than {self._limits.line} octets", "a shorter one, or a higher limit"
        )

    def _not_utf8(self, raw: bytes, at: int) -> Fault:
        shown = escape(raw[at : at + 1])
        return Fault(
            self._number,
            f"octet {at + 1} of the line, {shown}, is not UTF-8",
            f"UTF-8, or the octet written as {shown}",
        )


def _examined(marker: Marker, text: str, longest: int) -> str:
    """Return the text in a form that can be shown, and written to a file again."""
    if marker is Marker.EVENT:
        text = text.replace("\t", " ")
        if not text.strip(" "):
            raise _Malformed("an event has no name", "*: and a word such as connect, tls, wait or close")
    shown = clean(text)
    if marker is Marker.SERVER_MATCHES and shown != text:
        raise _Malformed(
            f"the pattern '{shown[:_EXCERPT]}' holds a character that is not seen", r"such as \t or \u200b"
        )
    if len(shown) > longest or len(shown.encode()) > longest:
        raise _Malformed(
            f"the line, its escapes written out, is longer than {longest} octets", "a shorter one, or a higher limit"
        )
    if marker in CLIENT_LINES:
        try:
            Template.parse(shown)
        except ValueError as error:
            raise _Malformed(str(error), "${name}") from None
    return shown


def _is_plain(content: str, longest: int) -> bool:
    return content.isascii() and content.isprintable() and "${" not in content and len(content) <= longest


def _without_marker(line: str) -> tuple[str, str]:
    shown = clean(line.strip(" \t")[:_EXCERPT])
    if line[: len(_FIRST_FIELD)].lower() == _FIRST_FIELD:
        return "a header stands inside the file", "the header at the top, before anything else"
    if odd := re.match(_ODD_TIME, line):
        return (
            f"'{clean(odd[1][:_EXCERPT])}' is no time",
            "seconds such as 0.021, with nine digits and six decimals at most",
        )
    return f"'{shown}' has no marker", f"one of {' '.join(Marker)} in front"


def _last_field(lines: list[tuple[int, str]]) -> int:
    return max((at for at, (_, line) in enumerate(lines) if line[0] not in " \t"), default=0)

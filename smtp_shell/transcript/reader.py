"""Read a transcript file as a stream, in bounded memory.

`open_transcript` is for readers that want the steps: a line that cannot be read is a `TranscriptError`. `open_scan` is for readers
that want all that is wrong with a file: it goes on after a fault.
"""

from __future__ import annotations

import os.path
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from msgspec import Struct

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import SINGLE, escape, escape_str, quoted
from smtp_shell.transcript.blocks import Blocks, is_utf_16
from smtp_shell.transcript.foreign import AUTO, OWN_FORM, AnyScan, Restored, begins_as_transcript
from smtp_shell.transcript.header import DIALOGUE, MOST_FAULTS, VERSION, Header, parse_header
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import CLIENT_LINES, LONGEST_CONTENT, Block, Marker, Step
from smtp_shell.transcript.variables import Template

if TYPE_CHECKING:
    from smtp_shell.transcript.credentials import CredentialMask

_MARKERS: Final = {str(marker): marker for marker in Marker}
# Matches every line as a whole; one without a marker is all content.
_LINES = re.compile(r"[ \t]*+(?:(?:([0-9]{1,9}+(?:\.[0-9]{1,6}+)?)[ \t]++)?(C[:&|<]|S[:|=~]|\*:|#) ?)?(.*)\n")
_ODD_TIME = r"[ \t]*([^ \t]+)[ \t]+(?:C[:&|<]|S[:|=~]|\*:|#)"
_STRAY_FIELD = r"(?i)[ \t]*(?:[a-z]{2,}(?:-[a-z]+)*:|transcript)"
_BOM = b"\xef\xbb\xbf"
_FIRST_FIELD = "transcript:"
_BESIDE_CONTENT = 64  # octets of white space, time, marker and line end in one line
_EXCERPT = 60
_UTF_16 = ("the file is UTF-16 text, as PowerShell's > writes it", "UTF-8, as Out-File -Encoding utf8 writes it")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\n"


class ReadLimits(Struct, frozen=True):
    """Limits of what a reader takes.

    Args:
        line: Octets of content in one line, counted with its escapes written out.
        header: Octets of the whole header.
    """

    line: int = LONGEST_CONTENT
    header: int = 262_144


_DEFAULT_LIMITS = ReadLimits()


class Scan:
    """A transcript as a stream of blocks, each with its steps and faults; a fault does not end it.

    The header is read at once. Iterating, which can be done once, yields the blocks.

    Args:
        stream: The file, open for reading in binary mode, and buffered.
        name: The file's name in errors, escaped.
        limits: Limits of what is read.

    Attributes:
        header: The header; None in a file without one. Meaningful only without `header_faults`.
        header_faults: What is wrong with the header, at most `MOST_FAULTS`.
        torn: Whether the file's last line was cut off and left out; known when all has been read.
        taken_for: An empty word: the file is a transcript.
        has_stray_field: Whether a field of a header stood where none can be, in the blocks so far.

    Raises:
        TranscriptError: The file cannot be read; also while iterating.
    """

    def __init__(self, stream: BinaryIO, name: str, limits: ReadLimits = _DEFAULT_LIMITS) -> None:
        self._stream = stream
        self._name = name
        self._limits = limits
        self._number = 0
        self.header: Header | None = None
        self.header_faults: list[Fault] = []
        self.torn = False
        self.taken_for = ""
        self._mask: CredentialMask | None = None  # made for the first line that is quoted
        self._before: list[Step] = []  # steps of the last block that it has not seen
        self._masked = 0  # steps of this block that it has seen
        self.has_stray_field = False
        self._stray_field = 0  # number of the last line of a header where none can be: only the first one is a fault
        self._blocks = Blocks(self._read, limits.line + _BESIDE_CONTENT)
        self._read_header()

    def __iter__(self) -> Iterator[Block]:
        while (lines := self._blocks.next_block()) != b"":
            if lines is None:
                self._number += 1
                yield Block([], [self._too_long()])
            elif not self._blocks.is_whole and self.header is not None and self.header.client:
                self.torn = True
            else:
                block = Block([], [])
                self._read_lines(lines, block)
                yield block
                self._before, self._masked = block.steps[self._masked :] if self._masked else block.steps, 0

    def _read_lines(self, lines: bytes, block: Block) -> None:
        try:
            text = lines.decode()
        except UnicodeDecodeError as error:
            if lines.count(b"\n") == 1:
                self._number += 1
                block.faults.append(self._not_utf8(lines, error.start))
                return
            for line in lines.split(b"\n")[:-1]:
                self._read_lines(line + b"\n", block)
            return
        longest = self._limits.line
        # Asked once for all lines: to ask each line makes reading 30 % slower (855,000 in place of 1,230,000 lines a second).
        is_plain = len(lines) <= longest and b"${" not in lines and not lines.translate(None, _PLAIN)
        event = str(Marker.EVENT)
        number = self._number
        stray = not is_plain and "\r" in text
        for number, (seconds, word, content) in enumerate(_LINES.findall(text), self._number + 1):
            if stray and "\r" in content:
                block.faults.append(self._stray_line_end(number))
            elif word:
                marker = _MARKERS[word]
                checked = content if is_plain and word != event else _check_content(marker, content, longest)
                if isinstance(checked, str):
                    block.steps.append(Step(marker, checked, float(seconds) if seconds else None, number))
                else:
                    is_quotable = self._quote(content, block.steps) == content
                    block.faults.append(Fault(number, *(checked if is_quotable else _not_quoted(checked))))
            elif content:
                self._add_unmarked(content, number, block)
        self._number = number

    def _quote(self, line: str, steps: list[Step]) -> str:
        """Return a line as it may be quoted: the steps before it say whether it answers a challenge.

        Args:
            line: The line, or its content.
            steps: The steps of this block so far.
        """
        from smtp_shell.transcript.credentials import CredentialMask, masked_steps

        mask = self._mask = self._mask or CredentialMask()
        for _ in masked_steps(chain(self._before, steps[self._masked :]), mask):
            pass
        self._before, self._masked = [], len(steps)
        return mask.quote(line)

    def _add_unmarked(self, content: str, number: int, block: Block) -> None:
        """Add the fault of a line without a marker. The fields of one misplaced header are one fault."""
        if self._stray_field and self._stray_field == number - 1:
            self._stray_field = number
            return
        block.faults.append(Fault(number, *_without_marker(self._quote(content, block.steps))))
        if _looks_like_a_field(content):
            self._stray_field, self.has_stray_field = number, True

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            raise TranscriptError(
                self._name, Fault(self._number, f"the file cannot be read on: {reason_of(error)}")
            ) from None

    def _next_line(self) -> bytes | None:
        line = self._blocks.next_line()
        self._number += line != b""
        return line

    def _read_header(self) -> None:
        first = self._next_line()
        if first is not None and is_utf_16(first):
            self.header_faults.append(Fault(1, *_UTF_16))
            self._blocks.stop()
            return
        first = first and first.removeprefix(_BOM)
        start = (first or b"")[: len(_FIRST_FIELD)].removesuffix(b"\n").decode("ascii", "replace").lower()
        if first is None or start != _FIRST_FIELD:
            # A recording may have been cut before its first colon.
            self.torn = not self._blocks.is_whole and _FIRST_FIELD.startswith(start)
            if not self.torn:
                self._blocks.put_back(first)
            self._number = 0
            return
        lines = self._header_lines(first)
        if self.header_faults:
            return
        header, faults = parse_header(lines, longest=self._limits.line)
        if faults and not self._blocks.is_whole and not DIALOGUE.match(lines[-1][1]):
            # Only the last field can have been cut; those that precede it are judged as they stand.
            self.torn = True
            header, faults = parse_header(lines[: _last_field(lines)], longest=self._limits.line)
        self.header = header if header.fields else None
        self.header_faults = faults
        if self.header is not None and self.header.fields[0][1] != VERSION:
            # What else is in a file of another format is not for us to judge.
            self.header_faults = faults[:1]
            self._blocks.stop()

    def _header_lines(self, first: bytes) -> list[tuple[int, str]]:
        """Read the lines up to the empty one. Stop reading the file where the header is too long to have an end."""
        lines: list[tuple[int, str]] = []
        size = 0
        line: bytes | None = first
        while True:
            size += len(line or b"") - 1
            if line is None or size > self._limits.header:
                self.header_faults.append(self._too_long() if line is None else self._header_too_long())
                self._blocks.stop()
                break
            raw = line[:-1]
            if not raw.strip(b" \t"):
                break
            if b"\r" in raw:
                self._add_header_fault(self._stray_line_end(self._number))
            try:
                lines.append((self._number, raw.decode()))
            except UnicodeDecodeError as error:
                self.torn = not self._blocks.is_whole
                if not self.torn:
                    self._add_header_fault(self._not_utf8(raw, error.start))
            else:
                if DIALOGUE.match(lines[-1][1]):
                    break
            line = self._next_line()
        return lines

    def _add_header_fault(self, fault: Fault) -> None:
        if len(self.header_faults) < MOST_FAULTS:
            self.header_faults.append(fault)

    def _header_too_long(self) -> Fault:
        problem = f"the header is longer than {self._limits.header} octets"
        return Fault(self._number, problem, "an empty line after the header")

    def _too_long(self) -> Fault:
        return Fault(self._number, *_line_too_long("the line", self._limits.line))

    def _stray_line_end(self, number: int) -> Fault:
        """Return the fault of a line with a CR that is no line end; or an LF, where lines end in CR (see `Blocks`)."""
        if self._blocks.ends_in_cr:
            return Fault(number, "an LF stands in a file whose lines end in CR", "line ends of one kind")
        return Fault(number, "a CR stands inside the line", r"it written as \x0d, or LF or CRLF where a line ends")

    def _not_utf8(self, raw: bytes, at: int) -> Fault:
        shown = escape(raw[at : at + 1])
        problem = f"octet {at + 1} of the line, {shown}, is not UTF-8"
        return Fault(self._number, problem, f"UTF-8, or the octet written as {shown}")


class TranscriptReader:
    """A transcript as a stream of steps.

    The header is read at once. Iterating, which can be done once, yields the steps in the order of the file.

    A program that writes a transcript ends each line. So where the header names one (`Client`), a last line without LF was cut off: it is
    left out, and `torn` is set. In a file typed by hand the last line may lack its LF.

    Args:
        stream: The file, open for reading in binary mode, and buffered.
        name: The file's name in errors, escaped.
        limits: Limits of what is read.
        scan: The scan to read from, if the stream is no transcript.

    Raises:
        TranscriptError: The header is malformed, or of another version of the format. While iterating: a line is malformed, or the file
            cannot be read.
    """

    def __init__(
        self, stream: BinaryIO, name: str, *, limits: ReadLimits = _DEFAULT_LIMITS, scan: AnyScan | None = None
    ) -> None:
        self.name = name
        self._scan = scan or Scan(stream, name, limits)
        if self._scan.header_faults:
            raise TranscriptError(name, *self._scan.header_faults)

    @property
    def header(self) -> Header | None:
        """The header; None in a file without one."""
        return self._scan.header

    @property
    def taken_for(self) -> str:
        """What the file was taken for and how sure that is, such as `swaks (sure)`; empty for a transcript."""
        return self._scan.taken_for

    @property
    def torn(self) -> bool:
        """Whether the file's last line was cut off and left out; known when all has been read."""
        return self._scan.torn

    def __iter__(self) -> Iterator[Step]:
        # Not a generator: it would be resumed for each step (3 % of the time, and one call a line in the guard).
        return chain.from_iterable(map(self._steps_of, self._scan))

    def _steps_of(self, block: Block) -> Iterable[Step]:
        return self._steps_up_to_fault(block) if block.faults else block.steps

    def _steps_up_to_fault(self, block: Block) -> Iterator[Step]:
        for item in block.items:
            if isinstance(item, Fault):
                raise TranscriptError(self.name, item)
            yield item


@contextmanager
def open_transcript(
    path: Path,
    *,
    limits: ReadLimits = _DEFAULT_LIMITS,
    form: str = AUTO,
    keep_secrets: bool = False,
    opened: Callable[[BinaryIO], None] | None = None,
) -> Iterator[TranscriptReader]:
    """Open a transcript, or what another tool wrote about a dialogue, to read its steps.

    Args:
        path: The file; `-` for standard input.
        limits: Limits of what is read.
        form: The form that the file is in: `smtp` for a transcript, a dialect of `importers`, or `auto` for the one that it looks like.
        keep_secrets: Whether credentials in what another tool wrote are kept, because the caller masks them. A transcript is not changed.
        opened: Called with the file before it is read, for whoever follows how far that is.

    Raises:
        TranscriptError: The file cannot be opened or read, or its header is malformed.
    """
    with _open(path) as stream:
        if opened is not None:
            opened(stream)
        name = escape_str(str(path))
        yield TranscriptReader(stream, name, scan=_scan(stream, name, limits, form, keep_secrets))


@contextmanager
def open_scan(path: Path, *, limits: ReadLimits = _DEFAULT_LIMITS) -> Iterator[AnyScan]:
    """Open a transcript to read its steps and all that is wrong with it.

    Args:
        path: The file. What another tool wrote is read as the transcript that it stands for, credentials masked.
        limits: Limits of what is read.

    Raises:
        TranscriptError: The file cannot be opened or read.
    """
    with _open(path) as stream:
        yield _scan(stream, escape_str(str(path)), limits, AUTO, keep_secrets=False)


def _scan(stream: BinaryIO, name: str, limits: ReadLimits, form: str, keep_secrets: bool) -> AnyScan:
    """Return the scan of a file: of a transcript, or of what another tool wrote."""
    if form == OWN_FORM or (form == AUTO and begins_as_transcript(stream)):
        return Scan(stream, name, limits)
    restored = Restored(stream)
    if form == AUTO and restored.begins_as_transcript():
        return Scan(cast("BinaryIO", restored), name, limits)
    from smtp_shell.importers.scan import scan_of

    return scan_of(restored, name, form, keep_secrets=keep_secrets) or Scan(cast("BinaryIO", restored), name, limits)


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        # Windows calls opening a directory a lack of permission.
        reason = "it is a directory" if os.path.isdir(path) else reason_of(error)
    except ValueError:
        reason = "this is no file name"
    else:
        with stream:
            yield stream
        return
    raise TranscriptError(escape_str(str(path)), Fault(0, f"cannot be opened: {reason}", "a transcript"))


def _check_content(marker: Marker, content: str, longest: int) -> str | tuple[str, str]:
    """Return the content in a form that can be shown and written again, or what is wrong with it and what was expected."""
    if marker is Marker.EVENT:
        content = content.replace("\t", " ")
        if not content.strip(" "):
            return "an event has no name", "*: and a word such as connect, tls, wait or close"
    shown = clean(content)
    if marker is Marker.SERVER_MATCHES and shown != content:
        return (
            f"the pattern {quoted(shown[:_EXCERPT], SINGLE)} holds a character that is not seen",
            r"such as \t or \u200b",
        )
    # With the first comparison, reading lines with escapes is 11 % faster.
    if len(shown) * 4 > longest and len(shown.encode()) > longest:
        return _line_too_long("the line, its escapes written out,", longest)
    if "${" in shown and marker in CLIENT_LINES:
        try:
            Template.parse(shown)
        except ValueError as error:
            return str(error), "${name}"
    return shown


def _line_too_long(what: str, longest: int) -> tuple[str, str]:
    return f"{what} is longer than {longest} octets", "a shorter one, or a higher limit"


def _not_quoted(checked: tuple[str, str]) -> tuple[str, str]:
    return "the line cannot be read, and is not quoted here because it may hold a credential", checked[1]


def _without_marker(line: str) -> tuple[str, str]:
    shown = clean(line.strip(" \t")[:_EXCERPT])
    if line[: len(_FIRST_FIELD)].lower() == _FIRST_FIELD:
        return "a header stands inside the file", "the header at the top, before anything else"
    if odd := re.match(_ODD_TIME, line):
        return (
            f"{quoted(clean(odd[1][:_EXCERPT]), SINGLE)} is no time",
            "seconds such as 0.021, with nine digits and six decimals at most",
        )
    in_header = ", or a header that begins with Transcript: 1" if _looks_like_a_field(line) else ""
    return f"{quoted(shown, SINGLE)} has no marker", f"one of {' '.join(Marker)} in front{in_header}"


def _looks_like_a_field(line: str) -> bool:
    return re.match(_STRAY_FIELD, line) is not None


def _last_field(lines: list[tuple[int, str]]) -> int:
    return max((at for at, (_, line) in enumerate(lines) if line[0] not in " \t"))

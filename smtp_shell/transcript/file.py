"""The transcript file: steps read from it as a stream, and written to it line by line.

A file is text that may have been typed by hand or sent by a stranger. Whatever is in it, a step's text is printable, and what
cannot be read is a `TranscriptError` with line numbers.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str
from smtp_shell.transcript.header import MOST_FAULTS, Header, format_header
from smtp_shell.transcript.notation import client_text
from smtp_shell.transcript.scan import Block, ReadLimits, Scan
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step, format_step, octet_steps

__all__ = [
    "CLIENT_LINES",
    "SERVER_LINES",
    "Header",
    "Marker",
    "ReadLimits",
    "Step",
    "TranscriptReader",
    "TranscriptWriter",
    "check",
    "client_text",
    "faults",
    "format_step",
    "octet_steps",
    "open_transcript",
]

_DEFAULT_LIMITS = ReadLimits()


class TranscriptReader:
    """A transcript as a stream of steps; memory does not grow with the file.

    The header is read at once. Iterating, which can be done once, gives the steps.

    A program that writes a transcript ends each line. So where the header names one (`Client`), a last line without LF was cut
    off and is left out, and `torn` says so. In a file typed by hand the last line may lack its LF.

    Args:
        stream: The file, open for reading in binary mode, and buffered.
        name: What to call it in errors, escaped.
        limits: How much to take.

    Raises:
        TranscriptError: The header is malformed, or of another version of the format.
    """

    def __init__(self, stream: BinaryIO, name: str, *, limits: ReadLimits = _DEFAULT_LIMITS) -> None:
        self.name = name
        self._scan = Scan(stream, name, limits)
        if self._scan.header_faults:
            raise TranscriptError(name, *self._scan.header_faults)

    @property
    def header(self) -> Header | None:
        """The header; None in a file without one."""
        return self._scan.header

    @property
    def torn(self) -> bool:
        """Whether the file's last line was cut off and left out; known when all has been read."""
        return self._scan.torn

    def __iter__(self) -> Iterator[Step]:
        """Give the steps in the order of the file.

        Raises:
            TranscriptError: A line is malformed, or the file cannot be read on.
        """
        return chain.from_iterable(map(self._steps, self._scan))

    def _steps(self, block: Block) -> Iterable[Step]:
        return self._up_to_fault(block) if block.faults else block.steps

    def _up_to_fault(self, block: Block) -> Iterator[Step]:
        for found in block.items:
            if isinstance(found, Fault):
                raise TranscriptError(self.name, found)
            yield found


@contextmanager
def open_transcript(path: Path, *, limits: ReadLimits = _DEFAULT_LIMITS) -> Iterator[TranscriptReader]:
    """Open a transcript for reading.

    Args:
        path: The file.
        limits: How much to take.

    Raises:
        TranscriptError: The file cannot be opened or read, or its header is malformed.
    """
    with _opened(path) as stream:
        yield TranscriptReader(stream, escape_str(str(path)), limits=limits)


def faults(path: Path, *, limits: ReadLimits = _DEFAULT_LIMITS) -> Iterator[Fault]:
    """Read a whole file as a stream and say what is wrong with it, in the order of its lines.

    Args:
        path: The file.
        limits: How much to take.

    Raises:
        TranscriptError: The file cannot be opened or read.
    """
    with _opened(path) as stream:
        scan = Scan(stream, escape_str(str(path)), limits)
        yield from scan.header_faults
        is_empty = not scan.header_faults
        for block in scan:
            yield from block.faults
            is_empty = is_empty and not block.faults and all(step.marker is Marker.NOTE for step in block.steps)
        if is_empty:
            yield Fault(0, "the transcript has no steps", "at least one line such as C: NOOP")


def check(path: Path, *, limits: ReadLimits = _DEFAULT_LIMITS) -> None:
    """Make sure that a whole file can be read, and that it has steps.

    Args:
        path: The file.
        limits: How much to take.

    Raises:
        TranscriptError: It cannot; with the first `MOST_FAULTS` faults.
    """
    found: list[Fault] = []
    for fault in faults(path, limits=limits):
        if len(found) == MOST_FAULTS:
            found.append(Fault(0, f"there are more faults after these {MOST_FAULTS}"))
            break
        found.append(fault)
    if found:
        raise TranscriptError(escape_str(str(path)), *found)


class TranscriptWriter:
    """Write a transcript, each line whole, so that a process that is killed leaves a valid file.

    Args:
        stream: A buffered file, open for writing in binary mode. The writer flushes it and does not close it.
        header: What to write at the top; None for a file without a header.
        limits: How much the readers of the file will take.

    Raises:
        ValueError: The header would not be read back as it is.
        OSError: The stream cannot be written to.
    """

    def __init__(self, stream: BinaryIO, header: Header | None, *, limits: ReadLimits = _DEFAULT_LIMITS) -> None:
        self._stream = stream
        self._longest = limits.line
        if header is not None:
            stream.write(format_header(header, longest=limits.line).encode())
            stream.flush()

    def write(self, step: Step) -> None:
        """Write one step, so that it is in the file at once.

        Args:
            step: The step; its time is kept to the microsecond and reads best when rounded to the millisecond.

        Raises:
            ValueError: Its text is not in the notation of the file (`escape`, `client_text`), is too long (`octet_steps`), or its
                time is none.
            OSError: The stream cannot be written to.
        """
        self.put((step,))
        self._stream.flush()

    def put(self, steps: Iterable[Step]) -> None:
        """Write steps; they are in the file when the stream is flushed. Raises as `write` does."""
        lines: list[str] = []
        for step in steps:
            if len(step.text) * 4 > self._longest and len(step.text.encode()) > self._longest:
                raise ValueError(f"the text of a {step.marker} step is longer than {self._longest} octets")
            lines.append(format_step(step))
        lines.append("")
        self._stream.write("\n".join(lines).encode())


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        # Windows calls opening a directory a lack of permission.
        reason = "it is a directory" if os.path.isdir(path) else reason_of(error)
        raise TranscriptError(escape_str(str(path)), Fault(0, f"cannot be opened: {reason}", "a transcript")) from None
    except ValueError:
        raise TranscriptError(
            escape_str(str(path)), Fault(0, "cannot be opened: this is no file name", "a transcript")
        ) from None
    with stream:
        yield stream

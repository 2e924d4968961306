"""Write a transcript file line by line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from smtp_shell.transcript.header import Header, format_header
from smtp_shell.transcript.step import LONGEST_CONTENT, Step, format_step


def header_octets(header: Header) -> bytes:
    """Return a header as a file begins with it.

    Raises:
        ValueError: It would not be read back as it is.
    """
    return format_header(header, longest=LONGEST_CONTENT).encode()


class TranscriptWriter:
    """Write a transcript in whole lines, so that a process that is killed leaves a valid file.

    Args:
        stream: A buffered file, open for writing in binary mode. The writer flushes it and does not close it.
        header: The header; None for a file without one.

    Raises:
        ValueError: The header would not be read back as it is.
        OSError: The stream cannot be written to.
    """

    def __init__(self, stream: BinaryIO, header: Header | None) -> None:
        self._stream = stream
        if header is not None:
            stream.write(header_octets(header))
            stream.flush()

    def write(self, step: Step) -> None:
        """Write one step and flush the stream.

        Args:
            step: The step; see `format_step` for its time.

        Raises:
            ValueError: Its text is not in the notation of the file (`escape`, `client_text`) or is too long (`octet_steps`), or its time is
                out of range.
            OSError: The stream cannot be written to.
        """
        self.write_buffered((step,))
        self._stream.flush()

    def write_buffered(self, steps: Iterable[Step]) -> None:
        """Write steps without flushing the stream; all of them or none.

        Raises:
            ValueError: As for `write`.
            OSError: The stream cannot be written to.
        """
        lines: list[str] = []
        for step in steps:
            if len(step.text) * 4 > LONGEST_CONTENT and len(step.text.encode()) > LONGEST_CONTENT:
                raise ValueError(f"the text of a {step.marker} step is longer than {LONGEST_CONTENT} octets")
            lines.append(format_step(step))
        lines.append("")
        self._stream.write("\n".join(lines).encode())

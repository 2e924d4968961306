"""A whole transcript in memory, for programs; what streams uses `reader` and `writer`."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.private_files import whole_file
from smtp_shell.transcript.reader import TranscriptReader, open_transcript
from smtp_shell.transcript.writer import TranscriptWriter

if TYPE_CHECKING:
    from os import PathLike

    from smtp_shell.transcript.header import Header
    from smtp_shell.transcript.step import Step


TEXT_NAME = "<transcript>"
"""The name of a transcript that is in no file, in errors and results."""


class Transcript(Struct, frozen=True):
    r"""A transcript.

    >>> from smtp_shell import Transcript
    >>> transcript = Transcript.parse("Transcript: 1\nTitle: Lab 7\n\nS: 220 mail.example.org ESMTP\nC: QUIT\nS: 221\n")
    >>> transcript.header.title, [f"{step.marker} {step.text}" for step in transcript.steps]
    ('Lab 7', ['S: 220 mail.example.org ESMTP', 'C: QUIT', 'S: 221'])

    Args:
        steps: Its steps, in order.
        header: Its header; None where it has none.
    """

    steps: tuple[Step, ...]
    header: Header | None = None

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Transcript:
        """Read a file.

        Raises:
            TranscriptError: It cannot be read, or is malformed.
        """
        with open_transcript(Path(path)) as reader:
            return cls(tuple(reader), reader.header)

    @classmethod
    def parse(cls, text: str | bytes) -> Transcript:
        """Read a text, as it would stand in a file.

        Raises:
            TranscriptError: It is malformed.
        """
        octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        reader = TranscriptReader(BytesIO(octets), TEXT_NAME)
        return cls(tuple(reader), reader.header)

    def format(self) -> str:
        """Return it as the text of a file.

        Raises:
            ValueError: A step is not in the notation of the file.
        """
        stream = BytesIO()
        TranscriptWriter(stream, self.header).write_buffered(self.steps)
        return stream.getvalue().decode()

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write it to a file that only its owner can read.

        Args:
            path: The file.
            overwrite: Whether to replace an existing file.

        Raises:
            UsageError: The file exists, or cannot be written; it is as it was.
            ValueError: A step is not in the notation of the file.
        """
        with whole_file(Path(path), overwrite=overwrite) as stream:
            TranscriptWriter(stream, self.header).write_buffered(self.steps)

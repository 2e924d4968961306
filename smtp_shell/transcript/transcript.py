"""A whole transcript in memory, for programs; what streams uses `reader` and `writer`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.private_files import create_private
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.writer import TranscriptWriter

if TYPE_CHECKING:
    from os import PathLike

    from smtp_shell.transcript.header import Header
    from smtp_shell.transcript.step import Step


class Transcript(Struct, frozen=True):
    """A transcript.

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

    def write(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write it to a file that only its owner can read.

        Args:
            path: The file.
            overwrite: Whether to replace an existing file.

        Raises:
            UsageError: The file exists, or cannot be created.
            ValueError: A step is not in the notation of the file.
        """
        with create_private(Path(path), overwrite=overwrite) as stream:
            TranscriptWriter(stream, self.header).write_buffered(self.steps)

"""A recording: a transcript file that is written during the session."""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from smtp_shell.errors import UsageError
from smtp_shell.private_files import create_private, new_draft, put_in_place, reason_of
from smtp_shell.protocol.events import Entry
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.recording.encoder import BODY_LIMIT, TranscriptEncoder
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.writer import TranscriptWriter, header_octets

_MOST_BODIES: Final = 100_000
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)


def free_body_path(transcript: Path) -> Path:
    """Return the path of the next file for mail data beside a transcript, named after it.

    Args:
        transcript: The transcript's path.

    Raises:
        UsageError: There are too many.
    """
    stem = _UNSAFE.sub("_", transcript.stem) or "mail"
    for number in range(1, _MOST_BODIES):
        path = transcript.with_name(f"{stem}.{number}.eml")
        if not os.path.lexists(path):
            return path
    raise UsageError(f"there are too many files with mail data beside {escape_str(str(transcript))}.")


class Recording:
    """A transcript file that grows with the session. A consumer of the event stream; made with `create`.

    It never raises: if the file cannot be written to, it reports that once and stops.

    Args:
        path: The file's path.
        stream: The file, just created, with its header.
        on_failure: Called with a sentence when the recording fails.
        body_limit: Octets of one message's mail data in the transcript; if there are more, they go to a file beside it.
        times: Whether lines have times. Without them, a dialogue that is recorded again is the same file.

    Attributes:
        path: The file's path.
        failed: Whether the recording has failed and stopped.
    """

    def __init__(
        self,
        path: Path,
        stream: BinaryIO,
        *,
        on_failure: Callable[[str], None] | None = None,
        body_limit: int = BODY_LIMIT,
        times: bool = True,
    ) -> None:
        self.path = path
        self.failed = False
        self._on_failure = on_failure
        self._stream = stream
        writer = TranscriptWriter(stream, None)
        write = writer.write_buffered if times else _WithoutTimes(writer).write_buffered
        self._encoder = TranscriptEncoder(write, _BodyFiles(path, stream, writer, times=times), limit=body_limit)

    @classmethod
    def create(
        cls,
        path: Path,
        header: Header,
        *,
        overwrite: bool = False,
        on_failure: Callable[[str], None] | None = None,
        body_limit: int = BODY_LIMIT,
        times: bool = True,
    ) -> Recording:
        """Create the file, readable by its owner only, and write its header.

        Args:
            path: The file's path.
            header: The transcript's header.
            overwrite: Whether a file of that name is replaced.
            on_failure: As for the class.
            body_limit: As for the class.
            times: As for the class.

        Raises:
            UsageError: There is a file of that name already, or it cannot be written to.
        """
        stream = create_private(path, overwrite=overwrite, start=header_octets(header))
        return cls(path, stream, on_failure=on_failure, body_limit=body_limit, times=times)

    def __call__(self, entry: Entry) -> None:
        """Write the steps of an entry and flush the file."""
        if self._stream.closed:
            return
        try:
            self._encoder(entry)
            self._stream.flush()
        except (OSError, ValueError, UsageError, MemoryError) as error:
            self._fail(error)

    def close(self) -> None:
        """Write what is held back and close the file. Closing twice does nothing."""
        if self._stream.closed:
            return
        try:
            self._encoder.close()
            self._stream.close()
        except (OSError, ValueError, MemoryError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failed = True
        reason = reason_of(error) if isinstance(error, OSError | MemoryError) else escape_str(str(error)).rstrip(".")
        self._encoder.release()
        with suppress(OSError, ValueError, MemoryError):
            self._stream.close()
        if self._on_failure is not None:
            self._on_failure(
                f"the recording {escape_str(str(self.path))} has stopped: {reason}; what follows is not recorded."
            )


class _WithoutTimes:
    """Writes steps without their times."""

    def __init__(self, writer: TranscriptWriter) -> None:
        self._writer = writer

    def write_buffered(self, steps: Iterable[Step]) -> None:
        self._writer.write_buffered([Step(step.marker, step.text) for step in steps])


class _BodyFiles:
    """Files for long mail data beside the transcript; an `encoder.BodyFiles`."""

    def __init__(self, transcript: Path, stream: BinaryIO, writer: TranscriptWriter, *, times: bool) -> None:
        self._times = times
        self._transcript = transcript
        self._stream = stream
        self._writer = writer
        self._mark = 0
        self._draft = transcript

    def mark(self) -> None:
        self._mark = self._stream.tell()

    def open(self) -> BinaryIO:
        self._draft, stream = new_draft(self._transcript.parent)
        return stream

    def put_in_place(self, at: float) -> None:
        path = self._named()
        self._stream.seek(self._mark)
        self._stream.truncate()
        self._writer.write(Step(Marker.MAIL_DATA_FILE, escape(path.name.encode()), at if self._times else None))

    def discard(self) -> None:
        with suppress(OSError):
            self._draft.unlink()

    def _named(self) -> Path:
        while True:
            path = free_body_path(self._transcript)
            try:
                put_in_place(self._draft, path)
            except FileExistsError:  # another process was faster
                continue
            return path

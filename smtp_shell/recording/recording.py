"""A recording: a transcript that is written while the session goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from smtp_shell.errors import UsageError
from smtp_shell.private_files import create_private, open_new, reason_of
from smtp_shell.protocol.events import Entry
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.recording.encoder import BODY_LIMIT, Recorder
from smtp_shell.transcript.file import TranscriptWriter
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.step import Marker, Step

_MOST_BODIES: Final = 100_000
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)


def create_body(transcript: Path) -> tuple[Path, BinaryIO]:
    """Create the next file for mail data beside a transcript, named after it.

    Raises:
        UsageError: It cannot be created.
    """
    stem = _UNSAFE.sub("_", transcript.stem) or "mail"
    for number in range(1, _MOST_BODIES):
        path = transcript.with_name(f"{stem}.{number}.eml")
        try:
            return path, open_new(path, buffering=0)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{escape_str(str(path))} cannot be created: {reason_of(error)}.") from None
    raise UsageError(f"there are too many files with mail data beside {escape_str(str(transcript))}.")


class Recording:
    """A transcript that grows with the session; a consumer. Make one with `create`.

    It never raises: when the file cannot be written to, it says so once and stops.

    Args:
        path: The file.
        stream: The file, just created.
        header: What stands at its top.
        on_failure: Takes a sentence when the recording has failed.
        body_limit: How many octets of mail data stand in the transcript; more of it goes to a file beside it.

    Attributes:
        path: The file.
        failed: Whether it cannot be written to any more.
    """

    def __init__(
        self,
        path: Path,
        stream: BinaryIO,
        header: Header,
        *,
        on_failure: Callable[[str], None] | None = None,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self.path = path
        self.failed = False
        self._on_failure = on_failure
        self._stream = stream
        self._writer = TranscriptWriter(stream, header)
        self._mark = 0
        self._body = path
        self._recorder = Recorder(self._writer.put, self, limit=body_limit)

    @classmethod
    def create(
        cls,
        path: Path,
        header: Header,
        *,
        overwrite: bool = False,
        on_failure: Callable[[str], None] | None = None,
        body_limit: int = BODY_LIMIT,
    ) -> Recording:
        """Create the file and write its header.

        Raises:
            UsageError: There is a file of that name already, or it cannot be written to.
        """
        stream = create_private(path, overwrite=overwrite)
        try:
            return cls(path, stream, header, on_failure=on_failure, body_limit=body_limit)
        except OSError as error:
            with suppress(OSError):  # closing writes again what is held back
                stream.close()
            raise UsageError(f"{escape_str(str(path))} cannot be written to: {reason_of(error)}.") from None

    def __call__(self, entry: Entry) -> None:
        """Write what an entry stands for."""
        if self._stream.closed:
            return
        try:
            self._recorder(entry)
            self._stream.flush()  # once for all the lines that one entry makes
        except (OSError, ValueError, UsageError) as error:
            self._fail(error)

    def close(self) -> None:
        """Write what is held back, and close the file. Does nothing when closed already."""
        if self._stream.closed:
            return
        try:
            self._recorder.close()
            self._stream.close()
        except (OSError, ValueError) as error:
            self._fail(error)

    def mark(self) -> None:
        """Remember that mail data begins here in the transcript."""
        self._mark = self._stream.tell()

    def open(self) -> BinaryIO:
        """Make the next file for mail data."""
        self._body, stream = create_body(self.path)
        return stream

    def put_in_place(self, at: float) -> None:
        """Put a line that names the file where the mail data began; what was written since then goes."""
        self._stream.seek(self._mark)
        self._stream.truncate()
        self._writer.write(Step(Marker.MAIL_DATA_FILE, escape(self._body.name.encode()), at))

    def _fail(self, error: Exception) -> None:
        self.failed = True
        reason = reason_of(error) if isinstance(error, OSError) else escape_str(str(error)).rstrip(".")
        with suppress(OSError, ValueError):
            self._stream.close()
        if self._on_failure is not None:
            self._on_failure(
                f"the recording {escape_str(str(self.path))} has stopped: {reason}; what follows is not recorded."
            )

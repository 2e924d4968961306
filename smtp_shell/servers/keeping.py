"""The transcripts of a watched server's dialogues: a file for each, in one folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from smtp_shell import __version__
from smtp_shell.errors import UsageError
from smtp_shell.private_files import make_folder, reason_of
from smtp_shell.protocol.octets import escape_str
from smtp_shell.recording.recording import Recording
from smtp_shell.transcript.header import Header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smtp_shell.servers.watched_session import WatchedSession

_MOST_OF_A_NAME = 1_000
_MOST_REMEMBERED = 10_000


class Keeper:
    """Starts the transcript of each dialogue.

    Args:
        folder: The folder for them, which is made.
        command: The command of smtp-shell that watches, for the header.
        place: Where the dialogues took place, for the title, such as `with the practice server`.
        on_failure: Called with a sentence when a transcript cannot be written.

    Attributes:
        paths: The files that were made, the last 10,000 of them.

    Raises:
        UsageError: The folder cannot be used.
    """

    def __init__(self, folder: Path, command: str, place: str, on_failure: Callable[[str], None]) -> None:
        shown = escape_str(str(folder))
        try:
            make_folder(folder)
        except OSError as error:
            raise UsageError(f"--keep: the folder {shown} cannot be made: {reason_of(error)}.") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"--keep: nothing can be written into {shown}; choose another folder.")
        self.paths: list[Path] = []
        self._folder, self._command, self._place = folder, command, place
        self._on_failure = on_failure

    def __call__(self, session: WatchedSession) -> Recording | None:
        """Return the transcript of a dialogue that begins; None if none can be written, which is reported."""
        try:
            recording = self._begin(session)
        except UsageError as error:
            self._on_failure(f"--keep: {error.message}")
            return None
        self.paths.append(recording.path)
        del self.paths[:-_MOST_REMEMBERED]
        return recording

    def _begin(self, session: WatchedSession) -> Recording:
        header = Header.new(
            client=f"another program at {session.peer}, watched by smtp-shell {__version__} {self._command}",
            server=session.server,
            date=session.began,
            title=f"Dialogue {session.number} {self._place}",
        )
        start = f"{session.began:%Y-%m-%d_%H%M%S}-{session.number}"
        for number in range(1, _MOST_OF_A_NAME):
            path = self._folder / (f"{start}.smtp" if number == 1 else f"{start}-{number}.smtp")
            try:
                return Recording.create(path, header, on_failure=self._on_failure)
            except UsageError:
                if not os.path.lexists(path):
                    raise
        raise UsageError(f"there are too many transcripts of this second in {escape_str(str(self._folder))}.")

"""What `practice --watch` and `practice --keep` need: the watch, the screen's thread, and the files."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smtp_shell.recording.recording import Recording
    from smtp_shell.servers.live import LiveScreen
    from smtp_shell.servers.watching import Watch, WatchedSession

SHOW_SECONDS = 0.05
_MOST_OF_A_NAME = 1_000


def make_watch(*, shows: bool, keep: Path | None, on_failure: Callable[[str], None]) -> Watch:
    """Return a watch.

    Args:
        shows: Whether there is a screen for it.
        keep: The folder for the transcripts; None to write none.
        on_failure: Called with a sentence when a transcript cannot be written.

    Raises:
        UsageError: The folder cannot be used.
    """
    from smtp_shell.servers.watching import Watch

    return Watch(keep=_keeper(keep, on_failure) if keep is not None else None, shows=shows)


def _keeper(folder: Path, on_failure: Callable[[str], None]) -> Callable[[WatchedSession], Recording | None]:
    """Return what starts the transcript of a dialogue in a folder, which is made.

    Raises:
        UsageError: The folder cannot be used.
    """
    from smtp_shell.private_files import make_folder, reason_of

    try:
        make_folder(folder)
    except OSError as error:
        raise UsageError(f"--keep: the folder {escape_str(str(folder))} cannot be made: {reason_of(error)}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"--keep: nothing can be written into {escape_str(str(folder))}; choose another folder.")

    def keep(session: WatchedSession) -> Recording | None:
        try:
            return _begin(folder, session, on_failure)
        except UsageError as error:
            on_failure(f"--keep: {error.message}")
            return None

    return keep


def _begin(folder: Path, session: WatchedSession, on_failure: Callable[[str], None]) -> Recording:
    from smtp_shell import __version__
    from smtp_shell.recording.recording import Recording
    from smtp_shell.transcript.header import Header

    header = Header.new(
        client=f"another program at {session.peer}, watched by smtp-shell {__version__} practice",
        server=session.server,
        date=session.began,
        title=f"Dialogue {session.number} with the practice server",
    )
    start = f"{session.began:%Y-%m-%d_%H%M%S}-{session.number}"
    for number in range(1, _MOST_OF_A_NAME):
        path = folder / (f"{start}.smtp" if number == 1 else f"{start}-{number}.smtp")
        try:
            return Recording.create(path, header, on_failure=on_failure)
        except UsageError:
            if not os.path.lexists(path):
                raise
    raise UsageError(f"there are too many transcripts of this second in {escape_str(str(folder))}.")


@contextmanager
def showing(screen: LiveScreen | None) -> Iterator[None]:
    """Show what is new while the block runs, and what is left at its end."""
    if screen is None:
        yield
        return
    ended = threading.Event()

    def show() -> None:
        while not ended.wait(SHOW_SECONDS):
            screen.show()

    thread = threading.Thread(target=show, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        screen.show()

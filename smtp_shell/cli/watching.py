"""What `practice --watch` and `practice --keep` need: the watch, and the screen's thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smtp_shell.servers.live import LiveScreen
    from smtp_shell.servers.watching import Watch

SHOW_SECONDS = 0.05


def make_watch(*, shows: bool, keep: Path | None, on_failure: Callable[[str], None]) -> Watch:
    """Return a watch for the practice server.

    Args:
        shows: Whether there is a screen for it.
        keep: The folder for the transcripts; None to write none.
        on_failure: Called with a sentence when a transcript cannot be written.

    Raises:
        UsageError: The folder cannot be used.
    """
    from smtp_shell.servers.watching import Watch

    if keep is None:
        return Watch(shows=shows)
    from smtp_shell.servers.keeping import Keeper

    return Watch(keep=Keeper(keep, "practice", "with the practice server", on_failure), shows=shows)


@contextmanager
def ending_by_signal() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM sets, so that a server in the block ends as it should and leaves no temporary files."""
    import signal

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    yield stop


def show_until(stop: threading.Event, screen: LiveScreen | None) -> int:
    """Show what is new until a server is to end.

    Args:
        stop: Set when it is to end.
        screen: Shows the dialogues; None where they are not shown.

    Returns:
        The exit status: 130 after Ctrl-C.
    """
    try:
        while not stop.wait(SHOW_SECONDS if screen is not None else 0.2):
            if screen is not None:
                screen.show()
    except KeyboardInterrupt:
        return 130
    return 0


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

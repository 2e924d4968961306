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

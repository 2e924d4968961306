"""The prompt on a terminal that can do nothing (`TERM=dumb`): the system edits the line, and what the server says comes in between.

prompt_toolkit has a prompt for such terminals. It echoes each key, those of a password too, and shows nothing while it waits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from smtp_shell.shell.terminal_echo import no_echo, usual_echo

Show = Callable[[], object]
_POLL_SECONDS = 0.2


def _nothing() -> None:
    """Return that there is no news."""


def read_line(question: Callable[[], str], *, hidden: bool = False, news: Callable[[], Show | None] = _nothing) -> str:
    """Read a line that a user types.

    Args:
        question: Returns what is shown before it, printable.
        hidden: Whether the line is not shown.
        news: Called while nothing has been typed; returns what shows the news, or None, and may raise to end the wait. It is not
            called on Windows, where there is no wait for a console.

    Raises:
        EOFError: The input has ended.
    """
    if hidden and sys.platform == "win32":
        from getpass import getpass

        return getpass(question())
    with no_echo() if hidden else usual_echo():
        sys.stdout.write(question())
        sys.stdout.flush()
        try:
            while not _is_typed():
                if (show := news()) is not None:
                    sys.stdout.write("\n")
                    sys.stdout.flush()
                    show()
                    sys.stdout.write(question())
                    sys.stdout.flush()
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            sys.stdout.write("\n")  # the terminal shows ^C, and the cursor stays beside it
            raise
    if hidden or not line:
        sys.stdout.write("\n")
    if not line:
        raise EOFError
    return line.rstrip("\r\n")


def _is_typed() -> bool:
    """Wait a moment for a line; return whether one is there. Where the console cannot be waited for, it is taken to be."""
    if sys.platform == "win32":
        return True
    import select

    return bool(select.select([sys.stdin], [], [], _POLL_SECONDS)[0])

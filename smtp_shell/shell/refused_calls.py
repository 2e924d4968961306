"""What the system refuses while a line runs, where the line's own code has no words for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.errors import ConnectionLost, SmtpShellError, SystemRefused
from smtp_shell.output_loss import is_lost
from smtp_shell.private_files import refusal_of
from smtp_shell.protocol.events import End

if TYPE_CHECKING:
    from smtp_shell.client.session import Session


def error_of_line(error: OSError | MemoryError, session: Session | None) -> Exception:
    """Return the error that a line ends with. If a reply was owed, the connection is closed: nobody could tell which one is next.

    Args:
        error: What was raised.
        session: The connection, if there is one.

    Returns:
        The same, if it is one of ours, or the screen's: nothing can be shown any more. `OutcomeUnknown` if a message has been ended.
    """
    if isinstance(error, SmtpShellError):
        return error
    if isinstance(error, OSError) and any(is_lost(stream, error) for stream in (sys.stdout, sys.stderr)):
        return error
    problem = refusal_of(error)
    if session is None or not session.is_open or not session.outstanding:
        return SystemRefused(f"{problem}; the line was given up.")
    from smtp_shell.client.breaks import loss  # loaded with the first connection, which there is

    owed = session.dialogue.owed
    session.end(End.ERROR, problem)
    return loss(owed, ConnectionLost(f"{problem}; the connection is closed, as a reply was owed."))

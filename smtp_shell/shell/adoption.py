"""A connection that somebody else has opened, and that the shell goes on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.events import Entry
from smtp_shell.shell.explanations import standing_of

if TYPE_CHECKING:
    from smtp_shell.replay.replay import Replay
    from smtp_shell.shell.shell import Shell


def adopt(shell: Shell, replay: Replay) -> None:
    """Go on by hand over the connection that a replay leaves open.

    Args:
        shell: The shell.
        replay: The replay; its connection is this shell's from now on.
    """
    session = replay.session
    if session is None or not session.is_open:
        return
    shell.disconnect()
    shell.target = shell.answered = session.target
    shell.session = session
    shell.recordings.session = None
    session.drives_auth = False  # what is left of an AUTH exchange is the user's
    if session.tls is not None:  # it began before this shell saw anything
        shell.view(Entry(0, 0.0, session.tls, tls=True))
    for consumer in (*shell.consumers(standing_of(session)), shell.advise_on):
        session.subscribe(consumer)
    shell.say(f"The connection to {session.target} is yours now.")

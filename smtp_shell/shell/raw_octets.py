"""Octets that a user sends as they are: what is looked at before they go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import Refused
from smtp_shell.protocol.octets import quoted
from smtp_shell.shell.lines import Run

if TYPE_CHECKING:
    from smtp_shell.client.session import Session


def holds_secret(session: Session, octets: bytes) -> bool:
    """Return whether octets that are sent now would carry a credential, in the place where the dialogue stands."""
    return any(event.public is not None for event in session.dialogue.foretell_raw(octets))


def check_greeting(session: Session) -> None:
    """Check that the server wants this client, before a line is sent.

    Raises:
        Refused: It does not.
    """
    greeting = session.dialogue.greeting
    if greeting is not None and greeting.is_negative:
        raise Refused(f"the server refused: {quoted(greeting.one_line())}; the line was not sent.")


def needs_greeting(line: object) -> bool:
    """Return whether a parsed line is for a server that has greeted: one that is not for the shell itself, or waits for the server."""
    if line is None:
        return False
    return not isinstance(line, Run) or not line.command.name.startswith("/") or line.command.name == "/wait"

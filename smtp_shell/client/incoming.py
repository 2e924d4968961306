"""What a server has sent, as the session queues it: in the order of the wire, each with what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Reply


class IncomingReply(Struct, frozen=True):
    """One thing that the server sent.

    Args:
        reply: The whole reply, credentials masked; None for octets that are no reply.
        octets: All of it, as it came, credentials masked.
        number: The ordinal of what it answers among all that was ever owed a reply on this connection: 1 for the greeting, 0 if it
            answers nothing.
        verb: The verb of the command that it answers; empty for none.
    """

    reply: Reply | None
    octets: bytes
    number: int = 0
    verb: str = ""

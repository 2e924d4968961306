"""The errors of a session that breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import (
    ConnectionLost,
    DialogueBroken,
    OutcomeUnknown,
    ProtocolViolation,
    UsageError,
)
from smtp_shell.protocol.octets import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.protocol.dialogue import Owed
    from smtp_shell.protocol.replies import Reply


def with_words(violation: ProtocolViolation, reply: Reply) -> DialogueBroken:
    """Return a violation with the words of the reply that made it; a 421 that nobody asked for only says goodbye."""
    if reply.code == 421:
        return ConnectionLost(f"the server said {quoted(reply.one_line())} unasked and is closing; connect again.")
    return ProtocolViolation(f"{violation.message}: {quoted(reply.one_line())}. The connection is closed.")


def handshake_due() -> UsageError:
    """Return the error of something that was to be sent in place of the TLS handshake."""
    return UsageError("the server said 220 to STARTTLS: the handshake comes next, and nothing more goes in the clear.")


def loss(owed: Sequence[Owed], error: DialogueBroken) -> DialogueBroken:
    """Return the error of a connection that broke while replies were owed: after a message, its outcome is unknown."""
    if any(each.ends_message for each in owed):
        return OutcomeUnknown(
            f"the outcome is unknown: {error.message.rstrip('.')}; the message may have been accepted, so look before sending it again."
        )
    return error

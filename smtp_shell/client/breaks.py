"""The errors of a session that breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import (
    ConnectionLost,
    DialogueBroken,
    OutcomeUnknown,
    ProtocolViolation,
    UsageError,
    WaitTimedOut,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.protocol.dialogue import Dialogue, Owed
    from smtp_shell.protocol.replies import Reply


def with_words(violation: ProtocolViolation, reply: Reply) -> DialogueBroken:
    """Return a violation with the words of the reply that made it; a 421 that nobody asked for only says goodbye."""
    if reply.code == 421:
        return ConnectionLost(f'the server said "{reply.one_line()}" unasked and is closing; connect again.')
    return ProtocolViolation(f'{violation.message}: "{reply.one_line()}". The connection is closed.')


def closed(owed: Sequence[Owed], *, cut: bool) -> ConnectionLost:
    """Return the error of a connection that the server closed, perhaps in the middle of a reply."""
    waiting = f" while {owed[0]} was owed" if owed else ""
    return ConnectionLost(f"the server closed the connection{' in the middle of a reply' if cut else waiting}.")


def timed_out(owed: Owed, waited: float, dialogue: Dialogue) -> WaitTimedOut:
    """Return the error of a wait that ended without a whole reply."""
    partly = " Part of it came." if dialogue.pending else ""
    return WaitTimedOut(f"{owed} did not come within {waited:g} s.{partly}")


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

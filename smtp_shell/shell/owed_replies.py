"""The replies that a server owes while a user types: in words, and where the next line must wait for one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from smtp_shell.errors import UsageError
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.phases import Owed

AwaitedT = TypeVar("AwaitedT")
"""What a wait returns."""

# Verb whose reply decides how the server reads the next line -> what that line may become. In the shell, Ctrl-C or `/raw` can
# leave such a reply owed while the next line is typed.
_DECIDES = {
    "DATA": "mail data",
    "AUTH": "an answer in the exchange",
    "STARTTLS": "clear text in place of the handshake",
}
_WAITS_FOR = {
    Phase.AUTH: "an answer in the AUTH exchange; `*` cancels it",
    Phase.MAILDATA: "mail data; a dot alone on a line ends it",
}
_OWED_STILL = "The wait is over; the reply is still owed, and is shown when it comes. /drop ends the connection."
_STOPPED = "Stopped; no reply is owed."
_STOPPED_IN_DATA = "Stopped; the server is still taking mail data: go on with it, or end it with a dot alone on a line."
_STOPPED_IN_SENDING = (
    "Stopped in the middle of what went out, and that ended the connection. A message whose end did not go out is not delivered. "
    "/reconnect connects again."
)
_OUTCOME_UNKNOWN = (
    "The outcome is unknown: {} has not come, and the message may have been accepted, so look before sending it again."
)


def undecided(session: Session | None) -> str:
    """Return the verb whose reply is owed and decides what the next line to the server would be; empty for none."""
    return next((each.verb for each in _owed_by(session) if each.verb in _DECIDES), "")


def check_decided(session: Session | None) -> None:
    """Refuse a line for the server while it is open what the server would take it for.

    Raises:
        UsageError: The reply to DATA, AUTH or STARTTLS is owed.
    """
    if verb := undecided(session):
        raise UsageError(
            f"nothing was sent: the reply to {verb} is still owed, and the line could become {_DECIDES[verb]}; "
            "/wait waits for it, /drop ends the connection."
        )


def check_between_commands(session: Session | None) -> None:
    """Refuse commands where the server would take them for an answer in an AUTH exchange, for mail data, or for the rest of a line.

    Raises:
        UsageError: It waits for one of these, or the reply that decides is owed.
    """
    check_decided(session)
    if session is not None and session.is_open and session.dialogue.unended:
        raise UsageError(
            "nothing was sent: a line that was sent as octets has not ended, and this would be the rest of it. "
            r"End it with /raw \r\n."
        )
    phase = session.dialogue.standing if session is not None and session.is_open else None
    if phase in _WAITS_FOR:
        raise UsageError(f"nothing was sent: the server waits for {_WAITS_FOR[phase]}.")


def awaited(session: Session | None) -> str:
    """Return what is awaited now, in words."""
    owed = session.dialogue.owed if session is not None else ()
    if not owed:
        return "the server to read"
    return str(owed[0]) if len(owed) == 1 else f"{len(owed)} replies, first {owed[0]}"


def after_stopped_wait(session: Session) -> str:
    """Return how the dialogue stands after the user has stopped a wait."""
    if not session.is_open:
        return _STOPPED_IN_SENDING
    if session.dialogue.owed:
        stopped = _OWED_STILL
    elif session.dialogue.standing is Phase.MAILDATA:
        stopped = _STOPPED_IN_DATA
    else:
        stopped = _STOPPED
    return stopped + _hint_without_greeting(session)


def unknown_outcome(session: Session | None) -> str:
    """Return a warning that a message may have been accepted, if its reply is owed on an open connection; empty for none."""
    ending = next((each for each in _owed_by(session) if each.ends_message), None)
    return _OUTCOME_UNKNOWN.format(ending) if ending is not None else ""


def _owed_by(session: Session | None) -> tuple[Owed, ...]:
    return session.dialogue.owed if session is not None and session.is_open else ()


def _hint_without_greeting(session: Session) -> str:
    if session.dialogue.greeting is not None or session.tls is not None:
        return ""
    from smtp_shell.client.breaks import without_greeting

    hint = without_greeting(session.target, session.dialogue.pending)
    return f" {hint[0].upper()}{hint[1:]}." if hint else ""

"""The TLS handshake of a session: what it publishes, and what it forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import DialogueBroken
from smtp_shell.protocol.events import End, Noticed, NoticeKind
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.config import TlsSettings
    from smtp_shell.protocol.events import TlsStarted


def shake_hands(session: Session, settings: TlsSettings, name: str, seconds: float, *, implicit: bool) -> TlsStarted:
    """Do the TLS handshake; after STARTTLS forget all that was learnt in the clear.

    Args:
        session: The session.
        settings: How to do it.
        name: The name to check the certificate against.
        seconds: Timeout of the whole handshake.
        implicit: Whether TLS begins with the first octet.

    Raises:
        TlsFailed: It failed; the connection is closed.
        ProtocolViolation: Text in the clear came in its place; the connection is closed.

    Source: RFC 3207 section 4.2
    """
    session.stream.flush()
    try:
        facts = session.transport.start_tls(settings, name, seconds, implicit=implicit)
    except DialogueBroken as error:
        session.end(End.ERROR, error.message)
        raise
    except KeyboardInterrupt:
        session.end(End.ERROR, "interrupted in the TLS handshake")
        raise
    if not implicit:
        session.begin_anew()
    session.tls = facts
    session.hints.note_handshake(facts, settings, session.dialogue)
    session.publish(facts)
    session.stream.tls = True
    for words in session.transport.tls_details:
        session.publish(Noticed(NoticeKind.TLS_DETAILS, words))
    if facts.key_log:
        session.publish(Noticed(NoticeKind.KEY_LOG, escape_str(facts.key_log)))
    return facts

"""How a connection was made, told to whoever follows it, and what precedes the greeting on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.net.literals import shown_place
from smtp_shell.protocol.events import Noticed, NoticeKind

if TYPE_CHECKING:
    from smtp_shell.client.program import ProgramWords
    from smtp_shell.client.session import Session
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.protocol.masking import EchoMask


def begin(session: Session, settings: ConnectSettings, echo: EchoMask) -> ProgramWords | None:
    """Publish how the connection was made, as far as the user asked for that, and send the PROXY header.

    Args:
        session: The session, just opened.
        settings: How it was opened.
        echo: What is masked in what a program says.

    Returns:
        What follows the program that is the server; None without one.

    Raises:
        UsageError: The addresses of the header do not fit each other.
        DialogueBroken: The connection broke.
    """
    transport = session.transport
    transport.resume = settings.resume
    words = None
    if transport.program is not None:
        from smtp_shell.client.program import ProgramWords

        words = ProgramWords(transport, transport.program, echo, session.publish)
    if transport.through:
        session.publish(Noticed(NoticeKind.CONNECTION, f"through {transport.through}"))
    local = transport.local
    if local is not None and (settings.source is not None or settings.source_port):
        session.publish(Noticed(NoticeKind.CONNECTION, f"from {shown_place(local)}"))
    if settings.proxy_protocol is not None:
        header, ends = settings.proxy_protocol, (transport.local, transport.server)
        transport.header = header.octets(*ends)
        session.publish(Noticed(NoticeKind.CONNECTION, header.words(*ends)))
        session.send_raw(transport.header)
    return words

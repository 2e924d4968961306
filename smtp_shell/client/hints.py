"""What may be behind a failure whose own words do not say it: hints for the end of an error's sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import ProtocolViolation, TlsFailed
from smtp_shell.net.target import Way
from smtp_shell.protocol.dialogue import Asked
from smtp_shell.protocol.events import NoticeKind
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from smtp_shell.config import TlsSettings
    from smtp_shell.errors import DialogueBroken
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.dialogue import Dialogue
    from smtp_shell.protocol.events import Noticed, TlsStarted

_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")
_PORT_OF_SMTPS = 465
_LONGEST_SHOWN = 120
_ALWAYS_FATAL = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.TOO_MUCH, NoticeKind.PLAINTEXT_AFTER_STARTTLS})
_OTHER_PROTOCOLS = ("it speaks HTTP", "it speaks SSH", "it speaks POP3", "it speaks IMAP")


def without_greeting(target: Target, came: bytes) -> str:
    """Return a hint for a server that sends no greeting in the clear: it may wait for a TLS handshake.

    Args:
        target: What is connected to, without TLS.
        came: What has come in place of the greeting.

    Returns:
        Words for after a semicolon; empty where TLS cannot be meant.
    """
    if target.way is not Way.TCP or target.tls or (came and not came.startswith(_TLS_RECORDS)):
        return ""
    how = "connect with --tls" if target.lmtp else f"connect to smtps://{target}"
    if came:
        return f"it speaks TLS from the first octet: {how}"
    if target.port == _PORT_OF_SMTPS:
        return f"port {target.port} is for TLS from the first octet: {how}"
    return f"if it speaks TLS from the first octet, {how}"


class Hints:
    """The hints of one session.

    Args:
        target: What is connected to.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._answered = (
            -1
        )  # replies taken before the handshake, while it is not known whether the server accepts the client
        self._certificate = ""
        self._in_tls = False

    def note_handshake(self, facts: TlsStarted, settings: TlsSettings, dialogue: Dialogue) -> None:
        """Keep what a finished TLS handshake leaves open: with TLS 1.3 a server refuses the client's certificate only after it."""
        from smtp_shell.net.tls_report import client_certificate_advice

        self._in_tls = True
        if facts.version == "TLSv1.3":
            self._answered = dialogue.answered
            self._certificate = client_certificate_advice(settings)

    def for_end(self, dialogue: Dialogue) -> str:
        """Return what may be behind a connection that ends now; empty if nothing is known."""
        return self._certificate if dialogue.answered == self._answered else self.for_silence(dialogue)

    def for_silence(self, dialogue: Dialogue) -> str:
        """Return what may be behind a reply that does not come; empty if nothing is known."""
        oldest = dialogue.oldest_owed
        if self._in_tls or oldest is None or oldest.asked is not Asked.GREETING:
            return ""
        return without_greeting(self._target, dialogue.pending)


def fatal(notice: Noticed, target: Target, *, strict: bool) -> ProtocolViolation | None:
    """Return the error of a notice that ends the session at once; None for another.

    Args:
        notice: The notice.
        target: What is connected to.
        strict: Whether nobody watches, who could judge what a program writes before its greeting.
    """
    shown = f': "{escape(notice.octets[:_LONGEST_SHOWN].strip())}"' if notice.octets else ""
    if notice.kind is NoticeKind.PREAMBLE:
        if not strict or not notice.octets.strip():
            return None
        hint = "; start it so that it speaks SMTP from its first line, or talk to it at the prompt, which goes on"
    elif notice.kind not in _ALWAYS_FATAL:
        return None
    elif notice.detail == "it speaks TLS from the first octet":
        hint = f"; {without_greeting(target, _TLS_RECORDS[0])}"
    else:
        hint = "; mail is sent over port 587, 465 or 25" if notice.detail in _OTHER_PROTOCOLS else ""
    return ProtocolViolation(f"{notice.sentence}{shown}{hint}. The connection is closed.")


def with_hint(error: DialogueBroken, hint: str) -> DialogueBroken:
    """Return an error with a hint at the end of its sentence; the error itself for an empty one, or where TLS itself failed."""
    if not hint or isinstance(error, TlsFailed):
        return error
    return type(error)(f"{error.message.rstrip('.')}; {hint}.")

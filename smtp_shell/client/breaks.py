"""The errors of a session that breaks or stays silent, with hints at what may be behind it where its own words do not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import ConnectionLost, OutcomeUnknown, ProtocolViolation, TlsFailed, UsageError, WaitTimedOut
from smtp_shell.figures import plain
from smtp_shell.net.target import Way
from smtp_shell.protocol.events import FATAL, NoticeKind
from smtp_shell.protocol.octets import escape, quoted
from smtp_shell.protocol.phases import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.config import TlsSettings
    from smtp_shell.errors import DialogueBroken
    from smtp_shell.net.target import Target
    from smtp_shell.net.transport import Transport
    from smtp_shell.protocol.dialogue import Dialogue
    from smtp_shell.protocol.events import Noticed, TlsStarted
    from smtp_shell.protocol.phases import Owed
    from smtp_shell.protocol.replies import Reply

_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")
_PORT_OF_SMTPS = 465
_LONGEST_SHOWN = 120
_UNEXPECTED_HEADER = "if this server does not expect a PROXY header, leave --proxy-protocol out"
_OTHER_PROTOCOLS = ("it speaks HTTP", "it speaks SSH", "it speaks POP3", "it speaks IMAP")


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
        transport: The connection.
    """

    def __init__(self, target: Target, transport: Transport) -> None:
        self._target = target
        self._transport = transport
        self._answered = (
            -1
        )  # replies taken before the handshake, while it is not known whether the server accepts the client
        self._settings: TlsSettings | None = None  # of a handshake after which the client may still be refused
        self._in_tls = False

    def note_handshake(self, facts: TlsStarted, settings: TlsSettings, dialogue: Dialogue) -> None:
        """Keep what a finished TLS handshake leaves open: with TLS 1.3 a server refuses the client's certificate only after it."""
        self._in_tls = True
        if facts.version == "TLSv1.3":
            self._answered = dialogue.answered
            self._settings = settings

    def closed(self, dialogue: Dialogue) -> DialogueBroken:
        """Return the error for a server that closes the connection now."""
        oldest = dialogue.oldest_owed
        waiting = f" while {oldest} was owed" if oldest is not None else ""
        where = " in the middle of a reply" if dialogue.pending else waiting
        return self.lost(dialogue, ConnectionLost(f"the server closed the connection{where}."))

    def lost(self, dialogue: Dialogue, error: DialogueBroken) -> DialogueBroken:
        """Return an error that ends the connection now, with what may be behind it."""
        if dialogue.answered != self._answered or self._settings is None:
            return _with_hint(error, self._silent(dialogue))
        from smtp_shell.net.tls_report import client_certificate_advice

        return _with_hint(error, client_certificate_advice(self._settings))

    def timed_out(self, dialogue: Dialogue, owed: Owed, waited: float) -> DialogueBroken:
        """Return the error for a reply that did not come.

        Args:
            dialogue: The dialogue.
            owed: What was awaited.
            waited: For how many seconds.
        """
        partly = " Part of it came." if dialogue.pending else ""
        return _with_hint(
            WaitTimedOut(f"{owed} did not come within {plain(waited)} s.{partly}"), self._silent(dialogue)
        )

    def violated(self, dialogue: Dialogue, violation: ProtocolViolation, reply: Reply) -> DialogueBroken:
        """Return a violation with the words of the reply that made it; a 421 that nobody asked for only says goodbye."""
        if reply.code == 421:
            return ConnectionLost(f"the server said {quoted(reply.one_line())} unasked and is closing; connect again.")
        hint = f"; {_UNEXPECTED_HEADER}" if self._is_header_in_doubt(dialogue) else ""
        return ProtocolViolation(f"{violation.message}: {quoted(reply.one_line())}{hint}. The connection is closed.")

    def _is_header_in_doubt(self, dialogue: Dialogue) -> bool:
        """Whether a PROXY header was sent, and the server has not taken an EHLO after it."""
        return bool(self._transport.header) and dialogue.extensions is None

    def _silent(self, dialogue: Dialogue) -> str:
        oldest = dialogue.oldest_owed
        if oldest is not None and self._is_header_in_doubt(dialogue):
            return _UNEXPECTED_HEADER
        if self._in_tls or oldest is None or oldest.asked is not Asked.GREETING:
            return ""
        hint = without_greeting(self._target, dialogue.pending)
        if dialogue.pending or self._target.way is not Way.TCP:
            return hint
        return f"{hint}{'; ' if hint else ''}if it waits for a PROXY header, add --proxy-protocol v2"


def fatal(notice: Noticed, target: Target, *, strict: bool) -> ProtocolViolation | None:
    """Return the error of a notice that ends the session at once; None for another.

    Args:
        notice: The notice.
        target: What is connected to.
        strict: Whether nobody watches, who could judge what a program writes before its greeting.
    """
    shown = f": {quoted(escape(notice.octets[:_LONGEST_SHOWN].strip()))}" if notice.octets else ""
    if notice.kind is NoticeKind.PREAMBLE:
        if not strict or not notice.octets.strip():
            return None
        hint = "; start it so that it speaks SMTP from its first line, or talk to it at the prompt, which goes on"
    elif notice.kind not in FATAL:
        return None
    elif notice.detail == "it speaks TLS from the first octet":
        hint = f"; {without_greeting(target, _TLS_RECORDS[0])}"
    else:
        hint = "; mail is sent over port 587, 465 or 25" if notice.detail in _OTHER_PROTOCOLS else ""
    return ProtocolViolation(f"{notice.sentence}{shown}{hint}. The connection is closed.")


def _with_hint(error: DialogueBroken, hint: str) -> DialogueBroken:
    """Return an error with a hint at the end of its sentence; the error itself for an empty one, or where TLS itself failed."""
    if not hint or isinstance(error, TlsFailed):
        return error
    return type(error)(f"{error.message.rstrip('.')}; {hint}.")

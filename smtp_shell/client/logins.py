"""Who is logged in, where no mechanism of ours does the exchange: AUTH whose responses a user makes by hand, and XCLIENT."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.protocol.events import Decoded
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import decode_base64, escape
from smtp_shell.protocol.sasl.reading import user_in

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.events import ReplyReceived
    from smtp_shell.protocol.masking import EchoMask
    from smtp_shell.protocol.replies import Reply

_LOGIN = rb"(?i)[ \t]LOGIN=([!-~]+)"
_NOBODY = (b"[UNAVAILABLE]", b"[TEMPUNAVAIL]")


def follow(session: Session, event: ReplyReceived, echo: EchoMask) -> None:
    """Publish what a reply to AUTH means, a challenge decoded or who is authenticated, and note whom XCLIENT logs in.

    To be called while no mechanism makes the responses.

    Args:
        session: The session.
        event: The reply, credentials masked.
        echo: What is masked in a challenge once it is decoded.

    Source: RFC 4954 section 4; Postfix, XCLIENT_README
    """
    reply = event.reply
    if event.verb == "XCLIENT":
        if reply.code == 220:
            session.user = _login_in(event.command.line) if event.command is not None else ""
        return
    name, response = session.dialogue.auth
    if reply.code == 334:
        session.publish(Decoded(False, name, _meaning(reply, echo)))
    elif reply.code == 235:
        session.set_user(name.upper(), user_in(name, response))


def _login_in(line: bytes) -> str:
    """Return the user of an XCLIENT command, in xtext (RFC 3461 section 4); empty for none: Postfix forgets the one before."""
    found = re.search(_LOGIN, line)
    if found is None or found[1].upper() in _NOBODY:
        return ""
    name = re.sub(rb"\+([0-9A-F]{2})", lambda code: bytes.fromhex(code[1].decode()), found[1])
    return name.decode("utf-8", "surrogateescape")


def _meaning(reply: Reply, echo: EchoMask) -> str:
    challenge = decode_base64(reply.lines[0].strip()) if len(reply.lines) == 1 else None
    if challenge is None:
        return MASK if MASK.encode() in reply.octets else "(no base64)"
    return escape(echo.octets(challenge)) or "(empty)"

"""What the challenges and the open answers of AUTH exchanges mean, where only the lines of them are known, as in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.octets import decode_base64

if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Reply

_MOST_SHOWN: Final = 300  # characters
_MOST_UNREADABLE: Final = 0.3  # of the octets: a ticket of GSSAPI is no text


def of_challenge(reply: Reply) -> str:
    """Return what a challenge says, in a sentence, printable; empty for one that is empty, masked or no base64.

    The members of a JSON object stay as they are written: whoever masks what a server sends back has looked for it in that form.

    Args:
        reply: The 334.

    Source: RFC 4954 section 4
    """
    octets = decode_base64(reply.lines[0]) if len(reply.lines) == 1 else None
    if not octets:
        return ""
    if octets.startswith(b"{"):
        return f"It says why the token is refused: {_shown(octets)}."
    if octets.startswith(b"rspauth="):
        return "It proves that the server knows the password too."
    if octets.startswith(b"v="):
        return "It is the signature by which the server proves that it knows the password too."
    if sum(not 0x20 <= octet < 0x7F for octet in octets) > len(octets) * _MOST_UNREADABLE:
        return f"It holds {len(octets)} octets that are no text."
    return f"It says: {_shown(octets)}."


def of_open_answer(line: bytes) -> str:
    """Return what an answer that holds no credential is for, in a sentence; empty for one that may hold one.

    Source: RFC 4954 section 4, RFC 7628 section 3.2.3
    """
    match line:
        case b"*":
            return "* cancels the AUTH exchange (RFC 4954 section 4)."
        case b"" | b"=":
            return "An empty answer: the client has nothing to add."
        case b"AQ==":
            return "The octet 01 in base64: it acknowledges the error of an OAuth mechanism (RFC 7628 section 3.2.3)."
    return ""


def _shown(octets: bytes) -> str:
    from smtp_shell.protocol.sasl.scram import describe

    shown = describe(octets)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"

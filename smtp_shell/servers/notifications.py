"""DSN: what a client asks for at MAIL and RCPT about reports of delivery, and the reports themselves.

Source: RFC 3461, RFC 3464
"""

from __future__ import annotations

import email.utils
import re
import secrets
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.xtext import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ENVID_LIMIT: Final = 100
ORCPT_LIMIT: Final = 500

_EVENTS = ("SUCCESS", "FAILURE", "DELAY")
_ORCPT = re.compile(r"(?P<type>[A-Za-z0-9!#$%&'*/?^_`{|}~.-]+);(?P<address>.+)", re.DOTALL)


class Verdict(Struct, frozen=True):
    """What has become of a message for one recipient.

    Args:
        mailbox: The mailbox of the forward-path.
        reply: The reply that accepts or refuses the message for it.
        parameters: The parameters of its RCPT.
    """

    mailbox: bytes
    reply: str
    parameters: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether the message is accepted for it."""
        return self.reply.startswith("2")

    @property
    def is_wanted(self) -> bool:
        """Whether a report about this is to be sent. Without NOTIFY, a failure is reported."""
        events = self.parameters.get("NOTIFY", "FAILURE").upper().split(",")
        return ("SUCCESS" if self.is_good else "FAILURE") in events


def why_not_return(keyword: str, value: str) -> str:
    """Return the reply if RET or ENVID of MAIL is malformed; empty if it is not.

    Source: RFC 3461 sections 4.3 and 4.4
    """
    if keyword == "RET" and value.upper() not in ("FULL", "HDRS"):
        return "501 5.5.4 RET is FULL or HDRS"
    if keyword == "ENVID":
        if len(value) > ENVID_LIMIT:
            return f"501 5.5.4 ENVID has at most {ENVID_LIMIT} characters"
        text = text_of(value)
        if text is None or not (text.isascii() and text.isprintable()):
            return "501 5.5.4 ENVID is xtext: printable ASCII, with +XX for a space, + and ="
    return ""


def why_not_notify(parameters: Mapping[str, str], *, smtp_utf8: bool) -> str:
    """Return the reply if NOTIFY or ORCPT of RCPT is malformed; empty if neither is.

    Args:
        parameters: The parameters of RCPT.
        smtp_utf8: Whether MAIL had the parameter SMTPUTF8.

    Source: RFC 3461 sections 4.1 and 4.2, RFC 6533 section 3
    """
    if "NOTIFY" in parameters:
        events = parameters["NOTIFY"].upper().split(",")
        if events != ["NEVER"] and (not set(events) <= set(_EVENTS) or len(set(events)) < len(events)):
            return "501 5.5.4 NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY with commas"
    if "ORCPT" in parameters:
        value = parameters["ORCPT"]
        found = _ORCPT.fullmatch(value)
        if len(value) > ORCPT_LIMIT:
            return f"501 5.5.4 ORCPT has at most {ORCPT_LIMIT} characters"
        if found is None or not _is_address(found["type"].lower(), found["address"], smtp_utf8=smtp_utf8):
            return "501 5.5.4 ORCPT is type;address in xtext, such as rfc822;bob@example.org"
    return ""


def _is_address(kind: str, address: str, *, smtp_utf8: bool) -> bool:
    if kind == "utf-8" and (smtp_utf8 or r"\x{" in address):
        return not re.search(r"[\x00-\x20\x7f+=]", address)
    return text_of(address) is not None


def requested_of_message(parameters: Mapping[str, str]) -> list[bytes]:
    """Return the header field with what MAIL has asked for, if anything."""
    asked = [f"{name}={parameters[name]}" for name in ("RET", "ENVID") if name in parameters]
    return [f"{REQUEST_FIELD}: {' '.join(asked)}".encode()] if asked else []


def requested_of_recipient(mailbox: bytes, parameters: Mapping[str, str]) -> list[bytes]:
    """Return the header fields with what RCPT has asked for, if anything.

    Source: RFC 3798 section 2.3 (Original-Recipient)
    """
    fields = []
    if "ORCPT" in parameters:
        kind, _, address = parameters["ORCPT"].partition(";")
        fields.append(f"Original-Recipient: {kind};{_one_line(text_of(address) or address)}".encode())
    asked = [f"{name}={parameters[name]}" for name in ("NOTIFY", "ORCPT") if name in parameters]
    if asked:
        fields.append(f"{REQUEST_FIELD}: ".encode() + b"<" + mailbox + b"> " + " ".join(asked).encode())
    return fields


REQUEST_FIELD: Final = "X-DSN-Request"
"""The header field in which a stored message has what the client has asked for."""


def report(
    host: str, sender: bytes, mail: Mapping[str, str], verdicts: Sequence[Verdict], original: Iterable[bytes]
) -> Iterable[bytes]:
    """Yield a report of delivery, piece by piece.

    Args:
        host: The name of the server that reports.
        sender: To whom.
        mail: The parameters of MAIL.
        verdicts: About which recipients. There is at least one.
        original: The message, piece by piece. A failure returns all of it if RET=FULL asked for that, otherwise its header section.

    Source: RFC 3461 section 6, RFC 3462, RFC 3464 section 2, RFC 6533 section 4 (addresses beyond ASCII)
    """
    boundary = f"report-{secrets.token_hex(12)}"
    failed = any(not each.is_good for each in verdicts)
    is_full = failed and mail.get("RET", "").upper() == "FULL"
    subject = "Delivery has failed" if failed else "Your message has been delivered"
    head = [
        f"From: Mail Delivery System <postmaster@{host}>",
        f"To: <{sender.decode('utf-8', 'replace')}>",
        f"Subject: {subject}",
        f"Date: {email.utils.formatdate(localtime=True)}",
        f"Message-ID: <{secrets.token_hex(12)}@{host}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        *(f"{each.mailbox.decode('utf-8', 'replace')}: {each.reply}" for each in verdicts),
        "",
        f"--{boundary}",
        f"Content-Type: message/{'' if all(each.mailbox.isascii() for each in verdicts) else 'global-'}delivery-status",
        "",
        *_status(host, mail, verdicts),
        f"--{boundary}",
        f"Content-Type: {'message/rfc822' if is_full else 'text/rfc822-headers'}",
        "",
    ]
    yield b"".join(line.encode() + CRLF for line in head)
    yield from original if is_full else _header_section(original)
    yield f"\r\n--{boundary}--\r\n".encode()


def _status(host: str, mail: Mapping[str, str], verdicts: Sequence[Verdict]) -> list[str]:
    """Return the fields about the message, and a group of them about each recipient.

    Source: RFC 3464 sections 2.2 and 2.3
    """
    lines = [f"Reporting-MTA: dns; {host}"]
    if "ENVID" in mail:
        lines.insert(0, f"Original-Envelope-Id: {_one_line(text_of(mail['ENVID']) or '')}")
    for each in verdicts:
        lines.append("")
        if "ORCPT" in each.parameters:
            kind, _, address = each.parameters["ORCPT"].partition(";")
            lines.append(f"Original-Recipient: {kind};{_one_line(text_of(address) or address)}")
        lines += [
            f"Final-Recipient: {'rfc822' if each.mailbox.isascii() else 'utf-8'};{each.mailbox.decode('utf-8', 'replace')}",
            f"Action: {'delivered' if each.is_good else 'failed'}",
            f"Status: {each.reply.split(' ', 2)[1]}",
        ]
        if not each.is_good:
            lines.append(f"Diagnostic-Code: smtp; {each.reply}")
    return [*lines, ""]


def _header_section(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """Yield the pieces of a message up to the empty line after its header section."""
    held = b""
    for piece in pieces:
        held += piece
        end = held.find(b"\r\n\r\n")
        if end >= 0 or len(held) > HEADER_LIMIT:
            yield held[: end + 2 if end >= 0 else HEADER_LIMIT]
            return
    yield held


HEADER_LIMIT: Final = 64 * 1024
"""Octets of a header section that a report returns."""


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", "?", text)

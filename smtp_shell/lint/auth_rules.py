"""Rules about AUTH. No message repeats anything that follows the mechanism's name: it may be a credential."""

from __future__ import annotations

import re

from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import CommandLine, LineSent, ResponseLine, View
from smtp_shell.lint.rules import Said, also, rule
from smtp_shell.protocol.octets import decode_base64
from smtp_shell.protocol.phases import Phase

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_PLAIN_TEXT = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})
_IN_THE_CLEAR = (
    "the password goes over the wire in the clear, as base64 hides nothing; say STARTTLS first, or use port 465"
)
_SERVER_FIRST = frozenset({"CRAM-MD5", "DIGEST-MD5"})
_OBSOLETE = {
    "DIGEST-MD5": "DIGEST-MD5 is obsolete; SCRAM-SHA-256 took its place",
    "CRAM-MD5": "CRAM-MD5 protects the password badly against who listens; use SCRAM-SHA-256, or PLAIN inside TLS",
    "NTLM": "NTLM is broken and belongs to one vendor; use another mechanism",
}


def _mechanism(sent: CommandLine) -> str:
    """Return the mechanism that an AUTH command names, if it looks like one; empty otherwise."""
    words = sent.argument.split()
    if sent.verb != "AUTH" or not words or not re.fullmatch(rb"[A-Za-z0-9_-]{1,20}", words[0]):
        return ""
    return words[0].upper().decode("ascii")


@rule("auth-in-clear", _ERROR, "RFC 4954 section 4", "RFC 4616 section 2", on=CommandLine)
def auth_in_clear(view: View, sent: CommandLine) -> Said:
    """A password or token goes over the wire without TLS."""
    has_response = len(sent.command.line.split()) > 2
    if has_response and _mechanism(sent) in _PLAIN_TEXT - {"LOGIN"} and not view.tls:
        yield _IN_THE_CLEAR


@also("auth-in-clear", on=ResponseLine)
def response_in_clear(view: View, line: ResponseLine) -> Said:
    """Check the lines that answer a challenge."""
    if view.mechanism in _PLAIN_TEXT and line.number == 1 and not line.cancels and not view.tls:
        yield _IN_THE_CLEAR


@rule("auth-without-tls", _WARNING, "RFC 4954 section 9", on=CommandLine)
def auth_without_tls(view: View, sent: CommandLine) -> Said:
    """Another mechanism is used without TLS."""
    if _mechanism(sent) and _mechanism(sent) not in _PLAIN_TEXT and not view.tls:
        yield "AUTH without TLS: who listens can guess the password offline, and take over the connection; say STARTTLS first"


@rule("auth-not-announced", _ERROR, "RFC 4954 section 3", on=CommandLine)
def auth_not_announced(view: View, sent: CommandLine) -> Said:
    """AUTH is sent although the server does not announce it."""
    if sent.verb == "AUTH" and view.lacks("AUTH"):
        hint = "; many announce it inside TLS only" if not view.tls else ""
        yield f"the server does not announce AUTH{hint}"


@rule("mechanism-not-announced", _ERROR, "RFC 4954 section 3", on=CommandLine)
def mechanism_not_announced(view: View, sent: CommandLine) -> Said:
    """AUTH names a mechanism that the server does not announce."""
    name = _mechanism(sent)
    if name and view.announced is not None and "AUTH" in view.announced and name not in view.announced.mechanisms:
        yield "the server does not announce this mechanism; the AUTH line of its reply to EHLO lists them"


@rule("auth-before-ehlo", _ERROR, "RFC 4954 section 4", on=CommandLine)
def auth_before_ehlo(view: View, sent: CommandLine) -> Said:
    """AUTH is sent before EHLO, or after HELO."""
    if sent.verb == "AUTH" and view.hello not in ("EHLO", "LHLO") and not view.is_owed("EHLO", "LHLO"):
        yield "AUTH comes before EHLO, whose reply says whether there is AUTH, and with which mechanisms"


@rule("auth-twice", _ERROR, "RFC 4954 section 4", on=CommandLine)
def auth_twice(view: View, sent: CommandLine) -> Said:
    """AUTH is sent after AUTH has succeeded."""
    if sent.verb == "AUTH" and view.authenticated:
        yield "AUTH comes after AUTH has succeeded; a connection has one user"


@rule("auth-in-transaction", _ERROR, "RFC 4954 section 4", on=CommandLine)
def auth_in_transaction(view: View, sent: CommandLine) -> Said:
    """AUTH is sent inside a mail transaction."""
    if sent.verb == "AUTH" and view.phase in (Phase.MAIL, Phase.RCPT):
        yield "AUTH comes inside a mail transaction; it comes before MAIL"


@rule("auth-no-mechanism", _ERROR, "RFC 4954 section 4", on=CommandLine)
def auth_no_mechanism(view: View, sent: CommandLine) -> Said:
    """AUTH names no mechanism."""
    if sent.verb == "AUTH" and not _mechanism(sent) and b"${" not in sent.command.line:
        yield "AUTH names no mechanism; it is followed by one of those that the server announces"


@rule("obsolete-mechanism", _ADVICE, "RFC 6331 section 1", "IANA SASL Mechanisms", on=CommandLine)
def obsolete_mechanism(view: View, sent: CommandLine) -> Said:
    """AUTH uses a mechanism that is obsolete."""
    if _mechanism(sent) in _OBSOLETE:
        yield _OBSOLETE[_mechanism(sent)]


@rule("initial-response-server-first", _ERROR, "RFC 4954 section 4", on=CommandLine)
def initial_response_server_first(view: View, sent: CommandLine) -> Said:
    """An initial response is sent with a mechanism in which the server speaks first."""
    if _mechanism(sent) in _SERVER_FIRST and len(sent.command.line.split()) > 2:
        yield "there is an initial response, and in this mechanism the server speaks first"


@rule("initial-response-not-base64", _ERROR, "RFC 4954 section 4", on=CommandLine)
def initial_response_not_base64(view: View, sent: CommandLine) -> Said:
    """The initial response of an AUTH command is no base64."""
    words = sent.command.line.split()
    if not _mechanism(sent) or len(words) < 3 or b"${" in sent.command.line or not sent.command.line.isascii():
        return
    if len(words) > 3 or (words[2] != b"=" and decode_base64(words[2]) is None):
        yield "what follows the mechanism is no base64: the user name and password are encoded, and stand in one word"


@rule("response-not-base64", _ERROR, "RFC 4954 section 4", on=ResponseLine)
def response_not_base64(view: View, line: ResponseLine) -> Said:
    """A line of an AUTH exchange is no base64."""
    if line.is_base64 is False:
        yield "the line is no base64, as each line of an AUTH exchange is; check the padding, and that no command is sent here"


@rule("empty-password", _ERROR, "RFC 4954 section 4", on=ResponseLine)
def empty_password(view: View, line: ResponseLine) -> Said:
    """An empty line answers a question of AUTH LOGIN."""
    if not line.is_empty or view.mechanism != "LOGIN" or line.after_lf:
        return
    asked = (decode_base64(line.challenge) or b"").lower()
    what = "password" if b"password" in asked or (line.number > 1 and b"user" not in asked) else "user name"
    yield f"an empty line came as the {what}; is a line end sent twice?"


@rule("base64-line-end", _ERROR, "RFC 4954 section 4", "RFC 4648 section 3.1", on=ResponseLine)
def base64_line_end(view: View, line: ResponseLine) -> Said:
    """The base64 before was sent with a line end of its own in it, so that an empty line follows."""
    if line.is_empty and line.after_lf:
        yield (
            "an empty line came in answer, because the base64 before it had a line end of its own; "
            "in Python take b64encode, not encodebytes"
        )


@rule("cut-base64", _ERROR, "RFC 4954 section 4", "RFC 4648 section 3.1", on=LineSent)
def cut_base64(view: View, line: LineSent) -> Said:
    """The base64 of an AUTH exchange was cut into lines of 76 characters."""
    if line.kind == "response" and line.end == b"\n" and line.length == 77:
        yield "the base64 is cut into lines of 76 characters, as for a mail; in an AUTH exchange it is one line"


@rule("response-as-command", _ERROR, "RFC 4954 section 4", on=CommandLine)
def response_as_command(view: View, sent: CommandLine) -> Said:
    """A line of an AUTH exchange is sent although the exchange is over."""
    if sent.answers_nothing:
        yield "a line of base64 came as a command: the AUTH exchange is over; read each reply, and go on only after 334"


@rule("auth-goes-on-unauthenticated", _WARNING, "RFC 4954 section 4", on=CommandLine)
def auth_goes_on_unauthenticated(view: View, sent: CommandLine) -> Said:
    """Mail is sent although AUTH was refused."""
    if sent.verb == "MAIL" and "AUTH" in view.refused and not view.authenticated and "MAIL" not in view.sent:
        yield "MAIL comes although AUTH was refused; a server for submission takes nothing from who is not authenticated"

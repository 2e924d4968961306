"""Rules about the arguments of EHLO, MAIL, RCPT and BDAT."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import CommandLine, MessageSent, View
from smtp_shell.lint.rules import Said, rule
from smtp_shell.protocol.announcements import announced_number, size_limit
from smtp_shell.protocol.commands import bdat_chunk
from smtp_shell.protocol.parameters import PARAMETERS
from smtp_shell.protocol.written_paths import WrittenPath, parameter_words, parameters_of, written_path

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_MOST_RECIPIENTS = 100
_DOMAIN = re.compile(rb"(?i)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.?")
_LITERAL = re.compile(rb"(?i)\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9a-f:.]+|[a-z0-9-]*[a-z0-9]:[!-Z^-~]+)\]")
_ADDRESS = re.compile(rb"""(?s)(?:"(?:[^"\\]|\\.)*"|[^\s<>()\[\]:;,@"\\]+)@(?:\[[^\s\[\]]+\]|[^\s<>()\[\]:;,@"\\]+)""")

_WORD_OF = {"MAIL": "FROM", "RCPT": "TO"}


_WITH_RULES = ("SIZE", "BODY")  # whose values have rules of their own


def _path(sent: CommandLine) -> WrittenPath | None:
    return written_path(sent.command.shown) if sent.verb in _WORD_OF else None


def _parameters(sent: CommandLine) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a MAIL or RCPT line, upper-case keyword and value; none of another command."""
    if sent.verb in _WORD_OF:
        for keyword, value in parameters_of(sent.command.shown).items():
            yield keyword, value.decode("utf-8", "surrogateescape")


# EHLO and HELO


@rule("hello-without-name", _ERROR, "RFC 5321 section 4.1.1.1", on=CommandLine)
def hello_without_name(view: View, sent: CommandLine) -> Said:
    """EHLO or HELO names no client."""
    if sent.verb in ("EHLO", "HELO", "LHLO") and not sent.argument:
        yield f"{sent.verb} is followed by this client's name: a domain, or an address literal such as [192.0.2.1]"


@rule("hello-name", _ERROR, "RFC 5321 section 4.1.1.1", "RFC 5321 section 4.1.3", on=CommandLine)
def hello_name(view: View, sent: CommandLine) -> Said:
    """The name after EHLO or HELO is neither a domain nor an address literal."""
    name = sent.argument
    if sent.verb not in ("EHLO", "HELO", "LHLO") or not name or b"${" in name or not name.isascii():
        return
    if _DOMAIN.fullmatch(name) or _LITERAL.fullmatch(name):
        if re.fullmatch(rb"[0-9.]+", name):
            yield "an address by itself is no name for a client; it stands in brackets, as in [192.0.2.1]"
        return
    if b"@" in name:
        yield "the name of the client is no mail address; it is a domain, or an address literal such as [192.0.2.1]"
    elif name[:1] == b"[":
        yield "this is no address literal; one is [192.0.2.1] or [IPv6:2001:db8::1]"
    else:
        yield "the name of the client is no domain: labels of letters, digits and hyphens, with dots between them"


@rule("hello-name-not-full", _ADVICE, "RFC 5321 section 2.3.5", on=CommandLine)
def hello_name_not_full(view: View, sent: CommandLine) -> Said:
    """The name after EHLO or HELO has one label only."""
    name = sent.argument.removesuffix(b".")
    if sent.verb in ("EHLO", "HELO", "LHLO") and b"." not in name and _DOMAIN.fullmatch(name):
        yield "the name of the client has no dot; a full domain or an address literal is asked for, and some servers refuse others"


# The path


@rule("missing-from-or-to", _ERROR, "RFC 5321 section 4.1.1.2", "RFC 5321 section 4.1.1.3", on=CommandLine)
def missing_from_or_to(view: View, sent: CommandLine) -> Said:
    """MAIL lacks FROM, RCPT lacks TO, or has the other's word."""
    path = _path(sent)
    if path is not None and path.word != _WORD_OF[sent.verb]:
        yield f"{sent.verb} is followed by {_WORD_OF[sent.verb]}:, as in {sent.verb} {_WORD_OF[sent.verb]}:<bob@example.org>"


@rule("missing-colon", _ERROR, "RFC 5321 section 4.1.1.2", "RFC 5321 section 4.1.1.3", on=CommandLine)
def missing_colon(view: View, sent: CommandLine) -> Said:
    """The colon after FROM or TO is missing."""
    path = _path(sent)
    if path is not None and path.word and not path.has_colon:
        yield f"the colon after {path.word} is missing: {sent.verb} {path.word}:<…>"


@rule("blank-before-colon", _ERROR, "RFC 5321 section 4.1.1.2", "RFC 5321 section 4.1.1.3", on=CommandLine)
def blank_before_colon(view: View, sent: CommandLine) -> Said:
    """There is a blank between FROM or TO and the colon."""
    path = _path(sent)
    if path is not None and path.gap:
        yield f"there is a blank before the colon: {sent.verb} {_WORD_OF[sent.verb]}:<…>"


@rule("blank-after-colon", _WARNING, "RFC 5321 section 3.3", "RFC 5321 section 4.1.2", on=CommandLine)
def blank_after_colon(view: View, sent: CommandLine) -> Said:
    """There is a blank between the colon and the path."""
    path = _path(sent)
    if path is not None and path.blank:
        yield f"there is a blank after the colon, where none may be: {sent.verb} {_WORD_OF[sent.verb]}:<…>"


@rule("missing-brackets", _ERROR, "RFC 5321 section 4.1.2", on=CommandLine)
def missing_brackets(view: View, sent: CommandLine) -> Said:
    """The address has no angle brackets."""
    path = _path(sent)
    if path is not None and not path.has_brackets and path.mailbox:
        yield f"the address stands without angle brackets: {sent.verb} {_WORD_OF[sent.verb]}:<…>"


@rule("missing-path", _ERROR, "RFC 5321 section 4.1.1.2", "RFC 5321 section 4.1.1.3", on=CommandLine)
def missing_path(view: View, sent: CommandLine) -> Said:
    """MAIL or RCPT has no address."""
    path = _path(sent)
    if path is not None and path.word and path.has_colon and not path.mailbox and not path.has_brackets:
        yield f"{sent.verb} has no address" + ("; no sender is <>" if sent.verb == "MAIL" else "")


@rule("null-recipient", _ERROR, "RFC 5321 section 4.1.1.3", on=CommandLine)
def null_recipient(view: View, sent: CommandLine) -> Said:
    """RCPT has an empty path."""
    path = _path(sent)
    if path is not None and sent.verb == "RCPT" and path.has_brackets and not path.mailbox.strip():
        yield "RCPT TO:<> names nobody; only the sender may be empty"


@rule("source-route", _WARNING, "RFC 5321 appendix C", on=CommandLine)
def source_route(view: View, sent: CommandLine) -> Said:
    """The address has a source route."""
    path = _path(sent)
    if path is not None and re.match(rb"@[^:]*:", path.mailbox):
        yield "the address has a source route (@host:), which is not used any more"


@rule("address", _ERROR, "RFC 5321 section 4.1.2", on=CommandLine)
def address(view: View, sent: CommandLine) -> Said:
    """The path is no mail address."""
    path = _path(sent)
    if path is None or not path.is_known or not path.mailbox.strip() or path.mailbox.startswith(b"@"):
        return
    if b"@" not in path.mailbox:
        if path.mailbox.lower() != b"postmaster":
            yield "the address has no @ and no domain"
    elif not _ADDRESS.fullmatch(path.mailbox):
        yield "this is no mail address: local part, @, domain, without blanks or a name"


# Parameters


@rule("parameter-not-announced", _ERROR, "RFC 5321 section 4.1.1.11", on=CommandLine)
def parameter_not_announced(view: View, sent: CommandLine) -> Said:
    """A parameter is used whose extension the server does not announce."""
    for keyword, value in _parameters(sent):
        row = PARAMETERS.get(keyword)
        if view.hello == "HELO":
            yield f"there is a parameter{f' {keyword}' if row else ''} after HELO; extensions need EHLO"
            continue
        lacking = [each for each in row.extensions(value) if view.lacks(each)] if row is not None else []
        if lacking == [keyword]:
            yield f"{keyword} is a parameter that the server does not announce"
        elif lacking:
            yield f"the parameter {keyword} needs {' and '.join(lacking)}, which the server does not announce"


@rule("unknown-parameter", _WARNING, "RFC 5321 section 4.1.1.11", on=CommandLine)
def unknown_parameter(view: View, sent: CommandLine) -> Said:
    """A parameter is used that no registered extension has."""
    for keyword, _ in _parameters(sent):
        if keyword not in PARAMETERS and not keyword.startswith("X") and view.lacks(keyword):
            yield "there is a parameter that no registered extension has, and that the server does not announce"


@rule("misplaced-parameter", _ERROR, "RFC 5321 section 4.1.1.11", on=CommandLine)
def misplaced_parameter(view: View, sent: CommandLine) -> Said:
    """A parameter of MAIL stands in RCPT, or the other way round."""
    for keyword, _ in _parameters(sent):
        if keyword in PARAMETERS and sent.verb not in PARAMETERS[keyword].commands:
            # The other command of an envelope: VRFY and EXPN have a parameter of MAIL too.
            yield f"{keyword} is a parameter of {'RCPT' if sent.verb == 'MAIL' else 'MAIL'}, not of {sent.verb}"


@rule("obsolete-parameter", _WARNING, "IANA MAIL Parameters", on=CommandLine)
def obsolete_parameter(view: View, sent: CommandLine) -> Said:
    """A parameter is used that nobody uses any more."""
    for keyword, _ in _parameters(sent):
        if keyword in PARAMETERS and PARAMETERS[keyword].obsolete:
            yield f"{keyword} is obsolete: {PARAMETERS[keyword].obsolete}"


@rule("parameter-value", _ERROR, "RFC 5321 section 4.1.1.11", on=CommandLine)
def parameter_value(view: View, sent: CommandLine) -> Said:
    """The value of a parameter has not the form that its RFC asks for."""
    for keyword, value in _parameters(sent):
        row = PARAMETERS.get(keyword)
        if row is None or keyword in _WITH_RULES or "${" in value or sent.verb not in row.commands:
            continue
        if keyword == "NOTIFY" and _is_never_and_more(value):
            continue
        if fault := row.fault(value):
            yield f"{fault} ({row.source})"


@rule("parameters-together", _ERROR, "RFC 4865 section 5", "RFC 3885 section 3.2", on=CommandLine)
def parameters_together(view: View, sent: CommandLine) -> Said:
    """Parameters stand together that exclude each other, or one stands without the other that it needs."""
    found = {keyword for keyword, _ in _parameters(sent)}
    if {"HOLDFOR", "HOLDUNTIL"} <= found:
        yield "HOLDFOR and HOLDUNTIL exclude each other"
    if "MTRK" in found and "ENVID" not in found:
        yield "MTRK needs ENVID, by which the message is asked for"


@rule("requiretls-in-the-clear", _ERROR, "RFC 8689 section 4.2.1", on=CommandLine)
def requiretls_in_the_clear(view: View, sent: CommandLine) -> Said:
    """REQUIRETLS is asked for outside TLS."""
    if not view.tls and sent.verb == "MAIL" and "REQUIRETLS" in parameters_of(sent.command.shown):
        yield "REQUIRETLS is in order inside TLS only, and this connection has none"


@rule("parameter-over-limit", _ERROR, "RFC 2852 section 4", "RFC 4865 section 5", on=CommandLine)
def parameter_over_limit(view: View, sent: CommandLine) -> Said:
    """BY asks for less time, or HOLDFOR for more, than the server has announced."""
    for keyword, value in _parameters(sent):
        number = re.match(r"[0-9]{1,9}(?=;R|\Z)", value, re.IGNORECASE)
        if keyword == "BY" and number is not None and value.upper().endswith(("R", "RT")):
            least = announced_number(view.announced, "DELIVERBY", "least")
            if least is not None and int(number[0]) < least:
                yield f"BY with R asks for {int(number[0]):,} s, less than the {least:,} s that the server announced"
        elif keyword == "HOLDFOR" and number is not None:
            longest = announced_number(view.announced, "FUTURERELEASE", "longest")
            if longest is not None and int(number[0]) > longest:
                yield f"HOLDFOR asks for {int(number[0]):,} s, more than the {longest:,} s that the server announced"


@rule("parameter-twice", _ERROR, "RFC 5321 section 4.1.1.11", on=CommandLine)
def parameter_twice(view: View, sent: CommandLine) -> Said:
    """A parameter is given twice."""
    words = [word.partition(b"=")[0].upper() for word in parameter_words(sent.command.shown)]
    if len(set(words)) < len(words):
        yield "a parameter is given twice"


@rule("parameter-without-blank", _ERROR, "RFC 5321 section 4.1.2", on=CommandLine)
def parameter_without_blank(view: View, sent: CommandLine) -> Said:
    """There is no blank between the path and its parameters."""
    path = _path(sent)
    if path is not None and path.has_brackets and path.rest[:1] not in (b"", b" ", b"\t", b"\r"):
        yield "something follows the > of the path without a blank before it"


@rule("size-syntax", _ERROR, "RFC 1870 section 4", on=CommandLine)
def size_syntax(view: View, sent: CommandLine) -> Said:
    """The value of SIZE is no number."""
    size = parameters_of(sent.command.shown).get("SIZE") if sent.verb == "MAIL" else None
    if size is not None and b"${" not in size and (fault := PARAMETERS["SIZE"].fault(size.decode("latin-1"))):
        yield fault


@rule("size-over-limit", _ERROR, "RFC 1870 section 6.1", on=CommandLine)
def size_over_limit(view: View, sent: CommandLine) -> Said:
    """The declared size is more than the server takes."""
    size = parameters_of(sent.command.shown).get("SIZE", b"") if sent.verb == "MAIL" else b""
    most = size_limit(view.announced)
    if size.isdigit() and len(size) <= 20 and most and int(size) > most:
        yield f"SIZE is more than the {most:,} octets that the server takes"


@rule("size-too-small", _WARNING, "RFC 1870 section 6.3", on=MessageSent)
def size_too_small(view: View, message: MessageSent) -> Said:
    """The message is larger than was declared."""
    size = view.mail_parameters.get("SIZE", b"")
    if size.isdigit() and len(size) <= 20 and message.size > int(size):
        yield f"the message has {message.size:,} octets, more than SIZE declared; count CRLF as two"


@rule("message-over-limit", _ERROR, "RFC 1870 section 6.3", on=MessageSent)
def message_over_limit(view: View, message: MessageSent) -> Said:
    """The message is larger than the server takes."""
    most = size_limit(view.announced)
    if most and message.size > most:
        yield f"the message has {message.size:,} octets, more than the {most:,} that the server takes"


@rule("size-not-declared", _ADVICE, "RFC 1870 section 6.1", on=MessageSent)
def size_not_declared(view: View, message: MessageSent) -> Said:
    """A message of more than a megabyte is sent without its size, although the server announces SIZE."""
    if message.size > 1_000_000 and "SIZE" not in view.mail_parameters and not view.lacks("SIZE") and view.announced:
        yield f"the message has {message.size:,} octets; declare them with SIZE, so that it can be refused before it is sent"


@rule("body-value", _ERROR, "RFC 6152 section 2", "RFC 3030 section 3", on=CommandLine)
def body_value(view: View, sent: CommandLine) -> Said:
    """The value of BODY is none that exists."""
    body = parameters_of(sent.command.shown).get("BODY") if sent.verb == "MAIL" else None
    if body is not None and b"${" not in body and (fault := PARAMETERS["BODY"].fault(body.decode("latin-1"))):
        yield fault


@rule("notify-never", _ERROR, "RFC 3461 section 4.1", on=CommandLine)
def notify_never(view: View, sent: CommandLine) -> Said:
    """NOTIFY has NEVER beside another value."""
    for keyword, value in _parameters(sent):
        if keyword == "NOTIFY" and sent.verb == "RCPT" and _is_never_and_more(value):
            yield "NEVER stands alone in NOTIFY"


def _is_never_and_more(value: str) -> bool:
    return "," in value and "NEVER" in value.upper().split(",")


@rule("smtputf8-missing", _ERROR, "RFC 6531 section 3.4", on=CommandLine)
def smtputf8_missing(view: View, sent: CommandLine) -> Said:
    """An address has octets over 127, and MAIL has no SMTPUTF8."""
    path = _path(sent)
    if path is None or path.mailbox.isascii() or not path.is_known:
        return
    parameters = parameters_of(sent.command.shown) if sent.verb == "MAIL" else view.mail_parameters
    if "SMTPUTF8" not in parameters:
        yield "the address is not ASCII, and MAIL has no parameter SMTPUTF8"


@rule("many-recipients", _ADVICE, "RFC 5321 section 4.5.3.1.8", on=CommandLine)
def many_recipients(view: View, sent: CommandLine) -> Said:
    """A transaction has more than 100 recipients."""
    if sent.verb == "RCPT" and view.recipients == _MOST_RECIPIENTS:
        yield "this is recipient 101 of the message; a server need not take more than 100"


# BDAT


@rule("bdat-not-announced", _ERROR, "RFC 3030 section 2", on=CommandLine)
def bdat_not_announced(view: View, sent: CommandLine) -> Said:
    """BDAT is sent although the server does not announce CHUNKING."""
    if sent.verb == "BDAT" and (view.lacks("CHUNKING") or view.hello == "HELO"):
        yield "BDAT needs CHUNKING, which the server does not announce"


@rule("bdat-syntax", _ERROR, "RFC 3030 section 2", on=CommandLine)
def bdat_syntax(view: View, sent: CommandLine) -> Said:
    """BDAT names no number of octets."""
    if sent.verb == "BDAT" and bdat_chunk(sent.command.line) is None and b"${" not in sent.command.line:
        yield "BDAT is followed by a number of octets, and by LAST in the last chunk"


@rule("bdat-and-data", _ERROR, "RFC 3030 section 2", on=CommandLine)
def bdat_and_data(view: View, sent: CommandLine) -> Said:
    """DATA follows BDAT in one transaction."""
    if sent.verb == "DATA" and view.chunks:
        yield "DATA follows BDAT in one transaction; a message is sent with one of them"


@rule("binarymime-with-data", _ERROR, "RFC 3030 section 3", on=CommandLine)
def binarymime_with_data(view: View, sent: CommandLine) -> Said:
    """DATA is used for a message with BODY=BINARYMIME."""
    if sent.verb == "DATA" and view.mail_parameters.get("BODY", b"").upper() == b"BINARYMIME":
        yield "BODY=BINARYMIME needs BDAT; DATA is for lines"

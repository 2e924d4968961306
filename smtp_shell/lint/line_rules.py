"""Rules about lines as octets: their ends, their lengths, and what may stand in them."""

from __future__ import annotations

from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import CommandLine, DataFault, DataFaultSent, LineSent, View, Wait
from smtp_shell.lint.rules import Said, rule
from smtp_shell.protocol.events import TimedOut
from smtp_shell.protocol.written_paths import written_path

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_LONGEST_COMMAND = 512
# What the parameters of SIZE, 8BITMIME, SMTPUTF8, DSN and AUTH add (RFC 1870 section 3, RFC 6152 section 2, RFC 6531 section 3.1,
# RFC 3461 section 4, RFC 4954 section 3).
_PARAMETERS_OF_MAIL = 26 + 17 + 10 + 500 + 500
_PARAMETERS_OF_RCPT = 500
_LONGEST_AUTH = 12_288
_LONGEST_LOCAL_PART = 64
_LONGEST_DOMAIN = 255


@rule("bare-lf", _ERROR, "RFC 5321 section 2.3.8", on=LineSent)
def bare_lf(view: View, line: LineSent) -> Said:
    """A line of the client ends in LF alone."""
    if "dot" in line.facts:
        yield "your dot's line ends in LF: only CRLF, a dot and CRLF end the mail data, and a server that keeps to that waits"
    elif line.end == b"\n":
        yield "the line ends in LF alone; the server waits for CRLF, so send \\r\\n"


@rule("bare-lf-in-data", _ERROR, "RFC 5321 section 2.3.8", "RFC 5321 section 4.1.1.4", on=DataFaultSent)
def bare_lf_in_data(view: View, fault: DataFaultSent) -> Said:
    """A line of the mail data ends in LF alone."""
    if fault.fault is DataFault.BARE_LF:
        yield "a line of the message ends in LF alone; each line of it ends in CRLF, and many servers refuse others"


@rule("bare-cr", _ERROR, "RFC 5321 section 2.3.8", "RFC 5322 section 2.3", on=DataFaultSent)
def bare_cr(view: View, fault: DataFaultSent) -> Said:
    """The mail data holds a CR that no LF follows."""
    if fault.fault is DataFault.BARE_CR:
        yield "the message holds a CR that no LF follows; CR may only stand in CRLF"


@rule("bare-cr-in-command", _ERROR, "RFC 5321 section 2.3.8", on=LineSent)
def bare_cr_in_command(view: View, line: LineSent) -> Said:
    """A command line holds a CR that does not end it."""
    if "CR" in line.facts:
        yield "the line holds a CR that does not end it; CR may only stand in CRLF"


@rule("nul", _ERROR, "RFC 5321 section 2.4", on=LineSent)
def nul(view: View, line: LineSent) -> Said:
    """A command line holds NUL."""
    if "NUL" in line.facts:
        yield "the line holds an octet NUL, which no command may; a C string was probably sent with its end"


@rule("nul-in-data", _ERROR, "RFC 5322 section 3.5", on=DataFaultSent)
def nul_in_data(view: View, fault: DataFaultSent) -> Said:
    """The mail data holds NUL."""
    if fault.fault is DataFault.NUL and view.mail_parameters.get("BODY", b"").upper() != b"BINARYMIME":
        yield "the message holds an octet NUL, which text may not; encode the body as base64"


@rule("long-command", _ERROR, "RFC 5321 section 4.5.3.1.4", on=CommandLine)
def long_command(view: View, sent: CommandLine) -> Said:
    """A command line is longer than 512 octets, and the extensions used do not allow for it."""
    most = _LONGEST_COMMAND
    if sent.verb == "AUTH":
        most = _LONGEST_AUTH
    elif b"=" in sent.argument and sent.verb in ("MAIL", "RCPT"):
        most += _PARAMETERS_OF_MAIL if sent.verb == "MAIL" else _PARAMETERS_OF_RCPT
    length = len(sent.command.octets)
    if length > most:
        yield f"the command line has {length:,} octets with its CRLF, and may have {most:,}"


@rule("long-response", _ERROR, "RFC 4954 section 4", on=LineSent)
def long_response(view: View, line: LineSent) -> Said:
    """A line of an AUTH exchange is longer than 12,288 octets."""
    if line.kind == "response" and line.length > _LONGEST_AUTH:
        yield f"the response has {line.length:,} octets with its CRLF, and may have {_LONGEST_AUTH:,}"


@rule("long-line", _ERROR, "RFC 5321 section 4.5.3.1.6", "RFC 5322 section 2.1.1", on=DataFaultSent)
def long_line(view: View, fault: DataFaultSent) -> Said:
    """A line of the mail data is longer than 998 octets."""
    if fault.fault is DataFault.LONG_LINE and view.mail_parameters.get("BODY", b"").upper() != b"BINARYMIME":
        yield f"a line of the message has {fault.octets:,} octets, and may have 998 before its CRLF; fold it, or encode the body"


@rule("long-header-line", _ADVICE, "RFC 5322 section 2.1.1", on=DataFaultSent)
def long_header_line(view: View, fault: DataFaultSent) -> Said:
    """A line of the header is longer than 78 octets and not folded."""
    if fault.fault is DataFault.LONG_FIELD_LINE:
        yield f"a line of the header has {fault.octets:,} octets; fold a field before it has 78: CRLF and a blank"


@rule("trailing-blank", _ADVICE, "RFC 5321 section 4.1.1", on=LineSent)
def trailing_blank(view: View, line: LineSent) -> Said:
    """A command line ends in a blank."""
    if "trailing blank" in line.facts:
        yield "there is a blank before the end of the line; servers should forgive it, and some do not"


@rule("leading-blank", _ERROR, "RFC 5321 section 4.1.1", on=LineSent)
def leading_blank(view: View, line: LineSent) -> Said:
    """A command line begins with a blank."""
    if "leading blank" in line.facts:
        yield "there is a blank before the command; a command begins its line"


@rule("empty-command", _ERROR, "RFC 5321 section 4.1.1", on=LineSent)
def empty_command(view: View, line: LineSent) -> Said:
    """An empty line came in a command's place."""
    if "empty" in line.facts:
        yield "an empty line came as a command; is a line end sent twice?"
    elif "empty after LF" in line.facts:
        yield "an empty line came as a command, after a line that ended in LF: the line end was sent twice, as \\n and \\r\\n"


@rule("eight-bit-command", _ERROR, "RFC 5321 section 2.4", on=CommandLine)
def eight_bit_command(view: View, sent: CommandLine) -> Said:
    """A command that has no address in it holds octets over 127."""
    may_hold_any = sent.verb in ("MAIL", "RCPT", "VRFY", "EXPN", "HELP", "NOOP") or sent.command.secret
    if not may_hold_any and not sent.command.line.isascii():
        yield "the command holds octets over 127; commands are ASCII, and a host name is sent as its A-label"


@rule("long-local-part", _ERROR, "RFC 5321 section 4.5.3.1.1", on=CommandLine)
def long_local_part(view: View, sent: CommandLine) -> Said:
    """The local part of an address is longer than 64 octets."""
    path = written_path(sent.command.shown)
    if path is not None and path.is_known:
        length = len(path.mailbox.rpartition(b"@")[0].rpartition(b":")[2])
        if length > _LONGEST_LOCAL_PART:
            yield f"the part before the @ has {length:,} octets, and may have {_LONGEST_LOCAL_PART}"


@rule("long-domain", _ERROR, "RFC 5321 section 4.5.3.1.2", on=CommandLine)
def long_domain(view: View, sent: CommandLine) -> Said:
    """The domain of an address is longer than 255 octets."""
    path = written_path(sent.command.shown)
    if path is not None and path.is_known and b"@" in path.mailbox:
        length = len(path.mailbox.rpartition(b"@")[2])
        if length > _LONGEST_DOMAIN:
            yield f"the domain has {length:,} octets, and may have {_LONGEST_DOMAIN}"


@rule("no-final-dot", _ERROR, "RFC 5321 section 4.1.1.4", on=Wait)
def no_final_dot(view: View, wait: Wait) -> Said:
    """A wait, or the connection, ended while the server waits for the final dot."""
    if wait.waits_for == "dot":
        yield "the server waits for a line with a single dot: the message ends in CRLF . CRLF"


@rule("unended-line", _ERROR, "RFC 5321 section 2.3.8", on=Wait)
def unended_line(view: View, wait: Wait) -> Said:
    """A wait, or the connection, ended while the server waits for the end of a line."""
    if wait.waits_for == "line":
        yield "the last line was not ended: the server waits for its CRLF"


@rule("unended-chunk", _ERROR, "RFC 3030 section 2", on=Wait)
def unended_chunk(view: View, wait: Wait) -> Said:
    """A wait, or the connection, ended while the server waits for the rest of a chunk."""
    if wait.waits_for == "chunk":
        yield "BDAT announced more octets than were sent: the server waits for the rest of the chunk"


@rule("unexplained-silence", _ADVICE, "RFC 5321 section 4.5.3.2", on=Wait)
def unexplained_silence(view: View, wait: Wait) -> Said:
    """A reply did not come in time, and nothing that was sent explains it."""
    if isinstance(wait.event, TimedOut) and not wait.waits_for and view.owed:
        yield "the reply did not come in time, although the server has all it needs; the standard allows it minutes"

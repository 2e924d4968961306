"""Rules about which command may follow which, and about waiting for replies."""

from __future__ import annotations

from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import CommandLine, DataBegun, SentEarly, View
from smtp_shell.lint.rules import Said, rule
from smtp_shell.lint.verbs import KNOWN_VERBS, near_command
from smtp_shell.protocol.events import Disconnected, End
from smtp_shell.protocol.phases import Asked, Phase

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_HELLOS = ("EHLO", "HELO", "LHLO")
# Their replies decide what may follow, so they are the last of a group (RFC 2920 section 3.1, RFC 3207 section 4, RFC 4954 section 4).
_LAST_OF_GROUP = ("EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP", "AUTH")


@rule("before-greeting", _ERROR, "RFC 5321 section 3.1", "RFC 5321 section 4.3.1", on=SentEarly)
def before_greeting(view: View, early: SentEarly) -> Said:
    """Something was sent before the server's greeting."""
    if early.owed.asked is Asked.GREETING:
        yield "this was sent before the server's greeting; read the 220 first, as servers take others for spam programs"


@rule("pipelining-not-announced", _ERROR, "RFC 2920 section 3.1", on=SentEarly)
def pipelining_not_announced(view: View, early: SentEarly) -> Said:
    """A command was sent before the reply to the one before it, and the server does not announce PIPELINING."""
    owed = early.owed
    if owed.asked is not Asked.COMMAND or owed.verb in ("STARTTLS", "DATA", *_HELLOS):
        return
    if view.lacks("PIPELINING") or view.hello == "HELO":
        yield f"this was sent before the reply to {_named(owed.verb)} was read, and the server does not announce PIPELINING"


@rule("pipelining-after-last", _ERROR, "RFC 2920 section 3.1", on=SentEarly)
def pipelining_after_last(view: View, early: SentEarly) -> Said:
    """Something was sent before the reply to a command whose reply decides what may follow."""
    owed = early.owed
    if owed.asked is Asked.COMMAND and owed.verb in _LAST_OF_GROUP:
        yield f"this was sent before the reply to {owed.verb} was read, and that reply decides what may follow; wait for it"
    elif owed.asked is Asked.SASL:
        yield "this was sent before the reply to the line before it, in an AUTH exchange; wait for each 334"


@rule("before-end-of-data-reply", _ERROR, "RFC 5321 section 4.1.1.4", on=SentEarly)
def before_end_of_data_reply(view: View, early: SentEarly) -> Said:
    """A command was sent before the reply to the final dot, and the server does not announce PIPELINING."""
    if early.owed.asked is Asked.END_OF_DATA and (view.lacks("PIPELINING") or view.hello == "HELO"):
        yield "this was sent before the reply to the final dot was read; only that reply says that the message was taken"


@rule("no-hello", _ERROR, "RFC 5321 section 4.1.4", on=CommandLine)
def no_hello(view: View, sent: CommandLine) -> Said:
    """A mail transaction begins without EHLO or HELO."""
    if sent.verb == "MAIL" and not view.hello and not view.is_owed(*_HELLOS):
        yield "MAIL comes before EHLO; a session begins with EHLO, or HELO where that is refused"


@rule("helo", _ADVICE, "RFC 5321 section 2.2.1", on=CommandLine)
def helo(view: View, sent: CommandLine) -> Said:
    """HELO is sent although EHLO was not tried."""
    if sent.verb == "HELO" and not {"EHLO", "HELO"} & view.sent:
        yield "HELO is the command of 1982; EHLO also asks for extensions such as STARTTLS, AUTH and SIZE"


@rule("nested-mail", _ERROR, "RFC 5321 section 4.1.4", on=CommandLine)
def nested_mail(view: View, sent: CommandLine) -> Said:
    """MAIL stands inside a mail transaction."""
    if (
        (
            sent.verb == "MAIL"
            and view.sender is not None
            and (view.phase in (Phase.MAIL, Phase.RCPT) or view.is_owed("MAIL"))
        )
        and not view.is_owed("RSET")
        and not any(owed.ends_message for owed in view.owed)
    ):
        yield "MAIL comes inside a mail transaction; end that one first, with its message or with RSET"


@rule("rcpt-before-mail", _ERROR, "RFC 5321 section 3.3", on=CommandLine)
def rcpt_before_mail(view: View, sent: CommandLine) -> Said:
    """RCPT comes where no mail transaction is open."""
    if sent.verb == "RCPT" and view.sender is None:
        if "MAIL" in view.refused:
            yield "RCPT comes although MAIL was refused; there is no transaction that it could belong to"
        else:
            yield "RCPT comes before MAIL; a transaction begins with MAIL FROM:<…>"


@rule("data-before-rcpt", _ERROR, "RFC 5321 section 3.3", on=CommandLine)
def data_before_rcpt(view: View, sent: CommandLine) -> Said:
    """DATA or BDAT comes before any RCPT."""
    if sent.verb in ("DATA", "BDAT") and not (view.recipients or view.refusals or view.is_owed("RCPT")):
        what = "RCPT" if view.sender is not None else "MAIL and RCPT"
        if not (sent.verb == "BDAT" and view.chunks):
            yield f"{sent.verb} comes before {what}; the envelope comes first, then the message"


@rule("no-recipient-accepted", _ERROR, "RFC 5321 section 3.3", on=CommandLine)
def no_recipient_accepted(view: View, sent: CommandLine) -> Said:
    """DATA, BDAT or another step follows although every recipient was refused."""
    if sent.verb in ("DATA", "BDAT") and view.refusals and not view.recipients and not view.is_owed("RCPT"):
        yield f"{sent.verb} comes although every recipient was refused; say RSET or QUIT, and look at the replies to RCPT"


@rule("data-without-354", _ERROR, "RFC 5321 section 4.1.1.4", on=DataBegun)
def data_without_354(view: View, begun: DataBegun) -> Said:
    """Mail data is sent although the server has not said 354."""
    if not begun.is_expected:
        yield "mail data is sent although the server has not said 354; it takes each line for a command"


@rule("data-before-354", _ERROR, "RFC 5321 section 4.1.1.4", "RFC 2920 section 3.1", on=DataBegun)
def data_before_354(view: View, begun: DataBegun) -> Said:
    """Mail data is sent before the reply to DATA was read."""
    if begun.is_expected and begun.is_early:
        yield "mail data is sent before the reply to DATA was read; wait for 354, as DATA may be refused"


@rule("data-after-refusal", _ERROR, "RFC 5321 section 4.1.1.4", on=CommandLine)
def data_after_refusal(view: View, sent: CommandLine) -> Said:
    """Text of a message follows although DATA was refused."""
    if view.data_refused and not view.in_text and sent.is_text:
        yield "this is no command: the message was sent although DATA was refused; send it after 354 only"


@rule("lone-dot", _ERROR, "RFC 5321 section 4.5.2", on=CommandLine)
def lone_dot(view: View, sent: CommandLine) -> Said:
    """Text follows the final dot: a dot by itself in the text was not doubled."""
    if view.after_message and not view.in_text and sent.is_text:
        yield "this is no command: a line of the message that is a dot alone has ended it; double each dot that begins a line"


@rule("unknown-command", _ERROR, "RFC 5321 section 4.2.4", on=CommandLine)
def unknown_command(view: View, sent: CommandLine) -> Said:
    """A line is no command of SMTP."""
    line = sent.command.line
    if sent.verb in KNOWN_VERBS or sent.verb.startswith("X") or not line.strip() or sent.command.secret:
        return
    if sent.is_text and (view.data_refused or view.after_message):
        return
    if line[:1] in (b" ", b"\t") or b"${" in line or sent.answers_nothing or view.phase is Phase.TLS:
        return
    near = near_command(line)
    yield f"this is no command of SMTP; did you mean {near}?" if near else "this is no command of SMTP"


@rule("obsolete-command", _WARNING, "RFC 5321 appendix F.1", "RFC 5321 appendix F.6", on=CommandLine)
def obsolete_command(view: View, sent: CommandLine) -> Said:
    """TURN, SEND, SOML or SAML is sent."""
    if sent.verb in ("TURN", "SEND", "SOML", "SAML"):
        why = "it lets anybody fetch another's mail" if sent.verb == "TURN" else "MAIL does what is left of it"
        yield f"{sent.verb} is not used any more: {why}"


@rule("vrfy-expn", _ADVICE, "RFC 5321 section 7.3", on=CommandLine)
def vrfy_expn(view: View, sent: CommandLine) -> Said:
    """VRFY or EXPN is sent."""
    if sent.verb in ("VRFY", "EXPN"):
        yield f"{sent.verb} asks who is there: most servers do not tell, and some count it against the client; RCPT tells as much"


@rule("retry-after-5yz", _WARNING, "RFC 5321 section 4.2.1", on=CommandLine)
def retry_after_5yz(view: View, sent: CommandLine) -> Said:
    """The same command is sent again after it was refused for good."""
    if view.failure and sent.command.shown == view.failure and sent.verb not in ("AUTH", "QUIT"):
        yield "the same line was refused with 5yz just before, which means: do not repeat it as it is"


@rule("unneeded-argument", _ERROR, "RFC 5321 section 4.3.2", on=CommandLine)
def unneeded_argument(view: View, sent: CommandLine) -> Said:
    """DATA, RSET or QUIT has an argument."""
    if sent.verb in ("DATA", "RSET", "QUIT") and sent.argument:
        yield f"{sent.verb} takes no argument"


@rule("after-quit", _ERROR, "RFC 5321 section 4.1.1.10", on=CommandLine)
def after_quit(view: View, sent: CommandLine) -> Said:
    """A command follows QUIT."""
    if view.is_owed("QUIT") or "QUIT" in view.accepted:
        yield "this follows QUIT; the server closes the connection after its 221"


@rule("no-quit", _WARNING, "RFC 5321 section 4.1.1.10", on=Disconnected)
def no_quit(view: View, ended: Disconnected) -> Said:
    """The client closes the connection without QUIT."""
    is_open = view.phase not in (Phase.GREETING, Phase.CLOSED, Phase.TLS)
    if ended.end is End.CLIENT and is_open and "QUIT" not in view.sent:
        yield "the connection is dropped without QUIT; say QUIT and wait for 221"


@rule("dropped-before-outcome", _ERROR, "RFC 5321 section 4.1.1.10", "RFC 5321 section 4.2.5", on=Disconnected)
def dropped_before_outcome(view: View, ended: Disconnected) -> Said:
    """The client closes the connection before the reply to the final dot."""
    if ended.end is End.CLIENT and view.is_recorded and any(owed.ends_message for owed in view.owed):
        yield "the connection is dropped before the reply to the final dot: whether the message was taken is not known"


@rule("dropped-before-221", _ADVICE, "RFC 5321 section 4.1.1.10", on=Disconnected)
def dropped_before_221(view: View, ended: Disconnected) -> Said:
    """The client closes the connection before the reply to QUIT."""
    if ended.end is End.CLIENT and view.is_recorded and view.is_owed("QUIT"):
        yield "the connection is dropped before the 221 to QUIT was read; wait for it"


def _named(verb: str) -> str:
    return verb if verb in KNOWN_VERBS else "the line before"

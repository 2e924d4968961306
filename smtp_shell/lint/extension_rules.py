"""Rules about commands and limits of extensions: XCLIENT, XFORWARD, ETRN, ATRN, BURL and LIMITS."""

from __future__ import annotations

import re

from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import CommandLine, View
from smtp_shell.lint.rules import Said, rule
from smtp_shell.lint.standing import domain_of
from smtp_shell.protocol.announcements import announced_number, announcement
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.xtext import decode_xtext

_ERROR = Severity.ERROR
_XCLIENT_README = "https://www.postfix.org/XCLIENT_README.html"
_OF_AN_EXTENSION = ("ETRN", "ATRN", "BURL", "XCLIENT", "XFORWARD")
_LAST = re.compile(rb"(?i)\S+(?:[ \t]+LAST)?")


@rule("command-not-announced", _ERROR, "RFC 5321 section 2.2.1", on=CommandLine)
def command_not_announced(view: View, sent: CommandLine) -> Said:
    """A command of an extension is sent that the server does not announce."""
    if sent.verb in _OF_AN_EXTENSION and (view.lacks(sent.verb) or view.hello == "HELO"):
        yield f"{sent.verb} is sent, which the server does not announce"


@rule("client-attribute", _ERROR, _XCLIENT_README, on=CommandLine)
def client_attribute(view: View, sent: CommandLine) -> Said:
    """XCLIENT or XFORWARD has an attribute that the server does not announce, or that is not in xtext."""
    if sent.verb not in ("XCLIENT", "XFORWARD") or b"${" in sent.argument:
        return
    if not sent.argument:
        yield f"{sent.verb} is followed by attributes, such as NAME=client.example.org"
    known = None
    if view.announced is not None and sent.verb in view.announced:
        known = announcement(sent.verb, view.announced.keywords[sent.verb]).names
    for word in sent.argument.split():
        name, _, value = word.partition(b"=")
        shown = escape(name.upper())[:20]
        if not name or not value:
            yield f"an attribute of {sent.verb} is name=value"
        elif known is not None and shown not in known:
            yield f"{sent.verb} has the attribute {shown}, which the server does not announce"
        elif decode_xtext(value) is None:
            yield f"the value of {shown} is no xtext: + and = are written +2B and +3D"


@rule("xclient-in-transaction", _ERROR, _XCLIENT_README, on=CommandLine)
def xclient_in_transaction(view: View, sent: CommandLine) -> Said:
    """XCLIENT is sent inside a mail transaction."""
    if sent.verb == "XCLIENT" and view.phase in (Phase.MAIL, Phase.RCPT):
        yield "XCLIENT is sent inside a mail transaction; it begins the dialogue anew, so it comes before MAIL"


@rule("burl-syntax", _ERROR, "RFC 4468 section 3.1", on=CommandLine)
def burl_syntax(view: View, sent: CommandLine) -> Said:
    """BURL names no URL."""
    if sent.verb == "BURL" and not _LAST.fullmatch(sent.argument):
        yield "BURL is followed by an IMAP URL, and by LAST in the last part"


@rule("over-announced-limit", _ERROR, "RFC 9422 section 4", on=CommandLine)
def over_announced_limit(view: View, sent: CommandLine) -> Said:
    """A session has more MAIL commands or domains of recipients, or a message more recipients, than LIMITS announced.

    Refused commands count too.
    """
    if sent.verb == "MAIL":
        most = announced_number(view.announced, "LIMITS", "MAILMAX")
        if most and view.mails >= most:
            yield f"this is MAIL {view.mails + 1:,} of the session, and the server announced LIMITS MAILMAX={most}"
    elif sent.verb == "RCPT":
        yield from _recipient_limits(view, sent)


def _recipient_limits(view: View, sent: CommandLine) -> Said:
    most = announced_number(view.announced, "LIMITS", "RCPTMAX")
    number = view.recipients + view.refusals + sum(each.verb == "RCPT" for each in view.owed) + 1
    if most and number > most:
        yield f"this is RCPT {number:,} of the message, and the server announced LIMITS RCPTMAX={most}"
    most = announced_number(view.announced, "LIMITS", "RCPTDOMAINMAX")
    domain = domain_of(sent.command.shown)
    if most and domain and domain not in view.domains and len(view.domains) >= most:
        yield f"this is domain {len(view.domains) + 1:,} of recipients in the session, and the server announced LIMITS RCPTDOMAINMAX={most}"

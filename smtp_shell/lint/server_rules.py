"""Rules about what the server says."""

from __future__ import annotations

import re

from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import Answer, View
from smtp_shell.lint.rules import Said, rule
from smtp_shell.protocol.events import Disconnected, End, Noticed, NoticeKind
from smtp_shell.protocol.foreseen import FORESEEN, is_foreseen_after_message, is_foreseen_as_greeting
from smtp_shell.protocol.octets import decode_base64
from smtp_shell.protocol.phases import Asked, Owed
from smtp_shell.protocol.replies import Extensions, Oddity

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_LONGEST_LINE = 512
_KEYWORD = re.compile(rb"(?i)[a-z0-9][a-z0-9-]*(?:[ \t=].*)?")
_USUAL_KEYWORDS = frozenset({"SIZE", "PIPELINING", "STARTTLS", "8BITMIME", "AUTH"})
_PLAIN_TEXT = frozenset({"PLAIN", "LOGIN"})


@rule("unequal-codes", _ERROR, "RFC 5321 section 4.2.1", on=Answer)
def unequal_codes(view: View, answer: Answer) -> Said:
    """The lines of one reply have different codes."""
    if Oddity.MIXED_CODES in answer.reply.oddities:
        yield "the lines of one reply of the server have different codes"


@rule("odd-code", _ERROR, "RFC 5321 section 4.2", on=Answer)
def odd_code(view: View, answer: Answer) -> Said:
    """A reply code is outside 200 to 599."""
    if Oddity.ODD_CODE in answer.reply.oddities:
        yield "the server's reply code is outside 200 to 599"


@rule("unforeseen-code", _WARNING, "RFC 5321 section 4.3.2", on=Answer)
def unforeseen_code(view: View, answer: Answer) -> Said:
    """A reply code is one that the command cannot have."""
    if answer.owed is not None and answer.reply.code < 400 and not _is_foreseen(answer.owed, answer.reply.code):
        yield f"the server answers {answer.reply.code}, which is no reply to {_asked(answer.owed)}"


@rule("server-bare-lf", _ERROR, "RFC 5321 section 2.3.8", on=Answer)
def server_bare_lf(view: View, answer: Answer) -> Said:
    """A line of the server ends in LF alone."""
    if answer.is_whole and Oddity.BARE_LF in answer.reply.oddities:
        yield "a line of the server ends in LF alone, not in CRLF"


@rule("server-control-octets", _WARNING, "RFC 5321 section 4.2", on=Answer)
def server_control_octets(view: View, answer: Answer) -> Said:
    """A reply holds control characters."""
    if {Oddity.BARE_CR, Oddity.NUL, Oddity.CONTROL} & set(answer.reply.oddities):
        yield "the server's reply holds control characters; its text is printable"


@rule("server-eight-bit", _WARNING, "RFC 5321 section 4.2", "RFC 6531 section 3.7.4", on=Answer)
def server_eight_bit(view: View, answer: Answer) -> Said:
    """A reply holds octets over 127, and no SMTPUTF8 allows them."""
    # A mask in place of a credential is not ASCII either.
    masked = "\N{BULLET}".encode() in answer.reply.octets
    if Oddity.EIGHT_BIT in answer.reply.oddities and "SMTPUTF8" not in view.mail_parameters and not masked:
        yield "the server's reply holds octets over 127, which it may only after SMTPUTF8"


@rule("long-reply-line", _WARNING, "RFC 5321 section 4.5.3.1.5", on=Answer)
def long_reply_line(view: View, answer: Answer) -> Said:
    """A line of a reply is longer than 512 octets."""
    longest = max(map(len, answer.reply.octets.split(b"\n"))) + 1
    limit = 12_288 if answer.reply.code == 334 else _LONGEST_LINE
    if answer.is_whole and longest > limit:
        yield f"a line of the server has {longest:,} octets, and may have {limit:,}"


@rule("no-enhanced-code", _ADVICE, "RFC 2034 section 4", on=Answer)
def no_enhanced_code(view: View, answer: Answer) -> Said:
    """A reply has no enhanced status code although the server announces ENHANCEDSTATUSCODES."""
    owed, reply = answer.owed, answer.reply
    if owed is None or not answer.is_whole or view.announced is None or "ENHANCEDSTATUSCODES" not in view.announced:
        return
    if (
        reply.code // 100 == 3
        or owed.verb in ("EHLO", "HELO", "LHLO", "STARTTLS", "HELP", "XCLIENT")  # XCLIENT has a greeting
        or owed.asked is Asked.GREETING
    ):
        return
    if reply.enhanced is None:
        yield "the reply has no enhanced status code such as 2.1.0, although the server announces ENHANCEDSTATUSCODES"


@rule("enhanced-class", _ERROR, "RFC 2034 section 4", on=Answer)
def enhanced_class(view: View, answer: Answer) -> Said:
    """The class of an enhanced status code is not that of the reply code."""
    enhanced = answer.reply.enhanced
    if answer.is_whole and enhanced is not None and enhanced.class_ != answer.reply.code // 100:
        yield f"the enhanced status code is of class {enhanced.class_}, and the reply code is {answer.reply.code}"


@rule("helo-with-extensions", _WARNING, "RFC 5321 section 4.1.1.1", on=Answer)
def helo_with_extensions(view: View, answer: Answer) -> Said:
    """The reply to HELO announces extensions."""
    is_answer = answer.owed is not None and answer.owed.verb == "HELO" and answer.reply.code == 250
    if is_answer and _USUAL_KEYWORDS & Extensions.parse(answer.reply).keywords.keys():
        yield "the server announces extensions to HELO, which asks for none"


@rule("keyword-syntax", _WARNING, "RFC 5321 section 4.1.1.1", on=Answer)
def keyword_syntax(view: View, answer: Answer) -> Said:
    """A line of the reply to EHLO begins with no keyword."""
    is_answer = answer.owed is not None and answer.owed.verb in ("EHLO", "LHLO") and answer.reply.code == 250
    if is_answer and any(not _KEYWORD.fullmatch(line) for line in answer.reply.lines[1:]):
        yield "a line of the server's reply to EHLO begins with no keyword"


@rule("starttls-announced-inside", _ERROR, "RFC 3207 section 4.2", on=Answer)
def starttls_announced_inside(view: View, answer: Answer) -> Said:
    """STARTTLS is announced inside TLS."""
    if view.tls and _announces(answer, "STARTTLS"):
        yield "the server announces STARTTLS inside TLS, where it may not"


@rule("password-announced-in-clear", _ADVICE, "RFC 4954 section 4", on=Answer)
def password_announced_in_clear(view: View, answer: Answer) -> Said:
    """The server announces mechanisms that send the password itself, without TLS."""
    if not view.tls and _announces(answer, "AUTH") and _PLAIN_TEXT & set(Extensions.parse(answer.reply).mechanisms):
        yield "the server announces AUTH PLAIN or LOGIN without TLS, and so asks for the password in the clear"


@rule("challenge-not-base64", _ERROR, "RFC 4954 section 4", on=Answer)
def challenge_not_base64(view: View, answer: Answer) -> Said:
    """A 334 reply holds no base64."""
    text = answer.reply.lines[0]
    is_challenge = answer.owed is not None and answer.owed.verb == "AUTH" and answer.reply.code == 334
    if is_challenge and answer.is_whole and text.isascii() and decode_base64(text.strip()) is None:
        yield "the text of the server's 334 is no base64"


@rule("unasked-reply", _WARNING, "RFC 5321 section 4.2", on=Answer)
def unasked_reply(view: View, answer: Answer) -> Said:
    """A reply answers nothing."""
    if answer.owed is None and answer.reply.code != 421:
        yield "the server sends a reply that answers nothing; each command has one reply"


@rule("text-after-starttls", _ERROR, "RFC 3207 section 6", on=Noticed)
def text_after_starttls(view: View, noticed: Noticed) -> Said:
    """Text in the clear follows the 220 to STARTTLS."""
    if noticed.kind is NoticeKind.PLAINTEXT_AFTER_STARTTLS:
        yield "text in the clear follows the 220 to STARTTLS: somebody on the way may have put it there"


@rule("no-reply", _ERROR, "RFC 5321 section 4.2", on=Noticed)
def no_reply(view: View, noticed: Noticed) -> Said:
    """What the server sends is no reply of SMTP."""
    if noticed.kind is NoticeKind.NOT_A_REPLY:
        yield "what the server sends is no reply: it has no code of three digits with a blank or a hyphen after it"


@rule("cut-reply", _ERROR, "RFC 5321 section 4.2.1", on=Noticed)
def cut_reply(view: View, noticed: Noticed) -> Said:
    """The connection ends in the middle of a reply."""
    if noticed.kind is NoticeKind.CUT_REPLY:
        yield "the connection ends in the middle of a reply"


@rule("credential-echoed", _ERROR, "RFC 4954 section 9", on=Noticed)
def credential_echoed(view: View, noticed: Noticed) -> Said:
    """The server sends a credential back."""
    if noticed.kind is NoticeKind.ECHO:
        yield "the server sends the credential back, where logs and screens can keep it"


@rule("closed-without-421", _WARNING, "RFC 5321 section 3.8", on=Disconnected)
def closed_without_421(view: View, ended: Disconnected) -> Said:
    """The server closes the connection without QUIT, and says no 421."""
    if ended.end is not End.SERVER or not view.is_recorded or view.last_code == 421:
        return
    if "QUIT" not in view.sent and not (view.last_code // 100 == 5 and not view.sent):
        yield "the server closes the connection without a 421, and the client has not said QUIT"


@rule("closed-without-221", _WARNING, "RFC 5321 section 4.1.1.10", on=Disconnected)
def closed_without_221(view: View, ended: Disconnected) -> Said:
    """The server closes the connection after QUIT without 221."""
    if ended.end is End.SERVER and view.is_recorded and view.is_owed("QUIT"):
        yield "the server closes the connection after QUIT without its 221"


def _announces(answer: Answer, keyword: str) -> bool:
    is_hello = answer.owed is not None and answer.owed.verb in ("EHLO", "LHLO")
    return is_hello and answer.reply.code == 250 and keyword in Extensions.parse(answer.reply)


def _is_foreseen(owed: Owed, code: int) -> bool:
    if owed.asked in (Asked.COMMAND, Asked.SASL):
        return owed.verb not in FORESEEN or code in FORESEEN[owed.verb]
    if owed.asked is Asked.GREETING:
        return is_foreseen_as_greeting(code)
    return is_foreseen_after_message(code)


def _asked(owed: Owed) -> str:
    return owed.verb or owed.asked.value.removeprefix("the reply to ")

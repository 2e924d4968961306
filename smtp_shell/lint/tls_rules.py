"""Rules about STARTTLS and TLS."""

from __future__ import annotations

import re

from smtp_shell.lint.findings import Severity
from smtp_shell.lint.moments import CommandLine, SentEarly, View
from smtp_shell.lint.rules import Said, rule
from smtp_shell.protocol.events import TlsStarted
from smtp_shell.protocol.phases import Phase

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_NO_HELLO_NEEDED = frozenset({"EHLO", "HELO", "LHLO", "NOOP", "QUIT", "RSET", "HELP"})
_OLD_VERSION = re.compile(r"SSLv[23]|TLSv1(?:\.[01])?", re.IGNORECASE)
_WEAK_CIPHER = re.compile(r"RC4|3DES|DES-CBC|NULL|EXP|anon|ADH|AECDH|MD5", re.IGNORECASE)


@rule("starttls-not-announced", _ERROR, "RFC 3207 section 4", on=CommandLine)
def starttls_not_announced(view: View, sent: CommandLine) -> Said:
    """STARTTLS is sent although the server does not announce it."""
    if sent.verb == "STARTTLS" and not view.tls and view.lacks("STARTTLS"):
        yield "the server does not announce STARTTLS; it has none, or somebody on the way takes it out"


@rule("starttls-before-ehlo", _ERROR, "RFC 3207 section 4", on=CommandLine)
def starttls_before_ehlo(view: View, sent: CommandLine) -> Said:
    """STARTTLS is sent before EHLO."""
    if sent.verb == "STARTTLS" and view.hello != "EHLO" and view.hello != "LHLO" and not view.is_owed("EHLO", "LHLO"):
        yield "STARTTLS comes before EHLO, whose reply says whether there is STARTTLS"


@rule("starttls-argument", _ERROR, "RFC 3207 section 4", on=CommandLine)
def starttls_argument(view: View, sent: CommandLine) -> Said:
    """STARTTLS has an argument."""
    if sent.verb == "STARTTLS" and sent.argument:
        yield "STARTTLS takes no argument"


@rule("starttls-pipelined", _ERROR, "RFC 3207 section 4", on=SentEarly)
def starttls_pipelined(view: View, early: SentEarly) -> Said:
    """Something was sent in the clear after STARTTLS, before its reply."""
    if early.owed.verb == "STARTTLS":
        yield "this was sent in the clear after STARTTLS, before its 220; STARTTLS is the last command of a group"


@rule("starttls-twice", _ERROR, "RFC 3207 section 4.2", on=CommandLine)
def starttls_twice(view: View, sent: CommandLine) -> Said:
    """STARTTLS is sent inside TLS."""
    if sent.verb == "STARTTLS" and view.tls:
        yield "STARTTLS comes inside TLS, where it may not"


@rule("starttls-in-transaction", _WARNING, "RFC 3207 section 4.2", on=CommandLine)
def starttls_in_transaction(view: View, sent: CommandLine) -> Said:
    """STARTTLS is sent inside a mail transaction."""
    if sent.verb == "STARTTLS" and view.phase in (Phase.MAIL, Phase.RCPT):
        yield "STARTTLS comes inside a mail transaction, which the server forgets with it; start TLS before MAIL"


@rule("no-ehlo-after-tls", _ERROR, "RFC 3207 section 4.2", on=CommandLine)
def no_ehlo_after_tls(view: View, sent: CommandLine) -> Said:
    """A command follows STARTTLS without a new EHLO."""
    if view.tls and view.started_tls and not view.hello_since_tls and sent.verb not in _NO_HELLO_NEEDED:
        yield "no EHLO since TLS began: what the server announced in the clear counts no more; say EHLO again first"


@rule("clear-text-after-starttls", _ERROR, "RFC 3207 section 4", on=CommandLine)
def clear_text_after_starttls(view: View, sent: CommandLine) -> Said:
    """A command is sent in the clear after the 220 to STARTTLS."""
    if view.phase is Phase.TLS and not view.tls and view.is_recorded:
        yield "this was sent in the clear after the 220 to STARTTLS, where the TLS handshake comes; wrap the socket first"


@rule("old-tls", _WARNING, "RFC 8996 section 2", on=TlsStarted)
def old_tls(view: View, started: TlsStarted) -> Said:
    """TLS 1.0, TLS 1.1 or SSL is used."""
    if _OLD_VERSION.fullmatch(started.version):
        yield "the version of TLS is one that must not be used any more; TLS 1.2 is the least"


@rule("weak-cipher", _WARNING, "RFC 9325 section 4.1", on=TlsStarted)
def weak_cipher(view: View, started: TlsStarted) -> Said:
    """A cipher suite is used that gives no protection any more."""
    if _WEAK_CIPHER.search(started.cipher):
        yield "the cipher suite gives little or no protection; both sides should offer better ones"


@rule("unverified-certificate", _WARNING, "RFC 3207 section 4.1", "RFC 9525 section 6", on=TlsStarted)
def unverified_certificate(view: View, started: TlsStarted) -> Said:
    """The server's certificate was not verified."""
    if started.verified is False:
        yield "the server's certificate was not verified: whoever sits on the way can read and change everything"


@rule("tls-not-used", _ADVICE, "RFC 8314 section 3", "RFC 3207 section 1", on=CommandLine)
def tls_not_used(view: View, sent: CommandLine) -> Said:
    """Mail is sent in the clear although the server announces STARTTLS."""
    is_first = sent.verb == "MAIL" and not {"STARTTLS", "MAIL"} & view.sent
    if is_first and not view.tls and view.announced is not None and "STARTTLS" in view.announced:
        yield "the server announces STARTTLS, and the mail goes in the clear; say STARTTLS first"

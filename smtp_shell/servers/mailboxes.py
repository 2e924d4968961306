"""The mailboxes of the practice server: the grammar of addresses, and who gets mail and who does not.

All here is a function of what the client said: a rule returns the reply that refuses it, or nothing.
"""

from __future__ import annotations

import re

from msgspec import Struct

from smtp_shell.protocol.octets import escape, is_utf8
from smtp_shell.protocol.xtext import text_of
from smtp_shell.servers.notifications import why_not_notify, why_not_return

HOSTNAME = "practice.example"
LOCAL_DOMAINS = ("practice.example", "example.org")
MESSAGE_LIMIT = 10 * 1024 * 1024
RECIPIENT_LIMIT = 100
TINY_LIMIT = 1000

EXAMPLE_MAILBOX = "bob@example.org"
"""A mailbox that takes mail from anybody, for replies that refuse another one."""

MAILBOX_RULES = (
    "Every mailbox exists, but for some there is something to see:",
    "  nobody... unknown...   550, there is no such mailbox",
    "  greylisted             450 the first time, taken the next",
    "  full                   452, the mailbox is full",
    "  tiny                   takes messages of at most 1,000 octets",
    "  at another domain      530 before AUTH, taken after it",
    "  at a domain .invalid   550, there is no such domain",
)
"""The rules as HELP tells them."""

_GREYLIST_LIMIT = 10_000

_ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
_QUOTED = rb'"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*"'
_LABEL = rb"[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]{0,252}[A-Za-z0-9\x80-\xff])?"
_MAILBOX = (
    rb"(?P<local>" + _ATEXT + rb"(?:\." + _ATEXT + rb")*|" + _QUOTED + rb")"
    rb"@(?P<domain>" + _LABEL + rb"(?:\." + _LABEL + rb")*|\[[!-Z^-~]+\])"
)
# The source route is read and left out, as RFC 5321 section 4.1.1.3 and appendix C want it.
_PATH = re.compile(rb"<(?:@[^:<>]*:)?(?P<mailbox>" + _MAILBOX + rb"|(?i:postmaster)|)>")
# Without the angle brackets of the standard, as many a client has sent it and many a server takes it.
_BARE = re.compile(rb"(?P<mailbox>" + _MAILBOX + rb")(?![^ ])")
_KEYWORD = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\xff]+))?")
_SIZE = re.compile(r"[0-9]{1,20}", re.ASCII)


class PathArgument(Struct, frozen=True):
    """The argument of MAIL or RCPT.

    Args:
        mailbox: The address without its angle brackets; empty for the null reverse-path.
        local: Its local part, quotes included.
        domain: Its domain or address literal; empty for `postmaster`, which needs none.
        parameters: Keywords in upper case, and their values; empty without one.
        hint: What to add to a reply that takes it, though the standard would write it otherwise.
    """

    mailbox: bytes
    local: bytes
    domain: bytes
    parameters: dict[str, str]
    hint: str


def parse_path(argument: str | None, keyword: bytes) -> PathArgument | str:
    """Parse `FROM:<path> [parameters]`, or the same with `TO:`.

    A space before the path and a path without angle brackets are taken, as Postfix and Sendmail take them, with a hint.

    Args:
        argument: The rest of the line after the verb, octets that are not UTF-8 as surrogate escapes.
        keyword: `FROM:` or `TO:`.

    Returns:
        What was read, or the reply that refuses it when it is malformed.

    Source: RFC 5321 section 4.1.2, section 4.5.3.1.1 to section 4.5.3.1.3
    """
    verb, enhanced = ("MAIL", "5.1.7") if keyword == b"FROM:" else ("RCPT", "5.1.3")
    syntax = f"501 5.5.4 Syntax: {verb} {keyword.decode()}<address> [parameters]"
    text = (argument or "").encode("utf-8", "surrogateescape")
    path_text = text[len(keyword) :].lstrip(b" ")
    if text[: len(keyword)].upper() != keyword:
        return syntax
    in_brackets = path_text.startswith(b"<")
    path = _PATH.match(path_text) if in_brackets else _BARE.match(path_text)
    if path is None:
        return f"501 {enhanced} Malformed address" if in_brackets else syntax
    local, domain = path["local"] or path["mailbox"], path["domain"] or b""
    if len(local) > 64 or len(domain) > 255 or len(path["mailbox"]) > 254:
        return f"501 {enhanced} Address too long"
    if not is_utf8(path["mailbox"]):
        return f"501 {enhanced} The address is not UTF-8"
    rest = path_text[path.end() :]
    if rest and not rest.startswith(b" "):
        return syntax
    parameters: dict[str, str] = {}
    for word in rest.split():
        parameter = _KEYWORD.fullmatch(word)
        if parameter is None or parameter[1].decode().upper() in parameters:
            return syntax
        parameters[parameter[1].decode().upper()] = (parameter[2] or b"").decode("utf-8", "replace")
    return PathArgument(path["mailbox"], local, domain, parameters, _hint(text, keyword, in_brackets=in_brackets))


def _hint(text: bytes, keyword: bytes, *, in_brackets: bool) -> str:
    odd = [f"no space after {keyword.decode()}"] if text[len(keyword) :][:1] == b" " else []
    odd += [] if in_brackets else ["angle brackets around the address"]
    return f" (the standard has {' and '.join(odd)})" if odd else ""


def why_not_from(path: PathArgument, *, extended: bool, may_authenticate: bool) -> str:
    """Return the reply if there is no mail transaction with this reverse-path and these parameters.

    Args:
        path: The argument of MAIL.
        extended: Whether the client said EHLO.
        may_authenticate: Whether AUTH is announced.

    Returns:
        The reply that refuses it; empty when nothing is wrong.

    Source: RFC 5321 section 4.1.1.11; RFC 1870 sections 3 and 6.1; RFC 6152 section 3; RFC 6531 sections 3.4 and 3.5; RFC 4954 section 5;
        RFC 3030 section 3; RFC 3461 section 4
    """
    if path.parameters and not extended:
        return "555 5.5.4 Parameters need EHLO"
    for keyword, value in path.parameters.items():
        match keyword:
            case "SIZE" if not _SIZE.fullmatch(value):
                return "501 5.5.4 Syntax: SIZE=octets"
            case "SIZE" if int(value) > MESSAGE_LIMIT:
                return f"552 5.3.4 Message is too big, {MESSAGE_LIMIT} octets at most"
            case "BODY" if value.upper() not in ("7BIT", "8BITMIME", "BINARYMIME"):
                return "501 5.5.4 BODY is 7BIT, 8BITMIME or BINARYMIME"
            case "SMTPUTF8" | "PRDR" if value:
                return f"501 5.5.4 {keyword} takes no value"
            case "SIZE" | "BODY" | "SMTPUTF8" | "PRDR":
                pass
            case "RET" | "ENVID":
                if refusal := why_not_return(keyword, value):
                    return refusal
            case "AUTH" if value and may_authenticate:
                if text_of(value) is None:
                    return "501 5.5.4 AUTH is a mailbox in xtext, or <>"
            case _:
                return _unknown_parameter(keyword)
    if not path.mailbox.isascii() and "SMTPUTF8" not in path.parameters:
        return "553 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8"
    return ""


def why_not_to(path: PathArgument, *, smtp_utf8: bool, authenticated: bool, extended: bool, size: int = 0) -> str:
    """Return the reply if there is no delivery to this forward-path, now or ever.

    Greylisting and the limit of recipients depend on what came before and are not in here.

    Args:
        path: The argument of RCPT.
        smtp_utf8: Whether MAIL had that parameter.
        authenticated: Whether the client has authenticated.
        extended: Whether the client said EHLO.
        size: The size of the message that MAIL has announced; 0 if it has not.

    Returns:
        The reply that refuses it; empty when nothing is wrong.

    Source: RFC 5321 section 3.3, section 3.6.2, section 4.5.1; RFC 6531 section 3.5; RFC 1870 section 6.1; RFC 3461 section 4
    """
    if path.parameters and not extended:
        return "555 5.5.4 Parameters need EHLO"
    for keyword in path.parameters:
        if keyword not in ("NOTIFY", "ORCPT"):
            return _unknown_parameter(keyword)
    if refusal := why_not_notify(path.parameters, smtp_utf8=smtp_utf8):
        return refusal
    if not path.mailbox:
        return "501 5.1.3 The null path cannot be a recipient"
    if not path.mailbox.isascii() and not smtp_utf8:
        return "553 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8 at MAIL"
    shown = shown_in_ascii(path.mailbox)
    if not _is_local(path.domain):
        if path.domain.lower().endswith(b".invalid"):
            return f"550 5.1.2 <{shown}>: there is no such domain; try <{EXAMPLE_MAILBOX}>"
        if not authenticated:
            return f"530 5.7.0 Authentication required; <{EXAMPLE_MAILBOX}> works without it"
        return ""
    if _is_unknown(path.local):
        return f"550 5.1.1 <{shown}>: there is no such mailbox here"
    if path.local.lower() == b"full":
        return f"452 4.2.2 <{shown}>: the mailbox is full, try again later"
    return why_not_that_big(path.mailbox, size)


def why_not_that_big(mailbox: bytes, size: int) -> str:
    """Return the reply if a mailbox does not take a message of this size; empty if it does.

    Args:
        mailbox: The mailbox of the forward-path.
        size: Octets of the message.
    """
    local, _, domain = mailbox.rpartition(b"@")
    if size <= TINY_LIMIT or local.lower() != b"tiny" or not _is_local(domain):
        return ""
    return f"552 5.2.3 <{shown_in_ascii(mailbox)}>: takes messages of at most {TINY_LIMIT:,} octets"


class Greylist:
    """The senders that the mailbox `greylisted` has heard of: each is put off once.

    Source: RFC 6647 section 2.4
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, bytes]] = set()

    def why_not_yet(self, sender: str, path: PathArgument) -> str:
        """Return the reply that defers this forward-path. From then on it is accepted from this sender.

        Args:
            sender: The mailbox of the reverse-path.
            path: The argument of RCPT, to which `why_not_to` had no objection.

        Returns:
            The reply that puts it off; empty when it is taken.
        """
        pair = (sender, path.mailbox.lower())
        if not _is_local(path.domain) or path.local.lower() != b"greylisted" or pair in self._seen:
            return ""
        if len(self._seen) >= _GREYLIST_LIMIT:
            self._seen.clear()
        self._seen.add(pair)
        return f"450 4.2.1 <{shown_in_ascii(path.mailbox)}>: greylisted, try again and it will be taken"


def verify(argument: str | None) -> str:
    """Return the reply to VRFY.

    Args:
        argument: The rest of the line after the verb.

    Source: RFC 5321 section 3.5
    """
    if not argument:
        return "501 5.5.4 Syntax: VRFY mailbox"
    bare = argument.removeprefix("<").removesuffix(">").encode("utf-8", "surrogateescape")
    mailbox = _PATH.fullmatch(b"<" + bare + b">")
    if mailbox is None or not _is_local(mailbox["domain"]):
        return "252 2.0.0 Cannot verify this, but will take mail and try to deliver it"
    if _is_unknown(mailbox["local"]):
        return "550 5.1.1 There is no such mailbox here"
    return f"250 2.1.5 <{shown_in_ascii(mailbox['mailbox'])}>"


def shown_in_ascii(octets: bytes) -> str:
    """Show what the client said inside a reply, which is ASCII without SMTPUTF8.

    Args:
        octets: What it said.
    """
    return escape(octets).encode("ascii", "backslashreplace").decode("ascii")


def _unknown_parameter(keyword: str) -> str:
    return f"555 5.5.4 Parameter {keyword[:40]} not recognized; EHLO tells those that are"


def _is_local(domain: bytes | None) -> bool:
    # A path without a domain is <postmaster>, whom every server has (RFC 5321 section 4.5.1).
    return not domain or domain.lower().decode("utf-8", "replace") in LOCAL_DOMAINS


def _is_unknown(local_part: bytes | None) -> bool:
    return (local_part or b"").lower().lstrip(b'"').startswith((b"nobody", b"unknown"))

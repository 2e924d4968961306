"""The parameters of MAIL and RCPT: one row each, with the extension that allows it and the form of its value.

Completion, the shorthands, the advice at the prompt and the linter read this table. What a parameter means is in
`knowledge/data/parameter.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from msgspec import Struct

from smtp_shell.protocol.xtext import as_xtext, decode_xtext

_MAIL, _RCPT = frozenset({"MAIL"}), frozenset({"RCPT"})
_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
_DATE_TIME = r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-]([01]\d|2[0-3]):([0-5]\d))"
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LONGEST_ENVID = 100
_LONGEST_ORCPT = 500


class Value(Struct, frozen=True):
    """A value that a parameter usually has.

    Args:
        text: The value as it is written after the equals sign. It may be the beginning of one.
        meaning: What it asks for, in a few words.
    """

    text: str
    meaning: str


class Parameter(Struct, frozen=True, kw_only=True):
    """A parameter of MAIL or RCPT.

    Args:
        name: Its keyword, upper-case.
        extension: The EHLO keyword that allows it.
        commands: The commands that take it.
        form: A regular expression (Python's) that matches its value whole, in any case; empty where it has no value.
        said: What its value is, in words, as an end of the sentence "NAME is …".
        meaning: What it is for, in a few words.
        source: Where it is defined.
        values: Values to complete it with; none where it has no value, or any.
        xtext: Whether its value is written in xtext: whole, or after the `;` of an address type.
        is_optional: Whether it stands without a value too.
        obsolete: Why it is not used any more; empty if it is.
    """

    name: str
    extension: str
    meaning: str
    source: str
    commands: frozenset[str] = _MAIL
    form: str = ""
    said: str = ""
    values: tuple[Value, ...] = ()
    xtext: bool = False
    is_optional: bool = False
    obsolete: str = ""

    def extensions(self, value: str) -> tuple[str, ...]:
        """Return the EHLO keywords that the parameter needs with this value."""
        if self.name == "BODY" and value.upper() == "BINARYMIME":
            return ("BINARYMIME", "CHUNKING")  # RFC 3030 section 3: both are announced
        return (self.extension,)

    def fault(self, value: str) -> str:
        """Return what is wrong with the form of a value, as a sentence without its full stop; empty for nothing.

        Args:
            value: What follows the equals sign; empty for none.
        """
        if not self.form:
            return f"{self.name} has no value" if value else ""
        if not value and self.is_optional:
            return ""
        if not re.fullmatch(f"(?i:{self.form})" if not self.xtext else self.form, value, re.ASCII):
            return f"{self.name} is {self.said}"
        check = _CHECKS.get(self.name)
        return check(value) if check is not None else ""

    def written(self, value: str) -> str:
        """Return a value as it is to be sent: in xtext where the parameter has it. What is in xtext already stays as it is."""
        if not self.xtext:
            return value
        if self.name != "ORCPT":
            return as_xtext(value)
        kind, semicolon, address = value.partition(";")
        if not semicolon:
            return value
        return f"{kind};{address if kind.lower() == 'utf-8' else as_xtext(address)}"


_ROWS = (
    Parameter(
        name="SIZE",
        extension="SIZE",
        form=r"[0-9]{1,20}",
        said="a number of octets, of at most 20 digits",
        meaning="octets in the message",
        source="RFC 1870 section 4",
    ),
    Parameter(
        name="BODY",
        extension="8BITMIME",
        form=r"7BIT|8BITMIME|BINARYMIME",
        said="7BIT, 8BITMIME or BINARYMIME",
        meaning="what octets the body has",
        source="RFC 6152 section 2",
        values=(
            Value("8BITMIME", "the body has octets over 127"),
            Value("7BIT", "the body is ASCII"),
            Value("BINARYMIME", "any octets, sent with BDAT (RFC 3030)"),
        ),
    ),
    Parameter(
        name="SMTPUTF8",
        extension="SMTPUTF8",
        commands=frozenset({"MAIL", "VRFY", "EXPN"}),
        meaning="addresses or header in UTF-8",
        source="RFC 6531 section 3.4",
    ),
    Parameter(
        name="RET",
        extension="DSN",
        form=r"FULL|HDRS",
        said="FULL or HDRS",
        meaning="what a bounce returns of the message",
        source="RFC 3461 section 4.3",
        values=(Value("HDRS", "a bounce returns the header only"), Value("FULL", "a bounce returns the whole message")),
    ),
    Parameter(
        name="ENVID",
        extension="DSN",
        form=_XTEXT,
        said="xtext: printable ASCII, with +, = and anything else as + and two hexadecimal digits",
        meaning="an identifier for delivery status",
        source="RFC 3461 section 4.4",
        xtext=True,
    ),
    Parameter(
        name="NOTIFY",
        extension="DSN",
        commands=_RCPT,
        form=r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*",
        said="NEVER, or a list of SUCCESS, FAILURE and DELAY with commas",
        meaning="when to send delivery status",
        source="RFC 3461 section 4.1",
        values=(
            Value("SUCCESS,FAILURE", "status when delivered, and when not"),
            Value("SUCCESS,FAILURE,DELAY", "status of each kind"),
            Value("FAILURE", "status only when not delivered"),
            Value("NEVER", "no status at all"),
        ),
    ),
    Parameter(
        name="ORCPT",
        extension="DSN",
        commands=_RCPT,
        form=rf"[A-Za-z0-9-]+;{_XTEXT}|(?i:utf-8);[^\s+=]+",  # utf-8: RFC 6533 section 3
        said="a type of address, a semicolon and the address in xtext, such as rfc822;bob@example.org",
        meaning="the original recipient",
        source="RFC 3461 section 4.2",
        values=(Value("rfc822;", "the address, whose + is written in xtext"),),
        xtext=True,
    ),
    Parameter(
        name="AUTH",
        extension="AUTH",
        form=rf"<>|{_XTEXT}",
        said="<>, or an address in xtext",
        meaning="who submitted the message first",
        source="RFC 4954 section 5",
        values=(Value("<>", "it is not known who"),),
        xtext=True,
    ),
    Parameter(
        name="REQUIRETLS",
        extension="REQUIRETLS",
        meaning="every hop must use TLS",
        source="RFC 8689 section 4.2.1",
    ),
    Parameter(
        name="MT-PRIORITY",
        extension="MT-PRIORITY",
        form=r"0|-?[1-9]",
        said="a number from -9 to 9",
        meaning="priority from -9 to 9",
        source="RFC 6710 section 4.1",
        values=(Value("3", "before other mail"), Value("-3", "after other mail")),
    ),
    Parameter(
        name="BY",
        extension="DELIVERBY",
        form=r"[+-]?[0-9]{1,9};[NR]T?",
        said="seconds, a semicolon, N or R, and perhaps T, such as 120;R",
        meaning="deliver within so many seconds",
        source="RFC 2852 section 4",
        values=(Value("120;R", "else return it"), Value("120;N", "else tell the sender")),
    ),
    Parameter(
        name="HOLDFOR",
        extension="FUTURERELEASE",
        form=r"[1-9][0-9]{0,8}",
        said="a number of seconds from 1, of at most 9 digits",
        meaning="hold it for so many seconds",
        source="RFC 4865 section 5",
        values=(Value("3600", "an hour"),),
    ),
    Parameter(
        name="HOLDUNTIL",
        extension="FUTURERELEASE",
        form=_DATE_TIME,
        said="a date and time with its zone, such as 2030-01-31T08:00:00Z",
        meaning="hold it until a time",
        source="RFC 4865 section 5",
    ),
    Parameter(
        name="PRDR",
        extension="PRDR",
        meaning="a reply for each recipient after the dot",
        source="draft-hall-prdr-00 section 3",
    ),
    Parameter(
        name="MTRK",
        extension="MTRK",
        form=r"[A-Za-z0-9+/]+(?::[0-9]{1,9})?",
        said="a certifier in base64 without its padding, and perhaps a colon and seconds",
        meaning="make the message trackable",
        source="RFC 3885 section 3.1",
    ),
    Parameter(
        name="SOLICIT",
        extension="NO-SOLICITING",
        form=r"[a-z][a-z0-9.:_-]*(?:,[a-z][a-z0-9.:_-]*)*",
        said="classes as reversed domain names, with commas, such as org.example:ADV:ADLT",
        meaning="what kind of advertisement it is",
        source="RFC 3865 section 2.3",
    ),
    Parameter(
        name="RRVS",
        extension="RRVS",
        commands=_RCPT,
        form=rf"{_DATE_TIME}(?:;[CR])?",
        said="a date and time with its zone, and perhaps ;C or ;R, such as 2014-04-03T23:01:00Z",
        meaning="the mailbox has the same owner since",
        source="RFC 7293 section 3.1",
    ),
    Parameter(
        name="CONPERM",
        extension="CONPERM",
        meaning="the content may be converted",
        source="RFC 4141 section 4",
    ),
    Parameter(
        name="CONNEG",
        extension="CONNEG",
        commands=_RCPT,
        meaning="ask what content the recipient can use",
        source="RFC 4141 section 5",
    ),
    Parameter(
        name="SUBMITTER",
        extension="SUBMITTER",
        form=_XTEXT,
        said="an address in xtext",
        meaning="who is responsible for sending",
        source="RFC 4405 section 4",
        xtext=True,
        obsolete="it was a part of Sender ID, which has been given up",
    ),
    Parameter(
        name="TRANSID",
        extension="CHECKPOINT",
        form=r"<[^\s<>]+>",
        said="a name in angle brackets, such as <12345@client.example.org>",
        meaning="a transaction that can be resumed",
        source="RFC 1845 section 3",
        obsolete="it was an experiment of 1995",
    ),
    Parameter(
        name="ALT-ADDRESS",
        extension="UTF8SMTP",
        commands=frozenset({"MAIL", "RCPT"}),
        form=_XTEXT,
        said="an address in xtext",
        meaning="a second address, in ASCII",
        source="RFC 5336 section 3.4",
        xtext=True,
        obsolete="SMTPUTF8 does without it",
    ),
    Parameter(
        name="XVERP",
        extension="XVERP",
        form=r"[!-/:-@\[-`{-~]{2}",
        said="nothing, or the two characters between the parts, such as +=",
        meaning="one sender address for each recipient",
        source="https://www.postfix.org/VERP_README.html",
        is_optional=True,
    ),
    Parameter(
        name="XOORG",
        extension="XOORG",
        form=r"[a-z0-9.-]+",
        said="a domain",
        meaning="the originating organization",
        source="https://learn.microsoft.com/en-us/exchange/mail-flow/connectors/receive-connectors",
    ),
)

PARAMETERS: Mapping[str, Parameter] = MappingProxyType({row.name: row for row in _ROWS})
"""Keyword in upper case -> its row, those first that are used most."""


def _envid_fault(value: str) -> str:
    decoded = decode_xtext(value.encode("ascii")) or b""
    return f"ENVID has more than {_LONGEST_ENVID} characters" if len(decoded) > _LONGEST_ENVID else ""


def _orcpt_fault(value: str) -> str:
    return f"ORCPT has more than {_LONGEST_ORCPT} characters" if len(value) > _LONGEST_ORCPT else ""


def _by_fault(value: str) -> str:
    seconds, _, mode = value.partition(";")
    if mode[0] in "Rr" and int(seconds) <= 0:
        return "BY with R has a time above 0: what is late already is returned at once"
    return ""


def _date_fault(value: str) -> str:
    """Return whether a date is one that exists.

    Source: RFC 3339 sections 5.6 and 5.7
    """
    found = re.match(_DATE_TIME, value)
    assert found is not None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    most = 28 if month == 2 and not is_leap else _DAYS[month - 1] if 1 <= month <= 12 else 0
    if not 1 <= day <= most or hour > 23 or minute > 59 or second > 60:
        return "there is no such date or time"
    return ""


_CHECKS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "ENVID": _envid_fault,
        "ORCPT": _orcpt_fault,
        "BY": _by_fault,
        "HOLDUNTIL": _date_fault,
        "RRVS": _date_fault,
    }
)


def written_parameter(word: str) -> str:
    """Return a parameter that a user typed as it is to be sent: its keyword in capitals, its value in xtext where it has that.

    Args:
        word: Such as `orcpt=rfc822;bob+lists@example.org`.
    """
    keyword, equals, value = word.partition("=")
    name = keyword.upper() if keyword.isascii() else keyword
    row = PARAMETERS.get(name)
    return f"{name}{equals}{row.written(value) if row is not None else value}"

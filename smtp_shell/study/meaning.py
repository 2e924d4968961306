"""Whether two client lines mean the same: the verb and the form of its arguments count, and not addresses, case or spacing."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.protocol.commands import Command

_KNOWN: Final = frozenset(
    (
        "EHLO",
        "HELO",
        "LHLO",
        "MAIL",
        "RCPT",
        "DATA",
        "BDAT",
        "RSET",
        "VRFY",
        "EXPN",
        "HELP",
        "NOOP",
        "QUIT",
        "STARTTLS",
        "AUTH",
    )
) | {"TURN", "ETRN", "ATRN", "BURL", "SEND", "SOML", "SAML"}
_PATH: Final = re.compile(rb"(FROM|TO)\s*(:?)\s*(<[^>]*>?|\S*)(.*)", re.IGNORECASE | re.DOTALL)
_RESPONSE: Final = " with a response"
_FILLED_IN: Final = b"${sasl}"


class Shape(Struct, frozen=True):
    """What counts of a command.

    Args:
        verb: The verb, upper-case; empty for none that SMTP knows.
        form: What follows it, in kind: whether there is a path, and which; an argument or none; the mechanism of AUTH.
        parameters: Keywords of the parameters.
    """

    verb: str
    form: str = ""
    parameters: frozenset[str] = frozenset()


def same_meaning(expected: bytes, typed: bytes) -> bool:
    """Return whether a typed command means what a lesson asks for.

    `AUTH PLAIN`, with the response filled in, is met with and without an initial response.

    Args:
        expected: The lesson's line; a credential is `${sasl}`.
        typed: The line that was sent.
    """
    wanted, got = shape_of(expected), shape_of(typed)
    if wanted.verb == "AUTH" and _RESPONSE not in wanted.form:
        got = replace(got, form=got.form.removesuffix(_RESPONSE))
    return wanted == got


def shape_of(line: bytes) -> Shape:
    """Return the shape of a command line."""
    command = Command(line.strip())
    verb, argument = command.verb, command.argument
    words = argument.split()
    if verb not in _KNOWN:
        return Shape("")
    if verb in ("MAIL", "RCPT"):
        return _with_path(verb, argument)
    if verb == "AUTH":
        mechanism = words[0].upper().decode("ascii", "replace") if words else ""
        return Shape(verb, f"{mechanism}{_RESPONSE if words[1:] not in ([], [_FILLED_IN]) else ''}")
    if verb in ("EHLO", "HELO", "LHLO"):
        return Shape(verb, "a mailbox" if b"@" in argument else "a name" if words else "nothing")
    return Shape(verb, "an argument" if words else "nothing")


def _with_path(verb: str, argument: bytes) -> Shape:
    found = _PATH.match(argument)
    if found is None:
        return Shape(verb, "a path without a keyword" if argument else "nothing")
    _, colon, path, rest = found.groups()
    parameters = frozenset(word.partition(b"=")[0].upper().decode("ascii", "replace") for word in rest.split())
    bare = path.strip(b"<>")
    kind = "an address" if path.isascii() else "an address beyond ASCII"
    if not bare:
        kind = "the null path" if path == b"<>" else "no path"
    brackets = "" if path.startswith(b"<") or not bare else ", without brackets"
    return Shape(verb, f"{kind}{brackets}{'' if colon else ', without a colon'}", parameters)

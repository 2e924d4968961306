"""Whether a client's line is what a transcript has: the levels of `serve --match`."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.commands import Command, auth_mechanism, bdat_chunk
from smtp_shell.transcript.variables import SASL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtp_shell.servers.mock.script import Exchange, Parts

DEFAULT_IGNORED: Final = frozenset({"SIZE"})
"""Parameters of MAIL that are not compared by default: their values follow from the mail data, which may be any."""

_HELLOS = frozenset({"EHLO", "HELO", "LHLO"})
_PATHS = re.compile(
    rb"(?is)(MAIL[ \t]+FROM|RCPT[ \t]+TO)[ \t]*:[ \t]*(<(?:[^\"<>]|\"(?:\\.|[^\"\\])*\")*>|[^ \t<>]+)[ \t]*(.*)"
)
_HOLE = re.compile(rb"\x00([0-9]+)\x00")


class ClientMatch(IntEnum):
    """How much of a client's line must be as in the transcript; each level also demands what the preceding ones do."""

    VERB = 0
    PARAMETERS = 1
    EXACT = 2


class Values:
    """The values of variables in one connection. A variable without one takes the value that it has where it comes first.

    Args:
        given: Values from the caller and the header.
        free: Names that may have another value at each place.
    """

    FREE: Final = frozenset({"count", "date", "hostname", "message_id", "uuid", SASL})

    def __init__(self, given: Mapping[str, bytes]) -> None:
        self.known = dict(given)

    def bind(self, name: str, value: bytes) -> None:
        """Note the value of a variable, unless it is one that differs at each place."""
        if name not in self.FREE:
            self.known[name] = value


def difference(
    exchange: Exchange, line: bytes, end: bytes, how: ClientMatch, ignored: frozenset[str], values: Values
) -> str:
    """Return how a client's line differs from the transcript's, in a sentence without its full stop; empty if it does not.

    Args:
        exchange: What is expected.
        line: What the client said, without its line end.
        end: The line end.
        how: How strict the comparison is.
        ignored: Names of parameters of MAIL and RCPT that are not compared, upper-case.
        values: Values of variables. Those that the line gives are noted.
    """
    if exchange.parts == (line,) and end == exchange.end:
        return ""  # most clients write their commands as recorded: a tenth of the time for a message
    verb = Command(line).verb
    if not _is_verb(exchange, verb):
        return "another command was expected"
    if how is ClientMatch.VERB:
        return ""
    if exchange.mechanisms is not None:
        is_named = not exchange.mechanisms or _mechanism(line).decode("ascii", "replace") in exchange.mechanisms
        return "" if is_named else "the mechanism is none of those that *: authenticate names"
    if how is ClientMatch.EXACT and end != exchange.end:
        return (
            "the line ends in LF alone" if end == b"\n" else "the line ends in CRLF, and in LF alone in the transcript"
        )
    holes: list[str] = []
    wanted = _with_holes(exchange.parts, values, holes)
    if wanted is None:
        return ""
    if how is ClientMatch.PARAMETERS:
        if verb in _HELLOS or verb == "AUTH":
            return "" if verb != "AUTH" or _mechanism(wanted) == _mechanism(line) else "the mechanism differs"
        wanted, line = _canonical(wanted, ignored), _canonical(line, ignored)
    found = _fits(wanted, line)
    if found is None:
        return _why(wanted, line, verb)
    for name, value in zip(holes, found, strict=False):
        values.bind(name, value)
    return ""


def is_near(exchange: Exchange, line: bytes) -> bool:
    """Return whether a line has the verb that is expected."""
    return _is_verb(exchange, Command(line).verb)


def _is_verb(exchange: Exchange, verb: str) -> bool:
    first = exchange.parts[0] if exchange.parts else b""
    # A line that begins with a variable may have any verb.
    return verb == exchange.verb or isinstance(first, str)


def _with_holes(parts: Parts, values: Values, holes: list[str]) -> bytes | None:
    """Return a line with the values of its variables, and a hole for each that has none; None if it holds NUL, and so no holes."""
    octets = b""
    for part in parts:
        if isinstance(part, bytes):
            if b"\0" in part and any(isinstance(each, str) for each in parts):
                return None
            octets += part
        elif part in values.known and part not in Values.FREE:
            octets += values.known[part]
        else:
            octets += b"\0%d\0" % len(holes)
            holes.append(part)
    return octets


def _fits(wanted: bytes, line: bytes) -> tuple[bytes, ...] | None:
    """Return what stands in the holes; None if the rest differs."""
    if wanted == line:
        return ()
    if not _HOLE.search(wanted):
        return None
    pieces = _HOLE.split(wanted)[::2]
    found = re.fullmatch(b"(.+?)".join(map(re.escape, pieces)), line, re.DOTALL)
    return found.groups() if found else None


def _mechanism(line: bytes) -> bytes:
    return (auth_mechanism(line) or b"").upper()


def _canonical(line: bytes, ignored: frozenset[str]) -> bytes:
    """Return a line in the form in which all that means the same is equal.

    Verbs, keywords of parameters and domains have no case (RFC 5321 section 2.4), parameters have no order, and white space has no length.
    """
    verb = Command(line).verb.encode()
    if chunk := bdat_chunk(line):
        return b"BDAT LAST" if chunk.last else b"BDAT"
    found = _PATHS.fullmatch(line.strip())
    if found is None:
        return b" ".join([verb, *line.split()[1:]]) if verb else line.strip()
    path = found[2].strip(b"<>")
    local, at, domain = path.rpartition(b"@")
    path = local + at + domain.lower() if at else path
    return b" ".join([found[1][:4].upper(), b"<" + path + b">", *_parameters(found[3], ignored)])


def _parameters(text: bytes, ignored: frozenset[str]) -> list[bytes]:
    kept = []
    for word in text.split():
        keyword, equals, value = word.partition(b"=")
        if keyword.upper().decode("ascii", "replace") not in ignored:
            # The values of BODY have no case either (RFC 6152 section 3).
            kept.append(keyword.upper() + equals + (value.upper() if keyword.upper() == b"BODY" else value))
    return kept if b"\0" in text else sorted(kept)


def _why(wanted: bytes, line: bytes, verb: str) -> str:
    if verb in ("MAIL", "RCPT"):
        ours, theirs = wanted.split(b" ", 2), line.split(b" ", 2)
        return "the parameters differ" if ours[:2] == theirs[:2] else "the address differs"
    return "the line differs"

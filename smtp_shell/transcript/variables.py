r"""Variables of a transcript: `${name}` in a client line.

Values never come from the environment, a file or a command, and nothing is expanded in what a server sent.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted, unescape
from smtp_shell.transcript.notation import clean

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

SASL: Final = "sasl"
"""The reserved name: a mechanism's response, which replay computes."""

SASL_MARK: Final = "${sasl}"
"""What a transcript has in place of such a response."""

BUILT_IN: Final = ("count", "date", "hostname", "message_id", "uuid")

# Compiled at their first use: most transcripts have no variables.
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_PART = rf"\\\\|(\\\$\{{)|\$\{{({_NAME})\}}|(\$\{{)"
_PART_OF_TEXT = rf"(\\\$\{{)|\$\{{({_NAME})\}}|(\$\{{)"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_EXCERPT = 40  # characters of a wrong name in a sentence
# As in RFC 5322: strftime would write the names of the locale.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parse_assignment(text: str) -> tuple[str, str]:
    """Parse `name=value`, the form of `--var` and of the header's `Var:`.

    Args:
        text: The assignment; the value is all that follows the first equals sign.

    Raises:
        ValueError: There is no equals sign, or the name cannot be a variable's. The message is a sentence for a person.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{_excerpt(text)} is not of the form name=value")
    if not re.fullmatch(_NAME, name):
        raise ValueError(f"{_excerpt(name)} is not a variable's name (a letter or _, then letters, digits, _ . -)")
    if name == SASL:
        raise ValueError("the variable sasl cannot be set: replay computes the response of the mechanism for it")
    return name, value


class Template(Struct, frozen=True):
    """A client line with variables, parsed.

    Args:
        parts: Literal octets as `bytes` and names of variables as `str`, in order.
    """

    parts: tuple[bytes | str, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        r"""Parse the content of a client line.

        Args:
            text: The content in the notation of the file: escapes, `${name}`, and `\${` for a literal `${`.

        Raises:
            ValueError: A `${` has no name or no closing brace. The message is a sentence for a person.
        """
        if "${" not in text:
            return cls((unescape(text),) if text else ())
        parts: list[bytes | str] = []
        literal: list[str] = []
        end = 0
        for found in re.finditer(_PART, text):
            literal.append(text[end : found.start()])
            end = found.end()
            braces, name, stray = found.groups()
            if stray:
                raise ValueError(_stray(text[found.start() :]))
            if name is None:
                literal.append("${" if braces else found[0])
                continue
            parts += [unescape("".join(literal)), name]
            literal = []
        parts.append(unescape("".join([*literal, text[end:]])))
        return cls(tuple(part for part in parts if part))

    @classmethod
    def of_text(cls, text: str) -> Template:
        r"""Parse text that is in no notation, such as that of a message.

        Args:
            text: The text: `${name}`, and `\${` for a literal `${`. Any other backslash is itself.

        Raises:
            ValueError: A `${` has no name or no closing brace. The message is a sentence for a person.
        """
        parts: list[bytes | str] = []
        literal: list[str] = []
        end = 0
        for found in re.finditer(_PART_OF_TEXT, text):
            literal.append(text[end : found.start()])
            end = found.end()
            braces, name, stray = found.groups()
            if stray:
                raise ValueError(_stray(text[found.start() :]))
            if braces:
                literal.append("${")
                continue
            parts += ["".join(literal).encode("utf-8", "surrogateescape"), name]
            literal = []
        parts.append("".join([*literal, text[end:]]).encode("utf-8", "surrogateescape"))
        return cls(tuple(part for part in parts if part))

    @property
    def names(self) -> frozenset[str]:
        """The variables in the line, `sasl` among them."""
        return frozenset(part for part in self.parts if isinstance(part, str))

    def expand(self, value_of: Callable[[str], str]) -> bytes:
        """Return the octets of the line, with values for its variables.

        Args:
            value_of: Returns the value of a name, as `Variables.value` does; called once for each place. Octets that are not UTF-8 are
                in a value as surrogate escapes.

        Raises:
            UsageError: A variable has no value (`Variables.value`).
            NotSendable: A value holds CR, LF or NUL, or text that is not Unicode. The value itself is not in the message.
        """
        return b"".join(part if isinstance(part, bytes) else _sendable(part, value_of(part)) for part in self.parts)


class Variables:
    """The values of variables in one run. If several sources have a name, the first of them wins.

    The sources, in order: the caller (`--var`), captures from earlier `S~` lines, the header's `Var:` fields, and the built-ins `date`
    (RFC 5322, local time zone), `uuid` and `message_id` (new at each use), `hostname`, and `count` (1, 2, 3... at each use).

    Args:
        given: Values from the command line.
        header: Values from the transcript's header.
        now: Returns the time with its zone; this machine's by default.
        new_uuid: Returns a UUID for `uuid` and `message_id`; a random one by default.
        host_name: The value of `hostname`; this machine's name by default.
        numbers: The values of `count`, from 1 by default. Runs that share an iterator count on from one another.

    Raises:
        UsageError: A source sets `sasl`, or a name that no client line could have.
        NotSendable: A value holds CR, LF or NUL.
    """

    def __init__(
        self,
        given: Mapping[str, str] | None = None,
        header: Mapping[str, str] | None = None,
        *,
        now: Callable[[], datetime] | None = None,
        new_uuid: Callable[[], UUID] | None = None,
        host_name: str | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._given = dict(given or {})
        self._captured: dict[str, str] = {}
        self._header = dict(header or {})
        self._now = now or local_now
        self._new_uuid = new_uuid or _random_uuid
        self._host_name = host_name
        self._numbers = itertools.count(1) if numbers is None else numbers
        for name, value in (*self._given.items(), *self._header.items()):
            try:
                parse_assignment(f"{name}=")
            except ValueError as error:
                raise UsageError(str(error)) from None
            _sendable(name, value)

    @property
    def names(self) -> frozenset[str]:
        """Every name that has a value now."""
        return frozenset((*self._given, *self._captured, *self._header, *BUILT_IN))

    def capture(self, groups: Mapping[str, str | None]) -> None:
        """Set variables to what the named groups of an `S~` line matched.

        Args:
            groups: Matched text by group name, in the notation of `escape`; None for a group that took no part in the match.

        Raises:
            UsageError: A group has the reserved name `sasl`.
        """
        if SASL in groups:
            raise UsageError("a pattern cannot capture into sasl: replay computes the response of the mechanism for it")
        matched = {name: text for name, text in groups.items() if text is not None}
        self._captured |= {name: unescape(text).decode("utf-8", "surrogateescape") for name, text in matched.items()}

    def require(self, names: Iterable[str], *, captured: Collection[str] = ()) -> None:
        """Check that each name has a value, before anything is sent.

        Args:
            names: Names in client lines. `sasl` always passes: replay computes it.
            captured: Names that preceding patterns will capture.

        Raises:
            UsageError: A name has no value. The message names it and those that have one.
        """
        for name in names:
            if name != SASL and name not in captured and not self._knows(name):
                raise _unknown(name, self.names | set(captured))

    def value(self, name: str) -> str:
        """Return the value of a variable.

        Args:
            name: Its name, without `${` and `}`.

        Raises:
            UsageError: There is no such variable, or it is `sasl`.
        """
        for source in (self._given, self._captured, self._header):
            if name in source:
                return source[name]
        match name:
            case "count":
                return str(next(self._numbers))
            case "date":
                return rfc5322_date(self._now())
            case "hostname":
                return self._host()
            case "message_id":
                host = self._host()
                return f"<{self._new_uuid()}@{host if re.fullmatch(_DOMAIN, host) else 'localhost'}>"
            case "uuid":
                return str(self._new_uuid())
        if name == SASL:
            raise UsageError("${sasl} has a value only inside an AUTH exchange that the transcript began")
        raise _unknown(name, self.names)

    def _knows(self, name: str) -> bool:
        return name in self._given or name in self._captured or name in self._header or name in BUILT_IN

    def _host(self) -> str:
        if self._host_name is None:
            import platform

            self._host_name = platform.node() or "localhost"
        return self._host_name


def _unknown(name: str, known: Iterable[str]) -> UsageError:
    names = ", ".join(sorted(map(clean, known)))
    return UsageError(
        f"the variable ${{{clean(name)}}} has no value; known are: {names}; give it with --var name=value"
    )


def _sendable(name: str, value: str) -> bytes:
    if "\r" in value or "\n" in value or "\0" in value:
        raise NotSendable(
            f"the value of ${{{clean(name)}}} holds CR, LF or NUL and would not stay inside one line; give it a value without"
        )
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        problem = (
            f"the value of ${{{clean(name)}}} holds a lone surrogate, which is not Unicode text; give it another value"
        )
    raise NotSendable(problem)  # outside the handler: the codec's error holds the value


def _stray(rest: str) -> str:
    name, brace, _ = rest.removeprefix("${").partition("}")
    if not brace:
        return r"a ${ has no closing brace; write \${ if it stands for itself"
    return rf"{_excerpt(name)} between ${{ and }} is not a variable's name; write \${{ if it stands for itself"


def _excerpt(text: str) -> str:
    shown = escape_str(text[:_EXCERPT])
    return quoted(f"{shown}..." if len(text) > _EXCERPT else shown, SINGLE)


def _random_uuid() -> UUID:
    from uuid import uuid4

    return uuid4()


def rfc5322_date(moment: datetime) -> str:
    """Return a time as in a Date field.

    Args:
        moment: The time, with its zone.

    Source: RFC 5322 section 3.3
    """
    # Not email.utils.format_datetime: that module takes longer to load than a header takes to read.
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    zone = moment.strftime("%z") or "-0000"
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} {zone}"


def local_now() -> datetime:
    """Return the time in this machine's time zone; in that of Greenwich where the system cannot say which it is."""
    from datetime import UTC, datetime, tzinfo

    import tzlocal

    zone: tzinfo
    try:
        zone = tzlocal.get_localzone()
    except (OSError, ValueError, LookupError):  # a file that cannot be read now, or a zone that nobody knows
        zone = UTC
    return datetime.now(zone)

"""The header of a transcript: fields as in a mail header. Known ones are checked, unknown ones are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from smtp_shell.errors import Fault
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted, unescape
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.variables import parse_assignment, rfc5322_date

if TYPE_CHECKING:
    from datetime import datetime

VERSION: Final = "1"
MOST_FAULTS: Final = 20
"""How many faults of one file are reported."""

DIALOGUE: Final = re.compile(r"[ \t]*(?:[0-9]+(?:\.[0-9]+)?[ \t]+)?(?:C[:&|<]|S[:|=~]|\*:)")
"""Start of a line of the dialogue. Such a line is in the header where the empty line is missing."""

# Compiled at its first use: a file may have no header.
_FIELD = r"([!-9;-~]+):(.*)"
_ONCE = frozenset(("title", "server", "date", "client", "tags", "secrets", "match", "limit"))
_LEVELS = ("code", "enhanced", "keywords", "text", "exact")
_SECONDS = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_LONGEST_LIMIT = 86_400.0
_BREAKS_A_LINE = rb"[\r\n\0]"


class Header(Struct, frozen=True):
    """The header's fields.

    Args:
        fields: Names and values in the order of the file, unknown fields included. Values are unfolded, stripped of white space, and in
            the notation of the file: printable, with escapes.
    """

    fields: tuple[tuple[str, str], ...]

    @classmethod
    def new(
        cls,
        *,
        client: str,
        server: str = "",
        date: datetime | None = None,
        title: str = "",
        tags: str = "",
        secrets: Literal["redacted", "included"] = "redacted",
        variables: Mapping[str, str] | None = None,
    ) -> Header:
        """Return the header of a new transcript. An empty argument makes no field.

        Args:
            client: The program that writes the file, and its version. A reader takes a last line without LF in such a file as cut off.
            server: The server's host and port.
            date: When the dialogue began, with its time zone.
            title: What the transcript is about.
            tags: Words to find it by.
            secrets: Whether credentials are in it.
            variables: Defaults for variables.
        """
        fields = [
            ("Transcript", VERSION),
            ("Title", title),
            ("Server", server),
            ("Date", rfc5322_date(date) if date else ""),
            ("Client", client),
            ("Tags", tags),
            ("Secrets", secrets if secrets == "included" else ""),
        ]
        stripped = [(name, value.strip(" ")) for name, value in fields]
        filled = [(name, escape_str(value)) for name, value in stripped if value]
        defaults = [
            ("Var", f"{name}={_with_last_space(escape_str(value))}") for name, value in (variables or {}).items()
        ]
        return cls((*filled, *defaults))

    def get(self, name: str) -> str | None:
        """Return the value of the first field of this name; None if there is none.

        Args:
            name: The field's name, in any case, without its colon.
        """
        wanted = name.lower()
        return next((value for field, value in self.fields if field.lower() == wanted), None)

    @property
    def title(self) -> str:
        """What the transcript is about; empty without the field."""
        return self.get("Title") or ""

    @property
    def server(self) -> str:
        """The server's host and port; empty without the field."""
        return self.get("Server") or ""

    @property
    def date(self) -> str:
        """When the dialogue began, as an RFC 5322 date; empty without the field."""
        return self.get("Date") or ""

    @property
    def client(self) -> str:
        """The program that wrote the file, and its version; empty without the field."""
        return self.get("Client") or ""

    @property
    def tags(self) -> str:
        """Words to find the transcript by; empty without the field."""
        return self.get("Tags") or ""

    @property
    def tag_words(self) -> tuple[str, ...]:
        """The words of `Tags`, which white space or commas separate, in lower case."""
        return tuple(dict.fromkeys(self.tags.lower().replace(",", " ").split()))

    @property
    def match(self) -> str:
        """How strict the file's `S:` lines are: the name of a level in lower case; empty without the field."""
        return (self.get("Match") or "").lower()

    @property
    def limit(self) -> float | None:
        """Seconds that a replay of the file may take in all; None without the field."""
        value = self.get("Limit")
        return None if value is None else float(value)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The patterns of the `Ignore` fields: what they match is not compared with the level `text`."""
        return tuple(value for name, value in self.fields if name.lower() == "ignore")

    @property
    def secrets_included(self) -> bool:
        """Whether credentials are in the file."""
        return (self.get("Secrets") or "").lower() == "included"

    @property
    def variables(self) -> dict[str, str]:
        """The defaults for variables, unescaped."""
        assignments = (parse_assignment(value) for name, value in self.fields if name.lower() == "var")
        return {name: unescape(value).decode("utf-8", "surrogateescape") for name, value in assignments}


def parse_header(lines: Sequence[tuple[int, str]], *, longest: int) -> tuple[Header, list[Fault]]:
    """Parse the lines of a header.

    Args:
        lines: Line numbers, and lines without line ends and without the empty line that ends the header.
        longest: Limit of one unfolded value, in octets.

    Returns:
        The header, and what is wrong with it, at most `MOST_FAULTS`. The header is of use only if nothing is wrong.

    Source: RFC 5322 section 2.2
    """
    fields: list[tuple[str, str]] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for number, text in _unfold(lines):
        found = re.fullmatch(_FIELD, text)
        if DIALOGUE.match(text):
            faults.append(
                Fault(number, "a line of the dialogue stands in the header", "an empty line after the header")
            )
            break
        if not found:
            from smtp_shell.transcript.credentials import without_credential

            problem = f"{quoted(clean(without_credential(text)[:60]), SINGLE)} is no header field"
            faults.append(Fault(number, problem, "Name: value, or an empty line after the header"))
        else:
            name, value = found[1], clean(found[2].strip(" \t"))
            fault = _fault_of(number, name, value, seen, longest)
            faults += [fault] if fault else []
            fields.append((name, value))
        if len(faults) == MOST_FAULTS:
            break
    return Header(tuple(fields)), faults


def with_secrets(header: Header | None, *, included: bool) -> Header | None:
    """Return a header that says whether credentials are in the file.

    Args:
        header: The header; None for a file without one, which stays so unless credentials are included.
        included: Whether they are.
    """
    fields = tuple(field for field in header.fields if field[0].lower() != "secrets") if header else ()
    if included:
        fields = (*(fields or (("Transcript", VERSION),)), ("Secrets", "included"))
    return Header(fields) if fields else None


def format_header(header: Header, *, longest: int) -> str:
    """Write a header as in a file, with the empty line that ends it.

    Args:
        header: The header.
        longest: Limit of one value, in octets.

    Raises:
        ValueError: It would not be read back as it is, as with a line end in a value.
    """
    lines = [f"{name}: {value}" if value else f"{name}:" for name, value in header.fields]
    read, faults = parse_header(list(enumerate(lines, start=1)), longest=longest)
    if faults:
        raise ValueError(f"field {faults[0].line} of the header: {faults[0]}")
    if read != header or not lines:
        raise ValueError("the header would not be read back as it is")
    return "".join(f"{line}\n" for line in [*lines, ""])


def _unfold(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Join each field with its folded lines. A line of the dialogue only looks folded: it stays a line of its own."""
    start, pieces = 0, list[str]()
    for number, line in lines:
        if pieces and line[:1] in (" ", "\t") and not DIALOGUE.match(line):
            pieces.append(line)
            continue
        if pieces:
            yield start, "".join(pieces)
        start, pieces = number, [line]
    if pieces:
        yield start, "".join(pieces)


def _fault_of(number: int, name: str, value: str, seen: set[str], longest: int) -> Fault | None:
    key = name.lower()
    if len(value.encode()) > longest:
        return Fault(number, f"the value of {name[:60]} is longer than {longest} octets", "a shorter one")
    if (key == "transcript") == bool(seen):
        return Fault(number, f"the field {name} stands twice, or is not the first", "Transcript: 1 first, and once")
    if key in seen and key in _ONCE:
        return Fault(number, f"the field {name} stands twice", "it once")
    seen.add(key)
    match key:
        case "transcript" if value != VERSION:
            return Fault(number, *_wrong_version(value))
        case "secrets" if value.lower() not in ("redacted", "included"):
            return Fault(
                number,
                f"{quoted(value[:60], SINGLE)} does not say whether secrets are in the file",
                "redacted or included",
            )
        case "var":
            return _variable_fault(number, value, seen)
        case "match" if value.lower() not in _LEVELS:
            return Fault(number, f"{quoted(value[:60], SINGLE)} is no level of Match", f"one of {', '.join(_LEVELS)}")
        case "limit" if not re.fullmatch(_SECONDS, value) or not 0 < float(value) <= _LONGEST_LIMIT:
            problem = f"{quoted(value[:60], SINGLE)} is no number of seconds for a whole replay"
            return Fault(number, problem, f"Limit: SECONDS, such as Limit: 20, {_LONGEST_LIMIT:.0f} at most")
        case "ignore":
            return _pattern_fault(number, value)
    return None


def _wrong_version(value: str) -> tuple[str, str]:
    if re.fullmatch("[1-9][0-9]{0,8}", value):
        return (
            f"the file was written by a newer version, in format {value}",
            f"format {VERSION}; a newer smtp-shell reads it",
        )
    return f"{quoted(value[:60], SINGLE)} is no version of the format", f"Transcript: {VERSION}"


def _variable_fault(number: int, value: str, seen: set[str]) -> Fault | None:
    try:
        name, text = parse_assignment(value)
    except ValueError as error:
        return Fault(number, str(error), "Var: name=value")
    if re.search(_BREAKS_A_LINE, unescape(text)):
        return Fault(
            number, f"the value of the variable {name} holds CR, LF or NUL", "a value that stays inside one line"
        )
    if f"var {name}" in seen:
        return Fault(number, f"the variable {name} is set twice", "one Var: for it")
    seen.add(f"var {name}")
    return None


def _pattern_fault(number: int, value: str) -> Fault | None:
    from smtp_shell.transcript.pattern_syntax import check_pattern

    try:
        check_pattern(value)
        if re.compile(value).fullmatch(""):
            return Fault(number, "the pattern of Ignore matches where there is nothing", "one that needs some text")
    except ValueError as error:
        return Fault(number, f"Ignore: {error}", "a regular expression")
    return None


def _with_last_space(value: str) -> str:
    return value[:-1] + r"\x20" if value.endswith(" ") else value

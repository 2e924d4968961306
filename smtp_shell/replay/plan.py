"""Check a whole transcript before anything of it is sent."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import Fault, SmtpShellError, TranscriptError
from smtp_shell.matching.expectation import Demand
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str
from smtp_shell.transcript.body import body_path
from smtp_shell.transcript.header import MOST_FAULTS, Header
from smtp_shell.transcript.reader import ReadLimits, Scan
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, Template, Variables

MOST_IN_A_GROUP: Final = 10_000
MOST_IN_A_REPLY: Final = 10_000
MOST_CAPTURES: Final = 1_000
LONGEST_WAIT: Final = 86_400.0
KEPT_SIZE: Final = 32 * 1024
KEPT_OVERHEAD: Final = 100
"""How much of a transcript is kept once it is checked: characters of content, and what each step counts on top."""

AUTH: Final = re.compile(rb"[ \t]*AUTH[ \t]+([^ \t]+)[ \t]*", re.IGNORECASE)
"""How a client line begins that is an AUTH command, and the mechanism in it."""

_line_of = attrgetter("line")
_PIPELINED, _EVENT, _MAIL_DATA_FILE = Marker.PIPELINED, Marker.EVENT, Marker.MAIL_DATA_FILE
_AUTH_STARTS = ("A", "a", " ", "\\")
# What may stand between AUTH and a later `${sasl}`: responses that are no secret, or that were left in the file.
_RESPONSE = r"[A-Za-z0-9+/]*={0,2}|\*"
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"


class Outline(Struct, frozen=True):
    """What a checked transcript is about.

    Args:
        header: Its header, if it has one.
        address: The server of its first `connect`, else of its header; empty when it names none.
        tls: Whether its first connection begins with TLS.
        uses_sasl: Whether it needs credentials.
        starts_tls: Whether it is short, and says STARTTLS somewhere.
        steps: Its steps, if they are few and short; None when they are to be read again.
    """

    header: Header | None
    address: str
    tls: bool
    uses_sasl: bool
    starts_tls: bool = False
    steps: tuple[Step, ...] | None = None


def check_for_replay(path: Path, given: Mapping[str, str], *, outside: bool = False, keep: bool = True) -> Outline:
    """Read a whole transcript as a stream, and make sure that it can be acted out.

    Args:
        path: The file.
        given: Values for variables from the caller.
        outside: Whether mail data may stand outside the transcript's folder.
        keep: Whether the steps of a short transcript are kept.

    Raises:
        TranscriptError: It cannot; with the first `MOST_FAULTS` faults.
        UsageError: A variable that the caller gave cannot be one.
        NotSendable: Its value would not stay inside one line.
    """
    name = escape_str(str(path))
    Variables(given)
    found: list[Fault] = []
    checker: _Checker | None = None
    kept = _Kept(KEPT_SIZE if keep else 0)
    try:
        # A pipe could be read only once, and a device for ever.
        if os.path.exists(path) and not os.path.isfile(path):
            raise TranscriptError(name, Fault(0, "cannot be read: it is no file", "a transcript"))
        with path.open("rb") as stream:
            scan = Scan(stream, name, ReadLimits())
            found += scan.header_faults
            checker = _Checker(path.parent, None if found else scan.header, given, found, outside=outside)
            for block in scan:
                if kept.room > 0:
                    kept.add(block.steps)
                known = len(found)
                checker.check(block.steps)
                if block.faults:
                    found[known:] = sorted([*found[known:], *block.faults], key=_line_of)
                if len(found) > MOST_FAULTS:
                    break
            if not found:
                checker.check_whole()
    except OSError as error:
        raise TranscriptError(name, Fault(0, f"cannot be opened: {reason_of(error)}", "a transcript")) from None
    except ValueError:
        raise TranscriptError(name, Fault(0, "cannot be opened: this is no file name", "a transcript")) from None
    if len(found) > MOST_FAULTS:
        found[MOST_FAULTS:] = [Fault(0, f"there are more faults after these {MOST_FAULTS}")]
    if found:
        raise TranscriptError(name, *found)
    starts_tls = any(step.text.upper() == "STARTTLS" for step in kept.steps or ())
    return replace(checker.outline, starts_tls=starts_tls, steps=kept.steps)


class _Kept:
    """The steps of a short transcript: what is acted out is what was checked, and it is read once."""

    def __init__(self, room: int) -> None:
        self._steps: list[Step] = []
        self.room = room

    def add(self, steps: Iterable[Step]) -> None:
        self._steps += steps
        self.room -= sum([len(step.text) + KEPT_OVERHEAD for step in steps])

    @property
    def steps(self) -> tuple[Step, ...] | None:
        return tuple(self._steps) if self.room > 0 else None


class _Checker:
    def __init__(
        self, folder: Path, header: Header | None, given: Mapping[str, str], found: list[Fault], *, outside: bool
    ) -> None:
        self._folder = folder
        self._header = header
        self._outside = outside
        self._found = found
        # A header with faults has been told already; its variables may be missing then.
        self._variables = Variables(given, header.variables if header else None)
        self._captured: set[str] = set()
        self._address = ""
        self._tls = False
        self._connects = False
        self._acts = False
        self._in_auth = False
        self._uses_sasl = False
        self._group = 0
        self._reply = 0

    @property
    def outline(self) -> Outline:
        address = self._address or (self._header.server if self._header else "")
        return Outline(self._header, address, self._tls, self._uses_sasl)

    def check(self, steps: Iterable[Step]) -> None:
        for step in steps:
            marker, text = step.marker, step.text
            if marker in CLIENT_LINES:
                self._acts = True
                self._reply = 0
                if marker is _PIPELINED:
                    self._check_group(step)
                else:
                    self._group = 0
                if self._in_auth or "${" in text or text[:1] in _AUTH_STARTS:
                    self._check_client_line(step)
            elif marker in SERVER_LINES:
                self._check_demand(step)
            elif marker is _EVENT:
                self._check_event(step)
            elif marker is _MAIL_DATA_FILE:
                self._acts = True
                self._reply = self._group = 0
                self._check_body(step)

    def check_whole(self) -> None:
        if not self._acts:
            self._refuse(0, "the transcript has no steps", "at least one line such as C: NOOP")

    def _refuse(self, line: int, problem: str, expected: str = "") -> None:
        self._found.append(Fault(line, problem, expected))

    def _check_group(self, step: Step) -> None:
        self._group += 1
        if self._group == MOST_IN_A_GROUP:
            self._refuse(step.line, f"a group has more than {MOST_IN_A_GROUP:,} lines", "a C: line that ends it")

    def _check_client_line(self, step: Step) -> None:
        first: bytes | str
        if "${" in step.text:
            template = Template.parse(step.text)
            if names := template.names:
                self._check_names(step, names)
            if SASL in names:
                self._uses_sasl = True
                self._check_sasl(step, template)
                self._in_auth = True
                return
            first = template.parts[0]
        else:
            first = step.octets
        if isinstance(first, bytes) and AUTH.match(first):
            self._in_auth = True
        elif self._in_auth and not re.fullmatch(_RESPONSE, step.text):
            self._in_auth = False

    def _check_names(self, step: Step, names: frozenset[str]) -> None:
        try:
            self._variables.require(names, captured=self._captured)
        except SmtpShellError as error:
            self._refuse(step.line, str(error))

    def _check_sasl(self, step: Step, template: Template) -> None:
        if step.marker is Marker.PIPELINED:
            self._refuse(step.line, "${sasl} stands in a line that waits for no reply", "C: in place of C&")
        at = template.parts.index(SASL)
        head = b"".join(part if isinstance(part, bytes) else b"x" for part in template.parts[:at])
        tail = template.parts[at + 1 :]
        ends = step.marker is Marker.CLIENT_OCTETS and tail in ((), (b"\r\n",), (b"\n",))
        if (tail and not ends) or not (AUTH.fullmatch(head) if head else self._in_auth):
            self._refuse(
                step.line,
                "${sasl} stands where no response of a mechanism is sent",
                "AUTH MECHANISM ${sasl}, or ${sasl} alone after such a line",
            )

    def _check_demand(self, step: Step) -> None:
        self._acts = True
        try:
            demand = Demand.parse(step)
        except ValueError as error:
            self._refuse(step.line, str(error))
            return
        self._reply = 0 if demand.continues is False else self._reply + 1
        if self._reply == MOST_IN_A_REPLY:
            self._refuse(step.line, f"a reply has more than {MOST_IN_A_REPLY:,} lines", "a last line without a hyphen")
        if demand.pattern is not None:
            self._captured |= demand.pattern.names
            if len(self._captured) > MOST_CAPTURES:
                self._refuse(step.line, f"the patterns capture more than {MOST_CAPTURES:,} variables", "fewer")
                self._captured.clear()

    def _check_body(self, step: Step) -> None:
        try:
            body_path(self._folder, step, outside=self._outside)
        except ValueError as error:
            self._refuse(step.line, str(error), "a file beside the transcript")

    def _check_event(self, step: Step) -> None:
        name, *words = step.event
        if name in ("wait", "within") and not (
            words and re.fullmatch(_NUMBER, words[0]) and float(words[0]) <= LONGEST_WAIT
        ):
            self._refuse(step.line, f"*: {name} has no number of seconds", f"*: {name} SECONDS, such as *: {name} 2.5")
        if name == "connect":
            self._reply = 0
            if not words:
                self._refuse(
                    step.line, "*: connect names no server", "*: connect HOST:PORT, and tls behind it if need be"
                )
            elif not self._connects:
                self._connects, self._address, self._tls = True, words[0], "tls" in words[1:]

"""The plan of a replay: a whole transcript, checked before anything of it is sent."""

from __future__ import annotations

import os.path
import re
from contextlib import nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.errors import Fault, SmtpShellError, TranscriptError, UsageError
from smtp_shell.matching.expectation import ExpectedLine
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.commands import Command, auth_mechanism
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.replies import ReplyLimits
from smtp_shell.replay.data_end import MAY_END, MailDataEnd
from smtp_shell.transcript.body import body_path
from smtp_shell.transcript.events import check_event, near_miss
from smtp_shell.transcript.header import MOST_FAULTS, Header
from smtp_shell.transcript.reader import open_scan, open_transcript
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, Template, Variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from smtp_shell.transcript.credentials import CredentialMask

MOST_IN_A_GROUP: Final = 10_000
MOST_IN_A_REPLY: Final = ReplyLimits().lines + 2
"""More than a recording has of one reply: as many lines as a reply may have, and the one that was too many."""
MOST_CAPTURES: Final = 1_000
KEPT_SIZE: Final = 32 * 1024
"""How much of a checked transcript is kept in memory, in characters of content and `KEPT_OVERHEAD` for each step."""

KEPT_OVERHEAD: Final = 100

# A recording of a connection on which nothing was said holds one of these, and is compared with what the server does now.
_ENDS_UNANSWERED = frozenset(("timeout", "error", "close"))

_LONGEST_UNENDED = 1024  # octets: no command is longer, and a line of mail data in pieces may be

_line_of = attrgetter("line")
_MAY_MATTER = ("A", "a", "D", "d", " ", "\\")  # how the text of an AUTH or DATA line can begin
# What may stand between AUTH and a later `${sasl}`: responses that are no secret, or that were left in the file.
_RESPONSE = rb"[A-Za-z0-9+/]*={0,2}|\*"


class ReplayPlan(Struct, frozen=True):
    """A checked transcript.

    Args:
        header: Its header, if it has one.
        address: The server of its first `connect`, else of its header; empty when it names none.
        tls: Whether its first connection begins with TLS.
        uses_sasl: Whether it needs credentials.
        variables: The names of the variables in its client lines.
        starts_tls: Whether it is short, and has STARTTLS in it.
        steps: Its steps, if they are few and short; None when they are to be read again.
        warnings: What a user should look at, and what does not keep the transcript from being replayed.
        credentials: The credentials that stand in it; None if there are none.
        captured: The names of the variables that its patterns capture.
    """

    header: Header | None
    address: str
    tls: bool
    uses_sasl: bool
    variables: frozenset[str] = frozenset()
    starts_tls: bool = False
    steps: tuple[Step, ...] | None = None
    warnings: tuple[Fault, ...] = ()
    credentials: CredentialMask | None = None
    captured: frozenset[str] = frozenset()


def plan(path: Path, given: Mapping[str, str], *, outside: bool = False, keep: bool = True) -> ReplayPlan:
    """Read a whole transcript as a stream, and check that it can be replayed.

    Args:
        path: The file.
        given: Values of variables from the caller.
        outside: Whether mail data may stand outside the transcript's folder.
        keep: Whether the steps of a short transcript are kept, and not read again.

    Raises:
        TranscriptError: It cannot be replayed; with the first `MOST_FAULTS` faults.
        UsageError: A variable that the caller gave cannot be one.
        NotSendable: Its value would not stay inside one line.
    """
    name = escape_str(str(path))
    Variables(given)
    found: list[Fault] = []
    kept = _Kept(KEPT_SIZE if keep else 0)
    # A pipe could be read only once, and a device for ever.
    if _is_special(path):
        raise TranscriptError(name, Fault(0, "cannot be read: it is no file", "a transcript"))
    with open_scan(path) as scan:
        found += scan.header_faults
        checker = _Checker(path.parent, None if found else scan.header, given, found, outside=outside)
        for block in scan:
            if kept.room > 0:
                kept.add(block.steps)
            known = len(found)
            checker.lacks_header = checker.lacks_header or scan.has_stray_field
            checker.check(block.steps)
            if block.faults:
                found[known:] = sorted([*found[known:], *block.faults], key=_line_of)
            if len(found) > MOST_FAULTS:
                break
        checker.check_end()
        if not found:
            checker.check_whole()
    if len(found) > MOST_FAULTS:
        found[MOST_FAULTS:] = [Fault(0, f"there are more faults after these {MOST_FAULTS}")]
    if found:
        raise TranscriptError(name, *found)
    if not checker.may_hold_credentials:
        return checker.plan(kept.steps, None)
    defaults = scan.header.variables if scan.header else {}
    variables = {each: value for each, value in defaults.items() if each not in given}
    return checker.plan(kept.steps, _credentials_of(path, kept.steps, variables))


def _credentials_of(path: Path, kept: tuple[Step, ...] | None, variables: Mapping[str, str]) -> CredentialMask | None:
    """Find the credentials that stand in a transcript with AUTH in it; None if there are none.

    A pass of its own: most transcripts have no AUTH, and those that have it are short.
    """
    from smtp_shell.transcript.credentials import CredentialMask, masked_steps

    mask = CredentialMask(variables)
    with open_transcript(path) if kept is None else nullcontext(kept) as steps:
        for _ in masked_steps(steps, mask):
            pass
    return mask if mask.count else None


def _is_special(path: Path) -> bool:
    """Return whether something that is no file has this name."""
    try:
        return os.path.exists(path) and not os.path.isfile(path)
    except ValueError:  # NUL in the name, on Windows
        return False


class _Kept:
    """The steps of a short transcript: those that were checked are those that are sent, and they are read once."""

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
        self.lacks_header = bool(found)  # whether it, and so its variables, may be missing
        self._outside = outside
        self._found = found
        self._warnings: list[Fault] = []
        self._variables = Variables(given, header.variables if header else None)
        self._captured: set[str] = set()
        self._used: set[str] = set()
        self._data = MailDataEnd()
        self._address = ""
        self._tls = False
        self._connects = False
        self._acts = False
        self.may_hold_credentials = False  # AUTH was sent, or octets in which it may stand
        self._in_auth = False
        self._unended = b""  # of `C|` lines: the start of a line that has not ended
        self._uses_sasl = False
        self._group = 0
        self._reply = 0

    def plan(self, steps: tuple[Step, ...] | None, credentials: CredentialMask | None) -> ReplayPlan:
        address = self._address or (self._header.server if self._header else "")
        starts_tls = not {"STARTTLS", "starttls"}.isdisjoint([step.text for step in steps or ()])
        warnings = tuple(self._warnings)
        return ReplayPlan(
            self._header,
            address,
            self._tls,
            self._uses_sasl,
            frozenset(self._used),
            starts_tls,
            steps,
            warnings,
            credentials,
            frozenset(self._captured),
        )

    def check(self, steps: Iterable[Step]) -> None:
        data = self._data
        for step in steps:
            marker, text = step.marker, step.text
            # Most lines of a large file are mail data: without this the check of such a file is a third slower.
            if data.in_text and marker is Marker.CLIENT and text[:1] not in MAY_END and "${" not in text:
                continue
            if marker in CLIENT_LINES:
                self._acts = True
                self._reply = 0
                if data.line:
                    data.send(step)
                if marker is Marker.CLIENT_OCTETS:
                    self._check_octets(step)
                elif self._in_auth or self._unended or "${" in text or text[:1] in _MAY_MATTER:
                    self._check_client_line(step)
                if marker is Marker.PIPELINED:
                    self._check_group(step)
                else:
                    self._group = 0
                    self.may_hold_credentials = self.may_hold_credentials or marker is Marker.CLIENT_OCTETS
            elif marker in SERVER_LINES:
                self._acts = True
                try:
                    expected = ExpectedLine.parse(step)
                except ValueError as error:
                    self._refuse(step.line, str(error))
                    continue
                if data.line:
                    self._add(data.expect(step.line, expected))
                if expected.continues is False and expected.pattern is None:
                    self._reply = 0
                else:
                    self._check_expected(step.line, expected)
            elif marker is Marker.EVENT:
                self._check_event(step)
            elif marker is Marker.MAIL_DATA_FILE:
                self._acts = True
                self._reply = self._group = 0
                if data.line:
                    data.send(step)
                self._check_body(step)

    def check_end(self) -> None:
        """Check what is known at the end of the transcript only."""
        self._add(self._data.stop(""))

    def check_whole(self) -> None:
        if not self._acts:
            self._refuse(0, "the transcript has no steps", "at least one line such as C: NOOP")

    def _add(self, fault: Fault | None) -> None:
        if fault is not None:
            self._found.append(fault)

    def _refuse(self, line: int, problem: str, expected: str = "") -> None:
        self._found.append(Fault(line, problem, expected))

    def _check_group(self, step: Step) -> None:
        self._group += 1
        if self._group == MOST_IN_A_GROUP:
            self._refuse(step.line, f"a group has more than {MOST_IN_A_GROUP:,} lines", "a C: line that ends it")

    def _check_client_line(self, step: Step) -> None:
        if "${" in step.text:
            template = Template.parse(step.text)
            if names := template.names:
                self._check_names(step, names)
            if SASL in names:
                self._uses_sasl = self.may_hold_credentials = True
                self._check_sasl(step, template)
                self._in_auth = True
                return
            line = b"".join(part if isinstance(part, bytes) else b" " for part in template.parts)
        else:
            line = step.octets
        self._note_line(self._unended + line)
        self._unended = b""
        is_free = step.marker is Marker.CLIENT and not self._data.line
        if is_free and not auth_mechanism(line) and Command.parse(step.octets).verb == "DATA":
            self._data.begin(step.line, self._group + 1)
            self._in_auth = False

    def _check_octets(self, step: Step) -> None:
        """Read the command lines in octets: they may hold several, and end inside one."""
        template = Template.parse(step.text)
        if names := template.names:
            self._check_names(step, names)
        parts = template.parts
        at = parts.index(SASL) if SASL in names else len(parts)
        head = b"".join(part if isinstance(part, bytes) else b"x" for part in parts[:at])
        *lines, rest = (self._unended + head).split(b"\n")
        self._unended = rest[:_LONGEST_UNENDED]
        for line in lines:
            self._note_line(line.removesuffix(b"\r"))
        if SASL in names:
            self._uses_sasl = True
            self._check_place(step, self._unended, parts[at + 1 :] in ((), (b"\r\n",), (b"\n",)))
            self._in_auth, self._unended = True, b""

    def _note_line(self, line: bytes) -> None:
        mechanism = auth_mechanism(line)
        self.may_hold_credentials = self.may_hold_credentials or mechanism is not None
        if mechanism:
            self._in_auth = True
        elif self._in_auth and not re.fullmatch(_RESPONSE, line):
            self._in_auth = False

    def _check_names(self, step: Step, names: frozenset[str]) -> None:
        self._used |= names
        if self.lacks_header:
            return
        try:
            self._variables.require(names, captured=self._captured)
        except SmtpShellError as error:
            self._refuse(step.line, str(error))

    def _check_sasl(self, step: Step, template: Template) -> None:
        if step.marker is Marker.PIPELINED:
            self._refuse(step.line, "${sasl} stands in a line that waits for no reply", "C: in place of C&")
        at = template.parts.index(SASL)
        head = b"".join(part if isinstance(part, bytes) else b"x" for part in template.parts[:at])
        self._check_place(step, head, not template.parts[at + 1 :])

    def _check_place(self, step: Step, head: bytes, ends: bool) -> None:
        """Check where `${sasl}` stands.

        Args:
            step: The step.
            head: What precedes it in its line.
            ends: Whether nothing but a line end follows it.
        """
        if not ends or not (_is_bare_auth(head) if head else self._in_auth):
            self._refuse(
                step.line,
                "${sasl} stands where no response of a mechanism is sent",
                "AUTH MECHANISM ${sasl}, or ${sasl} alone after such a line",
            )

    def _check_expected(self, line: int, expected: ExpectedLine) -> None:
        self._reply = 0 if expected.continues is False else self._reply + 1
        if self._reply == MOST_IN_A_REPLY:
            self._refuse(line, f"a reply has more than {MOST_IN_A_REPLY:,} lines", "a last line without a hyphen")
        if expected.pattern is not None:
            self._captured |= expected.pattern.names
            if len(self._captured) > MOST_CAPTURES:
                self._refuse(line, f"the patterns capture more than {MOST_CAPTURES:,} variables", "fewer")
                self._captured.clear()

    def _check_body(self, step: Step) -> None:
        try:
            body_path(self._folder, step, outside=self._outside)
        except ValueError as error:
            self._refuse(step.line, str(error), "a file beside the transcript")

    def _check_event(self, step: Step) -> None:
        name, *words = step.event
        if self._data.line:
            self._add(self._data.stop(name))
        if name in _ENDS_UNANSWERED and (self._connects or words[:1] == ["server"]):
            self._acts = True
        problem = check_event(step.event)
        if problem is not None:
            self._refuse(step.line, *problem)
        elif (meant := near_miss(name)) is not None:
            self._warnings.append(Fault(step.line, f"*: {name} is no event that a replay knows; is *: {meant} meant?"))
        elif name == "connect":
            self._reply = 0
            self._check_server(step.line, words[0])
            if not self._connects:
                self._connects, self._address, self._tls = True, words[0], "tls" in words[1:]

    def _check_server(self, line: int, address: str) -> None:
        try:
            parse_target(address)
        except UsageError as error:
            self._refuse(line, f"*: connect names no server: {error.message.rstrip('.')}")


def _is_bare_auth(line: bytes) -> bool:
    """Return whether a line is an AUTH command without an initial response."""
    mechanism = auth_mechanism(line)
    return bool(mechanism) and line.split()[1:] == [mechanism]

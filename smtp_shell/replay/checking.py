"""`--check`: all that can be said about a transcript without a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from smtp_shell.errors import SmtpShellError, TranscriptError, UsageError
from smtp_shell.protocol.events import (
    GOODBYE,
    CommandSent,
    Connected,
    Disconnected,
    End,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.plan import plan, planned_steps
from smtp_shell.replay.replay import with_credentials
from smtp_shell.replay.targets import find_target
from smtp_shell.transcript.events import authentication
from smtp_shell.transcript.included_line import file_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from smtp_shell.errors import Fault
    from smtp_shell.protocol.events import Entry
    from smtp_shell.replay.plan import ReplayPlan
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.transcript.header import Header
    from smtp_shell.transcript.step import Step

_MOST_REMARKS: Final = 100
_KNOWN_FIELDS: Final = (
    *("Transcript", "Title", "Server", "Date", "Client", "Tags", "Secrets", "Var"),
    *("Match", "Ignore", "Limit"),
)
_NEAR: Final = 0.75
_MOST_WORDS: Final = 20
_ANY: Final = "any mechanism"
_NEEDS_OF_ANY: Final = (frozenset({"user", "password"}), frozenset({"user", "token"}))


class Severity(StrEnum):
    """How bad a remark is: an error keeps the transcript from being replayed."""

    ERROR = "error"
    WARNING = "warning"


class Remark(Struct, frozen=True):
    """Something that is wrong with a transcript, or unwise.

    Args:
        line: Number of the line; 0 for the file.
        severity: How bad it is.
        message: A sentence without its full stop, escaped.
        file: Name of the file, escaped, where it is one that the transcript includes; empty otherwise.
    """

    line: int
    severity: Severity
    message: str
    file: str = ""


class CheckResult(Struct, frozen=True):
    """What was found out about a transcript.

    Args:
        path: Its name, escaped.
        remarks: What is wrong, in the order of the file.
        server: What it would be replayed against, escaped; empty where nothing names it.
        steps: How many lines of client and server it has.
        variables: Names of the variables in its client lines.
        captures: Names of the variables that its patterns capture.
        mechanisms: The mechanisms whose credentials it needs.
        user: The user that it names for them, escaped; empty for none.
        missing: Which credentials nobody has named, in a sentence; empty where none are needed or all are there.
    """

    path: str
    remarks: tuple[Remark, ...]
    server: str = ""
    steps: int = 0
    variables: tuple[str, ...] = ()
    captures: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ()
    user: str = ""
    missing: str = ""

    @property
    def ok(self) -> bool:
        """Whether it can be replayed."""
        return not any(remark.severity is Severity.ERROR for remark in self.remarks)


def check_transcript(
    path: Path, settings: ReplaySettings, missing: Callable[[frozenset[str], str], str]
) -> CheckResult:
    """Check a transcript. Nothing is sent, nobody is asked, and no command is run.

    Args:
        path: The file.
        settings: How it would be replayed.
        missing: Returns which credentials are missing for what a mechanism needs, and a user; empty for none.

    Raises:
        UsageError: A variable that the caller gave cannot be one.
        NotSendable: Its value would not stay inside one line.
    """
    name = escape_str(str(path))
    try:
        checked = plan(path, settings.variables, outside=settings.outside)
    except TranscriptError as error:
        return CheckResult(name, tuple(_of_fault(fault, Severity.ERROR) for fault in error.faults))
    remarks = [*_of_header(path, checked.header), *_of_credentials(name, checked, settings)]
    remarks += [_of_fault(fault, Severity.WARNING) for fault in checked.warnings]
    server, problem = _server(name, checked, settings)
    remarks += [problem] if problem is not None else []
    seen = _Seen()
    remarks += islice(_of_dialogue(path, checked, seen, outside=settings.outside), _MOST_REMARKS)
    lacking = _lacking(seen, missing) if checked.uses_sasl else ""
    if lacking:
        remarks.append(_remark(seen.auth_line, lacking))
    return CheckResult(
        name,
        tuple(sorted(remarks, key=lambda remark: (bool(remark.file), 0 if remark.file else remark.line))),
        server,
        seen.steps,
        tuple(sorted(map(escape_str, checked.variables))),
        tuple(sorted(map(escape_str, checked.captured))),
        tuple(seen.mechanisms),
        seen.user,
        lacking,
    )


def _of_header(path: Path, header: Header | None) -> Iterator[Remark]:
    """Yield what is unwise in the header: unknown fields are kept, and a slip of the finger goes unnoticed."""
    if header is None:
        return
    from difflib import get_close_matches

    from smtp_shell.replay.file_lines import read_lines

    known = {field.lower(): field for field in _KNOWN_FIELDS}
    starts = (number for number, text, _ in read_lines(path) if not text.startswith((" ", "\t")))
    for line, (name, value) in zip(starts, header.fields, strict=False):
        key = name.lower()
        if key == "date" and not _is_date(value):
            yield Remark(line, Severity.WARNING, "the Date is none as mail headers have them")
        near = get_close_matches(key, known, n=1, cutoff=_NEAR) if key not in known else []
        if near:
            message = f"{escape_str(name)}: is no field that a replay knows; is {known[near[0]]}: meant?"
            yield Remark(line, Severity.WARNING, message)


def _is_date(value: str) -> bool:
    from email.utils import parsedate_to_datetime

    try:
        parsedate_to_datetime(value)
    except ValueError:
        return not value
    return True


def _of_credentials(name: str, checked: ReplayPlan, settings: ReplaySettings) -> Iterator[Remark]:
    if checked.credentials is None:
        return
    line = checked.credentials.lines[0]
    try:
        with_credentials(
            name, checked, checked.credentials, send=settings.send_secrets, place=settings.tls_settings.place
        )
    except UsageError as error:
        yield Remark(line, Severity.ERROR, error.message.removeprefix(f"{name}: ").removesuffix("."))


def _server(name: str, checked: ReplayPlan, settings: ReplaySettings) -> tuple[str, Remark | None]:
    try:
        return str(find_target(name, settings, checked.address, tls=checked.tls)), None
    except UsageError as error:
        message = error.message.removeprefix(name).lstrip().removesuffix(".")
        # Without --server that is what is to be named, and no fault of the file.
        is_fault = bool(checked.address) or settings.server is not None
        return "", Remark(0, Severity.ERROR, message) if is_fault else None


class _Seen:
    """What a pass over the dialogue has found."""

    def __init__(self) -> None:
        self.steps = 0
        self.mechanisms: dict[str, None] = {}  # in their order
        self.needs: frozenset[str] = frozenset()
        self.user = ""
        self.auth_line = 0
        self.choices: list[list[frozenset[str]]] = []  # of each `authenticate`: what each mechanism that would do needs
        self.begins_finally = False

    def note_authenticate(self, step: Step) -> None:
        """Note an exchange whose mechanism is chosen when the server is known."""
        from smtp_shell.protocol.sasl import mechanism

        mechanisms, user = authentication(step.event[1:])
        self.auth_line = self.auth_line or step.line
        self.user = self.user or escape_str(user)
        if len(self.mechanisms) < _MOST_WORDS:
            self.mechanisms.update(dict.fromkeys(mechanisms or (_ANY,)))
            self.choices.append([frozenset(mechanism(each).needs) for each in mechanisms] or [*_NEEDS_OF_ANY])


def _of_dialogue(path: Path, checked: ReplayPlan, seen: _Seen, *, outside: bool) -> Iterator[Remark]:
    """Yield what no server can meet."""
    from smtp_shell.recording.decoder import entries

    with planned_steps(checked, path, outside=outside) as steps:
        yield from _unreachable(entries(_watched(steps, seen), header=checked.header), seen)


def _unreachable(found: Iterable[Entry], seen: _Seen) -> Iterator[Remark]:
    """Yield a remark for each expectation that nothing can meet: with no command that is owed a reply, or no connection."""
    greeted = is_gone = False
    # Whether how many replies the last octets, or the mail data, are owed is for the server to say; and whether one has come.
    is_loose = is_answered = False
    unasked: int | None = None  # the line of a reply that the decoder knows to answer nothing
    for entry in found:
        event = entry.event
        if seen.begins_finally:  # what went before may have ended anywhere
            seen.begins_finally = is_gone = greeted = False
        match event:
            case Connected():
                greeted = is_gone = False
            case Disconnected(end=end):
                greeted, is_gone = False, end is End.SERVER
            case Noticed(kind=NoticeKind.UNSOLICITED, detail=detail):
                unasked = None if detail.startswith(GOODBYE) else entry.line
            case CommandSent():
                if is_gone:
                    yield _remark(entry.line, "this is never sent: the server has closed the connection before it")
                is_gone, is_loose = False, is_loose and not is_answered
            case MailDataSent() | OctetsSent() | SaslSent():
                is_loose, is_answered = True, False
            case ReplyExpected() | ReplyReceived():
                if is_gone:
                    yield _remark(entry.line, "no reply can come: the server has closed the connection")
                    is_gone = False
                elif greeted and (unasked == entry.line or (_answers_nothing(event) and not is_loose)):
                    yield _remark(
                        entry.line, "no command is owed this reply: only one that nobody asked for can meet it"
                    )
                greeted = is_answered = True
                unasked = None
            case _:
                pass


def _answers_nothing(event: ReplyExpected | ReplyReceived) -> bool:
    """Return whether a reply that is not literal answers no command: the decoder says so of one that is."""
    return isinstance(event, ReplyExpected) and event.command is None


def _remark(line: int, message: str) -> Remark:
    return Remark(line, Severity.WARNING, message, file_of(line))


def _of_fault(fault: Fault, severity: Severity) -> Remark:
    return Remark(fault.line, severity, str(fault), fault.file)


def _watched(steps: Iterable[Step], seen: _Seen) -> Iterator[Step]:
    """Pass steps on, and note what they need."""
    from smtp_shell.protocol.commands import auth_mechanism
    from smtp_shell.protocol.sasl import mechanism
    from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker
    from smtp_shell.transcript.variables import SASL_MARK

    named = ""
    for step in steps:
        seen.steps += step.marker in CLIENT_LINES or step.marker in SERVER_LINES
        if step.marker in CLIENT_LINES:
            if step.marker is Marker.CLIENT_OCTETS or step.text[:1] in ("A", "a", " "):
                for line in step.octets.split(b"\n"):
                    word = auth_mechanism(line[:200])
                    named = word.decode("ascii", "replace").upper() if word else named
            if SASL_MARK in step.text and named and len(seen.mechanisms) < _MOST_WORDS:
                seen.mechanisms[escape_str(named)] = None
                seen.auth_line = seen.auth_line or step.line
                with suppress(SmtpShellError):
                    seen.needs |= frozenset(mechanism(named).needs)
        elif step.marker is Marker.EVENT and step.event[0] == "auth" and len(step.event) > 2:
            seen.user = seen.user or step.event[2]
        elif step.marker is Marker.EVENT and step.event[0] == "authenticate":
            seen.note_authenticate(step)
        elif step.marker is Marker.EVENT and step.event[0] == "finally":
            seen.begins_finally = True
        yield step


def _lacking(seen: _Seen, missing: Callable[[frozenset[str], str], str]) -> str:
    needs = seen.needs
    for choices in seen.choices:
        needs |= next((each for each in choices if not missing(each, seen.user)), choices[0])
    found = missing(needs, seen.user)
    for_what = f" for {', '.join(seen.mechanisms)}" if seen.mechanisms else ""
    return f"credentials are needed{for_what}: {found}" if found else ""

r"""Rubrics: what a dialogue has to hold for a task, written by a teacher as a TOML file.

```toml
title = "Lab 7: STARTTLS, AUTH LOGIN and a message"
ignore = ["no-message-id"]        # rules that do not count here; smtp-shell lint --rules lists them

[[step]]                          # the steps in their order; each one has to occur
client = "EHLO"                   # a command by its verb
tls = false                       # in the clear (true: inside TLS; left out: either)
say = "greet the server"          # what it is for, shown where it is missing

[[step]]
client = "RCPT"
pattern = "<.+@example\\.org>"     # a regular expression over what follows the verb
reply = "250|251"                 # the reply codes that count: 250, 2yz, 250|251 (left out: any but 4yz and 5yz)

[[step]]
happens = "tls"                   # TLS has begun

[[step]]
auth = "LOGIN"                    # AUTH with this mechanism has succeeded ("" for any)

[[step]]
happens = "message"               # a message was sent, and the server took it

[message]
fields = ["From", "To", "Subject", "Date"]   # the header of each message has these
no_fields = ["Bcc"]               # and none of these
text = true                       # there is a text after it

[message.match]
Subject = "Lab 7.*"               # a regular expression over the whole value

[[forbid]]
client = "HELO"                   # what may not occur; with `pattern` and `tls` as above
say = "say EHLO"
```

`order = false` at the top lets the steps come in any order. `optional = true` in a step lets it be left out.
"""

from __future__ import annotations

import os.path
import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from msgspec import DecodeError, Struct
from msgspec.structs import replace

from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.lint.findings import Finding, Place, Severity
from smtp_shell.lint.moments import Answer, CommandLine, HeaderSent, MessageSent, Moment, View
from smtp_shell.matching.pattern import Pattern, PatternTooSlow
from smtp_shell.protocol.events import Disconnected
from smtp_shell.protocol.octets import SINGLE, escape, escape_str, quoted
from smtp_shell.protocol.phases import Asked

if TYPE_CHECKING:
    from smtp_shell.protocol.commands import Command

SHIPPED: Final = ("lab3", "lab7")
_LARGEST = 256 * 1024
_MOST_STEPS = 500
_MOST_PENDING = 1_000
_FLAGS = re.compile(r"(?:\(\?[a-zA-Z]+\))+")


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step that has to occur. Exactly one of `client`, `happens` and `auth` is there.

    Args:
        client: The verb of a command.
        happens: `tls` or `message`.
        auth: The mechanism of an AUTH exchange that succeeds; empty for any.
        pattern: A regular expression over what follows the verb.
        reply: The reply codes that count; empty for any but 4yz and 5yz.
        tls: Whether it has to be inside TLS; None for either.
        say: What it is for.
        optional: Whether it may be left out.
    """

    client: str | None = None
    happens: Literal["tls", "message"] | None = None
    auth: str | None = None
    pattern: str = ""
    reply: str = ""
    tls: bool | None = None
    say: str = ""
    optional: bool = False

    @property
    def name(self) -> str:
        """What the step is, in words."""
        if self.client is not None:
            what = escape_str(self.client.upper())
        elif self.auth is not None:
            what = f"AUTH {escape_str(self.auth.upper())}".strip()
        else:
            what = "TLS" if self.happens == "tls" else "a message that the server takes"
        where = {True: " inside TLS", False: " in the clear", None: ""}[self.tls]
        return f"{what}{where}" + (f" ({escape_str(self.say)})" if self.say else "")


class MessageDemand(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each message has to hold.

    Args:
        fields: Names of header fields that are there.
        no_fields: Names of header fields that are not.
        match: Name of a header field to a regular expression over its value.
        text: Whether there is a text.
    """

    fields: tuple[str, ...] = ()
    no_fields: tuple[str, ...] = ()
    match: dict[str, str] = {}
    text: bool = False


class Rubric(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a dialogue has to hold.

    Args:
        title: What it is about.
        order: Whether the steps have to come in their order.
        ignore: Names of rules that do not count.
        step: The steps.
        message: What each message has to hold.
        forbid: What may not occur.
    """

    title: str = ""
    order: bool = True
    ignore: tuple[str, ...] = ()
    step: tuple[Step, ...] = ()
    message: MessageDemand = MessageDemand()
    forbid: tuple[Step, ...] = ()


def load_rubric(name: str) -> Rubric:
    """Return a rubric that is shipped, or one from a file.

    Args:
        name: Its name, such as `lab7`, or the path of a TOML file.

    Raises:
        UsageError: There is none of that name, and no such file.
        ConfigError: The file cannot be read, or is no rubric.
    """
    if name in SHIPPED:
        from importlib.resources import files

        octets = (files("smtp_shell.lint") / "profiles" / f"{name}.toml").read_bytes()
    elif os.path.isfile(name):
        octets = _read(Path(name))
    else:
        shown = quoted(escape_str(name), SINGLE)
        raise UsageError(
            f"--for {shown}: there is no such file, and no rubric of that name; {', '.join(SHIPPED)} are there."
        )
    return parse_rubric(octets, name)


def parse_rubric(octets: bytes, name: str) -> Rubric:
    """Read a rubric.

    Args:
        octets: The TOML text.
        name: Its name, for the message.

    Raises:
        ConfigError: It is no rubric.
    """
    from msgspec import toml

    try:
        rubric = toml.decode(octets, type=Rubric)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(name, str(error)) from None
    if fault := _fault(rubric):
        raise _refused(name, fault)
    return rubric


def _read(path: Path) -> bytes:
    from smtp_shell.private_files import reason_of

    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST + 1)
    except OSError as error:
        raise _refused(str(path), f"it cannot be read: {reason_of(error)}") from None
    if len(octets) > _LARGEST:
        raise _refused(str(path), f"it is larger than {_LARGEST:,} octets")
    return octets


def _refused(name: str, reason: str) -> ConfigError:
    return ConfigError(f"{escape_str(name)} is no rubric: {escape_str(reason)}; smtp-shell lint --help shows one.")


def _fault(rubric: Rubric) -> str:
    from smtp_shell.lint.rules import all_rules

    if not (rubric.step or rubric.forbid or rubric.message != MessageDemand()):
        return "it has neither step, message nor forbid"
    if len(rubric.step) + len(rubric.forbid) > _MOST_STEPS:
        return f"it has more than {_MOST_STEPS} steps"
    unknown = [name for name in rubric.ignore if name not in all_rules()]
    if unknown:
        return f"ignore names {quoted(escape_str(unknown[0]), SINGLE)}, which is no rule"
    for number, step in enumerate((*rubric.step, *rubric.forbid), 1):
        if fault := _fault_of_step(step):
            return f"step {number}: {fault}"
    for name, pattern in rubric.message.match.items():
        if fault := _fault_of_pattern(pattern, whole=True):
            return f"match of {escape_str(name)}: {fault}"
    return ""


def _fault_of_step(step: Step) -> str:
    if sum(each is not None for each in (step.client, step.happens, step.auth)) != 1:
        return "it has one of client, happens and auth"
    if (step.pattern or step.reply) and step.client is None:
        return "pattern and reply are for a client's command"
    if step.pattern and (fault := _fault_of_pattern(step.pattern, whole=False)):
        return fault
    for code in step.reply.split("|") if step.reply else ():
        if len(code) != 3 or not all(char in "0123456789yz" for char in code):
            return "reply is codes such as 250, 2yz or 250|251"
    return ""


def _fault_of_pattern(pattern: str, *, whole: bool) -> str:
    try:
        Pattern.parse(pattern)  # whose place in the pattern is that in the file
        Pattern.parse(_bound(pattern, whole=whole))
    except ValueError as error:
        return str(error)
    return ""


def _bound(pattern: str, *, whole: bool) -> str:
    """Return the pattern that matches a whole text, or anywhere in it, whatever it begins with. Flags stay at its start."""
    flags = _FLAGS.match(pattern)
    end = flags.end() if flags else 0
    start, inner = pattern[:end], pattern[end:]
    return rf"{start}\A(?:{inner})\Z" if whole else f"{start}(?s:.*?)(?:{inner})"


class Happening(Struct, frozen=True):
    """What occurred, as steps ask for it.

    Args:
        kind: `client`, `auth`, `tls` or `message`.
        code: The reply code; 0 if it is not known, and 1 where a script leaves the reply out.
        tls: Whether it was inside TLS.
        place: Where.
        name: The verb or the mechanism.
        text: What follows the verb, escaped.
    """

    kind: str
    code: int
    tls: bool
    place: Place
    name: str = ""
    text: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the server did not refuse it."""
        return 0 < self.code < 400


class RubricCheck:
    """Compares one dialogue with a rubric, moment by moment.

    Args:
        rubric: The rubric.
        name: Its name, shown as the source of each finding; empty for none.
    """

    def __init__(self, rubric: Rubric, name: str) -> None:
        self._rubric = rubric
        self._sources = (escape_str(name),) if name else ()
        self._done = [False] * len(rubric.step)
        self._late: dict[int, Place] = {}  # a step that was passed over -> where it should have come
        self._refused: dict[int, Happening] = {}  # a step that was tried in vain
        self._next = 0
        self._tls = False
        self._last = Place()
        self._pending: deque[tuple[Command, Happening]] = deque()
        self._authenticated = False
        self._message: Happening | None = None  # a message whose reply a script leaves out, perhaps

    def feed(self, moment: Moment, view: View, place: Place) -> list[Finding]:
        """Return what a moment makes certain.

        Args:
            moment: The moment.
            view: Where the dialogue stood before it.
            place: Where it is.
        """
        self._last = place
        found = [] if view.is_recorded or view.owed else self._assume_replies()
        if view.tls and not self._tls:
            found += self._happened(Happening("tls", 1, True, place))
        self._tls = view.tls
        if view.authenticated and not self._authenticated:  # in a script that leaves the 235 out
            found += self._happened(Happening("auth", 1, view.tls, place, view.mechanism))
        self._authenticated = view.authenticated
        match moment:
            case CommandLine():
                found += self._command(moment, view, place)
            case Answer():
                found += self._answer(moment, view, place)
            case HeaderSent():
                found += self._header(moment, place)
            case MessageSent():
                found += self._message_sent(moment, view, place)
            case Disconnected():  # the same command on the next connection has a reply of its own
                found += self._assume_replies()
        return found

    def end(self) -> list[Finding]:
        """Return what the end of the dialogue makes certain: the steps that did not occur."""
        found = self._assume_replies()
        for number, step in enumerate(self._rubric.step):
            if self._done[number] or step.optional:
                continue
            if refused := self._refused.get(number):
                said = f"the server said {refused.code}" if refused.code > 1 else "no reply came"
                wanted = f"; {step.reply} was to come" if step.reply else ""
                found.append(
                    self._finding("rubric-reply", refused.place, f"{step.name} has not succeeded: {said}{wanted}")
                )
            else:
                message = f"{step.name} is missing; it should have come before this line"
                if number not in self._late:
                    message = f"{step.name} is missing; there is none up to here"
                found.append(self._finding("rubric-step", self._late.get(number, self._last), message))
        return found

    def _command(self, sent: CommandLine, view: View, place: Place) -> list[Finding]:
        found: list[Finding] = []
        text = escape(sent.argument)
        happening = Happening("client", 0 if view.is_recorded else 1, view.tls, place, sent.verb, text)
        for step in self._rubric.forbid:
            if _matches(step, happening):
                found.append(self._finding("rubric-forbidden", place, f"{step.name} may not occur here"))
        if len(self._pending) < _MOST_PENDING:
            self._pending.append((sent.command, happening))
        return found

    def _message_sent(self, message: MessageSent, view: View, place: Place) -> list[Finding]:
        self._message = None if view.is_recorded else Happening("message", 1, view.tls, place)
        if self._rubric.message.text and not message.body_octets:
            return [self._finding("rubric-text", place, "the message has no text after its header")]
        return []

    def _assume_replies(self) -> list[Finding]:
        """Count commands and a message whose replies do not come: as accepted in a script, which leaves them out, else as refused."""
        happened = [each for _, each in self._pending]
        self._pending.clear()
        if self._message is not None:
            happened.append(self._message)
            self._message = None
        return [finding for each in happened for finding in self._happened(each)]

    def _answer(self, answer: Answer, view: View, place: Place) -> list[Finding]:
        owed, code = answer.owed, answer.reply.code
        if owed is None:
            return []
        found: list[Finding] = []
        if owed.asked in (Asked.END_OF_DATA, Asked.CHUNK):
            self._message = None
            found += self._happened(Happening("message", code, view.tls, place))
        if owed.verb == "AUTH" and code != 334:
            self._authenticated = self._authenticated or code == 235
            found += self._happened(Happening("auth", code, view.tls, place, view.mechanism))
        # An answer to a later line of AUTH names a command that is not pending any more.
        if owed.command is not None and any(command.line == owed.command.line for command, _ in self._pending):
            command, happening = self._pending.popleft()
            while command.line != owed.command.line:  # replies come in order: to this one comes none
                found += self._happened(happening)
                command, happening = self._pending.popleft()
            found += self._happened(replace(happening, code=code))
        return found

    def _happened(self, happening: Happening) -> list[Finding]:
        numbers = [number for number, step in enumerate(self._rubric.step) if _matches(step, happening)]
        open_ = [number for number in numbers if not self._done[number]]
        ahead = [number for number in open_ if number >= self._next] if self._rubric.order else open_
        chosen = next(iter(ahead or open_), None)
        if chosen is None:
            return []
        step = self._rubric.step[chosen]
        if not _is_good(step, happening):
            self._refused[chosen] = happening
            return []
        self._done[chosen] = True
        if not self._rubric.order:
            return []
        if chosen < self._next:
            return [
                self._finding(
                    "rubric-order",
                    happening.place,
                    f"{step.name} comes too late; the order of the steps is another one",
                )
            ]
        for passed in range(self._next, chosen):
            self._late.setdefault(passed, happening.place)
        self._next = chosen + 1
        return []

    def _header(self, header: HeaderSent, place: Place) -> list[Finding]:
        demand = self._rubric.message
        found: list[Finding] = []
        for name in demand.fields:
            if not header.all(name.lower()):
                found.append(self._finding("rubric-header", place, f"the header has no field {escape_str(name)}"))
        for name in demand.no_fields:
            for field in header.all(name.lower())[:1]:
                found.append(self._finding("rubric-header", field.place, f"the header has a field {escape_str(name)}"))
        for name, pattern in demand.match.items():
            for field in header.all(name.lower())[:1]:
                if not _fits(pattern, escape(field.value), whole=True):
                    message = f"the field {escape_str(name)} is not as asked: {escape_str(pattern)}"
                    found.append(self._finding("rubric-header", field.place, message))
        return found

    def _finding(self, rule: str, place: Place, message: str) -> Finding:
        return Finding(place.line, place.seq, rule, Severity.ERROR, message, self._sources)


def _matches(step: Step, happening: Happening) -> bool:
    if step.tls is not None and step.tls != happening.tls:
        return False
    if step.client is not None:
        is_it = happening.kind == "client" and happening.name == step.client.upper()
        return is_it and (not step.pattern or _fits(step.pattern, happening.text, whole=False))
    if step.auth is not None:
        return happening.kind == "auth" and step.auth.upper() in ("", happening.name)
    return happening.kind == step.happens


def _is_good(step: Step, happening: Happening) -> bool:
    if not step.reply or happening.code in (0, 1):
        return happening.succeeded
    code = str(happening.code)
    return any(all(w in ("y", "z", c) for w, c in zip(each, code, strict=False)) for each in step.reply.split("|"))


def _fits(pattern: str, text: str, *, whole: bool) -> bool:
    """Return whether a text matches; one that takes too long to match does not.

    Args:
        pattern: A regular expression.
        text: Printable text.
        whole: Whether all of the text has to match.
    """
    try:
        return Pattern.parse(_bound(pattern, whole=whole)).match(text) is not None
    except PatternTooSlow:
        return False

r"""Whole replays against a server that is a list of turns, on a clock that only waits move: exact to the octet and the second.

`dialogues/*.txt` holds the cases. Each begins with `=== NAME`, an optional line `options: …`, and the transcript. What the server does
follows `--- server`, one turn a line, octets in the notation of transcripts:

```
say 220 mx.example\r\n        send octets
hear NOOP\r\n                 read until these octets have come
pause 0.3                     let time pass
close, reset                  end the connection
```

What came of it follows `--- report` (and `--- report of keep-going`, where that is tried as well). After a change that is meant,
`python -m tests.unit.replay.played` writes the reports anew: read the difference before you commit it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest.mock import patch

from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts
from smtp_shell.errors import ConnectFailed, ConnectionLost, SmtpShellError, TlsFailed
from smtp_shell.matching.expectation import Strictness
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.events import Entry
from smtp_shell.protocol.octets import escape, unescape
from smtp_shell.protocol.sasl import Credentials, Mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.recording.encoder import event_steps
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import Act, Answer, Decision, PendingStep, ReplayResult, StepResult
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.updating import AnswerLog, diff_lines, write_update
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker
from tests.unit.replay.fake import FakeTransport

CASES = Path(__file__).parent / "dialogues"
SERVER = "mx.example:25"
AS_ABOVE = "as above"
_TIMED = ("client.session", *(f"replay.{name}" for name in ("driver", "client", "connection", "emitter", "incoming")))
_TIMEOUTS = replace(Timeouts().all(1.0), greeting=2.0, data=3.0, final_dot=4.0, quit=0.5)


class Clock:
    """A clock that stands still but for waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class PlayedTransport(FakeTransport):
    """A connection to a server that does one turn after the other.

    Args:
        turns: The turns, as lines of a case.
        clock: Is moved by waits.
        log: Takes what happens to the connection.
    """

    def __init__(self, turns: Sequence[str], clock: Clock, log: list[str]) -> None:
        self._turns = [(kind, rest) for kind, _, rest in (turn.partition(" ") for turn in turns if turn)]
        self._clock = clock
        self._pause: float | None = None  # what is left of one
        self._heard = b""
        super().__init__(())
        self.log = log
        self._go_on()

    def _go_on(self) -> None:
        """Do the turns up to one that waits."""
        while self._turns and self._pause is None:
            kind, rest = self._turns[0]
            if kind == "hear":
                octets = unescape(rest)
                if octets not in self._heard:
                    return
                self._heard = self._heard.partition(octets)[2]
            elif kind == "pause":
                self._pause = float(rest)
            elif kind == "close":
                self._arrived.append(b"")
            elif kind == "reset":
                self._arrived.append(ConnectionLost("the server dropped the connection."))
            elif kind == "interrupt":
                self._arrived.append(KeyboardInterrupt())
            elif kind == "no-tls":
                self.tls_error = TlsFailed("the handshake failed: the server refused it.")
            else:
                assert kind == "say"
                self._arrived.append(unescape(rest))
            self._turns.pop(0)

    def send(self, octets: bytes, seconds: float, until: float = float("inf")) -> None:
        self.log.append(f"> {escape(octets)}")
        self._heard += octets
        self._go_on()

    def recv(self, deadline: float) -> bytes | None:
        left = max(deadline - self._clock.now, 0.0)
        while not self._arrived and self._pause is not None and self._pause <= left:
            self._clock.now += self._pause
            left -= self._pause
            self._pause = None
            self._go_on()
        if self._arrived:
            arrived = self._arrived.pop(0)
            if isinstance(arrived, BaseException):
                raise arrived
            return arrived
        if self._pause is not None:
            self._pause -= left
        assert left < 10_000, "a wait without an end"
        self._clock.now += left
        return None

    def close(self) -> None:
        self.log.append("closed")

    def abort(self, *, reset: bool = False) -> None:
        self.log.append("reset" if reset else "dropped")


@dataclass
class Case:
    """A case of a file."""

    name: str
    options: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    server: list[str] = field(default_factory=list)
    reports: dict[str, list[str]] = field(default_factory=dict)

    @property
    def runs(self) -> list[str]:
        """The titles of its reports."""
        return [
            f"report of {name}" if name else "report"
            for name in (["", "keep-going"] if "both" in self.options else [""])
        ]

    def wanted(self, title: str) -> list[str]:
        """Return the lines of a report."""
        return self.reports[self.runs[0]] if self.reports[title] == [AS_ABOVE] else self.reports[title]

    def lines(self) -> Iterator[str]:
        """Yield the case as it stands in its file."""
        yield f"=== {self.name}"
        if self.options:
            yield f"options: {' '.join(self.options)}"
        yield from self.transcript
        for title, lines in (("server", self.server), *self.reports.items()):
            yield f"--- {title}"
            yield from lines


def read_cases(path: Path) -> list[Case]:
    """Read the cases of a file."""
    cases: list[Case] = []
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("=== "):
            cases.append(Case(line[4:]))
            lines = cases[-1].transcript
        elif line.startswith("--- "):
            lines = cases[-1].server if line == "--- server" else cases[-1].reports.setdefault(line[4:], [])
        elif line.startswith("options: ") and lines is cases[-1].transcript and not lines:
            cases[-1].options = line[9:].split()
        else:
            lines.append(line)
    return cases


def played(case: Case, title: str, folder: Path) -> list[str]:
    """Replay a case, and return its report.

    Args:
        case: The case.
        title: Which of its reports.
        folder: Takes the transcript.
    """
    path = folder / "test.smtp"
    path.write_text("".join(f"{line}\n" for line in case.transcript), encoding="utf-8")
    (folder / "letter.eml").write_bytes(b"Subject: x\n\n.dot\nlast")
    (folder / "part.smtp").write_text("C: HELP\nS: 214\n")
    (folder / "part2.smtp").write_text("S: 214 the rest\nC: NOOP\n")
    log: list[str] = []
    clock = Clock()
    settings = replace(
        _settings(case.options, log, clock), keep_going=title.endswith("keep-going") or "keep-going" in case.options
    )
    answers = AnswerLog([path])
    if "update" in case.options:
        settings = replace(settings, observe=answers)
    with ExitStack() as stack:
        _stop_the_clocks(stack, clock)
        stack.enter_context(patch("smtp_shell.client.authentication._nonce", lambda: "fyko+d2lbbFgONRv9qkxdawL"))
        stack.enter_context(patch("smtp_shell.client.session.connect", _Connecting(case.server, clock, log)))
        try:
            run = Replay(path, settings)
            result = run.run(lambda step: log.append("  told " + _name(step)))
        except SmtpShellError as error:
            return [f"refused {error.exit_status}: {error.message}".replace(str(folder), "…")]
        if run.session is not None:
            log.append(f"open {run.session.waits.deadline} {run.session.waits.reply_timeout}")
            run.session.close()
    text = [*log, *_of_result(result), *(line for step in result.steps for line in _of_step(step))]
    if "update" in case.options:
        text = [*_of_updates(answers)]
    return [line.replace(str(folder), "…") for each in text for line in each.split("\n")]


def _of_updates(answers: AnswerLog) -> Iterator[str]:
    for update in list(answers.updates()):
        yield from (f"  {line}".rstrip() for line in diff_lines(update))
        yield from (f"left {reason}" for reason in update.left)
        if update.edits:
            write_update(update)
            yield f"{update.path.name} now:"
            yield from (f"  {line}".rstrip() for line in update.path.read_bytes().decode().split("\n"))


def _stop_the_clocks(stack: ExitStack, clock: Clock) -> None:
    for name in _TIMED[1:]:
        stack.enter_context(patch(f"smtp_shell.{name}.monotonic", clock))
    stack.enter_context(patch("smtp_shell.replay.connection.sleep", clock.sleep))
    stack.enter_context(patch("smtp_shell.client.session.time", SimpleNamespace(monotonic=clock)))
    defaults = Session.__init__.__kwdefaults__
    assert defaults is not None
    stack.enter_context(patch.dict(defaults, clock=clock))


class _Connecting:
    """Connects to the server of a case, each time anew."""

    def __init__(self, turns: Sequence[str], clock: Clock, log: list[str]) -> None:
        self._turns, self._clock, self._log = turns, clock, log

    def __call__(self, target: object, seconds: float, *_: object) -> Transport:
        self._log.append(f"connected to {target} within {seconds:g} s")
        if self._turns[:1] == ["refuse"]:
            raise ConnectFailed("no connection: it was refused.")
        return PlayedTransport(self._turns, self._clock, self._log)


def _settings(options: Sequence[str], log: list[str], clock: Clock) -> ReplaySettings:
    settings = ReplaySettings(server=SERVER, timeouts=_TIMEOUTS, variables={})
    for option in options:
        name, _, value = option.partition("=")
        match name:
            case "both" | "keep-going" | "update":
                pass
            case "match":
                settings = replace(settings, strictness=Strictness.parse(value))
            case "starttls" | "tls" | "outside" | "send_secrets" | "allow_cleartext":
                settings = replace(settings, **{name: True})
            case "overall":
                settings = replace(settings, overall=float(value))
            case "timeout":
                settings = replace(settings, timeouts=_TIMEOUTS.all(float(value)))
            case "quit":
                settings = replace(settings, timeouts=replace(settings.timeouts, quit=float(value)))
            case "server":
                settings = replace(settings, server=value or None)
            case "user":
                user = unescape(value).decode("utf-8", "surrogateescape")
                settings = replace(settings, credentials=_finding(user, log))
            case "recorded":
                settings = replace(settings, consumers=(lambda entry: log.extend(_of_entry(entry)),))
            case "var":
                key, _, content = value.partition(":")
                settings = replace(settings, variables={**settings.variables, key: content})
            case "observed":
                settings = replace(settings, observe=lambda answer: log.append(_of_answer(answer)))
            case _:
                assert name == "decide"
                settings = replace(settings, before_step=_Deciding(value.split(","), log, clock))
    return settings


def _finding(user: str, log: list[str]) -> object:
    def find(mechanism: Mechanism, named: str) -> Credentials:
        log.append(f"  credentials for {mechanism.name} {named}".rstrip())
        return Credentials(named or user, Secret("s3cret"))

    return find


class _Deciding:
    """A user, who decides as a case says: `send`, `skip`, `edit:LINE` with `_` for a space, `hand-over`, `quit`; `3+send` after 3 s."""

    def __init__(self, decisions: list[str], log: list[str], clock: Clock) -> None:
        self._decisions, self._log, self._clock = decisions, log, clock

    def __call__(self, step: PendingStep) -> Decision:
        shown = [f"{name}={value!r}" for name in PendingStep.__struct_fields__ if (value := getattr(step, name))]
        self._log.append(f"  asked {' '.join(shown)}")
        seconds, _, decision = self._decisions.pop(0).rpartition("+")
        self._clock.now += float(seconds or 0)
        act, _, text = decision.partition(":")
        return Decision(Act(act.replace("-", " ")), text.replace("_", " "))


def _name(step: StepResult) -> str:
    return f"{step.outcome} {','.join(map(str, step.lines)) or '-'}"


def _of_result(result: ReplayResult) -> Iterator[str]:
    counts = ", ".join(f"{number} {outcome}" for outcome, number in result.counts.items() if number)
    yield f"status {result.exit_status}, {result.server or 'nowhere'}, {result.seconds:.3f} s: {counts or 'nothing'}"
    for name in ("failure", "ending", "handed_over"):
        if value := getattr(result, name):
            yield f"{name}: {value}"


def _of_step(step: StepResult) -> Iterator[str]:
    marks = [name for name in ("edited", "in_finally") if getattr(step, name)]
    yield " ".join([_name(step), f"{step.seconds:.3f} s", str(step.code), *marks, repr(step.sent)])
    path = "" if step.path.endswith("test.smtp") else f" in {step.path}"
    if step.why:
        yield f"    why: {step.why}{path}"
    for name in ("expectations", "replies"):
        if values := getattr(step, name):
            yield f"    {name}: {' | '.join(escape(each) if isinstance(each, bytes) else repr(str(each)) for each in values)}"
    if step.captures:
        yield f"    captures: {dict(step.captures)}"
    if (found := step.difference) is not None:
        places = f"at={found.at} line={found.line} reply={found.reply} {found.file}".rstrip()
        yield f"    differs: {found.expected!r} {found.received!r} {places}"


def _of_entry(entry: Entry) -> Iterator[str]:
    """Yield the lines that a recording has for an event."""
    for step in event_steps(entry.event, entry.at):
        if step.marker in CLIENT_LINES or step.marker in SERVER_LINES or step.marker is Marker.NOTE:
            yield f"  recorded {step.marker} {step.text}"


def _of_answer(answer: Answer) -> str:
    marks = [name for name in ("ok", "greets", "broken") if getattr(answer, name)]
    lines = " ".join(f"{line.line}:{line.text}" for line in answer.lines) or f"after {answer.after}"
    came = escape(answer.octets) if answer.octets is not None else "nothing whole"
    return f"  observed {came} [{lines}] {' '.join([answer.verb, *marks])}".rstrip()


def main(names: Sequence[str]) -> None:
    """Write the reports anew."""
    for path in sorted(CASES.glob("*.txt")):
        if names and path.stem not in names:
            continue
        cases = read_cases(path)
        for case in cases:
            with TemporaryDirectory() as folder:
                reports = {title: played(case, title, Path(folder)) for title in case.runs}
            first = reports[case.runs[0]]
            case.reports = {
                title: [AS_ABOVE] if title != case.runs[0] and told == first else told
                for title, told in reports.items()
            }
        path.write_text("".join(f"{line}\n" for case in cases for line in case.lines()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""What the parts of a replay's client share: the script, what comes, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from smtp_shell.client.session import Session
from smtp_shell.errors import DialogueBroken
from smtp_shell.protocol.octets import unescape
from smtp_shell.replay.cursor import Script
from smtp_shell.replay.incoming import Arrivals
from smtp_shell.replay.results import Outcome, StepResult, Words, excerpt
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.verifier import Settled, Settler
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import Template, Variables

_MATCHED, _MISMATCHED, _SENT = Outcome.MATCHED, Outcome.MISMATCHED, Outcome.SENT
_NOTHING = Words()


class Stopped(Exception):
    """The replay goes no further.

    Args:
        handed_over: Whether a person goes on by hand.
    """

    def __init__(self, *, handed_over: bool = False) -> None:
        super().__init__()
        self.handed_over = handed_over


class Stage:
    """What a replay's client has at hand.

    Args:
        script: The steps.
        settings: How they are replayed.
        variables: Values for variables.
        folder: The transcript's folder.
        settler: Compares what comes with what is expected.
        arrivals: What comes.
        report: Takes what came of a step, its exit status, and whether the replay cannot go on; raises `Stopped` where it ends.
        pause: Takes how many seconds a person took.

    Attributes:
        edited: Whether a person has changed the step that is acted out.
        to_prepare: What is needed later and can be done meanwhile; the last comes first.
    """

    def __init__(
        self,
        script: Script,
        settings: ReplaySettings,
        variables: Variables,
        folder: Path,
        settler: Settler,
        arrivals: Arrivals,
        report: Callable[[StepResult, int, bool], None],
        pause: Callable[[float], None],
    ) -> None:
        self.script = script
        self.settings = settings
        self.variables = variables
        self.folder = folder
        self.settler = settler
        self.arrivals = arrivals
        self.report = report
        self._pause = pause
        self.edited = False
        self.to_prepare: list[Callable[[], object]] = []
        self._untold: list[tuple[tuple[int, ...], str, Settled, float, bool]] = []

    def expand(self, step: Step) -> bytes:
        """Give the octets of a client line, its variables replaced.

        Raises:
            UsageError: A variable has no value.
            NotSendable: A value would not stay inside one line.
        """
        if "${" not in step.text:
            return unescape(step.text)
        template = Template.parse(step.text)
        if step.marker is Marker.CLIENT_OCTETS:
            return b"".join(
                part if isinstance(part, bytes) else self.variables.value(part).encode("utf-8", "surrogateescape")
                for part in template.parts
            )
        return template.expand(self.variables.value)

    def attempt(self, send: Callable[[], object]) -> None:
        """Send; what goes wrong is met where the reply is waited for, behind all that the server still said."""
        if self.arrivals.broken is not None:
            return
        try:
            send()
        except DialogueBroken as error:
            self.arrivals.broken = error

    def tell(
        self, lines: tuple[int, ...], sent: str, settled: Settled, started: float, *, may_go_on: bool = True
    ) -> None:
        """Tell what came of a step: at once when it differs, else with the next `catch_up`.

        Args:
            lines: Numbers of its lines.
            sent: What was sent, as it may be shown.
            settled: What came of waiting.
            started: When it began, on the clock of `time.monotonic`.
            may_go_on: Whether a replay that keeps going goes on behind it when it differs.

        Raises:
            Stopped: The replay ends here.
        """
        self._untold.append((lines, sent, settled, monotonic() - started, self.edited))
        if settled.status:
            self.catch_up(may_go_on=may_go_on and not settled.ended)

    def use_wait(self) -> None:
        """Do what can be done while the server has its turn: tell what has not been told yet, read on in the script, and prepare.

        Raises:
            TranscriptError: The script cannot be read on.
        """
        self.catch_up()
        self.script.read_on()
        if self.to_prepare:
            self.to_prepare.pop()()

    def catch_up(self, *, may_go_on: bool = True) -> None:
        """Tell what has not been told yet: what went well is told while the next reply is awaited, to lose no time.

        Args:
            may_go_on: Whether a replay that keeps going goes on when the last step differs.

        Raises:
            Stopped: The replay ends here.
        """
        if not self._untold:
            return
        untold, self._untold = self._untold, []
        for lines, sent, settled, seconds, edited in untold:
            outcome = _MISMATCHED if settled.status else _MATCHED if settled.demanded else _SENT
            result = StepResult(
                self.script.name,
                lines,
                excerpt(sent),
                settled.words,
                outcome,
                settled.why,
                seconds,
                settled.code,
                edited,
            )
            self.report(result, settled.status, not may_go_on)

    @contextmanager
    def asking(self, session: Session) -> Iterator[None]:
        """Ask a person something: all that happened is told and recorded before, and what it takes is not the replay's time."""
        self.catch_up()
        session.catch_up()
        started = monotonic()
        yield
        self._pause(monotonic() - started)

    def tell_skipped(self, lines: tuple[int, ...], sent: str, why: str, status: int = 0) -> None:
        """Tell that a step was passed over.

        Raises:
            Stopped: The replay ends here.
        """
        self.catch_up()
        outcome = Outcome.MISMATCHED if status else Outcome.SKIPPED
        self.report(StepResult(self.script.name, lines, excerpt(sent), _NOTHING, outcome, why), status, False)

"""Stepping by hand: a user decides about each client step before it is sent."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.masking import ExchangeLines
from smtp_shell.replay.results import Act, Decision, PendingStep, excerpt
from smtp_shell.replay.sasl_steps import shown_line
from smtp_shell.transcript.included_line import file_of
from smtp_shell.transcript.notation import clean, client_text
from smtp_shell.transcript.step import SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, SASL_MARK, Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smtp_shell.replay.results import BeforeStep
    from smtp_shell.transcript.variables import Variables

_MOST_SHOWN = 100
_MOST_EXPECTED = 20
_MOST_NOTES = 1000  # the look-ahead of a replay has no more steps


class StepNotes:
    """Passes the steps of a transcript on, and keeps the notes among them until a user is asked about the step that follows them.

    Args:
        steps: The steps, as a stream.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = steps
        self._notes: deque[Step] = deque(maxlen=_MOST_NOTES)

    def __iter__(self) -> Iterator[Step]:
        for step in self._steps:
            if step.marker is Marker.NOTE:
                self._notes.append(step)
            yield step

    def before(self, line: int) -> tuple[str, ...]:
        """Return the notes before a line of the file, each once."""
        found: list[str] = []
        while self._notes and (self._notes[0].line < line or file_of(self._notes[0].line) != file_of(line)):
            found.append(self._notes.popleft().text)
        return tuple(found)


class Decided(Struct, frozen=True):
    """What a user has decided about a step.

    Args:
        act: What to do; never `EDIT`, which becomes `SEND` of other steps.
        steps: What to send.
        shown: The step as it was shown.
        edited: Whether `steps` are the user's.
    """

    act: Act
    steps: tuple[Step, ...]
    shown: str
    edited: bool = False


def decide(
    ask: BeforeStep,
    steps: Sequence[Step],
    variables: Variables,
    notes: tuple[str, ...] = (),
    *,
    in_exchange: bool,
    mail_data: bool,
    expected: tuple[str, ...] = (),
) -> Decided:
    """Ask a user about a step until the answer can be carried out.

    Args:
        ask: Asks the user.
        steps: The lines of the step.
        variables: Values of variables, for a line that the user types.
        notes: The notes before the step; shown with the first question.
        in_exchange: Whether the step answers a challenge.
        mail_data: Whether it is mail data, which can only be sent.
        expected: The lines expected in reply, as `expected_ahead` returns them.
    """
    is_event = steps[0].marker is Marker.EVENT
    is_fixed = mail_data or is_event
    text = f"{steps[0].marker} {steps[0].text}" if is_event else shown_steps(steps, in_exchange=in_exchange)
    # Filled in once: a new uuid that is shown is the one that is sent.
    filled = tuple(steps) if is_fixed else tuple(_filled(step, variables) for step in steps)
    shown = "" if filled == tuple(steps) else excerpt(shown_steps(filled, in_exchange=in_exchange))
    draft = text if not is_fixed and text == steps[0].text else ""
    problem = ""
    while True:
        pending = PendingStep(steps[0].line, excerpt(text), mail_data, problem, notes, shown, expected, draft, is_event)
        decision = ask(pending)
        notes = ()
        if decision.act is not Act.EDIT:
            act = Act.SEND if mail_data and decision.act is Act.SKIP else decision.act
            return Decided(act, filled if act is Act.SEND else tuple(steps), text)
        what = "mail data" if mail_data else "an event"
        problem = f"{what} cannot be edited" if is_fixed else _problem_of(decision, variables)
        if not problem:
            marker = Marker.CLIENT_OCTETS if steps[-1].marker is Marker.CLIENT_OCTETS else Marker.CLIENT
            line = Step(marker, clean(decision.text), steps[0].at, steps[0].line)
            return Decided(Act.SEND, (line,), text, edited=True)


def expected_ahead(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the lines that are expected next, each with its marker.

    Args:
        steps: The steps that follow a client line.
    """
    lines: list[str] = []
    for step in steps:
        if step.marker not in SERVER_LINES or len(lines) == _MOST_EXPECTED:
            break
        lines.append(excerpt(f"{step.marker} {step.text}"))
    return tuple(lines)


def shown_steps(steps: Sequence[Step], *, in_exchange: bool) -> str:
    """Return client lines as they may be shown before they are sent, joined with LF.

    Args:
        steps: The lines.
        in_exchange: Whether the first one answers a challenge.
    """
    exchange = ExchangeLines(challenged=in_exchange)
    return "\n".join(shown_line(step, exchange) for step in steps[:_MOST_SHOWN])


def _filled(step: Step, variables: Variables) -> Step:
    """Return a step with values for its variables; as it is where one has none, which is found out when it is sent."""
    template = Template.parse(step.text)
    if not template.names - {SASL}:
        return step

    def value_of(name: str) -> str:
        return SASL_MARK if name == SASL else variables.value(name)

    try:
        text = "".join(
            client_text(part) if isinstance(part, bytes) else _value_text(part, value_of(part))
            for part in template.parts
        )
    except SmtpShellError:
        return step
    return Step(step.marker, text, step.at, step.line)


def _value_text(name: str, value: str) -> str:
    if name == SASL:
        return value
    # A value that cannot be sent is refused here too.
    return client_text(Template((name,)).expand(lambda _: value))


def _problem_of(decision: Decision, variables: Variables) -> str:
    """Return why a line that the user typed cannot be sent; empty if it can."""
    try:
        variables.require(Template.parse(decision.text).names)
    except (ValueError, SmtpShellError) as error:
        return str(error)
    return ""

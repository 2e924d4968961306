"""Stepping by hand: a user decides about each client step before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.masking import ExchangeLines
from smtp_shell.replay.results import Act, Decision, PendingStep, excerpt
from smtp_shell.replay.sasl_steps import shown_line
from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.variables import Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.replay.results import BeforeStep
    from smtp_shell.transcript.variables import Variables

_MOST_SHOWN = 100


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
    ask: BeforeStep, steps: Sequence[Step], variables: Variables, *, in_exchange: bool, mail_data: bool = False
) -> Decided:
    """Ask a user about a step until the answer can be carried out.

    Args:
        ask: Asks the user.
        steps: The lines of the step.
        variables: Values of variables, for a line that the user types.
        in_exchange: Whether the step answers a challenge.
        mail_data: Whether it is mail data, which can only be sent.
    """
    exchange = ExchangeLines(challenged=in_exchange)
    text = "\n".join(shown_line(step, exchange) for step in steps[:_MOST_SHOWN])
    problem = ""
    while True:
        decision = ask(PendingStep(steps[0].line, excerpt(text), mail_data, problem))
        if decision.act is not Act.EDIT:
            act = Act.SEND if mail_data and decision.act is Act.SKIP else decision.act
            return Decided(act, tuple(steps), text)
        problem = "mail data cannot be edited" if mail_data else _problem_of(decision, variables)
        if not problem:
            marker = Marker.CLIENT_OCTETS if steps[-1].marker is Marker.CLIENT_OCTETS else Marker.CLIENT
            line = Step(marker, clean(decision.text), steps[0].at, steps[0].line)
            return Decided(Act.SEND, (line,), text, edited=True)


def _problem_of(decision: Decision, variables: Variables) -> str:
    """Return why a line that the user typed cannot be sent; empty if it can."""
    try:
        variables.require(Template.parse(decision.text).names)
    except (ValueError, SmtpShellError) as error:
        return str(error)
    return ""

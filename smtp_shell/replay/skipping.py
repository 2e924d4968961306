"""What a replay passes without sending it, once a dialogue has ended: step by step, as it would have been reported."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.masking import ExchangeLines
from smtp_shell.replay.sasl_steps import shown_line
from smtp_shell.transcript.step import CLIENT_LINES, Marker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.replay.client import ReplayClient
    from smtp_shell.replay.cursor import StepCursor
    from smtp_shell.transcript.step import Step

_MOST_SHOWN = 100
_line_of = attrgetter("line")


class PassedStep(Struct, frozen=True):
    """A step that was passed.

    Args:
        lines: Numbers of its lines; for mail data the first and the last.
        shown: The step, as it may be shown.
    """

    lines: tuple[int, ...]
    shown: str


def pass_dialogue(cursor: StepCursor, client: ReplayClient, *, to_the_end: bool = False) -> Iterator[PassedStep]:
    """Pass the steps up to the next `*: connect` or `*: finally`, and yield each.

    Args:
        cursor: The transcript.
        client: Knows groups and mail data.
        to_the_end: Whether to pass the following connections too, up to `*: finally`.
    """
    exchange = ExchangeLines()
    exchange.is_open = True  # the dialogue may have ended inside one
    while True:
        step = cursor.step
        if cursor.expects:
            line = step.line if step is not None else cursor.line
            cursor.skip_expected()
            yield PassedStep((line,), "(a reply)")
        elif step is None:
            return
        elif step.marker is Marker.EVENT:
            if step.event[0] == "finally" or (step.event[0] == "connect" and not to_the_end):
                return
            cursor.advance()
            if step.event[0] == "authenticate":
                cursor.skip_expected()
                yield PassedStep((step.line,), "*: authenticate")
            elif step.event[0] == "connect" or step.event[:2] == ("close", "server"):
                yield PassedStep((step.line,), f"*: {' '.join(step.event[:2])}")
        elif step.marker is Marker.MAIL_DATA_FILE:
            yield PassedStep(client.mail.skip("", 0).lines, "(mail data)")
        else:
            steps = client.take_group(step)
            pass_chunk(cursor, steps)
            verb = Command.parse(steps[-1].octets).verb
            expected = None  # of a group the reply to its last line, which alone can be DATA or AUTH
            while (reply := cursor.take_expected()) is not None:
                expected = reply
            shown = "\n".join(shown_line(each, exchange) for each in steps[:_MOST_SHOWN])
            yield PassedStep(tuple(map(_line_of, steps)), shown)
            if expected is not None:
                exchange.receive(334 if expected.allows(334) else 250)
            if verb == "DATA" and (expected is None or expected.accepts_354) and client.mail.is_ahead():
                yield PassedStep(client.mail.skip("", 0).lines, "(mail data)")


def pass_chunk(cursor: StepCursor, steps: Sequence[Step]) -> None:
    """Pass the octets, or the lines, of the chunk that follows a group whose last line is BDAT: without it they are no chunk."""
    last = steps[-1]
    chunk = bdat_chunk(last.octets) if last.marker is not Marker.CLIENT_OCTETS else None
    if chunk is not None:
        pass_octets(cursor, chunk.size)


def pass_octets(cursor: StepCursor, left: int) -> None:
    """Pass the rest of a chunk.

    Args:
        cursor: The transcript.
        left: How many octets of it are left.
    """
    while (step := cursor.step) is not None and step.marker in CLIENT_LINES:
        is_line = step.marker is not Marker.CLIENT_OCTETS
        if is_line and left <= 0:
            return
        left -= len(step.octets) + (2 if is_line else 0)
        cursor.advance()

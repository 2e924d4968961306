"""What has to hold for files of other tools, whatever they hold and whatever they are taken for."""

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from smtp_shell.errors import TranscriptError
from smtp_shell.importers import dialects
from smtp_shell.importers.detection import Choice, choose, named
from smtp_shell.importers.scan import ForeignScan
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.foreign import Restored
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import Step
from smtp_shell.transcript.writer import TranscriptWriter
from tests.fuzz.material import assert_seen, at_most, never_raises, split_choices


def foreign(data: bytes) -> None:
    """A file is read as any dialect: what it becomes can be shown, written, and read again as the same, in bounded time."""
    choices, material = split_choices(data)
    names = [*dialects()]
    with at_most(5, "import"):
        found = [choice for choice in (choose(material), named(material, choices.one_of(names))) if choice is not None]
        for choice in found:
            _assert_steps(_steps(material, choice, keep_secrets=bool(choices.below(2))))


def _steps(octets: bytes, choice: Choice, *, keep_secrets: bool) -> list[Step]:
    stream = cast("BinaryIO", Restored(io.BytesIO(octets)))
    scan = ForeignScan(stream, "fuzz.log", choice, keep_secrets=keep_secrets)
    steps: list[Step] = []

    def read() -> None:
        for block in scan:
            steps.extend(block.steps)

    never_raises(read, TranscriptError)
    return steps


def _assert_steps(steps: list[Step]) -> None:
    assert_seen(*(step.text for step in steps))
    assert all(
        step.line >= 0 for step in steps
    )  # not in order: sessions that are mixed in a log stand one after the other
    stream = io.BytesIO()
    TranscriptWriter(stream, None).write_buffered(steps)
    again = [*TranscriptReader(io.BytesIO(stream.getvalue()), "fuzz.smtp")]
    assert [(step.marker, step.text) for step in again] == [(step.marker, step.text) for step in steps]
    never_raises(lambda: [*entries(steps)], TranscriptError)


TARGETS: dict[str, Callable[[bytes], None]] = {"foreign": foreign}

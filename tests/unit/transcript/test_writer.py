"""The writer: whole lines, and nothing that would read as something else."""

import io
import math
from typing import cast

import pytest

from smtp_shell.transcript.header import Header
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.writer import TranscriptWriter
from tests.support.transcripts import EXAMPLE, rewritten


def test_the_example_is_written_back_unchanged() -> None:
    assert rewritten(EXAMPLE) == EXAMPLE


def test_steps_written_buffered_are_not_flushed() -> None:
    stream = io.BytesIO()
    buffered = io.BufferedWriter(cast(io.RawIOBase, stream))
    writer = TranscriptWriter(buffered, Header.new(client="x"))
    start = stream.getvalue()
    writer.write_buffered((Step(Marker.CLIENT, "NOOP", 1.5), Step(Marker.SERVER, "250")))
    assert stream.getvalue() == start
    buffered.flush()
    assert stream.getvalue() == start + b"  1.500  C: NOOP\n         S: 250\n"


def test_each_line_is_written_whole_and_flushed() -> None:
    class Log(io.BytesIO):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[bytes] = []

        def write(self, octets: object, /) -> int:
            self.calls.append(bytes(cast(bytes, octets)))
            return len(self.calls[-1])

        def flush(self) -> None:
            self.calls.append(b"flush")

    log = Log()
    writer = TranscriptWriter(log, Header.new(client="x"))
    writer.write(Step(Marker.CLIENT, "NOOP", 1.5))
    writer.write(Step(Marker.NOTE, ""))
    assert log.calls == [
        b"Transcript: 1\nClient: x\n\n", b"flush", b"  1.500  C: NOOP\n", b"flush", b"         #\n", b"flush",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "step",
    [
        Step(Marker.SERVER, "250\nC: QUIT"),
        Step(Marker.SERVER, "250\rC: QUIT"),
        Step(Marker.SERVER, "250\x1b[2J"),
        Step(Marker.SERVER, "250\u202e"),
        Step(Marker.SERVER, "250\u2028"),
        Step(Marker.SERVER, "250\udcff"),
        Step(Marker.SERVER, "\u0300"),
        Step(Marker.NOTE, "a\nb"),
        Step(Marker.EVENT, " "),
        Step(Marker.CLIENT, "${"),
        Step(Marker.SERVER, "x" * 65_537),
        Step(Marker.SERVER, "é" * 32_769),
        Step(Marker.SERVER, "\N{GRINNING FACE}" * 16_385),
        Step(Marker.SERVER, "250", -0.1),
        Step(Marker.SERVER, "250", math.nan),
        Step(Marker.SERVER, "250", math.inf),
        Step(Marker.SERVER, "250", 1e9),
    ],
)
def test_a_step_that_would_read_as_something_else_is_not_written(step: Step) -> None:
    stream = io.BytesIO()
    with pytest.raises(ValueError, match=r"step|event|brace|seconds|surrogates"):
        TranscriptWriter(stream, None).write(step)
    assert stream.getvalue() == b""

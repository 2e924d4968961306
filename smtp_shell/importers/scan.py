"""A foreign file as a transcript reader sees it: blocks of steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO, Final, cast

from msgspec.structs import replace

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.importers.builder import StepBuilder
from smtp_shell.importers.detection import SAMPLE_SIZE, Choice, choose, named
from smtp_shell.importers.dialect import Line, Record
from smtp_shell.importers.lines import fenced_blocks, peeled, raw_lines, text_lines
from smtp_shell.importers.wrapping import rejoined
from smtp_shell.private_files import reason_of
from smtp_shell.transcript.credentials import CredentialMask, masked_steps
from smtp_shell.transcript.foreign import AUTO, Restored
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Block, Marker, Step

_STEPS: Final = 500  # in a block


class ForeignScan:
    """A foreign file as a stream of blocks, as `transcript.reader.Scan` is one of a transcript.

    Args:
        stream: The file, from its start.
        name: Its name in errors, escaped.
        choice: What it is taken for.
        keep_secrets: Whether credentials in it are kept. Otherwise they are `${sasl}`.

    Attributes:
        header: None. A foreign file has no header.
        header_faults: None of them.
        torn: False: a cut line cannot be told from a whole one.
        taken_for: What it is taken for and how sure that is.
        has_stray_field: False.
    """

    def __init__(self, stream: BinaryIO, name: str, choice: Choice, *, keep_secrets: bool = False) -> None:
        self._stream = stream
        self._name = name
        self._choice = choice
        self._keep_secrets = keep_secrets
        self.header: Header | None = None
        self.header_faults: list[Fault] = []
        self.torn = False
        self.taken_for = str(choice)
        self.has_stray_field = False

    def __iter__(self) -> Iterator[Block]:
        steps: Iterator[Step] = StepBuilder().build(self._records())
        if not self._keep_secrets:
            steps = masked_steps(steps, CredentialMask())
        said = False
        yield Block([Step(Marker.NOTE, f"taken for: {self.taken_for}", None, 1)], [])
        try:
            while block := [*islice(steps, _STEPS)]:
                said = said or any(step.marker in SERVER_LINES or step.marker in CLIENT_LINES for step in block)
                yield Block(block, [])
        except OSError as error:
            fault = Fault(0, f"the file cannot be read on: {reason_of(error)}")
            raise TranscriptError(self._name, fault) from None
        if not said:
            problem = f"nothing that a client or a server said was found in it as {self._choice.dialect.name}"
            raise TranscriptError(self._name, Fault(0, problem, f"a log of {self._choice.dialect.title}"))

    def _records(self) -> Iterable[Record]:
        dialect, layers = self._choice.dialect, self._choice.layers
        if dialect.parse_octets is not None:
            return dialect.parse_octets(self._stream)
        assert dialect.parse is not None
        lines = text_lines(raw_lines(self._stream, self._choice.encoding), keeps_cr=dialect.keeps_cr)
        if self._choice.blocks:
            return _blocks(peeled(lines, replace(layers, fenced=False, indent=0, timed=0, prefix="")), self._choice)
        lines = peeled(lines, layers)
        if self._choice.width and dialect.marks is not None:
            lines = rejoined(lines, dialect.marks, self._choice.width)
        return dialect.parse(lines)


def _blocks(lines: Iterable[Line], choice: Choice) -> Iterator[Record]:
    for number, block in enumerate(fenced_blocks(lines)):
        each = choice.blocks[number] if number < len(choice.blocks) else choice
        if each.dialect.parse is not None:
            yield from each.dialect.parse(peeled(block, replace(each.layers, fenced=False, quoted=0, html=False)))


def scan_of(stream: Restored, name: str, form: str, *, keep_secrets: bool) -> ForeignScan | None:
    """Return the scan of a file that another tool wrote; None if it is a transcript, right or wrong, or nothing that is known.

    Args:
        stream: The file, from its start. Nothing is taken from it where None is returned.
        name: Its name in errors, escaped.
        form: The name of a dialect, or `auto`.
        keep_secrets: Whether credentials in it are kept.

    Raises:
        TranscriptError: The file cannot be read.
    """
    try:
        sample = stream.look(SAMPLE_SIZE)
    except OSError as error:
        raise TranscriptError(name, Fault(0, f"the file cannot be read: {reason_of(error)}")) from None
    choice = choose(sample) if form == AUTO else named(sample, form)
    if choice is None:
        return None
    return ForeignScan(cast("BinaryIO", stream), name, choice, keep_secrets=keep_secrets)

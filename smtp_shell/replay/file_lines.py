"""The lines of a transcript's file as they stand there, to be shown and replaced: line ends, layout and octets stay."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from smtp_shell.errors import UsageError
from smtp_shell.private_files import reason_of, replacing
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from smtp_shell.replay.updating import Edit

_CONTEXT: Final = 3
_SNIFFED: Final = 32 * 1024
_PIECE: Final = 32 * 1024


def read_lines(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield the number of each line, from 1, its text, and its line end; numbered as `transcript.reader` does.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield from _lines(file)
    except OSError as error:
        raise UsageError(f"{escape_str(str(path))} cannot be read: {reason_of(error)}.") from None


def _lines(file: BinaryIO) -> Iterator[tuple[int, str, str]]:
    start = file.read(_SNIFFED)
    file.seek(0)
    ends_in_cr = b"\r" in start and b"\n" not in start
    for number, line in enumerate(_cut_at_cr(file) if ends_in_cr else file, 1):
        text = line.decode("utf-8", "surrogateescape")
        bare = text.removesuffix("\r") if ends_in_cr else text.removesuffix("\n").removesuffix("\r")
        yield number, bare, text[len(bare) :]


def _cut_at_cr(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while octets := file.read(_PIECE):
        *lines, rest = (rest + octets).split(b"\r")
        yield from (line + b"\r" for line in lines)
    if rest:
        yield rest


def hunks(path: Path, edits: Sequence[Edit], shown: Callable[[int, str], str | None]) -> Iterator[list[str]]:
    """Yield the hunks of a unified diff.

    Args:
        path: The file.
        edits: The changes, in the order of the file.
        shown: Returns a line as it may be shown; None for one that is left out.

    Raises:
        UsageError: The file cannot be read.
    """
    waiting = deque(edits)
    before: deque[tuple[int, str]] = deque(maxlen=_CONTEXT)
    hunk: _Hunk | None = None
    shift = number = 0
    for number, text, _ in read_lines(path):
        line = shown(number, text)
        is_removed = False
        while waiting and waiting[0].first <= number:
            edit = waiting.popleft()
            hunk = hunk or _Hunk(before, number, shift)
            is_removed = edit.last >= edit.first
            hunk.add([f"-{line or ''}"] if is_removed else [], edit.new)
        if hunk is not None and not is_removed:
            hunk.lines.append(f" {line or ''}")
            hunk.after += 1
            if hunk.after == _CONTEXT:
                yield hunk.whole()
                shift, hunk = shift + hunk.shift, None
                before.clear()
                continue
        if line is not None:
            before.append((number, line))
    for edit in waiting:
        hunk = hunk or _Hunk(before, number + 1, shift)
        hunk.add([], edit.new)
    if hunk is not None:
        yield hunk.whole()


class _Hunk:
    """A hunk that grows.

    Args:
        before: The lines of context before it, with their numbers.
        number: Number of the line that follows them.
        shift: How many lines longer the preceding hunks made the file.
    """

    def __init__(self, before: Iterable[tuple[int, str]], number: int, shift: int) -> None:
        context = [line for _, line in before]
        self.lines = [f" {line}" for line in context]
        self.after = 0
        self.shift = 0
        self._old = number - len(context)
        self._new = self._old + shift

    def add(self, removed: Sequence[str], new: Sequence[str]) -> None:
        """Add a change."""
        self.lines += [*removed, *(f"+{line}" for line in new)]
        self.shift += len(new) - len(removed)
        self.after = 0

    def whole(self) -> list[str]:
        """Return its lines, the head first."""
        old = sum(not line.startswith("+") for line in self.lines)
        new = sum(not line.startswith("-") for line in self.lines)
        return [f"@@ -{self._old},{old} +{self._new},{new} @@", *self.lines]


def replace_lines(path: Path, edits: Sequence[Edit]) -> None:
    """Write the file with changes, in one step. Its permissions, and where possible its owner, stay.

    Raises:
        UsageError: It cannot be read or written.
    """
    try:
        facts = os.stat(path)
        with replacing(path) as file:
            _write(file, read_lines(path), edits)
            # Windows has fchmod since Python 3.13, and no fchown.
            if hasattr(os, "fchown"):
                with suppress(OSError):
                    os.fchown(file.fileno(), facts.st_uid, facts.st_gid)
            if hasattr(os, "fchmod"):
                with suppress(OSError):
                    os.fchmod(file.fileno(), facts.st_mode & 0o7777)
    except OSError as error:
        raise UsageError(f"{escape_str(str(path))} cannot be written: {reason_of(error)}; it stays as it is.") from None


def _write(file: BinaryIO, lines: Iterator[tuple[int, str, str]], edits: Sequence[Edit]) -> None:
    waiting = deque(edits)
    last_end = "\n"
    is_open = False  # the line before has no end

    def put(texts: Sequence[str], end: str) -> None:
        for text in texts:
            file.write(f"{text}{end}".encode("utf-8", "surrogateescape"))

    for number, text, end in lines:
        while waiting and waiting[0].last < waiting[0].first <= number:
            put(waiting.popleft().new, end or last_end)
        texts: Sequence[str] = (text,)
        if waiting and waiting[0].first == number:
            texts = waiting.popleft().new
        put(texts[:-1], end or last_end)
        put(texts[-1:], end)
        is_open, last_end = not end and bool(texts), end or last_end
    for edit in waiting:
        if is_open:
            put(("",), last_end)
            is_open = False
        put(edit.new, last_end)

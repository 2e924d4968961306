"""Files whose reads, writes and closes are counted: `open` as the package gets it, and the standard streams."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

from tests.torture.counting import COUNTER

_real_open = io.open


class CountedFile(io.FileIO):
    """The lowest layer of a file that the package has opened. The layers above it are Python's own.

    Attributes:
        reads: The name of the call that reads.
        writes: The name of the call that writes.
    """

    reads = "read"
    writes = "write"

    def readinto(self, buffer: Any) -> int | None:
        fault = self._fault(self.reads)
        if fault == "end":
            return 0
        if fault == "short" and len(buffer) > 1:
            return super().readinto(memoryview(buffer)[:1])
        return self._do(fault, self.reads, super().readinto, buffer)  # type: ignore[no-any-return]

    def read(self, size: int | None = -1, /) -> Any:
        fault = self._fault(self.reads)
        if fault == "end":
            return b""
        if fault == "short":
            return super().read(1)
        return self._do(fault, self.reads, super().read, size)

    def readall(self) -> Any:
        fault = self._fault(self.reads)
        return super().readall() if fault in ("end", "short") else self._do(fault, self.reads, super().readall)

    def write(self, octets: Any, /) -> int:
        fault = self._fault(self.writes)
        if fault == "short":
            whole = memoryview(octets).cast("B")
            return super().write(whole[: max(1, len(whole) // 2)])
        return self._do(fault, self.writes, super().write, octets)  # type: ignore[no-any-return]

    def close(self) -> None:
        if self.closed or not COUNTER.armed:
            super().close()
        else:
            COUNTER.run("file-close", super().close, (), {})

    def truncate(self, size: int | None = None, /) -> int:
        return COUNTER.run("ftruncate", super().truncate, (size,), {})  # type: ignore[no-any-return]

    def _fault(self, call: str) -> str:
        if not COUNTER.armed or not COUNTER.is_ours():
            return ""
        return COUNTER.fault_of(call)

    def _do(self, fault: str, call: str, real: Callable[..., Any], *args: Any) -> Any:
        return COUNTER.fail(fault, call, real, args, {}) if fault else real(*args)


class CountedOutput(CountedFile):
    """Standard output."""

    writes = "stdout"


class CountedErrors(CountedFile):
    """Standard error."""

    writes = "stderr"


class CountedInput(CountedFile):
    """Standard input."""

    reads = "stdin"


def counted_open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """Open a file as `open` does: counted, if the package asks for it."""
    if not COUNTER.armed or not COUNTER.is_ours():
        return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    binary = "b" in mode
    if not binary and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    raw_mode = mode.replace("b", "").replace("t", "")
    call = "fdopen" if isinstance(file, int) else "open-write" if set(mode) & set("wax+") else "open-read"
    raw = COUNTER.run(call, CountedFile, (file, raw_mode, closefd, opener), {})
    try:
        stream = _buffered(raw, mode, buffering)
        if binary:
            return stream
        return _text(stream, mode, encoding, errors, newline, line_buffering=buffering == 1)
    except BaseException:
        raw.close()
        raise


def count_standard_streams() -> None:
    """Build the standard streams anew on counted files."""
    # Unbuffered below the text layer is what Python has with -u only: keep its buffers.
    sys.stdin = _text(io.BufferedReader(CountedInput(0, "r", False)), "r", "utf-8", "surrogateescape")
    output = _text(io.BufferedWriter(CountedOutput(1, "w", False)), "w", "utf-8", "strict", line_buffering=_is_tty(1))
    errors = _text(
        io.BufferedWriter(CountedErrors(2, "w", False)), "w", "utf-8", "backslashreplace", line_buffering=True
    )
    sys.stdout, sys.stderr = output, errors
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))


def _is_tty(descriptor: int) -> bool:
    import os

    return os.isatty(descriptor)


def _buffered(raw: CountedFile, mode: str, buffering: int) -> Any:
    if buffering == 0:
        return raw
    size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
    if "+" in mode:
        return io.BufferedRandom(raw, size)
    return io.BufferedReader(raw, size) if "r" in mode else io.BufferedWriter(raw, size)


def _text(
    stream: Any,
    mode: str,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    line_buffering: bool = False,
) -> io.TextIOWrapper:
    text = io.TextIOWrapper(stream, encoding, errors, newline, line_buffering=line_buffering)
    text.mode = mode  # type: ignore[misc]
    return text

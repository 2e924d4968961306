"""Files of lines: `-f`, standard input and `/source` read them here, and nowhere else.

A file is UTF-8 text. Its lines end in LF, CRLF or CR; a byte-order mark at its start is ignored. A line that begins with `#` is a
comment, except in mail data.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smtp_shell.errors import UsageError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from smtp_shell.transcript.blocks import Blocks

LINE_LIMIT: Final = 64 * 1024
"""The most octets in a line."""

_BOM = b"\xef\xbb\xbf"


def file_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of a file as (place, text), as a stream.

    Args:
        path: The file.

    Raises:
        UsageError: The file cannot be read, or is no text.
    """
    name = escape_str(str(path))
    try:
        with path.open("rb") as stream:
            yield from stream_lines(stream.read1, name)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {reason_of(error)}.") from None


def stream_lines(read: Callable[[int], bytes], name: str) -> Iterator[tuple[str, str]]:
    """Yield lines as (place, text), each as soon as it has come.

    Args:
        read: Returns the next octets, at most as many as its argument says; `b""` at the end.
        name: Name of their source, printable.

    Raises:
        UsageError: It is no text, or a line is too long.
    """
    from smtp_shell.transcript.blocks import Blocks, is_utf_16  # late: the prompt needs none of it

    blocks = Blocks(read, LINE_LIMIT)
    number = 0
    while (line := blocks.next_line()) != b"":
        number += 1
        if line is None:
            raise UsageError(f"{name}:{number}: the line is longer than {LINE_LIMIT:,} octets.")
        if number == 1:
            if is_utf_16(line):
                raise UsageError(
                    f"{name} is UTF-16 text, as PowerShell's > writes it; write it with Out-File -Encoding utf8."
                )
            line = line.removeprefix(_BOM)
        if b"\0" in line:
            raise UsageError(
                f"{name}:{number}: the line holds NUL, so this is no file of lines; send octets with /raw."
            )
        if b"\r" in line:
            raise UsageError(f"{name}:{number}: {_stray(blocks)}")
        yield f"{name}:{number}", line[:-1].decode("utf-8", "surrogateescape")


def check_file(path: Path) -> None:
    """Check that a file can be read to its end, before any line of it is run. A pipe is not checked: it can be read only once.

    Args:
        path: The file.

    Raises:
        UsageError: It cannot be read, or is no text.
    """
    if not os.path.exists(path) or os.path.isdir(path) or os.path.isfile(path):
        for _ in file_lines(path):
            pass


def is_comment(line: str, phase: Phase | None) -> bool:
    """Return whether a line of a file is a comment.

    Args:
        line: The line.
        phase: Phase of the dialogue; None without a connection.
    """
    return line.lstrip(" \t").startswith("#") and phase is not Phase.MAILDATA


def _stray(blocks: Blocks) -> str:
    if blocks.ends_in_cr:
        return "an LF stands in a file whose lines end in CR; write line ends of one kind."
    return r"a CR stands inside the line; take it out, or send it with /raw, where it is written \r."

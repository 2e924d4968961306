"""Files with mail data, which stand beside a transcript (`C<`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.maildata import PIECE
from smtp_shell.protocol.octets import escape_str
from smtp_shell.transcript.step import Step


def body_path(folder: Path, step: Step, *, outside: bool = False) -> Path:
    """Find the file that a `C<` line names.

    Args:
        folder: The transcript's folder.
        step: The line.
        outside: Whether the file may stand outside the folder.

    Raises:
        ValueError: It is not in the folder, links resolved, or is no file; the message is a sentence for a person.
    """
    name = step.octets.decode("utf-8", "surrogateescape")
    try:
        home = folder.resolve()
        path = (home / name).resolve()
        if not outside and not path.is_relative_to(home):
            raise ValueError(f"'{step.text[:200]}' is outside the transcript's folder")
        if not path.is_file():
            what = "is no file" if path.exists() else "does not exist"
            raise ValueError(f"'{step.text[:200]}', a file with mail data, {what}")
    except (OSError, RuntimeError):
        raise ValueError(f"'{step.text[:200]}' is no name of a file with mail data") from None
    if not os.access(path, os.R_OK):
        raise ValueError(f"'{step.text[:200]}', a file with mail data, may not be read")
    return path


def body_pieces(folder: Path, step: Step, *, outside: bool = False) -> Iterator[bytes]:
    """Read the file that a `C<` line names, piece by piece.

    Raises:
        TranscriptError: It cannot be read, or is not in the transcript's folder.
    """
    try:
        path = body_path(folder, step, outside=outside)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except ValueError as error:
        raise TranscriptError(escape_str(str(folder)), Fault(step.line, str(error))) from None
    except OSError as error:
        raise TranscriptError(
            escape_str(str(folder)), Fault(step.line, f"'{step.text[:200]}' cannot be read: {reason_of(error)}")
        ) from None

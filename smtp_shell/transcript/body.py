"""Files beside a transcript, such as those with mail data (`C<`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.maildata import PIECE
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted, unescape
from smtp_shell.transcript.step import Step

_EXCERPT = 200  # characters of a file's name in a sentence


def body_path(folder: Path, step: Step, *, outside: bool = False) -> Path:
    """Return the path of the file that a `C<` line names.

    Args:
        folder: The transcript's folder.
        step: The line.
        outside: Whether the file may be outside the folder.

    Raises:
        ValueError: With links resolved it is outside the folder, or it is no readable file. The message is a sentence for a person.
    """
    return path_beside(folder, step.text, what="a file with mail data", outside=outside)


def path_beside(folder: Path, text: str, *, what: str, outside: bool) -> Path:
    """Return the path of a file that a transcript names, with links resolved.

    Args:
        folder: The transcript's folder.
        text: The file's name in the notation of the transcript.
        what: What the file is to be, for messages.
        outside: Whether it may be outside the folder.

    Raises:
        ValueError: With links resolved it is outside the folder, or it is no readable file. The message is a sentence for a person.
    """
    shown = quoted(text[:_EXCERPT], SINGLE)
    name = unescape(text).decode("utf-8", "surrogateescape")
    if "\0" in name:
        raise ValueError(f"{shown} is no name of {what}")
    try:
        home = folder.resolve()
        path = (home / name).resolve()
        if not outside and not path.is_relative_to(home):
            raise ValueError(f"{shown} is outside the transcript's folder")
        if not path.is_file():
            problem = "is no file" if path.exists() else "does not exist"
            raise ValueError(f"{shown}, {what}, {problem}")
    except (OSError, RuntimeError):  # RuntimeError: a loop of links
        raise ValueError(f"{shown} is no name of {what}") from None
    if not os.access(path, os.R_OK):
        raise ValueError(f"{shown}, {what}, may not be read")
    return path


def body_pieces(folder: Path, step: Step, *, outside: bool = False) -> Iterator[bytes]:
    """Read the file that a `C<` line names, in pieces of at most `PIECE` octets.

    Args:
        folder: The transcript's folder.
        step: The line.
        outside: Whether the file may be outside the folder.

    Raises:
        TranscriptError: It cannot be read, or is not in the transcript's folder.
    """
    try:
        path = body_path(folder, step, outside=outside)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except ValueError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{quoted(step.text[:_EXCERPT], SINGLE)} cannot be read: {reason_of(error)}"
    else:
        return
    raise TranscriptError(escape_str(str(folder)), Fault(step.line, problem))

"""Automatic recordings: their folder and names, pruning, and saving a copy."""

from __future__ import annotations

import os.path
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from smtp_shell import __version__
from smtp_shell.config import Keep, state_dir
from smtp_shell.errors import UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.private_files import private_folder, whole_file
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.recording.recording import Recording, free_body_path
from smtp_shell.transcript.body import body_path
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import Marker, Step
from smtp_shell.transcript.writer import TranscriptWriter

SUFFIX: Final = ".smtp"
_DAY = 86_400  # seconds
_MOST_IN_A_SECOND = 1_000
_LONGEST_HOST = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")
_AUTOMATIC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{6}-.+-[0-9]+\.smtp")
_BODY = re.compile(r"(.+)\.[0-9]+\.eml")


def recording_header(target: Target | None = None, *, times: bool = True) -> Header:
    """Return the header of a recording that begins now.

    Args:
        target: The server; None if it is not known. A domain is none: which of its hosts it will be is not known yet.
        times: Whether the recording has times, and the header its date.
    """
    server = "" if target is None or target.way is Way.MX else str(target)
    return Header.new(client=f"smtp-shell {__version__}", server=server, date=_now() if times else None)


def _now() -> datetime:
    # A header needs the offset from UTC only: tzlocal would have to be loaded for the zone's name.
    return datetime.now().astimezone()


def recordings_dir() -> Path:
    """Return the folder of the automatic recordings."""
    return state_dir() / "recordings"


def automatic(
    target: Target, *, keep: Keep | None = None, on_failure: Callable[[str], None] | None = None
) -> Recording:
    """Start a recording in the state directory, and remove recordings that are too old or too many.

    Args:
        target: The server; its host becomes part of the file's name.
        keep: Limits of what is kept there.
        on_failure: Called with a sentence when the recording fails.

    Raises:
        ConfigError: The folder cannot be created.
        UsageError: The file cannot be created.
    """
    private_folder(state_dir())
    folder = private_folder(recordings_dir())
    prune(folder, keep or Keep())
    host = _UNSAFE.sub("_", target.host if target.way is Way.TCP else target.way.value)[:_LONGEST_HOST]
    header = recording_header(target)
    start = f"{_now():%Y-%m-%d_%H%M%S}-{host}"
    for number in range(1, _MOST_IN_A_SECOND):
        path = folder / f"{start}-{number}{SUFFIX}"
        try:
            return Recording.create(path, header, on_failure=on_failure)
        except UsageError:
            if not os.path.exists(path):
                raise
    raise UsageError(f"there are too many recordings of this second in {escape_str(str(folder))}.")


def prune(folder: Path, keep: Keep) -> None:
    """Remove automatic recordings that are too old or too many, with their files of mail data. Errors of the system are ignored.

    Args:
        folder: The folder of the recordings. Files whose names are not those of automatic recordings stay.
        keep: How many recordings stay, counting one that is about to be created, and for how many days.
    """
    transcripts: list[tuple[float, Path]] = []
    bodies: dict[str, list[Path]] = {}
    with suppress(OSError):
        for path in folder.iterdir():
            body = _BODY.fullmatch(path.name)
            if body:
                bodies.setdefault(body[1], []).append(path)
            elif _AUTOMATIC.fullmatch(path.name):
                with suppress(OSError):
                    transcripts.append((path.stat().st_mtime, path))
    transcripts.sort(reverse=True)
    oldest = time.time() - keep.days * _DAY
    for number, (changed, path) in enumerate(transcripts, start=2):
        if number > keep.files or changed < oldest:
            for each in (*bodies.get(path.stem, ()), path):
                with suppress(OSError):
                    each.unlink()


def save_copy(recording: Path, to: Path, *, overwrite: bool = False) -> None:
    """Copy a transcript and its files of mail data, which are named after the copy.

    Args:
        recording: The transcript; it may still be growing.
        to: Path of the copy.
        overwrite: Whether a file of that name is replaced.

    Raises:
        UsageError: There is a file of that name already, or it cannot be written to.
        TranscriptError: The transcript cannot be read.
    """
    if os.path.exists(to) and to.samefile(recording):
        raise UsageError(f"{escape_str(str(to))} is the recording itself; choose another name.")
    bodies: list[Path] = []
    try:
        with open_transcript(recording) as reader, whole_file(to, overwrite=overwrite) as stream:
            writer = TranscriptWriter(stream, reader.header)
            for step in reader:
                copied = step.marker is Marker.MAIL_DATA_FILE
                writer.write_buffered((_with_copied_body(step, recording, to, bodies) if copied else step,))
    except BaseException as error:
        for each in bodies:
            with suppress(OSError):
                each.unlink()
        if isinstance(error, ValueError):
            raise UsageError(f"{escape_str(str(to))} cannot be written: {escape_str(str(error))}.") from None
        raise


def _with_copied_body(step: Step, recording: Path, to: Path, bodies: list[Path]) -> Step:
    from shutil import copyfileobj

    source, path = body_path(recording.parent, step), free_body_path(to)
    with whole_file(path) as copy, source.open("rb") as original:
        copyfileobj(original, copy, 256 * 1024)
    bodies.append(path)
    return Step(step.marker, escape(path.name.encode()), step.at)

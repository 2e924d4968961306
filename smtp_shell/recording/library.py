"""Recordings on disk: where they go by themselves, which of them stay, and how one is saved."""

from __future__ import annotations

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
from smtp_shell.private_files import create_private, private_folder, reason_of
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.encoder import Recorder
from smtp_shell.recording.recording import Recording, create_body
from smtp_shell.transcript.body import body_path
from smtp_shell.transcript.file import TranscriptWriter, open_transcript
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.step import Marker, Step

__all__ = ["Recorder", "Recording", "automatic", "entries", "prune", "recording_header", "save_copy"]

SUFFIX: Final = ".smtp"
_DAY = 86_400
_MOST_IN_A_SECOND = 1_000
_LONGEST_HOST = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")
_AUTOMATIC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{6}-.+-[0-9]+\.smtp")
_BODY = re.compile(r"(.+)\.[0-9]+\.eml")


def recording_header(target: Target | None = None, *, title: str = "") -> Header:
    """Make the header of a recording that begins now.

    Args:
        target: What the session is connected to, if that is known.
        title: What it is about.
    """
    server = "" if target is None else str(target)
    return Header.new(client=f"smtp-shell {__version__}", server=server, date=_now(), title=title)


def _now() -> datetime:
    """Give the time with the offset from UTC that it has here, which is all that is written of its zone: no more is loaded for it."""
    return datetime.now().astimezone()


def recordings_dir() -> Path:
    """Give the folder of the automatic recordings."""
    return state_dir() / "recordings"


def automatic(
    target: Target, *, keep: Keep | None = None, on_failure: Callable[[str], None] | None = None
) -> Recording:
    """Begin a recording in the state directory, and remove those that are too old or too many.

    Args:
        target: What the session connects to.
        keep: How many stay.
        on_failure: Takes a sentence when the recording has failed.

    Raises:
        ConfigError: The folder cannot be made.
        UsageError: The file cannot be created.
    """
    folder = private_folder(private_folder(state_dir()) / "recordings")
    prune(folder, keep or Keep())
    host = _UNSAFE.sub("_", target.host if target.way is Way.TCP else target.way.value)[:_LONGEST_HOST]
    header = recording_header(target)
    start = f"{_now():%Y-%m-%d_%H%M%S}-{host}"
    for number in range(1, _MOST_IN_A_SECOND):
        path = folder / f"{start}-{number}{SUFFIX}"
        try:
            return Recording.create(path, header, on_failure=on_failure)
        except UsageError:
            if not path.exists():
                raise
    raise UsageError(f"there are too many recordings of this second in {escape_str(str(folder))}.")


def prune(folder: Path, keep: Keep) -> None:
    """Remove automatic recordings that are too old or too many, with their files of mail data; never fails.

    Args:
        folder: The folder of the recordings; files with names of another kind stay.
        keep: How many stay, and for how long.
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
    for number, (changed, path) in enumerate(transcripts, start=2):  # the one about to be made counts too
        if number > keep.files or changed < oldest:
            for each in (*bodies.get(path.stem, ()), path):
                with suppress(OSError):
                    each.unlink()


def save_copy(recording: Path, to: Path, *, overwrite: bool = False) -> None:
    """Copy a transcript and its files of mail data, which get names after the copy's.

    Args:
        recording: The transcript; it may still be written to.
        to: The copy.
        overwrite: Whether a file that is there is replaced.

    Raises:
        UsageError: There is a file already, or it cannot be written to.
        TranscriptError: The transcript cannot be read.
    """
    if to.exists() and to.samefile(recording):
        raise UsageError(f"{escape_str(str(to))} is the recording itself; choose another name.")
    with open_transcript(recording) as reader, create_private(to, overwrite=overwrite) as stream:
        try:
            writer = TranscriptWriter(stream, reader.header)
            for step in reader:
                copied = step.marker is Marker.MAIL_DATA_FILE
                writer.put((_with_copied_body(step, recording, to) if copied else step,))
            stream.flush()
        except (OSError, ValueError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else escape_str(str(error))
            raise UsageError(
                f"{escape_str(str(to))} cannot be written to: {reason}; the copy is not complete."
            ) from None


def _with_copied_body(step: Step, recording: Path, to: Path) -> Step:
    from shutil import copyfileobj

    source = body_path(recording.parent, step)
    path, copy = create_body(to)
    with copy, source.open("rb") as original:
        copyfileobj(original, copy, 256 * 1024)
    return Step(step.marker, escape(path.name.encode()), step.at)

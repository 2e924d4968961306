"""A transcript that is in memory, where a file is needed: a file for the time that it takes, with a name that says what it is."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.errors import NotSendable, TranscriptError, UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.replay import Replay
from smtp_shell.temporary_folders import TemporaryFolder
from smtp_shell.transcript.including import is_include
from smtp_shell.transcript.step import Marker
from smtp_shell.transcript.transcript import TEXT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.replay.results import ReplayResult, StepConsumer, StepResult
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.transcript.transcript import Transcript


@contextmanager
def in_file(transcript: Transcript) -> Iterator[Path]:
    """Write a transcript to a file until the block ends. Errors of the block name the transcript, not the file.

    Args:
        transcript: The transcript.

    Raises:
        UsageError: It names files of mail data or transcripts to include, which have no folder.
        ValueError: A step is not in the notation of the file.
    """
    if any(step.marker is Marker.MAIL_DATA_FILE or is_include(step) for step in transcript.steps):
        raise UsageError(
            "a transcript in memory has no folder for the mail data that C< names, or for what *: include names: write it to a "
            "file first."
        )
    with TemporaryFolder("transcript") as folder:
        path = Path(folder, "transcript.smtp")
        transcript.write(path)
        try:
            yield path
        except TranscriptError as error:
            raise TranscriptError(TEXT_NAME, *error.faults) from None
        except (UsageError, NotSendable) as error:
            raise type(error)(without_name(error.message, path)) from None


def without_name(text: str, path: Path) -> str:
    """Return a text that names a transcript in memory in place of the file."""
    return text.replace(escape_str(str(path)), TEXT_NAME)


def replay_in_memory(
    transcript: Transcript, settings: ReplaySettings, consumers: Sequence[StepConsumer]
) -> ReplayResult:
    """Replay a transcript that is in memory.

    Args:
        transcript: The transcript.
        settings: How to replay it.
        consumers: Called with each step's result.

    Raises:
        TranscriptError: It cannot be replayed; nothing was sent.
        UsageError: As `Replay.run`, or it names other files; nothing was sent.
        NotSendable: As `Replay.run`.
        ConfigError: As `Replay.run`.
        ValueError: A step is not in the notation of the file.
    """
    with in_file(transcript) as path:
        result = Replay(path, settings).run(*(lambda step, each=each: each(_named(step)) for each in consumers))
        return replace(
            result,
            path=TEXT_NAME,
            steps=tuple(map(_named, result.steps)),
            failure=result.failure and without_name(result.failure, path),
            ending=without_name(result.ending, path),
        )


def _named(step: StepResult) -> StepResult:
    return replace(step, path=TEXT_NAME)

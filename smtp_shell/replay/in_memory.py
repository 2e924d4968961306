"""A replay of a transcript that is in memory: a file for the time that it takes, with a name that says what it is."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.errors import NotSendable, TranscriptError, UsageError
from smtp_shell.replay.replay import Replay
from smtp_shell.transcript.including import is_include
from smtp_shell.transcript.step import Marker
from smtp_shell.transcript.transcript import TEXT_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.replay.results import ReplayResult, StepConsumer, StepResult
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.transcript.transcript import Transcript


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
        UsageError: As `Replay.run`, or it names files of mail data; nothing was sent.
        NotSendable: As `Replay.run`.
        ConfigError: As `Replay.run`.
        ValueError: A step is not in the notation of the file.
    """
    if any(step.marker is Marker.MAIL_DATA_FILE or is_include(step) for step in transcript.steps):
        raise UsageError(
            "a transcript in memory has no folder for the mail data that C< names, or for what *: include names: replay it from its file."
        )
    with TemporaryDirectory(prefix="smtp-shell-") as folder:
        path = Path(folder, "transcript.smtp")
        transcript.write(path)
        run = Replay(path, settings)

        def named(step: StepResult) -> StepResult:
            return replace(step, path=TEXT_NAME)

        try:
            result = run.run(*(lambda step, each=each: each(named(step)) for each in consumers))
        except TranscriptError as error:
            raise TranscriptError(TEXT_NAME, *error.faults) from None
        except (UsageError, NotSendable) as error:
            raise type(error)(error.message.replace(run.name, TEXT_NAME)) from None
        return replace(
            result,
            path=TEXT_NAME,
            steps=tuple(map(named, result.steps)),
            failure=result.failure and result.failure.replace(run.name, TEXT_NAME),
            ending=result.ending.replace(run.name, TEXT_NAME),
        )

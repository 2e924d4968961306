"""Many replays, one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from smtp_shell.errors import Interrupted, UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.target import Target
from smtp_shell.transcript.replay import Replay
from smtp_shell.transcript.result import ReplayResult
from smtp_shell.transcript.settings import ReplaySettings


def find_transcripts(paths: Sequence[Path]) -> list[Path]:
    """Name the transcripts that files and folders stand for: of a folder, all in it that end in `.smtp`, sorted.

    Raises:
        UsageError: A folder has none, or cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        try:
            inside = sorted(each for each in path.iterdir() if each.suffix == ".smtp" and not each.is_dir())
        except OSError:
            raise UsageError(f"the folder {escape_str(str(path))} cannot be read; check its permissions.") from None
        if not inside:
            raise UsageError(f"the folder {escape_str(str(path))} has no transcripts (files that end in .smtp).")
        found += inside
    return found


def replay_many(
    paths: Sequence[Path], settings: ReplaySettings, servers: Sequence[str | Target] = ()
) -> Iterator[ReplayResult]:
    """Replay transcripts one after the other, each against each server; all are checked before anything is sent.

    Args:
        paths: Files, and folders with files that end in `.smtp`.
        settings: How to replay them.
        servers: What to replay against; none for what the settings or the transcripts name.

    Raises:
        UsageError: A folder has no transcripts, or a transcript no server.
        TranscriptError: A transcript cannot be acted out.
    """
    replays = prepare(paths, settings, servers)
    for each in replays:
        result = each.run()
        yield result
        if result.exit_status == Interrupted.exit_status:
            return


def prepare(paths: Sequence[Path], settings: ReplaySettings, servers: Sequence[str | Target] = ()) -> list[Replay]:
    """Make the replays of transcripts, all of them checked. Arguments and errors are those of `replay_many`."""
    wanted: Sequence[str | Target | None] = servers or (settings.server,)
    found = [Replay(path, replace(settings, server=server)) for path in find_transcripts(paths) for server in wanted]
    for each in found:
        each.check()
    return found

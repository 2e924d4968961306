"""Many replays: of files and folders, against several servers, several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.net.target import Target
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.driver import Replay
from smtp_shell.replay.settings import ReplaySettings

_MOST_KEPT = 200
"""Of how many transcripts the steps are kept in memory, if they are few."""


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


def prepare(paths: Sequence[Path], settings: ReplaySettings, servers: Sequence[str | Target] = ()) -> list[Replay]:
    """Make the replays of transcripts, each against each server; all are checked, and nothing is sent.

    Args:
        paths: Files, and folders with files that end in `.smtp`.
        settings: How to replay them.
        servers: What to replay against; none for what the settings or the transcripts name.

    Raises:
        UsageError: A folder has no transcripts, or a transcript no server.
        TranscriptError: A transcript cannot be acted out.
    """
    wanted: Sequence[str | Target | None] = servers or (settings.server,)
    found = [Replay(path, replace(settings, server=server)) for path in find_transcripts(paths) for server in wanted]
    for number, each in enumerate(found):
        each.check(keep=number < _MOST_KEPT)
    return found


class Run(Struct, frozen=True):
    """One of the times that a transcript is replayed.

    Args:
        replay: The replay.
        number: Which time it is, from 1.
        of: How many times there are.
    """

    replay: Replay
    number: int = 1
    of: int = 1


def repeated(replays: Sequence[Replay], times: int) -> Iterator[Run]:
    """Give each replay as often as it is to be run, made anew for each run and not checked again.

    Args:
        replays: The replays, in the order of their files.
        times: How often.
    """
    for replay in replays:
        yield Run(replay, 1, times)
        for number in range(2, times + 1):
            yield Run(replay.anew(), number, times)

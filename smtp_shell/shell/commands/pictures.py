"""Commands that draw a dialogue: as a ladder, and as bars for its times."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.protocol.events import Connected
from smtp_shell.shell.completion import paths
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smtp_shell.display.render import Row
    from smtp_shell.protocol.events import Entry
    from smtp_shell.shell.shell import Shell


@shell_command("/diagram", "[FILE]", complete=paths, group="transcripts")
def diagram(shell: Shell, args: Args) -> None:
    """Draw a dialogue as a ladder: client on the left, server on the right, an arrow for each line.

    With no FILE it is this session's so far.
    What is inside TLS has double lines. Lines that went out in one write are joined by a bracket.
    """
    from smtp_shell.export.diagram import ladder

    _draw(shell, args, ladder)


@shell_command("/timing", "[FILE]", complete=paths, group="transcripts")
def timing(shell: Shell, args: Args) -> None:
    """Draw how long look-up, TCP, TLS, the greeting and each reply took.

    With no FILE it is this session's so far.
    A transcript has the look-up of the name and TCP in one figure; this session knows them apart.
    """
    from smtp_shell.export.timing import bars

    _draw(shell, args, bars)


def _draw(shell: Shell, args: Args, draw: Callable[..., Iterator[Row]]) -> None:
    if args.text:
        path = user_path(args.one("file"))
    elif shell.recordings.session is not None:
        path = shell.recordings.session.path
    else:
        raise UsageError(f"{args.name}: there is no recorded session yet; name a file.")
    import shutil

    from smtp_shell.export.diagram import ascii_only
    from smtp_shell.protocol.octets import escape_str
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.shell.file_progress import reading
    from smtp_shell.transcript.credentials import masking_warning

    width = shutil.get_terminal_size().columns - 1
    with (
        reading(shell.waiting_for, escape_str(path.name)) as opened,
        shown_transcript(path, opened=opened) as (name, found, mask),
    ):
        entries = found if args.text else _with_look_up(found, shell)
        for row in draw(entries, width, ascii_only=ascii_only(sys.stdout)):
            shell.say(row.text, row.style)
    if warning := masking_warning(name, mask):
        shell.say(warning, "notice")


def _with_look_up(entries: Iterable[Entry], shell: Shell) -> Iterator[Entry]:
    """Yield the entries of this session's recording, with what only the live session knows."""
    looked_up = shell.session.looked_up if shell.session is not None else None
    for entry in entries:
        event = entry.event
        if isinstance(event, Connected):
            yield replace(entry, event=replace(event, looked_up=looked_up))
        else:
            yield entry

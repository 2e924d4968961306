"""Commands about transcripts: recording, saving and showing them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.protocol.events import Remarked
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import Option, paths, paths_or_off
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.recording.recording import Recording
    from smtp_shell.shell.command_options import GivenOptions


_FORCE = Option("--force", "write over a file that is there")


@shell_command(
    "/record",
    "[FILE | off]",
    complete=paths_or_off("stop recording to a file of yours"),
    options=(_FORCE, Option("--no-times", "without times and a date, so that it differs little when recorded again")),
)
def record(shell: Shell, args: Args) -> None:
    """Record the dialogue to a file of your own.

    Everything from here on goes to FILE; secrets are left out. With no FILE, show where it is going now; `off` stops it.
    Each session is recorded into the state directory as well, from its first octet: /save keeps that one.
    """
    if not args.text:
        shell.say(f"  this session  {_path(shell.recordings.session)}")
        shell.say(f"  /record       {_path(shell.recordings.own)}")
        return
    if args.text == "off":
        if shell.recordings.own is None:
            raise UsageError("/record off: nothing is recorded to a file of yours.")
        _stop(shell)
        return
    given, path = _file(args)
    if given.words[0] == "off":
        raise UsageError("/record off takes no options: they are about the file that is begun; leave them out.")
    _stop(shell)
    shell.record_to(path, overwrite="--force" in given, times="--no-times" not in given)
    shell.say(f"  recording to {escape_str(str(path))}")


def _stop(shell: Shell) -> None:
    if shell.recordings.own is not None:
        recorded = _path(shell.recordings.own)
        shell.stop_recording()
        shell.say(f"  recorded to {recorded}")


def _path(recording: Recording | None) -> str:
    return "nothing" if recording is None else escape_str(str(recording.path))


@shell_command("/save", "FILE", complete=paths, options=(_FORCE,))
def save(shell: Shell, args: Args) -> None:
    """Save this session's transcript under a name.

    It holds everything from the first octet on; without a connection it is the last session's.
    """
    given, path = _file(args)
    if shell.recordings.session is None:
        raise UsageError("/save: there is no session to save yet; /connect first.")
    from smtp_shell.recording.library import save_copy

    save_copy(shell.recordings.session.path, path, overwrite="--force" in given)
    shell.say(f"  saved to {escape_str(str(path))}")


@shell_command("/show", "[FILE] | data [N] [FILE]", complete=paths)
def show(shell: Shell, args: Args) -> None:
    """Show a transcript as a dialogue.

    With no FILE it is this session's so far. Of long mail data the first and the last lines are shown.
    `/show data` shows the mail data of the last message whole, `/show data 1` that of the first, `/show data FILE` of a transcript's last.
    A file of that name is ./data.
    """
    words = args.words
    if words[:1] == ["data"]:
        _show_data(shell, words[1:])
        return
    path = user_path(args.one("file")) if args.text else _of_session(shell)
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.transcript.credentials import masking_warning

    unfold = f"/show data {escape_str(args.text)}" if args.text and shell.view.look.unfold else shell.view.look.unfold
    with _looking(shell, unfold=unfold), shown_transcript(path) as (name, found, mask):
        shell.view.show_all(found)
    if warning := masking_warning(name, mask):
        shell.say(warning, "notice")


def _of_session(shell: Shell) -> Path:
    if shell.recordings.session is None:
        raise UsageError("/show: there is no session yet; name a file.")
    return shell.recordings.session.path


def _show_data(shell: Shell, words: list[str]) -> None:
    """Show the mail data of one message whole. The file is read twice, since only its end says which message is the last."""
    number = int(words.pop(0)) if words and re.fullmatch("[0-9]{1,9}", words[0], re.ASCII) else None
    if len(words) > 1:
        raise UsageError("/show data takes the number of a message and a file; see /help /show.")
    path = user_path(words[0]) if words else _of_session(shell)
    from smtp_shell.recording.messages import count_messages, one_message
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.shell.file_progress import reading

    with (
        reading(shell.waiting_for, escape_str(path.name)) as opened,
        shown_transcript(path, bodies=True, opened=opened) as (name, found, _),
    ):
        messages = count_messages(found)
    if not messages:
        raise UsageError(f"/show data: {name} has no mail data.")
    if number is not None and not 1 <= number <= messages:
        raise UsageError(f"/show data: {name} has {messages:,} messages; there is no message {number}.")
    with _looking(shell, unfolded=True), shown_transcript(path, bodies=True) as (_, found, _):
        shell.view.show_all(one_message(found, number or messages))


@contextmanager
def _looking(shell: Shell, **changes: object) -> Iterator[None]:
    """Change what is shown meanwhile."""
    before = shell.view.look
    shell.view.look = replace(before, **changes)
    try:
        yield
    finally:
        shell.view.look = before


@shell_command("/note", "TEXT")
def note(shell: Shell, args: Args) -> None:
    """Write a note into the transcript; it is never sent."""
    if not args.text:
        raise UsageError("/note takes the text of the note.")
    if shell.session is None or not shell.session.is_open:
        raise UsageError("/note: there is no session to write into; /connect first.")
    shell.session.publish(Remarked(escape_str(args.text)))


def _file(args: Args) -> tuple[GivenOptions, Path]:
    """Return the options, and the one file among the words."""
    given = args.read()
    if len(given.words) != 1:
        raise UsageError(f"{args.name} takes one file, and --force to write over one; see /help {args.name}.")
    return given, user_path(given.words[0])

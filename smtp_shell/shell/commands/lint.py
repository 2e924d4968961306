"""The command that says what in a dialogue breaks a rule or is unwise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.shell.completion import CompletionContext, Option, paths
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.lint.findings import Finding

_STYLES = {"error": "reply.5", "warning": "reply.4", "advice": "decoded"}
_MOST_SHOWN = 200


def _rubrics(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    from smtp_shell.lint.rubric import SHIPPED

    yield from ((name, "a rubric that comes with smtp-shell") for name in SHIPPED)
    yield from paths(context, text)


@shell_command(
    "/lint",
    "[FILE]",
    complete=paths,
    group="learn",
    options=(Option("--for", "what is missing for a task as well", "PROFILE", _rubrics),),
)
def lint(shell: Shell, args: Args) -> None:
    """List what in a dialogue breaks a rule or is unwise.

    With no FILE it is this session's so far. Each line at fault is shown, with what is wrong about it and where the rule stands.
    `--for lab7` tells what is missing for a task as well; it names a rubric, or a TOML file with one.
    """
    from smtp_shell.lint.files import Tally, lint_file
    from smtp_shell.lint.rubric import load_rubric
    from smtp_shell.protocol.octets import escape_str
    from smtp_shell.shell.file_progress import reading

    file, profile = _words(args)
    if file is not None:
        path = file
    elif shell.recordings.session is not None:
        path = shell.recordings.session.path
    else:
        raise UsageError("/lint: there is no recording of a session; name a file.")
    rubric = load_rubric(profile) if profile else None
    tally, shown = Tally(), dict[int, list["Finding"]]()
    with reading(shell.waiting_for, escape_str(path.name)) as opened:
        for number, finding in enumerate(lint_file(path, rubric, profile, opened=opened)):
            tally.add(finding)
            if number < _MOST_SHOWN:
                shown.setdefault(finding.seq, []).append(finding)
    _show(shell, path, shown)
    if tally.number > _MOST_SHOWN:
        shell.say(f"  {tally.number - _MOST_SHOWN:,} findings more; smtp-shell lint lists all.")
    shell.say(f"  {tally}.")


def _words(args: Args) -> tuple[Path | None, str]:
    """Return the file, and the name of the rubric."""
    given = args.read()
    if len(given.words) > 1:
        raise UsageError("/lint takes one file, and --for with a rubric; see /help /lint.")
    return user_path(given.words[0]) if given.words else None, given.last("--for")


def _show(shell: Shell, path: Path, shown: dict[int, list[Finding]]) -> None:
    """Show each line at fault, with its findings under it."""
    if not shown:
        return
    from smtp_shell.recording.shown import shown_transcript

    with shown_transcript(path, bodies=True, includes=True) as (_, entries, _mask):
        for entry in entries:
            if found := shown.pop(entry.seq, None):
                shell.view.show_all((entry,))
                _say_all(shell, found)
    for found in shown.values():
        _say_all(shell, found)


def _say_all(shell: Shell, found: list[Finding]) -> None:
    from smtp_shell.transcript.included_line import file_of

    for finding in found:
        file = file_of(finding.line)
        where = f"{file}:{finding.line}: " if file else f"line {finding.line}: " if finding.line else ""
        shell.say(f"        {where}{finding}", _STYLES[finding.severity])

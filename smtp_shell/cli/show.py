"""`smtp-shell show`: a transcript as a dialogue."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from smtp_shell.cli.options import add_color_option, command_parser, make_view
from smtp_shell.cli.pictures import add_picture_options, pictures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.display.views import View
    from smtp_shell.protocol.events import Entry

_EXAMPLES = (
    ("smtp-shell show lab.smtp", ""),
    ("smtp-shell show --explain lab.smtp", "what each line means, below it"),
    ("smtp-shell show --diagram lab.smtp", "who says what when, as a picture"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell show`.

    Args:
        words: The arguments after `show`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, or the transcript cannot be read.
    """
    options = make_parser().parse_args(words)
    from pathlib import Path

    from msgspec.structs import replace

    from smtp_shell.display.late_progress import late_progress
    from smtp_shell.errors import UsageError
    from smtp_shell.protocol.octets import escape_str
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.transcript.credentials import masking_warning

    if options.data and (options.json or options.packets or options.diagram or options.timing):
        raise UsageError(
            "show --data is for the dialogue in words: --json has all mail data, and a picture none; leave it out."
        )
    view = make_view(options, words=sys.stdout if options.explain else None)
    view.look = replace(view.look, unfolded=options.data)
    show_all = pictures(options, view) or (_explaining(options, view) if options.explain else view.show_all)
    with (
        late_progress(f"reading {escape_str(Path(options.file).name)}", beside=not sys.stdout.isatty()) as progress,
        shown_transcript(Path(options.file), bodies=options.packets or options.data, opened=progress.follow) as shown,
    ):
        name, found, mask = shown
        show_all(found)
    if warning := masking_warning(name, mask):
        sys.stdout.flush()
        sys.stderr.write(f"smtp-shell: {warning}\n")
    return 0


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("show", examples=_EXAMPLES)
    parser.add_argument("file", help="the transcript")
    parser.add_argument(
        "--explain", action="store_true", help="a line under each of the client's and each reply: what it means"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object for each step, or with --explain for each explanation"
    )
    parser.add_argument(
        "--data", action="store_true", help="all of the mail data, and not only its first and last lines"
    )
    add_color_option(parser)
    add_picture_options(parser)
    return parser


def _explaining(options: argparse.Namespace, view: View) -> Callable[[Iterable[Entry]], None]:
    return _write_explanations if options.json else partial(_explain, view)


def _write_explanations(entries: Iterable[Entry]) -> None:
    """Write an object for each explanation: the number of its step, as in the JSON lines of the dialogue, its line, and what is known."""
    from smtp_shell.cli.json_rows import json_row
    from smtp_shell.display.json_lines import StepCounter
    from smtp_shell.knowledge.narration import Narrator

    narrator, steps = Narrator(decodes=True), StepCounter()
    for entry in entries:
        number = steps.count(entry)
        for each in narrator.explain(entry):
            row = json_row({"n": number, "line": entry.line, **each.as_json()})
            sys.stdout.write(f"{row}\n")


def _explain(view: View, entries: Iterable[Entry]) -> None:
    """Show a dialogue with what each of its lines means below it."""
    from msgspec.structs import replace

    from smtp_shell.knowledge.narration import INDENT, Narrator

    narrator = Narrator(decodes=True)
    view.look = replace(view.look, paired=False)
    for entry in entries:
        view(entry)
        for told in narrator.tell(entry):
            view.say(INDENT + told, "explained")

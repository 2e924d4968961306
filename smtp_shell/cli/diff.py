"""`smtp-shell diff`: two transcripts, compared step by step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.cli.options import add_color_option, command_parser, make_view
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.display.views import View
    from smtp_shell.matching.dialogues import Difference, Differences, NumberedRow
    from smtp_shell.matching.turns import Turn
    from smtp_shell.protocol.events import Entry

_STDIN = "-"
_MOST_ROWS = 20  # of one side of a difference
_ORDER = ("removed", "added", "changed", "moved")

_EXAMPLES = (
    ("smtp-shell diff yesterday.smtp today.smtp", ""),
    ("smtp-shell diff --match text yesterday.smtp today.smtp", "words count too"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell diff`.

    Args:
        words: The arguments after `diff`.

    Returns:
        The exit status: 0 if the dialogues are the same, 1 if they differ.

    Raises:
        SmtpShellError: An option is wrong, or a transcript cannot be read.
    """
    options = make_parser().parse_args(words)
    if options.a == options.b == _STDIN:
        raise UsageError("diff: standard input can be one of the two transcripts; name a file for the other.")
    from smtp_shell.matching.dialogues import Differences
    from smtp_shell.matching.expectation import Strictness

    try:
        strictness = Strictness.parse(options.match)
    except ValueError as error:
        raise UsageError(f"diff --match {escape_str(options.match)}: {error}.") from None
    differences = Differences(_turns(options.a), _turns(options.b), strictness)
    return (
        _as_json(differences) if options.json else _as_text(differences, make_view(options, words=sys.stdout), options)
    )


def _turns(name: str) -> list[Turn]:
    """Return the turns of a transcript.

    Raises:
        TranscriptError: It cannot be read.
        UsageError: It is too long to be compared.
    """
    from smtp_shell.display.late_progress import late_progress
    from smtp_shell.matching.turns import turns_of
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.transcript.credentials import masking_warning

    path, in_folder = Path(name), name != _STDIN
    with (
        late_progress(f"reading {escape_str(path.name)}") as progress,
        shown_transcript(path, bodies=in_folder, includes=in_folder, opened=progress.follow) as found,
    ):
        shown, entries, mask = found
        turns = turns_of((each for each in entries if not (in_folder and _includes(each))), shown)
    if warning := masking_warning(shown, mask):
        sys.stderr.write(f"smtp-shell: {warning}\n")
    return turns


def _includes(entry: Entry) -> bool:
    """Return whether an entry includes a file, whose steps follow it."""
    from smtp_shell.protocol.events import Written

    return isinstance(entry.event, Written) and entry.event.text.partition(" ")[0] == "include"


def _counted(differences: Differences, tell: Callable[[Difference], None]) -> dict[str, int]:
    counts = dict.fromkeys(_ORDER, 0)
    for difference in differences:
        counts[difference.change.value] += 1
        tell(difference)
    return counts


def _as_json(differences: Differences) -> int:
    from smtp_shell.cli.json_rows import json_row
    from smtp_shell.transcript.included_line import file_of

    def write(value: dict[str, object]) -> None:
        sys.stdout.write(f"{json_row({name: each for name, each in value.items() if each != ''})}\n")

    def tell(difference: Difference) -> None:
        one, two = difference.rows_a, difference.rows_b
        write(
            {
                "a": one[0].line if one else "",
                "b": two[0].line if two else "",
                "file_a": file_of(one[0].line) if one else "",
                "file_b": file_of(two[0].line) if two else "",
                "change": difference.change.value,
                "text_a": "\n".join(row.text for row in one),
                "text_b": "\n".join(row.text for row in two),
            }
        )

    counts = _counted(differences, tell)
    status = int(any(counts.values()))
    write({"same": differences.same, **counts, "exit_status": status})
    return status


def _as_text(differences: Differences, view: View, options: argparse.Namespace) -> int:
    screen = _Screen(view)
    view.say(f"A  {escape_str(options.a)}", "aside")
    view.say(f"B  {escape_str(options.b)}", "aside")
    counts = _counted(differences, screen.show)
    same = f"{differences.same:,} step{'s' * (differences.same != 1)} the same"
    found = ", ".join(f"{number:,} {word}" for word, number in counts.items() if number)
    view.say(f"{same}{', ' * bool(found)}{found}")
    return int(bool(found))


class _Screen:
    """Shows differences as rows: number in A, number in B, sign, line."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._about: tuple[NumberedRow, ...] = ()

    def show(self, difference: Difference) -> None:
        about = difference.about
        if about and about != self._about and about[0].text.startswith("C"):
            self._row(f"{about[0].line:>6} {about[-1].line:>6}   {about[0].text}{_of_file(about[0])}", "quoted")
        self._about = about
        if difference.change == "moved":
            one, two = difference.rows_a[0], difference.rows_b[0]
            self._row(f"{one.line:>6} {two.line:>6} > {two.text}{_of_file(two)}", "moved")
            return
        self._side(difference.rows_a, "{:>6}        - {}", "removed")
        self._side(difference.rows_b, "       {:>6} + {}", "added")

    def _side(self, rows: Iterable[NumberedRow], form: str, style: str) -> None:
        rows = tuple(rows)
        for row in rows[:_MOST_ROWS]:
            self._row(form.format(row.line, f"{row.text}{_of_file(row)}"), style)
        if len(rows) > _MOST_ROWS:
            self._row(form.format("", f"and {len(rows) - _MOST_ROWS:,} more lines"), style)

    def _row(self, text: str, style: str) -> None:
        self._view.say(text, style)


def _of_file(row: NumberedRow) -> str:
    """Return the name of the included file that a row is of, to stand behind it; empty for a row of the transcript itself."""
    from smtp_shell.transcript.included_line import file_of

    file = file_of(row.line)
    return f"  [{file}]" if file else ""


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("diff", examples=_EXAMPLES)
    parser.add_argument("a", metavar="A", help="a transcript; - is standard input")
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument(
        "--match",
        default="text",
        metavar="LEVEL",
        help="how replies are compared: code, enhanced, keywords, text (default), exact",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_color_option(parser)
    return parser

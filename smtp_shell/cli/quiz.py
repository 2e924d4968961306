"""`smtp-shell quiz`: questions about a dialogue."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from smtp_shell.cli.options import add_color_option, command_parser, is_terminal, make_view, terminal_ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.study.question import Question

_EXAMPLES = (
    ("smtp-shell quiz lab.smtp", ""),
    ("smtp-shell quiz lab.smtp --questions 5", ""),
    ("smtp-shell quiz lab.smtp --json", "print the questions, ask nothing"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell quiz`.

    Args:
        words: The arguments after `quiz`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, the transcript cannot be read, or nobody can be asked.
    """
    options = make_parser().parse_args(words)
    from smtp_shell.errors import UsageError

    if options.kinds:
        return _list_kinds(options)
    if options.file is None:
        raise UsageError("quiz takes a transcript; see smtp-shell quiz --help, and --kinds for the kinds of question.")
    if not options.json and not is_terminal():
        raise UsageError("quiz asks at a terminal, and there is none; use --json to print the questions.")
    return _quiz(options)


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from smtp_shell.study.options import add_quiz_options

    parser = command_parser("quiz", examples=_EXAMPLES)
    parser.add_argument("file", nargs="?", help="the transcript")
    add_quiz_options(parser)
    parser.add_argument(
        "--kinds", action="store_true", help="list the kinds of question, with FILE those that it allows"
    )
    parser.add_argument("--json", action="store_true", help="print the questions as JSON, one a line, and ask nothing")
    add_color_option(parser)
    return parser


def _quiz(options: argparse.Namespace) -> int:
    from pathlib import Path

    from smtp_shell.study.asking import Ending, hold_quiz
    from smtp_shell.study.memory import Memory
    from smtp_shell.study.options import drawn
    from smtp_shell.study.quiz import questions_about, read_file

    readings, warning = read_file(Path(options.file))
    found = questions_about(options.file, readings, options.kind)
    if warning:
        sys.stderr.write(f"smtp-shell: {warning}\n")
    if options.json:
        _print(drawn(found, options, None))
        return 0
    memory = Memory()
    ask = terminal_ask()
    view = make_view(options)
    ending = hold_quiz(drawn(found, options, memory), options.file, lambda prompt: ask(prompt, False), view.say, memory)
    return 130 if ending is Ending.STOPPED else 0


def _print(questions: Sequence[Question]) -> None:
    from smtp_shell.cli.json_rows import json_row
    from smtp_shell.study.quiz import as_object

    for number, question in enumerate(questions, 1):
        sys.stdout.write(f"{json_row(as_object(question, number))}\n")


def _list_kinds(options: argparse.Namespace) -> int:
    from pathlib import Path

    from smtp_shell.cli.json_rows import json_row
    from smtp_shell.study.quiz import kinds_named, questions_about, read_file

    kinds = kinds_named(options.kind)
    if options.file is not None:
        found = questions_about(options.file, read_file(Path(options.file))[0], options.kind)
        kinds = tuple(each for each in kinds if each.name in found)
    for each in kinds:
        row = json_row({"kind": each.name, "about": each.about}) if options.json else f"{each.name:<22} {each.about}"
        sys.stdout.write(f"{row}\n")
    return 0

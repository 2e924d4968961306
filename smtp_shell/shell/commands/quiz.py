"""`/quiz`: questions about a dialogue, asked at the prompt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.shell.command_options import parser_options
from smtp_shell.shell.completion import CompletionContext, Option, paths
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.shell.shell import Shell


def _parser() -> ArgumentParser:
    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.study.options import add_quiz_options

    parser = ArgumentParser(prog="/quiz", add_help=False)
    parser.add_argument("file", nargs="?")
    add_quiz_options(parser)
    return parser


def _options() -> tuple[Option, ...]:
    return parser_options(_parser(), {"--kind": _kinds})


def _kinds(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    from smtp_shell.study.quiz import kinds_named

    yield from ((each.name, each.about) for each in kinds_named(()))


@shell_command("/quiz", "[FILE]", complete=paths, group="learn", options=_options)
def quiz(shell: Shell, args: Args) -> None:
    """Ask questions about a dialogue, and explain the answers.

    With no FILE they are about this session so far. Type the letter or the answer; an empty line shows it.
    What was answered wrong comes again, in later runs too. Ctrl-D or Ctrl-C ends with the score so far.
    With --seed the same questions are drawn each time. `smtp-shell quiz --kinds` lists the kinds.
    """
    from smtp_shell.study.asking import hold_quiz
    from smtp_shell.study.memory import Memory
    from smtp_shell.study.options import drawn
    from smtp_shell.study.quiz import questions_about, read_file

    options = _parser().parse_args(args.words)
    if not shell.options.interactive:
        raise UsageError("/quiz asks questions, and nobody can be asked here; use smtp-shell quiz FILE --json.")
    readings, warning = read_file(_path(shell, options.file))
    name = options.file or "this session"
    found = questions_about(name, readings, options.kind)
    if warning:
        shell.say(warning, "notice")
    memory = Memory()
    hold_quiz(drawn(found, options, memory), name, lambda prompt: shell.ask(prompt, hidden=False), shell.say, memory)


def _path(shell: Shell, name: str | None) -> Path:
    if name is not None:
        return user_path(name)
    if shell.recordings.session is None:
        raise UsageError("/quiz: there is no session yet; name a file, or /connect first.")
    return shell.recordings.session.path

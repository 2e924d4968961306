"""`smtp-shell lint`: what in a dialogue breaks a rule or is unwise."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.cli.options import command_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.lint.files import Tally
    from smtp_shell.lint.findings import Finding
    from smtp_shell.lint.rubric import Rubric

_EXAMPLES = (
    ("smtp-shell lint lab.smtp", ""),
    ("smtp-shell lint --for lab7 lab.smtp", "what is missing for a task"),
    ("smtp-shell lint --rules", "the rules, with their sources"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell lint`.

    Args:
        words: The arguments after `lint`.

    Returns:
        The exit status: 1 if there is an error or a warning.

    Raises:
        SmtpShellError: An option is wrong, or a transcript or rubric cannot be read.
    """
    options = make_parser(about_rubrics="--help" in words or "-h" in words).parse_args(words)
    from smtp_shell.errors import UsageError
    from smtp_shell.lint.files import Tally
    from smtp_shell.lint.rubric import load_rubric

    if options.rules:
        return _list_rules(as_json=options.json)
    if not options.files:
        raise UsageError("lint takes one transcript or more; see smtp-shell lint --help.")
    rubric = load_rubric(options.rubric) if options.rubric is not None else None
    tally = Tally()
    write = _json_writer() if options.json else _text_writer()
    for name in options.files:
        _lint(name, rubric, options.rubric or "", tally, write)
    if options.json:
        from smtp_shell.lint.findings import Severity

        counts = {f"{each}s" if each != Severity.ADVICE else f"{each}": tally[each] for each in Severity}
        _write_json({"files": tally.files, **counts, "exit_status": tally.exit_status})
    else:
        sys.stdout.write(f"{tally}.\n")
    return tally.exit_status


def make_parser(*, about_rubrics: bool = True) -> ArgumentParser:
    """Return the parser of the command.

    Args:
        about_rubrics: Whether its help has the page about rubrics, which takes an import.
    """
    from argparse import RawDescriptionHelpFormatter

    epilog = _about_rubrics() if about_rubrics else None
    parser = command_parser("lint", examples=_EXAMPLES, epilog=epilog, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help="a transcript; - is standard input")
    parser.add_argument(
        "--for", dest="rubric", metavar="PROFILE", help="what a task asks for: lab3, lab7 or a TOML file"
    )
    parser.add_argument("--rules", action="store_true", help="list the rules, with their sources")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _about_rubrics() -> str:
    """Return the page about rubrics: the docstring of their module, without its first line."""
    from smtp_shell.lint import rubric

    page = (rubric.__doc__ or "").partition("```toml\n")[2].replace("```\n", "").replace("`", "")
    return f"A rubric for --for is a TOML file:\n\n{page}"


def _lint(
    name: str, rubric: Rubric | None, rubric_name: str, tally: Tally, write: Callable[[str, Finding], None]
) -> None:
    from pathlib import Path

    from smtp_shell.display.late_progress import late_progress
    from smtp_shell.lint.files import lint_file
    from smtp_shell.protocol.octets import escape_str

    path = Path(name)
    tally.files += 1
    with late_progress(f"linting {escape_str(path.name)}") as progress:
        for finding in lint_file(path, rubric, rubric_name, warn=_warn, opened=progress.follow):
            tally.add(finding)
            with progress.hidden():
                write(escape_str(name), finding)


def _warn(sentence: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"smtp-shell: {sentence}\n")


def _text_writer() -> Callable[[str, Finding], None]:
    """Return what writes a finding as text, folded where a terminal shows it."""
    if not sys.stdout.isatty():
        return lambda name, finding: _write(f"{_place(name, finding)}: {finding}\n")
    import shutil

    from smtp_shell.display.columns import wrap

    width = shutil.get_terminal_size().columns
    return lambda name, finding: _write(
        "".join(f"{line}\n" for line in wrap(f"{_place(name, finding)}: {finding}", width))
    )


def _place(name: str, finding: Finding) -> str:
    return f"{_file_of(name, finding)}:{finding.line}"


def _file_of(name: str, finding: Finding) -> str:
    """Return the file of a finding: the transcript, or one that it includes."""
    from smtp_shell.transcript.included_line import file_of

    return file_of(finding.line) or name


def _json_writer() -> Callable[[str, Finding], None]:
    return lambda name, finding: _write_json(
        {
            "file": _file_of(name, finding),
            "line": int(finding.line),
            "rule": finding.rule,
            "severity": finding.severity.value,
            "message": finding.message,
            "sources": list(finding.sources),
        }
    )


def _list_rules(*, as_json: bool) -> int:
    from smtp_shell.lint.rules import all_rules

    for rule in all_rules().values():
        if as_json:
            named = {
                "rule": rule.name,
                "severity": rule.severity.value,
                "about": rule.about,
                "sources": list(rule.sources),
            }
            _write_json(named)
        else:
            sys.stdout.write(f"{rule.name:<30} {rule.severity:<8} {rule.about} ({', '.join(rule.sources)})\n")
    return 0


def _write(text: str) -> None:
    sys.stdout.write(text)


def _write_json(value: Mapping[str, object]) -> None:
    from smtp_shell.cli.json_rows import json_row

    sys.stdout.write(f"{json_row(value)}\n")

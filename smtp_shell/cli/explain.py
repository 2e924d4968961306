"""`smtp-shell explain`: what a command, a reply, a keyword, a header field or a term means, without a connection.

It starts within 2.5 times `python -c pass` where standard output is no terminal, so it imports nothing at the top that takes long. The
usual options are read by hand, and argparse is left to say what is wrong with others.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.knowledge.explanation import Explanation

# Of rich, which takes ten times as long to load as all the rest: the heading in bold, the labels dim.
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_NARROWEST, _WIDEST = 20, 100
_PIPE_WIDTH = 80
_EXAMPLES = (
    ("smtp-shell explain 550 5.7.1", ""),
    ("smtp-shell explain PIPELINING", ""),
    ("smtp-shell explain AUTH LOGIN", ""),
    ("smtp-shell explain open relay", ""),
    ("smtp-shell explain 550 5.7.1 Relay access denied", ""),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell explain`.

    Args:
        words: The arguments after `explain`.

    Returns:
        The exit status: 1 if nothing is known.

    Raises:
        SmtpShellError: An option is wrong.
    """
    asked, as_json, color = _options(words)
    from smtp_shell.knowledge.explain import explanations, nothing_known

    found = explanations(asked)
    if not found:
        sys.stdout.flush()
        sys.stderr.write(f"smtp-shell: {nothing_known(asked)}\n")
        return 1
    if as_json:
        _write_json(found)
    else:
        _write(found, color=color)
    return 0


def _options(words: Sequence[str]) -> tuple[str, bool, str]:
    """Return what is asked, whether as JSON, and what `--color` says."""
    asked = [word for word in words if word != "--json"]
    if asked and not any(word.startswith("-") for word in asked):
        return " ".join(asked), "--json" in words, "auto"
    options = make_parser().parse_args(words)
    return " ".join(options.what), options.json, options.color


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from smtp_shell.cli.options import add_color_option, command_parser

    parser = command_parser("explain", examples=_EXAMPLES)
    parser.add_argument("what", metavar="WHAT", nargs="+", help="what to explain; a whole line of a dialogue too")
    parser.add_argument("--json", action="store_true", help="one JSON object for each explanation")
    add_color_option(parser)
    return parser


def _write_json(found: Iterable[Explanation]) -> None:
    from smtp_shell.cli.json_rows import json_row

    for each in found:
        sys.stdout.write(f"{json_row(each.as_json())}\n")


def _write(found: Iterable[Explanation], *, color: str) -> None:
    coloured = color == "always" or (color == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    width = _width()
    for number, each in enumerate(found):
        heading, *rows = each.lines()
        if number:
            sys.stdout.write("\n")
        for line in _wrapped(heading, width):
            sys.stdout.write(f"{_BOLD}{line}{_PLAIN}\n" if coloured else f"{line}\n")
        for row in rows:
            for line in _wrapped(row, width):
                sys.stdout.write(f"{_with_dim_label(line)}\n" if coloured else f"{line}\n")


def _width() -> int:
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):  # no terminal
        columns = _PIPE_WIDTH
    return min(max(columns, _NARROWEST), _WIDEST)


def _with_dim_label(line: str) -> str:
    """Return a row with its label dim: the first word, where two blanks or more follow it."""
    label, gap, text = line.strip().partition("  ")
    start = line[: len(line) - len(line.lstrip())]
    return f"{start}{_DIM}{label}{_PLAIN}{gap}{text}" if gap and len(start) == 2 else line


def _wrapped(line: str, width: int) -> Iterator[str]:
    """Cut a line between words. What follows goes below the text of a row, or is indented as the line is."""
    _, gap, text = line.strip().partition("  ")
    start = line[: len(line) - len(line.lstrip())]
    indent = len(line) - len(text.lstrip()) if gap and start else len(start)
    if width - indent < _NARROWEST:
        indent = len(start)
    while len(line) >= width:
        cut = line.rfind(" ", indent + 1, width)
        if cut < 0:
            cut = line.find(" ", width)
        if cut < 0:
            break
        yield line[:cut].rstrip()
        line = " " * indent + line[cut:].strip()
    yield line

"""Functions that pyperf measures in one process: `python -m tests.benchmarks.in_process --only NAME… --file FILE [pyperf's options]`."""

import argparse
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.replay.plan import plan
from smtp_shell.transcript.reader import open_transcript
from tests.benchmarks.sink import WORDS

REPLIES = 20_000
ADDRESSES = 10_000
_LINES = tuple(b"250 2.0.0 %s Ok: queued as %010X" % (WORDS[n % 13].encode(), n * 7919) for n in range(REPLIES))
_OCTETS = b"".join(line + b"\r\n" for line in _LINES)
_SEGMENT = 16 * 1024


def read_steps(path: Path) -> None:
    """Read a transcript step by step."""
    with open_transcript(path) as reader:
        for _ in reader:
            pass


def read_lines(path: Path) -> None:
    """Decode the lines of a file and do nothing else: the limit."""
    with path.open("rb") as file:
        for line in file:
            line.decode()


def check_steps(path: Path) -> None:
    """Read a transcript and check that it can be replayed."""
    plan(path, {})


def replies_by_parser(path: Path) -> None:
    """Parse many replies from TCP segments."""
    parser, count = ReplyParser(), 0
    for start in range(0, len(_OCTETS), _SEGMENT):
        for reply in parser.receive(_OCTETS[start : start + _SEGMENT]):
            assert isinstance(reply, Reply)
            count += reply.code == 250
    assert count == REPLIES


def replies_by_readline(path: Path) -> None:
    """Parse the first three octets of each line: the limit."""
    count = 0
    for line in BytesIO(_OCTETS):
        count += int(line[:3]) == 250
    assert count == REPLIES


def events_of_commands(path: Path) -> None:
    """Turn many commands and replies into events."""
    dialogue = Dialogue()
    list(dialogue.receive(b"220 mail.example.org\r\n"))
    count = 0
    for number, line in enumerate(_LINES):
        dialogue.send(Command(b"NOOP %d" % number))
        count += sum(1 for _ in dialogue.receive(line + b"\r\n"))
    assert count == REPLIES


def escape_lines(path: Path) -> None:
    """Escape lines for the screen."""
    for line in _LINES:
        escape(line)


def decode_lines(path: Path) -> None:
    """Decode lines: the limit."""
    for line in _LINES:
        line.decode()


def completion(path: Path) -> Callable[[], None]:
    """Return a function that suggests matches from a history of 10,000 addresses."""
    from smtp_shell.shell.completion import suggest
    from tests.unit.shell.fake import make_shell

    shell, _, _ = make_shell()
    typed = [f"rcpt {name}" for name in addresses()]
    shell.history = lambda: typed

    def run() -> None:
        # The oldest one: the search goes through all of them.
        assert [found.text for found in suggest(shell.completion_context(), "rcpt user00000@")] == [
            "user00000@example.org"
        ]

    return run


def addresses() -> list[str]:
    """Return the addresses of the history, oldest first."""
    return [f"user{number:05}@example.org" for number in range(ADDRESSES)]


WORK: dict[str, Callable[[Path], None]] = {
    work.__name__: work
    for work in (
        *(read_steps, read_lines, check_steps),
        *(replies_by_parser, replies_by_readline, events_of_commands, escape_lines, decode_lines),
    )
}
NAMES = (*WORK, completion.__name__)


def _pass_on(words: list[str], options: argparse.Namespace) -> None:
    words += ["--file", str(options.file), "--only", *options.only]


def main() -> None:
    """Measure what the options name."""
    # Imported here, because the benchmark imports this module for its constants.
    import pyperf

    runner = pyperf.Runner(add_cmdline_args=_pass_on)
    runner.argparser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    runner.argparser.add_argument("--file", type=Path, default=Path("recording.smtp"), help="transcript to read")
    options = runner.parse_args()
    for name in options.only:
        if name in WORK:
            runner.bench_func(name, WORK[name], options.file)
        else:
            runner.bench_func(name, completion(options.file))


if __name__ == "__main__":
    main()

"""What happens inside a process, measured by pyperf: `python -m tests.benchmarks.inside --only NAME… --file FILE [pyperf's options]`."""

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

REPLIES = 20_000
ADDRESSES = 10_000
_REPLY = b"250 2.0.0 Ok: queued as 4B7A9C2D10\r\n"
_SEGMENT = 16 * 1024


def read_steps(path: Path) -> None:
    """Read a transcript step by step."""
    with open_transcript(path) as reader:
        for _ in reader:
            pass


def read_lines(path: Path) -> None:
    """Read the lines of a file as text, and nothing else: the limit."""
    with path.open("rb") as file:
        for line in file:
            line.decode()


def check_steps(path: Path) -> None:
    """Read a transcript and make sure that it can be replayed."""
    plan(path, {})


def replies_by_parser(path: Path) -> None:
    """Cut many replies out of the segments that they come in."""
    octets, parser, count = _REPLY * REPLIES, ReplyParser(), 0
    for start in range(0, len(octets), _SEGMENT):
        for reply in parser.receive(octets[start : start + _SEGMENT]):
            assert isinstance(reply, Reply)
            count += reply.code == 250
    assert count == REPLIES


def replies_by_readline(path: Path) -> None:
    """Do the same with readline and the first three octets: the limit."""
    count = 0
    for line in BytesIO(_REPLY * REPLIES):
        count += int(line[:3]) == 250
    assert count == REPLIES


def events_of_commands(path: Path) -> None:
    """Go through many commands and their replies, octets in, events out."""
    dialogue = Dialogue()
    list(dialogue.receive(b"220 mail.example.org\r\n"))
    command, count = Command(b"NOOP"), 0
    for _ in range(REPLIES):
        dialogue.send(command)
        count += sum(1 for _ in dialogue.receive(_REPLY))
    assert count == REPLIES


def escape_lines(path: Path) -> None:
    """Make lines fit for a screen."""
    for _ in range(REPLIES):
        escape(_REPLY[:-2])


def decode_lines(path: Path) -> None:
    """Decode lines and leave them as they are: the limit."""
    for _ in range(REPLIES):
        _REPLY[:-2].decode()


def completion(path: Path) -> Callable[[], None]:
    """Prepare to suggest the addresses that fit what was typed, of ten thousand typed before."""
    from smtp_shell.shell.completion import suggest
    from tests.unit.shell.fake import make_shell

    shell, _, _ = make_shell()
    typed = [f"rcpt {name}" for name in addresses()]
    shell.history = lambda: typed

    def run() -> None:
        # The oldest one, for which all are looked through.
        assert [found.text for found in suggest(shell.completion_context(), "rcpt user00000@")] == [
            "user00000@example.org"
        ]

    return run


def addresses() -> list[str]:
    """Give the addresses that somebody has typed, the oldest first."""
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
    # Here, so that the benchmark itself, which needs the names above, stays small.
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

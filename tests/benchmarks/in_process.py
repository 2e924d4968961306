"""Functions that pyperf measures in one process: `python -m tests.benchmarks.in_process --only NAME… --file FILE [pyperf's options]`."""

import argparse
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from xml.etree import ElementTree

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.replay.plan import plan
from smtp_shell.replay.reporters import ReportSettings, RunInfo, make_file_reporter
from smtp_shell.replay.results import Difference, Outcome, ReplayResult, StepResult, no_counts
from smtp_shell.transcript.reader import open_transcript
from tests.benchmarks.sink import WORDS

REPLIES = 20_000
ADDRESSES = 10_000
_LINES = tuple(b"250 2.0.0 %s Ok: queued as %010X" % (WORDS[n % 13].encode(), n * 7919) for n in range(REPLIES))
_OCTETS = b"".join(line + b"\r\n" for line in _LINES)
_SEGMENT = 16 * 1024
STEPS = 10_000
_STEPS = tuple(
    StepResult(
        "lab.smtp",
        (number,),
        f"RCPT TO:<user{number:05}@example.org>",
        Outcome.MATCHED if number % 10 else Outcome.MISMATCHED,
        "" if number % 10 else "the reply code differs",
        0.001,
        250,
        difference=None if number % 10 else Difference("550 no", "250 2.1.5 Ok", 0, number),
        replies=(_LINES[number] + b"\r\n",),
    )
    for number in range(STEPS)
)


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


def _report(name: str, path: Path) -> None:
    report = path.with_name(f"report-of-steps.{name}")
    reporter = make_file_reporter(name, ReportSettings(), report, overwrite=True)
    run = reporter.for_run(RunInfo("lab.smtp", "mail.example.org:25"), StringIO())
    for step in _STEPS:
        run.step(step)
    counts = {**no_counts(), Outcome.MATCHED: STEPS - STEPS // 10, Outcome.MISMATCHED: STEPS // 10}
    run.finish(
        ReplayResult("lab.smtp", "mail.example.org:25", (), counts, 1, "lab.smtp:1: the reply code differs.", 1.0)
    )
    reporter.close()


def report_junit(path: Path) -> None:
    """Write the JUnit report of 10,000 steps, of which each tenth differs."""
    _report("junit", path)


def report_tap(path: Path) -> None:
    """Write the TAP report of the same steps."""
    _report("tap", path)


def report_html(path: Path) -> None:
    """Write the HTML report of the same steps."""
    _report("html", path)


def report_by_element_tree(path: Path) -> None:
    """Build a JUnit file of the same steps in memory and write it, with the standard library."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(root, "testsuite", name="lab.smtp", tests=str(STEPS))
    dialogue = []
    for step in _STEPS:
        case = ElementTree.SubElement(suite, "testcase", name=step.sent, classname="lab", time=f"{step.seconds:.6f}")
        if step.outcome is Outcome.MISMATCHED:
            ElementTree.SubElement(case, "failure", type="difference", message=step.why).text = step.received
        dialogue.append(f"C: {step.sent}\nS: {step.received}\n")
    ElementTree.SubElement(suite, "system-out").text = "".join(dialogue)
    ElementTree.ElementTree(root).write(path.with_name("report-by-element-tree.xml"))


WORK: dict[str, Callable[[Path], None]] = {
    work.__name__: work
    for work in (
        *(read_steps, read_lines, check_steps),
        *(replies_by_parser, replies_by_readline, events_of_commands, escape_lines, decode_lines),
        *(report_junit, report_tap, report_html, report_by_element_tree),
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

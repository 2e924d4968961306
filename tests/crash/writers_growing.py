"""Writers of files that grow: reports, captures, `/output`, standard output.

Acknowledged is for a report each run that it has, and it is whole whenever the process ends; for a capture what was written before the
next wait, up to the last whole block; for `/output` what is counted in `N lines to FILE`; for standard output nothing before the end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from functools import partial

from tests.crash.processes import Command, words
from tests.crash.room import Case, Room
from tests.crash.rooms import SCRIPT, Prepare, letter
from tests.crash.writer import REASONS, Judge, Writer, nothing
from tests.support.junit import check_junit
from tests.support.tap import read_tap

_RECORDINGS = (r"state/recordings/[^/]+\.smtp",)
_OLD = {
    "junit": b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- smtp-shell replay -->\n<testsuites>\n</testsuites>\n',
    "tap": b"TAP version 14\n# smtp-shell replay\n1..0\n",
    "html": b'<!DOCTYPE html>\n<meta name="generator" content="smtp-shell replay">\n</html>\n',
}


def _suite(room: Room) -> None:
    """Write three transcripts: a short one, one whose part of a report takes several writes, one that differs."""
    (room.work / "suite").mkdir()
    (room.work / "suite" / "1-short.smtp").write_text(SCRIPT)
    (room.work / "suite" / "2-long.smtp").write_text(
        "C: EHLO client.example\n" + "C: NOOP\nS: 250\n" * 200 + "C: QUIT\n"
    )
    (room.work / "suite" / "3-differs.smtp").write_text("C: EHLO client.example\nC: NOOP\nS: 251\nC: QUIT\n")


def _suite_and_report(form: str) -> Prepare:
    def prepare(room: Room) -> None:
        _suite(room)
        (room.work / "report").write_bytes(_OLD[form])

    return prepare


def _report(form: str) -> Callable[[Room], Command]:
    def command(room: Room) -> Command:
        return Command("replay", "suite", "--server", room.server, f"--{form}", "report")

    return command


def _judge_report(form: str) -> Judge:
    def judge(case: Case) -> Iterable[str]:
        report = case.after.get("work/report")
        if report is None or report == case.before.get("work/report"):
            if not case.kind or (report is None and case.before.get("work/report") is not None):
                yield "there is no report"
            return
        try:
            runs = _READERS[form](report.octets.rstrip(b"\n") + b"\n")
        except (AssertionError, IndexError, ValueError, SyntaxError) as error:
            yield f"the report is not whole: {error!r:.200}"
            return
        if runs < 3 and not case.is_killed and REASONS.get(case.kind, "-") not in case.outcome.text.lower():
            yield f"the report has {runs} runs, and nothing says so"

    return judge


def _read_html(octets: bytes) -> int:
    text = octets.decode()
    assert text.startswith("<!DOCTYPE html>"), "it has no beginning"
    assert text.endswith("</html>\n"), f"it ends with {text[-60:]!r}"
    assert text.count("</html>") == 1
    assert len(re.findall("<section|<details|<article", text)) == len(re.findall("</section|</details|</article", text))
    return text.count(".smtp") and 3


_READERS: dict[str, Callable[[bytes], int]] = {
    "junit": lambda octets: len(check_junit(octets)),
    "tap": lambda octets: len(read_tap(octets.decode()).points),
    "html": _read_html,
}


def _capture(room: Room) -> Command:
    number = sum(1 for _ in room.work.glob("*.pcapng")) + 1
    lines = (
        f"/capture {number}.pcapng",
        f"/connect {room.server}",
        "ehlo client.example",
        "starttls",
        "ehlo client.example",
    )
    return Command("--ca-file", room.ca, *words((*lines, "noop", "/capture off", "quit")))


def _judge_capture(case: Case) -> Iterable[str]:
    for name, kept in case.after.items():
        if not name.endswith(".pcapng") or name in case.before:
            continue
        blocks, rest = _blocks(kept.octets)
        if not blocks:
            yield f"{name} has no whole block"
        if rest and not case.kind:
            yield f"{name} is not whole"
        if rest and not case.is_killed and REASONS[case.kind] not in case.outcome.text.lower():
            yield f"{name} is cut off, and nothing says so"


def _blocks(octets: bytes) -> tuple[int, int]:
    """Return how many whole blocks a capture has, and how many octets follow them."""
    number = at = 0
    while len(octets) - at >= 12:
        (length,) = struct.unpack_from("<I", octets, at + 4)
        if length % 4 or len(octets) - at < length or octets[at + 4 : at + 8] != octets[at + length - 4 : at + length]:
            break
        number, at = number + 1, at + length
    return number, len(octets) - at


def _output(option: str) -> Callable[[Room], Command]:
    def command(room: Room) -> Command:
        given = option or ("--force" if (room.work / "out.txt").exists() else "")
        return Command(*words((f"/output out.txt {given}".strip(), "/set", "/help /record", "/output off", "/set")))

    return command


def _judge_output(case: Case, *, appends: bool) -> Iterable[str]:
    before, after, clean = (files.get("work/out.txt") for files in (case.before, case.after, case.clean))
    assert clean is not None
    old = before.octets if before is not None else b""
    new = clean.octets.removeprefix(b"old\n") if appends else clean.octets
    if after is None or (after == before and not appends):
        if before is not None and after is None:
            yield "the old file is gone"
        return
    start = old if appends else b""
    written = after.octets.removeprefix(start)
    if not after.octets.startswith(start):
        yield "what was in the file is gone"
    elif not new.startswith(written):
        yield f"the file has something else: {written[-60:]!r}"
    counted = sum(int(number.replace(",", "")) for number in re.findall(r"([0-9,]+) lines? to", case.outcome.out))
    lines = written.count(b"\n")
    if lines < counted:
        yield f"it says that {counted} lines are in the file, which has {lines}"


def _old_output(room: Room) -> None:
    (room.work / "out.txt").write_bytes(b"old\n")
    (room.work / "out.txt").chmod(0o600)


def _suite_and_out(room: Room) -> None:
    _suite(room)
    (room.work / "out.json").touch(mode=0o600)  # which is not the program's to create


def _json(room: Room) -> Command:
    return Command("replay", "suite", "--server", room.server, "--json", stdout="out.json")


def _exported(room: Room) -> Command:
    return Command("convert", "suite/2-long.smtp", "-", "--to", "html", stdout="out.json")


def _judge_stdout(case: Case) -> Iterable[str]:
    after, clean = case.after.get("work/out.json"), case.clean["work/out.json"]
    if after is None or case.is_killed:
        return
    if len(after.octets) < len(clean.octets) * 0.9 and case.outcome.status == 0:
        yield "standard output is cut off, and the exit status is 0"


WRITERS = (
    *(
        Writer(
            f"report-{form}{more}",
            "The report is whole whenever the process ends, with each run that has ended; the old one is there until there is a new one.",
            _report(form),
            _judge_report(form),
            prepare,
            finals=("work/report",),
            status=1,
        )
        for form in ("junit", "tap", "html")
        for more, prepare in (("", _suite), ("-over-old", _suite_and_report(form)))
    ),
    Writer(
        "capture",
        "Whole up to its last block; what is not captured is said. It holds the keys: it is for its owner alone.",
        _capture,
        _judge_capture,
        letter,
        finals=(r"work/[0-9]\.pcapng", *_RECORDINGS),
    ),
    Writer(
        "output",
        "What is counted in `N lines to FILE` is there.",
        _output(""),
        partial(_judge_output, appends=False),
        nothing,
        finals=("work/out.txt",),
    ),
    Writer(
        "output-force",
        "What is counted in `N lines to FILE` is there; the old file is there until there is a new one.",
        _output("--force"),
        partial(_judge_output, appends=False),
        _old_output,
        finals=("work/out.txt",),
    ),
    Writer(
        "output-append",
        "What is counted in `N lines to FILE` is there, after what was there before.",
        _output("--append"),
        partial(_judge_output, appends=True),
        _old_output,
        finals=("work/out.txt",),
    ),
    Writer(
        "stdout-json",
        "Nothing before the end: status 0 or that of the replay says that all of it was written.",
        _json,
        _judge_stdout,
        _suite_and_out,
        finals=("work/out.json",),
        status=1,
    ),
    Writer(
        "stdout-convert",
        "Status 0 says that all of it was written.",
        _exported,
        _judge_stdout,
        _suite_and_out,
        finals=("work/out.json",),
    ),
)

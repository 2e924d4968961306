"""Every row of the benchmark measures its figures, and every command does its work. No figure makes a test fail."""

import json
import math
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.benchmarks.figures import Figure, Goal, Line, Plot, Spread, Verdict, at_least, at_most, in_words, verdict
from tests.benchmarks.plots import draw
from tests.benchmarks.registry import ALL_ROWS
from tests.benchmarks.report import END_OF_FIGURES, FIGURES
from tests.benchmarks.sink import Connection
from tests.benchmarks.workload import Mail, mail, messages, repeated_message, spool
from tests.conftest import IN_CI

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / ".github" / "MANUAL.md").read_text(encoding="utf-8")


def the_command() -> list[str]:
    """Return the command of the manual, as words."""
    found = re.search(r"<!-- test:benchmarks -->\n```sh\n(.*?)\n```", MANUAL, re.DOTALL)
    assert found is not None
    program, *words = shlex.split(found[1])
    assert program == ".venv/bin/python"
    return [sys.executable, *words]


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.name == "nt", reason="smtp-sink, swaks and pseudo-terminals are not there")
@pytest.mark.parametrize("name", [row.name for row in ALL_ROWS])
def test_a_row_measures_every_figure_and_every_command_does_its_work(name: str, tmp_path: Path) -> None:
    out, plots = tmp_path / "figures.json", tmp_path / "plots"
    words = [*the_command(), "--rounds", "1", "--only", name, "--json", str(out), "--plots", str(plots)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (row,) = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert row["error"] == ""
    assert row["figures"]
    for figure in row["figures"]:
        assert_measured(figure)
    for plot in row["plots"]:
        drawn = ElementTree.parse(plots / f"{plot['name']}.svg").getroot()
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
        assert all(line["points"] for line in plot["lines"])


def assert_measured(figure: dict[str, Any]) -> None:
    if figure["missing"] and not IN_CI:
        return
    assert not figure["missing"], f"{figure['name']}: {figure['missing']}"
    assert figure["spread"]["samples"]
    assert all(math.isfinite(value) for value in figure["spread"]["samples"])


def test_rows_have_unique_names_and_most_have_goals() -> None:
    assert len({row.name for row in ALL_ROWS}) == len(ALL_ROWS)
    assert sum(len(row.goals) for row in ALL_ROWS) > 20


def test_a_server_stops_when_the_process_that_wants_it_is_killed() -> None:
    server = "import os, sys, time; sys.stdout.write(f'{os.getpid()}\\n'); sys.stdout.flush(); time.sleep(100)"
    supervisor = [sys.executable, "-m", "tests.benchmarks.supervisor", sys.executable, "-c", server]
    holder = (
        "import os, signal, subprocess, sys\n"
        f"supervisor = subprocess.Popen({supervisor!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "sys.stdout.buffer.write(supervisor.stdout.readline())\n"
        "sys.stdout.flush()\n"
        "os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", holder], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == 9, done.stderr
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(20)
    assert not psutil.pid_exists(int(done.stdout))


@pytest.mark.parametrize(
    ("samples", "goal", "expected"),
    [
        ((1.0, 1.1, 1.2), at_most(2.0), Verdict.MET),
        ((2.1, 2.2, 2.3), at_most(2.0), Verdict.NOT_MET),
        ((1.0, 1.1, 2.3), at_most(2.0), Verdict.NOISY),
        ((0.7, 0.8, 0.9), at_least(0.5), Verdict.MET),
        ((0.1, 0.2, 0.3), at_least(0.5), Verdict.NOT_MET),
        ((0.1, 0.2, 0.6), at_least(0.5), Verdict.NOISY),
        ((1.0,), None, Verdict.CONTEXT),
    ],
)
def test_a_verdict_needs_the_median_and_both_quartiles(
    samples: tuple[float, ...], goal: Goal | None, expected: Verdict
) -> None:
    figure = Figure("peer", Spread.of(samples))
    assert verdict(figure, {"peer": goal} if goal else {}) is expected


def test_one_outlier_of_many_rounds_changes_no_verdict() -> None:
    spread = Spread.of([1.0] * 8 + [50.0])
    assert (spread.median, spread.low, spread.high) == (1.0, 1.0, 1.0)


def test_a_missing_figure_has_no_verdict() -> None:
    assert verdict(Figure("peer", None, missing="not there"), {"peer": at_most(1.0)}) is Verdict.MISSING


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1.234, "x", "1.23 x"),
        (12.34, "x", "12.3 x"),
        (123456.0, "lines/s", "123,456 lines/s"),
        (0.0123, "s", "12.3 ms"),
        (0.0000123, "s", "12.3 µs"),
        (2.5, "s", "2.50 s"),
        (3e-9, "s", "3.00 ns"),
    ],
)
def test_a_value_is_formatted_with_its_unit(value: float, unit: str, words: str) -> None:
    assert in_words(value, unit) == words


def test_a_plot_is_valid_svg_whatever_its_names_are() -> None:
    lines = (Line("a < b & c", ((1.0, 2.0), (1000.0, 0.5))), Line("nothing", ()), Line("zero", ((1.0, 0.0),)))
    root = ElementTree.fromstring(draw(Plot("name", "more <or> less", "x", "y", lines)))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"more <or> less", "a < b & c", "1,000", "0.1"} <= texts


def test_the_readme_has_the_markers_of_the_table() -> None:
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    assert text.count(FIGURES) == text.count(END_OF_FIGURES) == 1
    assert text.index(FIGURES) < text.index(END_OF_FIGURES)


def test_no_two_messages_have_an_address_or_a_line_in_common() -> None:
    seen: set[str] = set()
    for number in range(200):
        one = mail(number, 700)
        assert 600 < len(one.octets) < 900
        lines = {one.sender, one.recipient, *one.lines} - {
            "",
            *(line for line in one.lines if line.startswith("Date: ")),
        }
        assert not lines & seen
        seen |= lines


def test_the_transcript_and_the_spool_hold_the_same_messages(tmp_path: Path) -> None:
    lines = [line[3:] for line in messages(tmp_path, 12, 700).read_text("ascii").split("\n") if line.startswith("C: ")]
    with spool(tmp_path, 12, 700).open("rb") as file:
        for header in file:
            sender, recipient, size = header.decode().split()
            text = file.read(int(size)).decode().replace("\r\n.", "\r\n..")
            start = lines.index(f"MAIL FROM:<{sender}>")
            assert lines[start + 1] == f"RCPT TO:<{recipient}>"
            body = text.split("\r\n")[:-1]
            transcript = (tmp_path / "messages-12-700.smtp").read_text("ascii")
            assert "\n".join(f"C: {line}".rstrip() for line in body) in transcript


def test_every_line_of_a_repeated_message_differs_from_one_replay_to_the_next(tmp_path: Path) -> None:
    text = repeated_message(tmp_path, 700).read_text("ascii")
    data = text.partition("S: 354\n")[2].partition("C: .\n")[0].splitlines()
    assert all("${" in line for line in data if line != "C:" and not line.startswith("C: Date: "))
    assert text.count("${uuid}") == 1


def test_the_sink_sends_no_reply_twice() -> None:
    connection, seen = Connection(count(1)), set()
    for number in range(100):
        one = mail(number, 700)
        for octets in turns_of(one):
            said = connection.receive(octets)
            assert said[:1] in b"23"
            assert said not in seen
            seen.add(said)


def turns_of(one: Mail) -> list[bytes]:
    envelope = [f"MAIL FROM:<{one.sender}>\r\n".encode(), f"RCPT TO:<{one.recipient}>\r\n".encode(), b"DATA\r\n"]
    return [b"NOOP\r\n", *envelope, one.octets.replace(b"\n.", b"\n..") + b".\r\n"]


def test_the_sink_takes_octets_in_any_segments() -> None:
    octets = b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n..\r\n.\r\nDATA\r\n.\r\nNOOP\r\nQUIT\r\n"
    at_once, one_by_one = Connection(count(1)), Connection(count(1))
    whole = at_once.receive(octets)
    assert b"".join(one_by_one.receive(octets[at : at + 1]) for at in range(len(octets))) == whole
    assert at_once.ended
    assert one_by_one.ended
    assert [line[:4] for line in whole.splitlines()][-7:] == [
        b"250 ",
        b"354 ",
        b"250 ",
        b"354 ",
        b"250 ",
        b"250 ",
        b"221 ",
    ]

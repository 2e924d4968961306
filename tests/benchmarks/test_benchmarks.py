"""The benchmark runs: every row gives its figures, and every command does its work. How fast they are is nobody's failure."""

import json
import math
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.benchmarks.figures import Figure, Goal, Line, Plot, Spread, Verdict, at_least, at_most, in_words, verdict
from tests.benchmarks.plots import draw
from tests.benchmarks.registry import ALL_ROWS
from tests.conftest import IN_CI

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def the_command() -> list[str]:
    """Give the command that the README names, as words."""
    found = re.search(r"<!-- test:benchmarks -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    assert found is not None
    program, *words = shlex.split(found[1])
    assert program == ".venv/bin/python"
    return [sys.executable, *words]


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.name == "nt", reason="smtp-sink, swaks and pseudo-terminals are not there")
@pytest.mark.parametrize("name", [row.name for row in ALL_ROWS])
def test_a_row_gives_every_figure_and_every_command_does_its_work(name: str, tmp_path: Path) -> None:
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


def test_every_goal_is_that_of_a_figure_of_the_full_run_or_the_small_one() -> None:
    assert len({row.name for row in ALL_ROWS}) == len(ALL_ROWS)
    assert sum(len(row.goals) for row in ALL_ROWS) > 25


def test_a_server_is_gone_when_who_wanted_it_was_killed() -> None:
    server = "import os, sys, time; sys.stdout.write(f'{os.getpid()}\\n'); sys.stdout.flush(); time.sleep(100)"
    keeper = [sys.executable, "-m", "tests.benchmarks.keeper", sys.executable, "-c", server]
    holder = (
        "import os, signal, subprocess, sys\n"
        f"keeper = subprocess.Popen({keeper!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "sys.stdout.buffer.write(keeper.stdout.readline())\n"
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


def test_one_outlier_of_many_rounds_moves_no_verdict() -> None:
    spread = Spread.of([1.0] * 8 + [50.0])
    assert (spread.median, spread.low, spread.high) == (1.0, 1.0, 1.0)


def test_what_is_missing_is_not_judged() -> None:
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
def test_a_value_is_written_short_and_with_its_unit(value: float, unit: str, words: str) -> None:
    assert in_words(value, unit) == words


def test_a_plot_is_svg_whatever_its_names_are() -> None:
    lines = (Line("a < b & c", ((1.0, 2.0), (1000.0, 0.5))), Line("nothing", ()), Line("zero", ((1.0, 0.0),)))
    root = ElementTree.fromstring(draw(Plot("name", "more <or> less", "x", "y", lines)))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"more <or> less", "a < b & c", "1,000", "0.1"} <= texts

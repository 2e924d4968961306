"""The torture itself: it finds faults that are planted, its addresses repeat them, and a sample of all jobs finds none.

The sample is drawn with a fixed seed. By hand: `python -m tests.torture`.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.torture.__main__ import main
from tests.torture.driver import Bench, plans, serving
from tests.torture.forking import Ended
from tests.torture.jobs import JOBS, PASSWORD, USER, Job, Place
from tests.torture.judge import Outcome, complaints
from tests.torture.plan import BadAddress, Plan
from tests.torture.report import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it forks, and looks into /proc")

SEED = 16
SAMPLE = 8
"""Runs of each job; a job of more points has no larger share, since most of its points are alike."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("torture")) as found:
        yield found


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_sample_of_the_points_of_each_job(job: Job, place: Place) -> None:
    bench = Bench(job, place)
    try:
        drawn = plans(bench.points(), sample=SAMPLE, seed=SEED)
        found = [finding for plan, site in drawn if (finding := bench.try_one(plan, site)) is not None]
    finally:
        bench.close()
    assert [(each.address, each.site, each.complaints) for each in found] == []
    assert bench.runs == len(drawn) > 0
    assert bench.missed <= bench.runs // 4, "most faults have to happen"


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A copy of the package in which one module raises an error that nobody expects."""
    root = Path(__file__).parents[2]
    for name in ("smtp_shell", "tests/torture", "tests/support"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copy(root / "tests/__init__.py", tmp_path / "tests")
    transport = tmp_path / "smtp_shell/net/transport.py"
    text = transport.read_text(encoding="utf-8")
    changed = text.replace("raise self._broken(error) from None", "raise RuntimeError('planted') from error")
    assert changed != text
    transport.write_text(changed, encoding="utf-8")
    return tmp_path


def test_a_fault_that_is_planted_is_found_and_its_address_repeats_it(planted: Path) -> None:
    command = [sys.executable, "-m", "tests.torture", "--job", "dialogue", "--kind", "recv", "--sample", "5"]
    environment = {**os.environ, "PYTHONPATH": str(planted)}
    done = subprocess.run(command, cwd=planted, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 1, done.stderr
    repeat = next(line for line in done.stdout.splitlines() if line.startswith("python -m tests.torture"))
    assert "a traceback on standard errors." in done.stdout
    again = subprocess.run(
        [sys.executable, *repeat.split()[1:]], cwd=planted, env=environment, capture_output=True, text=True, timeout=110
    )
    assert again.returncode == 1
    assert repeat in again.stdout


REPORT = Report(fired="somewhere", counts={"recv": 3})
GOOD = Outcome(Ended(0, False, 0.1), b"done\n", b"", REPORT, {"out.smtp": b"Transcript: 1\n\nC: NOOP\n"}, {})
JOB = replace(JOBS["replay"], results=("out.txt",), is_exact=True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ended": Ended(-9, True, 30.0)}, "it hung"),
        ({"ended": Ended(3, False, 0.1)}, "without a sentence"),
        ({"ended": Ended(2, False, 0.1), "errors": b"smtp-shell: no.\n"}, "exit status 2; good are"),
        ({"errors": b"Traceback (most recent call last):\n"}, "a traceback on standard errors"),
        ({"output": b"Exception in thread job-1\n"}, "a traceback on standard output"),
        ({"output": b""}, "success, but standard output is not what it is otherwise"),
        ({"output": f"done\n{PASSWORD}".encode()}, "the password is in standard output"),
        ({"files": {"a.log": base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())}}, "the password is in a.log"),
        ({"files": {"draft": b""}}, "a file was left that is not there otherwise: draft"),
        ({"files": {"out.smtp": b"Transcript: 1\n\nX: NOOP\n"}}, "the recording cannot be read"),
        ({"files": {"out.txt": b"hal"}}, "half a file under its final name: out.txt"),
        ({"report": replace(REPORT, descriptors=["7: socket:[123]"])}, "1 descriptors left open: socket:[N]"),
        ({"report": replace(REPORT, threads=["job-1"])}, "threads left running: job-1"),
        ({"report": None}, "without its report"),
    ],
)
def test_the_judge_sees_each_kind_of_misdeed(changes: dict[str, Any], says: str) -> None:
    good = replace(GOOD, files={**GOOD.files, "out.txt": b"half"})
    run = replace(good, **{**changes, "files": {**good.files, **changes.get("files", {})}})
    plan = Plan("recv", 1, "ECONNRESET")
    assert complaints(JOB, plan, good, good) == []
    assert says in " ".join(complaints(JOB, plan, run, good))


def test_what_is_recorded_before_a_kill_is_whole_and_the_status_is_the_kill(place: Place) -> None:
    bench = Bench(JOBS["dialogue"], place)
    try:
        finding = bench.try_one(Plan.parse("recv:4:kill-before"))
        run = bench.last
    finally:
        bench.close()
    assert finding is None
    assert run is not None
    assert run.ended.status == -signal.SIGKILL
    assert b"S: 220 practice.example" in run.files["out.smtp"]


@pytest.mark.parametrize("address", ["nothing:1:EIO", "recv", "recv:0:end", "recv:1:ENOSPC", "recv:x:end"])
def test_a_bad_address_is_refused_in_a_sentence(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadAddress):
        Plan.parse(address)
    assert main(["--job", "to-md", "--point", address]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--job", "nothing"], ["--kind", "nothing"]])
def test_bad_arguments_are_refused_in_a_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_address_of_a_plan_is_read_back() -> None:
    for address in ("recv:3:ECONNRESET", "write:2:ENOSPC+", "rename:1:kill-before", "monotonic:9:forward"):
        assert Plan.parse(address).address == address

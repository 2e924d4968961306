"""Versions: which Pythons are found, what a lower bound promises, and that a test that fails is seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from packaging.requirements import Requirement

from tests.packaging import versions
from tests.packaging.__main__ import main
from tests.packaging.declared import ROOT
from tests.packaging.pythons import Python, ask, chosen, every_python
from tests.packaging.versions import NotMade, untested

if TYPE_CHECKING:
    from collections.abc import Callable

OWN = sys.version_info[:3]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_running_python_is_found() -> None:
    assert Python(OWN, Path(sys.executable)) in every_python()
    assert [each.version for each in chosen([])] == [OWN]
    assert [each.version for each in chosen([".".join(map(str, OWN[:2]))])] == [OWN]


def test_each_minor_version_is_found_once_and_none_that_is_too_old() -> None:
    found = [each.minor for each in every_python()]
    assert found == sorted(set(found))
    assert found[0] >= (3, 11)


@pytest.mark.skipif(os.name == "nt", reason="a script stands for an interpreter")
@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("echo '[3, 12, 4, \"final\"]'", (3, 12, 4)),
        ("echo '[3, 10, 13, \"final\"]'", None),
        ("echo '[3, 16, 0, \"candidate\"]'", None),
        ("echo pyenv: command not found >&2; exit 127", None),
    ],
)
def test_an_interpreter_says_what_it_is(answer: str, version: tuple[int, int, int] | None, tmp_path: Path) -> None:
    program = tmp_path / "python3.12"
    program.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    program.chmod(0o755)
    assert ask(program) == (Python(version, program) if version else None)
    found = [each for each in every_python({"PATH": str(tmp_path), "HOME": str(tmp_path)}) if each.path == program]
    assert bool(found) is (version is not None and version[:2] != OWN[:2])


def test_a_python_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", "lowest", "3.99"]) == 2
    assert "no Python 3.99" in capsys.readouterr().err


def test_a_lower_bound_that_was_not_installed_is_found() -> None:
    declared = [Requirement("a>=1.2"), Requirement("B-C>=3"), Requirement("d>=1; python_version < '3'")]
    assert untested(declared, {"a": "1.2.0", "b-c": "3.0"}) == []
    assert untested(declared, {"a": "1.2.1", "b-c": "3.0"}) == [
        "a>=1.2 is declared, but the lowest that fits with the others is 1.2.1"
    ]


def test_a_test_that_fails_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the environment that runs this in place of a new one."""
    test = tmp_path / "test_planted.py"
    test.write_text("def test_good(): pass\ndef test_bad(): assert 1 == 2\n", encoding="utf-8")
    monkeypatch.setattr(versions, "make", lambda folder, *_: folder.symlink_to(sys.prefix) or 7)
    run = versions.run("lowest", Python(OWN, Path(sys.executable)), [str(test), "-k", "good or bad"], 0)
    assert "assert 1 == 2" in run.failure
    assert (run.packages, run.passed) == (7, 1)
    assert "failed" in str(run)
    run = versions.run("lowest", Python(OWN, Path(sys.executable)), [str(test), "-k", "good"], 0)
    assert (run.failure, run.passed) == ("", 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program could act on")
def test_the_tests_end_when_the_command_is_ended(tmp_path: Path) -> None:
    test = tmp_path / "test_planted.py"
    test.write_text(
        "import os, time\nfrom pathlib import Path\ndef test_a():\n"
        "    part = Path(__file__).with_name('part')\n    part.write_text(str(os.getpid()))\n"
        "    part.rename(part.with_name('pid'))\n    time.sleep(100)\n",
        encoding="utf-8",
    )
    code = (
        "import sys; from pathlib import Path; from tests.packaging import versions\n"
        "from tests.packaging.pythons import Python\n"
        "versions.make = lambda folder, *_: folder.symlink_to(sys.prefix) or 7\n"
        "versions.end_with_what_was_started()\n"
        f"versions.run('lowest', Python((3, 11, 0), Path(sys.executable)), [{str(test)!r}], 0)\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment) as process:
        until(lambda: (tmp_path / "pid").exists() or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    until(lambda: not psutil.pid_exists(pid))
    assert list(tmp_path.glob("smtp-shell-lowest-*")) == []


def test_what_went_wrong_is_told_in_short_lines() -> None:
    name = "x" * 5000
    output = f"....F\n    assert 1 == 2\nE   assert 1 == 2\nFAILED tests/a.py::b[{name}]\n1 failed in 2 s"
    assert versions.essence(output).splitlines() == ["E   assert 1 == 2", f"FAILED tests/a.py::b[{name}"[:240]]
    assert versions.essence("uv is missing\nat all") == "uv is missing\nat all"


def test_an_environment_that_cannot_be_made_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*_: object) -> int:
        raise NotMade("no such version")

    monkeypatch.setattr(versions, "make", make)
    run = versions.run("newest", Python(OWN, Path(sys.executable)), ["tests/unit"], 0)
    assert (run.failure, run.passed) == ("no such version", 0)

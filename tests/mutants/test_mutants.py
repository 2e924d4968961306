"""The harness finds what it is there for: in a small project with planted mutants, some of which no test notices."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.mutants import equivalents
from tests.mutants.modules import Module
from tests.mutants.mutant import Project, modules_of

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process for each mutant")

CODE = '''
    """A docstring is not mutated."""

    from __future__ import annotations

    LIMITS = {"small": 10, "large": 1000}


    def is_small(size: int) -> bool:
        return size < LIMITS["small"]


    def wait(turns: int) -> int:
        while turns > 0:
            turns -= 1
        return turns


    def untested() -> str:
        return "nobody asks"
'''
TESTS = """
    from smtp_shell.protocol.planted import LIMITS, is_small, wait

    def test_small() -> None:
        assert is_small(9)
        assert not is_small(11)

    def test_wait() -> None:
        assert wait(3) == 0

    def test_limits() -> None:
        assert set(LIMITS) == {"small", "large"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("smtp_shell/protocol", "tests/unit/protocol", "tests/mutants"):
        (tmp_path / folder).mkdir(parents=True)
    for package in ("smtp_shell", "smtp_shell/protocol"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "smtp_shell/protocol/planted.py").write_text(dedent(CODE))
    (tmp_path / "tests/unit/protocol/test_planted.py").write_text(dedent(TESTS))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.mutants", "--project", str(project), "protocol/planted.py", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


def mutants(project: Path) -> dict[str, Module]:
    found = Project(project)
    return {
        str(m): module
        for path in modules_of(["protocol"], found)
        for module in [Module(path, found)]
        for m in module.mutants
    }


def test_what_a_test_notices_dies_and_what_none_notices_survives(project: Path) -> None:
    done = run(project)
    assert done.returncode == 1, done.stderr + done.stdout
    survivors = [line for line in done.stdout.splitlines() if "protocol/planted.py" in line and "->" in line]
    assert sorted(line.split(maxsplit=2)[2] for line in survivors) == [
        "LIMITS: 10 -> 11",  # ten is neither small nor tested
        "LIMITS: 1000 -> 1001",
        "LIMITS: 1000 -> 999",
        "is_small: size < LIMITS['small'] -> size <= LIMITS['small']",
        "untested: return 'nobody asks' -> return None",
    ]
    # wait() for ever is found by its time; that it ends at once is a failed test.
    figures = next(line for line in done.stdout.splitlines() if line.startswith("protocol "))
    total, killed, timeout, survived, equivalent = map(int, figures.split()[1:6])
    assert (survived, equivalent) == (5, 0)
    assert timeout >= 1
    assert total == killed + timeout + survived
    assert '-    return size < LIMITS["small"]' in done.stdout
    assert "+    return size <= LIMITS['small']" in done.stdout


def test_the_tests_that_are_too_dear_for_every_mutant_are_run_before_one_is_a_survivor(project: Path) -> None:
    dear = """
        from time import process_time

        import pytest

        from smtp_shell.protocol.planted import is_small

        @pytest.mark.parametrize("size", [9, 11, 10])
        def test_small(size: int) -> None:
            end = process_time() + (1.4 if size == 10 else 1.3)
            while process_time() < end:
                pass
            assert is_small(size) == (size < 10)
    """
    (project / "tests/unit/protocol/test_dear.py").write_text(dedent(dear))
    mutant = next(m for m in mutants(project) if "size <= LIMITS" in m)
    done = run(project, "--mutant", mutant.split()[0])
    assert done.returncode == 0, done.stdout


def test_a_survivor_that_is_listed_with_its_reason_is_no_survivor(project: Path) -> None:
    line = next(m for m in mutants(project) if "1000 -> 999" in m)
    entry = f"[[equivalent]]\nreason = 'nobody counts so far'\nmutants = [\"{line}\"]\n"
    (project / "tests/mutants/equivalent.toml").write_text(entry)
    done = run(project, "--sample", "400")
    assert "999" not in done.stdout
    assert next(row for row in done.stdout.splitlines() if row.startswith("protocol ")).split()[4:6] == ["4", "1"]
    # It can be tried all the same, by the command that a report prints.
    again = run(project, "--mutant", line.split()[0])
    assert again.returncode == 1
    assert "1000 -> 999" in again.stdout


def test_an_entry_that_no_longer_names_a_mutant_is_an_error(project: Path) -> None:
    entry = '[[equivalent]]\nreason = "once"\nmutants = ["0123456789 protocol/planted.py gone: 1 -> 2"]\n'
    (project / "tests/mutants/equivalent.toml").write_text(entry)
    assert equivalents.unmatched(equivalents.read(Project(project)), [], {"protocol/planted.py"})
    dying = next(m for m in mutants(project) if "turns > 0 -> turns <= 0" in m)
    done = run(project, "--mutant", dying.split()[0])
    assert done.returncode == 1
    assert "names no mutant by: 0123456789" in done.stdout


def test_an_address_does_not_change_when_lines_are_added(project: Path) -> None:
    before = set(mutants(project))
    planted = project / "smtp_shell/protocol/planted.py"
    planted.write_text(planted.read_text().replace("LIMITS =", "OTHER = 3\n\nLIMITS ="))
    assert before < set(mutants(project))


@pytest.mark.parametrize("words", [["no/such.py"], ["--mutant", "ffffffffff"]])
def test_bad_arguments_are_one_sentence(project: Path, words: list[str]) -> None:
    done = run(project, *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_no_list_of_ours_names_a_mutant_that_is_not_there() -> None:
    here = Project()
    reasons = equivalents.read(here)
    files = {line.split()[1] for line in reasons}
    modules = [Module(here.package / file, here) for file in sorted(files)]
    assert equivalents.unmatched(reasons, (m for module in modules for m in module.mutants), files) == []


def test_each_mutant_of_a_module_is_a_program_of_its_own() -> None:
    here = Project()
    module = Module(here.package / "matching" / "pattern.py", here)
    sources = [module.changed_source(m) for m in module.mutants]
    for source in sources:
        ast.parse(source)
    assert module.source not in sources
    assert len({m.id for m in module.mutants}) == len(module.mutants) == len(set(sources)) > 50

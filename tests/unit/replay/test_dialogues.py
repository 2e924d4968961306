"""Whole dialogues: what goes over the wire and when, what is told and when, and what comes of it. `played` describes the cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.replay.played import CASES, Case, played, read_cases

ALL = [(case, title) for path in sorted(CASES.glob("*.txt")) for case in read_cases(path) for title in case.runs]


@pytest.mark.parametrize(("case", "title"), ALL, ids=[f"{case.name}-{title}" for case, title in ALL])
def test_a_dialogue(tmp_path: Path, case: Case, title: str) -> None:
    assert played(case, title, tmp_path) == case.wanted(title)


def test_no_case_stands_twice() -> None:
    names = [case.name for path in CASES.glob("*.txt") for case in read_cases(path)]
    assert len(names) == len(set(names)) > 100

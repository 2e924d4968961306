"""Foreign files with their ground truth: each step, its direction, code, phase and text."""

import json
from pathlib import Path

import pytest

from tests.support.imported import cases, differences, imported

HERE = Path(__file__).parent
CASES = [case for folder in ("corpus", "recorded", "pasted") for case in cases(HERE / folder)]


@pytest.mark.parametrize(("path", "expect"), CASES, ids=[path.stem for path, _ in CASES])
def test_every_step_is_what_it_was(path: Path, expect: Path) -> None:
    known = json.loads(expect.read_text("utf-8"))
    assert differences(imported(path), known["steps"]) == []

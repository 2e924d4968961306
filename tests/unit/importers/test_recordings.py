"""Logs of real tools and servers, with what was said as a tap saw it, and logs in the form of tools that are not at hand."""

import json
from pathlib import Path

import pytest

from tests.support.imported import cases, differences, imported

HERE = Path(__file__).parent
FOLDERS = ("terminals", "server_logs", "captures", "foreign")
CASES = [case for folder in FOLDERS for case in cases(HERE / folder)]


@pytest.mark.parametrize(("path", "expect"), CASES, ids=[path.name for path, _ in CASES])
def test_what_a_tool_recorded_is_what_was_said(path: Path, expect: Path) -> None:
    known = json.loads(expect.read_text("utf-8"))
    assert differences(imported(path), known["steps"]) == []

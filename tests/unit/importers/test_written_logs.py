"""Forms of logs that no tool at hand writes: written after their documentation, each with the transcript that it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.foreign_text import lines_of, records, taken_for

LOGS = sorted((Path(__file__).parent / "written").glob("*.log"))


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_a_log_is_the_transcript_beside_it(path: Path) -> None:
    form = path.stem.partition("_")[0]
    text = path.read_text("utf-8")
    assert taken_for(text) == form
    assert lines_of(records(text, form)) == path.with_suffix(".smtp.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("path", LOGS, ids=[path.stem for path in LOGS])
def test_the_line_ends_and_blank_lines_of_a_log_do_not_matter(path: Path) -> None:
    form = path.stem.partition("_")[0]
    text = path.read_text("utf-8")
    assert lines_of(records(text.replace("\n", "\r\n"), form)) == lines_of(records(text, form))
    assert lines_of(records("\n\n" + text, form)) == lines_of(records(text, form))

"""`smtp-shell diff` on a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.terminal import COLUMNS, running
from tests.unit.matching.test_dialogues import WHOLE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.terminal


def test_long_rows_are_folded_and_marked(tmp_path: Path) -> None:
    one, two = tmp_path / "a.smtp", tmp_path / "b.smtp"
    one.write_text(WHOLE, encoding="utf-8")
    refusal = "S: 550 5.1.1 " + "the mailbox is not here and never was " * 4
    two.write_text(WHOLE.replace("S: 250 2.1.5 Ok", refusal), encoding="utf-8")
    with running("diff", str(one), str(two)) as terminal:
        terminal.wait_for("7 steps the same, 1 changed")
        assert terminal.wait_end() == 1
        rows = [row for row in terminal.all_rows if row.strip()]
        assert all(len(row) < COLUMNS for row in rows)
        (at,) = (number for number, row in enumerate(rows) if "S: 550" in row)
        assert "+ S: 550 5.1.1 the mailbox" in rows[at]
        assert "never was" in rows[at + 1] or "mailbox" in rows[at + 1]
        assert "S:" not in rows[at + 1]

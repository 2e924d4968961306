"""Pictures on a terminal of 80 columns."""

from pathlib import Path

import pytest

from tests.support.terminal import COLUMNS, running

pytestmark = pytest.mark.terminal


def test_a_ladder_and_bars_of_the_session_fit_the_screen(state_dir: Path) -> None:
    with running("practice") as terminal:
        terminal.enter("ehlo", "greeted")
        terminal.enter("starttls", "ready")
        terminal.enter("/diagram", "tls greeted")
        terminal.wait_prompt("tls greeted")
        rows = [row for row in terminal.all_rows if row.endswith(("│", "║", "┤", "╣"))]
        assert {len(row) for row in rows} == {COLUMNS - 1}
        assert any("in the clear: anybody on the way can read it" in row for row in rows)
        assert any("║" in row or "╠" in row for row in rows)
        terminal.enter("/timing")
        terminal.wait_for("+ STARTTLS")
        terminal.wait_for("TLS handshake")
        terminal.wait_for("In all")

"""`/explain` and `/set explain` on a terminal of 80 columns."""

import pytest

from tests.support.terminal import played_by_hand

pytestmark = pytest.mark.terminal


def test_explain_after_a_refusal() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("/set explain on")
        terminal.enter("RCPT TO:bob@example.org")
        assert peer.hear() == b"RCPT TO:bob@example.org\r\n"
        peer.say("503 5.5.1 \x1b[31mfirst MAIL\u202e")
        terminal.wait_for("        503 5.5.1: RCPT comes after EHLO or HELO: the dialogue is in phase")
        terminal.enter("/explain")
        terminal.wait_for("  C: RCPT TO:bob@example.org")
        terminal.wait_for("  Next        EHLO and this client's name")
        terminal.wait_prompt("greeted")
        rows = terminal.all_rows
        why = next(number for number, row in enumerate(rows) if row.startswith("  Why"))
        assert rows[why] == "  Why         RCPT comes after EHLO or HELO: the dialogue is in phase greeted."
        assert rows[why + 1].startswith("  And         The angle brackets around the address are missing")
        assert "\x1b[31mfirst" not in terminal.raw.decode()
        assert "\u202e" not in terminal.text
        terminal.enter("/exit")
        assert terminal.wait_end() == 0


def test_long_rows_are_indented_as_far_as_their_text() -> None:
    with played_by_hand() as (terminal, _):
        terminal.enter("/explain PIPELINING")
        terminal.wait_for("  Source")
        terminal.wait_prompt()
        rows = terminal.all_rows
        source = next(number for number, row in enumerate(rows) if row.startswith("  Source"))
        assert rows[source + 1].startswith(" " * 14)
        assert all(len(row) <= 80 for row in rows)
        terminal.enter("/exit")
        assert terminal.wait_end() == 0

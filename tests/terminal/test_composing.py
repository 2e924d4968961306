"""A message composed and sent at the prompt, on a terminal of 80 columns."""

from pathlib import Path

import pytest

from tests.support.terminal import played_by_hand, running

pytestmark = pytest.mark.terminal


def test_a_message_in_utf8_with_an_attachment_is_composed_shown_and_sent(tmp_path: Path) -> None:
    path = tmp_path / "Übung.txt"
    path.write_text("äöü\n", encoding="utf-8")
    with running("practice", "--no-record") as terminal:
        terminal.wait_prompt("greeted")
        terminal.enter("/compose")
        terminal.enter("Jörg <joerg@bücher.example>", "From")
        terminal.enter("ann", "To")
        terminal.wait_for("'ann' is no mail address")
        terminal.enter("ann@example.org", "To")
        terminal.enter("Exzellente Übung: 你好 🙂", "Subject")
        terminal.wait_for("a dot alone on a line ends it")
        terminal.enter("Grüße", "text")
        terminal.enter(".", "text")
        terminal.wait_for("        means: Grüße  (RFC 2045)")
        terminal.wait_prompt("greeted")
        terminal.enter(f"/attach '{path}'")
        terminal.wait_for("  Übung.txt: text/plain; charset=utf-8, 7 octets")
        terminal.wait_prompt("greeted")
        terminal.enter("/send")
        terminal.wait_for("  ann@example.org  accepted: 250 2.0.0 Ok")
        terminal.wait_prompt("ready")
        terminal.enter("/inbox 1")
        terminal.wait_for("Content-Disposition: attachment; filename*=utf-8''%C3%9Cbung.txt")
        terminal.wait_prompt("ready")
        rows = terminal.all_rows
        assert any(row.startswith("        means: Jörg <joerg@bücher.example>  (RFC 2047, RFC 5891)") for row in rows)
        assert any(row.startswith("   C: MAIL FROM:<joerg@xn--bcher-kva.example> SIZE=") for row in rows)
        assert all(len(row) <= 80 for row in rows)
        terminal.enter("/exit")
        assert terminal.wait_end() == 0


def test_ctrl_c_in_the_mail_data_sends_no_half_message(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as stream:
        stream.truncate(64 << 20)
    with played_by_hand() as (terminal, peer):
        terminal.enter("/compose --from a@example.org --to b@example.org --subject x --body x")
        terminal.enter(f"/attach '{path}'")
        terminal.wait_for("large.bin: application/octet-stream")
        terminal.wait_prompt()
        terminal.enter("/send")
        for reply in ("250 mail.example.org", "250 ok", "250 ok", "354 go on"):
            assert peer.hear()
            peer.say(reply)
        # Nothing more is read, so that the shell waits in the middle of the mail data.
        terminal.wait_for("  C: From: a@example.org")
        terminal.press_ctrl_c()
        terminal.wait_for("Stopped in the mail data: the connection was dropped before the final dot, so")
        terminal.enter("/exit")
        assert terminal.wait_end() == 0
        assert not peer.hear_end().endswith(b"\r\n.\r\n")

"""What a user sees of a line while it is typed, on terminals of several kinds."""

import base64
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import CTRL_C, ENTER, LOOKS, running

pytestmark = pytest.mark.terminal

RIGHT, CTRL_U = "\x1b[C", "\x15"


@pytest.mark.parametrize("look", ["80x24", "200x50", "NO_COLOR"])
def test_a_shorthand_shows_its_line_and_what_is_out_of_order(practice: PracticeServer, look: str) -> None:
    with running(f"127.0.0.1:{practice.port}", answers=True, look=LOOKS[look]) as terminal:
        terminal.wait_prompt("greeted")
        terminal.type("rcpt bob@example.org")
        terminal.wait_for(" C: RCPT TO:<bob@example.org>  RCPT comes after EHLO or HELO")
        terminal.type(CTRL_U + "ehlo")
        terminal.wait_for(" C: EHLO ")
        terminal.type(ENTER)
        terminal.wait_prompt("ready")
        terminal.type("RCPT TO:<bob@example.org")
        terminal.wait_for("The closing angle bracket is missing")
        terminal.type(">")
        terminal.wait_for("RCPT comes after MAIL")
        terminal.type(CTRL_C)
        terminal.wait_prompt("ready")
        assert "RCPT comes after MAIL" not in terminal.text.splitlines()[-1]


def test_on_a_small_screen_only_what_is_wrong_is_shown(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", answers=True, look=LOOKS["40x20"]) as terminal:
        terminal.wait_prompt("greeted")
        terminal.type("RCPT TO:<bob@example.org")
        terminal.wait(lambda: " The closing angle bracket is missing" in terminal.rows, "the hint")
        assert "RCPT TO:<forward-path>" not in terminal.text


def test_the_rest_of_an_earlier_line_is_taken_with_the_right_arrow(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", answers=True) as terminal:
        terminal.enter("ehlo", "greeted")
        terminal.enter("mail carol@example.org", "ready")
        terminal.enter("rset", "mail")
        terminal.wait_prompt("ready")
        terminal.type("mai")
        terminal.wait_for("ready> mail carol@example.org")
        terminal.type(ENTER)  # what is not taken is not sent
        terminal.wait_for("   C: mai\n")
        terminal.wait_prompt("ready")
        terminal.type("mai")
        terminal.wait(lambda: terminal.text.count("ready> mail carol@example.org") == 2, "the suggestion")
        terminal.type(RIGHT + ENTER)
        terminal.wait_prompt("mail")
        assert terminal.text.count("   C: MAIL FROM:<carol@example.org>") == 2


def test_a_credential_is_neither_suggested_nor_in_a_hint(practice: PracticeServer, state_dir: Path) -> None:
    blob = base64.b64encode(b"\0student\0open sesame").decode()
    with running(f"127.0.0.1:{practice.port}", "--insecure-auth", answers=True) as terminal:
        terminal.enter("ehlo", "greeted")
        terminal.wait_prompt("ready")
        terminal.type(f"AUTH PLAIN {blob}")
        terminal.wait_for("AUTH mechanism [initial-response]")
        terminal.wait_for("AUTH PLAIN ••••")
        terminal.type(ENTER)
        terminal.wait_prompt("ready")
        terminal.type("AUTH P")
        terminal.wait_for("The server has not announced AUTH here")
        assert blob.encode() not in bytes(terminal.raw)
        assert blob[:12].encode() not in bytes(terminal.raw)
    assert blob not in (state_dir / "history").read_text("utf-8")


def test_settings_turn_both_off(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", answers=True) as terminal:
        terminal.enter("/set ghost off", "greeted")
        terminal.enter("/set hints off", "greeted")
        terminal.enter("noop 12345", "greeted")
        terminal.wait_prompt("greeted")
        terminal.type("noop")
        terminal.wait(lambda: terminal.line.endswith("> noop"), "what was typed")
        terminal.type(" 1" + ENTER)
        terminal.wait_for("C: noop 1\n")
        assert "NOOP [text]" not in terminal.text


@pytest.mark.parametrize("look", ["dumb", "C locale"])
def test_a_poor_terminal_works(practice: PracticeServer, look: str) -> None:
    with running(f"127.0.0.1:{practice.port}", look=LOOKS[look]) as terminal:
        terminal.enter("ehlo", "greeted")
        terminal.enter("mail ann@example.org", "ready")
        terminal.wait_for("C: MAIL FROM:<ann@example.org>")
        terminal.enter("/exit", "mail")
        assert terminal.wait_end() == 0

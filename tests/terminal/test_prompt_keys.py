"""The keys that people bring from other shells: what they do here, and that a menu that opens by itself is in nobody's way."""

from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import (
    CTRL_U,
    ENTER,
    ESCAPE,
    TAB,
    Terminal,
    played_by_hand,
    reach_mail_data,
    running,
)

pytestmark = pytest.mark.terminal

UP, DOWN = "\x1b[A", "\x1b[B"
CTRL_O = "\x0f"
F1, F4, F5, F6 = "\x1bOP", "\x1bOS", "\x1b[15~", "\x1b[17~"


@pytest.fixture
def earlier(state_dir: Path) -> None:
    """Fill the history with what another session has typed."""
    state_dir.mkdir(parents=True, exist_ok=True)
    lines = ["ehlo", "mail ann@example.org", "rcpt bob@example.org", "mail eve@example.net", "rset", "noop"]
    (state_dir / "history").write_text("".join(f"\n# 2026-11-01 09:00:00.000001 x\n+{line}\n" for line in lines))


def stands(terminal: Terminal, text: str) -> None:
    """Wait until a text is at the prompt, up to the cursor."""
    terminal.wait(lambda: terminal.line.endswith(f"> {text}"), f"{text!r} at the prompt")


@pytest.mark.usefixtures("earlier")
def test_up_recalls_what_begins_as_typed_though_the_menu_is_open(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt()
        terminal.type("m")
        terminal.wait_for("mail   Begin a mail transaction")
        terminal.type(UP)
        stands(terminal, "mail eve@example.net")
        terminal.type(UP)
        stands(terminal, "mail ann@example.org")
        terminal.type(DOWN)
        stands(terminal, "mail eve@example.net")


@pytest.mark.usefixtures("earlier")
def test_ctrl_o_sends_lines_again_one_after_the_other(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt()
        terminal.type(6 * UP)
        stands(terminal, "ehlo")
        terminal.type(CTRL_O)
        terminal.wait_for("C: EHLO")
        stands(terminal, "mail ann@example.org")
        terminal.type(CTRL_O)
        terminal.wait_for("C: MAIL FROM:<ann@example.org>")
        stands(terminal, "rcpt bob@example.org")
        terminal.type(ENTER)
        terminal.wait_for("C: RCPT TO:<bob@example.org>")
        terminal.wait_prompt("rcpt")
        terminal.type("noop" + CTRL_O)
        terminal.wait_for("C: noop")
        terminal.wait_prompt("rcpt")


def test_enter_takes_a_row_of_the_menu_and_escape_closes_it(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt()
        terminal.type("/s")
        terminal.wait_for("/save")
        terminal.type(DOWN)
        terminal.wait(lambda: terminal.line.endswith(("/save", "/send", "/set", "/show")), "a row that is chosen")
        chosen = terminal.line.rpartition("> ")[2]
        terminal.type(ENTER)
        terminal.wait(lambda: not any(row.strip().startswith("/source") for row in terminal.rows), "no menu")
        stands(terminal, chosen)
        terminal.type(CTRL_U + "/re")
        terminal.wait_for("/reconnect")
        terminal.type(ESCAPE)
        terminal.wait(lambda: not any(row.strip().startswith("/record ") for row in terminal.rows), "no menu")
        stands(terminal, "/re")


def test_function_keys_speak_above_the_line_which_stays(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt()
        terminal.type("rcpt bob@example.org" + F1)
        terminal.wait_for("§4.1.1.3")
        stands(terminal, "rcpt bob@example.org")
        terminal.type(F4)
        terminal.wait_for("editing vi")
        stands(terminal, "rcpt bob@example.org")
        terminal.type(ESCAPE)
        terminal.wait(lambda: b"\x1b[2 q" in terminal.raw, "the block of the keys that are commands")
        terminal.type("dd")
        stands(terminal, "")
        terminal.type(F4)
        terminal.wait_for("editing emacs")
        terminal.type("a" + F5)
        terminal.wait_for("explain on")
        stands(terminal, "a")


def test_a_function_key_runs_the_alias_of_its_name_and_the_line_comes_back(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.enter("ehlo")
        terminal.wait_prompt("ready")
        terminal.type("mail ann" + F6)  # nothing yet
        terminal.type(CTRL_U)
        terminal.enter("/alias f6 = noop; rset")
        terminal.wait_prompt("ready")
        terminal.type("mail ann@example.org" + F6)
        terminal.wait_for("C: rset")
        stands(terminal, "mail ann@example.org")
        terminal.type(CTRL_U + "AUTH PLAIN c2VzYW1l")
        stands(terminal, "AUTH PLAIN " + 8 * "•")
        before = len(terminal.raw)
        terminal.type(F6)
        terminal.wait(lambda: b"\a" in terminal.raw[before:], "the bell")
        stands(terminal, "AUTH PLAIN " + 8 * "•")


def test_alt_enter_writes_the_dot_and_sends() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.type(f"Subject: x{ENTER}{ENTER}text")
        terminal.wait(lambda: terminal.line == "  3  text", "the third line")
        terminal.type(ESCAPE + ENTER)
        assert peer.hear(b"\r\n.\r\n") == b"Subject: x\r\n\r\ntext\r\n.\r\n"
        peer.say("250 taken")
        terminal.wait_for("+  S: 250 taken")


def test_the_menu_has_columns_or_waits_for_tab(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.enter("/set menu columns")
        terminal.wait_prompt()
        terminal.type("/s")
        terminal.wait(lambda: any("/save" in row and "/sessions" in row for row in terminal.rows), "several in a row")
        terminal.type(CTRL_U)
        terminal.enter("/set menu tab")
        terminal.wait_prompt()
        terminal.type("/s")
        stands(terminal, "/s")
        terminal.type(TAB)
        terminal.wait_for("Save this session")

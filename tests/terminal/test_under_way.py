"""What is seen while a reply is under way, of an exchange by hand, and of TLS after a replay is handed over."""

import base64
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import ENTER, played_by_hand, running

pytestmark = pytest.mark.terminal


def test_each_line_of_a_reply_is_seen_as_it_comes_and_once() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("noop")
        peer.hear()
        peer.say("250-first")
        terminal.wait_for("+  S: 250-first")
        peer.sock.sendall(b"250-second\r\n250-th")
        terminal.wait_for("+  S: 250-second")
        assert "250-th" not in terminal.text
        peer.sock.sendall(b"ird\r\n250 last\r\n")
        terminal.wait_prompt("greeted")
        rows = [row.split("S: ")[1].split()[0] for row in terminal.all_rows if "S: 250" in row]
        assert rows == ["250-first", "250-second", "250-third", "250"]


def test_lines_that_came_stay_on_the_screen_when_the_wait_ends() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("noop")
        peer.hear()
        peer.say("250-first")
        terminal.wait_for("+  S: 250-first")
        terminal.press_ctrl_c()
        terminal.wait_for("The wait is over; the reply is still owed")
        terminal.wait_prompt("greeted")
        peer.say("250 last")
        terminal.wait_for("+  S: 250 last")
        assert sum("250-first" in row for row in terminal.all_rows) == 1


def test_challenges_of_an_exchange_by_hand_are_decoded_and_its_user_is_known(practice: PracticeServer) -> None:
    word = practice.password.reveal()
    answers = [base64.b64encode(text.encode()).decode() for text in (practice.user, word)]
    with running(f"localhost:{practice.port}", "--starttls", "--ca-file", str(practice.ca_file)) as terminal:
        terminal.wait_prompt("ready")
        terminal.enter(r"/raw AUTH LOGIN\r\n")
        terminal.wait_for("means: Username:")
        terminal.enter(answers[0])
        terminal.wait_for("means: Password:")
        terminal.enter(answers[1])
        terminal.wait_for(f"*: auth LOGIN {practice.user}")
        terminal.enter("/status")
        terminal.wait_for(f"user         {practice.user}")
        assert all(secret.encode() not in terminal.raw for secret in (word, answers[1]))


def test_tls_is_marked_after_a_replay_is_handed_over(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "tls.smtp"
    path.write_text("S: 220\nC: EHLO x.example\nC: STARTTLS\nS: 220\nC: EHLO x.example\nC: NOOP\nC: QUIT\n")
    with running(f"localhost:{practice.port}", "--ca-file", str(practice.ca_file)) as terminal:
        terminal.wait_prompt("greeted")
        terminal.enter(f"/replay {path} --step")
        for line in ("EHLO x.example", "STARTTLS", "EHLO x.example"):
            terminal.wait(lambda: terminal.line.endswith("quit: "), f"the question about {line}")
            terminal.type(ENTER)
            terminal.wait(lambda: not terminal.line.endswith("quit: "), "the step to be sent")
        terminal.wait_for("C: NOOP")
        terminal.type("g" + ENTER)
        terminal.wait_for("is yours now")
        terminal.wait_for("*: tls TLSv1.3")
        terminal.wait_prompt("ready")
        for typed in ("mail ann@example.org", "rcpt bob@example.org", "data", "..", "."):
            terminal.enter(typed)
        terminal.wait_for("| C: ...   (a dot that begins a line is doubled)")
        terminal.wait_for("+| S: 250 2.0.0")
        rows = [row for row in terminal.all_rows if " C: MAIL" in row or "S: 354" in row]
        assert [row[:7] for row in rows] == [" | C: M", ">| S: 3"]

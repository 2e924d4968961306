"""Keyboard and window: interrupt a wait, leave, paste, resize, close the window; and replies that arrive meanwhile."""

import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from smtp_shell.transcript.reader import open_transcript
from tests.support.terminal import (
    CTRL_C,
    CTRL_D,
    CTRL_Z,
    ENTER,
    Terminal,
    played_by_hand,
    reach_mail_data,
    running,
    running_program,
    the_recording,
)
from tests.support.transcripts import check

pytestmark = pytest.mark.terminal

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
AT_ONCE = 1.0  # promise 1: the prompt is back within a second of Ctrl-C


def leave(terminal: Terminal) -> None:
    terminal.enter("/exit")
    assert terminal.wait_end() == 0


def test_ctrl_c_clears_the_line() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type("rubbish")
        terminal.wait(lambda: terminal.line.endswith("> rubbish"), "what was typed")
        terminal.type(CTRL_C)
        terminal.wait(lambda: terminal.line.endswith("> "), "an empty prompt")
        terminal.enter("noop")
        assert peer.hear() == b"noop\r\n"
        peer.say("250 Ok")
        leave(terminal)


def test_ctrl_c_ends_the_wait_for_a_reply_and_the_late_reply_is_paired() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("noop")
        assert peer.hear() == b"noop\r\n"
        terminal.wait_for("C: noop")
        pressed = terminal.press_ctrl_c()
        terminal.wait_for("The wait is over; the reply is still owed")
        terminal.wait_prompt("greeted")
        assert time.monotonic() - pressed < AT_ONCE
        terminal.enter("/status")
        terminal.wait_for("owed         the reply to NOOP")
        terminal.wait_prompt("greeted")
        terminal.type("vrfy bob@exa")
        peer.say("250 here I am")
        terminal.wait_for("the reply to a command whose wait had ended: the reply to NOOP")
        terminal.wait_for("+  S: 250 here I am")
        terminal.wait(lambda: terminal.line.endswith("> vrfy bob@exa"), "what was typed before the reply came")
        terminal.type("mple.org" + ENTER)
        assert peer.hear() == b"vrfy bob@example.org\r\n"
        peer.say("252 perhaps")
        terminal.wait_for("+  S: 252 perhaps")
        leave(terminal)


def test_ctrl_c_while_connecting_returns_to_the_prompt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, running() as terminal:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        terminal.enter(f"/connect {address}")
        terminal.wait_for(f"*: connect {address}")
        pressed = terminal.press_ctrl_c()
        terminal.wait_prompt()
        assert time.monotonic() - pressed < AT_ONCE
        leave(terminal)


def test_ctrl_c_in_mail_data_offers_to_drop_the_connection(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer, line_by_line=True)
        terminal.enter("half a letter", "mail data")
        terminal.wait_prompt("mail data")
        terminal.type(CTRL_C)
        terminal.wait_for("Mail data cannot be cancelled in SMTP")
        terminal.enter("n", "[y/N]")
        terminal.enter("the other half", "mail data")
        terminal.wait_prompt("mail data")
        terminal.type(CTRL_C)
        terminal.enter("y", "[y/N]")
        terminal.wait_prompt("smtp-shell")
        heard = peer.hear_end()
        assert heard == b"half a letter\r\nthe other half\r\n"
        leave(terminal)
    check(the_recording(state_dir))


def test_quit_in_mail_data_is_sent_as_text_with_a_notice() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer, line_by_line=True)
        terminal.enter("quit", "mail data")
        terminal.wait_for("That went into the mail as text")
        assert peer.hear() == b"quit\r\n"
        terminal.enter("/exit", "mail data")
        terminal.enter(".", "mail data")
        assert peer.hear(b"\r\n.\r\n") == b"/exit\r\n.\r\n"
        peer.say("250 taken")
        terminal.wait_for("+  S: 250 taken")
        leave(terminal)


def test_ctrl_d_leaves() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type(CTRL_D)
        assert terminal.wait_end() == 0
        assert peer.hear_end() == b""


def test_ctrl_d_in_mail_data_asks_before_it_leaves() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.type(CTRL_D)
        terminal.wait_for("Mail data cannot be cancelled in SMTP")
        terminal.enter("y", "[y/N]")
        assert peer.hear_end() == b""
        terminal.wait_end()


def test_an_unsolicited_421_is_shown_at_once_and_the_typed_text_stays() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type("mail ann@exam")
        terminal.wait(lambda: terminal.line.endswith("> mail ann@exam"), "what was typed")
        peer.say("421 4.4.2 idle for too long")
        terminal.wait_for("~  S: 421 4.4.2 idle for too long")
        terminal.wait(lambda: terminal.line.endswith("> mail ann@exam"), "what was typed, below the reply")
        peer.sock.close()
        terminal.wait_for("*: close server")
        terminal.wait(
            lambda: terminal.line.endswith("smtp-shell> mail ann@exam"), "what was typed, without a connection"
        )
        terminal.type(CTRL_C)
        leave(terminal)


def test_a_paste_at_the_prompt_runs_line_by_line() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type(f"{PASTE_BEGINS}noop 1\rnoop 2\rnoop 3{PASTE_ENDS}")
        terminal.wait(lambda: "noop 3" in terminal.line, "the paste")
        assert peer.heard == b""
        terminal.type(ENTER)
        terminal.enter("y", "Send these 3 lines? [y/N]")
        for number in b"123":
            assert peer.hear() == b"noop %c\r\n" % number
            peer.say("250 Ok")
        leave(terminal)


def test_of_a_paste_nothing_follows_a_data_that_was_refused(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt("greeted")
        terminal.type(
            f"{PASTE_BEGINS}helo x\rmail <>\rrcpt a@example.net\rdata\rSubject: x\r\rRSET\r.\rquit{PASTE_ENDS}"
        )
        terminal.wait(lambda: terminal.line.endswith("quit"), "the paste")
        terminal.type(ENTER)
        terminal.enter("y", "[y/N]")
        terminal.wait_for("The rest of what was pasted was not sent: 5 lines.")
        terminal.wait_for("The server is not taking mail data: what you type next goes out as commands.")
        terminal.wait_prompt("mail")
        assert "C: Subject" not in terminal.text
        leave(terminal)


def test_a_paste_of_ten_thousand_lines_at_the_prompt(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt("greeted")
        pasted = "\r".join(("noop",) * 9_999)
        terminal.type(f"{PASTE_BEGINS}{pasted}\rhelp{PASTE_ENDS}")
        terminal.wait(lambda: terminal.line.endswith("help"), "the paste")
        terminal.type(ENTER)
        terminal.wait_for("    5  noop\n    …  9,990 more lines\n 9996  noop")
        terminal.enter("y", "Send these 10,000 lines? [y/N]")
        terminal.skim(b"a server to practise with")
        terminal.wait_prompt("greeted")
        leave(terminal)


def test_a_paste_of_ten_thousand_lines_into_mail_data() -> None:
    with running("practice") as terminal:
        for line in ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data"):
            terminal.enter(line)
        terminal.wait_prompt("mail data")
        pasted = "\r".join(f"line {number} of a long letter" for number in range(1, 10_001))
        terminal.type(f"{PASTE_BEGINS}{pasted}{PASTE_ENDS}")
        terminal.wait(lambda: terminal.line.endswith("10000  line 10000 of a long letter"), "the paste")
        terminal.type(f"{ENTER}.{ENTER}")
        terminal.wait_for("queued as")
        terminal.enter("/inbox 1", "ready")
        terminal.wait_for("| line 10000 of a long letter")
        leave(terminal)


def test_the_window_is_resized_in_mid_line() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type("mail ann")
        terminal.wait(lambda: terminal.line.endswith("> mail ann"), "what was typed")
        terminal.resize(40, 12)
        terminal.type("@example.org")
        terminal.wait(lambda: "ann@example.org" in terminal.text.replace("\n", ""), "the rest of the line")
        terminal.type(ENTER)
        assert peer.hear() == b"MAIL FROM:<ann@example.org>\r\n"
        peer.say("250-" + "x" * 60, "250 Ok")
        terminal.wait_for("+  S: 250-" + "x" * 30 + "\n+   : " + "x" * 30)
        leave(terminal)


def test_closing_the_window_ends_the_program_and_leaves_a_whole_transcript(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer, line_by_line=True)
        terminal.enter("half a letter", "mail data")
        assert peer.hear() == b"half a letter\r\n"
        terminal.wait_prompt("mail data")
        terminal.hang_up()
        assert peer.hear_end() == b""
    check(the_recording(state_dir))
    assert "C: half a letter\n" in the_recording(state_dir).read_text("utf-8")


def test_kill_9_leaves_a_whole_transcript(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("noop first")
        peer.hear()
        peer.say("250 heard")
        terminal.wait_for("250 heard")
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.wait_end() == -signal.SIGKILL
    check(the_recording(state_dir))
    with open_transcript(the_recording(state_dir)) as reader:
        texts = [step.text for step in reader]
    assert texts[-2:] == ["noop first", "250 heard"]


@pytest.mark.parametrize("ending", [f"/exit{ENTER}", CTRL_D])
def test_the_terminal_is_as_it_was_before(ending: str) -> None:
    # A shell runs the program and keeps the terminal open.
    script = f'echo "<$(stty -g)>"; {sys.executable} -m smtp_shell; echo status $?; echo "<$(stty -g)>"; echo over'
    with running_program("/bin/sh", "-c", script) as terminal:
        terminal.wait_prompt("smtp-shell")
        terminal.type(ending)
        terminal.wait_for("over")
        terminal.wait_end()
        before, after = re.findall(r"<([^>]*)>", terminal.text.replace("\n", ""))
        assert before == after
        assert "status 0" in terminal.text


def test_ctrl_z_and_fg() -> None:
    with running_program("/bin/bash", "--norc", "--noprofile", "-i", env={"PS1": "outer$ "}) as terminal:
        terminal.wait(lambda: terminal.line.endswith("outer$ "), "the prompt of the outer shell")
        terminal.type(f"{sys.executable} -m smtp_shell{ENTER}")
        terminal.wait_prompt("smtp-shell")
        terminal.type("/help /ex")
        terminal.wait(lambda: terminal.line.endswith("/help /ex"), "what was typed")
        terminal.type(CTRL_Z)
        terminal.wait(lambda: terminal.line.endswith("outer$ ") and "Stopped" in terminal.text, "the outer shell again")
        terminal.type(f"fg{ENTER}")
        terminal.wait(lambda: terminal.line.endswith("> /help /ex"), "what was typed")
        terminal.type(f"it{ENTER}")
        terminal.wait_for("Leave the shell")
        terminal.enter("/exit")
        terminal.wait(lambda: terminal.line.endswith("outer$ "), "the outer shell at the end")
        terminal.type(f"exit{ENTER}")
        terminal.wait_end()


@pytest.mark.parametrize("auth", ["AUTH LOGIN c3R1ZGVudA==", "  auth login c3R1ZGVudA==", r"/raw AUTH LOGIN\r\n"])
def test_the_answers_in_a_paste_are_masked_and_are_not_sent_after_a_refusal(auth: str, state_dir: Path) -> None:
    password = "b3BlbiBzZXNhbWU="
    with played_by_hand("--insecure-auth") as (terminal, peer):
        terminal.type(f"{PASTE_BEGINS}{auth}\n{password}\nnoop{PASTE_ENDS}")
        terminal.wait(lambda: terminal.line == "noop", "the paste")
        assert "•" * len(password) in terminal.rows
        terminal.type(ENTER)
        terminal.enter("y", "[y/N]")
        assert b"LOGIN" in peer.hear().upper()
        peer.say("535 no")
        terminal.wait_for("the AUTH exchange is over, so a line that was to answer the server is not sent")
        terminal.enter("rset")
        assert peer.hear() == b"rset\r\n"
        peer.say("250 Ok")
        leave(terminal)
    assert not any(password in row for row in terminal.seen)
    assert password not in the_recording(state_dir).read_text()
    assert password not in (state_dir / "history").read_text()


def test_what_is_pasted_after_the_answer_to_a_question_is_masked(state_dir: Path) -> None:
    with played_by_hand("--insecure-auth") as (terminal, _):
        terminal.enter("auth login")
        terminal.wait_prompt("User")
        terminal.type(f"{PASTE_BEGINS}student\nopen sesame{PASTE_ENDS}")
        terminal.wait(lambda: terminal.line.endswith("•" * len("open sesame")), "the paste")
        assert not any("sesame" in row for row in terminal.seen)
        terminal.type(CTRL_C)
        leave(terminal)


def test_after_a_reconnect_the_question_names_the_last_user_and_the_password_is_hidden(
    practice: PracticeServer, state_dir: Path
) -> None:
    password = practice.password.reveal()
    with running(f"127.0.0.1:{practice.port}", "--starttls", "--ca-file", str(practice.ca_file)) as terminal:
        terminal.enter("auth login", "ready")
        terminal.enter("student", "User")
        terminal.enter(password, "Password for student")
        terminal.wait_for("*: auth LOGIN student")
        terminal.enter("/reconnect", "ready")
        terminal.enter("auth login", "ready")
        terminal.enter("", "User [student]")
        terminal.enter(password, "Password for student")
        terminal.wait(lambda: terminal.text.count("*: auth LOGIN student") == 2, "the second 235")
        leave(terminal)
    assert not any(password in row for row in terminal.seen)

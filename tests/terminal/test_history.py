"""The history: which lines are kept, and how they are recalled."""

import base64
import stat
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import CTRL_C, CTRL_R, ENTER, played_by_hand, reach_mail_data, running

pytestmark = pytest.mark.terminal


def test_history_keeps_commands_but_no_secret_no_answer_and_no_mail_data(state_dir: Path) -> None:
    blob = base64.b64encode(b"\0student\0open sesame").decode()
    with played_by_hand("--insecure-auth") as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.enter("Dear diary", "mail data")
        terminal.enter(".")
        peer.hear(b"\r\n.\r\n")
        peer.say("250 taken")
        for line in (f"AUTH PLAIN {blob}", f"auth plain {blob}"):
            terminal.enter(line, "ready")
            peer.hear()
            peer.say("535 no")
        terminal.enter(f"AUTH {blob}", "ready")
        terminal.wait_for("That is no SASL mechanism")
        terminal.enter(rf"/raw AUTH PLAIN {blob}\r\n", "ready")
        peer.hear()
        peer.say("535 no")
        terminal.enter(r"/raw AUTH LOGIN\r\n", "ready")
        peer.hear()
        peer.say("334 VXNlcm5hbWU6")
        terminal.enter("c3R1ZGVudA==", "(hidden)")
        peer.hear()
        peer.say("535 no")
        terminal.enter("noop", "ready")
        peer.hear()
        peer.say("250 Ok")
        terminal.enter("/exit", "ready")
        assert terminal.wait_end() == 0
    history = state_dir / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
    kept = [line.removeprefix("+") for line in history.read_text().splitlines() if line.startswith("+")]
    assert kept == ["ehlo", "mail <>", "rcpt bob@example.org", "data", r"/raw AUTH LOGIN\r\n", "noop", "/exit"]


def test_history_is_there_in_the_next_session(practice: PracticeServer) -> None:
    address = f"127.0.0.1:{practice.port}"
    with running(address) as terminal:
        terminal.enter("mail carol@example.org", "greeted")
        terminal.enter("noop", "greeted")
        terminal.enter("/exit", "greeted")
        assert terminal.wait_end() == 0
    with running(address) as terminal:
        terminal.wait_prompt("greeted")
        terminal.type(CTRL_R + "carol")
        terminal.wait_for("(reverse-i-search)`carol': mail carol@example.org")
        terminal.type(ENTER)
        terminal.wait_for("greeted> mail carol@example.org")
        terminal.type(ENTER)
        terminal.wait_for("C: MAIL FROM:<carol@example.org>")
        terminal.enter("/history mail", "greeted")
        terminal.wait_for("2  mail carol@example.org")


def test_addresses_typed_before_are_suggested(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.enter("mail carol@example.org", "greeted")
        terminal.wait_prompt("greeted")
        terminal.type("rcpt ca")
        terminal.wait_for("typed before")
        assert any(row.split()[:1] == ["carol@example.org"] for row in terminal.rows)
        terminal.type(CTRL_C)


def test_octets_that_are_not_utf8_are_sent_but_not_kept(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type(b"noop \xff\xfe" + ENTER.encode())
        assert peer.hear() == b"noop \xff\xfe\r\n"
        peer.say("250 Ok")
        terminal.wait_for(r"C: noop \xff\xfe")
        terminal.wait_prompt("greeted")
        terminal.enter("/exit")
        assert terminal.wait_end() == 0
    assert "noop" not in (state_dir / "history").read_text("utf-8")


def test_a_link_in_place_of_the_history_is_not_followed(state_dir: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    state_dir.mkdir(mode=0o700)
    (state_dir / "history").symlink_to(elsewhere)
    with running() as terminal:
        terminal.wait_for("the history is not kept")
        terminal.enter("/help /history", "smtp-shell")
        terminal.enter("/exit", "smtp-shell")
        assert terminal.wait_end() == 0
    assert elsewhere.read_text() == "untouched"

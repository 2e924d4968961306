"""Ctrl-C while something is awaited, and Ctrl-D: the prompt, the wire and the recording afterwards."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smtp_shell.servers.certificate import make_certificate
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.step import Marker
from tests.support.peer import Peer
from tests.support.terminal import (
    CTRL_C,
    CTRL_D,
    ENTER,
    PATIENCE,
    Terminal,
    played_by_hand,
    reach_mail_data,
    running,
    the_recording,
)
from tests.support.transcripts import check

pytestmark = pytest.mark.terminal

LATE = "the reply to a command whose wait had ended: "
TO_RCPT = (("ehlo", "250-hi|250 CHUNKING"), ("mail <>", "250 Ok"), ("rcpt bob@example.org", "250 Ok"))


def talk(terminal: Terminal, peer: Peer, *turns: tuple[str, str]) -> None:
    for typed, said in turns:
        terminal.enter(typed)
        peer.hear()
        peer.say(*said.split("|"))


def interrupt(terminal: Terminal) -> None:
    terminal.press_ctrl_c()
    terminal.wait_for("The wait is over")


def recorded(state: Path) -> list[str]:
    """Return the lines of both sides in the one recording, which is a whole transcript."""
    path = the_recording(state)
    check(path)
    with open_transcript(path) as reader:
        return [f"{step.marker.value} {step.text}" for step in reader if step.marker not in (Marker.NOTE, Marker.EVENT)]


def test_after_the_final_dot_a_line_is_a_command(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.enter("some text", "mail data")
        terminal.enter(".", "mail data")
        assert peer.hear(b"\r\n.\r\n") == b"some text\r\n.\r\n"
        interrupt(terminal)
        terminal.wait_prompt("end of data")
        terminal.enter("/status")
        terminal.wait_for("phase        end of data")
        terminal.wait_for("owed         the reply to the final dot")
        terminal.enter("noop", "end of data")
        assert peer.hear() == b"noop\r\n"
        terminal.wait_for("   C: noop")
        peer.say("250 taken", "250 did nothing")
        terminal.wait_for(f"{LATE}the reply to the final dot\n+  S: 250 taken")
        terminal.wait_for("+  S: 250 did nothing")
        terminal.wait_prompt("ready")
        assert "unsolicited" not in terminal.text
        assert recorded(state_dir)[-5:] == ["C: some text", "C: .", "C: noop", "S: 250 taken", "S: 250 did nothing"]


def test_a_timed_out_final_dot_ends_the_mail_data_too() -> None:
    with played_by_hand("--timeout", "1") as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.enter(".", "mail data")
        terminal.wait_for("the reply to the final dot did not come within 1 s")
        terminal.wait_prompt("end of data")


@pytest.mark.parametrize(
    ("typed", "said", "prompt", "then"),
    [
        ("data", "354 go", "mail data", "text"),
        ("starttls", "454 not now", "rcpt", "noop"),
        ("/raw AUTH LOGIN\\r\\n", "334 VXNlcm5hbWU6", "334 (hidden)", "*"),
    ],
    ids=["data", "starttls", "auth"],
)
def test_nothing_is_sent_while_it_is_open_what_it_would_be(
    typed: str, said: str, prompt: str, then: str, state_dir: Path
) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("/set mail-editor off")
        talk(terminal, peer, *TO_RCPT)
        terminal.enter(typed, "rcpt")
        verb = peer.hear().split()[0].decode()
        if not typed.startswith("/"):
            interrupt(terminal)
        terminal.enter("c2VjcmV0", "rcpt")
        terminal.wait_for(f"nothing was sent: the reply to {verb} is still owed")
        terminal.wait_prompt("rcpt")
        peer.say(said)
        terminal.wait_for(said)
        terminal.enter(then, prompt)
        assert peer.hear() == f"{then}\r\n".encode()
    kept = b"".join(path.read_bytes() for path in state_dir.rglob("*") if path.is_file() and path.name != "history")
    assert b"c2VjcmV0" not in kept
    if verb == "AUTH":
        assert b"c2VjcmV0" not in terminal.raw + (state_dir / "history").read_bytes()


def test_a_late_220_to_starttls_is_followed_by_the_handshake(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.1")
    with played_by_hand("--ca-file", str(certificate.ca_file)) as (terminal, peer):
        talk(terminal, peer, ("ehlo", "250-hi|250 STARTTLS"))
        terminal.enter("starttls")
        assert peer.hear() == b"STARTTLS\r\n"
        interrupt(terminal)
        terminal.wait_prompt("ready")
        terminal.type("noop kept")
        terminal.wait(lambda: terminal.line.endswith("> noop kept"), "what was typed")
        peer.say("220 go ahead")
        peer.start_tls(certificate.context)
        terminal.wait_for("verified     chain, dates, and the name 127.0.0.1")
        terminal.wait(lambda: terminal.line.endswith(" tls greeted> noop kept"), "what was typed, inside TLS")
        terminal.type(ENTER)
        assert peer.hear() == b"noop kept\r\n"


def test_ctrl_c_in_the_handshake_closes_and_the_recording_ends(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        talk(terminal, peer, ("ehlo", "250-hi|250 STARTTLS"), ("starttls", "220 go ahead"))
        terminal.wait_for("220 go ahead")
        terminal.press_ctrl_c()
        terminal.wait_for("interrupted in the TLS handshake")
        terminal.wait_prompt("smtp-shell")
        terminal.enter("/status")
        terminal.wait_for("connection   none")
    assert recorded(state_dir)[-2:] == ["C: STARTTLS", "S: 220 go ahead"]


@contextmanager
def unanswered(*arguments: str) -> Iterator[tuple[Terminal, Peer]]:
    """Run smtp-shell, connected to a server that has not greeted yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        with running(f"127.0.0.1:{listener.getsockname()[1]}", *arguments) as terminal:
            connection, _ = listener.accept()
            with connection:
                terminal.wait_for("*: connect")
                yield terminal, Peer(connection)


def test_a_late_greeting_is_the_greeting(state_dir: Path) -> None:
    with unanswered() as (terminal, peer):
        interrupt(terminal)
        terminal.enter("noop", "greeting")
        assert peer.hear() == b"noop\r\n"
        peer.say("220 late", "250 Ok")
        terminal.wait_for(f"{LATE}the greeting\n+  S: 220 late")
        terminal.wait_for("+  S: 250 Ok")
        terminal.wait_prompt("greeted")
    assert recorded(state_dir)[-3:] == ["C: noop", "S: 220 late", "S: 250 Ok"]


def test_starttls_that_was_asked_for_and_did_not_start_is_an_error() -> None:
    with unanswered("--starttls") as (terminal, _):
        interrupt(terminal)
        terminal.wait_for("the wait for the greeting ended before TLS could start")


def test_an_interrupted_chunk_says_that_the_rest_was_not_sent(tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_bytes(b"x" * 100_000)
    with played_by_hand() as (terminal, peer):
        talk(terminal, peer, *TO_RCPT)
        terminal.enter(f"bdat < {letter}", "rcpt")
        terminal.wait_for("xx")
        interrupt(terminal)
        terminal.wait_for("The rest of the file was not sent")
        terminal.enter("rset", "rcpt")
        assert peer.hear(b"rset\r\n").count(b"BDAT ") == 1
        peer.say("250 chunk taken", "250 forgotten")
        terminal.wait_for(f"{LATE}the reply to BDAT\n+  S: 250 chunk taken")
        terminal.wait_prompt("ready")


def test_one_reply_of_a_group_is_awaited_again_with_wait(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter(r"/raw NOOP 1\r\nVRFY 2\r\n")
        assert peer.hear() == b"NOOP 1\r\nVRFY 2\r\n"
        peer.say("250 one")
        terminal.wait_for("+  S: 250 one")
        terminal.enter("/wait")
        terminal.wait_for("> /wait")
        interrupt(terminal)
        terminal.enter("rset")
        assert peer.hear() == b"rset\r\n"
        peer.say("252 two", "250 three")
        terminal.wait_for(f"{LATE}the reply to VRFY\n+  S: 252 two")
        terminal.wait_for("+  S: 250 three")
        assert "unsolicited" not in terminal.text


def test_an_answer_without_a_reply_is_not_followed_by_another() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter(r"/raw AUTH LOGIN\r\n")
        peer.hear()
        peer.say("334 VXNlcm5hbWU6")
        terminal.wait_prompt("334 (hidden)")
        terminal.enter("*")
        assert peer.hear() == b"*\r\n"
        interrupt(terminal)
        terminal.enter("c2VjcmV0", "auth pending hidden")
        terminal.wait_for("nothing was sent: the reply to AUTH is still owed")
        peer.say("501 cancelled")
        terminal.wait_for("!  S: 501 cancelled")
        terminal.wait_prompt("greeted")


@pytest.mark.parametrize("answer", ["n" + ENTER, ENTER, CTRL_C, CTRL_D], ids=["n", "nothing", "ctrl-c", "ctrl-d"])
@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
def test_what_is_not_a_yes_goes_on_with_the_mail_data(key: str, answer: str) -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer, line_by_line=True)
        terminal.type(key)
        terminal.wait(lambda: terminal.line.endswith("[y/N] "), "the question")
        terminal.type(answer)
        terminal.wait_prompt("mail data")
        terminal.enter("more text", "mail data")
        assert peer.hear() == b"more text\r\n"
        terminal.enter(".", "mail data")
        assert peer.hear() == b".\r\n"
        peer.say("250 taken")
        terminal.wait_for("+  S: 250 taken")
        terminal.wait_prompt("ready")


@pytest.mark.parametrize(
    "turns", [TO_RCPT, ((r"/raw AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"),)], ids=["transaction", "exchange"]
)
def test_ctrl_d_leaves_where_nothing_would_be_lost(turns: tuple[tuple[str, str], ...]) -> None:
    with played_by_hand() as (terminal, peer):
        talk(terminal, peer, *turns)
        terminal.wait_for(turns[-1][1].split("|")[-1])
        terminal.wait_prompt("rcpt" if turns is TO_RCPT else "334 (hidden)")
        terminal.type(CTRL_D)
        assert terminal.wait_end() == 0
        assert peer.hear_end() == b""


def test_ctrl_c_stops_the_rest_of_a_paste() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type("\x1b[200~noop 1\rnoop 2\rnoop 3\x1b[201~")
        terminal.wait(lambda: "noop 3" in terminal.line, "the paste")
        terminal.type(ENTER)
        terminal.enter("y", "[y/N]")
        assert peer.hear() == b"noop 1\r\n"
        interrupt(terminal)
        terminal.enter("rset", "greeted")
        assert peer.hear() == b"rset\r\n"


def test_ctrl_c_stops_the_rest_of_a_file(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("noop 1\nnoop 2\n", encoding="utf-8")
    with played_by_hand() as (terminal, peer):
        terminal.enter(f"/source {lines}")
        assert peer.hear() == b"noop 1\r\n"
        interrupt(terminal)
        terminal.wait(lambda: "the wait was stopped" in terminal.text.replace("\n : ", " "), "that it stopped")
        terminal.enter("rset", "greeted")
        assert peer.hear() == b"rset\r\n"

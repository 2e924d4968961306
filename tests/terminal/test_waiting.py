"""While something is awaited for long: what, for how long, the way out, and the bottom line; and nothing of it afterwards."""

import re
import socket
import sys
from pathlib import Path

import pytest

from tests.support.peer import Peer
from tests.support.terminal import (
    CTRL_C,
    CTRL_D,
    ENTER,
    PATIENCE,
    played_by_hand,
    reach_mail_data,
    running,
    running_program,
    the_recording,
)

pytestmark = pytest.mark.terminal

LINE = re.compile(r"   … waiting \d+ s for (.*); Ctrl-C ends the wait")


def awaited(rows: list[str]) -> list[str]:
    """Return what the screen says is awaited."""
    return [found[1] for row in rows if (found := LINE.match(row))]


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ("noop", "the reply to NOOP"),
        ("ehlo", "the reply to EHLO"),
        ("quit", "the reply to QUIT"),
        ("no+verb\x1b", "the reply to the line"),
        (r"/raw NOOP\r\nVRFY x\r\n", "2 replies, first the reply to NOOP"),
        ("/wait 20", "whatever the server says"),
    ],
)
def test_a_long_wait_is_spoken_of_until_it_ends(typed: str, what: str, state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter(typed)
        if typed.startswith("/raw"):
            terminal.enter("/wait")
        terminal.wait(lambda: awaited(terminal.rows) == [what], "what is awaited")
        terminal.wait(lambda: "waiting 2 s for" in terminal.text, "how long")
        peer.say("250 at last")
        terminal.wait_for("at last")
        terminal.wait(lambda: awaited(terminal.rows) == [], "the end of the line")
        # Where nothing more is awaited the prompt is coming by itself. Ctrl-C just before it would be echoed in front of it.
        if not terminal.until(lambda: terminal.line.endswith("> "), 3.0):
            terminal.type(CTRL_C)
        terminal.wait_prompt()
        assert awaited(terminal.all_rows) == []
        assert len(re.findall(rb"waiting \d+ s", terminal.raw)) <= 5
    assert "waiting" not in the_recording(state_dir).read_text("utf-8")


def test_the_final_dot_and_its_bottom_line() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.enter(".", "mail data")
        terminal.wait(lambda: awaited(terminal.rows) == ["the reply to the final dot"], "what is awaited")
        terminal.press_ctrl_c()
        terminal.wait_for("The wait is over")
        terminal.wait_prompt("end of data")
        assert awaited(terminal.all_rows) == []


def test_the_bottom_line_stays_and_what_is_typed_is_kept() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with running(address, answers=True) as terminal:
            connection, _ = listener.accept()
            with connection:
                peer = Peer(connection)
                terminal.wait(lambda: awaited(terminal.rows) == ["the greeting"], "what is awaited")
                terminal.wait(lambda: f"{address} | greeting | no TLS" in terminal.bottom, "the bottom line")
                terminal.type(f"{ENTER}{ENTER}noop typed ah")
                terminal.wait(lambda: "waiting 3 s for" in terminal.text, "the next second")
                assert "noop" not in terminal.text
                peer.say("220 at last")
                terminal.wait(lambda: terminal.line.endswith("greeted> noop typed ah"), "what was typed")
                terminal.wait(lambda: f"{address} | greeted | no TLS" in terminal.bottom, "the bottom line")
                assert terminal.text.count(" | no TLS | ") == 1
                assert awaited(terminal.all_rows) == []
                terminal.type(f"ead{ENTER}")
                assert peer.hear() == b"noop typed ahead\r\n"


def test_quick_replies_are_not_spoken_of() -> None:
    with played_by_hand() as (terminal, peer):
        for number in range(20):
            terminal.enter(f"noop {number}")
            peer.hear()
            peer.say("250 Ok")
        terminal.wait_prompt()
        assert b"waiting" not in terminal.raw


@pytest.mark.parametrize("url", ["{}", "smtps://{}"])
def test_a_handshake_is_spoken_of(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with running() as terminal:
            terminal.enter(f"/connect {url.format(address)}")
            connection, _ = listener.accept()
            with connection:
                what = f"the connection to {address}"
                if url == "{}":
                    peer = Peer(connection)
                    peer.say("220 hi")
                    terminal.enter("starttls", "greeted")
                    peer.hear()
                    peer.say("220 go ahead")
                    what = "the TLS handshake"
                terminal.wait(lambda: awaited(terminal.rows) == [what], what)
                terminal.press_ctrl_c()
                terminal.wait_prompt("smtp-shell")
                assert awaited(terminal.all_rows) == []


def test_the_terminal_is_as_it_was_before_a_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        program = f"{sys.executable} -m smtp_shell 127.0.0.1:{silent.getsockname()[1]}"
        script = f'trap : INT; echo "<$(stty -g)>"; {program}; echo "<$(stty -g)>"; echo the end'
        with running_program("/bin/sh", "-c", script) as terminal:
            terminal.wait(lambda: awaited(terminal.rows) == ["the greeting"], "what is awaited")
            terminal.press_ctrl_c()
            terminal.wait_prompt("greeting")
            terminal.type(CTRL_D)
            terminal.wait_for("the end")
            terminal.wait_end()
            before, after = re.findall(r"<([^<> ]*)>", terminal.text.replace("\n", ""))
            assert before == after


def test_a_421_is_a_goodbye_and_names_the_way_back(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        peer.say("421 4.4.2 idle for too long")
        terminal.wait_for("#! the server ends the connection: idle for too long, or shutting down")
        terminal.wait_for("~  S: 421 4.4.2 idle for too long")
        terminal.wait_for("/reconnect connects to 127.0.0.1:")
        peer.sock.close()
        terminal.wait_for("*: close server")
        terminal.wait_prompt("smtp-shell")
        terminal.enter("/show")
        terminal.wait(lambda: terminal.text.count("#! the server ends the connection") == 2, "the recording")
        assert "unsolicited" not in terminal.text
        assert terminal.text.count("/reconnect connects to") == 1
    assert "# notice: the server ends the connection" in the_recording(state_dir).read_text("utf-8")


def test_a_closed_connection_names_the_way_back() -> None:
    with played_by_hand() as (terminal, peer):
        peer.sock.close()
        terminal.wait_for("the server closed the connection.")
        terminal.wait_for("/reconnect connects to 127.0.0.1:")


def test_a_large_file_shows_how_much_of_it_has_gone_out(state_dir: Path, tmp_path: Path) -> None:
    letter = tmp_path / "large.eml"
    letter.write_bytes((b"x" * 70 + b"\r\n") * 300_000)
    with played_by_hand() as (terminal, peer):
        terminal.enter(f"data < {letter}")
        peer.hear()
        peer.say("354 go on")
        terminal.wait_for("the file to go out (")
        terminal.wait_for("% of 21.6 MB)")
        while not peer.hear(b"\r\n.\r\n"):
            pass
        peer.say("250 taken")
        terminal.wait_for("250 taken")
        rows = terminal.all_rows
        assert "   #  … 299,988 more lines of mail data, 21,600,000 octets in all; /show data" in rows
        assert not any("to go out" in row for row in terminal.rows)


def test_what_is_typed_in_a_short_wait_is_kept_and_not_mixed_with_the_output() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("noop")
        peer.hear()
        terminal.type(f"vrfy x{ENTER}rset typed")
        peer.say("250 did nothing")
        assert peer.hear() == b"vrfy x\r\n"
        peer.say("252 perhaps")
        terminal.wait(lambda: terminal.line.endswith("greeted> rset typed"), "what was typed")
        for reply in ("+  S: 250 did nothing", "+  S: 252 perhaps"):
            assert any(row.startswith(reply) for row in terminal.rows)
        assert sum("rset typed" in row for row in terminal.all_rows) == 1
        assert sum("vrfy x" in row for row in terminal.all_rows) == 2  # at the prompt, and as it was sent

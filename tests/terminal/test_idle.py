"""What happens while nobody types, or types: the server speaks, the connection dies, the window changes its size."""

from functools import partial

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import ENTER, Terminal, played_by_hand, reach_mail_data, running

pytestmark = pytest.mark.terminal

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"


def open_menu(terminal: Terminal) -> None:
    """Type the start of some commands, and wait for their menu."""
    terminal.type("/re")
    terminal.wait(lambda: any("/replay" in row for row in terminal.rows), "the menu")


def test_a_421_is_shown_while_the_completion_menu_is_open_and_what_was_typed_stays() -> None:
    with played_by_hand() as (terminal, peer):
        open_menu(terminal)
        peer.say("421 4.3.2 shutting down")
        terminal.wait_for("~  S: 421 4.3.2 shutting down")
        terminal.wait_for("/reconnect connects to 127.0.0.1:")
        terminal.wait(lambda: terminal.line.endswith("> /re"), "what was typed")
        peer.sock.close()
        terminal.wait_for("*: close server")
        terminal.wait(lambda: terminal.line == "smtp-shell> /re", "the prompt without a connection")
        terminal.type("play")
        terminal.wait(lambda: terminal.line == "smtp-shell> /replay", "the next keys")
        assert "Traceback" not in terminal.text
        drawn = [row for row in terminal.all_rows if "421 4.3.2" in row]
        assert len(drawn) == 1


def test_what_comes_while_a_line_is_typed_does_not_touch_it() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type("mail <ann@exam")
        for number in range(3):
            peer.say(f"250 unasked {number}")
            terminal.wait_for(f"S: 250 unasked {number}")
        terminal.wait(lambda: terminal.line.endswith("> mail <ann@exam"), "the line")
        terminal.type(f"ple.org>{ENTER}")
        assert peer.hear() == b"MAIL FROM:<ann@example.org>\r\n"


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_dead_connection_is_noticed_without_a_key(how: str) -> None:
    with played_by_hand() as (terminal, peer):
        if how == "reset":
            peer.reset()
        else:
            peer.sock.close()
        terminal.wait_for("/reconnect connects to 127.0.0.1:")
        terminal.wait_prompt("smtp-shell")
        said = "the server dropped the connection." if how == "reset" else "the server closed the connection."
        assert said in terminal.text
        assert terminal.text.count("/reconnect connects to") == 1


def test_reconnect_asks_for_the_way_back(practice: PracticeServer) -> None:
    with running("practice", "--fault", "noop=drop") as terminal:
        terminal.wait_for("password")
        password = next(row.split()[-1] for row in terminal.all_rows if row.startswith("  password"))
        for line in ("ehlo", "starttls", "ehlo"):
            terminal.enter(line)
        terminal.enter("auth plain student", "ready")
        terminal.enter(password, "Password for student")
        terminal.enter("mail ann@example.org", "ready")
        terminal.enter("rcpt bob@example.org", "mail")
        terminal.enter("noop", "rcpt")
        shown = "again. It offers the way back."
        terminal.wait(lambda: shown in terminal.prose, shown)
        terminal.enter("/reconnect", "smtp-shell")
        terminal.enter("y", "Go on to where it was (EHLO, STARTTLS, EHLO, AUTH PLAIN as student)? [y/N]")
        terminal.enter(password, "Password for student")
        terminal.wait_for("Back where the dialogue was: EHLO, STARTTLS, EHLO, AUTH PLAIN as student.")
        terminal.enter("y", "[y/N]")
        terminal.wait_for("Back in the mail transaction; data comes next.")
        terminal.wait_prompt("tls rcpt")
        assert not any(password in row for row in terminal.seen if not row.startswith("  password"))


def test_connect_practice_starts_one() -> None:
    with running() as terminal:
        terminal.enter("/connect practice", "smtp-shell")
        terminal.wait_prompt("greeted")
        terminal.enter("/sessions", "greeted")
        terminal.wait_for("goes on")
        terminal.enter("/inbox", "greeted")
        terminal.wait_for("no mail yet.")
        terminal.enter("/connect practice", "greeted")
        terminal.wait_prompt("greeted")
        assert terminal.text.count("practice server  127.0.0.1:") == 1
        terminal.enter("/exit", "greeted")
        assert terminal.wait_end() == 0


def has_drawn(terminal: Terminal, before: int) -> bool:
    return len(terminal.raw) > before


@pytest.mark.parametrize("sizes", [[(40, 20), (200, 50)], [(1, 1), (80, 24)], [(20, 5), (40, 20)]], ids=str)
def test_a_line_survives_a_resize_in_its_middle(sizes: list[tuple[int, int]]) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type("rcpt <bob.the.recipient")
        terminal.wait(lambda: terminal.line.endswith("recipient"), "the line")
        for columns, rows in sizes:
            drawn = len(terminal.raw)
            terminal.resize(columns, rows)
            terminal.wait(partial(has_drawn, terminal, drawn), "the prompt to be drawn anew")
        terminal.type("@example.org>")
        terminal.wait(lambda: "".join(terminal.rows).count("@example.org>") == 1, "the rest of the line")
        terminal.type(ENTER)
        assert peer.hear() == b"rcpt <bob.the.recipient@example.org>\r\n".replace(b"rcpt ", b"RCPT TO:")
        peer.say("250 Ok")
        terminal.wait_for("S: 250 Ok")


def test_a_paste_of_500_lines_of_mail_data_goes_out_as_it_is() -> None:
    lines = [f"line {number} of the message" if number % 50 else f".{number}" for number in range(500)]
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer, line_by_line=True)
        terminal.type(f"{PASTE_BEGINS}{chr(10).join(lines)}\n{PASTE_ENDS}")
        terminal.type(ENTER)
        wanted = b"".join((b"." if line.startswith(".") else b"") + line.encode() + b"\r\n" for line in lines)
        heard = b""
        while len(heard) < len(wanted):
            heard += peer.hear()
        assert heard[: len(wanted)] == wanted
        terminal.wait_prompt("mail data")

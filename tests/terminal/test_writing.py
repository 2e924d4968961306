"""Mail data in the editor: numbered lines, a completed header, remarks, and nothing on the wire before the dot."""

from pathlib import Path

import pytest

from tests.support.peer import Peer
from tests.support.terminal import (
    CTRL_C,
    CTRL_D,
    ENTER,
    ESCAPE,
    TAB,
    Terminal,
    played_by_hand,
    reach_mail_data,
    running,
)
from tests.terminal.test_pasting import CTRL_E, CTRL_X, PASTE_BEGINS, PASTE_ENDS, editor

pytestmark = pytest.mark.terminal

__all__ = ["editor"]

UP, DOWN, LEFT, RIGHT = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C"
HEADER = f"From: ann@example.org{ENTER}Subject: hello{ENTER}"


def taken(terminal: Terminal, peer: Peer, expected: bytes) -> None:
    """Check what the server hears up to the final dot, and answer it."""
    assert peer.hear(b"\r\n.\r\n") == expected + b".\r\n"
    peer.say("250 taken")
    terminal.wait_for("+  S: 250 taken")
    terminal.wait_prompt("ready")


def test_lines_have_numbers_and_are_mended_before_they_are_sent() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.wait_for("mail data: a line of one dot ends it\n  1")
        terminal.type(f"{HEADER}{ENTER}  indented{ENTER}tezt{ENTER}")
        terminal.wait(lambda: terminal.line == "  6  ", "the sixth line")
        terminal.type(f"{UP}")
        terminal.wait(lambda: terminal.line == "  5  ", "the fifth line")
        terminal.type(f"\x05{LEFT}\x08s")
        terminal.wait(lambda: "  5  test" in terminal.rows, "the mended line")
        terminal.type(f"{DOWN}.{ENTER}")
        taken(terminal, peer, b"From: ann@example.org\r\nSubject: hello\r\n\r\n  indented\r\ntest\r\n")
        assert [row for row in terminal.rows if row.startswith("  4")] == ["  4    indented"]


def test_the_header_is_completed_and_the_text_is_not() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.type("Subj")
        terminal.wait_for("Subject:   What the message is about")
        terminal.type(TAB)
        terminal.wait(lambda: terminal.line == "  1  Subject: ", "the name of the field")
        terminal.type(f"{ENTER}hello{ENTER}To: b")
        terminal.wait_for("bob@example.org  typed before")
        terminal.type(f"{TAB}{ENTER}{ENTER}{ENTER}Subj{TAB}ect{ENTER}.{ENTER}")
        taken(terminal, peer, b"Subject: hello\r\nTo: bob@example.org\r\n\r\nSubj\tect\r\n")


def test_remarks_are_under_the_lines_and_leave_with_the_mistake() -> None:
    remark = "       ^ a line of the header has no colon after its name; a field is Name:"
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.type(f"From: ann@example.org{ENTER}Subject hello{ENTER}To: bob@example.org{ENTER}")
        terminal.wait(lambda: f"  2  Subject hello\n{remark}\n" in terminal.text, "the remark")
        terminal.type(UP + UP + 7 * RIGHT + ":")
        terminal.wait(lambda: "  2  Subject: hello\n  3  To" in terminal.text, "the line without a remark")
        terminal.type(f"{DOWN}{DOWN}{ENTER}quit{ENTER}")
        terminal.wait_for("^ this is text of the message; a dot alone on a line ends it")
        terminal.type(f".{ENTER}")
        assert peer.hear(b"\r\n.\r\n").endswith(b"\r\n\r\nquit\r\n.\r\n")
        peer.say("250 taken")
        terminal.wait_for("+  S: 250 taken")
        assert "^" not in "\n".join(row for row in terminal.rows if not row.startswith("lint"))


def test_what_is_pasted_is_not_asked_about_unless_commands_follow_the_dot() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.type(f"{PASTE_BEGINS}Subject: x\r\rtext\r.{PASTE_ENDS}{ENTER}")
        taken(terminal, peer, b"Subject: x\r\n\r\ntext\r\n")
        reach_mail_data(terminal, peer)
        terminal.type(f"{PASTE_BEGINS}Subject: y\r\rtext\r.\rMAIL FROM:<eve@example.net>{PASTE_ENDS}")
        terminal.wait_for("^ the message ends here; what follows the dot is no part of it")
        terminal.type(ENTER)
        terminal.wait_for(
            "The dot on line 4 ends the message, and a line follows it.\n    5  MAIL FROM:<eve@example.net>"
        )
        terminal.enter("n", "Send what follows as commands? [y/N]")
        taken(terminal, peer, b"Subject: y\r\n\r\ntext\r\n")
        terminal.enter("rset", "ready")
        assert peer.hear() == b"rset\r\n"


@pytest.mark.parametrize("keys", ["emacs", "vi"])
def test_the_text_is_opened_in_the_editor_of_the_user(keys: str, editor: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter(f"/set editing {keys}")
        reach_mail_data(terminal, peer)
        terminal.type(HEADER)
        terminal.wait(lambda: terminal.line == "  3  ", "the third line")
        if keys == "vi":
            terminal.type(ESCAPE)
            # What follows Escape at once is one key with it.
            terminal.wait(lambda: b"\x1b[2 q" in terminal.raw, "the block of the keys that are commands")
        terminal.type("v" if keys == "vi" else CTRL_X + CTRL_E)
        terminal.wait_for("  1  noop edited\n  2  Subject: hello")
        assert editor.read_text("utf-8") == "From: ann@example.org\nSubject: hello\n"
        terminal.type(f"{ENTER}.{ENTER}")
        taken(terminal, peer, b"noop edited\r\nSubject: hello\r\n")


@pytest.mark.parametrize("answer", ["n" + ENTER, ENTER, CTRL_C, CTRL_D], ids=["n", "nothing", "ctrl-c", "ctrl-d"])
def test_ctrl_c_asks_and_keeps_the_text(answer: str) -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.type(HEADER)
        terminal.wait(lambda: terminal.line == "  3  ", "the third line")
        terminal.type(CTRL_C)
        terminal.wait_prompt("Drop the connection? [y/N]")
        terminal.type(answer)
        terminal.wait(lambda: terminal.line == "  3  ", "the third line again")
        terminal.type(f".{ENTER}")
        taken(terminal, peer, b"From: ann@example.org\r\nSubject: hello\r\n")


def test_what_was_written_outlives_the_connection() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        terminal.type(f"{HEADER}half a li")
        terminal.wait(lambda: terminal.line == "  3  half a li", "the third line")
        peer.say("421 4.4.2 idle for too long")
        terminal.wait_for("~  S: 421 4.4.2 idle for too long")
        terminal.wait_for("  3  half a li\nThe text was not sent. It is kept: the next mail data begins with it.")
        terminal.wait_prompt("closed")
        peer.sock.close()
        terminal.wait_prompt("smtp-shell")
        assert "C: half" not in terminal.text


def test_what_was_not_sent_is_there_in_the_next_mail_data() -> None:
    with running("practice") as terminal:
        for again in (False, True):
            for line in ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data"):
                terminal.enter(line)
            if again:
                terminal.wait(lambda: terminal.line == "  3  half a li", "the text")
                continue
            terminal.wait_prompt("mail data")
            terminal.type(f"{HEADER}half a li")
            terminal.wait(lambda: terminal.line == "  3  half a li", "the third line")
            terminal.type(CTRL_C)
            terminal.enter("y", "Drop the connection? [y/N]")
            terminal.wait_for("The text was not sent. It is kept: the next mail data begins with it.")
            terminal.enter("/reconnect", "smtp-shell")
        terminal.type(f"ne{ENTER}.{ENTER}")
        terminal.wait_for("queued as")


def test_where_mail_data_goes_on_the_heading_says_so() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("/set ask-paste off")
        for typed, said in (("ehlo", "250 hi"), ("mail <>", "250 Ok"), ("rcpt bob@example.org", "250 Ok")):
            terminal.enter(typed)
            peer.hear()
            peer.say(said)
        terminal.wait_prompt("rcpt")
        terminal.type(f"{PASTE_BEGINS}data\rFrom: ann@example.org{PASTE_ENDS}{ENTER}")
        peer.hear()
        peer.say("354 go")
        terminal.wait_for("mail data goes on: a line of one dot ends it\n  1")
        terminal.enter(".", "mail data")
        taken(terminal, peer, b"From: ann@example.org\r\n")


def test_a_dumb_terminal_takes_line_by_line() -> None:
    with running("practice", env={"TERM": "dumb"}) as terminal:
        for line in ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data"):
            terminal.wait(lambda: terminal.line.endswith("> "), "the prompt")
            terminal.type(line + ENTER)
        for line in ("Subject: x", "", "text", "."):
            terminal.wait(lambda: terminal.line.endswith("mail data: "), "the prompt for mail data")
            terminal.type(line + ENTER)
        terminal.wait_for("queued as")

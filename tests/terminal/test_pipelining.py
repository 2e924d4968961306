"""A pasted group at the prompt, `/pipeline`, a chunk by hand, advice and completion, as a person sees them."""

import pytest

from tests.support.peer import Peer
from tests.support.terminal import ENTER, TAB, Terminal, played_by_hand

pytestmark = pytest.mark.terminal

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
KEYWORDS = ("250-mail.example.org", "250-PIPELINING", "250-DSN", "250-XCLIENT NAME ADDR", "250 CHUNKING")
GROUP = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"


def _greet(terminal: Terminal, peer: Peer) -> None:
    terminal.enter("ehlo")
    peer.hear()
    peer.say(*KEYWORDS)
    terminal.wait_prompt("ready")


def _leave(terminal: Terminal) -> None:
    terminal.enter("/exit")
    assert terminal.wait_end() == 0


def test_a_pasted_group_goes_out_at_once_and_each_reply_is_named() -> None:
    with played_by_hand() as (terminal, peer):
        _greet(terminal, peer)
        terminal.type(
            f"{PASTE_BEGINS}mail ann@example.org\rrcpt bob@example.org\rdata\rSubject: x\r\rtext\r.{PASTE_ENDS}"
        )
        terminal.wait(lambda: terminal.line.endswith("."), "the paste")
        terminal.type(ENTER)
        terminal.enter("y", "Send these 6 lines? [y/N]")
        assert peer.hear(GROUP) == GROUP
        peer.say("250 sender ok", "250 recipient ok", "354 go on")
        terminal.wait_for("   #  to 2 of 3: RCPT TO:<bob@example.org>\n+  S: 250 recipient ok")
        assert "   C& MAIL FROM:<ann@example.org>\n   C& RCPT TO:<bob@example.org>\n   C: DATA" in terminal.text
        assert peer.hear(b"\r\n.\r\n") == b"Subject: x\r\n\r\ntext\r\n.\r\n"
        peer.say("250 taken")
        terminal.wait_for("+  S: 250 taken")
        _leave(terminal)


def test_a_group_is_held_with_its_number_in_the_prompt() -> None:
    with played_by_hand() as (terminal, peer):
        _greet(terminal, peer)
        terminal.enter("/pipeline")
        terminal.wait_for("A group begins")
        terminal.enter("mail ann@example.org", "group of 0 ready")
        terminal.enter("rcpt bob@example.org", "group of 1 ready")
        terminal.enter("data", "group of 2 ready")
        terminal.enter("", "group of 3 ready")
        assert peer.hear(GROUP) == GROUP
        peer.say("250 sender ok", "250 recipient ok", "554 no")
        terminal.wait_for("   #  to 3 of 3: DATA\n!  S: 554 no")
        _leave(terminal)


def test_a_chunk_is_typed_at_a_prompt_of_its_own() -> None:
    with played_by_hand() as (terminal, peer):
        _greet(terminal, peer)
        terminal.enter("BDAT 8 LAST")
        assert peer.hear() == b"BDAT 8 LAST\r\n"
        terminal.enter("one", "chunk, 8 octets left")
        assert peer.hear() == b"one\r\n"
        terminal.enter("/raw two", "chunk, 3 octets left")
        assert peer.hear(b"two") == b"two"
        peer.say("250 taken")
        terminal.wait_for("+  S: 250 taken")
        terminal.wait_prompt("ready")
        _leave(terminal)


def test_advice_stands_between_the_line_and_its_reply() -> None:
    with played_by_hand() as (terminal, peer):
        _greet(terminal, peer)
        terminal.enter("mail ann@example.org size=10")
        assert peer.hear() == b"MAIL FROM:<ann@example.org> SIZE=10\r\n"
        terminal.wait_for("advice: SIZE is a parameter that the server does not announce")
        peer.say("555 no")
        terminal.wait_for("!  S: 555 no")
        text = terminal.text
        assert text.index("C: MAIL") < text.index("advice:") < text.index("S: 555")
        _leave(terminal)


def test_parameters_and_attributes_are_completed_from_what_was_announced() -> None:
    with played_by_hand() as (terminal, peer):
        _greet(terminal, peer)
        terminal.type("rcpt bob@example.org not")
        terminal.wait_for("NOTIFY=NEVER")
        terminal.type(TAB)
        terminal.wait(lambda: "NOTIFY=SUCCESS,FAILURE" in terminal.line, "the first suggestion")
        terminal.type(ENTER + ENTER)  # takes the row of the menu, and sends the line
        assert peer.hear() == b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE\r\n"
        peer.say("250 ok")
        terminal.wait_prompt()
        terminal.type("xclient ad")
        terminal.wait_for("ADDR=")
        terminal.type(TAB)
        terminal.wait(lambda: terminal.line.endswith("xclient ADDR="), "the attribute")
        terminal.type(f"192.0.2.1{ENTER}")
        assert peer.hear() == b"XCLIENT ADDR=192.0.2.1\r\n"
        peer.say("220 mail.example.org again")
        terminal.wait_for("The dialogue begins anew")
        _leave(terminal)

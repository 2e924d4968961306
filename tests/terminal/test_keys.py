"""Keys and mouse: those of Emacs or vi, as the setting says, and a mouse for those who want one."""

import pytest

from tests.support.terminal import ENTER, ESCAPE, played_by_hand, reach_mail_data, running

pytestmark = pytest.mark.terminal

MOUSE_ON = b"\x1b[?1000h"
BAR, BLOCK = b"\x1b[6 q", b"\x1b[2 q"


def test_the_mouse_is_left_to_the_terminal_unless_it_is_wanted() -> None:
    with played_by_hand() as (terminal, peer):
        reach_mail_data(terminal, peer)
        assert MOUSE_ON not in terminal.raw
        terminal.enter(".", "mail data")
        peer.hear(b".\r\n")
        peer.say("250 taken")
        terminal.enter("/set mouse on", "ready")
        terminal.wait(lambda: MOUSE_ON in terminal.raw, "the mouse")
        terminal.enter("/set mouse off", "ready")
        terminal.wait_prompt("ready")
        assert terminal.raw.rfind(b"\x1b[?1000l") > terminal.raw.rfind(MOUSE_ON)


def test_the_keys_of_vi_and_back() -> None:
    with running() as terminal:
        terminal.enter("/set editing vi")
        terminal.wait_prompt()
        terminal.wait(lambda: BAR in terminal.raw, "the bar where text is inserted")
        terminal.type(f"/set times onx{ESCAPE}")
        terminal.wait(lambda: BLOCK in terminal.raw, "the block where keys are commands")
        terminal.type(f"x0xi/{ENTER}")
        terminal.wait_for("smtp-shell> /set times on\n")
        terminal.enter("/set editing emacs")
        terminal.wait_prompt()
        terminal.type("times on\x01/set ")
        terminal.wait(lambda: terminal.text.count("smtp-shell> /set times on") == 2, "the keys of Emacs")


def test_the_keys_of_vi_in_mail_data() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("/set editing vi")
        reach_mail_data(terminal, peer)
        terminal.type(f"one{ENTER}two{ENTER}three")
        terminal.wait(lambda: terminal.line == "  3  three", "the third line")
        terminal.type(ESCAPE)
        terminal.wait(lambda: terminal.line == "  3  thre", "the keys that are commands")
        terminal.type("kkdd")
        terminal.wait_for("  1  two\n  2  three")
        terminal.type(f"{ENTER}o.{ENTER}")
        assert peer.hear(b"\r\n.\r\n") == b"two\r\nthree\r\n.\r\n"

"""Each feature on each kind of terminal: three sizes, one that can do nothing, one without colour, one without UTF-8.

A new feature is one function more. It looks for words in `prose`, which knows no ends of rows.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.terminal import CTRL_C, ENTER, LOOKS, TAB, Look, Terminal, played_by_hand, reach_mail_data, running

pytestmark = pytest.mark.terminal

# SGR sequences that choose a colour: 30 to 49 and 90 to 107, and 38 and 48 with their arguments.
COLOUR = re.compile(rb"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> Look:
    return LOOKS[request.param]


@pytest.fixture
def practising(look: Look) -> Iterator[Terminal]:
    with running("practice", look=look) as terminal:
        terminal.wait_prompt("greeted")
        yield terminal
        check(terminal, look)


def check(terminal: Terminal, look: Look) -> None:
    """Check what holds of every screen."""
    assert "Traceback" not in terminal.text
    if look.term == "dumb":
        # What prompt_toolkit writes once, when it asks what the terminal can do.
        assert b"\x1b" not in terminal.raw.replace(b"\x1b[?12l\x1b[?25h", b"")


def shows(terminal: Terminal, words: str) -> None:
    terminal.wait(lambda: words in terminal.prose, repr(words))


def test_from_the_greeting_to_a_delivered_message(practising: Terminal) -> None:
    terminal = practising
    password = re.search(r"password (\S+)", terminal.prose)
    assert password is not None
    for line in ("ehlo", "starttls", "ehlo"):
        terminal.enter(line)
    terminal.enter("auth plain student", "ready")
    terminal.enter(password[1], "Password for student")
    shows(terminal, "*: auth PLAIN student")
    terminal.enter("mail ann@example.org", "ready")
    shows(terminal, "C: MAIL FROM:<ann@example.org>")
    terminal.enter("rcpt bob@example.org", "mail")
    terminal.enter("data", "rcpt")
    for line in ("Subject: hello", "", "A line of text."):
        terminal.enter(line, "mail data")
    terminal.enter(".", "mail data")
    terminal.enter("/inbox", "ready")
    shows(terminal, "hello")
    terminal.enter("quit", "ready")
    terminal.wait_prompt("smtp-shell")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/status", "phase greeted"),
        ("/capabilities", "ehlo"),
        ("/explain 550", "550"),
        ("/set", "timeout"),
        ("/tls", "TLS"),
        ("/inbox", "no mail yet."),
        ("/sessions", "goes on"),
        ("/help /reconnect", "Connect to the same server again"),
        ("/connec", "/connec is no command of the"),
        ("/help", "before any line: | inside TLS"),
        ("/hex", "220 "),
        ("/timing", "In all"),
        ("/diagram", "220"),
        ("/set --origin", "timeout"),
        ("/watch 0.1 --count 2 noop", "2 runs in"),
        ("/pipeline noop; noop", "to 2 of 2: noop"),
        ("/show data", "has no mail data"),
    ],
)
def test_what_a_command_says_is_there(line: str, words: str, practising: Terminal) -> None:
    practising.enter(line, "greeted")
    shows(practising, words)
    practising.wait_prompt("greeted")


def test_what_the_server_says_unasked_is_shown_at_once(look: Look) -> None:
    with played_by_hand(look=look) as (terminal, peer):
        peer.say("421 4.3.2 shutting down")
        shows(terminal, "S: 421 4.3.2 shutting down")
        peer.sock.close()
        shows(terminal, "/reconnect connects to 127.0.0.1:")
        terminal.wait_prompt("smtp-shell")
        check(terminal, look)


def test_mail_data_goes_out_as_it_is_typed(look: Look) -> None:
    with played_by_hand(look=look) as (terminal, peer):
        reach_mail_data(terminal, peer, line_by_line=True)
        for line in ("Subject: x", "", ".a dot", "a long line " * 20):
            terminal.enter(line, "mail data")
            assert peer.hear() == (b"." if line.startswith(".") else b"") + line.encode() + b"\r\n"
        check(terminal, look)


def test_without_colour_there_is_none(look: Look) -> None:
    with played_by_hand(look=look) as (terminal, peer):
        terminal.enter("noop")
        peer.hear()
        peer.say("550 no")
        shows(terminal, "S: 550 no")
        terminal.wait_prompt()
        assert bool(COLOUR.search(terminal.raw)) is not (look.is_plain or look.term == "dumb")


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        (("--help",), "a server of your own on loopback, and a shell connected to it", 0),
        (("config", "check"), "theem is no key of [settings]; did you mean theme?", 2),
        (("doctor",), "TLS library", 1),
        (("explain", "354"), "RFC 5321 section 4.2", 0),
    ],
)
def test_commands_are_wrapped_at_words(
    arguments: tuple[str, ...], words: str, status: int, look: Look, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[settings]\ntheem = "dark"\n')
    with running(*arguments, look=look, env={"SMTP_SHELL_CONFIG": str(file)}) as terminal:
        assert terminal.wait_end() == status
        assert words in terminal.prose.replace(" : ", " ")
        check(terminal, look)


def test_a_faulty_configuration_is_told_and_the_shell_works(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[settings]\ntheem = "dark"\n')
    with running(look=look, env={"SMTP_SHELL_CONFIG": str(file)}) as terminal:
        terminal.wait_prompt("smtp-shell")
        assert "did you mean theme?" in terminal.prose.replace(" : ", " ")
        terminal.enter("/explain 354", "smtp-shell")
        shows(terminal, "RFC 5321")
        check(terminal, look)


def test_three_things_to_try_have_their_words_beside_or_below_them(look: Look, tmp_path: Path) -> None:
    with running(look=look, env={"SMTP_SHELL_STATE_DIR": str(tmp_path / "new")}) as terminal:
        terminal.wait_prompt("smtp-shell")
        rows = terminal.all_rows
        tried = next(number for number, row in enumerate(rows) if row.startswith("  /connect practice"))
        words = "a mail server of your own, on this"
        assert words in rows[tried] or rows[tried + 1].startswith(f"    {words}")
        check(terminal, look)


def test_what_is_written_in_the_editor_is_counted_in_the_bottom_line(look: Look) -> None:
    with played_by_hand(look=look, answers=True) as (terminal, peer):
        reach_mail_data(terminal, peer)
        for line in ("Subject: x", "", ".a dot"):
            terminal.type(f"{line}{ENTER}")
        if look.term != "dumb":
            terminal.wait(lambda: "mail data | 23 octets" in terminal.bottom, "the size")
        terminal.type(f".{ENTER}")
        assert peer.hear(b"\r\n.\r\n") == b"Subject: x\r\n\r\n..a dot\r\n.\r\n"
        check(terminal, look)


def test_ctrl_c_leaves_the_line_it_was_pressed_in(look: Look) -> None:
    with played_by_hand(look=look) as (terminal, _):
        terminal.type("noop")
        terminal.wait(lambda: terminal.line.endswith("noop"), "what was typed")
        if look.term == "dumb":
            terminal.press_ctrl_c()  # it is a signal there, and the echo comes before the program reads
        else:
            terminal.type(CTRL_C)
        terminal.wait(lambda: sum("greeted>" in row for row in terminal.all_rows) == 2, "a prompt below the first")
        terminal.wait_prompt()
        assert sum("greeted>" in row for row in terminal.all_rows) == 2
        check(terminal, look)


def test_a_menu_is_cut_at_words(practising: Terminal, look: Look) -> None:
    if look.term == "dumb":
        return
    practising.type(f"/explain 55{TAB}")
    cut = "Mailbox unavailable, or" + ("" if look.size[0] == 40 else " refused by policy")
    practising.wait(lambda: cut in practising.prose, "the menu")
    assert "ref..." not in practising.prose

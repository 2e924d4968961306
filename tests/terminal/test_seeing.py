"""What the prompt, the bottom line and the rows tell on terminals of all kinds."""

import re
import sys

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import LOOKS, Look, Terminal, played_by_hand, reach_mail_data, running, running_program

pytestmark = pytest.mark.terminal

COLOURS = re.compile(rb"\x1b\[(?:[0-9]+;)*[349][0-7](?:;[0-9]+)*m")


def bottom_line(terminal: Terminal) -> str:
    """Return the last row of the screen."""
    return terminal.rows[-1]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("80x24", r" 127.0.0.1:\d+ \| mail transaction \| 1 recipient \| no TLS \| .*"),
        ("40x20", r" .*rcpt \| .*no TLS.*"),
        (
            "200x50",
            r" 127.0.0.1:\d+ \| mail transaction \| 1 recipient \| no TLS \| no user \| rec \| last reply \d+ s ago",
        ),
        ("NO_COLOR", r" 127.0.0.1:\d+ \| mail transaction \| 1 recipient \| no TLS \| .*"),
        ("C locale", r" 127.0.0.1:\d+ \| mail transaction \| 1 recipient \| no TLS \| .*"),
    ],
)
def test_the_bottom_line_has_room_and_stands_out(practice: PracticeServer, name: str, line: str) -> None:
    with running(f"127.0.0.1:{practice.port}", look=LOOKS[name], answers=True) as terminal:
        for typed in ("ehlo", "mail ann@example.org", "rcpt bob@example.org"):
            terminal.enter(typed)
        terminal.wait_prompt("rcpt")
        terminal.wait(lambda: re.fullmatch(line, bottom_line(terminal)) is not None, "the bottom line")
        reversed_or_coloured = (
            rb"\x1b\[0?;?7m" if name == "NO_COLOR" else rb"\x1b\[[0-9;]*(?:4[0-7]|10[0-7]|48;5;\d+)[;m]"
        )
        assert re.search(reversed_or_coloured, terminal.raw)


def test_the_clock_goes_on_while_nobody_types(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", look=LOOKS["200x50"], answers=True) as terminal:
        terminal.wait(lambda: "last reply 1 s ago" in bottom_line(terminal), "a second")
        terminal.wait(lambda: "last reply 2 s ago" in bottom_line(terminal), "the next")
        terminal.enter("noop")
        terminal.wait(lambda: "last reply 0 s ago" in bottom_line(terminal), "the clock set back")


def test_the_size_so_far_is_counted_while_mail_data_is_typed(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", answers=True) as terminal:
        for typed in ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data", "Subject: hi", "", ".text"):
            terminal.enter(typed)
        terminal.wait(lambda: "mail data | 23 octets of 10,485,760" in bottom_line(terminal), "the size")
        terminal.enter(".")
        terminal.wait(lambda: "no mail transaction" in bottom_line(terminal), "the end of the message")


@pytest.mark.parametrize("name", LOOKS)
def test_a_refused_reply_inside_tls_has_its_own_signs(practice: PracticeServer, name: str) -> None:
    with running(
        f"127.0.0.1:{practice.port}", "--starttls", "--ca-file", str(practice.ca_file), look=LOOKS[name], answers=True
    ) as terminal:
        terminal.enter("FOO", "ready")
        terminal.wait_for("!| S: 500 5.5.2")
        assert "!=" not in terminal.text
        assert bool(COLOURS.search(terminal.raw)) is (name not in ("NO_COLOR", "dumb"))
        if name == "C locale":
            assert terminal.raw.isascii()


def test_without_colours_by_option_the_bottom_line_stands_out(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", "--color", "never", answers=True) as terminal:
        terminal.enter("FOO")
        terminal.wait_for("!  S: 500 5.5.2")
        terminal.wait_prompt()
        terminal.wait(lambda: "client initiation" in bottom_line(terminal), "the bottom line")
        assert not COLOURS.search(terminal.raw)
        assert re.search(rb"\x1b\[0?;?7m", terminal.raw)


def test_in_the_c_locale_long_waits_and_masks_are_ascii() -> None:
    with played_by_hand(look=LOOKS["C locale"]) as (terminal, peer):
        terminal.enter("noop")
        terminal.wait_for("   ... waiting 1 s for the reply to NOOP; Ctrl-C ends the wait")
        peer.hear()
        peer.say("250 Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e")
        terminal.wait_for(r"+  S: 250 Gr\xc3\xbc\xc3\x9fe")
        terminal.wait_prompt()
        terminal.type("auth plain AHN0dWRlbnQAc2VjcmV0")
        terminal.wait(lambda: terminal.line.endswith("auth plain " + "*" * 20), "the mask")
        assert terminal.raw.isascii()


def test_plain_is_words_line_by_line_and_says_once_what_is_awaited() -> None:
    with played_by_hand("--theme", "plain", "--no-record", look=Look((80, 24))) as (terminal, peer):
        terminal.enter("noop")
        terminal.wait_for("Waiting for the reply to NOOP; Ctrl-C ends the wait.")
        peer.hear()
        peer.say("450 4.2.1 later")
        terminal.wait_for("refused for now S: 450 4.2.1 later\ntook ")
        terminal.wait_prompt()
        reach_mail_data(terminal, peer)
        assert terminal.text.count("Waiting for") == 1
        assert "no TLS" not in terminal.text
        assert not COLOURS.search(terminal.raw)


@pytest.mark.parametrize(("variables", "expected"), [({"VTE_VERSION": "7600"}, True), ({}, False)])
def test_an_rfc_is_a_link_where_the_terminal_shows_links(
    practice: PracticeServer, variables: dict[str, str], expected: bool
) -> None:
    with running(f"127.0.0.1:{practice.port}", env=variables) as terminal:
        terminal.enter("/explain 354")
        terminal.wait_for("RFC 5321 section")
        assert (b";https://www.rfc-editor.org/rfc/rfc5321#section-" in terminal.raw) is expected
        terminal.enter(f"/set links {'off' if expected else 'on'}")
        terminal.wait_prompt()
        so_far = len(terminal.raw)
        terminal.enter("/explain 354")
        terminal.wait(lambda: terminal.text.count("RFC 5321 section") >= 2, "the explanation again")
        terminal.wait_prompt()
        assert (b"https://www.rfc-editor.org" in terminal.raw[so_far:]) is not expected


@pytest.mark.parametrize(
    ("variables", "options", "expected", "missing"),
    [
        ({"VTE_VERSION": "7600"}, (), b"\x1b]8;;https://www.rfc-editor.org/rfc/rfc3207#section-4", b"\xff"),
        ({}, (), b"\x1b[1m", b"\x1b]8"),
        ({}, ("--theme", "plain"), b"RFC 3207", b"\x1b"),
        ({}, ("--theme", "contrast"), b"\x1b[1m", b"\x1b[2m"),
        ({"TERM": "dumb", "VTE_VERSION": "7600"}, (), b"RFC 3207", b"\x1b"),
        ({"NO_COLOR": "1"}, (), b"RFC 3207", b"\x1b"),
    ],
)
def test_explanations_outside_of_the_shell(
    variables: dict[str, str], options: tuple[str, ...], expected: bytes, missing: bytes
) -> None:
    with running("explain", "starttls", *options, env=variables) as terminal:
        assert terminal.wait_end() == 0
        assert expected in terminal.raw
        assert missing not in terminal.raw


@pytest.mark.parametrize(
    ("name", "shown"), [("C locale", r"... ****** \xc3\xbc \xc3\xbf \x9f -"), ("80x24", r"… •••••• ü ÿ \udc9f ─")]
)
def test_whatever_a_command_writes_is_shown_in_the_c_locale_too(name: str, shown: str) -> None:
    script = (
        "from smtp_shell.cli.startup import escape_unprintable; escape_unprintable(); "
        r"print('\u2026', '\u2022' * 6, '\xfc', '\xff', '\udc9f', '\u2500')"
    )
    with running_program(sys.executable, "-c", script, look=LOOKS[name]) as terminal:
        assert terminal.wait_end() == 0
        assert terminal.bottom == shown


def test_a_dumb_terminal_is_as_wide_as_it_says(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", look=Look((60, 20), term="dumb")) as terminal:
        terminal.wait_prompt()
        greeting = next(row for row in terminal.all_rows if "220 practice.example" in row)
        following = terminal.all_rows[terminal.all_rows.index(greeting) + 1]
        assert following.endswith(("> ", ">"))
        assert " ms" not in greeting  # it has no room beside the text, and is no row of its own

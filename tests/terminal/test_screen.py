"""The screen: menus, the bottom line, marks, and only printable text from the server."""

import re

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import CTRL_C, ENTER, TAB, played_by_hand, running

pytestmark = pytest.mark.terminal

HOSTILE = (
    r"\x1b[2J\x1b[H", r"\x1b]0;title\x07", r"\x1b]52;c;cm0=\x07", r"\x1bP$q\x1b\\", r"\x9b31m", r"\xc2\x9b31m", r"\x07\x08\x0b\x0c",
    r"\xe2\x80\xae txt", r"\xe2\x80\x8b", r"\xf3\xa0\x81\x81", r"\xef\xbb\xbf", r"\x7f", r"\xff\xfe", r"\x00",
)  # fmt: skip
# Control sequences of prompt_toolkit and rich.
OUR_CODES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|\x08")


def octets_of(notation: str) -> bytes:
    return notation.encode().decode("unicode_escape").encode("latin-1")


def test_the_menu_describes_each_command(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt("greeted")
        terminal.type("st")
        terminal.wait_for("starttls  Go on inside TLS")
        terminal.type(CTRL_C)
        terminal.wait_prompt("greeted")
        terminal.type("/re")
        terminal.wait_for("/reconnect  Connect to the same server again")
        terminal.wait(lambda: any(row.split()[:1] == ["/record"] for row in terminal.rows), "the menu's other rows")
        terminal.type(CTRL_C)
        terminal.enter("ehlo", "greeted")
        terminal.wait_prompt("ready")
        terminal.type("mail ann@example.org si")
        terminal.wait_for("SIZE=  octets in the message (RFC 1870)")
        terminal.type(TAB)
        terminal.wait(lambda: terminal.line.endswith("mail ann@example.org SIZE="), "the completed parameter")


def test_the_bottom_line_shows_the_connection(practice: PracticeServer) -> None:
    address = f"127.0.0.1:{practice.port}"
    with running("--ca-file", str(practice.ca_file), answers=True) as terminal:
        terminal.wait(lambda: "not connected | /connect HOST[:PORT] | /help" in terminal.bottom, "the bottom line")
        terminal.enter(f"/connect {address}")
        terminal.wait(
            lambda: f"{address} | client initiation | no TLS | no user | rec" in terminal.bottom, "the connection"
        )
        terminal.enter("ehlo", "greeted")
        terminal.enter("starttls", "ready")
        terminal.wait_prompt("tls greeted")
        terminal.wait(lambda: f"{address} | client initiation | TLSv1.3 verified" in terminal.bottom, "TLS")
        terminal.enter("quit")
        terminal.wait(lambda: "not connected" in terminal.bottom, "the end of the connection")


@pytest.mark.parametrize("payload", HOSTILE)
def test_only_printable_text_of_a_server_reaches_the_terminal(payload: str) -> None:
    octets = octets_of(payload)
    with played_by_hand() as (terminal, peer):
        before = len(terminal.raw)
        for typed in ("noop", "ehlo"):
            terminal.enter(typed)
            peer.hear()
            peer.sock.sendall(b"250-" + octets + b"\r\n250-AUTH " + octets + b"\r\n250 after " + octets + b"\r\n")
        terminal.wait_prompt("ready")
        terminal.enter("/status")
        terminal.enter("/capabilities", "ready")
        terminal.wait_prompt("ready")
        terminal.type("auth ")
        terminal.wait_for("not announced")
        terminal.type(CTRL_C)
        terminal.wait_prompt("ready")
        peer.sock.sendall(b"421 unasked " + octets + b"\r\n")
        terminal.wait_for("421 unasked ")
        written = OUR_CODES.sub(b"", terminal.raw[before:])
        assert not re.search(rb"[\x00-\x1f\x7f]", written)
        assert written.decode("utf-8").isprintable()
        assert octets not in terminal.raw[before:]
        assert "250-\\" in terminal.text


def test_each_row_of_server_text_is_marked_even_if_wrapped() -> None:
    forged = "   *: tls TLSv1.3 verified"
    with played_by_hand(greeting="220 " + " " * 69 + forged + "名" * 60 + forged * 5) as (terminal, peer):
        terminal.enter("/status")
        terminal.wait_for("recording")
        terminal.enter("noop")
        peer.hear()
        peer.say("250-" + "x" * 69 + forged, "250 " + "名" * 36 + forged)
        terminal.wait_prompt("greeted")
        terminal.enter("starttls")
        peer.hear()
        peer.say("454 " + "words " * 20 + forged * 3)
        terminal.wait_for("did not start TLS")
        terminal.wait_prompt("greeted")
        assert forged in terminal.text
        for row in terminal.text.split("\n"):
            if "tls TLSv1.3" in row or "名" in row:
                assert re.match(r"[+~!]  S: |[+~!]   : |   : |   \*: close|   #! | : |  greeting  | {13}: ", row), row


def test_the_meaning_of_base64_is_shown(practice: PracticeServer) -> None:
    with running(
        f"127.0.0.1:{practice.port}", "--starttls", "--ca-file", str(practice.ca_file), "--user", "student"
    ) as terminal:
        terminal.enter("auth login", "ready")
        terminal.wait_for("Password for student:")
        terminal.type("wrong" + ENTER)
        terminal.wait_for("means: user name student")
        terminal.wait_for("!| S: 535")
        terminal.wait_for("the server refused LOGIN")


def test_without_colours_nothing_is_lost(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", env={"NO_COLOR": "1"}) as terminal:
        terminal.enter("FOO", "greeted")
        terminal.wait_for("!  S: 500 5.5.2")
        terminal.enter("ehlo", "greeted")
        terminal.wait_for("+  S: 250 HELP")
        assert not re.search(rb"\x1b\[(?:[0-9]+;)*[34][0-9](?:;[0-9]+)*m", terminal.raw)
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.enter("FOO", "greeted")
        terminal.wait_for("!  S: 500 5.5.2")
        assert re.search(rb"\x1b\[(?:[0-9]+;)*[34][0-9](?:;[0-9]+)*m", terminal.raw)

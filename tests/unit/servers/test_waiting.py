"""What the server waits for, in the state that the client has left it in."""

import base64

import pytest

from smtp_shell.protocol.events import End
from smtp_shell.servers.waiting import waiting_for
from tests.unit.servers.test_sessions import EHLO, Watched


def test_after_the_greeting_it_waits_for_ehlo() -> None:
    assert "EHLO or HELO" in waiting_for(Watched())


@pytest.mark.parametrize("end", [b"", b"\r"])
def test_a_line_without_its_end_is_named(end: bytes) -> None:
    watched = Watched()
    watched.hears(b"EHLO a.example" + end)
    assert "waits for CRLF" in waiting_for(watched)
    assert ("ends in CR" in waiting_for(watched)) == bool(end)


def test_nothing_is_said_while_the_server_owes_a_reply() -> None:
    watched = Watched()
    watched.hears(b"NOOP\r\n")
    assert waiting_for(watched) == ""


def test_the_next_command_is_named() -> None:
    watched = Watched()
    watched.hears(b"EHLO a.example\r\n")
    watched.says(EHLO)
    assert "every line has its reply" in waiting_for(watched)
    watched.hears(b"MAIL FROM:<a@example.org>\r\n")
    watched.says(b"250 ok\r\n")
    assert "RCPT TO" in waiting_for(watched)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"Hello\r\n", "still waiting for a line with a single dot"),
        (b"Hello\n", "your line ends in LF: the server waits for CRLF"),
        (b"Hello\n.\n", "your dot's line ends in LF"),
        (b"Hello\r\n.", "your dot has no line end"),
        (b"Hello", "your last line has no CRLF"),
        (b"Hello\r\nQUIT\r\n", "QUIT went into the message"),
    ],
)
def test_in_mail_data_it_waits_for_the_dot(data: bytes, told: str) -> None:
    watched = Watched().in_data_now()
    watched.hears(data)
    assert told in waiting_for(watched)


def test_after_220_it_waits_for_the_handshake_and_then_for_ehlo() -> None:
    watched = Watched()
    watched.hears(b"STARTTLS\r\n")
    watched.says(b"220 ready\r\n")
    assert "handshake has not begun" in waiting_for(watched)
    watched.tls_started("TLSv1.3", "", 1.0)
    assert "EHLO again after TLS" in waiting_for(watched)


def test_after_334_it_waits_for_an_answer_and_never_quotes_it() -> None:
    watched = Watched().in_login()
    assert "answer to its 334" in waiting_for(watched)
    watched.hears(base64.b64encode(b"secret"))
    assert "c2VjcmV0" not in waiting_for(watched)


def test_nothing_is_said_when_all_is_over() -> None:
    watched = Watched()
    watched.closed(End.CLIENT, 1.0)
    assert waiting_for(watched) == ""

"""What of a relayed dialogue is passed on at once, and what has to wait."""

from __future__ import annotations

import pytest

from smtp_shell.servers.relay.gate import ENDLESS, UNANSWERED, Gate

EHLO = b"EHLO a.example\r\n"
OFFERS = b"250-mail.example\r\n250-CHUNKING\r\n250 STARTTLS\r\n"


def greeted() -> Gate:
    gate = Gate()
    assert gate.from_server(b"220 mail.example\r\n") == b"220 mail.example\r\n"
    assert gate.from_client(EHLO) == EHLO
    assert gate.from_server(OFFERS) == OFFERS
    return gate


def in_data() -> Gate:
    gate = greeted()
    for command, reply in (
        (b"MAIL FROM:<a@example.org>\r\n", b"250 ok\r\n"),
        (b"RCPT TO:<b@example.org>\r\n", b"250 ok\r\n"),
        (b"DATA\r\n", b"354 go on\r\n"),
    ):
        assert gate.from_client(command) == command
        assert gate.from_server(reply) == reply
    return gate


@pytest.mark.parametrize(
    "octets",
    [
        b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n",
        b"NOOP\r\nQUIT\r\n",
        b"half a li",
        b" STARTTLS\r\nNOOP\r\n",
        b"BDAT 24\r\nSTARTTLS\r\nDATA\r\nSTART\r\nBDAT 0 LAST\r\n",
        b"PROXY\r\n",
        b"\r\n\n\0\xff",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_a_client_sends_is_passed_on_as_it_comes(octets: bytes, size: int) -> None:
    gate = greeted()
    for start in range(0, len(octets), size):
        segment = octets[start : start + size]
        assert gate.from_client(segment) == segment
    assert not gate.is_holding


@pytest.mark.parametrize("line", [b"STARTTLS\r\n", b"starttls\n", b"StartTLS \r\n"])
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_follows_starttls_waits_and_is_dropped(line: bytes, size: int) -> None:
    gate = greeted()
    octets = b"NOOP\r\n" + line + b"MAIL FROM:<x@evil.example>\r\n"
    passed = b"".join(gate.from_client(octets[start : start + size]) for start in range(0, len(octets), size))
    assert passed == b"NOOP\r\n" + line
    assert gate.is_holding
    assert [(gate.from_server(each), gate.tls_due) for each in (b"250 ok\r\n22", b"0 go\r\n")] == [
        (b"250 ok\r\n", False),
        (b"", True),
    ]
    assert gate.go_ahead == b"220 go\r\n"
    assert gate.release() == b""
    assert gate.start_tls() == b"MAIL FROM:<x@evil.example>\r\n"
    assert gate.from_client(EHLO) == EHLO


@pytest.mark.parametrize("reply", [b"454 4.7.0 not now\r\n", b"502-no\r\n502 no\r\n", b"221 what\r\n"])
def test_what_follows_starttls_goes_on_where_it_is_refused(reply: bytes) -> None:
    gate = greeted()
    assert gate.from_client(b"STARTTLS\r\nNOOP\r\n") == b"STARTTLS\r\n"
    passed = b"".join(gate.from_server(reply[at : at + 1]) for at in range(len(reply)))
    assert passed == reply
    assert not gate.tls_due
    assert gate.release() == b"NOOP\r\n"
    assert not gate.is_holding


def test_a_reply_that_began_before_starttls_is_passed_on_once() -> None:
    gate = Gate()
    said = gate.from_server(b"220 mail.example\r\n")
    gate.from_client(EHLO)
    said += gate.from_server(OFFERS[:20])
    gate.from_client(b"STARTTLS\r\n")
    said += gate.from_server(OFFERS[20:] + b"220-go\r\n")
    assert said == b"220 mail.example\r\n" + OFFERS
    assert gate.from_server(b"220 ahead\r\n") == b""
    assert gate.go_ahead == b"220-go\r\n220 ahead\r\n"


@pytest.mark.parametrize(
    "pieces", [(b"220 go\r\n250 injected\r\n",), (b"220 go\r\n2", b"50 injected\r\n"), (b"220 go\r\nx",)]
)
def test_what_a_server_sends_after_its_220_is_noticed_and_never_passed_on(pieces: tuple[bytes, ...]) -> None:
    gate = greeted()
    gate.from_client(b"STARTTLS\r\n")
    assert b"".join(gate.from_server(piece) for piece in pieces) == b""
    assert gate.tls_due
    assert gate.is_injected


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_commands_in_mail_data_are_none(size: int) -> None:
    gate = in_data()
    octets = b"STARTTLS\r\nDATA\r\n..\r\n.\n.x\r\n.\r\nSTARTTLS\r\nheld\r\n"
    passed = b"".join(gate.from_client(octets[start : start + size]) for start in range(0, len(octets), size))
    assert passed == octets.removesuffix(b"held\r\n")
    assert gate.is_holding


def test_an_empty_message() -> None:
    gate = in_data()
    assert gate.from_client(b".\r\nSTARTTLS\r\nheld") == b".\r\nSTARTTLS\r\n"


@pytest.mark.parametrize(("reply", "is_data"), [(b"354 go on\r\n", True), (b"503 no\r\n", False)])
def test_what_follows_data_too_early_waits_for_the_reply(reply: bytes, is_data: bool) -> None:
    gate = greeted()
    assert gate.from_client(b"DATA\r\nSTARTTLS\r\nmore\r\n") == b"DATA\r\n"
    assert gate.is_holding
    assert gate.from_server(reply) == reply
    assert gate.release() == (b"STARTTLS\r\nmore\r\n" if is_data else b"STARTTLS\r\n")
    assert gate.is_holding is not is_data


def test_a_response_that_looks_like_starttls_is_passed_on() -> None:
    gate = greeted()
    gate.from_client(b"AUTH LOGIN\r\n")
    gate.from_server(b"334 VXNlcm5hbWU6\r\n")
    assert gate.from_client(b"STARTTLS\r\nmore") == b"STARTTLS\r\nmore"


def test_a_server_that_does_not_know_bdat_reads_the_chunk_as_commands() -> None:
    gate = greeted()
    assert gate.from_client(b"BDAT 1000\r\n") == b"BDAT 1000\r\n"
    gate.from_server(b"502 no\r\n")
    assert gate.from_client(b"STARTTLS\r\nheld") == b"STARTTLS\r\n"


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("dot", [b"\n.\n", b"\r\n.\n", b"\n.\r\n"])
def test_a_doubtful_dot_that_is_answered_ends_the_mail_data(dot: bytes, size: int) -> None:
    gate = greeted()
    gate.from_client(b"DATA\r\n")
    gate.from_server(b"354 go on\r\n")
    sent = b"Hello" + dot + b"NOOP\r\n"
    for start in range(0, len(sent), size):
        gate.from_client(sent[start : start + size])
    gate.from_server(b"250 taken\r\n250 ok\r\n")
    assert gate.from_client(b"STARTTLS\r\nheld") == b"STARTTLS\r\n"
    gate.from_server(b"220 go\r\n")
    assert gate.tls_due


def test_a_doubtful_dot_before_a_true_one_is_text() -> None:
    gate = greeted()
    gate.from_client(b"DATA\r\n")
    gate.from_server(b"354 go on\r\n")
    gate.from_client(b"x\n.\nSTARTTLS\r\n")
    assert gate.from_client(b"more\r\n.\r\nSTARTTLS\r\nheld") == b"more\r\n.\r\nSTARTTLS\r\n"
    gate.from_server(b"250 taken\r\n220 go\r\n")
    assert gate.tls_due


def test_proxy_headers_are_no_commands() -> None:
    for header in (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\xc0\0\2\1\xc0\0\2\2\4\xd2\0\x19",
    ):
        gate = Gate()
        assert gate.from_client(header) == header
        gate.from_server(b"220 mail.example\r\n")
        gate.from_client(b"STARTTLS\r\n")
        assert gate.from_server(b"220 go\r\n") == b""
        assert gate.tls_due


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400 Bad Request\r\n", b"\0\1\2\n"])
def test_a_server_that_speaks_something_else_is_noticed(octets: bytes) -> None:
    gate = Gate()
    assert gate.from_server(octets) == octets
    assert gate.garbled


def test_garbage_in_place_of_the_reply_to_starttls_is_passed_on() -> None:
    gate = greeted()
    gate.from_client(b"STARTTLS\r\n")
    assert gate.from_server(b"what?\r\n") == b"what?\r\n"
    assert gate.garbled


def test_a_client_that_never_reads_is_held_back() -> None:
    gate = greeted()
    passed = gate.from_client(b"NOOP\r\n" * 3000)
    answered = 0
    while gate.is_holding:
        count = passed.count(b"NOOP") - answered
        assert 0 < count < 1100
        answered += count
        gate.from_server(b"250 ok\r\n" * count)
        passed += gate.release()
    assert passed == b"NOOP\r\n" * 3000


def test_a_line_that_nobody_reads_is_held_back() -> None:
    gate = greeted()
    gate.from_client(b"NOOP\r\n")
    assert gate.from_client(b"x" * (UNANSWERED + 1))
    assert gate.from_client(b"x") == b""
    assert gate.is_holding


def test_an_endless_line_is_noticed() -> None:
    gate = greeted()
    for _ in range(ENDLESS // 65536):
        gate.from_client(b"x" * 65536)
    assert not gate.is_endless
    gate.from_client(b"x")
    assert gate.is_endless

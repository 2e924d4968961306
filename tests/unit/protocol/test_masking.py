"""Which lines of a client carry a credential, and what of it a server sends back."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.events import Noticed, NoticeKind, OctetsSent
from smtp_shell.protocol.masking import MASK, EchoMask, ExchangeLines, is_user_name, may_answer, public_lines
from smtp_shell.protocol.secret import Secret

BLOB = b64encode(b"\0student\0open sesame")
USER, PASSWORD = b64encode(b"student"), b64encode(b"open sesame")
TOKEN = b64encode(b"user=student\x01auth=Bearer token-of-ann\x01\x01")


def shown(*lines: bytes | int) -> list[str]:
    """Return what of each line may be shown; a number is a reply code that comes in between."""
    exchange, seen = ExchangeLines(), list[str]()
    for line in lines:
        if isinstance(line, int):
            exchange.receive(line)
            continue
        start = exchange.send(line)
        seen.append(line.decode() if start is None else line[:start].decode() + "*****")
    return seen


EXCHANGES: list[tuple[str, list[bytes | int], list[str]]] = [
    ("LOGIN", [b"AUTH LOGIN", USER, PASSWORD, b"QUIT"], ["AUTH LOGIN", "*****", "*****", "QUIT"]),
    ("LOGIN with a response", [b"AUTH LOGIN " + USER, PASSWORD], ["AUTH LOGIN *****", "*****"]),
    ("lower case", [b"auth login", USER, PASSWORD, b"noop"], ["auth login", "*****", "*****", "noop"]),
    ("leading blanks", [b"  AUTH LOGIN", b"  " + USER, b"\t" + PASSWORD], ["  AUTH LOGIN", "*****", "*****"]),
    ("PLAIN on the next line", [b"AUTH PLAIN", BLOB, b"MAIL FROM:<>"], ["AUTH PLAIN", "*****", "MAIL FROM:<>"]),
    ("PLAIN in one line", [b"AUTH PLAIN " + BLOB, b"MAIL FROM:<>"], ["AUTH PLAIN *****", "MAIL FROM:<>"]),
    ("XOAUTH2", [b"AUTH XOAUTH2", TOKEN, b""], ["AUTH XOAUTH2", "*****", ""]),
    (
        "SCRAM",
        [b"AUTH SCRAM-SHA-256", b"biwsbj1hLHI9eA==", b"Yz1iaXdz", b""],
        ["AUTH SCRAM-SHA-256", *["*****"] * 2, ""],
    ),
    ("no mechanism", [b"AUTH " + BLOB, PASSWORD], ["AUTH *****", "*****"]),
    ("in clear", [b"AUTH LOGIN", b"student", b"sesame"], ["AUTH LOGIN", "*****", "*****"]),
    ("cancelled", [b"AUTH LOGIN", USER, b"*", b"FOO"], ["AUTH LOGIN", "*****", "*", "FOO"]),
    ("cancelled at once", [b"AUTH CRAM-MD5", b"*", b"FOO"], ["AUTH CRAM-MD5", "*", "FOO"]),
    ("two exchanges", [b"AUTH LOGIN", b"*", b"AUTH PLAIN", BLOB], ["AUTH LOGIN", "*", "AUTH PLAIN", "*****"]),
    ("refused", [b"AUTH LOGIN", 535, b"FOO"], ["AUTH LOGIN", "FOO"]),
    ("done", [b"AUTH PLAIN " + BLOB, 235, b"FOO"], ["AUTH PLAIN *****", "FOO"]),
    (
        "challenged: whatever is sent",
        [b"AUTH LOGIN", 334, b"two words", 334, b"QUIT"],
        ["AUTH LOGIN", "*****", "*****"],
    ),
    ("a group", [b"NOOP", b"AUTH LOGIN", 250, 334, b"two words"], ["NOOP", "AUTH LOGIN", "*****"]),
    ("a 334 that AUTH did not ask for", [b"NOOP", 334, b"FOO"], ["NOOP", "FOO"]),
    ("no AUTH", [b"AUTHOR x", b"FOO"], ["AUTHOR x", "FOO"]),
]


@pytest.mark.parametrize(("lines", "seen"), [row[1:] for row in EXCHANGES], ids=[row[0] for row in EXCHANGES])
def test_a_line_is_masked_by_the_exchange_it_stands_in(lines: list[bytes | int], seen: list[str]) -> None:
    assert shown(*lines) == seen


def test_the_user_name_of_login_is_known() -> None:
    exchange = ExchangeLines()
    named = []
    for line in (b"AUTH LOGIN", USER, PASSWORD, b"AUTH LOGIN " + USER, PASSWORD, b"AUTH PLAIN", BLOB):
        exchange.send(line)
        named.append(exchange.names_user)
        exchange.receive(235 if line == PASSWORD else 334)
    assert named == [False, True, False, True, False, False, False]


def test_what_answers_a_question_about_the_password_is_no_user_name() -> None:
    exchange = ExchangeLines()
    exchange.send(b"AUTH LOGIN")
    exchange.receive(334, b64encode(b"Password:"))
    exchange.send(PASSWORD)
    assert not exchange.names_user


@pytest.mark.parametrize(
    ("response", "outcome"),
    [(USER, True), (BLOB, False), (b"student", False), (b"", False), (b64encode(b"\xff"), False)],
)
def test_a_user_name_is_text(response: bytes, outcome: bool) -> None:
    assert is_user_name(response) is outcome


@pytest.mark.parametrize("line", [b"QUIT", b"quit", b" RSET ", b"DATA", b"MAIL", b"two words", b"MAIL FROM:<>"])
def test_a_command_answers_nothing_unseen(line: bytes) -> None:
    assert not may_answer(line)


def test_octets_are_masked_line_by_line() -> None:
    octets = b"NOOP\r\nAUTH LOGIN\r\n" + USER + b"\r\n" + PASSWORD + b"\nQUIT\r\n"
    assert [start for _, start in public_lines(octets, ExchangeLines())] == [None, None, 0, 0, None]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (BLOB, b"535 " + BLOB),
        (BLOB, b"535 open sesame is wrong"),
        (BLOB, b"535 " + b64encode(b"so: open sesame!")),
        (PASSWORD, b"535 open sesame"),
        (TOKEN, b"535 token-of-ann"),
        (b"hunter22", b"535 hunter22"),
    ],
)
def test_what_was_sent_is_masked_in_what_comes_back(sent: bytes, said: bytes) -> None:
    echo = EchoMask()
    echo.add_octets(sent)
    masked = echo.octets(said)
    assert MASK.encode() in masked
    assert not any(secret in masked for secret in (sent, b"sesame", b"token-of", b"3BlbiBzZXNhbW", b"hunter"))


def test_a_response_is_masked_as_a_whole_although_the_password_in_it_is_masked_too() -> None:
    echo = EchoMask()
    echo.add(Secret("open sesame"))
    echo.add_octets(BLOB)
    assert echo.octets(b"235 " + BLOB + b" ok") == f"235 {MASK} ok".encode()


@given(st.binary(min_size=4, max_size=40), st.binary(max_size=10), st.binary(max_size=10))
def test_no_part_of_a_response_survives_its_echo(password: bytes, before: bytes, after: bytes) -> None:
    response = b64encode(b"\0student\0" + password.replace(b"\0", b"x"))
    echo = EchoMask()
    echo.add_octets(response)
    assert response not in echo.octets(before + response + after)


def test_every_mask_is_six_bullets_long_whatever_it_hides() -> None:
    assert MASK == "••••••"


def test_what_was_sent_in_public_is_not_masked_when_it_comes_back() -> None:
    assert EchoMask().is_empty
    mask = EchoMask()
    mask.add_sent([OctetsSent(b"NOOP something\r\n"), Noticed(NoticeKind.ECHO)])
    assert mask.is_empty
    assert mask.octets(b"250 something") == b"250 something"
    mask.add_sent([OctetsSent(b"AUTH PLAIN c29tZXRoaW5n\r\n", 11)])
    assert b"c29tZXRoaW5n" not in mask.octets(b"250 c29tZXRoaW5n")

"""Which lines of a client carry a credential, and what of it a server sends back."""

import re
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.events import Noticed, NoticeKind, OctetsSent
from smtp_shell.protocol.masking import (
    MASK,
    OPEN_RESPONSES,
    EchoMask,
    ExchangeLines,
    describe_typed,
    is_user_name,
    may_answer,
    public_lines,
    traces_of,
)
from smtp_shell.protocol.replies import Reply, ReplyParser
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
    ("cancelled with a blank", [b"AUTH LOGIN", b"* ", b"FOO"], ["AUTH LOGIN", "* ", "FOO"]),
    ("answered, and something else at once", [b"AUTH LOGIN", 334, USER, b"QUIT"], ["AUTH LOGIN", "*****", "QUIT"]),
    ("a challenge before any line", [334, b"FOO"], ["FOO"]),
    ("a mechanism that is no text", [b"AUTH \xff"], ["AUTH *****"]),
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
    [(USER, True), (USER + b" ", True), (BLOB, False), (b"student", False), (b"", False), (b64encode(b"\xff"), False)],
)
def test_a_user_name_is_text(response: bytes, outcome: bool) -> None:
    assert is_user_name(response) is outcome


@pytest.mark.parametrize("line", [b"QUIT", b"quit", b" RSET ", b"DATA", b"MAIL", b"two words", b"MAIL FROM:<>"])
def test_a_command_answers_nothing_unseen(line: bytes) -> None:
    assert not may_answer(line)


@pytest.mark.parametrize("line", [USER, USER + b"\r\n", b" " + USER, b"", b"quite"])
def test_any_other_word_may_answer(line: bytes) -> None:
    assert may_answer(line)


def test_before_its_first_line_nothing_is_known_of_an_exchange() -> None:
    exchange = ExchangeLines()
    assert (exchange.answers, exchange.names_user, exchange.mechanism, exchange.is_open) == (False, False, "", False)


def test_the_mechanism_is_that_of_the_last_line_that_is_no_answer() -> None:
    exchange = ExchangeLines()
    mechanisms = []
    for line in (b"AUTH login", USER, b"NOOP"):
        exchange.send(line)
        mechanisms.append(exchange.mechanism)
    assert mechanisms == ["login", "login", ""]


def test_what_is_sent_where_login_has_its_user_name_is_one_only_where_it_is_an_answer() -> None:
    for exchange, lines in ((ExchangeLines(), (b"AUTH LOGIN", b"*")), (ExchangeLines(challenged=True), (USER,))):
        for line in lines:
            exchange.send(line)
        assert not exchange.names_user


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


def test_responses_that_hold_no_secret() -> None:
    assert {b"", b"=", b64encode(b"\x01")} == OPEN_RESPONSES


def digits_of(value: bytes, offset: int) -> bytes:
    """Return the digits of base64 that depend on the value alone, where so many octets precede it."""
    after = 3 + -(offset + len(value)) % 3  # so many that there is no padding
    one, other = (b64encode(octet * offset + value + octet * after) for octet in (b"\0", b"\xff"))
    (same,) = re.findall(b"[^ ]+", bytes(a if a == b else 0x20 for a, b in zip(one, other, strict=True)))
    return bytes(same)


@pytest.mark.parametrize("value", ["open", "sesam", "sesame", "correct horse battery"])
def test_a_secret_is_found_in_clear_and_anywhere_in_base64(value: str) -> None:
    octets = value.encode()
    assert {*traces_of(Secret(value))} == {octets, *(digits_of(octets, offset) for offset in range(3))}


@pytest.mark.parametrize(("value", "is_found"), [("ope", False), ("open", True)])
def test_a_secret_of_three_octets_is_not_looked_for(value: str, is_found: bool) -> None:
    assert bool(traces_of(Secret(value))) is is_found
    echo = EchoMask()
    echo.add(Secret(value))
    assert echo.is_empty is not is_found
    assert (MASK.encode() in echo.octets(b"550 open")) is is_found


@pytest.mark.parametrize(
    ("line", "public", "said", "shown"),
    [
        (b"AUTH LOGIN " + USER, 11, b"535 student " + USER, f"535 student {MASK}"),
        (b"auth login " + USER, 11, b"535 student " + USER, f"535 student {MASK}"),
        (b"AUTH PLAIN " + BLOB, 11, b"535 open sesame " + BLOB, f"535 {MASK} {MASK}"),
        (PASSWORD, 0, b"535 open sesame " + PASSWORD, f"535 {MASK} {MASK}"),
        (b"caf\xe9 au lait", 0, b"535 caf\xe9 au lait", f"535 {MASK}"),
        (b"two words", 0, b"535 two words", f"535 {MASK}"),
        # A command where a response was due: the server may say what is wrong with one word of it, or repeat what it holds.
        (b"UTH PLAIN " + BLOB, 0, b"500 PLAIN " + BLOB, f"500 PLAIN {MASK}"),
        (b"UTH PLAIN " + BLOB, 0, b"535 open sesame is wrong", f"535 {MASK} is wrong"),
        (b"AUTH PLAIN QUJDREVG later", 11, b"501 QUJDREVG ABCDEF later", f"501 {MASK} {MASK} later"),
        (
            b"MAIL FROM:<a@example.org> SIZE=100 SOME",
            0,
            b"501 MAIL FROM:<a@example.org> SOME",
            "501 MAIL FROM:<a@example.org> SOME",
        ),
    ],
)
def test_of_a_line_the_credential_is_masked(line: bytes, public: int, said: bytes, shown: str) -> None:
    for end in (b"", b"\r\n"):
        echo = EchoMask()
        echo.add_line(line + end, public)
        assert echo.octets(said) == shown.encode()


def test_octets_that_end_in_a_line_end_hold_the_same_password() -> None:
    echo = EchoMask()
    echo.add_octets(BLOB + b"\r\n")
    assert echo.octets(b"535 open sesame") == f"535 {MASK}".encode()


def test_the_longest_credential_is_masked_first() -> None:
    echo = EchoMask()
    for value in ("open", "open sesame"):
        echo.add(Secret(value))
    assert echo.octets(b"535 open sesame") == f"535 {MASK}".encode()


def several(count: int) -> EchoMask:
    """Return a mask of so many traces: four of each secret, or three of one that is a trace of another."""
    echo = EchoMask()
    full, thirds = divmod(count, 4)
    full, thirds = (full, 0) if not thirds else (full - (4 - thirds) + 1, 4 - thirds)
    values = ["abcdef", "defghi", *(f"{number:03}-secret" for number in range(full - 2))]
    for value in (*values, *(traces_of(Secret(each))[1].decode() for each in values[2 : 2 + thirds])):
        echo.add(Secret(value))
    return echo


@pytest.mark.parametrize(("count", "shown"), [(64, f"x{MASK}ghix"), (65, f"x{MASK}x"), (68, f"x{MASK}x")])
def test_more_than_64_traces_are_looked_for_in_one_pass(count: int, shown: str) -> None:
    assert several(count).octets(b"xabcdefghix").decode() == shown


@pytest.mark.parametrize("count", [4, 64, 68, 400])
def test_however_many_are_masked_they_are_masked_for_another_connection_too(count: int) -> None:
    first, second = several(max(count, 8)), EchoMask()
    second.add(Secret("another"))
    second.add_all(first)
    second.add(Secret("one more"))
    assert not second.is_empty
    assert second.octets(b"abcdef another, one more").decode() == f"{MASK} {MASK}, {MASK}"
    assert first.octets(b"abcdef another, one more").decode() == f"{MASK} another, one more"


def test_a_reply_is_masked_in_all_that_it_holds() -> None:
    (reply,) = ReplyParser().receive(b"250-open sesame\r\n250 ok\r\n")
    assert isinstance(reply, Reply)
    echo = EchoMask()
    assert echo.reply(reply) is reply
    echo.add(Secret("open sesame"))
    masked = echo.reply(reply)
    assert masked.octets == f"250-{MASK}\r\n250 ok\r\n".encode()
    assert masked.lines == (MASK.encode(), b"ok")


DIGEST = b"0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("octets", "name", "said"),
    [
        (b"ann " + DIGEST, "CRAM-MD5", f"ann and the digest {MASK}"),
        (b"ann " + DIGEST + b"secret", "CRAM-MD5", MASK),
        (b"ann " + DIGEST, "cram-md5", f"ann and the digest {MASK}"),
        (b"n,,n=ann,r=x", "SCRAM-SHA-256", "n,,n=ann,r=x"),
        (b"y,,n=ann,r=x", "SCRAM-SHA-1", "y,,n=ann,r=x"),
        (b"p=tls-exporter,,n=ann,r=x", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=ann,r=x"),
        (b"c=biws,r=x,p=proof", "SCRAM-SHA-1-PLUS", f"c=biws,r=x,p={MASK}"),
        (b"secret", "SCRAM-SHA-1", MASK),
        (b"secret\n", "LOGIN", f"{MASK} (ends in a line feed)"),
        (b"\0ann\0secret", "PLAIN", f"NUL ann NUL {MASK}"),
        (b"\0ann\0secret", "PLÄIN", MASK),
    ],
)
def test_of_a_response_that_was_typed_only_what_is_harmless_is_told(octets: bytes, name: str, said: str) -> None:
    assert describe_typed(b64encode(octets), name) == said


@pytest.mark.parametrize(("octets", "said"), [(b"ann", "user name ann"), (b"ann\xff", MASK), (b"", "(empty)")])
def test_what_stands_where_login_has_the_user_name_is_told_where_it_is_one(octets: bytes, said: str) -> None:
    assert describe_typed(b64encode(octets), "LOGIN", names_user=True) == said

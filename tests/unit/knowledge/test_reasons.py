"""Why a command was refused, by the state of the dialogue alone."""

import pytest

from smtp_shell.knowledge.reasons import legal_now, next_step, of_form, of_state, phase_in_words, reasons
from smtp_shell.protocol.phases import Phase
from tests.unit.knowledge.dialogues import BARE, EHLO, GREETED, MAIL, RCPT, followed, last

TLS = "C: STARTTLS\nS: 220 go\n*: tls TLSv1.3 X verified\n"
AUTH = "C: AUTH PLAIN ${sasl}\nS: 235 in\n"
OPEN = GREETED + EHLO + MAIL

REFUSED = [
    ("S: 554 no\n", "does not take this client"),
    ("C: EHLO x\nS: 554 no\n", "before the server's greeting"),
    (
        GREETED + "C: MAIL FROM:<a@example.org>\nS: 503 no\n",
        "MAIL comes after EHLO or HELO: the dialogue is in phase greeted.",
    ),
    (GREETED + "C: RCPT TO:<a@example.org>\nS: 503 no\n", "RCPT comes after EHLO or HELO"),
    (GREETED + "C: AUTH LOGIN\nS: 503 no\n", "AUTH comes after EHLO:"),
    (GREETED + "C: STARTTLS\nS: 503 no\n", "STARTTLS comes after EHLO:"),
    (
        GREETED + EHLO + "C: RCPT TO:<a@example.org>\nS: 503 no\n",
        "RCPT comes after MAIL: the dialogue is in phase ready.",
    ),
    (GREETED + EHLO + "C: DATA\nS: 503 no\n", "DATA comes after MAIL and RCPT: the dialogue is in phase ready."),
    (OPEN + "C: DATA\nS: 503 no\n", "No recipient was accepted."),
    (
        OPEN + "C: RCPT TO:<x@example.org>\nS: 550 no\nC: DATA\nS: 554 no\n",
        "No recipient was accepted: the server refused the only one.",
    ),
    (
        OPEN
        + "C: RCPT TO:<x@example.org>\nS: 550 no\n" * 1
        + "C: RCPT TO:<y@example.org>\nS: 550 no\nC: DATA\nS: 554 no\n",
        "refused all 2",
    ),
    (OPEN + "C: MAIL FROM:<b@example.org>\nS: 503 no\n", "A transaction is open already"),
    (OPEN + "C: AUTH LOGIN\nS: 503 no\n", "AUTH is not allowed during a mail transaction"),
    (OPEN + "C: STARTTLS\nS: 503 no\n", "STARTTLS comes before a mail transaction"),
    (GREETED + EHLO + AUTH + "C: AUTH LOGIN\nS: 503 no\n", "authenticated already"),
    (GREETED + EHLO + "C: AUTH CRAM-MD5\nS: 504 no\n", "has not announced CRAM-MD5; it announced PLAIN, LOGIN."),
    (GREETED + BARE + "C: AUTH LOGIN\nS: 502 no\n", "The server has not announced AUTH."),
    (
        GREETED + "C: EHLO x\nS: 250-mx\nS: 250 STARTTLS\nC: AUTH LOGIN\nS: 530 no\n",
        "it may do so after STARTTLS and another EHLO",
    ),
    (GREETED + "C: HELO x\nS: 250 mx\nC: AUTH LOGIN\nS: 503 no\n", "HELO was said"),
    (GREETED + BARE + "C: STARTTLS\nS: 502 no\n", "has not announced STARTTLS"),
    (GREETED + EHLO + TLS + EHLO + "C: STARTTLS\nS: 503 no\n", "TLS is in use already"),
    (
        GREETED + EHLO + TLS + "C: MAIL FROM:<a@example.org>\nS: 503 no\n",
        "EHLO must be said again (RFC 3207 section 4.2)",
    ),
    (
        GREETED + EHLO + "C: MAIL FROM:<a@example.org> SIZE=2000\nS: 552 no\n",
        "SIZE says 2,000 octets, and the server announced that it takes 1,000",
    ),
    (
        GREETED + BARE + "C: MAIL FROM:<a@example.org> SIZE=2000\nS: 555 no\n",
        "SIZE is not allowed, since the server has not announced SIZE.",
    ),
    (GREETED + EHLO + "C: MAIL FROM:<a@example.org> BODY=8BITMIME\nS: 555 no\n", "has not announced 8BITMIME"),
    (
        GREETED + EHLO + "C: MAIL FROM:<a@example.org> X-WHAT=1\nS: 555 no\n",
        "X-WHAT is no parameter that is well known",
    ),
    (
        GREETED + "C: HELO x\nS: 250 mx\nC: MAIL FROM:<a@example.org> SIZE=1\nS: 555 no\n",
        "HELO was said, which asks for no extensions",
    ),
    (OPEN + "C: RCPT TO:<b@example.org> NOTIFY=NEVER\nS: 555 no\n", "has not announced DSN"),
    (GREETED + EHLO + "C: MAIL FROM:<jörg@example.org>\nS: 553 no\n", "has not announced SMTPUTF8"),
    (
        GREETED + "C: EHLO x\nS: 250-mx\nS: 250 SMTPUTF8\nC: MAIL FROM:<jörg@example.org>\nS: 553 no\n",
        "MAIL lacks the parameter SMTPUTF8",
    ),
    (
        OPEN + RCPT + "C: RCPT TO:<x@example.org>\nS: 550 no\n",
        "Only this recipient is refused: the 1 recipient accepted before it stays",
    ),
    (OPEN + RCPT + RCPT + "C: RCPT TO:<x@example.org>\nS: 452 no\n", "The transaction has the 2 recipients already"),
    (
        OPEN + RCPT + "C: DATA\nS: 354 go\nC: " + "x" * 1200 + "\nC: .\nS: 552 no\n",
        "The message has 1,202 octets, and the server announced SIZE 1,000.",
    ),
    (
        GREETED + EHLO + "C: MAIL FROM:<a@example.org>\nS: 530 no\n",
        "Nobody is authenticated, and the connection is in the clear",
    ),
    (
        GREETED + EHLO + TLS + EHLO + "C: MAIL FROM:<a@example.org>\nS: 530 no\n",
        "AUTH comes first (announced: PLAIN, LOGIN).",
    ),
    (GREETED + EHLO + "C: AUTH LOGIN\nS: 334 x\nC: ${sasl}\nS: 535 no\n", "The user name or the password is wrong"),
    (GREETED + EHLO + "C: AUTH XOAUTH2 ${sasl}\nS: 334 e30=\nC:\nS: 535 no\n", "The token is wrong, has expired"),
    (GREETED + EHLO + "C: AUTH EXTERNAL =\nS: 334 \nC:\nS: 535 no\n", "no user for the client's certificate"),
    (
        GREETED + EHLO + "C: AUTH SCRAM-SHA-1-PLUS ${sasl}\nS: 334 x\nC: ${sasl}\nS: 535 channel-bindings-dont-match\n",
        "as at a relay; SCRAM-SHA-1 is not bound to it.",
    ),
    (GREETED + EHLO + "C: AUTH LOGIN\nS: 538 no\n", "needs encryption"),
    (GREETED + "C: EHLO x\nS: 502 no\n", "HELO is the older greeting"),
    (GREETED + "C: LHLO x\nS: 500 no\n", "LHLO is for LMTP"),
    (GREETED + BARE + MAIL + RCPT + "C: BDAT 3 LAST\nC| abc\nS: 502 no\n", "has not announced CHUNKING"),
    (GREETED + "C: EHL0 x\nS: 500 no\n", "the letter O"),
    (GREETED + EHLO + "C: MAIL FORM:<a@example.org>\nS: 501 no\n", "is written FROM"),
    (GREETED + EHLO + "C: MAIL FROM <a@example.org>\nS: 501 no\n", "The colon after FROM is missing"),
    (GREETED + EHLO + "C: MAIL FROM:a@example.org\nS: 501 no\n", "angle brackets"),
    (GREETED + EHLO + "C: MAIL FROM: <a@example.org>\nS: 501 no\n", "No blank stands after the colon"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED, ids=[why[:50] for _, why in REFUSED])
def test_the_first_reason(text: str, why: str) -> None:
    exchange = last(text)
    assert exchange.is_negative
    assert why in reasons(exchange)[0]


@pytest.mark.parametrize("text", [text for text, _ in REFUSED])
def test_a_reason_is_a_printable_sentence_that_is_told_once(text: str) -> None:
    told = reasons(last(text))
    assert all(each.isprintable() and each.endswith((".", ").")) for each in told)
    assert len(set(told)) == len(told)


def test_what_was_accepted_has_no_reason_but_its_form() -> None:
    exchange = last(GREETED + EHLO + "C: MAIL FROM: <a@example.org>\nS: 250 ok\n")
    assert of_state(exchange) == ()
    assert reasons(exchange) == of_form(exchange) != ()
    assert reasons(last(OPEN + RCPT)) == ()


def test_the_place_comes_before_the_form_where_the_server_says_503() -> None:
    text = GREETED + EHLO + "C: RCPT TO:bob@example.org\nS: {} no\n"
    assert "comes after MAIL" in reasons(last(text.format(503)))[0]
    assert "angle brackets" in reasons(last(text.format(501)))[0]


def test_a_masked_line_is_not_judged() -> None:
    assert reasons(last(GREETED + EHLO + "C: AUTH PLAIN ${sasl}\nS: 535 no\n")) == ()


@pytest.mark.parametrize(
    ("text", "first", "step"),
    [
        ("", "nothing: wait for the reply", ""),
        (GREETED, "EHLO", "EHLO and this client's name"),
        (GREETED + EHLO, "MAIL", "STARTTLS, or MAIL FROM:<address> in the clear"),
        (GREETED + EHLO + TLS, "EHLO", "EHLO and this client's name, again, inside TLS"),
        (GREETED + EHLO + TLS + EHLO, "MAIL", "AUTH, or MAIL FROM:<address> where the server asks for no credentials"),
        (GREETED + BARE, "MAIL", "MAIL FROM:<address>"),
        (OPEN, "RCPT", "RCPT TO:<address>"),
        (OPEN + RCPT, "RCPT", "DATA, or RCPT TO:<address> for one more recipient"),
        (
            OPEN + RCPT + "C: DATA\nS: 354 go\n",
            "a line of the message",
            "the header, an empty line, the body, and a dot alone on a line",
        ),
        (GREETED + "*: close\n", "nothing: a new connection", "a new connection"),
        (
            GREETED + EHLO + "C: STARTTLS\nS: 220 go\n",
            "the TLS handshake, and nothing in the clear",
            "the TLS handshake, then EHLO again",
        ),
    ],
)
def test_what_is_in_order_now_and_what_comes_next(text: str, first: str, step: str) -> None:
    now = followed(text).now
    assert legal_now(now)[0] == first
    assert next_step(now) == step


def test_what_is_not_announced_is_not_offered() -> None:
    assert "AUTH" in legal_now(followed(GREETED + EHLO).now)
    assert "STARTTLS" in legal_now(followed(GREETED + EHLO).now)
    assert not {"AUTH", "STARTTLS"} & set(legal_now(followed(GREETED + BARE).now))
    assert "STARTTLS" not in legal_now(followed(GREETED + EHLO + TLS + EHLO).now)


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_words(phase: Phase) -> None:
    from msgspec.structs import replace

    standing = replace(followed("").now, phase=phase)
    assert ": " in phase_in_words(standing)
    assert legal_now(standing)

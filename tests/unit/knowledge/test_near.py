"""Near misses: what is wrong with the form of a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.knowledge.near import envelope, near_misses
from smtp_shell.protocol.commands import VERBS

GOOD = """\
EHLO client.example.org
EHLO [192.0.2.1]
HELO my_laptop
MAIL FROM:<ann@example.org>
mail from:<ann@example.org> size=1200 body=8bitmime
MAIL FROM:<>
MAIL FROM:<"a b"@example.org> RET=HDRS
RCPT TO:<bob@example.org> NOTIFY=NEVER
RCPT TO:<Postmaster>
RCPT TO:<@relay.example.org:bob@example.org>
DATA
RSET
QUIT
STARTTLS
AUTH LOGIN
AUTH SCRAM-SHA-256
BDAT 1200 LAST
NOOP
VRFY bob
HELP""".splitlines()

MISSES = [
    ("EHL0 x", "the letter O"),
    ("HE1O x", "the letter L"),
    ("MAIL FORM:<a@example.org>", "is written FROM"),
    ("MAIL FRM:<a@example.org>", "is written FROM"),
    ("RCPT OT:<a@example.org>", "is written TO"),
    ("RCPT FROM:<a@example.org>", "RCPT goes with TO:"),
    ("MAIL TO:<a@example.org>", "MAIL goes with FROM:"),
    ("MAIL FROM <a@example.org>", "colon after FROM is missing"),
    ("MAIL FROM=<a@example.org>", "A colon stands after FROM"),
    ("MAIL FROM :<a@example.org>", "No blank stands before the colon"),
    ("MAIL FROM: <a@example.org>", "No blank stands after the colon"),
    ("MAIL FROM:a@example.org", "angle brackets around the address are missing"),
    ("MAIL FROM:<a@example.org", "closing angle bracket is missing"),
    ("MAIL FROM:a@example.org>", "opening angle bracket is missing"),
    ("MAIL FROM:Ann <a@example.org>", "no name before it"),
    ("MAIL FROM:<<a@example.org>>", "One pair of angle brackets"),
    ("MAIL a@example.org", "FROM: is missing"),
    ("MAIL", "address is missing"),
    ("MAIL FROM", "address is missing"),
    ("MAIL FROM:", "address is missing"),
    ("MAILFROM:<a@example.org>", "A blank is missing after MAIL"),
    ("RCPTTO:<a@example.org>", "A blank is missing after RCPT"),
    ("RCPT TO:<>", "never empty"),
    ("RCPT TO:<bob>", "no domain"),
    ("RCPT TO:<bob@>", "nothing after its @"),
    ("RCPT TO:<@example.org>", "nothing before its @"),
    ("RCPT TO:<a@b@example.org>", "more than one @"),
    ("RCPT TO:<a..b@example.org>", "needs quotation marks"),
    ("RCPT TO:<a@example..org>", "empty label"),
    ("RCPT TO:<a b@example.org>", "A blank stands inside"),
    ("RCPT TO:<a@example.org>,<b@example.org>", "a RCPT of its own"),
    ("RCPT TO:<a@example.org,b@example.org>", "a RCPT of its own"),
    ("MAIL FROM:<a@example.org>SIZE=1", "A blank is missing between"),
    ("MAIL FROM:<a@example.org> SIZE 100", "SIZE takes an equals sign"),
    ("MAIL FROM:<a@example.org> SIZE=much", "SIZE takes an equals sign"),
    ("MAIL FROM:<a@example.org> BODY=8BIT", "BODY is 7BIT, 8BITMIME or BINARYMIME"),
    ("MAIL FROM:<a@example.org> SIZE=1 size=2", "stands twice"),
    ("EHLO", "takes the name of the client's host"),
    ("HELO ann@example.org", "not a mail address"),
    ("EHLO two words", "one name and nothing after it"),
    ("EHLO 192.0.2.1", "EHLO [192.0.2.1]"),
    ("QUIT now", "QUIT takes nothing after it"),
    ("DATA:", "DATA stands without"),
    ("AUTH", "mechanism is missing"),
    ("AUTH LOGON", "LOGIN was probably meant"),
    ("BDAT all", "number of octets"),
    ("VRFY", "takes a name"),
    ("MIAL FROM:<a@example.org>", "MAIL was probably meant"),
    ("hello x", "HELO was probably meant"),
    ("START TLS", "STARTTLS was probably meant"),
    ("exit", "QUIT ends the dialogue"),
    ("Subject: hi", "begins a header field"),
    ("From: ann@example.org", "begins a header field"),
    ("dXNlcm5hbWU6", "looks like base64"),
    ("GET / HTTP/1.1", "a request of HTTP"),
    (".", "A dot alone ends mail data"),
    ("", "The line is empty"),
    (" NOOP", "A blank stands before the command"),
    ("NOOP " + "x" * 600, "need not take more than 512"),
    ("xyzzy", "is no command of SMTP"),
]


@pytest.mark.parametrize("line", GOOD)
def test_a_good_line_has_no_fault(line: str) -> None:
    assert near_misses(line.encode()) == ()


@pytest.mark.parametrize(("line", "told"), MISSES, ids=[line[:30] or "empty" for line, _ in MISSES])
def test_what_is_wrong_is_told_first(line: str, told: str) -> None:
    assert told in near_misses(line.encode())[0]


def test_every_lone_verb_is_a_command() -> None:
    assert not any("is no command" in miss for verb in VERBS for miss in near_misses(verb.encode()))


@given(
    st.one_of(st.binary(max_size=80), st.sampled_from([line for line, _ in MISSES]).map(str.encode)),
    st.binary(max_size=20),
)
def test_any_octets_are_told_in_printable_sentences(line: bytes, more: bytes) -> None:
    for miss in near_misses(line + more):
        assert miss.isprintable()
        assert miss.endswith(".")
        assert len(miss) < 400


@given(
    st.sampled_from([b"MAIL FROM:", b"RCPT TO:", b"MAIL ", b"RCPT FROM:", b"EHLO ", b"AUTH ", b"BDAT "]),
    st.binary(max_size=60),
)
def test_any_argument_is_told_in_printable_sentences(start: bytes, rest: bytes) -> None:
    envelope(start + rest)
    assert all(miss.isprintable() for miss in near_misses(start + rest))


def test_the_envelope_of_a_line() -> None:
    found = envelope(b"mail from: <ann@example.org> Size=12 SMTPUTF8")
    assert found is not None
    assert (found.address, found.parameters) == ("ann@example.org", {"SIZE": "12", "SMTPUTF8": ""})
    assert envelope(b"MAIL FROM:ann@example.org") is None
    assert envelope(b"EHLO x") is None

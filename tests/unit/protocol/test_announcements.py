"""EHLO keywords with their parameters as typed values."""

import time

import pytest

from smtp_shell.protocol.announcements import announced_number, announcement, announcements, size_limit
from smtp_shell.protocol.replies import Extensions


def _extensions(*lines: bytes) -> Extensions:
    return Extensions({words[0].decode(): tuple(words[1:]) for words in (line.split() for line in lines)})


@pytest.mark.parametrize(
    ("line", "said", "odd"),
    [
        (b"SIZE 10485760", "at most 10,485,760 octets (10 MiB)", ""),
        (b"SIZE 0", "no fixed limit", ""),
        (b"SIZE 1023", "at most 1,023 octets", ""),
        (b"SIZE 1024 and more", "at most 1,024 octets (1 KiB)", ""),
        (b"SIZE 1023487", "at most 1,023,487 octets (999 KiB)", ""),
        (b"SIZE 1023488", "at most 1,023,488 octets", ""),
        (b"SIZE 1048576", "at most 1,048,576 octets (1 MiB)", ""),
        (b"SIZE 1073741824", "at most 1,073,741,824 octets (1 GiB)", ""),
        (b"SIZE 1073741824000", "at most 1,073,741,824,000 octets", ""),
        (b"SIZE 99999999999999999999", "at most 99,999,999,999,999,999,999 octets", ""),
        (b"SIZE", "it names no limit", ""),
        (b"SIZE many", "", "SIZE is followed by no number of octets"),
        (b"SIZE 999999999999999999999", "", "SIZE is followed by no number of octets"),
        (b"AUTH PLAIN login PLAIN", "PLAIN, LOGIN", ""),
        (b"AUTH", "", "AUTH is followed by no name"),
        (b"DELIVERBY 240", "by 240 s from now at the earliest", ""),
        (b"DELIVERBY", "it names no shortest time", ""),
        (b"DELIVERBY 240,more 7", "by 240 s from now at the earliest", ""),
        (b"DELIVERBY 999999999", "by 999,999,999 s from now at the earliest", ""),
        (b"DELIVERBY 9999999999", "", "DELIVERBY is followed by no number of seconds"),
        (b"DELIVERBY soon", "", "DELIVERBY is followed by no number of seconds"),
        (b"FUTURERELEASE 86400 2030-01-31T08:00:00Z", "at most 86,400 s, or until 2030-01-31T08:00:00Z", ""),
        (b"FUTURERELEASE 999999999 x", "at most 999,999,999 s, or until x", ""),
        (b"FUTURERELEASE 9999999999 x", "", "FUTURERELEASE is followed by a number of seconds and a date"),
        (b"FUTURERELEASE 86400", "", "FUTURERELEASE is followed by a number of seconds and a date"),
        (b"LIMITS MAILMAX=1000 RCPTMAX=20", "at most 1,000 messages in a session, 20 recipients of a message", ""),
        (b"LIMITS rcptdomainmax=1 NEWMAX=9", "at most 1 domains of recipients in a session", ""),
        (b"LIMITS NEWMAX=9 RCPTMAX=1", "at most 1 recipients of a message", ""),
        (b"LIMITS RCPTMAX=1=2", "", "RCPTMAX is no number from 1"),
        (b"LIMITS RCPTMAX=0 MAILMAX=x", "", "RCPTMAX is no number from 1; MAILMAX is no number from 1"),
        (b"LIMITS RCPTMAX=0", "", "RCPTMAX is no number from 1"),
        (b"LIMITS RCPTMAX=\xff", "", "RCPTMAX is no number from 1"),
        (b"LIMITS \xff\xff", "", ""),
        (b"MT-PRIORITY MIXER", "by the policy MIXER", ""),
        (b"MT-PRIORITY MIXER STANAG4406", "by the policy MIXER", ""),
        (b"MT-PRIORITY", "from -9 to 9", ""),
        (b"BURL imap imap://imap.example.org", "from imap://imap.example.org", ""),
        (b"BURL imap", "from any IMAP server that it can reach", ""),
        (b"BURL", "after AUTH", ""),
        (b"NO-SOLICITING", "", ""),
        (b"NO-SOLICITING org.example:ADV,net.example:x", "none of org.example:ADV, net.example:x", ""),
        (b"XCLIENT name ADDR", "NAME, ADDR", ""),
        (b"XFORWARD name ADDR", "NAME, ADDR", ""),
        (b"AUTH " + b" ".join(b"X%d" % n for n in range(20)), ", ".join(f"X{n}" for n in range(20)), ""),
        (
            b"AUTH " + b" ".join(b"X%d" % n for n in range(22)),
            ", ".join(f"X{n}" for n in range(20)) + " and 2 more",
            "",
        ),
        (b"PIPELINING", "", ""),
        (b"X-WHATEVER a b", "", ""),
    ],
)
def test_a_keyword_is_told_in_words(line: bytes, said: str, odd: str) -> None:
    keyword, *words = line.split()
    found = announcement(keyword.decode(), tuple(words))
    assert (found.said, found.odd) == (said, odd)
    assert (found.keyword, found.words) == (keyword.decode(), tuple(words))


def test_numbers_are_there_where_they_were_announced() -> None:
    extensions = _extensions(b"SIZE 2000", b"LIMITS RCPTMAX=2", b"DSN", b"FUTURERELEASE 60 x")
    assert announced_number(extensions, "FUTURERELEASE", "longest") == 60
    assert announced_number(_extensions(b"DELIVERBY 240"), "DELIVERBY", "least") == 240
    assert size_limit(extensions) == 2000
    assert announced_number(extensions, "LIMITS", "RCPTMAX") == 2
    assert announced_number(extensions, "LIMITS", "MAILMAX") is None
    assert announced_number(extensions, "DELIVERBY", "least") is None
    assert size_limit(_extensions(b"SIZE x")) == size_limit(_extensions(b"DSN")) == size_limit(None) == 0


def test_names_are_those_that_are_listed() -> None:
    assert announcement("AUTH", (b"plain", b"LOGIN", b"PLAIN")).names == ("PLAIN", "LOGIN")


def test_hostile_parameters_are_printable_and_cost_no_time() -> None:
    begun = time.process_time()
    lines = [
        b"AUTH " + b"\x1b[2J " * 10_000,
        b"LIMITS " + b"RCPTMAX=" * 8_000,
        b"BURL imap " + "\u202e".encode() * 20_000,
    ]
    for found in announcements(_extensions(*lines, *(b"KEYWORD%d x" % number for number in range(10_000)))):
        assert found.said.isprintable()
        assert found.odd.isprintable()
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("digits", "number"), [("1", 1), ("999999", 999_999), ("1000000", None), ("0", None), ("-1", None), ("", None)]
)
def test_a_limit_has_six_digits_at_most(digits: str, number: int | None) -> None:
    assert announced_number(_extensions(f"LIMITS RCPTMAX={digits}".encode()), "LIMITS", "RCPTMAX") == number

"""Replies as RFC 5321 §4.2 has them, and all that servers send instead."""

import re
import time
from collections.abc import Callable

import pytest

from smtp_shell.protocol.replies import (
    VIOLATIONS,
    EnhancedCode,
    Extensions,
    Malformed,
    Oddity,
    Reply,
    ReplyLimits,
    ReplyParser,
    enhanced_code,
    wire_lines,
)
from tests.support.samples import fed

NO_CODE = "it does not begin with a three-digit code and a space or a hyphen"


def parsed(octets: bytes, limits: ReplyLimits | None = None) -> list[Reply | Malformed]:
    """Return what the octets hold, the same in whatever segments they come."""
    return fed(lambda: ReplyParser(limits).receive, octets)


def one(octets: bytes) -> Reply:
    (reply,) = parsed(octets)
    assert isinstance(reply, Reply)
    assert reply.octets == octets
    return reply


REPLIES: list[tuple[bytes, int, tuple[bytes, ...], tuple[Oddity, ...]]] = [
    # RFC 5321 §4.2 and §4.2.1
    (b"250 OK\r\n", 250, (b"OK",), ()),
    (b"250-First line\r\n250-Second line\r\n250-234 Text beginning with numbers\r\n250 The last line\r\n",
     250, (b"First line", b"Second line", b"234 Text beginning with numbers", b"The last line"), ()),
    (b"220 mail.example.com ESMTP\r\n", 220, (b"mail.example.com ESMTP",), ()),
    (b"354 Start mail input; end with <CRLF>.<CRLF>\r\n", 354, (b"Start mail input; end with <CRLF>.<CRLF>",), ()),
    (b"421 4.3.2 Closing\r\n", 421, (b"4.3.2 Closing",), ()),
    (b"599 highest\r\n", 599, (b"highest",), ()),
    (b"200 lowest\r\n", 200, (b"lowest",), ()),
    # no text: RFC 5321 §4.2 tells clients to take it
    (b"250\r\n", 250, (b"",), ()),
    (b"250 \r\n", 250, (b"",), ()),
    (b"250-\r\n250 \r\n", 250, (b"", b""), ()),
    (b"250-one\r\n250\r\n", 250, (b"one", b""), ()),
    (b"334 \r\n", 334, (b"",), ()),
    (b"250  two spaces \r\n", 250, (b" two spaces ",), ()),
    (b"250 \ttab\r\n", 250, (b"\ttab",), ()),
    # what some servers do, and what is still clear
    (b"250 OK\n", 250, (b"OK",), (Oddity.BARE_LF,)),
    (b"250\n", 250, (b"",), (Oddity.BARE_LF,)),
    (b"250-a\n250 b\r\n", 250, (b"a", b"b"), (Oddity.BARE_LF,)),
    (b"250 a\r250 b\r\n", 250, (b"a\r250 b",), (Oddity.BARE_CR,)),
    (b"250 a\r\r\n", 250, (b"a\r",), (Oddity.BARE_CR,)),
    (b"250 a\0b\r\n", 250, (b"a\0b",), (Oddity.NUL,)),
    (b"250 \x1b[2J\r\n", 250, (b"\x1b[2J",), (Oddity.CONTROL,)),
    (b"250 \x1f\r\n", 250, (b"\x1f",), (Oddity.CONTROL,)),
    (b"250 \x7f\r\n", 250, (b"\x7f",), (Oddity.CONTROL,)),
    (b"250 Gr\xc3\xbc\xc3\x9fe\r\n", 250, (b"Gr\xc3\xbc\xc3\x9fe",), (Oddity.EIGHT_BIT,)),
    (b"250 Gr\xfc\xdfe\r\n", 250, (b"Gr\xfc\xdfe",), (Oddity.EIGHT_BIT, Oddity.NOT_UTF8)),
    (b"250 \x00\x07\xff\r\n", 250, (b"\x00\x07\xff",), (Oddity.NUL, Oddity.CONTROL, Oddity.EIGHT_BIT, Oddity.NOT_UTF8)),
    (b"250 a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f\r\n", 250, (b"a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f",),
     (Oddity.CONTROL, Oddity.EIGHT_BIT)),
    # the code of the last line counts
    (b"250-a\r\n550 b\r\n", 550, (b"a", b"b"), (Oddity.MIXED_CODES,)),
    (b"550-a\r\n250 b\r\n", 250, (b"a", b"b"), (Oddity.MIXED_CODES,)),
    (b"250-a\r\n251-b\r\n250 c\r\n", 250, (b"a", b"b", b"c"), (Oddity.MIXED_CODES,)),
    # Exim's -v and others' debugging replies
    (b"000 debug\r\n", 0, (b"debug",), (Oddity.ODD_CODE,)),
    (b"150 wait\r\n", 150, (b"wait",), (Oddity.ODD_CODE,)),
    (b"199 wait\r\n", 199, (b"wait",), (Oddity.ODD_CODE,)),
    (b"600 what\r\n", 600, (b"what",), (Oddity.ODD_CODE,)),
    (b"999 what\n", 999, (b"what",), (Oddity.ODD_CODE, Oddity.BARE_LF)),
]  # fmt: skip

NOT_REPLIES: list[tuple[bytes, str]] = [
    (b"\r\n", "an empty line"),
    (b"\n", "an empty line"),
    (b" \t\r\n", "an empty line"),
    (b"25\r\n", NO_CODE),
    (b"25 0 OK\r\n", NO_CODE),
    (b"2500 OK\r\n", NO_CODE),
    (b" 250 OK\r\n", NO_CODE),
    (b"250\tOK\r\n", NO_CODE),
    (b"250_OK\r\n", NO_CODE),
    (b"250\r\r\n", NO_CODE),
    (b"2_5 OK\r\n", NO_CODE),
    (b"+25 OK\r\n", NO_CODE),
    (b"-25 OK\r\n", NO_CODE),
    (b"2.5 OK\r\n", NO_CODE),
    (b"25O letter\r\n", NO_CODE),
    ("٢٥٠ Arabic digits\r\n".encode(), NO_CODE),
    ("２５０ wide digits\r\n".encode(), NO_CODE),
    (b"OK\r\n", NO_CODE),
    (b"ok 250\r\n", NO_CODE),
    (b"\xff\xfe\x00\r\n", NO_CODE),
    (b"250 OK\r\nfree text\r\n", NO_CODE),
    (b"250-one\r\ncontinued\r\n", NO_CODE),
    (b"HTTP/1.1 400 Bad Request\r\n", "it speaks HTTP"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "it speaks SSH"),
    (b"+OK ready\r\n", "it speaks POP3"),
    (b"* OK IMAP4rev1\r\n", "it speaks IMAP"),
    (b"\x15\x03\x01\x00\x02\x02\n", "it speaks TLS from the first octet"),
    (b"\x16\x03\x01\x00\x02\x02\n", "it speaks TLS from the first octet"),
]


@pytest.mark.parametrize(("octets", "code", "lines", "oddities"), REPLIES)
def test_a_reply(octets: bytes, code: int, lines: tuple[bytes, ...], oddities: tuple[Oddity, ...]) -> None:
    reply = one(octets)
    assert (reply.code, reply.lines, reply.oddities) == (code, lines, oddities)


@pytest.mark.parametrize(("octets", "reason"), NOT_REPLIES)
def test_what_is_no_reply_ends_the_reading(octets: bytes, reason: str) -> None:
    *_, last = parsed(octets + b"250 never read\r\n")
    assert isinstance(last, Malformed)
    assert last.reason == reason
    assert last.octets == octets[octets[:-1].rfind(b"\n") + 1 :]


def test_replies_in_one_segment_come_in_order() -> None:
    items = parsed(b"250 a\r\n250-b\r\n250 c\r\n354\r\n221 d\r\n25")
    assert [item.octets for item in items] == [b"250 a\r\n", b"250-b\r\n250 c\r\n", b"354\r\n", b"221 d\r\n"]


def test_a_parser_that_failed_reads_no_more() -> None:
    parser = ReplyParser()
    assert len(list(parser.receive(b"oh no\r\n250 OK\r\n"))) == 1
    assert list(parser.receive(b"250 OK\r\n")) == []
    assert parser.pending == b""


def test_what_is_not_whole_yet_is_pending() -> None:
    parser = ReplyParser()
    assert list(parser.receive(b"250-a\r\n250-b\r\n25")) == []
    assert parser.pending == b"250-a\r\n250-b\r\n25"
    assert parser.line_count == 2
    assert [parser.lines_from(start) for start in range(3)] == [b"250-a\r\n250-b\r\n", b"250-b\r\n", b""]
    assert [reply.octets for reply in parser.receive(b"0 c\r\n")] == [b"250-a\r\n250-b\r\n250 c\r\n"]
    assert parser.pending == b""


def test_it_is_told_how_much_each_reply_took() -> None:
    parser = ReplyParser()
    assert parser.consumed == 0
    assert list(parser.receive(b"22")) == []
    octets = b"0 go\r\n250 forged\r\n"
    replies = iter(parser.receive(octets))
    next(replies)
    assert octets[parser.consumed :] == b"250 forged\r\n"
    next(replies)
    assert octets[parser.consumed :] == b""


# --- limits: PROMISES P2


def test_the_limits_are_those_promised() -> None:
    assert ReplyLimits() == ReplyLimits(line=65_536, reply=1_048_576, lines=10_000)


def _line_of(length: int) -> bytes:
    return b"250 " + b"x" * (length - 6) + b"\r\n"


def test_a_line_of_the_limit_is_taken_and_one_octet_more_is_not() -> None:
    (reply,) = ReplyParser().receive(_line_of(65_536))
    assert isinstance(reply, Reply)
    (refused,) = ReplyParser().receive(_line_of(65_537))
    assert isinstance(refused, Malformed)
    assert refused.reason == "a reply line is longer than 65,536 octets"
    assert refused.octets == _line_of(65_537)[:65_536]


def test_a_line_that_never_ends_is_noticed_at_the_limit_and_not_kept() -> None:
    parser = ReplyParser()
    items = [item for _ in range(100) for item in parser.receive(b"2" * 1000)]
    (refused,) = items
    assert isinstance(refused, Malformed)
    assert len(refused.octets) == 65_536
    assert parser.pending == b""


def test_a_reply_of_the_limit_is_taken_and_one_octet_more_is_not() -> None:
    lines = b"250-" + b"x" * 1018 + b"\r\n"
    whole = lines * 1023
    (reply,) = ReplyParser().receive(whole + _line_of(1024))
    assert isinstance(reply, Reply)
    assert len(reply.octets) == 1_048_576
    (refused,) = ReplyParser().receive(whole + _line_of(1025))
    assert isinstance(refused, Malformed)
    assert refused.reason == "a reply is longer than 1,048,576 octets"


def test_a_reply_of_as_many_lines_as_the_limit_is_taken_and_one_line_more_is_not() -> None:
    (reply,) = ReplyParser().receive(b"250-\r\n" * 9_999 + b"250 \r\n")
    assert isinstance(reply, Reply)
    assert len(reply.lines) == 10_000
    (refused,) = ReplyParser().receive(b"250-\r\n" * 10_001)
    assert isinstance(refused, Malformed)
    assert refused.reason == "a reply has more than 10,000 lines"


def test_the_limits_are_per_reply_and_settable() -> None:
    limits = ReplyLimits(line=20, reply=24, lines=2)
    assert len(parsed(b"250-a\r\n250 b\r\n" * 5, limits)) == 5
    assert _reason(parsed(b"250-a\r\n250-b\r\n250 c\r\n", limits)) == "a reply has more than 2 lines"
    assert _reason(parsed(b"250-aaaaaaaa\r\n250 bbbbbbbbb\r\n", limits)) == "a reply is longer than 24 octets"
    assert _reason(parsed(b"250 aaaaaaaaaaaaaaaaaaaaaaaaa\r\n", limits)) == "a reply line is longer than 20 octets"


def test_a_line_is_too_long_once_an_octet_is_over_the_limit() -> None:
    parser = ReplyParser(ReplyLimits(line=20))
    assert list(parser.receive(b"2" * 20)) == []
    (refused,) = parser.receive(b"2")
    assert isinstance(refused, Malformed)


def test_each_reply_may_have_the_size_of_the_limit() -> None:
    parser = ReplyParser(ReplyLimits(reply=10))
    replies = list(parser.receive(b"250 1234\r\n" * 2 + b"250 12345\r\n"))
    assert [type(reply) for reply in replies] == [Reply, Reply, Malformed]


def _reason(items: list[Reply | Malformed]) -> str:
    (item,) = items
    assert isinstance(item, Malformed)
    return item.reason


def grows_in_proportion(work: Callable[[int], object], count: int) -> bool:
    """Return whether four times the work takes well below sixteen times as long; each time is the least of several."""
    times: dict[int, list[float]] = {count: [], 4 * count: []}
    for _ in range(5):
        for number, taken in times.items():
            start = time.thread_time()
            work(number)
            taken.append(time.thread_time() - start)
    return min(times[4 * count]) < 8 * min(times[count])


MANY = ReplyLimits(reply=10_000_000, lines=100_000)


@pytest.mark.parametrize("keyword", [b"X-KEYWORD-%d value", b"AUTH X-MECHANISM-%d"])
def test_many_keywords_take_time_in_proportion(keyword: bytes) -> None:
    def read(count: int) -> Extensions:
        octets = b"".join(b"250-" + keyword % number + b"\r\n" for number in range(count)) + b"250 HELP\r\n"
        (reply,) = ReplyParser(MANY).receive(b"250-mail.example.com\r\n" + octets)
        assert isinstance(reply, Reply)
        return Extensions.parse(reply)

    assert "HELP" in read(20_000)
    assert grows_in_proportion(read, 5_000)


def test_a_dripped_line_takes_time_in_proportion() -> None:
    def drip(count: int) -> None:
        parser = ReplyParser()
        for _ in range(count):
            list(parser.receive(b"2"))

    assert grows_in_proportion(drip, 15_000)


# --- what a reply says of itself


@pytest.mark.parametrize(
    ("octets", "negative"),
    [
        (b"250 a\r\n", False),
        (b"354 a\r\n", False),
        (b"399 a\r\n", False),
        (b"400 a\r\n", True),
        (b"451 a\r\n", True),
        (b"499 a\r\n", True),
        (b"599 a\r\n", True),
        (b"550 a\r\n", True),
        (b"199 a\r\n", False),
        (b"600 a\r\n", False),
    ],
)
def test_a_reply_of_4yz_or_5yz_is_negative(octets: bytes, negative: bool) -> None:
    assert one(octets).is_negative == negative


def test_only_codes_that_lie_are_violations() -> None:
    assert {Oddity.MIXED_CODES, Oddity.ODD_CODE} == VIOLATIONS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"2.1.0 Ok", "2.1.0"),
        (b"5.7.1", "5.7.1"),
        (b"4.999.999\ttab", "4.999.999"),
        (b"5.7.1Ok", None),
        (b"3.7.1 Ok", None),
        (b"5.1000.1 Ok", None),
        (b" 5.7.1 Ok", None),
        (b"5.7 Ok", None),
        (b"", None),
        ("٥.7.1 Ok".encode(), None),
    ],
)
def test_an_enhanced_code(text: bytes, code: str | None) -> None:
    found = enhanced_code(text)
    assert (str(found) if found else None) == code
    assert one(b"550 " + text + b"\r\n").enhanced == found


def test_the_parts_of_an_enhanced_code() -> None:
    assert enhanced_code(b"5.7.8 No") == EnhancedCode(5, 7, 8)


def test_the_enhanced_code_of_a_reply_is_that_of_its_first_line() -> None:
    assert one(b"550-5.7.1 no\r\n550 more\r\n").enhanced == EnhancedCode(5, 7, 1)


def test_text_is_escaped_and_joined() -> None:
    assert one(b"250-\x1b]0;owned\x07\r\n250 \xff\r\n").text == "\\x1b]0;owned\\x07\n\\xff"


def test_the_lines_as_they_came() -> None:
    assert list(one(b"250-a\r\n250 b\r\n").wire_lines()) == [b"250-a", b"250 b"]
    assert list(wire_lines(b"a\r\nb\nc")) == [b"a", b"b", b"c"]
    assert list(wire_lines(b"")) == [b""]


@pytest.mark.parametrize("octets", [b"a\r\nb\r\nc\r\n", b"a\nb\nc"])
def test_the_first_lines_as_they_came(octets: bytes) -> None:
    for most, lines in enumerate([[], [b"a"], [b"a", b"b"], [b"a", b"b", b"c"], [b"a", b"b", b"c"]]):
        assert wire_lines(octets, most=most) == lines


# --- EHLO: RFC 5321 §4.1.1.1


def announced(*lines: bytes) -> Extensions:
    octets = b"".join(b"250-" + line + b"\r\n" for line in (b"mail.example.com", *lines)) + b"250 \r\n"
    return Extensions.parse(one(octets))


def test_keywords_and_parameters() -> None:
    extensions = announced(b"PIPELINING", b"size 10485760", b"AUTH PLAIN login", b"X-EX  one   two ")
    assert set(extensions.keywords) == {"PIPELINING", "SIZE", "AUTH", "X-EX"}
    assert "SIZE" in extensions
    assert "DSN" not in extensions
    assert extensions.parameters("SIZE") == ("10485760",)
    assert extensions.parameters("X-EX") == ("one", "two")
    assert extensions.parameters("PIPELINING") == extensions.parameters("DSN") == ()
    assert extensions.mechanisms == ("PLAIN", "LOGIN")


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        ((b"AUTH PLAIN LOGIN", b"AUTH=PLAIN LOGIN"), ("PLAIN", "LOGIN")),
        ((b"auth=plain login",), ("PLAIN", "LOGIN")),
        ((b"AUTH=",), ()),
        ((b"AUTH",), ()),
        ((b"AUTH plain", b"AUTH login PLAIN"), ("PLAIN", "LOGIN")),
        ((b"AUTH \xff\x1b",), ("\\xff\\x1b",)),
    ],
)
def test_mechanisms(lines: tuple[bytes, ...], mechanisms: tuple[str, ...]) -> None:
    assert announced(*lines).mechanisms == mechanisms


def test_what_is_no_keyword_is_passed_over() -> None:
    assert set(announced(b"X_Y", b"", b"DSN").keywords) == {"DSN"}
    strange = (b"", b"   ", b"-X", b"X_Y", b"\x1b[2J", "ſtarttls".encode(), b"=", b"STARTTLS\x00")
    assert announced(*strange).keywords == {}


def test_the_first_line_holds_no_keyword() -> None:
    assert Extensions.parse(one(b"250-STARTTLS\r\n250 HELP\r\n")).keywords == {"HELP": ()}
    assert Extensions.parse(one(b"250 STARTTLS\r\n")).keywords == {}


def test_parameters_are_shown_escaped() -> None:
    assert announced(b"X-EX \x1b[2J").parameters("X-EX") == ("\\x1b[2J",)


def test_no_reason_holds_text_of_the_servers() -> None:
    for octets, _ in NOT_REPLIES:
        *_, last = parsed(octets)
        assert isinstance(last, Malformed)
        assert re.fullmatch(r"[a-zA-Z0-9 :,-]+", last.reason)


def test_a_reply_on_one_line_is_escaped_and_cut() -> None:
    assert one(b"250-a\x1b\r\n250 b\r\n").one_line() == r"250-a\x1b 250 b"
    assert one(b"250-a\x1b\r\n250 b\r\n").one_line(most=6) == r"250-a\x1b"
    assert len(one(b"250 " + b"x" * 300 + b"\r\n").one_line()) == 200

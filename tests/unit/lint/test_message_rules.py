"""Rules about the message."""

import pytest

from smtp_shell.lint.dates import fault_of_date
from smtp_shell.lint.files import lint_message
from smtp_shell.lint.findings import Place
from smtp_shell.lint.mail_data import MessageScan
from smtp_shell.lint.moments import DataFault, DataFaultSent, HeaderEnd, HeaderSent, MessageSent, View
from tests.unit.lint.cases import (
    DATE,
    DOT,
    EHLO,
    ENVELOPE,
    FROM,
    HEADER,
    MESSAGE_ID,
    PLAIN_EHLO,
    QUIT,
    SUBJECT,
    TEXT,
    TO,
    Case,
    Moments,
    announcing,
    assert_found,
    assert_tells_apart,
    lint,
    said,
)

_MIME = "C: MIME-Version: 1.0\nC: Content-Type: text/plain; charset=utf-8\n"
_8BIT = "C: Content-Transfer-Encoding: 8bit\n"
_BODY_8BIT = EHLO + ENVELOPE.replace("org>\n", "org> BODY=8BITMIME\n", 1)
_UMLAUT = "C:\nC: Schöne Grüße\n"


def _header(rule: str, header: str, old: str, new: str) -> Case:
    """Return a case whose header is this, with an empty line and a text after it."""
    return Case(rule, f"{EHLO}{ENVELOPE}{header}{TEXT}{QUIT}", old, new)


def _absent(rule: str, field: str) -> Case:
    rest = HEADER.replace(field, "")
    return Case(rule, f"{EHLO}{ENVELOPE}{rest}!{TEXT}{QUIT}", f"{rest}C:\n", f"{HEADER}C:\n")


CASES = [
    Case(
        "no-header", f"{EHLO}{ENVELOPE}!C: Hello Bob, how are you\n{DOT}", "C: Hello Bob", f"{HEADER}C:\nC: Hello Bob"
    ),
    Case("no-empty-line", f"{EHLO}{ENVELOPE}{HEADER}!C: Hello Bob\nC: how are you\n{DOT}", "C: Hello", "C:\nC: Hello"),
    _header("field-without-colon", f"{FROM}!C: Subject hello\n{DATE}", "Subject hello", "Subject: hello"),
    _header("blank-in-field-name", f"{FROM}!C: Subject : hello\n{DATE}", "Subject :", "Subject:"),
    _header(
        "mbox-line",
        f"!C: From ann@example.org Fri Nov 27 10:21:05 2026\n{HEADER}",
        "C: From ann@example.org Fri Nov 27 10:21:05 2026\n",
        "",
    ),
    _header("folded-first-line", f"!C:  and so on\n{HEADER}", "C:  and so on\n", ""),
    _header("empty-folded-line", f"{HEADER}!C:   \n", "C:   \n", ""),
    _header("eight-bit-header", f"{HEADER}!C: X-Greeting: Grüße\n", "Grüße", "=?utf-8?q?Gr=C3=BC=C3=9Fe?="),
    _header(
        "eight-bit-header",
        f"{HEADER}!C: X-Greeting: Grüße\n",
        "ann@example.org>\nS: 250 2.1.0",
        "ann@example.org> SMTPUTF8\nS: 250 2.1.0",
    ),
    _absent("no-from", FROM),
    _absent("no-date", DATE),
    _absent("no-message-id", MESSAGE_ID),
    _absent("no-recipient-field", TO),
    _absent("no-subject", SUBJECT),
    _header("duplicate-field", f"{HEADER}!{SUBJECT}", f"{MESSAGE_ID}{SUBJECT}", MESSAGE_ID),
    _header("date", f"{FROM}!C: Date: yesterday\n", "yesterday", "Fri, 27 Nov 2026 10:21:05 +0100"),
    _header("date", f"{FROM}!C: Date: 2026-11-27T10:21:05Z\n", "2026-11-27T10:21:05Z", "27 Nov 2026 10:21:05 GMT"),
    _header("message-id", f"{FROM}!C: Message-ID: 1@example.org\n", "1@example.org\nC:\n", "<1@example.org>\nC:\n"),
    _header("from-without-address", "!C: From: Ann\n", "From: Ann", "From: Ann <ann@example.org>"),
    _header(
        "address-without-brackets", "!C: From: Ann ann@example.org\n", "Ann ann@example.org", "Ann <ann@example.org>"
    ),
    _header("several-authors", f"!C: From: ann@example.org, bob@example.org\n{DATE}", ", bob@example.org", ""),
    _header("from-not-envelope", "!C: From: ann@example.net\n", "example.net", "example.org"),
    _header("bcc-sent", f"{HEADER}!C: Bcc: carol@example.org\n", "C: Bcc: carol@example.org\n", ""),
    _header(
        "return-path-sent", f"!C: Return-Path: <ann@example.org>\n{HEADER}", "C: Return-Path: <ann@example.org>\n", ""
    ),
    _header(
        "mime-version-missing",
        f"{HEADER}!C: Content-Type: text/plain\n",
        "C: Content-Type",
        "C: MIME-Version: 1.0\nC: Content-Type",
    ),
    _header(
        "transfer-encoding",
        f"{HEADER}{_MIME}!C: Content-Transfer-Encoding: utf-8\n",
        "Encoding: utf-8",
        "Encoding: 7bit",
    ),
    _header(
        "encoded-multipart",
        f'{HEADER}C: MIME-Version: 1.0\nC: Content-Type: multipart/mixed; boundary="x"\n!C: Content-Transfer-Encoding: base64\n',
        "base64",
        "7bit",
    ),
    _header(
        "no-boundary",
        f"{HEADER}C: MIME-Version: 1.0\n!C: Content-Type: multipart/mixed\n",
        "multipart/mixed",
        'multipart/mixed; boundary="x"',
    ),
    _header(
        "content-type", f"{HEADER}C: MIME-Version: 1.0\n!C: Content-Type: text\n", "Type: text", "Type: text/plain"
    ),
    Case("eight-bit-without-mime", f"{_BODY_8BIT}{HEADER}{_UMLAUT}!{DOT}", HEADER, HEADER + _MIME + _8BIT),
    Case("eight-bit-in-7bit", f"{_BODY_8BIT}{HEADER}{_MIME}{_UMLAUT}!{DOT}", _MIME, _MIME + _8BIT),
    Case(
        "eight-bit-in-7bit",
        f"{_BODY_8BIT}{HEADER}{_MIME}{_8BIT}{_UMLAUT}!{DOT}".replace(": 8bit", ": 7bit"),
        ": 7bit",
        ": 8bit",
    ),
    Case(
        "eight-bit-not-announced",
        f"{PLAIN_EHLO}{ENVELOPE}{HEADER}{_MIME}{_8BIT}{_UMLAUT}!{DOT}",
        "S: 250 HELP",
        "S: 250 8BITMIME",
    ),
    Case(
        "body-not-declared",
        f"{EHLO}{ENVELOPE}{HEADER}{_MIME}{_8BIT}{_UMLAUT}!{DOT}",
        "ann@example.org>\nS",
        "ann@example.org> BODY=8BITMIME\nS",
    ),
    Case("dot-not-doubled", f"{EHLO}{ENVELOPE}{HEADER}C:\n!C: .bashrc\n{DOT}", ".bashrc", "..bashrc"),
    Case("empty-message", f"{EHLO}{ENVELOPE}!{DOT}", DOT, HEADER + TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


@pytest.mark.parametrize(
    "value",
    [
        "Fri, 27 Nov 2026 10:21:05 +0100",
        "27 Nov 2026 10:21 -0000",
        "Fri,  27 Nov 2026 10:21:05 +0100 (CET)",
        "Fri, 27 Nov 2026 10:21:60 GMT",
    ],
)
def test_a_date_is_a_date(value: str) -> None:
    assert fault_of_date(value.encode()) == ""


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "no date"),
        ("Fri Nov 27 10:21:05 2026", "no date"),
        ("Thu, 27 Nov 2026 10:21:05 +0100", "not that of the date"),
        ("31 Nov 2026 10:21:05 +0100", "no such day"),
        ("27 Nov 2026 25:21:05 +0100", "no such time"),
        ("27 Nov 2026 10:21:05", "no time zone"),
        ("27 Nov 26 10:21:05 +0100", "four digits"),
        ("27 November 2026 10:21:05 +0100", "Jan to Dec"),
        ("Fri 27 Nov 2026 10:21:05 +0100", "comma"),
    ],
)
def test_what_is_wrong_with_a_date_is_named(value: str, fault: str) -> None:
    assert fault in fault_of_date(value.encode())


def test_a_text_that_looks_like_a_field_after_the_empty_line_is_text() -> None:
    found = lint(f"{EHLO}{ENVELOPE}{HEADER}C:\nC: Subject: again\nC: Subject: again\n{DOT}{QUIT}")
    assert {each.rule for each in found} == {"password-announced-in-clear", "tls-not-used"}


def test_a_folded_field_is_one_field() -> None:
    assert "from-without-address" not in {
        each.rule for each in lint(f"{EHLO}{ENVELOPE}C: From: Ann\nC:  <ann@example.org>\n{TEXT}")
    }


def test_the_faults_of_a_message_by_itself_have_its_lines() -> None:
    found = lint_message(b"From: ann@example.org\r\nSubject : x\r\nDate: now\r\n\r\ntext\r\n")
    assert {each.rule: each.line for each in found if each.severity == "error"} == {"blank-in-field-name": 2, "date": 3}


def test_what_a_server_adds_to_a_message_is_no_fault_of_it() -> None:
    stored = b"Return-Path: <ann@example.org>\nReceived: from a.example.org\n\tby mx.example.org\nFrom: Ann <ann@example.net>\n"
    rest = b"To: bob@example.org\nSubject: x\nDate: Fri, 27 Nov 2026 10:21:05 +0100\nMessage-ID: <1@example.org>\n\n.text\n"
    assert lint_message(stored + rest) == []


def _of(*lines: str) -> HeaderSent:
    """Return the header with these lines."""
    octets = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
    (header,) = (each for each, _ in MessageScan().receive(octets, Place(1)) if isinstance(each, HeaderSent))
    return header


def _each(name: str, *values: str) -> list[HeaderSent]:
    return [_of(f"{name}: {value}") for value in values]


def _sent(header: HeaderSent, *, has_eight_bit: bool = True, size: int = 9) -> MessageSent:
    return MessageSent(header, size, size, has_eight_bit)


_NONE, _TEXT_ONLY = HeaderSent((), HeaderEnd.EMPTY_LINE), HeaderSent((), HeaderEnd.TEXT)
_ONCE = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject", "Date"]
_ONCE += ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
_UTF8 = View(mail_parameters={"SMTPUTF8": b""})
_MIXED = "Content-Type: multipart/mixed; boundary=x"


def _encoded(encoding: str, type_: str = "Content-Type: text/plain") -> HeaderSent:
    return _of(type_, f"Content-Transfer-Encoding: {encoding}")


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        ("no-header", View(), [_NONE], [_of("X: y")]),
        ("no-empty-line", View(), [HeaderSent(_of("X: y").fields, HeaderEnd.TEXT)], [_TEXT_ONLY, _of("X: y")]),
        ("blank-in-field-name", View(), [_of("From : a", "To: b"), _of("From: a", "To\t: b")], [_of("From: a : b")]),
        ("eight-bit-header", View(), [DataFaultSent(DataFault.EIGHT_BIT_HEADER)], [DataFaultSent(DataFault.EIGHT_BIT_BODY)]),
        ("eight-bit-header", _UTF8, [], [DataFaultSent(DataFault.EIGHT_BIT_HEADER)]),
        ("no-from", View(), [_of("To: b")], [_of("from: a"), _NONE]),
        ("no-date", View(), [_of("To: b")], [_of("DATE: a"), _NONE]),
        ("no-message-id", View(), [_of("To: b")], [_of("Message-ID: a"), _NONE]),
        ("no-recipient-field", View(), [_of("From: b")], [_of("To: a"), _of("Cc: a"), _of("Bcc: a"), _NONE]),
        ("no-subject", View(), [_of("To: b")], [_of("Subject: a"), _NONE]),
        *(("duplicate-field", View(), [_of(f"{name}: a", f"{name.upper()}: a")], [_of(f"{name}: a")]) for name in _ONCE),
        ("duplicate-field", View(), [], [_of("Received: a", "Received: b"), _of("X: a", "X: b"), _of("Comments: a", "Comments: a")]),
        ("date", View(), _each("Date", "now", "1 Jan 2026 0:00"), _each("Date", "1 Jan 2026 0:00 GMT", "${date}")),
        ("date", View(), [_of("Date: now", "Date: 1 Jan 2026 0:00 GMT")], [_of("Date: 1 Jan 2026 0:00 GMT", "Date: now")]),
        (
            "message-id",
            View(),
            _each("Message-ID", "1@example.org", "<1>", "<1@a> <2@b>", "<1@a b>", "<@a>", "<1@>", '<"1>', "", "<(c)>"),
            _each("Message-ID", "<1@example.org>", ' <"a b"@x> ', "(comment) <1@x>", "<1@[192.0.2.1]>", "${id}"),
        ),
        ("message-id", View(), [], [_of("Message-ID: <1@x>", "Message-ID: 1")]),
        (
            "from-without-address",
            View(),
            _each("From", "Ann", "Ann <ann>", "", "(ann@example.org)", "(Ann)@example.org", '"ann@example.org"'),
            _each("From", "a@b", "Ann <a@[192.0.2.1]>", "${ann}", '"Ann Lee"@example.org', '"Ann" <"a@b"@c>'),
        ),
        ("from-without-address", View(), [], [_of("From: a@b", "From: Ann")]),
        *(
            ("address-without-brackets", View(), _each(name, "Ann a@b"), _each(name, "Ann <a@b>"))
            for name in ("From", "Sender", "To", "Cc", "Reply-To")
        ),
        (
            "address-without-brackets",
            View(),
            _each("To", "a@b, Bob b@c", '"Bob, B" b@c', "a@b c@d"),
            _each("To", "a@b, b@c", "a@b (Ann)", "friends: a@b c@d;", '"a b"@c', "${ann} a@b", "Ann Bob", "Ann Lee, a@b"),
        ),
        ("address-without-brackets", View(), [_of("To: Bob <b@c>", "Cc: Ann a@b")], _each("Bcc", "Ann a@b")),
        (
            "several-authors",
            View(),
            [*_each("From", "a@b, c@d", '"a b"@c, "d e"@f'), _of("From: a@b, c@d", "From: a@b")],
            _each("From", "a@b", '"c@d" <a@b>', "a@b (c@d)"),
        ),
        ("several-authors", View(), [], [_of("From: a@b, c@d", "Sender: a@b"), _of("From: a@b", "From: a@b, c@d")]),
        (
            "from-not-envelope",
            View(sender=b"MAIL FROM:<a@b@example.org>"),
            [*_each("From", "a@example.net", "a@b"), _of("From: a@b", "From: a@example.org")],
            [*_each("From", "Ann <x@EXAMPLE.org>", "a@b, c@example.org", "Ann", "${ann} a@b"),
            _of("From: a@b", "Sender: x@y"), _of("To: a@b"), _of("From: a@example.org", "From: a@b")],
        ),
        *(
            ("from-not-envelope", View(sender=line), [], _each("From", "a@b"))
            for line in (None, b"MAIL FROM:<>", b"MAIL FROM:<${ann}@x>", b"NOOP")
        ),
        (
            "bcc-sent",
            View(),
            [*_each("Bcc", "a@b"), _of("Bcc: a", "Bcc:")],
            [*_each("Bcc", ""), *_each("Cc", "a@b"), _of("Bcc:", "Bcc: a")],
        ),
        ("return-path-sent", View(), _each("Return-Path", "<a@b>", ""), _each("From", "a@b")),
        *(
            ("mime-version-missing", View(), _each(name, "x"), [_of("MIME-Version: 1.0", f"{name}: x")])
            for name in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition")
        ),
        ("mime-version-missing", View(), [], [*_each("Content-ID", "x"), _of("MIME-Version: 1.0")]),
        (
            "transfer-encoding",
            View(),
            _each("Content-Transfer-Encoding", "utf-8", "8-bit", "", "y-x-"),
            _each("Content-Transfer-Encoding", "7bit", "8BIT", "binary", "quoted-printable", "Base64 (so)", "x-uue", "7bit; x", "${enc}"),
        ),
        ("transfer-encoding", View(), [], [_of("Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: x")]),
        (
            "encoded-multipart",
            View(),
            [_encoded("base64", _MIXED), _encoded("quoted-printable", _MIXED.upper()),
            _of("Content-Type: a/b", _MIXED, "Content-Transfer-Encoding: base64")],
            [_encoded("7bit", _MIXED), _encoded("base64"), _of(_MIXED)],
        ),
        ("encoded-multipart", View(), [], [_of(_MIXED, "Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: base64")]),
        (
            "no-boundary",
            View(),
            _each("Content-Type", "multipart/mixed", "Multipart/Mixed; x=boundary", "multipart/mixed boundary=x"),
            [_of(_MIXED)],
        ),
        (
            "no-boundary",
            View(),
            [],
            [*_each("Content-Type", "multipart/a ;\tBOUNDARY =x", "text/plain"), _of(_MIXED, "Content-Type: multipart/x")],
        ),
        (
            "content-type",
            View(),
            _each("Content-Type", "text", "text/", "/plain", "text/a b", "text plain", "", "a/b/c"),
            _each("Content-Type", "text/plain", "text / plain; a=b", "TEXT/x (so)", "${type}"),
        ),
        ("content-type", View(), [], [_of("Content-Type: a/b", "Content-Type: x")]),
        (
            "eight-bit-without-mime",
            View(),
            [_sent(_of("From: a"))],
            [_sent(_of("From: a"), has_eight_bit=False), _sent(_of("Content-Type: a/b"))],
        ),
        (
            "eight-bit-in-7bit",
            View(),
            [_sent(_of("Content-Type: a/b"))],
            [_sent(_of("X: y")), _sent(_of(_MIXED)), _sent(_of("Content-Type: a/b"), has_eight_bit=False)],
        ),
        (
            "eight-bit-in-7bit",
            View(),
            [_sent(_encoded(each)) for each in ("7bit", "BASE64", "quoted-printable")],
            [_sent(_encoded(each)) for each in ("8bit", "binary", "x-y")],
        ),
        ("eight-bit-in-7bit", View(), [_sent(_encoded("7bit", _MIXED))], [_sent(_of("Content-Transfer-Encoding: 7bit"))]),
        ("eight-bit-not-announced", View(announced=announcing("SIZE")), [_sent(_NONE)], [_sent(_NONE, has_eight_bit=False)]),
        ("eight-bit-not-announced", View(hello="HELO"), [_sent(_NONE)], [_sent(_NONE, has_eight_bit=False)]),
        *(("eight-bit-not-announced", view, [], [_sent(_NONE)]) for view in (View(hello="EHLO"), View(announced=announcing("8BITMIME")))),
        ("body-not-declared", View(), [_sent(_NONE)], [_sent(_NONE, has_eight_bit=False)]),
        ("body-not-declared", View(mail_parameters={"BODY": b"7bit"}), [_sent(_NONE)], []),
        *(("body-not-declared", View(mail_parameters={"BODY": body}), [], [_sent(_NONE)]) for body in (b"8bitmime", b"BINARYMIME")),
        *(("body-not-declared", view, [], [_sent(_NONE)]) for view in (View(hello="HELO"), View(announced=announcing("SIZE")))),
        ("empty-message", View(), [_sent(_NONE, size=0)], [_sent(_NONE, size=1)]),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("field-without-colon", DataFault.NO_COLON),
        ("mbox-line", DataFault.MBOX_LINE),
        ("folded-first-line", DataFault.FOLDED_FIRST),
        ("empty-folded-line", DataFault.EMPTY_FOLD),
        ("eight-bit-header", DataFault.EIGHT_BIT_HEADER),
        ("dot-not-doubled", DataFault.SINGLE_DOT),
        ("bare-lf-in-data", DataFault.BARE_LF),
        ("bare-cr", DataFault.BARE_CR),
        ("nul-in-data", DataFault.NUL),
        ("long-line", DataFault.LONG_LINE),
        ("long-header-line", DataFault.LONG_FIELD_LINE),
    ],
)
def test_a_rule_reads_one_fault_of_the_mail_data(rule: str, fault: DataFault) -> None:
    assert [each for each in DataFault if said(rule, View(), DataFaultSent(each))] == [fault]


@pytest.mark.parametrize("name", _ONCE)
def test_a_field_that_is_there_twice_is_named_once(name: str) -> None:
    assert said("duplicate-field", View(), _of(*[f"{name.lower()}: a"] * 3)) == [
        f"the field {name} is there twice, and may be once"
    ]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (_of("Content-Type: a/b"), "and there is no Content-Transfer-Encoding: 8bit"),
        (_encoded("7bit"), "which its Content-Transfer-Encoding does not allow"),
    ],
)
def test_octets_over_127_are_told_with_what_is_missing(header: HeaderSent, words: str) -> None:
    assert said("eight-bit-in-7bit", View(), _sent(header)) == [f"the body holds octets over 127, {words}"]


def test_a_missing_mime_version_is_told_at_the_first_field_that_needs_it() -> None:
    text = f"{EHLO}{ENVELOPE}{HEADER}{_MIME.partition(chr(10))[2]}C: Content-Transfer-Encoding: 7bit\n{TEXT}"
    (found,) = (each for each in lint(text) if each.rule == "mime-version-missing")
    assert text.splitlines()[found.line - 1].startswith("C: Content-Type")


def test_a_field_of_the_last_server_is_told_once() -> None:
    assert len(said("return-path-sent", View(), _of("Return-Path: <a@b>", "Return-Path: <>"))) == 1

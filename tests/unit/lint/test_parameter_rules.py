"""Rules about the arguments of EHLO, MAIL, RCPT and BDAT."""

import pytest

from smtp_shell.lint.moments import HeaderEnd, HeaderSent, MessageSent, View
from tests.unit.lint.cases import (
    DATA,
    EHLO,
    ENVELOPE,
    GREETING,
    HEADER,
    KEYWORDS,
    MAIL,
    PLAIN_EHLO,
    QUIT,
    RCPT,
    Case,
    Moments,
    announcing,
    assert_found,
    assert_tells_apart,
    lint,
    sent,
)

_OK = "S: 250 ok\n"
_MESSAGE = f"{RCPT}{DATA}{HEADER}C:\nC: Some text.\n!C: .\n{_OK}"


def _mail(path: str, wrong: str, right: str, rule: str) -> Case:
    return Case(rule, f"{EHLO}!C: {path}\n{_OK}{QUIT}", wrong, right)


def _announcing(keyword: str, parameters: str) -> str:
    """Return a dialogue with a server that announces one more keyword, and a MAIL with these parameters."""
    return f"{EHLO.replace('250-DSN', '250-DSN' + chr(10) + 'S: 250-' + keyword)}!C: MAIL FROM:<a@example.org> {parameters}\n{_OK}{QUIT}"


CASES = [
    Case("hello-without-name", f"{GREETING}!C: EHLO\nS: 501 no\n", "EHLO", "EHLO a.example.org"),
    Case("hello-name", f"{GREETING}!C: EHLO ann@example.org\n{KEYWORDS}", "ann@", ""),
    Case("hello-name", f"{GREETING}!C: EHLO my_laptop\n{KEYWORDS}", "my_laptop", "[IPv6:2001:db8::1]"),
    Case("hello-name", f"{GREETING}!C: EHLO 192.0.2.1\n{KEYWORDS}", "192.0.2.1", "[192.0.2.1]"),
    Case("hello-name", f"{GREETING}!C: EHLO [here]\n{KEYWORDS}", "[here]", "here.example.org"),
    Case("hello-name-not-full", f"{GREETING}!C: EHLO laptop\n{KEYWORDS}", "laptop", "laptop.example"),
    _mail("MAIL <ann@example.org>", "MAIL ", "MAIL FROM:", "missing-from-or-to"),
    _mail("RCPT FROM:<ann@example.org>", "FROM:", "TO:", "missing-from-or-to"),
    _mail("MAIL FROM <ann@example.org>", "FROM ", "FROM:", "missing-colon"),
    _mail("MAIL FROM :<ann@example.org>", "FROM ", "FROM", "blank-before-colon"),
    _mail("MAIL FROM: <ann@example.org>", ": <", ":<", "blank-after-colon"),
    _mail("MAIL FROM:ann@example.org", "ann@example.org", "<ann@example.org>", "missing-brackets"),
    _mail("MAIL FROM:", "FROM:", "FROM:<>", "missing-path"),
    Case("null-recipient", f"{EHLO}{MAIL}!C: RCPT TO:<>\nS: 501 no\n", "<>", "<bob@example.org>"),
    _mail("MAIL FROM:<@mx.example.org:ann@example.org>", "@mx.example.org:", "", "source-route"),
    _mail("MAIL FROM:<ann>", "<ann>", "<ann@example.org>", "address"),
    _mail(
        "MAIL FROM:<Ann <ann@example.org>>", "<Ann <ann@example.org>>", "<ann@example.org>", "parameter-without-blank"
    ),
    _mail("MAIL FROM:<ann lee@example.org>", "ann lee", "ann.lee", "address"),
    Case("parameter-not-announced", f"{PLAIN_EHLO}!C: MAIL FROM:<a@example.org> SIZE=10\nS: 555 no\n", " SIZE=10", ""),
    _mail("MAIL FROM:<a@example.org> BODY=BINARYMIME", "BINARYMIME", "8BITMIME", "parameter-not-announced"),
    _mail("MAIL FROM:<a@example.org> COLOUR=RED", " COLOUR=RED", "", "unknown-parameter"),
    _mail("MAIL FROM:<a@example.org> NOTIFY=NEVER", "NOTIFY=NEVER", "RET=HDRS", "misplaced-parameter"),
    _mail("MAIL FROM:<a@example.org> SIZE=10 SIZE=10", " SIZE=10 SIZE=10", " SIZE=10", "parameter-twice"),
    _mail("MAIL FROM:<a@example.org>SIZE=10", ">SIZE", "> SIZE", "parameter-without-blank"),
    _mail("MAIL FROM:<a@example.org> SIZE=many", "SIZE=many", "SIZE=10", "size-syntax"),
    _mail("MAIL FROM:<a@example.org> SIZE=2001", "SIZE=2001", "SIZE=2000", "size-over-limit"),
    Case("size-too-small", f"{EHLO}C: MAIL FROM:<ann@example.org> SIZE=100\n{_OK}{_MESSAGE}", "SIZE=100", "SIZE=200"),
    Case("message-over-limit", f"{EHLO}{MAIL}{_MESSAGE}".replace("SIZE 2000", "SIZE 20"), "SIZE 20", "SIZE 2000"),
    _mail("MAIL FROM:<a@example.org> BODY=9BIT", "9BIT", "8BITMIME", "body-value"),
    _mail("MAIL FROM:<a@example.org> RET=ALL", "ALL", "FULL", "parameter-value"),
    Case("obsolete-parameter", _announcing("SUBMITTER", "SUBMITTER=a@example.org"), " SUBMITTER=a@example.org", ""),
    Case(
        "parameters-together",
        _announcing("FUTURERELEASE 9 x", "HOLDFOR=5 HOLDUNTIL=2030-01-31T08:00:00Z"),
        "HOLDFOR=5 ",
        "",
    ),
    Case("parameters-together", _announcing("MTRK", "MTRK=bzR0aGVy"), "MTRK=", "ENVID=1 MTRK="),
    Case("requiretls-in-the-clear", _announcing("REQUIRETLS", "REQUIRETLS"), " REQUIRETLS", ""),
    Case("parameter-over-limit", _announcing("DELIVERBY 240", "BY=120;R"), "120;R", "120;N"),
    Case("parameter-over-limit", _announcing("FUTURERELEASE 60 2030-01-31T08:00:00Z", "HOLDFOR=61"), "=61", "=60"),
    Case("notify-never", f"{EHLO}{MAIL}!C: RCPT TO:<b@example.org> NOTIFY=NEVER,FAILURE\n{_OK}", ",FAILURE", ""),
    _mail("MAIL FROM:<büro@example.org>", "org>", "org> SMTPUTF8", "smtputf8-missing"),
    Case(
        "smtputf8-missing",
        f"{EHLO}{MAIL}!C: RCPT TO:<büro@example.org>\n{_OK}",
        "ann@example.org>",
        "ann@example.org> SMTPUTF8",
    ),
    Case("many-recipients", f"{EHLO}{MAIL}{RCPT * 100}!{RCPT}{QUIT}", RCPT * 101, RCPT * 100),
    Case(
        "bdat-not-announced",
        f"{PLAIN_EHLO}{MAIL}{RCPT}!C: BDAT 4 LAST\n" + r"C| text" + f"\n{_OK}",
        "S: 250 HELP",
        "S: 250 CHUNKING",
    ),
    Case("bdat-syntax", f"{EHLO}{MAIL}{RCPT}!C: BDAT LAST\nS: 501 no\n", "BDAT LAST", "BDAT 0 LAST"),
    Case(
        "bdat-and-data",
        f"{EHLO}{MAIL}{RCPT}C: BDAT 4\nC| text\n{_OK}!C: DATA\nS: 503 no\n",
        f"C: BDAT 4\nC| text\n{_OK}",
        "",
    ),
    Case(
        "binarymime-with-data",
        f"{EHLO}C: MAIL FROM:<a@example.org> BODY=BINARYMIME\n{_OK}{RCPT}!C: DATA\nS: 503 no\n",
        "BINARYMIME",
        "8BITMIME",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_fault_is_found_at_its_line_and_a_mended_one_is_not(case: Case) -> None:
    assert_found(case)


def test_a_large_message_without_its_size_gets_advice() -> None:
    body = ("C: " + "x" * 900 + "\n") * 1200
    dialogue = f"{EHLO.replace('SIZE 2000', 'SIZE 20000000')}{ENVELOPE}{HEADER}C:\n{body}C: .\n{_OK}"
    assert "size-not-declared" in {each.rule for each in lint(dialogue)}
    declared = dialogue.replace("ann@example.org>\n", "ann@example.org> SIZE=2000000\n", 1)
    assert "size-not-declared" not in {each.rule for each in lint(declared)}


@pytest.mark.parametrize(
    "path", ["<>", "<postmaster@example.org>", '<"a b"@example.org>', "<a@[192.0.2.1]>", "<${sender}>"]
)
def test_a_right_path_is_no_fault(path: str) -> None:
    assert {each.rule for each in lint(f"{EHLO}C: MAIL FROM:{path}\n{_OK}{QUIT}")} <= {
        "tls-not-used",
        "password-announced-in-clear",
    }


def with_mail(*parameters: str) -> list[str]:
    return [f"MAIL FROM:<a@example.org> {each}" for each in parameters]


def with_rcpt(*parameters: str) -> list[str]:
    return [f"RCPT TO:<b@example.org> {each}" for each in parameters]


def bare_message(size: int) -> MessageSent:
    return MessageSent(HeaderSent((), HeaderEnd.EMPTY_LINE), size, size)


_NONE = View(hello="EHLO", announced=announcing("HELP"))
_MANY = View(hello="EHLO", announced=announcing("SIZE 2000", "8BITMIME", "DSN", "COLOUR", "CHUNKING", "SMTPUTF8"))
_HELLOS = ("EHLO", "HELO", "LHLO", "ehlo")
_TIMED = View(announced=announcing("DELIVERBY 240", "FUTURERELEASE 60 2030-01-31T08:00:00Z"))
_KNOWN_NAMES = (
    "x",
    "a.example.org",
    "a-b.example.org.",
    "9.example",
    "[192.0.2.1]",
    "[ipv6:2001:db8::1]",
    "[x-tag:any]",
    "${name}",
    "büro",
)
_BARE, _PARTED = "MAIL FROM:a@example.org", "MAIL FROM <a@example.org>"


@pytest.mark.parametrize(
    ("rule", "view", "wrong", "right"),
    [
        ("hello-without-name", View(), [*_HELLOS, "EHLO "], [*(f"{verb} x" for verb in _HELLOS), "NOOP"]),
        *(("hello-name", View(), [f"{verb} x_y"], [f"{verb} x", verb]) for verb in _HELLOS),
        ("hello-name", View(), ["EHLO 192.0.2.1", "EHLO 7", "EHLO a b", "EHLO -a.example", "EHLO a-.example", "EHLO .a", "EHLO a..b"], []),
        ("hello-name", View(), ["EHLO [here]", "EHLO [192.0.2.1]x", "EHLO [192.0.2.1", "EHLO [x-:y]", "EHLO ann@example.org"], []),
        ("hello-name", View(), ["EHLO [192.0.2]"], ["NOOP x_y", *(f"EHLO {name}" for name in _KNOWN_NAMES)]),
        *(("hello-name-not-full", View(), [f"{verb} laptop", f"{verb} laptop."], [f"{verb} a.b", verb]) for verb in _HELLOS),
        ("hello-name-not-full", View(), [], ["NOOP laptop", "EHLO [here]", "EHLO ${name}", "EHLO lap_top"]),
        ("missing-from-or-to", View(), ["MAIL <a@example.org>", "MAIL TO:<a@example.org>", "RCPT FROM:<a@example.org>"], []),
        ("missing-from-or-to", View(), [], ["MAIL FROM:<>", "mail from:<>", "RCPT TO:<a>", "NOOP", "MAILX <a@example.org>"]),
        (
            "missing-colon",
            View(),
            [_PARTED, "RCPT TO <a>", "MAIL FROM", "RCPT FROM a"],
            ["MAIL FROM:<a>", "MAIL FROM :<a>", "MAIL <a>", "NOOP"],
        ),
        ("missing-colon", View(), [], ["MAILFROM ann@example.org"]),
        ("blank-before-colon", View(), ["MAIL FROM :<a>", "RCPT TO\t:<a>"], [_PARTED, "MAIL FROM: <a>", "NOOP"]),
        ("blank-after-colon", View(), ["MAIL FROM: <a>", "RCPT TO:\t<a>"], ["MAIL FROM:<a>", "MAIL FROM :<a>", "MAIL FROM <a>", "NOOP"]),
        ("missing-brackets", View(), [_BARE, "RCPT TO:bob"], ["MAIL FROM:<a>", "MAIL FROM:<>", "MAIL FROM:", "NOOP"]),
        ("missing-path", View(), ["MAIL FROM:", "RCPT TO:", "MAIL FROM: "], ["MAIL FROM:<>", _BARE, "MAIL FROM", "MAIL :", "NOOP"]),
        ("null-recipient", View(), ["RCPT TO:<>", "RCPT TO:< >"], ["MAIL FROM:<>", "RCPT TO:", "RCPT TO:<b>", "NOOP"]),
        (
            "source-route",
            View(),
            ["RCPT TO:<@a.example:b@example.org>"],
            ["RCPT TO:<b@example.org>", "RCPT TO:<@a>", "RCPT TO:<b@c:@d:>", "NOOP"],
        ),
        (
            "address",
            View(),
            [f"MAIL FROM:<{each}>" for each in ("ann", "a b@x", "ann@", "a@b@c", "a;b@x", "a@[192.0.2.1", "a@b c", "a@[b c]", "a\\@b")],
            [f"MAIL FROM:<{each}>" for each in ("Postmaster", "", " ", "${a}", '"a b"@x', r'"\""@x', "a@[IPv6:2001:db8::1]")],
        ),
        ("address", View(), [], ["RCPT TO:<@a:b@c>", "RCPT TO:<a@x>"]),
        ("address", View(), ["RCPT TO:<ann>", "RCPT TO:ann"], ["RCPT TO:<a@x>", "VRFY ann", "NOOP"]),
        ("parameter-not-announced", _NONE, [*with_mail("SIZE=1", "BODY=7BIT", "RET=HDRS", "size=1"), *with_rcpt("NOTIFY=NEVER")], []),
        ("parameter-not-announced", _NONE, [], [*with_mail("COLOUR=RED", ""), "NOOP SIZE=1", "RCPT TO:<a>"]),
        ("parameter-not-announced", _MANY, with_mail("BODY=BINARYMIME"), with_mail("SIZE=1", "BODY=7BIT", "RET=HDRS")),
        ("parameter-not-announced", View(hello="EHLO"), [], with_mail("SIZE=1", "BODY=BINARYMIME")),
        ("parameter-not-announced", View(hello="HELO"), with_mail("SIZE=1", "COLOUR=RED"), with_mail("")),
        (
            "unknown-parameter",
            _NONE,
            [*with_mail("COLOUR=RED", "colour"), *with_rcpt("COLOUR=RED")],
            with_mail("SIZE=1", "XCOLOUR=RED", "xcolour", ""),
        ),
        ("unknown-parameter", _MANY, with_mail("SHADE=RED"), with_mail("COLOUR=RED")),
        ("unknown-parameter", View(), [], with_mail("COLOUR=RED")),
        ("unknown-parameter", _MANY, [sent(b"MAIL FROM:<a@example.org> SHADE=\xff")], []),
        (
            "misplaced-parameter",
            View(),
            [*with_mail("NOTIFY=NEVER"), *with_rcpt("SIZE=1", "SMTPUTF8")],
            [*with_mail("SIZE=1", "X"), *with_rcpt("NOTIFY=NEVER", "X")],
        ),
        ("obsolete-parameter", View(), with_mail("SUBMITTER=a@example.org"), with_mail("SIZE=1", "X=1")),
        (
            "parameter-value",
            View(),
            [
                *with_mail("RET=ALL", "RET", "SMTPUTF8=1", "RET=NEVER,FULL"),
                *with_rcpt("NOTIFY=X", "NOTIFY=DELAY,X", "NOTIFY=NEVER,DELAY ORCPT=x"),
            ],
            [],
        ),
        (
            "parameter-value",
            View(),
            [],
            [*with_mail("RET=FULL", "SIZE=x", "BODY=x", "RET=${ret}", "X=1", "NOTIFY=X"), *with_rcpt("NOTIFY=NEVER,DELAY", "RET=ALL")],
        ),
        (
            "parameters-together",
            View(),
            with_mail("HOLDFOR=5 HOLDUNTIL=x", "MTRK=bzR0aGVy"),
            with_mail("HOLDFOR=5", "HOLDUNTIL=x", "MTRK=x ENVID=1", "ENVID=1"),
        ),
        ("requiretls-in-the-clear", View(), with_mail("REQUIRETLS", "SIZE=1 requiretls"), [*with_mail("SIZE=1"), *with_rcpt("REQUIRETLS")]),
        ("requiretls-in-the-clear", View(tls=True), [], with_mail("REQUIRETLS")),
        (
            "parameter-over-limit",
            _TIMED,
            with_mail("BY=239;R", "by=120;rt", "BY=0;R", "HOLDFOR=61", "HOLDFOR=999999999"),
            with_mail("BY=240;R", "BY=120;N", "BY=120", "BY=-1;R", "BY=;R", "BY=120;X;R", "HOLDFOR=60"),
        ),
        (
            "parameter-over-limit",
            _TIMED,
            with_mail("X=1 BY=1;R"),
            [*with_mail("HOLDFOR=x", "HOLDFOR=9999999999", "SIZE=61", "X=1;R"), "NOOP"],
        ),
        ("parameter-over-limit", _NONE, [], with_mail("BY=1;R", "HOLDFOR=61")),
        (
            "parameter-twice",
            View(),
            [*with_mail("SIZE=1 SIZE=2", "SIZE=1 size=1", "SIZE SIZE=1"), *with_rcpt("X=1 Y=2 X=3")],
            [*with_mail("SIZE=1 BODY=1", "", "1=SIZE SIZE"), "NOOP x x"],
        ),
        (
            "parameter-without-blank",
            View(),
            ["MAIL FROM:<a>SIZE=1", "RCPT TO:<a>>"],
            ["MAIL FROM:<a> S", "MAIL FROM:<a>\tS", "MAIL FROM:<a>", "MAIL FROM:<a>\r", "MAIL FROM:a<S", "NOOP"],
        ),
        (
            "size-syntax",
            View(),
            with_mail("SIZE=many", "SIZE=", "SIZE", "SIZE=-1", f"SIZE={'1' * 21}", "SIZE=ü"),
            [*with_mail("SIZE=1", f"SIZE={'1' * 20}", "SIZE=${n}", "X=x"), *with_rcpt("SIZE=x")],
        ),
        (
            "size-over-limit",
            _MANY,
            with_mail("SIZE=2001", f"SIZE={'9' * 20}"),
            [*with_mail("SIZE=2000", f"SIZE={'9' * 21}", "SIZE=x", ""), *with_rcpt("SIZE=2001")],
        ),
        ("size-over-limit", View(announced=announcing("SIZE 0")), [], with_mail("SIZE=2001")),
        ("size-over-limit", View(), [], with_mail("SIZE=2001")),
        ("size-too-small", View(mail_parameters={"SIZE": b"100"}), [bare_message(101)], [bare_message(100)]),
        ("size-too-small", View(mail_parameters={"SIZE": b"0" * 19 + b"1"}), [bare_message(2)], [bare_message(1)]),
        *(("size-too-small", View(mail_parameters={"SIZE": each}), [], [bare_message(2)]) for each in (b"0" * 20 + b"1", b"x", b"")),
        ("size-too-small", View(), [], [bare_message(2)]),
        ("message-over-limit", _MANY, [bare_message(2001)], [bare_message(2000)]),
        ("message-over-limit", View(announced=announcing("SIZE 0")), [], [bare_message(2001)]),
        ("size-not-declared", _MANY, [bare_message(1_000_001)], [bare_message(1_000_000)]),
        ("size-not-declared", View(announced=announcing("SIZE 9"), mail_parameters={"SIZE": b"1"}), [], [bare_message(1_000_001)]),
        ("size-not-declared", _NONE, [], [bare_message(1_000_001)]),
        ("size-not-declared", View(), [], [bare_message(1_000_001)]),
        (
            "body-value",
            View(),
            with_mail("BODY=9BIT", "BODY=", "BODY=ü"),
            [*with_mail("BODY=7BIT", "BODY=8bitmime", "BODY=BINARYMIME", "BODY=${b}", "X=9BIT"), *with_rcpt("BODY=9BIT")],
        ),
        (
            "notify-never",
            View(),
            with_rcpt("NOTIFY=NEVER,DELAY", "NOTIFY=delay,never"),
            [*with_rcpt("NOTIFY=NEVER", "NOTIFY=DELAY,FAILURE", "NOTIFY=NEVERX,DELAY", "X=NEVER,DELAY"), *with_mail("NOTIFY=NEVER,DELAY")],
        ),
        (
            "smtputf8-missing",
            View(),
            ["MAIL FROM:<büro@example.org>", "RCPT TO:<büro@example.org>"],
            ["MAIL FROM:<büro@example.org> SMTPUTF8", "RCPT TO:<b>", "RCPT TO:<${ü}>", "VRFY ü"],
        ),
        ("smtputf8-missing", View(mail_parameters={"SMTPUTF8": b""}), ["MAIL FROM:<büro@example.org>"], ["RCPT TO:<büro@example.org>"]),
        ("many-recipients", View(recipients=100), ["RCPT TO:<a>"], ["MAIL FROM:<>"]),
        *(("many-recipients", View(recipients=number), [], ["RCPT TO:<a>"]) for number in (99, 101)),
        ("bdat-not-announced", _NONE, ["BDAT 1"], ["DATA"]),
        ("bdat-not-announced", View(hello="HELO"), ["BDAT 1"], ["DATA"]),
        ("bdat-not-announced", _MANY, [], ["BDAT 1"]),
        ("bdat-not-announced", View(hello="EHLO"), [], ["BDAT 1"]),
        ("bdat-syntax", View(), ["BDAT", "BDAT x", "BDAT 1 FIRST", "BDAT LAST"], ["BDAT 1", "bdat 0 last", "BDAT ${n}", "DATA"]),
        ("bdat-and-data", View(chunks=1), ["DATA"], ["BDAT 1"]),
        ("bdat-and-data", View(), [], ["DATA"]),
        ("binarymime-with-data", View(mail_parameters={"BODY": b"binarymime"}), ["DATA"], ["BDAT 1"]),
        ("binarymime-with-data", View(mail_parameters={"BODY": b"8BITMIME"}), [], ["DATA"]),
        ("binarymime-with-data", View(), [], ["DATA"]),
    ],
)  # fmt: skip
def test_a_rule_tells_what_is_wrong_from_what_is_right(rule: str, view: View, wrong: Moments, right: Moments) -> None:
    assert_tells_apart(rule, view, wrong, right)

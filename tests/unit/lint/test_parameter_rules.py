"""Rules about the arguments of EHLO, MAIL, RCPT and BDAT."""

import pytest

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
    assert_found,
    lint,
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

"""Rubrics: what is missing for a task."""

from pathlib import Path

import pytest

from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.lint import rubric as rubric_module
from smtp_shell.lint.files import lint_file
from smtp_shell.lint.rubric import SHIPPED, load_rubric, parse_rubric
from smtp_shell.matching import pattern
from tests.unit.lint.cases import (
    DATE,
    DOT,
    EHLO,
    ENVELOPE,
    FROM,
    HEADER,
    MAIL,
    QUIT,
    RCPT,
    RECORDED,
    SUBJECT,
    TEXT,
    TLS,
    TLS_EHLO,
    TO,
)

_USER, _PASSWORD = "S: 334 VXNlcm5hbWU6\n", "S: 334 UGFzc3dvcmQ6\n"
_LOGIN = f"C: AUTH LOGIN\n{_USER}C: ${{sasl}}\n{_PASSWORD}C: ${{sasl}}\nS: 235 2.7.0 ok\n*: auth LOGIN student\n"
_LAB7 = RECORDED + TLS_EHLO + _LOGIN + ENVELOPE + HEADER + TEXT + QUIT


def _found(tmp_path: Path, text: str, rubric: str | bytes = "lab7") -> list[tuple[int, str, str]]:
    path = tmp_path / "mine.smtp"
    path.write_text(text)
    loaded = load_rubric(rubric) if isinstance(rubric, str) else parse_rubric(rubric, "mine.toml")
    found = lint_file(path, loaded, "lab7")
    return [(each.line, each.rule, each.message) for each in found if each.rule.startswith("rubric-")]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_rubric_that_ships_is_one(name: str) -> None:
    assert load_rubric(name).step


def test_the_rubric_of_the_documentation_is_one() -> None:
    text = (rubric_module.__doc__ or "").partition("```toml\n")[2].partition("```")[0]
    assert len(parse_rubric(text.encode(), "documentation").step) == 5


def test_what_a_task_asks_for_has_no_fault(tmp_path: Path) -> None:
    assert _found(tmp_path, _LAB7) == []
    path = tmp_path / "mine.smtp"
    assert [each.rule for each in lint_file(path, load_rubric("lab7"), "lab7") if each.severity != "advice"] == []


def test_a_script_without_replies_is_taken_to_go_well(tmp_path: Path) -> None:
    script = [line for line in _LAB7.splitlines() if line[:2] == "C:"]
    assert _found(tmp_path, "\n".join(script) + "\n") == []


def test_a_missing_step_is_named_where_it_should_have_come(tmp_path: Path) -> None:
    text = _LAB7.replace(_LOGIN, "")
    line = text.split("\n").index("C: MAIL FROM:<ann@example.org>") + 1
    (found,) = _found(tmp_path, text)
    assert found[:2] == (line, "rubric-step")
    assert found[2].startswith("AUTH LOGIN inside TLS (user name and password, each in base64) is missing")


def test_a_step_that_was_refused_is_named_with_the_reply(tmp_path: Path) -> None:
    found = _found(tmp_path, _LAB7.replace("S: 235 2.7.0 ok\n*: auth LOGIN student\n", "S: 535 5.7.8 no\n"))
    assert [(rule, message.rpartition(": ")[2]) for _, rule, message in found] == [
        ("rubric-reply", "the server said 535")
    ]


def test_a_password_in_the_clear_is_forbidden(tmp_path: Path) -> None:
    text = RECORDED + EHLO + _LOGIN + ENVELOPE + HEADER + TEXT + QUIT
    assert {rule for _, rule, _ in _found(tmp_path, text)} == {"rubric-forbidden", "rubric-step"}


def test_a_missing_field_is_named_at_the_end_of_the_header(tmp_path: Path) -> None:
    text = _LAB7.replace(DATE, "").replace(SUBJECT, "")
    line = text.split("\n").index("C:") + 1
    assert [(where, message) for where, _, message in _found(tmp_path, text)] == [
        (line, "the header has no field Subject"),
        (line, "the header has no field Date"),
    ]


def test_a_message_without_text_is_named(tmp_path: Path) -> None:
    assert [rule for _, rule, _ in _found(tmp_path, _LAB7.replace("C: Some text.\n", ""))] == ["rubric-text"]


def test_no_starttls_is_named_once_for_each_step_that_it_takes(tmp_path: Path) -> None:
    text = RECORDED + EHLO + ENVELOPE + FROM + TO + SUBJECT + DATE + TEXT + QUIT
    messages = [message.split(" is missing")[0] for _, _, message in _found(tmp_path, text)]
    assert [message.split(" (")[0] for message in messages] == [
        "STARTTLS",
        "TLS",
        "EHLO inside TLS",
        "AUTH LOGIN inside TLS",
    ]


_ORDER = b"""
[[step]]
client = "NOOP"
[[step]]
client = "RSET"
reply = "250"
"""


@pytest.mark.parametrize(
    ("client", "rules"),
    [
        ("C: NOOP\nS: 250 ok\nC: RSET\nS: 250 ok\n", []),
        ("C: RSET\nS: 250 ok\nC: NOOP\nS: 250 ok\n", ["rubric-order"]),
        ("C: NOOP\nS: 250 ok\n", ["rubric-step"]),
        ("C: NOOP\nS: 250 ok\nC: RSET\nS: 451 no\n", ["rubric-reply"]),
        ("C: NOOP\nS: 250 ok\nC: RSET\nS: 451 no\nC: RSET\nS: 250 ok\n", []),
    ],
)
def test_the_order_of_steps_counts(tmp_path: Path, client: str, rules: list[str]) -> None:
    assert [rule for _, rule, _ in _found(tmp_path, TLS + client, _ORDER)] == rules
    without = [rule for _, rule, _ in _found(tmp_path, TLS + client, b"order = false\n" + _ORDER)]
    assert without == [rule for rule in rules if rule != "rubric-order"]


def test_patterns_optional_steps_and_fields_by_pattern(tmp_path: Path) -> None:
    rubric = b"""
    [[step]]
    client = "rcpt"
    pattern = "<.+@example\\\\.net>"
    [[step]]
    client = "VRFY"
    optional = true
    [message]
    no_fields = ["Message-ID"]
    [message.match]
    Subject = "Lab 7.*"
    """
    found = _found(tmp_path, _LAB7, rubric)
    assert [rule for _, rule, _ in found] == ["rubric-header", "rubric-header", "rubric-step"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[step]]\nclinet = 'EHLO'\n", "unknown field"),
        ("[[step]\n", "no rubric"),
        ("", "neither step"),
        ("[[step]]\nsay = 'x'\n", "one of client, happens and auth"),
        ("[[step]]\nclient = 'EHLO'\nauth = 'LOGIN'\n", "one of client, happens and auth"),
        ("[[step]]\nclient = 'EHLO'\npattern = '('\n", "no regular expression"),
        ("[[step]]\nclient = 'EHLO'\nreply = '25'\n", "codes such as"),
        ("[[step]]\nauth = ''\nreply = '250'\n", "for a client's command"),
        ("[[step]]\nhappens = 'tsl'\n", "tsl"),
        ("ignore = ['no-such-rule']\n[[step]]\nclient = 'EHLO'\n", "is no rule"),
        ("[message.match]\nSubject = '('\n", "no regular expression"),
        ("title = 7\n", "Expected `str`"),
    ],
)
def test_what_is_no_rubric_is_refused_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match="is no rubric") as raised:
        parse_rubric(text.encode(), "mine.toml")
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_rubric_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lab3, lab7"):
        load_rubric("lab99")
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigError, match="larger"):
        load_rubric(str(large))


_EHLO = f"{RECORDED}S: 220 hi\nC: EHLO a.example.org\nS: 250 mx\n"  # six lines
_NOOP, _RSET = "C: NOOP\nS: 250 ok\n", "C: RSET\nS: 250 ok\n"
_PLAIN = "C: AUTH PLAIN ${sasl}\nS: 235 2.7.0 ok\n"
_ORDERED = b"step = [{client = 'NOOP'}, {client = 'RSET'}, {client = 'NOOP'}, {client = 'QUIT'}]"
_SENT = f"{_EHLO}{ENVELOPE}"  # twelve lines
_IMPLICIT_TLS = "*: connect mx.example.org:465 tls\nS: 220 hi\n"


def _missing(step: str) -> str:
    return f"{step} is missing; there is none up to here"


@pytest.mark.parametrize(
    ("rubric", "text", "expected"),
    [
        (b"step = [{client = 'noop'}]", f"{_EHLO}C: NOOP\n", [(7, "rubric-reply", "NOOP has not succeeded: no reply came")]),
        (
            b"step = [{client = 'NOOP', reply = '250', say = 'do nothing'}]",
            f"{_EHLO}C: NOOP\n",
            [(7, "rubric-reply", "NOOP (do nothing) has not succeeded: no reply came; 250 was to come")],
        ),
        (b"step = [{client = 'NOOP'}]", f"{_EHLO}C: NOOP\nS: 399 hm\n", []),
        (
            b"step = [{client = 'NOOP', tls = false}]",
            f"{_EHLO}C: NOOP\nS: 400 no\n",
            [(7, "rubric-reply", "NOOP in the clear has not succeeded: the server said 400")],
        ),
        (
            b"step = [{client = 'NOOP', reply = '250'}]",
            f"{_EHLO}C: NOOP\nS: 251 hm\n",
            [(7, "rubric-reply", "NOOP has not succeeded: the server said 251; 250 was to come")],
        ),
        *(
            (b"step = [{client = 'NOOP', reply = '%b'}]" % each, f"{_EHLO}C: NOOP\nS: 452 no\n", [])
            for each in (b"452", b"4yz", b"45z", b"250|4y2", b"zzz")
        ),
        (b"step = [{client = 'NOOP', reply = '250'}]", "C: NOOP\nC: RSET\n", []),
        (b"step = [{client = 'VRFY'}]", f"{_EHLO}{_NOOP}", [(8, "rubric-step", "VRFY is missing; there is none up to here")]),
        (b"step = [{client = 'VRFY', optional = true}]", f"{_EHLO}{_NOOP}", []),
        (
            b"step = [{client = 'NOOP', tls = true}]",
            f"{_EHLO}{_NOOP}",
            [(8, "rubric-step", "NOOP inside TLS is missing; there is none up to here")],
        ),
        (b"step = [{client = 'RCPT', pattern = 'b@example.(net|org)'}]", f"{_EHLO}{MAIL}{RCPT}", []),
        (
            b"step = [{client = 'RCPT', pattern = '<b@'}]",
            f"{_EHLO}{MAIL}{RCPT}",
            [(10, "rubric-step", "RCPT is missing; there is none up to here")],
        ),
        (
            b"step = [{client = 'MAIL', pattern = '<bob'}]",
            f"{_EHLO}{MAIL}{RCPT}",
            [(10, "rubric-step", "MAIL is missing; there is none up to here")],
        ),
        (_ORDERED, f"{_EHLO}{_NOOP}{_RSET}{_NOOP}{QUIT}", []),
        (_ORDERED, f"{_EHLO}{_RSET}{_NOOP}{QUIT}", [(7, "rubric-step", "NOOP is missing; it should have come before this line")]),
        (
            b"step = [{client = 'NOOP'}, {client = 'VRFY'}, {client = 'RSET'}]",
            f"{_EHLO}{_RSET}{_NOOP}",
            [
                (9, "rubric-order", "NOOP comes too late; the order of the steps is another one"),
                (7, "rubric-step", "VRFY is missing; it should have come before this line"),
            ],
        ),
        (b"order = false\n" + _ORDERED, f"{_EHLO}{_RSET}{_NOOP}{QUIT}", [(13, "rubric-step", "NOOP is missing; there is none up to here")]),
        (b"step = [{client = 'NOOP'}, {client = 'NOOP', reply = '4yz'}]", f"{_EHLO}{_NOOP}C: NOOP\nS: 450 no\n", []),
        (
            b"step = [{happens = 'tls'}, {happens = 'tls'}]",
            f"{RECORDED}{TLS_EHLO}{_NOOP}",
            [(28, "rubric-step", "TLS is missing; there is none up to here")],
        ),
        (
            b"step = [{auth = ''}, {auth = 'plain'}]",
            f"{_EHLO}{_PLAIN}{_NOOP}",
            [(10, "rubric-step", "AUTH PLAIN is missing; there is none up to here")],
        ),
        (
            b"step = [{auth = ''}]",
            f"{_EHLO}{_PLAIN.replace('235', '535')}",
            [(8, "rubric-reply", "AUTH has not succeeded: the server said 535")],
        ),
        (b"step = [{auth = 'LOGIN'}]", f"{_EHLO}{_PLAIN}", [(8, "rubric-step", "AUTH LOGIN is missing; there is none up to here")]),
        (b"step = [{client = 'PLAIN'}]", f"{_EHLO}{_PLAIN}", [(8, "rubric-step", "PLAIN is missing; there is none up to here")]),
        (
            b"step = [{auth = 'NOOP'}, {auth = ''}]",
            f"{_EHLO}{_NOOP}",
            [
                (8, "rubric-step", "AUTH NOOP is missing; there is none up to here"),
                (8, "rubric-step", "AUTH is missing; there is none up to here"),
            ],
        ),
        (b"step = [{auth = 'PLAIN'}, {client = 'NOOP'}]", "C: EHLO x\nC: AUTH PLAIN ${sasl}\nC: NOOP\nC: QUIT\n", []),
        (b"forbid = [{client = 'HELO', say = 'say EHLO'}, {client = 'NOOP', tls = true}]", f"{_EHLO}{_NOOP}", []),
        (
            b"forbid = [{client = 'EHLO', say = 'say HELO'}, {client = 'NOOP', tls = false}]",
            f"{_EHLO}{_NOOP}",
            [
                (5, "rubric-forbidden", "EHLO (say HELO) may not occur here"),
                (7, "rubric-forbidden", "NOOP in the clear may not occur here"),
            ],
        ),
        (b"[message]\nfields = ['from']\nno_fields = ['bcc']", f"{_SENT}{HEADER}C:\n{DOT}", []),
        (b"[message]\ntext = true", f"{_SENT}{HEADER}C:\n{DOT}", [(19, "rubric-text", "the message has no text after its header")]),
        (b"[message]\nfields = ['cc']", f"{_SENT}{HEADER}{TEXT}", [(18, "rubric-header", "the header has no field cc")]),
        (
            b"[message]\nno_fields = ['SUBJECT']",
            f"{_SENT}{HEADER}{SUBJECT}{TEXT}",
            [(15, "rubric-header", "the header has a field SUBJECT")],
        ),
        (b"message.match.subject = 'H.*o'", f"{_SENT}{HEADER}{TEXT}", []),
        (
            b"message.match.subject = 'Hell'",
            f"{_SENT}{HEADER}{SUBJECT}{TEXT}",
            [(15, "rubric-header", "the field subject is not as asked: Hell")],
        ),
        (b"message.match.subject = 'ello'", f"{_SENT}{HEADER}{TEXT}", [(15, "rubric-header", "the field subject is not as asked: ello")]),
        (b"message.match.subject = '(?i)hell|hello'", f"{_SENT}{HEADER}{TEXT}", []),
        (b"message.match.subject = '250'", f"{_SENT}{HEADER.replace('Hello', '250')}{TEXT}", []),
        (b"step = [{client = 'RCPT', pattern = '(?i)(?s)BOB|eve'}]", f"{_EHLO}{MAIL}{RCPT}", []),
        (b"step = [{client = 'NOOP', pattern = '(?:250)'}]", f"{_EHLO}C: NOOP or 250\nS: 250 ok\n", []),
        (b"step = [{happens = 'message', tls = true}]", f"{RECORDED}{TLS_EHLO}{ENVELOPE}{HEADER}{TEXT}", []),
        (
            b"step = [{auth = 'PLAIN'}, {client = 'NOOP'}]",
            "C: EHLO x\nC: NOOP\nC: AUTH PLAIN ${sasl}\nC: QUIT\n",
            [(4, "rubric-order", "AUTH PLAIN comes too late; the order of the steps is another one")],
        ),
        (b"message.match.cc = '.*'", f"{_SENT}{HEADER}{TEXT}", []),
        (
            b"step = [{happens = 'message'}]",
            f"{_SENT}{HEADER}C:\nC: x\nC: .\nS: 554 no\n",
            [(21, "rubric-reply", "a message that the server takes has not succeeded: the server said 554")],
        ),
        (
            b"step = [{happens = 'message'}]",
            "C: EHLO x\nC: MAIL FROM:<>\nC: RCPT TO:<b@example.org>\nC: DATA\nC: x: y\nC:\nC: z\nC: .\nC: QUIT\n",
            [],
        ),
        (
            b"step = [{happens = 'message', tls = true}]",
            "C: EHLO x\nC: STARTTLS\nC: EHLO x\nC: MAIL FROM:<>\nC: RCPT TO:<b@example.org>\nC: DATA\nC: x: y\nC: .\nC: QUIT\n",
            [],
        ),
        (
            b"step = [{happens = 'message'}, {client = 'NOOP'}]",
            "C: EHLO x\nC: NOOP\nC: MAIL FROM:<>\nC: RCPT TO:<b@example.org>\nC: DATA\nC: x: y\nC: .\nC: QUIT\n",
            [(7, "rubric-order", "a message that the server takes comes too late; the order of the steps is another one")],
        ),
        (
            b"step = [{happens = 'tls'}, {client = 'NOOP'}]",
            "C: EHLO x\nC: NOOP\nC: STARTTLS\nC: EHLO x\n",
            [(4, "rubric-order", "TLS comes too late; the order of the steps is another one")],
        ),
        (b"step = [{happens = 'tls', tls = true}]", f"{RECORDED}{TLS_EHLO}{_NOOP}", []),
        (b"step = [{client = 'NOOP'}]", f"{_EHLO}S: 250 ok\n{_NOOP}", []),
        (
            b"step = [{happens = 'message'}, {happens = 'message'}]",
            f"{_SENT}{HEADER}{TEXT}",
            [(21, "rubric-step", "a message that the server takes is missing; there is none up to here")],
        ),
        (b"step = [{happens = 'tls'}]", f"{RECORDED}{_IMPLICIT_TLS}", []),
        (b"step = [{auth = ''}]", "*: auth PLAIN ann\nC: NOOP\n", []),
        # A script leaves replies out: what they would say is counted once.
        *(
            (b"step = [%b, %b]" % (step, step), f"C: EHLO x\nC: {line}\nC: RSET\nC: QUIT\n", [(4, "rubric-step", _missing(name))])
            for step, line, name in ((b"{client = 'NOOP'}", "NOOP", "NOOP"), (b"{auth = ''}", "AUTH PLAIN ${sasl}", "AUTH"))
        ),
        *(
            (
                b"step = [{happens = 'message'}, {happens = 'message'}]",
                f"C: EHLO x\nC: MAIL FROM:<>\nC: RCPT TO:<b@example.org>\nC: DATA\nC: x: y\nC: .\n{after}C: QUIT\n",
                [(8, "rubric-step", _missing("a message that the server takes"))],
            )
            for after in ("S: 250 ok\n", "C: NOOP\n")
        ),
        # Which reply is that to a command.
        (
            b"step = [{client = 'EHLO', tls = true}, {client = 'NOOP'}]",
            f"{RECORDED}S: 220 hi\nC: EHLO a.example.org\n*: close server\n{_IMPLICIT_TLS}C: EHLO a.example.org\nS: 250 mx\n{_NOOP}",
            [],
        ),
        (
            b"step = [{client = 'NOOP', reply = 'zzz'}]",
            f"{_EHLO}C: NOOP\n",
            [(7, "rubric-reply", "NOOP has not succeeded: no reply came; zzz was to come")],
        ),
        (b"step = [{client = 'EHLO'}]", f"{RECORDED}C: EHLO a.example.org\nS: 220 hi\nS: 250 mx\n", []),
        (b"step = [{client = 'BDAT'}]", f"{_EHLO}{MAIL}{RCPT}C| BDAT 0 LAST\\r\\n\nS: 250 ok\n", []),
        (
            b"step = [{client = 'NOOP'}, {client = 'NOOP'}]",
            f"{_EHLO}C& NOOP\nC: NOOP\nS: 250 ok\nS: 450 no\n",
            [(8, "rubric-reply", "NOOP has not succeeded: the server said 450")],
        ),
        (
            b"step = [{client = 'STARTTLS'}, {client = 'NOOP'}]",
            f"{_EHLO}C: STARTTLS\nC: NOOP\nS: 250 ok\n",
            [(7, "rubric-reply", "STARTTLS has not succeeded: no reply came")],
        ),
        (
            b"step = [{client = 'NOOP'}]",
            f"{_EHLO}C| RSET\\r\\n\n*: authenticate PLAIN\nC| NOOP\\r\\n\nS: 250 ok\nS: 235 ok\nS: 450 no\n",
            [(9, "rubric-reply", "NOOP has not succeeded: the server said 450")],
        ),
        (
            b"step = [{auth = ''}, {auth = ''}]",
            f"{_EHLO}{_PLAIN}{_PLAIN.replace('235', '503')}{_NOOP}",
            [(10, "rubric-reply", "AUTH has not succeeded: the server said 503")],
        ),
    ],
)  # fmt: skip
def test_what_a_rubric_asks_for_is_looked_for(
    tmp_path: Path, rubric: bytes, text: str, expected: list[tuple[int, str, str]]
) -> None:
    assert _found(tmp_path, text, rubric) == expected


def test_a_thousand_commands_may_wait_for_their_replies(tmp_path: Path) -> None:
    rubric = b"step = [{client = 'NOOP'}, {client = 'RSET'}]"
    for before, found in ((999, []), (1_000, ["rubric-step"])):
        text = _EHLO + "C& NOOP\n" * before + "C: RSET\n" + "S: 250 ok\n" * (before + 1)
        assert [rule for _, rule, _ in _found(tmp_path, text, rubric)] == found


def test_a_pattern_that_takes_too_long_does_not_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern, "SECONDS", 0.05)
    text = f"{_SENT}{HEADER.replace('Hello', 'ab' * 1_000)}{TEXT}"
    assert [rule for _, rule, _ in _found(tmp_path, text, b"message.match.subject = '(a|b|ab)*[0-9]'")] == [
        "rubric-header"
    ]


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"title = '\xff'", "'utf-8' codec can't decode byte 0xff"),
        (b"title = " + b"[" * 100_000, "recursion"),
        (b"ignore = ['helo', 'one', 'two']\nstep = [{client = 'NOOP'}]", "ignore names 'one', which is no rule"),
        (b"step = [{client = 'NOOP'}]\nforbid = [{say = 'x'}]", "step 2: it has one of client, happens and auth"),
        (b"step = [{happens = 'tls', pattern = 'x'}]", "step 1: pattern and reply are for a client's command"),
        (b"step = [{client = 'NOOP', reply = '250|2x0'}]", "step 1: reply is codes such as 250, 2yz or 250|251"),
        (b"step = [{client = 'NOOP', reply = '25X'}]", "step 1: reply is codes such as 250, 2yz or 250|251"),
        (b"step = [{client = 'NOOP', reply = '2500'}]", "step 1: reply is codes such as 250, 2yz or 250|251"),
        (b"step = [{client = 'NOOP', pattern = '(?x) bob # who'}]", "step 1: the pattern is no regular expression"),
        (
            b"message.match.subject = '%b'" % (b"x" * 4_095),
            "match of subject: the pattern is longer than 4,096 characters",
        ),
        (b"step = [{client = 'NOOP', pattern = '%b'}]" % (b"x" * 4_085), "step 1: the pattern is longer than 4,096 characters"),
        (b"step = [{client = 'NOOP', pattern = 'ab('}]", "missing ), unterminated subpattern at character 3"),
        (b"step = [%b]\nforbid = [{client = 'X'}]" % (b"{client = 'X'}," * 500), "it has more than 500 steps"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rubric_is_told(octets: bytes, reason: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_rubric(octets, "mine.toml")
    assert str(raised.value).startswith("mine.toml is no rubric: ")
    assert reason in str(raised.value)


def test_a_rubric_may_be_large_and_have_many_steps(tmp_path: Path) -> None:
    octets = b"step = [%b]\nforbid = [{client = 'X'}]\n" % (b"{client = 'X'}," * 499)
    path = tmp_path / "large.toml"
    path.write_bytes(octets + b"#" * (262_144 - len(octets)))
    assert len(load_rubric(str(path)).step) == 499
    path.write_bytes(octets + b"#" * (262_145 - len(octets)))
    with pytest.raises(ConfigError, match="it is larger than 262,144 octets"):
        load_rubric(str(path))


@pytest.mark.parametrize(
    "pattern",
    ["message.match.subject = '%s'" % ("x" * 4_088), "step = [{client = 'X', pattern = '%s'}]" % ("x" * 4_084)],
)
def test_a_pattern_may_be_as_long_as_what_searches_for_it_allows(pattern: str) -> None:
    assert parse_rubric(pattern.encode(), "mine.toml").title == ""


def test_a_rubric_that_forbids_only_is_one() -> None:
    assert parse_rubric(b"forbid = [{client = 'HELO'}]", "mine.toml").title == ""


def test_a_rubric_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError, match=r"mine\.toml is no rubric: it cannot be read: "):
        load_rubric(str(path))

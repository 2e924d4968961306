"""Rubrics: what is missing for a task."""

from pathlib import Path

import pytest

from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.lint import rubric as rubric_module
from smtp_shell.lint.files import lint_file
from smtp_shell.lint.rubric import SHIPPED, load_rubric, parse_rubric
from tests.unit.lint.cases import DATE, EHLO, ENVELOPE, FROM, HEADER, QUIT, RECORDED, SUBJECT, TEXT, TLS, TLS_EHLO, TO

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

"""Findings counted, messages by themselves, and which rules the prompt asks."""

import io
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.lint.files import (
    ON_EXTENSIONS,
    Tally,
    is_about_messages,
    lint_file,
    lint_message,
    make_linter,
    prompt_linter,
)
from smtp_shell.lint.findings import Finding, Severity
from smtp_shell.lint.rubric import parse_rubric
from smtp_shell.lint.rules import all_rules
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Entry
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import TranscriptReader
from tests.unit.lint.cases import DATE, DOT, EHLO, ENVELOPE

_ERROR, _WARNING, _ADVICE = Severity.ERROR, Severity.WARNING, Severity.ADVICE
_HEADER = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nDate: 1 Jan 2026 0:00 GMT\r\nMessage-ID: <1@x>\r\n"
)


@pytest.mark.parametrize(
    ("severities", "files", "text", "status"),
    [
        ([], 1, "nothing to find fault with", 0),
        ([], 2, "nothing to find fault with in 2 files", 0),
        ([_ADVICE], 1, "1 advice", 0),
        ([_ADVICE] * 2, 3, "2 advice in 3 files", 0),
        ([_WARNING], 1, "1 warning", 1),
        ([_ERROR], 1, "1 error", 1),
        ([_ERROR] * 2 + [_WARNING] * 3 + [_ADVICE], 1, "2 errors, 3 warnings, 1 advice", 1),
        ([_ERROR] * 1_000, 1, "1,000 errors", 1),
    ],
)
def test_findings_are_counted_by_severity(severities: list[Severity], files: int, text: str, status: int) -> None:
    tally = Tally()
    tally.files += files
    for severity in severities:
        tally.add(Finding(1, 1, "a-rule", severity, "what is wrong", ()))
    assert (str(tally), tally.exit_status, tally.number) == (text, status, len(severities))
    assert [tally[each] for each in Severity] == [severities.count(each) for each in Severity]


def test_a_finding_is_written_with_its_sources() -> None:
    finding = Finding(1, 2, "a-rule", _ERROR, "what is wrong", ("RFC 1 section 2", "RFC 3 section 4"))
    assert str(finding) == "error a-rule: what is wrong (RFC 1 section 2, RFC 3 section 4)"
    assert str(Finding(1, 2, "a-rule", _ADVICE, "what is wrong", ())) == "advice a-rule: what is wrong"


def _rules(octets: bytes) -> list[tuple[int, str]]:
    return [(each.line, each.rule) for each in lint_message(octets)]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (_HEADER + b"\r\ntext", []),
        (_HEADER.replace(b"\r", b"") + b"\n.text\n", []),
        (b"Return-Path: <>\r\n" + _HEADER + b"\r\n", []),
        (b"X: \xc3\xbc\r\n" + _HEADER + b"\r\n", []),  # it may have had SMTPUTF8
        (_HEADER + b"\r\n\xc3\xbc\r\n", [(7, "eight-bit-without-mime")]),
        (_HEADER + b"\r\nab\0\r\n", [(7, "nul-in-data")]),
        (_HEADER + b"\r\nab\0", [(7, "nul-in-data")]),
        (_HEADER + b"text\r\n", [(6, "no-empty-line")]),
        (_HEADER, []),
        (_HEADER + b"\r\n" + b"a\r\n" * 19_993 + b"x" * 999 + b"\r\n", [(20_000, "long-line")]),
        (_HEADER + b"\r\n" + b"a\r\n" * 19_994 + b"x" * 999 + b"\r\n" + b"b\0\r\n", [(20_001, "long-line"), (20_001, "nul-in-data")]),
    ],
)  # fmt: skip
def test_a_message_by_itself_has_the_lines_of_its_file(octets: bytes, expected: list[tuple[int, str]]) -> None:
    assert sorted(_rules(octets)) == expected


def test_the_rules_about_messages_are_no_advice_and_read_mail_data() -> None:
    about = {name for name, rule in all_rules().items() if is_about_messages(rule)}
    assert about >= {"no-from", "long-line", "eight-bit-without-mime", "dot-not-doubled", "no-empty-line", "bare-cr"}
    assert about.isdisjoint(
        {"no-subject", "long-header-line", "size-not-declared", "no-hello", "bare-lf", "unequal-codes"}
    )


def test_a_rule_that_reads_other_moments_too_is_about_messages() -> None:
    rule = all_rules()["no-from"]
    assert is_about_messages(replace(rule, checks=(*rule.checks, *all_rules()["helo"].checks)))


def test_the_rules_of_the_prompt_are_there() -> None:
    assert set(all_rules()) >= ON_EXTENSIONS
    assert len(ON_EXTENSIONS) == 23


@pytest.mark.parametrize(
    ("line", "expected"),
    [("MAIL FROM:<a@example.org> NOTIFY=NEVER", ["misplaced-parameter"]), ("HELLO", []), ("MAIL FROM:a", [])],
)
def test_the_prompt_hears_what_concerns_extensions(line: str, expected: list[str]) -> None:
    found = prompt_linter().feed(Entry(1, 0.0, CommandSent(Command.parse(line.encode()))))
    assert [each.rule for each in found] == expected


def test_the_prompt_hears_what_is_wrong_with_a_message() -> None:
    linter = prompt_linter()
    text = f"{EHLO}{ENVELOPE}{DATE}C:\n{DOT}"
    found = [each for entry in entries(TranscriptReader(io.BytesIO(text.encode()), "x")) for each in linter.feed(entry)]
    assert [each.rule for each in found] == ["no-from"]


def test_what_a_rubric_ignores_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    path.write_text("S: 220 hi\nC: HELO x\nS: 250 mx\nC: QUIT\nS: 221 bye\n")
    assert [each.rule for each in lint_file(path)] == ["helo", "hello-name-not-full"]
    rubric = parse_rubric(b"ignore = ['helo']\nstep = [{client = 'NOOP'}]", "mine.toml")
    found = [*lint_file(path, rubric, "mine")]
    assert [(each.rule, each.sources) for each in found if each.rule.startswith("rubric-")] == [
        ("rubric-step", ("mine",))
    ]
    assert [each.rule for each in found] == ["hello-name-not-full", "rubric-step"]
    assert make_linter(rubric, "mine").finish()[0].line == 0
    assert [each.sources for each in (*lint_file(path, rubric), *make_linter(rubric).finish())][1:] == [(), ()]


def test_a_file_is_linted_with_what_it_includes(tmp_path: Path) -> None:
    (tmp_path / "hello.smtp").write_text("S: 220 hi\nC: HELO a.example.org\nS: 250 mx\n")
    path = tmp_path / "mine.smtp"
    path.write_text("*: include hello.smtp\nC: QUIT\nS: 221 bye\n")
    assert [each.rule for each in lint_file(path)] == ["helo"]


def test_a_file_with_credentials_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.smtp"
    path.write_text("C: EHLO a.example.org\nC: AUTH PLAIN AHN0dWRlbnQAc2VjcmV0\nC: QUIT\n")
    warnings: list[str] = []
    opened: list[str] = []
    assert [*lint_file(path, warn=warnings.append, opened=lambda file: opened.append(file.name))] != []
    assert len(warnings) == len(opened) == 1
    assert "AHN0" not in warnings[0]
    path.write_text("C: EHLO a.example.org\nC: QUIT\n")
    assert [*lint_file(path, warn=warnings.append)] == []
    assert len(warnings) == 1

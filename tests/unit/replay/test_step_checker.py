"""What the check of a transcript knows of each step before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.errors import Fault
from smtp_shell.replay.step_checker import MOST_IN_A_REPLY, StepChecker
from tests.unit.replay.fake import steps_of


def checked(*lines: str, folder: Path = Path(), outside: bool = False, **given: str) -> tuple[StepChecker, list[str]]:
    """Check lines; return the checker and each fault with its line."""
    found: list[Fault] = []
    checker = StepChecker(folder / "a.smtp", None, given, found, outside=outside)
    checker.check(steps_of(*lines))
    checker.check_end()
    return checker, [f"{fault.line}: {fault.problem}" for fault in found]


@pytest.mark.parametrize(
    ("lines", "may_hold", "uses"),
    [
        (["C: NOOP"], False, False),
        (["S: 220", "C& NOOP", "C: RSET"], False, False),
        (["C: AUTH LOGIN"], True, False),
        (["C: AUTH"], True, False),
        ([r"C| NOOP\r\n"], True, False),  # nobody can say what octets are
        (["C: AUTH PLAIN ${sasl}"], True, True),
        ([r"C| AUTH PLAIN ${sasl}\r\n"], True, True),
    ],
)
def test_whether_credentials_may_stand_in_it_or_are_needed(lines: list[str], may_hold: bool, uses: bool) -> None:
    checker, problems = checked(*lines)
    assert (problems, checker.may_hold_credentials, checker.uses_sasl) == ([], may_hold, uses)


def test_a_response_waits_for_no_reply_where_another_response_follows_it() -> None:
    for last in ("${sasl}", "czNjcmV0", "*", ""):
        assert checked("C& AUTH LOGIN ${sasl}", "# a note", "C& ${sasl}", f"C: {last}")[1] == []


def test_a_command_that_begins_in_octets_and_ends_in_a_line_is_read_as_one() -> None:
    assert checked("C| AUTH ", "C: xLOGIN", "S: 334", "C: ${sasl}")[1] == []
    assert checked("C| NO", "C: OP", "S: 334", "C: ${sasl}")[1] != []


NO_DOT = "the mail data after this DATA has no final dot"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["C: DATA", "S: 503", "C: hello there", "C: QUIT"], ""),
        (["C: DATA", "S: 354", "C: hello there"], f"1: {NO_DOT}"),
        # Of a group the last reply is the one to DATA, and a group counts for itself.
        (["C& NOOP", "C: DATA", "S: 250", "S: 354", "C: hello there"], f"2: {NO_DOT}"),
        (["C& NOOP", "C: NOOP", "S: 250", "S: 250", "C: DATA", "S: 503", "C: hello there", "C: QUIT"], ""),
        (["C: NOOP", "S: 250", "C& NOOP", "C: DATA", "S: 250", "S: 354", "C: hello there"], f"4: {NO_DOT}"),
        (["C& NOOP", "C: DATA", "S: 250", "S: 503", "C: hello there", "C: QUIT"], ""),
    ],
)
def test_which_lines_are_mail_data(lines: list[str], problem: str) -> None:
    assert checked(*lines)[1] == ([problem] if problem else [])


def test_variables_in_mail_data_are_checked_as_well() -> None:
    lines = ["C: DATA", "S: 354", "C: Subject: x", "C: hello", "C: dear ${name}", "C: bye ${missing}", "C: ."]
    problems = checked(*lines, name="ann")[1]
    assert len(problems) == 1
    assert problems[0].startswith("6: the variable ${missing} has no value")


MOST = MOST_IN_A_REPLY
TOO_LONG = f"a reply has more than {MOST:,} lines"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["S: 250-x"] * (MOST - 1), ""),
        (["S: 250-x"] * MOST, f"{MOST}: {TOO_LONG}"),
        (["C: NOOP", *["S: 250-x"] * (MOST - 1)], ""),
        (["C: NOOP", *["S: 250-x"] * MOST], f"{MOST + 1}: {TOO_LONG}"),
        (["S: 250 x", *["S: 250-x"] * (MOST - 1)], ""),
        (["S: 250 x", *["S: 250-x"] * MOST], f"{MOST + 1}: {TOO_LONG}"),
        ([*["S: 250-x"] * (MOST - 1), "S: 250 x", "S: 250-x", "S: 250 x"], ""),
        ([*["S: 250-x"] * (MOST - 1), "C< letter.eml", *["S: 250-x"] * (MOST - 1)], ""),
        (["C< letter.eml", *["S: 250-x"] * MOST], f"{MOST + 1}: {TOO_LONG}"),
        # A pattern may be any line of a reply: what the client sends ends it.
        (["S~ 250", "C: NOOP"] * MOST, ""),
        (["S~ 250", "*: wait 1"] * MOST, f"{2 * MOST - 1}: {TOO_LONG}"),
    ],
)
def test_how_long_a_reply_may_be(tmp_path: Path, lines: list[str], problem: str) -> None:
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n")
    assert checked(*lines, folder=tmp_path)[1] == ([problem] if problem else [])


@pytest.mark.parametrize(
    ("octets", "is_right"),
    [
        (r"AUTH PLAIN ${sasl}", True),
        (r"AUTH PLAIN ${sasl}\n", True),
        (r"NOOP\r\nAUTH PLAIN ${sasl}\r\n", True),
        (r"AUTH ${how} ${sasl}\r\n", True),
        (r"AUTH PLAIN ${sasl}x\r\n", False),
        (r"AUTH PLAIN ${sasl}\r\nNOOP\r\n", False),
        (r"NOOP ${sasl}\r\n", False),
        (r"NOOP ${missing}\r\n", False),
    ],
)
def test_what_octets_may_hold(octets: str, is_right: bool) -> None:
    assert (checked(f"C| {octets}", how="PLAIN")[1] == []) is is_right


def test_a_header_of_an_included_file_brings_values_beside_those_that_are_given(tmp_path: Path) -> None:
    (tmp_path / "b.smtp").write_text("Transcript: 1\nVar: to=bob\n\nC: VRFY ${to} ${name}\n", encoding="utf-8")
    assert checked("*: include b.smtp", folder=tmp_path, name="ann")[1] == []


def test_what_is_included_may_stand_outside_the_folder_where_the_user_allows_it(tmp_path: Path) -> None:
    (tmp_path / "b.smtp").write_text("C: NOOP\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    assert checked("*: include ../b.smtp", folder=tmp_path / "folder", outside=True)[1] == []
    assert checked("*: include ../b.smtp", folder=tmp_path / "folder")[1] != []


def test_an_included_file_that_cannot_be_read_is_a_fault_of_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b.smtp").write_text("C: NOOP\n", encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    found: list[Fault] = []
    checker = StepChecker(tmp_path / "a.smtp", None, {}, found, outside=False)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        checker.check(steps_of("*: include b.smtp"))
    assert [(Path(fault.file).name, fault.line) for fault in found] == [("b.smtp", 0)]

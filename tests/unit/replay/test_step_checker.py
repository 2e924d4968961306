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
        (["C: auth login"], True, False),
        (["C:  AUTH LOGIN"], True, False),
        ([r"C: \x41UTH LOGIN"], True, False),
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


NO_PLACE = "${sasl} stands where no response of a mechanism is sent"


@pytest.mark.parametrize(
    ("lines", "is_right"),
    [
        (["C: AUTH LOGIN", "S: 334", "C: ${sasl}"], True),
        (["C: AUTH ${how}", "S: 334", "C: ${sasl}"], True),
        (["C: AUTH LOGIN", "S: 334", "C: ${how}", "S: 334", "C: ${sasl}"], True),
        (["C: AUTH LOGIN", "S: 334", "C: Ym9i", "S: 334", "C: ${sasl}"], True),
        (["C: AUTH LOGIN", "S: 334", "C: *", "S: 501", "C: ${sasl}"], True),
        (["C: AUTH LOGIN", "S: 334", "C: NOOP x", "C: ${sasl}"], False),
        (["C| NO", "C: OP", "C: AUTH LOGIN", "S: 334", "C: ${sasl}"], True),
        # No exchange goes on in mail data, or after one that is done by itself.
        (["C: DATA", "S: 503", "C: ${sasl}"], False),
        (["C: AUTH LOGIN", "C: DATA", "S: 503", "C: ${sasl}"], False),
        (["*: authenticate", "C: ${sasl}"], False),
        (["C: AUTH LOGIN", "*: authenticate", "C: ${sasl}"], False),
        # Of a line in pieces 1,024 octets are looked at: a longer one is no command, nor a response.
        (["C: AUTH LOGIN", f"C| {'a' * 1023}!", r"C| \r\n", "C: ${sasl}"], False),
        (["C: AUTH LOGIN", f"C| {'a' * 1024}!", r"C| \r\n", "C: ${sasl}"], True),
    ],
)
def test_where_the_response_of_a_mechanism_may_stand(lines: list[str], is_right: bool) -> None:
    assert checked(*lines, how="LOGIN")[1] == ([] if is_right else [f"{len(lines)}: {NO_PLACE}"])


def test_a_command_that_begins_in_octets_and_ends_in_a_line_is_read_as_one() -> None:
    assert checked("C| AUTH ", "C: xLOGIN", "S: 334", "C: ${sasl}")[1] == []
    assert checked("C| NO", "C: OP", "S: 334", "C: ${sasl}")[1] != []


NO_DOT = "the mail data after this DATA has no final dot"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["C: DATA", "S: 503", "C: hello there", "C: QUIT"], ""),
        (["C: DATA", "S: 354", "C: hello there"], f"1: {NO_DOT}"),
        (["C: data", "S: 354", "C: hello there"], f"1: {NO_DOT}"),
        (["C: DATA", "C: hello there", "C: DATA ${date}"], f"1: {NO_DOT}"),
        (["C& DATA", "C: hello there"], ""),
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
        *(
            row
            for event in ("*: authenticate", "*: connect mx.example:25")
            for row in (
                ([*["S: 250-x"] * (MOST - 1), event, *["S: 250-x"] * (MOST - 1)], ""),
                ([event, *["S: 250-x"] * MOST], f"{MOST + 1}: {TOO_LONG}"),
            )
        ),
        (["S~ ^250 x$", *["S: 250-x"] * (MOST - 1)], ""),
        (["S~ ^250 x$", *["S: 250-x"] * MOST], f"{MOST + 1}: {TOO_LONG}"),
        # A pattern may be any line of a reply: what the client sends ends it.
        (["S~ 250", "C: NOOP"] * MOST, ""),
        (["S~ 250", "*: wait 1"] * MOST, f"{2 * MOST - 1}: {TOO_LONG}"),
    ],
)
def test_how_long_a_reply_may_be(tmp_path: Path, lines: list[str], problem: str) -> None:
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n")
    assert checked(*lines, folder=tmp_path)[1] == ([problem] if problem else [])


def test_the_limits_are_those_that_users_are_told() -> None:
    assert MOST == 10_002
    assert checked(*["C& NOOP"] * 9_999, "C: NOOP")[1] == []
    assert checked(*["C& NOOP"] * 10_000, "C: NOOP")[1] == ["10000: a group has more than 10,000 lines"]
    captures = ["S~ " + "".join(f"(?P<v{first + each}>.)" for each in range(50)) for first in range(0, 1_000, 50)]
    assert checked(*captures)[1] == []
    # More of them are told once.
    found: list[Fault] = []
    StepChecker(Path("a.smtp"), None, {}, found, outside=False).check(steps_of(*captures, "S~ (?P<x>.)", "S~ (?P<y>.)"))
    assert found == [Fault(21, "the patterns capture more than 1,000 variables", "fewer")]


@pytest.mark.parametrize(
    ("event", "address", "tls", "problem"),
    [
        ("*: connect mx.example:465 tls", "mx.example:465", True, ""),
        ("*: connect tls", "tls", False, ""),
        ("*: connect mx.example:99999 tls", "mx.example:99999", True, "1: *: connect names no server: "),
    ],
)
def test_what_a_connect_names(event: str, address: str, tls: bool, problem: str) -> None:
    checker, problems = checked(event, "C: NOOP")
    assert (checker.address, checker.tls) == (address, tls)
    assert len(problems) == bool(problem)
    assert all(each.startswith(problem) and not each.endswith(".") for each in problems)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["*: finally"], "1: *: finally stands before any step"),
        (["*: connect mx.example:25", "*: finally"], "2: *: finally stands before any step"),
        (["C: NOOP", "*: finally", "S: 250"], "3: an expectation follows *: finally, and nothing was sent"),
        (["*: authenticate finally", "S: 235"], ""),
        (["*: authenticate", "S: 334", "S: 334"], "2: a challenge is expected after *: authenticate, which answers them all"),
    ],
)  # fmt: skip
def test_what_may_stand_around_finally_and_authenticate(lines: list[str], problem: str) -> None:
    assert checked(*lines)[1] == ([problem] if problem else [])


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


def test_with_a_faulty_header_of_an_included_file_nothing_is_said_of_its_variables(tmp_path: Path) -> None:
    (tmp_path / "b.smtp").write_text("Transcript: 1\nVar: to=bob\nVar: odd\n\nC: VRFY ${to}\n", encoding="utf-8")
    assert checked("*: include b.smtp", folder=tmp_path)[1] == ["3: 'odd' is not of the form name=value"]


def test_a_slip_in_an_event_of_an_included_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "b.smtp").write_text("C: NOOP\n*: authentication\n", encoding="utf-8")
    checker, problems = checked("*: include b.smtp", folder=tmp_path)
    assert problems == []
    assert [(each.line, Path(each.file).name) for each in checker.warnings] == [(2, "b.smtp")]


@pytest.mark.parametrize(("faults", "found"), [(20, 21), (21, 21)])
def test_after_more_faults_than_are_told_an_included_file_is_not_read_on(
    tmp_path: Path, faults: int, found: int
) -> None:
    (tmp_path / "b.smtp").write_text("x\n" * faults + "C: NOOP\n" * 10_000 + "x\n", encoding="utf-8")
    assert len(checked("*: include b.smtp", folder=tmp_path)[1]) == found


def test_what_is_included_may_stand_outside_the_folder_where_the_user_allows_it(tmp_path: Path) -> None:
    (tmp_path / "b.smtp").write_text("C: NOOP\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    assert checked("*: include ../b.smtp", folder=tmp_path / "folder", outside=True)[1] == []
    assert checked("*: include ../b.smtp", folder=tmp_path / "folder")[1] != []
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n")
    assert checked("C< ../letter.eml", folder=tmp_path / "folder", outside=True)[1] == []
    assert checked("C< ../letter.eml", folder=tmp_path / "folder")[1] != []


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

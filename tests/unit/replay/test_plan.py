"""What is wrong with a transcript is told before anything of it is sent."""

import os
import sys
from pathlib import Path

import pytest

from smtp_shell.errors import NotSendable, TranscriptError, UsageError
from smtp_shell.replay.plan import (
    KEPT_OVERHEAD,
    KEPT_SIZE,
    ReplayPlan,
    plan,
    planned_steps,
)
from smtp_shell.replay.step_checker import MOST_CAPTURES, MOST_IN_A_GROUP, MOST_IN_A_REPLY
from smtp_shell.transcript.header import MOST_FAULTS
from smtp_shell.transcript.included_line import file_of


def check(folder: Path, *lines: str, **given: str) -> ReplayPlan:
    path = folder / "a.smtp"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return plan(path, given)


def problems(folder: Path, *lines: str, **given: str) -> list[str]:
    """Return each fault, with its line."""
    try:
        check(folder, *lines, **given)
    except TranscriptError as error:
        return [f"{fault.line}: {fault.problem}" for fault in error.faults]
    return []


GOOD = [
    ["C: NOOP"],
    ["S: 220 ok", "C: NOOP", "S: 250"],
    ["C: MAIL FROM:<${name}@example.org>"],
    [r"C: MAIL FROM:<\${unknown}@example.org>"],
    ["S~ 250 (?P<id>.*)", "C: ETRN ${id}"],
    ["*: wait 2.5", "*: within 10", "*: connect mail.example.org:25", "*: whatever it is", "C: NOOP"],
    ["C: AUTH PLAIN ${sasl}"],
    ["C| AUTH PLAIN ${sasl}\\r\\n"],
    ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: ${sasl}", "S: 334", "C: ${sasl}"],
    ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: c3R1ZGVudA==", "S: 334", "C: ${sasl}"],
    [r"C: \x41UTH LOGIN", "C: ${sasl}"],
    ["C< a.smtp"],
    ["*: close server"],
    ["*: close server at last"],
]


@pytest.mark.parametrize("lines", GOOD, ids=lambda lines: lines[-1])
def test_what_can_be_acted_out(tmp_path: Path, lines: list[str]) -> None:
    assert problems(tmp_path, *lines, name="ann") == []


def test_the_steps_of_a_short_transcript_are_kept(tmp_path: Path) -> None:
    steps = check(tmp_path, "S: 220", "C: NOOP").steps
    assert steps is not None
    assert [(step.marker.value, step.text, step.line) for step in steps] == [("S:", "220", 1), ("C:", "NOOP", 2)]
    assert plan(tmp_path / "a.smtp", {}, keep=False).steps is None


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["C: NOOP"] * (KEPT_SIZE // (KEPT_OVERHEAD + 4) - 1), True),
        (["C: NOOP"] * (KEPT_SIZE // (KEPT_OVERHEAD + 4) + 1), False),
        (["C: " + "x" * KEPT_SIZE], False),
        (["C: NOOP", "C: " + "x" * KEPT_SIZE], False),
        # What follows in the next piece that is read finds room for one character left.
        (["C: " + "x" * (KEPT_SIZE - KEPT_OVERHEAD - 1), *[""] * 200, "C: QUIT"], False),
        (["C: " + "x" * (KEPT_SIZE - KEPT_OVERHEAD - 1)], True),
    ],
    ids=["few lines", "many lines", "a long line", "a short and a long line", "a long and a short line", "a full line"],
)
def test_the_steps_of_a_long_transcript_are_not_kept(tmp_path: Path, lines: list[str], kept: bool) -> None:
    assert (check(tmp_path, *lines).steps is not None) is kept


NOWHERE = "${sasl} stands where no response of a mechanism is sent"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "0: the transcript has no steps"),
        (["# note", "*: close"], "0: the transcript has no steps"),
        (["C: NOOP", "NOOP"], "2: 'NOOP' has no marker"),
        (["C: ${unknown}"], "1: the variable ${unknown} has no value; known are: "),
        (["C: ${id}", "S~ 250 (?P<id>.*)"], "1: the variable ${id} has no value; known are: "),
        (["S: hello"], "1: 'hello' does not begin with a reply code"),
        (["C: ${sasl}"], f"1: {NOWHERE}"),
        (["C: AUTH LOGIN", "C: NOOP x", "C: ${sasl}"], f"3: {NOWHERE}"),
        (["C: AUTH LOGIN", "C: ${name} x", "C: ${sasl}"], f"3: {NOWHERE}"),
        (["C: AUTH PLAIN ${sasl} x"], f"1: {NOWHERE}"),
        (["C: MAIL ${sasl}"], f"1: {NOWHERE}"),
        (["C& AUTH PLAIN ${sasl}"], "1: ${sasl} stands in a line that waits for no reply"),
        (["C& AUTH LOGIN", "C& ${sasl}", "S: 334"], "2: ${sasl} stands in a line that waits for no reply"),
        (["C& AUTH PLAIN ${sasl}", "# a note", "C: NOOP"], "1: ${sasl} stands in a line that waits for no reply"),
        (["C& AUTH PLAIN ${sasl}", r"C| YQ==\r\n"], "1: ${sasl} stands in a line that waits for no reply"),
        (["C& AUTH PLAIN ${sasl}", "*: wait 1"], "1: ${sasl} stands in a line that waits for no reply"),
        (["*: wait"], "1: *: wait has no number of seconds"),
        (["*: within 1e3"], "1: *: within has no number of seconds"),
        (["*: wait 86401"], "1: *: wait has no number of seconds"),
        (["*: connect"], "1: *: connect names no server"),
        (["C< ../a.eml"], "1: '../a.eml' is outside the transcript's folder"),
        (["C< none.eml"], "1: 'none.eml', a file with mail data, does not exist"),
        (["C& NOOP"] * MOST_IN_A_GROUP, f"{MOST_IN_A_GROUP}: a group has more than {MOST_IN_A_GROUP:,} lines"),
        (["S: 250-x"] * MOST_IN_A_REPLY, f"{MOST_IN_A_REPLY}: a reply has more than {MOST_IN_A_REPLY:,} lines"),
        ([f"S~ (?P<x{number}>.)" for number in range(MOST_CAPTURES + 1)], f"{MOST_CAPTURES + 1}: the patterns capture more than"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_what_cannot_be_acted_out(tmp_path: Path, lines: list[str], problem: str) -> None:
    found = problems(tmp_path, *lines, name="ann")
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_what_ends_a_group_or_a_reply_ends_its_count(tmp_path: Path) -> None:
    group = ["C& NOOP"] * (MOST_IN_A_GROUP - 1)
    assert problems(tmp_path, *group, "C: NOOP", *group, "C: NOOP") == []
    reply = ["S: 250-x"] * (MOST_IN_A_REPLY - 1)
    assert problems(tmp_path, *reply, "S: 250 x", *reply, "S: 250 x", "C: NOOP", *reply, "S: 250 x") == []


def test_faults_are_told_in_order_and_not_without_end(tmp_path: Path) -> None:
    assert problems(tmp_path, "C: ${a}", "odd", "S: x")[1:] == [
        "2: 'odd' has no marker",
        "3: 'x' does not begin with a reply code such as 250, 2yz or 250|251",
    ]
    for line in ("odd", "S: x"):
        found = problems(tmp_path, *[line] * 50_000)
        assert len(found) == MOST_FAULTS + 1
        assert found[-1] == f"0: there are more faults after these {MOST_FAULTS}"


def test_faults_of_the_header_stay_before_those_of_the_lines(tmp_path: Path) -> None:
    lines = ["odd", *["C: NOOP"] * 5_000, "odd", "S: x"]
    found = problems(tmp_path, "Transcript: 1", "Match: none", "", *lines)
    assert [each.partition(":")[0] for each in found] == ["2", "4", "5005", "5006"]


@pytest.mark.parametrize(("more", "told"), [([], 0), (["odd"], 1), (["S: x"], 1)])
def test_that_there_are_more_faults_is_told_where_there_are_more(tmp_path: Path, more: list[str], told: int) -> None:
    found = problems(tmp_path, *["odd"] * MOST_FAULTS, *["C: NOOP"] * 5_000, *more)
    assert len(found) == MOST_FAULTS + told
    assert sum(each.startswith("0: there are more") for each in found) == told


def test_the_outline(tmp_path: Path) -> None:
    outline = check(tmp_path, "Transcript: 1", "Server: mail.example.org:25", "", "C: AUTH PLAIN ${sasl}")
    assert (outline.address, outline.tls, outline.uses_sasl) == ("mail.example.org:25", False, True)
    outline = check(tmp_path, "*: connect mail.example.org:465 tls", "*: connect mail.example.com:25", "C: NOOP")
    assert (outline.address, outline.tls, outline.uses_sasl) == ("mail.example.org:465", True, False)


@pytest.mark.parametrize(
    ("line", "starts"), [("STARTTLS", True), ("starttls", True), ("NOOP", False), ("NOOP STARTTLS", False)]
)
def test_a_short_plan_knows_whether_tls_starts_in_it(tmp_path: Path, line: str, starts: bool) -> None:
    assert check(tmp_path, "C: NOOP", f"C: {line}").starts_tls is starts
    assert not check(tmp_path, f"C: {line}", "C: " + "x" * KEPT_SIZE).starts_tls


@pytest.mark.parametrize(("given", "found"), [({}, 1), ({"token": "AGFubgBzM2NyZXQ="}, 0), ({"other": "x"}, 1)])
def test_a_credential_that_a_default_holds_stands_in_the_file_unless_the_caller_gives_another(
    tmp_path: Path, given: dict[str, str], found: int
) -> None:
    credentials = check(
        tmp_path, "Transcript: 1", "Var: token=AGFubgBzM2NyZXQ=", "", "C: AUTH PLAIN ${token}", **given
    ).credentials
    assert (credentials.count if credentials is not None else 0) == found


@pytest.mark.parametrize(
    "octets", [b"", b"\n\n", b"# only a note\n", b"Transcript: 1\n\n", b"Transcript: 1\nClient: x\n\nC: NO"]
)
def test_a_file_without_steps_is_a_fault(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "empty.smtp"
    path.write_bytes(octets)
    with pytest.raises(TranscriptError, match=r"empty\.smtp: the transcript has no steps; expected at least one line"):
        plan(path, {})


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes in folders")
def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe.smtp"
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(pipe, b"C: NOOP\n" * 8_000)
        for each in (path, tmp_path):
            with pytest.raises(TranscriptError) as caught:
                plan(each, {})
            assert str(caught.value) == f"{each}: cannot be read: it is no file; expected a transcript"
        with pytest.raises(TranscriptError, match=r"gone\.smtp: cannot be opened: there is no such file"):
            plan(tmp_path / "gone.smtp", {})
        assert os.read(pipe, 100_000) == b"C: NOOP\n" * 8_000
    finally:
        os.close(pipe)


def test_a_system_that_takes_no_such_name_is_not_asked_whether_it_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> bool:
        raise ValueError("embedded null character in path")

    (tmp_path / "a.smtp").write_text("C: NOOP\n")
    monkeypatch.setattr(os.path, "exists", refuse)
    assert plan(tmp_path / "a.smtp", {}).steps is not None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("*: withn 1", "*: withn is no event that a replay knows; expected *: within"),
        ("*: wiat 2", "*: wiat is no event that a replay knows; expected *: wait"),
        ("*: WAIT 2", "*: WAIT is no event that a replay knows; expected *: wait"),
        ("*: tsl", "*: tsl is no event that a replay knows; expected *: tls"),
        ("*: conect mx.example", "*: conect is no event that a replay knows; expected *: connect"),
        ("*: close serverr", "'serverr' after *: close is a misspelling; expected *: close server"),
        ("*: close sever", "'sever' after *: close is a misspelling; expected *: close server"),
        ("*: wait x", "*: wait has no number of seconds; expected *: wait SECONDS"),
        ("*: wait 1 minute", "*: wait has 'minute' after the seconds; expected *: wait SECONDS"),
        ("*: within -1", "*: within has no number of seconds; expected *: within SECONDS"),
        ("*: within 0", "*: within has no time for a reply; expected more than 0"),
        ("*: connect mx.example:99999", "*: connect names no server: mx.example:99999 is no address"),
        ("*: connect :::", "*: connect names no server: "),
        ("*: connect mx.example:465 tsl", "*: connect has 'tsl' after the server; expected tls or nothing"),
        ("*: connect mx.example:465 tls now", "*: connect has 'tls now' after the server; expected tls or nothing"),
        ("*: no-tls please", "*: no-tls has 'please' after it; expected *: no-tls alone"),
    ],
)  # fmt: skip
def test_an_event_that_would_not_do_what_it_says_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        check(tmp_path, "C: NOOP", line)
    (fault,) = caught.value.faults
    assert fault.line == 2
    assert str(fault).startswith(problem)


@pytest.mark.parametrize("line", ["*: whatever it is", "*: mark", "*: graph 42", "*: close reset", "*: close by hand"])
def test_an_event_of_another_program_is_kept(tmp_path: Path, line: str) -> None:
    assert check(tmp_path, "C: NOOP", line).warnings == ()


def test_an_event_whose_name_is_near_a_known_one_is_warned_of(tmp_path: Path) -> None:
    checked = check(tmp_path, "*: waitfor 2", "C: NOOP")
    assert [(each.line, str(each)) for each in checked.warnings] == [
        (1, "*: waitfor is no event that a replay knows; is *: wait meant?")
    ]


MAIL = ["C: Subject: hello", "C:", "C: AUTH LOGIN", "C: QUIT, said the duck"]
END_MISSING = "the mail data after this DATA has no final dot"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["C: DATA", "S: 354", *MAIL], f"1: {END_MISSING}"),
        (["C: DATA", *MAIL], f"1: {END_MISSING}"),
        (["C: data", "S: 3yz", "C: QUIT"], f"1: {END_MISSING}"),
        ([r"C: DAT\x41", "S= 354 go", "C: QUIT"], f"1: {END_MISSING}"),
        (["C: DATA", "S~ 354 .*", "C: QUIT"], f"1: {END_MISSING}"),
        (["C: DATA", "S~ .*", "C: QUIT"], f"1: {END_MISSING}"),
        (["C& MAIL FROM:<>", "C: DATA", "S: 250", "S: 354", *MAIL], f"2: {END_MISSING}"),
        (["C& MAIL FROM:<>", "C: DATA", *MAIL], f"2: {END_MISSING}"),
        (["C: DATA", "S: 354", *MAIL, "S: 250"], "7: the mail data after the DATA in line 1 has no final dot"),
        (["C: DATA", *MAIL, "S: 250", "C: QUIT"], "6: the mail data after the DATA in line 1 has no final dot"),
        (["C: DATA", "S: 354", "C: QUIT", "S: 221"], "4: the mail data after the DATA in line 1 has no final dot"),
        (["C: DATA", "S: 354", *MAIL, "*: connect mx.example"], f"1: {END_MISSING}"),
        (["C: DATA", "S: 354", *MAIL, "*: connect mx.example", "C: ."], f"1: {END_MISSING}"),
        (["C: DATA", "S: 354", *MAIL, "*: authenticate", "C: ."], f"1: {END_MISSING}"),
        (["C: DATA", "S: 354", *MAIL, "*: finally", "C: ."], f"1: {END_MISSING}"),
        (["C: DATA", "S: 354", "C: ..", "S: 250"], "4: the mail data after the DATA in line 1 has no final dot"),
        (["C: DATA", "S: 354", "C: x", "S: 3yz"], "4: the mail data after the DATA in line 1 has no final dot"),
        (["C: DATA", "S: 354", "C| .\\r\\nQUIT\\r\\n"], f"1: {END_MISSING}"),
        (["C: DATA", "S: 354", "C: a\\x2e", "S: 250"], "4: the mail data after the DATA in line 1 has no final dot"),
        (["C: DATA", "S: 354", "C: ..", "C: . "], f"1: {END_MISSING}"),
        (["C: DATA", "S: 354", "C| hello\\r\\n"], f"1: {END_MISSING}"),
    ],
)  # fmt: skip
def test_mail_data_without_its_dot_is_refused(tmp_path: Path, lines: list[str], problem: str) -> None:
    assert problems(tmp_path, *lines) == [problem]


@pytest.mark.parametrize(
    "lines",
    [
        ["C: DATA", "S: 354", *MAIL, "C: .", "S: 250"],
        ["C: DATA", *MAIL, "C: ."],
        ["C: DATA", "S: 354", "C: ."],
        ["C: DATA", "S: 354", r"C: \x2e", "S: 250"],
        ["Transcript: 1", "Var: end=.", "", "C: DATA", "S: 354", "C: ${end}", "S: 250"],
        ["C: DATA", "S: 354", "C| hello\\r\\n.\\r\\n", "S: 250"],
        ["C: DATA", "S: 354", "C< a.smtp", "S: 250"],
        ["C: DATA", "S: 354"],
        ["C: DATA", "C: QUIT"],
        ["C: DATA", "S: 503", "C: QUIT", "S: 221"],
        ["C& RCPT TO:<a@example.org>", "C: DATA", "S: 550", "S: 554", "C: QUIT", "S: 221"],
        ["C: DATA", "S: 554", *MAIL, "C: .", "C: QUIT"],
        ["C: DATA", "S: 354", *MAIL, "*: close"],
        ["C: DATA", "S: 354", *MAIL, "*: timeout 60 room in the send buffer", "*: timeout"],
        ["C: DATA", "S: 354", *MAIL, "S: 421 bye", "*: close server"],
        ["C: DATA", "S: 354", "C| a", "S: 421 x", r"C| \x0d\x0a", "C: b"],
        ["C: DATA", "S: 354", "C: a", "S: 552 too long", "C: b", "C: .", "S: 503"],
        ["C: VRFY DATA", "S: 250", "C: QUIT", "S: 221"],
    ],
)
def test_mail_data_with_its_dot_or_without_any_need_of_one(tmp_path: Path, lines: list[str]) -> None:
    assert problems(tmp_path, *lines) == []


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["Transcript: 1", "Title Lab", "Server: mx.example", "Tags: a", "", "C: NOOP"], 2),
        (["Transcript 1", "Title: Lab", "Server: mx.example", "Tags: a", "Date: today", "", "C: NOOP"], 1),
        (["Trancript: 1", "Title: Lab", "Server: mx.example", "Var: a=b", "", "C: NOOP ${a}"], 1),
        (["Title: Lab", "Server: mx.example", "Tags: a", "", "C: NOOP"], 1),
        (["", "Transcript: 1", "Title: Lab", "Server: mx.example", "", "C: NOOP"], 2),
        (["# a note", "Transcript: 1", "Title: Lab", " and more", "Server: mx.example", "", "C: NOOP"], 2),
        (["Transcript: 1", "", "Title: Lab", "Server: mx.example", "Tags: a", "", "C: NOOP"], 3),
        (["Transcript: 1", "Var: 1a=b", "Var: c=d", "", "C: NOOP ${a}", "C: NOOP ${c}", "C: NOOP ${a}"], 2),
        (["Transcript: 1", "Secrets: foo", "Var: c=d", "", "C: NOOP ${c}"], 2),
        (["Transcript: 1", "Title: Lab", "C: NOOP ${a}", "S: 250"], 3),
    ],
)
def test_one_bad_line_of_a_header_is_one_fault(tmp_path: Path, lines: list[str], line: int) -> None:
    assert [found.partition(":")[0] for found in problems(tmp_path, *lines)] == [str(line)]


def test_the_variables_that_are_used_are_known(tmp_path: Path) -> None:
    assert check(tmp_path, "C: NOOP ${a} ${b}", "C: NOOP ${a}", a="1", b="2").variables == {"a", "b"}


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["*: finally", "C: QUIT"], "1: *: finally stands before any step"),
        (["C: NOOP", "*: finally", "C: QUIT", "*: finally"], "4: *: finally stands twice"),
        (["C: NOOP", "*: finally", "S: 250"], "3: an expectation follows *: finally, and nothing was sent"),
        (["C: NOOP", "*: finally", "# why", "S: 250"], "4: an expectation follows *: finally"),
        (["C: DATA", "S: 354", "C: hi", "*: finally"], "1: the mail data after this DATA has no final dot"),
        (["C: DATA", "S: 354", "C: hi", "*: authenticate"], "1: the mail data after this DATA has no final dot"),
        (["*: authenticate", "S: 334 x"], "2: a challenge is expected after *: authenticate"),
        (["*: authenticate OTP"], "1: *: authenticate: 'OTP' is no mechanism that smtp-shell knows"),
        (["*: include none.smtp"], "1: 'none.smtp', a transcript, does not exist"),
        (["*: include a.smtp"], "1: the file includes itself"),
        (["*: include"], "1: *: include names no file"),
    ],
)
def test_an_event_of_suites_that_would_not_do_what_it_says_is_refused(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    found = (
        problems(tmp_path, "*: connect mx.example:25", *lines) if "include" in lines[0] else problems(tmp_path, *lines)
    )
    if "include" in lines[0]:
        problem = problem.replace("1:", "2:", 1)
        found = [each for each in found if not each.startswith("0:")]
    assert [each[: len(problem)] for each in found] == [problem]


@pytest.mark.parametrize(
    "lines",
    [
        ["C: NOOP", "*: finally"],
        ["C: NOOP", "*: finally", "*: connect mx.example:25", "S: 220", "C: QUIT"],
        ["C: NOOP", "S: 250", "*: finally", "C: QUIT", "S: 221"],
        ["*: authenticate", "S: 235"],
        ["*: authenticate PLAIN ann", "S: 535", "C: NOOP", "S: 334"],
        ["*: authenticate", "S: 235|334"],
    ],
)
def test_events_of_suites_where_they_mean_something(tmp_path: Path, lines: list[str]) -> None:
    assert problems(tmp_path, *lines) == []


def write_included(folder: Path, *lines: str) -> None:
    (folder / "b.smtp").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def test_what_a_plan_knows_of_included_files(tmp_path: Path) -> None:
    write_included(
        tmp_path,
        "Transcript: 1",
        "Var: to=bob",
        "Var: size=1",
        "Server: other.example",
        "",
        "C: VRFY ${to}",
        "S~ (?P<id>.+)",
    )
    outline = check(
        tmp_path, "Transcript: 1", "Var: size=2", "", "*: include b.smtp", "C: ${id} ${size}", "*: finally", "C: QUIT"
    )
    assert outline.steps is not None
    assert [(step.text, int(step.line), bool(file_of(step.line))) for step in outline.steps] == [
        ("include b.smtp", 4, False),
        ("VRFY ${to}", 6, True),
        ("(?P<id>.+)", 7, True),
        ("${id} ${size}", 5, False),
        ("finally", 6, False),
        ("QUIT", 7, False),
    ]
    assert outline.defaults == {"to": "bob", "size": "2"}
    assert (outline.address, outline.includes, outline.has_finally) == ("", True, True)
    with planned_steps(plan(tmp_path / "a.smtp", {}, keep=False), tmp_path / "a.smtp", outside=False) as steps:
        assert tuple(steps) == outline.steps
    assert check(tmp_path, "*: authenticate").uses_sasl


def test_what_is_read_again_may_stand_outside_as_what_was_checked(tmp_path: Path) -> None:
    write_included(tmp_path, "C: AUTH PLAIN AGFubgBzM2NyZXQ=")
    path = tmp_path / "inner" / "a.smtp"
    path.parent.mkdir()
    path.write_text("*: connect mx.example:25\n*: include ../b.smtp\nC: QUIT\n")
    for keep in (False, True):
        checked = plan(path, {}, outside=True, keep=keep)
        assert checked.credentials is not None
        assert checked.credentials.count == 1
        with planned_steps(checked, path, outside=True) as steps:
            assert [step.text for step in steps][1:] == ["include ../b.smtp", "AUTH PLAIN AGFubgBzM2NyZXQ=", "QUIT"]
    with pytest.raises(TranscriptError, match="outside the transcript's folder"):
        plan(path, {})


@pytest.mark.parametrize("many", [100, 2_000])
def test_of_included_steps_all_are_kept_or_none(tmp_path: Path, many: int) -> None:
    write_included(tmp_path, *["C: NOOP"] * many)
    steps = check(tmp_path, "*: include b.smtp", "*: include b.smtp", "C: QUIT").steps
    assert (len(steps) if steps is not None else 0) == (2 * many + 3 if many == 100 else 0)


def test_the_faults_of_an_included_file_name_it(tmp_path: Path) -> None:
    write_included(tmp_path, "C: NOOP", "odd", "S: x", "C: ${unknown}", "*: finally")
    with pytest.raises(TranscriptError) as caught:
        check(tmp_path, "C: NOOP", "*: include b.smtp", "S: y")
    named = [(Path(fault.file).name, fault.line) for fault in caught.value.faults]
    assert sorted(named) == [("", 3), ("b.smtp", 2), ("b.smtp", 3), ("b.smtp", 4), ("b.smtp", 5)]
    assert f"{tmp_path / 'b.smtp'}:3: 'x' does not begin with a reply code" in str(caught.value)
    assert f"{tmp_path / 'a.smtp'}:3: 'y' does not begin with a reply code" in str(caught.value)
    write_included(tmp_path, "Transcript: 1", "Match: none", "", "C: NOOP")
    with pytest.raises(TranscriptError, match=r"b\.smtp:2: 'none' is no level of Match"):
        check(tmp_path, "*: include b.smtp")


def test_the_faults_of_included_files_follow_those_of_the_transcript_in_their_order(tmp_path: Path) -> None:
    write_included(tmp_path, "S: y", "C: NOOP", "S: x")
    with pytest.raises(TranscriptError) as caught:
        check(tmp_path, "*: connect mx.example:25", "*: include b.smtp", "C: NOOP", "odd")
    assert [(Path(fault.file).name, fault.line) for fault in caught.value.faults] == [
        ("", 4),
        ("b.smtp", 1),
        ("b.smtp", 3),
    ]


@pytest.mark.parametrize(
    ("given", "error"), [({"sasl": "x"}, UsageError), ({"1a": "x"}, UsageError), ({"a": "x\r\nQUIT"}, NotSendable)]
)
def test_variables_that_cannot_be_some_are_refused_before_a_file_is_opened(
    tmp_path: Path, given: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        plan(tmp_path / "gone.smtp", given)

"""What is wrong with a transcript is told before anything of it is sent."""

from pathlib import Path

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.replay.plan import (
    KEPT_OVERHEAD,
    KEPT_SIZE,
    MOST_CAPTURES,
    MOST_IN_A_GROUP,
    MOST_IN_A_REPLY,
    ReplayPlan,
    plan,
)
from smtp_shell.transcript.header import MOST_FAULTS


def check(folder: Path, *lines: str, **given: str) -> ReplayPlan:
    path = folder / "a.smtp"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return plan(path, given)


def problems(folder: Path, *lines: str, **given: str) -> list[str]:
    """Give each fault, with its line."""
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
    ],
    ids=["few lines", "many lines", "a long line", "a short and a long line"],
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


def test_the_outline(tmp_path: Path) -> None:
    outline = check(tmp_path, "Transcript: 1", "Server: mail.example.org:25", "", "C: AUTH PLAIN ${sasl}")
    assert (outline.address, outline.tls, outline.uses_sasl) == ("mail.example.org:25", False, True)
    outline = check(tmp_path, "*: connect mail.example.org:465 tls", "*: connect mail.example.com:25", "C: NOOP")
    assert (outline.address, outline.tls, outline.uses_sasl) == ("mail.example.org:465", True, False)


@pytest.mark.parametrize(
    "octets", [b"", b"\n\n", b"# only a note\n", b"Transcript: 1\n\n", b"Transcript: 1\nClient: x\n\nC: NO"]
)
def test_a_file_without_steps_is_a_fault(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "empty.smtp"
    path.write_bytes(octets)
    with pytest.raises(TranscriptError, match=r"empty\.smtp: the transcript has no steps; expected at least one line"):
        plan(path, {})


def test_a_misspelt_event_is_a_warning_that_names_the_nearest(tmp_path: Path) -> None:
    checked = check(tmp_path, "*: wiat 2", "*: whatever it is", "C: NOOP", "*: close sever")
    assert [(each.line, str(each)) for each in checked.warnings] == [
        (1, "*: wiat is no event that a replay knows; is *: wait meant?")
    ]

"""Verdicts of a replay over a socket: every step is accounted for, `*: within`, where an expectation ends, how a difference is named."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.config import Timeouts
from smtp_shell.matching.expectation import Strictness
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.reporters import ReportSettings, make_reporter
from smtp_shell.replay.results import Outcome
from smtp_shell.replay.runner import ReplayOptions, run_replays
from smtp_shell.replay.settings import ReplaySettings
from tests.support.peer import Hear, Pause, ScriptedServer, Turn

PATIENT = replace(Timeouts().all(0.6), quit=0.4)
GREETING = b"220 mx.example ESMTP\r\n"
M, D, S, N = "matched", "mismatched", "skipped", "sent"


def turn(hear: bytes, say: bytes) -> list[Turn]:
    return [Hear(hear + b"\r\n"), say]


NOOP = turn(b"NOOP", b"250 ok\r\n")
QUIT = turn(b"QUIT", b"221 bye\r\n")
EHLO_REPLY = b"250-mx.example\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n"
EHLO = turn(b"EHLO x.example", EHLO_REPLY)
DATA = turn(b"DATA", b"354 go\r\n")
MAIL = "C: hi\nC: .\nS: 250\n"
SENT_MAIL = turn(b"hi\r\n.", b"250 queued\r\n")
REST = "C: RSET\nS: 250\nC: QUIT\nS: 221\n"
RSET_QUIT = [*turn(b"RSET", b"250 ok\r\n"), *QUIT]


def replayed(
    tmp_path: Path,
    transcript: str,
    turns: Sequence[Turn],
    settings: ReplaySettings,
    reporter: str,
    *,
    closes: bool = False,
) -> tuple[int, str, ScriptedServer]:
    """Replay a transcript as the command does; return the exit status, the report and the server."""
    path = tmp_path / "test.smtp"
    path.write_text(transcript, encoding="utf-8")
    out = io.StringIO()
    with ScriptedServer(turns, closes=closes) as server:
        options = ReplayOptions([path], [server.address], settings, [make_reporter(reporter, ReportSettings())])
        status = run_replays(options, out).exit_status
    return status, out.getvalue(), server


# (transcript, turns, whether the server closes, status, outcomes without and with --keep-going)
BREAKS: dict[str, tuple[str, list[Turn], bool, int, list[str], list[str]]] = {
    "only the words of the 354 differ": (
        f"S: 220\nC: DATA\nS= 354 other words\n{MAIL}{REST}",
        [GREETING, *DATA, *SENT_MAIL, *RSET_QUIT], False, 1, [M, D], [M, D, M, M, M],
    ),
    "a 354 where none was expected": (
        f"S: 220\nC: DATA\nS: 503\n{REST}", [GREETING, *DATA], False, 1, [M, D], [M, D, S, S],
    ),
    "DATA is refused": (
        f"S: 220\nC: DATA\nS: 354\n{MAIL}{REST}",
        [GREETING, *turn(b"DATA", b"503 no\r\n"), *RSET_QUIT], False, 1, [M, D], [M, D, S, M, M],
    ),
    "DATA is refused to a script, in a reply that breaks the protocol": (
        "C: DATA\nC: hi\nC: .\nC: QUIT\nS: 221\n",
        [GREETING, *turn(b"DATA", b"503-no\r\n554 no\r\n"), *QUIT], False, 6, [N, D], [N, D, S, M],
    ),
    "no reply to DATA": (
        f"S: 220\nC: DATA\nS: 354\n{MAIL}{REST}", [GREETING, Hear(b"DATA\r\n")], False, 3, [M, D], [M, D, S, S, S],
    ),
    "a value was not captured": (
        "S: 220\nC: NOOP\nS~ 250 id=(?P<id>\\w+)\nC: VRFY ${id}\nS: 250\nC& EXPN ${id}\nC: DATA\nS: 250\nS: 354\n" + MAIL + REST,
        [GREETING, *NOOP, *RSET_QUIT], False, 1, [M, D], [M, D, S, S, S, M, M],
    ),
    "a value that may be left out is needed": (
        f"S: 220\nC: NOOP\nS~ 250 ok(?P<id>x)?\nC: VRFY ${{id}}\nS: 250\n{REST}",
        [GREETING, *NOOP, *RSET_QUIT], False, 1, [M, M, D], [M, M, D, M, M],
    ),
    "a value is needed inside the mail data": (
        f"S: 220\nC: NOOP\nS~ 250 id=(?P<id>\\w+)\nC: DATA\nS: 354\nC: a\nC: ${{id}}\n{MAIL}{REST}",
        [GREETING, *NOOP, *DATA], False, 1, [M, D], [M, D, M, D, S, S],
    ),
    "a value is needed in a chunk's command": (
        f"S: 220\nC: NOOP\nS~ 250 id=(?P<id>\\w+)\nC& BDAT ${{id}} LAST\nC: NOOP\nS: 250\nS: 250\n{REST}",
        [GREETING, *NOOP, *RSET_QUIT], False, 1, [M, D], [M, D, S, M, M],
    ),
    "one difference in a group with DATA": (
        f"S: 220\nC& MAIL FROM:<a@example.org>\nC& RCPT TO:<b@example.org>\nC: DATA\nS: 250\nS: 250\nS: 354\n{MAIL}{REST}",
        [GREETING, Hear(b"DATA\r\n"), b"250 a\r\n251 b\r\n354 go\r\n", *SENT_MAIL, *RSET_QUIT], False, 1, [M, D], [M, D, M, M, M],
    ),
    "one difference in a group, and DATA is refused": (
        f"S: 220\nC& RCPT TO:<b@example.org>\nC: DATA\nS: 250\nS: 354\n{MAIL}{REST}",
        [GREETING, Hear(b"DATA\r\n"), b"550 b\r\n503 no\r\n", *RSET_QUIT], False, 1, [M, D], [M, D, S, M, M],
    ),
    "only the words of a challenge differ": (
        f"S: 220\nC: AUTH LOGIN\nS= 334 Zm9v\nC: dXNlcg==\nS: 334\nC: *\nS: 501\n{REST}",
        [GREETING, *turn(b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"), *turn(b"dXNlcg==", b"334 UGFzc3dvcmQ6\r\n"),
         *turn(b"*", b"501 no\r\n"), *RSET_QUIT], False, 1, [M, D], [M, D, M, M, M, M],
    ),
    "a challenge where none was expected": (
        f"S: 220\nC: AUTH PLAIN\nS: 504\n{REST}", [GREETING, *turn(b"AUTH PLAIN", b"334 \r\n")], False, 1, [M, D], [M, D, S, S],
    ),
    "AUTH is refused where a pattern expects a challenge": (
        f"S: 220\nC: AUTH LOGIN\nS~ 334 .*\nC: dXNlcg==\nS: 334\nC: cGFzcw==\nS: 235\n{REST}",
        [GREETING, *turn(b"AUTH LOGIN", b"504 no\r\n"), *RSET_QUIT], False, 1, [M, D], [M, D, S, S, M, M],
    ),
    "STARTTLS is refused": (
        f"S: 220\nC: STARTTLS\nS: 220\nC: EHLO x.example\nS: 250\n{REST}",
        [GREETING, *turn(b"STARTTLS", b"502 no\r\n")], False, 4, [M, D], [M, D, S, S, S],
    ),
    "credentials are missing": (
        f"S: 220\nC: AUTH PLAIN ${{sasl}}\nS: 235\n{REST}", [GREETING], False, 5, [M, D], [M, D, S, S],
    ),
    "the server closes": (
        f"S: 220\nC: NOOP\nS: 250\nC: DATA\nS: 354\n{MAIL}C& BDAT 3 LAST\nC| abc\nS: 250\n{REST}*: close server\n",
        [GREETING, Hear(b"NOOP\r\n")], True, 3, [M, D], [M, D, S, S, S, S, S, S],
    ),
    "the server closes inside the mail data": (
        f"S: 220\nC: DATA\nS: 354\n{MAIL}{REST}", [GREETING, *DATA, Hear(b"hi\r\n.\r\n")], True, 7, [M, M, D], [M, M, D, S, S],
    ),
    "the server closes, and the transcript connects again": (
        "S: 220\nC: NOOP\nS: 250\nC: RSET\nS: 250\n*: connect mx.example:25\nS: 220\nC: RSET\nS: 250\n",
        [GREETING, Hear(b"\r\n")], True, 3, [M, D], [M, D, S, M, D],
    ),
    "no reply": (f"S: 220\nC: NOOP\nS: 250\n{REST}", [GREETING, Hear(b"NOOP\r\n")], False, 3, [M, D], [M, D, S, S]),
    "no greeting": (f"S: 220\nC: NOOP\nS: 250\n{REST}", [], False, 3, [D], [D, S, S, S]),
    "no SMTP": (
        f"S: 220\nC: NOOP\nS: 250\n{REST}", [GREETING, *turn(b"NOOP", b"hello\r\n")], False, 6, [M, D], [M, D, S, S],
    ),
    "two replies too many": (
        f"S: 220\nC: NOOP\nS: 250\n*: wait 0.2\n{REST}",
        [GREETING, *turn(b"NOOP", b"250 ok\r\n"), Pause(0.05), b"250 a\r\n250 b\r\n", *RSET_QUIT], False, 1, [M, M, D], [M, M, D, D, M, M],
    ),
    "the time of the whole replay is over": (
        f"S: 220\nC: NOOP\nS: 250\n*: wait 60\n{REST}", [GREETING, *NOOP], False, 3, [M, M], [M, M, S, S],
    ),
}  # fmt: skip


@pytest.mark.parametrize("keep_going", [False, True])
@pytest.mark.parametrize("reporter", ["text", "json"])
@pytest.mark.parametrize("name", BREAKS)
def test_every_step_is_accounted_for(tmp_path: Path, name: str, reporter: str, keep_going: bool) -> None:
    transcript, turns, closes, status, stopped, kept_going = BREAKS[name]
    settings = ReplaySettings(timeouts=PATIENT, keep_going=keep_going, overall=2.0, send_secrets=True)
    found, report, server = replayed(tmp_path, transcript, turns, settings, reporter, closes=closes)
    wanted = kept_going if keep_going else stopped
    assert found == status, report
    assert outcomes(report, reporter) == wanted, report
    assert counts(report, reporter) == {word: wanted.count(word) for word in dict.fromkeys((M, *wanted))}, report
    assert reasons(report, reporter) == wanted.count(S) + wanted.count(D)
    assert f"{tmp_path / 'test.smtp'}" in report.splitlines()[-2 if reporter == "text" else -1]
    assert b"hi\r\nRSET" not in server.received
    assert b"dXNlcg" not in server.received or b"AUTH LOGIN" in server.received


def outcomes(report: str, reporter: str) -> list[str]:
    """Return the verdict of each step."""
    if reporter == "json":
        return [each["verdict"] for each in map(json.loads, report.splitlines()) if "verdict" in each]
    words = {"ok  ": M, "FAIL": D, "skip": S, "sent": N}
    return [words[line[:4]] for line in report.splitlines() if line[:4] in words and line[4:5] == " "]


def counts(report: str, reporter: str) -> dict[str, int]:
    """Return what the sum says."""
    last = report.splitlines()[-1]
    if reporter == "json":
        summary = json.loads(last)
        assert summary["steps"] == len(outcomes(report, reporter))
        return {word: summary[word] for word in (M, D, S, N) if word == M or summary.get(word)}
    named = {"matched": M, "differed": D, "skipped": S, "sent with nothing expected": N}
    return {
        named[word]: int(number)
        for number, word in (part.split(" ", 1) for part in last.partition(": ")[2].split(", "))
    }


def reasons(report: str, reporter: str) -> int:
    """Return how many steps have a reason."""
    if reporter == "json":
        return sum("why" in json.loads(line) for line in report.splitlines())
    lines = report.splitlines()
    return sum(
        line[:4] in ("FAIL", "skip") and any(below.startswith(" " * 11) for below in lines[number + 1 : number + 2])
        for number, line in enumerate(lines)
    )


def test_a_connection_that_fails_as_recorded_does_not_end_the_replay(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("*: connect mx.example:25\n*: error refused\n*: connect mx.example:25\nS: 220\n")
    result = Replay(path, ReplaySettings(server="127.0.0.1:1", timeouts=PATIENT)).run()
    assert (result.exit_status, result.counts[Outcome.MISMATCHED]) == (3, 1)


# *: within


STALLED = [Pause(1.0), b"250 late\r\n"]
REFUSED = [GREETING, *turn(b"DATA", b"503 no\r\n")]
LONG = Timeouts().all(5.0)


@pytest.mark.parametrize(
    ("transcript", "turns", "status"),
    [
        ("S: 220\n*: within 0.3\nC: NOOP\nS: 250\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED], 3),
        ("S: 220\n*: within 0.3\nC: NOOP\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED], 3),
        ("S: 220\nC: NOOP\n*: within 0.3\nS: 250\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED], 3),
        ("S: 220\nC: NOOP\n*: within 0.3\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED], 3),
        ("S: 220\nC: NOOP\n*: within 0.3\n*: close\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED], 3),
        ("S: 220\nC: NOOP\n*: within 0.3\n*: timeout 5 the reply\n", [GREETING, Hear(b"NOOP\r\n"), Pause(3)], 0),
        ("*: within 0.3\nC: NOOP\nS: 250\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED], 3),
        ("*: within 0.3\nC: NOOP\nS: 250\n", [Pause(1.0), GREETING, *NOOP], 3),
        ("*: within 0.3\nS: 220\nC: NOOP\n", [Pause(1.0), GREETING, *NOOP], 3),
        ("*: connect mx.example:25\n*: within 0.3\nS: 220\n", [Pause(1.0), GREETING], 3),
        (f"S: 220\nC: DATA\nS: 354\n*: within 0.3\n{MAIL}", [GREETING, *DATA, Hear(b".\r\n"), *STALLED], 7),
        ("S: 220\nC: DATA\nS: 354\nC: hi\n*: within 0.3\nC: .\nS: 250\n", [GREETING, *DATA, Hear(b".\r\n"), *STALLED], 7),
        ("S: 220\nC: DATA\nS: 354\nC: hi\nC: .\n*: within 0.3\nS: 250\n", [GREETING, *DATA, Hear(b".\r\n"), *STALLED], 7),
        ("S: 220\n*: within 0.3\nC| NO\nC| OP\\r\\n\nS: 250\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED], 3),
        ("S: 220\nC& NOOP\n*: within 0.3\nC: NOOP\nS: 250\nS: 250\n", [GREETING, Hear(b"NOOP\r\nNOOP\r\n"), *STALLED], 3),
        ("S: 220\nC& NOOP\nC: NOOP\nS: 250\n*: within 0.3\nS: 250\n", [GREETING, Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n", *STALLED], 3),
        ("S: 220\n*: within 0.3\n*: close server\n", [GREETING], 1),
        # It counts for one reply: the next one may take its time.
        ("S: 220\n*: within 0.3\nC: NOOP\nS: 250\nC: RSET\nS: 250\n", [GREETING, *NOOP, Hear(b"RSET\r\n"), *STALLED], 0),
        ("S: 220\n*: within 0.3\nC& NOOP\nC: NOOP\nS: 250\nS: 250\n", [GREETING, Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n", *STALLED], 0),
        ("S: 220\nC: NOOP\nS: 250\n*: within 0.3\nC: NOOP\nS: 250\n", [GREETING, Hear(b"NOOP\r\n"), *STALLED, *NOOP], 0),
        # For mail data that is not sent it counts no more, and the mail data is no command.
        (f"S: 220\nC: DATA\nS: 354|503\n*: within 0.3\n{MAIL}C: NOOP\n", [*REFUSED, Hear(b"NOOP\r\n"), *STALLED], 0),
    ],
)  # fmt: skip
def test_within_counts_for_the_next_reply_wherever_it_stands(
    tmp_path: Path, transcript: str, turns: Sequence[Turn], status: int
) -> None:
    path = tmp_path / "test.smtp"
    path.write_text(transcript, encoding="utf-8")
    with ScriptedServer(turns) as server:
        started = time.monotonic()
        result = Replay(path, ReplaySettings(server=server.address, timeouts=LONG)).run()
        took = time.monotonic() - started
    assert result.exit_status == status, result.failure
    assert status == 0 or "0.3 s" in (result.failure or ""), result.failure
    assert status == 0 or took < 2
    if b"DATA" in server.received and status == 0:
        assert server.received == b"DATA\r\nNOOP\r\n"


# Where an expectation ends


TWO: list[Turn] = [Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n250 b\r\n"]
EHLO_NOOP: list[Turn] = [Hear(b"NOOP\r\n"), EHLO_REPLY, b"250 ok\r\n"]
HELLO, GROUP = "S: 220\nC: EHLO x.example\n", "S: 220\nC& EHLO x.example\nC: NOOP\n"


@pytest.mark.parametrize(
    ("transcript", "turns", "status"),
    [
        (f"{HELLO}S: 250-mx\nS~ AUTH (?P<m>.*)\nS: 250\nC: NOOP\nS: 250\n", [*EHLO, *NOOP], 0),
        (f"{HELLO}S: 250-mx\nS~ AUTH\nC: NOOP\nS: 250\n", [*EHLO, *NOOP], 0),
        (f"{HELLO}S~ 250[- ]AUTH\nS: 250\nC: NOOP\nS: 250\n", [*EHLO, *NOOP], 0),
        (f"{HELLO}S~ SIZE\nS: 250\nC: NOOP\nS: 250\n", [*EHLO, *NOOP], 0),
        (f"{HELLO}S~ SIZE\nS~ AUTH\nS: 250\nC: NOOP\nS: 250\n", [*EHLO, *NOOP], 0),
        (f"{HELLO}S~ AUTH\nS~ SIZE\nS: 250\nC: NOOP\nS: 250\n", EHLO, 1),
        ("S~ ESMTP\nS: 220\nC: NOOP\nS: 250\n", NOOP, 0),
        (f"{GROUP}S~ SIZE\nS: 250\n", EHLO_NOOP, 0),
        (f"{GROUP}S~ AUTH\nS: 250\n", EHLO_NOOP, 0),
        (f"{GROUP}S~ AUTH\nS: 250\nS: 250\n", EHLO_NOOP, 0),
        (f"{GROUP}S~ SIZE\nS: 250\nS~ ok\n", EHLO_NOOP, 0),
        (f"{GROUP}S~ SIZE\nS~ AUTH\nS~ ok\n", EHLO_NOOP, 0),
        (f"{GROUP}S~ AUTH\nS: 251\n", EHLO_NOOP, 1),
        ("S: 220\nC& NOOP\nC: NOOP\nS~ a\nS~ b\n", TWO, 0),
        ("S: 220\nC& NOOP\nC: NOOP\nS~ a\nS: 250\n", TWO, 0),
        ("S: 220\nC: NOOP\nS~ ok\nS: 421\n", [Hear(b"NOOP\r\n"), b"250 ok\r\n", Pause(0.05), b"421 bye\r\n"], 0),
        ("S: 220\nC: NOOP\nS~ ok\nS: 250\n", [Hear(b"NOOP\r\n"), b"250 ok\r\n", Pause(0.05), b"250 more\r\n"], 1),
        ("S: 220\nC: NOOP\nS~ 250 ok\nS: 250\n", [Hear(b"NOOP\r\n"), b"250 ok\r\n", Pause(0.05), b"250 more\r\n"], 0),
    ],
)
def test_expectations_of_one_reply_belong_together(
    tmp_path: Path, transcript: str, turns: Sequence[Turn], status: int
) -> None:
    settings = ReplaySettings(timeouts=PATIENT)
    found, report, _ = replayed(tmp_path, transcript, [GREETING, *turns], settings, "text")
    assert found == status, report


# How a difference is named


def test_in_a_group_the_command_and_the_expected_line_are_named(tmp_path: Path) -> None:
    transcript = (
        "S: 220\nC& MAIL FROM:<a@example.org>\nC& RCPT TO:<b@example.org>\nC: RCPT TO:<c@example.org>\n"
        + "S: 250\n" * 3
    )
    turns: list[Turn] = [GREETING, Hear(b"<c@example.org>\r\n"), b"250 a\r\n550 5.1.1 b\r\n250 c\r\n"]
    path = tmp_path / "test.smtp"
    _, text, _ = replayed(tmp_path, transcript, turns, ReplaySettings(timeouts=PATIENT), "text")
    assert "the reply to line 3, C: RCPT TO:<b@example.org>\n" in text
    assert f"{path}:6: the reply code differs\n" in text
    assert text.splitlines()[-2] == f"failed: {path}:3: the reply code differs; expected in {path}:6."
    _, lines, _ = replayed(tmp_path, transcript, turns, ReplaySettings(timeouts=PATIENT), "json")
    step = json.loads(lines.splitlines()[1])
    assert (step["command_line"], step["expected_line"]) == (3, 6)
    assert json.loads(lines.splitlines()[-1])["failures"] == [
        f"{path}:3: the reply code differs; expected in {path}:6."
    ]


def test_a_reply_of_a_group_that_does_not_come_is_named(tmp_path: Path) -> None:
    transcript = "S: 220\nC& NOOP\nC: RSET\nS: 250\nS: 250\n"
    turns: list[Turn] = [GREETING, Hear(b"RSET\r\n"), b"250 a\r\n"]
    _, text, _ = replayed(tmp_path, transcript, turns, ReplaySettings(timeouts=PATIENT), "text")
    assert "the reply to line 3, C: RSET\n" in text
    assert f"{tmp_path / 'test.smtp'}:5: " in text


@pytest.mark.parametrize(
    ("expected", "came", "level", "shown"),
    [
        ("250 mx.example Ok", "250 relay.example.net No", Strictness.TEXT, "250 relay.example.net ^"),
        ("2y0", "251 ok", Strictness.CODE, "25^"),
        ("250 2.1.5 Ok", "250 2.1.0 Fine", Strictness.ENHANCED, "250 2.1.^"),
    ],
)
def test_the_mark_points_at_what_counts(
    tmp_path: Path, expected: str, came: str, level: Strictness, shown: str
) -> None:
    turns: list[Turn] = [GREETING, *turn(b"NOOP", f"{came}\r\n".encode())]
    settings = ReplaySettings(timeouts=PATIENT, strictness=level)
    _, text, _ = replayed(tmp_path, f"C: NOOP\nS: {expected}\n", turns, settings, "text")
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if "received: " in line)
    assert lines[at + 1].index("^") == lines[at].index("received: ") + len("received: ") + len(shown) - 1


def test_the_sum_names_each_file_that_failed_once(tmp_path: Path) -> None:
    for name, code in (("a", 550), ("b", 250), ("c", 551)):
        (tmp_path / f"{name}.smtp").write_text(f"S: 220\nC: NOOP\nS: {code}\n")
    out = io.StringIO()
    with ScriptedServer([GREETING, *NOOP]) as server:
        options = ReplayOptions(
            [tmp_path], [server.address], ReplaySettings(timeouts=PATIENT), [make_reporter("text", ReportSettings(repeat=2))],
            repeat=2,
        )  # fmt: skip
        assert run_replays(options, out).exit_status == 1
    failed = [line for line in out.getvalue().splitlines() if line.startswith("failed: ")]
    assert failed == [f"failed: {tmp_path}/{name}.smtp:2: the reply code differs. (2 replays)" for name in ("a", "c")]

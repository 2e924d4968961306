"""Replay over a socket: order, pipelining, segments, events, what is refused, and how it comes out."""

import io
import json
import os
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

import smtp_shell.net.tls_context
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import ConfigError, TranscriptError, UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.events import Event, ReplyReceived
from smtp_shell.protocol.sasl import Credentials, Mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.reporters import ReportSettings, make_reporter
from smtp_shell.replay.results import Act, Decision, Outcome, PendingStep, ReplayResult
from smtp_shell.replay.runner import ReplayOptions, find_transcripts, prepare, run_replays
from smtp_shell.replay.settings import ReplaySettings
from tests.support.peer import Hear, Pause, ScriptedServer, Turn

PASSWORD = "c4nary-Pass"
QUICK = replace(Timeouts().all(1.0), quit=1.0)
GREETING = b"220 mx.example ESMTP\r\n"


def turn(hear: bytes, say: bytes) -> list[Turn]:
    return [Hear(hear + b"\r\n"), say]


NOOP = turn(b"NOOP", b"250 ok\r\n")
QUIT = turn(b"QUIT", b"221 bye\r\n")
EHLO = turn(b"EHLO x.example", b"250-mx.example\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n")
MAIL = [*turn(b"MAIL FROM:<ann@example.org>", b"250 ok\r\n"), *turn(b"RCPT TO:<bob@example.org>", b"250 ok\r\n")]
MAIL_LINES = "C: MAIL FROM:<ann@example.org>\nS: 250\nC: RCPT TO:<bob@example.org>\nS: 250\n"


def replay(
    tmp_path: Path,
    transcript: str,
    turns: Sequence[Turn],
    settings: ReplaySettings | None = None,
    *,
    closes: bool = False,
    resets: bool = False,
) -> tuple[ReplayResult, ScriptedServer]:
    path = tmp_path / "test.smtp"
    path.write_text(transcript, encoding="utf-8")
    with ScriptedServer(turns, closes=closes, resets=resets) as server:
        chosen = replace(settings or ReplaySettings(timeouts=QUICK), server=server.address)
        result = Replay(path, chosen).run()
    return result, server


# What matches


@pytest.mark.parametrize(
    ("transcript", "turns"),
    [
        pytest.param("C: NOOP", [GREETING, *NOOP], id="a script expects nothing"),
        pytest.param("S: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221", [GREETING, *NOOP, *QUIT], id="codes"),
        pytest.param("*: connect other.example:25\nS: 220 other\nC: NOOP", [GREETING, *NOOP], id="another host's name"),
        pytest.param("C: NOOP\n# a note\nS: 2yz", [GREETING, *NOOP], id="wild digits"),
        pytest.param("C: NOOP\nS: 251|250", [GREETING, *NOOP], id="alternatives"),
        pytest.param(
            "S= 220 mx.example ESMTP\nC: NOOP\nS~ ^250 o(?P<k>k)$\nC: NOOP${k}",
            [GREETING, *NOOP, *turn(b"NOOPk", b"500 no\r\n")],
            id="a capture",
        ),
        pytest.param(
            "C: EHLO x.example\nS: 250-mx\nS~ SIZE (?P<n>\\d+)\nS: 250 x\nC: NOOP",
            [GREETING, *EHLO, *NOOP],
            id="a pattern in a reply",
        ),
        pytest.param(
            "C& MAIL FROM:<ann@example.org>\nC& RCPT TO:<bob@example.org>\nC: DATA\nS: 250\nS: 250\nS: 354\nC: hi\nC: ..dot\nC: .\nS: 250",
            [
                GREETING,
                Hear(b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"),
                b"250 a\r\n250 b\r\n354 c\r\n",
                Hear(b"hi\r\n..dot\r\n.\r\n"),
                b"250 queued\r\n",
            ],
            id="a group in one write",
        ),
        pytest.param(
            "C| NOOP\\r\\nNOOP\\r\\n\nS: 250\nS: 250\nC: QUIT\nS: 221",
            [GREETING, Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n250 b\r\n", *QUIT],
            id="octets with two replies",
        ),
        pytest.param(
            "S: 220\nC| NOOP\\r\\n\nC: QUIT\nS: 221",
            [GREETING, Hear(b"NOOP\r\nQUIT\r\n"), b"250 a\r\n221 b\r\n"],
            id="octets whose reply is not awaited",
        ),
        pytest.param(
            "S: 220\nC| NOOP\\n\nC: QUIT\nS: 221",
            [GREETING, Hear(b"NOOP\nQUIT\r\n"), b"221 b\r\n"],
            id="octets that get no reply",
        ),
        pytest.param(
            "C: NOOP\nS: 250\nS: 421",
            [GREETING, *NOOP, Pause(0.1), b"421 bye\r\n"],
            id="an unasked reply that the transcript has",
        ),
        pytest.param(
            "C: LHLO x\nS: 250\nC: RCPT TO:<a@example.org>\nC: RCPT TO:<b@example.org>\nC: DATA\nS: 354\nC: .\nS: 250\nS: 452",
            [
                GREETING,
                *turn(b"LHLO x", b"250 hi\r\n"),
                *turn(b"RCPT TO:<a@example.org>", b"250 ok\r\n"),
                *turn(b"RCPT TO:<b@example.org>", b"250 ok\r\n"),
                *turn(b"DATA", b"354 go\r\n"),
                Hear(b".\r\n"),
                b"250 a\r\n452 b\r\n",
            ],
            id="LMTP",
        ),
        pytest.param(
            "C: DATA\nS: 554\nC: QUIT\nS: 221",
            [GREETING, *turn(b"DATA", b"554 no\r\n"), *QUIT],
            id="DATA refused as recorded",
        ),
        pytest.param(
            "C: STARTTLS\nS: 220\n*: no-tls\nC: NOOP\nS: 250",
            [GREETING, *turn(b"STARTTLS", b"220 go\r\n"), *NOOP],
            id="no-tls",
        ),
        pytest.param(
            "C: STARTTLS\nS: 454\nC: NOOP\nS: 250",
            [GREETING, *turn(b"STARTTLS", b"454 no\r\n"), *NOOP],
            id="STARTTLS refused as recorded",
        ),
        pytest.param(
            "C: NOOP\nS: 250-a\nS| 250 b\\n",
            [GREETING, *turn(b"NOOP", b"250-a\r\n250 b\n")],
            id="a bare LF as recorded",
        ),
        pytest.param(
            "C: NOOP\nS: 150 x\nS: 250",
            [GREETING, *turn(b"NOOP", b"150 x\r\n250 ok\r\n")],
            id="an odd code as recorded",
        ),
        pytest.param(
            "*: unknown event\n*: wait 0.01\n*: within 1\nC: NOOP\n*: within 1\nS: 250", [GREETING, *NOOP], id="events"
        ),
    ],
)
def test_it_matches(tmp_path: Path, transcript: str, turns: Sequence[Turn]) -> None:
    result, _ = replay(tmp_path, transcript, turns)
    assert (result.failure, result.exit_status) == (None, 0)


@pytest.mark.parametrize(
    ("transcript", "turns"),
    [
        ("C: QUIT\nS: 221\n*: close server", [GREETING, *QUIT]),
        ("C: QUIT\n*: close server", [GREETING, *QUIT]),
        ("C: NOOP\n*: close server", [GREETING, Hear(b"NOOP\r\n")]),
        ("C: NOOP\nS| 250-cu\n*: close server", [GREETING, Hear(b"NOOP\r\n"), b"250-cu"]),
        ("C: NOOP\nS| HTTP/1.1 400\\r\\n\n*: error it is no reply", [GREETING, Hear(b"NOOP\r\n"), b"HTTP/1.1 400\r\n"]),
        ("C: QUIT\nS: 221\n*: close server\n*: connect a:25\nC: QUIT\nS: 221", [GREETING, *QUIT]),
    ],
)
def test_it_matches_a_server_that_closes(tmp_path: Path, transcript: str, turns: Sequence[Turn]) -> None:
    result, _ = replay(tmp_path, transcript, turns, closes=True)
    assert (result.failure, result.exit_status) == (None, 0)


def test_a_timeout_as_recorded_matches(tmp_path: Path) -> None:
    transcript = "C: NOOP\n*: timeout 0.3 the reply\nC: NOOP\nS: 250\nS: 250"
    turns: list[Turn] = [GREETING, Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n250 b\r\n"]
    result, _ = replay(tmp_path, transcript, turns, ReplaySettings(timeouts=Timeouts().all(0.3)))
    assert (result.failure, result.exit_status) == (None, 0)


# What differs


@pytest.mark.parametrize(
    ("transcript", "turns", "status", "why"),
    [
        pytest.param(
            "C: NOOP\nS: 250", [GREETING, *turn(b"NOOP", b"550 no\r\n")], 1, "the reply code differs", id="code"
        ),
        pytest.param(
            "S: 220\nC: NOOP\nS= 250 OK", [GREETING, *NOOP], 1, "no line of the reply is equal", id="literally"
        ),
        pytest.param("C: NOOP\nS~ ^250 x", [GREETING, *NOOP], 1, "no line of the reply matches", id="pattern"),
        pytest.param(
            "C: NOOP\nS~ 250 (a|aa)+$",
            [GREETING, *turn(b"NOOP", b"250 " + b"a" * 5000 + b"!\r\n")],
            1,
            "takes too long",
            id="a slow pattern",
        ),
        pytest.param(
            "C: NOOP\nS: 250\nC: QUIT\nS: 221",
            [GREETING, *turn(b"NOOP", b"250 ok\r\n250 two\r\n"), *QUIT],
            1,
            "does not have",
            id="a second reply in one segment",
        ),
        pytest.param(
            "C: NOOP\nS: 250\nC: QUIT\nS: 221",
            [GREETING, *turn(b"NOOP", b"250 ok\r\n"), Pause(0.05), b"250 two\r\n", *QUIT],
            1,
            "",
            id="a second reply in a segment of its own",
        ),
        pytest.param(
            "C: NOOP\nS: 250",
            [GREETING, *turn(b"NOOP", b"250 ok\r\n250 two\r\n")],
            1,
            "does not have",
            id="a second reply at the end",
        ),
        pytest.param(
            "C: NOOP\nS: 250",
            [GREETING, *turn(b"NOOP", b"250 ok\r\n"), Pause(0.03), b"421 bye\r\n"],
            1,
            "does not have",
            id="an early 421 at the end",
        ),
        pytest.param(
            "C: QUIT\nS: 221",
            [GREETING, *QUIT, Pause(0.1), b"250 more\r\n"],
            1,
            "does not have",
            id="more behind the 221",
        ),
        pytest.param(
            "C& NOOP\nC: NOOP\nS: 250",
            [GREETING, Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n250 b\r\n"],
            1,
            "does not have",
            id="a group with a reply too many",
        ),
        pytest.param("C: NOOP\nS: 250\nS: 250", [GREETING, *NOOP], 3, "did not come within", id="a reply too few"),
        pytest.param("C: NOOP\n*: within 0.2\nS: 250", [GREETING, Hear(b"NOOP\r\n")], 3, "within 0.2 s", id="within"),
        pytest.param(
            "C: NOOP\n*: timeout 1 the reply",
            [GREETING, *NOOP],
            1,
            "where the transcript has a timeout",
            id="a reply in place of a timeout",
        ),
        pytest.param(
            "C: NOOP\nS: 250\n*: close server", [GREETING, *NOOP], 1, "did not close", id="the server does not close"
        ),
        pytest.param(
            "C: NOOP\nS: 250", [GREETING, *turn(b"NOOP", b"250-a\r\n251 b\r\n")], 6, "different codes", id="mixed codes"
        ),
        pytest.param(
            "C: NOOP",
            [GREETING, *turn(b"NOOP", b"250-a\r\n251 b\r\n")],
            6,
            "different codes",
            id="mixed codes and a script",
        ),
        pytest.param(
            "C: NOOP\nS: 250", [GREETING, *turn(b"NOOP", b"HTTP/1.1 400\r\n")], 6, "it speaks HTTP", id="no SMTP"
        ),
        pytest.param(
            "C: DATA\nC: hi\nC: .\nC: QUIT",
            [GREETING, *turn(b"DATA", b"503 no\r\n"), *QUIT],
            1,
            "the mail data is not sent",
            id="DATA refused to a script",
        ),
        pytest.param(
            "C: DATA\nS: 354\nC: hi\nC: .\nS: 250",
            [GREETING, *turn(b"DATA", b"503 no\r\n")],
            1,
            "the mail data is not sent",
            id="DATA refused",
        ),
        pytest.param(
            "C: DATA\nS: 5yz\nC: QUIT", [GREETING, *turn(b"DATA", b"354 go\r\n")], 1, "code differs", id="DATA accepted"
        ),
        pytest.param(
            "C: STARTTLS\nS: 220\nC: MAIL FROM:<>",
            [GREETING, *turn(b"STARTTLS", b"502 no\r\n")],
            4,
            "code differs",
            id="STARTTLS refused",
        ),
        pytest.param(
            "C: STARTTLS\nC: MAIL FROM:<>",
            [GREETING, *turn(b"STARTTLS", b"502 no\r\n")],
            4,
            "refused STARTTLS",
            id="STARTTLS refused to a script",
        ),
        pytest.param(
            "C: EHLO x.example\nC: STARTTLS\nS: 220\nC: MAIL FROM:<>",
            [GREETING, *EHLO, *turn(b"STARTTLS", b"502 no\r\n")],
            4,
            "stripping",
            id="STARTTLS stripped",
        ),
        pytest.param(
            "C: STARTTLS\nS: 220\nC: MAIL FROM:<>",
            [GREETING, *turn(b"STARTTLS", b"220 go\r\n250 injected\r\n")],
            6,
            "after the 220",
            id="text after the 220",
        ),
        pytest.param(
            "C: STARTTLS\nS: 220\nS| 250 injected\\r\\n\n*: error x",
            [GREETING, *turn(b"STARTTLS", b"220 go\r\n250 injected\r\n")],
            6,
            "",
            id="text after the 220, as recorded",
        ),
    ],
)
@pytest.mark.parametrize("keep_going", [False, True])
def test_it_differs(
    tmp_path: Path, transcript: str, turns: Sequence[Turn], status: int, why: str, keep_going: bool
) -> None:
    settings = ReplaySettings(timeouts=replace(QUICK, reply=0.7, quit=0.5), keep_going=keep_going)
    result, server = replay(tmp_path, transcript, turns, settings)
    assert (result.exit_status, why in (result.failure or "")) == (status, True), result.failure
    assert b"MAIL" not in server.received
    assert b"hi\r\n" not in server.received


@pytest.mark.parametrize(
    ("transcript", "turns", "resets", "status"),
    [
        ("C: NOOP\nS: 250", [GREETING, Hear(b"NOOP\r\n")], False, 3),
        ("C: NOOP\nS: 250", [GREETING, Hear(b"NOOP\r\n"), b"250-cut"], False, 3),
        ("C: NOOP\nS: 250", [GREETING, Hear(b"NOOP\r\n")], True, 3),
        ("C: NOOP\nS: 250", [GREETING, Hear(b"NOOP\r\n"), b"421 bye\r\n"], False, 1),
        ("C: NOOP\nS: 250\nC: NOOP\nS: 250", [GREETING, *NOOP], False, 3),
        ("S: 220", [], False, 3),
        ("C: DATA\nS: 354\nC: .\nS: 250", [GREETING, *turn(b"DATA", b"354 go\r\n"), Hear(b".\r\n")], False, 7),
    ],
)
def test_a_server_that_closes_too_early(
    tmp_path: Path, transcript: str, turns: Sequence[Turn], resets: bool, status: int
) -> None:
    result, _ = replay(tmp_path, transcript, turns, closes=True, resets=resets)
    assert result.exit_status == status, result.failure
    assert result.counts[Outcome.MISMATCHED] == 1


def test_no_reply_to_the_final_dot_is_an_unknown_outcome(tmp_path: Path) -> None:
    turns = [GREETING, *turn(b"DATA", b"354 go\r\n"), Hear(b".\r\n")]
    result, _ = replay(tmp_path, "C: DATA\nC: .\nS: 250", turns, ReplaySettings(timeouts=Timeouts().all(0.3)))
    assert result.exit_status == 7
    assert "may have been accepted" in (result.failure or "")


def test_it_ends_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    result, _ = replay(tmp_path, "C: NOOP\n*: wait 60\nC: NOOP", [GREETING, *NOOP], ReplaySettings(overall=0.5))
    assert time.monotonic() - started < 5
    assert result.exit_status == 3
    assert "longer than 0.5 s" in (result.failure or "")


def test_a_reply_in_drops_has_one_deadline(tmp_path: Path) -> None:
    drops: list[Turn] = [Pause(0.15), b"250-x\r\n"] * 10
    started = time.monotonic()
    settings = ReplaySettings(timeouts=Timeouts().all(0.5))
    result, _ = replay(tmp_path, "C: NOOP\nS: 250", [GREETING, Hear(b"NOOP\r\n"), *drops], settings)
    assert result.exit_status == 3
    assert time.monotonic() - started < 5


def test_keep_going_compares_the_rest(tmp_path: Path) -> None:
    transcript = "C: NOOP\nS: 550\nC& NOOP\nC: NOOP\nS: 550\nS: 250\nC: QUIT\nS: 221"
    turns = [GREETING, *NOOP, Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n250 b\r\n", *QUIT]
    result, _ = replay(tmp_path, transcript, turns, ReplaySettings(timeouts=QUICK, keep_going=True))
    assert result.exit_status == 1
    assert result.counts == {Outcome.MATCHED: 1, Outcome.MISMATCHED: 2, Outcome.SKIPPED: 0, Outcome.SENT: 1}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(("code", "status"), [(b"250", 0), (b"550", 1)])
def test_segments_never_change_a_verdict(tmp_path: Path, size: int, code: bytes, status: int) -> None:
    reply = b"250-mx.example\r\n250-SIZE 1000\r\n" + b"250 HELP\r\n" if code == b"250" else b"550 no\r\n"
    segments: list[Turn] = []
    for start in range(0, len(reply), size):
        segments += [reply[start : start + size], Pause(0.002)]
    result, _ = replay(
        tmp_path, "C: EHLO x.example\nS: 250-a\nS: 250 b\n", [GREETING, Hear(b"EHLO x.example\r\n"), *segments]
    )
    assert result.exit_status == status


# Mail data


def test_mail_data_from_a_file_is_stuffed_and_streamed(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n\n.dot\nlast")
    turns = [GREETING, *MAIL, *turn(b"DATA", b"354 go\r\n"), Hear(b"\r\n.\r\n"), b"250 queued\r\n"]
    result, server = replay(tmp_path, f"{MAIL_LINES}C: DATA\nS: 354\nC< letter.eml\nS: 250\n", turns)
    assert result.exit_status == 0
    assert b"DATA\r\nSubject: x\r\n\r\n..dot\r\nlast\r\n.\r\n" in server.received


def test_mail_data_that_the_client_breaks_off_gets_no_final_dot(tmp_path: Path) -> None:
    result, server = replay(tmp_path, "C: DATA\nS: 354\nC: hi\n*: close\n", [GREETING, *turn(b"DATA", b"354 go\r\n")])
    assert result.exit_status == 0
    assert server.received == b"DATA\r\nhi\r\n"


def test_a_chunk_waits_for_no_reply_to_its_command(tmp_path: Path) -> None:
    transcript = "C& BDAT 9 LAST\nC| DATA\\r\nC| \\n\\r\\n.\nS: 250\nC: NOOP\nS: 250"
    turns = [GREETING, Hear(b"BDAT 9 LAST\r\nDATA\r\n\r\n."), b"250 ok\r\n", *NOOP]
    result, _ = replay(tmp_path, transcript, turns)
    assert (result.exit_status, result.failure) == (0, None)


# Credentials


def credentials(mechanism: Mechanism, user: str) -> Credentials:
    return Credentials(user or "nobody", Secret(PASSWORD))


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        (ReplaySettings(timeouts=QUICK), 5),
        (ReplaySettings(timeouts=QUICK, credentials=credentials), 5),
        (ReplaySettings(timeouts=QUICK, credentials=credentials, allow_cleartext=True), 0),
    ],
)
def test_a_credential_goes_in_the_clear_only_when_asked(tmp_path: Path, settings: ReplaySettings, status: int) -> None:
    transcript = "C: AUTH PLAIN ${sasl}\nS: 235\n*: auth PLAIN student"
    result, server = replay(tmp_path, transcript, [GREETING, Hear(b"\r\n"), b"235 ok\r\n"], settings)
    assert result.exit_status == status, result.failure
    assert (b"AUTH" in server.received) == (status == 0)
    assert PASSWORD not in repr(result)


def test_a_credential_goes_only_to_a_server_that_the_user_named(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    with ScriptedServer([GREETING, Hear(b"\r\n"), b"235 ok\r\n"]) as server:
        path.write_text(f"*: connect {server.address}\nC: AUTH PLAIN ${{sasl}}\nS: 235\n")
        settings = ReplaySettings(timeouts=QUICK, credentials=credentials, allow_cleartext=True)
        result = Replay(path, settings).run()
    assert result.exit_status == 5
    assert "--server" in (result.failure or "")
    assert server.received == b""


def test_a_response_is_not_sent_where_the_server_asks_for_none(tmp_path: Path) -> None:
    settings = ReplaySettings(timeouts=QUICK, credentials=credentials, allow_cleartext=True, keep_going=True)
    transcript = "C: AUTH LOGIN\nS: 334\nC: ${sasl}\nS: 334\nC: ${sasl}\nS: 235\nC: QUIT\nS: 221"
    result, server = replay(tmp_path, transcript, [GREETING, *turn(b"AUTH LOGIN", b"504 no\r\n"), *QUIT], settings)
    assert server.received == b"AUTH LOGIN\r\nQUIT\r\n"
    assert result.exit_status == 1
    assert result.counts[Outcome.SKIPPED] == 2


def test_a_refusal_that_differs_is_a_difference(tmp_path: Path) -> None:
    settings = ReplaySettings(timeouts=QUICK, credentials=credentials, allow_cleartext=True)
    turns: list[Turn] = [GREETING, Hear(b"\r\n"), b"535 no\r\n"]
    assert replay(tmp_path, "C: AUTH PLAIN ${sasl}\nS: 235", turns, settings)[0].exit_status == 1
    assert replay(tmp_path, "C: AUTH PLAIN ${sasl}\nS: 535", turns, settings)[0].exit_status == 0
    assert replay(tmp_path, "C: AUTH PLAIN ${sasl}", turns, settings)[0].exit_status == 5


def test_a_demand_for_starttls_holds_without_one_in_the_transcript(tmp_path: Path) -> None:
    settings = ReplaySettings(timeouts=QUICK, starttls=True)
    result, server = replay(tmp_path, "C: NOOP\nC: MAIL FROM:<>", [GREETING, *NOOP], settings)
    assert result.exit_status == 4
    assert server.received == b"NOOP\r\n"


# Before the first octet


@pytest.mark.parametrize(
    ("transcript", "line", "problem"),
    [
        ("", 0, "no steps"),
        ("# a note\n*: connect a:25", 0, "no steps"),
        ("C: NOOP\nhello", 2, "has no marker"),
        ("C: NOOP ${x}", 1, "has no value"),
        ("C: NOOP\nS: hello", 2, "reply code"),
        ("C: NOOP\nS~ (", 2, "no regular expression"),
        ("C: NOOP\nS~ (?P<sasl>x)", 2, "sasl"),
        ("C: NOOP\nS~ " + "(" * 4000, 2, "too complicated"),
        ("C< nothing.eml", 1, "does not exist"),
        ("C< ../test.smtp", 1, "outside"),
        ("C< /etc/passwd", 1, "outside"),
        ("C< .", 1, "is no file"),
        ("C: NOOP ${sasl}", 1, "no response"),
        ("C& AUTH PLAIN ${sasl}\nC: NOOP", 1, "waits for no reply"),
        ("C: NOOP\n*: wait long", 2, "number of seconds"),
        ("C: NOOP\n*: within", 2, "number of seconds"),
        ("*: connect\nC: NOOP", 1, "names no server"),
    ],
)
def test_a_fault_is_told_before_anything_is_sent(tmp_path: Path, transcript: str, line: int, problem: str) -> None:
    path = tmp_path / "test.smtp"
    path.write_text(transcript)
    with ScriptedServer([GREETING]) as server, pytest.raises(TranscriptError) as caught:
        Replay(path, ReplaySettings(server=server.address)).run()
    assert caught.value.faults[0].line == line
    assert problem in str(caught.value)
    assert server.connections == 0


def test_all_faults_are_told(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("C: ${a}\nS: x\nhello\nS~ [\n")
    with pytest.raises(TranscriptError) as caught:
        Replay(path, ReplaySettings(server="mx.example")).check()
    assert [fault.line for fault in caught.value.faults] == [1, 2, 3, 4]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    try:
        (folder / "letter.eml").symlink_to(tmp_path / "secret.txt")
    except OSError:
        pytest.skip("this platform makes no links")
    (folder / "test.smtp").write_text("C: DATA\nC< letter.eml\n")
    with pytest.raises(TranscriptError, match="outside"):
        Replay(folder / "test.smtp", ReplaySettings(server="mx.example")).check()


def test_one_bad_file_keeps_a_whole_folder_home(tmp_path: Path) -> None:
    (tmp_path / "a.smtp").write_text("C: NOOP")
    (tmp_path / "b.smtp").write_text("hello")
    with ScriptedServer([GREETING, *NOOP]) as server, pytest.raises(TranscriptError):
        prepare([tmp_path], ReplaySettings(), [server.address])
    assert server.connections == 0


def test_a_folder_stands_for_its_transcripts(tmp_path: Path) -> None:
    for name in ("b.smtp", "a.smtp", "c.txt"):
        (tmp_path / name).write_text("C: NOOP")
    assert [path.name for path in find_transcripts([tmp_path])] == ["a.smtp", "b.smtp"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no transcripts"):
        find_transcripts([tmp_path / "empty"])


def test_subfolders_belong_to_a_folder_and_hidden_ones_do_not(tmp_path: Path) -> None:
    for name in ("z.smtp", "sub/b.smtp", "sub/deeper/a.smtp", "sub/notes.txt", ".hidden/c.smtp", "sub/.git/d.smtp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("C: NOOP")
    names = [path.relative_to(tmp_path).as_posix() for path in find_transcripts([tmp_path])]
    assert names == ["sub/b.smtp", "sub/deeper/a.smtp", "z.smtp"]
    assert len(find_transcripts([tmp_path / "sub" / "deeper"])) == 1
    assert len(find_transcripts([tmp_path / ".hidden"])) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
def test_a_link_to_a_folder_above_is_no_endless_folder(tmp_path: Path) -> None:
    (tmp_path / "a.smtp").write_text("C: NOOP")
    (tmp_path / "up").symlink_to(tmp_path, target_is_directory=True)
    assert find_transcripts([tmp_path]) == [tmp_path / "a.smtp"]


def test_a_server_in_a_header_that_cannot_be_one_is_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text("Transcript: 1\nServer: mx.example:99999\n\nC: NOOP\n")
    with pytest.raises(UsageError, match=r"lab\.smtp names a server that cannot be one: .*mx\.example:99999"):
        Replay(path, ReplaySettings()).check()


@pytest.mark.parametrize("address", ["pipe:true", "lmtp+unix:/nowhere"])
def test_a_file_starts_no_program(tmp_path: Path, address: str) -> None:
    path = tmp_path / "test.smtp"
    path.write_text(f"*: connect {address}\nC: NOOP")
    with pytest.raises(UsageError, match="--server"):
        Replay(path, ReplaySettings()).check()


@pytest.mark.parametrize("dot", [".", r"\x2e", "${dot}"])
@pytest.mark.parametrize("lines", [0, 3, 2_500])
def test_mail_data_ends_at_a_line_that_is_a_dot_on_the_wire(tmp_path: Path, dot: str, lines: int) -> None:
    text = [f"line {number} of the message" for number in range(lines)]
    said = "\n# noted meanwhile\n".join(f"C: {line}" for line in [*text, dot, "NOOP"])
    on_the_wire = "".join(f"{line}\r\n" for line in [*text, "."])
    turns = [GREETING, *turn(b"DATA", b"354 go\r\n"), Hear(on_the_wire.encode()), b"250 ok\r\n", *NOOP]
    settings = ReplaySettings(timeouts=QUICK, variables={"dot": "."})
    result, _ = replay(tmp_path, f"S: 220\nC: DATA\nS: 354\n{said}\nS: 250\n", turns, settings)
    assert (result.exit_status, result.failure) == (0, None)
    assert [(step.sent, step.lines) for step in result.steps[2:]] == [
        ("(mail data and the final dot)", (4, 4 + 2 * lines)),
        ("NOOP", (6 + 2 * lines,)),
    ]


# A person beside it


def test_a_person_steps_skips_edits_and_takes_over(tmp_path: Path) -> None:
    seen: list[PendingStep] = []
    decisions = [
        Decision(Act.SKIP),
        Decision(Act.EDIT, "NOOP ${nothing}"),
        Decision(Act.EDIT, "NOOP two"),
        Decision(Act.HAND_OVER),
    ]

    def decide(pending: PendingStep) -> Decision:
        seen.append(pending)
        return decisions[len(seen) - 1]

    path = tmp_path / "test.smtp"
    path.write_text("C: RSET\nS: 250\nC: NOOP\nS: 250\nC: QUIT\nS: 221")
    with ScriptedServer([GREETING, *turn(b"NOOP two", b"250 ok\r\n"), *NOOP]) as server:
        replay = Replay(path, ReplaySettings(server=server.address, timeouts=QUICK, before_step=decide, busy_poll=True))
        result = replay.run()
        assert result.handed_over
        assert replay.session is not None
        replay.session.send_raw(b"NOOP\r\n")
        assert replay.session.read_reply().code == 250
        replay.session.close()
    assert [(step.line, step.text) for step in seen] == [(1, "RSET"), (3, "NOOP"), (3, "NOOP"), (5, "QUIT")]
    assert result.exit_status == 0
    assert [step.outcome for step in result.steps] == [Outcome.SENT, Outcome.SKIPPED, Outcome.MATCHED]


# What is told


def test_the_report_shows_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("C: NOOP\nS: 250 fine")
    out = io.StringIO()
    with ScriptedServer([GREETING, *turn(b"NOOP", b"550 \x1b[31mno\r\n")]) as server:
        options = ReplayOptions(
            [path],
            [server.address],
            ReplaySettings(timeouts=QUICK),
            [make_reporter("text", ReportSettings())],
        )
        assert run_replays(options, out).exit_status == 1
    assert out.getvalue().splitlines()[1:] == [
        "sent    -  (the greeting)  220",
        "FAIL    1  C: NOOP  550",
        "           expected: 250 fine",
        "           received: 550 \\x1b[31mno",
        "                     ^",
        f"           {path}:2: the reply code differs",
        f"failed: {path}:1: the reply code differs.",
        "1 transcript, 2 steps: 0 matched, 1 differed, 1 sent with nothing expected",
    ]


def test_json_is_one_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("C: NOOP\nS: 250 fine")
    out = io.StringIO()
    with ScriptedServer([GREETING, *NOOP]) as server:
        options = ReplayOptions(
            [path],
            [server.address],
            ReplaySettings(timeouts=QUICK),
            reporters=[make_reporter("json", ReportSettings())],
        )
        assert run_replays(options, out).exit_status == 0
        objects = [json.loads(line) for line in out.getvalue().splitlines()]
        assert objects[1]["verdict"] == "matched"
        assert (objects[2]["server"], objects[2]["exit_status"]) == (server.address, 0)


def test_strictness_goes_as_far_as_asked(tmp_path: Path) -> None:
    transcript = "S: 220 mx.example ESMTP\nC: EHLO x.example\nS: 250-mx.example\nS: 250-DSN\nS: 250 SIZE 5"
    statuses = [
        replay(tmp_path, transcript, [GREETING, *EHLO], ReplaySettings(timeouts=QUICK, strictness=level))[0].exit_status
        for level in Strictness
    ]
    assert statuses == [0, 0, 1, 1, 1]


def test_tls_that_fails_is_status_4(tmp_path: Path) -> None:
    turns = [GREETING, *turn(b"STARTTLS", b"220 go\r\n"), Hear(b"\x01"), b"\x15\x03\x03\x00\x02\x02\x28"]
    settings = ReplaySettings(timeouts=QUICK, tls_settings=TlsSettings())
    assert replay(tmp_path, "C: STARTTLS\nS: 220\nC: NOOP", turns, settings)[0].exit_status == 4


def test_a_person_skips_what_belongs_together(tmp_path: Path) -> None:
    seen: list[PendingStep] = []
    skipped = {"AUTH LOGIN", "DATA"}

    def decide(pending: PendingStep) -> Decision:
        seen.append(pending)
        return Decision(Act.SKIP if pending.text in skipped else Act.SEND)

    transcript = (
        "C: AUTH LOGIN\nS: 334\nC: c3R1ZGVudA==\nS: 334\nC: ${sasl}\nS: 235\n"
        "C: DATA\nS: 354\nC: hi\nC: .\nS: 250\nC: AUTH PLAIN AGFubgBzM2NyZXQ=\nS: 235\nC: QUIT\nS: 221"
    )
    turns = [GREETING, *turn(b"AUTH PLAIN AGFubgBzM2NyZXQ=", b"235 ok\r\n"), *QUIT]
    settings = ReplaySettings(timeouts=QUICK, before_step=decide, send_secrets=True)
    result, _ = replay(tmp_path, transcript, turns, settings)
    assert [step.text for step in seen] == ["AUTH LOGIN", "DATA", "AUTH PLAIN ${sasl}", "QUIT"]
    assert (result.exit_status, result.failure) == (0, None)
    assert [step.lines for step in result.steps if step.outcome is Outcome.SKIPPED] == [(1,), (3,), (5,), (7,), (9, 10)]


def test_a_line_that_cannot_be_sent_is_asked_for_again_with_its_reason(tmp_path: Path) -> None:
    problems: list[str] = []

    def decide(pending: PendingStep) -> Decision:
        problems.append(pending.problem)
        return Decision(Act.EDIT, "NOOP ${nothing}" if len(problems) == 1 else "NOOP")

    settings = ReplaySettings(timeouts=QUICK, before_step=decide)
    result, _ = replay(tmp_path, "C: FOO\nS: 250", [GREETING, *NOOP], settings)
    assert result.exit_status == 0
    assert problems[0] == ""
    assert "nothing" in problems[1]


# When it is told


def test_a_step_that_went_well_is_told_before_the_next_reply_is_awaited(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\nC: NOOP\nS: 250\n*: wait 0.4\nC: QUIT\nS: 221\n", encoding="utf-8")
    told: list[tuple[str, float]] = []
    with ScriptedServer([GREETING, *NOOP, Hear(b"NOOP\r\n"), Pause(0.4), b"250 ok\r\n", *QUIT]) as server:
        settings = ReplaySettings(server=server.address, timeouts=QUICK)
        result = Replay(path, settings).run(lambda step: told.append((step.sent, time.monotonic())))
    assert result.ok
    assert [sent for sent, _ in told] == ["", "NOOP", "NOOP", "QUIT"]
    at = [moment for _, moment in told]
    # The first while the slow reply to the second was awaited, the second before the pause that the transcript has.
    assert at[2] - at[1] > 0.3
    assert at[3] - at[2] > 0.3


def test_what_came_of_the_steps_before_is_told_before_a_person_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n", encoding="utf-8")
    seen: list[str] = []

    def ask(step: PendingStep) -> Decision:
        seen.append(f"asked about {step.text}")
        return Decision()

    with ScriptedServer([GREETING, *NOOP, *QUIT]) as server:
        settings = ReplaySettings(server=server.address, timeouts=QUICK, before_step=ask)
        Replay(path, settings).run(lambda step: seen.append(f"told of {step.sent or 'the greeting'}"))
    assert seen == ["told of the greeting", "asked about NOOP", "told of NOOP", "asked about QUIT", "told of QUIT"]


@pytest.mark.parametrize(("step_by_step", "recorded_then"), [(True, [1, 2, 2, 3]), (False, [2])])
def test_all_that_happened_is_recorded_before_a_person_is_asked(
    tmp_path: Path, step_by_step: bool, recorded_then: list[int]
) -> None:
    """For each step, or for a password only."""
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\nC: AUTH LOGIN ${sasl}\nS: 334\nC: ${sasl}\nS: 235\n", encoding="utf-8")
    recorded: list[Event] = []
    replies: list[int] = []

    def note_replies() -> None:
        replies.append(len([event for event in recorded if isinstance(event, ReplyReceived)]))

    def ask(step: PendingStep) -> Decision:
        note_replies()
        return Decision()

    def find(mechanism: Mechanism, user: str) -> Credentials:
        note_replies()
        return Credentials("ann", Secret("s3cret"))

    login = [*turn(b"AUTH LOGIN YW5u", b"334 UGFzc3dvcmQ6\r\n"), *turn(b"czNjcmV0", b"235 ok\r\n")]
    with ScriptedServer([GREETING, *NOOP, *login]) as server:
        settings = ReplaySettings(
            server=server.address,
            timeouts=QUICK,
            before_step=ask if step_by_step else None,
            credentials=find,
            allow_cleartext=True,
            consumers=(lambda entry: recorded.append(entry.event),),
        )
        assert Replay(path, settings).run().ok
    assert replies == recorded_then


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that says when TLS was made ready."""
    seen: list[str] = []
    make = smtp_shell.net.tls_context.make_context

    def make_and_say_so(settings: TlsSettings) -> ssl.SSLContext:
        seen.append("made ready")
        return make(settings)

    monkeypatch.setattr(smtp_shell.net.tls_context, "make_context", make_and_say_so)
    return seen


def test_tls_is_made_ready_while_the_server_has_its_turn(tmp_path: Path, contexts: list[str]) -> None:
    def ask(step: PendingStep) -> Decision:
        contexts.append(step.text)
        return Decision()

    for second in ("STARTTLS", "NOOP"):
        turns = [GREETING, *EHLO, *turn(second.encode(), b"502 no\r\n")]
        settings = ReplaySettings(timeouts=QUICK, before_step=ask, preloads=True)
        replay(tmp_path, f"S: 220\nC: EHLO x.example\nS: 250\nC: {second}\nS: 502\n", turns, settings)
    assert contexts == ["made ready", "EHLO x.example", "STARTTLS", "EHLO x.example", "NOOP"]


@pytest.mark.parametrize(("how", "ready"), [("", True), ("json", False), ("record", False), ("jobs", False)])
def test_a_reply_is_not_kept_waiting_where_its_time_is_told(
    tmp_path: Path, contexts: list[str], how: str, ready: bool
) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: STARTTLS\nS: 502\n", encoding="utf-8")
    turns = [GREETING, *turn(b"STARTTLS", b"502 no\r\n")]
    with ScriptedServer(turns) as one, ScriptedServer(turns) as other:
        options = ReplayOptions(
            [path],
            [one.address, other.address] if how == "jobs" else [one.address],
            ReplaySettings(timeouts=QUICK, keep_going=True),
            reports_times=how == "json",
            record=tmp_path / "recorded.smtp" if how == "record" else None,
            jobs=2 if how == "jobs" else 1,
        )
        run_replays(options, io.StringIO())
    assert bool(contexts) is ready


def test_tls_that_cannot_be_made_ready_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    transcript = "S: 220\nC: EHLO x.example\nS: 250\nC: STARTTLS\nS: 220\n"
    settings = ReplaySettings(timeouts=QUICK, tls_settings=TlsSettings(ca_file=tmp_path / "missing.pem"), preloads=True)
    with pytest.raises(ConfigError, match=r"--ca-file .*missing\.pem: there is no such file"):
        replay(tmp_path, transcript, [GREETING], settings)


def test_what_went_well_is_told_before_what_ends_the_replay(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("S: 220\nC: NOOP\nS: 250\nC: NOOP\nS: 250\nC: NOOP\n", encoding="utf-8")
    told: list[Outcome] = []
    with ScriptedServer([GREETING, *NOOP, *turn(b"NOOP", b"500 no\r\n")]) as server:
        result = Replay(path, ReplaySettings(server=server.address, timeouts=QUICK)).run(
            lambda step: told.append(step.outcome)
        )
    assert told == [Outcome.MATCHED, Outcome.MATCHED, Outcome.MISMATCHED]
    assert result.counts[Outcome.MATCHED] == 2


def test_what_is_acted_out_is_what_was_checked(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    path.write_text("C: NOOP\nS: 250\n", encoding="utf-8")
    with ScriptedServer([GREETING, *NOOP]) as server:
        one = Replay(path, ReplaySettings(server=server.address, timeouts=QUICK))
        one.check()
        path.write_text("C: VRFY ann\nS: 999\n", encoding="utf-8")
        assert one.run().ok
    assert server.received == b"NOOP\r\n"


def test_a_long_transcript_is_read_as_it_is_acted_out(tmp_path: Path) -> None:
    path = tmp_path / "test.smtp"
    count = 400
    path.write_text("C: NOOP\nS: 250\n" * count, encoding="utf-8")
    with ScriptedServer([GREETING, *NOOP * count]) as server:
        one = Replay(path, ReplaySettings(server=server.address, timeouts=QUICK))
        assert one.check().steps is None
        result = one.run()
    assert result.ok
    assert result.counts[Outcome.MATCHED] == count

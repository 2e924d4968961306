"""Suites: many transcripts, several servers, and the fields of a header that are about them."""

from __future__ import annotations

import io
import json
import os
import re
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.events import Authenticated, ReplyReceived
from smtp_shell.protocol.replies import Extensions
from smtp_shell.protocol.sasl import Credentials, Mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.budget import Budget
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.reporters import ReportSettings, make_reporter
from smtp_shell.replay.results import ReplayResult
from smtp_shell.replay.runner import ReplayOptions, find_transcripts, run_replays
from smtp_shell.replay.selection import TagCondition
from smtp_shell.replay.settings import ReplaySettings
from tests.support.peer import Hear, Log, Peer, ScriptedServer, Turn
from tests.unit.cli.program import run_text

if TYPE_CHECKING:
    from smtp_shell.servers.practice import PracticeServer
    from tests.support.dovecot import Dovecot
    from tests.support.exim import Exim
    from tests.support.postfix import Postfix

QUICK = replace(Timeouts().all(5.0), quit=1.0)
SETTINGS = ReplaySettings(timeouts=QUICK)
GREETING = b"220 mx.example ESMTP\r\n"


def turn(hear: bytes, say: bytes) -> list[Turn]:
    return [Hear(hear + b"\r\n"), say]


def write(path: Path, text: str, **fields: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = "".join(f"{name}: {value}\n" for name, value in fields.items())
    path.write_text(f"Transcript: 1\n{header}\n{text}" if fields else text, encoding="utf-8")
    return path


def answering(*answers: str) -> ScriptedServer:
    """Greet, and answer each line with the next of these, and then with 250."""

    def talk(peer: Peer) -> None:
        peer.say("220 mx.example ESMTP")
        for answer in answers:
            peer.hear()
            peer.say(answer)
        while True:
            peer.say("221 bye" if peer.hear() == b"QUIT\r\n" else "250 ok")

    return ScriptedServer(talk)


def output_of(options: ReplayOptions, *reports: str) -> tuple[int, str]:
    out = io.StringIO()
    reporters = [make_reporter(report, ReportSettings()) for report in reports or ("text",)]
    result = run_replays(replace(options, reporters=reporters), out)
    return result.exit_status, out.getvalue()


# Folders


def test_a_folder_is_searched_in_depth_in_order_and_no_link_leads_round_in_a_circle(tmp_path: Path) -> None:
    suite = tmp_path / "suite"
    for name in ("b.smtp", "a/z.smtp", "a/deep/er/y.smtp", "c/x.smtp", ".hidden/h.smtp", "a/notes.txt"):
        write(suite / name, "C: NOOP\n")
    outside = write(tmp_path / "outside.smtp", "C: NOOP\n")
    try:
        os.symlink(suite, suite / "a" / "circle", target_is_directory=True)
        os.symlink(outside, suite / "link.smtp")
    except OSError:  # Windows, without the right to make links
        (suite / "link.smtp").write_text("C: NOOP\n")
    found = [path.relative_to(suite).as_posix() for path in find_transcripts([suite])]
    assert found == ["a/deep/er/y.smtp", "a/z.smtp", "b.smtp", "c/x.smtp", "link.smtp"]


# Tags, order, failures, budgets


def test_only_what_is_selected_is_checked_and_replayed(tmp_path: Path) -> None:
    write(tmp_path / "a.smtp", "C: NOOP a\n", Tags="smoke")
    write(tmp_path / "b.smtp", "C: NOOP b\n*: withn 5\n", Tags="slow")  # its check would fail
    with answering() as server:
        options = ReplayOptions([tmp_path], [server.address], SETTINGS, tags=[TagCondition.parse("not slow")])
        status, text = output_of(options)
        summary = json.loads(output_of(options, "json")[1].splitlines()[-1])
    assert status == 0
    assert "1 transcript, " in text
    assert "not selected by --tag: 1 transcript\n" in text
    assert summary["not_selected"] == 1


def test_a_seed_is_printed_and_makes_the_order_again(tmp_path: Path) -> None:
    for name in "abcdefgh":
        write(tmp_path / f"{name}.smtp", "C: NOOP\n")
    with answering() as server:
        words = ["replay", str(tmp_path), "--server", server.address]
        first = run_text(*words, "--shuffle")
        found = re.search(r"shuffled; the same order again: --seed ([0-9]+)\n", first.stdout)
        assert found is not None
        again = run_text(*words, "--seed", found[1])
        plain = run_text(*words)

    def order(text: str) -> list[str]:
        return re.findall(r"([a-h])\.smtp ->", text)

    assert order(first.stdout) == order(again.stdout)
    assert sorted(order(first.stdout)) == order(plain.stdout) == list("abcdefgh")
    assert "shuffled" not in plain.stdout


@pytest.mark.parametrize(("most", "jobs", "run"), [(1, 1, 1), (2, 1, 2), (9, 1, 6), (0, 1, 6), (1, 4, None)])
def test_nothing_more_is_begun_after_so_many_failures(tmp_path: Path, most: int, jobs: int, run: int | None) -> None:
    for name in "abcdef":
        write(tmp_path / f"{name}.smtp", "C: NOOP\nS: 550\n")
    with answering() as server:
        options = ReplayOptions([tmp_path], [server.address], SETTINGS, max_failures=most, jobs=jobs)
        status, text = output_of(options)
    assert status == 1
    replayed = text.count(".smtp -> ")
    assert replayed == run if run is not None else 1 <= replayed <= 6
    left = 6 - replayed
    assert (f"not replayed, by --max-failures: {left}" in text) is (left > 0)


def test_the_short_option_stops_at_the_first_failure(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.smtp", "C: NOOP\nS: 550\n")
    with answering() as server:
        done = run_text("replay", str(tmp_path), "--server", server.address, "-x")
    assert done.returncode == 1
    assert "not replayed, by --max-failures: 1" in done.stdout


@pytest.mark.parametrize(("budget", "status"), [("p95=60s", 0), ("mean=60s", 0), ("max=1us", 1), ("p50=1us", 1)])
def test_a_budget_that_is_exceeded_is_one_sentence_and_status_1(tmp_path: Path, budget: str, status: int) -> None:
    path = write(tmp_path / "a.smtp", "C: NOOP\nS: 250\n")
    with answering() as server:
        options = ReplayOptions([path], [server.address], SETTINGS, budgets=[Budget.parse(budget)])
        assert output_of(options)[0] == status
        assert output_of(options)[1].count("over budget: ") == status
        summary = json.loads(output_of(options, "json")[1].splitlines()[-1])
    assert summary["exit_status"] == status
    assert len(summary.get("over_budget", [])) == status


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--tag", "a b"], "is no condition on tags"),
        (["--budget", "p95=50"], "is no budget"),
        (["--max-failures", "0"], "is no whole number"),
        (["--seed", "x"], "is no whole number"),
        (["--tag", "nix"], "no transcript has tags that meet --tag; the tags there are: smoke."),
        (["--profiles", "missing.toml"], "missing.toml cannot be read"),
    ],
)
def test_an_option_that_means_nothing_is_one_sentence_and_nothing_is_sent(
    tmp_path: Path, words: list[str], problem: str
) -> None:
    path = write(tmp_path / "a.smtp", "C: NOOP\n", Tags="smoke")
    with answering() as server:
        done = run_text("replay", str(path), "--server", server.address, *words)
        assert server.connections == 0
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert problem in done.stderr


# Fields of the header


@pytest.mark.parametrize(
    ("field", "given", "answer", "status"),
    [
        ("text", None, "250 other words", 1),
        ("text", Strictness.CODE, "250 other words", 0),
        ("code", Strictness.TEXT, "250 other words", 1),
        ("code", None, "250 other words", 0),
        ("enhanced", None, "250 2.1.5 x", 1),
    ],
)
def test_a_file_has_its_own_level_and_the_callers_precedes_it(
    tmp_path: Path, field: str, given: Strictness | None, answer: str, status: int
) -> None:
    path = write(tmp_path / "a.smtp", "C: NOOP\nS: 250 2.0.0 words\n", Match=field)
    with answering(answer) as server:
        settings = replace(SETTINGS, server=server.address, strictness=given)
        assert Replay(path, settings).run().exit_status == status


def test_what_is_ignored_is_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(
        "Transcript: 1\nMatch: text\nIgnore: by [a-z]+\nIgnore: load [a-z]+\n\nC: NOOP\nS: 250 by alpha, load low\n"
    )
    for answer, status in (("250 by beta, load high", 0), ("250 by beta, load 9", 1), ("250 by beta", 1)):
        with answering(answer) as server:
            assert Replay(path, replace(SETTINGS, server=server.address)).run().exit_status == status


def test_the_limit_of_a_file_ends_its_replay_and_the_callers_precedes_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.smtp", "C: NOOP\n*: wait 60\nC: NOOP\n", Limit="0.2")
    with answering() as server:
        result = Replay(path, replace(SETTINGS, server=server.address)).run()
        assert (result.exit_status, result.failure) == (3, "the replay took longer than 0.2 s in all.")
        result = Replay(path, replace(SETTINGS, server=server.address, overall=0.1)).run()
        assert result.failure == "the replay took longer than 0.1 s in all."


@pytest.mark.parametrize("place", ["C: NOOP\n*: within 0.2\n", "*: within 0.2\nC: NOOP\n"])
def test_a_step_must_be_answered_within_its_time_wherever_that_stands(tmp_path: Path, place: str) -> None:
    path = write(tmp_path / "a.smtp", f"S: 220\n{place}S: 250\n")
    with ScriptedServer([GREETING, Hear(b"NOOP\r\n")]) as server:
        result = Replay(path, replace(SETTINGS, server=server.address)).run()
    assert result.exit_status == 3
    assert "0.2 s" in (result.failure or "")


# Included files, what is done in any case, and whole exchanges


def test_an_included_file_is_named_in_the_report_and_its_mail_data_is_sent(
    tmp_path: Path, practice: PracticeServer
) -> None:
    write(tmp_path / "sub" / "hello.smtp", "C: EHLO ${me}\nS: 250\n", Var="me=client.example")
    write(
        tmp_path / "sub" / "letter.smtp",
        "C: MAIL FROM:<ann@example.org>\nC: RCPT TO:<bob@example.org>\nC: DATA\nC< letter.eml\nS: 251\n",
    )
    (tmp_path / "sub" / "letter.eml").write_text("Subject: included\n\nHello.\n")
    path = write(
        tmp_path / "a.smtp",
        "*: include sub/hello.smtp\n*: include sub/letter.smtp\n*: finally\nC: QUIT\nS: 221\n",
    )
    server = f"127.0.0.1:{practice.port}"
    done = run_text("replay", str(path), "--server", server)
    assert done.returncode == 1
    assert f"           in {tmp_path / 'sub' / 'letter.smtp'}\n" in done.stdout
    assert f"failed: {path}: {tmp_path / 'sub' / 'letter.smtp'}:4: the reply code differs.\n" in done.stdout
    assert done.stdout.index("*: finally") < done.stdout.index("C: QUIT  221")
    objects = [
        json.loads(line) for line in run_text("replay", str(path), "--server", server, "--json").stdout.splitlines()
    ]
    (different,) = [each for each in objects if each.get("verdict") == "mismatched"]
    assert (Path(different["file"]).name, different["lines"], different["expected_line"]) == ("letter.smtp", [4, 4], 5)
    assert [each["sent"] for each in objects if each.get("finally")] == ["QUIT"]


def test_credentials_of_an_included_file_are_not_sent_unasked_and_name_their_place(tmp_path: Path) -> None:
    write(tmp_path / "login.smtp", "C: AUTH PLAIN AGFubgBzM2NyZXQ=\n")
    path = write(tmp_path / "a.smtp", "C: NOOP\n*: include login.smtp\n")
    with answering() as server:
        done = run_text("replay", str(path), "--server", server.address)
        assert server.connections == 0
    assert done.returncode == 2
    assert f"{path}: line 1 of {tmp_path / 'login.smtp'} holds a credential" in done.stderr
    assert "AGFubgBzM2NyZXQ" not in done.stderr


MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]


def credentials(user: str, password: str) -> ReplaySettings:
    def find(mechanism: Mechanism, named: str) -> Credentials:
        return Credentials(named or user, Secret(password))

    return replace(SETTINGS, timeouts=Timeouts().all(30.0), credentials=find)


def servers_with_auth(postfix: Postfix, exim: Exim, dovecot: Dovecot) -> dict[str, tuple[str, Path]]:
    return {
        "postfix": (f"smtps://localhost:{postfix.smtps}", postfix.ca_file),
        "exim": (f"smtps://localhost:{exim.smtps}", exim.ca_file),
        "dovecot": (f"smtps://localhost:{dovecot.submissions}", dovecot.ca_file),
    }


EXCHANGE = "C: EHLO client.example\nS: 250\n*: authenticate {words}\n{expected}C: NOOP\nS: 250\nC: QUIT\nS: 221\n"


def authenticate(
    path: Path, server: tuple[str, Path], words: str, expected: str, user: str, password: str
) -> tuple[ReplayResult, Log]:
    url, ca_file = server
    log = Log()
    path.write_text(EXCHANGE.format(words=words, expected=expected))
    settings = replace(
        credentials(user, password), server=url, tls_settings=TlsSettings(ca_file=ca_file), consumers=(log,)
    )
    return Replay(path, settings).run(), log


def test_one_transcript_authenticates_with_every_mechanism_of_every_server(
    tmp_path: Path, postfix: Postfix, exim: Exim, dovecot: Dovecot
) -> None:
    path, done = tmp_path / "a.smtp", set[tuple[str, str]]()
    for name, server in servers_with_auth(postfix, exim, dovecot).items():
        for words in ("", *MECHANISMS):
            result, log = authenticate(path, server, words, "S: 235\n", postfix.user, postfix.password)
            (announced,) = [
                event.reply for event in log.events if isinstance(event, ReplyReceived) and event.verb == "EHLO"
            ]
            offered = Extensions.parse(announced).mechanisms
            if words and words not in offered:
                assert result.exit_status == 5
                assert f"the transcript names {words}." in (result.failure or "")
                continue
            assert result.exit_status == 0, (name, words, result.failure)
            (who,) = [event for event in log.events if isinstance(event, Authenticated)]
            best = max(offered, key=lambda each: MECHANISMS.index(each) if each in MECHANISMS else -1)
            assert who.mechanism == (words or (best if best.startswith("SCRAM") else who.mechanism))
            assert f"*: authenticate {who.mechanism}" in [step.sent for step in result.steps]
            done.add((name, who.mechanism))
    assert {("postfix", each) for each in MECHANISMS} <= done
    assert {("dovecot", each) for each in ("PLAIN", "SCRAM-SHA-256", "CRAM-MD5")} <= done
    assert {each for name, each in done if name == "exim"} >= {"PLAIN", "CRAM-MD5"}


@pytest.mark.parametrize(
    ("expected", "status"), [("S: 235\n", 1), ("", 5), ("S: 535\n", 0), ("S: 5yz\n", 0), ("S~ 535 (?P<why>.*)\n", 0)]
)
def test_a_refusal_is_a_difference_where_a_reply_is_expected_and_status_5_where_none_is(
    tmp_path: Path, dovecot: Dovecot, postfix: Postfix, expected: str, status: int
) -> None:
    for url, ca_file in ((f"smtps://localhost:{postfix.smtps}", postfix.ca_file),):
        result, log = authenticate(tmp_path / "a.smtp", (url, ca_file), "PLAIN", expected, "student", "wrong")
        assert result.exit_status == status, result.failure
        assert not any(isinstance(event, Authenticated) for event in log.events)


def test_the_password_of_a_whole_exchange_is_in_no_report_and_no_recording(tmp_path: Path, postfix: Postfix) -> None:
    path, record = write(tmp_path / "a.smtp", EXCHANGE.format(words="PLAIN", expected="S: 235\n")), tmp_path / "r.smtp"
    words = ["replay", str(path), "--server", f"smtps://localhost:{postfix.smtps}", "--ca-file", str(postfix.ca_file)]
    done = run_text(
        *words, "--user", postfix.user, "--record", str(record), env={"SMTP_SHELL_PASSWORD": postfix.password}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = record.read_text()
    assert "C: AUTH PLAIN ${sasl}" in text
    blob = b64encode(f"\0{postfix.user}\0{postfix.password}".encode()).decode()
    for secret in (postfix.password, blob):
        assert secret not in text + done.stdout + done.stderr


@pytest.mark.parametrize(
    ("script", "status", "problem"),
    [
        ([GREETING, *turn(b"EHLO client.example", b"250 mx.example\r\n")], 5, "the server does not offer AUTH"),
        (
            [GREETING, *turn(b"EHLO client.example", b"250-mx\r\n250 AUTH OTP\r\n")],
            5,
            "no common mechanism: the server offers OTP",
        ),
        (
            [
                GREETING,
                *turn(b"EHLO client.example", b"250-mx\r\n250 AUTH CRAM-MD5\r\n"),
                *turn(b"AUTH CRAM-MD5", b"334 !!!\r\n"),
                *turn(b"*", b"501 cancelled\r\n"),
            ],
            6,
            "is not one line of base64",
        ),
        (
            [
                GREETING,
                *turn(b"EHLO client.example", b"250-mx\r\n250 AUTH CRAM-MD5\r\n"),
                Hear(b"AUTH CRAM-MD5\r\n"),
                *[b"334 PDFAbXg+\r\n", Hear(b"\r\n")] * 2,
                *[b"334 PDFAbXg+\r\n"] * 3,
            ],
            6,
            "one more response than CRAM-MD5 has",
        ),
        (
            [GREETING, *turn(b"EHLO client.example", b"250-mx\r\n250 AUTH CRAM-MD5\r\n"), Hear(b"AUTH CRAM-MD5\r\n")],
            3,
            "",
        ),
    ],
    ids=["no AUTH", "nothing in common", "no base64", "no end", "silence"],
)
def test_an_exchange_that_cannot_go_on_ends_the_dialogue(
    tmp_path: Path, script: Sequence[Turn], status: int, problem: str
) -> None:
    path = write(tmp_path / "a.smtp", EXCHANGE.format(words="", expected="S: 235\n"))
    with ScriptedServer(script) as server:
        settings = replace(
            credentials("ann", "c4nary"), server=server.address, allow_cleartext=True, timeouts=Timeouts().all(2.0)
        )
        result = Replay(path, settings).run()
    assert result.exit_status == status, result.failure
    assert problem in (result.failure or "")


def test_a_password_does_not_go_in_the_clear_by_the_weakest_mechanism_unless_that_is_named(tmp_path: Path) -> None:
    for words, status in (("", 5), ("PLAIN", 0)):
        path = write(tmp_path / "a.smtp", EXCHANGE.format(words=words, expected="S: 235\n"))
        with answering("250-mx.example\r\n250 AUTH PLAIN", "235 ok") as server:
            settings = replace(credentials("ann", "c4nary"), server=server.address, allow_cleartext=True)
            assert Replay(path, settings).run().exit_status == status
            result = Replay(path, replace(settings, allow_cleartext=False)).run()
            assert result.exit_status == 5
            assert "is not sent over a connection without TLS" in (result.failure or "")


# Several servers


LETTER = """\
S: 220
C: EHLO client.example
S: 250
C: MAIL FROM:<ann@example.org>
S: 250
C: RCPT TO:<bob@example.org>
S: 250
C: QUIT
S: 221
"""


def test_several_servers_stand_in_one_table_each_with_its_own_ca_and_user(
    tmp_path: Path, postfix: Postfix, exim: Exim, dovecot: Dovecot
) -> None:
    path = write(tmp_path / "letter.smtp", LETTER.replace("C: MAIL", "*: authenticate\nS: 235\nC: MAIL"))
    servers = {
        "postfix": (f"smtps://localhost:{postfix.smtps}", postfix.ca_file, postfix.user),
        "exim": (f"smtps://localhost:{exim.smtps}", exim.ca_file, exim.user),
        "dovecot": (f"smtps://localhost:{dovecot.submissions}", dovecot.ca_file, dovecot.user),
    }
    profiles = tmp_path / "servers.toml"
    profiles.write_text(
        "".join(
            f'[{name}]\nurl = "{url}"\nca_file = "{ca_file}"\nuser = "{user}"\ntimeout = 30\n'
            for name, (url, ca_file, user) in servers.items()
        )
    )
    done = run_text("replay", str(path), "--profiles", str(profiles), env={"SMTP_SHELL_PASSWORD": postfix.password})
    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout[done.stdout.index("A = postfix\nB = exim\nC = dovecot\n") :]
    (heading,) = re.findall(r"^ +line  step.*$", table, re.MULTILINE)
    assert heading.split() == ["line", "step", "A", "B", "C"]
    (row,) = re.findall(r"^ .* C: RCPT TO:<bob@example.org>.*$", table, re.MULTILINE)
    assert [word for word in row.split() if word.isdigit()][1:] == ["250", "250", "250"]
    assert "only " in table  # what one of them announces


def test_a_server_that_answers_otherwise_is_marked_and_named(tmp_path: Path, practice: PracticeServer) -> None:
    path = write(tmp_path / "a.smtp", "S: 220\nC: VRFY bob@example.org\nS: 250|252\nC: QUIT\nS: 221\n")
    turns: Sequence[Turn] = [GREETING, *turn(b"VRFY bob@example.org", b"502 5.5.1 no\r\n")]
    with ScriptedServer(turns) as other:
        near = f"127.0.0.1:{practice.port}"
        done = run_text("replay", str(path), "--server", near, "--server", other.address)
        by_json = run_text("replay", str(path), "--server", near, "--server", other.address, "--json")
    assert done.returncode == 1
    (row,) = re.findall(r"^\*.*$", done.stdout, re.MULTILINE)[:1]
    assert "VRFY" in row
    assert "502 5.5.1 !" in row
    assert "         B: 502 5.5.1 no" in done.stdout
    assert f"failed: {other.address}: {path}:2: the reply code differs." in done.stdout
    objects = [json.loads(line) for line in by_json.stdout.splitlines()]
    assert {each["server"] for each in objects if "verdict" in each} == {near, other.address}

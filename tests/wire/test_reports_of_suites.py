"""Suites in reports, and with `--update`, `--check` and `--step`: what each of them says of parts, servers, budgets and runs left out."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from smtp_shell.config import Timeouts
from smtp_shell.protocol.sasl import Credentials, Mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.reporters import RunInfo
from smtp_shell.replay.reporters.progress import ProgressReporter, ProgressRunReport
from smtp_shell.replay.results import Act, Decision, Outcome, PendingStep
from smtp_shell.replay.runner import ReplayOptions, run_replays
from smtp_shell.replay.selection import TagCondition
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.workers import Writer
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.junit import check_junit
from tests.support.peer import Hear, Peer, ScriptedServer, Turn
from tests.support.tap import read_tap
from tests.unit.cli.program import run_text

GREETING = b"220 mx.example ESMTP\r\n"
SMOKE = "Transcript: 1\nTags: smoke\n\n"
HELLO = "C: EHLO x.example\nS: 250\n"
WHOLE = f"{SMOKE}S: 220\n*: include parts/hello.txt\nC: NOOP\nS: 550\n*: finally\nC: RSET\nS: 250\nC: QUIT\nS: 221\n"


@pytest.fixture
def servers() -> Iterator[tuple[str, str]]:
    with PracticeServer(PracticeSettings()) as one, PracticeServer(PracticeSettings()) as other:
        yield f"127.0.0.1:{one.port}", f"127.0.0.1:{other.port}"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    suite = tmp_path / "suite"
    (suite / "parts").mkdir(parents=True)
    (suite / "parts" / "hello.txt").write_text(HELLO)
    (suite / "a.smtp").write_text(WHOLE)
    (suite / "b.smtp").write_text(f"{SMOKE}S: 220\nC: QUIT\nS: 221\n")
    (suite / "c.smtp").write_text("Transcript: 1\nTags: slow\n\nwhat is this\n")  # would be refused
    return suite


def reports(folder: Path) -> tuple[dict[str, Path], list[str]]:
    files = {name: folder / f"report.{name}" for name in ("junit", "tap", "html")}
    return files, [word for name, path in files.items() for word in (f"--{name}", str(path))]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_a_batch_left_out_is_in_each_report(
    tmp_path: Path, suite: Path, servers: tuple[str, str], jobs: str
) -> None:
    files, named = reports(tmp_path)
    against = [word for server in servers for word in ("--server", server)]
    options = ("--tag", "smoke", "-x", "--repeat", "9", "--jobs", jobs, "--seed", "2", "--budget", "max=1us")
    done = run_text("replay", str(suite), *against, *named, *options)
    assert done.returncode == 1, done.stderr
    (left,) = map(int, re.findall("not replayed, by --max-failures: ([0-9]+)", done.stdout))
    suites = check_junit(files["junit"].read_bytes())
    *runs, batch = suites
    assert len(runs) + left == 36
    assert {each.attrib["name"].partition(" (run ")[0] for each in runs} <= {
        f"{suite / name}.smtp -> {server}" for name in "ab" for server in servers
    }
    assert {each.attrib["classname"].rpartition("@")[2] for each in runs[0].iter("testcase")} < {
        server.replace(".", "_") for server in servers
    }
    assert [each.attrib["value"] for each in runs[0].iter("property") if each.attrib["name"] == "seed"] == ["2"]
    assert (batch.attrib["skipped"], batch.attrib["failures"]) == (str(left), "1")
    assert "--budget allows 0.001 ms" in batch.findall("testcase/failure")[0].attrib["message"]
    tap = read_tap(files["tap"].read_text())
    assert len(tap.points) == 36 + 1
    page = files["html"].read_text()
    assert f"<h2>Not replayed</h2>\n<ul>\n<li>{suite}" in page
    for text in (files["tap"].read_text(), page, done.stdout):
        assert "not selected by --tag: 1 transcript" in text
        assert "--seed 2" in text
        assert "over budget: the slowest step took" in text


def test_a_report_tells_the_part_and_the_file_of_each_step(
    tmp_path: Path, suite: Path, servers: tuple[str, str]
) -> None:
    (suite / "parts" / "hello.txt").write_text(HELLO.replace("250", "251"))
    files, named = reports(tmp_path)
    included = suite / "parts" / "hello.txt"
    done = run_text("replay", str(suite / "a.smtp"), "--server", servers[0], *named)
    assert done.returncode == 1, done.stderr
    (run,) = check_junit(files["junit"].read_bytes())
    names = [case.attrib["name"] for case in run.iter("testcase")]
    assert names == [
        "line 4: S: 220",
        f"{included} line 1: C: EHLO x.example",
        "finally, line 9: C: RSET",
        "finally, line 11: C: QUIT",
    ]
    (failure,) = run.findall("testcase/failure")
    assert failure.attrib["message"].startswith(f"{included}:2: the reply code differs")
    assert "*: finally\n" in (run.findtext("system-out") or "")
    tap = files["tap"].read_text()
    assert f'at: {{"file": "{included}", "line": 2}}' in tap
    assert "ok 3 - finally, line 9: C: RSET" in tap
    page = files["html"].read_text()
    assert page.index(f"in {included}") < page.index("EHLO x.example") < page.index("*: finally") < page.index("RSET")
    assert f"{included}:2: the reply code differs" in page


class NotingBar(ProgressReporter):
    """A progress bar that keeps what it is told of the runs."""

    def __init__(self) -> None:
        super().__init__(io.StringIO(), io.StringIO(), above=False, patience=600)
        self.seen: list[tuple[int, int]] = []

    def for_run(self, run: RunInfo, out: Writer) -> ProgressRunReport:
        self.seen.append((run.order, run.total))
        return super().for_run(run, out)


def test_progress_counts_what_is_selected(suite: Path, servers: tuple[str, str]) -> None:
    bar, tags = NotingBar(), [TagCondition.parse("smoke")]
    run_replays(ReplayOptions([suite], servers, ReplaySettings(), [bar], tags=tags), io.StringIO())
    bar.close()
    assert bar.seen == [(number, 4) for number in range(4)]


# --update


def turn(hear: bytes, say: bytes) -> list[Turn]:
    return [Hear(hear + b"\r\n"), say]


EHLO = turn(b"EHLO x.example", b"250 mx.example\r\n")


def update(path: Path, turns: Sequence[Turn], *options: str, status: int = 0) -> str:
    with ScriptedServer([GREETING, *turns], closes=True) as server:
        done = run_text(
            "replay", str(path), "--server", server.address, "--update", "--yes", "--timeout", "5", *options
        )
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout


def test_an_expectation_is_rewritten_in_the_file_that_it_stands_in(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    part, path = tmp_path / "sub" / "part.txt", tmp_path / "a.smtp"
    part.write_text("# hello\nC: EHLO x.example\nS: 550 no\n")
    text = "S: 220\n*: include sub/part.txt\nC: NOOP\nS: 550\n*: finally\nC: RSET\nS: 550\n"
    path.write_text(text)
    shown = update(path, [*EHLO, *turn(b"NOOP", b"250 ok\r\n"), *turn(b"RSET", b"252 ok\r\n")])
    assert part.read_text() == "# hello\nC: EHLO x.example\nS: 250 mx.example\n"
    assert path.read_text() == text.replace("550", "250", 1).replace("550", "252", 1)
    assert f"{part} is rewritten: 1 line" in shown
    assert f"{path} is rewritten: 2 lines" in shown
    assert " C: EHLO x.example\n" in shown


def test_an_included_line_stays_where_its_replies_differ_from_place_to_place(tmp_path: Path) -> None:
    part, path = tmp_path / "part.txt", tmp_path / "a.smtp"
    part.write_text("C: NOOP\nS: 250 fine\n")
    path.write_text("S: 220\n*: include part.txt\n*: include part.txt\n")
    first = turn(b"NOOP", b"250 fine\r\n")
    for second in (b"450 later\r\n", b"451 later\r\n"):
        shown = update(path, [*first, *turn(b"NOOP", second)], status=1)
        assert f"{part}:2: this line is included more than once, and the replies to it differ" in shown
        assert part.read_text() == "C: NOOP\nS: 250 fine\n"
        first = turn(b"NOOP", b"450 later\r\n")
    shown = update(path, [*first, *first])
    assert part.read_text() == "C: NOOP\nS: 450 later\n"


def test_the_diff_of_an_included_file_has_no_credential(tmp_path: Path) -> None:
    part, path = tmp_path / "part.txt", tmp_path / "a.smtp"
    part.write_text("C: c3R1ZGVudA==\nS: 334\nC: czNjcmV0LXdvcmQ=\nS: 999 no\n".replace("999", "550"))
    path.write_text("S: 220\nC: AUTH LOGIN\nS: 334\n*: include part.txt\n")
    turns = [
        *turn(b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"),
        *turn(b"c3R1ZGVudA==", b"334 UGFzc3dvcmQ6\r\n"),
        *turn(b"czNjcmV0LXdvcmQ=", b"235 ok\r\n"),
    ]
    shown = update(path, turns, "--send-secrets")
    assert "S: 235 ok" in part.read_text()
    assert "czNjcmV0LXdvcmQ" not in shown
    assert "c3R1ZGVudA" not in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--server", "127.0.0.1:9"), "leave out a second --server"),
        (("-x",), "leave out --max-failures"),
        (("--budget", "max=1s"), "leave out --budget"),
    ],
)
def test_what_cannot_be_updated_is_refused_before_anything_is_sent(
    suite: Path, options: Sequence[str], words: str
) -> None:
    with ScriptedServer([GREETING]) as server:
        done = run_text("replay", str(suite / "b.smtp"), "--server", server.address, "--update", "--yes", *options)
        assert server.connections == 0
    assert done.returncode == 2
    assert words in done.stderr


# --check


def checked(*words: str, status: int = 0) -> str:
    done = run_text("replay", "--check", *words, env={"SMTP_SHELL_PASSWORD": ""})
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout


def test_a_check_reads_what_is_included_and_knows_the_events_of_suites(tmp_path: Path) -> None:
    (tmp_path / "part.txt").write_text("Transcript: 1\nVar: me=x.example\n\nC: EHLO ${me}\nS: 250\nS: 250\n")
    path = tmp_path / "a.smtp"
    text = "*: include part.txt\n*: authenticate {}\nS: 235\nC: QUIT\nS: 221\n*: close server\n*: finally\nC: RSET\nS: 250\n"
    path.write_text(text.format("PLAIN ann@x.example"))
    lines = checked(str(path)).replace(str(tmp_path), "").splitlines()
    assert lines[0].startswith("/a.smtp:2: warning: credentials are needed for PLAIN: no password"), lines
    assert lines[1].startswith("/part.txt:6: warning: no command is owed this reply")
    assert lines[2] == (
        "ok    /a.smtp: 8 lines, names no server, variables me, credentials of ann@x.example for PLAIN: missing"
    )
    path.write_text(text.format(""))
    assert "credentials are needed for any mechanism: no user" in checked(str(path))
    assert "any mechanism: there" in checked(str(path), "--user", "ann", "--password-command", "echo secret")
    (tmp_path / "part.txt").write_text("C: EHLO ${nobody}\n")
    assert f"{tmp_path / 'part.txt'}:1: error: " in checked(str(path), status=2)


def test_a_check_is_about_what_is_selected_and_about_each_server(tmp_path: Path, suite: Path) -> None:
    (suite / "b.smtp").write_text(f"{SMOKE}S: 220\nC: NOOP ${{what}}\nS: 250\n")
    profiles = tmp_path / "servers.toml"
    profiles.write_text(
        "".join(f'[{name}]\nurl = "smtp://{name}.example"\nvariables = {{what = "x"}}\n' for name in ("near", "far"))
    )
    shown = checked(str(suite), "--tag", "smoke", "--profiles", str(profiles))
    assert len(re.findall("^ok .*b.smtp: 3 lines, for (?:near|far).example", shown, re.MULTILINE)) == 2
    assert shown.endswith("2 transcripts checked, 0 cannot be replayed, 1 not selected by --tag\n")
    shown = checked(str(suite / "c.smtp"), "--profiles", str(profiles), status=2)
    assert shown.count("has no marker") == 1
    done = run_text("replay", "--check", str(suite), "--shuffle")
    assert (done.returncode, "leave out --shuffle" in done.stderr) == (2, True)


# --step, and a replay that goes on


@pytest.mark.parametrize(("act", "outcome"), [(Act.SEND, Outcome.MATCHED), (Act.SKIP, Outcome.SKIPPED)])
def test_a_user_is_asked_before_a_whole_exchange(tmp_path: Path, act: Act, outcome: Outcome) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 220\nC: EHLO x.example\nS: 250\n# now\n*: authenticate PLAIN ann\nS: 235\nC: NOOP\nS: 250\n")
    asked: list[PendingStep] = []

    def before(step: PendingStep) -> Decision:
        asked.append(step)
        if step.is_event and not step.problem:
            return Decision(Act.EDIT, "NOOP")
        return Decision(act if step.is_event else Act.SEND)

    def find(mechanism: Mechanism, user: str) -> Credentials:
        return Credentials(user, Secret("s3cret-word"))

    def talk(peer: Peer) -> None:
        peer.say("220 mx.example ESMTP")
        while True:
            line = peer.hear()
            peer.say(
                "250-mx\r\n250 AUTH PLAIN" if line[:4] == b"EHLO" else "235 ok" if line[:4] == b"AUTH" else "250 ok"
            )

    with ScriptedServer(talk) as server:
        settings = ReplaySettings(
            server=server.address,
            timeouts=Timeouts().all(30.0),
            credentials=find,
            allow_cleartext=True,
            before_step=before,
        )
        result = Replay(path, settings).run()
    assert result.exit_status == 0, result.failure
    assert [step.outcome for step in result.steps if step.sent.startswith("*: authenticate")] == [outcome]
    events = [step for step in asked if step.is_event]
    assert [each.problem for each in events] == ["", "an event cannot be edited"]
    assert (events[0].text, events[0].line, events[0].notes) == ("*: authenticate PLAIN ann", 5, ("now",))
    assert events[0].expected == ("S: 235",)


def test_what_follows_finally_is_done_on_the_same_connection_by_a_replay_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 220\n*: include part.txt\nC: NOOP\nS: 250\n*: finally\nC: RSET\nS: 250\nC: QUIT\nS: 221\n")
    (tmp_path / "part.txt").write_text("C: EHLO x.example\nS: 250\n*: authenticate\nS: 235\n")
    turns = [*EHLO, *turn(b"RSET", b"250 ok\r\n"), *turn(b"QUIT", b"221 bye\r\n")]
    with ScriptedServer([GREETING, *turns], closes=True) as server:
        done = run_text("replay", str(path), "--server", server.address, "--keep-going", "--json", "--user", "ann")
        assert server.connections == 1
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["sent"] for each in objects if each.get("finally")] == ["RSET", "QUIT"]
    (skipped,) = [each for each in objects if each.get("verdict") == "skipped"]
    assert skipped["why"] == f"not sent: the dialogue ended in line 3 of {tmp_path / 'part.txt'}"

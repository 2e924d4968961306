"""Batches: which transcripts are replayed, against what, in which order, what is reported, and when a batch ends."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.config import KEY_LOG_VARIABLE, TlsSettings
from smtp_shell.configuration.profile import Profile
from smtp_shell.errors import AuthFailed, TranscriptError, UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.sasl import Credentials, Mechanism
from smtp_shell.recording import recording as recordings
from smtp_shell.recording.recording import Recording
from smtp_shell.replay import workers
from smtp_shell.replay.budget import Budget
from smtp_shell.replay.credential_finder import CredentialFinder
from smtp_shell.replay.profiles import ProfiledServer
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.reporters import RunInfo
from smtp_shell.replay.results import Act, Decision, ReplayResult, StepResult
from smtp_shell.replay.runner import (
    BatchResult,
    ReplayOptions,
    find_transcripts,
    prepare,
    run_replays,
    settings_for,
)
from smtp_shell.replay.selection import TagCondition
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.stats import RunStats
from smtp_shell.replay.workers import Writer
from tests.unit.replay.fake import FakeTransport

SERVER = "mx.example:25"
GOOD = "S: 220\nC: NOOP\nS: 250\n"
BAD = "S: 220\nC: NOOP\nS: 550\n"


class Answering(FakeTransport):
    """A server that greets, and answers each line with 250."""

    def __init__(self, said: list[str]) -> None:
        super().__init__([b"220 mx.example\r\n"])
        self._said = said

    def send(self, octets: bytes, seconds: float, until: float = float("inf")) -> None:
        self._said.append(octets.decode().strip())
        self._arrived.append(b"250 ok\r\n")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What clients say, and before it what they connect to."""
    said: list[str] = []

    def connect(target: Target, seconds: float, *_: object) -> Transport:
        said.append(f"-> {target}")
        return Answering(said)

    monkeypatch.setattr("smtp_shell.client.session.connect", connect)
    return said


class Noting:
    """A reporter that notes what it is told."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.runs: list[RunInfo] = []
        self.stats: RunStats | None = None

    def for_run(self, run: RunInfo, out: Writer) -> NotingRun:
        self.runs.append(run)
        return NotingRun(self.log, Path(run.name).name)

    def summary(self, stats: RunStats, out: Writer) -> None:
        assert self.stats is None
        self.log.append("summary")
        self.stats = stats


class NotingRun:
    def __init__(self, log: list[str], name: str) -> None:
        self._log, self._name = log, name

    def start(self) -> None:
        self._log.append(f"start {self._name}")

    def step(self, result: StepResult) -> None:
        self._log.append(f"{result.outcome} {result.line}")

    def finish(self, result: ReplayResult) -> None:
        self._log.append(f"finish {result.exit_status}")


def write(folder: Path, **files: str) -> list[Path]:
    paths = [folder / f"{name}.smtp" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text)
    return paths


def run(paths: Sequence[Path], reporter: Noting, options: ReplayOptions | None = None) -> tuple[BatchResult, RunStats]:
    chosen = options or ReplayOptions([])
    servers = chosen.servers or (SERVER,)
    found = run_replays(replace(chosen, paths=paths, servers=servers, reporters=[reporter]), io.StringIO())
    assert reporter.stats is not None
    return found, reporter.stats


def test_a_batch_is_reported_step_by_step(tmp_path: Path, said: list[str]) -> None:
    reporter = Noting([])
    found, stats = run(write(tmp_path, a=GOOD, b=BAD), reporter)
    assert reporter.log == [
        *("start a.smtp", "matched 1", "matched 2", "finish 0"),
        *("start b.smtp", "matched 1", "mismatched 2", "finish 1"),
        "summary",
    ]
    assert found == BatchResult(1)
    assert said == ["-> mx.example:25", "NOOP"] * 2
    assert (stats.replays, stats.failed, stats.exit_status, stats.steps) == (2, 1, 1, 4)
    assert len(stats.replay_seconds) == 2
    assert len(stats.step_seconds) == 4
    assert 0 < stats.seconds < 60
    assert not stats.interrupted
    assert list(stats.failures.shown()) == [f"{tmp_path / 'b.smtp'}:2: the reply code differs."]
    assert reporter.runs == [
        RunInfo(str(tmp_path / "a.smtp"), SERVER, 1, 1, False, 1, 0, 2, None),
        RunInfo(str(tmp_path / "b.smtp"), SERVER, 1, 1, False, 1, 1, 2, None),
    ]


def test_each_transcript_is_replayed_against_each_server_as_often_as_is_said(tmp_path: Path, said: list[str]) -> None:
    reporter = Noting([])
    settings = ReplaySettings(tls_settings=TlsSettings(insecure=True), label="")
    servers: list[str | Target | ProfiledServer] = ["one.example:25", Target(Way.TCP, "two.example", 26)]
    _, stats = run(
        write(tmp_path, a="C: NOOP ${count}\n", b=BAD),
        reporter,
        ReplayOptions([], servers, settings, repeat=2),
    )
    assert said == [
        *("-> one.example:25", "NOOP 1", "-> one.example:25", "NOOP 2"),
        *("-> two.example:26", "NOOP 3", "-> two.example:26", "NOOP 4"),
        *["-> one.example:25", "NOOP"] * 2,
        *["-> two.example:26", "NOOP"] * 2,
    ]
    assert [(each.server, each.number, each.of, each.servers, each.order, each.total) for each in reporter.runs] == [
        (server, number, 2, 2, order, 8)
        for order, (server, number) in enumerate(
            [("one.example:25", 1), ("one.example:25", 2), ("two.example:26", 1), ("two.example:26", 2)] * 2
        )
    ]
    assert all(each.insecure for each in reporter.runs)
    assert list(stats.failures.shown()) == [
        f"{server}: {tmp_path / 'b.smtp'}:2: the reply code differs. (2 replays)"
        for server in ("one.example:25", "two.example:26")
    ]


def test_one_run_counts_for_itself_and_many_share_the_count(tmp_path: Path, said: list[str]) -> None:
    paths = write(tmp_path, a="C: NOOP ${count}\n", b="C: NOOP ${count}\n")
    run(paths, Noting([]))
    run(paths, Noting([]), ReplayOptions([], jobs=2))
    run(paths, Noting([]), ReplayOptions([], settings=ReplaySettings(numbers=count(7)), repeat=2))
    spoken = [line for line in said if line.startswith("NOOP")]
    assert spoken[:2] == ["NOOP 1", "NOOP 1"]
    assert sorted(spoken[2:4]) == ["NOOP 1", "NOOP 2"]
    assert spoken[4:] == ["NOOP 7", "NOOP 8", "NOOP 9", "NOOP 10"]


@pytest.mark.parametrize(("most", "begun"), [(1, "b"), (2, "bc"), (3, "bcad"), (0, "bcad")])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_batch_ends_after_so_many_failures(tmp_path: Path, said: list[str], most: int, begun: str, jobs: int) -> None:
    reporter = Noting([])
    names = dict(zip("bcad", (BAD, BAD, GOOD, GOOD), strict=True))
    paths = write(tmp_path, **names)
    _, stats = run(paths, reporter, ReplayOptions([], max_failures=most, jobs=jobs))
    assert stats.exit_status == 1
    assert stats.not_run == 4 - stats.replays
    if jobs == 1:
        assert [line[6] for line in reporter.log if line.startswith("start")] == list(begun)
        left = "bcad"[len(begun) :]
        assert [name.partition(" ")[0] for name in stats.first_not_run] == [
            str(tmp_path / f"{name}.smtp") for name in left
        ]


def test_so_many_runs_that_were_not_begun_are_named(tmp_path: Path, said: list[str]) -> None:
    reporter = Noting([])
    _, stats = run(write(tmp_path, a=BAD), reporter, ReplayOptions([], max_failures=1, repeat=150))
    assert (stats.not_run, len(stats.first_not_run)) == (149, 100)


@pytest.mark.parametrize(
    ("servers", "label", "named"), [((SERVER,), "lab", "lab"), ((SERVER,), "", SERVER), ((), "", "")]
)
def test_what_a_report_calls_the_server(
    tmp_path: Path, said: list[str], servers: tuple[str, ...], label: str, named: str
) -> None:
    reporter = Noting([])
    paths = write(tmp_path, a=f"*: connect mx.example:25\n{GOOD}")
    options = ReplayOptions(paths, servers, ReplaySettings(label=label), [reporter])
    assert run_replays(options, io.StringIO()).exit_status == 0
    assert [each.server for each in reporter.runs] == [named]
    assert said == ["-> mx.example:25", "NOOP"]


def test_one_replay_after_the_other_runs_in_the_thread_of_the_caller_whom_ctrl_c_reaches(
    tmp_path: Path, said: list[str]
) -> None:
    threads: list[threading.Thread] = []
    settings = ReplaySettings(consumers=(lambda _: threads.append(threading.current_thread()),))
    run(write(tmp_path, a=GOOD), Noting([]), ReplayOptions([], settings=settings, jobs=1))
    assert set(threads) == {threading.current_thread()}


def test_side_by_side_the_reports_are_in_the_order_of_the_files(tmp_path: Path, said: list[str]) -> None:
    reporter = Noting([])
    paths = write(tmp_path, **dict.fromkeys("abcdef", GOOD))
    found, stats = run(paths, reporter, ReplayOptions([], jobs=3))
    assert found.exit_status == 0
    assert stats.replays == 6
    assert sorted(each.order for each in reporter.runs) == list(range(6))


def test_ctrl_c_ends_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "smtp_shell.client.session.connect", lambda *_: FakeTransport([b"220 x\r\n", KeyboardInterrupt()])
    )
    reporter = Noting([])
    found, stats = run(write(tmp_path, a=GOOD, b=GOOD), reporter, ReplayOptions([], budgets=[Budget("max", 1e-9)]))
    assert found.exit_status == 130
    assert stats.over_budget == []
    assert [line for line in reporter.log if line.startswith(("start", "finish"))] == ["start a.smtp", "finish 130"]


class WaitingTransport(FakeTransport):
    """A connection to a server that is silent until the connection is shut."""

    def __init__(self) -> None:
        super().__init__([b"220 x\r\n"])
        self.is_awaited = threading.Event()
        self.is_shut = threading.Event()

    def recv(self, deadline: float) -> bytes | None:
        if self.readable:
            return super().recv(deadline)
        self.is_awaited.set()
        return b"" if self.is_shut.wait(10) else None

    def shut(self) -> None:
        self.is_shut.set()


def test_ctrl_c_ends_dialogues_side_by_side_and_they_report_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transports = [WaitingTransport(), WaitingTransport()]
    left = list(transports)
    monkeypatch.setattr("smtp_shell.client.session.connect", lambda *_: left.pop())
    join = threading.Thread.join

    def press(thread: threading.Thread, timeout: float | None = None) -> None:
        if timeout == workers._TICK and all(each.is_awaited.wait(10) for each in transports):
            raise KeyboardInterrupt
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", press)
    reporter = Noting([])
    found, stats = run(write(tmp_path, **dict.fromkeys("abcd", GOOD)), reporter, ReplayOptions([], jobs=2))
    assert (found.exit_status, stats.exit_status, stats.interrupted, stats.replays) == (130, 130, True, 0)
    assert not any(line.startswith("finish") for line in reporter.log)
    assert all(each.is_shut.is_set() for each in transports)


def test_a_hand_over_ends_a_batch(tmp_path: Path, said: list[str]) -> None:
    reporter = Noting([])
    settings = ReplaySettings(before_step=lambda step: Decision(Act.HAND_OVER))
    found, _ = run(write(tmp_path, a=GOOD, b=GOOD), reporter, ReplayOptions([], settings=settings))
    assert found.handed_over is not None
    assert found.handed_over.path.name == "a.smtp"
    assert found.handed_over.session is not None
    found.handed_over.session.close()
    assert [line for line in reporter.log if line.startswith("start")] == ["start a.smtp"]


def test_a_user_who_leaves_a_replay_goes_on_with_the_next(tmp_path: Path, said: list[str]) -> None:
    reporter = Noting([])
    settings = ReplaySettings(before_step=lambda step: Decision(Act.QUIT))
    run(write(tmp_path, a=GOOD, b=GOOD), reporter, ReplayOptions([], settings=settings))
    assert [line for line in reporter.log if line.startswith("start")] == ["start a.smtp", "start b.smtp"]


def test_budgets(tmp_path: Path, said: list[str]) -> None:
    paths = write(tmp_path, a=GOOD)
    found, stats = run(paths, Noting([]), ReplayOptions([], budgets=[Budget("max", 1e-9), Budget("mean", 60.0)]))
    assert found.exit_status == 1
    assert len(stats.over_budget) == 1
    assert stats.over_budget[0].startswith("the slowest step took ")
    found, stats = run(paths, Noting([]), ReplayOptions([], budgets=[Budget("mean", 60.0)]))
    assert (found.exit_status, stats.over_budget) == (0, [])


def test_a_seed_makes_the_same_order_again(tmp_path: Path, said: list[str]) -> None:
    paths = write(tmp_path, **dict.fromkeys("abcdefgh", GOOD))

    def order(seed: int | None) -> list[str]:
        reporter = Noting([])
        _, stats = run(paths, reporter, ReplayOptions([], seed=seed))
        assert stats.seed == seed
        assert {each.seed for each in reporter.runs} == {seed}
        return [Path(each.name).stem for each in reporter.runs]

    assert order(None) == list("abcdefgh")
    assert order(5) == order(5) != list("abcdefgh")
    assert sorted(order(5)) == list("abcdefgh")


def test_tags_select(tmp_path: Path, said: list[str]) -> None:
    paths = write(
        tmp_path,
        a=f"Transcript: 1\nTags: slow\n\n{GOOD}",
        b=f"Transcript: 1\nTags: quick\n\n{GOOD}",
        c=GOOD,
    )
    reporter = Noting([])
    _, stats = run(paths, reporter, ReplayOptions([], tags=[TagCondition.parse("not slow")]))
    assert [Path(each.name).stem for each in reporter.runs] == ["b", "c"]
    assert stats.not_selected == 1
    with pytest.raises(UsageError, match="no transcript has tags that meet"):
        run(paths, Noting([]), ReplayOptions([], tags=[TagCondition.parse("odd")]))


# What is refused before anything is sent


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ReplayOptions([], jobs=2, record=Path("no folder/r.smtp")), r"--record keeps one dialogue after the other"),
        (
            ReplayOptions([], jobs=2, settings=ReplaySettings(before_step=lambda _: Decision())),
            r"--step asks before each step",
        ),
        (
            ReplayOptions([], settings=ReplaySettings(variables={"z": "1", "a": "2", "to": "3"})),
            r"^--var a, z: no transcript has such a variable in a client line; those there are: from, to\.$",
        ),
        (
            ReplayOptions([], prints=["y", "id", "x"]),
            r"^--print y, x: no S~ pattern captures such a variable; those there are: id, other\.$",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, said: list[str], options: ReplayOptions, words: str
) -> None:
    paths = write(
        tmp_path,
        a="Transcript: 1\nVar: to=x\nVar: from=y\n\nC: NOOP ${to} ${from}\nS~ 250 (?P<id>.*)\n",
        b="C: NOOP\nS~ 250 (?P<other>.*)\n",
        c="C: AUTH PLAIN ${sasl}\n",
    )
    with pytest.raises(UsageError, match=words):
        run(paths, Noting([]), options)
    assert said == []


def test_where_there_are_none_that_is_said(tmp_path: Path, said: list[str]) -> None:
    paths = write(tmp_path, a=GOOD)
    with pytest.raises(UsageError, match=r"those there are: none\.$"):
        run(paths, Noting([]), ReplayOptions([], settings=ReplaySettings(variables={"z": "1"})))
    with pytest.raises(UsageError, match="those there are: none"):
        run(paths, Noting([]), ReplayOptions([], prints=["z"]))
    assert said == []


def test_all_transcripts_are_checked_before_anything_is_sent(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(TranscriptError):
        run(write(tmp_path, a=GOOD, b="hello\n"), Noting([]))
    assert said == []


def test_warnings_are_passed_on_with_their_place(tmp_path: Path, said: list[str]) -> None:
    warnings: list[str] = []
    (tmp_path / "part.smtp").write_text("*: authentication\nC: HELP\n")
    paths = write(tmp_path, a=f"*: authentication\n{GOOD}", b=f"S: 220\n*: include part.smtp\n{GOOD[7:]}")
    run(paths, Noting([]), ReplayOptions([], warn=warnings.append))
    assert {each.partition(": ")[2] for each in warnings} == {
        "*: authentication is no event that a replay knows; is *: authenticate meant?"
    }
    assert [each.partition(": ")[0] for each in warnings] == [f"{tmp_path / 'a.smtp'}:1", f"{tmp_path / 'part.smtp'}:1"]


def test_a_key_log_is_told_of(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_LOG_VARIABLE, str(tmp_path / "keys\n"))
    warnings: list[str] = []
    run(write(tmp_path, a=GOOD), Noting([]), ReplayOptions([], warn=warnings.append))
    assert warnings == [f"{KEY_LOG_VARIABLE} is set: the keys of TLS are written to {tmp_path / 'keys'}\\x0a."]


# Recording


def test_a_batch_is_recorded(tmp_path: Path, said: list[str]) -> None:
    record = tmp_path / "recorded.out"
    heard: list[object] = []
    settings = ReplaySettings(consumers=(heard.append,))
    options = ReplayOptions([], settings=settings, record=record, record_times=False)
    run(write(tmp_path, a=GOOD, b=GOOD), Noting([]), options)
    text = record.read_text()
    assert text.count("         C: NOOP\n") == 2
    assert "\nDate: " not in text
    assert heard
    with pytest.raises(UsageError, match=r"recorded\.out"):
        run([tmp_path / "a.smtp"], Noting([]), options)
    run([tmp_path / "a.smtp"], Noting([]), ReplayOptions([], record=record, force=True))
    assert record.read_text().count("C: NOOP\n") == 1
    assert "         C: NOOP\n" not in record.read_text()
    assert "\nDate: " in record.read_text()


def test_a_recording_that_fails_is_a_failure(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    close = Recording.close

    def fail(recording: Recording) -> None:
        close(recording)
        recording.failed = True

    monkeypatch.setattr(Recording, "close", fail)
    found, stats = run(write(tmp_path, a=GOOD), Noting([]), ReplayOptions([], record=tmp_path / "r.out"))
    assert (found.exit_status, stats.exit_status) == (1, 1)


class FullDisk(io.BytesIO):
    """A file that cannot be written to."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_recording_that_fails_is_told_of(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "create_private", lambda *_, **__: FullDisk())
    warnings: list[str] = []
    options = ReplayOptions([], record=Path("r.out"), warn=warnings.append)
    _, stats = run(write(tmp_path, a=GOOD), Noting([]), options)
    assert len(warnings) == 1
    assert warnings[0].startswith("the recording r.out has stopped: ")
    assert stats.exit_status == 1


def test_a_recording_is_closed_where_the_batch_breaks_off(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Noting):
        def for_run(self, run: RunInfo, out: Writer) -> NotingRun:
            raise BrokenPipeError

    file = io.BytesIO()
    monkeypatch.setattr(recordings, "create_private", lambda *_, **__: file)
    with pytest.raises(BrokenPipeError):
        run(write(tmp_path, a=GOOD), Broken([]), ReplayOptions([], record=Path("r.out")))
    assert file.closed


# What is polled and loaded


@pytest.mark.parametrize(
    ("options", "polls", "preloads"),
    [
        (ReplayOptions([], reports_times=False), True, True),
        (ReplayOptions([]), True, False),
        (ReplayOptions([], reports_times=False, repeat=2), True, False),
        (ReplayOptions([], reports_times=False, jobs=2), False, False),
        (ReplayOptions([], reports_times=False, record=Path("r.out")), True, False),
    ],
)
def test_how_replies_are_awaited_follows_from_the_batch(
    tmp_path: Path,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
    options: ReplayOptions,
    polls: bool,
    preloads: bool,
) -> None:
    from smtp_shell.replay import runner

    seen: list[tuple[bool, bool]] = []
    made = Replay

    def make(path: Path, settings: ReplaySettings) -> object:
        seen.append((settings.busy_poll, settings.preloads))
        return made(path, settings)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "Replay", make)
    run(write(tmp_path, a=GOOD), Noting([]), options)
    assert seen == [(polls, preloads)]


# Folders


def names_in(folder: Path, paths: Iterable[Path]) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_a_folder_stands_for_its_transcripts_and_those_of_its_subfolders(tmp_path: Path) -> None:
    for name in ("z.smtp", "sub/b.smtp", "sub/deeper/a.smtp", "sub/notes.txt", ".hidden/c.smtp", "sub/.git/d.smtp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("C: NOOP")
    assert names_in(tmp_path, find_transcripts([tmp_path])) == ["sub/b.smtp", "sub/deeper/a.smtp", "z.smtp"]
    some = [tmp_path / "sub" / "notes.txt", tmp_path / "sub", tmp_path / "z.smtp"]
    assert names_in(tmp_path, find_transcripts(some)) == ["sub/notes.txt", "sub/b.smtp", "sub/deeper/a.smtp", "z.smtp"]
    assert names_in(tmp_path, find_transcripts([tmp_path / ".hidden"])) == [".hidden/c.smtp"]


def test_a_folder_without_transcripts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^the folder .* and its subfolders have no transcripts"):
        find_transcripts([tmp_path])


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.smtp").write_text("C: NOOP")

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match=r"cannot be read; check its permissions\.$"):
        find_transcripts([tmp_path])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_a_link_to_a_folder_above_is_no_endless_folder(tmp_path: Path) -> None:
    (tmp_path / "a.smtp").write_text("C: NOOP")
    (tmp_path / "up").symlink_to(tmp_path, target_is_directory=True)
    assert find_transcripts([tmp_path]) == [tmp_path / "a.smtp"]


# Servers


def test_a_server_of_the_settings_is_for_those_that_name_none(tmp_path: Path) -> None:
    paths = write(tmp_path, a=GOOD, b=GOOD)
    found = prepare(paths, ReplaySettings(server="one.example"), ())
    assert [(each.path, each.settings.server) for each in found] == [(path, "one.example") for path in paths]
    found = prepare(paths, ReplaySettings(server="one.example"), ["two.example", "three.example"])
    assert [each.settings.server for each in found] == ["two.example", "three.example"] * 2


def test_of_so_many_transcripts_the_steps_are_kept(tmp_path: Path) -> None:
    paths = write(tmp_path, a=GOOD) * 201
    found = prepare(paths, ReplaySettings(server=SERVER))
    assert [each.check().steps is None for each in found] == [False] * 200 + [True]


def finder() -> CredentialFinder:
    def source() -> CredentialSource:
        raise AuthFailed("none")

    return CredentialFinder(source)


def test_credentials_are_looked_for_at_the_host_of_the_server() -> None:
    def host_of(server: str | Target | None) -> str:
        found = settings_for(server, ReplaySettings(credentials=finder())).credentials
        assert isinstance(found, CredentialFinder)
        return found._host

    assert host_of("mx.example.:587") == "mx.example"
    assert host_of(Target(Way.TCP, "mx2.example", 25)) == "mx2.example"
    assert host_of(None) == ""
    assert host_of("mx.example:99999") == ""


def test_credentials_of_another_kind_stay() -> None:
    def find(mechanism: Mechanism, user: str) -> Credentials:
        raise AuthFailed("none")

    assert settings_for("mx.example", ReplaySettings(credentials=find)).credentials is find
    assert settings_for("mx.example", ReplaySettings()).credentials is None


def test_a_server_of_a_profile_brings_its_own_settings() -> None:
    profiled = ProfiledServer("lab", Profile(url="smtp://mx.example", tls=True), Path("."))
    assert settings_for(profiled, ReplaySettings(server="x")) == profiled.settings(ReplaySettings(server="x"))
    assert settings_for(None, ReplaySettings(server="x")).server is None


def test_where_nothing_is_captured_that_is_said(tmp_path: Path, said: list[str]) -> None:
    paths = write(tmp_path, a=GOOD)
    with pytest.raises(
        UsageError, match=r"^--print y: no S~ pattern captures such a variable; those there are: none\.$"
    ):
        run(paths, Noting([]), ReplayOptions([], prints=["y"]))

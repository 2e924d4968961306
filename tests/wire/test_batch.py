"""`replay --repeat` and `--jobs`: many replays in a row, and many at a time."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.config import Timeouts
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.reporters import ReportSettings, make_reporter
from smtp_shell.replay.results import Decision
from smtp_shell.replay.runner import ReplayOptions, run_replays
from smtp_shell.replay.settings import ReplaySettings
from tests.support.peer import Peer, ScriptedServer

QUICK = replace(Timeouts().all(5.0), quit=1.0)
SETTINGS = ReplaySettings(timeouts=QUICK)


class Host(ScriptedServer):
    """A server for many clients at a time that answers each line with 250.

    Args:
        slow: Seconds that the reply to `NOOP name` takes, by name.

    Attributes:
        names: The names received, in the order of their arrival.
        most_open: The largest number of dialogues that were open at a time.
    """

    def __init__(self, slow: dict[str, float] | None = None) -> None:
        super().__init__(self._talk, clients=600)
        self._slow = slow or {}
        self._lock = threading.Lock()
        self._open = 0
        self.most_open = 0
        self.names: list[str] = []

    def _talk(self, peer: Peer) -> None:
        with self._lock:
            self._open += 1
            self.most_open = max(self.most_open, self._open)
        peer.sock.settimeout(20)
        with peer.sock.makefile("rwb", buffering=0) as wire:
            wire.write(b"220 mx.example\r\n")
            while line := wire.readline():
                verb, _, name = line.decode().strip().partition(" ")
                with self._lock:
                    self.names += [name] if verb == "NOOP" else []
                self.over.wait(self._slow.get(name, 0))
                if verb == "QUIT":
                    with self._lock:
                        self._open -= 1
                    wire.write(b"221 bye\r\n")
                    break
                wire.write(b"250 " + name.encode() + b"\r\n")


def transcript(path: Path, name: str, *, code: str = "250") -> None:
    path.write_text(f"S: 220\nC: NOOP {name}\nS: {code}\nC: QUIT\nS: 221\n", encoding="utf-8")


def output_of(options: ReplayOptions, report: str = "text") -> tuple[int, list[str]]:
    out = io.StringIO()
    reporter = make_reporter(report, ReportSettings(repeat=options.repeat, jobs=options.jobs))
    result = run_replays(replace(options, reporters=[reporter]), out)
    return result.exit_status, out.getvalue().splitlines()


@pytest.mark.parametrize("jobs", [1, 2, 4, 20])
def test_output_is_in_the_order_of_the_files_whichever_ends_first(tmp_path: Path, jobs: int) -> None:
    names = [f"{number:02}" for number in range(12)]
    for name in names:
        transcript(tmp_path / f"{name}.smtp", name)
    with Host({"00": 0.4, "05": 0.3}) as host:
        status, lines = output_of(ReplayOptions([tmp_path], [host.address], SETTINGS, jobs=jobs))
    assert status == 0
    assert [found[1] for line in lines if (found := re.search(r"C: NOOP (\d\d)", line))] == names
    assert sorted(host.names) == names
    assert lines[-4 if jobs > 1 else -1].startswith("12 transcripts, 36 steps: 36 matched")
    assert (host.most_open > 1) is (jobs > 1)
    assert host.most_open <= jobs


def test_repeated_runs_report_their_differences_and_their_times(tmp_path: Path) -> None:
    transcript(tmp_path / "a.smtp", "a")
    transcript(tmp_path / "b.smtp", "b", code="251")
    with Host() as host:
        status, lines = output_of(ReplayOptions([tmp_path], [host.address], SETTINGS, repeat=3))
    assert status == 1
    assert [line for line in lines if "times" in line] == [
        f"{escape_str(str(tmp_path / name))}.smtp -> {host.address}, 3 times" for name in "ab"
    ]
    assert f"failed: {escape_str(str(tmp_path / 'b'))}.smtp:2: the reply code differs. (3 replays)" in lines
    assert [line for line in lines if line.startswith(("run", "ok", "FAIL"))] == [
        line for number in (1, 2, 3) for line in (f"run {number}", "FAIL    2  C: NOOP b  250")
    ]
    assert host.names == ["a"] * 3 + ["b"] * 3
    summary = lines[-4:]
    assert summary[0] == "6 replays (3 failed), 15 steps: 12 matched, 3 differed"
    assert re.fullmatch(r"[0-9.]+ s: [0-9,.]+ replays a second, [0-9,.]+ steps a second", summary[1])
    for line, what in zip(summary[2:], ("a replay", "a step"), strict=True):
        assert re.fullmatch(what + r" +p50 \S+ ms, p90 \S+ ms, p95 \S+ ms, p99 \S+ ms, max \S+ ms", line)


def test_ten_of_very_many_runs_that_differ_are_shown(tmp_path: Path) -> None:
    transcript(tmp_path / "a.smtp", "a", code="251")
    with Host() as host:
        status, lines = output_of(ReplayOptions([tmp_path], [host.address], SETTINGS, repeat=25, jobs=3))
    assert status == 1
    assert len([line for line in lines if line.startswith("run ")]) == 10
    assert lines[-4].startswith("25 replays (25 failed), 50 steps: 25 matched, 25 differed")


def test_json_names_each_run_and_ends_with_a_summary(tmp_path: Path) -> None:
    transcript(tmp_path / "a.smtp", "a")
    with Host({"a": 0.02}) as host:
        status, lines = output_of(ReplayOptions([tmp_path], [host.address], SETTINGS, repeat=4, jobs=2), "json")
    assert status == 0
    *results, summary = [json.loads(line) for line in lines]
    assert [each["run"] for each in results] == [run for run in (1, 2, 3, 4) for _ in range(4)]
    assert summary | {"seconds": 0, "replays_per_second": 0, "steps_per_second": 0} == {
        "summary": True,
        "replays": 4,
        "steps": 12,
        "matched": 12,
        "exit_status": 0,
        "seconds": 0,
        "replays_per_second": 0,
        "steps_per_second": 0,
        "replay_seconds": summary["replay_seconds"],
        "step_seconds": summary["step_seconds"],
    }
    times = summary["replay_seconds"]
    assert list(times) == ["p50", "p90", "p95", "p99", "max"]
    assert 0.02 <= times["p50"] <= times["p99"] <= times["max"] < summary["seconds"]
    assert summary["replays_per_second"] == pytest.approx(4 / summary["seconds"], rel=0.01)


def test_500_dialogues_at_a_time(tmp_path: Path) -> None:
    transcript(tmp_path / "a.smtp", "a")
    with Host({"a": 1.5}) as host:
        settings = replace(SETTINGS, timeouts=replace(QUICK, greeting=15.0, reply=15.0))
        status, lines = output_of(ReplayOptions([tmp_path], [host.address], settings, repeat=500, jobs=500))
    assert status == 0, lines[:5]
    assert host.most_open > 250


def test_the_counter_goes_on_through_all_runs(tmp_path: Path) -> None:
    (tmp_path / "a.smtp").write_text("S: 220\nC: NOOP ${count}\nS: 250\nC: QUIT\nS: 221\n", encoding="utf-8")
    with Host() as host:
        status, _ = output_of(ReplayOptions([tmp_path], [host.address], SETTINGS, repeat=6, jobs=3))
    assert status == 0
    assert sorted(host.names) == list("123456")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (ReplayOptions([], jobs=2, record=Path("r.smtp")), "--record"),
        (ReplayOptions([], jobs=2, settings=replace(SETTINGS, before_step=lambda _: Decision())), "--step"),
    ],
)
def test_options_that_need_one_dialogue_at_a_time_are_refused(
    tmp_path: Path, options: ReplayOptions, word: str
) -> None:
    transcript(tmp_path / "a.smtp", "a")
    with pytest.raises(UsageError, match=f"{word} .*--jobs"):
        run_replays(replace(options, paths=[tmp_path], servers=["127.0.0.1:9"]), io.StringIO())


def test_output_that_has_to_wait_is_whole_however_long_it_is(tmp_path: Path) -> None:
    """The first replay is slow, and the second prints far more than is kept in memory."""
    transcript(tmp_path / "a.smtp", "a")
    many = "".join(f"C: NOOP {number:04}\nS: 250\n" for number in range(3_000))
    (tmp_path / "b.smtp").write_text(f"S: 220\n{many}C: QUIT\nS: 221\n", encoding="utf-8")
    with Host({"a": 2.0}) as host:
        status, lines = output_of(ReplayOptions([tmp_path], [host.address], SETTINGS, jobs=2))
    assert status == 0
    assert [line.partition(" -> ")[0][-6:] for line in lines if " -> " in line] == ["a.smtp", "b.smtp"]
    numbers = [found[1] for line in lines if (found := re.search(r"NOOP (\d{4})", line))]
    assert numbers == [f"{number:04}" for number in range(3_000)]


@pytest.mark.parametrize("jobs", ["1", "8"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_ctrl_c_ends_all_dialogues_at_once(tmp_path: Path, jobs: str) -> None:
    transcript(tmp_path / "a.smtp", "a")
    with Host({"a": 15.0}) as host:
        command = ["replay", str(tmp_path), "--server", host.address, "--repeat", "100", "--jobs", jobs]
        child = subprocess.Popen(
            [sys.executable, "-m", "smtp_shell", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        end = time.monotonic() + 20
        while host.most_open < min(int(jobs), 8) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.2)
        pressed = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert child.returncode == 130, (out, err)
    assert time.monotonic() - pressed < 5
    assert "Traceback" not in err
    assert "interrupted" in out
    assert out.splitlines()[-1].startswith("a step")


def test_too_many_threads_for_the_system_are_reported_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript(tmp_path / "a.smtp", "a")
    start, started = threading.Thread.start, []

    def start_some(thread: threading.Thread) -> None:
        if thread.name.startswith("job-"):
            started.append(thread)
            if len(started) > 3:
                raise RuntimeError("can't start new thread")
        start(thread)

    with Host({"a": 0.2}) as host:
        monkeypatch.setattr(threading.Thread, "start", start_some)
        with pytest.raises(UsageError, match="does not start 50 threads; give --jobs a smaller number"):
            output_of(ReplayOptions([tmp_path], [host.address], SETTINGS, repeat=100, jobs=50))
    assert not any(thread.is_alive() for thread in started)


def test_a_warning_is_no_result_and_nothing_stops(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("*: waitfor 5\nS: 220\nC: QUIT\nS: 221\n", encoding="utf-8")
    warnings: list[str] = []
    with Host() as host:
        status, lines = output_of(ReplayOptions([path], [host.address], SETTINGS, warn=warnings.append))
    assert (status, lines[-1]) == (0, "1 transcript, 2 steps: 2 matched")
    assert warnings == [f"{escape_str(str(path))}:1: *: waitfor is no event that a replay knows; is *: wait meant?"]

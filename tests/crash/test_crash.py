"""Each writer at some of its points, always the same ones; and a careless writer, which the harness must find."""

from __future__ import annotations

import os
import sys
from random import Random
from typing import TYPE_CHECKING

import pytest

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.crash.room import PASSWORD, Case, Outcome, Room
from tests.crash.transcripts import judge_recording
from tests.crash.whole import judge_whole
from tests.crash.writer import Writer
from tests.crash.writers import WRITERS

if sys.platform == "win32":
    pytest.skip("a process is forked and killed, which Windows does not do", allow_module_level=True)

from tests.crash.__main__ import main
from tests.crash.driver import Bench, Point
from tests.crash.full import limits_of, run_with_limits
from tests.crash.processes import Command, Starter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SEED = 1
_POINTS = 2
"""How many points of each writer are tried here; `python -m tests.crash` tries all."""


@pytest.fixture(scope="module")
def make_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Writer], Bench]]:
    """Return what makes the bench of a writer."""
    folder = tmp_path_factory.mktemp("crash")
    with Starter(folder) as starter, PracticeServer(PracticeSettings(password=Secret(PASSWORD))) as server:
        yield lambda writer: Bench(writer, starter, folder, f"{server.host}:{server.port}", str(server.ca_file))


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_what_was_there_and_what_was_acknowledged_survives(
    writer: Writer, make_bench: Callable[[Writer], Bench]
) -> None:
    bench = make_bench(writer)
    assert bench.problems == []
    random = Random(f"{_SEED} {writer.name}")
    points = bench.points()
    findings = [str(each) for point in random.sample(points, min(_POINTS, len(points))) for each in bench.run(point)]
    if WRITERS.index(writer) % 2:  # to be done in 40 seconds
        limits = random.sample(limits_of(bench), 1)
        findings += [str(each) for _, found in run_with_limits(bench, limits) for each in found]
    assert findings == []


CARELESS = Writer(
    "careless",
    "None is kept.",
    lambda room: Command(call="tests.crash.calls:write_carelessly"),
    judge_whole("work/out.txt", done="written"),
    lambda room: _old(room),
    finals=("work/out.txt",),
)


def _old(room: Room) -> None:
    (room.work / "out.txt").write_text("old")
    (room.work / "out.txt").chmod(0o600)


def test_a_careless_writer_is_found(make_bench: Callable[[Writer], Bench]) -> None:
    bench = make_bench(CARELESS)
    assert [call.split()[0] for call in bench.calls] == [
        "open",
        "write",
        "close",
        "open",
        "write",
        "write",
        "close",
        "unlink",
    ]

    def found(number: int, kind: str) -> str:
        return "\n".join(str(each) for each in bench.run(Point("careless", number, kind)))

    assert "work/spare.txt holds the password" in found(4, "kill-before")
    assert "work/spare.txt has mode 644" in found(4, "kill-before")
    assert "neither the old file nor the new one: 0 octets" in found(4, "kill-after")
    assert "neither the old file nor the new one: 16 octets" in found(6, "kill-before")
    assert "it says that work/out.txt is written, and it is not" in found(6, "kill-before")
    assert "neither the old" not in found(6, "kill-after")
    assert "there is a traceback" in found(5, "enospc")
    assert "work/spare.txt is left" in found(7, "eio")
    assert "neither the old file nor the new one: 23 octets" in found(6, "short")
    assert [each.sentence for _, all_ in run_with_limits(bench, [30]) for each in all_ if "30 octets" in each.sentence]


def test_a_second_recording_is_a_new_one_also_with_the_same_octets(tmp_path: Path) -> None:
    room, recording = Room(tmp_path), "Transcript: 1\n\nC: NOOP\n"
    room.make()
    file = room.work / "out.smtp"
    file.write_text(recording)
    os.utime(file, ns=(0, 0))
    before = room.files()

    def judged() -> list[str]:
        case = Case(room, before, Outcome(0, "", ""), "", "", before, room.files())
        return [*judge_recording(r"work/out\.smtp", shown=False)(case)]

    assert judged() == [r"there is no new work/out\.smtp"]
    file.write_text(recording)
    assert judged() == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--writer", "nobody"], "there is no writer nobody"), (["--point", "3:flood"], "there is no flood")],
)
def test_bad_arguments_are_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_the_writers_are_listed_with_their_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == [writer.name for writer in WRITERS]
    assert all(len(line.split()) > 3 for line in listed)


def test_a_command_repeats_a_finding(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--writer", "set-save", "--point", "3:kill-after"]) == 0
    assert "1 points, 0 findings" in capsys.readouterr().out

"""The Leitner boxes, and their file."""

import errno
import os
import stat
from pathlib import Path
from random import Random

import msgspec
import pytest

from smtp_shell.errors import SmtpShellError
from smtp_shell.study.memory import DAYS, MOST_CARDS, Memory
from smtp_shell.study.question import Question, typed
from smtp_shell.study.quiz import draw

DAY = 86_400
NOW = 1_000 * DAY


def question(number: int) -> Question:
    return typed(number, f"What of {number}?", ["it"], "So.")


def test_a_question_moves_from_box_to_box_and_back_to_the_first(tmp_path: Path) -> None:
    path, now = tmp_path / "quiz.json", NOW
    one = question(1)
    assert Memory(path, now).rank(one) == 1
    for days in DAYS[1:]:
        Memory(path, now).record([(one, True)])
        assert Memory(path, now).rank(one) == 2
        assert Memory(path, now + days * DAY - 1).rank(one) == 2
        now += days * DAY
        assert Memory(path, now).rank(one) == 1
    Memory(path, now).record([(one, False)])
    assert Memory(path, now).rank(one) == 0


def test_what_was_wrong_comes_first_in_the_next_run_and_what_was_right_last(tmp_path: Path) -> None:
    path = tmp_path / "quiz.json"
    found = {f"kind-{number}": [question(number)] for number in range(9)}
    Memory(path, NOW).record([(question(4), False), (question(7), True)])
    drawn = draw(found, 9, Random(1), Memory(path, NOW).rank)
    assert (drawn[0].line, drawn[-1].line) == (4, 7)


def test_the_file_is_private_and_holds_no_word_of_the_question(state_dir: Path) -> None:
    Memory(now=NOW).record([(question(1), True)])
    path = state_dir / "quiz.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert msgspec.json.decode(path.read_bytes()) == {
        "version": 1,
        "cards": {question(1).identity: {"box": 1, "due": NOW + DAY}},
    }


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"no json",
        b"[]",
        b'{"version":2,"cards":{}}',
        b'{"version":1,"cards":{"x":{"box":1,"due":1}}}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_file_that_cannot_be_read_is_said_and_kept(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "quiz.json"
    path.write_bytes(octets)
    memory = Memory(path, NOW)
    assert memory.problem.startswith(str(path))
    assert memory.rank(question(1)) == 1
    memory.record([(question(1), True)])
    assert Memory(path, NOW).problem == ""
    assert (tmp_path / "quiz.json.damaged-1").read_bytes() == octets


def test_a_file_that_cannot_be_read_for_now_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    path = tmp_path / "quiz.json"
    Memory(path, NOW).record([(question(1), True)])
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        memory = Memory(path, NOW)
        assert memory.problem == f"{path} cannot be read: too many open files; every question counts as new."
        with pytest.raises(SmtpShellError, match="the answers are not kept"):
            memory.record([(question(2), True)])
    memory.record([(question(2), True)])
    assert [Memory(path, NOW).rank(question(number)) for number in (1, 2)] == [2, 2]


def test_a_folder_that_cannot_be_made_says_what_comes_of_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "quiz.json"
    with pytest.raises(
        SmtpShellError, match=r"the answers are not kept: the folder .* cannot be made: .*; set SMTP_SHELL_STATE_DIR\."
    ):
        Memory(path, NOW).record([(question(1), True)])


def test_a_damaged_file_that_cannot_be_set_aside_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    path = tmp_path / "quiz.json"
    path.write_bytes(b"{")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(SmtpShellError, match="the answers are not kept"):
        Memory(path, NOW).record([(question(1), True)])
    assert path.read_bytes() == b"{"


def test_nothing_is_written_to_what_a_link_leads_to(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "quiz.json"
    other.write_bytes(b"mine")
    path.symlink_to(other)
    memory = Memory(path, NOW)
    assert memory.problem
    memory.record([(question(1), True)])
    assert other.read_bytes() == b"mine"
    assert not path.is_symlink()


def test_two_runs_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "quiz.json"
    first, second = Memory(path, NOW), Memory(path, NOW)
    first.record([(question(1), True)])
    second.record([(question(2), True)])
    assert [Memory(path, NOW).rank(question(number)) for number in (1, 2, 3)] == [2, 2, 1]


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "quiz.json"
    Memory(path, NOW).record([(question(number), True) for number in range(MOST_CARDS)])
    Memory(path, NOW).record([(question(-1), False)])
    assert len(msgspec.json.decode(path.read_bytes())["cards"]) == MOST_CARDS
    assert Memory(path, NOW).rank(question(-1)) == 0
    assert path.stat().st_size < 1024 * 1024


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SmtpShellError):
        Memory(tmp_path / "file" / "quiz.json", NOW).record([(question(1), True)])


def test_nothing_is_created_where_nothing_was_answered(tmp_path: Path) -> None:
    Memory(tmp_path / "quiz.json", NOW).record([])
    assert list(tmp_path.iterdir()) == []

"""`--tag` and `--shuffle`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.selection import TagCondition, new_seed, select, shuffled
from smtp_shell.replay.settings import ReplaySettings

TAGS = {"a": "smoke tls", "b": "Slow, TLS", "c": "", "d": "smoke slow"}


def files(folder: Path) -> list[Path]:
    for name, tags in TAGS.items():
        field = f"Tags: {tags}\n" if tags else ""
        (folder / f"{name}.smtp").write_text(f"Transcript: 1\n{field}\nC: NOOP\n", encoding="utf-8")
    return sorted(folder.glob("*.smtp"))


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], "abcd"),
        (["smoke"], "ad"),
        (["SMOKE"], "ad"),
        ([" smoke "], "ad"),
        (["smoke,tls"], "abd"),
        (["smoke , tls"], "abd"),
        (["not slow"], "ac"),
        (["not:slow"], "ac"),
        (["not: slow"], "ac"),
        (["not smoke,tls"], "c"),
        (["smoke", "not slow"], "a"),
        (["smoke", "slow"], "d"),
        (["not other"], "abcd"),
    ],
)
def test_the_transcripts_whose_tags_meet_all_conditions(tmp_path: Path, words: list[str], chosen: str) -> None:
    found = select(files(tmp_path), [TagCondition.parse(word) for word in words])
    assert "".join(path.stem for path in found) == chosen


def test_a_transcript_that_cannot_be_read_is_selected_so_that_its_check_says_why(tmp_path: Path) -> None:
    (tmp_path / "bad.smtp").write_text("Transcript: 2\n\n", encoding="utf-8")
    paths = [*files(tmp_path), tmp_path / "missing.smtp"]
    assert [path.stem for path in select(paths, [TagCondition.parse("tls")])] == ["a", "b", "bad", "missing"]


def test_a_pipe_is_not_read_for_its_tags(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        return
    os.mkfifo(tmp_path / "pipe.smtp")
    assert select([tmp_path / "pipe.smtp"], [TagCondition.parse("tls")]) == [tmp_path / "pipe.smtp"]


def test_nothing_selected_is_an_error_that_names_the_tags(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        select(files(tmp_path), [TagCondition.parse("smoek")])
    assert str(caught.value) == "no transcript has tags that meet --tag; the tags there are: slow, smoke, tls."


def test_a_condition_is_met_by_one_of_its_tags_unless_it_says_otherwise() -> None:
    assert TagCondition(frozenset({"a", "b"})).holds(["b", "c"])
    assert not TagCondition(frozenset({"a", "b"})).holds(["c"])


@pytest.mark.parametrize(
    ("number", "named"),
    [
        (0, "none."),
        (1, "t00."),
        (20, ", ".join(f"t{each:02}" for each in range(20)) + "."),
        (21, ", ".join(f"t{each:02}" for each in range(20)) + " and 1 more."),
        (25, ", ".join(f"t{each:02}" for each in range(20)) + " and 5 more."),
    ],
)
def test_so_many_tags_are_named_and_the_others_are_counted(tmp_path: Path, number: int, named: str) -> None:
    path = tmp_path / "a.smtp"
    field = f"Tags: {' '.join(f't{each:02}' for each in range(number))}\n" if number else ""
    path.write_text(f"Transcript: 1\n{field}\nC: NOOP\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        select([path], [TagCondition.parse("other")])
    assert str(caught.value) == f"no transcript has tags that meet --tag; the tags there are: {named}"


@pytest.mark.parametrize(("length", "shown"), [(60, 60), (61, 60), (200, 60)])
def test_of_what_is_no_condition_the_start_is_shown(length: int, shown: int) -> None:
    with pytest.raises(ValueError, match=f"^'{':' * shown}' is no condition"):
        TagCondition.parse(":" * length)


@pytest.mark.parametrize("text", ["", "not", "a b", "a,,b", ",a", "a:b", "not not a", "x" * 100 + " y"])
def test_what_is_no_condition(text: str) -> None:
    if text == "not":
        assert TagCondition.parse(text).tags == {"not"}
        return
    with pytest.raises(ValueError, match="is no condition on tags"):
        TagCondition.parse(text)


def test_a_seed_makes_the_same_order_again() -> None:
    replays = [Replay(Path(f"{number}.smtp"), ReplaySettings()) for number in range(50)]
    first = shuffled(replays, 7)
    assert first == shuffled(replays, 7)
    assert first != replays
    assert sorted(first, key=replays.index) == replays
    assert shuffled(replays, 8) != first


def test_a_seed_is_a_number_that_a_person_can_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: 0)
    assert new_seed() == 1
    monkeypatch.setattr("secrets.randbelow", lambda limit: limit - 1)
    assert new_seed() == 1_000_000

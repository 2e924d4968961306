"""The history file: private, without what is to be left out, and never in the way."""

import stat
from pathlib import Path

import pytest

from smtp_shell.shell.history import open_history


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_lines_are_kept_for_the_owner_only(state_dir: Path, said: list[str]) -> None:
    history = open_history(lambda line: True, said.append)
    history.append_string("ehlo")
    history.append_string("mail <>")
    again = open_history(lambda line: True, said.append)
    assert list(again.load_history_strings()) == ["mail <>", "ehlo"]
    assert stat.S_IMODE((state_dir / "history").stat().st_mode) == 0o600
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
    assert said == []


def test_a_line_that_is_left_out_is_not_even_kept_in_memory(state_dir: Path, said: list[str]) -> None:
    history = open_history(lambda line: "secret" not in line, said.append)
    history.append_string("a secret")
    history.append_string("noop")
    assert list(history.get_strings()) == ["noop"]
    assert "secret" not in (state_dir / "history").read_text()


def test_where_no_file_can_be_had_the_history_lasts_as_long_as_the_process(state_dir: Path, said: list[str]) -> None:
    elsewhere = state_dir.with_name("elsewhere")
    elsewhere.write_text("untouched")
    state_dir.mkdir()
    (state_dir / "history").symlink_to(elsewhere)
    history = open_history(lambda line: True, said.append)
    history.append_string("noop")
    assert list(history.get_strings()) == ["noop"]
    assert list(history.load_history_strings()) == []
    assert elsewhere.read_text() == "untouched"
    assert [each.partition(":")[0] for each in said] == ["the history is not kept"]

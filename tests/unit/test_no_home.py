"""A user without a home folder, as in a container that runs with a number for a user; and paths that name nobody's home."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from smtp_shell.config import NOWHERE, config_dir, configuration_path, state_dir, user_path
from smtp_shell.configuration import load
from smtp_shell.configuration.writing import save_value
from smtp_shell.errors import ConfigError
from smtp_shell.private_files import private_folder
from smtp_shell.shell.history import open_history
from smtp_shell.shell.startup_lines import startup_file


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(platformdirs, "user_state_path", refuse)
    monkeypatch.setattr(platformdirs, "user_config_path", refuse)
    for name in ("SMTP_SHELL_STATE_DIR", "SMTP_SHELL_CONFIG_DIR", "SMTP_SHELL_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_nothing_is_read_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert state_dir() == config_dir() == NOWHERE
    assert load().file is None
    assert startup_file(None) is None
    with pytest.raises(ConfigError, match="this user has no home folder; set SMTP_SHELL_STATE_DIR"):
        private_folder(state_dir())
    with pytest.raises(ConfigError, match="cannot be written: this user has no home folder"):
        save_value(configuration_path(), "settings", "theme", "dark")
    said: list[str] = []
    history = open_history(lambda line: True, said.append)
    history.append_string("noop")
    assert history.get_strings() == ["noop"]
    assert said == [
        f"the history is not kept: the folder {NOWHERE} cannot be made: this user has no home folder; set SMTP_SHELL_STATE_DIR."
    ]
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("homeless")
def test_a_configuration_that_is_named_is_kept_once_there_is_a_place_for_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    with pytest.raises(ConfigError, match="no home folder; set SMTP_SHELL_STATE_DIR"):
        save_value(path, "settings", "theme", "dark")
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(tmp_path / "state"))
    save_value(path, "settings", "theme", "dark")
    assert path.read_text() == '[settings]\ntheme = "dark"\n'


@pytest.mark.parametrize("text", ["~nobody-of-that-name/x", "~\0/x", "a\0b", "", "~" * 1000])
def test_a_home_that_is_nobodys_stays_as_it_is_written(text: str) -> None:
    assert user_path(text) == Path(text)


def test_ones_own_home_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert user_path("~/x") == tmp_path / "x"
    monkeypatch.setenv("SMTP_SHELL_CONFIG", "~nobody-of-that-name/x")
    with pytest.raises(ConfigError, match="there is no such file"):
        load()

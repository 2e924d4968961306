"""Which file is started where a user names a program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from smtp_shell.programs import program_file


def test_a_program_is_found_and_a_hostile_name_is_none() -> None:
    assert program_file(sys.executable) == sys.executable
    for name in ("", "nowhere-to-be-found", "le\0ss", "\x1b[2J", "a" * 100_000, "/"):
        assert program_file(name) is None


def test_on_windows_a_program_in_the_current_folder_is_not_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "less.exe"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("shutil.which", lambda name: os.path.join(os.curdir, "less.exe"))
    monkeypatch.setenv("PATH", "/usr/bin")
    assert program_file("less") is None
    assert program_file(str(planted)) is not None
    monkeypatch.setenv("PATH", os.pathsep.join(("/usr/bin", str(tmp_path))))
    assert program_file("less") is not None


def test_elsewhere_the_current_folder_is_one_like_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: "./less")
    assert program_file("less") == "./less"

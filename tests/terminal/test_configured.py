"""The configuration at a prompt: what cannot be used is said in a sentence, and the shell works."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import Terminal, running

pytestmark = pytest.mark.terminal

OFFER = "The configuration is not used; `smtp-shell config check` looks at it again."


def says(terminal: Terminal, sentence: str) -> bool:
    """Return whether a sentence is on the screen, however it is wrapped: the folder's name is longer than a row."""
    return re.sub(r"\s", "", sentence) in re.sub(r"\n : |\s", "", terminal.text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the configuration."""
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        (b"[settings]\nthem = 1\n", "config.toml:2: them is no key of [settings]; did you mean theme?"),
        (b'[settings]\ntheme = "pi', "is no TOML file"),
        (b'[settings]\ntheme = "pink"\n', "config.toml:2: theme takes one of"),
        (b"\xff\xfe\n", "config.toml:1 is not UTF-8"),
        (b'[settings]\n"\\u001b[2J" = 1\n', r"\x1b[2J is no key of [settings]"),
        (b"#" * 1_100_000, "is longer than 1,048,576 octets"),
        (b"a = " + b"[" * 100_000, "is nested too deep"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence_and_the_shell_works(
    folder: Path, octets: bytes, sentence: str
) -> None:
    (folder / "config.toml").write_bytes(octets)
    with running() as terminal:
        terminal.wait_prompt()
        assert says(terminal, sentence)
        assert says(terminal, OFFER)
        terminal.enter("/set theme")
        terminal.wait_for("  theme auto")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such modes")
def test_files_that_others_can_write_are_not_used(folder: Path) -> None:
    (folder / "config.toml").write_text('[settings]\ntheme = "light"\n', "utf-8")
    (folder / "startup").write_text("/set times off\n", "utf-8")
    for name in ("config.toml", "startup"):
        (folder / name).chmod(0o666)
    with running() as terminal:
        terminal.wait_prompt()
        assert says(terminal, "config.toml cannot be read: other users may write to it")
        assert says(terminal, "startup is not run: other users may write to it")
        terminal.enter("/set times")
        terminal.wait_for("  times on")


def test_a_startup_file_runs_before_the_first_prompt(folder: Path, practice: PracticeServer) -> None:
    lines = "# mine\n/set theme light\n/alias hello = ehlo; quit\n/nonsense\n/set times off\n"
    (folder / "startup").write_text(lines, "utf-8")
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_for("start-up file:")
        terminal.wait_for("220 practice.example")
        terminal.wait_prompt()
        assert says(terminal, "startup:4: /nonsense is no command of the shell")
        terminal.enter("/set theme")
        terminal.wait_for("  theme light")
        terminal.wait_prompt()
        terminal.enter("/set times")
        terminal.wait_for("  times on")  # what follows the line that failed is not run
        terminal.wait_prompt()
        terminal.enter("/hello")
        terminal.wait_for("221 2.0.0 Bye")
    with running("--no-config") as terminal:
        terminal.wait_prompt()
        terminal.enter("/set theme")
        terminal.wait_for("  theme auto")


def test_what_is_saved_is_there_the_next_time(folder: Path) -> None:
    with running() as terminal:
        terminal.wait_prompt()
        for line in ("/set --save editing vi", "/alias --save hello = ehlo; quit"):
            terminal.enter(line)
            terminal.wait_for("Kept in")
            terminal.wait_prompt()
    with running() as terminal:
        terminal.wait_prompt()
        terminal.enter("/alias")
        terminal.wait_for("  /hello         = ehlo; quit")
        terminal.wait_prompt()
        terminal.enter("/set --origin editing")
        terminal.wait_for("config.toml:2")


def test_a_profile_whose_file_is_broken_is_no_start(folder: Path) -> None:
    (folder / "config.toml").write_text("[settings", "utf-8")
    with running("--profile", "lab") as terminal:
        terminal.wait_for("is no TOML file")
        assert terminal.wait_end() == 2

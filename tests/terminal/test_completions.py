"""The completion scripts at the prompts of bash, zsh and fish: what Tab does with a line."""

import os
import sys
from pathlib import Path

import pytest

from smtp_shell.cli.command_tree import command_tree
from smtp_shell.cli.completions import bash, fish, zsh
from tests.support.programs import skip_without
from tests.support.terminal import CTRL_U, TAB, Terminal

pytestmark = pytest.mark.terminal

PROMPT = "ready> "
SCRIPTS = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
PROGRAMS = {
    "bash": ["bash", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "-i"],
}
BEGIN = {
    "bash": f"PS1='{PROMPT}'; . ./script",
    "zsh": f"PS1='{PROMPT}'; autoload -U compinit; compinit -u -D; . ./script",
    "fish": f"function fish_prompt; echo -n '{PROMPT}'; end; source ./script",
}
LINES = [
    ("smtp-shell conv", "smtp-shell convert "),
    ("smtp-shell practice --serv", "smtp-shell practice --serve-only "),
    ("smtp-shell practice --color al", "smtp-shell practice --color always "),
    ("smtp-shell replay --match enh", "smtp-shell replay --match enhanced "),
    ("smtp-shell show my", "smtp-shell show my\\ letter.smtp "),
    ("smtp-shell mail.example.org --startt", "smtp-shell mail.example.org --starttls "),
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_tab_completes_the_line(tmp_path: Path, name: str) -> None:
    skip_without(name)
    (tmp_path / "script").write_text(SCRIPTS[name](command_tree()), encoding="utf-8")
    (tmp_path / "my letter.smtp").write_text("", encoding="utf-8")
    program = tmp_path / "bin" / "smtp-shell"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m smtp_shell "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}", "HISTFILE": ""}
    terminal = Terminal(PROGRAMS[name], environment, folder=tmp_path, answers=True)
    try:
        terminal.wait(lambda: terminal.line.endswith(("# ", "% ", "$ ", "> ")), "a prompt")
        terminal.type(f"{BEGIN[name]}\r")
        terminal.wait(lambda: terminal.line == PROMPT, "the new prompt")
        for typed, completed in LINES:
            terminal.type(typed)
            terminal.wait(lambda typed=typed: terminal.line == PROMPT + typed, typed)  # type: ignore[misc]
            terminal.type(TAB)
            terminal.wait(
                lambda completed=completed: terminal.line.rstrip() == (PROMPT + completed).rstrip(),  # type: ignore[misc]
                completed,
            )
            terminal.type(CTRL_U)
            terminal.wait(lambda: terminal.line == PROMPT, "an empty line")
    finally:
        terminal.close()

"""Start-up file, history and aliases that are anybody's work: a sentence, and the shell works; no credential is shown or kept."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.terminal import CTRL_U, Terminal, running

pytestmark = pytest.mark.terminal

SECRET = "AGJvYgBodW50ZXIy"
needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs in folders")


def says(terminal: Terminal, sentence: str) -> bool:
    """Return whether a sentence is on the screen, however it is wrapped: the folder's name is longer than a row."""
    return re.sub(r"\s", "", sentence) in re.sub(r"\n : |\s", "", terminal.text)


@needs_fifo
def test_a_fifo_as_history_or_startup_file_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "state").mkdir(exist_ok=True)
    os.mkfifo(tmp_path / "config" / "startup")
    os.mkfifo(Path(os.environ["SMTP_SHELL_STATE_DIR"]) / "history")
    with running() as terminal:
        terminal.wait_prompt()
        assert says(terminal, "startup is not run: it is no regular file.")
        assert says(terminal, "history: it is no regular file.")
        terminal.enter("/set theme")
        terminal.wait_for("  theme auto")


def test_a_startup_file_that_runs_itself_or_sends_escape_sequences_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    startup = tmp_path / "config" / "startup"
    for octets, sentence in (
        (b"/source %s\n" % str(startup).encode(), "runs itself"),
        (b"\x1b]0;pwned\a\xff\n", "startup:1: there is no connection"),
        (b"\xff\xfe/\0s\0", "is UTF-16 text"),
    ):
        startup.write_bytes(octets)
        with running() as terminal:
            terminal.wait_prompt()
            assert says(terminal, sentence)
            terminal.enter("/set theme")
            terminal.wait_for("  theme auto")


def test_a_credential_that_an_alias_is_given_is_neither_shown_nor_kept() -> None:
    with running() as terminal:
        terminal.wait_prompt()
        terminal.enter("/alias now = $*")
        terminal.wait_for("  /now")
        terminal.wait_prompt()
        terminal.type(f"/now auth plain {SECRET}")
        terminal.wait_for("/now " + "•" * 27)
        terminal.type(CTRL_U)
        terminal.enter(f"/alias b = auth plain; {SECRET}")
        terminal.wait_for("holds a credential")
        terminal.wait_prompt()
        terminal.enter(f"/now auth plain {SECRET}")
        terminal.wait_for("there is no connection")
        terminal.wait_prompt()
        assert SECRET not in terminal.text
        terminal.enter("/exit")
        terminal.wait_end()
    history = (Path(os.environ["SMTP_SHELL_STATE_DIR"]) / "history").read_text("utf-8")
    assert "/alias now" in history
    assert SECRET not in history

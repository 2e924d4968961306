"""Several lines at once: asked about before they go out; and lines that are edited in the user's own editor."""

import sys
from pathlib import Path

import pytest

from tests.support.terminal import CTRL_C, CTRL_D, CTRL_U, ENTER, Terminal, played_by_hand, running

pytestmark = pytest.mark.terminal

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
CTRL_X, CTRL_E = "\x18", "\x05"


def paste(terminal: Terminal, *lines: str) -> None:
    """Paste lines at the prompt, and wait until the last of them is there."""
    terminal.wait_prompt()
    terminal.type(PASTE_BEGINS + "\r".join(lines) + PASTE_ENDS)
    terminal.wait(lambda: terminal.line.endswith(lines[-1]), "the paste")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that keeps what it was given beside itself and puts `noop edited` in the place of the first line."""
    program = tmp_path / "editor.py"
    program.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "given = path.read_text('utf-8')\n"
        "pathlib.Path(__file__).with_name('given').write_text(given, 'utf-8')\n"
        "path.write_text('\\n'.join(['noop edited', *given.split('\\n')[1:]]) + '\\n', 'utf-8')\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {program}")
    return program.with_name("given")


@pytest.mark.parametrize("answer", ["n" + ENTER, ENTER, CTRL_C, CTRL_D], ids=["n", "nothing", "ctrl-c", "ctrl-d"])
def test_without_a_yes_nothing_of_a_paste_is_sent(answer: str) -> None:
    with played_by_hand() as (terminal, peer):
        paste(terminal, "noop 1", "noop 2")
        terminal.type(ENTER)
        terminal.wait_prompt("Send these 2 lines? [y/N]")
        terminal.type(answer)
        terminal.wait_for("Nothing was sent; /edit opens the lines in an editor.")
        terminal.enter("rset", "greeted")
        assert peer.hear() == b"rset\r\n"


def test_a_paste_cannot_answer_the_question_about_itself() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.wait_prompt()
        terminal.type(f"{PASTE_BEGINS}noop 1\rnoop 2{PASTE_ENDS}{ENTER}y{ENTER}y{ENTER}")
        terminal.wait_prompt("Send these 2 lines? [y/N]")
        terminal.type(ENTER)
        terminal.wait_for("Nothing was sent")
        terminal.enter("rset", "greeted")
        assert peer.hear() == b"rset\r\n"


def test_a_setting_sends_a_paste_unasked() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("/set ask-paste off")
        paste(terminal, "noop 1", "noop 2")
        terminal.type(ENTER)
        for number in b"12":
            assert peer.hear() == b"noop %c\r\n" % number
            peer.say("250 Ok")


def test_slash_commands_are_asked_about_too() -> None:
    with running() as terminal:
        paste(terminal, "/set times off", "/set times")
        terminal.type(ENTER)
        terminal.enter("y", "Run these 2 lines? [y/N]")
        terminal.wait_for("  times off")


def test_a_line_and_its_line_end_are_one_line() -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type(f"{PASTE_BEGINS}noop 1\r{PASTE_ENDS}")
        terminal.wait(lambda: "noop 1" in terminal.text, "the paste")
        terminal.type(ENTER)
        assert peer.hear() == b"noop 1\r\n"


def test_what_cannot_be_seen_in_a_paste_is_shown_escaped() -> None:
    with played_by_hand() as (terminal, _):
        terminal.type(f"{PASTE_BEGINS}noop \u202e1\rnoop 2{PASTE_ENDS}{ENTER}")
        terminal.wait_for("    1  noop \\xe2\\x80\\xae1\n    2  noop 2")
        terminal.enter("n", "[y/N]")


def test_edit_opens_what_was_pasted_and_leaves_it_at_the_prompt(editor: Path) -> None:
    with played_by_hand() as (terminal, peer):
        paste(terminal, "noop 1", "noop 2")
        terminal.type(ENTER)
        terminal.enter("n", "[y/N]")
        terminal.enter("/edit")
        terminal.wait(lambda: terminal.line == "noop 2", "what the editor left")
        assert editor.read_text("utf-8") == "noop 1\nnoop 2"
        terminal.type(ENTER)
        terminal.enter("y", "[y/N]")
        assert peer.hear() == b"noop edited\r\n"
        peer.say("250 Ok")
        assert peer.hear() == b"noop 2\r\n"


def test_ctrl_x_ctrl_e_edits_what_is_typed(editor: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.type(f"noop{CTRL_X}{CTRL_E}")
        terminal.wait(lambda: terminal.line.endswith("> noop edited"), "what the editor left")
        assert editor.read_text("utf-8") == "noop"
        assert sum("> noop" in row for row in terminal.rows) == 1
        terminal.type(ENTER)
        assert peer.hear() == b"noop edited\r\n"


def test_v_edits_what_is_typed_with_the_keys_of_vi(editor: Path) -> None:
    with played_by_hand() as (terminal, _):
        terminal.enter("/set editing vi")
        terminal.wait_prompt()
        terminal.type("noop\x1b")
        terminal.wait(lambda: terminal.line.endswith("> noo"), "the navigation mode")
        terminal.type("v")
        terminal.wait(lambda: terminal.line.endswith("> noop edited"), "what the editor left")


def test_a_credential_goes_into_no_editor(editor: Path) -> None:
    with played_by_hand() as (terminal, _):
        terminal.type(f"AUTH PLAIN AHN0dWRlbnQAc2VzYW1l{CTRL_X}{CTRL_E}")
        terminal.wait(lambda: b"\a" in terminal.raw, "the bell")
        terminal.type(CTRL_U)
        terminal.enter("/edit")
        terminal.wait(lambda: terminal.line.endswith("> noop edited"), "what the editor left")
        assert editor.read_text("utf-8") == ""


def test_an_editor_that_cannot_be_started_leaves_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "/nonexistent/editor")
    with played_by_hand() as (terminal, _):
        terminal.type(f"noop{CTRL_X}{CTRL_E}")
        terminal.wait_for("the editor '/nonexistent/editor' cannot be started: No such file")
        terminal.wait(lambda: terminal.line.endswith("> noop"), "what was typed")

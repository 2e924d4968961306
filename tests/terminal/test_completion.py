"""The menu of completion as a person sees it: whole rows at each width, in each kind of terminal, and quickly with a long history."""

from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.terminal import CTRL_R, CTRL_U, ENTER, TAB, Look, Terminal, running

pytestmark = pytest.mark.terminal

LOOKS = [
    Look(),
    Look((40, 20)),
    Look((200, 50)),
    Look(is_plain=True),
    Look(lang="C"),
]


def at_prompt(terminal: Terminal) -> None:
    """Empty the line, which closes the menu."""
    terminal.type(CTRL_U)
    terminal.wait(lambda: terminal.line.endswith("> "), "an empty line")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_a_menu_has_names_and_whole_words_of_descriptions(practice: PracticeServer, look: Look) -> None:
    with running(f"127.0.0.1:{practice.port}", look=look) as terminal:
        terminal.wait_prompt()
        terminal.type("/connect --proxy-p")
        terminal.wait(lambda: any("send a PROXY" in row for row in terminal.rows), "the description")
        (row,) = [row for row in terminal.rows if "send a PROXY" in row]
        if look.size[0] == 40:
            assert row.split(None, 1) == ["--proxy-protocol", "FORM  send a PROXY…"]
        else:
            assert "--proxy-protocol FORM  send a PROXY header first: v1, v2, v1-unknown or v2-local" in row or (
                look.size[0] == 80 and "--proxy-protocol FORM  send a PROXY header first" in row
            )
        at_prompt(terminal)
        terminal.type("/capa" + TAB)  # in one piece, as over a slow line
        terminal.wait(lambda: terminal.line.endswith("/capabilities"), "the completed name")
        at_prompt(terminal)
        terminal.type("/capt")
        terminal.wait(lambda: any("Capture the" in row for row in terminal.rows), "the menu")
        terminal.type(TAB)
        terminal.wait(lambda: terminal.line.rstrip().endswith("/capture"), "the completed name")
        at_prompt(terminal)
        terminal.type("/rec" + TAB)
        terminal.wait(lambda: any("Record the" in row for row in terminal.rows), "the menu")
        assert terminal.line.endswith(("/rec", "/reco"))


def test_without_utf_8_what_was_cut_off_is_three_dots(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", look=Look((40, 20), lang="C")) as terminal:
        terminal.wait_prompt()
        terminal.type("/capt")
        terminal.wait(lambda: any("Capture the" in row for row in terminal.rows), "the description")
        (row,) = [row for row in terminal.rows if "Capture the" in row]
        assert row.rstrip().endswith("...")


def test_a_dumb_terminal_has_a_prompt_and_no_menu(practice: PracticeServer) -> None:
    with running(f"127.0.0.1:{practice.port}", look=Look(term="dumb")) as terminal:
        terminal.wait_for("greeted>")
        terminal.type("/history --hree" + ENTER)
        terminal.wait_for("did you mean --here?")


def test_with_ten_thousand_lines_of_history_menu_and_search_are_there(
    state_dir: Path, practice: PracticeServer
) -> None:
    state_dir.mkdir(parents=True, exist_ok=True)
    entry = "\n# 2026-11-01 09:00:00.000001 127.0.0.1:{}\n+rcpt user{:05}@example.org\n"
    here, elsewhere = practice.port, 1
    lines = [entry.format(here if number < 100 else elsewhere, number) for number in range(10_000)]
    (state_dir / "history").write_text("".join(lines))
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt()
        terminal.type("rcpt user0000")
        terminal.wait_for("user00009@example.org")
        at_prompt(terminal)
        terminal.type(CTRL_R + "rcpt user")
        terminal.wait_for("(reverse-i-search)`rcpt user': rcpt user00099@example.org")


def test_a_hostile_history_is_nothing_to_the_screen(state_dir: Path, practice: PracticeServer) -> None:
    state_dir.mkdir(parents=True, exist_ok=True)
    head = b"\n# 2026-11-01 09:00:00.000001 x\n+"
    (state_dir / "history").write_bytes(
        head + b"mail <>\n" + head + b"rcpt \x1b]0;evil\x07a@b\n" + head + b"quit\n+/exit\n" + b"\xff\xfe\0" * 100_000
    )
    with running(f"127.0.0.1:{practice.port}") as terminal:
        terminal.wait_prompt()
        terminal.type("\x1b[A")
        terminal.wait(lambda: terminal.line.endswith("> mail <>"), "the one line that is left")
        assert b"evil" not in terminal.raw

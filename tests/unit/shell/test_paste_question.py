"""What is asked about before it is run, and what is shown of it."""

import pytest

from smtp_shell.shell.paste_question import confirmed, numbered
from smtp_shell.shell.settings import ShellSettings
from tests.unit.shell.fake import make_shell

TO_DATA = ("ehlo", "mail ann@example.org", "rcpt bob@example.org", "data")
ROWS = 24


def never(question: str) -> bool:
    raise AssertionError(question)


@pytest.mark.parametrize(
    ("before", "typed"),
    [
        ((), "noop"),
        ((), "noop\n"),
        ((), "\n noop\n\n"),
        (TO_DATA, "Subject: x\n\ntext"),
        (TO_DATA, "Subject: x\n\ntext\n."),
        (TO_DATA, "Subject: x\n..\n. \ntext"),
        (("BDAT 30",), "rset\nrset"),
        (("/pipeline",), "mail ann@example.org\nrcpt bob@example.org"),
    ],
)
def test_one_line_a_text_and_a_held_group_are_not_asked_about(before: tuple[str, ...], typed: str) -> None:
    shell, _, _ = make_shell(before=before)
    assert confirmed(shell, typed, never, ROWS) == typed


def test_the_setting_turns_the_question_off() -> None:
    shell, _, _ = make_shell(settings=ShellSettings(ask_paste=False))
    assert confirmed(shell, "noop\nnoop", never, ROWS) == "noop\nnoop"


@pytest.mark.parametrize(
    ("typed", "question"),
    [
        ("mail ann@example.org\nrcpt bob@example.org\n", "Send these 2 lines?"),
        ("/set times off\n\n  /set times", "Run these 2 lines?"),
        ("/set times off\nnoop", "Send these 2 lines?"),
    ],
)
@pytest.mark.parametrize("answer", [True, False])
def test_several_lines_are_asked_about(typed: str, question: str, answer: bool) -> None:
    shell, _, screen = make_shell()
    asked: list[str] = []

    def confirm(text: str) -> bool:
        asked.append(text)
        return answer

    done = confirmed(shell, typed, confirm, ROWS)
    assert asked == [question]
    assert done == (typed if answer else None)
    assert ("Nothing was sent; /edit opens the lines in an editor." in screen.said) is not answer


@pytest.mark.parametrize(
    ("answer", "left"), [(True, "text\n.\nquit\nnoop"), (False, "text\n.")], ids=["as commands", "not at all"]
)
def test_commands_after_the_dot_of_a_text_are_asked_about(answer: bool, left: str) -> None:
    shell, _, screen = make_shell(before=TO_DATA)
    assert confirmed(shell, "text\n.\nquit\nnoop", lambda question: answer, ROWS) == left
    assert screen.said[-3:] == [
        "The dot on line 2 ends the message, and 2 lines follow it.",
        "    3  quit",
        "    4  noop",
    ]


def test_empty_lines_after_the_dot_are_left_out() -> None:
    shell, _, _ = make_shell(before=TO_DATA)
    assert confirmed(shell, "text\n.\n\n", never, ROWS) == "text\n."


def test_many_lines_are_shown_by_their_ends() -> None:
    rows = numbered("\n".join(f"noop {number}" for number in range(1, 101)))
    assert rows[:6] == [*(f"    {number}  noop {number}" for number in range(1, 6)), "    …  90 more lines"]
    assert rows[6:] == [f"{number:>5}  noop {number}" for number in range(96, 101)]
    assert len(numbered("\n".join(["noop"] * 11))) == 11


def test_what_is_shown_is_masked_and_escaped() -> None:
    rows = numbered("AUTH LOGIN c3R1ZGVudA==\nc2VzYW1l\nnoop \x1b[31m\n")
    assert rows == ["    1  AUTH LOGIN ••••", "    2  ••••", "    3  noop \\x1b[31m"]


def test_the_answer_to_a_challenge_is_not_shown() -> None:
    shell, _, screen = make_shell(replies={b"AUTH": b"334 VXNlcm5hbWU6\r\n"}, before=("ehlo", "/raw AUTH LOGIN\\r\\n"))
    shell.waiting(shell.need_session().read_reply)
    before = len(screen.said)
    assert confirmed(shell, "c3R1\x1bZGVudA==\nc2VzYW1l", lambda question: False, ROWS) is None
    assert screen.said[before:] == ["Nothing was sent."]

"""Transcripts as lessons."""

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.study.lessons import (
    Lesson,
    TaskKind,
    find_lesson,
    fits_reply,
    header_field,
    lesson_files,
    read_lesson,
    title_of,
    typed_together,
)

TEXT = r"""Transcript: 1
Title: A lesson

# Replay needs a password.
# The server speaks first.
S: 220 mx
# Say who you are,
# by name.
C: EHLO a
S: 250-mx
# It can do this.
S: 250 PIPELINING
C& MAIL FROM:<a@b>
C: DATA
S: 250 ok
S: 354 go
C: Subject: x
C:
# Two dots.
C: ..x
C: .
S: 250 taken
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: *
S: 501 no
C: AUTH PLAIN ${sasl}
S: 235 yes
C: STARTTLS
S: 503 no
C: QUIT
# The end.
"""


@pytest.fixture
def lesson(tmp_path: Path) -> Lesson:
    path = tmp_path / "01-mine.smtp"
    path.write_text(TEXT, encoding="utf-8")
    return read_lesson(path)


def test_a_transcript_becomes_tasks_with_their_notes_and_replies(lesson: Lesson) -> None:
    assert (lesson.name, lesson.title, lesson.end) == ("mine", "A lesson", ("The end.",))
    assert [(task.kind.name, task.shown, task.replies) for task in lesson.tasks] == [
        ("COMMAND", "EHLO a", ("250-mx",)),
        ("WRITE", r"/raw MAIL FROM:<a@b>\r\nDATA\r\n", ("250 ok", "354 go")),
        ("MAIL_LINE", "Subject: x", ()),
        ("MAIL_LINE", "", ()),
        ("MAIL_LINE", ".x", ()),
        ("DOT", ".", ("250 taken",)),
        ("COMMAND", r"/raw AUTH LOGIN\r\n", ("334 VXNlcm5hbWU6",)),
        ("RESPONSE", "*", ("501 no",)),
        ("COMMAND", "auth plain", ("235 yes",)),
        ("COMMAND", r"/raw STARTTLS\r\n", ("503 no",)),
        ("COMMAND", "QUIT", ("",)),
    ]
    first = lesson.tasks[0]
    assert first.before == (
        "The server speaks first.",
        "Say who you are, by name.",
    )
    assert first.after == ("It can do this.",)


def test_lines_of_mail_data_are_said_together_up_to_the_next_note(lesson: Lesson) -> None:
    assert list(typed_together(lesson.tasks[2:])) == ["Subject: x", ""]
    assert list(typed_together(lesson.tasks[4:])) == [".x", "."]


@pytest.mark.parametrize("name", lesson_files())
def test_each_transcript_that_teaches_can_be_read(name: str) -> None:
    lesson = read_lesson(find_lesson(name))
    assert lesson.tasks
    assert lesson.title == title_of(find_lesson(name)) != ""
    assert all(task.shown.isprintable() for task in lesson.tasks)
    assert any(task.before for task in lesson.tasks)
    assert not any("${" in task.shown for task in lesson.tasks)
    assert lesson.tasks[-1].shown.lower().endswith(("quit", r"quit\r\n"))
    assert {task.kind for task in lesson.tasks} <= set(TaskKind)


def test_the_lessons_that_beginners_need_are_there() -> None:
    wanted = {"plain-delivery", "starttls", "auth-login", "auth-plain", "dot-stuffing", "pipelining", "wrong-order"}
    assert wanted | {"refused-relaying", "utf8-addresses", "multi-line-ehlo"} <= set(lesson_files())


def test_a_lesson_is_found_by_the_beginning_of_its_name() -> None:
    assert find_lesson("Start").name == "02-starttls.smtp"
    with pytest.raises(UsageError, match="did you mean auth-login or auth-plain"):
        find_lesson("auth")
    with pytest.raises(UsageError, match="did you mean starttls"):
        find_lesson("strattls")
    with pytest.raises(UsageError, match="/lesson lists what there is"):
        find_lesson("\x1bzzz")


@pytest.mark.parametrize(
    ("expected", "code", "fits"),
    [
        ("250", 250, True),
        ("250-mx", 250, True),
        ("250 ok", 251, False),
        ("2yz", 251, True),
        ("55z", 550, True),
        ("55z", 501, False),
        ("250|501", 501, True),
        ("250|501", 500, False),
        ("", 999, True),
    ],
)
def test_replies(expected: str, code: int, fits: bool) -> None:
    assert fits_reply(expected, code) is fits


@pytest.mark.parametrize(
    ("line", "name"), [(b"Subject: x", b"subject"), (b"no field", None), (b": x", None), (b"", None)]
)
def test_header_fields(line: bytes, name: bytes | None) -> None:
    assert header_field(line) == name

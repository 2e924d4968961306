"""`/lesson` in a shell beside the practice server: every lesson can be played to its end by typing what it says."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.errors import ConnectionLost, UsageError
from smtp_shell.protocol.phases import Phase
from smtp_shell.servers.practice import PracticeServer
from smtp_shell.shell.commands.lesson import LessonGuide
from smtp_shell.shell.settings import ShellOptions, ShellSettings
from smtp_shell.shell.shell import Shell
from smtp_shell.study.lessons import TaskKind, lesson_files, typed_together
from tests.unit.shell.fake import Screen, make_shell


@pytest.fixture
def shell(practice: PracticeServer) -> Iterator[Shell]:
    credentials = CredentialSource(practice.user, preset=practice.password)
    options = ShellOptions(recording=False, interactive=True, credentials=credentials, practice=practice)
    shell = Shell(Screen(), options, ShellSettings(ehlo="client.example.org"))
    yield shell
    shell.close()


def guide_of(shell: Shell) -> LessonGuide:
    (guide,) = shell.after_line
    assert isinstance(guide, LessonGuide)
    return guide


def words_of(shell: Shell) -> str:
    assert isinstance(shell.outlet.to, Screen)
    return shell.outlet.to.words


@pytest.mark.parametrize("name", lesson_files())
def test_a_lesson_is_played_to_its_end_by_typing_what_it_says(name: str, shell: Shell) -> None:
    shell.run(f"/lesson {name}")
    run = guide_of(shell).run
    for _ in range(100):
        task = run.task
        if task is None:
            break
        left = run.lesson.tasks[run.lesson.tasks.index(task) :]
        for line in list(typed_together(left)) or [task.shown]:
            with suppress(ConnectionLost):  # after a QUIT of /raw
                shell.run(line)
        assert run.task is not task, f"line {task.line}: {task.shown}\n{words_of(shell)}"
    assert run.is_over
    assert "That was the lesson" in words_of(shell)
    assert "your line was sent all the same" not in words_of(shell)


def test_one_may_wander_off_and_come_back(shell: Shell) -> None:
    shell.run("/lesson starttls")
    for line in ("noop", "vrfy bob@example.org", "/help ehlo", "/status"):
        shell.run(line)
    assert words_of(shell).count("your line was sent all the same") == 1
    shell.run("/lesson")
    assert words_of(shell).count("Step 1 of 16") == 2
    shell.run("ehlo")
    shell.run("/lesson skip")
    task = guide_of(shell).run.task
    assert task is not None
    assert task.shown == "MAIL FROM:<ann@example.org>"
    shell.run("/lesson again")
    task = guide_of(shell).run.task
    assert task is not None
    assert task.shown == "EHLO laptop.example"
    assert shell.phase is Phase.FRESH
    shell.run("/lesson stop")
    assert shell.after_line == []
    assert shell.phase is Phase.FRESH


def test_a_line_that_raises_leaves_the_lesson_where_it_is(shell: Shell) -> None:
    shell.run("/lesson starttls")
    with pytest.raises(UsageError):
        shell.run("/nosuch")
    task = guide_of(shell).run.task
    assert task is not None
    assert task.kind is TaskKind.COMMAND


def test_without_a_name_the_lessons_are_listed(shell: Shell) -> None:
    shell.run("/lesson")
    for name in lesson_files():
        assert f"  {name} " in words_of(shell)


@pytest.mark.parametrize("word", ["again", "skip", "stop"])
def test_without_a_lesson_there_is_nothing_to_skip(word: str, shell: Shell) -> None:
    with pytest.raises(UsageError, match="there is no lesson under way"):
        shell.run(f"/lesson {word}")


def test_without_a_practice_server_it_says_how_to_get_one() -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="start `smtp-shell practice`"):
        shell.run("/lesson starttls")
    assert shell.after_line == []


def test_without_a_person_there_is_no_lesson() -> None:
    shell, _, _ = make_shell(interactive=False)
    with pytest.raises(UsageError, match="needs somebody at a prompt"):
        shell.run("/lesson starttls")


def test_names_are_suggested(shell: Shell) -> None:
    complete = shell.registry.find("/lesson").complete
    assert complete is not None
    assert ("starttls", "From clear text to TLS with STARTTLS") in list(complete(shell.completion_context(), ""))

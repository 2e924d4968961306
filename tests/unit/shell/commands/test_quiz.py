"""`/quiz`."""

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from tests.unit.shell.fake import answering, make_shell
from tests.unit.study.transcripts import path_of


def test_nobody_is_asked_where_no_user_is(tmp_path: Path) -> None:
    shell, _, _ = make_shell(interactive=False)
    with pytest.raises(UsageError, match="nobody can be asked here"):
        shell.run(f"/quiz {path_of('01', tmp_path)}")


def test_without_a_session_a_file_is_needed() -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="there is no session yet"):
        shell.run("/quiz")
    with pytest.raises(UsageError, match="see /help /quiz"):
        shell.run("/quiz --nonsense")


def test_a_file_is_asked_about_and_the_score_is_said(tmp_path: Path) -> None:
    shell, _, screen = make_shell(ask=answering("CRLF"))
    shell.run(f"/quiz {path_of('01', tmp_path)} --kind line-end")
    assert screen.said[-1] == "1 of 1 right at the first try."

"""What is no dialogue of SMTP is refused in one sentence: none of its lines becomes a step."""

import re
from pathlib import Path

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.importers.dialect import Line
from smtp_shell.importers.prefixes import learnt
from smtp_shell.importers.wrapping import width_of
from tests.support.imported import imported

FILES = sorted((Path(__file__).parent / "refused").iterdir())


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_what_is_no_dialogue_is_refused(path: Path) -> None:
    with pytest.raises(TranscriptError) as caught:
        imported(path)
    assert "\n" not in str(caught.value)


def test_what_is_in_front_of_lines_is_learnt_from_both_sides() -> None:
    front = learnt(("7 app[1]: > EHLO a", "8 app[1]: < 250-b", "8 app[1]: < 250 HELP", "9 app[1]: > QUIT"))
    assert front is not None
    assert (front.client, front.server) == (r">[ \t]+", r"<[ \t]+")
    assert (front.commands, front.replies) == (2, 2)


def test_nothing_is_learnt_from_one_side() -> None:
    assert learnt(("x: 250 ok", "x: 250 ok", "x: 250 ok")) is None


def test_lines_that_were_not_broken_have_no_width() -> None:
    marks = re.compile("[<>] ")
    whole = [Line("> EHLO a", 1), Line("< 250 " + "x" * 70, 2), Line("", 3), Line("and prose", 4)]
    assert width_of(whole, marks) == 0
    assert width_of([Line("> EHLO a", 1), Line("< 250 " + "x " * 35, 2), Line("longer-than-the-rest", 3)], marks) == 76

"""How the loop of a replay is left."""

from __future__ import annotations

import pytest

from smtp_shell.replay.endings import DialogueEnded, Stopped, ended_in
from smtp_shell.transcript.included_line import IncludedLine


def test_a_replay_that_stops_is_handed_over_only_where_that_is_said() -> None:
    assert (Stopped().handed_over, Stopped(handed_over=True).handed_over) == (False, True)


@pytest.mark.parametrize(
    ("line", "where"), [(6, "in line 6"), (IncludedLine.of(6, "login.smtp"), "in line 6 of login.smtp")]
)
def test_a_dialogue_ends_in_a_line_of_the_transcript_or_of_a_file_that_it_includes(line: int, where: str) -> None:
    assert DialogueEnded(ended_in(line)).where == where

"""`/watch` at the prompt."""

from pathlib import Path

import pytest

from tests.support.terminal import CTRL_C, played_by_hand, running

pytestmark = pytest.mark.terminal


def test_ctrl_c_ends_a_watch_and_the_prompt_is_back(state_dir: Path) -> None:
    with running("practice") as terminal:
        terminal.enter("/watch 0.2 noop", "greeted")
        terminal.wait_for("same: 250")
        terminal.type(CTRL_C)
        terminal.wait_for("no change")
        terminal.enter("rset", "greeted")
        terminal.wait_for("C: rset")


def test_what_the_server_says_between_two_runs_is_shown_at_once(state_dir: Path) -> None:
    with played_by_hand() as (terminal, peer):
        terminal.enter("/watch 600 noop", "greeted")
        peer.hear()
        peer.say("250 ok")
        terminal.wait_for("first: 250 ok")
        peer.say("421 4.3.2 going down")
        terminal.wait_for("421 4.3.2 going down")
        terminal.type(CTRL_C)
        terminal.wait_for("1 run in")

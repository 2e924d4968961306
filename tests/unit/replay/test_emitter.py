"""The results of a run: which of them a user has changed."""

from __future__ import annotations

from smtp_shell.replay.account import RunAccount
from smtp_shell.replay.emitter import ResultEmitter
from smtp_shell.replay.verifier import Comparison


def test_the_next_step_that_is_sent_is_the_one_that_was_edited() -> None:
    account = RunAccount([])
    emitter = ResultEmitter("a.smtp", account, keep_going=True)
    emitter.edited = True
    for line, sent in enumerate(("", "NOOP", "RSET", ""), 1):  # the first came before anything was sent
        emitter.emit((line,), sent, 0.0, Comparison())
    assert [each.edited for each in account.kept] == [False, True, False, False]

"""How a server of ours starts, and what is said where it cannot."""

from __future__ import annotations

import errno
import os

import pytest

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.servers.serving import starting


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "folder"), "It could not start: no space left on device."),
        (RuntimeError("can't start new thread"), "It could not start: can't start new thread."),
    ],
)
def test_what_the_system_refuses_is_a_sentence_and_what_was_begun_is_undone(error: Exception, sentence: str) -> None:
    undone: list[str] = []

    def start() -> None:
        with starting("It", (), lambda: undone.append("yes")):
            raise error

    with pytest.raises(ConnectFailed) as caught:
        start()
    assert (str(caught.value), undone) == (sentence, ["yes"])


def test_what_is_a_sentence_already_stays() -> None:
    with pytest.raises(UsageError, match="its own words"), starting("It", (), lambda: None):
        raise UsageError("its own words")

"""The names of phases, and what is owed."""

from __future__ import annotations

import pytest

from smtp_shell.protocol.phases import Asked, Owed, Phase


def test_phases_have_names_for_users() -> None:
    assert [phase.value for phase in Phase] == [
        "greeting", "greeted", "ready", "mail", "rcpt", "mail data", "end of data", "auth", "tls", "closed",
    ]  # fmt: skip


@pytest.mark.parametrize("asked", Asked)
def test_the_final_dot_and_the_last_chunk_end_a_message(asked: Asked) -> None:
    assert Owed(asked).ends_message is (asked in (Asked.END_OF_DATA, Asked.CHUNK))


def test_what_is_not_said_of_a_reply_that_is_owed_is_what_is_usual() -> None:
    assert Owed(Asked.COMMAND) == Owed(
        Asked.COMMAND, command=None, verb="", late=False, recipient=False, path=b"", doubtful=False
    )

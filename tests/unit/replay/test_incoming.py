"""What the server has sent and a replay has not judged yet: the lines of a reply that is under way."""

from __future__ import annotations

from itertools import chain, count

import pytest

from smtp_shell.errors import AuthFailed, ConnectionLost
from smtp_shell.replay import incoming
from smtp_shell.replay.incoming import IncomingReplies
from tests.unit.replay.fake import CLOSED, session_with

LOST = ConnectionLost("the server dropped the connection.")


@pytest.mark.parametrize(
    ("came", "lines", "begun"),
    [
        ([b"250-a\r\n"], 1, b"250-a\r\n"),
        ([b"250-a"], 1, b"250-a"),
        ([b"250-a\r\n250-b"], 2, b"250-a\r\n250-b"),
        ([b"250-a\r\n250-b\r\n250-c"], 2, b"250-a\r\n250-b\r\n250-c"),
        ([b"250-a\r\n"], 2, b""),
        ([b"2"], 2, b""),
        # Something whole comes first.
        ([b"250-a\r\n250 b\r\n"], 2, b""),
        ([b"250 a\r\n250-b\r\n"], 1, b""),
        # So does what ended the dialogue.
        ([b"250-a\r\n", CLOSED], 1, b""),
        ([b"250-a\r\n", LOST], 1, b""),
        ([b"250-a\r\n", LOST], 2, b""),
        ([CLOSED], 1, b""),
    ],
)
def test_which_lines_of_a_reply_have_come(came: list[bytes | Exception], lines: int, begun: bytes) -> None:
    session, transport = session_with()
    transport._arrived += came
    assert IncomingReplies(session).next_begun(lines, 0.0) == begun


def test_what_has_begun_does_not_count_where_the_dialogue_is_broken() -> None:
    session, transport = session_with()
    replies = IncomingReplies(session)
    transport._arrived.append(b"250-a\r\n")
    assert replies.next_begun(1, 0.0) == b"250-a\r\n"

    def fail() -> None:
        raise AuthFailed("credentials are missing.")

    replies.attempt(fail)
    assert replies.next_begun(1, 0.0) == b""


def test_a_wait_that_is_over_is_not_prolonged(monkeypatch: pytest.MonkeyPatch) -> None:
    session, transport = session_with()
    # The clock shows the end of the wait once, and later times after it.
    monkeypatch.setattr(incoming, "monotonic", chain([0.0, 0.0], count(1.0)).__next__)
    assert IncomingReplies(session).next_begun(1, 0.0) == b""
    assert transport.log == []


def test_a_look_does_not_wait() -> None:
    session, transport = session_with()
    assert IncomingReplies(session).look() is False
    assert transport.log == []

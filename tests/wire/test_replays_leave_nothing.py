"""A replay that is over leaves nothing for the collector that is large: of a hundred thousand with --repeat each would."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from smtp_shell.client.session import Session
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.sasl import Credentials
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.api import replay
from smtp_shell.servers.mock import MockServer, MockSettings
from tests.support.memory import without_collector

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "s3cret-Pass!"
TRANSCRIPT = """S: 220 mail.example.com
C: EHLO client.example.com
S: 250-mail.example.com
S: 250 STARTTLS
C: STARTTLS
S: 220 Ready
*: tls
C: EHLO client.example.com
S: 250-mail.example.com
S: 250 AUTH PLAIN
C: AUTH PLAIN ${sasl}
S: 235 Ok
C: MAIL FROM:<ann@example.org>
S: 250 Ok
C: RCPT TO:<bob@example.org>
S: 250 Ok
C: DATA
S: 354 Go ahead
C: Subject: a test
C: .
S: 250 Ok
C: QUIT
S: 221 Bye
"""


def connections() -> list[Session | Transport]:
    return [each for each in gc.get_objects() if isinstance(each, Session | Transport)]


@pytest.mark.parametrize(
    ("fault", "status"),
    [("", 0), ("quit=drop", 3), ("rcpt=reset", 3), ("rcpt=550", 1), ("dot=drop", 7), ("starttls=garbage", 6)],
)
def test_no_connection_is_left_for_the_collector(tmp_path: Path, fault: str, status: int) -> None:
    transcript = tmp_path / "a.smtp"
    transcript.write_text(TRANSCRIPT)
    settings = MockSettings(credentials=Credentials("student", Secret(PASSWORD)))
    with MockServer(transcript, settings=settings, faults=[fault] if fault else []) as server, without_collector():
        before = connections()  # of other tests, which are held as long as this list is
        result = replay(transcript, server.url, user="student", password=PASSWORD, ca_file=server.ca_file, timeout=10)
        kept = [each for each in connections() if not any(each is other for other in before)]
    assert result.exit_status == status, result.failure
    assert kept == []

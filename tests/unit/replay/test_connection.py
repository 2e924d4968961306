"""The connection of a replay: how it is opened, handed over and interrupted, and that a broken one leaves nothing."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

import pytest

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.net.session_keys import SessionKeys
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.tap import Place, Tap, Taps
from smtp_shell.net.target import Target
from smtp_shell.protocol.events import TlsStarted
from smtp_shell.protocol.proxy_header import ProxyHeader
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import Act, Decision, ReplayResult, StepResult
from smtp_shell.replay.settings import ReplaySettings
from tests.support.memory import without_collector
from tests.unit.replay.fake import CLOSED, GREETING, FakeTransport

OK = b"250 ok\r\n"


class OpenedTransport(FakeTransport):
    """A connection that keeps what it was opened with."""

    def __init__(self, *answers: bytes | BaseException | None) -> None:
        super().__init__((GREETING, *answers))
        self.settings: ConnectSettings | None = None
        self.taps: Taps | None = None
        self.tls: TlsSettings | None = None
        self.tls_seconds = 0.0

    def attach(self, taps: Taps, *, opened: bool = False) -> None:
        self.taps = taps

    def start_tls(self, settings: TlsSettings, name: str, seconds: float, *, implicit: bool = False) -> TlsStarted:
        self.tls, self.tls_seconds = settings, seconds
        return super().start_tls(settings, name, seconds, implicit=implicit)


@dataclass
class Opened:
    """A replay over such a connection."""

    folder: Path
    transport: OpenedTransport = field(default_factory=OpenedTransport)
    seconds: list[float] = field(default_factory=list)
    """For how long each connection was tried at most."""

    def replay(self, text: str, settings: ReplaySettings) -> Replay:
        path = self.folder / "test.smtp"
        path.write_text(text, encoding="utf-8")
        return Replay(path, settings)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    made = Opened(tmp_path)

    def connect(target: Target, seconds: float, settings: ConnectSettings, *_: object) -> OpenedTransport:
        made.transport.settings = settings
        made.seconds.append(seconds)
        return made.transport

    monkeypatch.setattr("smtp_shell.client.session.connect", connect)
    return made


class NoTaps:
    keys = SessionKeys()

    def begin(self, client: Place, server: Place, *, opened: bool) -> Tap:
        raise NotImplementedError


def test_a_connection_is_opened_as_the_settings_say(opened: Opened) -> None:
    tls, connection, taps = TlsSettings(detailed=True), ConnectSettings(source_port=1025), NoTaps()
    settings = ReplaySettings(
        server="smtps://mx.example",
        tls_settings=tls,
        connection=connection,
        taps=taps,
        busy_poll=True,
    )
    opened.replay("S: 220\n", settings).run()
    transport = opened.transport
    assert (transport.settings, transport.tls, transport.taps) == (connection, tls, taps)
    assert transport.busy_poll
    assert transport.tls_seconds == Timeouts().tls


def test_a_handshake_takes_no_longer_than_the_replay_may(opened: Opened) -> None:
    opened.replay("S: 220\n", ReplaySettings(server="smtps://mx.example", overall=2.5)).run()
    assert 0 < opened.transport.tls_seconds <= 2.5


GIVEN = ProxyHeader("v1")


@pytest.mark.parametrize(
    ("server", "first", "given", "header"),
    [
        ("smtps://mx.example", r"C| PROXY UNKNOWN\r\n", None, ProxyHeader("", verbatim=b"PROXY UNKNOWN\r\n")),
        ("smtps://mx.example", r"C| PROXY UNKNOWN\r\n", GIVEN, GIVEN),
        ("smtps://mx.example", r"C| NOOP\r\n", None, None),
        ("smtps://mx.example", "C: NOOP", None, None),
        ("mx.example", r"C| PROXY UNKNOWN\r\n", None, None),
        ("mx.example", r"C| PROXY UNKNOWN\r\n", GIVEN, GIVEN),
    ],
)
def test_a_proxy_header_of_the_transcript_precedes_tls_that_begins_with_the_first_octet(
    opened: Opened, server: str, first: str, given: ProxyHeader | None, header: ProxyHeader | None
) -> None:
    settings = ReplaySettings(server=server, connection=ConnectSettings(proxy_protocol=given))
    opened.replay(f"{first}\n", settings).run()
    assert opened.transport.settings is not None
    assert opened.transport.settings.proxy_protocol == header


def test_a_session_that_is_handed_over_has_the_bounds_of_the_replay_no_more(opened: Opened) -> None:
    settings = ReplaySettings(
        server="mx.example", overall=3, busy_poll=True, before_step=lambda step: Decision(Act.HAND_OVER)
    )
    replay = opened.replay("*: within 2\nS: 220\nC: NOOP\n", settings)
    assert replay.run().handed_over
    assert replay.session is not None
    waits = replay.session.waits
    assert (waits.deadline, waits.reply_timeout, waits.timeouts) == (float("inf"), None, settings.timeouts)
    assert not opened.transport.busy_poll


def interrupted(opened: Opened, text: str) -> ReplayResult:
    """Replay a transcript, and interrupt it when the first result is told."""
    replay = opened.replay(text, ReplaySettings(server="mx.example"))

    def interrupt(step: StepResult) -> None:
        if not opened.transport.log.count("shut"):
            replay.interrupt()

    return replay.run(interrupt)


def test_an_interruption_ends_the_wait_and_nothing_is_sent_any_more(opened: Opened) -> None:
    opened.transport = OpenedTransport(OK, OK, OK)
    result = interrupted(opened, "S: 220\nC: NOOP\nS: 250\nC: RSET\nS: 250\n*: finally\nC: QUIT\n")
    assert opened.transport.log.index("shut") == opened.transport.log.index("write NOOP\r\n") + 1
    assert opened.transport.sent == b"NOOP\r\n"
    assert not any(step.in_finally for step in result.steps)
    assert result.ending == "the replay took longer than 0 s in all."


def test_an_interruption_ends_a_wait_without_a_connection(opened: Opened) -> None:
    replay = opened.replay("*: wait 60\nC: NOOP\n", ReplaySettings(server="mx.example"))
    timer = Timer(0.1, replay.interrupt)
    timer.start()
    result = replay.run()
    timer.join()
    assert result.seconds < 30
    assert opened.seconds == []
    assert result.ending == "the replay took longer than 0 s in all."


def test_a_connection_is_tried_for_a_moment_where_no_time_is_left(opened: Opened) -> None:
    opened.replay("S: 220\nC: NOOP\n", ReplaySettings(server="mx.example", overall=1e-9)).run()
    assert opened.seconds == [0.001]


def test_a_dialogue_that_broke_leaves_nothing_that_only_the_collector_finds(opened: Opened) -> None:
    opened.transport = OpenedTransport(CLOSED)
    replay = opened.replay("S: 220\nC: NOOP\nS: 250\n", ReplaySettings(server="mx.example"))
    with without_collector():
        assert replay.run().exit_status == 3
        left = weakref.ref(opened.transport)
        opened.transport = OpenedTransport()
        del replay
        assert left() is None

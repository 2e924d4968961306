"""How a transcript is replayed: what the caller says, what the header says, and what holds where neither does."""

from __future__ import annotations

import pytest

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.matching.expectation import Strictness
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.replay.results import Decision
from smtp_shell.replay.settings import ReplaySettings, ignored_by
from smtp_shell.transcript.transcript import Transcript

EMPTY = "Transcript: 1\n\nC: NOOP\n"
FULL = "Transcript: 1\nLimit: 7\nMatch: text\nIgnore: id=\\d+\n\nC: NOOP\n"


@pytest.mark.parametrize(
    ("said", "text", "seconds"),
    [(None, EMPTY, 300.0), (None, FULL, 7.0), (5.0, EMPTY, 5.0), (5.0, FULL, 5.0), (None, "C: NOOP\n", 300.0)],
)
def test_how_long_a_replay_may_take(said: float | None, text: str, seconds: float) -> None:
    assert ReplaySettings(overall=said).overall_for(Transcript.parse(text).header) == seconds


@pytest.mark.parametrize(
    ("said", "text", "level"),
    [
        (None, EMPTY, Strictness.CODE),
        (None, "C: NOOP\n", Strictness.CODE),
        (None, FULL, Strictness.TEXT),
        (Strictness.EXACT, FULL, Strictness.EXACT),
        (Strictness.CODE, FULL, Strictness.CODE),
    ],
)
def test_how_strict_a_replay_is(said: Strictness | None, text: str, level: Strictness) -> None:
    assert ReplaySettings(strictness=said).strictness_for(Transcript.parse(text).header) is level


def test_what_is_ignored_stands_in_the_header() -> None:
    assert ignored_by(None) is None
    assert ignored_by(Transcript.parse(EMPTY).header) is None
    assert ignored_by(Transcript.parse(FULL).header) is not None


def test_a_replay_goes_on_where_it_is_to_or_where_a_user_decides() -> None:
    assert not ReplaySettings().goes_on
    assert ReplaySettings(keep_going=True).goes_on
    assert ReplaySettings(before_step=lambda step: Decision()).goes_on


def test_without_a_word_nothing_is_weakened() -> None:
    assert ReplaySettings() == ReplaySettings(
        server=None,
        tls=False,
        starttls=False,
        tls_settings=TlsSettings(),
        timeouts=Timeouts(),
        label="",
        overall=None,
        strictness=None,
        variables={},
        numbers=None,
        credentials=None,
        has_token=False,
        allow_cleartext=False,
        send_secrets=False,
        keep_going=False,
        before_step=None,
        consumers=(),
        outside=False,
        connection=ConnectSettings(),
        preloads=False,
        busy_poll=False,
        taps=None,
        observe=None,
    )

"""What is loaded while a replay waits."""

from __future__ import annotations

import sys

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.replay.plan import ReplayPlan
from smtp_shell.replay.preload import preloads
from smtp_shell.replay.settings import ReplaySettings


@pytest.mark.parametrize(
    ("wanted", "uses_sasl", "starts_tls", "number"),
    [
        (True, True, True, 2),
        (True, True, False, 1),
        (True, False, True, 1),
        (True, False, False, 0),
        (False, True, True, 0),
    ],
)
def test_what_a_transcript_needs_is_loaded_where_that_is_wanted(
    wanted: bool, uses_sasl: bool, starts_tls: bool, number: int
) -> None:
    checked = ReplayPlan(None, "", False, uses_sasl, starts_tls=starts_tls)
    assert len(preloads(ReplaySettings(preloads=wanted), checked)) == number


def test_authentication_is_loaded() -> None:
    (load,) = preloads(ReplaySettings(preloads=True), ReplayPlan(None, "", False, True))
    load()
    assert "smtp_shell.client.authentication" in sys.modules


def test_settings_of_tls_that_cannot_be_used_are_told_where_tls_starts() -> None:
    settings = ReplaySettings(preloads=True, tls_settings=TlsSettings(ciphers="none"))
    (load,) = preloads(settings, ReplayPlan(None, "", False, False, starts_tls=True))
    load()

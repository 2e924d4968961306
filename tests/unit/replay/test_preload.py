"""What is loaded while a replay waits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.replay.plan import ReplayPlan, plan
from smtp_shell.replay.preload import preloads
from smtp_shell.replay.settings import ReplaySettings


def checked(folder: Path, *lines: str) -> ReplayPlan:
    path = folder / "a.smtp"
    path.write_text("".join(f"{line}\n" for line in ("S: 220", *lines)), "utf-8")
    return plan(path, {})


AUTH, STARTTLS = "C: AUTH PLAIN ${sasl}", "C: STARTTLS"


@pytest.mark.parametrize(
    ("wanted", "lines", "number"),
    [
        (True, [AUTH, STARTTLS], 2),
        (True, [AUTH], 1),
        (True, [STARTTLS], 1),
        (True, ["C: NOOP"], 0),
        (False, [AUTH, STARTTLS], 0),
    ],
)
def test_what_a_transcript_needs_is_loaded_where_that_is_wanted(
    tmp_path: Path, wanted: bool, lines: list[str], number: int
) -> None:
    assert len(preloads(ReplaySettings(preloads=wanted), checked(tmp_path, *lines))) == number


def test_authentication_is_loaded(tmp_path: Path) -> None:
    (load,) = preloads(ReplaySettings(preloads=True), checked(tmp_path, AUTH))
    load()
    assert "smtp_shell.client.authentication" in sys.modules


def test_settings_of_tls_that_cannot_be_used_are_told_where_tls_starts(tmp_path: Path) -> None:
    settings = ReplaySettings(preloads=True, tls_settings=TlsSettings(ciphers="none"))
    (load,) = preloads(settings, checked(tmp_path, STARTTLS))
    load()

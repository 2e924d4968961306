"""What a replay checks before anything is sent, and once for all of its runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.config import Place, TlsSettings
from smtp_shell.errors import ConfigError, TranscriptError, UsageError
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.settings import ReplaySettings

SETTINGS = ReplaySettings(server="mx.example:25")
SECRET = "C: AUTH PLAIN AGFubgBjYW5hcnk="


def replay(folder: Path, *lines: str, settings: ReplaySettings = SETTINGS) -> Replay:
    path = folder / "inner" / "a.smtp"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Replay(path, settings)


def test_files_of_tls_that_are_missing_are_told_before_the_transcript_is_read(tmp_path: Path) -> None:
    settings = replace(SETTINGS, tls_settings=TlsSettings(ca_file=tmp_path / "gone.pem"))
    with pytest.raises(ConfigError, match=r"gone\.pem"):
        replay(tmp_path, "odd", settings=settings).check()


def test_what_is_outside_the_folder_is_allowed_where_it_was_said(tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_text("Subject: hello\n")
    lines = ("C: DATA", "S: 354", "C< ../m.eml")
    assert replay(tmp_path, *lines, settings=replace(SETTINGS, outside=True)).check().steps is not None
    with pytest.raises(TranscriptError, match="outside the transcript's folder"):
        replay(tmp_path, *lines).check()


@pytest.mark.parametrize("keep", [True, False])
def test_steps_are_kept_where_they_may_be(tmp_path: Path, keep: bool) -> None:
    assert (replay(tmp_path, "C: NOOP").check(keep=keep).steps is not None) is keep


def test_another_run_is_not_checked_again(tmp_path: Path) -> None:
    first = replay(tmp_path, "C: NOOP")
    plan = first.check()
    first.path.unlink()
    assert first.check() is plan
    assert first.again().check() is plan


@pytest.mark.parametrize(
    ("lines", "place", "message"),
    [
        (
            [SECRET],
            Place.COMMAND_LINE,
            "line 1 holds a credential, and the header does not say `Secrets: included`; nothing was sent. "
            "Give --send-secrets to send it as written, or write ${sasl} in its place.",
        ),
        (
            [SECRET, "S: 535", SECRET],
            Place.PYTHON,
            "lines 1 and 3 hold credentials, and the header does not say `Secrets: included`; nothing was sent. "
            "Give send_secrets=True to send them as written, or write ${sasl} in their place.",
        ),
        (
            [SECRET],
            Place.PYTEST,
            "line 1 holds a credential, and the header does not say `Secrets: included`; nothing was sent. "
            "Write ${sasl} in its place.",
        ),
    ],
)
def test_credentials_that_stand_in_a_transcript_are_refused(
    tmp_path: Path, lines: list[str], place: Place, message: str
) -> None:
    refused = replay(tmp_path, *lines, settings=replace(SETTINGS, tls_settings=TlsSettings(place=place)))
    with pytest.raises(UsageError) as caught:
        refused.check()
    assert caught.value.message == f"{refused.name}: {message}"


def test_credentials_that_are_sent_as_written_are_warned_of(tmp_path: Path) -> None:
    settings = replace(SETTINGS, send_secrets=True)
    lines = ("*: waitfor 2", SECRET, "S: 535", SECRET)
    assert [(each.line, each.problem) for each in replay(tmp_path, *lines, settings=settings).check().warnings] == [
        (1, "*: waitfor is no event that a replay knows; is *: wait meant?"),
        (2, "lines 2 and 4 hold credentials, sent as written: --send-secrets"),
    ]


def test_credentials_that_the_header_tells_of_need_no_warning(tmp_path: Path) -> None:
    plan = replay(tmp_path, "Transcript: 1", "Secrets: included", "", SECRET).check()
    assert (plan.warnings, plan.credentials is not None) == ((), True)

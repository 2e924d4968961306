"""The waits of RFC 5321, and where files go."""

from pathlib import Path

import pytest
from msgspec.structs import asdict

from smtp_shell.config import Keep, Timeouts, TlsSettings, state_dir


def test_the_waits_of_a_run_that_nobody_watches() -> None:
    assert asdict(Timeouts()) == {
        "connect": 15, "tls": 15, "greeting": 60, "reply": 60, "data": 60, "final_dot": 600, "send": 60, "quit": 5,
    }  # fmt: skip


def test_a_person_has_the_patience_of_rfc_5321() -> None:
    patient = Timeouts.patient()
    assert (patient.greeting, patient.reply, patient.data, patient.send, patient.final_dot) == (300, 300, 120, 180, 600)
    assert (patient.connect, patient.tls, patient.quit) == (15, 15, 5)


def test_one_number_sets_every_wait_but_that_for_quit() -> None:
    assert asdict(Timeouts.patient().all(7)) == dict.fromkeys(asdict(Timeouts()), 7) | {"quit": 5}


def test_tls_is_verified_and_modern_unless_told_otherwise() -> None:
    settings = TlsSettings()
    assert (settings.insecure, settings.minimum, settings.maximum, settings.ca_file) == (False, "1.2", None, None)


def test_recordings_stay_for_a_while() -> None:
    assert Keep() == Keep(files=500, days=90)


def test_folders_are_those_of_the_environment(tmp_path: Path) -> None:
    assert state_dir() == tmp_path / "state"


def test_folders_are_those_of_the_platform_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMTP_SHELL_STATE_DIR")
    assert state_dir().name == "smtp-shell"
    assert state_dir().is_absolute()

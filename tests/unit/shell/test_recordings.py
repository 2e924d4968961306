"""What a shell records: each session, and what the user asks for."""

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.shell.recordings import SessionRecordings

TARGET = Target(Way.TCP, "mail.example.org", 25)


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_each_session_has_a_recording_of_its_own(state_dir: Path) -> None:
    failures: list[str] = []
    recordings = SessionRecordings(automatic=True, on_failure=failures.append)
    paths = []
    for _ in range(2):
        recordings.begin_session(TARGET)
        assert recordings.session is not None
        paths.append(recordings.session.path)
        recordings.end_session()
    assert len(set(paths)) == 2
    assert all(path.parent == state_dir / "recordings" for path in paths)
    assert failures == []


def test_sessions_are_not_recorded_where_that_is_off(state_dir: Path) -> None:
    recordings = SessionRecordings(automatic=False, on_failure=pytest.fail)
    recordings.begin_session(TARGET)
    recordings.end_session()
    assert recordings.session is None
    assert not state_dir.exists()


def test_a_session_goes_on_where_its_recording_cannot_begin(state_dir: Path) -> None:
    state_dir.write_text("no folder")
    failures: list[str] = []
    recordings = SessionRecordings(automatic=True, on_failure=failures.append)
    recordings.begin_session(TARGET)
    assert recordings.session is None
    assert [each.partition(":")[0] for each in failures] == ["this session is not recorded"]


def test_a_file_of_the_users_is_not_written_over_unless_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "own.smtp"
    path.write_text("kept")
    recordings = SessionRecordings(automatic=False, on_failure=pytest.fail)
    with pytest.raises(UsageError, match="is left as it is"):
        recordings.begin_own(path, TARGET, overwrite=False, session=None)
    assert (path.read_text(), recordings.own) == ("kept", None)
    recordings.begin_own(path, TARGET, overwrite=True, session=None)
    assert recordings.own is not None
    recordings.end_own()
    assert "kept" not in path.read_text()

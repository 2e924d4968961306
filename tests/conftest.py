"""Fixtures of all tests: separate state and config folders, and servers on loopback. In CI a skipped test fails."""

import os
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support import dovecot as dovecot_support
from tests.support import exim as exim_support
from tests.support.postfix import Postfix, running_postfix, why_not

if TYPE_CHECKING:
    from smtp_shell.servers.practice import PracticeServer

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A background job of a shell ignores SIGINT, and the programs that the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: the time of one example depends on the machine. In CI the examples are the same in each run, as the fuzzer's are:
# what it refuses can be had again, and no change is refused for an example that it did not bring. A run by hand draws new ones each time.
settings.register_profile("default", deadline=None, derandomize=False)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if IN_CI else "default")


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the test away from the files and the passwords of whoever runs it: also from a netrc file and the system's keyring.

    Returns:
        The state folder of smtp-shell for this test; it does not exist yet, as on a first start.
    """
    state = tmp_path / "state"
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(state))
    monkeypatch.setenv("SMTP_SHELL_CONFIG_DIR", str(tmp_path / "config"))
    home = tmp_path_factory.mktemp("home-of-nobody")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for variable in ("SMTP_SHELL_PASSWORD", "SMTP_SHELL_PROXY_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    return state


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """Run one Postfix for all tests of this process."""
    obstacle = why_not()
    if obstacle is not None:
        pytest.skip(obstacle)
    # Not in pytest's directory, which Postfix's users cannot enter.
    with (
        tempfile.TemporaryDirectory(prefix="smtp-shell-postfix-", ignore_cleanup_errors=True) as directory,
        running_postfix(Path(directory)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def exim() -> Iterator[exim_support.Exim]:
    """Run one Exim for all tests of this process."""
    obstacle = exim_support.why_not()
    if obstacle is not None:
        pytest.skip(obstacle)
    with (
        tempfile.TemporaryDirectory(prefix="smtp-shell-exim-", ignore_cleanup_errors=True) as directory,
        exim_support.running_exim(Path(directory)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def dovecot(practice: "PracticeServer") -> Iterator[dovecot_support.Dovecot]:
    """Run one Dovecot for all tests of this process. Its submission service passes mail to the practice server."""
    obstacle = dovecot_support.why_not()
    if obstacle is not None:
        pytest.skip(obstacle)
    with (
        tempfile.TemporaryDirectory(prefix="smtp-shell-dovecot-", ignore_cleanup_errors=True) as directory,
        dovecot_support.running_dovecot(Path(directory), practice.port) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def practice() -> "Iterator[PracticeServer]":
    """Run one practice server for all tests of this process."""
    # Imported here: tests that need no server must not load one.
    from smtp_shell.servers.practice import PracticeServer, PracticeSettings

    with PracticeServer(PracticeSettings()) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped_in_ci(report)
    return report


def _fail_if_skipped_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An expected failure is reported as skipped too, but it ran.
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"Skipped, which CI does not allow: {reason}"

"""The commands and the Python of the README and the manual, each run as it stands there, in one folder and in their order."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = (ROOT / ".github" / "MANUAL.md").read_text(encoding="utf-8")
BOTH = README + MANUAL
TESTS_README = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- (ci|test):(\w+) -->\n```sh\n(.*?)```", BOTH, re.DOTALL)
PYTHON_BLOCKS = re.findall(r"<!-- test:python -->\n```python\n(.*?)```", BOTH, re.DOTALL)
PYTEST_BLOCKS = re.findall(r"<!-- test:pytest -->\n```python\n(.*?)```", BOTH, re.DOTALL)
LOCUST_BLOCKS = re.findall(r"<!-- test:locust -->\n```python\n(.*?)```", BOTH, re.DOTALL)
FENCES = re.findall(r"^```(\w+)", BOTH, re.MULTILINE)

# Our own plugin is an entry point only where this version of the package has been installed.
IS_INSTALLED = any(each.name == "smtp_shell" for each in entry_points(group="pytest11"))
PYTEST = ("pytest", *(() if IS_INSTALLED else ("-p", "smtp_shell.integrations.pytest_plugin")))


def commands(mark: str, *names: str) -> list[str]:
    return [text.strip() for kind, name, text in BLOCKS if kind == mark and name in names]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, with `smtp-shell` and `pytest` on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in (("smtp-shell", "smtp_shell"), ("pytest", " ".join(PYTEST))):
        launcher = programs / name
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run_words(["sh", "-c", command], folder)


def run_words(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_block_of_commands_or_python_is_marked_and_so_run_by_a_test() -> None:
    assert FENCES.count("sh") == len(BLOCKS) > 5
    assert FENCES.count("python") == len(PYTHON_BLOCKS) + len(PYTEST_BLOCKS) + len(LOCUST_BLOCKS) > 0


@pytest.mark.skipif(os.name == "nt", reason="the commands are for a POSIX shell")
def test_each_command_ends_with_the_status_that_the_readme_says_and_the_python_runs(here: Path) -> None:
    with ExitStack() as servers:
        for kind, name, text in BLOCKS:
            for command in text.strip().split("\n"):
                if kind == "test" and name == "server":
                    servers.enter_context(started(command, here))
                elif kind == "test" and name in ("0", "1"):
                    done = run(command, here)
                    assert done.returncode == int(name), (command, done.stdout, done.stderr)
        for code in PYTHON_BLOCKS:
            done = run_words([sys.executable, "-c", code], here)
            assert done.returncode == 0, (code, done.stdout, done.stderr)
            assert done.stdout.startswith("250 ")
        for code in PYTEST_BLOCKS:
            (here / "test_block.py").write_text(code, encoding="utf-8")
            done = run_words([sys.executable, "-m", *PYTEST, "-p", "no:locust", "test_block.py"], here)
            assert done.returncode == 0, (code, done.stdout, done.stderr)
        for code in LOCUST_BLOCKS:
            (here / "locustfile.py").write_text(code, encoding="utf-8")
            words = ["--host", "smtp://127.0.0.1:2525", "--headless", "-u", "2", "-t", "3s", "--stop-timeout", "30"]
            done = run_words([sys.executable, "-m", "locust", "-f", "locustfile.py", *words], here)
            assert done.returncode == 0, (code, done.stdout, done.stderr)


@contextmanager
def started(command: str, folder: Path) -> Iterator[None]:
    """Run a server of the README until the block ends; its command names the port."""
    server = subprocess.Popen(
        ["sh", "-c", f"exec {command}"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_for_port(int(command.partition("--port ")[2].split()[0]))
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        # The mock was connected to by the probe, which said nothing: that differs.
        assert server.wait(10) == int(" serve " in command)


def wait_for_port(port: int) -> None:
    end = time.monotonic() + 15
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"nothing listens on port {port}")


@pytest.mark.terminal
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.name == "nt", reason="pexpect needs a POSIX system")
def test_the_command_for_a_fresh_machine_leads_into_a_dialogue(tmp_path: Path) -> None:
    """A copy of what git knows, a new virtual environment, and the README's command as it stands."""
    import pexpect

    names = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    )
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
    environment = {**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    (command,) = commands("ci", "start")
    child = pexpect.spawn(
        "sh", ["-c", command], cwd=str(tmp_path), env=environment, encoding="utf-8", dimensions=(24, 80), timeout=400
    )
    try:
        child.expect("greeted")
        child.send("ehlo\r")
        child.expect("250.*STARTTLS")
        child.send("/exit\r")
        child.expect(pexpect.EOF, timeout=30)
        child.close()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    (command,) = commands("ci", "test")
    assert command.startswith("python3 -m venv .venv && ")
    assert command.endswith("pytest")
    assert "ci:test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_pictures_are_there() -> None:
    for text, folder in ((README, ROOT), (MANUAL, ROOT / ".github")):
        pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
        assert pictures
        assert all((folder / picture).is_file() for picture in pictures)


def test_every_link_leads_somewhere() -> None:
    for text, folder in ((README, ROOT), (MANUAL, ROOT / ".github")):
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            name, _, heading = link.partition("#")
            path = folder / name
            assert path.exists(), link
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE) if heading else []
            assert not heading or heading in [each.lower().replace(" ", "-") for each in headings], link


def test_the_commands_for_windows_are_the_same_ones() -> None:
    windows = re.findall(r"```bat\n(.*?)\n```", README + TESTS_README, re.DOTALL)
    posix = [commands("ci", "start")[0], commands("ci", "test")[0]]
    translated = [
        line.replace("python3 -m venv", "py -m venv").replace(".venv/bin/", r".venv\Scripts" + "\\") for line in posix
    ]
    assert windows == translated

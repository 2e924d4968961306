"""The names of the Python API: when they are imported, their types, and the examples in their docstrings."""

from __future__ import annotations

import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import smtp_shell

ROOT = Path(__file__).parents[3]

MODULES = (
    "smtp_shell.api.session",
    "smtp_shell.api.servers",
    "smtp_shell.replay.api",
    "smtp_shell.transcript.transcript",
)

PROGRAM = """
from __future__ import annotations

from pathlib import Path

from smtp_shell import ReplayResult, Reply, Session, Transcript, connect, errors, practice_server, replay


def deliver(session: Session, text: str) -> bool:
    sent = session.send_message(text, sender="ann@example.org", recipients=["bob@example.org"])
    refused: dict[str, Reply] = sent.refused
    return sent.ok and not refused


def main() -> int:
    with practice_server(faults=["vrfy=502"]) as server:
        with connect(server.url, starttls=True, ca_file=server.ca_file, record="lab.smtp") as session:
            reply = session.auth(server.user, server.password)
            code: int = reply.code
            lines: tuple[bytes, ...] = reply.lines
            assert (code, str(reply.enhanced), len(lines)) == (235, "2.7.0", 1), reply.text
            assert deliver(session, "Subject: x\\n")
            session.quit()
        transcript = Transcript.read(Path("lab.smtp"))
        assert transcript.header is not None and transcript.header.client and transcript.steps
        result: ReplayResult = replay(
            "lab.smtp",
            server.url,
            match="text",
            variables={},
            user=server.user,
            password=server.password,
            ca_file=server.ca_file,
        )
        assert result.ok, result.failure
        assert not result.mismatches
        try:
            connect("127.0.0.1:1", timeout=10)
        except errors.ConnectFailed as error:
            return error.exit_status
    return 0


raise SystemExit(main())
"""


def test_the_names_are_imported_when_they_are_used() -> None:
    code = (
        "import smtp_shell, sys\n"
        "assert [name for name in sys.modules if name.startswith('smtp_shell')] == ['smtp_shell']\n"
        "assert not {'ssl', 'typing', 'msgspec'} & set(sys.modules)\n"
        "assert callable(smtp_shell.connect)\n"
        "assert callable(smtp_shell.replay)\n"
    )
    subprocess.run([sys.executable, "-S", "-c", code.partition("assert callable")[0]], check=True, timeout=60, cwd=ROOT)
    subprocess.run([sys.executable, "-c", code.replace("'typing', ", "")], check=True, timeout=60, cwd=ROOT)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = smtp_shell.nothing


def test_every_name_is_there_and_in_the_map() -> None:
    assert smtp_shell.__doc__ is not None
    for name in smtp_shell.__all__:
        assert getattr(smtp_shell, name) is not None
        assert name == "__version__" or name in smtp_shell.__doc__
        assert name == "__version__" or getattr(smtp_shell, name).__doc__


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).attempted > 0
    assert "".join(said) == ""


def test_a_program_with_types_is_clean_and_runs(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    # No configuration of ours: a user has none. The package is checked by a test of its own.
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", program.name],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    done = subprocess.run(
        [sys.executable, program.name], cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (3, b"")

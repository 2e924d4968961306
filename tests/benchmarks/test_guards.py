"""What can be guarded exactly, without a clock: which modules are loaded, and how many functions are called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.benchmarks.material import dialogue, messages, noops, recording
from tests.support.peer import Hear, ScriptedServer, Turn

ROOT = Path(__file__).parents[2]

# Runs smtp-shell, then writes which modules it loaded and how many Python functions it called.
PROBE = """
import sys
sys.path.insert(0, {root!r})
calls = 0
def count(frame, event, argument):
    global calls
    calls += event == "call"
from smtp_shell.{module} import main
if {counted}:
    import threading
    threading.setprofile(count)
    sys.setprofile(count)
status = None
try:
    status = main({arguments!r})
except SystemExit as end:
    status = end.code
finally:
    sys.setprofile(None)
    modules = sorted(sys.modules)
    import json
    with open({out!r}, "w") as file:
        json.dump({{"modules": modules, "calls": calls}}, file)
sys.exit(status)
"""

# The libraries that take long to load, and those that nothing of ours has any use for.
HEAVY = {"rich", "prompt_toolkit", "pygments", "aiosmtpd", "trustme", "cryptography", "asyncio", "smtplib", "tzlocal"}


# Functions called for one thing more: what it was when this was last looked at, and a tenth on top. Fewer is better: lower it then.
CALLS_A_STEP = 107
CALLS_A_MESSAGE = 462
CALLS_A_LINE_READ = 0.13
CALLS_A_LINE_CHECKED = 2.9


def probe(tmp_path: Path, *arguments: str, counted: bool = False) -> tuple[set[str], int]:
    """Run smtp-shell; give the modules that it loaded, and how many of its functions were called."""
    out = tmp_path / "probe.json"
    code = PROBE.format(root=str(ROOT), arguments=list(arguments), out=str(out), counted=counted, module=entry())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    return set(found["modules"]), int(found["calls"])


def entry() -> str:
    """Give the module that the console script calls."""
    line = next(
        line for line in (ROOT / "pyproject.toml").read_text("utf-8").split("\n") if line.startswith("smtp-shell =")
    )
    return line.partition('"smtp_shell.')[2].partition(":")[0]


def loaded(modules: set[str], *names: str) -> set[str]:
    """Give those of the names that were loaded, as a module or as the package of one."""
    return {name for name in names if any(each == name or each.startswith(f"{name}.") for each in modules)}


def greeting_and(*pairs: tuple[bytes, bytes]) -> list[Turn]:
    turns: list[Turn] = [b"220 mail.example.org\r\n"]
    for heard, said in pairs:
        turns += [Hear(heard), said]
    return turns


def replay(tmp_path: Path, path: Path, turns: list[Turn], *, counted: bool = False) -> tuple[set[str], int]:
    with ScriptedServer(turns) as server:
        return probe(tmp_path, "replay", str(path), "--server", f"smtp://{server.address}", counted=counted)


def replay_noops(tmp_path: Path, steps: int, *, counted: bool = False) -> tuple[set[str], int]:
    turns = greeting_and(*[(b"NOOP\r\n", b"250 2.0.0 Ok\r\n")] * steps, (b"QUIT\r\n", b"221 2.0.0 Bye\r\n"))
    return replay(tmp_path, noops(tmp_path, steps), turns, counted=counted)


def replay_messages(tmp_path: Path, count: int) -> int:
    ok = b"250 2.0.0 Ok\r\n"
    one = ((b"MAIL FROM", ok), (b"RCPT TO", ok), (b"DATA\r\n", b"354 Go on\r\n"), (b"\r\n.\r\n", ok))
    turns = greeting_and((b"EHLO", b"250 mail.example.org\r\n"), *one * count, (b"QUIT\r\n", b"221 2.0.0 Bye\r\n"))
    return replay(tmp_path, messages(tmp_path, count, 700), turns, counted=True)[1]


def test_the_version_loads_next_to_nothing(tmp_path: Path) -> None:
    modules, _ = probe(tmp_path, "--version")
    assert not loaded(
        modules, *HEAVY, "ssl", "socket", "argparse", "re", "typing", "pathlib", "smtp_shell.net.transport"
    )


def test_a_replay_without_tls_loads_no_heavy_library(tmp_path: Path) -> None:
    modules, _ = replay_noops(tmp_path, 1)
    assert "smtp_shell.replay.driver" in modules
    assert not loaded(
        modules,
        *HEAVY,
        "regex",
        "unittest",
        "email",
        "http",
        "logging",
        "multiprocessing",
        "ssl",
        "hashlib",
        "hmac",
    )


def test_a_replay_with_tls_and_auth_loads_no_other_mechanism(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PracticeServer(PracticeSettings()) as server:
        monkeypatch.setenv("SMTP_SHELL_PASSWORD", server.password.reveal())
        address, ca_file = f"smtp://{server.host}:{server.port}", str(server.ca_file)
        path = str(dialogue(tmp_path, 2048))
        modules, _ = probe(tmp_path, "replay", path, "--server", address, "--user", server.user, "--ca-file", ca_file)
    assert {"ssl", "smtp_shell.protocol.sasl"} <= modules
    assert not loaded(modules, *HEAVY, "hmac", "stringprep", "encodings.idna", "email", "smtp_shell.recording.encoder")


@pytest.mark.parametrize("record", [("--no-record",), ("--record", "noop.smtp")], ids=["not recorded", "recorded"])
def test_lines_without_a_prompt_load_no_heavy_library(tmp_path: Path, record: tuple[str, ...]) -> None:
    turns = greeting_and((b"noop\r\n", b"250 2.0.0 Ok\r\n"), (b"QUIT\r\n", b"221 2.0.0 Bye\r\n"))
    with ScriptedServer(turns) as server:
        modules, _ = probe(tmp_path, server.address, *record, "-c", "noop", "-c", "quit")
    assert "smtp_shell.shell.shell" in modules
    assert not loaded(modules, *HEAVY, "regex", "email", "logging", "ssl", "hashlib", "shutil", "threading")


def test_reading_a_transcript_loads_no_heavy_library(tmp_path: Path) -> None:
    path = recording(tmp_path, 100)
    modules, _ = probe(tmp_path, "show", "--color", "never", str(path))
    assert not loaded(modules, *HEAVY, "ssl", "socket")


@pytest.mark.terminal
@pytest.mark.skipif(os.name == "nt", reason="pexpect needs a POSIX system")
def test_the_first_prompt_loads_no_server_and_no_replay(tmp_path: Path) -> None:
    from tests.support.terminal import CTRL_D, running_program

    out = tmp_path / "probe.json"
    code = PROBE.format(root=str(ROOT), arguments=[], out=str(out), counted=False, module=entry())
    with running_program(sys.executable, "-c", code) as terminal:
        terminal.wait_prompt()
        terminal.type(CTRL_D)
        assert terminal.wait_end() == 0
    modules = set(json.loads(out.read_text(encoding="utf-8"))["modules"])
    assert "prompt_toolkit" in modules
    # asyncio itself loads ssl.
    assert not loaded(
        modules, *HEAVY - {"prompt_toolkit", "asyncio", "rich", "pygments"}, "regex", "smtp_shell.replay.driver"
    )


def test_a_step_of_a_replay_calls_no_more_functions_than_it_did(tmp_path: Path) -> None:
    few, many = replay_noops(tmp_path, 50, counted=True)[1], replay_noops(tmp_path, 250, counted=True)[1]
    assert 10 < (many - few) / 200 <= CALLS_A_STEP


def test_a_message_of_a_replay_calls_no_more_functions_than_it_did(tmp_path: Path) -> None:
    few, many = replay_messages(tmp_path, 10), replay_messages(tmp_path, 50)
    assert 10 < (many - few) / 40 <= CALLS_A_MESSAGE


@pytest.mark.parametrize(("what", "most"), [("read", CALLS_A_LINE_READ), ("check", CALLS_A_LINE_CHECKED)])
def test_a_line_of_a_transcript_calls_no_more_functions_than_it_did(tmp_path: Path, what: str, most: float) -> None:
    from smtp_shell.replay.plan import plan
    from smtp_shell.transcript.reader import open_transcript

    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    def calls_for(lines: int) -> int:
        nonlocal calls
        path = recording(tmp_path, lines)
        calls = 0
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            if what == "check":
                plan(path, {})
            else:
                with open_transcript(path) as reader:
                    for _ in reader:
                        pass
        finally:
            sys.setprofile(before)
        return calls

    calls_for(18)
    few, many = calls_for(180), calls_for(1980)
    assert 0.05 < (many - few) / 1800 <= most

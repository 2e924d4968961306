"""Guards that need no clock: which modules are loaded, and how calls and memory grow with the work."""

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.benchmarks.in_process import check_steps, read_steps
from tests.benchmarks.workload import MIB, dialogue, messages, noops, recording
from tests.support.peer import Hear, ScriptedServer, Turn

ROOT = Path(__file__).parents[2]

# Runs smtp-shell, then writes which modules it loaded, and how many Python functions it called or how much memory it allocated.
PROBE = """
import sys
sys.path.insert(0, {root!r})
calls = 0
def count(frame, event, argument):
    global calls
    calls += event == "call"
from smtp_shell.{module} import main
if {traced}:
    import tracemalloc
    tracemalloc.start()
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
    peak = tracemalloc.get_traced_memory()[1] if {traced} else 0
    modules = sorted(sys.modules)
    import json
    with open({out!r}, "w") as file:
        json.dump({{"modules": modules, "calls": calls, "peak": peak}}, file)
sys.exit(status)
"""

# Libraries that take long to load, and those that smtp-shell does not use.
HEAVY = {"rich", "prompt_toolkit", "pygments", "aiosmtpd", "trustme", "cryptography", "asyncio", "smtplib", "tzlocal"}


@dataclass(frozen=True, slots=True)
class Probed:
    """What a run of smtp-shell loaded, called and allocated.

    Args:
        modules: The modules that it loaded.
        calls: Number of Python functions that it called; 0 if not counted.
        peak: Peak of the allocated memory in octets; 0 if not traced.
    """

    modules: set[str]
    calls: int
    peak: int


def probe(tmp_path: Path, *arguments: str, counted: bool = False, traced: bool = False) -> Probed:
    """Run smtp-shell in a process of its own."""
    out = tmp_path / "probe.json"
    code = probe_code(arguments, out, counted=counted, traced=traced)
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
    return Probed(set(found["modules"]), int(found["calls"]), int(found["peak"]))


def probe_code(arguments: Sequence[str], out: Path, *, counted: bool = False, traced: bool = False) -> str:
    return PROBE.format(
        root=str(ROOT), arguments=list(arguments), out=str(out), counted=counted, traced=traced, module=entry()
    )


def entry() -> str:
    """Return the module that the console script calls."""
    line = next(
        line for line in (ROOT / "pyproject.toml").read_text("utf-8").split("\n") if line.startswith("smtp-shell =")
    )
    return line.partition('"smtp_shell.')[2].partition(":")[0]


def loaded(modules: set[str], *names: str) -> set[str]:
    """Return the names that were loaded, as a module or as the package of one."""
    return {name for name in names if any(each == name or each.startswith(f"{name}.") for each in modules)}


def greeting_and(*pairs: tuple[bytes, bytes]) -> list[Turn]:
    turns: list[Turn] = [b"220 mail.example.org\r\n"]
    for heard, said in pairs:
        turns += [Hear(heard), said]
    return turns


def replay(tmp_path: Path, path: Path, turns: list[Turn], *, counted: bool = False, traced: bool = False) -> Probed:
    with ScriptedServer(turns) as server:
        arguments = ("replay", str(path), "--server", f"smtp://{server.address}")
        return probe(tmp_path, *arguments, counted=counted, traced=traced)


def replay_noops(tmp_path: Path, steps: int, *, counted: bool = False, traced: bool = False) -> Probed:
    pairs = [(f"NOOP {number}\r\n".encode(), f"250 2.0.0 Ok {number}\r\n".encode()) for number in range(steps)]
    turns = greeting_and(*pairs, (b"QUIT\r\n", b"221 2.0.0 Bye\r\n"))
    return replay(tmp_path, noops(tmp_path, steps), turns, counted=counted, traced=traced)


def replay_messages(tmp_path: Path, count: int, *, counted: bool = False, traced: bool = False) -> Probed:
    turns = greeting_and((b"EHLO", b"250 mail.example.org\r\n"))
    for number in range(count):
        ok = f"250 2.0.0 Ok {number}\r\n".encode()
        for heard, said in ((b"MAIL FROM", ok), (b"RCPT TO", ok), (b"DATA\r\n", b"354 Go on\r\n"), (b"\r\n.\r\n", ok)):
            turns += [Hear(heard), said]
    turns += [Hear(b"QUIT\r\n"), b"221 2.0.0 Bye\r\n"]
    return replay(tmp_path, messages(tmp_path, count, 700), turns, counted=counted, traced=traced)


def test_the_version_loads_next_to_nothing(tmp_path: Path) -> None:
    modules = probe(tmp_path, "--version").modules
    assert not loaded(
        modules, *HEAVY, "ssl", "socket", "argparse", "re", "typing", "pathlib", "smtp_shell.net.transport"
    )


def test_a_replay_without_tls_loads_no_heavy_library(tmp_path: Path) -> None:
    modules = replay_noops(tmp_path, 1).modules
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
        options = ("--server", address, "--user", server.user, "--ca-file", ca_file)
        modules = probe(tmp_path, "replay", path, *options).modules
    assert {"ssl", "smtp_shell.protocol.sasl"} <= modules
    assert not loaded(modules, *HEAVY, "hmac", "stringprep", "encodings.idna", "email", "smtp_shell.recording.encoder")


@pytest.mark.parametrize("record", [("--no-record",), ("--record", "noop.smtp")], ids=["not recorded", "recorded"])
def test_lines_without_a_prompt_load_no_heavy_library(tmp_path: Path, record: tuple[str, ...]) -> None:
    turns = greeting_and((b"noop\r\n", b"250 2.0.0 Ok\r\n"), (b"QUIT\r\n", b"221 2.0.0 Bye\r\n"))
    with ScriptedServer(turns) as server:
        modules = probe(tmp_path, server.address, *record, "-c", "noop", "-c", "quit").modules
    assert "smtp_shell.shell.shell" in modules
    assert not loaded(modules, *HEAVY, "regex", "email", "logging", "ssl", "hashlib", "shutil", "threading")
    assert not loaded(modules, "smtp_shell.lint")


def test_reading_a_transcript_loads_no_heavy_library(tmp_path: Path) -> None:
    path = recording(tmp_path, 100)
    modules = probe(tmp_path, "show", "--color", "never", str(path)).modules
    assert not loaded(modules, *HEAVY, "ssl", "socket")


@pytest.mark.terminal
@pytest.mark.skipif(os.name == "nt", reason="pexpect needs a POSIX system")
def test_the_first_prompt_loads_no_server_and_no_replay(tmp_path: Path) -> None:
    from tests.support.terminal import CTRL_D, running_program

    out = tmp_path / "probe.json"
    code = probe_code([], out)
    with running_program(sys.executable, "-c", code) as terminal:
        terminal.wait_prompt()
        terminal.type(CTRL_D)
        assert terminal.wait_end() == 0
    modules = set(json.loads(out.read_text(encoding="utf-8"))["modules"])
    assert "prompt_toolkit" in modules
    # asyncio itself loads ssl.
    assert not loaded(
        modules,
        *HEAVY - {"prompt_toolkit", "asyncio", "rich", "pygments"},
        "regex",
        "smtp_shell.replay.driver",
        "smtp_shell.lint",
    )


Replay = Callable[..., Probed]


@pytest.mark.parametrize("run", [replay_noops, replay_messages])
def test_the_calls_of_a_replay_grow_in_proportion_to_its_length(tmp_path: Path, run: Replay) -> None:
    once, twice, four_times = (run(tmp_path, number, counted=True).calls for number in (50, 100, 200))
    assert twice - once > 50
    # Differences, because start-up is the same for all. They double if the cost is linear.
    assert (four_times - twice) <= 2.2 * (twice - once)


@pytest.mark.parametrize(("run", "steps"), [(replay_noops, 3000), (replay_messages, 450)])
def test_the_memory_of_a_replay_does_not_grow_with_its_length(tmp_path: Path, run: Replay, steps: int) -> None:
    # Checked steps and results are kept up to a bound, most of which the shorter run has reached already.
    few, many = (run(tmp_path, number * steps, traced=True).peak for number in (1, 4))
    assert many - few < MIB


@pytest.mark.parametrize("read", [read_steps, check_steps])
def test_the_calls_of_reading_a_transcript_grow_in_proportion_to_its_length(
    tmp_path: Path, read: Callable[[Path], None]
) -> None:
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
            read(path)
        finally:
            sys.setprofile(before)
        return calls

    calls_for(18)
    once, twice, four_times = (calls_for(18 * number) for number in (500, 1000, 2000))
    assert 0 < (four_times - twice) <= 2.2 * (twice - once)


@pytest.mark.parametrize("read", [read_steps, check_steps])
def test_the_memory_of_reading_a_transcript_does_not_grow_with_its_length(
    tmp_path: Path, read: Callable[[Path], None]
) -> None:
    def peak_for(lines: int) -> int:
        path = recording(tmp_path, lines)
        tracemalloc.start()
        try:
            read(path)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def least_for(lines: int) -> int:
        # What other threads of the process allocate meanwhile counts as well, and comes in few of the runs.
        return min(peak_for(lines) for _ in range(3))

    peak_for(18)
    assert least_for(18 * 4000) - least_for(18 * 1000) < MIB // 4


@pytest.mark.parametrize("in_file", [True, False], ids=["mail data in a file", "mail data in lines"])
def test_the_memory_of_the_linter_does_not_grow_with_the_mail_data(tmp_path: Path, in_file: bool) -> None:
    from smtp_shell.lint.files import lint_file

    def peak_for(lines: int) -> int:
        path, body = tmp_path / f"{lines}.smtp", tmp_path / f"{lines}.eml"
        body.write_text("Subject: x\n\n" + "a line of text\n" * lines, encoding="ascii")
        data = f"C< {body.name}\n" if in_file else "C: Subject: x\nC:\n" + "C: a line of text\n" * lines + "C: .\n"
        commands = "C: EHLO a.example.org\nC: MAIL FROM:<>\nC: RCPT TO:<a@example.org>\nC: DATA\n"
        path.write_text(f"{commands}{data}C: QUIT\n", encoding="ascii")
        tracemalloc.start()
        try:
            assert {each.rule for each in lint_file(path)} >= {"no-from", "no-date"}
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_for(100)
    assert peak_for(80_000) - peak_for(20_000) < MIB // 4


def test_the_memory_of_the_linter_does_not_grow_with_the_dialogue(tmp_path: Path) -> None:
    from smtp_shell.lint.files import lint_file

    def peak_for(lines: int) -> int:
        path = recording(tmp_path, lines)
        tracemalloc.start()
        try:
            for _ in lint_file(path):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_for(18)
    assert peak_for(18 * 2000) - peak_for(18 * 500) < MIB // 4

"""Switches of the whole process: output in any locale, the exit, and the threads of `--jobs`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import ROOT, at, commands, run


def test_a_locale_without_utf8_shows_escapes(practice: PracticeServer) -> None:
    done = run(at(practice), *commands("noop jörg"), env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert done.returncode == 0
    assert b"C: noop j" in done.stdout


LEAVING = """
import atexit, sys, threading
sys.path.insert(0, {root!r})
sys.argv = ["smtp-shell", "show", {path!r}]
atexit.register(lambda: print("registered"))
{more}
from smtp_shell.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", ["registered"]),
        (
            "threading.Thread(target=lambda: (threading.main_thread().join(), print('a thread'))).start()",
            ["a thread", "registered"],
        ),
    ],
    ids=["at once", "a thread still works"],
)
def test_threads_and_exit_handlers_finish_before_the_process_ends(tmp_path: Path, more: str, said: list[str]) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("C: NOOP\nS: 250\n", encoding="utf-8")
    code = LEAVING.format(root=str(ROOT), path=str(path), more=more)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert any("NOOP" in line for line in lines)
    assert lines[-1 - len(said) : -1] == said


AT_ONCE = """
import os, sys
sys.path.insert(0, {root!r})
sys.argv = ["smtp-shell", "show", {path!r}]

class Freed:
    def __del__(self, write=os.write):
        write(1, b"freed")

sys.freed = Freed()  # the garbage collector may have been told to leave modules alone; sys is always cleared
{more}
from smtp_shell.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("more", "at_once"),
    [("", True), ("import atexit", False), ("sys.setprofile(lambda *_: None)", False)],
    ids=["nothing", "atexit", "a profiler"],
)
def test_objects_are_freed_at_exit_only_if_python_has_work_to_do_there(
    tmp_path: Path, more: str, at_once: bool
) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("C: NOOP\nS: 250\n", encoding="utf-8")
    code = AT_ONCE.format(root=str(ROOT), path=str(path), more=more)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "NOOP" in done.stdout
    assert done.stdout.endswith("freed") is not at_once


SHARED_CORE = """
import os, sys, threading
sys.path.insert(0, {root!r})
from smtp_shell.cli.startup import for_many_threads
before = os.sched_getaffinity(0)
for_many_threads()
seen = []
threads = [threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0))) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(seen) == 3
assert all(cores == seen[0] for cores in seen)
assert len(seen[0]) == 1
assert seen[0] <= before
assert sys.getswitchinterval() > 0.005
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process can choose its cores on Linux only")
def test_many_threads_share_a_core() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHARED_CORE.format(root=str(ROOT))],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

"""A process that has loaded the program and starts it over and over: a fork costs a tenth of a new interpreter.

It reads requests from standard input, one JSON object a line, and answers each with two: the process id, then how it ended. It ends
with its input.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import threading
import time
import traceback
from typing import Any, NoReturn, TextIO

from tests.crash.layer import Plan, install

_POLL_SECONDS = 0.003


def main() -> None:
    """Serve requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _load()
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if not pid:
            answers.close()
            _become(request)
        _say(answers, {"pid": pid})
        ended = _wait(pid, request["seconds"])
        _say(answers, ended)
    answers.close()


def _load() -> None:
    """Load all of the program. No thread may run at a fork."""
    import smtp_shell

    for found in pkgutil.walk_packages(smtp_shell.__path__, "smtp_shell."):
        if ".integrations." not in found.name and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    assert threading.active_count() == 1


def _say(answers: TextIO, row: dict[str, Any]) -> None:
    answers.write(f"{json.dumps(row)}\n")
    answers.flush()


def _wait(pid: int, seconds: float) -> dict[str, Any]:
    """Wait for a process, and end it and what it started when the time is over.

    Its number is its own until it is reaped, which is done last: by then another process may have it.
    """
    deadline = time.monotonic() + seconds
    late = False
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline and not late:
            late = True
            _end(pid)
        time.sleep(_POLL_SECONDS)
    _end(pid)
    _, status = os.waitpid(pid, 0)
    return {"status": os.waitstatus_to_exitcode(status), "late": late}


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _become(request: dict[str, Any]) -> NoReturn:
    """Run what a request names in this process, as a new interpreter would."""
    os.setsid()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL if signum != signal.SIGINT else signal.default_int_handler)
    trace = _lead_streams(request)
    os.environ.clear()
    os.environ.update(request["env"])
    os.umask(0o022)
    os.chdir(request["cwd"])
    if request["most"] >= 0:
        import resource

        # Python ignores SIGXFSZ: what would make a file longer fails.
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["most"], request["most"]))
    _stand_between(request, trace)
    sys.argv = ["smtp-shell", *request["words"]]
    _run(request["call"])


def _lead_streams(request: dict[str, Any]) -> int:
    """Lead the standard streams where the request says; return the descriptor of the trace."""
    if request["terminal"]:
        terminal = os.open(request["terminal"], os.O_RDWR)  # the first one that a session opens controls it
        for number in range(3):
            os.dup2(terminal, number)
        if terminal > 2:
            os.close(terminal)
    else:
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            flags = os.O_RDONLY if not number else os.O_WRONLY | os.O_CREAT | os.O_APPEND
            opened = os.open(request[name], flags, 0o600)
            os.dup2(opened, number)
            os.close(opened)
    return os.open(request["trace"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if request["trace"] else -1


def _stand_between(request: dict[str, Any], trace: int) -> None:
    """Install the layer, and open the standard streams anew above it."""
    if request["counts"]:
        layer = install(Plan(request["folder"], request["number"], request["kind"], trace))
        if layer.is_below(request["stdout"]) and not request["terminal"]:
            layer.remember(1, request["stdout"])
    is_terminal = os.isatty(1)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115 - as an interpreter does
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1 if is_terminal else -1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def _run(call: str) -> NoReturn:
    """Run the program, or a function of this folder, and end as the interpreter would."""
    try:
        if call:
            module, _, name = call.partition(":")
            status = getattr(importlib.import_module(module), name)()
        else:
            from smtp_shell.cli.main import main as run

            status = run()
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()

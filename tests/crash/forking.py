"""The process that has loaded the program and forks it. It answers each request twice: with the process id, then with how it ended."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import threading
import traceback
from typing import Any, NoReturn, TextIO

from tests.crash.layer import Plan, install
from tests.support.fork_server import begin_session, wait


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
        status, late = wait(pid, request["seconds"])
        _say(answers, {"status": status, "late": late})
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


def _become(request: dict[str, Any]) -> NoReturn:
    """Run what a request names in this process, as a new interpreter would."""
    begin_session(request["streams"], request["cwd"], request["env"])
    trace = os.open(request["trace"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if request["most"] >= 0:
        import resource

        # Python ignores SIGXFSZ: what would make a file longer fails.
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["most"], request["most"]))
    _stand_between(request, trace)
    sys.argv = ["smtp-shell", *request["words"]]
    _run(request["call"])


def _stand_between(request: dict[str, Any], trace: int) -> None:
    """Install the layer, and open the standard streams anew above it."""
    if request["counts"]:
        layer = install(Plan(request["folder"], request["number"], request["kind"], trace))
        output = request["streams"][1]
        if layer.is_below(output):
            layer.remember(1, output)
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

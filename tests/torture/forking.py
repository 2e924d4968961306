"""Forks children that run smtp-shell from a process in which the package and its libraries are loaded, with the shim installed.

Run as `python -m tests.torture.forking` it reads requests from standard input, a line of JSON each, and answers on standard output.
The first request names the modules to load. What happens while the package is imported is not tried here, but by `launch`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.fork_server import ForkServer, begin_session, wait
from tests.torture.plan import Plan

_real_exit = os._exit  # a run of the program replaces it


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Args:
        status: Its exit status; negative for a signal.
        hung: Whether it was killed because it took too long.
        seconds: How long it ran.
    """

    status: int
    hung: bool
    seconds: float


class Starter(ForkServer):
    """The process that forks, as its user sees it.

    Args:
        modules: The modules to load before the first child.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        super().__init__("tests.torture.forking")
        self.ask({"modules": list(modules)})

    def run(
        self,
        words: Sequence[str],
        plan: Plan,
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: Path,
        errors: Path,
        seconds: float,
        stdin: str = os.devnull,
    ) -> Ended:
        """Run smtp-shell in a child.

        Args:
            words: Its command line.
            plan: What is to fail.
            folder: Its working folder.
            environment: Its whole environment.
            output: The file for its standard output.
            errors: The file for its standard error.
            seconds: After how long it is killed.
            stdin: The file that is its standard input.
        """
        answer = self.ask(
            {
                "words": list(words),
                "plan": asdict(plan),
                "folder": str(folder),
                "environment": dict(environment),
                "streams": [stdin, str(output), str(errors)],
                "seconds": seconds,
            }
        )
        return Ended(**answer)


def _serve() -> int:
    from tests.torture import shim

    shim.install()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    for line in requests:
        request = json.loads(line)
        if "modules" in request:
            # Loaded by its private half first, asyncio would go without that half.
            for name in ("asyncio", *request["modules"]):
                with suppress(ImportError):
                    import_module(name)
            answer: dict[str, Any] = {}
        else:
            answer = asdict(_run(request))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
    return 0


def _run(request: dict[str, Any]) -> Ended:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(request)
    status, hung = wait(child, request["seconds"])
    return Ended(status, hung, round(time.monotonic() - began, 3))


def _be_child(request: dict[str, Any]) -> None:
    from tests.torture.launch import run

    status = 70
    try:
        begin_session(request["streams"], request["folder"], request["environment"])
        status = _end(run(Plan(**request["plan"]), request["words"]))
    except SystemExit as left:
        status = _end(left.code if isinstance(left.code, int) else 1)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        status = _end(1)
    finally:
        _real_exit(status)


def _end(status: int) -> int:
    """Do what the interpreter does at its end, except for freeing all that was loaded, which takes longer than the run."""
    threading._shutdown()  # type: ignore[attr-defined]
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.write(2, traceback.format_exc().encode())
            return 120
    return status


if __name__ == "__main__":
    sys.exit(_serve())

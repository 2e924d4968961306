"""Forks children that run smtp-shell from a process in which the package and its libraries are loaded, with the shim installed.

Run as `python -m tests.torture.nursery` it reads requests from standard input, a line of JSON each, and answers on standard output.
The first request names the modules to load. What happens while the package is imported is not tried here, but by `launch`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.torture.plan import Plan

_ROOT = Path(__file__).parents[2]
_real_waitpid, _real_sleep, _real_monotonic, _real_exit = os.waitpid, time.sleep, time.monotonic, os._exit
_real_open, _real_dup2, _real_close, _real_poll = os.open, os.dup2, os.close, select.poll


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


class Nursery:
    """The process that forks, as its user sees it.

    Args:
        modules: The modules to load before the first child.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=_ROOT,
        )
        self._ask({"modules": list(modules)})

    @property
    def pid(self) -> int:
        """The process that forks."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

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
        answer = self._ask(
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

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the nursery ended with {self._process.wait()}")
        return json.loads(line)


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
    began = _real_monotonic()
    child = os.fork()
    if child == 0:
        _be_child(request)
    status, hung = _wait(child, request["seconds"])
    with suppress(ProcessLookupError):  # what it started may outlive it
        os.killpg(child, signal.SIGKILL)
    return Ended(os.waitstatus_to_exitcode(status), hung, round(_real_monotonic() - began, 3))


def _wait(child: int, seconds: float) -> tuple[int, bool]:
    if hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(child)
        poll = _real_poll()
        poll.register(descriptor, select.POLLIN)
        hung = not poll.poll(int(seconds * 1000))
        _real_close(descriptor)
    else:
        end = _real_monotonic() + seconds
        while (found := _real_waitpid(child, os.WNOHANG)) == (0, 0) and _real_monotonic() < end:
            _real_sleep(0.005)
        if found != (0, 0):
            return found[1], False
        hung = True
    if hung:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    return _real_waitpid(child, 0)[1], hung


def _be_child(request: dict[str, Any]) -> None:
    from tests.torture.launch import run

    status = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
        for descriptor, name in enumerate(request["streams"]):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            opened = _real_open(name, flags, 0o600)
            _real_dup2(opened, descriptor)
            _real_close(opened)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
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

"""Run a server until standard input ends, so that it stops even if the benchmark is killed.

`python -m tests.benchmarks.supervisor PROGRAM ARGUMENT...`, or `postfix FOLDER` for a Postfix with a configuration of its own, which is
printed as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

STOP_SECONDS = 10.0


def supervise(argv: list[str]) -> None:
    """Run a program until standard input ends or the program does."""
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)

    def follow() -> None:
        os._exit(child.wait() and 1)

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    sys.stdin.buffer.read()
    child.terminate()
    follower.join(STOP_SECONDS)
    child.kill()
    follower.join(STOP_SECONDS)


def supervise_postfix(folder: Path) -> None:
    """Run Postfix until standard input ends."""
    # Imported here: the other servers do not need it.
    from tests.support.postfix import running_postfix, why_not

    reason = why_not()
    if reason is not None:
        _print({"missing": reason})
        return
    with running_postfix(folder) as server:
        _print(asdict(server))
        sys.stdin.buffer.read()


def _print(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "postfix":
        supervise_postfix(Path(sys.argv[2]))
    else:
        supervise(sys.argv[1:])

"""Run a server for as long as somebody holds the other end of standard input; gone then, even when that one was killed.

`python -m tests.benchmarks.keeper PROGRAM ARGUMENT...`, or `postfix FOLDER` for a Postfix with a configuration of its own, whose facts are
printed as JSON.
"""

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

PATIENCE = 10.0


def keep(argv: list[str]) -> None:
    """Run a program until standard input ends, or it does."""
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)

    def follow() -> None:
        os._exit(child.wait() and 1)

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    sys.stdin.buffer.read()
    child.terminate()
    follower.join(PATIENCE)
    child.kill()
    follower.join(PATIENCE)


def keep_postfix(folder: Path) -> None:
    """Run Postfix until standard input ends."""
    # Here and not in the benchmark itself, whose memory would be seen in all that it starts.
    from tests.support.postfix import running_postfix, why_not

    obstacle = why_not()
    if obstacle is not None:
        _tell({"missing": obstacle})
        return
    with running_postfix(folder) as server:
        _tell(asdict(server))
        sys.stdin.buffer.read()


def _tell(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "postfix":
        keep_postfix(Path(sys.argv[2]))
    else:
        keep(sys.argv[1:])

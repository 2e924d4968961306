"""Profile the replay of 2,000 varied messages, plain, pipelined and recorded: `python -m tests.benchmarks.profile_step`."""

from __future__ import annotations

import contextlib
import cProfile
import io
import os
import pstats
import sys
import tempfile
from pathlib import Path

from smtp_shell.cli.main import main as smtp_shell
from tests.benchmarks.bench import Bench
from tests.benchmarks.processes import Launcher
from tests.benchmarks.servers import HOST, sink
from tests.benchmarks.workload import messages

MESSAGES, OCTETS, FUNCTIONS = 2_000, 700, 40


def main() -> None:
    """Print the functions with the most cumulative time, for each way to replay."""
    with tempfile.TemporaryDirectory(prefix="smtp-shell-profile-") as name:
        folder = Path(name)
        os.environ["SMTP_SHELL_STATE_DIR"] = os.environ["SMTP_SHELL_CONFIG_DIR"] = str(folder / "state")
        with contextlib.closing(Launcher(folder)) as launcher, sink(Bench(folder, 1, False, launcher)) as port:
            record = ("--record", str(folder / "recorded.smtp"))
            for title, pipelined, options in (
                ("plain", False, ()),
                ("pipelined", True, ()),
                ("recorded", False, record),
            ):
                path = messages(folder, MESSAGES, OCTETS, pipelined=pipelined)
                arguments = ["replay", str(path), "--server", f"smtp://{HOST}:{port}", *options]
                sys.stdout.write(f"== {title}\n{_profiled(arguments)}")


def _profiled(arguments: list[str]) -> str:
    profile, text = cProfile.Profile(), io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        status = profile.runcall(smtp_shell, arguments)
    if status:
        raise SystemExit(f"the replay ended with {status}")
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("cumulative").print_stats(FUNCTIONS)
    return text.getvalue()


if __name__ == "__main__":
    main()

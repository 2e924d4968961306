"""Start-up: processes that do nearly nothing, the first prompt, and a server that accepts connections."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.benchmarks import environments
from tests.benchmarks.at_home import at_home
from tests.benchmarks.bench import OURS, Command, compare, program, python, script_of, smtp_shell, whole
from tests.benchmarks.figures import Findings, Sample, at_most
from tests.benchmarks.processes import CLIENT_CORES, Failed, Missing, pinned
from tests.benchmarks.rows import Row
from tests.benchmarks.servers import START_SECONDS, accepts, free_port
from tests.benchmarks.terminal import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.bench import Bench, Side


def _version(bench: Bench) -> Findings:
    sides = {
        OURS: whole(bench, smtp_shell("--version", says="smtp-shell ")),
        "python -c pass": whole(bench, Command((python(), "-c", "pass"))),
        "swaks --version": whole(bench, Command(("swaks", "--version"), says="swaks")),
        "curl --version": whole(bench, Command(("curl", "--version"), says="curl")),
    }
    return Findings(tuple(compare(bench, sides, rounds=bench.size(3 * bench.rounds, bench.rounds)).figures("s")))


def _explain(bench: Bench) -> Findings:
    sides = {
        OURS: whole(bench, smtp_shell("explain", "550", says="550 ")),
        "python -c pass": whole(bench, Command((python(), "-c", "pass"))),
    }
    return Findings(tuple(compare(bench, sides, rounds=bench.size(3 * bench.rounds, bench.rounds)).figures("s")))


def _prompt(bench: Bench, argv: Sequence[str], prompt: str, **variables: str) -> Side:
    """Measure from the start of a program until its prompt is on the screen."""

    def side() -> Sample:
        with running(bench, argv, **variables) as terminal:
            return Sample(terminal.wait_for(prompt) - terminal.started)

    return side


def _module(bench: Bench, name: str, prompt: str) -> Side:
    def side() -> Sample:
        return _prompt(bench, (str(environments.peers() / "python"), "-m", name), prompt)()

    return side


def _http_prompt(bench: Bench) -> Side:
    def side() -> Sample:
        argv = (str(environments.http_prompt() / "python"), "-c", "from http_prompt.cli import cli; cli()")
        try:
            return _prompt(bench, argv, "localhost:8000>")()
        except Failed as error:  # its last release is of 2021 and may not run on a newer Python
            raise Missing(f"http-prompt does not start: {error}") from None

    return side


def _first_prompt(bench: Bench) -> Findings:
    sides = {
        OURS: _prompt(bench, program(), "smtp-shell>"),
        "bare prompt_toolkit": _prompt(bench, script_of("prompt.py"), "bare>"),
        "ptpython": _module(bench, "ptpython", ">>>"),
        "IPython": _module(bench, "IPython", "In [1]:"),
        "http-prompt": _http_prompt(bench),
    }
    return Findings(tuple(compare(bench, sides).figures("s")))


def _first_prompt_at_home(bench: Bench) -> Findings:
    sides = {
        OURS: _prompt(bench, program(), "smtp-shell>", **at_home(bench)),
        "bare prompt_toolkit": _prompt(bench, script_of("prompt.py"), "bare>"),
    }
    return Findings(tuple(compare(bench, sides).figures("s")))


def _ready(bench: Bench, argv: Sequence[str], *, port_option: str) -> Side:
    """Measure from the start of a server until it accepts a connection."""

    def side() -> Sample:
        port = free_port()
        words = [*argv, *([port_option] if port_option else []), str(port)]
        with pinned(CLIENT_CORES):
            start = time.perf_counter()
            server = subprocess.Popen(
                words,
                env=bench.env,
                cwd=bench.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            while not accepts(port):
                if server.poll() is not None or time.perf_counter() - start > START_SECONDS:
                    raise Failed(f"{' '.join(words)} does not listen")
                time.sleep(0.0005)
            return Sample(time.perf_counter() - start)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(START_SECONDS)

    return side


def _practice_ready(bench: Bench) -> Findings:
    sides = {
        OURS: _ready(bench, (*program(), "practice", "--serve-only"), port_option="--port"),
        "bare aiosmtpd": _ready(bench, script_of("aiosmtpd_server.py"), port_option=""),
    }
    return Findings(tuple(compare(bench, sides).figures("s")))


ROWS = (
    Row("version", "smtp-shell --version, whole process", {"python -c pass": at_most(2.0)}, _version),
    Row("explain", "smtp-shell explain 550, whole process", {"python -c pass": at_most(2.5)}, _explain),
    Row(
        "first-prompt",
        "from exec to the first prompt on a pseudo-terminal",
        {"bare prompt_toolkit": at_most(1.25)},
        _first_prompt,
    ),
    Row(
        "first-prompt-at-home",
        "the same with a configuration file and 10,000 lines of history",
        {"bare prompt_toolkit": at_most(1.25)},
        _first_prompt_at_home,
    ),
    Row(
        "practice-ready",
        "practice --serve-only, from exec to accepting connections",
        {"bare aiosmtpd": at_most(1.5)},
        _practice_ready,
    ),
)

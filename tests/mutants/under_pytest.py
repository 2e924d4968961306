"""The tests, in processes that pytest has been started in: one that has imported all of them, and those that import a mutant.

`Warm` collects every test once, and forks: for each mutant of a function's code. `run_cold` is for what happens when a module is
imported, in a fork of a process that has imported pytest and the libraries, but nothing of the package.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import pickle
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import coverage
import pytest
from hypothesis import Phase, settings

from tests.mutants import forks
from tests.mutants.exchange import LiveFunctions, MutantFinder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection

    from tests.mutants.modules import Module
    from tests.mutants.mutant import Mutant, Project

_EXAMPLES = 25
_SLOW = 3.0  # processor seconds, traced; a slower test is no witness
_START = 10.0  # processor seconds for what a fork does before its first test
# How long a test may take on a mutant. Tracing has made it two to four times slower when it was measured.
_LEAST_LIMIT = 0.5
_TIMES_SLOWER = 3
_OPTIONS = (
    *("-o", "addopts=", "-o", "timeout=0", "-p", "pytest_timeout", "-p", "no:terminal", "-p", "no:cacheprovider"),
    *("--assert=plain", "--capture=no"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant and the tests that may see it.

    Args:
        tests: Node ids, in the order in which they are run, and the processor seconds that each took with tracing.
    """

    mutant: Mutant
    tests: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    Args:
        word: killed, timeout, survived, or elsewhere: its function cannot be exchanged in a running process.
        test: The test that failed.
    """

    mutant: Mutant
    word: str
    test: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What one test runs.

    Args:
        passed: Whether it is of use: it passed, and within the time.
        lines: File below `smtp_shell/` and the lines that were run.
    """

    test: str
    passed: bool
    seconds: float
    lines: Mapping[str, Sequence[int]]


class _Examples:
    """Load our settings of Hypothesis after those of `conftest.py`, and before a test module is imported."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        settings.register_profile(
            "mutants",
            max_examples=_EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
        )
        settings.load_profile("mutants")


class _Killer:
    """End the process at the first failure."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            self.say("killed", item.nodeid)

    def say(self, word: str, test: str = "") -> NoReturn:
        self._file.write(pickle.dumps((word, test)))
        self._file.flush()
        os._exit(0)

    def run(self, items: Mapping[str, pytest.Item], tests: Mapping[str, float]) -> NoReturn:
        """Run the tests that are there, each with its own limit of time: a mutant often loops for ever."""
        chosen = [(items[test], seconds) for test, seconds in tests.items() if test in items]
        following = [item for item, _ in chosen[1:]]
        try:
            for (item, seconds), after in zip(chosen, [*following, None], strict=True):
                signal.setitimer(signal.ITIMER_PROF, _LEAST_LIMIT + _TIMES_SLOWER * seconds)
                item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
        except BaseException:
            self.say("killed", "what runs the tests")
        self.say("survived")


class Warm:
    """The process that has imported every test and the package, seen from the one that asks."""

    def __init__(self, project: Project, folders: Sequence[str], modules: Mapping[str, Module], at_once: int) -> None:
        self._here, there = multiprocessing.Pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                self._here.close()
                forks.die_with_parent(os.getppid())
                plugin = _Server(project, there, modules, at_once)
                _pytest_main(project, folders, [plugin, _Examples()])
            finally:
                os._exit(1)
        there.close()
        # The tests with their files, the lines of each module that are run by imports, and the names of all that is imported.
        self.tests: dict[str, str]
        self.at_import: dict[str, list[int]]
        self.libraries: list[str]
        self.tests, self.at_import, self.libraries = self._answer()

    def measure(self, files: Sequence[str]) -> Iterator[Measured]:
        """Run the tests of these files with tracing."""
        yield from self._ask("measure", files)

    def run(self, trials: Sequence[Trial]) -> Iterator[Verdict]:
        """Run the trials."""
        yield from self._ask("run", trials)

    def close(self) -> None:
        with suppress(OSError):
            self._here.send(("end", ()))
        self._here.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _ask(self, word: str, what: object) -> Iterator[Any]:
        self._here.send((word, what))
        while (answer := self._answer()) is not None:
            yield answer

    def _answer(self) -> Any:
        try:
            answer = self._here.recv()
        except EOFError:
            raise SystemExit("The process that holds the tests has ended.") from None
        if isinstance(answer, str):
            raise SystemExit(answer)
        return answer


class _Server:
    """The plugin by which the warm process answers, instead of running what it has collected."""

    def __init__(self, project: Project, connection: Connection, modules: Mapping[str, Module], at_once: int) -> None:
        self._project = project
        self._connection = connection
        self._modules = modules
        self._at_once = at_once
        self._killer: _Killer | None = None
        self._passed = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        tracer = self._tracer()
        tracer.start()
        for name in sorted(_module_name(file) for file in self._modules):
            importlib.import_module(name)
        tracer.stop()
        data = tracer.get_data()
        self._at_import = {self._project.below(f): data.lines(f) or [] for f in data.measured_files()}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            self._connection.send(f"{session.testsfailed} test modules cannot be imported: run pytest on them.")
            return True
        self._items = {i.nodeid: i for i in session.items if i.get_closest_marker("xfail") is None}
        libraries = [name for name in sys.modules if name.partition(".")[0] not in _NOT_LIBRARIES]
        self._connection.send(({i: _file_of(i) for i in self._items}, self._at_import, libraries))
        self._live = LiveFunctions()
        gc.collect()
        gc.freeze()
        while (request := self._connection.recv())[0] != "end":
            word, what = request
            answers = self._measure(what) if word == "measure" else self._run(what)
            for answer in answers:
                self._connection.send(answer)
            self._connection.send(None)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """In a fork that tries a mutant: end it. In one that measures: note it."""
        if self._killer is not None:
            self._killer.pytest_runtest_makereport(item, call)
        if call.excinfo is not None:
            self._passed = False

    def _run(self, trials: Sequence[Trial]) -> Iterator[Verdict]:
        def act(trial: Trial, file: BinaryIO) -> None:
            self._killer = _Killer(file)
            if not self._live.exchange(self._modules[trial.mutant.file], trial.mutant):
                self._killer.say("elsewhere")
            self._killer.run(self._items, trial.tests)

        for end in forks.run(iter(trials), act, at_once=self._at_once, seconds=_START):
            yield _verdict(end)

    def _measure(self, files: Sequence[str]) -> Iterator[Measured]:
        """Measure the files, each in a fork. A test that takes too long ends its fork: the file is measured again without it."""
        jobs = [tuple(t for t, i in self._items.items() if _file_of(t) == f) for f in files]
        while jobs:
            again = []
            for end in forks.run(iter(jobs), self._measure_here, at_once=self._at_once, seconds=_START):
                last = (_pickles(end.said) or [""])[-1]
                if isinstance(last, list):
                    yield from last
                elif last:
                    # Its siblings with other parameters take as long.
                    function = str(last).partition("[")[0]
                    siblings = [t for t in end.job if t.partition("[")[0] == function]
                    yield from (Measured(t, passed=False, seconds=0, lines={}) for t in siblings)
                    again.append(tuple(t for t in end.job if t not in siblings))
                else:
                    yield from (Measured(t, passed=False, seconds=0, lines={}) for t in end.job)
            jobs = [job for job in again if job]

    def _measure_here(self, tests: tuple[str, ...], file: BinaryIO) -> None:
        tracer = self._tracer()
        took, passed = {}, {}
        tracer.start()
        for i, test in enumerate(tests):
            file.write(pickle.dumps(test))
            file.flush()
            signal.setitimer(signal.ITIMER_PROF, _SLOW)
            tracer.switch_context(test)
            self._passed = True
            start = time.process_time()
            after = self._items[tests[i + 1]] if i + 1 < len(tests) else None
            self._items[test].ihook.pytest_runtest_protocol(item=self._items[test], nextitem=after)
            took[test], passed[test] = time.process_time() - start, self._passed
        signal.setitimer(signal.ITIMER_PROF, 0)
        tracer.stop()
        lines: dict[str, dict[str, list[int]]] = {}
        data = tracer.get_data()
        for name in data.measured_files():
            for line, contexts in data.contexts_by_lineno(name).items():
                for test in contexts:
                    lines.setdefault(test, {}).setdefault(self._project.below(name), []).append(line)
        found = [Measured(t, passed[t], took[t], lines.get(t, {}) if passed[t] else {}) for t in tests]
        file.write(pickle.dumps(found))

    def _tracer(self) -> coverage.Coverage:
        return coverage.Coverage(
            data_file=None, config_file=False, include=[f"{self._project.package}/*"], messages=False
        )


def run_cold(
    project: Project, trials: Sequence[Trial], modules: Mapping[str, Module], at_once: int
) -> Iterator[Verdict]:
    """Run trials whose mutants have to be there when their module is imported."""

    def act(trial: Trial, file: BinaryIO) -> None:
        killer = _Killer(file)
        MutantFinder(modules[trial.mutant.file], trial.mutant).install()
        plugins = [killer, _Examples(), _InOrder(killer, trial.tests)]
        _pytest_main(project, list(dict.fromkeys(_file_of(t) for t in trial.tests)), plugins)
        killer.say("killed", "import")

    for end in forks.run(iter(trials), act, at_once=at_once, seconds=_START):
        yield _verdict(end)


def warm_up(libraries: Sequence[str]) -> None:
    """Import what the tests import but for the package and the tests, so that forks need not."""
    for name in libraries:
        with suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


class _InOrder:
    """Run the given tests, in their order; a module that cannot be imported is a killed mutant."""

    def __init__(self, killer: _Killer, tests: Mapping[str, float]) -> None:
        self._killer = killer
        self._tests = tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            self._killer.say("killed", "import")
        items = {item.nodeid: item for item in session.items}
        # Some ids come from what the package says: a mutant may change them.
        if not any(test in items for test in self._tests):
            self._killer.say("killed", "collection")
        self._killer.run(items, self._tests)


def _pytest_main(project: Project, places: Sequence[str], plugins: Sequence[object]) -> None:
    # Others' plugins cost time in each fork, and one of them brings threads.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(project.root)
    sys.dont_write_bytecode = False
    pytest.main([*_OPTIONS, *places], plugins=list(plugins))


def _verdict(end: forks.End[Trial]) -> Verdict:
    word, test = "killed", "the process died"
    if end.timed_out:
        word, test = "timeout", ""
    elif end.said:
        word, test = pickle.loads(end.said)
    return Verdict(end.job.mutant, word, test, end.seconds)


def _pickles(octets: bytes) -> list[object]:
    from io import BytesIO

    stream, found = BytesIO(octets), []
    with suppress(EOFError, pickle.UnpicklingError):
        while True:
            found.append(pickle.load(stream))
    return found


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def _module_name(file: str) -> str:
    return ".".join(["smtp_shell", *file.removesuffix(".py").removesuffix("__init__").rstrip("/").split("/")]).rstrip(
        "."
    )


_NOT_LIBRARIES = {"smtp_shell", "tests", "conftest", "__main__"}

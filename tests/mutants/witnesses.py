"""Which tests can see a mutant: measured once for each file of tests, and kept in `.pytest_cache` until it or the package changes."""

from __future__ import annotations

import ast
import hashlib
import pickle
import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tests.mutants.under_pytest import Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.mutants.mutant import Mutant, Project
    from tests.mutants.under_pytest import Measured, Warm

# Processor seconds, traced, that the tests of one mutant take besides those of its own module. In the middle of the package a line is run
# by a thousand tests: the cheapest of them notice, or nearly never does one. Unit and property tests have a limit each.
_MOST_SECONDS = 2.5
_MOST_FILES = 8  # that are imported for one mutant of a module's own lines
# The same for a mutant that those tests have not noticed. Few are left by then.
_MOST_SECONDS_LATER = 40.0
_MOST_FILES_LATER = 60


class Witnesses:
    """The tests, the lines that each runs, and what it costs."""

    def __init__(self, project: Project, measured: Iterable[Measured], at_import: Mapping[str, Sequence[int]]) -> None:
        self._project = project
        self._seconds: dict[str, float] = {}
        self._tests: dict[tuple[str, int], list[str]] = defaultdict(list)
        self._of_file: dict[str, set[str]] = defaultdict(set)
        self.unfit: list[str] = []
        for one in measured:
            if not one.passed:
                self.unfit.append(one.test)
                continue
            self._seconds[one.test] = one.seconds
            for file, lines in one.lines.items():
                self._of_file[file].add(one.test)
                for line in lines:
                    self._tests[file, line].append(one.test)
        self._at_import = {(file, line) for file, lines in at_import.items() for line in lines}
        self._words_of: dict[str, set[str]] = {}
        self._uses: _Uses | None = None

    def is_seen_at_import(self, mutant: Mutant) -> bool:
        """Whether the change has an effect when modules are imported."""
        return not mutant.in_function or any((mutant.file, line) in self._at_import for line in _range(mutant))

    def trial(self, mutant: Mutant) -> Trial:
        """Return the tests for the mutant, cheapest first."""
        return self._trial(mutant, _MOST_SECONDS, _MOST_FILES)

    def rest(self, trial: Trial) -> Trial:
        """Return the trial of a mutant that survived one, with the tests that were too dear for it."""
        every = self._trial(trial.mutant, _MOST_SECONDS_LATER, _MOST_FILES_LATER)
        return Trial(trial.mutant, {t: seconds for t, seconds in every.tests.items() if t not in trial.tests})

    def _trial(self, mutant: Mutant, most: float, most_files: int) -> Trial:
        tests = {t for line in _range(mutant) for t in self._tests.get((mutant.file, line), ())}
        if not self.is_seen_at_import(mutant):
            return Trial(mutant, {test: self._seconds[test] for test in self._few(mutant, tests, most)})
        if self._uses is None:
            self._uses = _Uses(self._project)
        names = mutant.names or (mutant.scope.rpartition(".")[2],)
        for place in self._uses.lines(mutant.file, names):
            tests |= set(self._tests.get(place, ()))
        # A test may look at a table itself.
        tests |= {
            t for t in self._seconds if _file(t) == _own_file(mutant) or self._words(_file(t)).intersection(names)
        }
        tests = tests or self._of_file[mutant.file]
        few = self._in_few_files(mutant, tests, most * 2, most_files)
        return Trial(mutant, {test: self._seconds[test] for test in few})

    def _words(self, file: str) -> set[str]:
        if file not in self._words_of:
            self._words_of[file] = set(re.findall(r"\w+", (self._project.root / file).read_text(encoding="utf-8")))
        return self._words_of[file]

    def _few(self, mutant: Mutant, tests: set[str], most: float) -> list[str]:
        """Return the tests of the module's own file, and of the others the cheapest."""
        own = _own_file(mutant)
        chosen = []
        left = {True: most, False: most}
        for test in sorted(tests, key=lambda t: (_file(t) != own, self._seconds[t])):
            if _file(test) != own:
                is_property = test.startswith("tests/property/")
                left[is_property] -= self._seconds[test]
                if left[is_property] < 0:
                    continue
            chosen.append(test)
        return chosen

    def _in_few_files(self, mutant: Mutant, tests: set[str], most: float, most_files: int) -> list[str]:
        """Return the tests of the files nearest to the module, since each file has to be imported."""
        cost: dict[str, float] = defaultdict(float)
        for test in tests:
            cost[_file(test)] += self._seconds[test]
        own = _own_file(mutant)
        near = own.rpartition("/")[0] + "/"
        folders = (near, f"tests/unit/{mutant.file.partition('/')[0]}/", "tests/unit/", "")

        def rank(file: str) -> tuple[bool, int, float]:
            return file != own, next(n for n, folder in enumerate(folders) if file.startswith(folder)), cost[file]

        files = sorted(cost, key=rank)[:most_files]
        few = self._few(mutant, {t for t in tests if _file(t) in files}, most)
        return sorted(few, key=lambda t: (files.index(_file(t)), self._seconds[t]))


def measure(project: Project, warm: Warm) -> list[Measured]:
    """Return what each test runs: from the files kept, or by running it."""
    folder = project.root / ".pytest_cache" / "mutants"
    common = hashlib.sha256()
    support = project.root / "tests" / "support"
    for path in sorted([*project.package.rglob("*"), *support.rglob("*.py"), project.root / "tests" / "conftest.py"]):
        if path.is_file() and path.suffix != ".pyc":
            common.update(path.read_bytes())
    kept: dict[str, list[Measured]] = {}
    missing: dict[str, str] = {}
    for file in sorted(set(warm.tests.values())):
        path = project.root / file
        # What a test reads beside itself may hold its cases.
        data = [p for p in sorted(path.parent.rglob("*")) if p.is_file() and p.suffix not in (".py", ".pyc")]
        octets = b"".join(each.read_bytes() for each in (path, *data))
        key = hashlib.sha256(common.digest() + octets + file.encode()).hexdigest()[:24]
        place = folder / key
        if place.exists():
            kept[file] = pickle.loads(place.read_bytes())
        else:
            missing[file] = key
            kept[file] = []
    for one in warm.measure(list(missing)):
        kept[_file(one.test)].append(one)
    folder.mkdir(parents=True, exist_ok=True)
    for file, key in missing.items():
        (folder / key).write_bytes(pickle.dumps(kept[file]))
    return [one for found in kept.values() for one in found]


class _Uses:
    """Where the package uses a name in the code of functions, directly or by way of other names that modules and classes bind."""

    def __init__(self, project: Project) -> None:
        self._lines: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self._leads_to: dict[str, set[str]] = defaultdict(set)
        self._defined: dict[tuple[str, str], set[tuple[str, int]]] = defaultdict(set)
        for path in sorted(project.package.rglob("*.py")):
            self._file = project.below(str(path))
            for statement in ast.parse(path.read_text(encoding="utf-8")).body:
                self._statement(statement, ())

    def lines(self, file: str, names: Iterable[str]) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        seen = set(names)
        todo = list(seen)
        for name in todo:
            found |= self._defined[file, name]
        while todo:
            name = todo.pop()
            found |= self._lines[name]
            new = self._leads_to[name] - seen
            seen |= new
            todo += new
        return found

    def _statement(self, node: ast.stmt, classes: tuple[str, ...]) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                places = {
                    (self._file, n.lineno) for s in node.body for n in ast.walk(s) if isinstance(n, ast.expr | ast.stmt)
                }
                self._defined[self._file, node.name] |= places
                for statement in node.body:
                    for name, line in _names(statement):
                        self._lines[name].add((self._file, line))
                self._lead((node.name,), [*node.decorator_list, node.args])
            case ast.ClassDef():
                for statement in node.body:
                    self._statement(statement, (*classes, node.name))
                self._lead((node.name,), [*node.decorator_list, *node.bases])
            case ast.Import() | ast.ImportFrom():
                pass
            case _:
                bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                self._lead((*bound, *classes[-1:]), [node])

    def _lead(self, bound: Sequence[str], parts: Sequence[ast.AST]) -> None:
        for part in parts:
            for name, _ in _names(part):
                self._leads_to[name].update(b for b in bound if b != name)


def _names(node: ast.AST) -> Iterable[tuple[str, int]]:
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str() as name):
                yield name, inner.lineno


def _range(mutant: Mutant) -> range:
    return range(mutant.lines[0], mutant.lines[1] + 1)


def _file(test: str) -> str:
    return test.partition("::")[0]


def _own_file(mutant: Mutant) -> str:
    path = PurePosixPath(mutant.file)
    return f"tests/unit/{path.parent}/test_{path.stem}.py"

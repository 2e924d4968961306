"""What `pyproject.toml` declares is what is imported: nothing is missing, and nothing is carried along."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.packaging.declared import FOR_USERS, ROOT, dependencies, distributions_of, extras, is_third_party, names
from tests.test_house import MODULES, PACKAGE, imports

TESTS = sorted((ROOT / "tests").rglob("*.py"))
# The plugin is loaded by the pytest that is there.
HOST = {"pytest"}
# What is run, or loaded by pytest or mypy, instead of being imported. The word is how the files that use it name it.
USED_AS = {
    "build": "-m build",
    "hatchling": "hatchling.build",
    "ipython": "ipython",
    "keyring": "keyring.backends",
    "locust": "locust",
    "mypy": "mypy",
    "pip-audit": "pip_audit",
    "pipx": "pipx install",
    "ptpython": "ptpython",
    "pytest-cov": "[tool.coverage.run]",
    "pytest-timeout": "timeout = ",
    "pytest-xdist": '"-n", "4"',
    "python-socks": "--proxy",
    "ruff": "ruff check",
    "shiv": "shiv ",
    "twine": "twine check",
    "types-pexpect": "pexpect",
    "types-psutil": "psutil",
    "uv": "uv tool install",
}
# Each module of the core, without the libraries of the extras.
_IMPORT_ALL = """
import importlib, importlib.abc, pkgutil, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in set(sys.argv[1:]):
            raise ModuleNotFoundError(f"{name} is of an extra", name=name)

sys.meta_path.insert(0, Absent())
import smtp_shell
count = 0
for found in pkgutil.walk_packages(smtp_shell.__path__, "smtp_shell."):
    if not found.name.startswith(("smtp_shell.integrations.", "smtp_shell.__main__")):
        importlib.import_module(found.name)
        count += 1
print(count)
"""


@cache
def _names_in(path: Path) -> tuple[str, ...]:
    return tuple(name for _, name in imports(path, for_types_too=True))


def imported(paths: list[Path]) -> dict[str, set[str]]:
    """Return each top-level module of another distribution that is imported, with the files that import it."""
    found: dict[str, set[str]] = {}
    for path in paths:
        for name in _names_in(path):
            module = name.partition(".")[0]
            if is_third_party(module):
                found.setdefault(module, set()).add(str(path.relative_to(ROOT)))
    return found


def undeclared(modules: dict[str, set[str]], declared: set[str]) -> dict[str, set[str]]:
    """Return the modules that come from no declared distribution."""
    return {module: files for module, files in modules.items() if not distributions_of(module) & declared}


def of_users() -> set[str]:
    """Return what a user has with every extra."""
    return names(dependencies()).union(*(names(extras()[name]) for name in FOR_USERS))


def test_every_library_that_the_package_imports_is_declared() -> None:
    found = imported(MODULES)
    assert {"msgspec", "dns", "spnego"} <= set(found)
    assert undeclared(found, of_users() | HOST) == {}


def test_every_library_that_the_tests_import_is_declared() -> None:
    declared = names(dependencies()).union(*map(names, extras().values()))
    assert undeclared(imported(TESTS), declared) == {}


def test_a_library_that_is_not_declared_is_found(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("import os, msgspec\ndef later():\n    from yaml.nodes import Node\n", encoding="utf-8")
    found = {name.partition(".")[0]: {"module.py"} for _, name in imports(path, for_types_too=True)}
    third_party = {module: files for module, files in found.items() if is_third_party(module)}
    assert undeclared(third_party, of_users()) == {"yaml": {"module.py"}}


def test_every_declared_library_is_imported() -> None:
    found = {name for module in imported(MODULES) for name in distributions_of(module)}
    assert of_users() - found - {"gssapi"} == set()


def test_every_library_of_the_other_extras_is_imported_or_run() -> None:
    found = {name for module in imported([*MODULES, *TESTS]) for name in distributions_of(module)}
    others = set().union(*(names(added) for name, added in extras().items() if name not in FOR_USERS))
    assert others - found - set(USED_AS) == set()
    places = [ROOT / "pyproject.toml", *(ROOT / ".ci").iterdir(), *TESTS]
    text = "".join(path.read_text(encoding="utf-8") for path in places if path != Path(__file__).resolve())
    assert [name for name, word in USED_AS.items() if word not in text] == []
    assert set(USED_AS) - others == set(), "what is no longer declared leaves the list"


def test_every_extra_is_offered_to_users_or_to_developers() -> None:
    assert set(FOR_USERS) | {"test", "package", "bench", "fuzz"} == set(extras())


def test_a_range_has_a_lower_bound_and_no_upper_one() -> None:
    wrong = [
        str(requirement)
        for requirement in [*dependencies(), *(each for added in extras().values() for each in added)]
        if [each.operator for each in requirement.specifier] != [">="]
    ]
    assert wrong == []


def test_a_library_has_one_lower_bound_in_all_extras() -> None:
    bounds: dict[str, set[str]] = {}
    for requirement in [*dependencies(), *(each for added in extras().values() for each in added)]:
        bounds.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


def test_the_core_needs_no_extra() -> None:
    """Every module but the integrations can be imported where no library of an extra is installed."""
    core = names(dependencies())
    optional = [module for module in imported(MODULES) if not distributions_of(module) & core]
    assert {"keyring", "locust", "python_socks", "spnego"} <= set(optional)
    run = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, *optional],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 400


def test_a_library_of_an_extra_is_imported_where_it_is_needed() -> None:
    """At the top of a module such an import would make the module useless without the extra, except to what it is for."""
    core = names(dependencies())
    at_the_top = {
        (module, str(path.relative_to(PACKAGE)))
        for path in MODULES
        if not path.is_relative_to(PACKAGE / "integrations")
        for node in ast.parse(path.read_bytes()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    third_party = {(module.partition(".")[0], path) for module, path in at_the_top}
    assert ("prompt_toolkit", "shell/history.py") in third_party
    assert {
        (module, path) for module, path in third_party if is_third_party(module) and not distributions_of(module) & core
    } == set()

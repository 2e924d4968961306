"""What `pyproject.toml` declares, and which distribution an imported name belongs to."""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
# What a user may ask for. `gssapi` is compiled where it is installed, against the system's Kerberos.
FOR_USERS = ("gssapi", "keyring", "locust", "ntlm", "proxy")
# What the tests need beside the package: tests without one of these are skipped, and CI allows none.
FOR_TESTS = ("test", "keyring", "locust", "ntlm", "proxy")


@cache
def _project() -> dict[str, list[str] | dict[str, list[str]]]:
    project: dict[str, list[str] | dict[str, list[str]]] = tomllib.loads(
        (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    return project


@cache
def _installed() -> Mapping[str, list[str]]:
    # It reads the papers of every distribution there is: most of a second.
    return packages_distributions()


def dependencies() -> tuple[Requirement, ...]:
    """Return what is installed with the package."""
    declared = _project()["dependencies"]
    assert isinstance(declared, list)
    return tuple(map(Requirement, declared))


def extras() -> dict[str, tuple[Requirement, ...]]:
    """Return what each extra adds."""
    declared = _project()["optional-dependencies"]
    assert isinstance(declared, dict)
    return {name: tuple(map(Requirement, lines)) for name, lines in declared.items()}


def names(requirements: tuple[Requirement, ...]) -> set[str]:
    """Return the canonical names of the distributions."""
    return {canonicalize_name(requirement.name) for requirement in requirements}


def distributions_of(module: str) -> set[str]:
    """Return the distributions that a top-level module may come from; its own name where it is not installed."""
    found = _installed().get(module, [module])
    return {canonicalize_name(name) for name in found}


def is_third_party(module: str) -> bool:
    """Whether a top-level module is neither of Python nor ours."""
    return module not in sys.stdlib_module_names and module not in {"smtp_shell", "tests"}

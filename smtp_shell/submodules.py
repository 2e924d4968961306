"""The modules of a package that are found and not listed: the commands of the shell, the kinds of questions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from smtp_shell.errors import SystemRefused

if TYPE_CHECKING:
    from types import ModuleType


def submodules(package: ModuleType) -> list[ModuleType]:
    """Import the modules of a package, and return them in the order of their names.

    Raises:
        SystemRefused: None is found. `pkgutil` does not say that the system did not let it read the folder. Without its commands the
            shell would send each line as typed.
    """
    from pkgutil import iter_modules

    found = [import_module(f"{package.__name__}.{each.name}") for each in iter_modules(package.__path__)]
    if not found:
        raise SystemRefused(f"the modules of {package.__name__} cannot be read; nothing was done. Try again.")
    return found

"""The kinds of question, grouped by what they are about. A kind is a decorated function in a module of this package.

Each kind draws only what follows from the dialogue and the standards: where a state or a reply is not known, it yields nothing. A wrong
choice is wrong for this dialogue. `question.is_sound` drops a question whose choices could be taken for each other.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from smtp_shell.study.question import Kind


@lru_cache(maxsize=1)
def all_kinds() -> tuple[Kind, ...]:
    """Return all kinds, in the order of their modules and of their places in them."""
    modules = [importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Kind))

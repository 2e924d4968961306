"""The kinds of question, grouped by what they are about. A kind is a decorated function in a module of this package.

Each kind draws only what follows from the dialogue and the standards: where a state or a reply is not known, it yields nothing. A wrong
choice is wrong for this dialogue. `question.is_sound` drops a question whose choices could be taken for each other.
"""

from __future__ import annotations

import sys
from functools import lru_cache

from smtp_shell.study.question import Kind
from smtp_shell.submodules import submodules


@lru_cache(maxsize=1)
def all_kinds() -> tuple[Kind, ...]:
    """Return all kinds, in the order of their modules and of their places in them.

    Raises:
        SystemRefused: The modules cannot be read.
    """
    return tuple(
        value
        for module in submodules(sys.modules[__name__])
        for value in vars(module).values()
        if isinstance(value, Kind)
    )

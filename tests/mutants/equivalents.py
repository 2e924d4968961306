"""The mutants that are the same program, with the reason: `equivalent.toml`.

An entry names its mutants as a report does: the id, which is a hash of content, and the change in words, so that a reader need not run
anything. One that names no mutant, or says otherwise what it changes, is an error: it would say nothing about the program of today.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.mutants.mutant import Mutant, Project


def read(project: Project) -> dict[str, str]:
    """Return the line of each mutant that is listed, and its reason.

    Raises:
        ValueError: An entry has no reason or no mutants, or a mutant is listed twice.
    """
    path = project.root / "tests" / "mutants" / "equivalent.toml"
    reasons: dict[str, str] = {}
    if not path.exists():
        return reasons
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", []):
        reason, lines = entry.get("reason", ""), entry.get("mutants", [])
        if not reason or not lines:
            raise ValueError(f"{path.name}: an entry has no reason or no mutants: {entry}")
        for line in lines:
            if line in reasons:
                raise ValueError(f"{path.name} lists twice: {line}")
            reasons[line] = reason
    return reasons


def unmatched(reasons: Mapping[str, str], mutants: Iterable[Mutant], files: set[str]) -> list[str]:
    """Return the lines about these files that name no mutant of them."""
    there = {str(mutant) for mutant in mutants}
    return [line for line in reasons if line not in there and line.split()[1] in files]

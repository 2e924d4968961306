"""What is mutated, and what a mutant is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Project:
    """A checkout.

    Args:
        root: The folder that holds `smtp_shell/` and `tests/`.
    """

    root: Path = Path(__file__).parent.parent.parent

    @property
    def package(self) -> Path:
        """The package that is mutated."""
        return self.root / "smtp_shell"

    def below(self, file: str) -> str:
        """Return the path of a module as mutants have it."""
        return Path(file).relative_to(self.package).as_posix()


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed program.

    Args:
        id: Ten hexadecimal digits of a hash of file, scope, statement and change.
        file: Path of the module below `smtp_shell/`.
        scope: Qualified name of the function or class; of what is assigned in a module's own lines.
        operator: Name of the kind of change.
        line: The changed line.
        lines: First and last line of the statement, or of its head: a test that runs none of these cannot see the change.
        in_function: Whether only the code of a function differs, so that it can be exchanged in a running process.
        names: What the statement binds, where it is not in a function: who uses these names sees the change.
        was: Source of what is changed.
        becomes: Source of what it is changed to.
        number: Which change of its module this is.
    """

    id: str
    file: str
    scope: str
    operator: str
    line: int
    lines: tuple[int, int]
    in_function: bool
    names: tuple[str, ...]
    was: str
    becomes: str
    number: int

    def __str__(self) -> str:
        """Return the line by which `equivalent.toml` names the mutant."""
        return f"{self.id} {self.file} {self.scope}: {_short(self.was)} -> {_short(self.becomes)}"


def modules_of(words: Sequence[str], project: Project) -> list[Path]:
    """Return the files that the words name: packages or modules, below `smtp_shell/` or from the root of the checkout.

    Raises:
        ValueError: A word names neither.
    """
    found: list[Path] = []
    for word in words:
        places = [project.package / word, project.root / word]
        place = next((p for p in places if p.exists()), None)
        if place is None:
            raise ValueError(f"{word} is neither a package nor a module below smtp_shell/.")
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return sorted(set(found))


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:40] + "..." + words[-17:]

"""The Pythons of this machine that the package promises to run on: on the path, of pyenv, of uv, and the one that runs this."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = (3, 11)
_ASK = "import json, sys; print(json.dumps([*sys.version_info[:4]]))"
_NAME = re.compile(r"python3\.[0-9]+(\.exe)?")


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """One interpreter.

    Args:
        version: Its three numbers.
        path: Where it is.
    """

    version: tuple[int, int, int]
    path: Path

    def __str__(self) -> str:
        """Return `3.12.1`."""
        return ".".join(map(str, self.version))

    @property
    def minor(self) -> tuple[int, int]:
        """Return `(3, 12)`."""
        return self.version[:2]


def ask(path: Path) -> Python | None:
    """Return what an interpreter says of itself, None if it does not run, is too old, or is no final release."""
    try:
        # -I: no variable and no folder of the caller may answer in its place.
        run = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, timeout=30, check=False)
        major, minor, patch, level = json.loads(run.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    if level != "final" or (major, minor) < OLDEST:
        return None
    return Python((major, minor, patch), path)


def _candidates(environment: dict[str, str]) -> Iterator[Path]:
    yield Path(sys.executable)
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or ".")
    roots = [
        Path(environment.get("PYENV_ROOT") or home / ".pyenv") / "versions",
        Path(environment.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python"),
    ]
    for root in roots:
        yield from sorted(root.glob("*/bin/python3"))
    for folder in environment.get("PATH", "").split(os.pathsep):
        # pyenv's shims stand for an interpreter that may not be chosen. What they stand for is found above.
        if folder and Path(folder).name != "shims" and Path(folder).is_dir():
            yield from sorted(path for path in Path(folder).iterdir() if _NAME.fullmatch(path.name))


def every_python(environment: dict[str, str] | None = None) -> list[Python]:
    """Return one interpreter for each minor version, oldest first: the running one for its own, else the newest patch."""
    own = ask(Path(sys.executable))
    best: dict[tuple[int, int], Python] = {}
    for path in _candidates(dict(os.environ) if environment is None else environment):
        found = ask(path)
        if found and (found.minor not in best or found.version > best[found.minor].version):
            best[found.minor] = found
    if own:
        best[own.minor] = own
    return sorted(best.values())


def chosen(words: list[str]) -> list[Python]:
    """Return the interpreters that a command line names, by version (`3.12`) or path; without words, the running one.

    Raises:
        ValueError: There is none of that version, or none at that path.
    """
    if words == ["all"]:
        return every_python()
    found = []
    for word in words or [sys.executable]:
        by_version = [each for each in every_python() if str(each).startswith(f"{word}.") or str(each) == word]
        python = ask(Path(word)) if os.sep in word else next(iter(by_version), None)
        if python is None:
            here = ", ".join(map(str, every_python())) or "none"
            raise ValueError(f"no Python {word} of 3.11 or later is here; there are: {here}")
        found.append(python)
    return found

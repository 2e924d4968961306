"""The virtual environments in which programs are measured; made by pip when first wanted, kept between runs in a folder of this one.

smtp-shell runs in one that holds what `pip install .` installs and nothing else, because a library that only the tests need can change
what an import costs. Small programs of our own run there too, so that both sides have the same interpreter and the same site-packages.
Peers that need other libraries get environments of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.processes import Failed, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
_FOLDER = Path(sys.prefix) / "benchmarks"
_PROGRAMS = "Scripts" if os.name == "nt" else "bin"
_LIMIT = 300.0


@cache
def product() -> Path:
    """Return the folder of the programs of the environment that has smtp-shell as it is in this checkout.

    Raises:
        Failed: It cannot be made.
    """
    settings = (ROOT / "pyproject.toml").read_bytes()
    try:
        folder = _environment("smtp-shell", [str(ROOT)], key=settings)
    except Missing as error:
        raise Failed(str(error)) from None
    with _locked():
        _update(folder)
    return folder / _PROGRAMS


@cache
def peers() -> Path:
    """Return the folder of the programs of the environment that has aiosmtplib, ptpython and IPython.

    Raises:
        Missing: It cannot be made.
    """
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["bench"]
    return _environment("peers", [each for each in extras if not each.startswith("pyperf")]) / _PROGRAMS


@cache
def http_prompt() -> Path:
    """Return the folder of the programs of the environment that has http-prompt, which needs another prompt_toolkit.

    Raises:
        Missing: It cannot be made.
    """
    return _environment("http-prompt", ["http-prompt==2.1.0"]) / _PROGRAMS


def _environment(name: str, requirements: Sequence[str], *, key: bytes = b"") -> Path:
    """Return the folder of an environment, and make it if it does not exist or its requirements have changed."""
    if sys.prefix == sys.base_prefix:
        raise Missing(f"{name} is installed beside a virtual environment only; run the benchmark in one")
    digest = hashlib.sha256(repr((sys.version, requirements)).encode() + key).hexdigest()[:12]
    folder = _FOLDER / f"{name}-{digest}"
    complete = folder / "complete"
    with _locked():
        if complete.exists():
            return folder
        for old in _FOLDER.glob(f"{name}-*"):
            shutil.rmtree(old)
        _run(name, sys.executable, "-m", "venv", str(folder))
        _run(name, str(folder / _PROGRAMS / "python"), "-m", "pip", "install", "--quiet", *requirements)
        complete.touch()
    return folder


def _run(name: str, *argv: str) -> None:
    # No variable of the caller may keep pip from compiling what it installs.
    environment = {variable: value for variable, value in os.environ.items() if not variable.startswith("PYTHON")}
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{name} cannot be installed: {error}") from None
    if done.returncode:
        raise Missing(f"{name} cannot be installed: {done.stderr.strip()[-300:]}")


def _update(folder: Path) -> None:
    """Replace the installed package if this checkout's differs, as `pip install .` would, but without a network."""
    source = ROOT / "smtp_shell"
    (installed,) = folder.glob("Lib/site-packages/smtp_shell" if os.name == "nt" else "lib/*/site-packages/smtp_shell")
    if _fingerprint(source) == _fingerprint(installed):
        return
    shutil.rmtree(installed)
    shutil.copytree(source, installed, ignore=shutil.ignore_patterns("__pycache__"))
    _run("smtp-shell", str(folder / _PROGRAMS / "python"), "-m", "compileall", "-q", str(installed))


def _fingerprint(package: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Keep other runs of the benchmark from making the same environment meanwhile."""
    _FOLDER.mkdir(exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

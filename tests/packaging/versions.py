"""The tests with the lowest and with the newest versions that `pyproject.toml` allows, on each Python of this machine.

`lowest` means the lowest version of what is declared there, with what those need in its newest: what the dependencies declare is their
promise, not ours. Each pair of versions and Python has an environment of its own, which uv makes in seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.declared import FOR_TESTS, ROOT, dependencies, extras

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement

    from tests.packaging.pythons import Python

RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
# Every library is met here as the program meets it: prompt_toolkit and pyte in a terminal, aiosmtpd, trustme and cryptography in servers,
# python-socks behind `--proxy`, pyspnego in a mechanism, Locust as a program.
SMOKE = (
    "tests/wire/test_pipe.py",
    "tests/wire/test_practice.py",
    "tests/wire/test_sasl.py",
    "tests/wire/test_certificates.py",
    "tests/wire/test_mail_hosts.py",
    "tests/wire/test_locust.py",
    "tests/terminal/test_completion.py",
)
# Each program that a test starts treats a deprecation in our own code as an error; pytest does so for itself.
_STRICT = 'import warnings; warnings.filterwarnings("error", "", DeprecationWarning, r"smtp_shell(\\.|$)")\n'
_PASSED = re.compile(r"\b([0-9]+) passed\b")
_WRONG = ("FAILED ", "ERROR ", "E  ")
_LINE = 240
_LINES = 60
_INSTALL_SECONDS = 600
_TEST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Run:
    """One environment and its tests.

    Args:
        resolution: `lowest` or `newest`.
        python: The interpreter.
        packages: How many distributions were installed.
        passed: How many tests passed.
        seconds: Seconds in all.
        failure: The end of the output of what failed; empty if nothing did.
    """

    resolution: str
    python: Python
    packages: int
    passed: int
    seconds: float
    failure: str

    def __str__(self) -> str:
        """Return its row of the table."""
        outcome = "failed" if self.failure else "passed"
        return (
            f"{self.resolution}  Python {self.python!s:8}  {self.packages:3} packages  {self.passed:6} tests passed"
            f"  {self.seconds:5.0f} s  {outcome}"
        )


class NotMade(Exception):
    """An environment could not be made; the message has the reason."""


def uv() -> str:
    """Return where uv is: beside this Python, or on the path.

    Raises:
        NotMade: It is not installed.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which("uv", path=places)
    if found is None:
        raise NotMade("uv is missing: python -m pip install -e '.[package]'")
    return found


def _environment_of(folder: Path) -> dict[str, str]:
    """Return the variables for what runs in an environment: none of the caller's that chooses a Python, a folder or warnings."""
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "PYTEST", "PYENV_VERSION", "COV_"))
    }
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    return kept | {"VIRTUAL_ENV": str(folder), "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def run_uv(words: Sequence[str], folder: Path | None = None) -> str:
    """Run uv, for an environment if a folder is given, and return what it prints.

    Raises:
        NotMade: It failed, or took too long.
    """
    environment = dict(os.environ) if folder is None else _environment_of(folder)
    try:
        run = subprocess.run(
            [uv(), *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotMade(f"uv {words[0]} took longer than {_INSTALL_SECONDS} seconds") from None
    if run.returncode:
        raise NotMade(f"uv {' '.join(words)}:\n{run.stderr.strip()[-2000:]}")
    return run.stdout


def pins(resolution: str, minor: tuple[int, int], chosen_extras: Sequence[str]) -> list[str]:
    """Return what is installed as `name==version`, without installing it.

    Args:
        resolution: `lowest` or `newest`.
        minor: The version of Python: (3, 12).
        chosen_extras: The extras to add.

    Raises:
        NotMade: There is no set of versions that fits.
    """
    words = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--resolution", RESOLUTIONS[resolution]]
    words += ["--python-version", ".".join(map(str, minor)), "pyproject.toml"]
    for extra in chosen_extras:
        words += ["--extra", extra]
    return [line for line in run_uv(words).splitlines() if "==" in line]


def resolvable(resolution: str, minor: tuple[int, int]) -> dict[str, int]:
    """Return how many distributions each extra alone brings, on a version of Python.

    Raises:
        NotMade: One of them cannot be had, or a lower bound of it is not what would be installed as the lowest.
    """
    counts = {}
    for name, added in sorted(extras().items()):
        found = pins(resolution, minor, [name])
        versions = {each: version for each, _, version in (pin.partition("==") for pin in found)}
        if resolution == "lowest" and (wrong := untested([*dependencies(), *added], versions)):
            raise NotMade(f"extra {name}: " + "\n".join(wrong))
        counts[name] = len(found)
    return counts


def can_build_gssapi() -> bool:
    """Whether the extra `gssapi` can be built: it has no wheels for Linux, and needs a compiler and the headers of Kerberos."""
    return bool(shutil.which("krb5-config") and shutil.which("cc"))


def untested(requirements: Iterable[Requirement], installed: Mapping[str, str]) -> list[str]:
    """Return each lower bound that promises more than was installed as the lowest.

    Args:
        requirements: What is declared, each with one `>=`.
        installed: The version of each distribution, by canonical name.
    """
    found = []
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate():
            continue
        (bound,) = (each.version for each in requirement.specifier if each.operator == ">=")
        tested = installed[canonicalize_name(requirement.name)]
        if Version(tested) != Version(bound):
            found.append(
                f"{requirement.name}>={bound} is declared, but the lowest that fits with the others is {tested}"
            )
    return found


def make(folder: Path, resolution: str, python: Python) -> int:
    """Make an environment with the package as it is in this checkout.

    Returns:
        How many distributions it has.

    Raises:
        NotMade: It cannot be made, or a lower bound is not what was installed.
    """
    chosen = [*FOR_TESTS, *(["gssapi"] if can_build_gssapi() else [])]
    run_uv(["venv", "--quiet", "--python", str(python.path), str(folder)])
    words = ["pip", "install", "--quiet", "--resolution", RESOLUTIONS[resolution], "--editable"]
    run_uv([*words, f"{ROOT}[{','.join(chosen)}]"], folder)
    (site,) = folder.glob("Lib/site-packages" if os.name == "nt" else "lib/*/site-packages")
    (site / "smtp_shell_strict.pth").write_text(_STRICT, encoding="utf-8")
    listed = run_uv(["pip", "list", "--quiet", "--format", "freeze"], folder).splitlines()
    installed = {
        str(canonicalize_name(name)): version for name, _, version in (line.partition("==") for line in listed)
    }
    declared = [*dependencies(), *(each for name in chosen for each in extras()[name])]
    if resolution == "lowest" and (wrong := untested(declared, installed)):
        raise NotMade("\n".join(wrong))
    return len(installed)


def _pytest(folder: Path, words: Sequence[str]) -> tuple[str, bool]:
    """Return the output of pytest in an environment, and whether it passed. When it is ended, its own servers end with it."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    with subprocess.Popen(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=ROOT,
        env=_environment_of(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=_TEST_SECONDS)
        except BaseException:
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return output, process.returncode == 0


def essence(output: str) -> str:
    """Return what pytest says went wrong, one short line each; the end of the output where it says nothing of the kind."""
    told = [line for line in output.splitlines() if line.startswith(_WRONG)]
    # A test's name may have a value of thousands of characters.
    return "\n".join(line[:_LINE] for line in (told or output.splitlines())[-_LINES:])


def run(resolution: str, python: Python, tests: Sequence[str], processes: int) -> Run:
    """Make an environment, run tests in it, and remove it."""
    begun = time.monotonic()
    packages = passed = 0
    with tempfile.TemporaryDirectory(prefix=f"smtp-shell-{resolution}-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "venv"
        try:
            packages = make(folder, resolution, python)
            output, well = _pytest(folder, ["-n", str(processes), *tests])
        except NotMade as error:
            output, well = str(error), False
        except subprocess.TimeoutExpired:
            output, well = f"The tests took longer than {_TEST_SECONDS} seconds.", False
        passed = sum(map(int, _PASSED.findall(output.rstrip().rpartition("\n")[2])))
    failure = "" if well and passed else essence(output)
    return Run(resolution, python, packages, passed, time.monotonic() - begun, failure)


def end_with_what_was_started() -> None:
    """Make SIGTERM an exception, so that the tests under way and their environment end with this process."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def runs(resolutions: Sequence[str], pythons: Sequence[Python], tests: Sequence[str], processes: int) -> Iterator[Run]:
    """Yield each run as it ends."""
    for python in pythons:
        for resolution in resolutions:
            yield run(resolution, python, tests, processes)

"""The dependencies as they would be installed today: licences, hashes, withdrawn versions, and known vulnerabilities.

An advisory service that cannot be asked is no clean bill: pip-audit reports "no known vulnerabilities" for a package that a mirror has no
advisories of. So a version with a known flaw is asked for first, and what does not find that one is not believed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from tests.packaging.licences import COMPILED, READ_BY_HAND, TOOLS_ONLY, is_allowed, licence_of
from tests.packaging.versions import RESOLUTIONS, NotMade, run_uv, uv

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICES = ("pypi", "osv")
# aiosmtpd before 1.4.5 can be made to take two messages for one (CVE-2024-27305).
FLAWED = "aiosmtpd==1.4.4"
# It was withdrawn: "Installable but not importable on Python 3.4".
WITHDRAWN = "attrs==21.1.0"
_YANKED = re.compile(r"^warning: `([^`]+)` is yanked(?: \(reason: \"(.*)\"\))?", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})\b")
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution that would be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        """Return `name==version`."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What would be installed, and which of it was withdrawn."""

    pins: tuple[Pin, ...]
    withdrawn: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advisories:
    """What a service knows.

    Args:
        known: Each vulnerability, with the version that mends it.
        obstacle: Why the service could not be asked; empty if it answered for every package.
    """

    known: tuple[str, ...]
    obstacle: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found without a service.

    Args:
        found: Each finding, a sentence.
        pins: `name==version` of all, the lowest and the newest.
        product: What is installed with the package today.
        licences: The licence of each.
    """

    found: tuple[str, ...]
    pins: tuple[str, ...]
    product: tuple[Pin, ...]
    licences: dict[str, str]


def read_pins(output: str) -> tuple[Pin, ...]:
    """Return the distributions in what `uv pip compile --generate-hashes` prints."""
    found = list(_PIN.finditer(output))
    ends = [match.start() for match in found[1:]] + [len(output)]
    return tuple(
        Pin(canonicalize_name(match[1]), match[2], tuple(_HASH.findall(output, match.end(), end)))
        for match, end in zip(found, ends, strict=True)
    )


def resolve(lines: Sequence[str], resolution: str = "newest") -> Resolved:
    """Return what pip would install for requirements.

    Raises:
        NotMade: There is no set of versions that fits.
    """
    words = ["pip", "compile", "--generate-hashes", "--no-header", "--no-annotate", "--python", sys.executable]
    words += ["--resolution", RESOLUTIONS[resolution], "-"]
    run = subprocess.run(
        [uv(), *words],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        cwd=Path(__file__).parent,
    )
    if run.returncode:
        raise NotMade(run.stderr.strip()[-2000:])
    return Resolved(
        read_pins(run.stdout), {match[1]: match[2] or "no reason" for match in _YANKED.finditer(run.stderr)}
    )


def without_hash(pins: Sequence[Pin]) -> list[str]:
    """Return the distributions that no SHA-256 is known of: what `pip install --require-hashes` would refuse."""
    return [str(pin) for pin in pins if not pin.hashes]


def examine(products: Sequence[str], tools: Sequence[str], folder: Path) -> Examined:
    """Resolve and install requirements, and look at all that needs no advisory.

    Args:
        products: What is installed with the package, with every extra for users.
        tools: What only its tests and its builds need.
        folder: For what is installed.

    Raises:
        NotMade: A package cannot be had.
    """
    product, whole = resolve(products), resolve([*products, *tools])
    lowest = resolve([*products, *tools], "lowest")
    own = {pin.name for pin in product.pins}
    found = [f"{pin} was withdrawn: {why}" for each in (whole, lowest) for pin, why in each.withdrawn.items()]
    found += [f"{pin} has no SHA-256" for pin in without_hash(whole.pins)]
    site = folder / "site"
    installed = [str(pin) for pin in whole.pins if pin.name not in COMPILED]
    (folder / "pins.txt").write_text("".join(f"{pin}\n" for pin in installed), encoding="utf-8")
    words = ["pip", "install", "--quiet", "--no-deps", "--target", str(site), "--requirement", str(folder / "pins.txt")]
    run_uv([*words, "--python", sys.executable])
    licence = licences(site) | {name: READ_BY_HAND[name] for name in COMPILED}
    missing = [f"{pin}: its licence was not looked at" for pin in whole.pins if pin.name not in licence]
    found += missing + refused_licences(licence, set(licence) - own)
    pins = sorted({str(pin) for each in (whole, lowest) for pin in each.pins})
    return Examined(tuple(found), tuple(pins), product.pins, licence)


def licences(site: Path) -> dict[str, str]:
    """Return the licence of each distribution in a folder of installed ones, without ours."""
    found = distributions(path=[str(site)])
    named = {canonicalize_name(each.metadata["Name"]): each.metadata for each in found}
    return {name: licence_of(name, metadata) for name, metadata in sorted(named.items()) if name != "smtp-shell"}


def refused_licences(found: dict[str, str], tools: set[str]) -> list[str]:
    """Return each distribution whose licence we may not stand on, or do not know.

    Args:
        found: The licence of each.
        tools: Those that nobody gets with the package.
    """
    return [
        f"{name}: {licence or 'no licence in its metadata'}"
        for name, licence in found.items()
        if not is_allowed(licence) and not (name in tools and name in TOOLS_ONLY)
    ]


def _pip_audit(pins: Sequence[str], service: str, folder: Path) -> dict[str, Any] | str:
    """Return what pip-audit says in JSON, or why it says nothing."""
    requirements = folder / "audited.txt"
    requirements.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
    words = ["-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json"]
    words += ["--progress-spinner", "off", "--vulnerability-service", service, "--timeout", "15"]
    words += ["--cache-dir", str(folder / "cache")]
    try:
        run = subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} seconds"
    try:
        answer: dict[str, Any] = json.loads(run.stdout)
    except ValueError:
        return (run.stderr.strip().rpartition("\n")[2] or f"status {run.returncode}")[:300]
    return answer


def _flaw_of(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    mended = ", ".join(flaw["fix_versions"]) or "no version"
    return f"{package['name']} {package['version']}: {' '.join([flaw['id'], *flaw['aliases']])}, mended in {mended}"


def read_advisories(answer: dict[str, Any]) -> Advisories:
    """Return what is known, and what was not answered for, from the JSON of pip-audit."""
    packages = answer["dependencies"]
    known = tuple(_flaw_of(each, flaw) for each in packages for flaw in each.get("vulns", []))
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    return Advisories(known, f"not answered for: {', '.join(skipped)}" if skipped else "")


def advisories(pins: Sequence[str], service: str, folder: Path) -> Advisories:
    """Return what a service knows of pinned versions.

    Args:
        pins: `name==version` each.
        service: `pypi` or `osv`.
        folder: For the files of pip-audit.
    """
    control = _pip_audit([FLAWED], service, folder)
    if isinstance(control, str):
        return Advisories((), control)
    if not read_advisories(control).known:
        return Advisories((), f"it does not know the flaw of {FLAWED}, so that its silence means nothing")
    answer = _pip_audit(pins, service, folder)
    return Advisories((), answer) if isinstance(answer, str) else read_advisories(answer)


def bill_of_materials(product: str, version: str, pins: Sequence[Pin], found: dict[str, str]) -> str:
    """Return a CycloneDX 1.6 document of what is installed with the package: the same octets for the same versions."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{pin.name}@{pin.version}",
            "name": pin.name,
            "version": pin.version,
            "purl": f"pkg:pypi/{pin.name}@{pin.version}",
            "licenses": [{"expression": found[pin.name]}] if found.get(pin.name) else [],
            # One component may have many files. The hash of each is what pip checks.
            "properties": [{"name": "pip:hash", "value": each} for each in pin.hashes],
        }
        for pin in sorted(pins, key=str)
    ]
    reference = f"pkg:pypi/{product}@{version}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": reference,
                "name": product,
                "version": version,
                "purl": reference,
            }
        },
        "components": components,
    }
    return json.dumps(document, indent=1) + "\n"

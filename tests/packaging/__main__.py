"""What is released and what it stands on: `python -m tests.packaging versions|audit|builds`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import smtp_shell
from tests.packaging import audit, builds, versions
from tests.packaging.declared import FOR_USERS, dependencies, extras
from tests.packaging.pythons import chosen, every_python

NOT_HAD = 3
_BOTH = "both"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _versions(options: argparse.Namespace) -> int:
    try:
        pythons = chosen(options.python)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    versions.end_with_what_was_started()
    resolutions = list(versions.RESOLUTIONS) if options.which == _BOTH else [options.which]
    tests = options.tests or ["tests/unit", *versions.SMOKE]
    _say(f"Pythons here: {', '.join(map(str, every_python()))}. To run: {', '.join(map(str, pythons))}.")
    if not versions.can_build_gssapi():
        _say(
            "The extra gssapi is left out: it is compiled, and krb5-config or a compiler is missing (Debian: libkrb5-dev gcc)."
        )
    try:
        for python in pythons:
            for which in resolutions:
                counts = versions.resolvable(which, python.minor)
                _say(
                    f"{which}  Python {python}: {', '.join(f'{name} {count}' for name, count in counts.items())} packages"
                )
    except versions.NotMade as error:
        _say(f"An extra cannot be had: {error}")
        return 1
    ended = []
    for each in versions.runs(resolutions, pythons, tests, options.processes):
        ended.append(each)
        if each.failure:
            _say(each.failure)
            _say(f"Again: python -m tests.packaging versions {each.resolution} {each.python}")
        _say(str(each))
    _say(
        f"{len(ended)} runs, {sum(each.passed for each in ended)} tests passed, {sum(1 for each in ended if each.failure)} runs failed"
    )
    return 1 if any(each.failure for each in ended) else 0


def _audit(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    products = [*dependencies(), *(each for name in FOR_USERS for each in extras()[name])]
    tools = [each for name, added in extras().items() if name not in FOR_USERS for each in added]
    services = [options.service] if options.service else list(audit.SERVICES)
    not_had = []
    with tempfile.TemporaryDirectory(prefix="smtp-shell-audit-") as name:
        folder = Path(name)
        try:
            examined = audit.examine(list(map(str, products)), list(map(str, tools)), folder)
        except versions.NotMade as error:
            _say(f"The packages could not be had: {error}")
            return NOT_HAD
        found = list(examined.found)
        for service in services:
            known = audit.advisories(examined.pins, service, folder)
            found += known.known
            if known.obstacle:
                not_had.append(service)
                _say(f"The advisories of {service} could not be had: {known.obstacle}")
            else:
                _say(f"The advisories of {service} name {len(known.known)} flaws in {len(examined.pins)} versions.")
    for line in found:
        _say(f"found: {line}")
    if options.sbom:
        text = audit.bill_of_materials("smtp-shell", smtp_shell.__version__, examined.product, examined.licences)
        options.sbom.write_text(text, encoding="utf-8")
    _say(
        f"{len(examined.product)} packages with every extra for users, {len(examined.licences)} with the tools, "
        f"{len(examined.pins)} versions: {len(found)} findings, {time.monotonic() - begun:.0f} s"
    )
    if found:
        return 1
    if len(not_had) == len(services):
        _say(f"NOT CHECKED: whether a version has a known flaw. The advisories could not be had (status {NOT_HAD}).")
        return NOT_HAD
    return 0


def _builds(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="smtp-shell-builds-") as name:
        try:
            different = builds.differing(Path(name))
            wrong = builds.wrong_in_release(options.wheel, options.source) if options.wheel else []
        except builds.NotBuilt as error:
            _say(f"Not built: {error}")
            return 1
    for builder, kinds in different.items():
        _say(f"found: {', '.join(kinds)} of the builder {builder!r} differ from those of {builds.PLAIN.name!r}")
    for line in wrong:
        _say(f"found: {line}")
    _say(
        f"{len(builds.BUILDERS)} builders, {3 * len(builds.BUILDERS)} builds: {len(different)} builders differ, "
        f"{len(wrong)} faults in the release, {time.monotonic() - begun:.0f} s"
    )
    return 1 if different or wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.packaging", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="versions|audit|builds")
    each = commands.add_parser("versions", help="run tests with the lowest and with the newest dependencies")
    each.add_argument(
        "which", choices=[_BOTH, *versions.RESOLUTIONS], nargs="?", default=_BOTH, help="which versions (default: both)"
    )
    each.add_argument(
        "python",
        nargs="*",
        help="Pythons, by version or path; 'all' for each one here (default: the one that runs this)",
    )
    each.add_argument("--tests", nargs="+", metavar="PATH", help="tests to run (default: tests/unit and a few others)")
    each.add_argument("--processes", type=int, default=4, metavar="N", help="tests at a time (default: 4)")
    each.set_defaults(run=_versions)
    each = commands.add_parser(
        "audit", help="look at licences, hashes, withdrawn versions and advisories; status 3: no advisories to be had"
    )
    each.add_argument("--service", choices=audit.SERVICES, help="only this one (default: both)")
    each.add_argument("--sbom", type=Path, metavar="FILE", help="write what is installed with the package (CycloneDX)")
    each.set_defaults(run=_audit)
    each = commands.add_parser("builds", help="build as different builders, and compare the octets")
    each.add_argument("wheel", type=Path, nargs="?", help="a wheel of this checkout, to look into")
    each.add_argument("source", type=Path, nargs="?", help="the source distribution beside it")
    each.set_defaults(run=_builds)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands, and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if getattr(options, "wheel", None) and not options.source:
        parser.error("name the source distribution after the wheel")
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())

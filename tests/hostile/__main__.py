"""Serve a scenario by hand: `python -m tests.hostile NAME`, `python -m tests.hostile --list`."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from tests.hostile.catalogue import scenarios
from tests.support.hostile.certificates import ca_pem
from tests.support.hostile.server import HostileServer


def main(arguments: list[str] | None = None) -> int:
    """Serve one scenario, to try a client by hand."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=main.__doc__)
    parser.add_argument("name", nargs="?", help="the scenario")
    parser.add_argument(
        "--list",
        action="store_true",
        help="list the scenarios whose name or description matches NAME; all without NAME",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to serve (default: 60)")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="write the certificate of the authority to trust")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        for entry in scenarios().values():
            if re.search(chosen.name or "", f"{entry.name} {entry.says}", re.IGNORECASE):
                print(f"{entry.subject:9} {entry.name:40} {entry.says}")  # noqa: T201
        return 0
    if chosen.name not in scenarios():
        parser.error("name a scenario; --list lists them")
    if chosen.ca:
        chosen.ca.write_bytes(ca_pem())
    entry = scenarios()[chosen.name]
    with HostileServer(entry, seconds=chosen.seconds) as server:
        words = " ".join(map(repr, entry.arguments(server.port, Path("CA"))))
        print(f"{server.port}\n{entry.says}\nsmtp-shell {words}", flush=True)  # noqa: T201
        server.wait(chosen.seconds)
        for line in (*server.outcomes, *server.broken_promises()):
            print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a child writes down at its end, for the judge: how often each call came, whether the fault happened, what was left open."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass, field

_real_open, _real_write, _real_close = os.open, os.write, os.close
_real_listdir, _real_readlink = os.listdir, os.readlink

_FOLDERS = ("/proc/self/fd", "/dev/fd")


@dataclass(frozen=True, slots=True)
class Report:
    """What a child says of its end.

    Args:
        counts: Call -> how many of it the package made.
        sites: The call, its number and where it stands, for each call, if the plan asks for it.
        fired: Where the fault happened; empty if it did not.
        descriptors: What is open that was not when the run began.
        threads: Names of the threads that keep a process alive.
        modules: The modules of the package that were imported.
        raised: The exception that the program ended with, if it is neither SystemExit nor the program's own business.
    """

    counts: dict[str, int] = field(default_factory=dict)
    sites: list[tuple[str, int, str]] = field(default_factory=list)
    fired: str = ""
    descriptors: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: str) -> Report | None:
        """Read a report; None if the child did not come to write one."""
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return None
        found["sites"] = [tuple(each) for each in found["sites"]]
        return cls(**found)

    def write(self, path: str) -> None:
        """Write it, by calls that the shim has not replaced."""
        descriptor = _real_open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        octets = json.dumps(asdict(self)).encode()
        while octets:
            octets = octets[_real_write(descriptor, octets) :]
        _real_close(descriptor)


def open_descriptors() -> dict[int, str]:
    """Return the descriptors of this process, and what each is."""
    folder = next(each for each in _FOLDERS if os.path.isdir(each))
    found = {}
    for name in _real_listdir(folder):
        try:
            found[int(name)] = _real_readlink(f"{folder}/{name}")
        except OSError:  # the one that listed them, or a system where these are no links
            continue
    return found


def left_open(before: dict[int, str]) -> list[str]:
    """Return what is open now and was not before, but for the standard streams."""
    # A library's own: /dev/urandom, epoll of an event loop that is still in use.
    return [
        f"{number}: {what}" for number, what in open_descriptors().items() if number > 2 and before.get(number) != what
    ]


def left_running() -> list[str]:
    """Return the names of the threads that keep this process alive, but for the main one."""
    main = threading.main_thread()
    return [each.name for each in threading.enumerate() if each is not main and not each.daemon]


def imported() -> list[str]:
    """Return the names of the modules that are loaded."""
    return sorted(sys.modules)

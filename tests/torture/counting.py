"""What counts the calls of the package, and makes the one fail that the plan names.

A call counts if a frame of `smtp_shell` is in its stack, nearer than any frame of an import. So `Path.open`, `tempfile` and
`shutil` count where the package uses them, whereas the files that an `import` of the standard library reads do not. A thread counts
as well if the package started it, although its stack may have no frame of ours.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.torture.faults import AFTER, exception
from tests.torture.plan import Plan

_PACKAGE = f"{os.sep}smtp_shell{os.sep}"
_OURS = f"{os.sep}tests{os.sep}"
_IMPORT = "<frozen importlib"

_SITE_FRAMES = 3
_kill = os.kill
_getpid = os.getpid


class Counter:
    """Counts calls while it is armed.

    Attributes:
        armed: Whether calls are counted.
        threads: The threads that the package has started.
        counts: Call -> how many there were.
        sites: Each call that was counted and where it stands, if the plan asks for it.
        fired: Where the fault happened; empty if it did not.
    """

    def __init__(self) -> None:
        self.armed = False
        self.plan = Plan()
        self.threads: set[int] = set()
        self.counts: dict[str, int] = {}
        self.sites: list[tuple[str, int, str]] = []
        self.fired = ""
        self.step = 0.0
        self._main = get_ident()
        self._lock = allocate_lock()

    def arm(self, plan: Plan) -> None:
        """Begin to count, from nothing."""
        self.plan, self.counts, self.sites, self.fired, self.step = plan, {}, [], "", 0.0
        self._main = get_ident()
        self._lock = allocate_lock()  # a fork may have copied a held one
        self.threads.clear()
        self.armed = True

    def is_ours(self) -> bool:
        """Whether the current call is one of the package."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            name = frame.f_code.co_filename
            if _PACKAGE in name and _OURS not in name:
                return True
            if name.startswith(_IMPORT):
                return False
            frame = frame.f_back
        return get_ident() in self.threads

    def fault_of(self, call: str) -> str:
        """Count a call, and return how it is to fail; empty if it is not."""
        plan = self.plan
        with self._lock:
            number = self.counts[call] = self.counts.get(call, 0) + 1
            if plan.lists:
                self.sites.append((call, number, site()))
        if plan.fault == "interrupt" and get_ident() != self._main:
            return ""  # Python raises KeyboardInterrupt in the main thread only
        if call != plan.call or number < plan.number or (number > plan.number and not plan.always):
            return ""
        self.fired = self.fired or site()
        return plan.fault

    def run(self, call: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Do a call, or have it fail."""
        if not self.armed or not self.is_ours():
            return real(*args, **named)
        fault = self.fault_of(call)
        if not fault:
            return real(*args, **named)
        return self.fail(fault, call, real, args, named)

    def fail(
        self, fault: str, call: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        """Have a call fail that has been counted."""
        if fault in ("kill-before", "kill-after"):
            if fault == "kill-after":
                real(*args, **named)
            _kill(_getpid(), signal.SIGKILL)
            time.sleep(60)
        if call in AFTER:
            real(*args, **named)
        raise exception(call, fault, args[0] if args else None)


def site() -> str:
    """Return where a call stands: the nearest frames of the package, the nearest first."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < _SITE_FRAMES:
        name = frame.f_code.co_filename
        if _PACKAGE in name and _OURS not in name:
            found.append(f"{name.rpartition(_PACKAGE)[2]}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(found)


COUNTER = Counter()
"""The one of this process: what it replaces is the process's own."""

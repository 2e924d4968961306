"""The file layer of one process: counts the calls that change files below a folder, and makes one of them fail or be the last.

It stands between Python and the system: `os` and `io.FileIO`, below every buffer. What C libraries write by themselves, as OpenSSL does
with a key log, goes past it. Installed before the program runs; there is no way back.
"""

from __future__ import annotations

import builtins
import errno
import functools
import io
import os
import re
import signal
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = {
    "kill-before": "SIGKILL just before the call",
    "kill-after": "SIGKILL just after the call",
    "enospc": "no space from this call on",
    "edquot": "the quota is used up from this call on",
    "eio": "this call fails once",
    "short": "half of the octets are written, and no space from then on",
}
"""What can happen at a call."""

CALLS: Final = (
    "open", "write", "fsync", "truncate", "close", "replace", "rename", "link", "unlink", "mkdir", "rmdir", "chmod", "flock"
)  # fmt: skip
"""The calls that are counted, if they are about a file below the folder that is not only read."""

_NEEDS_SPACE = frozenset({"open", "write", "fsync", "close", "replace", "rename", "link", "mkdir"})
_FULL = {"enospc": errno.ENOSPC, "short": errno.ENOSPC, "edquot": errno.EDQUOT}
_RANDOM = re.compile(r"[0-9a-f]{16}|(?<=-)[a-z0-9_]{8}(?=/|$|\.txt$)")
_WRITES = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen in a process.

    Args:
        folder: Calls about files below it are counted.
        number: The call at which it happens, from 1; 0 for none.
        kind: One of `KINDS`.
        trace: Descriptor that gets a line for each call; -1 for none.
    """

    folder: str
    number: int = 0
    kind: str = ""
    trace: int = -1


def kinds_for(call: str) -> tuple[str, ...]:
    """Return what can happen at a call of a name."""
    full = ("enospc", "edquot") if call in _NEEDS_SPACE else ()
    short = ("short",) if call == "write" else ()
    return ("kill-before", "kill-after", *full, "eio", *short)


class Layer:
    """The counter, and what it does at its call.

    Args:
        plan: What is to happen.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._folder = os.path.realpath(plan.folder) + os.sep
        self._names: dict[int, str] = {}  # of descriptors that can be written to, and of folders
        self._number = 0
        self._full = 0  # the errno of every further call that needs space
        self._lock = threading.RLock()
        self._real_write, self._real_close, self._real_open = os.write, os.close, os.open

    def call(self, name: str, path: str, act: Callable[..., Any], octets: Any = None, *, grows: bool = True) -> Any:
        """Do a call, unless it is to fail.

        Args:
            name: One of `CALLS`.
            path: The file.
            act: Does it.
            octets: What is written, for a call that writes; `act` is then called with them.
            grows: Whether a write makes the file longer. What takes the place of other octets fits on a full disk.
        """
        if octets is not None and not len(octets):  # the system refuses nothing that takes no space
            return act(octets)
        with self._lock:
            self._number += 1
            self._note(name, path)
            is_it = self._number == self._plan.number
            kind = self._plan.kind if is_it else ""
        if kind == "kill-before":
            self._kill()
        if kind == "eio":
            self._refuse(name, errno.EIO, path, act)
        if kind in _FULL:
            self._full = _FULL[kind]
            if octets is not None and kind == "short" and len(octets) > 1:
                return act(memoryview(octets).cast("B")[: len(octets) // 2])
        if self._full and (is_it or (grows and self._takes_space(name, path))):
            self._refuse(name, self._full, path, act)
        done = act() if octets is None else act(octets)
        if kind == "kill-after":
            self._kill()
        return done

    def _takes_space(self, name: str, path: str) -> bool:
        """Whether a call on a full disk fails: what is written already can be closed, moved, and opened again."""
        return name in ("write", "mkdir", "link") or (name == "open" and not os.path.lexists(path))

    def is_below(self, path: str) -> bool:
        """Whether a file is in the folder."""
        return os.path.join(os.path.realpath(os.path.dirname(path) or "."), "").startswith(self._folder)

    def named(self, descriptor: int) -> str:
        """Return the file of a descriptor; empty for one that is not counted."""
        return self._names.get(descriptor, "")

    def remember(self, descriptor: int, path: str) -> None:
        """Count the calls on a descriptor."""
        self._names[descriptor] = path

    def forget(self, descriptor: int) -> str:
        """Count no further calls on a descriptor, and return its file."""
        return self._names.pop(descriptor, "")

    def _refuse(self, name: str, code: int, path: str, act: Callable[..., Any]) -> None:
        if name == "close":  # a descriptor is gone, whatever its close returns
            act()
        raise (
            OSError(code, os.strerror(code), path)
            if name in ("open", "mkdir", "replace")
            else OSError(code, os.strerror(code))
        )

    def _note(self, name: str, path: str) -> None:
        if self._plan.trace >= 0:
            place = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            shown = _RANDOM.sub("*", place.removeprefix(self._folder))
            with suppress(OSError):
                self._real_write(self._plan.trace, f"{name} {shown}\n".encode())

    def _kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()


def install(plan: Plan) -> Layer:
    """Put the layer between this process and the system."""
    layer = Layer(plan)
    _replace_paths(layer)
    _replace_descriptors(layer)
    _replace_flock(layer)
    _replace_open(layer)
    return layer


def _replace_paths(layer: Layer) -> None:
    """Count the calls of `os` that take a name."""

    def replaced(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(path: Any, *rest: Any, **options: Any) -> Any:
            # A name relative to a folder's descriptor: shutil.rmtree's.
            folder = layer.named(options.get("dir_fd") or -1)
            shown = os.path.join(folder, os.fsdecode(path)) if not isinstance(path, int) else layer.named(path)
            if name == "link":
                shown = os.fsdecode(rest[0])
            if not shown or not layer.is_below(shown):
                return real(path, *rest, **options)
            return layer.call(name, shown, lambda: real(path, *rest, **options))

        return call

    for name in ("replace", "rename", "link", "unlink", "mkdir", "rmdir", "chmod"):
        setattr(os, name, replaced(name, getattr(os, name)))
    os.remove = os.unlink


def _replace_descriptors(layer: Layer) -> None:
    """Count the calls of `os` that take a descriptor, and `os.open`."""
    real_open, real_write, real_close, real_dup2 = os.open, os.write, os.close, os.dup2

    def open_(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        shown = os.path.join(layer.named(-1 if dir_fd is None else dir_fd), os.fsdecode(path))
        if not layer.is_below(shown):
            return real_open(path, flags, mode, dir_fd=dir_fd)
        if not flags & _WRITES:
            descriptor = real_open(path, flags, mode, dir_fd=dir_fd)
            if os.path.isdir(shown):
                layer.remember(descriptor, shown)
            return descriptor
        opened: int = layer.call("open", shown, lambda: real_open(path, flags, mode, dir_fd=dir_fd))
        layer.remember(opened, shown)
        return opened

    def write(descriptor: int, octets: Any) -> int:
        path = layer.named(descriptor)
        if not path:
            return real_write(descriptor, octets)
        written: int = layer.call("write", path, lambda part: real_write(descriptor, part), octets)
        return written

    def close(fd: int) -> None:
        path = layer.forget(fd)
        if not path or os.path.isdir(path):
            real_close(fd)
        else:
            layer.call("close", path, lambda: real_close(fd))

    def on_descriptor(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(descriptor: Any, *rest: Any) -> Any:
            path = layer.named(descriptor) if isinstance(descriptor, int) else ""
            return layer.call(name, path, lambda: real(descriptor, *rest)) if path else real(descriptor, *rest)

        return call

    def dup2(fd: int, fd2: int, inheritable: bool = True) -> int:
        layer.forget(fd2)
        return real_dup2(fd, fd2, inheritable)

    os.open, os.write, os.close, os.dup2 = open_, write, close, dup2
    for own, name in (("fsync", "fsync"), ("fdatasync", "fsync"), ("ftruncate", "truncate"), ("fchmod", "chmod")):
        if hasattr(os, own):
            setattr(os, own, on_descriptor(name, getattr(os, own)))


def _replace_flock(layer: Layer) -> None:
    import fcntl

    real = fcntl.flock

    def flock(file: Any, operation: int) -> None:
        path = layer.named(file if isinstance(file, int) else file.fileno())
        if path:
            layer.call("flock", path, lambda: real(file, operation))
        else:
            real(file, operation)

    fcntl.flock = flock


def _replace_open(layer: Layer) -> None:
    """Have Python's own files write through the layer, below their buffers."""
    real_open = io.open
    own = _file_class(layer)

    def open_(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Callable[[str, int], int] | None = None,
    ) -> Any:
        path = layer.named(file) if isinstance(file, int) else os.fsdecode(file)
        if not path or not set(mode) & set("wax+") or not layer.is_below(path):
            return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw_mode = mode.replace("b", "").replace("t", "")
        raw: io.FileIO = own(file, raw_mode, closefd, opener)
        if "b" in mode and buffering == 0:
            return raw
        size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
        buffered = io.BufferedRandom(raw, size) if "+" in mode else io.BufferedWriter(raw, size)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)

    io.open = builtins.open = open_


def _file_class(layer: Layer) -> Callable[..., io.FileIO]:
    class File(io.FileIO):
        """A file whose calls are counted."""

        def __init__(self, file: Any, mode: str, closefd: bool, opener: Callable[[str, int], int] | None) -> None:
            if isinstance(file, int) or opener is not None:
                super().__init__(file, mode, closefd, opener)
                self._path = layer.forget(self.fileno()) or os.fsdecode(file)
            else:
                self._path = os.fsdecode(file)
                layer.call("open", self._path, lambda: io.FileIO.__init__(self, file, mode, closefd))
            layer.remember(self.fileno(), self._path)

        def write(self, octets: Any) -> int:
            if not layer.named(self.fileno()):  # another file has taken its descriptor
                return io.FileIO.write(self, octets)
            is_regular = stat.S_ISREG(os.fstat(self.fileno()).st_mode)
            end = io.FileIO.tell(self) + len(octets) if is_regular else 0
            grows = not is_regular or end > os.fstat(self.fileno()).st_size
            written: int = layer.call(
                "write", self._path, lambda part: io.FileIO.write(self, part), octets, grows=grows
            )
            return written

        def truncate(self, size: int | None = None) -> int:
            length: int = layer.call("truncate", self._path, lambda: io.FileIO.truncate(self, size))
            return length

        def close(self) -> None:
            if self.closed:
                return
            layer.forget(self.fileno())
            layer.call("close", self._path, lambda: io.FileIO.close(self))

    return File

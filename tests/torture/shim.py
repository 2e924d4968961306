"""Replace the calls that can fail by ones that count, and that fail when the plan says so.

`install()` runs once, before `smtp_shell` is imported, so that `from time import monotonic` gets the counted one too.
"""

from __future__ import annotations

import builtins
import fcntl
import io
import os
import select
import selectors
import signal
import socket
import ssl
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from tests.torture.counting import COUNTER
from tests.torture.plan import Plan
from tests.torture.streams import count_standard_streams, counted_open

_OS = {
    "read": "read",
    "write": "write",
    "fsync": "fsync",
    "ftruncate": "ftruncate",
    "rename": "rename",
    "replace": "rename",
    "link": "link",
    "symlink": "link",
    "unlink": "unlink",
    "remove": "unlink",
    "rmdir": "unlink",
    "stat": "stat",
    "lstat": "stat",
    "fstat": "fstat",
    "mkdir": "mkdir",
    "chmod": "chmod",
    "fchmod": "chmod",
    "scandir": "scandir",
    "listdir": "scandir",
    "getcwd": "getcwd",
    "readlink": "readlink",
    "close": "file-close",
    "pipe": "pipe",
    "dup2": "dup2",
    "waitpid": "waitpid",
    "memfd_create": "memfd",
    "get_terminal_size": "get_terminal_size",
}
STEP_SECONDS = 3600.0
"""By how much a clock steps."""

_SOCKET = {name: name for name in ("shutdown", "setsockopt", "getsockopt", "getpeername", "getsockname", "bind")} | {
    "connect": "connect",
    "connect_ex": "connect",
    "sendall": "sendall",
    "listen": "listen",
    "accept": "accept",
    "close": "close",
}


def install() -> None:
    """Replace the calls.

    Raises:
        RuntimeError: The package has been imported already.
    """
    if "smtp_shell" in sys.modules:
        raise RuntimeError("the shim comes too late: smtp_shell has been imported")
    _replace_files()
    _replace_sockets()
    _replace_tls()
    _replace_waits()
    for module, name, call in (
        (subprocess.Popen, "__init__", "popen"),
        (signal, "signal", "signal"),
        (fcntl, "flock", "flock"),
        (termios, "tcgetattr", "tcgetattr"),
        (termios, "tcsetattr", "tcsetattr"),
        (io.BytesIO, "write", "buffer"),
    ):
        _replace(module, name, call)
    _replace_threads()
    _replace_clocks()


def arm(plan: Plan) -> None:
    """Begin to count the calls of the package, in this process."""
    count_standard_streams()
    COUNTER.arm(plan)


def _replace(holder: Any, name: str, call: str) -> None:
    real = getattr(holder, name, None)
    if real is None:
        return
    try:
        setattr(holder, name, _counted(real, call))
    except TypeError:  # a type of C: what makes one of it is replaced instead
        return
    for known in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks, os.supports_effective_ids):
        if real in known:
            known.add(getattr(holder, name))


def _counted(real: Callable[..., Any], call: str) -> Callable[..., Any]:
    @wraps(real)
    def counted(*args: Any, **named: Any) -> Any:
        if not COUNTER.armed or not COUNTER.is_ours():
            return real(*args, **named)
        fault = COUNTER.fault_of(call)
        return COUNTER.fail(fault, call, real, args, named) if fault else real(*args, **named)

    return counted


def _replace_files() -> None:
    builtins.open = io.open = counted_open
    real_open = os.open

    @wraps(real_open)
    def opened(path: Any, flags: int, *args: Any, **named: Any) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        number: int = COUNTER.run("open-write" if writes else "open-read", real_open, (path, flags, *args), named)
        return number

    os.open = opened
    for name, call in _OS.items():
        _replace(os, name, call)
    _replace_partial()


def _replace_partial() -> None:
    """Have os.read and os.write be short, which a plain failure is not."""
    counted_read, counted_write = os.read, os.write
    real_read, real_write = counted_read.__wrapped__, counted_write.__wrapped__  # type: ignore[attr-defined]

    def read(descriptor: int, size: int, /) -> bytes:
        octets: bytes = _partial("read", real_read, descriptor, size)
        return octets

    def write(descriptor: int, octets: Any, /) -> int:
        count: int = _partial("write", real_write, descriptor, octets)
        return count

    os.read, os.write = read, write


def _partial(call: str, real: Callable[..., Any], first: Any, second: Any, *rest: Any) -> Any:
    """Do a read or write of which a fault may leave only a part.

    Args:
        call: Its name.
        real: The call.
        first: The descriptor or the socket.
        second: How many octets to read, or the octets to write.
        rest: Further arguments.
    """
    if not COUNTER.armed or not COUNTER.is_ours():
        return real(first, second, *rest)
    fault = COUNTER.fault_of(call)
    if fault == "end":
        return b""
    if fault == "short":
        if isinstance(second, int):
            return real(first, min(second, 1), *rest)
        whole = memoryview(second).cast("B")
        return real(first, whole[: max(1, len(whole) // 2)], *rest)
    return COUNTER.fail(fault, call, real, (first, second, *rest), {}) if fault else real(first, second, *rest)


def _replace_sockets() -> None:
    for name, call in _SOCKET.items():
        _replace(socket.socket, name, call)
    for name, call in (
        ("socketpair", "socketpair"),
        ("getaddrinfo", "getaddrinfo"),
        ("gethostbyaddr", "gethostbyaddr"),
        ("gethostname", "gethostname"),
    ):
        _replace(socket, name, call)
    real_init = socket.socket.__init__

    @wraps(real_init)
    def init(self: socket.socket, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        if fileno is None:
            COUNTER.run("socket", real_init, (self, family, type, proto, fileno), {})
        else:  # the system is not asked: the socket is there
            real_init(self, family, type, proto, fileno)

    socket.socket.__init__ = init  # type: ignore[method-assign]
    real_send, real_recv, real_into = socket.socket.send, socket.socket.recv, socket.socket.recv_into

    def send(self: socket.socket, octets: Any, *rest: Any) -> Any:
        return _partial("send", real_send, self, octets, *rest)

    def recv(self: socket.socket, size: int, *rest: Any) -> Any:
        return _partial("recv", real_recv, self, size, *rest)

    def recv_into(self: socket.socket, buffer: Any, *rest: Any) -> Any:
        if not COUNTER.armed or not COUNTER.is_ours():
            return real_into(self, buffer, *rest)
        fault = COUNTER.fault_of("recv_into")
        if fault == "end":
            return 0
        if fault:
            return COUNTER.fail(fault, "recv_into", real_into, (self, buffer, *rest), {})
        return real_into(self, buffer, *rest)

    socket.socket.send, socket.socket.recv = send, recv  # type: ignore[method-assign, assignment]
    socket.socket.recv_into = recv_into  # type: ignore[method-assign, assignment]


def _replace_tls() -> None:
    real_new = ssl.SSLContext.__new__

    def new(kind: type[ssl.SSLContext], *args: Any, **named: Any) -> Any:
        return COUNTER.run("context", real_new, (kind, *args), named)

    ssl.SSLContext.__new__ = new  # type: ignore[method-assign, assignment]
    for name in ("load_verify_locations", "load_default_certs", "load_cert_chain", "wrap_bio"):
        _replace(ssl.SSLContext, name, name)
    for name, call in (
        ("do_handshake", "do_handshake"),
        ("read", "tls_read"),
        ("write", "tls_write"),
        ("unwrap", "unwrap"),
    ):
        _replace(ssl.SSLObject, name, call)


class _Poll:
    """`select.poll()`, counted. The object of C cannot be changed."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.register, self.unregister, self.modify = real.register, real.unregister, real.modify

    def poll(self, *args: Any) -> Any:
        if not COUNTER.armed or not COUNTER.is_ours():
            return self._real.poll(*args)
        fault = COUNTER.fault_of("poll")
        if fault == "idle":
            return []
        return COUNTER.fail(fault, "poll", self._real.poll, args, {}) if fault else self._real.poll(*args)


def _replace_waits() -> None:
    _replace(select, "select", "select")
    real_poll = select.poll
    setattr(select, "poll", lambda: _Poll(real_poll()))  # noqa: B010 - mypy takes it for a type
    for name in ("EpollSelector", "KqueueSelector", "PollSelector", "SelectSelector"):
        kind = getattr(selectors, name, None)
        if kind is not None:
            kind.select = _selecting(kind.select)


def _selecting(real: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(real)
    def selecting(*args: Any, **named: Any) -> Any:
        if not COUNTER.armed or not COUNTER.is_ours():
            return real(*args, **named)
        fault = COUNTER.fault_of("selector")
        if fault == "idle":
            return []
        return COUNTER.fail(fault, "selector", real, args, named) if fault else real(*args, **named)

    return selecting


def _replace_threads() -> None:
    real_start, real_run = threading.Thread.start, threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    @wraps(real_start)
    def start(self: threading.Thread) -> None:
        if COUNTER.armed and COUNTER.is_ours():
            fault = COUNTER.fault_of("thread")
            if fault:
                COUNTER.fail(fault, "thread", real_start, (self,), {})
            self._torture_counts = True  # type: ignore[attr-defined]
        real_start(self)

    @wraps(real_run)
    def run(self: threading.Thread) -> None:
        if hasattr(self, "_torture_counts"):
            COUNTER.threads.add(threading.get_ident())
        try:
            real_run(self)
        finally:
            COUNTER.threads.discard(threading.get_ident())

    threading.Thread.start = start  # type: ignore[method-assign]
    threading.Thread._bootstrap_inner = run  # type: ignore[attr-defined]


def _replace_clocks() -> None:
    for name, call, scale in (
        ("time", "time", 1),
        ("time_ns", "time", 10**9),
        ("monotonic", "monotonic", 1),
        ("monotonic_ns", "monotonic", 10**9),
    ):
        setattr(time, name, _clock(getattr(time, name), call, scale))
    real_sleep = time.sleep

    def sleep(seconds: Any) -> None:
        if COUNTER.armed and COUNTER.is_ours() and (fault := COUNTER.fault_of("sleep")):
            if fault != "forward":
                COUNTER.fail(fault, "sleep", real_sleep, (seconds,), {})
            COUNTER.step = STEP_SECONDS  # the machine was suspended meanwhile
        real_sleep(seconds)

    time.sleep = sleep


def _clock(real: Callable[[], Any], call: str, scale: int) -> Callable[[], Any]:
    """Return a clock that steps at one reading and stays so, as when the machine is suspended or someone sets the time."""

    @wraps(real)
    def read() -> Any:
        if not COUNTER.armed or not COUNTER.is_ours():
            return real()
        fault = COUNTER.fault_of(call)
        if fault in ("back", "forward"):
            COUNTER.step = -STEP_SECONDS if fault == "back" else STEP_SECONDS
        elif fault:
            COUNTER.fail(fault, call, real, (), {})
        steps = COUNTER.step if call == COUNTER.plan.call or COUNTER.plan.call == "sleep" else 0.0
        return real() + int(steps * scale) if scale > 1 else real() + steps

    return read

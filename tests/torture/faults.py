"""The calls that can fail, by kind, and how each can fail.

EINTR is missing on purpose: since PEP 475 Python repeats a call that a signal interrupts, so that the package never sees it. A close
is the exception, and closes have it.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import termios
from collections.abc import Callable

CALLS: dict[str, dict[str, str]] = {
    "socket": {
        "socket": "EMFILE ENOBUFS EAFNOSUPPORT",
        "socketpair": "EMFILE",
        "connect": "ECONNREFUSED ETIMEDOUT ENETUNREACH EACCES",
        "send": "ECONNRESET EPIPE ENOBUFS MemoryError short",
        "sendall": "ECONNRESET EPIPE",
        "recv": "ECONNRESET ETIMEDOUT ENOMEM MemoryError end short",
        "recv_into": "ECONNRESET ETIMEDOUT end",
        "shutdown": "ENOTCONN",
        "close": "EIO EINTR",
        "setsockopt": "ENOPROTOOPT EINVAL",
        "getsockopt": "ENOBUFS",
        "getpeername": "ENOTCONN",
        "getsockname": "ENOBUFS",
        "bind": "EADDRINUSE EACCES EADDRNOTAVAIL",
        "listen": "EADDRINUSE",
        "accept": "EMFILE ECONNABORTED",
    },
    "resolve": {
        "getaddrinfo": "EAI_AGAIN EAI_NONAME EAI_FAIL EAI_MEMORY",
        "gethostbyaddr": "EAI_AGAIN",
        "gethostname": "EPERM",
    },
    "tls": {
        "context": "SSLError MemoryError",
        "load_verify_locations": "SSLError ENOENT MemoryError",
        "load_default_certs": "SSLError EACCES",
        "load_cert_chain": "SSLError ENOENT",
        "wrap_bio": "SSLError MemoryError",
        "do_handshake": "SSLError SSLEOF SSLVerify SSLWantRead SSLSyscall MemoryError",
        "tls_read": "SSLError SSLEOF SSLZeroReturn SSLWantRead SSLSyscall MemoryError",
        "tls_write": "SSLError SSLEOF SSLSyscall MemoryError",
        "unwrap": "SSLError SSLSyscall SSLWantRead",
    },
    "select": {"select": "ENOMEM", "poll": "ENOMEM idle", "selector": "ENOMEM idle"},
    "file": {
        "open-read": "ENOENT EACCES EMFILE EIO",
        "open-write": "EACCES EMFILE ENOSPC EROFS",
        "fdopen": "ENOMEM MemoryError",
        "read": "EIO MemoryError short",
        "write": "ENOSPC EIO MemoryError short",
        "file-close": "EIO ENOSPC",
        "fsync": "EIO ENOSPC",
        "ftruncate": "EIO EFBIG",
        "flock": "ENOLCK EAGAIN",
        "stat": "EACCES EIO ENOENT",
        "fstat": "EIO",
        "chmod": "EPERM EROFS",
        "memfd": "EMFILE ENOSYS",
    },
    "folder": {
        "rename": "EACCES ENOSPC EXDEV EIO",
        "link": "EPERM EMLINK",
        "unlink": "EACCES EIO EROFS",
        "mkdir": "EACCES ENOSPC EROFS",
        "scandir": "EACCES EIO EMFILE",
        "getcwd": "ENOENT",
        "readlink": "EIO",
    },
    "output": {"stdout": "EPIPE ENOSPC EIO short", "stderr": "EPIPE ENOSPC EIO", "stdin": "EIO end short"},
    "process": {"popen": "ENOENT EACCES EMFILE EAGAIN ENOMEM", "pipe": "EMFILE", "dup2": "EMFILE", "waitpid": "ECHILD"},
    "terminal": {"get_terminal_size": "ENOTTY", "tcgetattr": "termios", "tcsetattr": "termios"},
    "signal": {"signal": "EINVAL"},
    "clock": {"time": "back forward", "monotonic": "forward", "sleep": "forward"},
    "thread": {"thread": "no-thread"},
    "memory": {"buffer": "MemoryError"},
}
"""Kind -> call -> how it can fail."""

MODES = ("kill-before", "kill-after", "interrupt")
"""What can happen at any call beside its own failures: SIGKILL just before or just after it, Ctrl-C."""

AFTER = frozenset({"close", "file-close"})
"""Calls that have their effect although they fail: a descriptor is gone whatever close returned."""

WITH_NAME = frozenset(
    {"open-read", "open-write", "stat", "chmod", "rename", "link", "unlink", "mkdir", "scandir", "readlink"}
)
"""Calls whose OSError has the name of the file."""

_EXCEPTIONS: dict[str, Callable[[], BaseException]] = {
    "SSLError": lambda: _tls(
        ssl.SSLError, ssl.SSL_ERROR_SSL, "[SSL: BAD_LENGTH] made to fail (_ssl.c:1)", "BAD_LENGTH"
    ),
    "SSLEOF": lambda: _tls(ssl.SSLEOFError, ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol (_ssl.c:1)"),
    "SSLZeroReturn": lambda: _tls(ssl.SSLZeroReturnError, ssl.SSL_ERROR_ZERO_RETURN, "TLS/SSL connection was closed"),
    "SSLWantRead": lambda: _tls(ssl.SSLWantReadError, ssl.SSL_ERROR_WANT_READ, "The operation did not complete"),
    "SSLSyscall": lambda: _tls(ssl.SSLSyscallError, ssl.SSL_ERROR_SYSCALL, "Some I/O error occurred (_ssl.c:1)"),
    "SSLVerify": lambda: _refused(),
    "MemoryError": MemoryError,
    "no-thread": lambda: RuntimeError("can't start new thread"),
    "termios": lambda: termios.error(errno.EIO, os.strerror(errno.EIO)),
    "interrupt": KeyboardInterrupt,
}


def kind_of(call: str) -> str:
    """Return the kind of a call.

    Raises:
        KeyError: There is no such call.
    """
    return next((kind for kind, calls in CALLS.items() if call in calls), "") or _unknown(call)


def faults_of(call: str) -> tuple[str, ...]:
    """Return how a call can fail."""
    return tuple(CALLS[kind_of(call)][call].split())


def exception(call: str, fault: str, name: object) -> BaseException:
    """Return the exception that a failing call raises.

    Args:
        call: The call.
        fault: How it fails.
        name: Its first argument: the name of the file, if it has one.
    """
    if fault in _EXCEPTIONS:
        return _EXCEPTIONS[fault]()
    if fault.startswith("EAI_"):
        number = int(getattr(socket, fault))
        return socket.gaierror(number, "made to fail")
    code = int(getattr(errno, fault))
    if call in WITH_NAME and isinstance(name, (str, os.PathLike)):
        return OSError(code, os.strerror(code), os.fspath(name))
    return OSError(code, os.strerror(code))


def _tls(kind: type[ssl.SSLError], number: int, text: str, reason: str | None = None) -> ssl.SSLError:
    """Return an error as OpenSSL's are: with a library and a reason, which Python does not give to those that it makes itself."""
    error = kind(number, text)
    error.library, error.reason = "SSL" if reason else None, reason  # type: ignore[assignment]
    return error


def _refused() -> ssl.SSLCertVerificationError:
    text = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1)"
    error = ssl.SSLCertVerificationError(1, text)
    error.library, error.reason = "SSL", "CERTIFICATE_VERIFY_FAILED"
    error.verify_code, error.verify_message = 20, "unable to get local issuer certificate"
    return error


def _unknown(call: str) -> str:
    raise KeyError(call)

"""Switches that act on the whole process. No other module sets one.

The figures are user and system CPU of a whole `smtp-shell replay` of one short transcript: 72 ms without the switches, 61 ms with both
(medians of twice 25 runs, CPython 3.11).
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing, which takes as long as all of `explain`
if TYPE_CHECKING:
    from types import TracebackType

_SWITCH_INTERVAL = 0.05
_IN_ASCII = "smtp-shell.in-ascii"
"""Name of what replaces characters that a stream of ASCII cannot have."""


def escape_unprintable() -> None:
    """Write a character that a standard stream cannot encode, or its terminal not show, as its escape.

    A Windows console may not encode it. In the C locale Python writes UTF-8, of which the terminal has not said that it shows it.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if stream.isatty() and not _says_utf_8() and _is_ascii(stream.encoding):
            reconfigure(encoding="ascii", errors=_IN_ASCII)
        else:
            reconfigure(errors="backslashreplace")


def _says_utf_8() -> bool:
    """Return True if a locale is one of UTF-8 without doubt, so that nothing has to be loaded to know it."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return locale.lower().replace("-", "").endswith("utf8")


def _is_ascii(encoding: str) -> bool:
    """Return whether a terminal shows ASCII alone; if so, what else is written is replaced by what it shows."""
    from smtp_shell.display.characters import in_ascii, shows_utf_8

    if shows_utf_8(os.environ, encoding):
        return False
    import codecs

    def replace(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        return in_ascii(error.object[error.start : error.end]), error.end

    codecs.register_error(_IN_ASCII, replace)
    return True


class collector_off:
    """Keep the garbage collector from running during imports, and from scanning what they made later on.

    Worth 10 % of a short replay, 5 % beside `exit_at_once`. A higher threshold in its place is worth less than 1 %. It is a class because
    contextlib takes 2 ms to import.
    """

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.freeze()
        gc.enable()


def exit_at_once(status: int) -> None:
    """Exit through os._exit, which skips the freeing of each module and object.

    Worth 12 % of a short replay, 7 % beside `collector_off`.

    Return without doing anything if Python still has work to do at exit: a handler that may be registered with atexit (which takes
    an import of it), another thread, a profiler, a tracer or `python -i`.

    Args:
        status: The exit status.
    """
    threading = sys.modules.get("threading")
    has_threads = threading is not None and threading.active_count() > 1
    if "atexit" in sys.modules or has_threads or _is_watched():
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _is_watched() -> bool:
    if sys.version_info >= (3, 12) and any(sys.monitoring.get_tool(number) for number in range(6)):
        return True
    return bool(sys.flags.inspect) or sys.getprofile() is not None or sys.gettrace() is not None


def for_many_threads() -> None:
    """Prepare the process for `replay --jobs`: one core on Linux, and a longer switch interval.

    The GIL lets one thread run at a time, and to hand it to a thread on another core takes longer than most threads then run.
    Each of them releases it when it waits for its server, long before the interval ends. Call this before the threads are started:
    they inherit the affinity. The core depends on the process id, so that several processes use several cores.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        from contextlib import suppress

        with suppress(OSError):  # the core may have been taken away from this process since
            os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})

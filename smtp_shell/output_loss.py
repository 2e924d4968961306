"""Whether an error of the system's is that of standard output or standard error, which it does not say itself.

It imports nothing that `smtp-shell --version` does not need.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing, which takes as long as all of `explain`
if TYPE_CHECKING:
    from typing import TextIO


def is_lost(stream: TextIO, error: OSError) -> bool:
    """Return whether an error is that of a stream that cannot be written to.

    A stream keeps what it could not write, and tries again when it is flushed. One without a buffer (`python -u`) keeps nothing: there
    each error is taken for its own, unless the error is that nobody reads, and somebody does.

    Args:
        stream: Standard output or standard error.
        error: The error.
    """
    try:
        stream.flush()
    except OSError:
        return True
    if not getattr(stream, "write_through", False):
        return False
    return not isinstance(error, BrokenPipeError) or not _is_read(stream)


def give_up(stream: TextIO) -> None:
    """Lead a stream nowhere, since Python would try again at exit to write what it keeps."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _is_read(stream: TextIO) -> bool:
    """Return whether somebody can read a stream, as far as the system says."""
    import select

    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(stream.fileno(), 0)  # errors are reported whatever one asks for
    return not any(happened & select.POLLERR for _, happened in poll.poll(0))

"""A program as the server: it speaks over its standard input and output."""

from __future__ import annotations

import os
import socket

from smtp_shell.config import child_environment
from smtp_shell.errors import ConnectFailed
from smtp_shell.net.target import Target
from smtp_shell.net.transport import Transport
from smtp_shell.private_files import reason_of


def open_pipe(target: Target) -> Transport:
    """Start the program of a target.

    Args:
        target: Has the command line.

    Raises:
        ConnectFailed: The program cannot be started.
    """
    if os.name == "nt":
        raise ConnectFailed(f"no connection to {target}: programs as servers need a POSIX system; use HOST:PORT.")
    import shlex
    import subprocess

    try:
        words = shlex.split(target.host)
    except ValueError:
        raise ConnectFailed(f"no connection to {target}: the command has an open quote; close it.") from None
    ours, theirs = socket.socketpair()
    try:
        child = subprocess.Popen(
            words,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            env=child_environment(),
            start_new_session=True,  # else Ctrl-C at the prompt would end it too
        )
    except (OSError, ValueError) as error:
        ours.close()
        reason = reason_of(error) if isinstance(error, OSError) else "it holds NUL"
        raise ConnectFailed(f"no connection to {target}: {reason}; check the command.") from None
    finally:
        theirs.close()
    return Transport(ours, "", child)

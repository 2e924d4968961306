"""What the shell says before its first prompt: three things to try on the first start, and one line later on."""

from __future__ import annotations

import os.path

from smtp_shell.config import state_dir

PRACTICE_FOLDER = "practice"
"""Name of the folder that the practice server keeps from one run to the next, in the folder of the state."""

_TRY_UNCONNECTED = """\
Not connected. Three things to try:
  /connect practice          a mail server of your own, on this machine
  /connect mail.example.org  any server; add --starttls, or use smtps://
  /explain 550 5.7.1         what a reply, a command or a term means
Tab completes, /help lists all there is, Ctrl-D leaves."""

_UNCONNECTED = "Not connected: /connect HOST[:PORT], or /connect practice. /help lists all."

_TRY_PRACTICE = """\
Three things to try:
  ehlo                       what this server can do; then starttls and auth
  mail ann@example.org       then rcpt bob@example.org, data, and /inbox
  /lesson                    lessons; /explain: what the last reply means
Tab completes, /help lists all there is, Ctrl-D leaves."""

_PRACTICE = "ehlo, mail ann@example.org, rcpt bob@example.org, data, /inbox; or /help."


def unconnected() -> tuple[str, ...]:
    """Return what a shell without a server says."""
    return (_TRY_UNCONNECTED if is_first_start() else _UNCONNECTED,)


def in_practice(*, first: bool) -> tuple[str, ...]:
    """Return what a shell says that has just started a practice server.

    Args:
        first: Whether it is the first one of this user.
    """
    return (_TRY_PRACTICE if first else _PRACTICE,)


def is_first_start() -> bool:
    """Return whether nothing has been typed at a prompt yet: there is no history. The prompt creates it, so ask before."""
    return not os.path.lexists(state_dir() / "history")


def is_first_practice() -> bool:
    """Return whether no practice server has run yet: none has kept its password. The server creates its folder, so ask before."""
    return not os.path.lexists(state_dir() / PRACTICE_FOLDER)

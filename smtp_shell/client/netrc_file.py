"""Credentials in a netrc file, as ftp, curl and msmtp read it.

The entry `default` is not used: it would hand a password to whichever server is connected to.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from msgspec import Struct

from smtp_shell.errors import AuthFailed
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.secret import Secret

_LONGEST = 1024 * 1024


class NetrcEntry(Struct, frozen=True):
    """What a netrc file says about a host.

    Args:
        user: The user name; may be empty.
        password: The password; may be empty.
        file: The file, printable.
    """

    user: str
    password: Secret
    file: str


def netrc_entry(path: Path | None, host: str, user: str = "") -> NetrcEntry | None:
    """Return the entry of a host; None if there is none, or it is that of another user.

    Args:
        path: The file; None for the one in the home folder, where what cannot be read counts as not there.
        host: The server's name.
        user: The user name that is known already; empty for none.

    Raises:
        AuthFailed: The file that was named cannot be read or is no netrc file, or other users can read the entry's password.
    """
    file = path if path is not None else _default_file()
    if file is None or not host:
        return None
    shown = escape_str(str(file))
    try:
        facts = file.stat()
        entries = _read(file, facts)
    except (OSError, ValueError) as error:
        if path is None:
            return None
        raise AuthFailed(f"--netrc-file {shown} {_why(error)}.") from None
    found = entries.get(host) or entries.get(host.lower())
    if found is None or (user and found[0] and found[0] != user):
        return None
    if found[1] and (problem := _exposure(facts)):
        raise AuthFailed(f"{shown} holds a password for {escape_str(host)}, and {problem}; use chmod 600 on it.")
    return NetrcEntry(found[0], Secret(found[1]), shown)


def _default_file() -> Path | None:
    """Return the file in the home folder; None if there is none."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    names = (".netrc", "_netrc") if os.name == "nt" else (".netrc",)
    return next((home / name for name in names if os.path.exists(home / name)), None)


def _read(file: Path, facts: os.stat_result) -> dict[str, tuple[str, str]]:
    """Return user name and password for each host.

    Raises:
        ValueError: It is no netrc file; the message completes a sentence about the file.
        OSError: It cannot be read.
    """
    from netrc import NetrcParseError, netrc

    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("is no regular file")
    if facts.st_size > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST:,} octets, and no netrc file")
    try:
        hosts = netrc(str(file)).hosts
    except NetrcParseError as error:  # its message quotes the word, which may be a password
        line = error.lineno
    except UnicodeDecodeError:
        line = None
    else:
        return {name: (login, password or "") for name, (login, _, password) in hosts.items() if name != "default"}
    raise ValueError(f"is no netrc file{f': see line {line}' if line else ''}")


def _why(error: OSError | ValueError) -> str:
    return f"cannot be read: {reason_of(error)}" if isinstance(error, OSError) else str(error)


def _exposure(facts: os.stat_result) -> str:
    """Return who else can get at a file, to complete a sentence; empty if nobody can, or the system does not say."""
    if os.name == "nt":
        return ""
    if facts.st_uid not in (os.geteuid(), 0):
        return "the file belongs to another user"
    return "other users can read or change the file" if stat.S_IMODE(facts.st_mode) & 0o077 else ""

"""The key log: the file of `SSLKEYLOGFILE`, with which whoever reads it can decrypt the TLS connections whose keys are in it."""

from __future__ import annotations

import os
import os.path
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import KEY_LOG_VARIABLE, key_log_file
from smtp_shell.errors import ConfigError
from smtp_shell.private_files import open_append, reason_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import ssl

CLIENT_RANDOM = slice(11, 43)
"""Where the random octets, by which a key log names a connection, are in the first record of a client.

Source: RFC 8446 sections 4.1.2 and 5.1
"""

_TAIL = 256 * 1024  # octets at the end of the log, which other connections write to as well


def prepare_key_log(path: Path) -> None:
    """Create the key log for its owner alone, or take other users' permissions away.

    To be called before a context is made: `ssl` opens the log by its name, follows links, and makes a file that all can read.

    Raises:
        ConfigError: It is a link, belongs to another user, or cannot be written.
    """
    try:
        open_append(path, own=True).close()
    except OSError as error:
        raise no_key_log(path, "it is a link" if os.path.islink(path) else reason_of(error)) from None
    except ValueError:
        raise no_key_log(path, "it is no file name") from None


def log_keys(context: ssl.SSLContext, path: Path) -> None:
    """Have a context write the keys of its connections to the log, which is prepared.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        if not context.keylog_filename:
            context.keylog_filename = str(path)
    except OSError as error:
        raise no_key_log(path, reason_of(error)) from None


def has_keys(path: str, client_random: bytes) -> bool:
    """Return whether the keys of a connection are in the log: neither OpenSSL nor `ssl` says so where the disk is full.

    Args:
        path: The log.
        client_random: The random octets of its ClientHello, by which the log names a connection.
    """
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            return client_random.hex().encode() in file.read()
    except OSError:
        return False


def no_key_log(path: Path | str, reason: str) -> ConfigError:
    """Return the error for a key log that cannot be written.

    Args:
        path: The file.
        reason: Why, in words, printable.
    """
    return ConfigError(
        f"{KEY_LOG_VARIABLE} {escape_str(str(path))}: the keys of TLS cannot be written there: {reason}; "
        f"name another file, or unset {KEY_LOG_VARIABLE}."
    )


def user_key_log(context: ssl.SSLContext) -> str:
    """Return the key log that the user asked a context for (`SSLKEYLOGFILE`); empty for none."""
    name = context.keylog_filename
    return str(name) if name and Path(str(name)) == key_log_file() else ""

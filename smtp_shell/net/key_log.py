"""The key log: the file of `SSLKEYLOGFILE`, with which whoever reads it can decrypt the TLS connections whose keys are in it.

What a key log has of one connection is found here too, in that file, in a capture's, or in one that is nothing but memory.
"""

from __future__ import annotations

import os
import os.path
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import KEY_LOG_VARIABLE, key_log_file
from smtp_shell.errors import ConfigError
from smtp_shell.net.memory_key_log import logged_in_memory
from smtp_shell.private_files import open_append, reason_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import ssl

    from smtp_shell.net.session_keys import SessionKeys

CLIENT_RANDOM = slice(11, 43)
"""Where the random octets, by which a key log names a connection, are in the first record of a client.

Source: RFC 8446 sections 4.1.2 and 5.1
"""

_TAIL = 256 * 1024  # octets at the end of the log, which other connections write to as well
_LAST = 4096  # octets in which the keys of a handshake are that has just ended; it writes less than 1200


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


def exporter_secret(context: ssl.SSLContext, client_random: bytes, keys: SessionKeys | None) -> bytes:
    """Return the exporter secret of a connection whose handshake has just ended; empty if it is not known.

    Args:
        context: The context of the connection.
        client_random: The random octets of its ClientHello.
        keys: Where the context's keys go for a capture; None for nowhere.
    """
    last = logged_in_memory(context, _LAST)
    if last is not None:  # in the last octets, unless other threads have written since
        return secret_in(last, client_random) or secret_in(logged_in_memory(context) or b"", client_random)
    captured = secret_in(keys.find(client_random), client_random) if keys is not None else b""
    if captured or not context.keylog_filename:
        return captured
    with suppress(OSError), open(str(context.keylog_filename), "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        return secret_in(file.read(_TAIL), client_random)
    return b""


def secret_in(log: bytes, client_random: bytes) -> bytes:
    """Return the exporter secret of a connection from lines of a key log; empty if it is not among them, or not whole.

    Args:
        log: The lines.
        client_random: The random octets of the connection's ClientHello; empty if they are not known.
    """
    _, _, rest = b"\n".join((b"", log)).partition(b"\nEXPORTER_SECRET %s " % client_random.hex().encode())
    secret, newline, _ = rest.partition(b"\n")
    if not (client_random and newline):
        return b""
    with suppress(ValueError):
        return bytes.fromhex(secret.decode("ascii", "replace"))
    return b""


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

"""Settings: timeouts, TLS, and the folder for files."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

APPLICATION = "smtp-shell"
PASSWORD_VARIABLE = "SMTP_SHELL_PASSWORD"


class Timeouts(Struct, frozen=True):
    """How long each thing may take, in seconds, from its first octet to its last.

    The defaults are for runs that nobody watches.

    Args:
        connect: Looking the name up and opening the connection.
        tls: The TLS handshake.
        greeting: The whole greeting.
        reply: A whole reply to a command.
        data: The reply to DATA.
        final_dot: The reply to the final dot.
        send: Sending 64 KiB.
        quit: The reply to QUIT, and closing.
    """

    connect: float = 15.0
    tls: float = 15.0
    greeting: float = 60.0
    reply: float = 60.0
    data: float = 60.0
    final_dot: float = 600.0
    send: float = 60.0
    quit: float = 5.0

    @classmethod
    def patient(cls) -> Timeouts:
        """Return the timeouts of RFC 5321, for a person who can press Ctrl-C.

        Source: RFC 5321 section 4.5.3.2
        """
        return cls(greeting=300.0, reply=300.0, data=120.0, send=180.0)

    def all(self, seconds: float) -> Timeouts:
        """Return a copy in which every timeout except that of QUIT has this many seconds."""
        return replace(
            self,
            connect=seconds,
            tls=seconds,
            greeting=seconds,
            reply=seconds,
            data=seconds,
            final_dot=seconds,
            send=seconds,
        )


class TlsSettings(Struct, frozen=True):
    """How TLS is done. Each weakening is its own switch.

    Args:
        ca_file: PEM file with the authorities to trust, in place of the system's.
        insecure: Go on although the certificate cannot be verified.
        minimum: Lowest version, such as `1.2`.
        maximum: Highest version, or None for no bound.
        ciphers: OpenSSL cipher string for TLS 1.2, or None for the default.
        client_cert: PEM file with the client's certificate.
        client_key: PEM file with its key, where that is a file of its own.
    """

    ca_file: Path | None = None
    insecure: bool = False
    minimum: str = "1.2"
    maximum: str | None = None
    ciphers: str | None = None
    client_cert: Path | None = None
    client_key: Path | None = None


class Keep(Struct, frozen=True):
    """How many of the automatic recordings stay.

    Args:
        files: At most so many.
        days: None older than that.
    """

    files: int = 500
    days: int = 90


def state_dir() -> Path:
    """Return the folder for recordings and history: `SMTP_SHELL_STATE_DIR`, else the platform's."""
    named = os.environ.get("SMTP_SHELL_STATE_DIR")
    if named:
        return Path(named)
    import platformdirs

    return platformdirs.user_state_path(APPLICATION, appauthor=False)


def child_environment() -> dict[str, str]:
    """Return the environment for a child process, which does not need the password."""
    return {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}

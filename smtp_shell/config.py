"""Settings: how long to wait, how to do TLS, and where files go."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

APPLICATION = "smtp-shell"


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
        """Give the waits of RFC 5321, for a person who can press Ctrl-C.

        Source: RFC 5321 §4.5.3.2
        """
        return cls(greeting=300.0, reply=300.0, data=120.0, send=180.0)

    def all(self, seconds: float) -> Timeouts:
        """Set every wait but the one for QUIT."""
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
    """Give the folder for recordings and history: `SMTP_SHELL_STATE_DIR`, else the platform's."""
    return _folder("SMTP_SHELL_STATE_DIR", "user_state_path")


def config_dir() -> Path:
    """Give the folder for the configuration: `SMTP_SHELL_CONFIG_DIR`, else the platform's."""
    return _folder("SMTP_SHELL_CONFIG_DIR", "user_config_path")


def _folder(variable: str, kind: str) -> Path:
    named = os.environ.get(variable)
    if named:
        return Path(named)
    import platformdirs

    path: Path = getattr(platformdirs, kind)(APPLICATION, appauthor=False)
    return path

"""Values that several packages are configured with, and names in the environment.

The settings of the shell are in `shell.settings`, those of a replay in `replay.settings`.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

APPLICATION = "smtp-shell"
PASSWORD_VARIABLE = "SMTP_SHELL_PASSWORD"
PROXY_PASSWORD_VARIABLE = "SMTP_SHELL_PROXY_PASSWORD"
KEY_LOG_VARIABLE = "SSLKEYLOGFILE"
CONFIG_VARIABLE = "SMTP_SHELL_CONFIG"
VARIABLE_PREFIX = "SMTP_SHELL_"
SECRET_VARIABLES = (PASSWORD_VARIABLE, PROXY_PASSWORD_VARIABLE)
"""Variables that hold a secret: no child process gets them."""

OTHER_VARIABLES = (
    CONFIG_VARIABLE,
    "SMTP_SHELL_CONFIG_DIR",
    "SMTP_SHELL_STATE_DIR",
    *SECRET_VARIABLES,
)
"""Variables that begin as those of settings do, and are none."""


NOWHERE = Path(os.devnull) / APPLICATION
"""A folder that is not there and cannot be made, which every reader and writer of files has a sentence for."""


class Timeouts(Struct, frozen=True):
    """Timeouts in seconds. Each covers the whole of what it names, to the last octet.

    The defaults suit unattended runs.

    Args:
        connect: Resolving the name and opening the connection.
        tls: The TLS handshake.
        greeting: The greeting.
        reply: The reply to a command that has no timeout of its own here.
        data: The reply to DATA.
        final_dot: The reply to the final dot.
        send: Sending 64 KiB.
        quit: The reply to QUIT, and closing the connection.
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
        """Return the timeouts of RFC 5321, for interactive use, where Ctrl-C ends a wait.

        Source: RFC 5321 section 4.5.3.2
        """
        return cls(greeting=300.0, reply=300.0, data=120.0, send=180.0)

    def all(self, seconds: float) -> Timeouts:
        """Return a copy with every timeout except `quit` set to this many seconds."""
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


class Place(Enum):
    """Where a user gives settings, so that a message names what can be given there."""

    COMMAND_LINE = "command line"
    PROMPT = "prompt"
    PYTHON = "Python"
    PYTEST = "pytest"
    LOCUST = "Locust"

    def option(self, name: str, value: str = "") -> str:
        """Return how the user gives a setting there, as a message names it; empty where it cannot be given.

        Args:
            name: Name of the option of the command line, without its dashes.
            value: Its value; empty for the name alone.
        """
        if self is Place.COMMAND_LINE:
            return f"--{name} {value}".rstrip()
        if self is Place.PROMPT:
            return f"/set {name} {value or ('on' if name in _SWITCHES else '')}".rstrip()
        given = _ELSEWHERE[self].get(name, "")
        if given.startswith("--"):
            return f"{given} {value}".rstrip()
        return f"{given}=True" if given and name in _SWITCHES else given

    @property
    def password(self) -> str:
        """How the user gives the password there."""
        if self is Place.COMMAND_LINE:
            return f"--password-command, or {PASSWORD_VARIABLE}"
        return self.option("password")


_SWITCHES = frozenset({"insecure", "insecure-auth", "send-secrets"})
_ELSEWHERE: dict[Place, dict[str, str]] = {
    Place.PYTHON: {
        "server": "server",
        "user": "user",
        "password": "password",
        "ca-file": "ca_file",
        "tls-name": "tls_name",
        "insecure": "insecure",
        "insecure-auth": "insecure_auth",
        "send-secrets": "send_secrets",
    },
    Place.PYTEST: {
        "server": "--smtp-server",
        "user": "--smtp-user",
        "password": PASSWORD_VARIABLE,
        "ca-file": "--smtp-ca-file",
    },
    Place.LOCUST: {
        "server": "--host",
        "user": "user",
        "password": f"password or {PASSWORD_VARIABLE}",
        "ca-file": "ca_file",
        "insecure": "insecure",
        "insecure-auth": "insecure_auth",
    },
}


class TlsSettings(Struct, frozen=True):
    """Settings of TLS. Every weakening is a setting of its own.

    Args:
        ca_file: PEM file with the certificate authorities to trust instead of the system's.
        insecure: Whether to continue if the certificate cannot be verified.
        minimum: Lowest version, such as `1.2`.
        maximum: Highest version, or None for no limit.
        ciphers: OpenSSL cipher string for TLS 1.2, or None for the default.
        client_cert: PEM file with the client's certificate.
        client_key: PEM file with the client's private key, or None if `client_cert` contains it.
        server_name: The name to check the certificate against, and to ask for with SNI; None for the one that was connected to.
        sni: The name to ask for with SNI where it is another one; `none` to ask for none.
        alpn: The protocols to offer with ALPN.
        pins: SHA-256 of the public keys to accept, hexadecimal, whatever the other checks say; empty for any key.
        detailed: Whether to keep what the server sent in the handshake, for whoever looks at it later.
        place: Where the user gives these, for messages.
    """

    ca_file: Path | None = None
    insecure: bool = False
    minimum: str = "1.2"
    maximum: str | None = None
    ciphers: str | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    server_name: str | None = None
    sni: str | None = None
    alpn: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    detailed: bool = False
    place: Place = Place.COMMAND_LINE

    def option(self, name: str, value: str = "") -> str:
        """Return how the user changes one of these settings, as a message names it; empty where that cannot be done.

        Args:
            name: Name of the option, which is that of the shell's setting too.
            value: Its value; empty for the name alone.
        """
        return self.place.option(name, value)


class Keep(Struct, frozen=True):
    """Limits for automatic recordings. Older ones are deleted.

    Args:
        files: How many files to keep.
        days: For how many days to keep a file.
    """

    files: int = 500
    days: int = 90


def state_dir() -> Path:
    """Return the folder for recordings and history: `SMTP_SHELL_STATE_DIR` if set, else the platform's default."""
    return _folder("SMTP_SHELL_STATE_DIR", "user_state_path")


def config_dir() -> Path:
    """Return the folder for the configuration: `SMTP_SHELL_CONFIG_DIR` if set, else the platform's default."""
    return _folder("SMTP_SHELL_CONFIG_DIR", "user_config_path")


def _folder(variable: str, of_platform: Literal["user_state_path", "user_config_path"]) -> Path:
    named = os.environ.get(variable)
    if named:
        return Path(named)
    import platformdirs

    find = platformdirs.user_state_path if of_platform == "user_state_path" else platformdirs.user_config_path
    try:
        return find(APPLICATION, appauthor=False)
    except RuntimeError:  # no home folder, as in a container with a user of its own
        return NOWHERE


def user_path(text: str) -> Path:
    """Return the path that a user has written, with a leading `~` or `~NAME` expanded where that is somebody's home; else as it stands."""
    try:
        return Path(os.path.expanduser(text))
    except ValueError:  # NUL in the name of a user
        return Path(text)


def configuration_path() -> Path:
    """Return the file of the configuration: the one that `SMTP_SHELL_CONFIG` names, else `config.toml` in the platform's place."""
    named = os.environ.get(CONFIG_VARIABLE)
    return user_path(named) if named else config_dir() / "config.toml"


def is_configured() -> bool:
    """Return whether there is a configuration file, or a variable that may be a setting: else nobody needs to load what reads them."""
    if any(name.startswith(VARIABLE_PREFIX) and name not in OTHER_VARIABLES for name in os.environ):
        return True
    return bool(os.environ.get(CONFIG_VARIABLE)) or os.path.lexists(configuration_path())


def setting_variable(name: str) -> str:
    """Return the variable of a setting, given its name: `SMTP_SHELL_THEME` is the setting `theme`."""
    return f"{VARIABLE_PREFIX}{name.replace('-', '_').upper()}"


def environment_settings(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the environment names. One that is empty says nothing.

    Args:
        names: The settings that there are, as fields.
        environ: The environment.
    """
    return {name: text for name in names if (text := environ.get(setting_variable(name), ""))}


def key_log_file() -> Path | None:
    """Return the file that `SSLKEYLOGFILE` names for the keys of TLS connections; None if it names none."""
    named = os.environ.get(KEY_LOG_VARIABLE)
    return Path(named) if named else None


def child_environment() -> dict[str, str]:
    """Return the environment for a child process: ours without the passwords."""
    return {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}

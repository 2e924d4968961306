"""Profiles of servers: a TOML file with one table for each, so that every server has its own CA, user and settings.

```toml
[postfix]
url = "smtp://127.0.0.1:2525"
ca_file = "postfix-ca.pem"
user = "student"
password_command = "pass show lab/postfix"
```
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from smtp_shell.config import Timeouts
from smtp_shell.errors import ConfigError, SmtpShellError, UsageError
from smtp_shell.net.settings import DIRECT, Words, with_proxy_password, with_words
from smtp_shell.net.target import parse_target
from smtp_shell.net.tls_check import check_tls
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smtp_shell.client.credentials import CredentialSource
    from smtp_shell.config import TlsSettings
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.replay.settings import ReplaySettings

_LONGEST_FILE: Final = 1024 * 1024
_SECRETS = ("password", "token")


class ServerProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """One table of a file of profiles. What it leaves out is as on the command line.

    Args:
        url: The server, as a URL or HOST[:PORT].
        tls: TLS from the first octet.
        starttls: Send nothing of AUTH or a mail transaction in the clear.
        ca_file: PEM file with the authorities to trust; relative to the file of profiles.
        insecure: Go on although the certificate cannot be verified.
        tls_min: Lowest version of TLS.
        tls_max: Highest version of TLS.
        ciphers: OpenSSL cipher string.
        client_cert: PEM file with the client's certificate; relative to the file of profiles.
        client_key: PEM file with its key; relative to the file of profiles.
        user: User name for AUTH.
        password_command: Command that prints the password.
        token_command: Command that prints an OAuth token.
        netrc_file: Netrc file with the password; relative to the file of profiles.
        authzid: Whom to act as.
        insecure_auth: Send credentials even without TLS.
        timeout: Seconds for every wait except QUIT's.
        source: Local `ADDR`, `ADDR:PORT` or `:PORT` to connect from.
        proxy: URL of a proxy to go through.
        tls_name: The name that the certificate must be for.
        tls_pin: The public keys to accept, `SHA256:...`, with commas between them.
        variables: Values of variables; `--var` precedes them.
    """

    url: str
    tls: bool | None = None
    starttls: bool | None = None
    ca_file: str | None = None
    insecure: bool | None = None
    tls_min: str | None = None
    tls_max: str | None = None
    ciphers: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    user: str | None = None
    password_command: str | None = None
    token_command: str | None = None
    netrc_file: str | None = None
    authzid: str | None = None
    insecure_auth: bool | None = None
    timeout: float | None = None
    source: str | None = None
    proxy: str | None = None
    tls_name: str | None = None
    tls_pin: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


class ProfiledServer(Struct, frozen=True):
    """A server to replay against, with its profile.

    Args:
        name: The profile's name.
        profile: The profile.
        folder: The folder that its files are relative to.
        source: Finds credentials, by what the command line says; None where there are none.
    """

    name: str
    profile: ServerProfile
    folder: Path
    source: CredentialSource | None = None

    def settings(self, general: ReplaySettings) -> ReplaySettings:
        """Return the settings of a replay against it.

        Args:
            general: The settings that the command line stands for.
        """
        profile = self.profile
        credentials, has_token = general.credentials, general.has_token
        if self.source is not None:
            from smtp_shell.replay.options import find_once

            own = self.own_source(self.source)
            credentials, has_token = find_once(lambda: own).at(parse_target(profile.url).host), own.has_token
        return replace(
            general,
            server=profile.url,
            label=self.name,
            tls=general.tls if profile.tls is None else profile.tls,
            starttls=general.starttls if profile.starttls is None else profile.starttls,
            tls_settings=self.tls_settings(general.tls_settings),
            timeouts=general.timeouts if profile.timeout is None else Timeouts().all(profile.timeout),
            connection=self.connection(general.connection),
            allow_cleartext=general.allow_cleartext if profile.insecure_auth is None else profile.insecure_auth,
            credentials=credentials,
            has_token=has_token,
            variables={**profile.variables, **general.variables},
        )

    def own_source(self, general: CredentialSource) -> CredentialSource:
        """Return the source of its credentials.

        Args:
            general: The source that the command line stands for.
        """
        profile = self.profile
        return replace(
            general,
            user=profile.user or general.user,
            password_command=profile.password_command or general.password_command,
            token_command=profile.token_command or general.token_command,
            netrc=general.netrc if profile.netrc_file is None else self.folder / profile.netrc_file,
            authzid=profile.authzid or general.authzid,
        )

    def connection(self, general: ConnectSettings) -> ConnectSettings:
        """Return how to connect to it.

        Args:
            general: How the command line says to connect.

        Raises:
            UsageError: The proxy's URL is none, or the password of its user is missing.
        """
        profile = self.profile
        return with_proxy_password(with_words(general, Words(profile.source, profile.proxy)), None)

    def tls_settings(self, general: TlsSettings) -> TlsSettings:
        """Return how to do TLS with it.

        Args:
            general: How the command line says to do it.

        Raises:
            ConfigError: A pin is none.
        """
        profile = self.profile
        return replace(
            general,
            ca_file=general.ca_file if profile.ca_file is None else self.folder / profile.ca_file,
            insecure=general.insecure if profile.insecure is None else profile.insecure,
            minimum=profile.tls_min or general.minimum,
            maximum=profile.tls_max or general.maximum,
            ciphers=profile.ciphers or general.ciphers,
            server_name=profile.tls_name or general.server_name,
            pins=general.pins if profile.tls_pin is None else _pins(profile.tls_pin, "tls_pin"),
            client_cert=general.client_cert if profile.client_cert is None else self.folder / profile.client_cert,
            client_key=general.client_key if profile.client_key is None else self.folder / profile.client_key,
        )


def load_profiles(path: Path) -> dict[str, ServerProfile]:
    """Read a file of profiles, and check it.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, has no profile, or one that cannot be used.
    """
    name = escape_str(str(path))
    try:
        with path.open("rb") as file:
            octets = file.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {reason_of(error)}.") from None
    if len(octets) > _LONGEST_FILE:
        raise ConfigError(f"{name} is longer than {_LONGEST_FILE:,} octets; a file of profiles is short.")
    try:
        tables = msgspec.toml.decode(octets)
        for table, values in tables.items() if isinstance(tables, dict) else ():
            if isinstance(values, dict) and (secret := next((word for word in _SECRETS if word in values), None)):
                raise ConfigError(
                    f"{name}: [{escape_str(str(table))}] holds a {secret}; a file is no place for it: name a {secret}_command."
                )
        profiles = msgspec.convert(tables, dict[str, ServerProfile])
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {escape_str(str(error))}; see the fields of a profile in the README.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} is no TOML file: {escape_str(str(error))}.") from None
    if not profiles:
        raise ConfigError(f'{name} has no profiles: tables such as [postfix] with url = "smtp://HOST:PORT".')
    for each, profile in profiles.items():
        _check(f"{name}: [{escape_str(each)}]", profile)
    return profiles


def profiled_servers(
    path: Path, servers: Sequence[str], source: CredentialSource | None, general: TlsSettings
) -> list[str | ProfiledServer]:
    """Return what to replay against: each name of a profile with its profile, and what is no name as it is.

    Args:
        path: The file of profiles.
        servers: What the user named; nothing for all profiles of the file.
        source: Finds credentials, by what the command line says.
        general: How the command line says to do TLS.

    Raises:
        ConfigError: The file cannot be used, or what it says about TLS.
        UsageError: A name is that of no profile, and no server either.
    """
    profiles = load_profiles(path)
    found: list[str | ProfiledServer] = []
    for server in servers or profiles:
        profile = profiles.get(server)
        if profile is None:
            if ":" not in server and "." not in server:
                raise UsageError(
                    f"{escape_str(server)} is no profile of {escape_str(str(path))}; it has {', '.join(map(escape_str, profiles))}."
                )
            found.append(server)
            continue
        each = ProfiledServer(server, profile, path.parent, source)
        check_tls(each.tls_settings(general))
        found.append(each)
    return found


def _check(where: str, profile: ServerProfile) -> None:
    try:
        parse_target(profile.url)
    except UsageError as error:
        raise ConfigError(f"{where}: url: {error.message}") from None
    try:
        with_words(DIRECT, Words(profile.source, profile.proxy))
    except UsageError as error:
        raise ConfigError(f"{where}: {error.message}") from None
    if profile.tls_pin is not None:
        _pins(profile.tls_pin, f"{where}: tls_pin")
    if profile.timeout is not None and not 0 < profile.timeout <= 86_400:
        raise ConfigError(f"{where}: timeout is no number of seconds from 0 to 86400.")
    _check_variables(where, profile.variables)


def _pins(text: str, what: str) -> tuple[str, ...]:
    from smtp_shell.net.tls_pins import parse_pins

    return parse_pins(text, what)


def _check_variables(where: str, variables: Mapping[str, str]) -> None:
    from smtp_shell.transcript.variables import Variables

    try:
        Variables(variables)
    except SmtpShellError as error:
        raise ConfigError(f"{where}: variables: {error.message}") from None

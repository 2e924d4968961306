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
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.config import Timeouts
from smtp_shell.configuration.loading import PROFILES, configuration_of
from smtp_shell.configuration.profile import Profile, check_profile, profile_of
from smtp_shell.configuration.reading import read_toml
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.net.settings import Words, with_proxy_password, with_words
from smtp_shell.net.tls_check import check_tls
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.client.credentials import CredentialSource
    from smtp_shell.config import TlsSettings
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.replay.settings import ReplaySettings


class ProfiledServer(Struct, frozen=True):
    """A server to replay against, with its profile.

    Args:
        name: The profile's name.
        profile: The profile.
        folder: The folder that its files are relative to.
        source: Finds credentials, by what the command line says; None where there are none.
    """

    name: str
    profile: Profile
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
            credentials, has_token = find_once(lambda: own).at(profile.target.host), own.has_token
        return replace(
            general,
            server=profile.address,
            label=self.name,
            tls=general.tls if profile.tls is None else profile.tls,
            starttls=general.starttls if profile.starttls is None else profile.starttls,
            tls_settings=self.tls_settings(general.tls_settings),
            timeouts=general.timeouts if profile.timeout is None else Timeouts().all(profile.timeout),
            connection=self.connection(general.connection),
            allow_cleartext=general.allow_cleartext if profile.insecure_auth is None else profile.insecure_auth,
            credentials=credentials,
            has_token=has_token,
            strictness=general.strictness
            if general.strictness is not None or profile.match is None
            else Strictness.parse(profile.match),
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
        if profile.resolver is not None:
            from smtp_shell.net.name_server import parse_name_server

            general = replace(general, resolver=parse_name_server(profile.resolver, "resolver"))
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
            pins=general.pins if profile.tls_pin is None else _pins(profile.tls_pin),
            sni=profile.sni or general.sni,
            alpn=general.alpn if profile.alpn is None else tuple(profile.alpn.split(",")),
            client_cert=general.client_cert if profile.client_cert is None else self.folder / profile.client_cert,
            client_key=general.client_key if profile.client_key is None else self.folder / profile.client_key,
        )


def profiled_server(
    name: str,
    server: str,
    profile: Profile,
    source: CredentialSource,
    *,
    tls: bool | None = None,
    starttls: bool | None = None,
) -> ProfiledServer:
    """Return a server with what a profile says of replays alone, where the general settings are those of the profile already.

    Args:
        name: What reports call the server.
        server: The server, as a URL or HOST[:PORT].
        profile: The profile.
        source: Finds credentials.
        tls: TLS from the first octet; None for what the general settings say.
        starttls: Demand STARTTLS; None for what the general settings say.
    """
    own = Profile(url=server, tls=tls, starttls=starttls, match=profile.match, variables=profile.variables)
    return ProfiledServer(name, own, Path(), source)


def load_profiles(path: Path) -> dict[str, Profile]:
    """Read a file of profiles, or those of a configuration, and check them.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, has no profile, or one that cannot be used.
    """
    name = escape_str(str(path))
    try:
        file = read_toml(path)
    except FileNotFoundError:
        raise ConfigError(f"{name} cannot be read: there is no such file.") from None
    if PROFILES in file.tables:
        inside = f"{PROFILES}."
        profiles = {each: profile_of(file, PROFILES, each) for each in configuration_of(file).profiles}
    else:
        inside = ""
        profiles = {each: profile_of(file, each) for each in file.tables}
    if not profiles:
        raise ConfigError(f'{name} has no profiles: tables such as [postfix] with url = "smtp://HOST:PORT".')
    for each, profile in profiles.items():
        check_profile(f"{name}: [{inside}{escape_str(each)}]", profile)
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


def _pins(text: str) -> tuple[str, ...]:
    from smtp_shell.net.tls_pins import parse_pins

    return parse_pins(text, "tls_pin")

"""The profile of a server: where it is, how TLS is done with it, who the user is, and what a replay expects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, field

from smtp_shell.configuration.reading import as_field
from smtp_shell.errors import ConfigError, SmtpShellError, UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.configuration.reading import TomlFile
    from smtp_shell.net.target import Target

_MOST_SECONDS = 86_400
_AT = re.compile(r"^(.*?) - at `\$\.([a-z_0-9]+)")


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """One table of a server. What it leaves out is as on the command line.

    Args:
        url: The server, as a URL or HOST[:PORT]; empty where `host` names it.
        host: Its host name or address.
        port: Its port; by default that of the kind of server.
        tls: TLS from the first octet.
        starttls: Send nothing of AUTH or a mail transaction in the clear.
        ca_file: PEM file with the authorities to trust; relative to the file of the profile, as the other files are.
        insecure: Go on although the certificate cannot be verified.
        tls_min: Lowest version of TLS.
        tls_max: Highest version of TLS.
        ciphers: OpenSSL cipher string.
        client_cert: PEM file with the client's certificate.
        client_key: PEM file with its key.
        user: User name for AUTH.
        mechanism: The SASL mechanism that AUTH uses.
        password_command: Command that prints the password.
        token_command: Command that prints an OAuth token.
        netrc_file: Netrc file with the password.
        authzid: Whom to act as.
        insecure_auth: Send credentials even without TLS.
        ehlo: The name that EHLO gives.
        timeout: Seconds for every wait except QUIT's.
        source: Local `ADDR`, `ADDR:PORT` or `:PORT` to connect from.
        proxy: URL of a proxy to go through.
        resolver: Name server to ask, `ADDR[:PORT]`.
        tls_name: The name that the certificate must be for.
        sni: The name that SNI asks for.
        alpn: The protocols that ALPN offers, with commas between them.
        tls_pin: The public keys to accept, `SHA256:...`, with commas between them.
        match: How strictly a replay compares.
        variables: Values of variables of a replay; `--var` precedes them.
    """

    url: str = ""
    host: str = ""
    port: int | None = None
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
    mechanism: str | None = None
    password_command: str | None = None
    token_command: str | None = None
    netrc_file: str | None = None
    authzid: str | None = None
    insecure_auth: bool | None = None
    ehlo: str | None = None
    timeout: float | None = None
    source: str | None = None
    proxy: str | None = None
    resolver: str | None = None
    tls_name: str | None = None
    sni: str | None = None
    alpn: str | None = None
    tls_pin: str | None = None
    match: str | None = None
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The server, as a URL or HOST[:PORT]."""
        if self.url:
            return self.url
        bracketed = f"[{self.host}]" if ":" in self.host and not self.host.startswith(("mx:", "[")) else self.host
        return bracketed if self.port is None else f"{bracketed}:{self.port}"

    @property
    def target(self) -> Target:
        """The server.

        Raises:
            UsageError: It is no server's address.
        """
        from smtp_shell.net.target import parse_target

        return parse_target(self.address, tls=bool(self.tls), starttls=bool(self.starttls), mx=True)


PROFILE_KEYS: Final = Profile.__struct_fields__


def profile_of(file: TomlFile, *inside: str) -> Profile:
    """Return the profile that a table of a file is: its keys and their types are checked, and not yet their values.

    Args:
        file: The file.
        inside: The names of the tables down to it.

    Raises:
        ConfigError: A key is unknown, is for a secret, is missing, or has a value of another type.
    """
    shown = f"[{'.'.join(map(escape_str, inside))}]"
    file.check_profile_name(*inside)
    file.check_keys(inside, PROFILE_KEYS)
    table = {as_field(key): value for key, value in file.table(*inside).items()}
    if len(table) < len(file.table(*inside)):
        raise ConfigError(f"{file.where(*inside)}: {shown} has a key twice, with - and with _; leave one of them out.")
    try:
        profile = msgspec.convert(table, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(_type_problem(file, inside, shown, str(error))) from None
    if bool(profile.url) == bool(profile.host):
        what = "url and host; leave one of them out" if profile.url else 'no server; add url = "smtp://HOST:PORT"'
        raise ConfigError(f"{file.where(*inside)}: {shown} has {what}.")
    if profile.url and profile.port is not None:
        raise ConfigError(f"{file.where(*inside, 'port')}: {shown}: port goes with host; write the port into url.")
    return profile


def check_profile(where: str, profile: Profile) -> None:
    """Check the values of a profile, without a look at the files that it names.

    Args:
        where: The place to name in messages, printable.
        profile: The profile.

    Raises:
        ConfigError: A value cannot be used.
    """
    try:
        profile.target  # noqa: B018
    except UsageError as error:
        raise ConfigError(f"{where}: {'url' if profile.url else 'host'}: {error.message}") from None
    if profile.port is not None and not 0 < profile.port < 65_536:
        raise ConfigError(f"{where}: port is no number from 1 to 65535.")
    if profile.timeout is not None and not 0 < profile.timeout <= _MOST_SECONDS:
        raise ConfigError(f"{where}: timeout is no number of seconds from 0 to {_MOST_SECONDS}.")
    try:
        _check_words(profile)
    except (SmtpShellError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from None


def _check_words(profile: Profile) -> None:
    from smtp_shell.net.settings import DIRECT, Words, with_words
    from smtp_shell.protocol.commands import refuse_line_breaks

    with_words(DIRECT, Words(profile.source, profile.proxy))
    refuse_line_breaks(profile.ehlo or "", "ehlo")
    if profile.tls_pin is not None:
        from smtp_shell.net.tls_pins import parse_pins

        parse_pins(profile.tls_pin, "tls_pin")
    if profile.resolver is not None:
        from smtp_shell.net.name_server import parse_name_server

        parse_name_server(profile.resolver, "resolver")
    if profile.mechanism is not None:
        from smtp_shell.protocol.sasl import mechanism

        mechanism(profile.mechanism)
    if profile.match is not None:
        from smtp_shell.matching.expectation import Strictness

        Strictness.parse(profile.match)
    if profile.variables:
        from smtp_shell.transcript.variables import Variables

        try:
            Variables(profile.variables)
        except SmtpShellError as error:
            raise ConfigError(f"variables: {error.message}") from None


def _type_problem(file: TomlFile, inside: tuple[str, ...], shown: str, problem: str) -> str:
    """Return a sentence for what msgspec says of a value."""
    found = _AT.match(problem)
    if found is None:
        return f"{file.where(*inside)}: {shown}: {escape_str(problem)}."
    expected = found[1].replace(" | null", "")
    return f"{file.where(*inside, found[2])}: {shown}: {found[2]}: {escape_str(expected[:1].lower() + expected[1:])}."

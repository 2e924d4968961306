"""Profiles of servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.configuration.profile import Profile
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.sasl import mechanism
from smtp_shell.replay.profiles import ProfiledServer, load_profiles, profiled_server, profiled_servers
from smtp_shell.replay.settings import ReplaySettings

TWO = """\
[near]
url = "smtp://127.0.0.1:2525"
starttls = true
ca_file = "near.pem"
user = "student"
password_command = "printf near"
timeout = 5
insecure_auth = true
variables = { to = "bob@example.org" }

[far]
url = "smtps://mx.example.org"
insecure = true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "servers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_profile_changes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, TWO.replace('ca_file = "near.pem"\n', ""))
    source = CredentialSource(user="ann", password_command="printf general")
    general = ReplaySettings(variables={"size": "1"}, send_secrets=True)
    near, far = profiled_servers(path, [], source, TlsSettings())
    assert isinstance(near, ProfiledServer)
    assert isinstance(far, ProfiledServer)
    settings = near.settings(general)
    assert (settings.server, settings.label, settings.starttls) == ("smtp://127.0.0.1:2525", "near", True)
    assert (settings.timeouts.reply, settings.allow_cleartext, settings.send_secrets) == (5, True, True)
    assert settings.variables == {"to": "bob@example.org", "size": "1"}
    assert settings.credentials is not None
    found = settings.credentials(mechanism("PLAIN"), "")
    assert (found.user, found.password.reveal()) == ("student", "near")
    other = far.settings(general)
    assert (other.starttls, other.tls_settings.insecure, other.variables) == (False, True, {"size": "1"})
    assert other.credentials is not None
    assert other.credentials(mechanism("PLAIN"), "").password.reveal() == "general"


def test_variables_of_the_command_line_precede_those_of_a_profile(tmp_path: Path) -> None:
    near = ProfiledServer("near", load_profiles(write(tmp_path, TWO))["near"], tmp_path)
    assert near.settings(ReplaySettings(variables={"to": "carol@example.org"})).variables["to"] == "carol@example.org"


def test_files_are_relative_to_the_file_of_profiles(tmp_path: Path) -> None:
    near = ProfiledServer("near", load_profiles(write(tmp_path, TWO))["near"], tmp_path)
    assert near.tls_settings(TlsSettings()).ca_file == tmp_path / "near.pem"


def test_a_server_is_a_name_or_a_url(tmp_path: Path) -> None:
    path = write(tmp_path, TWO)
    found = profiled_servers(path, ["far", "smtp://[::1]:25", "mx.example"], None, TlsSettings())
    assert [each if isinstance(each, str) else each.name for each in found] == ["far", "smtp://[::1]:25", "mx.example"]
    with pytest.raises(UsageError, match=r"nix is no profile of .*; it has near, far"):
        profiled_servers(path, ["nix"], None, TlsSettings())


def test_a_file_that_a_profile_names_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"near\.pem"):
        profiled_servers(write(tmp_path, TWO), [], None, TlsSettings())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no profiles"),
        ("[a", "is no TOML file"),
        ("[a]\nuser = 'x'", r":1: \[a\] has no server; add url = "),
        ("[a]\nurl = 'mx:25'\ncolour = 1", r":3: colour is no key of \[a\]"),
        ("[a]\nurl = 'mx:25'\ntimeout = 'x'", r":3: \[a\]: timeout: expected `float"),
        ("[a]\nurl = 'mx:25'\ntimeout = 0", "timeout is no number of seconds"),
        ("[a]\nurl = 'http://mx'", r"\[a\]: url: "),
        ("[a]\nurl = 'mx:25'\npassword = 'x'", "holds a password; a file is no place for it: name a password_command"),
        ("[a]\nurl = 'mx:25'\nvariables = { sasl = 'x' }", r"\[a\]: variables: "),
        ("[a]\nurl = 'mx:25'\nvariables = { to = \"x\\r\\nQUIT\" }", r"\[a\]: variables: "),
        ("a = 1", ":1: a is a value; write a table"),
        ("[profile.lab]\nurl = 'http://mx'", r": \[profile\.lab\]: url: "),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_profiles(write(tmp_path, text))


def test_the_profiles_of_a_configuration_are_profiles_too(tmp_path: Path) -> None:
    path = write(
        tmp_path, '[settings]\ntheme = "light"\n[profile.lab]\nhost = "127.0.0.1"\nport = 2525\nmatch = "text"\n'
    )
    (lab,) = profiled_servers(path, [], None, TlsSettings())
    assert isinstance(lab, ProfiledServer)
    settings = lab.settings(ReplaySettings())
    assert (settings.server, settings.strictness) == ("127.0.0.1:2525", Strictness.TEXT)
    assert lab.settings(ReplaySettings(strictness=Strictness.CODE)).strictness is Strictness.CODE


def test_a_file_that_is_missing_or_endless(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_profiles(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="is longer than 1,048,576 octets"):
        load_profiles(write(tmp_path, "#" * 1_100_000))


PIN = "SHA256:" + "ab" * 32
OTHER = TlsSettings(
    Path("ca.pem"), True, "1.1", "1.2", "LOW", Path("c.pem"), Path("k.pem"), "tls.example", "sni.example", ("smtp",)
)


@pytest.mark.parametrize("general", [TlsSettings(), replace(OTHER, pins=("cd" * 32,))])
def test_what_a_profile_says_of_tls_precedes_the_command_line_and_what_it_does_not_say_stays(
    general: TlsSettings,
) -> None:
    silent = ProfiledServer("a", Profile(url="mx:25"), Path("folder"))
    assert silent.tls_settings(general) == general
    profile = Profile(
        url="mx:25",
        ca_file="own.pem",
        insecure=False,
        tls_min="1.3",
        tls_max="1.3",
        ciphers="HIGH",
        client_cert="cert.pem",
        client_key="key.pem",
        tls_name="own.example",
        sni="none",
        alpn="a,b",
        tls_pin=PIN,
    )
    assert ProfiledServer("a", profile, Path("folder")).tls_settings(general) == TlsSettings(
        Path("folder/own.pem"),
        False,
        "1.3",
        "1.3",
        "HIGH",
        Path("folder/cert.pem"),
        Path("folder/key.pem"),
        "own.example",
        "none",
        ("a", "b"),
        ("ab" * 32,),
    )


@pytest.mark.parametrize(
    "general", [CredentialSource(), CredentialSource("ann", "printf a", "printf t", netrc=Path("n"), authzid="root")]
)
def test_what_a_profile_says_of_credentials_precedes_the_command_line(general: CredentialSource) -> None:
    assert ProfiledServer("a", Profile(url="mx:25"), Path("folder")).own_source(general) == general
    profile = Profile(
        url="mx:25",
        user="bob",
        password_command="printf b",
        token_command="printf c",
        netrc_file="netrc",
        authzid="carol",
    )
    assert ProfiledServer("a", profile, Path("folder")).own_source(general) == replace(
        general,
        user="bob",
        password_command="printf b",
        token_command="printf c",
        netrc=Path("folder/netrc"),
        authzid="carol",
    )


@pytest.mark.parametrize("said", [True, False, None])
@pytest.mark.parametrize("general", [True, False])
def test_a_profile_may_switch_on_and_off(said: bool | None, general: bool) -> None:
    server = ProfiledServer("a", Profile(url="mx:25", tls=said, starttls=said, insecure_auth=said), Path())
    found = server.settings(ReplaySettings(tls=general, starttls=general, allow_cleartext=general, has_token=general))
    wanted = general if said is None else said
    assert (found.tls, found.starttls, found.allow_cleartext, found.has_token) == (wanted, wanted, wanted, general)
    for name in ("tls", "starttls"):
        own = profiled_server("lab", "mx:25", Profile(match="text"), CredentialSource(), **{name: said})
        settings = own.settings(ReplaySettings(tls=general, starttls=general, has_token=True))
        assert (getattr(settings, name), settings.label, settings.server) == (wanted, "lab", "mx:25")
        assert (settings.strictness, settings.has_token) == (Strictness.TEXT, False)


def test_variables_of_a_profile_are_those_of_a_replay_alone() -> None:
    own = profiled_server("lab", "mx:25", Profile(variables={"to": "bob"}), CredentialSource())
    assert own.settings(ReplaySettings(variables={"size": "1"})).variables == {"to": "bob", "size": "1"}


def test_what_a_profile_says_wrong_is_named_by_its_key() -> None:
    odd = ProfiledServer("a", Profile(url="mx:25", resolver="mx.example", tls_pin="odd"), Path())
    with pytest.raises(UsageError, match=r"^resolver takes the IP address"):
        odd.connection(ReplaySettings().connection)
    with pytest.raises(ConfigError, match=r"^tls_pin\b"):
        odd.tls_settings(TlsSettings())


def test_a_profile_says_how_to_connect_and_how_long_to_wait() -> None:
    silent = ProfiledServer("a", Profile(url="mx:25"), Path())
    general = ReplaySettings(timeouts=Timeouts().all(9.0))
    assert silent.settings(general).timeouts == general.timeouts
    assert silent.connection(general.connection) == general.connection
    profile = Profile(
        url="mx:25", timeout=2.0, source="192.0.2.7", proxy="socks5h://192.0.2.9:1080", resolver="192.0.2.53"
    )
    found = ProfiledServer("a", profile, Path()).settings(general)
    assert found.timeouts == Timeouts().all(2.0)
    assert found.connection.source is not None
    assert found.connection.resolver is not None
    assert found.connection.proxy is not None
    assert ("192.0.2.7" in str(found.connection.source), "192.0.2.53" in str(found.connection.resolver)) == (True, True)

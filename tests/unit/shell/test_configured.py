"""Where settings come from, and which of the places wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.configuration.loading import Configuration, Scalar, configuration_of
from smtp_shell.configuration.profile import Profile
from smtp_shell.configuration.reading import parse_toml
from smtp_shell.errors import ConfigError, SmtpShellError
from smtp_shell.shell.configured import NAMES, Configured, configured, shown_origin, with_profile
from smtp_shell.shell.settings import ShellSettings

FILE = Path("/etc/x.toml")


def of(text: str) -> Configuration:
    return configuration_of(parse_toml(FILE, text.encode()), NAMES)


def test_each_place_precedes_the_next() -> None:
    file = of('[settings]\nehlo = "file"\ntheme = "light"\ntimes = false\ntimeout = 3\nauto-ehlo = true\n')
    environ = {"SMTP_SHELL_EHLO": "environment", "SMTP_SHELL_THEME": "plain", "SMTP_SHELL_TIMEOUT": "4"}
    found = configured(ShellSettings(), {"ehlo": "words", "timeout": "5.0"}, file, environ)
    profile = Profile(host="mx", ehlo="profile", timeout=6, insecure_auth=True, ca_file="ca.pem", sni="sni.example.org")
    found = with_profile(found, "lab", profile, Path("/etc"))
    settings = found.settings
    assert (settings.ehlo, settings.timeout, settings.theme) == ("words", 5, "plain")
    assert (settings.times, settings.auto_ehlo, settings.explain) == (False, True, "off")
    assert (settings.insecure_auth, settings.sni) == (True, "sni.example.org")
    assert settings.ca_file == str(Path("/etc/ca.pem"))
    assert found.origins == {
        "ehlo": "command line",
        "timeout": "command line",
        "theme": "SMTP_SHELL_THEME",
        "times": "configuration",
        "auto_ehlo": "configuration",
        "insecure_auth": "profile lab",
        "ca_file": "profile lab",
        "sni": "profile lab",
    }
    assert shown_origin("configuration", "auto_ehlo", file) == f"{FILE}:6"
    assert shown_origin("profile lab", "sni", file) == "profile lab"


def test_what_is_left_out_stays_as_by_default() -> None:
    file = of('[settings]\nca-file = "x.pem"\ntheme = "light"\n')
    found = configured(ShellSettings(), {}, file, {"SMTP_SHELL_SNI": "x"}, without=("ca_file", "sni"))
    assert found == Configured(ShellSettings(theme="light"), {"theme": "configuration"})
    assert configured(ShellSettings(), {}, None, {"SMTP_SHELL_SNI": "", "SNI": "x"}) == Configured(ShellSettings(), {})


def test_a_file_is_relative_to_the_file_that_names_it() -> None:
    found = configured(ShellSettings(), {}, of('[settings]\nca-file = "x.pem"\nclient-cert = ""\n'), {})
    assert (found.settings.ca_file, found.settings.client_cert) == (str(Path("/etc/x.pem")), "")


@pytest.mark.parametrize(
    ("text", "environ", "problem"),
    [
        ('[settings]\n\ntheme = "pink"', {}, rf"^{FILE}:3: theme takes one of "),
        ("[settings]\ntheme = true", {}, ":2: theme takes one of "),
        ("[settings]\nauto-ehlo = 7", {}, ":2: auto_ehlo: 7 is neither on nor off"),
        ("[settings]\ntimeout = -1", {}, ":2: timeout takes a number of seconds"),
        ("[settings]\ntimeout = nan", {}, ":2: timeout takes a number of seconds"),
        ('[settings]\nehlo = "a\\r\\nQUIT"', {}, ":2: ehlo: .*CR"),
        ("", {"SMTP_SHELL_THEME": "pink\x1b"}, "^SMTP_SHELL_THEME takes one of "),
        ("", {"SMTP_SHELL_TIMES": "\x1b[2J"}, r"^SMTP_SHELL_TIMES: \\x1b\[2J is neither on nor off"),
    ],
)
def test_a_value_that_does_not_fit_names_its_place(text: str, environ: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        configured(ShellSettings(), {}, of(text), environ)
    with pytest.raises(SmtpShellError, match=r"^--theme takes one of"):
        configured(ShellSettings(), {"theme": "pink"}, None, {})


@pytest.mark.parametrize(("key", "value"), [("timeout", 1e9), ("ehlo", "a\r\nQUIT"), ("tls_pin", "SHA256:x")])
def test_a_value_of_a_profile_that_does_not_fit(key: str, value: Scalar) -> None:
    profile = Profile(**{"host": "mx", key: value})  # type: ignore[arg-type]  # some of them are no text
    with pytest.raises(ConfigError, match=rf"^\[profile\.lab\]: {key}"):
        with_profile(Configured(ShellSettings(), {}), "lab", profile, Path())

"""The configuration file as values, and the sentences for a file that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smtp_shell.configuration import Configuration, configuration_path, load, profile_names
from smtp_shell.errors import ConfigError, UsageError

SETTINGS = ("theme", "ehlo", "auto_ehlo")
WHOLE = """\
[settings]
theme = "light"   # on paper
auto-ehlo = true

[profile.lab]
host = "mail.example.org"
port = 587
starttls = true
user = "student"
password-command = "printf x"
variables = { to = "bob@example.org" }

[profile.near]
url = "smtp://127.0.0.1:2525"

[alias]
hello = "ehlo; starttls; ehlo"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the configuration, which does not exist yet."""
    monkeypatch.delenv("SMTP_SHELL_CONFIG", raising=False)
    monkeypatch.setenv("SMTP_SHELL_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "config.toml"


def test_no_file_is_an_empty_configuration(file: Path) -> None:
    assert (configuration_path(), load(), profile_names()) == (file, Configuration(), ())


def test_a_file_has_settings_profiles_and_aliases(file: Path) -> None:
    file.write_text(WHOLE, "utf-8")
    found = load(settings=SETTINGS)
    assert found.settings == {"theme": "light", "auto_ehlo": True}
    assert found.aliases == {"hello": "ehlo; starttls; ehlo"}
    assert profile_names() == ("lab", "near")
    lab = found.profile("lab")
    assert (lab.address, lab.target.port, lab.target.starttls) == ("mail.example.org:587", 587, True)
    assert (lab.user, lab.password_command, lab.variables) == ("student", "printf x", {"to": "bob@example.org"})
    assert found.where("settings", "auto_ehlo") == f"{file}:3"
    assert found.where("profile", "near") == f"{file}:13"
    found.check()


def test_a_variable_names_another_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(WHOLE, "utf-8")
    other = tmp_path / "other.toml"
    monkeypatch.setenv("SMTP_SHELL_CONFIG", str(other))
    with pytest.raises(ConfigError, match="there is no such file; `smtp-shell config init` writes one"):
        load()
    other.write_bytes(b"\xef\xbb\xbf[profile.x]\r\nhost = 'mx'\r\n")
    assert profile_names() == ("x",)
    monkeypatch.setenv("SMTP_SHELL_CONFIG", os.devnull)
    assert load().profiles == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[settings]\n\nthemes = 'x'", r":3: themes is no key of \[settings\]; did you mean theme\?"),
        (b"[setting]\n", r":1: setting is no key of the file; did you mean settings\?"),
        (b"[profile.lab]\nhost = 'mx'\nPassWord = 'tell'", r":3: \[profile\.lab\] holds a password;"),
        (
            b"[profile.lab]\nhost = 'mx'\n[profile.lab.variables]\nPassword = 'tell'",
            r":4: the variables of \[profile\.lab\] hold a password; .* --var",
        ),
        (
            b"[profile.lab]\nhost = 'mx'\npassword = 'tell'",
            r":3: \[profile\.lab\] holds a password; .* password_command",
        ),
        (b"[settings]\ntoken = 'tell'", r":2: \[settings\] holds a token; .* token_command"),
        (b"[profile.practice]\nhost='a'", "that name cannot be one of a profile"),
        (b"[profile.'\x1b[2J']\nhost='a'", "is no TOML file"),
        (b"[profile.'a/../b']\nhost='a'", "that name cannot be one of a profile"),
        (b"[profile.\"\\u001b[2J\"]\nhost='a'", r"\\x1b\[2J\]: that name cannot be one of a profile"),
        (b"profile = 1", r":1: profile is a value; write a table, \[profile\]"),
        (b"[profile]\nlab = 'mx'", r":2: profile\.lab is a value; write a table"),
        (b"[settings]\ntheme = ['dark']", ":2: theme takes one value"),
        (b"[alias]\nhello = 1", r":2: alias hello: write its lines as one text"),
        (b"[settings", "is no TOML file: .*"),
        (b"[settings]\ntheme = 'li", r"is no TOML file: .*line 2|end of document"),
        (b"# ok\n\xff\n", ":2 is not UTF-8"),
        (b"a = " + b"[" * 100_000, "it is nested too deep"),
        (b"a = " + b"9" * 5000, "is no TOML file: Exceeds the limit"),
        (b"#" * 1_100_000, "is longer than 1,048,576 octets"),
        (b"a" + b".a" * 500_000 + b" = 1", "it is nested too deep"),
        (b'[a."b".c' + b" . a" * 200_000 + b"]", "it is nested too deep"),
        (b"".join(b"k%d=1\n" % number for number in range(50_000)), "the file has 49,990 more such keys"),
        (b"[settings]\n" + b"k" * 500_000 + b" = 1", ":2: k{60}… is no key of"),
    ],
)
def test_a_file_that_cannot_be_used(file: Path, text: bytes, problem: str) -> None:
    file.write_bytes(text)
    with pytest.raises(ConfigError, match=problem) as caught:
        load(settings=SETTINGS)
    assert str(caught.value).replace("\n", "").isprintable()
    assert len(str(caught.value)) < 3000
    assert "tell" not in str(caught.value)
    assert profile_names() == ()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("host = 'mx'\nca-fil = 'x'", r":3: ca-fil is no key of \[profile\.lab\]; did you mean ca_file\?"),
        ("host = 'mx'\nport = 'x'", r":3: \[profile\.lab\]: port: expected `int`, got `str`"),
        ("", r":1: \[profile\.lab\] has no server"),
        ("host = 'a'\nurl = 'b'", "has url and host; leave one of them out"),
        ("url = 'b'\nport = 25", r":3: .*port goes with host"),
        ("host = 'a'\nca_file = 'x'\nca-file = 'y'", "has a key twice"),
        ("host = 'a b'", r":1: \[profile\.lab\]: host: a b is no address"),
        ("url = 'smtp://ann:tell@mx'", "a user or password does not belong into the address"),
        ("host = 'mx'\nport = 70000", "port is no number from 1 to 65535|is no address"),
        ("host = 'mx'\nmatch = 'loose'", "no such strictness"),
        ("host = 'mx'\nmechanism = 'FOO'", "is no SASL mechanism"),
        ("host = 'mx'\ntls_pin = 'x'", "tls_pin"),
        ("host = 'mx'\nresolver = 'x y'", "resolver"),
        ("host = 'mx'\ntls = true\nstarttls = true", "exclude each other"),
        ("host = 'mx'\nehlo = \"a\\r\\nQUIT\"", "ehlo"),
    ],
)
def test_a_profile_is_checked_when_it_is_used(file: Path, line: str, problem: str) -> None:
    file.write_text(f"[profile.lab]\n{line}\n", "utf-8")
    found = load()
    with pytest.raises(ConfigError, match=problem) as caught:
        found.profile("lab")
    assert "tell" not in str(caught.value)
    with pytest.raises(ConfigError, match=problem):
        found.check()


def test_a_profile_that_there_is_not_names_the_nearest(file: Path) -> None:
    with pytest.raises(UsageError, match="the configuration has none; `smtp-shell config init`"):
        load().profile("lab")
    file.write_text(WHOLE, "utf-8")
    with pytest.raises(UsageError, match=r"labb is no profile; did you mean lab\?"):
        load().profile("labb")
    with pytest.raises(UsageError, match="the configuration has lab, near"):
        load().profile("x")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such owners and modes")
def test_a_file_that_others_can_write_is_not_used(file: Path) -> None:
    file.write_text(WHOLE, "utf-8")
    file.chmod(0o666)
    with pytest.raises(ConfigError, match=r"other users may write to it.*chmod go-w"):
        load()
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ConfigError, match="it is no regular file"):
        load()

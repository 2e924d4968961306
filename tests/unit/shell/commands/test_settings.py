"""`/set`: what it lists and changes, and what then works differently."""

from pathlib import Path

import pytest
import trustme
from msgspec.structs import fields

from smtp_shell.config import Timeouts
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.shell.settings import ShellSettings
from tests.unit.shell.fake import make_shell


def test_set_lists_every_setting_with_what_it_means() -> None:
    shell, _, screen = make_shell(settings=ShellSettings())
    shell.run("/set")
    rows = [row.split(maxsplit=2) for row in screen.said]
    assert {row[0].replace("-", "_") for row in rows} == {field.name for field in fields(ShellSettings)}
    assert all(len(row) == 3 for row in rows)


@pytest.mark.parametrize(
    ("typed", "name", "value", "shown"),
    [
        ("timeout 2.5", "timeout", 2.5, "2.5"),
        ("timeout 0", "timeout", 0.0, "0"),
        ("auto-ehlo on", "auto_ehlo", True, "on"),
        ("times OFF", "times", False, "off"),
        ("decoded no", "decoded", False, "off"),
        ("editing vi", "editing", "vi", "vi"),
        ("theme light", "theme", "light", "light"),
        ("ehlo client.example.org", "ehlo", "client.example.org", "client.example.org"),
        ("ehlo ''", "ehlo", "", "''"),
        ("insecure yes", "insecure", True, "on"),
        ("insecure-auth 1", "insecure_auth", True, "on"),
    ],
)
def test_set_changes_a_setting(typed: str, name: str, value: object, shown: str) -> None:
    shell, _, screen = make_shell(settings=ShellSettings())
    shell.run(f"/set {typed}")
    assert getattr(shell.settings, name) == value
    shell.run(f"/set {typed.split()[0]}")
    assert screen.said[-1] == f"  {typed.split()[0]} {shown}"


def test_the_look_follows_the_settings() -> None:
    shell, _, screen = make_shell(settings=ShellSettings())
    looks = [screen.look]
    for line in ("/set times off", "/set decoded off"):
        shell.run(line)
        looks.append(screen.look)
    assert [(look.times, look.decoded) for look in looks] == [(True, True), (False, True), (False, False)]


def test_the_name_for_ehlo_and_auto_ehlo() -> None:
    shell, server, _ = make_shell(settings=ShellSettings())
    shell.run("/set ehlo other.example.org")
    shell.run("ehlo")
    shell.run("/set auto-ehlo on")
    shell.run("starttls")
    assert server.lines == [b"EHLO other.example.org", b"STARTTLS", b"EHLO other.example.org"]


def test_one_number_sets_every_wait() -> None:
    shell, _, _ = make_shell(settings=ShellSettings())
    assert shell.timeouts == Timeouts.patient()
    shell.run("/set timeout 7")
    assert shell.timeouts == Timeouts.patient().all(7)


def test_a_ca_file_is_a_file(tmp_path: Path) -> None:
    shell, _, _ = make_shell(settings=ShellSettings())
    pem = tmp_path / "ca.pem"
    with pytest.raises(ConfigError, match=r"^/set ca-file .*ca\.pem: there is no such file; give a PEM file"):
        shell.run(f"/set ca-file {pem}")
    pem.touch()
    with pytest.raises(ConfigError, match="it holds nothing"):
        shell.run(f"/set ca-file {pem}")
    assert shell.settings.ca_file == ""
    trustme.CA().cert_pem.write_to_path(str(pem))
    shell.run(f"/set ca-file {pem}")
    assert shell.tls.ca_file == pem
    shell.run("/set ca-file ''")
    assert shell.tls.ca_file is None


def test_a_setting_that_is_refused_stays_as_it_was() -> None:
    shell, _, _ = make_shell(settings=ShellSettings())
    before = shell.settings
    for typed in (
        "times perhaps",
        "timeout long",
        "timeout 90000",
        "timeout inf",
        "editing ed",
        "theme pink",
        "nonsense 1",
    ):
        with pytest.raises(UsageError):
            shell.run(f"/set {typed}")
    assert shell.settings == before

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


def test_origin_says_where_a_setting_came_from() -> None:
    shell, _, screen = make_shell(settings=ShellSettings())
    shell.origins = {"ehlo": "command line"}
    shell.run("/set theme light")
    shell.run("/set --origin")
    rows = {row.split()[0]: row.split(maxsplit=2)[2] for row in screen.said}
    assert (rows["theme"], rows["ehlo"], rows["times"]) == ("/set", "command line", "default")
    screen.said.clear()
    shell.run("/set --origin theme --json")
    assert screen.said == []
    assert screen.answers[-1] == {"setting": "theme", "value": "light", "origin": "/set"}


def test_save_keeps_settings_in_the_configuration_with_the_rest_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config" / "config.toml"
    shell, _, screen = make_shell(settings=ShellSettings())
    with pytest.raises(UsageError, match="/set has changed nothing here"):
        shell.run("/set --save")
    shell.run("/set --save theme light")
    assert (shell.settings.theme, shell.origins["theme"]) == ("light", str(file))
    file.write_text(f"# mine\n{file.read_text('utf-8')}# below\n", "utf-8")
    for line in ("/set timeout 5", "/set times off", "/set --save"):
        shell.run(line)
    assert file.read_text("utf-8") == '# mine\n[settings]\ntheme = "light"\ntimeout = 5\ntimes = false\n# below\n'
    monkeypatch.setenv("SMTP_SHELL_THEME", "dark")
    shell.run("/set --save theme")
    assert screen.said[-1] == "  SMTP_SHELL_THEME is set, and precedes the file."


def test_the_name_of_a_file_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    shell, _, _ = make_shell(settings=ShellSettings())
    shell.run("/set --save ca-file ca.pem")
    assert f'ca_file = "{tmp_path / "ca.pem"}"' in (tmp_path / "config" / "config.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/set themes", r"themes is no setting; did you mean theme\?"),
        ("/set auto_ehlo", r"auto_ehlo is no setting; did you mean auto-ehlo\?"),
        ("/set xyzzy", "xyzzy is no setting; /set lists them"),
        ("/set --save themes light", r"did you mean theme\?"),
        ("/set --origin themes", r"did you mean theme\?"),
        ("/set --nonsense", "/set has no option --nonsense"),
        ("/set --save theme pink", "takes one of"),
    ],
)
def test_what_is_no_setting_names_the_nearest(line: str, problem: str, tmp_path: Path) -> None:
    shell, _, _ = make_shell(settings=ShellSettings())
    with pytest.raises(UsageError, match=problem):
        shell.run(line)
    assert not (tmp_path / "config").exists()

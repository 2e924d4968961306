"""Changing one key of a file: the rest of it, comments too, stays as it was."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest

from smtp_shell.configuration.loading import Scalar
from smtp_shell.configuration.reading import parse_toml
from smtp_shell.configuration.writing import literal, save_value, shown_path, with_value
from smtp_shell.errors import ConfigError

WHOLE = """\
# top
[settings] # here
# theme = "dark"   # colours
times = true # yes
long = \"\"\"
times = false
\"\"\"

[profile.lab]
host = "mx"
"""


def changed(text: str, table: str, key: str, value: Scalar | None) -> str:
    return with_value(parse_toml(Path("x.toml"), text.encode()), table, key, value)


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("times", False, "times = true # yes\n", "times = false # yes\n"),
        ("times", None, "times = true # yes\n", ""),
        ("theme", "light", '# theme = "dark"   # colours\n', '# theme = "dark"   # colours\ntheme = "light"\n'),
        ("long", "x", 'long = """\ntimes = false\n"""\n', 'long = "x"\n'),
        ("ehlo", 'a"\\\x1b', 'times = false\n"""\n', 'times = false\n"""\nehlo = "a\\"\\\\\\u001b"\n'),
        ("timeout", 2.0, 'times = false\n"""\n', 'times = false\n"""\ntimeout = 2\n'),
    ],
)
def test_one_key_changes_and_the_rest_stays(key: str, value: Scalar | None, before: str, after: str) -> None:
    assert changed(WHOLE, "settings", key, value) == WHOLE.replace(before, after)


def test_a_table_that_is_not_there_is_added_at_the_end() -> None:
    assert changed(WHOLE, "alias", "hello", "ehlo; quit") == f'{WHOLE}\n[alias]\nhello = "ehlo; quit"\n'
    assert changed("", "alias", "hello", "x") == '[alias]\nhello = "x"\n'
    assert changed("a = 1", "alias", "hello", "x") == 'a = 1\n\n[alias]\nhello = "x"\n'


def test_the_spelling_and_the_line_ends_of_the_file_stay() -> None:
    text = "[settings]\r\nauto-ehlo = true # x\r\n"
    assert changed(text, "settings", "auto_ehlo", False) == text.replace("true", "false")
    assert changed(text, "settings", "theme", "light") == f'{text}theme = "light"\r\n'
    assert changed('settings.theme = "a"\n', "settings", "theme", "b") == 'settings.theme = "b"\n'


@pytest.mark.parametrize("text", ['settings = { theme = "a" }\n', "[settings]\n'th\\u0065me' = 1\n[settings.theme]\n"])
def test_what_cannot_be_changed_alone_is_left_to_the_user(text: str) -> None:
    with pytest.raises(ConfigError, match=r"theme cannot be changed there without changing more; edit the file"):
        changed(text, "settings", "theme", "b")


@pytest.mark.parametrize(
    "value", ["", "a", '"', "\\", "\n\r\t\0\x7f", "ü\u2028", True, False, 0, -5, 1.5, 1e300, 600.0]
)
def test_a_literal_is_the_value(value: Scalar) -> None:
    assert tomllib.loads(f"x = {literal(value)}")["x"] == value


def test_a_file_is_written_for_its_owner_alone_and_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    save_value(path, "settings", "theme", "light")
    save_value(path, "settings", "times", True)
    assert path.read_text("utf-8") == '[settings]\ntheme = "light"\ntimes = true\n'
    assert os.listdir(path.parent) == ["config.toml"]
    if hasattr(os, "geteuid"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_link_leads_to_is_changed(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    link, real = tmp_path / "config.toml", tmp_path / "dotfiles" / "config.toml"
    real.write_text("# mine\n", "utf-8")
    link.symlink_to(real)
    save_value(link, "settings", "theme", "light")
    assert link.is_symlink()
    assert real.read_text("utf-8") == '# mine\n\n[settings]\ntheme = "light"\n'


def test_a_file_that_cannot_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for octets in (b"[settings", b"\xff", b"#" * 1_100_000):
        path.write_bytes(octets)
        with pytest.raises(ConfigError):
            save_value(path, "settings", "theme", "light")
        assert path.read_bytes() == octets
    with pytest.raises(ConfigError, match="keeps nothing; name a file with SMTP_SHELL_CONFIG"):
        save_value(Path(os.devnull), "settings", "theme", "light")
    with pytest.raises(ConfigError, match=r"cannot be written: "):
        save_value(path / "x" / "config.toml", "settings", "theme", "light")


def test_a_path_in_the_home_folder_is_shown_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert shown_path(tmp_path / "a\x1b.toml") == f"~{os.sep}a\\x1b.toml"
    assert shown_path(Path("/x/config.toml")) == str(Path("/x/config.toml"))

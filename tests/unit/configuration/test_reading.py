"""Which files are trusted, where a key stands, and what is said of a file that is no TOML."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from smtp_shell.configuration.positions import line_of
from smtp_shell.configuration.reading import parse_toml, why_not_trusted
from smtp_shell.errors import ConfigError

TEXT = """\
top = 1
[a]
x = '''
[b]
y = 1
'''
"q" = 2 # [c]
d.e = 3
t = { u = 4 }

[ b . "c" ]
y = 5
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("top",), 1),
        (("a",), 2),
        (("a", "x"), 3),
        (("a", "q"), 7),
        (("a", "d", "e"), 8),
        (("a", "d"), 8),
        (("a", "t", "u"), 9),
        (("b", "c"), 11),
        (("b",), 11),
        (("b", "c", "y"), 12),
        (("b", "y"), 0),
        (("c",), 0),
    ],
)
def test_the_line_of_a_key(keys: tuple[str, ...], line: int) -> None:
    assert line_of(TEXT, keys) == line


def facts(mode: int, user: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, user, 0, 0, 0, 0, 0))


def test_a_file_of_another_user_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert why_not_trusted(facts(0o100600, 1000)) == why_not_trusted(facts(0o100644, 0)) == ""
    assert "it belongs to another user" in why_not_trusted(facts(0o100600, 1001))
    assert "other users may write to it" in why_not_trusted(facts(0o100620, 1000))
    assert "other users may write to it" in why_not_trusted(facts(0o100602, 1000))


def test_windows_has_no_such_owners_and_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(os, "geteuid", raising=False)
    assert why_not_trusted(facts(0o100666, 0)) == ""


@pytest.mark.parametrize("path", [r"C:\Users\ann\ca.pem", r"C:\lab\ca.pem"])
def test_a_path_of_windows_in_double_quotes_is_explained(path: str) -> None:
    with pytest.raises(
        ConfigError, match=r"line 1, column \d+\); a path with backslashes goes between single quotes\.$"
    ):
        parse_toml(Path("config.toml"), f'ca_file = "{path}"\n'.encode())
    assert parse_toml(Path("config.toml"), f"ca_file = '{path}'\n".encode()).tables == {"ca_file": path}

"""The file that `smtp-shell config init` writes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from smtp_shell.configuration.loading import configuration_of
from smtp_shell.configuration.reading import parse_toml
from smtp_shell.configuration.sample import sample
from smtp_shell.shell.settings import ShellSettings, settings_table
from tests.unit.configuration.test_writing import changed

DEFAULTS = ShellSettings()
TEXT = sample(
    (key.replace("-", "_"), setting.meaning, getattr(DEFAULTS, key.replace("-", "_")))
    for key, setting in settings_table().items()
)


def test_it_says_nothing_as_it_stands() -> None:
    assert tomllib.loads(TEXT) == {"settings": {}, "alias": {}}


def test_each_line_can_be_made_one_that_says_what_is_so_by_default() -> None:
    text = re.sub(r"(?m)^# (?=[a-z_]+ = |\[)", "", TEXT)
    found = configuration_of(parse_toml(Path("x.toml"), text.encode()), ShellSettings.__struct_fields__)
    assert found.settings == {name: getattr(DEFAULTS, name) for name in ShellSettings.__struct_fields__}
    assert (found.profile("lab").port, set(found.aliases), found.startup) == (587, {"hello", "to"}, "startup")


def test_a_setting_that_is_saved_stands_below_its_comment() -> None:
    assert '# theme = "dark"\ntheme = "light"\n' in changed(TEXT, "settings", "theme", "light")
    assert '# hello = "ehlo; starttls; ehlo; auth"\nhello = "ehlo"\n' in changed(TEXT, "alias", "hello", "ehlo")

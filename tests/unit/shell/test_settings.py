"""The table of settings: a field of `ShellSettings` is all that a setting needs."""

import pytest
from msgspec.structs import fields

from smtp_shell.display.themes import THEMES
from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.shell.settings import ShellSettings, changed, settings_table, shown

DEFAULTS = ShellSettings()


def test_every_field_is_a_setting_with_a_meaning() -> None:
    table = settings_table()
    assert [name.replace("-", "_") for name in table] == [field.name for field in fields(ShellSettings)]
    assert all(setting.meaning.isprintable() for setting in table.values())


@pytest.mark.parametrize("name", settings_table())
def test_what_is_shown_can_be_typed(name: str) -> None:
    assert changed(DEFAULTS, name, shown(DEFAULTS, name)) == DEFAULTS


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_can_be_chosen_and_is_named(theme: str) -> None:
    assert changed(DEFAULTS, "theme", theme).theme == theme
    assert theme in settings_table()["theme"].meaning


def test_a_value_that_does_not_fit_is_refused_in_a_sentence_that_says_what_does() -> None:
    for name, text, sentence in (
        ("times", "per\x1bhaps", r"/set times: per\x1bhaps is neither on nor off."),
        ("timeout", "-1", "/set timeout takes a number of seconds from 0 (the defaults) to 86400."),
        ("editing", "ed", "/set editing takes one of emacs, vi."),
    ):
        with pytest.raises(UsageError) as caught:
            changed(DEFAULTS, name, text)
        assert str(caught.value) == sentence
    with pytest.raises(NotSendable, match="/set ehlo: the value holds LF"):
        changed(DEFAULTS, "ehlo", "a\nb")


def test_the_settings_before_stay_as_they_were() -> None:
    after = changed(DEFAULTS, "times", "off")
    assert (DEFAULTS.times, after.times) == (True, False)

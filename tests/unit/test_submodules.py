"""Modules that are found in a folder, and a folder that the system does not let us read."""

import os
import sys
from typing import NoReturn

import pytest

from smtp_shell import figures
from smtp_shell.errors import SystemRefused
from smtp_shell.shell import commands
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.shell import Shell
from smtp_shell.study import kinds
from smtp_shell.submodules import submodules


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no folder be read."""

    def refuse(*args: object) -> NoReturn:
        raise OSError(24, "Too many open files")

    # What has been listed is kept there.
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.setattr(os, "listdir", refuse)


def test_modules_come_in_the_order_of_their_names() -> None:
    found = [module.__name__ for module in submodules(kinds)]
    assert found == sorted(found)
    assert "smtp_shell.study.kinds.auth" in found
    assert figures.__name__ not in found


@pytest.mark.usefixtures("unreadable")
def test_a_shell_without_its_commands_sends_nothing_as_typed() -> None:
    registry: Registry[Shell] = Registry.load()
    with pytest.raises(SystemRefused, match=rf"^the modules of {commands.__name__} cannot be read"):
        registry.shorthand("auth", "")


@pytest.mark.usefixtures("unreadable")
def test_a_quiz_without_its_kinds_is_refused() -> None:
    with pytest.raises(SystemRefused, match="cannot be read"):
        kinds.all_kinds.__wrapped__()

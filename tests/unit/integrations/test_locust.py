"""Locust, where it is not installed. Where it is, tests/wire/test_locust.py runs it."""

import sys
from importlib import import_module

import pytest


def test_without_the_extra_one_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "smtp_shell.integrations.locust"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "locust", None)
    with pytest.raises(ModuleNotFoundError, match=r'needs an extra.*: pip install "smtp-shell\[locust\]"\.$') as raised:
        import_module(name)
    assert raised.value.name == "locust"
    assert raised.value.__suppress_context__

"""The package, which has the name of the API's function."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from smtp_shell import Transcript
from smtp_shell.errors import UsageError


def test_the_package_can_be_called_as_the_function_of_its_name() -> None:
    package: Any = importlib.import_module(
        "smtp_shell.replay"
    )  # a module, which hides the function once it is imported
    with pytest.raises(UsageError, match=r"^<transcript> names no server"):
        package(Transcript.parse("C: NOOP\n"))

"""Programs of the system that tests run: other shells, and what reads the manual page."""

from __future__ import annotations

import shutil

import pytest


def skip_without(*programs: str) -> None:
    """Skip the test if one of the programs is not installed (Debian: apt-get install bash zsh fish groff-base mandoc)."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (Debian: apt-get install bash zsh fish groff-base mandoc)")

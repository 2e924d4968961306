"""All scenarios: every `scenarios_*.py` of this folder."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.hostile.scenario import SCENARIOS, Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Import every `scenarios_*.py` of this folder, and return all scenarios by name."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("scenarios_"):
            importlib.import_module(f"tests.hostile.{module.name}")
    return SCENARIOS

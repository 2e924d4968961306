"""Rules about order."""

from __future__ import annotations

"""Rules about auth."""

from __future__ import annotations

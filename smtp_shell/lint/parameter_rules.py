"""Rules about parameter."""

from __future__ import annotations

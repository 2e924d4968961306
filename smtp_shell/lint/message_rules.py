"""Rules about message."""

from __future__ import annotations

"""Rules about server."""

from __future__ import annotations

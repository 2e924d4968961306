"""Rules about tls."""

from __future__ import annotations

"""See SMTP with your own eyes: an interactive shell, transcripts, and their replay."""

from __future__ import annotations

__version__ = "0.1.0"

"""The dialects whose lines have a mark for who speaks: the table of those in this family."""

from __future__ import annotations

from typing import Final

from smtp_shell.importers.dialect import Dialect
from smtp_shell.importers.rfc import RFC
from smtp_shell.importers.swaks import SWAKS

DIALECTS: Final[tuple[Dialect, ...]] = (SWAKS, RFC)
"""The marked dialects; the surest of them first."""

"""The linter: what in a dialogue breaks a rule of an RFC, or is unwise.

`Linter` reads entries, from a live session or from a file. A rule is a function in one of the modules `*_rules`, with its name, severity
and source in a decorator. A rule sees a moment of the dialogue and a view of where the dialogue stood before it, and changes nothing.
"""

from __future__ import annotations

from smtp_shell.lint.findings import Finding, Severity
from smtp_shell.lint.linter import Linter

__all__ = ["Finding", "Linter", "Severity"]

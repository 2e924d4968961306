"""Mail data that is being written, linted as far as it goes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from smtp_shell.lint.files import is_about_messages
from smtp_shell.lint.findings import Finding, Place
from smtp_shell.lint.linter import Linter
from smtp_shell.lint.mail_data import MessageScan
from smtp_shell.lint.rules import all_rules

if TYPE_CHECKING:
    from smtp_shell.lint.moments import View

MOST_OCTETS = 256 * 1024
"""Octets of mail data that are linted while it is written: as many as of mail data that was sent."""


def lint_draft(octets: bytes, view: View) -> list[Finding]:
    """Return what is wrong with mail data so far. Their lines are those of the mail data.

    Nothing is said of what is not there yet: of the header once it has ended, and never of the end.

    Args:
        octets: The mail data, in whole lines with CRLF, without dots that are doubled.
        view: Where the dialogue stands.
    """
    scan = MessageScan(transparent=False)
    found: list[Finding] = []
    for number, text in enumerate(octets[:MOST_OCTETS].split(b"\n")[:-1], start=1):
        line = text + b"\n"
        if scan.takes_plain(line):
            continue
        for moment, place in scan.receive(line, Place(number)):
            _linter().check(moment, view, place, found)
    return found


@lru_cache(maxsize=1)
def _linter() -> Linter:
    return Linter(rule for rule in all_rules().values() if is_about_messages(rule))

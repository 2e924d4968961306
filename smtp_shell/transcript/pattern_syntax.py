"""The syntax of regular expressions in a transcript: Python's, so that a pattern means the same in any tool that follows the format."""

from __future__ import annotations

import re
import warnings
from _thread import allocate_lock  # threading takes ten times as long to load as this module
from typing import Final

from smtp_shell.protocol.octets import escape_str

LONGEST_PATTERN: Final = 4096
"""Longest pattern, in characters."""

# warnings.catch_warnings swaps process-wide filters. With --jobs, several threads parse at a time.
_WARNINGS = allocate_lock()


def check_pattern(text: str) -> None:
    """Check a pattern as it stands in a file.

    Raises:
        ValueError: It is no usable pattern. The message is a sentence for the user.
    """
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"the pattern is longer than {LONGEST_PATTERN:,} characters")
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"the pattern is no regular expression: {escape_str(error.msg)}{where}") from None
    except Warning as warning:
        raise ValueError(
            f"the pattern may not mean the same everywhere: {escape_str(str(warning))}; put a backslash before the bracket or sign"
        ) from None
    except (RecursionError, OverflowError, MemoryError):
        raise ValueError("the pattern is too complicated") from None

"""Text as Markdown that shows it as it is, so that nothing in it is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~$&@]|:(?=\S)|(?<=[wW]{3})\.")
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")


def prose(text: str) -> str:
    """Return text that Markdown shows as it is, in a paragraph or a table.

    Args:
        text: Printable text, one line.

    Source: CommonMark 0.31 section 2.4
    """
    shown = _SPECIAL.sub(r"\\\g<0>", text.strip())
    if shown[:1] in ("-", "+", "="):
        return f"\\{shown}"
    return _NUMBERED.sub(r"\1\\\2", shown)


def fenced(lines: Iterable[str], language: str = "text") -> Iterator[str]:
    """Yield lines as a fenced block whose fence is longer than any run of backticks in them.

    Args:
        lines: Printable lines.
        language: The block's info string.

    Source: CommonMark 0.31 section 4.5
    """
    kept = list(lines)
    longest = max((len(run) for line in kept for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"\n{fence}{language}\n"
    yield from (f"{line}\n" for line in kept)
    yield f"{fence}\n"

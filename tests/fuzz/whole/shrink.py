"""Makes a case smaller as long as it fails in the same way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tests.fuzz.whole.case import blocks, joined


def shrunk(text: str, fails: Callable[[str], bool], seconds: float = 60.0) -> str:
    """Return the smallest case that was found to fail.

    Args:
        text: A case that fails.
        fails: Whether a case fails in the same way.
        seconds: How long to look for a smaller one.
    """
    end = time.monotonic() + seconds
    smaller = True
    while smaller and time.monotonic() < end:
        smaller = False
        for candidate in _candidates(text):
            if time.monotonic() > end:
                break
            if candidate != text and fails(candidate):
                text, smaller = candidate, True
                break
    return text


def _candidates(text: str) -> Iterator[str]:
    """Yield smaller cases, the smallest first: without groups of lines, without lines, with shorter ones."""
    groups = blocks(text)
    size = len(groups) // 2
    while size:
        for start in range(len(groups) - size, -1, -size):
            yield joined(groups[:start] + groups[start + size :])
        size //= 2
    lines = text.split("\n")
    for number in range(len(lines) - 1, -1, -1):
        yield "\n".join(lines[:number] + lines[number + 1 :])
    for number, line in enumerate(lines):
        for shorter in _shorter(line):
            yield "\n".join([*lines[:number], shorter, *lines[number + 1 :]])


def _shorter(line: str) -> Iterator[str]:
    if line.startswith("%"):
        words = line.split()
        for number in range(1, len(words)):
            yield " ".join(words[:number] + words[number + 1 :])
        return
    if len(line) > 40:
        yield line[: len(line) // 2]
    parts = line.split("\\r\\n")
    if len(parts) > 2:
        for number in range(len(parts) - 1):
            yield "\\r\\n".join(parts[:number] + parts[number + 1 :])

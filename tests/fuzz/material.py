"""How the octets of a fuzzer become what a target needs: choices, segments, programs, and checks on what comes out.

Inputs are text as far as possible, so that a seed can be read and a finding be understood: the first line makes the choices, the
lines behind it are the material.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

Item = TypeVar("Item")

# Written out by ranges, and not by Unicode categories as in `octets.escape`: a check of its own.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    "\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
LONGEST = 64 * 1024


class Choices:
    """Small numbers from octets, one octet each; round and round, so that there is always one more.

    Args:
        octets: The octets.
    """

    def __init__(self, octets: bytes) -> None:
        self._octets = octets or b"\0"
        self._at = 0

    def below(self, limit: int) -> int:
        octet = self._octets[self._at % len(self._octets)]
        self._at += 1
        return octet % limit

    def one_of(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def segments(self, octets: bytes) -> Iterator[bytes]:
        """Cut octets into segments of chosen lengths."""
        start = 0
        while start < len(octets):
            length = self.below(256) or 1
            yield octets[start : start + length]
            start += length


def split_choices(data: bytes) -> tuple[Choices, bytes]:
    """Split the first line off as choices; return them and the rest."""
    line, _, rest = data.partition(b"\n")
    return Choices(line), rest


def assert_seen(*texts: str) -> None:
    """Make sure that nothing in these lines can act on a terminal, or hide in it."""
    for text in texts:
        found = UNSEEN.search(text)
        assert not found, f"U+{ord(found[0]):04X} in {text!r}"
        assert text.isprintable(), repr(text)


@contextmanager
def at_most(seconds: float, what: str = "") -> Iterator[None]:
    """Make sure that something takes no longer, in time of the processor: what else the machine does is not counted."""
    start = time.process_time()
    yield
    took = time.process_time() - start
    assert took <= seconds, f"{what} took {took:.1f} s"


@cache
def folder() -> Path:
    """Return a folder of this process that goes with it."""
    directory = TemporaryDirectory(prefix="smtp-shell-fuzz-", ignore_cleanup_errors=True)
    _kept.append(directory)
    return Path(directory.name)


def never_raises(function: Callable[[], Item], *allowed: type[Exception]) -> Item | None:
    """Call a function that may refuse, in printable sentences, and may do no other harm.

    Returns:
        What it gave; None when it refused.
    """
    try:
        return function()
    except allowed as error:
        assert_seen(*str(error).split("\n"))
        return None


_kept: list[TemporaryDirectory[str]] = []

"""Characters that a console of Windows hands over in halves: joined as they are typed, so that no line holds half of one.

Such a console speaks UTF-16, in which an emoji is two code units (surrogates), and prompt_toolkit passes on each as a key of its own.
A surrogate has no UTF-8, so that a line with one could neither be hinted at nor sent nor kept. On POSIX there are others, U+DC80 to
U+DCFF, which stand for octets that are no UTF-8 (PEP 383). They stay as they are.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from prompt_toolkit.document import Document

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer

_HALVES = re.compile("([\ud800-\udbff][\udc00-\udfff])|[\ud800-\udc7f\udd00-\udfff]")
_REPLACEMENT = "\ufffd"


def whole(text: str) -> str:
    """Return a text with halves joined that follow each other, and U+FFFD for a half that is alone.

    Args:
        text: The text.

    Source: The Unicode Standard, section 3.9 (D91, UTF-16) and section 3.8 (surrogates)
    """
    return _HALVES.sub(
        lambda found: found[1].encode("utf-16-le", "surrogatepass").decode("utf-16-le") if found[1] else _REPLACEMENT,
        text,
    )


def keep_whole(buffer: Buffer) -> None:
    """Keep halves out of a buffer from now on: the first one is held back until the second has come. Only Windows has them.

    Args:
        buffer: The buffer.
    """
    if sys.platform == "win32":
        buffer.on_text_insert += _Halves().join


class _Halves:
    """The first half of a character, while the second is awaited. Where something else comes, it is dropped."""

    def __init__(self) -> None:
        self._held = ""

    def join(self, buffer: Buffer) -> None:
        """Change what has just been inserted, where it is no whole character."""
        text = buffer.text
        if not self._held:
            try:
                text.encode()  # done at each key: no time for ASCII, unlike the search
            except UnicodeEncodeError:
                pass
            else:
                return
        held, self._held = self._held, ""
        before, after = text[: buffer.cursor_position], text[buffer.cursor_position :]
        if "\ud800" <= before[-1:] <= "\udbff":
            before, self._held = before[:-1], before[-1]
        elif held and "\udc00" <= before[-1:] <= "\udfff":
            before = f"{before[:-1]}{held}{before[-1]}"
        before = whole(before)
        if (fixed := before + whole(after)) != text:
            buffer.set_document(Document(fixed, len(before)))

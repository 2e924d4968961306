"""The terminal of a hostile scenario: whether the program is at a prompt, and what its screen must not show."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tests.hostile.runner import PROGRAM, secrets_in
from tests.support import terminal
from tests.support.memory import most_memory
from tests.support.terminal import ENTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_PHASE = r"(?: NOT-VERIFIED| tls)? [a-z ]+> "
PROMPT = re.compile(rf"smtp-shell> |mail data: |answer to the 334 \(hidden\): |[a-z]+://\S+{_PHASE}|\S+:\d+{_PHASE}")
QUESTION = re.compile(r".*\[y/N\] ")

OWN_SEQUENCES = re.compile(
    rb"\x1b\[(?:[0-9;]*m|[0-9]*[ABCDJK]|[0-9]*(?:;[0-9]*)?H|\?(?:1|7|12|25|2004)[hl])|\x1b\[0 q|[\r\x08]"
)
"""The control sequences of prompt_toolkit and rich: colours, cursor movement, erasing, modes. No title, no report."""

_ERROR = b"\x1b[1;31m"
_REFUSED = re.compile(rb"(?m)^[!~][ =?] S: |^   #! |^   \*: (?:close|timeout)")


class Terminal(terminal.Terminal):
    """The program in a terminal, for scenarios that must end with a list of faults and not with the first.

    Args:
        words: The program's arguments.
        folder: Its working directory.
        environment: Its variables, besides those that describe the terminal.

    Attributes:
        peak: The program's peak memory so far, in octets.
    """

    def __init__(self, words: Iterable[str], folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__([*PROGRAM, *words], environment, folder=folder)
        self.peak = 0
        self._typed_at = 0  # octets written when keys were last typed

    @property
    def at_prompt(self) -> bool:
        """Whether the program is at a prompt with nothing typed after it."""
        return PROMPT.fullmatch(self.line) is not None or self.in_editor

    @property
    def at_question(self) -> bool:
        """Whether the program waits for yes or no."""
        return QUESTION.fullmatch(self.line) is not None

    @property
    def in_trouble(self) -> bool:
        """Whether an error, a notice, a refusal or a close has been shown since keys were last typed."""
        new = bytes(self.raw[self._typed_at :])
        return _ERROR in new or _REFUSED.search(OWN_SEQUENCES.sub(b"", new)) is not None

    def type(self, text: str | bytes) -> None:
        self._typed_at = len(self.raw)
        super().type(text)

    def submit(self, line: str, seconds: float) -> bool:
        """Enter a line, and return whether the next prompt or question, or the next line of the editor, comes in time."""
        if self.in_editor and line != ".":
            before = self.line
            self.type(line + ENTER)
            return self.until(lambda: self.in_editor and self.line != before, seconds)
        self._answered = self._prompts
        self.type(line + ENTER)
        return self.prompt_within(seconds)

    def prompt_within(self, seconds: float) -> bool:
        """Return whether a prompt or a question that is not answered yet comes in time."""
        return self.until(lambda: self._prompts > self._answered and (self.at_prompt or self.at_question), seconds)

    def silence_within(self, silence: float, seconds: float) -> bool:
        """Return whether, within `seconds`, the program writes nothing for `silence` seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            size = len(self.raw)
            if not self.until(lambda size=size: len(self.raw) > size, silence):  # type: ignore[misc]
                return True
        return False

    def faults(self, rows: Iterable[str]) -> Iterator[str]:
        """Yield what the screen shows and must not show.

        Args:
            rows: Words that no row may start with.
        """
        shown = self.all_rows
        for joined in ("".join(row[6:] for row in shown), "".join(row.strip() for row in shown)):
            yield from (f"a credential is on the screen, wrapped: {form!r}" for form in secrets_in(joined.encode()))
        if self.title:
            yield f"the window's title was set: {self.title!r}"
        words = tuple(rows)
        if words:
            forged = (row for row in shown if row.lstrip().startswith(words))
            yield from (f"a row starts like one of the program's: {row!r}" for row in forged)

    def _read(self, seconds: float) -> bool:
        is_running = super()._read(seconds)
        self.peak = max(self.peak, most_memory(self.pid))
        return is_running

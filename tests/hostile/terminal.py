"""The program in a terminal of 80 columns and 24 rows: what is typed, the octets that come out, and the screen that they make."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pexpect
import pyte

from tests.hostile.runner import PROGRAM, secrets_in
from tests.support.memory import most_memory

COLUMNS, ROWS = 80, 24
_PHASE = r"(?: NOT-VERIFIED| tls)? [a-z ]+> "
PROMPT = re.compile(rf"smtp-shell> |mail data: |answer to the 334 \(hidden\): |[a-z]+://\S+{_PHASE}|\S+:\d+{_PHASE}")
QUESTION = re.compile(r".*\[y/N\] ")

OWN_SEQUENCES = re.compile(
    rb"\x1b\[(?:[0-9;]*m|[0-9]*[ABCDJK]|[0-9]*(?:;[0-9]*)?H|\?(?:1|7|12|25|2004)[hl])|\x1b\[0 q|[\r\x08]"
)
"""What prompt_toolkit and rich write of control sequences: colours, moves of the cursor, erasing, and modes; no title, no report."""

_PROMPT_BEGINS = b"\x1b[?2004h"
_ERROR = b"\x1b[1;31m"
_REFUSED = re.compile(rb"(?m)^[!~][ =?] S: |^   #! |^   \*: (?:close|timeout)")
_TICK = 0.05
_WHOLE_ROW = range(COLUMNS)


class Terminal:
    """The program, running in a terminal.

    Args:
        words: Its arguments.
        folder: The folder in which it runs.
        environment: All of its environment but what says which terminal this is.
    """

    def __init__(self, words: Iterable[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.octets = bytearray()
        self.peak = 0
        self._shown: Any = pyte.HistoryScreen(COLUMNS, ROWS, history=100_000)
        self._stream: Any = pyte.ByteStream(self._shown)
        self._shown_to = 0
        self._read_to = 0
        self._prompts = 0
        self._ended = False
        # PROMPT_TOOLKIT_NO_CPR: nobody answers here when prompt_toolkit asks the terminal where the cursor is.
        self._child: pexpect.spawn[bytes] = pexpect.spawn(
            PROGRAM[0],
            [*PROGRAM[1:], *words],
            cwd=str(folder),
            env={**environment, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
            dimensions=(ROWS, COLUMNS),
            timeout=None,
        )
        self._pid = int(self._child.pid or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(pexpect.ExceptionPexpect, OSError):
            self._child.close(force=True)

    @property
    def _screen(self) -> Any:
        """Give the screen, up to date. It is slow, and so not asked for each piece that comes: the program shall not wait for us."""
        self._stream.feed(bytes(self.octets[self._shown_to :]))
        self._shown_to = len(self.octets)
        return self._shown

    @property
    def title(self) -> str:
        """Give the title and the icon's name that the window has got: nobody should have set one."""
        screen = self._screen
        return f"{screen.title}{screen.icon_name}"

    @property
    def row(self) -> str:
        """Give the cursor's row, up to the cursor."""
        screen = self._screen
        return self._text(screen.buffer[screen.cursor.y])[: screen.cursor.x]

    @property
    def rows(self) -> list[str]:
        """Give all rows, from those that were scrolled off to the last."""
        screen = self._screen
        return [*map(self._text, screen.history.top), *screen.display]

    @property
    def at_prompt(self) -> bool:
        """Say whether the program waits at a prompt at which nothing was typed."""
        return PROMPT.fullmatch(self.row) is not None

    @property
    def at_question(self) -> bool:
        """Say whether the program waits for yes or no."""
        return QUESTION.fullmatch(self.row) is not None

    @property
    def in_trouble(self) -> bool:
        """Say whether the program has shown an error, a notice, a refusal or an end since `send`."""
        new = bytes(self.octets[self._read_to :])
        return _ERROR in new or _REFUSED.search(OWN_SEQUENCES.sub(b"", new)) is not None

    def send(self, keys: str) -> None:
        """Type keys, and forget what was shown before."""
        self._read_to = len(self.octets)
        with suppress(OSError):
            self._child.send(keys.encode())

    def enter(self, line: str, seconds: float) -> bool:
        """Type a line, and say whether the next prompt or question came in time."""
        answered = self._prompts
        self.send(f"{line}\r")
        return self.wait_for_prompt(seconds, behind=answered)

    def wait_for_prompt(self, seconds: float, *, behind: int = 0) -> bool:
        """Wait for a prompt or a question, and say whether it came in time.

        Args:
            seconds: How long to wait.
            behind: How many prompts have been answered.
        """
        return self.wait(lambda: self._prompts > behind and (self.at_prompt or self.at_question), seconds)

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Take in what comes until a condition holds, and say whether it did in time."""
        until = time.monotonic() + seconds
        while not condition():
            if self._ended or time.monotonic() > until:
                return False
            self._take()
        return True

    def wait_for_silence(self, silence: float, seconds: float) -> bool:
        """Take in what comes until for a while nothing does, and say whether that came in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            before = len(self.octets)
            if not self.wait(lambda before=before: len(self.octets) > before, silence):  # type: ignore[misc]
                return True
        return False

    def wait_for_end(self, seconds: float) -> int | None:
        """Wait until the program ends, and give its exit status; None if it does not end."""
        if not self.wait(lambda: self._ended, seconds):
            return None
        self._child.wait()
        return self._child.exitstatus if self._child.signalstatus is None else -self._child.signalstatus

    def faults(self, rows: Iterable[str]) -> Iterator[str]:
        """Say what the screen shows and must not show.

        Args:
            rows: Words that no row may start with.
        """
        for joined in ("".join(row[6:] for row in self.rows), "".join(row.strip() for row in self.rows)):
            yield from (f"a credential is on the screen, wrapped: {form!r}" for form in secrets_in(joined.encode()))
        if self.title:
            yield f"the window's title was set: {self.title!r}"
        words = tuple(rows)
        if words:
            forged = (row for row in self.rows if row.lstrip().startswith(words))
            yield from (f"a row starts like one of the program's: {row!r}" for row in forged)

    def _take(self) -> None:
        try:
            came = self._child.read_nonblocking(65_536, timeout=_TICK)
        except pexpect.TIMEOUT:
            self.peak = max(self.peak, most_memory(self._pid))
            return
        except pexpect.EOF:
            self._ended = True
            return
        seen = max(0, len(self.octets) - len(_PROMPT_BEGINS) + 1)
        self.octets += came
        self._prompts += self.octets.count(_PROMPT_BEGINS, seen)

    def _text(self, line: Any) -> str:
        return "".join(line[column].data for column in _WHOLE_ROW)

"""A terminal whose program is forked by the starter. POSIX only."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.terminal import Look, Terminal
from tests.torture.tortured_server import Attended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.torture.forking import Starter
    from tests.torture.plan import Plan


class ForkedTerminal(Terminal):
    """A terminal that runs smtp-shell with one call that fails.

    Args:
        starter: Forks the program.
        words: Its command line.
        plan: What is to fail.
        folder: Its working folder.
        environment: Variables that differ from this process's.
        look: The terminal's size and kind.
    """

    def __init__(
        self,
        starter: Starter,
        words: Sequence[str],
        plan: Plan,
        folder: Path,
        environment: Mapping[str, str],
        look: Look,
    ) -> None:
        self._starter, self._plan = starter, plan
        super().__init__(words, environment, folder=folder, look=look)

    def _spawn(
        self, argv: Sequence[str], variables: Mapping[str, str], folder: Path | None, size: tuple[int, int]
    ) -> Any:
        assert folder is not None
        return _Child(self._starter, argv, self._plan, folder, variables, size)


class _Child:
    """What `Terminal` needs of a child of pexpect.

    Attributes:
        child_fd: The terminal's own end.
    """

    def __init__(
        self,
        starter: Starter,
        words: Sequence[str],
        plan: Plan,
        folder: Path,
        variables: Mapping[str, str],
        size: tuple[int, int],
    ) -> None:
        # Held open until the end: with nobody at the other end, reading would fail before the child has opened it.
        self.child_fd, self._held = pty.openpty()
        fcntl.ioctl(self._held, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        # The first terminal that the leader of a session opens becomes its own.
        name = os.ttyname(self._held)
        self._program = Attended(starter, words, plan, folder, variables, (name, Path(name), Path(name)))
        self._is_closed = False

    @property
    def pid(self) -> int:
        return self._program.pid

    def isalive(self) -> bool:
        return self._program.ended is None

    @property
    def exitstatus(self) -> int | None:
        ended = self._program.ended
        return ended.status if ended is not None and ended.status >= 0 else None

    @property
    def signalstatus(self) -> int | None:
        ended = self._program.ended
        return -ended.status if ended is not None and ended.status < 0 else None

    def close(self, force: bool) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if force:
            self._program.kill()
        os.close(self._held)
        os.close(self.child_fd)

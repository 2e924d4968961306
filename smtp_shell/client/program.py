"""What a program that is the server says beside the dialogue: its standard error, and how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smtp_shell.protocol.events import Noticed, NoticeKind
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.net.pipe import Program
    from smtp_shell.net.transport import Transport
    from smtp_shell.protocol.events import Event
    from smtp_shell.protocol.masking import EchoMask

_TICK = 0.1
"""Seconds after which a wait for the server looks at its standard error."""

_LAST_WORDS = 1.0
"""Seconds that a program may take to end after it has closed its standard output."""


class ProgramWords:
    """Publishes what a program says, credentials masked.

    Args:
        transport: The connection to the program.
        program: The program.
        echo: What is masked.
        publish: Publishes an event.
    """

    def __init__(
        self, transport: Transport, program: Program, echo: EchoMask, publish: Callable[[Event], None]
    ) -> None:
        self._transport, self._program = transport, program
        self._echo = echo
        self._publish = publish
        self._dropped = False

    @property
    def waiting(self) -> bool:
        """Whether there is something to publish."""
        return self._program.has_lines

    def tell(self) -> None:
        """Publish the lines of standard error that have come."""
        if not self._program.has_lines:
            return
        for line in self._program.take():
            self._publish(Noticed(NoticeKind.PROGRAM, escape(self._echo.octets(line))))

    def receive(self, deadline: float) -> bytes | None:
        """Receive octets, as `Transport.recv` does, and publish meanwhile what the program says beside them."""
        while True:
            self.tell()
            now = time.monotonic()
            octets = self._transport.recv(min(deadline, now + _TICK) if deadline > now else deadline)
            if octets == b"":
                self._program.finish(_LAST_WORDS)
            if octets is not None or time.monotonic() >= deadline:
                self.tell()
                return octets

    def end(self) -> None:
        """Publish what is left, and how the program ended, unless it ended well."""
        self.tell()
        if self._program.dropped:
            words = f"{self._program.dropped:,} more octets, which are not shown"
            self._publish(Noticed(NoticeKind.PROGRAM, words))
        if self._program.ending:
            self._publish(Noticed(NoticeKind.PROGRAM_ENDED, self._program.ending))

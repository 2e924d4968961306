"""A client of a mock server without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.servers.faults import FaultPlan
from smtp_shell.servers.mock import MockSettings, compile_script
from smtp_shell.servers.mock.dialogue import MockDialogue
from smtp_shell.servers.mock.picking import SessionPicker
from smtp_shell.servers.mock.wire import MockWire

if TYPE_CHECKING:
    from pathlib import Path

    from smtp_shell.servers.mock.script import MockScript


def compiled(folder: Path, text: str, *, keeps_data: bool = False) -> MockScript:
    """Compile a transcript that is written as text."""
    path = folder / "served.smtp"
    path.write_text(text, encoding="utf-8")
    return compile_script(path, keeps_data=keeps_data)


class Player:
    """Plays a client.

    Args:
        script: What is served.
        settings: How.
        picker: Chooses the session.
    """

    def __init__(
        self, script: MockScript, settings: MockSettings | None = None, picker: SessionPicker | None = None
    ) -> None:
        settings = settings or MockSettings()
        picker = picker or SessionPicker(script.sessions, once=settings.once)
        plan = FaultPlan(settings.faults, settings.seed)
        self.noted: list[str] = []
        self.dialogue = MockDialogue(script, settings, picker, plan, lambda found: self.noted.append(str(found)))
        self.wire = MockWire(self.dialogue)
        self.wire.proceed()
        self.greeting = self._take()

    def _take(self) -> bytes:
        out = self.wire.take()
        while self.wire.pause is not None:
            self.wire.resume()
            out += self.wire.take()
        return out

    def say(self, *lines: str) -> bytes:
        """Send lines in one piece, and return what the server says."""
        return self.send("".join(f"{line}\r\n" for line in lines).encode())

    def send(self, octets: bytes) -> bytes:
        self.wire.receive(octets)
        self.wire.proceed()
        return self._take()

    def end(self) -> list[tuple[int, str]]:
        """Close, and return the line and the kind of each difference."""
        self.wire.end()
        self.wire.proceed()
        return [(each.line, each.kind.value) for each in self.dialogue.differences]

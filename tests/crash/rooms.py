"""What rooms hold before a run: messages, transcripts, files that are in the way."""

from __future__ import annotations

from collections.abc import Callable

from tests.crash.room import Room

Prepare = Callable[[Room], None]

_LETTER = "Subject: Hello\r\n\r\n" + "A line of the letter, which is long enough to be one.\r\n" * 20
DIALOGUE = ("ehlo client.example", "mail ann@example.org", "rcpt bob@example.org", "data < letter.eml", "noop", "quit")
"""What a client says at the prompt."""

SCRIPT = """\
C: EHLO client.example
S: 250
C: MAIL FROM:<ann@example.org>
S: 250
C: RCPT TO:<bob@example.org>
S: 250
C: DATA
S: 354
C: Subject: Hello
C:
C: a line
C: .
S: 250
C: QUIT
S: 221
"""
OLD = b"Transcript: 1\nTitle: what was there\n\nC: NOOP\nS: 250\n"


def letter(room: Room) -> None:
    """Write a message."""
    (room.work / "letter.eml").write_text(_LETTER, newline="")


def long_letter(room: Room) -> None:
    """Write a message that is too long to be in a transcript."""
    (room.work / "letter.eml").write_text(_LETTER * 100, newline="")


def script(room: Room) -> None:
    """Write a transcript to replay."""
    (room.work / "script.smtp").write_text(SCRIPT)


def dialogue(room: Room) -> None:
    """Write a transcript that was recorded, with times."""
    lines = (f"{number / 10:7.3f}  {line}\n" for number, line in enumerate(SCRIPT.splitlines()))
    head = "Transcript: 1\nTitle: a dialogue\nDate: Fri, 27 Nov 2026 10:00:00 +0100\n\n"
    (room.work / "dialogue.smtp").write_text(head + "    0.000  *: connect 192.0.2.25:25\n" + "".join(lines))


def with_old(name: str, prepare: Prepare, octets: bytes = OLD) -> Prepare:
    """Return what prepares a room in which there is a file of that name already, which others may read."""

    def prepared(room: Room) -> None:
        prepare(room)
        path = room.work / name
        path.write_bytes(octets)
        path.chmod(0o644)

    return prepared

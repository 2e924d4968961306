"""Writers of transcripts: what is recorded while it happens, and what is saved afterwards.

Acknowledged is what the screen shows. The third invariant of the format: a recording that is cut off at any octet is a valid transcript up
to its last whole line. Promise 9: a kill loses the line in flight at most. Where the disk is full the recording stops, one sentence
says so, and what was recorded before is there. The dialogue goes on, since mail is not the recording's to end; the exit status of a run
that was asked for the recording is 1.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

from tests.crash.processes import Command, Running, words
from tests.crash.room import Room
from tests.crash.rooms import DIALOGUE, letter, long_letter, script, with_old
from tests.crash.transcripts import judge_recording
from tests.crash.whole import both
from tests.crash.writer import Writer

_OWN, _AUTOMATIC = r"work/out\.smtp", r"state/recordings/[^/]+\.smtp"
_BODY = r"(work|state/recordings)/[^/]+\.[0-9]+\.eml"
_KEPT = r"work/kept/[^/]+\.smtp"
_FINALS = (_OWN, _AUTOMATIC, _BODY)
_NORMAL = judge_recording(_AUTOMATIC)
_SAVED = both(judge_recording(_OWN, shown=False, done="saved to"), _NORMAL)
_WATCHED = judge_recording(_KEPT, shown=False)
_RELAYED = judge_recording(_KEPT, shown=False, either_closes=True)
_BOTH = both(judge_recording(_OWN), _NORMAL)


def _forced(room: Room, name: str = "out.smtp") -> tuple[str, ...]:
    return ("--force",) if (room.work / name).exists() else ()


def _record(room: Room) -> Command:
    return Command("--record", "out.smtp", *_forced(room), room.server, *words(DIALOGUE))


def _automatic(room: Room) -> Command:
    return Command(room.server, *words(DIALOGUE))


def _record_secret(room: Room) -> Command:
    lines = ("ehlo client.example", "starttls", "ehlo client.example", "auth plain student", "noop", "quit")
    return Command("--record", "out.smtp", *_forced(room), "--ca-file", room.ca, room.server, *words(lines))


def _shell_record(room: Room) -> Command:
    first = " ".join(("/record", *_forced(room), "out.smtp"))
    return Command("--ehlo", "client.example", *words((first, f"/connect {room.server}", *DIALOGUE, "/record off")))


def _save(room: Room) -> Command:
    save = " ".join(("/save", *_forced(room), "out.smtp"))
    return Command(room.server, *words((*DIALOGUE, save)))


def _replay(room: Room) -> Command:
    return Command("replay", "script.smtp", "--server", room.server, "--record", "out.smtp", *_forced(room))


def _send(room: Room) -> Command:
    return Command(
        "send", "--server", room.server, "--from", "ann@example.org", "--to", "bob@example.org", "--subject", "Hello",
        "--body", "a line", "--record", "out.smtp", *_forced(room),
    )  # fmt: skip


def _keep_practice(room: Room) -> Command:
    return Command("practice", "--keep", "kept", *words(DIALOGUE))


def _keep_served(command: str, *rest: str) -> Callable[[Room], Command]:
    def make(room: Room) -> Command:
        target = "script.smtp" if command == "serve" else room.server
        return Command(command, target, "--keep", "kept", *rest, act=_be_client)

    return make


def _be_client(running: Running) -> None:
    """Have a dialogue with the server that runs, note what it says in a file of the same form as the screen, and stop it."""
    found = running.wait_for(r"127\.0\.0\.1:([0-9]+)")
    if found is not None:
        with suppress(OSError):
            _talk(int(found[1]))
    running.stop()


def _talk(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        stream = connection.makefile("rwb")
        _reply(stream.readline)
        lines = (
            "EHLO client.example", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>", "DATA",
            "Subject: Hello\r\n\r\na line\r\n.", "QUIT",
        )  # fmt: skip
        for line in lines:
            stream.write(line.encode() + b"\r\n")
            stream.flush()
            _reply(stream.readline)


def _reply(read: Callable[[], bytes]) -> None:
    while (line := read())[3:4] == b"-":
        pass
    if not line:
        raise ConnectionResetError


_RECORDED = "The recording has each line that the screen shows before the line after it."
_KEPT_LATE = (
    "The transcript is the start of the dialogue. It is written in slices, some 20 ms after what passed, so that no dialogue waits "
    "for a disk: a kill loses what passed since."
)
_FORCED = " The old file stays until there is a new one that can be read."

WRITERS = (
    Writer("automatic", _RECORDED, _automatic, _NORMAL, letter, finals=_FINALS),
    Writer("record", _RECORDED, _record, _BOTH, letter, finals=_FINALS),
    Writer("record-force", _RECORDED + _FORCED, _record, _BOTH, with_old("out.smtp", letter), finals=_FINALS),
    Writer(
        "record-long",
        _RECORDED + " Mail data that is too long is whole in a file beside the transcript as soon as the final dot is answered.",
        _record,
        _BOTH,
        long_letter,
        finals=_FINALS,
    ),
    Writer("record-secret", _RECORDED + " No credential is in it.", _record_secret, _BOTH, letter, finals=_FINALS),
    Writer("shell-record", _RECORDED, _shell_record, _BOTH, letter, finals=_FINALS),
    Writer(
        "shell-record-force", _RECORDED + _FORCED, _shell_record, _BOTH, with_old("out.smtp", letter), finals=_FINALS
    ),
    Writer("send-record", _RECORDED, _send, judge_recording(_OWN, shown=False), letter, finals=_FINALS),
    Writer("replay-record", _RECORDED, _replay, judge_recording(_OWN, shown=False), script, finals=_FINALS),
    Writer(
        "replay-record-force",
        _RECORDED + _FORCED,
        _replay,
        judge_recording(_OWN, shown=False),
        with_old("out.smtp", script),
        finals=_FINALS,
    ),
    Writer("keep-practice", _KEPT_LATE, _keep_practice, _WATCHED, letter, finals=(*_FINALS, _KEPT, "work/kept"), told=(1, 2, 3)),
    Writer(
        "keep-serve", _KEPT_LATE, _keep_served("serve"), _WATCHED, script, finals=(_KEPT, "work/kept"), told=(1, 2, 3)
    ),
    Writer(
        "keep-relay", _KEPT_LATE, _keep_served("relay"), _RELAYED, letter, finals=(_KEPT, "work/kept"), told=(1, 2, 3)
    ),
    Writer("save", "The copy is whole once `saved to` is shown.", _save, _SAVED, letter, finals=_FINALS),
    Writer(
        "save-force",
        "The copy is whole once `saved to` is shown, and the old file is there until then.",
        _save,
        _SAVED,
        with_old("out.smtp", letter),
        finals=_FINALS,
    ),
    Writer(
        "save-long",
        "The copy and its file of mail data are whole once `saved to` is shown.",
        _save,
        _SAVED,
        long_letter,
        finals=_FINALS,
    ),
)  # fmt: skip

"""Writers of files that are there as a whole, once, at the end: exports, reports, the configuration, what a user saves.

Acknowledged is the sentence that says so, or exit status 0 where there is none. Until then the old file is there, byte for byte and with
its mode; afterwards the new one. Nothing between is ever under the name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.crash.processes import Command, words
from tests.crash.room import Room
from tests.crash.rooms import SCRIPT, dialogue, letter, with_old
from tests.crash.whole import judge_whole
from tests.crash.writer import Writer, nothing

_FORMATS = ("json", "md", "html", "svg", "pcapng", "anki", "smtp", "swaks", "python")
_RECORDINGS = (r"state/recordings/[^/]+\.smtp",)
_CONFIG = '# mine\n[settings]\ntimes = false  # not now\n\n[alias]\nhello = "ehlo; starttls"\n'


def _forced(room: Room, name: str) -> tuple[str, ...]:
    return ("--force",) if (room.work / name).exists() else ()


def _convert(form: str) -> Callable[[Room], Command]:
    def command(room: Room) -> Command:
        return Command("convert", "dialogue.smtp", "out", "--to", form, *_forced(room, "out"))

    return command


def _lines(*lines: str) -> Callable[[Room], Command]:
    def command(room: Room) -> Command:
        return Command(*words(lines))

    return command


def _init(room: Room) -> Command:
    return Command("config", "init", *(("--force",) if room.config.exists() else ()))


def _configured(room: Room) -> None:
    room.config.parent.mkdir()
    room.config.write_text(_CONFIG)
    room.config.chmod(0o600)


def _tls_save(room: Room) -> Command:
    save = " ".join(("/tls", "save", *_forced(room, "chain.pem"), "chain.pem"))
    lines = ("ehlo client.example", "starttls", save, "quit")
    return Command("--ca-file", room.ca, room.server, *words(lines))


def _compose(room: Room) -> Command:
    (room.work / "message.eml").unlink(missing_ok=True)
    field = "/compose --from ann@example.org --to bob@example.org --subject Hello --body 'a line' --save message.eml"
    return Command(*words((field,)))


def _update(room: Room) -> Command:
    return Command("replay", "script.smtp", "--server", room.server, "--update", "--yes")


def _wrong_script(room: Room) -> None:
    (room.work / "script.smtp").write_text(SCRIPT.replace("S: 354\n", "S: 250\n"))
    (room.work / "script.smtp").chmod(0o640)


def _written_by_api(room: Room) -> Command:
    return Command(call="tests.crash.calls:write_transcript")


def _same_message(octets: bytes) -> bytes:
    return re.sub(rb"(?m)^(Date|Message-ID): .*$", b"", octets)


WRITERS = (
    *(
        Writer(
            f"convert-{form}",
            "OUT is whole when the command ends with status 0; until then there is none.",
            _convert(form),
            judge_whole("work/out"),
            dialogue,
            finals=("work/out",),
        )
        for form in _FORMATS
    ),
    *(
        Writer(
            f"convert-{form}-force",
            "OUT is whole when the command ends with status 0; until then it is the old one.",
            _convert(form),
            judge_whole("work/out"),
            with_old("out", dialogue),
            finals=("work/out",),
        )
        for form in ("html", "pcapng")
    ),
    Writer(
        "config-init",
        "The file is there, whole, once `is written` is shown.",
        _init,
        judge_whole("config/config.toml", done="is written"),
        nothing,
        finals=("config/config.toml", "config"),
    ),
    Writer(
        "config-init-force",
        "The file is the old one until `is written` is shown.",
        _init,
        judge_whole("config/config.toml", done="is written"),
        _configured,
        finals=("config/config.toml", "config"),
    ),
    Writer(
        "set-save",
        "The file has the setting, and all that it had before, once `Kept in` is shown.",
        _lines("/set --save times on"),
        judge_whole("config/config.toml", done="Kept in"),
        _configured,
        finals=("config/config.toml", "config"),
    ),
    Writer(
        "alias-save",
        "The file has the alias, and all that it had before, once the command has ended.",
        _lines("/alias --save bye = noop; quit"),
        judge_whole("config/config.toml"),
        _configured,
        finals=("config/config.toml", "config"),
    ),
    Writer(
        "set-save-new",
        "The file is there with the setting once `Kept in` is shown.",
        _lines("/set --save times on"),
        judge_whole("config/config.toml", done="Kept in"),
        nothing,
        finals=("config/config.toml", "config"),
    ),
    Writer(
        "tls-save",
        "The chain is there once `saved to` is shown.",
        _tls_save,
        judge_whole("work/chain.pem", done="saved to"),
        letter,
        finals=("work/chain.pem", *_RECORDINGS),
    ),
    Writer(
        "tls-save-force",
        "The old file is there until `saved to` is shown.",
        _tls_save,
        judge_whole("work/chain.pem", done="saved to"),
        with_old("chain.pem", letter),
        finals=("work/chain.pem", *_RECORDINGS),
    ),
    Writer(
        "compose-save",
        "The message is there once `octets are in` is shown.",
        _compose,
        judge_whole("work/message.eml", same=_same_message, done="octets are in"),
        nothing,
        finals=("work/message.eml",),
    ),
    Writer(
        "update",
        "The transcript is the old one until `is rewritten` is shown; its mode stays.",
        _update,
        judge_whole("work/script.smtp", done="is rewritten"),
        _wrong_script,
        finals=("work/script.smtp",),
    ),
    Writer(
        "transcript-write",
        "`Transcript.write(overwrite=True)` has written when it returns; the old file is there until then.",
        _written_by_api,
        judge_whole("work/out.smtp", done="written"),
        with_old("out.smtp", nothing),
        finals=("work/out.smtp",),
    ),
)

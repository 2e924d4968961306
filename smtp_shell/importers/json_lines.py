"""Our own JSON lines, as `convert --to json` and `--json` write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import DecodeError, json

from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.protocol.octets import unescape
from smtp_shell.transcript.variables import SASL_MARK

_OBJECT = re.compile(r"[ \t]*\{.*\"dir\": ?\"")
_PEER = re.compile(r" \([^)]*\)")
_SAID: Final = frozenset(("C", "S"))


def _object(line: Line) -> Mapping[str, object] | None:
    if not _OBJECT.match(line.text):
        return None
    try:
        found = json.decode(line.text)
    except (DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _sniff(lines: Sequence[Line]) -> float:
    directions = [found.get("dir") for line in lines if (found := _object(line))]
    return 0.99 if any(each in _SAID for each in directions) else 0.0


def _parse(lines: Iterable[Line]) -> Iterator[Record]:
    for line in lines:
        found = _object(line)
        if found is None:
            continue
        time = found.get("time")
        at = float(time) if isinstance(time, int | float) else None
        tls = {"tls": True, "plain": False}.get(str(found.get("phase")))
        text, data, code = found.get("text"), found.get("data"), found.get("code")
        match found.get("dir"):
            case "C" if isinstance(data, str):
                yield from _mail_data(data, line.number, at, tls)
            case "C" if isinstance(text, str):
                hidden = text.endswith(SASL_MARK)
                yield Record(Kind.CLIENT, text if hidden else _unescaped(text), line.number, at, tls)
            case "S" if isinstance(text, str):
                for each in _reply(text, code):
                    yield Record(Kind.SERVER, each, line.number, at, tls)
            case "event" if isinstance(text, str):
                yield from _event(text, line.number, at)
            case "note" if isinstance(text, str):
                yield Record(Kind.NOTE, _unescaped(text), line.number, at)


def _unescaped(text: str) -> str:
    return unescape(text).decode("utf-8", "surrogateescape")


def _mail_data(data: str, number: int, at: float | None, tls: bool | None) -> Iterator[Record]:
    for each in data.removesuffix("\n").removesuffix("\r").replace("\r\n", "\n").split("\n"):
        yield Record(Kind.UNSTUFFED, each, number, at, tls)
    yield Record(Kind.CLIENT, ".", number, at, tls)


def _reply(text: str, code: object) -> Iterator[str]:
    lines = _unescaped(text).split("\n") if isinstance(code, int) else [_unescaped(text)]
    for number, each in enumerate(lines, 1):
        mark = " " if number == len(lines) else "-"
        yield f"{code:03d}{mark}{each}" if isinstance(code, int) else each


def _event(text: str, number: int, at: float | None) -> Iterator[Record]:
    name, _, words = text.partition(" ")
    match name:
        case "connect":
            address, _, tls = _PEER.sub("", words, count=1).partition(" ")
            yield Record(Kind.CONNECT, address, number, at, tls == "tls" or None)
        case "tls":
            yield Record(Kind.TLS, _unescaped(words.replace("NOT VERIFIED", "unverified", 1)), number, at)
        case "close":
            yield Record(Kind.CLOSE, _unescaped(words), number, at)
        case "auth" if words:
            yield Record(Kind.EVENT, _unescaped(text), number, at)
        case _:
            yield Record(Kind.NOTE, _unescaped(text), number, at)


JSON: Final = Dialect(name="json", title="JSON lines of smtp-shell", sniff=_sniff, parse=_parse)

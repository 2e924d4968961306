"""Windows of terminals: telnet, nc, openssl s_client and the like, what script(1) and PuTTY keep of them, and socat's traffic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from smtp_shell.importers.dialect import LIKELY, Dialect, Line, Record
from smtp_shell.importers.marks import REPLY
from smtp_shell.importers.screen import shown_lines
from smtp_shell.importers.times import clock_seconds
from smtp_shell.importers.typed import COMMAND, typed_records
from smtp_shell.importers.voices import Said, Voices

_TELNET = re.compile(
    r"Trying [0-9a-fA-F.:]+\.\.\.|Connected to \S+|Escape character is |Connection closed by foreign host"
    r"|Connecting To \S+\.\.\.|Welcome to Microsoft Telnet"
    r"|\*{4} SMTP testing session as if from host|Connection to host lost|.{0,200}[$#%>] ?(?:busybox )?telnet \S+"
)
_NC = re.compile(
    r"Ncat: |(?:[0-9/]{10} [0-9:.]{8,15} )?socat\[[0-9]+\] [DINWEF] "
    r"|Connection to \S+ (?:\([^)]*\) )?[0-9]+ port \[.*\] succeeded!|.{0,200}\) open\s*$"
    r"|.{0,200}[$#%>] ?(?:nc|ncat|netcat|socat|plink)(?:\.exe)? |\s*sent [0-9]+, rcvd [0-9]+"
)
_S_CLIENT = re.compile(
    r"CONNECTED\([0-9A-Fa-f]+\)|depth=[0-9]+ |SSL-Session:|Can't use SSL_get_servername|verify (?:return"
    r"|error):|Verify return code|.{0,200}[$#%>] ?openssl s_client "
    r"|- Handshake was completed|- Certificate type: "
)
_SCRIPT = re.compile(r"Script (?:started|done) on |Script started, |Skript gestartet")
_PUTTY = re.compile(r"(?:=~){3,}=?\s*PuTTY log ")
_CONTROLS = re.compile(r"\x1b[\[\]()=>]|[\x08\x7f]")
_SURE = 0.93
_SAMPLE = 1_500
_SOCAT = re.compile(
    r"(?P<mark>[<>]) (?P<time>[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8}(?:\.[0-9]+)?)\s+"
    r"length=(?P<length>[0-9]{1,9}) from=(?P<start>[0-9]+) to=[0-9]+"
)
_SOCAT_HEX = re.compile(r" [0-9a-f]{2}(?: [0-9a-f]{2}){0,15}(?: {2,60}.{1,16})?$")
_SOCAT_ESCAPE = re.compile(r"\\([\\abfnrtv]|x[0-9a-fA-F]{2}|[0-7]{3})")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def _parse(lines: Iterable[Line]) -> Iterator[Record]:
    return typed_records(shown_lines(lines))


def _sniff(lines: Sequence[Line], signs: re.Pattern[str], certainty: float) -> float:
    """Return how sure it is that a window has the signs of a tool, and a dialogue in it."""
    has_sign = has_reply = False
    for line in shown_lines(islice(lines, _SAMPLE)):
        has_sign = has_sign or bool(signs.match(line.text))
        has_reply = has_reply or bool(REPLY.match(line.text))
        if has_sign and has_reply:
            return certainty
    return 0.5 if has_sign else 0.0


def _sniff_telnet(lines: Sequence[Line]) -> float:
    return max(_sniff(lines, _TELNET, _SURE), _unmarked(lines))


def _unmarked(lines: Sequence[Line]) -> float:
    """Return how sure it is that lines are a dialogue without any mark: commands, and replies after them."""
    commands = pairs = 0
    after_command = False
    for line in lines:
        is_command = bool(COMMAND.match(line.text))
        pairs += after_command and bool(REPLY.match(line.text))
        commands += is_command
        after_command = is_command
    greets = any(line.text.startswith(("220 ", "220-")) for line in lines)
    if pairs > 1 or (pairs and greets):
        return LIKELY
    return 0.35 if greets else 0.0


def _sniff_typescript(lines: Sequence[Line]) -> float:
    controls = any(_CONTROLS.search(line.text) for line in lines)
    sure = _sniff(lines, _SCRIPT, 0.98)
    if sure < LIKELY and controls:
        return max(sure, 0.94 if _unmarked([*shown_lines(lines)]) else 0.0)
    return sure


def _sniff_putty(lines: Sequence[Line]) -> float:
    return _sniff(lines, _PUTTY, 0.98)


def _sniff_nc(lines: Sequence[Line]) -> float:
    return _sniff(lines, _NC, _SURE)


def _sniff_s_client(lines: Sequence[Line]) -> float:
    return _sniff(lines, _S_CLIENT, 0.96)


# socat -v, socat -x -v


def _sniff_socat(lines: Sequence[Line]) -> float:
    return 0.97 if any(_SOCAT.match(line.text) for line in lines) else 0.0


def _parse_socat(lines: Iterable[Line]) -> Iterator[Record]:
    voices = Voices()
    session, mark, left, at = 0, "", 0, None
    rest, seen = {"<": b"", ">": b""}, {"<": False, ">": False}
    for line in lines:
        if found := _SOCAT.match(line.text):
            mark, left, at = found["mark"], int(found["length"]), clock_seconds(found["time"])
            if found["start"] == "0" and seen[mark]:
                yield from voices.over(("socat", session))
                session, rest, seen = session + 1, {"<": b"", ">": b""}, {"<": False, ">": False}
            seen[mark] = True
            continue
        if left <= 0 or line.text == "--":
            continue
        octets = _hex_of(line.text) if _SOCAT_HEX.match(line.text) else _text_of(line.text)
        left -= len(octets)
        pieces = (rest[mark] + octets).split(b"\n")
        rest[mark] = pieces.pop()[-16_000:]
        for piece in pieces:
            text = piece.rstrip(b"\r").decode("utf-8", "surrogateescape")
            yield from voices.said(Said(("socat", session), text, mark=mark), Line(text, line.number, at))
    yield from voices.finish()


def _hex_of(text: str) -> bytes:
    digits = re.match(r"(?: [0-9a-f]{2}){1,16}", text[:48])
    return bytes.fromhex(digits[0]) if digits else b""


def _text_of(text: str) -> bytes:
    """Return the octets that a line stands for in which control characters are written as in C, with the LF that ended it."""
    return _SOCAT_ESCAPE.sub(_unescaped, text).encode("utf-8", "surrogateescape") + b"\n"


def _unescaped(found: re.Match[str]) -> str:
    word = found[1]
    if word in _ESCAPES:
        return _ESCAPES[word]
    return chr(int(word[1:], 16)) if word[0] == "x" else chr(int(word, 8))


DIALECTS: Final = (
    Dialect(
        name="typescript",
        title="script(1), or a terminal's output with its escape sequences",
        sniff=_sniff_typescript,
        parse=_parse,
        keeps_cr=True,
    ),
    Dialect(name="putty", title="PuTTY's or plink's session log", sniff=_sniff_putty, parse=_parse, keeps_cr=True),
    Dialect(name="s_client", title="openssl s_client, or gnutls-cli", sniff=_sniff_s_client, parse=_parse),
    Dialect(name="telnet", title="a window of telnet", sniff=_sniff_telnet, parse=_parse),
    Dialect(name="nc", title="a window of nc, ncat, socat or plink", sniff=_sniff_nc, parse=_parse),
    Dialect(
        name="socat",
        title="socat -v or -x, the traffic that it passes on",
        sniff=_sniff_socat,
        parse=_parse_socat,
        keeps_times=True,
    ),
)
"""The dialects of this module."""

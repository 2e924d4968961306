"""Dialects that quote what was said as a string of their language: Python's smtplib, Ruby's Net::SMTP, aiosmtpd."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.curl import BARE_LF
from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.importers.marks import certainty, has

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|([0-7]{1,3})|(.))", re.DOTALL)
_NAMED = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"v": b"\v",
    b"e": b"\x1b",
    b"s": b" ",
}
_STRING = re.compile(r"[bu]?(?:'(.*)'|\"(.*)\")$", re.DOTALL)


def unquoted(text: str) -> bytes | None:
    r"""Return the octets that a string of Python or Ruby stands for, such as `b'250 ok\r\n'`; None if it is no string.

    Args:
        text: The string, quoted.
    """
    found = _STRING.match(text)
    if found is None:
        return None
    inner = (found[1] if found[1] is not None else found[2]).encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_octets_of, inner) if b"\\" in inner else inner


def _octets_of(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes((int(found[1], 16),))
    if code := found[2] or found[3]:
        number = int(code, 16)
        return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else found[0]
    if found[4]:
        return bytes((int(found[4], 8) & 0xFF,))
    return _NAMED.get(found[5], found[5])


def _said(kind: Kind, octets: bytes, line: Line) -> Iterator[Record]:
    """Yield what was said in one string: one line or many, mail data with its final dot."""
    many = octets.count(b"\n") > 1
    if many and kind is Kind.CLIENT and b"\n" in octets.replace(b"\r\n", b""):
        yield Record(Kind.NOTE, BARE_LF, line.number, line.at)
    for each in octets.removesuffix(b"\n").removesuffix(b"\r").replace(b"\r\n", b"\n").split(b"\n"):
        yield Record(kind, each.decode("utf-8", "surrogateescape"), line.number, line.at)


def _certainty(records: Iterable[Record], *, signed: bool) -> float:
    kept = [record for record in records if record.kind in (Kind.CLIENT, Kind.SERVER)]
    client = [record.text for record in kept if record.kind is Kind.CLIENT]
    return certainty(client, [record.text for record in kept if record.kind is Kind.SERVER], signed=signed)


# Python

_PYTHON = re.compile(r"[ \t]*(?:(?P<c>send)|(?P<s>reply)): (?=[bu]?['\"])")
_PYTHON_AT = re.compile(r"[ \t]*connect: (?:to )?\('([^']*)', ([0-9]+)\)")
_PYTHON_SIGNS = re.compile(r"[ \t]*reply: (?:retcode|b['\"])|[ \t]*connect: |[ \t]*data: \(")


def _sniff_python(lines: Sequence[Line]) -> float:
    if not has(lines, _PYTHON):
        return 0.0
    return _certainty(_parse_python(lines), signed=has(lines, _PYTHON_SIGNS))


def _parse_python(lines: Iterable[Line]) -> Iterator[Record]:
    for line in lines:
        if line.cut:
            yield Record(Kind.NOTE, "a string of the log that is too long was left out here", line.number, line.at)
        elif found := _PYTHON.match(line.text):
            octets = unquoted(line.text[found.end() :].rstrip())
            if octets is None:
                yield Record(Kind.NOTE, "a string of the log is cut off here", line.number, line.at)
                continue
            yield from _said(Kind.CLIENT if found.lastgroup == "c" else Kind.SERVER, octets, line)
        elif (found := _PYTHON_AT.match(line.text)) and found[1]:
            yield Record(Kind.CONNECT, f"{found[1]}:{found[2]}", line.number, line.at)


SMTPLIB: Final = Dialect(
    name="smtplib", title="Python's smtplib, set_debuglevel(1) and (2)", sniff=_sniff_python, parse=_parse_python
)

# Ruby: its arrows show where a string comes from

_RUBY = re.compile(r"[ \t]*(?:(?P<c><-)|(?P<s>->)) (?=\")")
_RUBY_AT = re.compile(r"[ \t]*Connection opened: (\S+)")
_WROTE = re.compile(r"[ \t]*wrote ([0-9]+) bytes$")


def _sniff_ruby(lines: Sequence[Line]) -> float:
    return _certainty(_parse_ruby(lines), signed=True) if has(lines, _RUBY) else 0.0


def _parse_ruby(lines: Iterable[Line]) -> Iterator[Record]:
    for line in lines:
        if found := _RUBY.match(line.text):
            octets = unquoted(line.text[found.end() :].rstrip())
            if octets is not None:
                yield from _said(Kind.CLIENT if found.lastgroup == "c" else Kind.SERVER, octets, line)
        elif found := _RUBY_AT.match(line.text):
            yield Record(Kind.CONNECT, found[1], line.number, line.at)
        elif line.text.strip() == "TLS connection started":
            yield Record(Kind.TLS, "", line.number, line.at)
        elif found := _WROTE.match(line.text):
            yield Record(Kind.HIDDEN_DATA, f"{int(found[1]):,} octets", line.number, line.at)


RUBY: Final = Dialect(name="ruby", title="Ruby's Net::SMTP, set_debug_output", sniff=_sniff_ruby, parse=_parse_ruby)

# aiosmtpd, and other servers in Python that log each line with its peer

_PEER = re.compile(r".{0,80}?\('([^']*)', ([0-9]+)(?:, [0-9]+)*\) (?:(?P<c>>>)|(?P<s><<)) (?:Data: )?(?=[bu]?['\"])")


def _sniff_aiosmtpd(lines: Sequence[Line]) -> float:
    return _certainty(_parse_aiosmtpd(lines), signed=True) if has(lines, _PEER) else 0.0


def _parse_aiosmtpd(lines: Iterable[Line]) -> Iterator[Record]:
    peer = ("", "")
    for line in lines:
        found = _PEER.match(line.text)
        octets = unquoted(line.text[found.end() :].rstrip()) if found else None
        if found is None or octets is None:
            continue
        if peer != (found[1], found[2]):
            if peer != ("", ""):
                yield Record(Kind.CLOSE, "", line.number, line.at)
                yield Record(Kind.CONNECT, "localhost:25", line.number, line.at)
            peer = found[1], found[2]
        yield from _said(Kind.CLIENT if found["c"] else Kind.SERVER, octets, line)


AIOSMTPD: Final = Dialect(
    name="aiosmtpd", title="aiosmtpd's log, level DEBUG", sniff=_sniff_aiosmtpd, parse=_parse_aiosmtpd
)

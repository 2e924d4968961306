"""Dialogues as the RFCs print them, `S:` and `C:`, and the like in other words and arrows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import LIKELY, Dialect, Kind, Line, Record
from smtp_shell.importers.marks import NO_REPLY, REPLY, TOO_LONG, GoingOn, certainty_of

MARKS_AS_OURS: Final = "rfc"
"""The dialect whose marks a transcript has too."""

_BOTH = r"(?P<both>(?:C *(?:&|and|/) *S|S *(?:&|and|/) *C|C, *S)(?= *:))"
_TO, _FROM = r" ?(?:-{1,3}>|=>|\u2192) ?", r" ?(?:<-{1,3}|<=|\u2190) ?"
_CLIENT = (
    rf"(?i:C|client){_TO}(?i:S|server)(?= *:)|(?i:S|server){_FROM}(?i:C|client)(?= *:)"
    r"|(?i:\[(?:C|client|cli)\]|(?:client|cli|sender|C)(?= *[:>]))|C(?=\t)"
)
_SERVER = (
    rf"(?i:S|server){_TO}(?i:C|client)(?= *:)|(?i:C|client){_FROM}(?i:S|server)(?= *:)"
    r"|(?i:\[(?:S|server|srv)\]|(?:server|srv|receiver|S)(?= *[:<>]))|S(?=\t)"
)
_MARKS = re.compile(rf"[ \t]*(?:{_BOTH}|(?P<c>{_CLIENT})|(?P<s>{_SERVER}))[ ]*(?:[:<>][ ]?|\t| |$)")
# RFC 821 calls the client the sender, and the server the receiver.
_MARKS_821 = re.compile(r"[ \t]*(?:(?P<c>S)|(?P<s>R)):[ ]?")
_ELLIPSIS = re.compile(r"\[?(?:\.{2,}|\u2026)\]?$")
_PLACEHOLDER = re.compile(r"(?:<[^<>@]*>|\[[^\[\]@]*\]|\([^()@]*\)|\{[^{}@]*\})\.?$")
_OF_TLS = re.compile(r"(?i)negotiat|handshake|\bTLS\b|\bSSL\b|encrypt")
_OF_END = re.compile(r"(?i)\bclos|disconnect|hangs? up|terminat")
_OF_START = re.compile(r"(?i)\bopen|\bconnects?\b|waits? for|\blisten|establish|accepts?\b")
_OF_DATA = re.compile(r"(?i)\b(?:message|body|headers?|data|mail|text|content|lines?|snip|rest|\.\.\.)")
_FINAL_DOT = re.compile(r"(?i)(?:<CR(?:><)?LF>)?\.<CR(?:><)?LF>$")
_CRLF = re.compile(r"(?i)<CR(?:><)?LF>$")
_PAGE = re.compile(r".*\[Page [0-9ivx]+\]$|RFC [0-9]{3,5} .* [12][0-9]{3}$")
_OURS = re.compile(r"[ \t]*(?:C:|S:)")
_WRAPPED = re.compile(r"[ \t]+[^ \t]")
_BASE_64 = re.compile(r"[A-Za-z0-9+/=]{16,}$")
_LONGEST = 16_000  # characters of a line that is printed on several
_URL = re.compile(r"Connected to smtps?://([^/\s]+)")


def differs_from_ours(lines: Iterable[Line]) -> bool:
    """Return whether lines with the marks of a transcript have what only the RFCs print: words in place of what was said, wrapped lines.

    Args:
        lines: The sample.
    """
    before = ""
    for line in lines:
        text = line.text
        found = _MARKS.match(text)
        if found:
            said = text[found.end() :].strip()
            if found["both"] or not _OURS.match(text) or (_PLACEHOLDER.match(said) and _meaning(said, found.lastgroup)):
                return True
        elif (
            _PAGE.match(text)
            or _URL.match(text)
            or (before and _WRAPPED.match(text) and _margin(text) > _margin(before))
        ):
            return True
        before = text if found else ""
    return False


def _margin(text: str) -> int:
    return len(text) - len(text.lstrip())


def _meaning(said: str, who: str | None) -> tuple[Kind, str] | None:
    """Return what words stand for that are printed in place of something said; None if they may have been said."""
    words = said.strip("<>[](){}. ")
    if who == "c" and not (said.startswith(("<", "[")) and " " in words):
        return None  # a line of mail data, such as `<html>`
    if _OF_TLS.search(words):
        return Kind.TLS, ""
    if _OF_START.search(words):
        return Kind.CONNECT, ""
    if _OF_END.search(words):
        return Kind.CLOSE, "server" if who == "s" else ""
    if who == "c" and _OF_DATA.search(words):
        return Kind.HIDDEN_DATA, words
    return (Kind.NOTE, words) if who != "c" else None


def _sniff(lines: Sequence[Line]) -> float:
    return certainty_of([line for line in lines if not _PLACEHOLDER.match(line.text[4:].strip())], _MARKS)


def _sniff_821(lines: Sequence[Line]) -> float:
    found = certainty_of(lines, _MARKS_821)
    return found if found > LIKELY else 0.0


def _parse(lines: Iterable[Line]) -> Iterator[Record]:
    return _marked(lines, _MARKS)


def _parse_821(lines: Iterable[Line]) -> Iterator[Record]:
    return _marked(lines, _MARKS_821)


def _marked(lines: Iterable[Line], marks: re.Pattern[str]) -> Iterator[Record]:
    held: Record | None = None  # until it is known whether the next line goes on with it
    margin = 0
    wrapped = False
    going_on = GoingOn()
    for line in lines:
        found = marks.match(line.text)
        if found is None:
            text = line.text.strip()
            if going_on.takes(text):
                yield from _ended(held, wrapped)
                held, wrapped = Record(Kind.SERVER, text, line.number, line.at), False
                continue
            if held is not None and text and _margin(line.text) > margin and not _PAGE.match(line.text):
                if len(held.text) > _LONGEST:
                    continue
                if held.kind is Kind.SERVER and REPLY.match(text) and REPLY.match(held.text):
                    yield held
                    held = Record(Kind.SERVER, text, line.number, line.at)
                    continue
                joint = "" if _BASE_64.match(text) and _BASE_64.match(held.text.rpartition(" ")[2]) else " "
                held = Record(held.kind, held.text.rstrip() + joint + text, held.line, held.at)
                wrapped = True
            elif line.cut:
                yield Record(Kind.NOTE, TOO_LONG, line.number, line.at)
            elif at := _URL.match(text):
                yield from _ended(held, wrapped)
                held, wrapped = None, False
                tls = True if text.startswith("Connected to smtps") else None
                yield Record(Kind.CONNECT, at[1], line.number, line.at, tls)
            continue
        yield from _ended(held, wrapped)
        held, wrapped = None, False
        said, who = line.text[found.end() :], found.lastgroup
        margin = _margin(line.text)
        bare = said.strip()
        if who == "s" and _ELLIPSIS.match(bare):
            yield Record(Kind.NOTE, "the text leaves out something that the server said", line.number, line.at)
            continue
        if who == "both" or _PLACEHOLDER.match(bare):
            if meaning := _meaning(bare, who):
                yield Record(*meaning, line.number, line.at)
                continue
            if who == "both":
                continue
        if who == "c" and _FINAL_DOT.match(bare):
            said = "."
        elif _CRLF.search(said) and not REPLY.match(said):
            said = _CRLF.sub("", said)
        going_on.said(said if who == "s" else "")
        if who == "s" and not bare:
            yield Record(Kind.NOTE, NO_REPLY, line.number, line.at)
            continue
        held = Record(Kind.CLIENT if who == "c" else Kind.SERVER, said, line.number, line.at)
    yield from _ended(held, wrapped)


def _ended(held: Record | None, wrapped: bool) -> Iterator[Record]:
    if held is not None:
        if wrapped:
            yield Record(Kind.NOTE, "the next line is printed on several, and joined here", held.line, held.at)
        yield held


RFC: Final = Dialect(
    name="rfc", title="S: and C: as in the RFCs, and the like", sniff=_sniff, parse=_parse, marks=_MARKS
)

RFC_821: Final = Dialect(
    name="rfc821", title="S: for the sender and R: for the receiver", sniff=_sniff_821, parse=_parse_821
)

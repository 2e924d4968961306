"""What swaks writes: `->` and `<-` for who speaks, `~>` under TLS, `**>` and `<**` for what it did not expect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smtp_shell.importers.dialect import Dialect, Kind, Line, Record
from smtp_shell.importers.marks import TOO_LONG, certainty_of

_MARKS = re.compile(
    r"(?:(?P<c>(?: |\*|\*\*)?[-~]>|\*\*>)|(?P<s><[-~][ *]|<\*\*|<[-~]$)|<[-~](?=[2-5][0-9]{2}))(?: |$)?"
)
_SIGNS = re.compile(r"=== (?:Trying|Connected|TLS|Connection|Sending)|\*\*\* |<[-~][ *]|[ *]~>")
_TRYING = re.compile(r"=== Trying (.+?)\.\.\.$")
_PIPE = re.compile(r"=== Trying pipe to (.+?)\.\.\.$")
_TLS = re.compile(r"=== TLS started(?: with cipher ([^: ]+):([^: ]+))?")
_PEER = re.compile(r'=== TLS peer (?:DN="(.*)"|\[0\].*subject=\[(.*)\])$')
_VERIFIED = re.compile(r"=== TLS peer (?:certificate (?:verification )?(passed|failed)|verif\w+ (?:succeeded|failed))")
_DATA_LINES = re.compile(r"[0-9]+ lines sent$")
_REMOVED = "PROVIDED_BUT_REMOVED"
_REMOVED_64 = "UFJPVklERURfQlVUX1JFTU9WRUQ"


def _sniff(lines: Sequence[Line]) -> float:
    return certainty_of(lines, _MARKS, _SIGNS)


def _parse(lines: Iterable[Line]) -> Iterator[Record]:
    for line in lines:
        text = line.text
        found = _MARKS.match(text)
        if found is None:
            yield from _remarks(line)
            continue
        mark = found[0]
        tls = "~" in mark
        said = text[found.end() :]
        if found.lastgroup != "c":
            yield Record(Kind.SERVER, said, line.number, line.at, tls)
        elif said.endswith(" sent") and _DATA_LINES.match(said):
            yield Record(Kind.HIDDEN_DATA, said.removesuffix(" sent"), line.number, line.at, tls)
        elif (start := _removed(said)) is not None:
            yield Record(Kind.CLIENT, said[:start], line.number, line.at, tls, hidden=True)
        else:
            yield Record(Kind.CLIENT, said, line.number, line.at, tls)


def _remarks(line: Line) -> Iterator[Record]:
    text = line.text
    if line.cut:
        yield Record(Kind.NOTE, TOO_LONG, line.number, line.at)
    elif found := _TRYING.match(text):
        host = "" if _PIPE.match(text) else found[1]
        yield Record(Kind.CONNECT, host, line.number, line.at)
    elif found := _TLS.match(text):
        yield Record(Kind.TLS, " ".join(filter(None, found.groups())), line.number, line.at)
    elif text.startswith("*** TLS startup failed"):
        yield Record(Kind.TLS_FAILED, text[4:], line.number, line.at)
    elif text.startswith("*** Remote host closed connection"):
        yield Record(Kind.CLOSE, "server", line.number, line.at)
    elif text.startswith("=== Connection closed"):
        yield Record(Kind.CLOSE, "", line.number, line.at)
    elif text.startswith("*** Error connecting"):
        yield Record(Kind.ERROR, text[4:], line.number, line.at)


def _removed(said: str) -> int | None:
    """Return where the mask of a password begins; None without one."""
    if _REMOVED in said:
        return said.rindex(" ") + 1 if said[:5].upper() == "AUTH " and " " in said[5:] else 0
    word = said.rpartition(" ")[2]
    # The mask is in base64 too: by itself for LOGIN, after the names for PLAIN, at any offset modulo 3.
    if _REMOVED_64 in said or "QUk9WSURFRF9CVVRfUkVNT1ZFR" in said or "BST1ZJREVEX0JVVF9SRU1PVkVE" in said:
        return len(said) - len(word)
    return None


SWAKS: Final = Dialect(name="swaks", title="swaks", sniff=_sniff, parse=_parse, marks=_MARKS)

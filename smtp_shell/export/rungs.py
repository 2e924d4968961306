"""Entries as rungs of a ladder: who says what to whom, when, and whether it can be read on the way.

What is drawn in one piece is one rung: a reply of several lines, commands that went out in one write, the mail data of a message.
No text of a rung is longer than a screen or two, so that memory does not grow with what was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct

from smtp_shell.display.render import client_text, describe
from smtp_shell.display.themes import reply_mark
from smtp_shell.protocol.commands import bdat_chunk
from smtp_shell.protocol.events import (
    ENDS_REPLY,
    Authenticated,
    CommandSent,
    Connected,
    Decoded,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    OctetsSent,
    Remarked,
    ReplyBegun,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape, quoted
from smtp_shell.protocol.replies import wire_lines

MOST_LINES = 40
"""How many lines of one reply, or of one write, are drawn."""

MOST_TEXT = 2000
"""How many octets of one line are drawn."""

IN_THE_CLEAR = "in the clear: anybody on the way can read it"
ENCRYPTED = "encrypted: on the way only sizes and times are seen"


class Kind(Enum):
    """What a rung is."""

    CLIENT = "client"
    SERVER = "server"
    PART = "part"
    EVENT = "event"
    NOTICE = "notice"
    NOTE = "note"
    FIELD = "field"
    MEANING = "meaning"


class Rung(Struct, frozen=True):
    """One thing that is drawn.

    Args:
        kind: What it is. A part is a heading: from here on the dialogue is in the clear, or inside TLS.
        lines: Its text, printable.
        entry: The entry that completed it.
        style: Name of the style, a key of `themes.STYLES`.
        sign: The sign of a reply.
        octets: How many octets of mail data it stands for; None where it is none.
    """

    kind: Kind
    lines: tuple[str, ...]
    entry: Entry
    style: str = ""
    sign: str = " "
    octets: int | None = None


def rungs(entries: Iterable[Entry]) -> Iterator[Rung]:
    """Yield the rungs of a dialogue, as a stream.

    Args:
        entries: The dialogue.
    """
    builder = Rungs()
    for entry in entries:
        yield from builder.rungs(entry)
    yield from builder.end()


def without_title(entries: Iterable[Entry], title: str) -> Iterator[Entry]:
    """Yield a dialogue without the field of the header that stands above it anyway.

    Args:
        entries: The dialogue.
        title: What stands above it.
    """
    above = Written("", f"Title: {title}")
    return (entry for entry in entries if entry.event != above)


class Rungs:
    """Collects entries into rungs."""

    def __init__(self) -> None:
        self._tls: bool | None = None  # whether the last part was inside TLS; None before the first
        self._group: list[str] = []  # commands of a write that is not complete
        self._more = 0  # lines of that write, or of the reply under way, that are not kept
        self._begun: list[str] = []  # lines of a reply that is not complete
        self._begun_code = 0
        self._data: _MailData | None = None
        self._chunk: _MailData | None = None  # of BDAT
        self._last: Entry | None = None

    def rungs(self, entry: Entry) -> Iterator[Rung]:
        """Yield the rungs that an entry completes."""
        event = entry.event
        if not isinstance(event, MailDataSent | Remarked | Noticed):
            yield from self._end_data()
        if not isinstance(event, CommandSent | Remarked | Decoded):
            yield from self._end_group()
        if not isinstance(event, OctetsSent | Remarked):
            yield from self._end_chunk()
        if not isinstance(event, Written | Remarked):
            yield from self._begin_part(entry)
        yield from self._of(entry, event)
        self._last = entry

    def end(self) -> Iterator[Rung]:
        """Yield what the end of the dialogue leaves incomplete."""
        yield from self._end_data()
        yield from self._end_group()
        yield from self._end_chunk()
        yield from self._end_begun()

    def _begin_part(self, entry: Entry) -> Iterator[Rung]:
        event = entry.event
        if isinstance(event, TlsStarted):
            self._tls = True
            yield Rung(Kind.PART, (describe(event), ENCRYPTED), entry, "event")
        elif isinstance(event, Connected):
            self._tls = False
            clear = "TLS begins with the first octet" if event.tls else IN_THE_CLEAR
            yield Rung(Kind.PART, (describe(event), clear), entry, "event")
        elif entry.tls is not self._tls and not isinstance(event, Disconnected):
            self._tls = entry.tls
            yield Rung(Kind.PART, ("tls", ENCRYPTED) if entry.tls else (IN_THE_CLEAR,), entry, "event")

    def _of(self, entry: Entry, event: Event) -> Iterator[Rung]:
        match event:
            case MailDataSent():
                yield from self._mail_data(entry, event)
            case CommandSent():
                yield from self._command(entry, event)
            case OctetsSent():
                yield from self._octets(entry, event)
            case SaslSent():
                yield Rung(Kind.CLIENT, (client_text(event, MASK),), entry, "command")
            case ReplyBegun() | ReplyReceived() | ReplyExpected():
                yield from self._reply(entry, event)
            case Noticed():
                yield from self._notice(entry, event)
            case Decoded():
                yield Rung(Kind.MEANING, (f"means: {event.meaning or '(nothing)'}",), entry, "decoded")
            case Remarked():
                yield Rung(Kind.NOTE, (event.text,), entry, "note")
            case Written():
                kind = Kind.EVENT if event.marker else Kind.FIELD
                yield Rung(kind, (event.text,), entry, "event" if event.marker else "note")
            case Disconnected():
                yield from self._end_begun()
                yield Rung(Kind.EVENT, (_ending(event),), entry, "event")
            case Authenticated() | TimedOut():
                yield Rung(Kind.EVENT, (describe(event),), entry, "event")
            case Connected() | TlsStarted():
                return

    def _command(self, entry: Entry, event: CommandSent) -> Iterator[Rung]:
        text = client_text(event, MASK)[:MOST_TEXT]
        if len(self._group) < MOST_LINES:
            self._group.append(text)
        else:
            self._more += 1
        chunk = bdat_chunk(event.command.line)
        if chunk is not None and chunk.size:
            self._chunk = _MailData(entry, "chunk")
        elif event.pipelined:
            return
        self._last = entry
        yield from self._end_group()

    def _end_group(self) -> Iterator[Rung]:
        if self._group and self._last is not None:
            group, self._group = self._group, []
            yield Rung(Kind.CLIENT, (*group, *self._left_out()), self._last, "command")

    def _left_out(self) -> tuple[str, ...]:
        more, self._more = self._more, 0
        return (f"… {more:,} more {'line' if more == 1 else 'lines'}",) if more else ()

    def _octets(self, entry: Entry, event: OctetsSent) -> Iterator[Rung]:
        if self._chunk is not None:
            self._chunk = self._chunk.with_octets(entry, event.octets)
            return
        shown = event if len(event.octets) <= MOST_TEXT else OctetsSent(event.octets[:MOST_TEXT], event.public)
        more = len(event.octets) - MOST_TEXT
        cut = (f"… {more:,} more {'octet' if more == 1 else 'octets'}",) if more > 0 else ()
        yield Rung(Kind.CLIENT, (f"{client_text(shown, MASK)} (as they are)", *cut), entry, "command")

    def _end_chunk(self) -> Iterator[Rung]:
        chunk, self._chunk = self._chunk, None
        if chunk is not None and chunk.octets:
            yield chunk.rung("")

    def _mail_data(self, entry: Entry, event: MailDataSent) -> Iterator[Rung]:
        data = self._data or _MailData(entry, "mail data")
        self._data = data.with_octets(entry, b"" if event.last else event.octets)
        if event.last:
            data, self._data = self._data, None
            yield data.rung(", and a dot alone ends it")

    def _end_data(self) -> Iterator[Rung]:
        data, self._data = self._data, None
        if data is not None:
            yield data.rung(", and no dot ends it")

    def _reply(self, entry: Entry, event: ReplyBegun | ReplyReceived | ReplyExpected) -> Iterator[Rung]:
        if isinstance(event, ReplyExpected):
            sign, style = reply_mark(event.digit * 100) if event.digit else (" ", "event")
            texts = tuple(text if marker == "S:" else f"{marker} {text}" for marker, text in event.lines[:MOST_LINES])
            yield Rung(Kind.SERVER, texts, entry, style, sign)
            return
        new = event.octets if isinstance(event, ReplyBegun) else event.new_octets
        for line in wire_lines(new):
            if len(self._begun) < MOST_LINES:
                self._begun.append(escape(line[:MOST_TEXT]))
            else:
                self._more += 1
                self._begun[-1] = escape(line[:MOST_TEXT])  # the last line is the one that matters
        if isinstance(event, ReplyBegun):
            self._begun_code = event.code
            return
        lines, self._begun = self._begun, []
        sign, style = reply_mark(event.reply.code)
        yield Rung(Kind.SERVER, _with_gap(lines, self._left_out()), entry, style, sign)

    def _end_begun(self) -> Iterator[Rung]:
        if self._begun and self._last is not None:
            lines, self._begun = self._begun, []
            sign, style = reply_mark(self._begun_code)
            yield Rung(
                Kind.SERVER, (*_with_gap(lines, self._left_out()), "(the rest did not come)"), self._last, style, sign
            )

    def _notice(self, entry: Entry, event: Noticed) -> Iterator[Rung]:
        if event.kind in ENDS_REPLY:
            yield from self._end_begun()
        came = f": {quoted(escape(event.octets[:MOST_TEXT]))}" if event.octets else ""
        yield Rung(Kind.NOTICE, (f"{event.sentence}{came}",), entry, "notice")


class _MailData(Struct, frozen=True):
    """Mail data, or a chunk, that is not complete.

    Args:
        entry: Its last piece.
        what: What it is called.
        octets: How many octets of it there are so far.
        lines: How many lines.
    """

    entry: Entry
    what: str
    octets: int = 0
    lines: int = 0

    def with_octets(self, entry: Entry, octets: bytes) -> _MailData:
        return _MailData(entry, self.what, self.octets + len(octets), self.lines + octets.count(b"\n"))

    def rung(self, end: str) -> Rung:
        lines = f" in {self.lines:,} {'line' if self.lines == 1 else 'lines'}" if self.lines else ""
        text = f"{self.what}, {self.octets:,} {'octet' if self.octets == 1 else 'octets'}{lines}{end}"
        return Rung(Kind.CLIENT, (text,), self.entry, "data", octets=self.octets)


def _with_gap(lines: list[str], gap: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines of a reply with a word about those left out before the last one."""
    return (*lines[:-1], *gap, lines[-1]) if gap else tuple(lines)


def _ending(event: Disconnected) -> str:
    who = {
        End.CLIENT: "the client closes the connection",
        End.SERVER: "the server closes the connection",
        End.TIMEOUT: "the wait timed out, and the connection is closed",
        End.ERROR: "the connection is closed after an error",
    }[event.end]
    return f"{who}: {event.detail}" if event.detail else who

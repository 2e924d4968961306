"""The last octets of a connection in both directions, for `/hex`, and the last group of commands, for `/pipeline show`.

Of much the start and the end are kept, so that memory stays small. Credentials are not kept.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.figures import counted
from smtp_shell.protocol.events import (
    CommandSent,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyBegun,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.octets import CRLF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.protocol.commands import Command
    from smtp_shell.protocol.events import Entry
    from smtp_shell.protocol.replies import Reply

_MOST_PASSAGES = 2_000
# Of all passages. They lie between the buffers of a file that goes out, and more of them keep the memory of these in pieces.
_MOST_OCTETS = 128 * 1024
_MOST_AT_START = 1_024  # octets of one passage
_MOST_AT_END = 256
_MOST_COMMANDS = 1_000  # of one group


class Passage:
    """Octets that went over the connection in one direction, without a break.

    Args:
        at: Seconds since the connection was opened.
        is_client: Whether the client sent them.
        tls: Whether they went through TLS.

    Attributes:
        start: The first octets.
        end: The last octets, where some between are not kept.
        size: How many octets there were, without a credential.
        has_secret: Whether a credential followed them, which is not kept.
        is_open: Whether more may follow.
    """

    def __init__(self, at: float, *, is_client: bool, tls: bool) -> None:
        self.at = at
        self.is_client = is_client
        self.tls = tls
        self.start = b""
        self.end = b""
        self.size = 0
        self.has_secret = False
        self.is_open = False

    @property
    def left_out(self) -> int:
        """How many octets between start and end are not kept."""
        return self.size - len(self.start) - len(self.end)

    def add(self, octets: bytes) -> None:
        """Add what followed."""
        self.size += len(octets)
        room = _MOST_AT_START - len(self.start)
        self.start += octets[:room]
        if rest := octets[max(room, 0) :]:
            self.end = (self.end + rest[-_MOST_AT_END:])[-_MOST_AT_END:]


class Answered(Struct, frozen=True):
    """A command of a group with its reply.

    Args:
        command: The command.
        reply: Its reply; None if it has not come.
        seconds: How long that took; None if it is not known.
    """

    command: Command
    reply: Reply | None = None
    seconds: float | None = None


class WireRecord:
    """Keeps the last octets of one connection, and its last group of commands. A consumer of the event stream."""

    wants = (
        CommandSent,
        SaslSent,
        OctetsSent,
        MailDataSent,
        ReplyBegun,
        ReplyReceived,
        Noticed,
    )

    def __init__(self) -> None:
        self._passages: deque[Passage] = deque()
        self._kept = 0  # octets of all passages that are kept
        self._group: list[Answered] = []
        self._is_open = False  # more commands of the group follow

    def __call__(self, entry: Entry) -> None:
        """Follow an event."""
        match entry.event:
            case CommandSent() as event:
                self._follow_group(event)
                self._add(entry, event.command.octets, event.command.public)
            case SaslSent() as event:
                self._add(entry, event.line + CRLF, 0 if event.secret and not event.names_user else None)
            case OctetsSent() as event:
                self._add(entry, event.octets, event.public)
            case MailDataSent() as event:
                self._add(entry, event.octets, None, goes_on=not event.last)
            case ReplyBegun() as event:
                self._add(entry, event.octets, None, is_client=False, goes_on=True)
            case ReplyReceived() as event:
                self._answer(event)
                self._add(entry, event.new_octets, None, is_client=False)
            case Noticed() as event if event.octets and event.kind is not NoticeKind.ECHO:
                self._add(entry, event.octets, None, is_client=False)

    def last(self, exchanges: int) -> Sequence[Passage]:
        """Return the octets of the last exchanges: what the client sent without a reply between, and the replies to it.

        Args:
            exchanges: How many, at least one.
        """
        found: list[Passage] = []
        left = exchanges
        for passage in reversed(self._passages):
            if found and found[-1].is_client and not passage.is_client:
                left -= 1
                if not left:
                    break
            found.append(passage)
        return found[::-1]

    @property
    def group(self) -> Sequence[Answered]:
        """The last commands that went out in one write, each with its reply; none if there was no such write."""
        return tuple(self._group) if len(self._group) > 1 else ()

    def _add(
        self, entry: Entry, octets: bytes, public: int | None, *, is_client: bool = True, goes_on: bool = False
    ) -> None:
        last = self._passages[-1] if self._passages else None
        joins = not is_client or isinstance(entry.event, MailDataSent)
        if last is None or not (joins and last.is_open) or last.is_client != is_client:
            last = Passage(entry.at, is_client=is_client, tls=entry.tls)
            self._passages.append(last)
        before = last.size - last.left_out
        last.add(octets if public is None else octets[:public])
        last.has_secret = public is not None
        last.is_open = goes_on
        self._kept += last.size - last.left_out - before
        while len(self._passages) > _MOST_PASSAGES or (self._kept > _MOST_OCTETS and len(self._passages) > 1):
            gone = self._passages.popleft()
            self._kept -= gone.size - gone.left_out

    def _follow_group(self, event: CommandSent) -> None:
        if not self._is_open and event.pipelined:
            self._group.clear()
        if (self._is_open or event.pipelined) and len(self._group) < _MOST_COMMANDS:
            self._group.append(Answered(event.command))
        self._is_open = event.pipelined

    def _answer(self, event: ReplyReceived) -> None:
        for index, each in enumerate(self._group):
            if each.command is event.command and each.reply is None:
                self._group[index] = Answered(each.command, event.reply, event.seconds)
                return


def hex_rows(passage: Passage, columns: int) -> Iterator[str]:
    """Yield the octets of a passage as lines: offset, octets in hexadecimal, and the characters that are ASCII.

    Args:
        passage: The octets.
        columns: Columns of the screen; a row has sixteen octets, or fewer where there is no room.
    """
    secret = " and a credential" if passage.has_secret else ""
    tls = ", inside TLS" if passage.tls else ""
    yield f"  {'sent' if passage.is_client else 'received'} {counted(passage.size, 'octet')}{secret} at {passage.at:.3f} s{tls}"
    number = next((each for each in (16, 8) if columns > _row_width(each)), 4)
    yield from _dump(passage.start, 0, number)
    if passage.end:
        if passage.left_out:
            yield f"      … {passage.left_out:,} more octets"
        yield from _dump(passage.end, passage.size - len(passage.end), number)
    if passage.has_secret:
        yield "      … a credential, which is not shown"


def _row_width(number: int) -> int:
    return 6 + 6 + 3 * number + number // 8 + 1 + number


def _dump(octets: bytes, start: int, number: int) -> Iterator[str]:
    half = 3 * 8
    for at in range(0, len(octets), number):
        row = octets[at : at + number]
        pairs = row.hex(" ")
        if len(row) > 8:
            pairs = f"{pairs[: half - 1]}  {pairs[half:]}"
        text = "".join(chr(each) if 0x20 <= each < 0x7F else "." for each in row)
        yield f"      {start + at:04x}  {pairs:<{3 * number + number // 8}} {text}"


def hex_record(passage: Passage) -> dict[str, object]:
    """Return a passage as an object, for other programs; absent values are left out."""
    record: dict[str, object] = {
        "dir": "C" if passage.is_client else "S",
        "phase": "tls" if passage.tls else "plain",
        "time": round(passage.at, 6),
        "octets": passage.size,
        "hex": passage.start.hex(),
        "left_out": passage.left_out,
        "hex_end": passage.end.hex(),
        "masked": passage.has_secret,
    }
    return {name: value for name, value in record.items() if value or name in ("octets", "hex", "time")}

"""How long each part of a dialogue took, as bars: the look-up of the name, TCP, TLS, the greeting, and each reply.

The times are those of the entries. A transcript has the time from the start of the look-up to the open connection in one figure, and a
transcript written by hand has no times at all. What is not known is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.display.columns import cells, fold
from smtp_shell.display.render import Row, client_text
from smtp_shell.display.themes import reply_mark
from smtp_shell.figures import shown_seconds
from smtp_shell.net.target import UNIX
from smtp_shell.protocol.events import (
    CommandSent,
    Connected,
    MailDataSent,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.masking import MASK

if TYPE_CHECKING:
    from smtp_shell.protocol.events import Entry

MOST_BARS = 500
"""How many bars one dialogue has. What takes place after that is counted and summed."""

MOST_LABEL = 100
"""Characters of what was sent that a label may have."""

NARROWEST = 24
WIDEST = 120

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_TIME_COLUMNS = 10
_LABEL_PART = 3  # the labels have one part in so many of the width
_NO_TCP = ("pipe:", *UNIX)
_NOT_IN_A_FILE = "a transcript does not tell look-up and TCP apart"


class Stage(Struct, frozen=True):
    """One part of the time.

    Args:
        label: What it was, printable.
        seconds: How long it took; None if that is not known.
        remark: Why it is not known, or what else there is to say.
        style: Name of the style.
        sign: The sign of a reply.
        heading: Whether it is a heading, without a time.
    """

    label: str
    seconds: float | None = None
    remark: str = ""
    style: str = "event"
    sign: str = " "
    heading: bool = False


class Timings:
    """Collects the times of a dialogue, as a stream of entries. A consumer."""

    def __init__(self) -> None:
        self._stages: list[Stage] = []
        self._more, self._more_seconds = 0, 0.0  # replies beyond MOST_BARS
        self._slowest = 0.0  # of those
        self._ready_at = (
            0.0  # when the server could begin with what comes next: the last connection, handshake or reply
        )
        self._is_greeted = True
        self._asked = ""  # what was sent last
        self._last_at = 0.0
        self._waited = 0.0
        self._is_timed = False

    def __call__(self, entry: Entry) -> None:
        """Note the time of an entry."""
        self._is_timed |= entry.at > 0
        self._last_at = max(self._last_at, entry.at)
        event = entry.event
        match event:
            case Connected():
                self._connected(entry.at, event)
            case TlsStarted():
                self._add(Stage("TLS handshake", max(0.0, entry.at - self._ready_at)))
                self._ready_at = entry.at
            case CommandSent():
                self._asked = client_text(event, MASK)[:MOST_LABEL]
            case SaslSent():
                self._asked = "AUTH, the response"
            case MailDataSent():
                self._asked = "the final dot"
            case ReplyReceived():
                self._reply(entry.at, event)
            case TimedOut():
                waiting = event.waiting_for or "a reply"
                self._add(Stage(waiting[:MOST_LABEL], event.waited, "did not come", "error"))
            case _:
                return

    def rows(self, width: int, *, ascii_only: bool = False) -> Iterator[Row]:
        """Return the bars. Each row fits the width.

        Args:
            width: Columns of the screen; less than 24 counts as 24, and no more than 120 are used.
            ascii_only: Whether to draw with characters of ASCII alone.
        """
        width = max(NARROWEST, min(width, WIDEST))
        if not self._is_timed or not self._stages:
            yield from _sentence(
                "There are no times in this dialogue: it was written by hand, or nothing happened.", width
            )
            return
        longest = max((each.seconds or 0.0 for each in self._stages), default=0.0)
        remarks: dict[str, None] = {}  # those that find no room beside a bar, each once
        for stage in self._stages:
            row, remark = _bar(stage, width, longest, ascii_only=ascii_only)
            yield row
            if remark:
                remarks[f"{stage.label}: {remark}"] = None
        for remark in remarks:
            yield from _sentence(f"{_in_ascii(remark) if ascii_only else remark}.", width)
        if self._more:
            yield from _sentence(
                f"and {self._more:,} more replies: {shown_seconds(self._more_seconds)} in all, "
                f"the slowest {shown_seconds(self._slowest)}",
                width,
            )
        rest = max(0.0, self._last_at - self._waited)
        yield from _sentence(
            f"In all {shown_seconds(self._last_at)}: {shown_seconds(self._waited)} of waiting for the network and the server, "
            f"and {shown_seconds(rest)} of the client's own.",
            width,
        )

    def _connected(self, at: float, event: Connected) -> None:
        self._add(Stage(f"connect {event.address}", heading=True))
        if event.address.startswith(_NO_TCP):
            self._add(Stage("connection", at))
        elif event.looked_up is None:
            self._add(Stage("look-up and TCP", at, _NOT_IN_A_FILE))
        elif not event.looked_up:
            self._add(Stage("look-up (DNS)", 0.0, "none: it is an address"))
            self._add(Stage("TCP", at))
        else:
            self._add(Stage("look-up (DNS)", event.looked_up))
            self._add(Stage("TCP", max(0.0, at - event.looked_up)))
        self._ready_at, self._is_greeted = at, False

    def _reply(self, at: float, event: ReplyReceived) -> None:
        sign, style = reply_mark(event.reply.code)
        if not self._is_greeted:
            self._is_greeted = True
            stage = Stage("greeting", max(0.0, at - self._ready_at), "", style, sign)
        else:
            label = self._asked
            if event.command is not None and event.verb != "AUTH":
                label = client_text(CommandSent(event.command), MASK)[:MOST_LABEL]
            late = "" if event.seconds is not None else "not known: it answers nothing, or came late"
            stage = Stage(label or "a reply", event.seconds, late, style, sign)
        # Replies to commands of one write wait at the same time, so each counts from the one before it.
        self._add(stage, min(stage.seconds or 0.0, max(0.0, at - self._ready_at)))
        self._ready_at = at

    def _add(self, stage: Stage, waited: float | None = None) -> None:
        self._waited += (stage.seconds or 0.0) if waited is None else waited
        if len(self._stages) < MOST_BARS:
            self._stages.append(stage)
            return
        self._more += 1
        self._more_seconds += stage.seconds or 0.0
        self._slowest = max(self._slowest, stage.seconds or 0.0)


def bars(entries: Iterable[Entry], width: int = 80, *, ascii_only: bool = False) -> Iterator[Row]:
    """Yield the rows of a dialogue's times.

    Args:
        entries: The dialogue.
        width: Columns of the screen.
        ascii_only: Whether to draw with characters of ASCII alone.
    """
    timings = Timings()
    for entry in entries:
        timings(entry)
    yield from timings.rows(width, ascii_only=ascii_only)


def _bar(stage: Stage, width: int, longest: float, *, ascii_only: bool) -> tuple[Row, str]:
    """Return the row of a stage, and the remark that finds no room in it."""
    label = _in_ascii(stage.label) if ascii_only else stage.label
    if stage.heading:
        return Row("", _cut(label, width), stage.style), ""
    columns = max(8, width // _LABEL_PART)
    label = _cut(f"{stage.sign} {label}", columns)
    pad = " " * (columns - cells(label))
    time = "?" if stage.seconds is None else shown_seconds(stage.seconds)
    part = stage.seconds / longest if stage.seconds and longest else 0.0
    bar = _drawn(part, width - columns - _TIME_COLUMNS - 2, ascii_only=ascii_only)
    row = f"{label}{pad}{time:>{_TIME_COLUMNS}}  {bar}"
    beside = f"{row.rstrip()}  ({stage.remark})"
    if stage.remark and cells(beside) <= width:
        return Row("", beside, stage.style), ""
    return Row("", row.rstrip(), stage.style), stage.remark


def _drawn(part: float, room: int, *, ascii_only: bool) -> str:
    """Return a bar. What took any time at all is seen."""
    if ascii_only:
        return "#" * max(round(part * room), 1 if part else 0)
    eighths = max(round(part * room * 8), 1 if part else 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _sentence(text: str, width: int) -> Iterator[Row]:
    for _, piece, _ in fold(Row("   ", text, ""), width):
        yield Row("", f"  {piece.strip()}", "said")


def _cut(text: str, columns: int) -> str:
    """Return text that takes no more than so many columns."""
    while cells(text) > columns:
        text = text[: min(len(text) - 1, columns)]
    return text


def _in_ascii(text: str) -> str:
    return text.replace(MASK, "*" * len(MASK)).encode("ascii", "backslashreplace").decode("ascii")

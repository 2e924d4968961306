"""A group of commands that went out in one write, drawn with its replies and their times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.display.render import shown_command
from smtp_shell.display.tables import GAP, beside, cell
from smtp_shell.display.themes import reply_mark
from smtp_shell.figures import shown_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.shell.wire_record import Answered

_MOST_OF_LINE = 200  # octets of a command or a reply
_BESIDE = 60  # columns from which a reply stands beside its command
_NARROWEST = 8


def group_rows(group: Sequence[Answered], columns: int) -> Iterator[tuple[str, str]]:
    """Yield a group of commands with their replies as a table, as lines with their style.

    Args:
        group: The commands.
        columns: Columns of the screen. On a narrow one each reply stands under its command.
    """
    yield f"  {len(group):,} commands in one write, each with its reply and its time", "event"
    lines = [_drawn(each) for each in group]
    count = len(str(len(group)))
    room = max(columns - 1 - 3 - count - 1, _NARROWEST)
    times = max((len(time) for *_, time in lines), default=0)
    for number, (each, (command, sign, reply, time)) in enumerate(zip(group, lines, strict=True), 1):
        style = reply_mark(each.reply.code)[1] if each.reply is not None else "notice"
        if columns < _BESIDE:
            cells = [cell(f"{command}\n{sign} {reply}{f'  {time}' if time else ''}", room)]
            widths = [room]
        else:
            half = min(max(len(command) for command, *_ in lines), (room - times - 3 * GAP) // 2)
            widths = [half, 1, room - half - times - 1 - 3 * GAP, times]
            cells = [cell(command, half), [sign], cell(reply, widths[2]), [time]]
        for line, text in enumerate(beside(cells, widths)):
            yield f"   {number if not line else '':>{count}} {text}", style


def group_records(group: Sequence[Answered]) -> Iterator[dict[str, object]]:
    """Yield an object for each command of a group, for other programs; absent values are left out."""
    for number, each in enumerate(group, 1):
        command, _, reply, _ = _drawn(each)
        record: dict[str, object] = {"n": number, "command": command}
        if each.reply is not None:
            record |= {"code": each.reply.code, "reply": reply}
        yield record if each.seconds is None else {**record, "seconds": round(each.seconds, 6)}


def _drawn(each: Answered) -> tuple[str, str, str, str]:
    """Return a command, the sign of its reply, the reply, and how long that took."""
    command = shown_command(each.command, _MOST_OF_LINE)
    if each.reply is None:
        return command, " ", "no reply yet", ""
    time = shown_seconds(each.seconds) if each.seconds is not None else ""
    return command, reply_mark(each.reply.code)[0], each.reply.one_line(_MOST_OF_LINE), time

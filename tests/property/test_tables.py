"""Promise 3, in tables: whatever a server says, `/hex`, `/capabilities` and `/pipeline show` have printable lines that fit the screen."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.display.columns import cells, wrap
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Entry, OctetsSent
from smtp_shell.protocol.replies import Extensions, Reply, ReplyParser
from smtp_shell.shell.capabilities import capability_rows
from smtp_shell.shell.group_table import group_rows
from smtp_shell.shell.wire_record import Answered, WireRecord, hex_rows
from tests.property.hostile import OCTETS

WIDTHS = st.sampled_from([10, 30, 40, 59, 60, 80, 100, 200])


def shown(rows: list[str], width: int) -> None:
    """Check that rows are printable, and are not folded again where there is any room."""
    for row in rows:
        assert row.isprintable()
        if width >= 40:
            assert cells(row) < width
            assert "".join(wrap(row, width, quotes=True)).strip() == row.strip()


def replies(octets: bytes) -> list[Reply]:
    return [each for each in ReplyParser().receive(octets) if isinstance(each, Reply)]


@given(st.lists(OCTETS, max_size=6), OCTETS, WIDTHS)
def test_keywords(lines: list[bytes], last: bytes, width: int) -> None:
    text = [line.replace(b"\r", b"").replace(b"\n", b"") for line in (*lines, last)]
    octets = b"".join(b"250-" + line + b"\r\n" for line in text[:-1]) + b"250 " + text[-1] + b"\r\n"
    for reply in replies(b"250-mx\r\n" + octets):
        now = Extensions.parse(reply)
        for before in (None, Extensions({"SIZE": (last,), "X": ()})):
            shown([row for row, style in capability_rows(now, before, width=width) if style != "said"], width)


@given(OCTETS, st.sampled_from([10, 40, 60, 80, 200]))
def test_octets(octets: bytes, width: int) -> None:
    record = WireRecord()
    record(Entry(1, 0.0, OctetsSent(octets), tls=True))
    rows = [row for each in record.last(1) for row in hex_rows(each, width)]
    shown(rows, width)
    if len(octets) <= 1024:
        number = 16 if width >= 80 else 8 if width >= 60 else 4
        assert len(rows) == 1 + -(-len(octets) // number)


@given(st.lists(OCTETS, min_size=1, max_size=5), OCTETS, WIDTHS)
def test_groups(commands: list[bytes], answer: bytes, width: int) -> None:
    line = answer.replace(b"\r", b"").replace(b"\n", b"")
    reply = next(iter(replies(b"550 " + line + b"\r\n")), None)
    group = [
        Answered(Command.parse(each.replace(b"\r", b"").replace(b"\n", b"")), reply if number % 2 else None, 0.001)
        for number, each in enumerate(commands)
    ]
    shown([row for row, _ in group_rows(group, width)][1:], width)

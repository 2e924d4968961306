"""Mail data as a linter reads it: by lines, by blocks of lines, and in pieces that end anywhere."""

from collections.abc import Iterable, Iterator

import pytest

from smtp_shell.lint.findings import Place
from smtp_shell.lint.mail_data import MessageScan
from smtp_shell.lint.moments import DataFault, DataFaultSent, HeaderEnd, HeaderSent, MessageSent

_HEADER = b"From: a@example.org\r\nDate: now\r\n\r\n"
_FILL = b"plain text\r\n" * 1_000  # more than a line may have: what follows it in the same piece is read as a block

Found = list[tuple[HeaderSent | DataFaultSent | MessageSent, Place]]


def _read(pieces: Iterable[bytes], *, transparent: bool = True, plain: bool = False) -> Found:
    """Return what comes of pieces, the first of which is in line 1; that of the end is line 0.

    Args:
        pieces: The pieces.
        transparent: Whether dots are doubled.
        plain: Whether plain lines are consumed as such first.
    """
    scan = MessageScan(transparent=transparent)
    found: Found = []
    for number, piece in enumerate(pieces, 1):
        if not (plain and scan.takes_plain(piece)):
            found += scan.receive(piece, Place(number))
    return [*found, *scan.end(Place(0))]


def _lines(octets: bytes) -> list[bytes]:
    *lines, rest = octets.split(b"\n")
    return [*(line + b"\n" for line in lines), *filter(None, [rest])]


def _ways(octets: bytes, *, transparent: bool = True) -> Iterator[Found]:
    """Yield what comes of octets in one piece, by lines, by lines of which the plain ones are known, and one by one."""
    lines = _lines(octets)
    yield _read([octets], transparent=transparent)
    yield _read(lines, transparent=transparent)
    yield _read(lines, transparent=transparent, plain=True)
    yield _read([octets[i : i + 1] for i in range(len(octets))], transparent=transparent)


def _faults(found: Found) -> set[tuple[DataFault, int]]:
    faults = [each for each, _ in found if isinstance(each, DataFaultSent)]
    assert len({each.fault for each in faults}) == len(faults)  # each is told once
    return {(each.fault, each.octets) for each in faults}


def _message(found: Found) -> MessageSent:
    message, place = found[-1]
    assert isinstance(message, MessageSent)
    assert place == Place(0)
    return message


def test_mail_data_without_a_line_has_not_ended_in_lf() -> None:
    assert not MessageScan().is_after_lf
    assert not _message(_read([])).is_ended_by_lf


@pytest.mark.parametrize("fill", [b"", _FILL, _FILL + b"..\r\n.." + _FILL], ids=["short", "long", "long with dots"])
@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b"", {}),
        (b"text\r\n", {}),
        (b"text without an end", {}),
        (b"\r\n\r\n", {}),
        (b".", {}),
        (b"x" * 998, {}),
        (b"x" * 999, {DataFault.LONG_LINE: 999}),
        (b"a\nb\r\n", {DataFault.BARE_LF: 0}),
        (b"b\r\na\n", {DataFault.BARE_LF: 0}),
        (b"a\rb\r\n", {DataFault.BARE_CR: 0}),
        (b"a\r\r\n", {DataFault.BARE_CR: 0}),
        (b"a\0\r\n", {DataFault.NUL: 0}),
        (b"\xc3\xbc\r\n\xc3\xbc\r\n", {DataFault.EIGHT_BIT_BODY: 0}),
        (b"x" * 998 + b"\r\n", {}),
        (b"x" * 998 + b"\n", {DataFault.BARE_LF: 0}),
        (b"x" * 999 + b"\r\n" + b"x" * 1_500 + b"\r\n", {DataFault.LONG_LINE: 999}),
        (b"x" * 999 + b"\n", {DataFault.BARE_LF: 0, DataFault.LONG_LINE: 999}),
        (b".\r\n..\r\n..a\r\n", {}),
        (b".a\r\n.b\r\n", {DataFault.SINGLE_DOT: 0}),
        (b"a\r\n.b\r\n", {DataFault.SINGLE_DOT: 0}),
        (b".X\r\n", {DataFault.SINGLE_DOT: 0}),
        (b"a.b\r\n.\n", {DataFault.BARE_LF: 0}),
        (
            b"a\n.b\0\r\n\xff\r.\n",
            dict.fromkeys([DataFault.BARE_LF, DataFault.BARE_CR, DataFault.NUL, DataFault.SINGLE_DOT, DataFault.EIGHT_BIT_BODY], 0),
        ),
    ],
)  # fmt: skip
def test_the_body_is_the_same_in_whatever_pieces(fill: bytes, body: bytes, faults: dict[DataFault, int]) -> None:
    octets = _HEADER + fill + body
    stuffed = sum(line.startswith(b".") and line != b"." for line in _lines(fill + body))
    for found in _ways(octets):
        assert _faults(found) == set(faults.items())
        message = _message(found)
        assert message.size == len(octets) - stuffed
        assert message.body_octets == len(fill + body) - stuffed
        assert message.has_eight_bit is (DataFault.EIGHT_BIT_BODY in faults)
        assert message.is_ended_by_lf is (body.endswith(b"\n") and not body.endswith(b"\r\n"))
        assert not message.chunked
    if body.endswith(b"\n"):
        for found in _ways(_HEADER + body + fill):
            assert _faults(found) == set(faults.items())
            assert _message(found).size == len(octets) - stuffed


@pytest.mark.parametrize("fill", [b"", _FILL], ids=["short", "long"])
def test_dots_in_a_chunk_are_text(fill: bytes) -> None:
    octets = _HEADER + fill + b".a\r\n.\r\n..b\r\n"
    for found in _ways(octets, transparent=False):
        assert _faults(found) == set()
        assert (_message(found).size, _message(found).body_octets) == (len(octets), len(octets) - len(_HEADER))


def test_a_block_ends_with_its_last_whole_line() -> None:
    scan = MessageScan()
    assert [
        moment for moment, _ in scan.receive(_HEADER + _FILL + b".a", Place(1)) if isinstance(moment, DataFaultSent)
    ] == []
    assert [moment for moment, _ in scan.receive(b"b\n", Place(2))] == [
        DataFaultSent(DataFault.BARE_LF, 0, scan._header),
        DataFaultSent(DataFault.SINGLE_DOT, 0, scan._header),
    ]
    assert scan.is_after_lf
    assert [*scan.receive(_FILL, Place(3))] == []
    assert not scan.is_after_lf


@pytest.mark.parametrize(
    ("line", "is_plain"),
    [
        (b"text\r\n", True),
        (b"\r\n", True),
        (b"a.\r\n", True),
        (b"x" * 996 + b"\r\n", True),
        (b"x" * 999 + b"\r\n", False),
        (b"text\n", False),
        (b"text", False),
        (b"\r\ntext", False),
        (b".\r\n", False),
        (b"a\r\nb\r\n", False),
        (b"a\rb\r\n", False),
        (b"a\nb\r\n", False),
        (b"\xff\r\n", False),
        (b"\0\r\n", False),
    ],
)
def test_a_plain_line_of_the_body_is_known_as_such(line: bytes, is_plain: bool) -> None:
    scan = MessageScan()
    assert not scan.takes_plain(line)  # the header is not over
    assert [*scan.receive(_HEADER, Place(1))] != []
    assert [*scan.receive(b"\n", Place(2))] != []
    assert scan.is_after_lf
    assert scan.takes_plain(line) is is_plain
    assert scan.is_after_lf is not is_plain
    message, _ = [*scan.end(Place(3))][-1]
    assert isinstance(message, MessageSent)
    assert message.body_octets == 1 + len(line) * is_plain


def test_the_rest_of_a_line_is_no_plain_line() -> None:
    scan = MessageScan()
    assert [*scan.receive(_HEADER + b".", Place(1))] != []
    assert not scan.takes_plain(b"text\r\n")
    assert [moment.fault for moment, _ in scan.receive(b"text\r\n", Place(2)) if isinstance(moment, DataFaultSent)] == [
        DataFault.SINGLE_DOT
    ]


Fields = list[tuple[bytes, bytes]]


def _fields(found: Found) -> tuple[Fields, HeaderEnd, bool, int]:
    """Return the header that was found, and the octets of the body after it."""
    (header,) = (each for each, _ in found if isinstance(each, HeaderSent))
    assert _message(found).header == header
    fields = [(field.name, field.value) for field in header.fields]
    return fields, header.end, header.has_eight_bit, _message(found).body_octets


_FROM = (b"From", b"a")


@pytest.mark.parametrize(
    ("octets", "fields", "end", "line", "body", "faults"),
    [
        (b"From: a\r\n\r\n", [_FROM], HeaderEnd.EMPTY_LINE, 2, 0, {}),
        (b"From: aX\r\n b X\r\n", [(b"From", b"aX b X")], HeaderEnd.END, 0, 0, {}),
        (b"From: Xa\r\n X\r\n", [(b"From", b"Xa X")], HeaderEnd.END, 0, 0, {}),
        (b"From: a\r\nHello", [_FROM], HeaderEnd.TEXT, 2, 7, {}),
        (b"From: a\r\n" + b"Hello " * 900 + b"\r\n\r\n", [_FROM], HeaderEnd.TEXT, 2, 5_402, {DataFault.LONG_LINE: 2}),
        (b"From: a\n\nx", [_FROM], HeaderEnd.EMPTY_LINE, 2, 1, {DataFault.BARE_LF: 1}),
        (b"From: a\r\n", [_FROM], HeaderEnd.END, 0, 0, {}),
        (b"From: a", [_FROM], HeaderEnd.END, 0, 0, {}),
        (b"", [], HeaderEnd.END, 0, 0, {}),
        (b"\r\ntext", [], HeaderEnd.EMPTY_LINE, 1, 4, {}),
        (b"From:a\r\nX!~: \t b:c \t\r\n\r\n", [_FROM, (b"X!~", b"b:c")], HeaderEnd.EMPTY_LINE, 3, 0, {}),
        (b"From: a\r\n b \r\n\tc\r\n\r\n", [(b"From", b"a b c")], HeaderEnd.EMPTY_LINE, 4, 0, {}),
        (b"From: a\r\n \t\r\n\r\n", [(b"From", b"a ")], HeaderEnd.EMPTY_LINE, 3, 0, {DataFault.EMPTY_FOLD: 2}),
        (b" x\r\nFrom: a\r\n\r\n", [_FROM], HeaderEnd.EMPTY_LINE, 3, 0, {DataFault.FOLDED_FIRST: 1}),
        (b"From a Fri\r\nFrom: a\r\n\r\n", [_FROM], HeaderEnd.EMPTY_LINE, 3, 0, {DataFault.MBOX_LINE: 1}),
        (b"From: a\r\nFrom a Fri\r\n\r\n", [_FROM], HeaderEnd.EMPTY_LINE, 3, 0, {DataFault.NO_COLON: 2}),
        (b"From: a\r\nSUBJECT x y\r\n\r\nz", [_FROM], HeaderEnd.EMPTY_LINE, 3, 1, {DataFault.NO_COLON: 2}),
        (b"From: a\r\nSubject x", [_FROM], HeaderEnd.END, 0, 0, {DataFault.NO_COLON: 2}),
        (b"From: a\r\nContent-Transfer-Encoding 8bit", [_FROM], HeaderEnd.END, 0, 0, {DataFault.NO_COLON: 2}),
        (b"Subject x\r\nFrom: a\r\n", [_FROM], HeaderEnd.END, 0, 0, {DataFault.NO_COLON: 1}),
        (b"From: a\r\nX y\r\nTo: b\r\n", [_FROM, (b"To", b"b")], HeaderEnd.END, 0, 0, {DataFault.NO_COLON: 2}),
        (b"X Subject\r\nTo: b\r\n\r\n", [], HeaderEnd.TEXT, 1, 20, {}),
        (b"Hello\r\n  From: b\r\n", [], HeaderEnd.TEXT, 1, 18, {}),
        (b"From: a\r\nHello\r\n\r\nBob", [_FROM], HeaderEnd.TEXT, 2, 10, {}),
        (b"From: a\r\nHello\r\nBob\r\n", [_FROM], HeaderEnd.TEXT, 2, 12, {}),
        (b"From: a\r\n\xc3\xbc\r\n\r\n", [_FROM], HeaderEnd.TEXT, 2, 4, {DataFault.EIGHT_BIT_HEADER: 2, DataFault.EIGHT_BIT_BODY: 2}),
        (b"From: a\r\n: b\r\n\tc\r\n", [_FROM], HeaderEnd.TEXT, 2, 9, {}),
        (b"From: a\r\nHello\r\n\xff\r\n", [_FROM], HeaderEnd.TEXT, 2, 10, {DataFault.EIGHT_BIT_BODY: 3}),
        (b"From: \xff\r\nTo: \xff\r\n", [(b"From", b"\xff"), (b"To", b"\xff")], HeaderEnd.END, 0, 0, {DataFault.EIGHT_BIT_HEADER: 1}),
        (b"From: a\r\nX: " + b"y" * 76 + b"\r\n", [_FROM, (b"X", b"y" * 76)], HeaderEnd.END, 0, 0, {DataFault.LONG_FIELD_LINE: 2}),
        (b"From: a\r\nX: " + b"y" * 75 + b"\r\n\r\n" + b"z" * 79, [_FROM, (b"X", b"y" * 75)], HeaderEnd.EMPTY_LINE, 3, 79, {}),
        (b"From: a\r\nX: " + b"y" * 999 + b"\r\n", [_FROM, (b"X", b"y" * 999)], HeaderEnd.END, 0, 0, {DataFault.LONG_LINE: 2}),
        (b"..From: a\r\n\r\n", [(b".From", b"a")], HeaderEnd.EMPTY_LINE, 2, 0, {}),
    ],
)  # fmt: skip
def test_the_header_ends_where_it_ends(
    octets: bytes, fields: Fields, end: HeaderEnd, line: int, body: int, faults: dict[DataFault, int]
) -> None:
    found = _read(_lines(octets))
    assert {each.fault: place.line for each, place in found if isinstance(each, DataFaultSent)} == faults
    assert [place.line for each, place in found if isinstance(each, HeaderSent)] == [line]
    has_eight_bit = DataFault.EIGHT_BIT_HEADER in faults
    for others in _ways(octets):
        assert _faults(others) == _faults(found)
        # What follows a line that has no end is counted with one.
        assert _fields(others) == (fields, end, has_eight_bit, body)


def test_each_field_has_its_line_and_its_blank() -> None:
    (header, _), *_ = _read([b"From: a\r\n", b"Sub", b"ject \t: b\r\n", b" c\r\n", b"\r\n"])
    assert isinstance(header, HeaderSent)
    assert [(field.place.line, field.has_blank, field.value) for field in header.fields] == [
        (1, False, b"a"),
        (2, True, b"b c"),
    ]
    assert [field.value for field in header.all("subject")] == [b"b c"]


def test_what_is_kept_of_a_header_is_bounded() -> None:
    long = b"N" * 201 + b": " + b"v" * 4_001 + b"\r\n" + b" w" * 10 + b"\r\n" + b"S: v\r\n " + b"w" * 5_000 + b"\r\n"
    for found in _ways(long):
        assert _fields(found)[0] == [(b"N" * 200, b"v" * 3_999 + b" "), (b"S", b"v " + b"w" * 3_998)]
    many = b"".join(b"X%d: y\r\n" % number for number in range(1_001))
    fields = _fields(_read([many]))[0]
    assert [fields[0], fields[-1], len(fields)] == [(b"X0", b"y"), (b"X999", b"y"), 1_000]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("start", [b"x", b"."])
@pytest.mark.parametrize("size", [1, 1_000, 4_001, 8_191, 8_192, 30_001, 30_002])
def test_a_line_of_any_length_in_pieces_is_one_line(start: bytes, end: bytes, size: int) -> None:
    octets = _HEADER + start + b"x" * 30_000 + end
    found = _read([_HEADER, *(octets[i : i + size] for i in range(len(_HEADER), len(octets), size))])
    faults = {(DataFault.LONG_LINE, 30_001 + (end == b"\r"))}
    faults |= {(DataFault.BARE_LF, 0)} if end == b"\n" else {(DataFault.BARE_CR, 0)} if end == b"\r" else set()
    faults |= {(DataFault.SINGLE_DOT, 0)} if start == b"." else set()
    assert _faults(found) == faults
    message, stuffed = _message(found), start == b"."
    assert (message.size, message.body_octets) == (len(octets) - stuffed, len(octets) - len(_HEADER) - stuffed)
    assert message.is_ended_by_lf is (end == b"\n")


@pytest.mark.parametrize(("before", "is_found"), [(0, True), (8_190, True), (8_191, False), (8_300, False)])
def test_of_a_line_in_pieces_the_first_8191_octets_are_looked_at(before: int, is_found: bool) -> None:
    line = b"x" * before + b"\0" + b"x" * (8_300 - before) + b"\r\n"
    faults = _faults(_read([_HEADER, *(line[i : i + 1] for i in range(len(line)))]))
    assert faults == {(DataFault.LONG_LINE, 8_301)} | ({(DataFault.NUL, 0)} if is_found else set())


def test_a_line_that_began_before_a_large_piece_is_one_line() -> None:
    found = _read([_HEADER, b"x" * 900, b"x" * 100 + b"\r\n" + _FILL])
    assert _faults(found) == {(DataFault.LONG_LINE, 1_000)}
    assert [place.line for each, place in found if isinstance(each, DataFaultSent)] == [2]

"""A file in blocks of whole lines."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.transcript.blocks import Blocks, is_utf_16

LONGEST = 8
PIECES = st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"bb", b"c" * 7, b"d" * 8, b"e" * 9, b"f" * 40])


def lines_of(blocks: Blocks) -> list[bytes | None]:
    """Return all lines, read block by block."""
    lines: list[bytes | None] = []
    while (block := blocks.next_block()) != b"":
        lines += [None] if block is None else cut(block)
    return lines


def cut(octets: bytes) -> list[bytes]:
    """Split a block after each LF. There is one after its last line, whether or not the file has it."""
    *lines, rest = octets.split(b"\n")
    assert rest == b""
    return [line + b"\n" for line in lines]


def swapped(octets: bytes) -> bytes:
    """Return a file whose lines end in CR with its CRs and LFs in each other's place, and any other file as it is.

    It ends in CR if the first piece with a line end has no LF. A piece that ends in CR is one octet longer.
    """
    at = octets.find(b"\r")
    piece = at - at % LONGEST
    until = piece + LONGEST + (octets[piece : piece + LONGEST].endswith(b"\r"))
    if at < 0 or b"\n" in octets[:until]:
        return octets
    return octets.translate(bytes.maketrans(b"\r\n", b"\n\r"))


def expected(octets: bytes) -> list[bytes | None]:
    """Return the lines that a file has."""
    lines = swapped(octets).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [None if len(line) > LONGEST else line.removesuffix(b"\r") + b"\n" for line in lines]


def blocks_of(octets: bytes) -> Blocks:
    return Blocks(io.BytesIO(octets).read, LONGEST)


@given(st.lists(PIECES).map(b"".join))
def test_blocks_have_the_lines_of_the_file(octets: bytes) -> None:
    blocks = blocks_of(octets)
    assert lines_of(blocks) == expected(octets)
    if expected(octets)[-1:] != [None]:
        assert blocks.ends_in_cr == (swapped(octets) != octets)
        assert blocks.is_whole == (swapped(octets).endswith(b"\n") or not octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"a\rb\rc", b"a\r\nb\r\n", b"x\ny\r", b"x\ry\n", b"ab\ncd\re\n", b"ab\rcd\nef\n",
        # A CR at the end of the first eight octets, with and without an LF after it, and an LF that comes later.
        b"abcdefg\r\nx\r\n", b"abcdefg\rx\r", b"abcdefg\rx\nyy\r", b"abcdefg\r", b"abcdefgh\rx\r", b"abcdefgh\nx\r\n",
        # A CR that stands before them decides alone.
        b"ab\rcdefg\nx\r",
        # What the first line end is, counts for all of the file.
        b"abc\ndefghij\rklmn\n", b"abc\ndef\r\nij\r", b"\rbcdefg\nhi\n", b"abcdefgh" * 3 + b"\r\nx",
    ],
)  # fmt: skip
def test_line_ends_that_stand_where_a_piece_ends(octets: bytes) -> None:
    blocks = blocks_of(octets)
    assert not blocks.ends_in_cr
    assert lines_of(blocks) == expected(octets)
    assert blocks.ends_in_cr == (swapped(octets) != octets)
    assert blocks.next_line() == b""


@pytest.mark.parametrize(("lf", "ends_in_cr"), [(32 * 1024, False), (32 * 1024 + 1, True)])
def test_an_lf_in_the_first_32_kib_says_that_lines_do_not_end_in_cr(lf: int, ends_in_cr: bool) -> None:
    blocks = Blocks(io.BytesIO(b"a\r".ljust(lf - 1, b"x") + b"\n").read, 100 * 1024)
    blocks.next_line()
    assert blocks.ends_in_cr is ends_in_cr


@pytest.mark.parametrize(
    ("start", "verdict"),
    [
        (b"\xff\xfeC\0", True), (b"\xfe\xff\0C", True), (b"\xfe\xff", True), (b"C\0", True), (b"\0C", True),
        (b"C", False), (b"", False), (b"C:", False), (b"\0\0", False), (b"\xfe\xfe", False),
    ],
)  # fmt: skip
def test_utf_16_is_known_by_its_first_octets(start: bytes, verdict: bool) -> None:
    assert is_utf_16(start) is verdict


def test_lines_and_blocks_may_be_read_in_turn() -> None:
    blocks = blocks_of(b"a\nb\nc\nd\ne\nf\n")
    assert [blocks.next_line(), blocks.next_block(), blocks.next_line()] == [b"a\n", b"b\nc\nd\n", b"e\n"]


@given(st.lists(PIECES).map(b"".join), st.integers(0, 5))
def test_single_lines_can_be_read_before_blocks(octets: bytes, count: int) -> None:
    blocks = blocks_of(octets)
    first = [line for line in (blocks.next_line() for _ in range(count)) if line != b""]
    assert [*first, *lines_of(blocks)] == expected(octets)


@given(st.lists(PIECES).map(b"".join))
def test_a_line_that_is_put_back_is_read_again(octets: bytes) -> None:
    blocks = blocks_of(octets)
    blocks.put_back(blocks.next_line())
    assert lines_of(blocks) == expected(octets)


def test_stop_skips_the_rest_of_the_file() -> None:
    blocks = blocks_of(b"a\nb\nc\n")
    assert blocks.next_line() == b"a\n"
    blocks.stop()
    assert blocks.next_line() == b""
    assert blocks.next_block() == b""
    assert blocks.next_line() == b""


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n"])
def test_a_file_may_end_with_or_without_a_line_end(end: bytes) -> None:
    blocks = blocks_of(b"a\nb" + end)
    assert blocks.next_line() == b"a\n"
    assert blocks.is_whole
    assert blocks.next_line() == b"b\n"
    assert blocks.is_whole == bool(end)
    assert blocks.next_line() == b""

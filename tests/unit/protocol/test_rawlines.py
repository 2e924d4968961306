"""Raw octets cut into lines, chunks skipped, and PROXY headers known."""

from __future__ import annotations

import pytest

from smtp_shell.protocol.rawlines import (
    PROXY_SIGN,
    PROXY_SIGNATURE,
    RawLines,
    is_proxy_header,
    is_whole_proxy_header,
    lines_of,
    proxy_header_length,
    without_end,
)


def test_lines_end_anywhere() -> None:
    lines = RawLines(100)
    assert list(lines.receive(b"NOOP\r\nRS")) == [b"NOOP\r\n"]
    assert lines.rest == b"RS"
    assert list(lines.receive(b"ET\nQUIT")) == [b"RSET\n"]
    assert list(lines.receive(b"")) == []
    assert list(lines.receive(b"\n\n")) == [b"QUIT\n", b"\n"]
    assert list(lines.receive(b"\nNOOP\n")) == [b"\n", b"NOOP\n"]
    assert lines.rest == b""


def test_of_a_line_without_an_end_the_last_octets_are_kept() -> None:
    lines = RawLines(4)
    assert list(lines.receive(b"123456")) == []
    assert lines.rest == b"3456"
    assert list(lines.receive(b"7\n")) == [b"34567\n"]


def test_a_chunk_is_no_line() -> None:
    lines = RawLines(100)
    found = []
    for line in lines.receive(b"BDAT 7\r\na\nb\nc\ndNOOP\r\nBDAT 4\r\nab"):
        found.append(line)
        if line.startswith(b"BDAT"):
            lines.chunk_left = int(line[5:6])
    assert found == [b"BDAT 7\r\n", b"NOOP\r\n", b"BDAT 4\r\n"]
    assert (lines.chunk_left, lines.rest) == (2, b"")
    assert list(lines.receive(b"\n\nRSET\n")) == [b"RSET\n"]
    assert lines.chunk_left == 0
    assert [lines.skip_chunk(3), lines.chunk_left] == [0, 0]


@pytest.mark.parametrize(
    ("octets", "lines"),
    [(b"", []), (b"a", [b"a"]), (b"a\n", [b"a\n"]), (b"a\r\nb", [b"a\r\n", b"b"]), (b"\n\n", [b"\n", b"\n"]), (b"a\rb\n", [b"a\rb\n"])],
)  # fmt: skip
def test_octets_are_cut_after_each_lf(octets: bytes, lines: list[bytes]) -> None:
    assert lines_of(octets) == lines


@pytest.mark.parametrize(
    ("line", "bare"), [(b"a\r\n", b"a"), (b"a\n", b"a"), (b"a\r", b"a"), (b"a", b"a"), (b"a\n\r\n", b"a\n"), (b"a\r\r\n", b"a\r")]
)  # fmt: skip
def test_a_line_without_its_end(line: bytes, bare: bytes) -> None:
    assert without_end(line) == bare


BINARY = PROXY_SIGNATURE + b"\x21\x11\x01\x02" + b"x" * 258


@pytest.mark.parametrize(
    ("octets", "begins", "is_whole", "length"),
    [
        (BINARY, True, True, 274), (BINARY + b"E", True, False, 274), (BINARY[:-1], True, False, 274),
        (PROXY_SIGNATURE + b"\x20\x00\0\0", True, True, 16), (PROXY_SIGNATURE[:-1], False, False, 0), (b"x" + BINARY, False, False, 0),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", True, True, 0), (b"PROXY UNKNOWN\r\nEHLO\r\n", True, False, 0),
        (b"PROXY", True, False, 0), (b"PROXY UNKNOWN", True, False, 0), (b"PROXYX\n", False, False, 0), (b"PROX", False, False, 0),
        (b"proxy unknown\r\n", False, False, 0), (b"", False, False, 0),
    ],
)  # fmt: skip
def test_proxy_headers(octets: bytes, begins: bool, is_whole: bool, length: int) -> None:
    assert is_proxy_header(octets) is begins
    assert is_whole_proxy_header(octets) is is_whole
    assert proxy_header_length(octets) == length


def test_sixteen_octets_tell_a_proxy_header() -> None:
    assert PROXY_SIGN == 16
    assert PROXY_SIGNATURE == b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"

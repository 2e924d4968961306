"""The blocks of a capture, read back by a reader that shares no code with them."""

import struct

import pytest

from smtp_shell.export.pcapng import MOST_COMMENT, file_start, packet_block, secrets_block, section_header
from tests.support.pcapng import read

START = file_start("smtp-shell", "what it is", "synthetic")


def test_the_start_is_a_section_and_an_interface() -> None:
    found = read(START)
    assert found.comment == "what it is"
    assert found.packets == 0


@pytest.mark.parametrize("size", range(5))
def test_octets_of_any_number_are_padded(size: int) -> None:
    block = secrets_block(b"x" * size)
    assert len(block) % 4 == 0
    assert read(START + block).secrets == [b"x" * size]


def test_a_comment_is_cut_between_characters() -> None:
    found = read(file_start("smtp-shell", "é" * MOST_COMMENT, "x"))
    assert found.comment == "é" * (MOST_COMMENT // 2)


def test_the_time_is_in_microseconds() -> None:
    block = packet_block(1_795_339_265.25, b"x" * 60)
    assert struct.unpack_from("<II", block, 12) == divmod(1_795_339_265_250_000, 2**32)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_section_says_its_byte_order(order: str) -> None:
    start = b"\x0a\x0d\x0d\x0a" + struct.pack(f"{order}II", 28, 0x1A2B3C4D)
    assert section_header(start) == (28, order)


@pytest.mark.parametrize("start", [b"", b"\xd4\xc3\xb2\xa1" + bytes(20), b"\x0a\x0d\x0d\x0a" + bytes(8)])
def test_another_file_has_no_section(start: bytes) -> None:
    assert section_header(start) is None

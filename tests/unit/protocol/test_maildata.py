"""Mail data: line ends, transparency and the final dot of RFC 5321 §4.5.2."""

import pytest

from smtp_shell.protocol.maildata import (
    END_OF_DATA,
    PIECE,
    MailDataDecoder,
    MailDataEncoder,
    has_only_crlf,
    in_chunks,
    measure,
)
from tests.support.samples import cuts

WIRE = [
    # the message, all that goes over the wire
    (b"", b".\r\n"),
    (b"hello\r\n", b"hello\r\n.\r\n"),
    (b"hello", b"hello\r\n.\r\n"),
    (b"hello\n", b"hello\r\n.\r\n"),
    (b"hello\r", b"hello\r\n.\r\n"),
    (b"\n", b"\r\n.\r\n"),
    (b"a\nb\rc\r\nd", b"a\r\nb\r\nc\r\nd\r\n.\r\n"),
    (b"a\n\nb\r\rc\r\n\r\nd", b"a\r\n\r\nb\r\n\r\nc\r\n\r\nd\r\n.\r\n"),
    (b"a\n\rb", b"a\r\n\r\nb\r\n.\r\n"),
    (b"a\r\n\nb", b"a\r\n\r\nb\r\n.\r\n"),
    # a dot that begins a line is doubled, on the first line too
    (b".", b"..\r\n.\r\n"),
    (b"..", b"...\r\n.\r\n"),
    (b".\r\n", b"..\r\n.\r\n"),
    (b".first", b"..first\r\n.\r\n"),
    (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n"),
    (b"a\n.\nb\n", b"a\r\n..\r\nb\r\n.\r\n"),
    (b"a\r.\rb\r", b"a\r\n..\r\nb\r\n.\r\n"),
    (b"a\r\n.\r\nQUIT\r\n", b"a\r\n..\r\nQUIT\r\n.\r\n"),
    (b".\n.\n.", b"..\r\n..\r\n..\r\n.\r\n"),
    (b"a.b\r\nc.", b"a.b\r\nc.\r\n.\r\n"),
    # SMTP smuggling: other line ends around a dot cannot end the data
    (b"a\n.\r\nMAIL", b"a\r\n..\r\nMAIL\r\n.\r\n"),
    (b"a\r.\r\nMAIL", b"a\r\n..\r\nMAIL\r\n.\r\n"),
    (b"a\r\n.\rMAIL", b"a\r\n..\r\nMAIL\r\n.\r\n"),
    (b"a\r\n.\nMAIL", b"a\r\n..\r\nMAIL\r\n.\r\n"),
    # octets are nobody's business
    (b"\0\xff\x1b\x85\x0b", b"\0\xff\x1b\x85\x0b\r\n.\r\n"),
    (b"x" * 2000 + b"\n.", b"x" * 2000 + b"\r\n..\r\n.\r\n"),
]


@pytest.mark.parametrize(("message", "wire"), WIRE)
def test_a_message_on_its_way(message: bytes, wire: bytes) -> None:
    for pieces in cuts(message):
        encoder = MailDataEncoder()
        sent = b"".join(encoder.encode(piece) for piece in pieces) + encoder.end()
        assert sent == wire


@pytest.mark.parametrize(("message", "wire"), WIRE)
def test_the_way_back(message: bytes, wire: bytes) -> None:
    normal = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if normal and not normal.endswith(b"\r\n"):
        normal += b"\r\n"
    for pieces in cuts(wire.removesuffix(END_OF_DATA)):
        decoder = MailDataDecoder()
        assert b"".join(decoder.decode(piece) for piece in pieces) + decoder.end() == normal


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (b".a\r\n", b"a\r\n"),  # a dot alone at the start of a line goes, doubled or not
        (b"a\n.b\r\n", b"a\n.b\r\n"),  # a bare LF begins no line
        (b"a\r.b\r\n", b"a\r.b\r\n"),
        (b"a\r\n\r.b", b"a\r\n\r.b"),
        (b"a\r\r\n..b", b"a\r\r\n.b"),
        (b"\r", b"\r"),
        (b"a\r\n\r", b"a\r\n\r"),
    ],
)
def test_octets_that_this_client_would_not_send_are_decoded_too(wire: bytes, message: bytes) -> None:
    for pieces in cuts(wire):
        decoder = MailDataDecoder()
        assert b"".join(decoder.decode(piece) for piece in pieces) + decoder.end() == message


@pytest.mark.parametrize(
    ("message", "chunk"), [(b".a\n.b\r\n..\rc", b".a\r\n.b\r\n..\r\nc"), (b"", b""), (b"\r\n.\r\n", b"\r\n.\r\n")]
)
def test_in_a_chunk_no_dot_is_doubled(message: bytes, chunk: bytes) -> None:
    """RFC 3030 section 2: BDAT counts octets and needs no final dot."""
    for pieces in cuts(message):
        encoder = MailDataEncoder(transparent=False)
        assert b"".join(encoder.encode(piece) for piece in pieces) == chunk


@pytest.mark.parametrize("size", [1, 7, 100])
def test_chunks_have_their_size_and_hold_the_whole_message(size: int) -> None:
    text = b"Subject: x\n\n.dot\nlast\r\nno end"
    chunks = list(in_chunks([text[:5], text[5:]], size, MailDataEncoder(transparent=False)))
    assert b"".join(chunks) == text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert len(chunks[-1]) <= size
    assert list(in_chunks([], size, None)) == [b""]
    assert list(in_chunks([b"x" * 2 * size], size, None)) == [b"x" * size] * 2


def test_chunks_of_a_binary_message_keep_its_line_ends() -> None:
    assert b"".join(in_chunks([b"a\nb\rc\0"], 2, None)) == b"a\nb\rc\0"


@pytest.mark.parametrize(
    ("pieces", "size", "body"),
    [
        ([], 0, "7BIT"),
        ([b"a\nb\n"], 6, "7BIT"),
        ([b"a\r", b"\nb"], 6, "7BIT"),
        ([b".dot\n"], 6, "7BIT"),
        (["ü\n".encode()], 4, "8BITMIME"),
        ([b"a\0\xff\n"], 5, "BINARYMIME"),
    ],
)
def test_a_message_is_measured_as_it_goes_over_the_wire(pieces: list[bytes], size: int, body: str) -> None:
    found = measure(pieces)
    assert (found.size, found.body) == (size, body)


@pytest.mark.parametrize(
    ("message", "mended"), [(b"a\r\nb\r\n", 0), (b"a\nb\n", 2), (b"a\rb\r", 2), (b"a\r\r\nb\n\rc", 3), (b"", 0)]
)
def test_line_ends_that_were_mended_are_counted_however_they_are_cut(message: bytes, mended: int) -> None:
    for pieces in cuts(message):
        encoder = MailDataEncoder()
        for piece in pieces:
            encoder.encode(piece)
        assert encoder.mended == mended


def test_a_decoder_gives_what_it_holds_back_once() -> None:
    decoder = MailDataDecoder()
    assert decoder.decode(b"..a\r\n") + decoder.end() == b".a\r\n"
    assert decoder.end() == b""
    assert decoder.decode(b"b") == b"b"


@pytest.mark.parametrize(
    ("octets", "only"),
    [
        (b"", True),
        (b"a", True),
        (b"a\r\n", True),
        (b"a\n", False),
        (b"a\r", False),
        (b"a\r\nb\n", False),
        (b"a\r\r\n", False),
    ],
)
def test_whether_every_line_end_is_crlf(octets: bytes, only: bool) -> None:
    assert has_only_crlf(octets) is only


def test_a_piece_is_as_large_as_what_is_read_at_a_time() -> None:
    assert PIECE == 65_536


@pytest.mark.parametrize(
    ("message", "size", "body"),
    [
        (b"", 0, "7BIT"), (b"a", 3, "7BIT"), (b"a\n", 3, "7BIT"), (b"a\r", 3, "7BIT"), (b".a\r\n", 4, "7BIT"), (b"\n\n", 4, "7BIT"),
        (b"\x7f", 3, "7BIT"), (b"\x80\n", 3, "8BITMIME"), (b"\0\n", 3, "BINARYMIME"), (b"\0\xff\n", 4, "BINARYMIME"),
    ],
)  # fmt: skip
def test_a_message_is_measured(message: bytes, size: int, body: str) -> None:
    for pieces in cuts(message):
        found = measure(pieces)
        assert (found.size, found.body) == (size, body)

"""Mail data goes there and back unharmed, in pieces of any size, and only the final dot ends it."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.maildata import END_OF_DATA, MailDataDecoder, MailDataEncoder, has_only_crlf
from tests.support.samples import split_at

_PIECES = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\r\n.\r\n", b"\n.\n", b"\r.\r"])
MESSAGES = st.binary() | st.lists(_PIECES | st.binary(max_size=3)).map(b"".join)
POINTS = st.lists(st.integers(min_value=0, max_value=1000), max_size=20)


def encode(message: bytes, points: list[int]) -> bytes:
    encoder = MailDataEncoder()
    return b"".join(encoder.encode(piece) for piece in split_at(message, points)) + encoder.end()


def decode(wire: bytes, points: list[int]) -> bytes:
    decoder = MailDataDecoder()
    return b"".join(decoder.decode(piece) for piece in split_at(wire, points)) + decoder.end()


def octet_by_octet(message: bytes) -> bytes:
    """Do by the letter of RFC 5321 what the encoder does for many octets at once."""
    wire, line_start, before = b"", True, b""
    for octet in (bytes([each]) for each in message):
        if octet == b"\r" or (octet == b"\n" and before != b"\r"):
            wire, line_start = wire + b"\r\n", True
        elif octet != b"\n":
            wire, line_start = wire + (b".." if line_start and octet == b"." else octet), False
        before = octet
    return wire + (END_OF_DATA if line_start else b"\r\n" + END_OF_DATA)


@given(MESSAGES, POINTS)
def test_the_encoder_does_what_the_standard_says(message: bytes, points: list[int]) -> None:
    assert encode(message, points) == octet_by_octet(message)


@given(MESSAGES)
def test_bare_line_ends_are_found(octets: bytes) -> None:
    rest = octets.replace(b"\r\n", b"")
    assert has_only_crlf(octets) == (b"\r" not in rest and b"\n" not in rest)
    assert has_only_crlf(encode(octets, []))


@given(MESSAGES, POINTS, POINTS)
def test_only_line_ends_change_on_the_way(message: bytes, cut: list[int], cut_again: list[int]) -> None:
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if not lines[-1]:
        lines.pop()
    arrived = decode(encode(message, cut).removesuffix(END_OF_DATA), cut_again)
    assert arrived == b"".join(line + b"\r\n" for line in lines)


@given(MESSAGES, POINTS)
def test_the_pieces_never_matter(message: bytes, points: list[int]) -> None:
    assert encode(message, points) == encode(message, [])
    assert decode(message, points) == decode(message, [])


@given(MESSAGES, POINTS)
def test_nothing_but_the_final_dot_ends_the_data(message: bytes, points: list[int]) -> None:
    wire = b"\r\n" + encode(message, points)
    assert wire.find(b"\r\n.\r\n") == len(wire) - len(b"\r\n.\r\n")
    rest = wire.replace(b"\r\n", b"")
    assert b"\r" not in rest
    assert b"\n" not in rest


@given(MESSAGES, POINTS)
def test_the_line_ends_that_became_crlf_are_counted(message: bytes, points: list[int]) -> None:
    encoder = MailDataEncoder()
    for piece in split_at(message, points):
        encoder.encode(piece)
    rest = message.replace(b"\r\n", b"")
    assert encoder.mended == rest.count(b"\r") + rest.count(b"\n")

"""Promise 6: no octets make the reader raise, and the segments they come in never matter."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import Extensions, Malformed, Oddity, Reply, ReplyLimits, ReplyParser
from tests.property.hostile import OCTETS
from tests.support.samples import split_at

LIMITS = ReplyLimits(line=40, reply=100, lines=4)

_CODES = st.sampled_from([b"250", b"220", b"354", b"421", b"550", b"000", b"999", b"2_5", b"+25", "٢٥٠".encode()])
_SEPARATORS = st.sampled_from([b"-", b" ", b"", b"\t", b"_"])
_ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\r\n", b""])
_TEXTS = st.sampled_from([b"", b"OK", b"AUTH=PLAIN LOGIN", b"SIZE 1", b"x" * 60]) | OCTETS
LINES = st.builds(lambda *parts: b"".join(parts), _CODES, _SEPARATORS, _TEXTS, _ENDS)
TALK = st.lists(LINES, max_size=12).map(b"".join) | OCTETS
POINTS = st.lists(st.integers(min_value=0, max_value=10_000), max_size=20)


def read(segments: list[bytes], limits: ReplyLimits) -> list[Reply | Malformed]:
    parser = ReplyParser(limits)
    return [item for segment in segments for item in parser.receive(segment)]


@given(TALK, POINTS, st.sampled_from([LIMITS, ReplyLimits()]))
def test_the_segments_never_matter(octets: bytes, points: list[int], limits: ReplyLimits) -> None:
    assert read(split_at(octets, points), limits) == read([octets], limits)


@given(TALK)
def test_any_octets_are_read_in_order_and_kept(octets: bytes) -> None:
    parser = ReplyParser()
    items = list(parser.receive(octets))
    assert all(isinstance(item, Reply) for item in items[:-1])
    if items and isinstance(items[-1], Malformed):
        assert parser.pending == b""
        assert items[-1].octets in octets
    else:
        assert b"".join(item.octets for item in items) + parser.pending == octets


@given(TALK)
def test_any_reply_can_be_asked_everything(octets: bytes) -> None:
    for item in ReplyParser().receive(octets):
        if isinstance(item, Reply):
            assert all(line.isprintable() for line in item.text.split("\n"))
            assert (Oddity.ODD_CODE not in item.oddities) == (200 <= item.code <= 599)
            assert item.enhanced is None or str(item.enhanced)[0] in "245"
            assert len(list(item.wire_lines())) == len(item.lines)
            extensions = Extensions.parse(item)
            assert all(keyword.isascii() and keyword == keyword.upper() for keyword in extensions.keywords)
            assert all(name.isprintable() for name in extensions.mechanisms)


@given(TALK)
def test_what_is_kept_stays_within_the_limits(octets: bytes) -> None:
    parser = ReplyParser(LIMITS)
    for start in range(len(octets)):
        for item in parser.receive(octets[start : start + 1]):
            assert len(item.octets) <= LIMITS.reply
        assert len(parser.pending) <= LIMITS.reply + LIMITS.line


@given(st.lists(st.tuples(st.integers(200, 599), st.binary(max_size=20)), min_size=1, max_size=5))
def test_what_a_server_writes_is_what_is_read(replies: list[tuple[int, bytes]]) -> None:
    said = [(code, text.replace(b"\n", b"").rstrip(b"\r")) for code, text in replies]
    octets = b"".join(b"%d %s\r\n" % (code, text) for code, text in said)
    items = read([octets], ReplyLimits())
    assert [(item.code, item.lines[0]) for item in items if isinstance(item, Reply)] == said
    assert [item.text for item in items if isinstance(item, Reply)] == [escape(text) for _, text in said]

"""One line of a transcript: its octets, its words and how it is written."""

import pytest

from smtp_shell.transcript.notation import clean
from smtp_shell.transcript.step import (
    CLIENT_LINES,
    LONGEST_CONTENT,
    SERVER_LINES,
    Marker,
    Step,
    format_step,
    octet_steps,
)
from tests.support.transcripts import reader, written


@pytest.mark.parametrize(
    ("marker", "text", "octets"),
    [
        (Marker.SERVER, r"250 \x00\\\r\n\t", b"250 \x00\\\r\n\t"),
        (Marker.SERVER_EQUALS, "250 é", "250 é".encode()),
        (Marker.SERVER_OCTETS, r"250 ok\n", b"250 ok\n"),
        (Marker.SERVER, r"\${a}", rb"\${a}"),
        (Marker.CLIENT, r"\${a}", b"${a}"),
        (Marker.CLIENT, r"\\${a}", rb"\${a}"),
        (Marker.CLIENT, r"\\\${a}", rb"\${a}"),
        (Marker.CLIENT_OCTETS, r"\x5c\${a}\r", b"\\${a}\r"),
        (Marker.PIPELINED, "NOOP", b"NOOP"),
        (Marker.SERVER_MATCHES, r"250\x20\\", rb"250\x20\\"),
    ],
)
def test_the_octets_of_a_step(marker: Marker, text: str, octets: bytes) -> None:
    assert Step(marker, text).octets == octets


def test_an_event_is_split_into_words() -> None:
    assert Step(Marker.EVENT, "  connect mail.example.com:465  tls").event == ("connect", "mail.example.com:465", "tls")
    assert Step(Marker.NOTE, "connect").event == ()


def test_a_step_cannot_be_changed() -> None:
    for step in (Step(Marker.CLIENT, "NOOP"), next(iter(reader(b"C: NOOP\n")))):
        for name in ("marker", "text", "at", "line", "other"):
            with pytest.raises(AttributeError):
                setattr(step, name, "x")
        assert step.text == "NOOP"
        assert hash(step) == hash(Step(step.marker, step.text, step.at, step.line))


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (None, "         S: 250"),
        (-0.0, "  0.000  S: 250"),
        (0.0, "  0.000  S: 250"),
        (0.021, "  0.021  S: 250"),
        (12.5, " 12.500  S: 250"),
        (123.456, "123.456  S: 250"),
        (1234.5, "1234.500  S: 250"),
        (0.00015, "0.00015  S: 250"),
        (1.0000001, "  1.000  S: 250"),
        (999999999.999999, "999999999.999999  S: 250"),
    ],
)
def test_times_are_aligned(at: float | None, line: str) -> None:
    assert format_step(Step(Marker.SERVER, "250", at)) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # A backslash stays as it is spelt, unless it would join an escape that follows it now.
        (r"\N{LATIN SMALL LETTER E WITH ACUTE}\ann", None), (r"a\b\\c\x41", None), ("é\\ann", None), ("é\\a\\b\\x41\\\\", None),
        ("\x1b\\a\\b\\\\c", r"\x1b\\a\\b\\c"), ("\\\x1b", r"\\\x1b"), ("\u0300", r"\xcc\x80"),
    ],
)  # fmt: skip
def test_text_is_shown_as_it_is_where_it_can_be_seen(text: str, shown: str | None) -> None:
    assert clean(text) == (text if shown is None else shown)


@pytest.mark.parametrize("marker", [Marker.SERVER_OCTETS, Marker.CLIENT_OCTETS])
def test_octets_of_any_length_fit_into_lines(marker: Marker) -> None:
    octets = b"\0${a}\\" * 20_000 + "é".encode() * 20_000 + b"\r\n"
    steps = list(reader(written(*octet_steps(marker, octets, 0.5))))
    assert b"".join(step.octets for step in steps) == octets
    assert len(steps) > 1


def test_long_octets_are_cut_so_that_each_line_is_within_the_default_limit() -> None:
    assert LONGEST_CONTENT == 65_536
    found = [len(step.octets) for step in octet_steps(Marker.SERVER_OCTETS, b"\x00" * 40_000)]
    assert found == [16_000, 16_000, 8_000]


def test_which_lines_are_of_the_client_and_which_of_the_server() -> None:
    assert {str(marker) for marker in CLIENT_LINES} == {"C:", "C&", "C|"}
    assert {str(marker) for marker in SERVER_LINES} == {"S:", "S|", "S=", "S~"}


def test_a_step_that_was_not_read_has_no_time_and_no_line() -> None:
    assert (Step(Marker.CLIENT, "NOOP").at, Step(Marker.CLIENT, "NOOP").line) == (None, 0)

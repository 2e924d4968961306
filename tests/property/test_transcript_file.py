"""Promises 9 and 10: what is written can be read, whatever is read does no harm, and a cut file is valid as far as it goes."""

import io
import re

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.protocol.octets import escape
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.notation import clean, client_text
from smtp_shell.transcript.reader import ReadLimits, Scan, TranscriptReader
from smtp_shell.transcript.step import CLIENT_LINES, Marker, Step, octet_steps
from smtp_shell.transcript.writer import TranscriptWriter
from tests.property.hostile import HOSTILE_TEXT, OCTETS

TIMES = st.none() | st.integers(0, 10**12 - 1).map(lambda milliseconds: milliseconds / 1000)
NAMES = st.from_regex(r"X-[!-9;-~]{0,20}", fullmatch=True)
VALUES = HOSTILE_TEXT.map(lambda text: clean(text).strip(" "))
VARIABLE_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,9}", fullmatch=True).filter(lambda name: name != "sasl")
VARIABLE_VALUES = st.text().filter(lambda text: not re.search("[\r\n\0]", text))
VARIABLES = st.dictionaries(VARIABLE_NAMES, VARIABLE_VALUES, max_size=4)


def _step(marker: Marker, octets: bytes, at: float | None) -> Step:
    text = client_text(octets) if marker in CLIENT_LINES else escape(octets)
    return Step(marker, f"x {text}" if marker is Marker.EVENT else text, at)


STEPS = st.lists(st.builds(_step, st.sampled_from(Marker), OCTETS, TIMES), max_size=12)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    header = Header.new(
        client="smtp-shell",
        title=draw(st.text()),
        server=draw(st.text()),
        secrets=draw(st.sampled_from(["redacted", "included"])),
        variables=draw(VARIABLES),
    )
    return Header((*header.fields, *draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))))


def write(header: Header | None, steps: list[Step]) -> bytes:
    stream = io.BytesIO()
    writer = TranscriptWriter(stream, header)
    for step in steps:
        writer.write(step)
    return stream.getvalue()


def read(octets: bytes) -> tuple[Header | None, list[Step]]:
    reader = TranscriptReader(io.BytesIO(octets), "random.smtp")
    steps = [Step(step.marker, step.text, step.at) for step in reader]
    return reader.header, steps


def read_or_refuse(octets: bytes) -> tuple[Header | None, list[Step]] | TranscriptError:
    try:
        return read(octets)
    except TranscriptError as error:
        return error


LINES = st.sampled_from(
    [
        b"C: NOOP", b"  0.5  S: 250 ok", b"C: ${name}", b"C: ${", b"C: \xc3\xa4", b"C: \xff", b"S: 250 \x1b[2J", b"", b" \t", b"nothing",
        b"*:", b"*: close", b"*: \tclose", b"S~ \xe2\x80\x8b", b"# note", b"1.5C: x", b"1234567890 C: x", b"C:", b"C:  x ", b"S: 250\r",
        b"C: " + b"x" * 65_536, b"C: " + b"x" * 65_537, b"# " + b"y" * 70_000, b" " * 60 + b"S: " + b"z" * 65_536,
    ]
)  # fmt: skip


@given(st.integers(32_700, 32_800), st.lists(LINES, max_size=8))
def test_a_line_means_the_same_wherever_in_the_file_it_stands(before: int, lines: list[bytes]) -> None:
    """Lines are read many at a time; neither what stands beside one nor where the file is cut counts."""
    filler = b"# " + b"x" * (before - 3)
    whole = [filler, *lines, filler]
    alone = [(at, item) for at, line in enumerate(whole, 1) for item in items_of(line + b"\n")]
    found = items_of(b"\n".join(whole) + b"\n")
    assert [_from_line_1(item) for item in found] == [_from_line_1(item) for _, item in alone]
    assert [item.line for item in found] == [at for at, _ in alone]


def items_of(octets: bytes) -> list[Step | Fault]:
    return [item for block in Scan(io.BytesIO(octets), "random.smtp", ReadLimits()) for item in block.items]


def _from_line_1(item: Step | Fault) -> Step | Fault:
    return replace(item, line=1)


@given(st.none() | headers(), STEPS)
def test_what_is_written_is_read(header: Header | None, steps: list[Step]) -> None:
    octets = write(header, steps)
    assert read(octets) == (header, steps)
    assert write(*read(octets)) == octets
    assert octets.count(b"\n") == len(steps) + (len(header.fields) + 1 if header else 0)


@given(st.none() | headers(), STEPS, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans(), st.booleans())
def test_a_file_reads_the_same_with_other_line_ends(
    header: Header | None, steps: list[Step], end: bytes, mark: bool, filled: bool
) -> None:
    octets = (b"\xef\xbb\xbf" if mark else b"") + write(header, steps)
    if filled:  # the line ends lie across the pieces in which a file is read
        octets += b"# " + b"x" * (32_764 - len(octets) % 32_768) + b"\nC: NOOP\n"
    assert read(octets.replace(b"\n", end)) == read(octets)


@given(st.none() | headers(), STEPS, st.data())
def test_a_file_reads_the_same_with_line_ends_of_two_kinds(
    header: Header | None, steps: list[Step], data: st.DataObject
) -> None:
    lines = write(header, steps).split(b"\n")
    ends = data.draw(st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=len(lines), max_size=len(lines)))
    assert read(b"".join(line + end for line, end in zip(lines, ends, strict=True))) == (header, steps)


@given(st.none() | headers(), STEPS.filter(bool), st.data())
def test_a_cr_inside_a_line_is_refused(header: Header | None, steps: list[Step], data: st.DataObject) -> None:
    octets = write(header, steps)
    at = data.draw(st.integers(0, len(octets) - 1).filter(lambda at: octets[at : at + 1] != b"\n"))
    assert isinstance(read_or_refuse(octets[:at] + b"\r" + octets[at:]), TranscriptError)


@given(VARIABLES)
def test_defaults_of_variables_are_read_as_they_were_given(variables: dict[str, str]) -> None:
    header, _ = read(write(Header.new(client="smtp-shell", variables=variables), []))
    assert header is not None
    assert header.variables == variables


@given(st.sampled_from(sorted(set(Marker) - {Marker.EVENT, Marker.SERVER_MATCHES})), OCTETS)
def test_the_octets_of_a_step_are_those_of_the_session(marker: Marker, octets: bytes) -> None:
    (step,) = read(write(None, [_step(marker, octets, None)]))[1]
    assert step.octets == octets


@given(OCTETS, st.sampled_from([Marker.SERVER, Marker.SERVER_OCTETS, Marker.NOTE]))
def test_what_a_server_says_never_becomes_a_line_of_another_kind(octets: bytes, marker: Marker) -> None:
    steps = [_step(marker, octets, 0.5), Step(Marker.CLIENT, "QUIT", 1.0)]
    assert [step.marker for step in read(write(None, steps))[1]] == [marker, Marker.CLIENT]


@given(headers(), STEPS, st.data())
def test_a_recording_cut_at_any_octet_reads_as_its_whole_lines(
    header: Header, steps: list[Step], data: st.DataObject
) -> None:
    octets = write(header, steps)
    cut = octets[: data.draw(st.integers(0, len(octets)))]
    reader = TranscriptReader(io.BytesIO(cut), "cut.smtp")
    found = [Step(step.marker, step.text, step.at) for step in reader]
    whole_lines = cut.count(b"\n") - len(header.fields) - 1
    assert found == steps[: max(whole_lines, 0)]


@given(OCTETS, st.sampled_from([b"", b"Transcript: 1\n", b"Transcript: 1\nClient: x\n\n", b"C: ", b"S~ "]))
def test_any_octets_are_read_or_refused(octets: bytes, start: bytes) -> None:
    result = read_or_refuse(start + octets)
    if isinstance(result, TranscriptError):
        assert all(line.isprintable() for line in str(result).split("\n"))
        ends = len(re.findall(rb"[\r\n]", start + octets))
        assert all(fault.line <= ends + 1 for fault in result.faults)
        return
    header, steps = result
    assert all(step.text.isprintable() for step in steps)
    assert all(value.isprintable() for field in (header.fields if header else ()) for value in field)
    again = write(header, steps)
    assert read(again) == (header, steps)


@given(OCTETS, st.integers(1, 40))
def test_small_limits_hold(octets: bytes, limit: int) -> None:
    try:
        steps = list(TranscriptReader(io.BytesIO(octets), "small.smtp", limits=ReadLimits(line=limit)))
    except TranscriptError:
        return
    assert all(len(step.text.encode()) <= limit for step in steps)


@given(
    HOSTILE_TEXT.filter(lambda text: "\n" not in text and "\r" not in text),
    st.sampled_from([Marker.SERVER, Marker.NOTE, Marker.CLIENT_OCTETS]),
)
def test_content_as_typed_keeps_its_octets(text: str, marker: Marker) -> None:
    result = read_or_refuse(f"{marker} {text}\n".encode())
    if isinstance(result, TranscriptError):
        assert marker is Marker.CLIENT_OCTETS
        assert "${" in str(result)
        return
    (step,) = result[1]
    assert step.octets == Step(marker, text).octets


@given(OCTETS, st.integers(0, 3))
def test_octets_of_any_length_can_be_recorded(octets: bytes, times: int) -> None:
    octets = octets * 10**times
    steps = read(write(None, list(octet_steps(Marker.SERVER_OCTETS, octets))))[1]
    assert b"".join(step.octets for step in steps) == octets

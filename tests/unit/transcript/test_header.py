"""The header: what is read, refused and written."""

import io
from datetime import UTC, datetime

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.transcript.header import MOST_FAULTS, Header, format_header, parse_header
from smtp_shell.transcript.writer import TranscriptWriter
from tests.support.transcripts import reader, rewritten, written


def test_fields_are_found_in_any_case_and_unknown_ones_are_kept() -> None:
    octets = b"TRANSCRIPT: 1\nx-course: Networks 101\ntags:starttls auth \t\nX-Course:\nsecrets: Included\n\nC: NOOP\n"
    header = reader(octets).header
    assert header is not None
    assert header.get("X-Course") == "Networks 101"
    assert header.get("X-None") is None
    assert header.tags == "starttls auth"
    assert header.secrets_included
    assert (header.title, header.server, header.client, header.date) == ("", "", "", "")
    assert rewritten(octets) == (
        b"TRANSCRIPT: 1\nx-course: Networks 101\ntags: starttls auth\nX-Course:\nsecrets: Included\n\n         C: NOOP\n"
    )


def test_folded_fields_are_unfolded() -> None:
    header = reader(
        b"Transcript:\r\n 1\r\nTitle: Lab 7,\r\n\tfirst  \r\n  delivery: a\x1b\r\n \t\r\nC: NOOP\r\n"
    ).header
    assert header is not None
    assert header.title == r"Lab 7,\x09first    delivery: a\x1b"


def test_variables_of_the_header_are_unescaped() -> None:
    header = reader(
        b"Transcript: 1\nVar: to=bob@example.org\nvar: say=a = \\x41\\\\b\nVar: nothing=\nVar: odd=\\xffX\n\n"
    ).header
    assert header is not None
    assert header.variables == {"to": "bob@example.org", "say": "a = A\\b", "nothing": "", "odd": "\udcffX"}


@pytest.mark.parametrize(
    "octets", [b"Transcript: 1\n", b"Transcript: 1", b"Transcript: 1\n\n", b"transcript: 1\r\n\r\n"]
)
def test_a_header_may_end_with_the_file(octets: bytes) -> None:
    transcript = reader(octets)
    assert list(transcript) == []
    assert transcript.header is not None
    assert transcript.header.fields[0][1] == "1"


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (
            b"Transcript: 2\nanything\n\nX: new\n",
            "lab.smtp:1: the file was written by a newer version, in format 2; expected format 1; a newer smtp-shell reads it",
        ),
        (b"Transcript: one\n\n", "lab.smtp:1: 'one' is no version of the format; expected Transcript: 1"),
        (b"Transcript:\n\n", "lab.smtp:1: '' is no version of the format; expected Transcript: 1"),
        (
            b"Transcript: 1\nTitle lab\n\n",
            "lab.smtp:2: 'Title lab' is no header field; expected Name: value, or an empty line after the header",
        ),
        (b"Transcript: 1\nTitle: a\ntitle: b\n\n", "lab.smtp:3: the field title stands twice; expected it once"),
        (
            b"Transcript: 1\nTranscript: 1\n\n",
            "lab.smtp:2: the field Transcript stands twice, or is not the first; expected Transcript: 1 first, and once",
        ),
        (
            b"Transcript: 1\nSecrets: yes\n\n",
            "lab.smtp:2: 'yes' does not say whether secrets are in the file; expected redacted or included",
        ),
        (b"Transcript: 1\nVar: to\n\n", "lab.smtp:2: 'to' is not of the form name=value; expected Var: name=value"),
        (
            b"Transcript: 1\nVar: 1st=a\n\n",
            "lab.smtp:2: '1st' is not a variable's name (a letter or _, then letters, digits, _ . -); expected Var: name=value",
        ),
        (
            b"Transcript: 1\nVar: sasl=a\n\n",
            "lab.smtp:2: the variable sasl cannot be set: replay computes the response of the mechanism for it; "
            "expected Var: name=value",
        ),
        (
            b"Transcript: 1\nVar: a=\\r\\nQUIT\n\n",
            "lab.smtp:2: the value of the variable a holds CR, LF or NUL; expected a value that stays inside one line",
        ),
        (b"Transcript: 1\nVar: a=1\nVar: a=2\n\n", "lab.smtp:3: the variable a is set twice; expected one Var: for it"),
        (
            b"Transcript: 1\nC: NOOP\nS: 250\n",
            "lab.smtp:2: a line of the dialogue stands in the header; expected an empty line after the header",
        ),
        (
            b"Transcript: 1\n         *: connect mail.example.com:25\n  0.021  S: 220\n",
            "lab.smtp:2: a line of the dialogue stands in the header; expected an empty line after the header",
        ),
        (
            b"Transcript: 1\nTitle: caf\xe9\n\n",
            r"lab.smtp:2: octet 11 of the line, \xe9, is not UTF-8; expected UTF-8, or the octet written as \xe9",
        ),
        (
            b"Transcript: 1\nTitle\nServer\n\n",
            "lab.smtp:2: 'Title' is no header field; expected Name: value, or an empty line after the header\n"
            "lab.smtp:3: 'Server' is no header field; expected Name: value, or an empty line after the header",
        ),
    ],
)
def test_a_malformed_header_is_reported_with_line_numbers(octets: bytes, message: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        reader(octets)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("Match: strict", "'strict' is no level of Match; expected one of code, enhanced, keywords, text, exact"),
        ("Limit: soon", "'soon' is no number of seconds for a whole replay"),
        ("Limit: 0", "'0' is no number of seconds for a whole replay"),
        ("Limit: 86401", "'86401' is no number of seconds for a whole replay"),
        ("Limit: -1", "'-1' is no number of seconds for a whole replay"),
        ("Ignore: (", "Ignore: the pattern is no regular expression: "),
        ("Ignore: a*", "the pattern of Ignore matches where there is nothing"),
        ("Ignore:", "the pattern of Ignore matches where there is nothing"),
        ("Match: text\nmatch: code", "the field match stands twice"),
        ("Limit: 1\nLimit: 2", "the field Limit stands twice"),
        ("Secrets: redacted\nsecrets: included", "the field secrets stands twice"),
    ],
)
def test_a_field_for_suites_that_means_nothing_is_reported_with_its_line(field: str, problem: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        reader(f"Transcript: 1\n{field}\n\n".encode())
    number = 2 + field.count("\n")
    assert str(caught.value).startswith(f"lab.smtp:{number}: {problem}")


def test_the_fields_for_suites() -> None:
    header = reader(
        b"Transcript: 1\nTags: smoke, TLS smoke\nMatch: Text\nLimit: 2.5\nIgnore: node[a-z]+\nIgnore: \\d+ ms\n\n"
    ).header
    assert header is not None
    assert header.tag_words == ("smoke", "tls")
    assert (header.match, header.limit) == ("text", 2.5)
    assert header.ignored == ("node[a-z]+", r"\d+ ms")
    bare = reader(b"Transcript: 1\n\n").header
    assert bare is not None
    assert (bare.tag_words, bare.match, bare.limit, bare.ignored) == ((), "", None, ())


def test_the_levels_of_match_are_those_of_a_replay() -> None:
    for level in Strictness:
        header = reader(f"Transcript: 1\nMatch: {level.name}\n\n".encode()).header
        assert header is not None
        assert Strictness.parse(header.match) is level


def test_only_the_first_20_faults_of_a_header_are_reported() -> None:
    for field in (b"no field\n", b"X: \xff\n"):
        with pytest.raises(TranscriptError) as caught:
            reader(b"Transcript: 1\n" + field * 100 + b"\n")
        assert [fault.line for fault in caught.value.faults] == list(range(2, 22))


def test_a_new_header_has_the_fields_that_are_not_empty() -> None:
    header = Header.new(
        client="smtp-shell 0.1.0",
        server="mail.example.com:587",
        date=datetime(2026, 11, 22, 10, 21, 5, tzinfo=UTC),
        title="a\\b\x1b ",
        secrets="included",
        variables={"to": "bob@example.org", "pad": "two  "},
    )
    assert written(header=header).decode().splitlines() == [
        "Transcript: 1",
        r"Title: a\\b\x1b",
        "Server: mail.example.com:587",
        "Date: Sun, 22 Nov 2026 10:21:05 +0000",
        "Client: smtp-shell 0.1.0",
        "Secrets: included",
        "Var: to=bob@example.org",
        r"Var: pad=two \x20",
        "",
    ]
    read_again = reader(written(header=header)).header
    assert read_again == header
    assert read_again.variables == {"to": "bob@example.org", "pad": "two  "}


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (("Title", "no version"),),
        (("Transcript", "2"),),
        (("Transcript", "1"), ("Title", "a\n\nC: QUIT")),
        (("Transcript", "1"), ("Title", "a\x1b")),
        (("Transcript", "1"), ("Title", " a")),
        (("Transcript", "1"), ("C", "QUIT")),
        (("Transcript", "1"), ("", "QUIT")),
        (("Transcript", "1"), ("a b", "QUIT")),
        (("Transcript", "1"), ("X:", "QUIT")),
        (("Transcript", "1"), ("Title", "a" * 65_537)),
    ],
)
def test_a_header_that_would_read_as_something_else_is_not_written(fields: tuple[tuple[str, str], ...]) -> None:
    stream = io.BytesIO()
    with pytest.raises(ValueError, match=r"header|is no"):
        TranscriptWriter(stream, Header(fields))
    assert stream.getvalue() == b""


LONG = "x" * 80
FAULTS = {
    f"Transcript: {LONG}": [(1, f"'{LONG[:60]}' is no version of the format", "Transcript: 1")],
    "Transcript: 0": [(1, "'0' is no version of the format", "Transcript: 1")],
    "Transcript: 1234567890": [(1, "'1234567890' is no version of the format", "Transcript: 1")],
    f"Transcript: 1\nbad {LONG}": [
        (2, f"'bad {LONG[:56]}' is no header field", "Name: value, or an empty line after the header")
    ],
    f"Transcript: 1\nMatch: {LONG}": [
        (2, f"'{LONG[:60]}' is no level of Match", "one of code, enhanced, keywords, text, exact")
    ],
    f"Transcript: 1\nLimit: {LONG}": [
        (
            2,
            f"'{LONG[:60]}' is no number of seconds for a whole replay",
            "Limit: SECONDS, such as Limit: 20, 86400 at most",
        )
    ],
    f"Transcript: 1\nSecrets: {LONG}": [
        (2, f"'{LONG[:60]}' does not say whether secrets are in the file", "redacted or included")
    ],
    "Transcript: 1\nVar: a=x\\x0dy": [
        (2, "the value of the variable a holds CR, LF or NUL", "a value that stays inside one line")
    ],
    "Transcript: 1\nVar: a=x\\x0ay\nVar: b=\\x00": [
        (2, "the value of the variable a holds CR, LF or NUL", "a value that stays inside one line"),
        (3, "the value of the variable b holds CR, LF or NUL", "a value that stays inside one line"),
    ],
    "Transcript: 1\nVar: a=x\nVar: a=y": [(3, "the variable a is set twice", "one Var: for it")],
    "Transcript: 1\nIgnore: a?": [
        (2, "the pattern of Ignore matches where there is nothing", "one that needs some text")
    ],
    "Transcript: 1\nSecrets: redacted\nTitle: aX": [],
    "Transcript: 1\nLimit: 2x": [
        (2, "'2x' is no number of seconds for a whole replay", "Limit: SECONDS, such as Limit: 20, 86400 at most")
    ],
    " a: b": [(1, "' a: b' is no header field", "Name: value, or an empty line after the header")],
    "Transcript: 1\nTitle: a\nC: NOOP\nbad": [
        (3, "a line of the dialogue stands in the header", "an empty line after the header")
    ],
    "Transcript: 1\n 0.5 S: 220\nbad": [
        (2, "a line of the dialogue stands in the header", "an empty line after the header")
    ],
    f"Transcript: 1\nTitle: {'é' * 40}": [(2, "the value of Title is longer than 70 octets", "a shorter one")],
    f"Transcript: 1\n{'N' * 80}: {LONG}": [(2, f"the value of {'N' * 60} is longer than 70 octets", "a shorter one")],
    f"Transcript: 1\nTitle: {'x' * 71}": [(2, "the value of Title is longer than 70 octets", "a shorter one")],
    f"Transcript: 1\nTitle: {'x' * 70}\nA: {'é' * 35}": [],
    "Transcript: 1\nMatch: TEXT\nLimit: 86400\nIgnore: a+\nIgnore: b+\nVar: a=x\nVar: A=y\nX: 1\nX: 2": [],
    **{
        f"Transcript: 1\n{name}: a\nX: b\n{name.upper()}: a": [(4, f"the field {name.upper()} stands twice", "it once")]
        for name in ("Title", "Server", "Date", "Client", "Tags")
    },
}


@pytest.mark.parametrize("text", FAULTS)
def test_each_fault_of_a_header_has_its_line_and_what_was_expected(text: str) -> None:
    lines = list(enumerate(text.split("\n"), 1))
    longest = 70 if "longer than 70" in str(FAULTS[text]) or "é" * 35 in text else 1000
    _, faults = parse_header(lines, longest=longest)
    assert [(fault.line, fault.problem, fault.expected) for fault in faults] == FAULTS[text]


def test_so_many_faults_and_no_more() -> None:
    _, faults = parse_header([(1, "Transcript: 1"), *((number, "bad") for number in range(2, 60))], longest=100)
    assert [fault.line for fault in faults] == list(range(2, 2 + MOST_FAULTS))


def test_a_new_header_has_its_fields_in_order() -> None:
    header = Header.new(
        client="smtp-shell 1",
        server=" mx.example:25",
        date=datetime(2026, 11, 27, 10, 21, 5, tzinfo=UTC),
        title="a\nb ",
        tags="x",
        secrets="included",
        variables={"a": "b ", "c": "\\", "d": ""},
    )
    assert header.fields == (
        ("Transcript", "1"),
        ("Title", r"a\x0ab"),
        ("Server", "mx.example:25"),
        ("Date", "Fri, 27 Nov 2026 10:21:05 +0000"),
        ("Client", "smtp-shell 1"),
        ("Tags", "x"),
        ("Secrets", "included"),
        ("Var", r"a=b\x20"),
        ("Var", r"c=\\"),
        ("Var", "d="),
    )
    assert header.variables == {"a": "b ", "c": "\\", "d": ""}
    assert Header.new(client="c").fields == (("Transcript", "1"), ("Client", "c"))
    assert Header.new(client="X", title="aX ", tags=" ").fields == (
        ("Transcript", "1"),
        ("Title", "aX"),
        ("Client", "X"),
    )
    assert (header.title, header.server, header.client, header.tags) == (
        r"a\x0ab",
        "mx.example:25",
        "smtp-shell 1",
        "x",
    )
    assert header.date == "Fri, 27 Nov 2026 10:21:05 +0000"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ((), "the header would not be read back as it is"),
        ((("Transcript", "1"), ("A", "b\nc")), r"field 2 of the header: 'A: b\x0ac' is no header field"),
        ((("Transcript", "1"), ("A", " b")), "the header would not be read back as it is"),
        ((("Transcript", "1"), ("A b", "c")), "field 2 of the header: 'A b: c' is no header field"),
        ((("Transcript", "1"), ("A b", "c"), ("D e", "f")), "field 2 of the header: 'A b: c' is no header field"),
        ((("Transcript", "1"), ("A", "x" * 101)), "field 2 of the header: the value of A is longer than 100 octets"),
    ],
)
def test_a_header_that_would_not_be_read_back_is_not_written(fields: tuple[tuple[str, str], ...], problem: str) -> None:
    with pytest.raises(ValueError, match="header") as raised:
        format_header(Header(fields), longest=100)
    assert str(raised.value).startswith(problem)


def test_a_header_is_written_with_the_empty_line_that_ends_it() -> None:
    header = Header((("Transcript", "1"), ("A", ""), ("B", "c")))
    assert format_header(header, longest=10) == "Transcript: 1\nA:\nB: c\n\n"

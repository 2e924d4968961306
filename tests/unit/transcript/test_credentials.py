"""Credentials that stand in a transcript: found, masked, and named by their lines."""

import io
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import TranscriptError
from smtp_shell.protocol.masking import MASK
from smtp_shell.transcript.credentials import (
    CredentialMask,
    masked_steps,
    with_echo_masked,
)
from smtp_shell.transcript.header import MOST_FAULTS
from smtp_shell.transcript.reader import Scan, TranscriptReader
from smtp_shell.transcript.step import Marker, Step, format_step

BLOB = b64encode(b"\0ann\0open sesame").decode()
LATIN = b64encode(b"\0ann\0\xa9open sesame").decode()
USER, PASSWORD = b64encode(b"ann").decode(), b64encode(b"open sesame").decode()
TOKEN = b64encode(b"user=ann\x01auth=Bearer token-of-ann\x01\x01").decode()
PROOF = b64encode(b"c=biws,r=abcdef,p=proofproof").decode()
SECRETS = (BLOB, PASSWORD, TOKEN, PROOF, "sesame", "token-of-ann")


def masked(*lines: str) -> tuple[list[str], CredentialMask]:
    """Return the lines without their credentials."""
    mask = CredentialMask()
    steps = TranscriptReader(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), "a.smtp")
    return [format_step(step).strip() for step in masked_steps(steps, mask)], mask


TRANSCRIPTS: list[tuple[str, list[str], list[str], list[int]]] = [
    (
        "PLAIN, and its echo",
        [f"C: AUTH PLAIN {BLOB}", f"S: 535 {BLOB} or open sesame", "C: FOO"],
        ["C: AUTH PLAIN ${sasl}", f"S: 535 {MASK} or {MASK}", "C: FOO"],
        [1],
    ),
    (
        "PLAIN on the next line",
        ["C: AUTH PLAIN", "S: 334", f"C: {BLOB}", "S: 235"],
        ["C: AUTH PLAIN", "S: 334", "C: ${sasl}", "S: 235"],
        [3],
    ),
    (
        "LOGIN, and its echo",
        [
            "C: AUTH LOGIN",
            "S: 334 VXNlcm5hbWU6",
            f"C: {USER}",
            "S: 334 UGFzc3dvcmQ6",
            f"C: {PASSWORD}",
            f"S: 235 {PASSWORD}",
        ],
        ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: ${sasl}", "S: 334 UGFzc3dvcmQ6", "C: ${sasl}", f"S: 235 {MASK}"],
        [3, 5],
    ),
    (
        "LOGIN with a response",
        [f"C: auth login {USER}", f"C: {PASSWORD}"],
        ["C: auth login ${sasl}", "C: ${sasl}"],
        [1, 2],
    ),
    (
        "a script",
        ["C: AUTH LOGIN", f"C: {USER}", f"C: {PASSWORD}", "C: FOO x"],
        ["C: AUTH LOGIN", *["C: ${sasl}"] * 2, "C: FOO x"],
        [2, 3],
    ),
    (
        "wild replies",
        ["C: AUTH LOGIN", "S: 3yz", f"C: {USER}", "S~ 334.*", f"C: {PASSWORD}", "S: 235|250"],
        ["C: AUTH LOGIN", "S: 3yz", "C: ${sasl}", "S~ 334.*", "C: ${sasl}", "S: 235|250"],
        [3, 5],
    ),
    (
        "XOAUTH2",
        ["C: AUTH XOAUTH2 " + TOKEN, "S= 535 token-of-ann"],
        ["C: AUTH XOAUTH2 ${sasl}", f"S= 535 {MASK}"],
        [1],
    ),
    (
        "SCRAM",
        ["C: AUTH SCRAM-SHA-1", "S: 334", f"C: {PROOF}", "S: 334", "C:"],
        ["C: AUTH SCRAM-SHA-1", "S: 334", "C: ${sasl}", "S: 334", "C:"],
        [3],
    ),
    (
        "a group",
        ["C& NOOP", "C& AUTH LOGIN", f"C& {USER}", f"C: {PASSWORD}"],
        ["C& NOOP", "C& AUTH LOGIN", "C& ${sasl}", "C: ${sasl}"],
        [3, 4],
    ),
    (
        "octets of several lines",
        [rf"C| NOOP\r\nAUTH PLAIN {BLOB}\r\nQUIT\r\n"],
        [r"C| NOOP\x0d\x0a", r"C| AUTH PLAIN ${sasl}\x0d\x0a", r"C| QUIT\x0d\x0a"],
        [1],
    ),
    (
        "octets in pieces",
        ["C| AUTH PLA", rf"C| IN {BLOB[:6]}", rf"C| {BLOB[6:]}\r\n"],
        ["C| AUTH PLA", "C| IN ${sasl}", r"C| ${sasl}\x0d\x0a"],
        [2, 3],
    ),
    (
        "a pattern",
        [f"C: AUTH PLAIN {BLOB}", "S~ 535 .*open sesame"],
        ["C: AUTH PLAIN ${sasl}", f"S~ 535 .*{MASK}"],
        [1],
    ),
    (
        "a pattern in which one begins inside a character",
        [f"C: AUTH PLAIN {LATIN}", "S~ 535 .*\xe9open sesame"],
        ["C: AUTH PLAIN ${sasl}", f"S~ 535 .*\N{REPLACEMENT CHARACTER}{MASK}"],
        [1],
    ),
    ("a note", [f"C: AUTH PLAIN {BLOB}", "# it was open sesame"], ["C: AUTH PLAIN ${sasl}", f"# it was {MASK}"], [1]),
    (
        "a variable in the place of the mechanism",
        [f"C: AUTH ${{mechanism}} {BLOB}", "S: 235"],
        ["C: AUTH ${sasl}", "S: 235"],
        [1],
    ),
    ("an initial response acknowledges nothing", ["C: AUTH PLAIN AQ=="], ["C: AUTH PLAIN ${sasl}"], [1]),
    (
        "after a pattern that allows a challenge too",
        ["C: AUTH LOGIN", "S~ 535.*|334.*", f"C: {PASSWORD}"],
        ["C: AUTH LOGIN", "S~ 535.*|334.*", "C: ${sasl}"],
        [3],
    ),
    ("no mechanism", [f"C: AUTH {BLOB}", "S: 504"], ["C: AUTH ${sasl}", "S: 504"], [1]),
    ("escapes", [rf"C: \x41UTH PLAIN {BLOB}"], ["C: AUTH PLAIN ${sasl}"], [1]),
    ("an escaped dollar is no variable", [r"C: AUTH PLAIN \x24{word}"], ["C: AUTH PLAIN ${sasl}"], [1]),
    (
        "after a file",
        ["C: DATA", "S: 354", "C< a.eml", f"C: AUTH PLAIN {BLOB}"],
        ["C: DATA", "S: 354", "C< a.eml", "C: AUTH PLAIN ${sasl}"],
        [4],
    ),
    (
        "after a refused DATA",
        ["C: DATA", "S= 503 no", f"C: AUTH PLAIN {BLOB}"],
        ["C: DATA", "S= 503 no", "C: AUTH PLAIN ${sasl}"],
        [3],
    ),
    (
        "octets and a line",
        [f"C| AUTH PLAIN {BLOB[:6]}", f"C: {BLOB[6:]}"],
        ["C| AUTH PLAIN ${sasl}", "C: ${sasl}"],
        [1, 2],
    ),
    (
        "after a chunk in pieces",
        ["C: BDAT 10 LAST", "C| 12345", "C| 67890", rf"C| AUTH PLAIN {BLOB}\r\n"],
        ["C: BDAT 10 LAST", "C| 12345", "C| 67890", r"C| AUTH PLAIN ${sasl}\x0d\x0a"],
        [4],
    ),
    ("octets of one letter", [r"C| AUTH PLAIN XXXX\r\n"], [r"C| AUTH PLAIN ${sasl}\x0d\x0a"], [1]),
    (
        "octets after the end of a line",
        [f"C| AUTH PLAIN {BLOB}", rf"C| \r\nAUTH PLAIN {BLOB}\r\n"],
        ["C| AUTH PLAIN ${sasl}", r"C| \x0d\x0a", r"C| AUTH PLAIN ${sasl}\x0d\x0a"],
        [1, 2],
    ),
    (
        "a user name that was refused, and another exchange",
        ["C: AUTH LOGIN", "S: 334", f"C: {USER}", "S: 535", "C: AUTH PLAIN", "S: 334", "C: ${sasl}"],
        ["C: AUTH LOGIN", "S: 334", "C: ${sasl}", "S: 535", "C: AUTH PLAIN", "S: 334", "C: ${sasl}"],
        [3],
    ),
    (
        "the answer to a question for a password alone is one, and its echo",
        ["C: AUTH LOGIN", "S: 334 UGFzc3dvcmQ6", f"C: {PASSWORD}", "S: 535 open sesame"],
        ["C: AUTH LOGIN", "S: 334 UGFzc3dvcmQ6", "C: ${sasl}", f"S: 535 {MASK}"],
        [3],
    ),
    (
        "the same question with its line end",
        ["C: AUTH LOGIN", r"S| 334 UGFzc3dvcmQ6\r\n", f"C: {PASSWORD}", "S: 535 open sesame"],
        ["C: AUTH LOGIN", r"S| 334 UGFzc3dvcmQ6\r\n", "C: ${sasl}", f"S: 535 {MASK}"],
        [3],
    ),
    (
        "a user name is no secret in what the server says",
        ["C: AUTH LOGIN cG9zdG1hc3Rlcg==", "S: 334", f"C: {PASSWORD}", "S: 535 postmaster"],
        ["C: AUTH LOGIN ${sasl}", "S: 334", "C: ${sasl}", "S: 535 postmaster"],
        [1, 3],
    ),
    *(
        (
            f"after mail data that ends in {dot}",
            ["C: DATA", "S: 354", "C: text", f"C: AUTH PLAIN {BLOB}", dot, f"C: AUTH PLAIN {BLOB}"],
            ["C: DATA", "S: 354", "C: text", f"C: AUTH PLAIN {BLOB}", shown, "C: AUTH PLAIN ${sasl}"],
            [6],
        )
        for dot, shown in (("C: .", "C: ."), (r"C: \x2e", r"C: \x2e"), (r"C| .\r\n", r"C| .\r\n"))
    ),
    (
        "after mail data with a line in two pieces",
        ["C: DATA", "S: 354", "C: text", "C| a", "C: .", "C: b", r"C| .\r\n", f"C: AUTH PLAIN {BLOB}"],
        ["C: DATA", "S: 354", "C: text", "C| a", "C: .", "C: b", r"C| .\r\n", "C: AUTH PLAIN ${sasl}"],
        [8],
    ),
]


@pytest.mark.parametrize(
    ("lines", "outcome", "named"), [row[1:] for row in TRANSCRIPTS], ids=[row[0] for row in TRANSCRIPTS]
)
def test_a_credential_is_masked_as_on_the_wire(lines: list[str], outcome: list[str], named: list[int]) -> None:
    found, mask = masked(*lines)
    assert found == outcome
    assert (mask.lines, mask.count) == (named, len(named))
    again, nothing = masked(*found)
    assert again == found
    assert nothing.count == 0


UNTOUCHED = [
    ["C: AUTH PLAIN ${sasl}", "S: 235", "*: auth PLAIN ann"],
    ["C: AUTH LOGIN", "S: 334", "C: ${sasl}", "S: 334", "C: ${sasl}"],
    ["C: AUTH PLAIN ${response}", "C: AUTH LOGIN", "S: 334", "C: ${user}${domain}"],
    ["C: AUTH ${mechanism} ${sasl}", "C: AUTH ${mechanism} ${first}${second}", "S: 235"],
    ["C: AUTH LOGIN", "S: 334", "C: *", "S: 501"],
    ["C: AUTH OAUTHBEARER ${sasl}", "S: 334 e30=", "C: AQ==", "S: 535"],
    ["C: AUTH SCRAM-SHA-1 ${sasl}", "S: 334 x", "C: ${sasl}", "S: 334 dj0=", "C:", "S: 235"],
    ["C: AUTH LOGIN", "S: 535", "C: FOO", "S: 500"],
    ["C: DATA", "S: 354", f"C: AUTH PLAIN {BLOB}", "C: word", "C: .", "S: 250"],
    ["C: DATA", f"C: AUTH PLAIN {BLOB}", "C: .", "C: QUIT"],
    [r"C| BDAT 40 LAST\r\n", rf"C| AUTH PLAIN {BLOB}\r\n"],
    ["C: EHLO x", "S: 250-AUTH PLAIN LOGIN", "S: 250 AUTH=PLAIN"],
    ["C: DATA", r"S: \x33\x354 go", f"C: AUTH PLAIN {BLOB}", "C: .", "S: 250"],
    ["C: AUTH LOGIN", r"S: \x353\x35 no", "C: word"],
    ["C: DATA", "S: 354", "*: wait 1", f"C: AUTH PLAIN {BLOB}", "C: .", "S: 250"],
]


@pytest.mark.parametrize("lines", UNTOUCHED, ids=lambda lines: lines[0])
def test_what_holds_no_credential_is_not_touched(lines: list[str]) -> None:
    found, mask = masked(*lines)
    assert [line.replace(r"\x0d\x0a", r"\r\n") for line in found] == lines
    assert mask.count == 0


def test_after_a_refused_data_lines_are_commands() -> None:
    assert masked("C: DATA", "S: 503", f"C: AUTH PLAIN {BLOB}")[0][-1] == "C: AUTH PLAIN ${sasl}"


def test_another_connection_has_no_exchange() -> None:
    assert masked("C: AUTH LOGIN", "S: 334", "*: connect mx.example:25", "C: FOO")[0][-1] == "C: FOO"


def test_a_user_name_by_itself_is_masked_and_is_no_secret() -> None:
    found, mask = masked(
        "C: AUTH LOGIN", "S: 334", f"C: {USER}", "S: 334", "C: ${sasl}", "S: 235", f"C: AUTH PLAIN {BLOB}"
    )
    assert found[2] == "C: ${sasl}"
    assert mask.lines == [7]


def test_a_word_in_the_place_of_the_user_name_counts_unless_a_placeholder_follows() -> None:
    assert masked("C: AUTH LOGIN", f"C: {PASSWORD}", "C: QUIT")[1].lines == [2]
    assert masked(f"C: AUTH LOGIN {PASSWORD}", "S: 334", "C: ${sasl}")[1].lines == []
    mask = masked(f"C: AUTH PLAIN {BLOB}", "S: 535", "C: AUTH LOGIN", "S: 334", f"C: {USER}", "S: 334", "C: ${sasl}")[1]
    assert (mask.lines, mask.count) == ([1], 1)


def test_a_variable_with_white_space_after_it_is_none_the_less_one() -> None:
    step = Step(Marker.CLIENT, "AUTH PLAIN ${response} ")
    assert CredentialMask().mask(step) == (step,)


def test_variables_of_the_caller_are_not_named() -> None:
    mask = CredentialMask({"a": "open sesame"})
    mask.mask(Step(Marker.CLIENT, "AUTH PLAIN x${a}${b}", None, 1))
    assert mask.used == {"a"}


def test_the_value_of_a_variable_may_hold_any_octet() -> None:
    (step,) = CredentialMask({"a": "open\udcffsesame"}).mask(Step(Marker.CLIENT, "AUTH PLAIN ${a}", None, 1))
    assert step.text == "AUTH PLAIN ${sasl}"


def test_in_a_replay_the_client_lines_stay_and_the_echo_is_masked() -> None:
    steps = TranscriptReader(io.BytesIO(f"C: AUTH PLAIN {BLOB}\nS= 235 {BLOB}\n".encode()), "a.smtp")
    assert [step.text for step in with_echo_masked(steps, {})] == [f"AUTH PLAIN {BLOB}", f"235 {MASK}"]


def faults_of(*lines: str) -> str:
    """Return all that is said about lines that cannot be read."""
    text = "".join(f"{line}\n" for line in lines).encode()
    scan = Scan(io.BytesIO(text), "a.smtp")
    faults = [*scan.header_faults, *(fault for block in scan for fault in block.faults)]
    with pytest.raises(TranscriptError) as error:
        list(TranscriptReader(io.BytesIO(text), "a.smtp"))
    return "\n".join([*map(str, faults[:MOST_FAULTS]), str(error.value)])


@pytest.mark.parametrize(
    "lines",
    [
        [f"+AUTH PLAIN {BLOB}"],
        [f"c: auth plain {BLOB}"],
        [f"C AUTH PLAIN {BLOB}"],
        [f"AUTH PLAIN {BLOB}"],
        [f"> AUTH XOAUTH2 {TOKEN}"],
        ["C: AUTH LOGIN", "S: 334", f"C: {USER}", "S: 334", PASSWORD],
        ["C: AUTH LOGIN", "S: 334", f"C: {USER}", "S: 334", "sesame"],
        ["C: AUTH LOGIN", "S: 334", f"C: {USER}", "S: 334", "> sesame"],
        ["220 hi", "AUTH LOGIN", "334 VXNlcm5hbWU6", USER, "334 UGFzc3dvcmQ6", "sesame", "235 sesame"],
        [f"C: AUTH PLAIN {BLOB}", "235 open sesame"],
        [f"C: AUTH PLAIN ${{{BLOB}}}"],
        ["C: AUTH LOGIN", "S: 334", f"C: ${{{PASSWORD}"],
        ["> AUTH PLAIN sesame \t", "535 no", "it was sesame"],
        ["Transcript: 1", f"+AUTH PLAIN {BLOB}"],
        ["Transcript: 1", PASSWORD],
        [f"{PASSWORD} C: NOOP"],
        [f"{PASSWORD}"],
    ],
    ids=lambda lines: lines[-1][:24],
)
def test_a_line_that_cannot_be_read_is_quoted_without_a_credential(lines: list[str]) -> None:
    said = faults_of(*lines)
    assert not [secret for secret in SECRETS if secret in said]


def test_an_exchange_that_began_in_another_block_of_the_file_counts() -> None:
    filler = "# " + "x" * 100
    said = faults_of(*[filler] * 317, "C: AUTH LOGIN", "S: 334", f"C: {USER}", "S: 334", filler, "sesame")
    assert "sesame" not in said


def test_an_exchange_counts_that_begins_where_a_block_of_the_file_does() -> None:
    said = faults_of(*["# " + "x" * 29] * 1024, "C: AUTH LOGIN", "S: 334", "sesame")
    assert "sesame" not in said


@pytest.mark.parametrize("notes", [0, 330])
def test_what_has_been_seen_of_a_block_is_not_taken_for_an_answer(notes: int) -> None:
    filler = "# " + "x" * 100
    lines = ["C: EHLO word", "C: AUTH LOGIN", "334", "S: 535", *[filler] * notes, "it said EHLO word"]
    assert "'it said EHLO word' has no marker" in faults_of(*lines)


@pytest.mark.parametrize(
    "line", ["QUIT", "hello", "Hello Everyone", "S; 250", "MAIL FROM:<ann@example.org>", "c: NOOP"]
)
def test_a_line_without_a_credential_is_quoted(line: str) -> None:
    assert f"'{line}' has no marker" in faults_of("C: NOOP", line)


WORDS = st.sampled_from(
    [
        "AUTH LOGIN",
        "AUTH PLAIN",
        f"AUTH PLAIN {BLOB}",
        f"auth LOGIN {USER}",
        USER,
        PASSWORD,
        BLOB,
        "*",
        "",
        "NOOP",
        "FOO",
        "DATA",
        ".",
    ]
)
LINES = st.one_of(
    st.builds("C: {}".format, WORDS),
    st.builds("C& {}".format, WORDS),
    st.builds(r"C| {}\r\n".format, WORDS),
    st.sampled_from(
        ["S: 334", "S: 250", "S: 354", "S: 535 no", "S: 3yz", "S~ .*", f"S: 250 {BLOB}", "# note", "*: close"]
    ),
)


@given(st.lists(LINES, max_size=12))
def test_masking_keeps_every_line_and_is_done_once(lines: list[str]) -> None:
    lines = [line.rstrip() for line in lines]
    found, mask = masked(*lines)
    again, nothing = masked(*found)
    assert again == found
    assert nothing.count == 0
    assert len(found) == len(lines)
    assert found == lines or any("${sasl}" in line for line in found)
    assert mask.count == 0 or found != lines


def test_a_credential_is_masked_that_the_server_repeats_after_a_thousand_connections() -> None:
    mask = CredentialMask()
    secrets = [f"canary-{number:05}-Pa55" for number in range(1_100)]
    for number, secret in enumerate(secrets):
        response = b64encode(f"\0ann\0{secret}".encode()).decode()
        lines = ("*: connect mail.example", f"C: AUTH PLAIN {response}", "S: 235 welcome")
        for line in lines:
            mask.mask(Step(Marker(line[:2]), line[3:], None, number + 1))
    for secret in secrets[-1_000:]:
        (step,) = mask.mask(Step(Marker.SERVER, f"250 you were {secret}, once", None, 9_999))
        assert step.text == f"250 you were {MASK}, once"
        again = b64encode(f"x{secret}".encode()).decode()
        (step,) = mask.mask(Step(Marker.SERVER, f"250 {again}", None, 9_999))
        assert again[4:-4] not in step.text

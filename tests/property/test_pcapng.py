"""Any dialogue becomes a capture in which every length, checksum and sequence number is right, and no credential stands."""

from __future__ import annotations

import io
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_shell.errors import TranscriptError
from smtp_shell.export.packet_list import packet_rows
from smtp_shell.export.synthetic import write_pcapng
from smtp_shell.protocol.events import CommandSent, Entry, MailDataSent, OctetsSent, ReplyBegun, ReplyReceived, SaslSent
from smtp_shell.recording.capture import Capture
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.credentials import CredentialMask, masked_steps
from smtp_shell.transcript.reader import TranscriptReader
from tests.fuzz.program import session
from tests.property.hostile import OCTETS
from tests.property.test_transcript_file import STEPS, headers, write
from tests.support.pcapng import Read, read

SECRET = b"Y2FuYXJ5LXBhc3N3b3Jk"
LINES = (
    *(
        b"220 mx.example",
        b"250 ok",
        b"354 go",
        b"334 ",
        b"235 ok",
        b"550 no",
        b"250-a",
        b"250 b",
        b"220 go",
        b"221 bye",
    ),
    *(
        b"> EHLO x",
        b"> MAIL FROM:<>",
        b"& RCPT TO:<a@example.org>",
        b"> DATA",
        b"> STARTTLS",
        b"T",
        b"> QUIT",
        b"E",
        b"L",
    ),
    *(b"D a line\\r\\n", b"D .x\\r\\n", b".", b"B abcdef", b"| NOOP\\r\\n", b": 250-cut", b"\xff\xfe"),
    *(b"> AUTH PLAIN", b"A " + SECRET, b"> AUTH PLAIN " + SECRET),
)
PROGRAMS = st.lists(st.sampled_from(LINES) | OCTETS.map(lambda octets: octets.replace(b"\n", b" ")), max_size=40).map(
    b"\n".join
)


def captured(dialogue: list[Entry]) -> Read:
    out = io.BytesIO()
    write_pcapng(dialogue, out, "random")
    return read(out.getvalue())


@given(PROGRAMS)
def test_a_random_dialogue_is_captured_octet_for_octet(program: bytes) -> None:
    dialogue = session(b"220 mx.example\n" + program)
    found = captured(dialogue)
    assert found.comment.startswith("SYNTHETIC: ")
    if any(entry.tls for entry in dialogue):
        return
    assert found.secrets == []
    said = [e.new_octets if isinstance(e, ReplyReceived) else e.octets for e in (entry.event for entry in dialogue)
            if isinstance(e, ReplyReceived | ReplyBegun)]  # fmt: skip
    wire = found.sent(by_client=False)
    for octets in said:
        assert octets in wire
    public = [
        e
        for e in (entry.event for entry in dialogue)
        if isinstance(e, CommandSent | SaslSent | OctetsSent | MailDataSent)
    ]
    if all(is_public(event) for event in public):
        assert found.sent(by_client=True) == b"".join(octets_of(event) for event in public)


def is_public(event: CommandSent | SaslSent | OctetsSent | MailDataSent) -> bool:
    match event:
        case CommandSent(command=command):
            return command.public is None
        case SaslSent(secret=secret):
            return not secret
        case OctetsSent(public=public):
            return public is None
        case _:
            return True


def octets_of(event: CommandSent | SaslSent | OctetsSent | MailDataSent) -> bytes:
    match event:
        case CommandSent(command=command):
            return command.octets
        case SaslSent(line=line):
            return line + b"\r\n"
        case OctetsSent(octets=octets) | MailDataSent(octets=octets):
            return octets


@given(st.lists(st.sampled_from(LINES), max_size=40).map(b"\n".join))
def test_a_credential_of_a_random_dialogue_is_left_out(program: bytes) -> None:
    out = io.BytesIO()
    write_pcapng(session(b"220 mx.example\n" + program), out, "random")
    assert SECRET not in out.getvalue()


@settings(max_examples=50)
@given(st.none() | headers(), STEPS)
def test_any_transcript_that_can_be_read_is_captured_and_listed(header: object, steps: list[object]) -> None:
    octets = write(header, steps)  # type: ignore[arg-type]
    try:
        reader = TranscriptReader(io.BytesIO(octets), "random.smtp")
        dialogue = list(entries(masked_steps(reader, CredentialMask()), None, reader.header))
    except TranscriptError:
        return
    found = captured(dialogue)
    assert all(line.isprintable() for comment in found.comments for line in comment.split("\n"))
    for text, _ in packet_rows(dialogue):
        assert text.isprintable() or not text


PIECES = st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=4000)), max_size=12)


@given(PIECES, st.booleans(), st.sampled_from([None, True, False]))
def test_a_tap_captures_whatever_goes_over_the_wire(
    pieces: list[tuple[bool, bytes]], opened: bool, ends: bool | None
) -> None:
    stream = _Kept()
    capture = Capture(Path("x.pcapng"), stream)
    tap = capture.begin(("127.0.0.1", 40_000), ("127.0.0.1", 587), opened=opened)
    for from_client, octets in pieces:
        (tap.sent if from_client else tap.received)(octets)
    if ends is not None:
        tap.ended(by_client=ends)
        tap.ended(by_client=not ends)
    capture.close()
    found = read(stream.kept)
    directions = found.directions.get((b"\x7f\0\0\1", 40_000, b"\x7f\0\0\1", 587))
    sent = b"".join(octets for from_client, octets in pieces if from_client)
    assert (bytes(directions.octets) if directions else b"") == sent


class _Kept(io.BytesIO):
    kept = b""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()

"""The linter on dialogues at random: it never raises, its findings can be shown, and a file says what a live dialogue says."""

import io
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.lint import Linter
from smtp_shell.lint.files import lint_message
from smtp_shell.lint.findings import Place
from smtp_shell.lint.mail_data import MessageScan
from smtp_shell.protocol.events import Entry
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.encoder import TranscriptEncoder
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.writer import TranscriptWriter
from tests.fuzz.program import session
from tests.property.hostile import OCTETS
from tests.support.samples import split_at

_HAPPENINGS = [
    b"> EHLO a.example.org",
    b"> HELO laptop",
    b"> MAIL FROM:<ann@example.org>",
    b"> MAIL FROM: ann SIZE=x",
    b"& RCPT TO:<bob@example.org>",
    b"> RCPT TO:<>",
    b"> DATA",
    b"> STARTTLS",
    b"> AUTH LOGIN",
    b"> AUTH PLAIN AGNhbmFyeQBjYW5hcnk=",
    b"A Y2FuYXJ5",
    b"A ",
    b"> QUIT",
    b"> canary",
    rb"| NOOP\n",
    rb"| MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n",
    rb"D From: canary\r\nDate: canary\r\n\r\ntext\r\n",
    rb"D \xff\r\n.x\r\n",
    b".",
    b"< 250 ok",
    rb"< 250-mx\r\n250-SIZE 10\r\n250 AUTH LOGIN",
    b"< 220 go",
    b"< 354 go",
    b"< 334 ",
    b"< 235 ok",
    b"< 550 canary",
    b"< 421 canary",
    b"T",
    b"L",
]
_PROGRAMS = st.lists(st.sampled_from(_HAPPENINGS), max_size=20).map(lambda lines: b"\n".join([b"< 220 x", *lines]))


def _findings(happened: Iterable[Entry]) -> list[str]:
    linter = Linter()
    found = [finding for entry in happened for finding in linter.feed(entry)]
    found += linter.finish()
    for finding in found:
        assert finding.message.isprintable()
        assert "canary" not in finding.message
        assert "Y2FuYXJ5" not in finding.message
    return [finding.rule for finding in found]


@given(_PROGRAMS | OCTETS)
def test_any_dialogue_can_be_linted(program: bytes) -> None:
    _findings(session(program))


@given(_PROGRAMS)
def test_the_recording_of_a_dialogue_can_be_linted_too(program: bytes) -> None:
    stream = io.BytesIO()
    recorder = TranscriptEncoder(TranscriptWriter(stream, Header.new(client="a client")).write_buffered)
    for entry in session(program):
        recorder(entry)
    recorder.close()
    stream.seek(0)
    reader = TranscriptReader(stream, "lab.smtp")
    _findings(entries(reader, header=reader.header))


_MESSAGES = st.lists(
    st.sampled_from([b"From: a@b", b"Subject x", b" folded", b"", b".", b"..", b".x", b"\xff", b"x" * 1000, b"Date: now", b"a\rb", b"\0"])
    .flatmap(lambda line: st.sampled_from([b"\r\n", b"\n"]).map(lambda end: line + end)),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(_MESSAGES, st.lists(st.integers(0, 200), max_size=5))
def test_the_pieces_of_a_message_never_matter(message: bytes, points: list[int]) -> None:
    def read(pieces: Iterable[bytes]) -> list[object]:
        scan = MessageScan()
        found = [moment for piece in pieces for moment, _ in scan.receive(piece, Place())]
        return [*found, *(moment for moment, _ in scan.end(Place()))]

    assert read([message]) == read(split_at(message, points))


@given(_MESSAGES | OCTETS)
def test_any_message_can_be_linted(message: bytes) -> None:
    for finding in lint_message(message):
        assert finding.message.isprintable()

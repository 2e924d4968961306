"""What is written for what happened, what is read back from it, and the files that it goes to."""

import io
import os
import signal
import stat
import time
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from smtp_shell import private_files
from smtp_shell.config import Keep
from smtp_shell.errors import UsageError
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
    CommandSent,
    Connected,
    Decoded,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.recording import recording as recording_module
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.encoder import TranscriptEncoder
from smtp_shell.recording.library import automatic, prune, recording_header, recordings_dir, save_copy
from smtp_shell.recording.recording import Recording
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.reader import TranscriptReader, open_transcript
from smtp_shell.transcript.step import Step, format_step
from tests.support.transcripts import check

HEADER = Header.new(client="smtp-shell 0")
POSIX = pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX's")


def reply(octets: bytes) -> ReplyReceived:
    (found,) = ReplyParser().receive(octets)
    assert isinstance(found, Reply)
    return ReplyReceived(found, None)


def recorded(events: Iterable[Event]) -> list[str]:
    steps: list[Step] = []
    recorder = TranscriptEncoder(steps.extend)
    for number, event in enumerate(events, 1):
        recorder(Entry(number, 0.0214, event))
    recorder.close()
    return [format_step(step).removeprefix("  0.021  ").strip() for step in steps]


def tls(*, verified: bool) -> TlsStarted:
    return TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", verified, Certificate(subject=b"CN=mx.example, O=x\x1b"), "")


PART = "# notice: a part of a credential was sent here; ${sasl} stands where its line ends"


@pytest.mark.parametrize(
    ("events", "lines"),
    [
        ([Connected("mx.example:587")], ["*: connect mx.example:587"]),
        ([Connected("mx.example:465", tls=True)], ["*: connect mx.example:465 tls"]),
        ([Connected("pipe:sendmail -bs")], [r"*: connect pipe:sendmail\x20-bs"]),
        ([CommandSent(Command.parse(b"NOOP ${x} \x1b"))], [r"C: NOOP \${x} \x1b"]),
        ([CommandSent(Command.parse(b"NOOP"), True)], ["C& NOOP"]),
        ([CommandSent(Command.parse(b"AUTH PLAIN AGFubgBzM2NyZXQ="))], ["C: AUTH PLAIN ${sasl}"]),
        ([SaslSent(b"czNjcmV0")], ["C: ${sasl}"]),
        ([SaslSent(b"*", secret=False)], ["C: *"]),
        ([SaslSent(b"", secret=False)], ["C:"]),
        ([OctetsSent(b"NOOP\n\r\n")], [r"C| NOOP\x0a\x0d\x0a"]),
        ([OctetsSent(b"AUTH PLAIN czNjcmV0\r\n", 11)], [r"C| AUTH PLAIN ${sasl}\x0d\x0a"]),
        # A credential in pieces is one `${sasl}`, where its line ends.
        ([OctetsSent(b"AUTH PLAIN czNj", 11), OctetsSent(b"cmV0\r\n", 0)], ["C| AUTH PLAIN", PART, r"C| ${sasl}\x0d\x0a"]),
        ([OctetsSent(b"AUTH PLAIN czNj", 11), Disconnected(End.SERVER)], ["C| AUTH PLAIN", PART, "*: close server"]),
        ([reply(b"250-a\r\n250 b\xff\r\n")], ["S: 250-a", r"S: 250 b\xff"]),
        ([reply(b"250-a\n250 b\r\n")], [r"S| 250-a\x0a", "S: 250 b"]),
        ([reply(b"250\r\n")], ["S: 250"]),
        ([tls(verified=True)], [r"*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified CN=mx.example, O=x\x1b"]),
        ([tls(verified=False)], [r"*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 unverified CN=mx.example, O=x\x1b"]),
        ([Authenticated("PLAIN", "ann smith")], [r"*: auth PLAIN ann\x20smith"]),
        ([Decoded(True, "PLAIN", "a secret")], []),
        ([Disconnected(End.CLIENT)], ["*: close"]),
        ([Disconnected(End.CLIENT, "reset")], ["*: close reset"]),
        ([Disconnected(End.SERVER)], ["*: close server"]),
        ([Disconnected(End.ERROR, "it broke.")], ["*: error it broke."]),
        ([TimedOut(60, "the reply to NOOP"), Disconnected(End.TIMEOUT, "x")], ["*: timeout 60 the reply to NOOP", "*: timeout"]),
        ([Remarked("why?")], ["# why?"]),
        ([Noticed(NoticeKind.ODD_REPLY, "a line holds NUL")], ["# notice: odd reply: a line holds NUL"]),
        ([Noticed(NoticeKind.CUT_REPLY, octets=b"250-cu")], [f"# notice: {NoticeKind.CUT_REPLY.value}", "S| 250-cu"]),
        ([Noticed(NoticeKind.NO_TLS)], ["*: no-tls"]),
        ([MailDataSent(b"a\r\n..b\r"), MailDataSent(b"\nc\r\n"), MailDataSent(b".\r\n", True)], ["C: a", "C: ..b", "C: c", "C: ."]),
        ([MailDataSent(b"a\nb\r\nc"), MailDataSent(b".\r\n", True)], [r"C: a\x0ab", "C| c", "C: ."]),
        ([MailDataSent(b"a\r"), reply(b"421 x\r\n"), MailDataSent(b"\nb\r\n")], ["C| a", "S: 421 x", r"C| \x0d\x0a", "C: b"]),
        ([MailDataSent(b"a" * 20_000 + b"\r\nb\r\n")], ["C| " + "a" * 16_000, "C| " + "a" * 4_000 + r"\x0d\x0a", "C: b"]),
    ],
)  # fmt: skip
def test_what_happened_is_written(events: list[Event], lines: list[str]) -> None:
    assert recorded(events) == lines


SESSION: list[Event] = [
    Connected("mx.example:25"),
    reply(b"220 mx.example\r\n"),
    CommandSent(Command(b"EHLO x")),
    reply(b"250-mx.example\r\n250 AUTH PLAIN LOGIN\r\n"),
    CommandSent(Command(b"STARTTLS")),
    reply(b"220 go\r\n"),
    TlsStarted("TLSv1.3", "X", True, Certificate(subject=b"CN=mx.example"), ""),
    CommandSent(Command(b"AUTH LOGIN")),
    reply(b"334 VXNlcm5hbWU6\r\n"),
    SaslSent(b"${sasl}"),
    reply(b"334 UGFzc3dvcmQ6\r\n"),
    SaslSent(b"*", secret=False),
    reply(b"501 cancelled\r\n"),
    Remarked("a note"),
    CommandSent(Command(b"MAIL FROM:<>"), True),
    CommandSent(Command(b"DATA")),
    reply(b"250 ok\r\n"),
    reply(b"354 go\r\n"),
    MailDataSent(b"a ${x}\r\n"),
    MailDataSent(b"..b\r\n"),
    MailDataSent(b".\r\n", True),
    reply(b"250 ok\r\n"),
    CommandSent(Command(b"BDAT 6 LAST"), True),
    OctetsSent(b"QUIT\r\n"),
    reply(b"250 ok\r\n"),
    OctetsSent(b"NOOP\r\n"),
    reply(b"250 ok\n"),
    TimedOut(5.0, "the reply"),
    Disconnected(End.SERVER),
]


def test_what_was_written_is_read_back() -> None:
    lines = "\n".join(recorded(SESSION))
    found = list(entries(TranscriptReader(io.BytesIO(lines.encode()), "test.smtp")))
    kept = [entry.event for entry in found if not isinstance(entry.event, Noticed)]
    assert [strip(event) for event in kept] == [strip(event) for event in SESSION]
    assert [line for line in recorded(entry.event for entry in found) if not line.startswith("# notice")] == recorded(
        SESSION
    )
    assert [entry.tls for entry in found][-1]


def strip(event: Event) -> object:
    return event.reply if isinstance(event, ReplyReceived) else event


def test_replies_are_paired_with_what_they_answer() -> None:
    text = "S: 220 x\nC& MAIL FROM:<>\nC: RCPT TO:<a@example.org>\nS: 250\nS: 550\nS: 421 bye\n"
    found = [
        (entry.event.reply.code, entry.event.command.verb if entry.event.command else "")
        for entry in entries(TranscriptReader(io.BytesIO(text.encode()), "test.smtp"))
        if isinstance(entry.event, ReplyReceived)
    ]
    assert found == [(220, ""), (250, "MAIL"), (550, "RCPT"), (421, "")]


@pytest.mark.parametrize(
    "text", ["C: DATA\nC: hi\nC: QUIT\nC: .\nC: NOOP\n", "C: DATA\nS: 3yz\nC: hi\nC: QUIT\nC: .\nC: NOOP\n"]
)
def test_mail_data_of_a_script_is_known(text: str) -> None:
    found = [entry.event for entry in entries(TranscriptReader(io.BytesIO(text.encode()), "test.smtp"))]
    assert [event.octets for event in found if isinstance(event, MailDataSent)] == [b"hi\r\n", b"QUIT\r\n", b".\r\n"]
    assert [event.command.line for event in found if isinstance(event, CommandSent)] == [b"DATA", b"NOOP"]


# Files


def record(path: Path, pieces: Iterable[bytes], *, limit: int = 100, last: bool = True) -> None:
    recording = Recording.create(path, HEADER, body_limit=limit)
    number = 0
    for number, piece in enumerate(pieces, 1):
        recording(Entry(number, 0.0, MailDataSent(piece)))
    if last:
        recording(Entry(number + 1, 0.0, MailDataSent(b".\r\n", True)))
    recording(Entry(number + 2, 0.0, reply(b"250 ok\r\n")))
    recording.close()
    assert not recording.failed


def lines_of(path: Path) -> list[str]:
    with open_transcript(path) as reader:
        return [f"{step.marker} {step.text}" for step in reader]


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_long_mail_data_goes_to_a_file_of_its_own(tmp_path: Path, size: int) -> None:
    body = b"".join(b"..dot %d\r\nline\r\n" % number for number in range(50))
    record(tmp_path / "a.smtp", (body[start : start + size] for start in range(0, len(body), size)))
    assert lines_of(tmp_path / "a.smtp") == ["C< a.1.eml", "S: 250 ok"]
    assert (tmp_path / "a.1.eml").read_bytes() == body.replace(b"..dot", b".dot")
    with open_transcript(tmp_path / "a.smtp") as reader:
        sent = [entry.event for entry in entries(reader, tmp_path) if isinstance(entry.event, MailDataSent)]
    assert b"".join(event.octets for event in sent) == body + b".\r\n"


def test_short_mail_data_stays(tmp_path: Path) -> None:
    record(tmp_path / "a.smtp", [b"a\r\n"])
    assert lines_of(tmp_path / "a.smtp") == ["C: a", "C: .", "S: 250 ok"]
    assert [path.name for path in tmp_path.glob("*.eml")] == []


def test_mail_data_with_a_bare_lf_stays_as_it_is(tmp_path: Path) -> None:
    record(tmp_path / "a.smtp", [b"a\n" * 60, b"\r\n"])
    assert lines_of(tmp_path / "a.smtp")[0] == "C: " + "a\\x0a" * 60


def test_a_body_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "a.1.eml").write_text("mine")
    record(tmp_path / "a.smtp", [b"x\r\n" * 100])
    assert lines_of(tmp_path / "a.smtp")[0] == "C< a.2.eml"
    assert (tmp_path / "a.1.eml").read_text() == "mine"


def test_mail_data_that_breaks_off_says_so(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path / "a.smtp", HEADER, body_limit=10)
    recording(Entry(1, 0.0, MailDataSent(b"x\r\n" * 100)))
    recording(Entry(2, 0.0, Disconnected(End.SERVER)))
    recording.close()
    assert lines_of(tmp_path / "a.smtp") == [
        "C< a.1.eml",
        "# notice: the mail data ended here without its final dot",
        "*: close server",
    ]


def test_a_file_of_mail_data_is_named_when_it_is_whole(tmp_path: Path) -> None:
    """A recorder that is killed must not leave half a message that a replay would take for a whole one."""
    path = tmp_path / "a.smtp"
    recording = Recording.create(path, HEADER, body_limit=10)
    broken = "# notice: the recording broke off within mail data that is too long for this file"
    recording(Entry(1, 0.0, MailDataSent(b"one\r\n")))
    recording(Entry(2, 0.0, MailDataSent(b"two\r\n" * 100)))
    assert lines_of(path) == ["C: one", broken]
    recording(Entry(3, 0.0, Remarked("a remark")))
    assert lines_of(path) == ["C: one", broken, "# a remark"]
    assert [*tmp_path.glob("*.eml")] == []
    recording(Entry(4, 0.0, MailDataSent(b"three\r\n")))
    recording(Entry(5, 0.0, MailDataSent(b".\r\n", True)))
    assert lines_of(path) == ["C< a.1.eml", "# a remark"]
    assert (tmp_path / "a.1.eml").read_bytes() == b"one\r\n" + b"two\r\n" * 100 + b"three\r\n"
    recording.close()
    assert {each.name for each in tmp_path.iterdir()} == {"a.smtp", "a.1.eml"}


def test_the_file_is_valid_after_each_event(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    recording = Recording.create(path, HEADER, body_limit=10)
    for number, event in enumerate(SESSION, 1):
        recording(Entry(number, 0.0, event))
        check(path)
    recording.close()


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@POSIX
@pytest.mark.usefixtures("no_umask")
def test_files_are_private(tmp_path: Path) -> None:
    record(tmp_path / "a.smtp", [b"x\r\n" * 100])
    recording = automatic(parse_target("mx.example"))
    recording.close()
    for path in (tmp_path / "a.smtp", tmp_path / "a.1.eml", recording.path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(recording.path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        Recording.create(path, HEADER)
    assert path.read_text() == "mine"
    Recording.create(path, HEADER, overwrite=True).close()
    assert path.read_text() == "Transcript: 1\nClient: smtp-shell 0\n\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_before_the_session_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "open_new", lambda path: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb"))
    with pytest.raises(UsageError, match="no space left"):
        Recording.create(tmp_path / "a.smtp", HEADER)
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit of the size of files")
@pytest.mark.parametrize("limit", [1000, 1500, 2000])
def test_a_file_of_mail_data_that_is_cut_off_is_told(tmp_path: Path, limit: int) -> None:
    """The system takes a part of what is written before it refuses the rest."""
    import resource

    said: list[str] = []
    recording = Recording.create(tmp_path / "a.smtp", HEADER, on_failure=said.append, body_limit=10)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        recording(Entry(1, 0.0, MailDataSent(b"a line\r\n" * 300)))
        recording(Entry(2, 0.0, MailDataSent(b".\r\n", True)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    recording.close()
    assert said == [f"the recording {tmp_path / 'a.smtp'} has stopped: file too large; what follows is not recorded."]
    assert [each.name for each in tmp_path.iterdir()] == ["a.smtp"]


def test_a_recording_that_fails_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    recording = Recording.create(tmp_path / "a.smtp", HEADER, on_failure=said.append, body_limit=10)
    monkeypatch.setattr(recording_module, "new_draft", refuse)
    recording(Entry(1, 0.0, MailDataSent(b"x\r\n" * 100)))
    recording(Entry(2, 0.0, reply(b"250 ok\r\n")))
    recording.close()
    assert recording.failed
    assert len(said) == 1
    assert "no space left" in said[0]
    check_is_header_only(tmp_path / "a.smtp")


def test_a_recording_that_memory_has_no_room_for_says_so_once(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise MemoryError

    said: list[str] = []
    recording = Recording(tmp_path / "a.smtp", Full(), on_failure=said.append)
    recording(Entry(1, 0.0, reply(b"250 ok\r\n")))
    recording.close()
    assert recording.failed
    assert said == [
        f"the recording {tmp_path}/a.smtp has stopped: there is no memory left; what follows is not recorded."
    ]


def refuse(folder: Path) -> tuple[Path, BinaryIO]:
    raise OSError(28, "No space left on device")


def check_is_header_only(path: Path) -> None:
    assert lines_of(path) == []


# Automatic recordings


def test_automatic_recordings_have_names_of_their_own() -> None:
    target = parse_target("[2001:db8::1]:25")
    first, second = automatic(target), automatic(target)
    first.close()
    second.close()
    assert first.path != second.path
    assert first.path.parent == recordings_dir()
    assert "2001_db8__1" in first.path.name
    with open_transcript(first.path) as reader:
        assert reader.header is not None
        assert reader.header.server == "[2001:db8::1]:25"
        assert reader.header.client.startswith("smtp-shell ")
        assert reader.header.date


def test_old_recordings_go_with_their_bodies(tmp_path: Path) -> None:
    names = [f"2026-11-{day:02}_102105-mx.example-1" for day in range(1, 6)]
    now = time.time()
    for age, name in enumerate(reversed(names)):
        for path in (tmp_path / f"{name}.smtp", tmp_path / f"{name}.1.eml"):
            path.write_text("x")
            os.utime(path, (now - age * 86_400, now - age * 86_400))
    (tmp_path / "mine.smtp").write_text("x")
    prune(tmp_path, Keep(files=500, days=3))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["mine.smtp", *(f"{name}{end}" for name in names[2:] for end in (".smtp", ".1.eml"))]
    )
    prune(tmp_path, Keep(files=2, days=90))
    assert sorted(path.name for path in tmp_path.glob("2026*.smtp")) == [f"{names[4]}.smtp"]


def test_pruning_never_fails(tmp_path: Path) -> None:
    prune(tmp_path / "nothing", Keep())


def test_a_copy_takes_its_bodies_along(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    record(tmp_path / "from" / "a.smtp", [b"x\r\n" * 100])
    save_copy(tmp_path / "from" / "a.smtp", tmp_path / "to" / "lab 7.smtp")
    assert lines_of(tmp_path / "to" / "lab 7.smtp") == ["C< lab_7.1.eml", "S: 250 ok"]
    assert (tmp_path / "to" / "lab_7.1.eml").read_bytes() == b"x\r\n" * 100
    with pytest.raises(UsageError, match="there already"):
        save_copy(tmp_path / "from" / "a.smtp", tmp_path / "to" / "lab 7.smtp")
    with pytest.raises(UsageError, match="itself"):
        save_copy(tmp_path / "from" / "a.smtp", tmp_path / "from" / "a.smtp", overwrite=True)


def test_a_header_for_no_server_has_none() -> None:
    assert recording_header().server == ""


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has one time zone for all of a session")
@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC0", "+0000"), ("IST-5:30", "+0530"), ("NST3:30", "-0330"), ("XXX-14", "+1400")]
)
def test_the_header_has_the_time_with_its_offset_here(monkeypatch: pytest.MonkeyPatch, zone: str, offset: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        date = recording_header().date
    finally:
        monkeypatch.undo()
        time.tzset()
    assert date.endswith(f" {offset}")
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 60

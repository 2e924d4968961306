"""Record a live session and replay it; kill a recorder; record and replay what is large."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.client.authentication import authenticate
from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import ConnectionLost
from smtp_shell.matching.expectation import Strictness
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Consumer, Disconnected, Entry, Event, MailDataSent, Remarked, ReplyReceived
from smtp_shell.protocol.sasl import Credentials, Mechanism, mechanism
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.library import recording_header
from smtp_shell.recording.recording import Recording
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.transcript.reader import open_transcript
from tests.support.mail import send_message
from tests.support.peer import Hear, ScriptedServer, Turn
from tests.support.transcripts import check
from tests.unit.cli.program import at, commands, run

QUICK = replace(Timeouts().all(10.0), quit=2.0)


def connect(server: PracticeServer, *consumers: Consumer) -> Session:
    target = parse_target(f"{server.host}:{server.port}")
    tls = TlsSettings(ca_file=server.ca_file)
    session = Session.open(target, consumers, timeouts=QUICK, tls=tls)
    session.read_reply()
    session.command(Command.of("EHLO", "client.example"))
    session.command(Command.of("STARTTLS"))
    session.start_tls(tls)
    session.command(Command.of("EHLO", "client.example"))
    return session


def send(session: Session, *pieces: bytes) -> None:
    session.send(
        Command.of("MAIL", "FROM:<ann@example.org>"), Command.of("RCPT", "TO:<bob@example.org>"), Command.of("DATA")
    )
    session.read_replies()
    send_message(session, pieces)


def settings(server: PracticeServer) -> ReplaySettings:
    def credentials(mechanism: Mechanism, user: str) -> Credentials:
        return Credentials(user, server.password)

    return ReplaySettings(
        server=f"{server.host}:{server.port}",
        timeouts=QUICK,
        tls_settings=TlsSettings(ca_file=server.ca_file),
        credentials=credentials,
    )


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("strictness", [Strictness.CODE, Strictness.TEXT])
def test_a_recorded_session_replays_unedited(
    practice: PracticeServer, tmp_path: Path, name: str, strictness: Strictness
) -> None:
    path = tmp_path / "first.smtp"
    recording = Recording.create(path, recording_header())
    session = connect(practice, recording)
    authenticate(session, mechanism(name), Credentials(practice.user, practice.password))
    send(session, b"Subject: short\n\n.dot ${x}\n")
    send(session, b"Subject: long\n\n", *[b"x" * 70 + b"\n"] * 2000)
    session.command(Command.of("MAIL", "FROM:<"))
    session.send_raw(b"NOOP\r\nNOOP\r\n")
    session.read_replies()
    session.publish(Remarked("a note"))
    session.command(Command.of("QUIT"))
    with pytest.raises(ConnectionLost):
        session.listen(2.0)
    recording.close()

    again = tmp_path / "again.smtp"
    second = Recording.create(again, recording_header())
    result = Replay(path, replace(settings(practice), strictness=strictness, consumers=(second,))).run()
    second.close()
    assert (result.failure, result.exit_status) == (None, 0)

    result = Replay(again, settings(practice)).run()
    assert (result.failure, result.exit_status) == (None, 0)

    secret = practice.password.reveal().encode()
    blob = base64.b64encode(b"\0" + practice.user.encode() + b"\0" + secret)
    for file in tmp_path.iterdir():
        if file.is_file():
            octets = file.read_bytes()
            assert [found for found in (secret, base64.b64encode(secret), blob) if found in octets] == []


def test_the_same_events_come_from_the_file_and_from_the_server(practice: PracticeServer, tmp_path: Path) -> None:
    live: list[Entry] = []
    path = tmp_path / "a.smtp"
    recording = Recording.create(path, recording_header())
    session = connect(practice, live.append, recording)
    send(session, b"Subject: x\n\n.dot\n")
    send(session, b"x" * 70 + b"\n", *[b"y" * 70 + b"\n"] * 2000)
    session.command(Command.of("QUIT"))
    session.close()
    recording.close()
    with open_transcript(path) as reader:
        assert list(told(entries(reader, tmp_path))) == list(told(iter(live)))


def told(events: Iterator[Entry]) -> Iterator[object]:
    """Return what a file can tell of each entry; mail data, however it is cut, as a whole."""
    data = b""
    for entry in events:
        event: Event = entry.event
        if isinstance(event, MailDataSent):
            data += event.octets
            if event.last:
                yield data
                data = b""
        elif isinstance(event, ReplyReceived):
            yield event.reply, event.command, entry.tls
        elif type(event).__name__ == "TlsStarted":
            yield "tls"
        elif type(event).__name__ == "Connected":
            yield "connected"
        else:
            yield event


_WRITER = """
import sys
from pathlib import Path
from smtp_shell.protocol.events import Entry, MailDataSent, Connected
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent
from smtp_shell.recording.library import recording_header
from smtp_shell.recording.recording import Recording
recording = Recording.create(Path(sys.argv[1]), recording_header(), body_limit=int(sys.argv[2]))
number = 0
while True:
    recording(Entry(number := number + 1, 0.0, CommandSent(Command(b"DATA"))))
    for _ in range(50):
        recording(Entry(number := number + 1, 0.0, MailDataSent(b"..x" * 30 + b"\\r\\n")))
    recording(Entry(number := number + 1, 0.0, MailDataSent(b".\\r\\n", True)))
"""


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX's")
@pytest.mark.parametrize("limit", [500, 100_000])
def test_a_killed_recorder_leaves_a_valid_transcript(tmp_path: Path, limit: int) -> None:
    for attempt in range(3):
        path = tmp_path / f"{attempt}.smtp"
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(limit)]) as writer:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not (path.exists() and path.stat().st_size > 4000 + attempt * 777):
                time.sleep(0.001)
            writer.send_signal(signal.SIGKILL)
        check(path)
        with open_transcript(path) as reader:
            assert sum(1 for _ in reader) > 20


def test_a_session_that_breaks_replays_as_it_broke(tmp_path: Path) -> None:
    turns: list[Turn] = [b"220 x\r\n", Hear(b"NOOP\r\n"), b"250 ok\r\n250 two\n", Hear(b"NOOP\r\n"), b"250-cut"]
    path = tmp_path / "a.smtp"
    with ScriptedServer(turns, closes=True) as server:
        recording = Recording.create(path, recording_header())
        ended: list[Entry] = []
        session = Session.open(parse_target(server.address), [recording, ended.append], timeouts=QUICK)
        session.read_reply()
        session.command(Command.of("NOOP"))
        session.listen(0.1)
        with pytest.raises(ConnectionError):
            session.command(Command.of("NOOP"))
        recording.close()
        assert isinstance(ended[-1].event, Disconnected)
        result = Replay(path, ReplaySettings(server=server.address, timeouts=QUICK)).run()
    assert (result.failure, result.exit_status) == (None, 0)


def test_a_large_message_costs_no_memory(tmp_path: Path) -> None:
    script = """
import sys
from msgspec.structs import replace
from pathlib import Path
from smtp_shell.config import Timeouts
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.recording.library import recording_header
from smtp_shell.recording.recording import Recording
from smtp_shell.replay.replay import Replay
path, server = Path(sys.argv[1]), sys.argv[2]
recording = Recording.create(path.with_name("again.smtp"), recording_header())
result = Replay(path, ReplaySettings(server=server, consumers=(recording,))).run()
recording.close()
from tests.support.memory import most_memory
print(result.exit_status, most_memory() // 1048576)
"""
    body = tmp_path / "big.eml"
    size = 64 * 1024 * 1024
    with body.open("wb") as file:
        for _ in range(64):
            file.write((b"." + b"x" * 62 + b"\n") * (1024 * 1024 // 64))
    path = tmp_path / "a.smtp"
    path.write_text("C: DATA\nS: 354\nC< big.eml\nS: 250\n")
    turns: list[Turn] = [b"220 x\r\n", Hear(b"DATA\r\n"), b"354 go\r\n", Hear(b"\r\n.\r\n"), b"250 ok\r\n"]
    with ScriptedServer(turns) as server:
        done = subprocess.run(
            [sys.executable, "-c", script, str(path), server.address], capture_output=True, text=True, check=True
        )
    status, memory = map(int, done.stdout.split())
    assert status == 0
    assert memory < 100
    assert (tmp_path / "again.1.eml").stat().st_size == size + size // 64
    assert done.stderr == ""


def test_a_recording_without_times_is_the_same_file_again(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.smtp", "two.smtp", "three.smtp")]
    with PracticeServer(PracticeSettings()) as server:
        for path in files[:2]:
            run(
                at(server),
                "--no-record",
                "--record",
                str(path),
                "--no-times",
                *commands("ehlo x.example", "noop", "quit"),
            )
        done = run("replay", str(files[0]), "--server", at(server), "--record", str(files[2]), "--no-times")
        assert done.returncode == 0
    # Who closes first after QUIT is a race.
    one, two, three = (path.read_text().rpartition("*: close")[0] for path in files)
    assert one == two
    assert "Date:" not in one
    assert all(line.startswith(" " * 9) for line in one.partition("\n\n")[2].splitlines())
    assert one.partition("\n\n")[2] == three.partition("\n\n")[2]

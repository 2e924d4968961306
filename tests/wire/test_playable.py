"""What other tools recorded is replayed as it was: each scenario against a server that insists on it."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.matching.expectation import Strictness
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import ReplayResult
from smtp_shell.replay.settings import ReplaySettings
from tests.support.peer import Hear, Peer, ScriptedServer, Turn
from tests.unit.cli.program import run_text

QUICK = replace(Timeouts().all(5.0), quit=1.0)
GREETING = b"220 mx.example ESMTP\r\n"
PROXY = "PROXY TCP4 192.0.2.1 192.0.2.2 49152 25"


def replay(
    tmp_path: Path, transcript: str, turns: Sequence[Turn], *, closes: bool = False
) -> tuple[ReplayResult, bytes]:
    path = tmp_path / "test.smtp"
    path.write_text(transcript, encoding="utf-8")
    with ScriptedServer(turns, closes=closes) as server:
        result = Replay(path, ReplaySettings(timeouts=QUICK, server=server.address)).run()
    return result, server.received


def turn(hear: bytes, say: bytes) -> list[Turn]:
    return [Hear(hear + b"\r\n"), say]


QUIT = turn(b"QUIT", b"221 bye\r\n")
NOOP = turn(b"NOOP", b"250 ok\r\n")
ENVELOPE = [*turn(b"MAIL FROM:<a@example.org>", b"250 ok\r\n"), *turn(b"RCPT TO:<b@example.org>", b"250 ok\r\n")]
ENVELOPE_LINES = "S: 220\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@example.org>\nS: 250\n"

PLAYABLE = {
    "PROXY as octets": (f"C| {PROXY}\\r\\n\nS: 220\nC: QUIT\nS: 221\n", [*turn(PROXY.encode(), GREETING), *QUIT]),
    "PROXY as a line": (f"C: {PROXY}\nS: 220\nC: QUIT\nS: 221\n", [*turn(PROXY.encode(), GREETING), *QUIT]),
    "PROXY in a script": (f"C: {PROXY}\nC: QUIT\nS: 221\n", [*turn(PROXY.encode(), GREETING), *QUIT]),
    "PROXY in one write with a command": (
        f"C& {PROXY}\nC: QUIT\nS: 220\nS: 221\n",
        [Hear(f"{PROXY}\r\nQUIT\r\n".encode()), GREETING, b"221 bye\r\n"],
    ),
    "QUIT as octets before the greeting": (
        "C| QUIT\\r\\n\nS: 220\nS: 221\n",
        [Hear(b"QUIT\r\n"), GREETING, b"221 bye\r\n"],
    ),
    "QUIT before the greeting": ("C: QUIT\nS: 220\nS: 221\n", [Hear(b"QUIT\r\n"), GREETING, b"221 bye\r\n"]),
    "EHLO before the greeting": (
        "C: EHLO x\nS: 220\nS: 250-x\nS: 250 y\nC: QUIT\nS: 221\n",
        [Hear(b"EHLO x\r\n"), GREETING, b"250-x\r\n250 y\r\n", *QUIT],
    ),
    "a group before the greeting": (
        "C& EHLO x\nC: NOOP\nS: 220\nS: 250-x\nS: 250 y\nS: 250\nC: QUIT\nS: 221\n",
        [Hear(b"EHLO x\r\nNOOP\r\n"), GREETING, b"250-x\r\n250 y\r\n250 ok\r\n", *QUIT],
    ),
    "BDAT with its chunk": (
        ENVELOPE_LINES + "C& BDAT 5 LAST\nC| hello\nS: 250\nC: QUIT\nS: 221\n",
        [GREETING, *ENVELOPE, Hear(b"BDAT 5 LAST\r\nhello"), b"250 ok\r\n", *QUIT],
    ),
    "BDAT as a line with its chunk": (
        ENVELOPE_LINES + "C: BDAT 5 LAST\nC| hello\nS: 250\nC: QUIT\nS: 221\n",
        [GREETING, *ENVELOPE, Hear(b"BDAT 5 LAST\r\nhello"), b"250 ok\r\n", *QUIT],
    ),
    "BDAT with a chunk of lines": (
        ENVELOPE_LINES + "C: BDAT 23 LAST\nC: Subject: hello\nC:\nC: .x\nS: 250\nC: QUIT\nS: 221\n",
        [GREETING, *ENVELOPE, Hear(b"BDAT 23 LAST\r\nSubject: hello\r\n\r\n.x\r\n"), b"250 ok\r\n", *QUIT],
    ),
    "two chunks": (
        ENVELOPE_LINES + "C: BDAT 5\nC| hello\nS: 250\nC: BDAT 2 LAST\nC| \\r\\n\nS: 250\n",
        [
            GREETING,
            *ENVELOPE,
            Hear(b"BDAT 5\r\nhello"),
            b"250 ok\r\n",
            Hear(b"BDAT 2 LAST\r\n\r\n"),
            b"250 ok\r\n",
        ],
    ),
    "an empty last chunk": (
        ENVELOPE_LINES + "C: BDAT 5\nC| hello\nS: 250\nC: BDAT 0 LAST\nS: 250\nC: QUIT\nS: 221\n",
        [GREETING, *ENVELOPE, Hear(b"BDAT 5\r\nhello"), b"250 ok\r\n", *turn(b"BDAT 0 LAST", b"250 ok\r\n"), *QUIT],
    ),
    "a group with mail data in it": (
        ENVELOPE_LINES + "C& DATA\nC& Subject: x\nC&\nC& hi\nC& .\nC: QUIT\nS: 354\nS: 250\nS: 221\n",
        [
            GREETING,
            *ENVELOPE,
            Hear(b"DATA\r\nSubject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n"),
            b"354 go\r\n250 ok\r\n221 bye\r\n",
        ],
    ),
    "a whole message in one write": (
        "S: 220\nC& EHLO x\nC& MAIL FROM:<a@example.org>\nC& RCPT TO:<b@example.org>\nC& DATA\nC& hi\nC: .\n"
        "S: 250-x\nS: 250 y\nS: 250\nS: 250\nS: 354\nS: 250\n",
        [
            GREETING,
            Hear(b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nhi\r\n.\r\n"),
            b"250-x\r\n250 y\r\n250 a\r\n250 b\r\n354 go\r\n250 c\r\n",
        ],
    ),
    "a group in which the server answers two lines with one reply less": (
        "S: 220\nC& NOOP\nC&\nC: QUIT\nS: 250\nS: 221\n",
        [GREETING, Hear(b"NOOP\r\n\r\nQUIT\r\n"), b"250 ok\r\n221 bye\r\n"],
    ),
    "a group in which one line has two replies": (
        "S: 220\nC& NOOP\nC: NOOP\nS: 250\nS: 250\nS: 250\nC: QUIT\nS: 221\n",
        [GREETING, Hear(b"NOOP\r\nNOOP\r\n"), b"250 a\r\n250 b\r\n250 c\r\n", *QUIT],
    ),
    "LMTP in one write": (
        "S: 220\nC: LHLO x\nS: 250\nC& MAIL FROM:<a@example.org>\nC& RCPT TO:<b@example.org>\nC& RCPT TO:<c@example.org>\nC: DATA\n"
        "S: 250\nS: 250\nS: 250\nS: 354\nC: hi\nC: .\nS: 250\nS: 450\nC: QUIT\nS: 221\n",
        [
            GREETING,
            *turn(b"LHLO x", b"250 x\r\n"),
            Hear(b"DATA\r\n"),
            b"250 a\r\n250 b\r\n250 c\r\n354 go\r\n",
            Hear(b"hi\r\n.\r\n"),
            b"250 b\r\n450 c\r\n",
            *QUIT,
        ],
    ),
    "a mechanism of nobody's with literal responses": (
        "Transcript: 1\nSecrets: included\n\nS: 220\nC: AUTH X-OURS aGVsbG8=\nS: 334 d2hv\nC: bm9ib2R5\nS: 334\nC: =\nS: 235\n"
        "C: QUIT\nS: 221\n",
        [
            GREETING,
            *turn(b"AUTH X-OURS aGVsbG8=", b"334 d2hv\r\n"),
            *turn(b"bm9ib2R5", b"334 \r\n"),
            *turn(b"=", b"235 ok\r\n"),
            *QUIT,
        ],
    ),
    "a mechanism that is no base64": (
        "Transcript: 1\nSecrets: included\n\nS: 220\nC: AUTH X-OURS\nS: 334 who?\nC: it is me!\nS: 235\nC: QUIT\nS: 221\n",
        [GREETING, *turn(b"AUTH X-OURS", b"334 who?\r\n"), *turn(b"it is me!", b"235 ok\r\n"), *QUIT],
    ),
}


@pytest.mark.parametrize(("transcript", "turns"), PLAYABLE.values(), ids=PLAYABLE)
def test_what_was_recorded_is_replayed(tmp_path: Path, transcript: str, turns: list[Turn]) -> None:
    result, _ = replay(tmp_path, transcript, turns)
    assert result.exit_status == 0, result.failure
    assert result.seconds < 4.0


DROPPED = {
    "a client that hangs up after a line": (
        "S: 220\nC: NOOP\n*: close\n",
        [GREETING, Hear(b"NOOP\r\n")],
        b"NOOP\r\n",
    ),
    "a client that drops the connection after a line": (
        "S: 220\nC: NOOP\n*: close dropped\n",
        [GREETING, Hear(b"NOOP\r\n")],
        b"NOOP\r\n",
    ),
    "a client that resets it": ("S: 220\nC: NOOP\n*: close reset\n", [GREETING, Hear(b"NOOP\r\n")], b"NOOP\r\n"),
    "after the final dot": (
        ENVELOPE_LINES + "C: DATA\nS: 354\nC: hi\nC: .\n*: close dropped\n",
        [GREETING, *ENVELOPE, *turn(b"DATA", b"354 go\r\n"), Hear(b"\r\n.\r\n")],
        b"hi\r\n.\r\n",
    ),
    "in a recording": (
        "Transcript: 1\nClient: other 1.0\n\nS: 220\nC: NOOP\n*: close\n",
        [GREETING, Hear(b"NOOP\r\n")],
        b"NOOP\r\n",
    ),
    "after a group": (
        "S: 220\nC& NOOP\nC: RSET\n*: close dropped\n",
        [GREETING, Hear(b"RSET\r\n")],
        b"NOOP\r\nRSET\r\n",
    ),
}


@pytest.mark.parametrize(("transcript", "turns", "sent"), DROPPED.values(), ids=DROPPED)
def test_a_client_that_awaits_no_reply(tmp_path: Path, transcript: str, turns: list[Turn], sent: bytes) -> None:
    result, received = replay(tmp_path, transcript, turns)
    assert result.exit_status == 0, result.failure
    assert received.endswith(sent)
    assert result.seconds < 4.0


CUT = {
    "after a line of a reply": ("S: 220\nC: EHLO x\nS: 250-a\n*: close server\n", b"250-a\r\n"),
    "inside a line": ("S: 220\nC: EHLO x\nS| 250-a\\r\\n250-SI\n*: close server\n", b"250-a\r\n250-SI"),
    "inside the only line": ("S: 220\nC: EHLO x\nS| 25\n*: close server\n", b"25"),
    "before any octet": ("S: 220\nC: EHLO x\n*: close server\n", b""),
}


@pytest.mark.parametrize(("transcript", "said"), CUT.values(), ids=CUT)
def test_a_reply_that_the_server_cut(tmp_path: Path, transcript: str, said: bytes) -> None:
    turns: list[Turn] = [GREETING, Hear(b"EHLO x\r\n"), said] if said else [GREETING, Hear(b"EHLO x\r\n")]
    assert replay(tmp_path, transcript, turns, closes=True)[0].exit_status == 0
    # Where no octet came, a script demands nothing of the reply.
    whole = replay(tmp_path, transcript, [GREETING, Hear(b"EHLO x\r\n"), b"250 whole\r\n"], closes=True)[0]
    assert whole.exit_status == (1 if said else 0), whole.failure


def test_two_sessions_in_one_file(tmp_path: Path) -> None:
    one = "S: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n*: close\n"
    for text in (f"*: connect a.example:25\n{one}*: connect b.example:25\n{one}", f"{one}{one}"):
        result, _ = replay(tmp_path, text, [GREETING, *NOOP, *QUIT])
        assert result.exit_status == 0, result.failure
        assert sum(result.counts.values()) == 6


# TLS

POSIX = pytest.mark.skipif(os.name == "nt", reason="programs as servers need a POSIX system")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def context_of(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def trusting(authority: trustme.CA, folder: Path) -> TlsSettings:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return TlsSettings(ca_file=folder / "ca.pem")


@pytest.mark.parametrize("implicit", [True, False])
def test_each_line_of_a_reply_in_a_record_of_its_own(tmp_path: Path, authority: trustme.CA, implicit: bool) -> None:
    context = context_of(authority)

    def talk(peer: Peer) -> None:
        if not implicit:
            peer.say("220 mx.example")
            peer.hear(b"STARTTLS\r\n")
            peer.say("220 go")
        peer.start_tls(context)
        if implicit:
            peer.say("220-mx.example")
            peer.say("220 ready")
        peer.hear(b"EHLO x\r\n")
        for number in range(40):
            peer.say(f"250-X{number}")
        for octet in "250 end\r\n":
            peer.sock.sendall(octet.encode())
        peer.hear(b"QUIT\r\n")
        peer.say("221 bye")
        peer.sock.close()

    lines = "".join(f"S: 250-X{number}\n" for number in range(40))
    begin = "S: 220-mx.example\nS: 220 ready\n" if implicit else "S: 220 mx.example\nC: STARTTLS\nS: 220 go\n*: tls\n"
    path = tmp_path / "test.smtp"
    path.write_text(f"{begin}C: EHLO x\n{lines}S: 250 end\nC: QUIT\nS: 221 bye\n")
    with ScriptedServer(talk) as server:
        settings = ReplaySettings(
            timeouts=QUICK,
            server=server.address,
            tls=implicit,
            tls_settings=trusting(authority, tmp_path),
            strictness=Strictness.TEXT,
        )
        result = Replay(path, settings).run()
    assert result.exit_status == 0, result.failure


PIPE_SERVER = """\
import os, ssl, sys
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1])
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_side=True)
def done(step, *arguments):
    while True:
        try:
            result = step(*arguments)
            os.write(1, outgoing.read())
            return result
        except ssl.SSLWantReadError:
            os.write(1, outgoing.read())
            octets = os.read(0, 65536)
            if not octets:
                raise SystemExit
            incoming.write(octets)
done(tls.do_handshake)
done(tls.write, b"220 pipe.example ESMTP\\r\\n")
try:
    while line := done(tls.read, 1000):
        done(tls.write, b"221 bye\\r\\n" if line == b"QUIT\\r\\n" else b"250 ok\\r\\n")
except OSError:
    pass
"""


@POSIX
@pytest.mark.parametrize("connect", ["", "*: connect mx.example:465 tls\n"])
def test_tls_from_the_first_octet_on_a_pipe(tmp_path: Path, authority: trustme.CA, connect: str) -> None:
    (tmp_path / "server.py").write_text(PIPE_SERVER)
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    path = tmp_path / "test.smtp"
    path.write_text(f"{connect}S: 220\nC: NOOP\nS: 250\nC: QUIT\nS: 221\n")
    command = f"pipe:{sys.executable} {tmp_path / 'server.py'} {tmp_path / 'server.pem'}"
    trusting(authority, tmp_path)
    words = ["replay", str(path), "--server", command, "--ca-file", str(tmp_path / "ca.pem")]
    done = run_text(*words, "--tls")
    assert done.returncode == 0, done.stdout + done.stderr

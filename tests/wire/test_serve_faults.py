"""Faults on demand: at the mock server and at the practice server, from one table."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.servers.faults import KINDS, Fault, FaultPlan, Mischief, describe_faults, parse_faults
from smtp_shell.servers.mock import MockServer
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.wire.test_serve_clients import PLAIN, SUBMISSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST = 30.0


class Client:
    """A client that reads whole replies, or whatever comes."""

    def __init__(self, host: str, port: int) -> None:
        self.sock = socket.create_connection((host, port), LONGEST)
        self.buffer = b""

    def reply(self) -> bytes:
        """Read a reply; what came of it at the end of the stream."""
        while True:
            lines = self.buffer.split(b"\r\n")
            for number, line in enumerate(lines[:-1]):
                if line[3:4] != b"-":
                    self.buffer = b"\r\n".join(lines[number + 1 :])
                    return b"\r\n".join(lines[: number + 1])
            try:
                octets = self.sock.recv(4096)
            except ConnectionResetError:
                return b"reset"
            if not octets:
                return self.buffer or b"closed"
            self.buffer += octets

    def say(self, line: str) -> bytes:
        self.sock.sendall(line.encode() + b"\r\n")
        return self.reply()


@contextlib.contextmanager
def faulty(where: str, folder: Path, *faults: str, transcript: str = PLAIN) -> Iterator[Client]:
    """Connect to a server with faults."""
    if where == "mock":
        path = folder / "served.smtp"
        path.write_text(transcript, encoding="utf-8")
        with MockServer(path, faults=faults) as server:
            client = Client(server.host, server.port)
            with client.sock:
                yield client
            server.results(1)
            assert server.ok, server.report()  # what follows from a fault is no difference
    else:
        with PracticeServer(PracticeSettings(faults=parse_faults(faults))) as practice:
            client = Client(practice.host, practice.port)
            with client.sock:
                yield client


BOTH = pytest.mark.parametrize("where", ["mock", "practice"])
HELLO, SENDER, RECIPIENT = "EHLO client.example", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>"


@BOTH
@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("rcpt=451", b"451 4.3.0"),
        ("rcpt=wrong", b"354 "),
        ("rcpt=drop", b"closed"),
        ("rcpt=reset", b"reset"),
        ("rcpt=garbage", b"\xff\xfb\x18 this is no reply of SMTP"),
        ("any=452@3", b"452 4.5.3"),
    ],
)
def test_a_fault_takes_the_place_of_the_reply(where: str, fault: str, ends: bytes, tmp_path: Path) -> None:
    with faulty(where, tmp_path, fault) as client:
        assert client.reply().startswith(b"220 ")
        assert client.say(HELLO).startswith(b"250")
        assert client.say(SENDER).startswith(b"250 2.1.0")
        assert client.say(RECIPIENT).startswith(ends)


@BOTH
def test_a_reply_is_cut(where: str, tmp_path: Path) -> None:
    with faulty(where, tmp_path, "mail=cut") as client:
        client.reply()
        client.say(HELLO)
        said = client.say(SENDER)
        assert b"250 2.1.0 Ok\r\n".startswith(said)
        assert 1 <= len(said) < 12


@BOTH
def test_a_reply_comes_in_pieces_and_nothing_else_changes(where: str, tmp_path: Path) -> None:
    with faulty(where, tmp_path, "ehlo=pieces", "mail=delay:0.2") as client:
        client.reply()
        assert client.say(HELLO).startswith(b"250-")
        began = time.monotonic()
        assert client.say(SENDER).startswith(b"250 2.1.0")
        assert time.monotonic() - began >= 0.19
        assert client.say(RECIPIENT).startswith(b"250 2.1.5")
        assert client.say("DATA").startswith(b"354 ")
        assert client.say("Subject: x\r\n.").startswith(b"250 2.0.0")
        assert client.say("QUIT").startswith(b"221 ")


@BOTH
def test_silence_leaves_the_connection_open(where: str, tmp_path: Path) -> None:
    with faulty(where, tmp_path, "mail=silent") as client:
        client.reply()
        client.say(HELLO)
        client.sock.sendall(SENDER.encode() + b"\r\n")
        # The next reply is to the next command.
        assert client.say("NOOP").startswith(b"250 ")


@BOTH
def test_the_greeting_and_the_final_dot_have_faults_too(where: str, tmp_path: Path) -> None:
    with faulty(where, tmp_path, "connect=421") as client:
        assert client.reply().startswith(b"421 ")
    with faulty(where, tmp_path, "dot=552", "DATA=pieces") as client:
        client.reply()
        for line in (HELLO, SENDER, RECIPIENT, "DATA"):
            client.say(line)
        assert client.say("Subject: x\r\n.").startswith(b"552 5.3.4")


@BOTH
def test_garbage_in_place_of_the_handshake(where: str, tmp_path: Path) -> None:
    with faulty(where, tmp_path, "starttls=garbage", transcript=SUBMISSION.format("PLAIN")) as client:
        client.reply()
        client.say(HELLO)
        assert client.say("STARTTLS").startswith(b"220 ")
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|wrong version number"):
            context.wrap_socket(client.sock, server_hostname="localhost")


@BOTH
def test_a_fault_counts_over_all_connections(where: str, tmp_path: Path) -> None:
    def heard(host: str, port: int) -> list[bytes]:
        client = Client(host, port)
        with client.sock:
            client.reply()
            return [client.say(line)[:3] for line in (HELLO, SENDER, RECIPIENT)]

    (tmp_path / "served.smtp").write_text(PLAIN, encoding="utf-8")
    faults = ("rcpt=451@1", "rcpt=452@3+")
    if where == "mock":
        with MockServer(tmp_path / "served.smtp", faults=faults) as server:
            found = [heard(server.host, server.port)[-1] for _ in range(4)]
    else:
        with PracticeServer(PracticeSettings(faults=parse_faults(faults))) as practice:
            found = [heard(practice.host, practice.port)[-1] for _ in range(4)]
    assert found == [b"451", b"250", b"452", b"452"]


def test_a_probability_with_a_seed_takes_the_same_course_again() -> None:
    def course(seed: int | None) -> list[bool]:
        plan = FaultPlan(parse_faults(["rcpt=451%30"]), seed)
        return [bool(plan.at("RCPT")) for _ in range(1000)]

    assert course(7) == course(7)
    assert course(7) != course(8)
    assert 200 < sum(course(7)) < 400


@pytest.mark.parametrize(
    "text", ["rcpt=451@0", "rcpt=451%0", "rcpt=451%101", "rcpt=451@", "rcpt=451%", "rcpt=@2", "rcpt=cut:3"]
)
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"The fault '.*' (never happens|is not understood)"):
        Fault.parse(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("rcpt=451@2", Fault("RCPT", Mischief.REPLY, code=451, first=2, last=2)),
        ("RCPT=CUT@2+", Fault("RCPT", Mischief.CUT, first=2)),
        ("any=delay:0.5%12.5", Fault("ANY", Mischief.DELAY, seconds=0.5, chance=12.5)),
        ("data=drop@3+%50", Fault("DATA", Mischief.DROP, first=3, chance=50.0)),
    ],
)
def test_counts_and_chances_are_read_and_written(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault
    assert Fault.parse(str(fault)) == fault


def test_the_help_names_every_kind_within_eighty_columns() -> None:
    text = describe_faults()
    assert max(map(len, text.splitlines())) < 80
    assert all(kind.syntax in text for kind in KINDS)
    assert {kind.mischief for kind in KINDS} == set(Mischief)

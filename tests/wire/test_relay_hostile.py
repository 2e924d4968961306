"""`relay` with peers that break things: each side is dropped after a bound, the other is told, and the record says what happened."""

from __future__ import annotations

import base64
import contextlib
import random
import socket
import ssl
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.recording.shown import shown_transcript
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.servers.relay import RelayServer
from smtp_shell.servers.relay.server import CONNECTION_LIMIT
from tests.support.memory import MIB, most_memory
from tests.support.peer import Hear, Peer, ScriptedServer
from tests.unit.cli.program import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 20.0
GREETING = b"220 mail.example ESMTP\r\n"
EHLO = b"250-mail.example\r\n250 STARTTLS\r\n"
TO_STARTTLS = (GREETING, Hear(b"EHLO client.example\r\n"), EHLO, Hear(b"STARTTLS\r\n"))


class Client:
    """A client of the relay, over a plain socket."""

    def __init__(self, relay: RelayServer) -> None:
        self.socket: socket.socket = socket.create_connection((relay.host, relay.port), PATIENCE)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def say(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def hear(self, until: bytes = b"\n") -> bytes:
        came = b""
        while until not in came:
            octets = self.socket.recv(65536)
            assert octets, f"the relay closed after {came!r}"
            came += octets
        return came

    def hear_end(self) -> bytes:
        came = b""
        while octets := self.socket.recv(65536):
            came += octets
        return came

    def starttls(self) -> bytes:
        self.hear()
        self.say(b"EHLO client.example\r\n")
        self.hear(b"250 ")
        self.say(b"STARTTLS\r\n")
        return self.hear()


@contextlib.contextmanager
def relaying(
    folder: Path, address: str, tls: TlsSettings | None = None, idle: float = PATIENCE
) -> Iterator[RelayServer]:
    with RelayServer(address, keep=folder, tls=tls, idle=idle, timeouts=Timeouts().all(PATIENCE)) as relay:
        yield relay


def ended(relay: RelayServer) -> str:
    """Wait until the dialogues are over, and return what was recorded."""
    assert relay.watch is not None
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        sessions = relay.watch.sessions()
        if sessions and all(session.ended for session in sessions):
            return "".join(path.read_text(encoding="utf-8") for path in relay.recordings())
        time.sleep(0.01)
    raise AssertionError("the dialogue was to end")


def test_no_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with relaying(tmp_path, address) as relay, Client(relay) as client:
        said = client.hear_end()
        assert said.startswith(b"421 4.4.1 The relay has no connection to the server: no connection to 127.0.0.1:")
        assert said.endswith(b"\r\n")
        text = ended(relay)
    assert "*: error no connection to 127.0.0.1:" in text
    assert "# the relay told the client: 421 4.4.1 " in text


@pytest.mark.parametrize("last", [b"QUIT\r\n", b"NOOP\r\n"])
def test_a_certificate_that_is_not_trusted(tmp_path: Path, practice: PracticeServer, last: bytes) -> None:
    with relaying(tmp_path, f"127.0.0.1:{practice.port}") as relay, Client(relay) as client:
        said = client.starttls()
        assert said.startswith(
            b"454 4.7.0 The relay has no TLS with the server: the certificate's chain is not trusted"
        )
        assert len(said) <= 512
        client.say(last)
        assert client.hear_end().startswith(b"221 " if last.startswith(b"QUIT") else b"421 ")
        text = ended(relay)
    assert "*: error the certificate's chain is not trusted" in text
    assert "the relay told the client: 454" in text


def test_a_server_that_does_no_tls_from_the_first_octet(tmp_path: Path, practice: PracticeServer) -> None:
    with relaying(tmp_path, f"smtps://127.0.0.1:{practice.port}") as relay, Client(relay) as client:
        assert b"the server speaks in the clear here, not TLS" in client.hear_end()
        assert "*: error the server speaks in the clear here" in ended(relay)


@pytest.mark.parametrize(
    "turns",
    [
        (b"220 go\r\n250 injected\r\n",),
        (b"220 go\r\n", b"250 injected\r\n"),
        (b"220-go\r\n220 ahead\r\n2",),
    ],
)
def test_what_a_server_says_after_its_220_never_reaches_the_client(tmp_path: Path, turns: tuple[bytes, ...]) -> None:
    with (
        ScriptedServer((*TO_STARTTLS, *turns)) as server,
        relaying(tmp_path, server.address, TlsSettings(insecure=True)) as relay,
        Client(relay) as client,
    ):
        said = client.starttls()
        assert said.startswith(b"454 4.7.0 ")
        assert b"text in the clear" in said
        client.say(b"QUIT\r\n")
        assert client.hear_end().startswith(b"221 ")
        assert "text in the clear" in ended(relay)


def test_what_a_client_says_after_starttls_never_reaches_the_server(tmp_path: Path) -> None:
    heard: list[bytes] = []
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))

    def serve(peer: Peer) -> None:
        peer.sock.sendall(GREETING)
        peer.hear()
        peer.sock.sendall(EHLO)
        peer.hear()
        peer.say("220 go")
        peer.start_tls(context)
        heard.append(peer.hear())
        peer.say("221 bye")
        peer.sock.close()

    with (
        ScriptedServer(serve) as server,
        relaying(tmp_path / "kept", server.address, TlsSettings(ca_file=tmp_path / "authority.pem")) as relay,
        Client(relay) as client,
    ):
        client.hear()
        client.say(b"EHLO client.example\r\n")
        client.hear(b"250 ")
        client.say(b"STARTTLS\r\nMAIL FROM:<x@evil.example>\r\nAUTH PLAIN AGEAYg==\r\n")
        assert client.hear() == b"220 go\r\n"
        client.socket = ssl.create_default_context(cafile=str(relay.ca_file)).wrap_socket(
            client.socket, server_hostname="localhost"
        )
        client.say(b"QUIT\r\n")
        assert client.hear() == b"221 bye\r\n"
        client.socket.close()
        text = ended(relay)
    assert heard == [b"QUIT\r\n"]
    assert "ATTACK? The client sent 49 octets in the clear after STARTTLS and before TLS: they were dropped" in text
    assert "evil" not in text
    assert "AGEAYg==" not in text


@pytest.mark.parametrize("trusts", [True, False])
def test_a_client_whose_handshake_fails(tmp_path: Path, practice: PracticeServer, *, trusts: bool) -> None:
    settings = TlsSettings(ca_file=practice.ca_file)
    with relaying(tmp_path, f"127.0.0.1:{practice.port}", settings) as relay, Client(relay) as client:
        assert client.starttls().startswith(b"220 ")
        if trusts:
            client.say(b"EHLO client.example\r\n")
            assert b"250" not in client.hear_end()
        else:
            with pytest.raises(ssl.SSLError):
                ssl.create_default_context().wrap_socket(client.socket, server_hostname="localhost")
        text = ended(relay)
    assert "*: error the client's TLS handshake failed: the client " in text
    assert ("something else after the 220" if trusts else "give it the file that relay prints") in text


def test_a_server_that_speaks_something_else(tmp_path: Path) -> None:
    with (
        ScriptedServer([b"HTTP/1.1 400 Bad Request\r\n\r\n\x1b[31mred\r\n"]) as server,
        relaying(tmp_path, server.address) as relay,
        Client(relay) as client,
    ):
        assert client.hear_end().startswith(b"HTTP/1.1 400 Bad Request\r\n")
        text = ended(relay)
    assert "*: error the server does not speak SMTP" in text
    assert "\x1b" not in text


def test_a_server_that_resets(tmp_path: Path) -> None:
    with (
        ScriptedServer([GREETING, Hear(b"NOOP\r\n")], resets=True) as server,
        relaying(tmp_path, server.address) as relay,
        Client(relay) as client,
    ):
        client.hear()
        client.say(b"NOOP\r\n")
        with pytest.raises(ConnectionResetError):
            client.hear_end()
        assert ended(relay).endswith("*: close server reset\n")


def test_a_client_that_resets(tmp_path: Path) -> None:
    seen: list[BaseException] = []
    is_over = threading.Event()

    def serve(peer: Peer) -> None:
        peer.sock.sendall(GREETING)
        peer.hear()
        try:
            peer.sock.recv(100)
        except OSError as error:
            seen.append(error)
        is_over.set()

    with ScriptedServer(serve) as server, relaying(tmp_path, server.address) as relay:
        client = Client(relay)
        client.hear()
        client.say(b"NOOP\r\n")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
        assert is_over.wait(PATIENCE)
        assert "*: close reset\n" in ended(relay)
    assert isinstance(seen[0], ConnectionResetError)


def test_a_client_that_shuts_its_half_gets_the_replies(tmp_path: Path) -> None:
    with (
        ScriptedServer([GREETING, Hear(b"QUIT\r\n"), b"250 ok\r\n221 bye\r\n"], closes=True) as server,
        relaying(tmp_path, server.address) as relay,
        Client(relay) as client,
    ):
        client.hear()
        client.say(b"NOOP\r\nQUIT\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.hear_end() == b"250 ok\r\n221 bye\r\n"
        assert ended(relay).endswith("*: close\n")


def test_a_client_that_shuts_its_half_after_starttls_gets_the_220(tmp_path: Path) -> None:
    with (
        ScriptedServer([*TO_STARTTLS, b"220 go\r\n"]) as server,
        relaying(tmp_path, server.address) as relay,
        Client(relay) as client,
    ):
        client.hear()
        client.say(b"EHLO client.example\r\n")
        client.hear(b"250 ")
        client.say(b"STARTTLS\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.hear_end() == b"220 go\r\n"
        assert "*: close\n" in ended(relay)


def test_a_server_that_closes_in_the_middle_of_a_reply(tmp_path: Path) -> None:
    with (
        ScriptedServer([GREETING, Hear(b"\r\n"), b"250-one\r\n250"], closes=True) as server,
        relaying(tmp_path, server.address) as relay,
        Client(relay) as client,
    ):
        client.hear()
        client.say(b"EHLO client.example\r\n")
        assert client.hear_end() == b"250-one\r\n250"
        client.socket.close()
        text = ended(relay)
    assert "S| 250-one" in text
    assert "*: close server" in text


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_asked(tmp_path: Path) -> None:
    with ScriptedServer([]) as server, relaying(tmp_path, server.address, idle=0.3) as relay, Client(relay) as client:
        assert client.hear_end() == b"421 4.4.2 Nothing passed the relay for 0.3 s, closing the connection\r\n"
        assert "*: error nothing passed for 0.3 s" in ended(relay)


def test_a_client_that_says_nothing_likewise(tmp_path: Path) -> None:
    with (
        ScriptedServer([GREETING]) as server,
        relaying(tmp_path, server.address, idle=0.3) as relay,
        Client(relay) as client,
    ):
        assert client.hear_end().startswith(GREETING + b"421 4.4.2 ")


@pytest.mark.parametrize("flood", [b"x" * 65536, b"NOOP\r\n" * 10_000])
def test_a_client_that_floods_is_dropped_and_costs_no_memory(tmp_path: Path, flood: bytes) -> None:
    """The server reads all of it, and answers nothing."""
    with (
        ScriptedServer([GREETING]) as server,
        relaying(tmp_path, server.address, idle=1.0) as relay,
        Client(relay) as client,
        contextlib.suppress(ConnectionError),
    ):
        client.hear()
        client.socket.settimeout(PATIENCE)
        for _ in range(2_000):
            client.say(flood)
        raise AssertionError("the relay took it all")
    text = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.smtp"))
    assert len(text) < 4_000_000
    assert "*: error " in text or "*: close" in text


@pytest.mark.parametrize("flood", [b"250-" + b"x" * 400 + b"\r\n", b"250 ok\r\n" * 100, b"x" * 65536])
def test_a_server_that_floods_is_dropped(tmp_path: Path, flood: bytes) -> None:
    """The client reads nothing meanwhile."""
    stopped = threading.Event()

    def serve(peer: Peer) -> None:
        peer.sock.sendall(GREETING)
        peer.hear()
        with contextlib.suppress(OSError):
            while True:
                peer.sock.sendall(flood)
        stopped.set()

    with ScriptedServer(serve) as server, relaying(tmp_path, server.address) as relay, Client(relay) as client:
        client.hear()
        client.say(b"EHLO client.example\r\n")
        assert stopped.wait(PATIENCE * 3)
        client.socket.close()
        assert "*: error the server does not speak SMTP: " in ended(relay)


def test_too_many_clients_at_once(tmp_path: Path) -> None:
    with (
        ScriptedServer([GREETING], clients=100) as server,
        relaying(tmp_path, server.address) as relay,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(Client(relay)) for _ in range(CONNECTION_LIMIT)]
        for client in clients:
            assert client.hear() == GREETING
        with Client(relay) as refused:
            assert refused.hear_end().startswith(b"421 4.7.0 The relay has too many connections")
        clients[0].socket.close()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with Client(relay) as again:
                if again.hear() == GREETING:
                    return
        raise AssertionError("the place of the client that left was to be free again")


def test_a_credential_that_the_server_sends_back_is_masked(tmp_path: Path) -> None:
    secret = b"AGFubgBjYW5hcnktUGE1NQ=="
    with (
        ScriptedServer(
            [
                GREETING,
                Hear(b"\r\n"),
                b"535 5.7.8 no: " + secret + b" is canary-Pa55\r\n",
                Hear(b"QUIT\r\n"),
                b"221 x\r\n",
            ],
            closes=True,
        ) as server,
        relaying(tmp_path, server.address) as relay,
        Client(relay) as client,
    ):
        client.hear()
        client.say(b"AUTH PLAIN " + secret + b"\r\n")
        assert secret in client.hear()
        client.say(b"QUIT\r\n")
        client.hear_end()
        client.socket.close()
        text = ended(relay)
    assert "canary" not in text
    assert secret.decode() not in text
    assert "AUTH PLAIN ${sasl}" in text


def test_a_relay_that_is_stopped_closes_its_connections(tmp_path: Path) -> None:
    with ScriptedServer([GREETING]) as server:
        with relaying(tmp_path, server.address) as relay:
            client = Client(relay)
            client.hear()
        with client, contextlib.suppress(ConnectionResetError):
            assert client.hear_end() == b""
    (path,) = tmp_path.glob("*.smtp")
    assert "*: " in path.read_text(encoding="utf-8").splitlines()[-1]


def test_many_short_dialogues_leave_nothing_behind(tmp_path: Path) -> None:
    with PracticeServer(PracticeSettings()) as practice, RelayServer(f"127.0.0.1:{practice.port}") as relay:
        for _ in range(200):
            with Client(relay) as client:
                client.hear()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and threading.active_count() > 60:
            time.sleep(0.01)
        with Client(relay) as client:
            assert client.hear().startswith(b"220 ")


PASSWORD = "canary-Pa55word"


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


@pytest.mark.parametrize(
    "lines",
    [
        (b"AUTH PLAIN " + b64(f"\0ann\0{PASSWORD}"), b"QUIT"),
        (b"AUTH PLAIN", b64(f"\0ann\0{PASSWORD}"), b"QUIT"),
        (b"AUTH LOGIN", b64("ann"), b64(PASSWORD), b"QUIT"),
        (b"auth login " + b64("ann"), b64(PASSWORD), b"QUIT"),
        (b"AUTH XOAUTH2 " + b64(f"user=ann\1auth=Bearer {PASSWORD}\1\1"), b"", b"QUIT"),
        (b"AUTH OAUTHBEARER", b64(f"n,a=ann,\1auth=Bearer {PASSWORD}\1\1"), b"AQ==", b"QUIT"),
        (b"AUTH X-OWN " + b64(PASSWORD), b64(PASSWORD), b"QUIT"),
    ],
)
@pytest.mark.parametrize("final", [b"235 2.7.0 ok\r\n", b"535 5.7.8 no: canary-Pa55word\r\n"])
def test_no_mechanism_leaves_a_credential_in_the_record(tmp_path: Path, lines: tuple[bytes, ...], final: bytes) -> None:
    turns: list[bytes | Hear] = [GREETING]
    for number, line in enumerate(lines):
        is_end = line == b"QUIT"
        turns.append(Hear(line[-6:] + b"\r\n"))
        turns.append(b"221 bye\r\n" if is_end else final if lines[number + 1] == b"QUIT" else b"334 \r\n")
    with (
        ScriptedServer(turns, closes=True) as server,
        relaying(tmp_path, server.address) as relay,
        Client(relay) as client,
    ):
        client.hear()
        for line in lines:
            client.say(line + b"\r\n")
            client.hear()
        client.socket.close()
        text = ended(relay)
    for secret in (PASSWORD, b64(PASSWORD).decode(), b64(f"\0ann\0{PASSWORD}").decode()):
        assert secret not in text
    assert "${sasl}" in text


def test_mail_data_of_any_size_costs_no_memory(tmp_path: Path) -> None:
    """64 MiB through a relay in a process of its own, which writes all of it."""
    size, piece = 64 * 1024 * 1024, b"x" * 998 + b"\r\n"
    with ScriptedServer(
        [GREETING, Hear(b"DATA\r\n"), b"250 ok\r\n250 ok\r\n354 go\r\n", Hear(b"\r\n.\r\n"), b"250 ok\r\n"]
    ) as server:
        program = subprocess.Popen(
            [*PROGRAM, "relay", server.address, "--keep", str(tmp_path / "kept")], stdout=subprocess.PIPE, text=True
        )
        try:
            assert program.stdout is not None
            port = int(program.stdout.readline().split()[1].rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, client.makefile("rb") as replies:
                replies.readline()
                client.sendall(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
                assert [replies.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
                for _ in range(size // len(piece) // 64):
                    client.sendall(piece * 64)
                client.sendall(b".\r\n")
                assert replies.readline() == b"250 ok\r\n"
            most = most_memory(program.pid)
        finally:
            program.terminate()
            program.wait(PATIENCE)
            program.communicate()
    assert most < 120 * MIB
    (file,) = (tmp_path / "kept").glob("*.eml")
    assert file.stat().st_size == size // len(piece) // 64 * 64 * len(piece)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this platform has no Unix sockets")
def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "lmtp")

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 mail.example LMTP\r\n")
            connection.recv(100)
            connection.sendall(b"221 bye\r\n")

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        with relaying(tmp_path / "kept", f"lmtp+unix:{path}") as relay:
            with Client(relay) as client:
                client.hear()
                client.say(b"QUIT\r\n")
                assert client.hear_end() == b"221 bye\r\n"
            text = ended(relay)
        thread.join(PATIENCE)
    assert "*: connect lmtp+unix:" in text


def test_ipv6_on_both_sides(tmp_path: Path) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 mail.example\r\n")
            connection.recv(100)

    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with RelayServer(f"[::1]:{listener.getsockname()[1]}", host="::1", keep=tmp_path) as relay:
            assert relay.url.startswith("smtp://[::1]:")
            with Client(relay) as client:
                assert client.hear() == b"220 mail.example\r\n"
            assert "# relayed: client [::1]:" in ended(relay)
        thread.join(PATIENCE)


PIECES = (
    *(b"EHLO a.example\r\n", b"STARTTLS\r\n", b"STARTTLS\r\n", b"STARTTLS\r\nNOOP\r\n", b"DATA\r\n", b"QUIT\r\n"),
    *(b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<bob@example.org>\r\n", b"DATA\r\nx\r\n.\r\n", b".\r\n"),
    *(b"\x16\x03\x01\x02\0\1\0\1", b"AUTH LOGIN\r\n", b"YQ==\r\n", b"BDAT 5\r\nhello", b"\xff\0\n"),
)


def erratic(relay: RelayServer, chance: random.Random) -> None:
    """Be a client that sends anything, waits or not, and leaves in any way."""
    with contextlib.suppress(OSError), Client(relay) as client:
        client.socket.settimeout(0.1)
        for _ in range(chance.randrange(8)):
            client.say(chance.choice(PIECES))
            if chance.random() < 0.6:
                with contextlib.suppress(TimeoutError):
                    client.socket.recv(4096)
        end = chance.random()
        if end < 0.3:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif end < 0.5:
            client.socket.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("seed", range(3))
def test_erratic_clients_leave_nothing_behind(tmp_path: Path, seed: int) -> None:
    settings = PracticeSettings()
    with PracticeServer(settings) as practice:
        tls = TlsSettings(ca_file=practice.ca_file)
        with relaying(tmp_path, f"127.0.0.1:{practice.port}", tls) as relay:
            threads = [
                threading.Thread(target=erratic, args=(relay, random.Random(100 * seed + number)))
                for number in range(40)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            ended(relay)
            with Client(relay) as client:
                assert client.hear().startswith(b"220 ")
            paths = relay.recordings()
    assert len(paths) == 41
    for path in paths:
        with shown_transcript(path) as (_, entries, _mask):
            assert list(entries)

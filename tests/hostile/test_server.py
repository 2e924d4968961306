"""The hostile server itself: each scenario reaches its point, ends by itself, and has demands that can be broken."""

import base64
import contextlib
import re
import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.hostile.__main__ import main
from tests.hostile.catalogue import scenarios
from tests.support.hostile.certificates import CertificateName, ca_pem
from tests.support.hostile.peer import HostilePeer
from tests.support.hostile.scenario import CANARY, LETTER, USER, Scenario, scenario, secret_forms
from tests.support.hostile.server import HostileServer

ALL = tuple(scenarios().values())
PATIENCE = 0.25
SILENT = {"greeting_never", "greeting_closed", "greeting_reset", "silence_on_a_tls_port"}
LEFT_EARLY = {"demands_a_client_certificate"}
HARMLESS = {
    *(entry.name for entry in ALL if "reset" in entry.name or "flood" in entry.name),  # what was sent then is lost
    *("cut_inside_tls", "clear_text_inside_tls", "forged_record", "handshake_garbage"),  # TLS itself stops this client
    *(
        "scram_honest",
        "scram_long_salt",
        "challenge_of_a_mebibyte",
        "challenge_in_two_lines",
    ),  # it gives no password there
}
"""Scenarios in which even the gullible client breaks no demand."""
PLAIN = base64.b64encode(f"\0{USER}\0{CANARY}".encode())


class Gullible:
    """A client that trusts everything, skips what it does not understand, and never stops by itself."""

    def __init__(self, server: HostileServer, folder: Path) -> None:
        self.entry = server.scenario
        self.folder = folder
        self.buffer = b""
        self.port = server.port
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)

    def run(self) -> None:
        with contextlib.suppress(OSError), contextlib.closing(self):
            self.socket.connect(("127.0.0.1", self.port))
            if self.entry.tls == "implicit":
                self.start_tls()
            self.reply()
            if "--starttls" in self.entry.options:
                self.starttls()
            lines = iter(self.entry.script)
            for line in lines:
                self.line(line)
                if line == "data":
                    self.send(*(text.encode() for text in iter(lambda: next(lines, "."), ".")), b".")
                    self.reply()

    def close(self) -> None:
        """Close after reading to the end: a close with unread octets resets the connection and loses what was sent."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass
        self.socket.close()

    def line(self, line: str) -> None:
        words = line.split()
        match words[0]:
            case "ehlo" | "lhlo":
                self.ask(words[0].upper().encode() + b" client.example.org")
            case "mail":
                self.ask(f"MAIL FROM:<{words[1]}>".encode())
            case "rcpt":
                for address in words[1:]:
                    self.ask(f"RCPT TO:<{address}>".encode())
            case "starttls":
                self.starttls()
            case "auth":
                self.auth(words[1] if len(words) > 1 else "plain")
            case "data" if len(words) > 1:
                self.ask(b"DATA")
                self.socket.settimeout(2.0)
                self.socket.sendall((self.folder / LETTER).read_bytes() + b".\r\n")
                self.socket.settimeout(PATIENCE)
                self.reply()
            case "bdat":
                letter = (self.folder / LETTER).read_bytes()
                for chunk, last in ((letter[:1000], ""), (letter[1000:], " LAST")):
                    self.socket.sendall(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
                    self.reply()
            case "/raw":
                self.socket.sendall(line.removeprefix("/raw ").encode().decode("unicode_escape").encode())
                for _ in range(line.count(r"\r\n")):
                    self.reply()
            case "/wait":
                time.sleep(0.05)
            case verb if not verb.startswith("/"):
                self.ask(line.encode())

    def starttls(self) -> None:
        if self.ask(b"STARTTLS"):
            self.start_tls()
            self.ask(b"EHLO client.example.org")

    def start_tls(self) -> None:
        if isinstance(self.socket, ssl.SSLSocket):
            return
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        clear = self.socket.dup()
        self.socket.settimeout(2.0)
        try:
            self.socket = context.wrap_socket(self.socket)
        except OSError:
            self.socket = clear  # so gullible that it goes on in the clear where TLS does not work
        else:
            clear.close()
        self.buffer = b""
        self.socket.settimeout(PATIENCE)

    def auth(self, mechanism: str) -> None:
        initial = {
            "plain": b" " + PLAIN,
            "login": b"",
            "scram-sha-256": b" " + base64.b64encode(b"n,,n=student,r=abc"),
        }[mechanism]
        answers = {
            "plain": [],
            "login": [base64.b64encode(word.encode()) for word in (USER, CANARY)],
            "scram-sha-256": [base64.b64encode(b"c=biws,r=abc,p=AAAA"), b""],
        }[mechanism]
        reply = self.ask(b"AUTH " + mechanism.upper().encode() + initial)
        for _ in range(2000):
            if not reply.startswith(b"334"):
                break
            reply = self.ask(answers.pop(0) if answers else PLAIN)

    def ask(self, line: bytes) -> bytes:
        self.send(line)
        return self.reply()

    def send(self, *lines: bytes) -> None:
        self.socket.sendall(b"".join(line + b"\r\n" for line in lines))

    def reply(self) -> bytes:
        """Read what could be a reply, or as much of one as arrives."""
        read = b""
        with contextlib.suppress(TimeoutError):
            while not (whole := re.match(rb"(?:...-[^\n]*\n)*(?!...-)[^\n]*\n", self.buffer)) and len(read) < 200_000:
                octets = self.socket.recv(65536)
                if not octets:
                    return b""
                self.buffer += octets
                read += octets
            reply = whole[0] if whole else self.buffer
            self.buffer = self.buffer[len(reply) :]
            return reply
        return b""


def serve(entry: Scenario, *, seconds: float = 20.0) -> HostileServer:
    return HostileServer(entry, seconds=seconds, pace=0.002)


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)
def test_a_gullible_client_reaches_the_point_of_each_scenario_and_breaks_its_demands(
    entry: Scenario, tmp_path: Path
) -> None:
    entry.write_files(tmp_path)
    with serve(entry) as server:
        Gullible(server, tmp_path).run()
        assert server.wait(10.0)
    assert server.outcomes == ["the client left" if entry.name in LEFT_EARLY else "played"]
    assert server.log.sent or entry.name in SILENT
    assert server.broken_promises() or not entry.never or entry.name in HARMLESS


def test_every_scenario_ends_in_time_if_the_client_only_connects() -> None:
    late: list[str] = []
    failed: list[str] = []
    for start in range(0, len(ALL), 60):
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(serve(entry, seconds=0.5)) for entry in ALL[start : start + 60]]
            for server in servers:
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            late += [server.scenario.name for server in servers if not server.wait(10.0)]
            failed += [server.scenario.name for server in servers if "failed" in " ".join(server.outcomes)]
    assert not late
    assert not failed


def test_there_are_many_scenarios_of_each_subject() -> None:
    subjects = {entry.subject for entry in ALL}
    assert subjects == {"auth", "closing", "control", "greeting", "maildata", "replies", "screen", "starttls", "timing"}
    assert len(ALL) >= 75


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.name)
def test_a_scenario_declares_all_that_a_runner_needs(entry: Scenario) -> None:
    assert entry.script
    assert entry.exit
    assert entry.exit | entry.replay_exit <= {0, 1, 3, 4, 5, 6, 7} | ({2} if "clear" in entry.name else set())
    assert 5.0 < entry.seconds <= 20.0
    for pattern in entry.shows:
        re.compile(pattern)
    assert all(entry.leaks)
    assert all(entry.never)
    assert ("--user" in entry.arguments(1, Path("ca"))) == bool(entry.environment())
    assert bool(entry.letter) == (LETTER in " ".join(entry.script))


@pytest.mark.parametrize("entry", [entry for entry in ALL if "replay" in entry.ways], ids=lambda entry: entry.name)
def test_a_scenario_has_a_transcript_of_client_lines_and_expected_replies(entry: Scenario) -> None:
    lines = entry.transcript().splitlines()
    assert lines[0] == "S: 220"
    assert [line for line in lines if not re.match(r"(S:|C:|C&|C\||C<|\*:) ?", line)] == []
    assert any(line.startswith("C") for line in lines)
    assert CANARY not in entry.transcript()


def test_an_lmtp_transcript_expects_one_reply_for_each_recipient() -> None:
    lines = scenarios()["lmtp_second_refused"].transcript().splitlines()
    assert lines[-3:] == ["C: .", "S: 250", "S: 250"]


def play(peer: HostilePeer) -> None:
    peer.ordinary()


def made(**more: object) -> Scenario:
    """Return a scenario that is not registered."""
    kept = scenarios()
    assert isinstance(kept, dict)
    scenario(name="temporary", says="is made for one test", script=("noop",), exit=0, **more)(play)  # type: ignore[arg-type]
    entry = kept.pop("temporary")
    assert isinstance(entry, Scenario)
    return entry


def talk(server: HostileServer, *lines: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5.0) as client:
        client.sendall(b"".join(line + b"\r\n" for line in lines))
        client.shutdown(socket.SHUT_WR)
        octets = b""
        while more := client.recv(65536):
            octets += more
    assert server.wait(5.0)
    return octets


def test_an_ordinary_dialogue_is_ordinary() -> None:
    with serve(made()) as server:
        said = talk(
            server,
            b"EHLO x",
            b"MAIL FROM:<ann@example.org>",
            b"RCPT TO:<b@example.org>",
            b"DATA",
            b"One.",
            b"..",
            b".",
            b"QUIT",
        )
    codes = [line[:3] for line in said.split(b"\r\n") if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]
    assert server.broken_promises() == []


def test_forbidden_octets_are_reported() -> None:
    with serve(made(never=(b"MAIL",))) as server:
        talk(server, b"MAIL FROM:<ann@example.org>")
    assert server.broken_promises() == ["the server received b'MAIL'"]


def test_octets_allowed_once_are_reported_the_second_time() -> None:
    with serve(made(once=(b"NOOP",))) as server:
        talk(server, b"NOOP")
        assert server.broken_promises() == []
    with serve(made(once=(b"NOOP",))) as server:
        talk(server, b"NOOP", b"NOOP")
        assert server.broken_promises() == ["the server received b'NOOP' twice"]


@pytest.mark.parametrize("form", secret_forms())
def test_a_credential_in_the_clear_is_reported_in_any_scenario(form: bytes) -> None:
    with serve(made()) as server:
        talk(server, b"NOOP " + form)
    assert any("a credential in the clear" in promise for promise in server.broken_promises())


def test_a_second_connection_is_reported() -> None:
    with serve(made()) as server:
        talk(server, b"QUIT")
        talk(server, b"QUIT")
        assert server.broken_promises() == ["2 connections, expected at most 1"]


def test_clear_text_after_the_220_is_reported() -> None:
    with serve(scenarios()["handshake_never_ending"]) as server:
        talk(server, b"STARTTLS", b"RSET")
    assert any("clear text where TLS was to begin" in promise for promise in server.broken_promises())


def test_a_reset_is_a_reset() -> None:
    with (
        serve(scenarios()["greeting_reset"]) as server,
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", server.port), timeout=5.0) as client,
    ):
        client.recv(1)


def test_no_more_octets_are_sent_than_allowed() -> None:
    with HostileServer(scenarios()["greeting_endless_line"], octets=100_000) as server:
        said = talk(server)
    assert 100_000 <= len(said) < 100_000 + 2 * 65_536
    assert server.outcomes == ["over"]


def test_leaving_the_with_block_ends_a_waiting_scenario() -> None:
    start = time.monotonic()
    with (
        HostileServer(scenarios()["late_reply"]) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5.0) as client,
    ):
        client.sendall(b"MAIL FROM:<ann@example.org>\r\n")
        while b"MAIL" not in server.received:
            time.sleep(0.01)
    assert time.monotonic() - start < 4.0


@pytest.mark.parametrize(
    ("certificate", "complaint"),
    [
        ("good", None),
        ("hostile names", None),
        ("many names", None),
        ("wrong name", "IP address mismatch"),
        ("hostile wrong name", "IP address mismatch"),
        ("expired", "expired"),
        ("not yet valid", "not yet valid"),
        ("self-signed", "self-signed"),
        ("unknown ca", "unable to get local issuer"),
    ],
)
def test_each_certificate_is_as_bad_as_it_says(certificate: CertificateName, complaint: str | None) -> None:
    def play_tls(peer: HostilePeer) -> None:
        peer.start_tls(certificate)

    kept = scenarios()
    assert isinstance(kept, dict)
    scenario(name="temporary", says="is made for one test", script=("noop",), exit=0)(play_tls)
    context = ssl.create_default_context(cadata=ca_pem().decode("ascii"))
    with (
        serve(kept.pop("temporary")) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5.0) as client,
        pytest.raises(ssl.SSLCertVerificationError, match=complaint) if complaint else contextlib.nullcontext(),
        context.wrap_socket(client, server_hostname="127.0.0.1") as secured,
    ):
        secured.recv(1)


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(f" {entry.name} " in listed for entry in ALL)
    assert main(["--list", "greeting_never"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_scenario_is_served_by_hand_for_a_while(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["behaves", "--seconds", "0.1", "--ca", str(tmp_path / "ca.pem")]) == 0
    assert int(capsys.readouterr().out.splitlines()[0]) > 0
    assert (tmp_path / "ca.pem").read_bytes() == ca_pem()


def test_an_unknown_scenario_is_refused_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["nothing_of_the_kind"])
    assert "--list" in capsys.readouterr().err

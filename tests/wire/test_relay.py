"""`relay` between real clients and real servers: they notice nothing, and what is recorded replays against the server."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.protocol.sasl import Credentials
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.keeping import Keeper
from smtp_shell.servers.mock import MockServer, MockSettings
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.servers.relay import RelayServer
from smtp_shell.servers.watching import Watch
from tests.unit.cli.program import PROGRAM, run_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.support.dovecot import Dovecot
    from tests.support.exim import Exim
    from tests.support.postfix import Postfix

    Client = Callable[["Relaying"], None]

PATIENCE = 30.0
PLAIN = ("--login-options", "AUTH=PLAIN")  # else curl takes DIGEST-MD5, whose challenge is another one in each dialogue
MAIL = (
    "From: <ann@example.org>\nTo: <bob@example.org>\nDate: Fri, 27 Nov 2026 10:00:00 +0100\n"
    "Message-ID: <1@client.example>\nSubject: a dialogue\n\nHello\n.a dot\n"
)


class Relaying:
    """A running relay, and who may log in at its server.

    Attributes:
        server: The relay, or another server of ours in its place.
        user: The user's name at the server.
        password: The user's password.
        url: The server's URL, for a replay.
        ca_file: The authority of the server's certificate.
    """

    def __init__(
        self, server: RelayServer | MockServer | PracticeServer, user: str, password: str, url: str, ca_file: Path
    ) -> None:
        self.server, self.user, self.password, self.url, self.ca_file = server, user, password, url, ca_file

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def trusts(self) -> str:
        return str(self.server.ca_file)

    def wait(self, count: int = 1) -> Sequence[Path]:
        """Wait until so many dialogues are over, and return their transcripts."""
        assert isinstance(self.server, RelayServer)
        assert self.server.watch is not None
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            sessions = self.server.watch.sessions()
            if len(sessions) >= count and all(session.ended for session in sessions):
                return self.server.recordings()
            time.sleep(0.01)
        raise AssertionError(f"{count} dialogues were to end: {[each.ended for each in sessions]}")

    def assert_replays(self, *options: str) -> str:
        """Check that the transcript holds no password and replays against the server; return its text."""
        (path,) = self.wait()
        return self.assert_replays_from(path, *options)

    def assert_replays_from(self, path: Path, *options: str) -> str:
        """Check the same of one transcript."""
        text = path.read_text(encoding="utf-8")
        for secret in (self.password, f"\0{self.user}\0{self.password}"):
            assert secret not in text
            assert base64.b64encode(secret.encode()).decode() not in text
        done = run_text(
            *("replay", str(path), "--server", self.url, "--user", self.user, "--ca-file", str(self.ca_file)),
            *("--match", "text", "--timeout", "20", *options),
            env={"SMTP_SHELL_PASSWORD": self.password},
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        self.assert_serves(path)
        return text

    def assert_serves(self, path: Path, client: Client | None = None) -> None:
        """Check that the mock server that is made of a transcript serves a replay of it, or a client."""
        settings = MockSettings(credentials=Credentials(self.user, Secret(self.password)) if self.user else None)
        with MockServer(path, settings=settings) as server:
            mocked = Relaying(server, self.user, self.password, server.url, server.ca_file)
            if client is None:
                words = ("--user", self.user, *(("--ca-file", mocked.trusts) if server.script.has_tls else ()))
                done = run_text(
                    *("replay", str(path), "--server", server.url, *words, "--match", "text", "--insecure-auth"),
                    env={"SMTP_SHELL_PASSWORD": self.password},
                )
                assert done.returncode == 0, f"{path.read_text(encoding='utf-8')}\n{done.stdout}{done.stderr}"
            else:
                client(mocked)
            server.results(1)
            assert server.ok, f"{path.read_text(encoding='utf-8')}\n{server.report()}"


@contextmanager
def relaying(
    folder: Path, url: str, ca_file: Path, user: str = "", password: str = "no-Passw0rd", *, implicit_tls: bool = False
) -> Iterator[Relaying]:
    with RelayServer(url, tls=TlsSettings(ca_file=ca_file), keep=folder, implicit_tls=implicit_tls) as server:
        yield Relaying(server, user, password, url, ca_file)


def run(*words: str, stdin: str = MAIL) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_smtplib(relay: Relaying) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.org", "bob@example.org", "a dialogue"
    message["Date"], message["Message-ID"] = "Fri, 27 Nov 2026 10:00:00 +0100", "<1@client.example>"
    message.set_content("Hello\n.a dot\n")
    with smtplib.SMTP("127.0.0.1", relay.port, local_hostname="client.example", timeout=PATIENCE) as client:
        client.starttls(context=ssl.create_default_context(cafile=relay.trusts))
        client.login(relay.user, relay.password)
        client.send_message(message)


def swaks(relay: Relaying, *options: str) -> str:
    words = ("--server", "127.0.0.1", "--port", str(relay.port), "--ehlo", "client.example", "--data", "-")
    return run("swaks", *words, "--from", "ann@example.org", "--to", "bob@example.org", *options)


def by_swaks(relay: Relaying) -> None:
    swaks(relay, "--tls", "--auth", "LOGIN", "--auth-user", relay.user, "--auth-password", relay.password)


def by_curl(relay: Relaying) -> None:
    words = (
        "-sS",
        "--crlf",
        "--url",
        f"smtp://localhost:{relay.port}/client.example",
        "--ssl-reqd",
        "--cacert",
        relay.trusts,
    )
    envelope = ("--mail-from", "ann@example.org", "--mail-rcpt", "bob@example.org", "-T", "-")
    run("curl", *words, "--user", f"{relay.user}:{relay.password}", *PLAIN, *envelope)


def by_msmtp(relay: Relaying) -> None:
    words = ("--host=localhost", f"--port={relay.port}", "--domain=client.example", "--from=ann@example.org")
    tls = ("--tls=on", "--tls-starttls=on", f"--tls-trust-file={relay.trusts}")
    login = ("--auth=plain", f"--user={relay.user}", f"--passwordeval=echo '{relay.password}'")
    run("msmtp", *words, *tls, *login, "bob@example.org")


CLIENTS = (by_smtplib, by_swaks, by_curl, by_msmtp)


def in_the_clear_by_smtplib(relay: Relaying) -> None:
    with smtplib.SMTP("127.0.0.1", relay.port, local_hostname="client.example", timeout=PATIENCE) as client:
        client.sendmail("ann@example.org", ["bob@example.org"], MAIL.replace("\n", "\r\n"))


def in_the_clear_by_swaks(relay: Relaying) -> None:
    swaks(relay)


def in_the_clear_by_curl(relay: Relaying) -> None:
    envelope = ("--mail-from", "ann@example.org", "--mail-rcpt", "bob@example.org", "-T", "-")
    run("curl", "-sS", "--crlf", "--url", f"smtp://localhost:{relay.port}/client.example", *envelope)


def in_the_clear_by_msmtp(relay: Relaying) -> None:
    words = ("--host=localhost", f"--port={relay.port}", "--domain=client.example", "--from=ann@example.org")
    run("msmtp", *words, "--tls=off", "bob@example.org")


IN_THE_CLEAR = (in_the_clear_by_smtplib, in_the_clear_by_swaks, in_the_clear_by_curl, in_the_clear_by_msmtp)


def assert_both_sides_are_told(text: str) -> None:
    assert "\nClient: another program at 127.0.0.1:" in text
    assert "# relayed: client 127.0.0.1:" in text
    assert "*: tls TLSv1." in text
    assert " verified " in text
    assert "# TLS towards the client: TLSv1." in text
    assert "${sasl}" in text
    assert "*: auth " in text


@pytest.mark.parametrize("client", CLIENTS)
def test_practice(tmp_path: Path, practice: PracticeServer, client: Client) -> None:
    url = f"smtp://127.0.0.1:{practice.port}"
    with relaying(tmp_path, url, practice.ca_file, practice.user, practice.password.reveal()) as relay:
        client(relay)
        assert_both_sides_are_told(relay.assert_replays())


@pytest.mark.parametrize("client", [*CLIENTS, *IN_THE_CLEAR])
def test_what_is_recorded_is_served_to_the_same_client(
    tmp_path: Path, practice: PracticeServer, client: Client
) -> None:
    url = f"smtp://127.0.0.1:{practice.port}"
    with relaying(tmp_path, url, practice.ca_file, practice.user, practice.password.reveal()) as relay:
        client(relay)
        (path,) = relay.wait()
        relay.assert_replays()
        relay.assert_serves(path, client)


@pytest.mark.parametrize("client", [*CLIENTS, *IN_THE_CLEAR])
def test_what_the_practice_server_keeps_is_served_to_the_same_client(tmp_path: Path, client: Client) -> None:
    complaints: list[str] = []
    watch = Watch(keep=Keeper(tmp_path / "kept", "practice", "with the practice server", complaints.append))
    with PracticeServer(PracticeSettings(), watch=watch) as server:
        url, password = f"smtp://127.0.0.1:{server.port}", server.password.reveal()
        relay = Relaying(server, server.user, password, url, server.ca_file)
        client(relay)
        until = time.monotonic() + PATIENCE
        while not (watch.sessions() and all(each.ended for each in watch.sessions())) and time.monotonic() < until:
            time.sleep(0.01)
        (path,) = (tmp_path / "kept").glob("*.smtp")
        relay.assert_replays_from(path)
        relay.assert_serves(path, client)
    assert complaints == []


@pytest.mark.parametrize("client", CLIENTS)
def test_postfix(tmp_path: Path, postfix: Postfix, client: Client) -> None:
    url = f"smtp://localhost:{postfix.submission}"
    with relaying(tmp_path, url, postfix.ca_file, postfix.user, postfix.password) as relay:
        client(relay)
        assert_both_sides_are_told(relay.assert_replays())


@pytest.mark.parametrize("client", CLIENTS)
def test_exim(tmp_path: Path, exim: Exim, client: Client) -> None:
    url = f"smtp://localhost:{exim.smtp}"
    with relaying(tmp_path, url, exim.ca_file, exim.user, exim.password) as relay:
        client(relay)
        assert_both_sides_are_told(relay.assert_replays())


@pytest.mark.parametrize("client", CLIENTS)
def test_dovecot(tmp_path: Path, dovecot: Dovecot, client: Client) -> None:
    url = f"smtp://localhost:{dovecot.submission}"
    with relaying(tmp_path, url, dovecot.ca_file, dovecot.user, dovecot.password) as relay:
        client(relay)
        assert_both_sides_are_told(relay.assert_replays())


def test_lmtp(tmp_path: Path, dovecot: Dovecot) -> None:
    with relaying(tmp_path, f"lmtp://localhost:{dovecot.lmtp}", dovecot.ca_file) as relay:
        assert isinstance(relay.server, RelayServer)
        assert relay.server.url.startswith("lmtp://")
        swaks(relay, "--protocol", "LMTP", "--to", "ann,bob")
        text = relay.assert_replays()
    assert "C: LHLO client.example" in text


def test_scram_with_proofs_masked(tmp_path: Path, postfix: Postfix) -> None:
    url = f"smtp://localhost:{postfix.submission}"
    with relaying(tmp_path, url, postfix.ca_file, postfix.user, postfix.password) as relay:
        lines = ("-c", "starttls", "-c", "ehlo", "-c", "auth scram-sha-256", "-c", "quit")
        done = run_text(
            *(f"smtp://localhost:{relay.port}", "-c", "ehlo", *lines, "--ca-file", relay.trusts),
            *("--user", relay.user),
            env={"SMTP_SHELL_PASSWORD": relay.password},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        text = relay.assert_replays()
    assert "AUTH SCRAM-SHA-256 ${sasl}" in text
    assert ",p=" not in text


def test_channel_binding_cannot_pass_and_everybody_is_told(tmp_path: Path, practice: PracticeServer) -> None:
    """`auth` alone takes the -PLUS mechanism, which is refused: the relay and the client name the cause, and the way round works."""
    bound = "SCRAM-SHA-256-PLUS, whose proof is bound to one TLS connection"
    password = practice.password.reveal()
    url = f"smtp://127.0.0.1:{practice.port}"
    with relaying(tmp_path, url, practice.ca_file, practice.user, password) as relay:
        done = run_text(
            *(f"smtp://127.0.0.1:{relay.port}", "--ca-file", relay.trusts, "--user", relay.user, "--keep-going"),
            *(part for line in ("ehlo", "starttls", "ehlo", "auth", "auth scram-sha-256") for part in ("-c", line)),
            env={"SMTP_SHELL_PASSWORD": relay.password},
        )
        (path,) = relay.wait()
    assert "the server sees another TLS connection than this one: TLS ends on the way, at a relay" in done.stderr
    assert "if you know that relay use `auth scram-sha-256`, else leave.\n" in done.stderr
    assert "C: AUTH SCRAM-SHA-256 " in done.stdout
    assert "S: 235 2.7.0 Authentication successful" in done.stdout
    text = path.read_text(encoding="utf-8")
    assert text.count(bound) == 1
    assert text.index(bound) < text.index("AUTH SCRAM-SHA-256-PLUS ${sasl}")


def test_pipelined_messages_of_smtp_source(tmp_path: Path, postfix: Postfix) -> None:
    url = f"smtp://localhost:{postfix.smtp}"
    with relaying(tmp_path, url, postfix.ca_file) as relay:
        run(
            *("smtp-source", "-d", "-s", "3", "-m", "12", "-l", "4000"),
            *("-f", "ann@example.org", "-t", "bob@example.org", f"127.0.0.1:{relay.port}"),
        )
        paths = relay.wait(3)
    said = "".join(path.read_text(encoding="utf-8") for path in paths)
    assert said.count("C: DATA") == 12
    assert said.count("S: 354") == 12


@pytest.mark.parametrize("from_client", [True, False])
@pytest.mark.parametrize("to_server", [True, False])
def test_tls_from_the_first_octet_on_either_side(
    tmp_path: Path, postfix: Postfix, *, from_client: bool, to_server: bool
) -> None:
    url = f"smtps://localhost:{postfix.smtps}" if to_server else f"smtp://localhost:{postfix.smtp}"
    with relaying(tmp_path, url, postfix.ca_file, postfix.user, postfix.password, implicit_tls=from_client) as relay:
        scheme = "smtps" if from_client else "smtp"
        run(
            *("curl", "-sS", "--crlf", "--url", f"{scheme}://localhost:{relay.port}/client.example"),
            *("--cacert", relay.trusts, "--user", f"{relay.user}:{relay.password}", *PLAIN, "-T", "-"),
            *("--mail-from", "ann@example.org", "--mail-rcpt", "bob@example.org"),
        )
        text = relay.assert_replays(*(() if to_server else ("--insecure-auth",)))
    assert ("# TLS towards the client: " in text) == from_client
    assert (" tls\n" in text) == to_server


def test_openssl_s_client(tmp_path: Path, exim: Exim) -> None:
    with relaying(tmp_path, f"smtp://localhost:{exim.smtp}", exim.ca_file) as relay:
        said = run(
            *("openssl", "s_client", "-connect", f"127.0.0.1:{relay.port}", "-starttls", "smtp", "-crlf", "-ign_eof"),
            *("-quiet", "-verify_return_error", "-CAfile", relay.trusts, "-name", "client.example"),
            stdin="EHLO client.example\nNOOP\nQUIT\n",
        )
        assert "221 " in said
        relay.assert_replays()


def test_chunks(tmp_path: Path, postfix: Postfix) -> None:
    """BDAT: what looks like a command in a chunk is none."""
    chunk = b"Subject: chunks\r\n\r\nSTARTTLS\r\nDATA\r\n"
    with relaying(tmp_path, f"smtp://localhost:{postfix.smtp}", postfix.ca_file) as relay:
        with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as client, client.makefile("rb") as replies:
            assert replies.readline().startswith(b"220 ")
            client.sendall(b"EHLO client.example\r\n")
            while replies.readline()[3:4] == b"-":
                pass
            group = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
            client.sendall(group + b"BDAT %d\r\n" % len(chunk) + chunk + b"BDAT 5 LAST\r\nSTART")
            assert [replies.readline()[:3] for _ in range(4)] == [b"250"] * 4
            client.sendall(b"QUIT\r\n")
            assert replies.readline().startswith(b"221 ")
        text = relay.assert_replays()
    assert "C& BDAT 5 LAST" in text
    assert "C| START" in text


def test_a_program_as_the_server(tmp_path: Path) -> None:
    server = tmp_path / "server.py"
    server.write_text(
        "import sys\n"
        "say = lambda text: print(text, end='\\r\\n', flush=True)\n"
        "say('220 program.example')\n"
        "for line in sys.stdin:\n"
        "    say('221 Bye' if line.startswith('QUIT') else '250 Ok')\n"
        "    if line.startswith('QUIT'): break\n",
        encoding="utf-8",
    )
    if os.name == "nt":
        pytest.skip("programs as servers need a POSIX system")
    with RelayServer(f"pipe:{sys.executable} {server}", keep=tmp_path / "kept") as relay:
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=PATIENCE) as client:
            assert client.noop()[0] == 250
        paths = Relaying(relay, "", "", "", tmp_path).wait()
    assert "*: connect pipe:" in paths[0].read_text(encoding="utf-8")


def test_a_dot_that_only_a_lenient_server_takes_for_the_end(tmp_path: Path) -> None:
    """The relay, its record and lint agree with the server on where the mail data ends."""
    server = tmp_path / "lenient.py"
    server.write_text(
        "import sys\n"
        "say = lambda text: sys.stdout.write(text + '\\r\\n') and sys.stdout.flush()\n"
        "say('220 lenient.example')\n"
        "data = False\n"
        "for line in sys.stdin.buffer:\n"
        "    word = line.split()[:1]\n"
        "    if data and line.rstrip() != b'.': continue\n"
        "    data = word == [b'DATA']\n"
        "    say('354 go on' if data else '221 Bye' if word == [b'QUIT'] else '250 Ok')\n"
        "    if word == [b'QUIT']: break\n",
        encoding="utf-8",
    )
    if os.name == "nt":
        pytest.skip("programs as servers need a POSIX system")
    url = f"pipe:{sys.executable} {server}"
    with RelayServer(url, keep=tmp_path / "kept") as relay:
        with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as client, client.makefile("rb") as replies:
            for said in (
                b"",
                *(b"EHLO client.example\r\n", b"MAIL FROM:<ann@example.org>\r\n", b"RCPT TO:<bob@example.org>\r\n"),
                *(b"DATA\r\n", b"Subject: x\n\nHello\n.\n", b"NOOP\r\n", b"QUIT\r\n"),
            ):
                client.sendall(said)
                assert replies.readline()[:1] in b"23"
        (path,) = Relaying(relay, "", "", "", tmp_path).wait()
    text = path.read_text(encoding="utf-8")
    assert "C| .\\x0a\n" in text
    assert "C: NOOP\n" in text
    done = run_text("replay", str(path), "--server", url, "--match", "text")
    assert done.returncode == 0, text + done.stdout + done.stderr
    with MockServer(path) as mock:
        done = run_text("replay", str(path), "--server", mock.url, "--match", "text")
        assert done.returncode == 0, text + done.stdout + done.stderr
    findings = [json.loads(line) for line in run_text("lint", "--json", str(path)).stdout.splitlines()]
    assert {each.get("rule") for each in findings} >= {"bare-lf"}
    assert not any("UNSOLICITED" in line or "answers nothing" in line for line in text.splitlines())


def test_a_large_message_costs_no_memory_and_is_whole(tmp_path: Path, practice: PracticeServer) -> None:
    body = b"".join(b"line %d\r\n" % number for number in range(400_000))
    url = f"smtp://127.0.0.1:{practice.port}"
    with relaying(tmp_path, url, practice.ca_file) as relay:
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=PATIENCE) as client:
            client.sendmail("ann@example.org", ["bob@example.org"], b"Subject: long\r\n\r\n" + body)
        relay.wait()
    (file,) = tmp_path.glob("*.eml")
    assert file.read_bytes().endswith(body)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_shows_and_keeps_a_dialogue(tmp_path: Path, practice: PracticeServer, number: int) -> None:
    if os.name == "nt":
        pytest.skip("signals are for POSIX")
    program = subprocess.Popen(
        [
            *(*PROGRAM, "relay", f"127.0.0.1:{practice.port}", "--ca-file", str(practice.ca_file)),
            *("--watch", "--keep", str(tmp_path / "kept"), "--color", "never"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SMTP_SHELL_STATE_DIR": str(tmp_path / "state")},
    )
    try:
        assert program.stdout is not None
        facts = []
        for line in program.stdout:
            facts.append(line)
            if line.startswith("Ctrl-C"):
                break
        port = int(facts[0].split()[1].rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(tmp_path / "state" / "relay" / "ca.pem"))
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
            client.starttls(context=context)
            client.login(practice.user, practice.password.reveal())
        program.send_signal(number)
        screen, words = program.communicate(timeout=PATIENCE)
    finally:
        program.kill()
        program.wait()
    assert words == ""
    assert program.returncode == (130 if number == signal.SIGINT else 0)
    assert facts[0].endswith("(this machine only), in the clear, TLS with STARTTLS\n")
    assert any(line.startswith("certificate ") for line in facts)
    assert "TLS towards the client" in screen
    assert "bound to one TLS connection" in " ".join(screen.split())
    assert "*: auth CRAM-MD5 student" in screen
    assert practice.password.reveal() not in screen
    assert len(list((tmp_path / "kept").glob("*.smtp"))) == 1


def test_json(tmp_path: Path, practice: PracticeServer) -> None:
    if os.name == "nt":
        pytest.skip("signals are for POSIX")
    program = subprocess.Popen(
        [*PROGRAM, "relay", f"127.0.0.1:{practice.port}", "--json", "--insecure"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SMTP_SHELL_STATE_DIR": str(tmp_path / "state")},
    )
    try:
        assert program.stderr is not None
        facts = []
        for line in program.stderr:
            facts.append(line)
            if line.startswith("Ctrl-C"):
                break
        with smtplib.SMTP("127.0.0.1", int(facts[0].split()[1].rpartition(":")[2]), timeout=PATIENCE) as client:
            client.noop()
        program.terminate()
        screen, _ = program.communicate(timeout=PATIENCE)
    finally:
        program.kill()
        program.wait()
    objects = [json.loads(line) for line in screen.splitlines()]
    assert {each["session"] for each in objects} == {1}
    assert any("is not verified (--insecure)" in line for line in facts)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("127.0.0.1:25", "--listen", "0.0.0.0"), "add --yes if that is meant"),
        (("127.0.0.1:25", "--listen", "127.0.0.1"), "this machine only"),
        (("127.0.0.1:25", "--key", "key.pem"), "needs --cert"),
        (("gopher://mail.example",), "no scheme for mail"),
        (("127.0.0.1:25", "--tls-min", "9"), "no such version"),
        (("127.0.0.1:58025", "--port", "58025"), "would connect to itself"),
        ((), "relay needs a server"),
    ],
)
def test_what_it_refuses(options: tuple[str, ...], words: str) -> None:
    done = run_text("relay", *options)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run_text("relay", "127.0.0.1:25", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 3
    assert "The relay cannot listen" in done.stderr

"""Each mechanism as a user has it: `auth` at real servers, recorded and replayed; and -PLUS at Cyrus SASL inside TLS."""

import ssl
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from smtp_shell.net.channel_binding import export
from smtp_shell.protocol.sasl import ChannelBinding
from smtp_shell.transcript.variables import SASL_MARK
from tests.support import cyrus
from tests.support.cyrus import PASSWORD, USER
from tests.support.dovecot import Dovecot
from tests.support.peer import Peer, ScriptedServer
from tests.support.postfix import Postfix
from tests.unit.cli.program import run_text

Done = subprocess.CompletedProcess[str]

MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what puts a password into the environment of the program."""
    return lambda password: monkeypatch.setenv("SMTP_SHELL_PASSWORD", password)


def login(url: str, ca_file: Path, user: str, line: str, record: Path, *options: str) -> Done:
    found = run_text(
        url,
        *("--ca-file", str(ca_file), "--user", user, "--no-record", "--record", str(record), *options),
        *("-c", "ehlo", "-c", line, "-c", "/status", "-c", "quit"),
    )
    return found


def replayed(url: str, ca_file: Path, user: str, record: Path, *options: str) -> Done:
    return run_text("replay", str(record), "--server", url, "--ca-file", str(ca_file), "--user", user, *options)


@pytest.mark.postfix
@pytest.mark.dovecot
@pytest.mark.parametrize("server", ["postfix", "dovecot"])
@pytest.mark.parametrize("name", MECHANISMS)
def test_what_is_recorded_replays(
    request: pytest.FixtureRequest, tmp_path: Path, environment: Callable[[str], None], server: str, name: str
) -> None:
    found: Postfix | Dovecot = request.getfixturevalue(server)
    port = found.smtps if isinstance(found, Postfix) else found.submissions
    url, record = f"smtps://localhost:{port}", tmp_path / "a.smtp"
    environment(found.password)
    done = login(url, found.ca_file, found.user, f"auth {name}", record)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"login        {name}, password from SMTP_SHELL_PASSWORD" in done.stderr
    text = record.read_text()
    assert SASL_MARK in text
    assert f"*: auth {name} {found.user}" in text
    for secret in (found.password, b64encode(found.password.encode()).decode()):
        assert secret not in done.stdout + done.stderr + text
    again = replayed(url, found.ca_file, found.user, record)
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.postfix
def test_whom_to_act_as_and_the_initial_response(
    postfix: Postfix, tmp_path: Path, environment: Callable[[str], None]
) -> None:
    url, record = f"smtps://localhost:{postfix.smtps}", tmp_path / "a.smtp"
    environment(postfix.password)
    who = "student@mail.example.org"
    done = login(url, postfix.ca_file, postfix.user, f"auth plain --no-initial-response --authzid {who}", record)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"acting as {who}" in done.stderr
    assert "C: AUTH PLAIN\n" in record.read_text()
    again = replayed(url, postfix.ca_file, postfix.user, record, "--authzid", who)
    assert again.returncode == 0, again.stdout + again.stderr
    refused = login(url, postfix.ca_file, postfix.user, "auth", tmp_path / "b.smtp", "--authzid", "admin")
    assert refused.returncode == 5


@pytest.mark.postfix
def test_the_password_of_a_netrc_file(postfix: Postfix, tmp_path: Path) -> None:
    netrc, record = tmp_path / "netrc", tmp_path / "a.smtp"
    netrc.write_text(f"machine localhost login {postfix.user} password {postfix.password}\n")
    netrc.chmod(0o600)
    url = f"smtps://localhost:{postfix.smtps}"
    done = login(url, postfix.ca_file, "", "auth", record, "--netrc-file", str(netrc), "--mechanism", "cram-md5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"CRAM-MD5, password from netrc file {netrc}" in done.stderr.replace("\n               ", " ")
    again = replayed(url, postfix.ca_file, "", record, "--netrc-file", str(netrc))
    assert again.returncode == 0, again.stdout + again.stderr


# --- SCRAM with channel binding


class Bound:
    """An SMTP server with TLS from the first octet, whose AUTH is that of Cyrus SASL.

    Args:
        folder: Where its files go.
        version: The version of TLS.
        kind: The type of channel binding that it can.
        lies: Whether it sees another connection than the client's, as where somebody stands between the two.
        announced: The mechanisms.
    """

    def __init__(self, folder: Path, version: ssl.TLSVersion, kind: str, *, lies: bool, announced: str) -> None:
        authority = trustme.CA()
        self.ca_file, self._log = folder / "ca.pem", folder / "keys"
        authority.cert_pem.write_to_path(str(self.ca_file))
        leaf = authority.issue_cert("localhost")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(self._context)
        self._context.minimum_version = self._context.maximum_version = version
        self._context.keylog_filename = str(self._log)
        self._der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
        self._cyrus, self._kind, self._lies, self._announced = cyrus.the_library(), kind, lies, announced

    def _binding(self, sock: ssl.SSLSocket) -> ChannelBinding:
        import hashlib

        if self._lies:
            return ChannelBinding(self._kind, b"\0" * 32)
        if self._kind == "tls-unique":
            return ChannelBinding(self._kind, sock.get_channel_binding("tls-unique") or b"")
        if self._kind == "tls-server-end-point":
            return ChannelBinding(self._kind, hashlib.sha256(self._der).digest())
        (*_, secret) = [line.split()[2] for line in self._log.read_text().splitlines() if line.startswith("EXPORTER_")]
        return ChannelBinding(self._kind, export(bytes.fromhex(secret), "sha384", b"EXPORTER-Channel-Binding", b"", 32))

    def serve(self, peer: Peer) -> None:
        """Serve one client."""
        peer.start_tls(self._context)
        assert isinstance(peer.sock, ssl.SSLSocket)
        exchange = self._cyrus.begin(self._binding(peer.sock))
        with peer.sock:
            peer.say("220 localhost")
            while (words := peer.hear().split())[0] != b"QUIT":
                if words[0] == b"EHLO":
                    peer.say("250-localhost", f"250 AUTH {self._announced}")
                elif words[0] == b"AUTH":
                    self._authenticate(peer, exchange, words[1].decode(), b64decode(words[2]))
            peer.say("221 bye")
        exchange.close()

    def _authenticate(self, peer: Peer, exchange: cyrus.CyrusExchange, name: str, response: bytes) -> None:
        challenge = exchange.hear(name, response)
        while challenge is not None:
            peer.say(f"334 {b64encode(challenge).decode()}")
            answer = peer.hear().strip()
            if answer == b"*" or exchange.accepted:
                break
            challenge = exchange.hear(name, b64decode(answer))
        peer.say("235 welcome" if exchange.accepted else "535 5.7.8 no")


@pytest.fixture
def bound(tmp_path: Path, environment: Callable[[str], None]) -> Callable[..., Done]:
    """Return what runs lines against a server that can bind."""
    if (obstacle := cyrus.why_not()) is not None:
        pytest.skip(obstacle)
    environment(PASSWORD)

    def start(
        line: str,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        kind: str = "tls-exporter",
        *,
        lies: bool = False,
        announced: str = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN",
        replays: bool = False,
    ) -> Done:
        behind = Bound(tmp_path, version, kind, lies=lies, announced=announced)
        record = tmp_path / "bound.smtp"
        with ScriptedServer(behind.serve) as server:
            url = f"smtps://localhost:{server.address.rpartition(':')[2]}"
            done = login(url, behind.ca_file, USER, line, record, "-4")
            return replayed(url, behind.ca_file, USER, record, "-4") if replays else done

    return start


@pytest.mark.parametrize(
    ("version", "kind", "option"),
    [
        (ssl.TLSVersion.TLSv1_3, "tls-exporter", ""),
        (ssl.TLSVersion.TLSv1_3, "tls-server-end-point", " scram-sha-256-plus --channel-binding tls-server-end-point"),
        (ssl.TLSVersion.TLSv1_2, "tls-unique", ""),
    ],
)
def test_bound_to_tls(bound: Callable[..., Done], version: ssl.TLSVersion, kind: str, option: str) -> None:
    done = bound(f"auth{option}", version, kind)
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert f"login SCRAM-SHA-256-PLUS, bound to TLS by {kind}, password from SMTP_SHELL_PASSWORD" in said
    assert option or "SCRAM-SHA-256-PLUS is the strongest that both sides can do" in said
    assert f"p={kind}" in done.stdout


def test_a_bound_exchange_replays(bound: Callable[..., Done]) -> None:
    done = bound("auth", replays=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["tls-exporter", "tls-server-end-point"])
def test_somebody_between_the_two(bound: Callable[..., Done], kind: str) -> None:
    done = bound("auth", kind=kind, lies=True)
    assert done.returncode == 5
    said = " ".join(done.stderr.split())
    assert "check user and password; or the server sees another TLS connection than this one" in said
    assert (
        "at somebody who passes the exchange on; if you know that relay use `auth scram-sha-256`, else leave." in said
    )


def test_somebody_who_takes_plus_out_of_the_announcement(bound: Callable[..., Done]) -> None:
    """The client says `y`: it could bind, and sees nothing that does. The server can, and refuses."""
    done = bound("auth", announced="SCRAM-SHA-256 PLAIN")
    assert done.returncode == 5
    assert "y,,n=student" in done.stdout


def test_without_plus_by_name(bound: Callable[..., Done]) -> None:
    done = bound("auth scram-sha-256")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "n,,n=student" in done.stdout

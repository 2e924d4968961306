"""Where settings of TLS are checked: by every command before it connects, by /set, and by /connect, which keeps what is open."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.api.session import connect
from smtp_shell.errors import ConfigError
from smtp_shell.replay.api import replay
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.chains import sign
from tests.support.peer import ScriptedServer
from tests.unit.cli.program import at, commands, run

MISSING = "--ca-file missing.pem: there is no such file; give a PEM file that can be read."


@pytest.fixture(scope="module")
def practice() -> Iterator[PracticeServer]:
    with PracticeServer(PracticeSettings()) as server:
        yield server


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "a.smtp"
    path.write_text("S: 220\nC: STARTTLS\nS: 220\nC: QUIT\nS: 221\n")
    return path


@pytest.mark.parametrize("command", ["shell", "shell without TLS", "replay"])
def test_nothing_is_connected_to(command: str, transcript: Path) -> None:
    with ScriptedServer([b"220 hi\r\n"]) as server:
        arguments = {
            "shell": [server.address, "--starttls", *commands("noop")],
            "shell without TLS": [server.address, *commands("noop")],
            "replay": ["replay", str(transcript), "--server", server.address],
        }[command]
        done = run(*arguments, "--ca-file", "missing.pem")
        assert server.connections == 0
    assert done.returncode == 2
    assert done.stderr.decode().strip() == f"smtp-shell: {MISSING}"
    assert done.stdout == b""


def test_a_program_is_told_before_the_connection_too(transcript: Path) -> None:
    with ScriptedServer([b"220 hi\r\n"]) as server:
        with pytest.raises(ConfigError, match=r"ca_file missing\.pem"):
            connect(server.address, ca_file="missing.pem")
        with pytest.raises(ConfigError, match=r"ca_file missing\.pem"):
            replay(transcript, server.address, ca_file="missing.pem")
        assert server.connections == 0


def test_the_practice_server_names_its_options(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(sign("localhost").key_pem)
    done = run("practice", "--key", str(tmp_path / "key.pem"), *commands("noop"))
    assert (done.returncode, b"--key needs --cert FILE" in done.stderr) == (2, True)
    done = run("practice", "--cert", str(tmp_path / "key.pem"), *commands("noop"))
    assert done.returncode == 2
    assert f"--cert {tmp_path / 'key.pem'}: it holds a private key and no certificate" in done.stderr.decode()


def test_set_and_connect_keep_what_is_open(practice: PracticeServer, tmp_path: Path) -> None:
    """A file that goes away after it was set is noticed by /connect, before the connection that is open is closed."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(practice.ca_file.read_bytes())
    lines = ["/set ca-file missing.pem", "noop", f"/set ca-file {ca_file}", "/set client-key missing.pem", "noop"]
    done = run(at(practice), "--keep-going", *commands(*lines, f"/connect {at(practice)}", "noop"))
    said = done.stderr.decode()
    assert "/set ca-file missing.pem: there is no such file" in said
    assert "/connect" in said
    assert "--client-key missing.pem: a key needs its certificate" in said
    assert done.stdout.count(b"S: 250 2.0.0") == 3
    assert done.stdout.count(b"*: connect") == 1


def test_a_client_certificate_can_be_set(tmp_path: Path, practice: PracticeServer) -> None:
    one = sign("client.example.org")
    (tmp_path / "cert.pem").write_bytes(one.pem)
    (tmp_path / "key.pem").write_bytes(one.key_pem)
    lines = [
        f"/set client-cert {tmp_path / 'cert.pem'}", f"/set client-key {tmp_path / 'key.pem'}",
        f"/set client-cert {tmp_path / 'cert.pem'}", "/set tls-max 1.2", "starttls",
    ]  # fmt: skip
    done = run(at(practice), "--ca-file", str(practice.ca_file), "--keep-going", *commands(*lines))
    assert b"it holds no private key; give the key's PEM file with /set client-key FILE" in done.stderr
    assert b"tls TLSv1.2 " in done.stdout


def test_a_dot_at_the_end_of_a_name_is_for_the_resolver_only(
    practice: PracticeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def look_up(host: str, port: int, *_: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with connect(f"localhost.:{practice.port}", starttls=True, ca_file=practice.ca_file, ehlo="me.example") as session:
        assert session.tls is not None
        assert (asked, session.tls.name, session.tls.verified) == (["localhost."], "localhost", True)


def test_a_domain_outside_ascii_is_sent_by_idna_2008(practice: PracticeServer) -> None:
    done = run(at(practice), *commands("ehlo", "mail ann@stra\u00dfe.example", "rset", "mail ann@\u00e4..b"))
    assert "C: MAIL FROM:<ann@xn--strae-oqa.example>" in done.stdout.decode()
    assert done.returncode == 2
    assert "\u00e4..b is no host name: empty Label (IDNA 2008)" in done.stderr.decode()

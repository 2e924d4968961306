"""Ways to connect, with the real programs: proxies, the PROXY protocol, Unix sockets, pipes, local ports, names and sessions of TLS."""

import json
import os
import shlex
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.config import PROXY_PASSWORD_VARIABLE
from smtp_shell.servers.practice import PracticeServer
from tests.support import proxies
from tests.support.daemon import HOST, free_ports, program
from tests.support.dovecot import Dovecot
from tests.support.exim import UNPACKED, Exim
from tests.support.peer import Peer, ScriptedServer
from tests.support.postfix import Postfix
from tests.unit.cli.program import commands, run, run_text

SECRET = {PROXY_PASSWORD_VARIABLE: proxies.PASSWORD}
TALK = ("--no-record", *commands("ehlo client.example.org", "quit"))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a short path, which the users of servers can enter."""
    obstacle = proxies.why_not()
    if obstacle is not None:
        pytest.skip(obstacle)
    with tempfile.TemporaryDirectory(prefix="smtp-shell-ways-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def at(server: PracticeServer) -> str:
    return f"localhost:{server.port}"


# Proxies


@pytest.mark.proxies
@pytest.mark.parametrize("scheme", ["socks5h", "socks5"])
def test_microsocks(folder: Path, practice: PracticeServer, scheme: str) -> None:
    with proxies.microsocks(folder) as proxy:
        done = run_text(*TALK, "--proxy", f"{scheme}://{proxy}", at(practice))
    assert done.returncode == 0, done.stderr
    where = "; it looks up the name" if scheme == "socks5h" else ""
    assert f"   #  connection: through {scheme}://{proxy}{where}\n" in done.stdout
    assert "+  S: 220 practice.example" in done.stdout


@pytest.mark.proxies
@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])  # this server does not know SOCKS 4a
def test_dante(folder: Path, practice: PracticeServer, scheme: str) -> None:
    with proxies.dante(folder) as proxy:
        done = run_text(*TALK, "--proxy", f"{scheme}://{proxy}", at(practice))
        assert done.returncode == 0, done.stderr
        assert "+  S: 221" in done.stdout
        done = run_text(*TALK, "--proxy", f"{scheme}://{proxy}", f"{HOST}:{proxies.closed_port()}")
    assert done.returncode == 3
    assert f"the proxy {scheme}://{proxy} did not connect to {HOST}:" in done.stderr


@pytest.mark.proxies
def test_a_password_for_a_proxy(folder: Path, practice: PracticeServer) -> None:
    with proxies.microsocks(folder, password=True) as proxy:
        url = f"socks5h://{proxies.USER}@{proxy}"
        good = run_text(*TALK, "--proxy", url, at(practice), env=SECRET)
        wrong = run_text(*TALK, "--proxy", url, at(practice), env={PROXY_PASSWORD_VARIABLE: "wrong-one"})
        missing = run_text(*TALK, "--proxy", url, at(practice), env={PROXY_PASSWORD_VARIABLE: ""})
        nobody = run_text(*TALK, "--proxy", f"socks5h://{proxy}", at(practice))
    assert [each.returncode for each in (good, wrong, missing, nobody)] == [0, 3, 2, 3]
    assert "authentication failure" in wrong.stderr
    assert wrong.stderr.rstrip().endswith(f"; check its user and {PROXY_PASSWORD_VARIABLE}.")
    assert nobody.stderr.rstrip().endswith(f"; if it wants a user, write socks5h://USER@{proxy}.")
    assert PROXY_PASSWORD_VARIABLE in missing.stderr
    for each in (good, wrong, missing):
        assert proxies.PASSWORD not in each.stdout + each.stderr
        assert "wrong-one" not in each.stdout + each.stderr


@pytest.mark.proxies
def test_connect_of_http(folder: Path, practice: PracticeServer) -> None:
    with proxies.tinyproxy(folder) as proxy:
        url = f"http://{proxies.USER}@{proxy}"
        good = run_text(*TALK, "--proxy", url, at(practice), env=SECRET)
        nobody = run_text(*TALK, "--proxy", f"http://{proxy}", at(practice))
    assert good.returncode == 0, good.stderr
    assert f"through {url}; it looks up the name" in good.stdout
    assert nobody.returncode == 3
    assert "407" in nobody.stderr
    assert nobody.stderr.rstrip().endswith(f"; if it wants a user, write http://USER@{proxy}.")


@pytest.mark.proxies
def test_through_a_proxy_all_is_recorded_and_replays_and_no_secret_is_in_it(
    folder: Path, practice: PracticeServer
) -> None:
    file = folder / "a.smtp"
    with proxies.microsocks(folder, password=True) as proxy:
        url = f"socks5h://{proxies.USER}@{proxy}"
        words = ("--starttls", "--ca-file", str(practice.ca_file), "--proxy", url)
        done = run_text(*TALK, *words, at(practice), "--record", str(file), env=SECRET)
        assert done.returncode == 0, done.stderr
        again = run_text("replay", str(file), "--json", *words[1:], env=SECRET)
        direct = run_text("replay", str(file), *words[1:3])
        shown = run_text("show", str(file))
    text = file.read_text()
    assert f"# notice: connection: through {url}; it looks up the name" in text
    assert proxies.PASSWORD not in text
    assert again.returncode == direct.returncode == 0, again.stdout + again.stderr
    assert f"connection: through {url}" in shown.stdout


@pytest.mark.proxies
def test_the_shell_says_what_it_goes_through_and_goes_there_again(folder: Path, practice: PracticeServer) -> None:
    with proxies.microsocks(folder) as proxy:
        lines = (
            f"/connect --proxy socks5h://{proxy} {at(practice)}",
            "/status",
            "/reconnect",
            "/status",
            f"/connect {at(practice)}",
            "/status",
        )
        done = run_text("--no-record", *commands(*lines))
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert said.count(f"through      socks5h://{proxy}; it looks up the name") == 2
    assert said.count("connection: through") == 2


# The PROXY protocol


SENT = ("--proxy-source", "192.0.2.7:4711", "--proxy-destination", "192.0.2.25:25")
SENT_6 = ("--proxy-source", "[2001:db8::7]:4711", "--proxy-destination", "[2001:db8::25]:25")
TOLD = b"PROXY TCP4 192.0.2.7 192.0.2.25 4711 25\r\n"
TOLD_6 = b"PROXY TCP6 2001:db8::7 2001:db8::25 4711 25\r\n"


@pytest.mark.proxies
@pytest.mark.parametrize(
    ("form", "words", "told"), [("v1", SENT, TOLD), ("v2", SENT, TOLD), ("v1", SENT_6, TOLD_6), ("v2", SENT_6, TOLD_6)]
)
def test_haproxy_understands_the_header_and_a_replay_sends_it_again(
    folder: Path, form: str, words: tuple[str, ...], told: bytes
) -> None:
    heard: list[bytes] = []

    def play(peer: Peer) -> None:
        heard.append(peer.hear())
        peer.say("220 mail.example.org")
        peer.hear()
        peer.say("250 mail.example.org")
        peer.hear()
        peer.say("221 bye")

    file = folder / "a.smtp"
    with ScriptedServer(play) as server, proxies.haproxy(folder, server.address, "send-proxy") as front:
        del heard[:]
        done = run_text(*TALK, "--proxy-protocol", form, *words, front, "--record", str(file))
        assert done.returncode == 0, done.stderr
        replayed = run_text("replay", str(file))
        other = run_text("replay", "--proxy-protocol", "v1", "--proxy-source", "192.0.2.99:1", str(file))
    assert replayed.returncode == other.returncode == 0, replayed.stdout + other.stdout
    assert heard[:2] == [told, told]
    assert heard[2].startswith(b"PROXY TCP4 192.0.2.99 127.0.0.1 1 ")
    assert "connection: the PROXY header says: a client at " in file.read_text()
    assert "\n" + " " * 2 not in file.read_text().splitlines()[0]


@pytest.mark.proxies
@pytest.mark.parametrize("form", ["v1-unknown", "v2-local"])
def test_haproxy_takes_a_header_without_addresses(folder: Path, practice: PracticeServer, form: str) -> None:
    with proxies.haproxy(folder, f"{HOST}:{practice.port}") as front:
        done = run_text(*TALK, "--proxy-protocol", form, front)
    assert done.returncode == 0, done.stderr
    assert "the PROXY header names no addresses" in done.stdout


@pytest.mark.proxies
def test_the_header_goes_before_tls_and_a_replay_does_the_same(
    folder: Path, practice: PracticeServer, postfix: Postfix
) -> None:
    file = folder / "a.smtp"
    words = ("--ca-file", str(postfix.ca_file))
    with proxies.haproxy(folder, f"{HOST}:{postfix.smtps}") as front:
        done = run_text(*TALK, *words, "--tls", "--proxy-protocol", "v2", front, "--record", str(file))
        assert done.returncode == 0, done.stderr
        replayed = run_text("replay", *words, str(file))
    assert replayed.returncode == 0, replayed.stdout
    rows = done.stdout.splitlines()
    header = next(number for number, row in enumerate(rows) if row.startswith("   C| "))
    assert rows[header + 1].startswith("   *: tls ")
    shown = run_text("show", str(file)).stdout
    assert "   C| " in shown  # not marked as inside TLS


@pytest.mark.postfix
@pytest.mark.parametrize("form", ["v1", "v2"])
def test_postfix_takes_the_client_from_the_header(postfix: Postfix, form: str) -> None:
    words = ("--starttls", "--ca-file", str(postfix.ca_file), "--proxy-protocol", form, *SENT)
    lines = commands("mail ann@example.org", "rcpt carol@example.net")
    done = run_text("--no-record", *lines, *words, f"{HOST}:{postfix.proxied}")
    assert done.returncode == 1
    assert "554 5.7.1 <carol@example.net>: Relay access denied" in done.stdout
    assert "RCPT from unknown[192.0.2.7]: 554" in postfix.log.read_text()


# Unix sockets and pipes


@pytest.mark.dovecot
def test_lmtp_over_a_unix_socket_names_the_recipient_of_each_final_reply(dovecot: Dovecot) -> None:
    lines = commands(
        "/set explain on",
        "lhlo client.example.org",
        "mail ann@example.org",
        "rcpt ann@example.org full@example.org",
        "data",
        "Subject: x",
        "",
        ".",
        "quit",
    )
    url = f"lmtp+unix:{dovecot.lmtp_socket}"
    done = run_text("--no-record", "--keep-going", *lines, url)
    rows = done.stdout.splitlines()
    named = [(rows[number - 1][:7], row.strip()) for number, row in enumerate(rows) if row.startswith("      for <")]
    assert named == [("+  S: 2", "for <ann@example.org>"), ("!  S: 5", "for <full@example.org>")]
    assert "for <full@example.org>" in done.stderr + done.stdout
    told = run_text("--no-record", "--keep-going", "--json", *lines[2:], url)
    objects = [json.loads(line) for line in told.stdout.splitlines()]
    found = {each["recipient"]: each["code"] for each in objects if "recipient" in each}
    assert found == {"<ann@example.org>": 250, "<full@example.org>": 552}


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this platform has no Unix sockets")
def test_smtp_over_a_unix_socket(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="smtp-shell-") as name:
        path = f"{name}/smtp"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            file = tmp_path / "a.smtp"

            def serve() -> None:
                for _ in range(2):
                    connection, _ = listener.accept()
                    with connection:
                        peer = Peer(connection)
                        peer.say("220 hi")
                        assert peer.hear() == b"ehlo client.example.org\r\n"
                        peer.say("250 hi")
                        peer.hear()
                        peer.say("221 bye")

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            done = run_text(*TALK, f"smtp+unix:{path}", "--record", str(file))
            replayed = run_text("replay", str(file), "--server", f"smtp+unix:{path}")
            thread.join(30)
    assert done.returncode == replayed.returncode == 0, done.stderr + replayed.stdout
    assert f"Server: smtp+unix:{path}" in file.read_text()
    assert "250 hi" in done.stdout


@pytest.mark.postfix
def test_sendmail_at_a_pipe(postfix: Postfix, tmp_path: Path) -> None:
    etc = postfix.ca_file.parent.parent / "etc"
    done = run_text(*TALK, f"pipe:sendmail -C {etc} -bs")
    assert done.returncode == 0, done.stderr
    assert "ESMTP Postfix" in done.stdout
    lost = run_text(*TALK, f"pipe:sendmail -C {tmp_path} -bs", "--json")
    assert lost.returncode == 3
    texts = [json.loads(line)["text"] for line in lost.stdout.splitlines()]
    assert any(text.startswith("notice the program says: ") and "main.cf" in text for text in texts)
    assert "notice the program ended: with status 75" in texts


@pytest.mark.exim
@pytest.mark.terminal
def test_exim_shows_what_it_checks_beside_the_dialogue(exim: Exim) -> None:
    from tests.support.terminal import running

    binary = program("exim4", UNPACKED) or program("exim", UNPACKED)
    configuration = exim.log.parent.parent / "exim.conf"
    with running("--no-record", f"pipe:{binary} -C {configuration} -bh 192.0.2.7") as terminal:
        terminal.wait_for("220 ")
        terminal.wait_prompt()
        terminal.enter("helo client.example.org")
        terminal.wait_for("+  S: 250")
        terminal.wait_prompt()
        assert any(row.startswith("   E| >>> ") for row in terminal.all_rows)
        assert any("as if from host 192.0.2.7" in row for row in terminal.all_rows)


@pytest.mark.skipif(os.name == "nt", reason="programs as servers need a POSIX system")
def test_standard_error_is_escaped_masked_recorded_and_does_not_hold_the_program_up(tmp_path: Path) -> None:
    file, record = tmp_path / "server.py", tmp_path / "a.smtp"
    file.write_text(
        "import os, sys\n"
        "os.write(2, b'\\x1b]0;owned\\x07 \\xe2\\x80\\xae\\n')\n"
        "os.write(1, b'220 hi\\r\\n')\n"
        "for line in iter(lambda: os.read(0, 1000), b''):\n"
        "    os.write(2, b'got ' + line)\n"
        "    for _ in range(50): os.write(2, b'flood ' * 10000 + b'\\n')\n"
        "    os.write(1, b'235 ok\\r\\n' if b'AUTH' in line else b'221 bye\\r\\n' if b'QUIT' in line else b'250 ok\\r\\n')\n"
    )
    lines = commands("ehlo x", "AUTH PLAIN AGFubgBodXNoLWh1c2g=", "quit")
    done = run(*lines, "--insecure-auth", f"pipe:{shlex.quote(sys.executable)} {file}", "--record", str(record))
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "   E| \\x1b]0;owned\\x07 \\xe2\\x80\\xae\n" in text
    assert "   E| got ehlo x\n" in text or "   E| got EHLO x\n" in text
    assert "more octets, which are not shown" in text
    written = record.read_text()
    for each in (text, done.stderr.decode(), written):
        assert "\x1b" not in each
        assert "AGFubgBodXNoLWh1c2g=" not in each
    assert "# notice: the program says: \\x1b]0;owned\\x07" in written
    shown = run_text("show", str(record)).stdout
    assert "   E| \\x1b]0;owned\\x07" in shown


# Local ends


def test_a_local_port(practice: PracticeServer) -> None:
    (port,) = free_ports(1)
    for source in (f":{port}", f"{HOST}:{port}"):
        done = run_text(*TALK, "--source", source, f"{HOST}:{practice.port}")
        assert done.returncode == 0, done.stderr
        assert f"connection: from {HOST}:{port}\n" in done.stdout
    with socket.create_server((HOST, port)):
        done = run_text(*TALK, "--source", f"{HOST}:{port}", f"{HOST}:{practice.port}")
    assert done.returncode == 3
    assert f"port {port} is in use; give another port, or leave it out." in done.stderr


# TLS


@pytest.mark.postfix
@pytest.mark.parametrize("words", [("--starttls",), ("--tls",)])
def test_a_session_of_tls_is_resumed(postfix: Postfix, words: tuple[str, ...], tmp_path: Path) -> None:
    port, file = postfix.smtp if words == ("--starttls",) else postfix.smtps, tmp_path / "a.smtp"
    lines = commands("ehlo client.example.org", "/reconnect --resume", "noop", "/reconnect", "quit")
    settings = ("--ca-file", str(postfix.ca_file), "--alpn", "smtp,x-mail")
    done = run_text(*lines, *words, *settings, f"{HOST}:{port}", "--record", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("TLS: the session was resumed") == 1
    assert done.stdout.count("TLS: ALPN: the server chose none of smtp, x-mail") == 3
    assert "# notice: TLS: the session was resumed" in file.read_text()
    nothing = run_text("--no-record", *commands("/reconnect --resume"), f"{HOST}:{postfix.smtp}")
    assert nothing.returncode == 2
    assert "no session of TLS that can be resumed" in nothing.stderr


@pytest.mark.postfix
def test_the_name_of_tls_is_another_one(postfix: Postfix) -> None:
    settings = ("--no-record", *commands("quit"), "--tls", "--ca-file", str(postfix.ca_file), f"{HOST}:{postfix.smtps}")
    good = run_text(*settings, "--tls-name", "mail.example.org")
    wrong = run_text(*settings, "--tls-name", "other.example.org")
    apart = run_text(*settings, "--sni", "other.example.org", "--tls-name", "mail.example.org")
    neither = run_text(*settings, "--sni", "none", "--tls-name", "other.example.org")
    assert [each.returncode for each in (good, wrong, apart, neither)] == [0, 4, 0, 4]
    assert "the certificate is checked against the name mail.example.org" in good.stdout
    assert "SNI named other.example.org" in apart.stdout
    assert "it is not for other.example.org" in wrong.stderr
    assert "it is not for other.example.org" in neither.stderr

"""`smtp-shell send` by every way to connect and with every option of a login, and how each ends; and a shell whose server is a domain."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support import proxies
from tests.support.dovecot import Dovecot
from tests.support.exim import Exim
from tests.support.postfix import Postfix
from tests.support.resolver import Resolver, Zone, resolving
from tests.unit.cli.program import at, commands, faulty, run, run_text, serving
from tests.wire.test_send import send, sent, take_a_message, verbs, verbs_without_responses
from tests.wire.test_ways import SECRET, SENT, folder

__all__ = ["folder"]

WHO = ("--from", "ann@example.org", "--to", "bob@example.org")
ZONE: Zone = {
    ("example.org", "MX"): ["10 mx1.example.org.", "20 mx2.example.org."],
    ("mx1.example.org", "A"): ["127.0.0.3"],  # where nobody listens
    ("mx2.example.org", "A"): ["127.0.0.1"],
    ("null.example.org", "MX"): ["0 ."],
}


@pytest.fixture(scope="module")
def resolver() -> Iterator[Resolver]:
    with resolving(ZONE) as found:
        yield found


def shown(done: "subprocess.CompletedProcess[bytes]") -> str:
    return done.stdout.decode() + done.stderr.decode()


def verdict(done: "subprocess.CompletedProcess[bytes]") -> dict[str, object]:
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


# A domain


@pytest.mark.parametrize("words", [("mx:example.org:{}",), ("example.org:{}", "--mx")])
def test_the_first_mail_host_that_greets_takes_the_message(
    words: tuple[str, ...], practice: PracticeServer, resolver: Resolver, tmp_path: Path
) -> None:
    file = tmp_path / "a.smtp"
    given = [word.format(practice.port) for word in words]
    resolving_words = ("--resolver", str(resolver.server), "--record", str(file))
    done = send(*given, *WHO, *resolving_words)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "MX of example.org: 10 mx1.example.org, 20 mx2.example.org" in shown(done)
    assert "mx1.example.org (preference 10): the connection was refused" in shown(done)
    assert f"connect mx2.example.org:{practice.port} (127.0.0.1:{practice.port})" in shown(done)
    assert f"*: connect mx2.example.org:{practice.port}" in file.read_text("utf-8")
    done = send(*given, *WHO, *resolving_words[:2], "--json")
    assert (done.returncode, verdict(done)["server"]) == (0, f"mx2.example.org:{practice.port}")


def test_a_domain_as_the_server_of_a_shell(practice: PracticeServer, resolver: Resolver) -> None:
    words = ("--resolver", str(resolver.server), "--mx", f"example.org:{practice.port}")
    done = run_text(*words, *commands("ehlo", "quit"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"connect mx2.example.org:{practice.port}" in done.stdout
    assert run_text("--resolver", str(resolver.server), "--mx", "null.example.org", "-c", "ehlo").returncode == 3
    assert run_text(*words, *commands("ehlo", "mail ann@example.org", "mail ann@example.org")).returncode == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("mx:null.example.org",), 3, "its MX record is the null MX"),
        (("mx:none.example.org",), 3, "there is no such name"),
        (("mx:example.org:1",), 3, "none of 2 hosts takes this client"),
        (("mx:example.org", "--lmtp"), 2, "mail hosts of a domain speak SMTP"),
        (("mx:example.org", "--tls", "--starttls"), 2, "exclude each other"),
        (("192.0.2.1", "--mx"), 2, "MX records belong to a domain"),
        (("smtp+unix:", "--lmtp"), 2, "names nothing"),
    ],
)
def test_a_domain_that_takes_no_message(words: tuple[str, ...], status: int, said: str, resolver: Resolver) -> None:
    done = send(*words, *WHO, "--resolver", str(resolver.server))
    assert (done.returncode, len(done.stderr.splitlines())) == (status, 1)
    assert said in done.stderr.decode()


def test_a_mail_host_that_refuses_every_client_is_status_1(resolver: Resolver) -> None:
    with faulty("CONNECT=554") as server:
        done = send(f"mx:example.org:{server.rpartition(':')[2]}", *WHO, "--resolver", str(resolver.server))
    assert (done.returncode, sent(done)) == (1, [])
    assert b"none of 2 hosts takes this client" in done.stderr


# Authentication


def secure(practice: PracticeServer) -> tuple[str, ...]:
    return (f"localhost:{practice.port}", "-4", *WHO, "--starttls", "--ca-file", str(practice.ca_file))


def test_the_initial_response_of_login(practice: PracticeServer) -> None:
    words = (*secure(practice), "--user", practice.user, "--mechanism", "login", "--quit-after", "auth")
    password = practice.password.reveal()
    assert "AUTH LOGIN c3R1ZGVudA==" in shown(send(*words, "--initial-response", password=password))
    assert "AUTH LOGIN c3R1ZGVudA==" not in shown(send(*words, password=password))
    done = send(at(practice), *WHO, "--initial-response")
    assert (done.returncode, b"who authenticates?" in done.stderr) == (2, True)


def test_whom_to_act_as(practice: PracticeServer) -> None:
    words = (*secure(practice), "--user", practice.user, "--mechanism", "plain", "--quit-after", "auth", "--authzid")
    password = practice.password.reveal()
    assert send(*words, practice.user, password=password).returncode == 0
    done = send(*words, "somebody", password=password)
    assert done.returncode == 5
    assert b"somebody NUL student NUL" in done.stdout
    assert (password not in shown(done), verbs_without_responses(done)[-1]) == (True, "QUIT")


def test_a_password_from_netrc(practice: PracticeServer, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    words = (*secure(practice), "--user", practice.user, "--netrc-file", str(netrc), "--quit-after", "auth")
    for password, status in ((practice.password.reveal(), 0), ("wrong", 5)):
        netrc.write_text(f"machine localhost login {practice.user} password {password}\n")
        netrc.chmod(0o600)
        assert send(*words).returncode == status
    netrc.unlink()
    done = send(*words)
    assert done.returncode == 5, done.stderr


# TLS


def test_a_pinned_key(practice: PracticeServer) -> None:
    words = (*secure(practice), "--quit-after", "starttls", "--tls-pin")
    done = send(*words, f"SHA256:{'0' * 64}")
    assert done.returncode == 4
    (held,) = set(re.findall(r"SHA256:[0-9a-f]{64}", done.stderr.decode())) - {f"SHA256:{'0' * 64}"}
    assert send(*words, held).returncode == 0
    assert send(*words, "SHA256:zz").returncode == 2


# Extensions


@pytest.mark.parametrize("word", ["XCLIENT", "xclient"])
def test_another_client_is_spoken_for(word: str, practice: PracticeServer) -> None:
    words = ("--before", f"{word} ADDR=192.0.2.7 NAME=client.example.org")
    before = len(practice.inbox.messages())
    done = send(at(practice), *WHO, *words)
    assert (done.returncode, done.stderr) == (0, b"")
    assert verbs(done)[:4] == ["EHLO", "XCLIENT", "EHLO", "MAIL"]
    assert b"192.0.2.7" in practice.inbox.read(before + 1)
    assert verbs(send(at(practice), *WHO, *words, "--quit-after", "xclient")) == ["EHLO", "XCLIENT", "QUIT"]
    done = send(at(practice), *WHO, "--before", "XCLIENT COLOUR=blue")
    assert (done.returncode, verbs(done)) == (1, ["EHLO", "XCLIENT", "QUIT"])
    done = send(at(practice), *WHO, "--before", "XCLIENT COLOUR=blue", "--keep-going")
    assert (done.returncode, "DATA" in verbs(done)) == (1, True)


def test_parameters_of_delivery_reports(practice: PracticeServer) -> None:
    mail = ("--mail-param", "RET=HDRS", "--mail-param", "ENVID=a+2Bb")
    done = send(at(practice), *WHO, *mail, "--rcpt-param", "NOTIFY=SUCCESS,FAILURE")
    assert done.returncode == 0
    lines = sent(done)
    assert lines[1].endswith(" RET=HDRS ENVID=a+2Bb")
    assert lines[2] == "RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE"
    done = send(at(practice), *WHO, "--rcpt-param", "NOTIFY=NEVER,SUCCESS")
    assert (done.returncode, b"was refused: 5" in done.stderr) == (1, True)


# Ways to connect


@pytest.mark.proxies
def test_through_proxies(folder: Path, practice: PracticeServer) -> None:
    with proxies.microsocks(folder, password=True) as address:
        words = (f"localhost:{practice.port}", *WHO, "--proxy", f"socks5h://{proxies.USER}@{address}")
        done = run("send", "--server", *words, env=SECRET, timeout=60)
        assert (done.returncode, f"through socks5h://{proxies.USER}@{address}" in shown(done)) == (0, True)
        assert run("send", "--server", *words, env={next(iter(SECRET)): "wrong"}, timeout=60).returncode == 3
        assert send(*words).returncode == 2  # nobody can be asked
    assert send(*words[:-1], f"socks5h://127.0.0.1:{proxies.closed_port()}").returncode == 3
    with proxies.haproxy(folder, at(practice)) as front:
        done = send(front, *WHO, "--proxy-protocol", "v2", *SENT)
        assert (done.returncode, "the PROXY header says: a client at 192.0.2.7" in shown(done)) == (0, True)
    assert send(at(practice), *WHO, "--proxy-protocol", "v3").returncode == 2


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this platform has no Unix sockets")
def test_smtp_at_a_unix_socket(tmp_path: Path) -> None:
    assert send(f"smtp+unix:{tmp_path}/nothing", *WHO).returncode == 3
    with serving(take_a_message, unix=True) as path:
        done = send(f"smtp+unix:{path}", *WHO, "--json")
    assert (done.returncode, verdict(done)["server"]) == (0, f"smtp+unix:{path}")


@pytest.mark.dovecot
def test_lmtp_at_a_unix_socket_has_an_outcome_for_each_recipient(dovecot: Dovecot) -> None:
    url = f"lmtp+unix:{dovecot.lmtp_socket}"
    done = send(url, "--from", "x@example.org", "--to", "ann@example.org", "--subject", "by a socket", "--body", "x")
    assert (done.returncode, verbs(done)[0], done.stderr) == (0, "LHLO", b"")
    assert "for <ann@example.org>" in shown(done)
    done = send(url, "--from", "x@example.org", "--to", "ann@example.org,full@example.org", "--json")
    assert done.returncode == 1
    assert verdict(done)["delivered"] is True
    recipients = verdict(done)["recipients"]
    assert isinstance(recipients, list)
    assert [(each["accepted"], each["code"]) for each in recipients] == [(True, 250), (False, 552)]


@pytest.mark.exim
def test_a_client_certificate_in_place_of_a_password(exim: Exim) -> None:
    words = ("--ca-file", str(exim.ca_file), "--client-cert", str(exim.client_cert), "--mechanism", "external")
    done = send(f"smtps://localhost:{exim.smtps}", "-4", *WHO, *words, "--user", exim.user)
    assert done.returncode == 0, done.stderr
    assert "AUTH EXTERNAL" in shown(done)


@pytest.mark.postfix
def test_a_reset_by_starttls_at_the_end_of_before(postfix: Postfix) -> None:
    words = ("--ca-file", str(postfix.ca_file), "--before", "starttls")
    done = send(f"localhost:{postfix.smtp}", "-4", *WHO, *words)
    assert done.returncode == 0, done.stderr
    assert verbs_without_responses(done)[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]

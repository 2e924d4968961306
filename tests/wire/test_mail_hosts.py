"""Mail domains: their hosts listed, asked and connected to, by way of a resolver on loopback."""

import hashlib
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.daemon import MAIL_HOST, free_ports
from tests.support.peer import Peer, ScriptedServer
from tests.support.postfix import Postfix
from tests.support.proxies import closed_port
from tests.support.resolver import Resolver, Zone, resolving
from tests.unit.cli.program import run, run_text

ZONE: Zone = {
    ("example.org", "MX"): ["10 mx1.example.org.", "20 mx2.example.org.", r"30 a\027[31m.example.org."],
    ("mx1.example.org", "A"): ["127.0.0.3"],  # where nobody listens
    ("mx2.example.org", "A"): ["127.0.0.1"],
    ("null.example.org", "MX"): ["0 ."],
    ("plain.example.org", "A"): ["127.0.0.1"],
    ("gone.example.org", "MX"): ["10 mx1.example.org."],
    ("nowhere.example.org", "MX"): ["10 missing.example.org."],
    ("two.example.org", "A"): ["127.0.0.1"],
    ("two.example.org", "AAAA"): ["::1"],
    (MAIL_HOST, "A"): ["127.0.0.1"],
    ("mail.test", "MX"): [f"10 {MAIL_HOST}."],
}


@pytest.fixture(scope="module")
def resolver() -> Iterator[Resolver]:
    with resolving(ZONE) as found:
        yield found


def test_mx_lists_and_asks(practice: PracticeServer, resolver: Resolver) -> None:
    done = run_text(
        "--resolver", str(resolver.server), "--ca-file", str(practice.ca_file), "-c", f"/mx example.org:{practice.port}"
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0] == r"MX of example.org: 10 mx1.example.org, 20 mx2.example.org, 30 a\x1b[31m.example.org"
    assert lines[1].startswith(f"answered by {resolver.server} in ")
    assert lines[1].endswith(", not authenticated")
    assert "no answer    the connection was refused" in lines
    assert f"reached      127.0.0.1:{practice.port}; DNS" in done.stdout
    assert "greeting     220 practice.example" in done.stdout
    assert "certificate  NOT verified: the certificate's name is wrong" in done.stdout  # it is not for mx2.example.org
    assert "AUTH         none; after STARTTLS PLAIN" in done.stdout
    assert lines[-1] == "problem      it is no host name"


def test_each_address_that_does_not_answer_is_named_once() -> None:
    zone = {("two.example.org", "MX"): ["10 both.example.org."], ("both.example.org", "A"): ["127.0.0.1", "127.0.0.2"]}
    with resolving(zone) as server:
        done = run_text("--resolver", str(server.server), "-c", f"/mx two.example.org:{closed_port()}")
    assert sorted(line.split()[2].split(":")[0] for line in done.stdout.splitlines() if "no answer" in line) == [
        "127.0.0.1",
        "127.0.0.2",
    ]


def test_mx_in_json(practice: PracticeServer, resolver: Resolver) -> None:
    done = run("--resolver", str(resolver.server), "--json", "-c", f"/mx example.org:{practice.port}")
    head, refused, answered, strange = map(json.loads, done.stdout.splitlines())
    assert (head["domain"], head["hosts"], head["null_mx"], head["authenticated"]) == ("example.org", 3, False, False)
    assert (refused["host"], refused["preference"], refused["reached"]) == ("mx1.example.org", 10, False)
    assert answered["greeting"].startswith("220 practice.example")
    assert (answered["addresses"], answered["starttls"], answered["verified"]) == (["127.0.0.1"], True, False)
    assert strange["problem"] == "it is no host name"


def test_mx_without_asking(resolver: Resolver) -> None:
    done = run_text("--resolver", str(resolver.server), "-c", "/mx plain.example.org:1 --no-ask")
    assert "plain.example.org has no MX record, so that its own address is meant (RFC 5321 section 5.1)" in done.stdout
    assert "addresses    127.0.0.1" in done.stdout
    assert "answer    " not in done.stdout


def test_mx_of_a_domain_that_takes_no_mail(resolver: Resolver) -> None:
    done = run_text("--resolver", str(resolver.server), "-c", "/mx null.example.org")
    assert done.returncode == 0
    assert "null.example.org takes no mail: its MX record is the null MX (RFC 7505)" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["-c", "/mx none.example.org"], 3, "there is no such name"),
        (["-c", "/mx 192.0.2.1"], 2, "MX records belong to a domain"),
        (["-c", "/mx"], 2, "/mx takes a domain"),
        (["-c", "/mx a b"], 2, "/mx takes a domain"),
        (["mx:null.example.org"], 3, "null.example.org takes no mail"),
        (["--mx", "none.example.org"], 3, "there is no such name"),
        (["mx:gone.example.org:1"], 3, "its host does not take this client; `/mx gone.example.org`"),
        (["mx:nowhere.example.org:1"], 3, "its host does not take this client"),
        (["--mx"], 2, "--mx needs a domain"),
        (["--resolver", "dns.example.org", "x"], 2, "--resolver takes the IP address of a name server"),
        (["-c", "/set resolver x"], 2, "/set resolver takes the IP address of a name server"),
        (["-c", "/connect --ports 25 127.0.0.1"], 2, "--ports names the ports of --probe"),
    ],
)
def test_what_cannot_be(words: list[str], status: int, said: str, resolver: Resolver) -> None:
    chosen = [] if "--resolver" in words else ["--resolver", str(resolver.server)]
    done = run_text(*chosen, *words)
    assert done.returncode == status
    assert said in done.stderr
    assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())


def test_the_first_host_that_greets_is_taken_and_the_others_are_named(
    practice: PracticeServer, resolver: Resolver, tmp_path: Path
) -> None:
    record = tmp_path / "mx.smtp"
    done = run_text(
        "--resolver", str(resolver.server), "--record", str(record), f"mx:example.org:{practice.port}", "-c", "quit"
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("   #  MX of example.org: 10 mx1.example.org, 20 mx2.example.org")
    assert lines[1] == "   #! an attempt to connect failed: mx1.example.org (preference 10): the connection was refused"
    assert lines[2] == f"   *: connect mx2.example.org:{practice.port} (127.0.0.1:{practice.port})"
    text = record.read_text("utf-8")
    assert "# MX of example.org: 10 mx1.example.org" in text
    assert "# notice: an attempt to connect failed: mx1.example.org (preference 10): the connection was refused" in text
    assert "Server:" not in text
    assert run_text("replay", str(record), "--server", f"127.0.0.1:{practice.port}").returncode == 0
    shown = run_text("show", str(record)).stdout
    assert "an attempt to connect failed: mx1.example.org (preference 10)" in shown


def test_the_recording_of_the_session_has_it_too(practice: PracticeServer, resolver: Resolver, state_dir: Path) -> None:
    run("--resolver", str(resolver.server), "--mx", f"example.org:{practice.port}", "-c", "quit")
    recordings = [path.read_text("utf-8") for path in (state_dir / "recordings").glob("*.smtp")]
    whole = [text for text in recordings if "QUIT" in text]
    assert len(whole) == 1
    assert "# notice: an attempt to connect failed: mx1.example.org" in whole[0]


def test_a_host_that_refuses_in_its_greeting_is_passed_over() -> None:
    def script(peer: Peer) -> None:
        local = peer.sock.getsockname()[0]
        peer.say("554 5.7.1 not you" if local == "127.0.0.1" else "220 welcome")
        peer.hear_end()

    zone = {("example.org", "MX"): ["10 a.example.org."], ("a.example.org", "A"): ["127.0.0.1"]}
    with ScriptedServer(script) as server, resolving(zone) as resolver:
        port = server.address.rpartition(":")[2]
        done = run_text("--resolver", str(resolver.server), f"mx:example.org:{port}", "-c", "quit")
    assert done.returncode == 1
    assert 'a.example.org (preference 10): the greeting was "554 5.7.1 not you"' in done.stdout
    assert "its host does not take this client" in done.stderr


def test_ipv6_first_and_then_ipv4_each_told(resolver: Resolver, tmp_path: Path) -> None:
    record = tmp_path / "two.smtp"

    def script(peer: Peer) -> None:
        peer.say("220 hi")
        peer.hear()
        peer.say("221 bye")
        peer.hear_end()

    with ScriptedServer(script) as server:  # on 127.0.0.1 alone
        port = server.address.rpartition(":")[2]
        words = ["--resolver", str(resolver.server), "--record", str(record), f"two.example.org:{port}", "-c", "quit"]
        done = run_text(*words)
        assert done.returncode == 0
        first, second = done.stdout.splitlines()[:2]
        assert first.startswith(f"   #! an attempt to connect failed: [::1]:{port}: ")
        assert second == f"   *: connect two.example.org:{port} (127.0.0.1:{port})"
        assert f"# notice: an attempt to connect failed: [::1]:{port}" in record.read_text("utf-8")
        assert run_text("replay", str(record), "--server", server.address).returncode == 0
        assert run_text("-4", *words, "--force").stdout.splitlines()[0] == second


def test_the_resolver_may_be_set_at_the_prompt(resolver: Resolver) -> None:
    done = run_text("-c", f"/set resolver {resolver.server}", "-c", "/mx null.example.org")
    assert done.returncode == 0
    assert f"answered by {resolver.server}" in done.stdout


def test_host_and_port_may_be_two_words_and_a_port_a_name(practice: PracticeServer) -> None:
    assert run("127.0.0.1", str(practice.port), "-c", "quit").returncode == 0
    assert run("-c", f"/connect 127.0.0.1 {practice.port}", "-c", "quit").returncode == 0
    done = run_text("127.0.0.1:submission", "--timeout", "20", "-c", "quit")  # whether anybody listens there or not
    assert "127.0.0.1:587" in done.stdout + done.stderr


def test_a_connection_in_json_tells_the_times(practice: PracticeServer, resolver: Resolver) -> None:
    done = run("--resolver", str(resolver.server), "--json", f"plain.example.org:{practice.port}", "-c", "quit")
    connected = json.loads(done.stdout.splitlines()[0])
    assert connected["peer"] == f"127.0.0.1:{practice.port}"
    assert connected["dns"] > 0
    assert connected["tcp"] >= 0


@pytest.mark.postfix
def test_probe_compares_the_ports_of_postfix(postfix: Postfix, resolver: Resolver) -> None:
    ports = f"{postfix.smtp},{postfix.smtps}/tls,{postfix.submission}"
    words = ["--resolver", str(resolver.server), "--ca-file", str(postfix.ca_file)]
    done = run_text(*words, "-c", f"/connect --probe {MAIL_HOST} --ports {ports}")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines()[:-4])) < 80
    assert done.stdout.count("verified") >= 3
    assert f"To submit mail with a password: port {postfix.smtps}, with TLS from the first octet" in done.stdout
    assert f"Port {postfix.smtp} takes passwords in the clear" in done.stdout
    done = run_text(*words, "--json", "-c", f"/connect --probe {MAIL_HOST} --ports {ports}")
    found = json.loads(done.stdout)
    smtp, smtps, submission = found["ports"]
    assert [each["verified"] for each in found["ports"]] == [True, True, True]
    assert "PLAIN" in smtp["auth"]
    assert "ehlo" not in smtps
    assert (submission["auth"], "PLAIN" in submission["auth_tls"]) == ([], True)


@pytest.mark.postfix
def test_mx_asks_postfix(postfix: Postfix, resolver: Resolver) -> None:
    done = run_text(
        "--resolver", str(resolver.server), "--ca-file", str(postfix.ca_file), "-c", f"/mx mail.test:{postfix.smtp}"
    )
    assert done.returncode == 0
    assert "certificate  verified: chain, dates and name" in done.stdout


@pytest.mark.postfix
@pytest.mark.parametrize(("right", "status"), [(True, "met"), (False, "not met")])
def test_mx_compares_tlsa_records_with_the_certificate(postfix: Postfix, right: bool, status: str) -> None:
    with socket.create_connection((postfix.host, postfix.smtps), 30) as raw:
        context = ssl.create_default_context(cafile=str(postfix.ca_file))
        with context.wrap_socket(raw, server_hostname=MAIL_HOST) as sock:
            certificate = sock.getpeercert(binary_form=True)
    assert certificate is not None
    digest = hashlib.sha256(certificate).hexdigest() if right else "00" * 32
    tlsa = {(f"_{postfix.smtp}._tcp.{MAIL_HOST}", "TLSA"): [f"3 0 1 {digest}"]}
    with resolving({**ZONE, **tlsa}, authenticated=True) as resolver:
        words = ["--resolver", str(resolver.server), "--json", "-c", f"/mx mail.test:{postfix.smtp}"]
        head, host = map(json.loads, run(*words).stdout.splitlines())
    assert (head["authenticated"], head["mta_sts"]) == (True, "there is no MTA-STS record")
    assert host["dane"] == status
    assert host["verified"] is False  # by the authorities of the system


def test_probe_where_nothing_answers(resolver: Resolver) -> None:
    done = run_text("--resolver", str(resolver.server), "-c", "/connect --probe mx1.example.org --ports 1,2/tls")
    assert done.returncode == 3
    assert "no: the connection was refused" in done.stdout
    assert "no port answers" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/connect --probe a:25", "takes a host without a port"),
        ("/connect --probe [::1]:25", "takes a host without a port"),
        ("/connect --probe smtp://a", "takes a host without a port"),
        ("/connect --probe a --ports x", "--ports takes numbers"),
        ("/connect --probe a --ports 0", "--ports takes numbers"),
        ("/connect --probe a --ports 25,25", "names a port twice"),
        ("/connect --probe a --ports 1,2,3,4,5", "takes 4 ports at most"),
        ("/connect --probe a --tls", "leave the other options out"),
    ],
)
def test_what_cannot_be_probed(line: str, said: str) -> None:
    done = run_text("-c", line)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_practice_server_is_probed_from_its_own_shell_and_trusted() -> None:
    (port,) = free_ports(1)
    done = run_text("practice", "--port", str(port), "-c", f"/connect --probe 127.0.0.1 --ports {port}")
    assert done.returncode == 0
    assert "certificate   verified" in done.stdout

"""Surveys of servers that greet, refuse, lie and stay silent."""

import socket
import time

import pytest

from smtp_shell.client.survey import Plan, Survey, survey, survey_all
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.net.target import parse_target
from smtp_shell.servers.practice import PracticeServer
from tests.support.peer import Peer, ScriptedServer

PATIENCE = 60.0


def plan(tls: TlsSettings | None = None, seconds: float = PATIENCE) -> Plan:
    return Plan(tls or TlsSettings(), ConnectSettings(), Timeouts().all(seconds), seconds, "client.example.org")


def surveyed(*lines: bytes, seconds: float = PATIENCE) -> Survey:
    """Survey a server that answers what comes with these replies, in this order."""

    def script(peer: Peer) -> None:
        peer.sock.sendall(lines[0])
        for line in lines[1:]:
            peer.hear()
            peer.sock.sendall(line)

    with ScriptedServer(script) as server:
        return survey(parse_target(server.address), plan(seconds=seconds))


def test_a_server_with_starttls(practice: PracticeServer) -> None:
    found = survey(parse_target(f"127.0.0.1:{practice.port}"), plan(TlsSettings(ca_file=practice.ca_file)))
    assert (found.problem, found.doubt, found.code) == ("", "", 220)
    assert found.is_reached
    assert found.is_verified
    assert found.starttls
    assert found.mechanisms == ()
    assert "PLAIN" in found.secured_mechanisms
    assert found.keywords is not None
    assert "STARTTLS" in found.keywords
    assert found.tls_in is not None
    assert found.greeted_in is not None
    facts = found.facts()
    assert facts["reached"] is True
    assert facts["verified"] is True


def test_a_certificate_that_is_not_good_is_doubted_and_the_rest_is_seen_all_the_same(practice: PracticeServer) -> None:
    found = survey(parse_target(f"127.0.0.1:{practice.port}"), plan())
    assert "chain is not trusted" in found.doubt
    assert not found.is_verified
    assert "PLAIN" in found.secured_mechanisms
    assert found.facts()["verified"] is False


def test_insecure_is_no_doubt_and_not_verified(practice: PracticeServer) -> None:
    found = survey(parse_target(f"127.0.0.1:{practice.port}"), plan(TlsSettings(insecure=True)))
    assert (found.doubt, found.is_verified) == ("", False)


def test_a_server_without_starttls() -> None:
    found = surveyed(b"220 hi\r\n", b"250-hi\r\n250-SIZE 1000\r\n250 AUTH PLAIN\r\n", b"221 bye\r\n")
    assert found.keywords == ("SIZE 1000", "AUTH PLAIN")
    assert (found.mechanisms, found.starttls, found.tls, found.problem) == (("PLAIN",), False, None, "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((b"554 5.7.1 go \x1b[31maway\r\n", b"221 bye\r\n"), r'the greeting is "554 5.7.1 go \x1b[31maway"'),
        ((b"220 hi\r\n", b"502 no\r\n", b"221 bye\r\n"), 'EHLO was answered "502 no"'),
        ((b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"454 no\r\n", b"221\r\n"), 'STARTTLS was answered "454 no"'),
        ((b"220 hi\r\n", b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n", b""), ""),
        ((b"HTTP/1.0 400 Bad\r\n",), "HTTP"),
    ],
)
def test_servers_that_go_no_further(lines: tuple[bytes, ...], said: str) -> None:
    found = surveyed(*lines)
    assert found.is_reached
    assert said in found.problem
    assert found.problem
    assert found.problem.isprintable()


def test_a_server_that_stays_silent() -> None:
    def script(peer: Peer) -> None:
        peer.hear_end()

    begun = time.monotonic()
    with ScriptedServer(script) as server:
        found = survey(parse_target(server.address), plan(seconds=0.5))
    assert "the greeting did not come" in found.problem
    assert time.monotonic() - begun < PATIENCE


def test_tls_at_once_where_there_is_none() -> None:
    with ScriptedServer([b"220 hi\r\n"]) as server:
        found = survey(parse_target(server.address, tls=True), plan())
    assert found.is_reached
    assert "speaks in the clear" in found.problem
    assert found.tls is None


def test_several_at_once_in_their_order(practice: PracticeServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    ended: list[Survey] = []
    targets = [parse_target(f"127.0.0.1:{port}") for port in (closed, practice.port)]
    found = survey_all(targets, plan(), ended.append)
    assert [each.target for each in found] == targets
    assert [each.is_reached for each in found] == [False, True]
    assert "the connection was refused" in found[0].problem
    assert len(ended) == 2


def test_none_at_all() -> None:
    assert survey_all([], plan()) == []

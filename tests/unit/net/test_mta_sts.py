"""MTA-STS: records and policies, and a web server on loopback that has one."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from smtp_shell.net.mta_sts import PolicyServer, StsFailed, StsPolicy, fetch, look_up, parse_policy, parse_record
from tests.support.resolver import resolving

PATIENCE = 60.0
DOMAIN = "example.org"
AUTHORITY = trustme.CA()
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmx: *.mx.example.org\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([b"v=STSv1; id=20261127T00;"], "20261127T00"),
        ([b"other", b"v=STSv1;id=1"], "1"),
        ([], StsFailed("there is no MTA-STS record", is_absent=True)),
        ([b"v=spf1 -all"], StsFailed("there is no MTA-STS record", is_absent=True)),
        ([b"v=STSv1; id=1", b"v=STSv1; id=2"], StsFailed("there are 2 MTA-STS records, so that none counts")),
        ([b"v=STSv1; x=1"], StsFailed("the MTA-STS record has no id")),
    ],
)
def test_records(texts: list[bytes], expected: str | StsFailed) -> None:
    assert parse_record(texts) == expected


def test_an_id_of_hostile_octets_is_escaped() -> None:
    found = parse_record([b"v=STSv1; id=\x1b[31m" + b"x" * 5000])
    assert isinstance(found, StsFailed)
    assert found.reason.isprintable()
    assert len(found.reason) < 300


def test_a_policy() -> None:
    policy = parse_policy(POLICY, "1")
    assert policy == StsPolicy("enforce", ("mail.example.org", "*.mx.example.org"), 604800, "1")
    assert isinstance(policy, StsPolicy)
    assert policy.allows("MAIL.example.org")
    assert policy.allows("a.mx.example.org")
    assert not policy.allows("a.b.mx.example.org")
    assert not policy.allows("mx.example.org")


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "does not say version: STSv1"),
        (POLICY.replace(b"enforce", b"\x1b[31m"), "the mode of the MTA-STS policy is"),
        (POLICY.replace(b"604800", b"99999999999999"), "the max_age of the MTA-STS policy is"),
        (POLICY.replace(b"604800", b"-1"), "the max_age of the MTA-STS policy is"),
        (POLICY.replace(b"mail.example.org", b"a b\x07"), "which is no host"),
        (POLICY.replace(b"mx:", b"xm:"), "names no host"),
        (POLICY + b"mx: a.example\n" * 300, "names 302 hosts, more than 200"),
        (POLICY + b"<html>", "a line of the MTA-STS policy is no field"),
    ],
)
def test_files_that_are_no_policy(octets: bytes, said: str) -> None:
    found = parse_policy(octets)
    assert isinstance(found, StsFailed)
    assert said in found.reason
    assert found.reason.isprintable()
    assert not found.is_absent


def answer(body: bytes, status: str = "200 OK", kind: str = "text/plain", *fields: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


@contextmanager
def web(
    octets: bytes, tmp_path: Path, *, name: str = f"mta-sts.{DOMAIN}", keeps_open: bool = False
) -> Iterator[PolicyServer]:
    """Run a web server for one request, which sends these octets to whoever asks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(ca_file))
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            raw, _ = listener.accept()
            raw.settimeout(PATIENCE)
            with raw, context.wrap_socket(raw, server_side=True) as sock:
                while not sock.recv(4096).endswith(b"\r\n\r\n"):
                    pass
                with suppress(OSError):
                    sock.sendall(octets)
                if keeps_open:
                    done.wait(PATIENCE)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield PolicyServer("127.0.0.1", listener.getsockname()[1], ca_file)
    finally:
        done.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


def test_a_policy_is_fetched(tmp_path: Path) -> None:
    with web(answer(POLICY), tmp_path) as server:
        found = fetch(DOMAIN, PATIENCE, "1", server)
    assert found == parse_policy(POLICY, "1")


def test_the_record_leads_to_the_policy(tmp_path: Path) -> None:
    with (
        resolving({("_mta-sts.example.org", "TXT"): ['"v=STSv1; id=1"']}) as resolver,
        web(answer(POLICY), tmp_path) as server,
    ):
        assert look_up(DOMAIN, resolver.server, PATIENCE, server) == parse_policy(POLICY, "1")


def test_the_web_server_is_found_by_the_same_resolver(tmp_path: Path) -> None:
    zone = {("_mta-sts.example.org", "TXT"): ['"v=STSv1; id=1"'], ("mta-sts.example.org", "A"): ["127.0.0.1"]}
    with resolving(zone) as resolver, web(answer(POLICY), tmp_path) as server:
        where = PolicyServer(port=server.port, ca_file=server.ca_file)
        assert look_up(DOMAIN, resolver.server, PATIENCE, where) == parse_policy(POLICY, "1")


def test_without_a_record_nothing_is_fetched(tmp_path: Path) -> None:
    with resolving({}) as resolver:
        found = look_up(DOMAIN, resolver.server, PATIENCE, PolicyServer("127.0.0.1", 1))
    assert found == StsFailed("there is no MTA-STS record", is_absent=True)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (
            answer(b"", "301 Moved", "text/plain", "Location: https://example.net/"),
            "answers 301, and redirects are not followed",
        ),
        (answer(b"", "404 Not Found"), "the server answers 404"),
        (answer(POLICY, kind="text/html"), 'is "text/html", not text/plain'),
        (answer(b"x" * 70_000), "is longer than 65536 octets"),
        (b"220 mail.example.org ESMTP \x1b[31m\r\n", "the answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, "the answer is no HTTP"),
        (b"", "the answer is no HTTP"),
    ],
)
def test_web_servers_that_have_none(octets: bytes, said: str, tmp_path: Path) -> None:
    with web(octets, tmp_path) as server:
        found = fetch(DOMAIN, PATIENCE, "1", server)
    assert isinstance(found, StsFailed)
    assert said in found.reason
    assert found.reason.isprintable()


def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    with web(answer(POLICY), tmp_path, name="www.example.org") as server:
        found = fetch(DOMAIN, PATIENCE, "1", server)
    assert isinstance(found, StsFailed)
    assert "TLS failed: hostname mismatch" in found.reason


def test_an_authority_that_is_not_trusted(tmp_path: Path) -> None:
    with web(answer(POLICY), tmp_path) as server:
        found = fetch(DOMAIN, PATIENCE, "1", PolicyServer(server.address, server.port))
    assert isinstance(found, StsFailed)
    assert "TLS failed: unable to get local issuer certificate" in found.reason


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = fetch(DOMAIN, PATIENCE, "1", PolicyServer("127.0.0.1", port))
    assert isinstance(found, StsFailed)
    assert found.reason.endswith("the connection was refused")


@pytest.mark.parametrize("octets", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nx"])
def test_a_server_that_stays_silent(octets: bytes, tmp_path: Path) -> None:
    begun = time.monotonic()
    with web(octets, tmp_path, keeps_open=True) as server:
        found = fetch(DOMAIN, 1.0, "1", server)
    assert isinstance(found, StsFailed)
    assert "did not" in found.reason
    assert time.monotonic() - begun < PATIENCE

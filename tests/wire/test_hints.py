"""What the program says about a failure whose own words do not say what is wrong."""

from __future__ import annotations

import ssl
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.chains import sign
from tests.support.peer import Hear, Pause, Peer, Script, ScriptedServer, Turn
from tests.unit.cli.program import commands, run

ROOT = sign("Example Root", authority=True)
SERVER = sign("localhost", ROOT, names=("localhost", "127.0.0.1"))
CLIENT = sign("client.example.org", ROOT, usage=None)
ALERT = b"\x15\x03\x03\x00\x02\x02\x50"
PROXY = "if it waits for a PROXY header, add --proxy-protocol v2"
NO_PROXY = "if this server does not expect a PROXY header, leave --proxy-protocol out."
SMTPS = "connect to smtps://{address}"


def failure(turns: list[Turn] | Script, *arguments: str, prefix: str = "", closes: bool = False) -> tuple[int, str]:
    """Return the exit status and the last sentence of the program against a scripted server."""
    with ScriptedServer(turns, closes=closes) as server:
        done = run(prefix + server.address, *arguments)
        said = done.stderr.decode().strip().splitlines()[-1]
        return done.returncode, said.replace(server.address, "{address}")


@pytest.mark.parametrize(
    ("turns", "closes", "status", "words"),
    [
        ([], False, 3, f"the greeting did not come within 0.3 s; if it speaks TLS from the first octet, {SMTPS}; {PROXY}."),
        ([], True, 3, f"while the greeting was owed; if it speaks TLS from the first octet, {SMTPS}; {PROXY}."),
        ([ALERT], True, 3, f"in the middle of a reply; it speaks TLS from the first octet: {SMTPS}."),
        ([ALERT], False, 3, f"it speaks TLS from the first octet: {SMTPS}."),
        ([ALERT + b"\n"], True, 6, f"; it speaks TLS from the first octet: {SMTPS}. The connection is closed."),
        ([b"HTTP/1.1 400 Bad Request\r\n"], True, 6, "; mail is sent over port 587, 465 or 25. The connection is closed."),
        ([b"* OK IMAP4rev1\r\n"], True, 6, "; mail is sent over port 587, 465 or 25."),
        ([b"220 hi\r\n", Hear(b"noop\r\n")], True, 3, "the server closed the connection while the reply to NOOP was owed."),
    ],
)  # fmt: skip
def test_a_server_that_does_not_greet(turns: list[Turn], closes: bool, status: int, words: str) -> None:
    found, said = failure(turns, "--timeout", "0.3", *commands("noop"), closes=closes)
    assert said.replace("s.;", "s;").endswith(words.replace("s.;", "s;")) or words in said, said
    assert found == status


@pytest.mark.parametrize(
    ("turns", "closes", "status"),
    [
        ([], False, 3),
        ([], True, 3),
        ([Hear(b"PROXY"), b"220 hi\r\n500 5.5.2 command not recognized\r\n", Pause(0.2)], True, 6),
        ([b"220 hi\r\n", Hear(b"EHLO")], True, 3),
        ([b"220 hi\r\n", Hear(b"EHLO")], False, 3),
    ],
)
@pytest.mark.parametrize("form", ["v1", "v2"])
def test_a_server_that_does_not_expect_a_proxy_header(form: str, turns: list[Turn], closes: bool, status: int) -> None:
    if form == "v2":
        turns = [Hear(b"QUIT") if turn == Hear(b"PROXY") else turn for turn in turns]
    found, said = failure(turns, "--timeout", "1", "--proxy-protocol", form, *commands("ehlo"), closes=closes)
    assert NO_PROXY.rstrip(".") in said, said
    assert found == status


def test_after_ehlo_the_proxy_header_is_no_longer_in_doubt() -> None:
    turns: list[Turn] = [
        Hear(b"PROXY"),
        b"220 hi\r\n",
        Hear(b"EHLO [127.0.0.1]\r\n"),
        b"250 mail\r\n",
        Hear(b"NOOP\r\n"),
    ]
    found, said = failure(turns, "--proxy-protocol", "v1", *commands("ehlo", "noop"), closes=True)
    assert said.endswith("while the reply to NOOP was owed."), said
    assert found == 3


def test_a_pipe_is_not_told_of_smtps() -> None:
    done = run("pipe:sleep 5", "--timeout", "0.3", *commands("noop"))
    assert b"did not come within" in done.stderr
    assert b"smtps" not in done.stderr
    assert b"PROXY" not in done.stderr


def dialogue(hello: bytes, announced: bytes, verb: bytes, reply: bytes) -> list[Turn]:
    return [b"220 hi\r\n", Hear(hello), announced, Hear(verb), reply, Pause(0.2)]


EHLO = (b"EHLO", b"250-mail\r\n250 AUTH PLAIN EXTERNAL\r\n", b"AUTH")


@pytest.mark.parametrize(
    ("turns", "lines", "words"),
    [
        ([b"220 hi\r\n", Hear(b"HELO"), b"250 mail\r\n"], ["helo", "auth"], "say ehlo first"),
        ([b"220 hi\r\n", Hear(b"AUTH"), b"503 bad sequence\r\n"], ["auth plain"], "; say ehlo first; AUTH is also"),
        (dialogue(*EHLO, b"530 5.7.0 Must issue STARTTLS\r\n"), ["ehlo", "auth plain"], "; use starttls first."),
        (dialogue(*EHLO, b"504 5.5.4 no\r\n"), ["ehlo", "auth plain"], "; choose a mechanism that it announces."),
        (dialogue(*EHLO, b"454 4.7.0 no\r\n"), ["ehlo", "auth plain"], "; try again later."),
        (dialogue(*EHLO, b"535 5.7.8 no\r\n"), ["ehlo", "auth plain"], "; check user, password and mechanism."),
        (dialogue(*EHLO, b"535 5.7.8 no\r\n"), ["ehlo", "auth external"], "; check the client certificate, and what"),
    ],
)
def test_auth_that_is_refused(turns: list[Turn], lines: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_SHELL_PASSWORD", "canary")
    _, said = failure(turns, "--insecure-auth", "--user", "ann", *commands(*lines))
    assert words in said
    assert "canary" not in said


def test_starttls_out_of_order() -> None:
    status, said = failure([b"220 hi\r\n", Hear(b"STARTTLS\r\n"), b"503 no\r\n"], *commands("starttls"))
    assert status == 4
    assert said.endswith("Say ehlo first.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["127.0.0.1:1", "--source", "192.0.2.1"], "--source 192.0.2.1: this machine has no such address"),
        (["127.0.0.1:1", "--source", "nonsense"], "--source nonsense is no IP address; give one of this machine"),
        (["127.0.0.1:1", "--source", "::1"], "--source ::1 needs an IPv6 address, and this is an IPv4 address"),
        (["localhost:1", "--source", "::1", "-4"], "--source ::1 is not of the family that -4 asks for"),
        (["[::1]:1", "-4"], "-4 needs an IPv4 address, and this is an IPv6 address; leave it out"),
        (["127.0.0.1:1", "-6"], "-6 needs an IPv6 address, and this is an IPv4 address; leave it out"),
        (["host.invalid:1", "-6"], "the name is not known, or has no IPv6 address, which -6 needs"),
    ],
)
def test_the_option_that_keeps_from_connecting_is_named(arguments: list[str], words: str) -> None:
    done = run(*arguments, *commands("noop"))
    assert done.returncode == 3
    assert words in done.stderr.decode()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    (tmp_path / "client.pem").write_bytes(CLIENT.key_pem + CLIENT.pem)
    return tmp_path


def leaving(context: ssl.SSLContext) -> Script:
    """Return a script that closes right after a TLS handshake, without an alert."""

    def script(peer: Peer) -> None:
        with suppress(ssl.SSLError, OSError):
            peer.start_tls(context)
        peer.sock.close()

    return script


@pytest.mark.parametrize("given", [False, True])
def test_a_server_that_leaves_after_the_handshake_may_want_a_certificate(files: Path, given: bool) -> None:
    options = ["--client-cert", str(files / "client.pem")] if given else []
    status, said = failure(
        leaving(SERVER.context()), "--ca-file", str(files / "ca.pem"), *options, *commands("noop"), prefix="smtps://"
    )
    assert status == 3
    wanted = "the server may want a client certificate: give one with --client-cert FILE."
    assert said.endswith(
        f"the server may not accept the client certificate in {files / 'client.pem'}." if given else wanted
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_demands_a_certificate(files: Path, version: ssl.TLSVersion) -> None:
    context = SERVER.context()
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files / "ca.pem")
    status, said = failure(leaving(context), "--ca-file", str(files / "ca.pem"), *commands("noop"), prefix="smtps://")
    assert status == 4
    assert "the server may want a client certificate: give one with --client-cert FILE" in said


def old_server() -> ssl.SSLContext:
    context = SERVER.context()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "which are unsafe and need --tls-min 1.0 and --ciphers DEFAULT@SECLEVEL=0, both"),
        (
            ["--tls-min", "1.0"],
            "--tls-min 1.0 is not enough: TLS 1.0 and 1.1 need --ciphers DEFAULT@SECLEVEL=0 as well",
        ),
    ],
)
def test_what_an_old_server_needs_is_told(files: Path, options: list[str], words: str) -> None:
    context = old_server()
    status, said = failure(
        leaving(context), "--ca-file", str(files / "ca.pem"), *options, *commands("noop"), prefix="smtps://"
    )
    assert status == 4
    assert words in said


def test_with_what_it_needs_an_old_server_is_reached(files: Path) -> None:
    def script(peer: Peer) -> None:
        with suppress(ssl.SSLError, OSError):
            peer.start_tls(old_server())
            peer.say("220 hi")
            peer.hear()
            peer.say("221 bye")
        peer.sock.close()

    options = ("--tls-min", "1.0", "--ciphers", "DEFAULT@SECLEVEL=0", "--ca-file", str(files / "ca.pem"))
    with ScriptedServer(script) as server:
        done = run(f"smtps://{server.address}", *options, *commands("quit"))
    assert done.returncode == 0, done.stderr
    assert b"tls TLSv1.1 " in done.stdout

"""Scripts for what extensions, ways to connect and client certificates do: each is run by its tool, or says what the tool cannot do."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from smtp_shell.config import PROXY_PASSWORD_VARIABLE
from smtp_shell.servers.practice import PracticeServer
from tests.support import proxies
from tests.support.dovecot import Dovecot
from tests.support.exim import Exim
from tests.support.postfix import Postfix
from tests.unit.cli.program import at, serving
from tests.wire.test_equivalents import LETTER, TOOLS, convert, record, replayed, run_script, trusted
from tests.wire.test_send import take_a_message
from tests.wire.test_ways import SENT, folder

__all__ = ["folder"]

MESSAGE = ("mail ann@example.org", "rcpt bob@example.org", *LETTER, "quit")
CLIENT_CERT = "SMTP_SHELL_CLIENT_CERT"


def comments(script: str) -> str:
    return " ".join(line.removeprefix("# ") for line in script.splitlines() if line.startswith("# "))


def arrived(practice: PracticeServer, act: Callable[[], object]) -> bytes:
    """Return the one message that arrives while something is done."""
    before = len(practice.inbox.messages())
    act()
    assert len(practice.inbox.messages()) == before + 1
    return practice.inbox.read(before + 1)


# Extensions


@pytest.mark.parametrize("tool", TOOLS)
def test_a_composed_message_is_the_same_octets(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    (tmp_path / "kůň.bin").write_bytes(bytes(range(256)) * 20)
    lines = (
        "/compose --from 'Žofie <ann@example.org>' --to bob@example.org --subject 'Žluťoučký' --body kůň",
        f"/attach '{tmp_path / 'kůň.bin'}'",
        "/send",
        "quit",
    )
    begun = len(practice.inbox.messages())
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", lines=lines)
    composed = practice.inbox.read(begun + 1)
    found = arrived(practice, lambda: replayed(tool, transcript, tmp_path, **trusted(practice.ca_file)))
    start = composed.index(b"\nFrom: ")
    assert composed[start:] in found


@pytest.mark.parametrize("tool", ["swaks", "openssl", "python"])
def test_another_client_is_spoken_for(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    lines = ("ehlo", "xclient addr=192.0.2.7 name=client.example.org", "ehlo", *MESSAGE)
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", lines=lines)
    found = arrived(practice, lambda: replayed(tool, transcript, tmp_path, **trusted(practice.ca_file)))
    assert b"192.0.2.7" in found
    assert "curl has no XCLIENT" in comments(convert(transcript, "curl"))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_group_of_one_write(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    group = "/pipeline mail ann@example.org ; rcpt bob@example.org ; data"
    lines = ("ehlo", group, *LETTER[1:], "quit")
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", lines=lines)
    script = convert(transcript, tool)
    arrived(practice, lambda: replayed(tool, transcript, tmp_path, **trusted(practice.ca_file)))
    assert ("--pipeline" in script, "PIPELINING" in comments(script)) == (
        tool == "swaks",
        tool in ("curl", "openssl"),
    )


@pytest.mark.parametrize("tool", ["openssl", "python"])
def test_parameters_of_delivery_reports(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    lines = ("ehlo", "mail ann@example.org ret=hdrs envid=x", "rcpt bob@example.org notify=failure", *LETTER, "quit")
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", lines=lines)
    done = replayed(tool, transcript, tmp_path, **trusted(practice.ca_file))
    assert b"RET=hdrs ENVID=x" in done.stdout
    assert b"RCPT TO:<bob@example.org> NOTIFY=failure" in done.stdout
    for other in ("swaks", "curl"):
        assert all(words in comments(convert(transcript, other)) for words in ("RET=hdrs", "ENVID=x", "NOTIFY=failure"))


@pytest.mark.parametrize("tool", ["openssl", "curl", "python"])
def test_addresses_beyond_ascii(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    lines = ("ehlo", "mail jiří@example.org smtputf8", "rcpt bob@example.org", "data", "Subject: kůň", "", "x", ".")
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", lines=(*lines, "quit"))
    found = arrived(practice, lambda: replayed(tool, transcript, tmp_path, **trusted(practice.ca_file)))
    assert "Subject: kůň".encode() in found
    assert practice.inbox.messages()[-1].sender == "jiří@example.org".encode()
    assert "SMTPUTF8" in comments(convert(transcript, "swaks"))


@pytest.mark.parametrize("tool", ["swaks", "openssl", "python"])
def test_a_reply_for_each_recipient(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    lines = ("ehlo", "mail ann@example.org prdr", "rcpt bob@example.org dan@example.org", *LETTER, "quit")
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", lines=lines)
    done = replayed(tool, transcript, tmp_path, **trusted(practice.ca_file))
    assert b"353" in done.stdout
    assert "PRDR" in comments(convert(transcript, "curl"))


def test_whose_message_it_is_is_for_curl_alone(tmp_path: Path) -> None:
    transcript = tmp_path / "session.smtp"
    transcript.write_text(
        "C: EHLO a\nC: MAIL FROM:<a@example.org> AUTH=<> SMTPUTF8\nC: RCPT TO:<b@example.org>\nC: DATA\nC: x\nC: .\n"
    )
    assert "--mail-auth '<>'" in convert(transcript, "curl")
    assert "curl says SMTPUTF8 only where an address needs it" in comments(convert(transcript, "curl"))
    assert "AUTH=<>" in comments(convert(transcript, "swaks"))


# Ways to connect


@pytest.mark.proxies
@pytest.mark.parametrize(("tool", "scheme"), [("curl", "socks5h"), ("curl", "http")])
def test_through_a_proxy_with_a_password(
    tool: str, scheme: str, folder: Path, practice: PracticeServer, tmp_path: Path
) -> None:
    secret = {PROXY_PASSWORD_VARIABLE: proxies.PASSWORD}
    running = proxies.tinyproxy(folder) if scheme == "http" else proxies.microsocks(folder, password=True)
    with running as address:
        words = (f"localhost:{practice.port}", "-4", "--proxy", f"{scheme}://{proxies.USER}@{address}")
        transcript = record(tmp_path, *words, lines=("ehlo", *MESSAGE), **secret)
        arrived(practice, lambda: replayed(tool, transcript, tmp_path, **trusted(practice.ca_file), **secret))
        script = convert(transcript, tool)
        wrong = {PROXY_PASSWORD_VARIABLE: "wrong"}
        done = run_script(script, tool, tmp_path, **trusted(practice.ca_file), **wrong)
    assert done.returncode != 0
    assert proxies.PASSWORD not in script
    assert all("connects directly" in comments(convert(transcript, other)) for other in set(TOOLS) - {"curl"})


@pytest.mark.proxies
@pytest.mark.postfix
def test_through_a_proxy_of_http_inside_tls(folder: Path, postfix: Postfix, tmp_path: Path) -> None:
    secret = {PROXY_PASSWORD_VARIABLE: proxies.PASSWORD}
    with proxies.tinyproxy(folder) as address:
        words = (f"smtps://localhost:{postfix.smtps}", "-4", "--proxy", f"http://{proxies.USER}@{address}")
        transcript = record(tmp_path, *words, "--ca-file", str(postfix.ca_file), lines=("ehlo", "quit"), **secret)
        replayed("openssl", transcript, tmp_path, **trusted(postfix.ca_file), **secret)
        script = convert(transcript, "openssl")
        wrong = {PROXY_PASSWORD_VARIABLE: "wrong"}
        assert run_script(script, "openssl", tmp_path, **trusted(postfix.ca_file), **wrong).returncode != 0
    assert proxies.PASSWORD not in script


@pytest.mark.proxies
@pytest.mark.parametrize("form", ["v1", "v2", "v1-unknown", "v2-local"])
def test_the_header_of_the_proxy_protocol_goes_first(
    form: str, folder: Path, practice: PracticeServer, tmp_path: Path
) -> None:
    with proxies.haproxy(folder, at(practice)) as front:
        words = (front, "--proxy-protocol", form, *(SENT if form in ("v1", "v2") else ()))
        transcript = record(tmp_path, *words, lines=("ehlo", *MESSAGE))
        for tool in ("swaks", "curl", "python"):
            if (tool, form) == ("swaks", "v2-local"):
                assert "without addresses; it is left out" in comments(convert(transcript, tool))
            else:
                arrived(practice, lambda tool=tool: replayed(tool, transcript, tmp_path))  # type: ignore[misc]
    assert "cannot send the PROXY header" in comments(convert(transcript, "openssl"))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_local_address(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    words = (f"localhost:{practice.port}", "-4", "--source", "127.0.0.5")
    transcript = record(tmp_path, *words, lines=("ehlo", *MESSAGE))
    found = arrived(practice, lambda: replayed(tool, transcript, tmp_path, **trusted(practice.ca_file)))
    assert b"127.0.0.5" in found


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this platform has no Unix sockets")
@pytest.mark.parametrize("tool", ["swaks", "curl", "python"])
def test_smtp_at_a_unix_socket(tool: str, tmp_path: Path) -> None:
    with serving(take_a_message, unix=True) as path:
        transcript = record(tmp_path, f"smtp+unix:{path}", lines=("ehlo", *MESSAGE))
    text = transcript.read_text("utf-8")
    with serving(take_a_message, unix=True) as other:
        transcript.write_text(text.replace(path, other), "utf-8")
        replayed(tool, transcript, tmp_path)


@pytest.mark.dovecot
@pytest.mark.parametrize("tool", ["swaks", "python"])
def test_lmtp_at_a_unix_socket(tool: str, dovecot: Dovecot, tmp_path: Path) -> None:
    lines = ("lhlo", "mail <>", "rcpt ann@example.org bob@example.org", *LETTER, "quit")
    transcript = record(tmp_path, f"lmtp+unix:{dovecot.lmtp_socket}", lines=lines)
    done = replayed(tool, transcript, tmp_path)
    assert done.stdout.count(b"Saved") == 2
    assert "curl speaks no LMTP" in comments(convert(transcript, "curl"))


# Mechanisms without a password


@pytest.mark.exim
@pytest.mark.parametrize("tool", ["openssl", "curl", "python"])
@pytest.mark.parametrize("way", ["--tls", "--starttls"])
def test_a_client_certificate(way: str, tool: str, exim: Exim, tmp_path: Path) -> None:
    port = exim.smtps if way == "--tls" else exim.smtp
    options = (way, "--ca-file", str(exim.ca_file), "--client-cert", str(exim.client_cert), "--user", exim.user)
    lines = ("ehlo", "auth external", *MESSAGE)
    transcript = record(tmp_path, f"localhost:{port}", "-4", *options, lines=lines)
    assert str(exim.client_cert) not in convert(transcript, tool)
    done = replayed(tool, transcript, tmp_path, **trusted(exim.ca_file), **{CLIENT_CERT: str(exim.client_cert)})
    if tool != "curl":
        assert b"S: 235 " in done.stdout
    done = run_script(convert(transcript, tool), tool, tmp_path, **trusted(exim.ca_file))
    assert (done.returncode != 0, CLIENT_CERT.encode() in done.stderr) == (True, True)
    assert "swaks has no mechanism EXTERNAL, so nobody is authenticated" in comments(convert(transcript, "swaks"))


@pytest.mark.postfix
@pytest.mark.parametrize("tool", ["openssl", "python", "swaks"])
def test_nobody_in_particular(tool: str, postfix: Postfix, tmp_path: Path) -> None:
    options = ("--starttls", "--ca-file", str(postfix.ca_file))
    transcript = record(tmp_path, f"localhost:{postfix.other}", "-4", *options, lines=("auth anonymous ann", *MESSAGE))
    done = replayed(tool, transcript, tmp_path, **trusted(postfix.ca_file))
    assert (b"235 " in done.stdout) == (tool != "swaks")

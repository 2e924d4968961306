"""The practice server, over real sockets: what it answers, and that nothing makes it fall over."""

import base64
import contextlib
import hmac
import os
import random
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from smtp_shell.errors import ConfigError, ConnectFailed, UsageError
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.faults import Fault, Mischief, parse_faults
from smtp_shell.servers.listening import listen
from smtp_shell.servers.passwords import make_password
from smtp_shell.servers.practice import MESSAGE_LIMIT, PracticeServer, PracticeSettings
from smtp_shell.servers.watching import Watch

PASSWORD = "open sesame"
SETTINGS = PracticeSettings(password=Secret(PASSWORD))


class Client:
    """A client that sends what it is told to and reads replies line by line."""

    def __init__(self, server: PracticeServer, host: str | None = None) -> None:
        self._server = server
        self._socket = socket.create_connection((host or server.host, server.port), timeout=15)
        self._buffer = b""

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def reply(self) -> bytes:
        """Read one reply, all its lines; empty when the connection has ended."""
        lines = b""
        while True:
            line = self._line()
            lines += line
            if line[3:4] != b"-":
                return lines

    def say(self, line: bytes) -> bytes:
        self.send(line + b"\r\n")
        return self.reply()

    def code(self, line: bytes) -> str:
        return self.say(line)[:3].decode()

    def start_tls(self, name: str = "localhost") -> None:
        context = ssl.create_default_context(cafile=str(self._server.ca_file))
        self._socket = context.wrap_socket(self._socket, server_hostname=name)

    def certificate(self) -> bytes:
        """The server's certificate, once TLS has been started."""
        assert isinstance(self._socket, ssl.SSLSocket)
        return self._socket.getpeercert(binary_form=True) or b""

    def tls_session(self) -> None:
        """Get to where AUTH is offered."""
        assert self.reply().startswith(b"220 ")
        assert self.code(b"EHLO client.example") == "250"
        assert self.code(b"STARTTLS") == "220"
        self.start_tls()
        assert self.code(b"EHLO client.example") == "250"

    def end_input(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            try:
                piece = self._socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                return b""
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"


@contextlib.contextmanager
def connected(server: PracticeServer) -> Iterator[Client]:
    client = Client(server)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PracticeServer]:
    with PracticeServer(SETTINGS) as server:
        yield server


@pytest.fixture
def client(server: PracticeServer) -> Iterator[Client]:
    with connected(server) as client:
        yield client


def b64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


PLAIN = b64(b"\0student\0" + PASSWORD.encode())
AUTH = b"AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER"
XCLIENT = b"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
EHLO = (b"EHLO client.example", "250")
MAIL = (b"MAIL FROM:<ann@example.org>", "250 2.1.0")
RCPT = (b"RCPT TO:<bob@example.org>", "250 2.1.5")

DIALOGUES: dict[str, list[tuple[bytes, str]]] = {
    "a message": [EHLO, MAIL, RCPT, (b"DATA", "354"), (b"Subject: x\r\n\r\n.", "250 2.0.0"), (b"QUIT", "221 2.0.0")],
    "with HELO": [(b"HELO client.example", "250"), MAIL, RCPT, (b"DATA", "354"), (b".", "250 2.0.0")],
    "verbs in any case": [(b"eHlO [127.0.0.1]", "250"), (b"mail from:<>", "250"), (b"rcpt to:<Postmaster>", "250")],
    "a space that should not be": [EHLO, (b"MAIL FROM: <ann@example.org>", "250 2.1.0 Ok (the standard has no space")],
    "no angle brackets": [
        EHLO,
        (b"MAIL FROM:ann@example.org SIZE=1", "250 2.1.0 Ok (the standard has angle brackets around the address)"),
        (b"RCPT TO: bob@example.org", "250 2.1.5 Ok (the standard has no space after TO: and angle brackets around"),
    ],
    "a client's name is a host's": [
        (b"HELO ann@example.org", "501 Syntax: HELO domain"),
        (b"EHLO ann@example.org", "501 Syntax: EHLO domain"),
        (b"EHLO my_laptop", "250-"),
    ],
    "a bare LF ends a command": [(b"EHLO client.example\nNOOP", "250"), (b"", "250 2.0.0"), (b"", "500")],
    "no EHLO": [(MAIL[0], "503 5.5.1"), (b"RCPT TO:<bob@example.org>", "503 5.5.1"), (b"AUTH PLAIN", "503 5.5.1")],
    "no MAIL": [EHLO, (RCPT[0], "503 5.5.1"), (b"DATA", "503 5.5.1")],
    "no RCPT": [EHLO, MAIL, (b"DATA", "503 5.5.1")],
    "no valid RCPT": [EHLO, MAIL, (b"RCPT TO:<nobody@example.org>", "550 5.1.1"), (b"DATA", "554 5.5.1")],
    "MAIL twice": [EHLO, MAIL, (MAIL[0], "503 5.5.1"), (b"RSET", "250 2.0.0"), MAIL],
    "EHLO ends a transaction": [EHLO, MAIL, EHLO, (RCPT[0], "503 5.5.1")],
    "syntax": [
        (b"EHLO", "501 Syntax"),
        (b"HELO", "501 Syntax"),
        (b"EHLO two words", "501 Syntax"),
        EHLO,
        (b"MAIL", "501 5.5.4"),
        (b"MAIL ann@example.org", "501 5.5.4"),
        (b"MAIL FROM:", "501 5.5.4"),
        (b"MAIL FROM:ann", "501 5.5.4"),
        (b"MAIL FROM:ann@example.org>", "501 5.5.4"),
        (b"MAIL FROM:<ann>", "501 5.1.7"),
        (b"MAIL FROM:<ann@-example.org>", "501 5.1.7"),
        (b"MAIL FROM:<ann@example.org", "501 5.1.7"),
        (b"MAIL FROM:<" + b"a" * 65 + b"@example.org>", "501 5.1.7 Address too long"),
        (b"MAIL FROM:<ann@example.org>SIZE=1", "501 5.5.4"),
        (b"MAIL FROM:<ann@example.org> =", "501 5.5.4"),
        (b"MAIL FROM:<ann@example.org> SIZE=1 SIZE=1", "501 5.5.4"),
        MAIL,
        (b"RCPT TO:<>", "501 5.1.3"),
        (b"RCPT TO:<bob", "501 5.1.3"),
        (b"RCPT FROM:<bob@example.org>", "501 5.5.4"),
        RCPT,
        (b"DATA now", "501 5.5.4"),
        (b"RSET now", "501 5.5.4"),
        (b"QUIT now", "501 5.5.4"),
        (b"STARTTLS now", "501 5.5.4"),
    ],
    "paths": [
        EHLO,
        (b'MAIL FROM:<"ann> <" @example.org>', "501 5.1.7"),
        (b'MAIL FROM:<"ann> <\\""@example.org>', "250"),
        (b"RCPT TO:<@relay.example,@other.example:bob@example.org>", "250"),
        (b"RCPT TO:<bob@[192.0.2.1]>", "530"),
    ],
    "parameters": [
        EHLO,
        (b"MAIL FROM:<ann@example.org> SIZE=10485761", "552 5.3.4"),
        (b"MAIL FROM:<ann@example.org> SIZE=many", "501 5.5.4"),
        (b"MAIL FROM:<ann@example.org> BODY=9BIT", "501 5.5.4"),
        (b"MAIL FROM:<ann@example.org> MT-PRIORITY=3", "555 5.5.4"),
        (b"MAIL FROM:<ann@example.org> AUTH=<>", "555 5.5.4"),
        (b"MAIL FROM:<ann@example.org> SMTPUTF8=1", "501 5.5.4"),
        (b"MAIL FROM:<ann@example.org> size=10485760 BODY=8bitmime SMTPUTF8", "250 2.1.0"),
        (b"RCPT TO:<bob@example.org> RRVS=2026-01-01T00:00:00Z", "555 5.5.4"),
    ],
    "parameters need EHLO": [
        (b"HELO client.example", "250"),
        (b"MAIL FROM:<ann@example.org> SIZE=1", "555 5.5.4"),
        MAIL,
        (b"RCPT TO:<bob@example.org> NOTIFY=NEVER", "555 5.5.4"),
    ],
    "addresses beyond ASCII": [
        EHLO,
        ("MAIL FROM:<zoë@example.org>".encode(), "553 5.6.7"),
        (b"MAIL FROM:<zo\xff@example.org> SMTPUTF8", "501 5.1.7"),
        MAIL,
        ("RCPT TO:<zoë@example.org>".encode(), "553 5.6.7"),
        (b"RSET", "250"),
        ("MAIL FROM:<zoë@example.org> SMTPUTF8".encode(), "250"),
        ("RCPT TO:<zoë@example.org>".encode(), "250"),
        ("RCPT TO:<nobodyë@example.org>".encode(), "550 5.1.1 <nobody\\xeb@"),
    ],
    "recipients": [
        EHLO,
        MAIL,
        (b"RCPT TO:<anyone@PRACTICE.example>", "250 2.1.5"),
        (b"RCPT TO:<Unknown.person@example.org>", "550 5.1.1"),
        (b"RCPT TO:<full@example.org>", "452 4.2.2"),
        (b"RCPT TO:<carol@example.net>", "530 5.7.0"),
        (b"RCPT TO:<carol@nowhere.invalid>", "550 5.1.2"),
    ],
    "VRFY, EXPN, HELP, NOOP": [
        (b"VRFY", "501 5.5.4"),
        (b"VRFY bob@example.org", "250 2.1.5 <bob@example.org>"),
        (b"VRFY <bob@practice.example>", "250 2.1.5 <bob@practice.example>"),
        (b"VRFY nobody@example.org", "550 5.1.1"),
        (b"VRFY bob", "252 2.0.0"),
        (b"VRFY bob@example.net", "252 2.0.0"),
        (b"EXPN staff", "502 5.5.1"),
        (b"HELP", "214-This is practice.example"),
        (b"HELP MAIL", "214-"),
        (b"NOOP whatever", "250 2.0.0"),
    ],
    "no commands": [
        (b"", "500 5.5.2"),
        (b"FOO", "500 5.5.2"),
        (b" EHLO client.example", "500 5.5.2"),
        (b"\xff\xfe", "500 5.5.2"),
        (b"NOOP \x00", "500 5.5.2"),
        (b"NOOP a\rb", "500 5.5.2"),
        (b"ETRN example.org", "502 5.5.1"),
        (b"TURN", "502 5.5.1"),
        ("ſtarttls".encode(), "500 5.5.2"),
    ],
    "AUTH in the clear": [EHLO, (b"AUTH PLAIN " + PLAIN, "538 5.7.11")],
    "lines too long": [
        (b"NOOP " + b"x" * 505, "250"),
        (b"NOOP " + b"x" * 506, "500 5.5.2"),
        EHLO,
        (b"MAIL FROM:<ann@example.org> AUTH=" + b"x" * 900, "555"),
        (b"MAIL FROM:<ann@example.org> AUTH=" + b"x" * 1200, "500 5.5.2"),
        (b"AUTH PLAIN " + b"x" * 12270, "538"),
        (b"AUTH PLAIN " + b"x" * 12280, "500 5.5.2"),
        (b"x" * 200_000, "500 5.5.2"),
        (b"NOOP", "250"),
    ],
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogue(client: Client, name: str) -> None:
    assert client.reply().startswith(b"220 practice.example ESMTP ")
    for line, beginning in DIALOGUES[name]:
        assert client.say(line).decode().startswith(beginning), line[:80]


@pytest.mark.parametrize(
    "line", [b"RCPT TO:<mantis@example.com>", b"RCPT TO:<x@nowhere.invalid>", b"DATA"], ids=["530", "550", "503"]
)
def test_a_refusal_names_an_address_that_works(client: Client, line: bytes) -> None:
    client.reply()
    for verb in (b"HELO client.example", b"MAIL FROM:<ann@example.org>"):
        assert client.code(verb) == "250"
    named = re.search(rb"<[a-z]+@example\.org>", client.say(line))
    assert named is not None
    assert client.code(b"RCPT TO:" + named[0]) == "250"
    assert client.code(b"DATA") == "354"
    assert client.code(b".") == "250"


def test_every_reply_but_a_few_has_an_enhanced_code_of_its_own_class(client: Client) -> None:
    client.reply()
    for line, _ in [step for name in ("syntax", "parameters", "recipients", "a message") for step in DIALOGUES[name]]:
        reply = client.say(line)
        if line.startswith((b"EHLO", b"HELO")):
            continue
        assert reply.startswith(b"354 ") or re.match(rb"([245])\d\d \1\.\d+\.\d+ ", reply), reply


def test_ehlo_announces_what_holds_before_and_after_tls(client: Client) -> None:
    client.reply()
    common = [b"SIZE 10485760", b"8BITMIME", b"SMTPUTF8", b"PIPELINING", b"ENHANCEDSTATUSCODES"]
    common += [b"CHUNKING", b"BINARYMIME", b"DSN", b"PRDR"]
    assert keywords(client.say(b"EHLO client.example")) == [*common, b"STARTTLS", XCLIENT, b"HELP"]
    assert client.code(b"STARTTLS") == "220"
    client.start_tls()
    assert client.code(b"MAIL FROM:<>") == "503", "what was said before TLS is forgotten"
    assert keywords(client.say(b"EHLO client.example")) == [*common, AUTH + b" SCRAM-SHA-256-PLUS", XCLIENT, b"HELP"]
    assert client.say(b"STARTTLS").startswith(b"503 5.5.1 ")


def keywords(reply: bytes) -> list[bytes]:
    return [line[4:] for line in reply.split(b"\r\n")[1:-1]]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "practice.example"])
def test_the_certificate_is_good_for_its_names(client: Client, name: str) -> None:
    client.reply()
    client.code(b"STARTTLS")
    client.start_tls(name)
    assert client.code(b"NOOP") == "250"


def test_the_certificate_is_good_for_no_other_name(client: Client) -> None:
    client.reply()
    client.code(b"STARTTLS")
    with pytest.raises(ssl.SSLCertVerificationError):
        client.start_tls("mail.example.org")


@pytest.mark.parametrize(
    ("password", "code"), [(PASSWORD, "235 2.7.0"), ("guess", "535 5.7.8"), ("", "535 5.7.8"), ("é", "535 5.7.8")]
)
@pytest.mark.parametrize("mechanism", ["PLAIN", "PLAIN later", "LOGIN", "LOGIN user", "CRAM-MD5", "plain"])
def test_auth(client: Client, mechanism: str, password: str, code: str) -> None:
    client.tls_session()
    secret = password.encode()
    match mechanism:
        case "PLAIN" | "plain":
            reply = client.say(b"AUTH " + mechanism.encode() + b" " + b64(b"\0student\0" + secret))
        case "PLAIN later":
            assert client.say(b"AUTH PLAIN") == b"334 \r\n"
            reply = client.say(b64(b"\0student\0" + secret))
        case "LOGIN":
            assert client.say(b"AUTH LOGIN") == b"334 VXNlcm5hbWU6\r\n"
            assert client.say(b64(b"student")) == b"334 UGFzc3dvcmQ6\r\n"
            reply = client.say(b64(secret))
        case "LOGIN user":
            assert client.say(b"AUTH LOGIN " + b64(b"student")) == b"334 UGFzc3dvcmQ6\r\n"
            reply = client.say(b64(secret))
        case _:
            challenge = base64.b64decode(client.say(b"AUTH CRAM-MD5")[4:], validate=False)
            assert re.fullmatch(rb"<[0-9a-f]+\.[0-9]+@practice\.example>", challenge)
            reply = client.say(b64(b"student " + hmac.new(secret, challenge, "md5").hexdigest().encode()))
    assert reply.decode().startswith(code)


def test_after_auth_mail_may_go_anywhere_but_auth_only_once(client: Client) -> None:
    client.tls_session()
    assert client.code(b"MAIL FROM:<ann@example.org>") == "250"
    assert client.say(b"AUTH PLAIN " + PLAIN).startswith(b"503 5.5.1 AUTH may not stand inside a mail transaction")
    assert client.code(b"RCPT TO:<carol@example.net>") == "530"
    assert client.code(b"RSET") == "250"
    assert client.code(b"AUTH PLAIN " + PLAIN) == "235"
    assert client.say(b"AUTH PLAIN " + PLAIN).startswith(b"503 5.5.1 Authenticated already")
    assert client.code(b"MAIL FROM:<ann@example.org> AUTH=<>") == "250"
    assert client.code(b"RCPT TO:<carol@example.net>") == "250"


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ([b"AUTH"], ["501 5.5.4"]),
        ([b"AUTH PLAIN a b"], ["501 5.5.4"]),
        ([b"AUTH SCRAM-SHA-512"], ["504 5.5.4"]),
        ([b"AUTH PLAIN !"], ["501 5.5.2"]),
        ([b"AUTH PLAIN ="], ["501 5.5.2"]),
        ([b"AUTH PLAIN " + b64(b"student")], ["501 5.5.2"]),
        ([b"AUTH CRAM-MD5 x"], ["501 5.5.4"]),
        ([b"AUTH PLAIN", b"*"], ["334", "501 5.7.0"]),
        ([b"AUTH LOGIN", b"*"], ["334", "501 5.7.0"]),
        ([b"AUTH LOGIN", b"eA==", b"*"], ["334", "334", "501 5.7.0"]),
        ([b"AUTH LOGIN", b"\xff"], ["334", "501 5.5.2"]),
        ([b"AUTH CRAM-MD5", b"eA=="], ["334", "535 5.7.8"]),
        ([b"AUTH CRAM-MD5", b"/w=="], ["334", "535 5.7.8"]),
        ([b"AUTH PLAIN", b"x" * 12280], ["334", "501 5.5.2"]),
        ([b"AUTH PLAIN", b"x" * 12300], ["334", "500 5.5.6"]),
        ([b"AUTH PLAIN", b"x" * 100_000], ["334", "500 5.5.6"]),
    ],
)
def test_auth_that_goes_wrong(client: Client, lines: list[bytes], codes: list[str]) -> None:
    client.tls_session()
    for line, code in zip(lines, codes, strict=True):
        assert client.say(line).decode().startswith(code)
    assert client.code(b"NOOP") == "250"


def test_auth_before_tls_can_be_asked_for() -> None:
    settings = PracticeSettings(password=Secret(PASSWORD), auth_before_tls=True)
    with PracticeServer(settings) as server, connected(server) as client:
        client.reply()
        assert {b"STARTTLS", AUTH} < set(keywords(client.say(b"EHLO client.example")))
        assert client.code(b"AUTH PLAIN " + PLAIN) == "235"


def test_a_greylisted_mailbox_puts_each_sender_off_once(client: Client) -> None:
    client.reply()
    rcpt = b"RCPT TO:<Greylisted@example.org>"
    codes = [client.code(line) for line in (EHLO[0], MAIL[0], rcpt, rcpt, b"RSET", MAIL[0], rcpt)]
    assert codes == ["250", "250", "450", "250", "250", "250", "250"]
    codes = [client.code(line) for line in (b"RSET", b"MAIL FROM:<carol@example.org>", rcpt, rcpt)]
    assert codes == ["250", "250", "450", "250"], "another sender has to wait, too"
    assert client.code(b"RCPT TO:<greylisted@practice.example>") == "450", "and so has another recipient"


def test_what_was_sent_is_in_the_inbox(tmp_path: Path) -> None:
    settings = PracticeSettings(password=Secret(PASSWORD), maildir=tmp_path / "Mail" / "dir")
    with PracticeServer(settings) as server:
        with connected(server) as client:
            client.tls_session()
            client.code(b"AUTH PLAIN " + PLAIN)
            for line in (b"MAIL FROM:<ann@example.org>", b"RCPT TO:<bob@example.org>", b"RCPT TO:<carol@example.net>"):
                assert client.code(line) == "250"
            assert client.code(b"DATA") == "354"
            client.send(b"..dot\r\n.. two\r\nSubject: hi\r\n\r\nbare\n.\nLF \xff\r\n\r\n")
            queued = client.say(b".")
        queue_id = queued.removeprefix(b"250 2.0.0 Ok: queued as ").strip()
        (message,) = server.inbox.messages()
        assert message.recipients == (b"bob@example.org", b"carol@example.net")
        assert message.subject == "hi"
        text = server.inbox.read(1)
        trace, _, mail_data = text.partition(b".dot\r\n")
        assert mail_data == b". two\r\nSubject: hi\r\n\r\nbare\n.\nLF \xff\r\n\r\n"
        assert trace.startswith(b"Return-Path: <ann@example.org>\r\nDelivered-To: bob@example.org\r\n")
        assert b"Received: from client.example ([127.0.0.1])\r\n\tby practice.example " in trace
        assert b" with ESMTPSA id " + queue_id in trace
        assert PASSWORD.encode() not in text
    assert len(list(settings.maildir.rglob("*.example") if settings.maildir else [])) == 1, "its own directory stays"


def test_commands_in_one_segment_are_answered_in_order(client: Client, server: PracticeServer) -> None:
    before = len(server.inbox.messages())
    mail = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
    text = b"Subject: x\r\n\r\n.\r\n"
    client.send(b"EHLO client.example\r\n" + (mail + text) * 5 + b"NOOP\r\nQUIT\r\n")
    codes = [client.reply()[:3].decode() for _ in range(2 + 5 * 5 + 2)]
    assert codes == ["220", "250", *["250", "550", "250", "354", "250"] * 5, "250", "221"]
    assert client.reply() == b""
    assert len(server.inbox.messages()) == before + 5


def test_commands_before_the_end_of_the_input_are_answered(client: Client) -> None:
    client.send(b"EHLO client.example\r\nNOOP\r\nMAIL FROM:<>\r\nhalf a comma")
    client.end_input()
    assert [client.reply()[:3] for _ in range(5)] == [b"220", b"250", b"250", b"250", b""]


@pytest.mark.parametrize("behind", [b"MAIL FROM:<evil@example.net>\r\n", b"N", b"\x16\x03\x01"])
def test_what_follows_starttls_in_the_clear_is_refused(client: Client, behind: bytes) -> None:
    client.reply()
    client.code(b"EHLO client.example")
    client.send(b"STARTTLS\r\n" + behind)
    assert client.reply().startswith(b"554 5.5.0 ")
    assert client.reply() == b""


def test_clear_text_in_place_of_a_handshake_ends_the_connection(client: Client, server: PracticeServer) -> None:
    client.reply()
    assert client.code(b"STARTTLS") == "220"
    client.send(b"MAIL FROM:<evil@example.net>\r\n" * 3)
    while (line := client.reply()) != b"":
        assert not line.startswith((b"250", b"503"))
    assert_serves(server)


def assert_serves(server: PracticeServer) -> None:
    with connected(server) as client:
        assert client.reply().startswith(b"220 ")
        assert [client.code(line) for line in (EHLO[0], MAIL[0], RCPT[0], b"DATA", b"x\r\n.")] == [
            "250",
            "250",
            "250",
            "354",
            "250",
        ]


def begin_mail_data(client: Client) -> None:
    client.reply()
    assert [client.code(line) for line in (EHLO[0], MAIL[0], RCPT[0], b"DATA")] == ["250", "250", "250", "354"]


def test_a_long_body_line_is_taken_whole(server: PracticeServer, client: Client) -> None:
    begin_mail_data(client)
    body = b"x" * 300_001 + b"." * 16384 + b"\r\n"
    client.send(body)
    assert client.code(b".") == "250"
    assert server.inbox.read(len(server.inbox.messages())).endswith(b"\r\n" + body)


@pytest.mark.parametrize("line", [b"x" * 998 + b"\r\n", b"x" * 8191], ids=["lines", "no line end"])
def test_a_message_too_big_is_refused_at_its_end(server: PracticeServer, client: Client, line: bytes) -> None:
    before = len(server.inbox.messages())
    begin_mail_data(client)
    for _ in range(MESSAGE_LIMIT // (len(line) * 64) + 1):
        client.send(line * 64)
    assert client.say(b"\r\n.").startswith(b"552 5.3.4 ")
    assert client.code(b"NOOP") == "250"
    assert len(server.inbox.messages()) == before
    assert list((server.maildir / "tmp").iterdir()) == []


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r\r\n"])
def test_only_crlf_dot_crlf_ends_the_mail_data(client: Client, end: bytes) -> None:
    begin_mail_data(client)
    client.send(b"x" + end + b"MAIL FROM:<evil@example.net>\r\n.\r\nQUIT\r\n")
    assert [client.reply()[:3] for _ in range(3)] == [b"250", b"221", b""]


def test_a_connection_lost_inside_the_mail_data_leaves_nothing(server: PracticeServer) -> None:
    before = len(server.inbox.messages())
    with connected(server) as client:
        begin_mail_data(client)
        client.send(b"Subject: half\r\n")
        client.end_input()
        assert client.reply() == b""
    assert len(server.inbox.messages()) == before
    assert list((server.maildir / "tmp").iterdir()) == []


def test_there_is_a_limit_to_the_recipients(client: Client) -> None:
    client.reply()
    client.send(b"EHLO client.example\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<bob@example.org>\r\n" * 101)
    replies = [client.reply() for _ in range(103)]
    assert replies[101] == b"250 2.1.5 Ok\r\n"
    assert replies[102].startswith(b"452 4.5.3 ")


def test_twenty_errors_in_a_row_end_the_connection(client: Client) -> None:
    client.reply()
    for _ in range(2):
        assert [client.code(b"FOO") for _ in range(19)] == ["500"] * 19
        assert client.code(b"NOOP") == "250"
    assert [client.code(b"FOO") for _ in range(20)] == ["500"] * 19 + ["421"]
    assert client.reply() == b""


def test_fifty_connections_are_served_at_once_and_the_next_is_turned_away() -> None:
    with PracticeServer(SETTINGS) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(50)]
        assert {client.reply()[:3] for client in clients} == {b"220"}
        with connected(server) as late:
            assert late.reply().startswith(b"421 4.7.0 ")
            assert late.reply() == b""
        assert {client.code(b"QUIT") for client in clients} == {"221"}
        assert {client.reply() for client in clients} == {b""}
        assert_serves(server)


def test_a_silent_client_is_told_goodbye() -> None:
    settings = PracticeSettings(password=Secret(PASSWORD), idle_limit=0.2)
    with PracticeServer(settings) as server, connected(server) as client:
        assert client.reply().startswith(b"220 ")
        assert client.reply().startswith(b"421 4.4.2 ")
        assert client.reply() == b""


def test_clients_that_are_silent_in_place_of_a_handshake_are_gone_after_the_limit() -> None:
    watch = Watch()
    settings = PracticeSettings(password=Secret(PASSWORD), idle_limit=0.3)
    with PracticeServer(settings, watch=watch) as server:
        for _ in range(2):  # 50 connections at once are taken
            with ExitStack() as stack:
                clients = [stack.enter_context(connected(server)) for _ in range(30)]
                assert {client.code(b"STARTTLS") for client in clients if client.reply()} == {"220"}
                assert {client.reply() for client in clients} == {b""}
        assert {each.ended for each in watch.sessions()} == {"TLS failed"}
        with connected(server) as client:
            assert client.reply().startswith(b"220 ")


def test_stopping_says_goodbye_and_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    server = PracticeServer(SETTINGS)
    server.start()
    directory = server.ca_file.parent
    with connected(server) as plain, connected(server) as secure:
        plain.reply()
        secure.tls_session()
        server.stop()
        server.stop()
        assert plain.reply().startswith(b"421 4.3.2 ")
        assert plain.reply() == b""
        assert secure.reply().startswith(b"421 4.3.2 ")
    assert not directory.exists()
    assert threading.active_count() == threads
    with pytest.raises(ConnectionError):
        Client(server)


def test_a_stopped_server_can_be_started_again() -> None:
    server = PracticeServer(SETTINGS)
    for _ in range(2):
        with server:
            assert_serves(server)
            with pytest.raises(UsageError, match="running already"):
                server.start()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_its_files_are_its_owners_alone_and_no_key_is_among_them(server: PracticeServer) -> None:
    assert stat.S_IMODE(server.ca_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.ca_file.parent.stat().st_mode) == 0o700
    for path in server.ca_file.parent.glob("*"):
        assert path.is_dir() or b"PRIVATE KEY" not in path.read_bytes()


def test_a_password_is_made_up_each_time_and_not_shown() -> None:
    servers = [PracticeServer(PracticeSettings()) for _ in range(2)]
    passwords = [server.password.reveal() for server in servers]
    assert len(set(passwords)) == 2
    assert all(re.fullmatch(r"[a-z]{4,8}-[a-z]{4,8}-[0-9]{4}", password) for password in passwords)
    assert PASSWORD not in repr(SETTINGS)


def test_a_made_up_password_has_its_bits() -> None:
    words = {word for _ in range(2000) for word in make_password().reveal().split("-")[:2]}
    assert len(words) >= 128, "seven bits a word, and thirteen in the digits"


def test_a_port_that_is_taken_is_one_sentence(server: PracticeServer) -> None:
    with pytest.raises(ConnectFailed, match=rf"cannot listen on 127.0.0.1 port {server.port}: .*; choose another port"):
        PracticeServer(PracticeSettings(port=server.port)).start()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (PracticeSettings(host="0.0.0.0"), "loopback only, not on 0.0.0.0"),
        (PracticeSettings(host="mail.example.org"), "loopback only"),
        (PracticeSettings(port=70000), "no port 70000"),
        (PracticeSettings(certificate=Path("missing.pem")), "--cert missing.pem: there is no such file"),
        (PracticeSettings(certificate=Path(__file__)), "it holds no PEM block"),
        (PracticeSettings(maildir=Path(__file__)), "could not be made"),
    ],
)
def test_settings_that_cannot_be_used_are_one_sentence(settings: PracticeSettings, sentence: str) -> None:
    server = PracticeServer(settings)
    with pytest.raises((UsageError, ConfigError), match=sentence):
        server.start()
    with pytest.raises(UsageError, match="has not been started"):
        _ = server.inbox


def test_a_certificate_of_the_users_own_is_shown(tmp_path: Path) -> None:
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(leaf.cert_chain_pems[0].bytes() + authority.cert_pem.bytes())
    leaf.private_key_pem.write_to_path(key)
    settings = PracticeSettings(certificate=certificate, key=key)
    with PracticeServer(settings) as server, connected(server) as client:
        assert server.ca_file == certificate
        client.tls_session()


def test_the_certificate_is_there_when_it_is_told_and_tls_waits_for_it() -> None:
    for _ in range(3):
        with PracticeServer(SETTINGS) as server, connected(server) as client:
            assert client.reply().startswith(b"220 ")
            assert client.code(b"STARTTLS") == "220"
            assert server.ca_file.read_text().startswith("-----BEGIN CERTIFICATE-----")
            client.start_tls()
            assert client.code(b"EHLO client.example") == "250"


def test_a_server_that_stops_at_once_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with PracticeServer(SETTINGS):
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(directory: Path, *names: str) -> NoReturn:
        raise UsageError("The server's certificate could not be written.")

    monkeypatch.setattr("smtp_shell.servers.certificate.make_certificate", fail)
    with PracticeServer(SETTINGS) as server, connected(server) as client:
        assert client.reply().startswith(b"220 ")
        assert client.code(b"STARTTLS") == "451"
        with pytest.raises(UsageError, match="could not be written"):
            _ = server.ca_file


def test_small_replies_do_not_wait_for_one_another() -> None:
    """asyncio sets TCP_NODELAY for sockets that say that they are TCP; without it, QUIT inside TLS took 40 ms."""
    for listener in listen("127.0.0.1", 0):
        assert listener.proto == socket.IPPROTO_TCP
        listener.close()


def test_a_key_with_a_pass_phrase_is_refused_without_a_question(tmp_path: Path) -> None:
    import trustme
    from cryptography.hazmat.primitives import serialization

    leaf = trustme.CA().issue_cert("localhost")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    (tmp_path / "cert.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"phrase"),
        )
    )
    with pytest.raises(ConfigError, match=r"^--key .*key\.pem: the private key needs a passphrase"):
        PracticeServer(PracticeSettings(certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")).start()


def test_it_listens_on_ipv6_too_where_there_is_one(server: PracticeServer) -> None:
    try:
        client = Client(server, "::1")
    except OSError:
        pytest.skip("no IPv6 loopback here")
    assert client.reply().startswith(b"220 ")
    client.close()


# What a client sends, at its worst


PIECES = [
    *(line for steps in DIALOGUES.values() for line, _ in steps if len(line) < 200),
    b"AUTH PLAIN",
    b"AUTH LOGIN",
    b"*",
    b".",
    b"..",
    b"DATA",
    b"DATA\r\n.",
    b"MAIL FROM:<%s@example.org>" % (b"a." * 30),
    b"RCPT TO:<@@@:@>",
    b"VRFY <<>>",
    b"VRFY \xff\xc3",
    b"EHLO \xff\x80",
]


@pytest.mark.parametrize("seed", range(12))
def test_no_garbage_makes_it_stop_or_speak_out_of_turn(
    server: PracticeServer, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        lines: list[bytes] = []
        for _ in range(60):
            piece = bytearray(chance.choice(PIECES))
            for _ in range(chance.choice((0, 0, 1, 3))):
                piece.insert(chance.randint(0, len(piece)), chance.randrange(256))
            lines.append(bytes(piece) + chance.choice((b"\r\n", b"\r\n", b"\n", b"\r", b"")))
        with connected(server) as client:
            with contextlib.suppress(ConnectionError):
                client.send(b"".join(line for line in lines if not line.upper().startswith(b"STARTTLS")))
                client.end_input()
            while (reply := client.reply()) != b"":
                assert re.fullmatch(rb"(?:[2345]\d\d[- ][ -~]*\r\n)+", reply), reply
                assert not reply.startswith(b"451"), "nothing went wrong inside"
    assert_serves(server)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(4))
def test_no_garbage_under_or_inside_tls_makes_it_stop(
    server: PracticeServer, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        with connected(server) as client, contextlib.suppress(ConnectionError):
            client.reply()
            assert client.code(b"STARTTLS") == "220"
            client.send(chance.choice((b"", b"\x16\x03\x01\x02\x00\x01")) + chance.randbytes(chance.randrange(300)))
            if chance.random() < 0.5:
                client.end_input()
                while client.reply() != b"":
                    pass
        with connected(server) as client, contextlib.suppress(ConnectionError):
            client.tls_session()
            client.send(b"\r\n".join(chance.choices(PIECES, k=15)) + chance.randbytes(20))
            client.end_input()
            while client.reply() != b"":
                pass
    assert_serves(server)
    assert capfd.readouterr() == ("", "")


def test_a_failure_inside_is_a_451_and_no_traceback(
    client: Client, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_octets: bytes) -> str:
        raise RuntimeError("as a bug would")

    monkeypatch.setattr("smtp_shell.servers.mailboxes.shown_in_ascii", fail)
    client.reply()
    assert client.say(b"VRFY bob@example.org").startswith(b"451 4.3.0 ")
    assert client.code(b"NOOP") == "250"
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_is_a_452(client: Client, server: PracticeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: object, _octets: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("smtp_shell.servers.inbox.IncomingMessage.write", fail)
        begin_mail_data(client)
        assert client.say(b"x\r\n.").startswith(b"452 4.3.1 ")
    assert list((server.maildir / "tmp").iterdir()) == []
    assert [client.code(line) for line in (MAIL[0], RCPT[0], b"DATA", b"x\r\n.")] == ["250", "250", "354", "250"]


def test_a_message_that_cannot_be_moved_into_the_inbox_is_a_452_and_leaves_nothing(
    client: Client, server: PracticeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    before = len(server.inbox.messages())
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        begin_mail_data(client)
        assert client.say(b"x\r\n.").startswith(b"452 4.3.1 ")
    assert list((server.maildir / "tmp").iterdir()) == []
    assert len(server.inbox.messages()) == before


def test_a_report_for_which_there_is_no_room_does_not_refuse_the_message_that_is_stored(
    client: Client, server: PracticeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    client.reply()
    before = len(server.inbox.messages())
    with monkeypatch.context() as patched:
        patched.setattr("smtp_shell.servers.notifications.report", refuse)
        lines = (
            b"EHLO client.example",
            b"MAIL FROM:<ann@example.org>",
            b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS",
            b"DATA",
        )
        assert [client.code(line) for line in lines] == ["250", "250", "250", "354"]
        assert client.say(b"x\r\n.").startswith(b"250 2.0.0 ")
    assert list((server.maildir / "tmp").iterdir()) == []
    assert len(server.inbox.messages()) == before + 1


# Faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("RCPT=450", Fault("RCPT", Mischief.REPLY, code=450)),
        ("connect=drop", Fault("CONNECT", Mischief.DROP)),
        ("DOT=delay:2.5", Fault("DOT", Mischief.DELAY, seconds=2.5)),
        ("Data=DELAY:3600", Fault("DATA", Mischief.DELAY, seconds=3600)),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RCPT",
        "=450",
        "RCPT=",
        "RCPT=45",
        "RCPT=4500",
        "RCPT=199",
        "RCPT=600",
        "RCPT=٤٥٠",
        "RCPT=explode",
        "RCPT=delay",
        "RCPT=delay:",
        "RCPT=delay:-1",
        "RCPT=delay:3601",
        "RCPT=delay:nan",
        "RC PT=450",
        "RCPT\x1b[m=450",
    ],
)
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"The fault '.*' (names no command|is not understood)") as caught:
        parse_faults(["MAIL=550", text])
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("verb", ["FOO", "GREETING", "RCTP"])
def test_a_fault_at_no_command_is_refused_with_those_there_are(verb: str) -> None:
    with pytest.raises(
        UsageError, match=rf"The fault '{verb}=421' is at no command: write one of .*RCPT.*CONNECT for the greeting"
    ):
        parse_faults([f"{verb}=421"])


@pytest.mark.parametrize(
    ("faults", "replies"),
    [
        (["CONNECT=421"], ["421 Service not available", ""]),
        (["CONNECT=554"], ["554 practice.example ", "503 5.5.1 ", "503 5.5.1 "]),
        (["CONNECT=drop"], [""]),
        (["EHLO=502"], ["220 ", "502 Command not implemented", "503 5.5.1 "]),
        (["EHLO=drop"], ["220 ", ""]),
        (["MAIL=451"], ["220 ", "250-", "451 4.3.0 ", "503 5.5.1 "]),
        (["RCPT=550"], ["220 ", "250-", "250 ", "550 5.1.1 ", "503 5.5.1 "]),
        (["RCPT=421"], ["220 ", "250-", "250 ", "421 4.3.2 ", ""]),
        (["DATA=456"], ["220 ", "250-", "250 ", "250 ", "456 4.0.0 ", "500 "]),
        (["DOT=554"], ["220 ", "250-", "250 ", "250 ", "354 ", "554 5.0.0 ", "221 "]),
        (["DOT=drop"], ["220 ", "250-", "250 ", "250 ", "354 ", ""]),
        (["QUIT=drop"], ["220 ", "250-", "250 ", "250 ", "354 ", "250 ", ""]),
        (["DOT=delay:0.05", "DOT=452"], ["220 ", "250-", "250 ", "250 ", "354 ", "452 4.3.1 ", "221 "]),
        (["BDAT=250"], ["220 ", "250-", "250 ", "250 ", "354 ", "250 ", "221 "]),
    ],
)
def test_faults(faults: list[str], replies: list[str]) -> None:
    settings = PracticeSettings(faults=parse_faults(faults))
    with PracticeServer(settings) as server, connected(server) as client:
        seen = [client.reply()]
        for line in (EHLO[0], MAIL[0], RCPT[0], b"DATA", b"x\r\n.", b"QUIT"):
            if len(seen) == len(replies):
                break
            try:
                seen.append(client.say(line))
            except ConnectionError:
                seen.append(b"")
    assert [reply.decode()[: len(wanted)] for reply, wanted in zip(seen, replies, strict=True)] == replies
    assert all(bool(reply) == bool(wanted) for reply, wanted in zip(seen, replies, strict=True))


def test_faults_of_starttls_and_auth() -> None:
    with PracticeServer(PracticeSettings(faults=parse_faults(["STARTTLS=454"]))) as server, connected(server) as client:
        client.reply()
        assert client.say(b"STARTTLS").startswith(b"454 4.7.0 TLS not available")
    with PracticeServer(PracticeSettings(faults=parse_faults(["AUTH=535"]))) as server, connected(server) as client:
        client.tls_session()
        assert client.say(b"AUTH PLAIN " + PLAIN).startswith(b"535 5.7.8 ")


def test_nothing_that_sends_mail_comes_with_it() -> None:
    code = (
        "import sys; from smtp_shell.servers.practice import PracticeServer, PracticeSettings\n"
        "with PracticeServer(PracticeSettings()): pass\n"
        "print(*{'smtplib', 'aiosmtpd.handlers', 'aiosmtpd.controller'} & set(sys.modules), end='')"
    )
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM for another process")
def test_sigterm_as_soon_as_it_accepts_leaves_no_temporary_file_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program = subprocess.Popen(
        [sys.executable, "-m", "smtp_shell", "practice", "--serve-only"],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert program.stdout is not None
    with program.stdout as words:
        try:
            assert words.readline().startswith(b"practice server")
            assert list(temporary.iterdir())
            program.send_signal(signal.SIGTERM)
            assert program.wait(20) == 0
        finally:
            program.kill()
            program.wait()
    assert list(temporary.iterdir()) == []

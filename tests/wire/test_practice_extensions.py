"""The practice server's extensions, over real sockets: BDAT, DSN, PRDR, XCLIENT, and the mechanisms that it checks itself."""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.faults import parse_faults
from smtp_shell.servers.practice import MESSAGE_LIMIT, PracticeServer, PracticeSettings
from tests.unit.cli.program import PROGRAM
from tests.wire.test_practice import EHLO, MAIL, RCPT, Client, b64, connected
from tests.wire.test_watch import practising

PASSWORD = "open sesame"
TOKEN = "practice.token"
SETTINGS = PracticeSettings(password=Secret(PASSWORD), token=Secret(TOKEN))
LETTER = b"Subject: hello\r\n\r\nOne line.\r\n"
BIG_LETTER = b"Subject: big\r\n\r\n" + b"0123456789 a line of text\r\n" * 50
TENFOLD = 10 * 1024**3


@pytest.fixture
def server() -> Iterator[PracticeServer]:
    with PracticeServer(SETTINGS) as server:
        yield server


@pytest.fixture
def client(server: PracticeServer) -> Iterator[Client]:
    with connected(server) as client:
        client.reply()
        yield client


def begin(client: Client, mail: bytes = MAIL[0], *recipients: bytes) -> None:
    """Get to where the message is to come."""
    for line in (EHLO[0], mail, *(recipients or (RCPT[0],))):
        assert client.code(line) == "250", line


def send_chunk(client: Client, octets: bytes, last: str = "") -> str:
    client.send(f"BDAT {len(octets)}{last}\r\n".encode() + octets)
    return client.reply().decode()


def received(server: PracticeServer, number: int) -> EmailMessage:
    message = message_from_bytes(server.inbox.read(number), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


class TestBdat:
    def test_chunks_make_one_message_octet_for_octet(self, client: Client, server: PracticeServer) -> None:
        octets = bytes(range(256)) * 3 + b"\r\n.\r\nQUIT\r\n" + b"no line end"
        begin(client, b"MAIL FROM:<ann@example.org> BODY=BINARYMIME")
        assert send_chunk(client, octets[:100]).startswith("250 2.0.0 Ok: 100 octets, 100 in all")
        assert send_chunk(client, b"") == "250 2.0.0 Ok: 0 octets, 100 in all\r\n"
        assert send_chunk(client, octets[100:], " LAST").startswith("250 2.0.0 Ok: queued as ")
        assert server.inbox.read(1).endswith(b"\r\n" + octets)
        assert client.code(b"RCPT TO:<bob@example.org>") == "503", "the transaction is over"

    def test_the_last_chunk_may_be_empty(self, client: Client, server: PracticeServer) -> None:
        begin(client)
        assert send_chunk(client, LETTER).startswith("250")
        assert send_chunk(client, b"", " last").startswith("250 2.0.0 Ok: queued")
        assert server.inbox.read(1).endswith(LETTER)

    def test_chunks_and_commands_in_one_segment_are_answered_in_order(self, client: Client) -> None:
        begin(client)
        client.send(b"BDAT 5\r\nQUIT\nBDAT 7 LAST\r\nNOOP\r\n\nNOOP\r\n")
        assert [client.reply()[:9] for _ in range(3)] == [b"250 2.0.0", b"250 2.0.0", b"250 2.0.0"]
        assert client.code(b"MAIL FROM:<ann@example.org>") == "250"

    @pytest.mark.parametrize(
        ("before", "reply"),
        [
            ((EHLO[0],), "503 5.5.1 Send MAIL first"),
            ((EHLO[0], MAIL[0]), "503 5.5.1 Send RCPT first"),
            ((EHLO[0], MAIL[0], b"RCPT TO:<nobody@example.org>"), "554 5.5.1 No valid recipients"),
        ],
    )
    def test_a_chunk_out_of_order_is_refused_and_not_read_as_commands(
        self, client: Client, before: tuple[bytes, ...], reply: str
    ) -> None:
        for line in before:
            client.say(line)
        assert send_chunk(client, b"QUIT\r\n", " LAST").startswith(reply)
        assert client.code(b"NOOP") == "250"

    @pytest.mark.parametrize(
        "argument", [b"", b" many", b" -1", b" 5 FIRST", b" 5 LAST LAST", b" 99999999999999999999"]
    )
    def test_syntax(self, client: Client, argument: bytes) -> None:
        begin(client)
        assert client.say(b"BDAT" + argument).startswith(b"501 5.5.4 Syntax: BDAT octets [LAST]")

    def test_what_may_not_follow_a_chunk(self, client: Client) -> None:
        begin(client)
        assert send_chunk(client, LETTER).startswith("250")
        for line in (b"RCPT TO:<carol@example.org>", b"DATA", b"MAIL FROM:<>", b"STARTTLS", b"XCLIENT NAME=a.example"):
            assert client.say(line).startswith(b"503 5.5.1 "), line

    @pytest.mark.parametrize("line", [b"RSET", b"EHLO client.example", b"HELO client.example"])
    def test_what_forgets_the_chunks(self, client: Client, server: PracticeServer, line: bytes) -> None:
        begin(client)
        assert send_chunk(client, LETTER).startswith("250")
        assert client.code(line) == "250"
        assert list((server.maildir / "tmp").iterdir()) == []
        assert send_chunk(client, LETTER, " LAST").startswith("503")

    def test_a_connection_lost_inside_a_chunk_leaves_nothing(self, server: PracticeServer) -> None:
        with connected(server) as client:
            client.reply()
            begin(client)
            assert send_chunk(client, LETTER).startswith("250")
            client.send(b"BDAT 1000 LAST\r\nhalf")
            client.end_input()
            assert client.reply() == b""
        assert server.inbox.messages() == []
        assert list((server.maildir / "tmp").iterdir()) == []

    def test_binary_octets_need_bdat(self, client: Client) -> None:
        begin(client, b"MAIL FROM:<ann@example.org> BODY=BINARYMIME")
        assert client.say(b"DATA").startswith(b"503 5.5.1 BODY=BINARYMIME needs BDAT")

    def test_chunks_that_are_too_big_together_end_the_transaction(self, client: Client) -> None:
        begin(client)
        half = b"x" * (MESSAGE_LIMIT // 2 + 1)
        assert send_chunk(client, half).startswith("250")
        assert send_chunk(client, half).startswith("552 5.3.4 Message is too big")
        assert send_chunk(client, LETTER, " LAST").startswith("503 5.5.1 Send MAIL first")

    @pytest.mark.parametrize("size", [TENFOLD, 9_999_999_999_999_999_999])
    def test_ten_gigabytes_are_refused_before_they_come(
        self, client: Client, server: PracticeServer, size: int
    ) -> None:
        begin(client)
        assert client.say(f"BDAT {size} LAST".encode()).startswith(b"552 5.3.4 Message is too big")
        client.send(b"QUIT\r\n" * 1000)
        client.end_input()
        assert client.reply() == b"", "its octets are no commands"
        assert list((server.maildir / "tmp").iterdir()) == []

    @pytest.mark.parametrize(
        ("fault", "replies"),
        [
            ("bdat=451@1", ["451 4.3.0", "503 5.5.1"]),
            ("bdat=451@2", ["250 2.0.0", "451 4.3.0"]),
            ("bdat=pieces", ["250 2.0.0", "250 2.0.0"]),
            ("dot=554", ["250 2.0.0", "554 5.0.0"]),
            ("bdat=drop@2", ["250 2.0.0", ""]),
        ],
    )
    def test_faults_come_after_the_chunk(self, fault: str, replies: list[str]) -> None:
        with PracticeServer(PracticeSettings(faults=parse_faults([fault]))) as server, connected(server) as client:
            client.reply()
            begin(client)
            found = [send_chunk(client, b"NOOP\r\n"), send_chunk(client, b"QUIT\r\n", " LAST")]
            assert [reply[:9] for reply in found] == replies


class TestDsn:
    @pytest.mark.parametrize(
        ("parameter", "reply"),
        [
            ("RET=FULL", "250"),
            ("ret=hdrs ENVID=QQ+2B314", "250"),
            ("RET=HEADERS", "501 5.5.4 RET is FULL or HDRS"),
            ("RET", "501 5.5.4 RET"),
            ("RET=FULL RET=FULL", "501 5.5.4"),
            ("ENVID", "501 5.5.4 ENVID is xtext"),
            ("ENVID=a+2b", "501 5.5.4 ENVID is xtext"),
            ("ENVID=a+0Ab", "501 5.5.4 ENVID is xtext"),
            ("ENVID=" + "x" * 100, "250"),
            ("ENVID=" + "x" * 101, "501 5.5.4 ENVID has at most 100"),
            ("PRDR", "250"),
            ("PRDR=YES", "501 5.5.4 PRDR takes no value"),
        ],
    )
    def test_parameters_of_mail(self, client: Client, parameter: str, reply: str) -> None:
        assert client.code(EHLO[0]) == "250"
        assert client.say(f"MAIL FROM:<ann@example.org> {parameter}".encode()).decode().startswith(reply)

    @pytest.mark.parametrize(
        ("parameter", "reply"),
        [
            ("NOTIFY=NEVER", "250"),
            ("notify=success,Failure,DELAY ORCPT=rfc822;Bob+40example.net", "250"),
            ("NOTIFY=NEVER,SUCCESS", "501 5.5.4 NOTIFY is NEVER"),
            ("NOTIFY=SUCCESS,SUCCESS", "501 5.5.4 NOTIFY"),
            ("NOTIFY=ALWAYS", "501 5.5.4 NOTIFY"),
            ("NOTIFY", "501 5.5.4 NOTIFY"),
            ("NOTIFY=", "501 5.5.4"),
            ("ORCPT=bob@example.org", "501 5.5.4 ORCPT is type;address"),
            ("ORCPT=rfc822;", "501 5.5.4 ORCPT"),
            ("ORCPT=rfc822;a+zz", "501 5.5.4 ORCPT"),
            ("ORCPT=utf-8;zo\\x{EB}@example.org", "250"),
            ("ORCPT=rfc822;" + "x" * 493, "250"),
            ("ORCPT=rfc822;" + "x" * 494, "501 5.5.4 ORCPT has at most 500"),
            ("ORCPT=rfc822;" + "x" * 1100, "500 5.5.2 Line too long"),
        ],
    )
    def test_parameters_of_rcpt(self, client: Client, parameter: str, reply: str) -> None:
        assert client.code(EHLO[0]) == client.code(MAIL[0]) == "250"
        assert client.say(f"RCPT TO:<bob@example.org> {parameter}".encode()).decode().startswith(reply)

    def test_a_success_is_reported_to_who_asked_for_it(self, client: Client, server: PracticeServer) -> None:
        begin(
            client,
            b"MAIL FROM:<ann@example.org> RET=HDRS ENVID=QQ+2B314",
            b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS ORCPT=rfc822;Bob+2Bme@example.net",
            b"RCPT TO:<carol@example.org> NOTIFY=NEVER",
        )
        assert client.code(b"DATA") == "354"
        client.send(LETTER)
        assert client.code(b".") == "250"
        message, report = server.inbox.messages()
        assert message.requests == (
            "RET=HDRS ENVID=QQ+2B314",
            "<bob@example.org> NOTIFY=SUCCESS ORCPT=rfc822;Bob+2Bme@example.net",
            "<carol@example.org> NOTIFY=NEVER",
        )
        assert (report.sender, report.recipients) == (b"", (b"ann@example.org",))
        assert received(server, 1)["Original-Recipient"] == "rfc822;Bob+me@example.net"
        parts = [part for part in received(server, 2).walk() if not part.is_multipart()]
        status = received(server, 2).get_payload(1)
        assert isinstance(status, EmailMessage)
        fields = [dict(group.items()) for group in status.get_payload()]  # type: ignore[union-attr]
        assert fields == [
            {"Original-Envelope-Id": "QQ+314", "Reporting-MTA": "dns; practice.example"},
            {
                "Original-Recipient": "rfc822;Bob+me@example.net",
                "Final-Recipient": "rfc822;bob@example.org",
                "Action": "delivered",
                "Status": "2.1.5",
            },
        ]
        assert parts[-1].get_content_type() == "text/rfc822-headers"
        assert "Subject: hello" in parts[-1].get_payload()
        assert "One line" not in parts[-1].get_payload()

    def test_an_address_beyond_ascii_is_reported_as_such(self, client: Client, server: PracticeServer) -> None:
        rcpt = "RCPT TO:<zoë@example.org> NOTIFY=SUCCESS ORCPT=utf-8;zoë@example.org".encode()
        begin(client, b"MAIL FROM:<ann@example.org> SMTPUTF8", rcpt)
        assert send_chunk(client, LETTER, " LAST").startswith("250")
        told = server.inbox.read(2)
        assert b"Content-Type: message/global-delivery-status\r\n" in told
        for name in ("Original", "Final"):
            assert f"\r\n{name}-Recipient: utf-8;zoë@example.org\r\n".encode() in told

    @pytest.mark.parametrize(
        ("mail", "notify", "count"),
        [
            (b"MAIL FROM:<ann@example.org>", b"", 2),
            (b"MAIL FROM:<ann@example.org> RET=FULL", b" NOTIFY=FAILURE", 2),
            (b"MAIL FROM:<ann@example.org>", b" NOTIFY=SUCCESS,DELAY", 1),
            (b"MAIL FROM:<ann@example.org>", b" NOTIFY=NEVER", 1),
            (b"MAIL FROM:<>", b"", 1),
            (b"MAIL FROM:<ann@example.org> PRDR", b"", 1),
        ],
        ids=["default", "full", "success only", "never", "null sender", "the client was told"],
    )
    def test_a_failure_is_reported_unless_nobody_wants_it(
        self, client: Client, server: PracticeServer, mail: bytes, notify: bytes, count: int
    ) -> None:
        begin(client, mail, b"RCPT TO:<bob@example.org>", b"RCPT TO:<tiny@example.org>" + notify)
        assert send_chunk(client, BIG_LETTER, " LAST")[:1] in "23"
        messages = server.inbox.messages() if b"PRDR" not in mail else await_replies(client, server, 3)
        assert len(messages) == count
        assert messages[0].recipients == (b"bob@example.org",)
        assert server.inbox.read(1).endswith(BIG_LETTER)
        if count == 2:
            told = server.inbox.read(2)
            assert b"Action: failed\r\nStatus: 5.2.3\r\n" in told
            assert (BIG_LETTER in told) is (b"RET=FULL" in mail)


def await_replies(client: Client, server: PracticeServer, count: int) -> list:  # type: ignore[type-arg]
    for _ in range(count):
        client.reply()
    return server.inbox.messages()


class TestPrdr:
    @pytest.mark.parametrize("by", ["DATA", "BDAT"])
    def test_each_recipient_has_a_reply_of_its_own(self, client: Client, by: str) -> None:
        begin(
            client,
            b"MAIL FROM:<ann@example.org> PRDR",
            b"RCPT TO:<bob@example.org>",
            b"RCPT TO:<tiny@example.org>",
            b"RCPT TO:<carol@example.org>",
        )
        if by == "DATA":
            assert client.code(b"DATA") == "354"
            client.send(BIG_LETTER + b".\r\n")
        else:
            client.send(f"BDAT {len(BIG_LETTER)} LAST\r\n".encode() + BIG_LETTER)
        codes = [client.reply()[:3].decode() for _ in range(5)]
        assert codes == ["353", "250", "552", "250", "250"]
        assert client.code(b"NOOP") == "250"

    def test_a_message_that_nobody_takes_is_refused(self, client: Client, server: PracticeServer) -> None:
        begin(client, b"MAIL FROM:<ann@example.org> PRDR", b"RCPT TO:<tiny@example.org>", b"RCPT TO:<Tiny@example.org>")
        client.send(f"BDAT {len(BIG_LETTER)} LAST\r\n".encode() + BIG_LETTER)
        assert [client.reply()[:9] for _ in range(4)][-1] == b"552 5.2.3"
        assert server.inbox.messages() == []
        assert list((server.maildir / "tmp").iterdir()) == []

    def test_without_it_one_refusal_is_the_reply(self, client: Client) -> None:
        begin(client, MAIL[0], b"RCPT TO:<tiny@example.org>")
        assert send_chunk(client, BIG_LETTER, " LAST").startswith("552 5.2.3 <tiny@example.org>: takes messages of at")

    def test_a_mailbox_refuses_a_size_that_is_announced(self, client: Client) -> None:
        begin(client, b"MAIL FROM:<ann@example.org> SIZE=1001")
        assert client.say(b"RCPT TO:<tiny@example.org>").startswith(b"552 5.2.3 ")
        assert client.code(b"RCPT TO:<tiny@example.net>") == "530"


class TestXclient:
    def test_the_dialogue_begins_anew_and_the_trace_has_what_was_said(
        self, client: Client, server: PracticeServer
    ) -> None:
        assert client.code(EHLO[0]) == "250"
        line = b"XCLIENT NAME=spike.example ADDR=192.0.2.7 PORT=4711 DESTADDR=192.0.2.1 DESTPORT=25"
        assert client.say(line).startswith(b"220 practice.example ESMTP ")
        assert client.code(MAIL[0]) == "503", "EHLO is forgotten"
        begin(client)
        assert send_chunk(client, LETTER, " LAST").startswith("250")
        assert b"\r\nReceived: from client.example (spike.example [192.0.2.7])\r\n" in server.inbox.read(1)

    def test_a_later_one_adds_to_an_earlier_one(self, client: Client, server: PracticeServer) -> None:
        assert client.code(b"XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7") == "220"
        assert client.code(b"XCLIENT HELO=their.example PROTO=ESMTP") == "220"
        for each in (MAIL[0], RCPT[0]):
            assert client.code(each) == "250", "HELO is known"
        assert send_chunk(client, LETTER, " LAST").startswith("250")
        assert b"\r\nReceived: from their.example (unknown [IPv6:2001:db8::7])\r\n" in server.inbox.read(1)

    def test_a_login_counts_as_authenticated(self, client: Client) -> None:
        assert client.code(b"XCLIENT LOGIN=student") == "220"
        begin(client, MAIL[0], b"RCPT TO:<carol@example.net>")
        assert client.code(b"XCLIENT LOGIN=[UNAVAILABLE]") == "503", "not inside a mail transaction"
        assert client.code(b"RSET") == "250"
        assert client.code(b"XCLIENT LOGIN=[UNAVAILABLE]") == "220"
        assert client.code(EHLO[0]) == client.code(MAIL[0]) == "250"
        assert client.code(b"RCPT TO:<carol@example.net>") == "530"

    @pytest.mark.parametrize(
        "argument",
        [
            *("", " NAME", " NAME=", " COLOUR=red", " NAME=a+b", " NAME=-a", " NAME=a+0D+0Ab", " ADDR=spike.example"),
            *(" ADDR=2001:db8::7", " ADDR=IPV6:192.0.2.1", " PORT=0", " PORT=65536", " PORT=0000025", " PROTO=LMTP"),
            *(" HELO=a+20b", " NAME=a.example ADDR=999.0.2.1"),
        ],
    )
    def test_nonsense_is_refused_and_changes_nothing(self, client: Client, argument: str) -> None:
        assert client.code(EHLO[0]) == "250"
        assert client.say(b"XCLIENT" + argument.encode()).startswith(b"501 5.5.4 ")
        assert client.code(MAIL[0]) == "250"

    def test_starttls_forgets_it(self, client: Client, server: PracticeServer) -> None:
        assert client.code(b"XCLIENT NAME=spike.example ADDR=192.0.2.7 LOGIN=student") == "220"
        client.code(EHLO[0])
        assert client.code(b"STARTTLS") == "220"
        client.start_tls()
        begin(client)
        assert client.code(b"RCPT TO:<carol@example.net>") == "530"
        assert send_chunk(client, LETTER, " LAST").startswith("250")
        assert b"\r\nReceived: from client.example ([127.0.0.1])\r\n" in server.inbox.read(1)

    def test_tls_stays(self, client: Client) -> None:
        client.code(EHLO[0])
        assert client.code(b"STARTTLS") == "220"
        client.start_tls()
        assert client.code(b"XCLIENT NAME=spike.example") == "220"
        assert client.code(b"EHLO client.example") == "250"
        assert client.code(b"STARTTLS") == "503"

    def test_it_can_go_wrong_on_demand(self) -> None:
        faults = parse_faults(["xclient=421"])
        with PracticeServer(PracticeSettings(faults=faults)) as server, connected(server) as client:
            client.reply()
            assert client.code(b"XCLIENT NAME=spike.example") == "421"


class TestTokens:
    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    @pytest.mark.parametrize("initial", [True, False])
    def test_the_right_token(self, server: PracticeServer, mechanism: str, initial: bool) -> None:
        with connected(server) as client:
            client.tls_session()
            line = b64(message(mechanism, TOKEN))
            if initial:
                reply = client.say(f"AUTH {mechanism} ".encode() + line)
            else:
                assert client.say(f"AUTH {mechanism}".encode()) == b"334 \r\n"
                reply = client.say(line)
            assert reply.startswith(b"235 2.7.0 ")

    @pytest.mark.parametrize(
        ("mechanism", "status", "dummy"), [("XOAUTH2", "401", b""), ("OAUTHBEARER", "invalid_token", b"AQ==")]
    )
    def test_a_wrong_token_has_its_reason_in_json(
        self, server: PracticeServer, mechanism: str, status: str, dummy: bytes
    ) -> None:
        with connected(server) as client:
            client.tls_session()
            reply = client.say(f"AUTH {mechanism} ".encode() + b64(message(mechanism, "stale")))
            assert reply.startswith(b"334 ")
            assert json.loads(base64.b64decode(reply[4:]))["status"] == status
            assert client.say(dummy).startswith(b"535 5.7.8 ")
            assert client.code(b"NOOP") == "250"

    @pytest.mark.parametrize(
        "octets", [b"", b"user=student", b"user=student\x01auth=Basic x\x01\x01", b"n,,\x01auth=Bearer x\x01", b"\xff"]
    )
    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    def test_another_form_is_a_501(self, server: PracticeServer, mechanism: str, octets: bytes) -> None:
        with connected(server) as client:
            client.tls_session()
            assert client.say(f"AUTH {mechanism} ".encode() + (b64(octets) or b"=")).startswith(b"501 5.5.2 ")


def message(mechanism: str, token: str) -> bytes:
    """Return a client's message."""
    if mechanism == "XOAUTH2":
        return f"user=student\x01auth=Bearer {token}\x01\x01".encode()
    return f"n,a=student,\x01host=localhost\x01port=587\x01auth=Bearer {token}\x01\x01".encode()


class TestScram:
    """By a client that computes the proof itself; ours is tried in the matrix."""

    def exchange(
        self, client: Client, header: bytes, plus: str = "", bound: bytes = b"", password: str = PASSWORD
    ) -> list[str]:
        replies = [client.say(f"AUTH SCRAM-SHA-256{plus} ".encode() + b64(header + b"n=student,r=abc")).decode()]
        if not replies[0].startswith("334 "):
            return replies
        server_first = base64.b64decode(replies[0][4:])
        found = re.fullmatch(rb"r=(abc[^,]+),s=([^,]+),i=(4096)", server_first)
        assert found is not None
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(found[2]), 4096)
        without_proof = b"c=" + b64(header + bound) + b",r=" + found[1]
        signed = b"n=student,r=abc," + server_first + b"," + without_proof
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        replies.append(client.say(b64(without_proof + b",p=" + b64(proof))).decode())
        if replies[1].startswith("334 "):
            verifier = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
            assert base64.b64decode(replies[1][4:]) == b"v=" + b64(verifier)
            replies.append(client.say(b"").decode())
        return replies

    @pytest.mark.parametrize(
        ("header", "plus", "bound", "end"),
        [
            (b"n,,", "", b"", "235 2.7.0"),
            (b"n,a=student,", "", b"", "235 2.7.0"),
            (b"n,a=carol,", "", b"", "535 5.7.8 Authentication credentials invalid (SCRAM: other-error)"),
            (b"y,,", "", b"", "535 5.7.8 Authentication credentials invalid (SCRAM: server-does-support-channel-bind"),
            (b"p=tls-unique,,", "-PLUS", b"x", "535 5.7.8 Authentication credentials invalid (SCRAM: unsupported-cha"),
            (b"p=tls-exporter,,", "-PLUS", b"x" * 32, "535 5.7.8 Authentication credentials invalid (SCRAM: channel-"),
            (b"p=tls-server-end-point,,", "", b"", "535 5.7.8 Authentication credentials invalid (SCRAM: channel-bin"),
            (b"n,,", "-PLUS", b"", "535 5.7.8 Authentication credentials invalid (SCRAM: other-error)"),
            (b"n,,m=x,", "", b"", "535 5.7.8 Authentication credentials invalid (SCRAM: extensions-not-supported)"),
        ],
    )
    def test_exchanges(self, server: PracticeServer, header: bytes, plus: str, bound: bytes, end: str) -> None:
        with connected(server) as client:
            client.tls_session()
            assert self.exchange(client, header, plus, bound)[-1].startswith(end)

    def test_it_is_bound_to_the_certificate(self, server: PracticeServer) -> None:
        with connected(server) as client:
            client.tls_session()
            der = client.certificate()
            header = b"p=tls-server-end-point,,"
            assert self.exchange(client, header, "-PLUS", hashlib.sha256(der).digest())[-1].startswith("235")

    def test_a_wrong_password_is_an_invalid_proof(self, server: PracticeServer) -> None:
        with connected(server) as client:
            client.tls_session()
            assert "(SCRAM: invalid-proof)" in self.exchange(client, b"n,,", password="guess")[-1]

    @pytest.mark.parametrize(
        "octets", [b"", b"n,,", b"n,,n=,r=x", b"n,,r=x,n=y", b"z,,n=a,r=b", b"n,,n=a=b,r=c", b"\xff"]
    )
    def test_nonsense_is_refused(self, server: PracticeServer, octets: bytes) -> None:
        with connected(server) as client:
            client.tls_session()
            assert client.say(b"AUTH SCRAM-SHA-256 " + (b64(octets) or b"=")).startswith(b"535 5.7.8 ")

    def test_an_unknown_user_gets_as_far_as_the_known_one_and_the_salt_stays(self, server: PracticeServer) -> None:
        salts = set()
        for user in (b"student", b"carol", b"student"):
            with connected(server) as client:
                client.tls_session()
                reply = client.say(b"AUTH SCRAM-SHA-256 " + b64(b"n,,n=" + user + b",r=abc"))
                salts.add(base64.b64decode(reply[4:]).split(b",")[1])
        assert len(salts) == 1

    def test_without_tls_there_is_no_plus(self) -> None:
        settings = PracticeSettings(password=Secret(PASSWORD), auth_before_tls=True)
        with PracticeServer(settings) as server, connected(server) as client:
            client.reply()
            assert b"PLUS" not in client.say(EHLO[0])
            assert self.exchange(client, b"y,,")[-1].startswith("235")


def test_plain_may_not_act_as_somebody_else(server: PracticeServer) -> None:
    with connected(server) as client:
        client.tls_session()
        assert client.say(b"AUTH PLAIN " + b64(f"carol\0student\0{PASSWORD}".encode())).startswith(
            b"535 5.7.8 This user"
        )
        assert client.code(b"AUTH PLAIN " + b64(f"student\0student\0{PASSWORD}".encode())) == "235"


EVERYTHING = (
    "ehlo",
    "XCLIENT NAME=spike.example ADDR=192.0.2.7 HELO=their.example",
    "ehlo",
    "starttls",
    "ehlo",
    "auth",
    "mail ann@example.org ret=hdrs envid=QQ314 prdr body=binarymime",
    "rcpt bob@example.org notify=success orcpt=rfc822;bob@example.net",
    "rcpt tiny@example.org notify=never",
    "bdat < letter.eml",
    "mail <>",
    "rcpt tiny@example.org",
    "/raw BDAT 6\\r\\nQUIT\\r\\n",
    "rset",
    "quit",
)


def test_a_recording_of_all_of_it_replays_to_the_letter(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(BIG_LETTER)
    words = [each for line in EVERYTHING for each in ("-c", line)]
    recorded = run(tmp_path, "practice", "--keep-going", "--record", "all.smtp", *words)
    assert recorded.returncode == 1, "tiny refuses"
    with PracticeServer(SETTINGS) as server:
        target = ("--server", f"smtp://localhost:{server.port}", "--ca-file", str(server.ca_file), "--user", "student")
        replay = run(tmp_path, "replay", "all.smtp", *target, "--match", "text")
    assert replay.returncode == 0, replay.stdout + replay.stderr
    text = (tmp_path / "all.smtp").read_text(encoding="utf-8")
    assert "  S: 353 One reply for each recipient" in text
    assert "*: auth SCRAM-SHA-256-PLUS student" in text
    assert text.count("  S: 552 5.2.3 ") == 1


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer", "scram-sha-256", "scram-sha-256-plus", "login"])
def test_its_own_shell_knows_password_and_token(tmp_path: Path, mechanism: str) -> None:
    words = [each for line in ("starttls", "ehlo", f"auth {mechanism}", "quit") for each in ("-c", line)]
    done = run(tmp_path, "practice", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"*: auth {mechanism.upper()} student" in done.stdout


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=folder,
        env={**os.environ, "SMTP_SHELL_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def everything(host: str, port: int, ca_file: str, password: str) -> None:
    """Use all extensions as they are meant to be used."""
    text = "From: <ann@example.org>\r\nDate: Fri, 27 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@a.example>\r\n"
    octets = f"{text}To: <bob@example.org>\r\nSubject: x\r\n\r\nHello\r\n".encode()
    with socket.create_connection((host, port), timeout=15) as plain:
        converse(plain, b"EHLO client.example", b"STARTTLS")
        context = ssl.create_default_context(cafile=ca_file)
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            converse(secured, b"EHLO client.example", greets=False)
            converse(secured, b"AUTH XOAUTH2 " + b64(message("XOAUTH2", "stale")), b"", greets=False)
            converse(secured, b"AUTH PLAIN " + b64(f"\0student\0{password}".encode()), greets=False)
            converse(secured, b"MAIL FROM:<ann@example.org> PRDR RET=FULL ENVID=x", greets=False)
            converse(secured, b"RCPT TO:<bob@example.org> NOTIFY=NEVER ORCPT=rfc822;bob@example.org", greets=False)
            secured.sendall(b"BDAT %d\r\n" % 30 + octets[:30] + b"BDAT %d LAST\r\n" % (len(octets) - 30) + octets[30:])
            secured.sendall(b"QUIT\r\n")
            while secured.recv(65536):
                pass


def converse(connection: socket.socket, *lines: bytes, greets: bool = True) -> None:
    reader = connection.makefile("rb", buffering=0)
    for line in (*([None] if greets else []), *lines):
        if line is not None:
            connection.sendall(line + b"\r\n")
        while reader.readline()[3:4] == b"-":
            pass


def test_who_watches_sees_chunks_and_the_replies_to_each_recipient(tmp_path: Path) -> None:
    with practising(tmp_path) as practice:
        practice.run(everything)
        practice.wait(1)
    assert [remark for remark in practice.remarks if not remark.startswith(("advice ", "warning auth-"))] == []
    shown = [
        line.removeprefix("[1] ").replace("|", " ", 1).lstrip()
        for line in practice.screen.splitlines()
        if line.startswith("[1] ")
    ]
    at = next(number for number, line in enumerate(shown) if line.startswith("C: BDAT 30"))
    assert [line[:9] for line in shown[at:] if not line.startswith("#")] == [
        "C: BDAT 3",
        "C| From: ",
        "+  S: 250",
        "C: BDAT 1",
        "C|  Fri, ",
        ">  S: 353",
        "+  S: 250",
        "for <bob@",
        "+  S: 250",
        "C: QUIT",
        "+  S: 221",
        "*: close ",
    ]

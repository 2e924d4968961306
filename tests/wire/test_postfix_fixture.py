"""The Postfix fixture behaves as documented."""

import base64
import hashlib
import hmac
import socket
import ssl
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.daemon import MAIL_DOMAIN, MAIL_HOST
from tests.support.postfix import (
    MECHANISMS,
    STRICT_ERROR_LIMIT,
    STRICT_RECIPIENT_LIMIT,
    STRICT_SIZE_LIMIT,
    Postfix,
)

pytestmark = pytest.mark.postfix

TIMEOUT_SECONDS = 10.0


class RawClient:
    """A minimal client, independent of the package."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    @classmethod
    def connect(cls, server: Postfix, port: int) -> Self:
        return cls(socket.create_connection((server.host, port), TIMEOUT_SECONDS))

    @classmethod
    def connect_tls(cls, server: Postfix, port: int) -> Self:
        connection = socket.create_connection((server.host, port), TIMEOUT_SECONDS)
        return cls(trusting(server.ca_file).wrap_socket(connection, server_hostname=MAIL_HOST))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._connection.close()

    def reply(self) -> list[bytes]:
        lines = [self._lines.readline().rstrip(b"\r\n")]
        while lines[-1][3:4] == b"-":
            lines.append(self._lines.readline().rstrip(b"\r\n"))
        return lines

    def command(self, line: bytes) -> list[bytes]:
        self._connection.sendall(line + b"\r\n")
        return self.reply()

    def starttls(self, ca_file: Path) -> str | None:
        assert code(self.command(b"STARTTLS")) == b"220"
        self._lines.close()
        secured = trusting(ca_file).wrap_socket(self._connection, server_hostname=MAIL_HOST)
        self._connection, self._lines = secured, secured.makefile("rb")
        return secured.version()

    def auth_plain(self, user: str, password: str) -> list[bytes]:
        return self.command(b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()))


def trusting(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def code(reply: list[bytes]) -> bytes:
    return reply[-1][:3]


def keywords(ehlo: list[bytes]) -> dict[bytes, bytes]:
    return {name: rest for name, _, rest in (line[4:].partition(b" ") for line in ehlo[1:])}


def arrived(mailbox: Path, subject: str) -> list[bytes]:
    """Wait for messages with this subject in a Maildir, and return them. Other tests' messages may be there too."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        messages = [path.read_bytes() for path in mailbox.glob("new/*")]
        found = [message for message in messages if f"Subject: {subject}\n".encode() in message]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_greets_with_its_name(postfix: Postfix) -> None:
    for port in (postfix.smtp, postfix.submission, postfix.strict):
        with RawClient.connect(postfix, port) as client:
            assert client.reply()[0].startswith(b"220 " + MAIL_HOST.encode())


def test_the_password_is_not_in_its_repr(postfix: Postfix) -> None:
    assert postfix.password not in repr(postfix)


def test_smtp_announces_starttls_and_every_mechanism_before_tls(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.smtp) as client:
        client.reply()
        announced = keywords(client.command(b"EHLO client.example.org"))
    assert announced.keys() >= {
        b"PIPELINING",
        b"SIZE",
        b"VRFY",
        b"ETRN",
        b"STARTTLS",
        b"ENHANCEDSTATUSCODES",
        b"8BITMIME",
        b"DSN",
        b"SMTPUTF8",
        b"CHUNKING",
    }
    assert set(announced[b"AUTH"].decode().split()) == set(MECHANISMS.split())


def test_submission_announces_auth_only_after_tls(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.submission) as client:
        client.reply()
        before = keywords(client.command(b"EHLO client.example.org"))
        assert code(client.command(b"MAIL FROM:<student@example.org>")) == b"530"
        client.starttls(postfix.ca_file)
        after = keywords(client.command(b"EHLO client.example.org"))
    assert b"STARTTLS" in before
    assert b"AUTH" not in before
    assert b"STARTTLS" not in after
    assert b"AUTH" in after


def test_starttls_presents_a_certificate_that_the_ca_file_verifies(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.smtp) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        assert client.starttls(postfix.ca_file) in {"TLSv1.2", "TLSv1.3"}


def test_the_certificate_is_not_trusted_without_the_ca_file(postfix: Postfix) -> None:
    with (
        socket.create_connection((postfix.host, postfix.smtps), TIMEOUT_SECONDS) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(connection, server_hostname=MAIL_HOST)


def test_smtps_starts_with_tls_and_requires_auth(postfix: Postfix) -> None:
    with RawClient.connect_tls(postfix, postfix.smtps) as client:
        assert code(client.reply()) == b"220"
        client.command(b"EHLO client.example.org")
        client.command(b"MAIL FROM:<student@example.org>")
        assert code(client.command(b"RCPT TO:<ann@example.org>")) == b"554"


@pytest.mark.parametrize(("suffix", "expected"), [("", b"235"), ("-wrong", b"535")])
def test_auth_plain_accepts_only_the_right_password(postfix: Postfix, suffix: str, expected: bytes) -> None:
    with RawClient.connect_tls(postfix, postfix.smtps) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        assert code(client.auth_plain(postfix.user, postfix.password + suffix)) == expected


def test_auth_cram_md5_accepts_the_password(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.smtp) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        challenge = base64.b64decode(client.command(b"AUTH CRAM-MD5")[0][4:])
        digest = hmac.new(postfix.password.encode(), challenge, hashlib.md5).hexdigest()
        assert code(client.command(base64.b64encode(f"{postfix.user} {digest}".encode()))) == b"235"


def test_auth_scram_sha_256_accepts_the_user(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.smtp) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        first = base64.b64encode(f"n,,n={postfix.user},r=fyko".encode())
        challenge = base64.b64decode(client.command(b"AUTH SCRAM-SHA-256 " + first)[0][4:])
    assert challenge.startswith(b"r=fyko")
    assert b",i=" in challenge


@pytest.mark.parametrize("mailbox", ["ann", "bob", "student"])
def test_mail_arrives_in_the_maildir(postfix: Postfix, mailbox: str) -> None:
    subject = uuid.uuid4().hex
    with RawClient.connect(postfix, postfix.smtp) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        client.command(b"MAIL FROM:<student@example.org>")
        assert code(client.command(f"RCPT TO:<{mailbox}@{MAIL_DOMAIN}>".encode())) == b"250"
        assert code(client.command(b"DATA")) == b"354"
        assert code(client.command(f"Subject: {subject}\r\n\r\nHello.\r\n.".encode())) == b"250"
        client.command(b"QUIT")
    [message] = arrived(postfix.maildir / mailbox, subject)
    assert message.endswith(b"\n\nHello.\n")


def test_relays_only_after_auth(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.smtp) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        client.command(b"MAIL FROM:<student@example.org>")
        assert code(client.command(b"RCPT TO:<carol@example.net>")) == b"554"
        client.command(b"RSET")
        client.auth_plain(postfix.user, postfix.password)
        client.command(b"MAIL FROM:<student@example.org>")
        assert code(client.command(b"RCPT TO:<carol@example.net>")) == b"250"


def test_strict_refuses_a_size_over_its_limit(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.strict) as client:
        client.reply()
        announced = keywords(client.command(b"EHLO client.example.org"))
        too_large = client.command(f"MAIL FROM:<student@example.org> SIZE={STRICT_SIZE_LIMIT + 1}".encode())
    assert announced[b"SIZE"] == str(STRICT_SIZE_LIMIT).encode()
    assert b"AUTH" not in announced
    assert code(too_large) == b"552"


def test_strict_limits_the_recipients(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.strict) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        client.command(b"MAIL FROM:<student@example.org>")
        codes = [code(client.command(b"RCPT TO:<ann@example.org>")) for _ in range(STRICT_RECIPIENT_LIMIT + 1)]
    assert codes == [b"250"] * STRICT_RECIPIENT_LIMIT + [b"452"]


def test_strict_ends_with_421_after_a_few_errors(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.strict) as client:
        client.reply()
        client.command(b"EHLO client.example.org")
        codes = [code(client.command(b"NONSENSE")) for _ in range(STRICT_ERROR_LIMIT)]
        assert codes == [b"500"] * STRICT_ERROR_LIMIT
        assert code(client.reply()) == b"421"


def test_xclient_says_for_whom_this_client_speaks(postfix: Postfix) -> None:
    with RawClient.connect(postfix, postfix.smtp) as client:
        client.reply()
        announced = keywords(client.command(b"EHLO client.example.org"))
        assert {b"NAME", b"ADDR", b"LOGIN"} < set(announced[b"XCLIENT"].split())
        assert b"XFORWARD" in announced
        assert code(client.command(b"XCLIENT NAME=spike.example.org ADDR=192.0.2.7 LOGIN=student")) == b"220"
        assert code(client.command(b"EHLO client.example.org")) == b"250"
        assert code(client.command(b"MAIL FROM:<student@example.org>")) == b"250"
        assert code(client.command(b"RCPT TO:<carol@example.net>")) == b"250", "the login may relay"


def test_the_other_ports_take_no_xclient(postfix: Postfix) -> None:
    for port in (postfix.other, postfix.strict):
        with RawClient.connect(postfix, port) as client:
            client.reply()
            assert b"XCLIENT" not in keywords(client.command(b"EHLO client.example.org"))
            assert code(client.command(b"XCLIENT NAME=spike.example.org")) == b"550"

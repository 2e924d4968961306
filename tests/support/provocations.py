"""Lines of a client that make Exim and Dovecot say what they have to say, besides those that every server is told.

Each script is one connection, since a server hangs up after a few mistakes.
"""

import base64

from tests.support.daemon import PASSWORD, USER
from tests.support.exim import RECIPIENT_LIMIT, STRICT_SIZE_LIMIT

LOGIN = b"AUTH PLAIN " + base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
MAIL, RCPT = b"MAIL FROM:<ann@example.org>", b"RCPT TO:<bob@example.org>"
LETTER = b"Subject: x\r\n\r\nx\r\n."
HUGE = b"Subject: x\r\n\r\n" + b"x" * 70 + (b"\r\n" + b"y" * 70) * (STRICT_SIZE_LIMIT // 70) + b"\r\n."
LONG = b"Subject: x\r\n\r\n" + b"x" * 1200 + b"\r\n."

EXIM: tuple[tuple[bytes, ...], ...] = (
    (MAIL, RCPT, b"DATA", HUGE, b"QUIT"),
    (MAIL, RCPT, b"DATA", LONG, MAIL, RCPT, b"DATA", b"Subject: spam\r\n\r\nx\r\n.", b"QUIT"),
    (MAIL, RCPT, b"DATA", b"From: <a@@b>\r\n\r\nx\r\n.", b"QUIT"),
    (MAIL, RCPT, b"BDAT 5 LAST\r\nhello", MAIL, b"BDAT 5 LAST\r\nhello"[:13], b"QUIT"),
    (MAIL, *[RCPT] * (RECIPIENT_LIMIT + 1)),
    (MAIL, b"RCPT TO:<later@example.org>", b"RCPT TO:<blocked@example.org>", b"RCPT TO:<.bob@example.org>", b"RCPT TO:<bob%x@example.org>"),
    (b"MAIL FROM:<blocked@example.org>", b"MAIL FROM:<nobody-here@example.org>", RCPT, b"RCPT TO:<ann@example.org>", b"DATA"),
    (LOGIN, LOGIN, MAIL, LOGIN, b"RCPT TO:<carol@example.net>", b"RCPT TO:<x@nowhere.invalid>", b"QUIT"),
    (b"AUTH LOGIN", b"c3R1ZGVudA==", b"eA==", b"AUTH CRAM-MD5", b"eA==", b"AUTH PLAIN =", b"AUTH LOGIN ***"),
    (b"FOO1", b"FOO2", b"FOO3", b"FOO4", b"FOO5"),
    (b"VRFY <bob", b"VRFY ann@example.org (x", b"VRFY later@example.org", b"VRFY carol@example.net"),
    (b"RCPT TO:<bob@example.org>", b"DATA", b"BDAT 3", b"RCPT FROM:<bob@example.org>"),
    (b"EHLO blocked.example.org", b"HELO blocked.example.org", b"EHLO under_score", b"HELO [127.0.0.1"),
    (b"MAIL FROM:<ann@example.org> BODY=8BITMIME SMTPUTF8", b"RCPT TO:<bob@example.org> NOTIFY=x", b"RCPT TO:<bob@example.org> ORCPT=x"),
    (b"MAIL FROM:<ann@example.org> RET=x", b"MAIL FROM:<ann@example.org> ENVID=x RET=FULL ENVID=y", b"MAIL FROM:<ann@example.org> AUTH=x"),
    (b"NOOP \0", b"NOOP " + b"x" * 20000),
    tuple([b"RSET", b"HELO client.example.org"] * 8),
    tuple([b"NOOP", b"VRFY bob@example.org"] * 8),
)  # fmt: skip
"""After EHLO."""

EXIM_WITHOUT_HELLO: tuple[tuple[bytes, ...], ...] = (
    (MAIL, RCPT, b"DATA"),
    (b"VRFY bob@example.org", b"AUTH PLAIN", b"STARTTLS"),
)

SUBMISSION: tuple[tuple[bytes, ...], ...] = (
    (MAIL, *[RCPT] * (RECIPIENT_LIMIT + 1)),
    (MAIL, RCPT, b"DATA", HUGE, b"QUIT"),
    (MAIL, RCPT, b"BDAT 30000 LAST\r\n" + b"x" * 30000, b"QUIT"),
    (MAIL, RCPT, b"BDAT 5\r\nhello", RCPT, b"DATA", b"RSET", b"BDAT 5\r\nhello", b"QUIT"),
    (LOGIN, MAIL, LOGIN, b"STARTTLS", b"EHLO client.example.org", b"DATA", b"QUIT now"),
    (b"NOOP " + b"x" * 5000, b"NOOP \0", b"NOOP \xff"),
    (MAIL + b" SIZE=1 SIZE=2", MAIL + b" AUTH=x", MAIL + b" RET=x", MAIL + b" ENVID=+", MAIL + b" SMTPUTF8"),
    (MAIL, RCPT + b" NOTIFY=x", RCPT + b" ORCPT=x", RCPT + b" FOO=x", b"RCPT TO:<bob", b"RCPT TO:bob", b"RCPT FROM:<bob@example.org>"),
    (MAIL, b"RCPT TO:<>", b"RCPT TO:<bob@[1.2.3]>", b"RCPT TO:<\xc3\xbc@example.org>", b"RCPT TO:<@example.org>"),
    (b"BURL imap://x LAST", b"XCLIENT ADDR=x", b"VRFY", b"VRFY x", b"EXPN x", b"HELP", b"ETRN x"),
    (b"EHLO under_score", b"EHLO [1.2.3]", b"EHLO", b"HELO", b"LHLO x"),
    tuple(b"FOO%d" % number for number in range(25)),
)  # fmt: skip
"""After EHLO and AUTH."""

BEFORE_LOGIN: tuple[tuple[bytes, ...], ...] = (
    (b"AUTH LOGIN", b"c3R1ZGVudA==", b"eA==", b"AUTH CRAM-MD5", b"eA==", b"AUTH PLAIN =", b"AUTH LOGIN ***", b"AUTH DIGEST-MD5", b"eA=="),
    (b"AUTH SCRAM-SHA-256", b"eA==", b"AUTH SCRAM-SHA-256 eA==", b"AUTH CRAM-MD5", b"*", b"AUTH CRAM-MD5 eA=="),
    (MAIL, RCPT, b"DATA", b"BDAT 5", b"RSET", b"NOOP", b"VRFY x", b"HELP", b"BURL x"),
    tuple(b"FOO%d" % number for number in range(25)),
    (b"NOOP " + b"x" * 20000, b"NOOP"),
)  # fmt: skip
"""After EHLO."""

LHLO = b"LHLO client.example.org"
LMTP: tuple[tuple[bytes, ...], ...] = (
    (MAIL, RCPT, b"BDAT", b"BDAT x", b"EHLO x", b"HELO x", b"LHLO", LHLO, LHLO, b"QUIT x"),
    (LHLO, MAIL, b"RCPT TO:<nobody-here@example.org>", b"DATA", RCPT, b"DATA", LETTER, b"QUIT"),
    (LHLO, MAIL, b"RCPT TO:<full@example.org>", b"DATA", LETTER, b"QUIT"),
    (LHLO, MAIL, b"RCPT TO:<broken@example.org>", b"DATA", LETTER, b"QUIT"),
    (LHLO, MAIL, RCPT, RCPT, b"DATA x", b"BDAT 5 LAST\r\nhello", b"QUIT"),
    (LHLO, b"MAIL FROM:a@", b"MAIL FROM:<a@@b>", b"MAIL", MAIL + b" SIZE=x", MAIL + b" BODY=X", MAIL + b" FOO=1", MAIL, MAIL),
    (LHLO, MAIL, b"RCPT", b"RCPT TO:<>", b"RCPT TO:<a@@b>", RCPT + b" FOO=1", b"RCPT TO:bob", b"RCPT TO:<bob", b"DATA"),
    (LHLO, b"VRFY", b"VRFY bob@example.org", b"NOOP x", b"RSET x", b"AUTH PLAIN", b"HELP", b"EXPN x", b"", b"GET / HTTP/1.1"),
    (LHLO, b"MAIL FROM:<\xc3\xbc@example.org>", b"NOOP " + b"x" * 5000, b"XCLIENT X=y", MAIL, b"XCLIENT X=y", LHLO, b"NOOP"),
    (LHLO, *[b"FOO%d" % number for number in range(25)]),
    (LHLO, b"STARTTLS x", MAIL, b"STARTTLS", b"RSET", b"STARTTLS"),
)  # fmt: skip

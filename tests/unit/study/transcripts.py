"""Transcripts for the questions that none of those in `transcripts/` allows: LMTP, BDAT, refusals, implicit TLS, two connections."""

from collections.abc import Iterator
from pathlib import Path

from smtp_shell.study.question import Question
from smtp_shell.study.quiz import questions_about, read_file
from smtp_shell.study.reading import Reading

ROOT = Path(__file__).parents[3]

LMTP = r"""Transcript: 1
Server: lmtp://mx.example:24

*: connect mx.example:24
S: 220 mx.example LMTP
C: LHLO laptop.example
S: 250-mx.example
S: 250-PIPELINING
S: 250-CHUNKING
S: 250 SIZE 0
C: MAIL FROM:<>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 Ok
C: RCPT TO:<nobody@example.org>
S: 550 5.1.1 No such mailbox
C: RCPT TO:<carol@example.org>
S: 250 2.1.5 Ok
C: DATA
S: 354 Go on
C: From: <ann@example.org>
C: Date: Fri, 27 Nov 2026 10:00:00 +0000
C: To: <bob@example.org>
C:
C: Hello
C: .
S: 250 2.0.0 bob has it
S: 452 4.2.2 carol's mailbox is full
C: MAIL FROM:<ann@example.org> BODY=8BITMIME
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.org> NOTIFY=NEVER
S: 250 2.1.5 Ok
C& BDAT 3
C| abc
S: 250 2.0.0 3 octets
C& BDAT 4 LAST
C| def\n
S: 250 2.0.0 Taken
C: QUIT
S: 221 2.0.0 Bye
*: close
"""

REFUSED = r"""Transcript: 1

*: connect mx.example:587
S: 220 mx.example ESMTP
C: EHLO laptop.example
S: 250-mx.example
S: 250 STARTTLS
C: STARTTLS
S: 220 2.0.0 Ready
*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 unverified CN=mx.example
C: EHLO laptop.example
S: 250-mx.example
S: 250 AUTH LOGIN
C: MAIL FROM:<ann@example.org>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.org>
S: 250 2.1.5 Ok
C: DATA
S: 354 Go on
C: Subject: x
C:
C: Hello
C: .
S: 554 5.7.1 It looks like spam
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: ${sasl}
S: 334 UGFzc3dvcmQ6
C: ${sasl}
S: 535 5.7.8 Wrong
C: QUIT
S: 221 2.0.0 Bye
*: close server
"""

IMPLICIT = r"""Transcript: 1

*: connect mx.example:465 tls
*: tls TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384 verified CN=mx.example
S: 220 mx.example ESMTP
C: EHLO laptop.example
S: 250-mx.example
S: 250 AUTH PLAIN
C: AUTH PLAIN ${sasl}
S: 235 2.7.0 Ok
*: auth PLAIN student
C: MAIL FROM:<>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.org>
S: 451 4.3.0 Try later
C: NOOP
S: 421 4.3.2 Shutting down
*: close server
"""

MANY = r"""*: connect mx.example:25
S: 220 mx.example ESMTP
C: EHLO client.example
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 52428800
S: 250-CHUNKING
S: 250-DSN
S: 250 STARTTLS
C: STARTTLS
S: 220 2.0.0 Ready
*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified CN=mx.example
C: EHLO client.example
S: 250-mx.example
S: 250-PIPELINING
S: 250-SIZE 52428800
S: 250-CHUNKING
S: 250-AUTH LOGIN PLAIN
S: 250 DSN
C: STARTTLS
S: 503 5.5.1 TLS is on already
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: *
S: 501 5.7.0 Cancelled
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: ${sasl}
S: 334 UGFzc3dvcmQ6
C: ${sasl}
S: 235 2.7.0 Welcome
*: auth LOGIN Ann
C: AUTH PLAIN
S: 503 5.5.1 Once is enough
C: VRFY bob@example.net
S: 252 2.0.0 Try and see
C& MAIL FROM:<ann@example.net> SIZE=321 RET=HDRS
C& RCPT TO:<bob@example.net>
C& RCPT TO:<nobody@example.net>
C: NOOP
S: 250 2.1.0 Ok
S: 250 2.1.5 Ok
S: 550 5.1.1 No such user
S: 250 2.0.0 Ok
C: MAIL FROM:<erin@example.net>
S: 503 5.5.1 Nested MAIL
C: EHLO client.example
S: 250 mx.example
C: MAIL FROM:<ann@example.net>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.net>
S: 250 2.1.5 Ok
C: RCPT TO:<nobody@example.net>
S: 550 5.1.1 No such user
C: RCPT TO:<carol@example.net>
S: 250 2.1.5 Ok
C: DATA
S: 354 Go on
C: From: <ann@example.net>
C: To: <list@example.net>
C:
C: ..hidden
C: ..
C: end
C: .
S: 452 4.3.1 No room
C: MAIL FROM:<>
S: 250 2.1.0 Ok
C: RCPT TO:<ann@example.net>
S: 250 2.1.5 Ok
C: RCPT TO:<nobody@example.net>
S: 550 5.1.1 No such user
C& BDAT 5 LAST
C| x\r\ny\n
S: 250 2.0.0 Taken
C: RSET
S: 250 2.0.0 Ok
C: QUIT
S: 221 2.0.0 Bye
*: close
"""

CLEAR = """S: 220 mx.example LMTP
C: LHLO client.example
S: 250-mx.example
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: ${sasl}
S: 334 UGFzc3dvcmQ6
C: ${sasl}
S: 235 2.7.0 Welcome
*: auth LOGIN bob
C: MAIL FROM:<ann@example.net>
S: 250 2.1.0 Ok
C: RCPT TO:<bob@example.net>
S: 250 2.1.5 Ok
C: RCPT TO:<carol@example.net>
S: 250 2.1.5 Ok
C: RCPT TO:<dave@example.net>
S: 250 2.1.5 Ok
C: DATA
S: 354 Go on
C: Subject: x
C:
C: y
C: .
S: 250 2.0.0 bob has it
S: 250 2.0.0 carol has it
S: 450 4.2.0 dave's mailbox is locked
C: QUIT
S: 221 2.0.0 Bye
*: close
"""

TWICE = """*: connect mx.example:25
S: 220 mx.example
C: EHLO laptop.example
S: 250 mx.example
C: QUIT
S: 221 Bye
*: close
*: connect mx.example:25
S: 220 mx.example
C: HELO laptop.example
S: 250 mx.example
C: QUIT
S: 221 Bye
*: close
"""
_MODERN = r"""Transcript: 1

*: connect mx.example:587
S: 220 mx.example ESMTP
C: EHLO laptop.example
S: 250-mx.example
S: 250 STARTTLS
C: STARTTLS
S: 220 Go ahead
*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified
C: EHLO laptop.example
S: 250-mx.example
S: 250 AUTH {token} {bound}
C: AUTH {token} ${{sasl}}
S: 334 eyJzdGF0dXMiOiI0MDEifQ==
C: {answer}
S: 535 5.7.8 Token expired
C: AUTH {bound} ${{sasl}}
S: 334 cj1hYmMsZD1lZg==
C: ${{sasl}}
S: 334 dj1hYmM=
C:
S: 235 2.7.0 Welcome
C: QUIT
S: 221 2.0.0 Bye
*: close
"""
GOOGLE = _MODERN.format(token="XOAUTH2", bound="SCRAM-SHA-256-PLUS", answer="")
STANDARD = _MODERN.format(token="OAUTHBEARER", bound="SCRAM-SHA-1-PLUS", answer="AQ==")

CRAFTED = {"lmtp": LMTP, "refused": REFUSED, "implicit": IMPLICIT, "many": MANY, "clear": CLEAR, "twice": TWICE}
CRAFTED |= {"google": GOOGLE, "standard": STANDARD}


def path_of(name: str, folder: Path) -> Path:
    """Return the path of a transcript: one of this module, written into the folder, or one of the repository by its number."""
    if name in CRAFTED:
        path = folder / f"{name}.smtp"
        path.write_text(CRAFTED[name], encoding="utf-8", newline="\n")
        return path
    (path,) = (ROOT / "transcripts").glob(f"{name}-*.smtp")
    return path


def reading_of(text: str, folder: Path) -> Reading:
    """Return the one connection of a transcript."""
    path = folder / "one.smtp"
    path.write_text(text, encoding="utf-8", newline="\n")
    ((reading,), _) = read_file(path)
    return reading


def asked_about(path: Path, *kinds: str) -> list[Question]:
    """Return all questions of these kinds about a file."""
    return [each for group in questions_about(str(path), read_file(path)[0], kinds).values() for each in group]


def all_files(folder: Path) -> Iterator[Path]:
    """Yield the paths of the repository's transcripts and of those of this module."""
    yield from sorted((ROOT / "transcripts").glob("*.smtp"))
    yield from (path_of(name, folder) for name in CRAFTED)

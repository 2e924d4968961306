"""What real servers reply, right and wrong, plain and inside TLS: each code and enhanced code is explained."""

import base64
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain

import pytest

from smtp_shell.knowledge.lookup import EnhancedFact, ExtensionFact, MechanismFact, ReplyFact, find
from smtp_shell.knowledge.refusals import find_refusals
from smtp_shell.protocol.replies import Extensions, Reply, ReplyParser
from smtp_shell.servers.practice import PracticeServer
from tests.support.dovecot import Dovecot
from tests.support.exim import STRICT_IDLE_SECONDS, Exim
from tests.support.postfix import Postfix
from tests.support.provocations import BEFORE_LOGIN, EXIM, EXIM_WITHOUT_HELLO, LHLO, LMTP, LOGIN, SUBMISSION

PATIENCE = 15.0
LETTER = b"Subject: x\r\n\r\nx\r\n."
PLAIN = base64.b64encode(b"\0student\0wrong")

HELLO = b"EHLO client.example.org"
BEGIN = b"MAIL FROM:<a@example.org>"

# A server slows down or hangs up after some mistakes, so that each script has only a few.
SCRIPTS: tuple[tuple[bytes, ...], ...] = (
    (b"MAIL FROM:a@", b"MAIL FROM:<a@@b>", b"MAIL FROM:<a@example.org> SIZE=99999999999", b"MAIL", b"EHLO", b"HELO", b"EHLO a b"),
    (b"MAIL FROM:<a@example.org> SIZE=x", b"MAIL FROM:<a@example.org> BODY=X", b"MAIL FROM:<a@example.org> FOO=1", BEGIN, BEGIN),
    (BEGIN, b"RCPT", b"RCPT TO:<>", b"RCPT TO:<a@@b>", b"RCPT TO:<x@nowhere.invalid>", b"RCPT TO:<nobody-here@example.org>", b"DATA"),
    (BEGIN, b"RCPT TO:<bob@example.org> FOO=1", b"RCPT TO:<" + b"x" * 300 + b"@example.org>", b"STARTTLS", b"AUTH PLAIN", b"RSET"),
    (BEGIN, b"RCPT TO:<bob@example.org>", b"RCPT TO:<bob@practice.example>", b"DATA x", b"DATA", LETTER, b"QUIT"),
    (b"MAIL FROM:<>", b"RCPT TO:<full@practice.example>", b"RCPT TO:<greylisted@practice.example>", b"RCPT TO:<x@practice.example>"),
    (b"MAIL FROM:<\xc3\xbc@example.org>", b"DATA", b"RCPT TO:<bob@example.org>", b"FOO", b"", b"GET / HTTP/1.1"),
    (b"HELP", b"NOOP", b"RSET", b"RSET x", b"VRFY", b"VRFY bob@example.org", b"VRFY bob", b"VRFY nobody-here@example.org", b"EXPN x"),
    (b"ETRN", b"ETRN example.org", b"TURN", b"SEND FROM:<a@example.org>", b"BDAT", b"BDAT x", b"STARTTLS x", b"QUIT x"),
    (b"AUTH", b"AUTH NONE", b"AUTH PLAIN ***", b"AUTH PLAIN " + PLAIN),
    (b"AUTH LOGIN", b"*", b"AUTH CRAM-MD5", b"eA==", b"XCLIENT", b"XFORWARD", b"STARTTLS"),
)  # fmt: skip


class Conversation:
    """A client that sends lines and reads one reply to each, until the server ends it."""

    def __init__(self, host: str, port: int) -> None:
        self._sock = socket.create_connection((host, port), PATIENCE)
        self._parser = ReplyParser()
        self._waiting: list[Reply] = []

    def replies(self, lines: Iterable[bytes], *, greeting: bool = True) -> Iterator[Reply]:
        """Yield the greeting, if there is one, and the reply to each line."""
        with self._sock:
            if greeting:
                yield self.reply()
            for line in lines:
                try:
                    self._sock.sendall(line + b"\r\n")
                    yield self.reply()
                except (OSError, EOFError):  # it hangs up, with or without a last word of TLS
                    return

    def start_tls(self) -> None:
        """Get to where TLS is in use. The certificate is not what this is about."""
        for line in (b"", HELLO, b"STARTTLS"):
            if line:
                self._sock.sendall(line + b"\r\n")
            assert self.reply().code in (220, 250)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._sock = context.wrap_socket(self._sock)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def reply(self) -> Reply:
        """Read one reply."""
        while not self._waiting:
            octets = self._sock.recv(65536)
            if not octets:
                raise EOFError
            found = self._parser.receive(octets)
            self._waiting += [each for each in found if isinstance(each, Reply)]
        return self._waiting.pop(0)


def sessions(
    host: str,
    port: int,
    scripts: Iterable[Sequence[bytes]] = SCRIPTS,
    *,
    tls: bool = False,
    first: Sequence[bytes] = (HELLO,),
) -> Iterator[Reply]:
    """Have one conversation for each script, after the lines that are first in each."""
    for script in scripts:
        conversation = Conversation(host, port)
        if tls:
            conversation.start_tls()
        yield from conversation.replies((*first, *script), greeting=not tls)


def unexplained(replies: Iterable[Reply]) -> tuple[set[str], set[str]]:
    """Return the codes and enhanced codes that occurred, and those of them without a fact."""
    seen = set()
    for reply in replies:
        seen.add(str(reply.code))
        if reply.enhanced is not None:
            seen.add(f"x.{reply.enhanced.subject}.{reply.enhanced.detail}")
    return seen, {code for code in seen if find(ReplyFact, code) is None and find(EnhancedFact, code) is None}


def of_exim(exim: Exim, port: int) -> Iterator[Reply]:
    """Provoke Exim in all ways, within TLS as well where the port has it."""
    for tls in (False,) if port == exim.strict else (False, True):
        yield from sessions(exim.host, port, tls=tls)
        yield from sessions(exim.host, port, EXIM, tls=tls)
        yield from sessions(exim.host, port, EXIM_WITHOUT_HELLO, tls=tls, first=())


def of_submission(dovecot: Dovecot, *, tls: bool) -> Iterator[Reply]:
    """Provoke Dovecot's submission service, before the login and after."""
    host, port = dovecot.host, dovecot.submission
    for first, scripts in (((HELLO,), BEFORE_LOGIN), ((HELLO, LOGIN), SUBMISSION)):
        yield from sessions(host, port, tls=tls, first=first)
        yield from sessions(host, port, scripts, tls=tls, first=first)


def of_lmtp(dovecot: Dovecot) -> Iterator[Reply]:
    """Provoke Dovecot's LMTP service."""
    return sessions(dovecot.host, dovecot.lmtp, LMTP, first=())


def offered(host: str, port: int, *, tls: bool, hello: bytes = HELLO) -> Extensions:
    """Return what the reply to EHLO or LHLO announces."""
    conversation = Conversation(host, port)
    if tls:
        conversation.start_tls()
    *_, reply = conversation.replies((hello,), greeting=not tls)
    return Extensions.parse(reply)


@pytest.mark.parametrize("tls", [False, True])
def test_each_keyword_and_mechanism_of_both_servers_is_explained(
    practice: PracticeServer, postfix: Postfix, tls: bool
) -> None:
    for host, port in ((practice.host, practice.port), (postfix.host, postfix.smtp)):
        extensions = offered(host, port, tls=tls)
        assert len(extensions.keywords) > 5
        assert {keyword for keyword in extensions.keywords if find(ExtensionFact, keyword) is None} == set()
        assert {name for name in extensions.mechanisms if find(MechanismFact, name) is None} == set()


def test_each_reply_of_the_practice_server_is_explained(practice: PracticeServer) -> None:
    plain = sessions(practice.host, practice.port)
    seen, unknown = unexplained(chain(plain, sessions(practice.host, practice.port, tls=True)))
    assert unknown == set()
    assert {
        "220",
        "250",
        "334",
        "354",
        "450",
        "452",
        "500",
        "501",
        "502",
        "503",
        "504",
        "535",
        "538",
        "550",
        "555",
    } <= seen


def test_each_reply_of_postfix_is_explained(postfix: Postfix) -> None:
    seen, unknown = unexplained(
        chain(sessions(postfix.host, postfix.smtp), sessions(postfix.host, postfix.smtp, tls=True))
    )
    assert unknown == set()
    assert {"220", "221", "250", "252", "334", "354", "500", "501", "503", "535", "550", "554", "555"} <= seen


@pytest.mark.exim
@pytest.mark.dovecot
@pytest.mark.parametrize("tls", [False, True])
def test_each_keyword_and_mechanism_of_exim_and_dovecot_is_explained(exim: Exim, dovecot: Dovecot, tls: bool) -> None:
    found = [
        offered(exim.host, exim.smtp, tls=tls),
        offered(dovecot.host, dovecot.submission, tls=tls),
        offered(dovecot.host, dovecot.lmtp, tls=False, hello=LHLO),
    ]
    for extensions in found:
        assert len(extensions.keywords) >= 5
        assert {keyword for keyword in extensions.keywords if find(ExtensionFact, keyword) is None} == set()
        assert {name for name in extensions.mechanisms if find(MechanismFact, name) is None} == set()


@pytest.mark.exim
def test_a_client_that_is_silent_hears_the_time_out_of_exim(exim: Exim) -> None:
    with closing(Conversation(exim.host, exim.strict)) as conversation:
        started = time.monotonic()
        assert conversation.reply().code == 220
        reply = conversation.reply()
    assert time.monotonic() - started > STRICT_IDLE_SECONDS - 1
    assert reply.code == 421
    assert "Exim" in {fact.server for fact in find_refusals(reply)}

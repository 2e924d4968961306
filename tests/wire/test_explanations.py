"""What real servers reply is explained: each reply of the practice server, of Postfix, Exim and Dovecot, provoked in many ways."""

import base64
from collections.abc import Iterator
from contextlib import suppress

import pytest

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import DialogueBroken
from smtp_shell.knowledge.explain import explain_reply
from smtp_shell.knowledge.narration import Narrator, explanation_of, of_reply
from smtp_shell.knowledge.reasons import reasons
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Entry, ReplyReceived
from smtp_shell.protocol.phases import Phase
from smtp_shell.servers.mailboxes import RECIPIENT_LIMIT
from smtp_shell.servers.practice import PracticeServer
from smtp_shell.servers.practice.connection import ERROR_LIMIT
from tests.support.daemon import PASSWORD, USER
from tests.support.dovecot import Dovecot
from tests.support.exim import Exim
from tests.support.postfix import STRICT_SIZE_LIMIT, Postfix

EHLO, MAIL, RCPT = "EHLO client.example.org", "MAIL FROM:<ann@example.org>", "RCPT TO:<bob@example.org>"
LHLO = "LHLO client.example.org"
PATIENCE = 15.0
RIGHT = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
WRONG = base64.b64encode(b"\0student\0wrong").decode()
MESSAGE = ("Subject: x", "", "x", ".")

# A server slows down or hangs up after some mistakes, so that each dialogue has only a few. `tls` starts TLS.
DIALOGUES: tuple[tuple[str, ...], ...] = (
    (MAIL, RCPT, "DATA", EHLO, "DATA", MAIL, "DATA", MAIL, RCPT, "RCPT TO:<nobody@example.org>", "DATA", *MESSAGE, "QUIT"),
    (EHLO, MAIL, "RCPT TO:<carol@example.net>", "RCPT TO:<bob>", "RCPT TO:<>", "RCPT TO:bob@example.org", "RSET", "QUIT"),
    (EHLO, "MAIL FORM:<a@example.org>", "MAIL FROM <a@example.org>", "MAIL FROM:<a@example.org", "MAIL FROM:a@example.org", "RSET"),
    (EHLO, "MAIL FROM:<a@example.org> SIZE=999999999999", "MAIL FROM:<a@example.org> FOO=1", "MAIL FROM:<a@example.org> BODY=x"),
    (EHLO, "MAIL FROM:<j\xf6rg@example.org>", "MAIL FROM:<>", "RCPT TO:<j\xf6rg@example.org>", "RCPT TO:<full@example.org>"),
    ("EHLO", "HELO", "EHL0 x", "HELLO x", "xyzzy", "GET / HTTP/1.1"),
    (EHLO, "NOOP", "HELP", "VRFY bob@example.org", "VRFY nobody@example.org", "EXPN staff", "ETRN example.org", "TURN"),
    (EHLO, "STARTTLS now", "tls", "STARTTLS", "MAIL FROM:<ann@example.org>", EHLO, "STARTTLS", "QUIT"),
    (EHLO, "AUTH", "AUTH NONE", "AUTH PLAIN ***", f"AUTH PLAIN {WRONG}", "AUTH LOGIN"),
    (EHLO, "tls", EHLO, "AUTH", "AUTH NONE", "AUTH PLAIN ***", f"AUTH PLAIN {WRONG}"),
    (EHLO, "tls", EHLO, "AUTH LOGIN", "*", "AUTH CRAM-MD5", "eA=="),
    (EHLO, "NOOP " + "x" * 3000, "MAIL FROM:<" + "x" * 300 + "@example.org>", "BDAT x", "QUIT now"),
    (EHLO, MAIL, RCPT, "DATA", "x" * 900, *["y" * 900] * (STRICT_SIZE_LIMIT // 900 + 1), ".", "QUIT"),
    (EHLO, MAIL, "RCPT TO:<nobody@example.org>", "DATA", "QUIT"),
)  # fmt: skip
RECIPIENTS = (EHLO, MAIL, *[RCPT] * (RECIPIENT_LIMIT + 1))
# The service behind a login says other things than the one before it.
LOGGED_IN = tuple(
    (EHLO, "tls", EHLO, f"AUTH PLAIN {RIGHT}", *[line for line in lines if line not in ("tls", EHLO)])
    for lines in DIALOGUES
)
MISTAKES = tuple(f"mistake{number}" for number in range(ERROR_LIMIT + 1))


def converse(
    host: str, port: int, lines: tuple[str, ...], tls: TlsSettings, *, implicit: bool = False, lmtp: bool = False
) -> list[Entry]:
    """Send lines, and return all that happened, until the server ends it."""
    entries: list[Entry] = []
    target = Target(Way.TCP, host, port, tls=implicit, lmtp=lmtp)
    with (
        suppress(DialogueBroken),
        Session.open(target, [entries.append], timeouts=Timeouts().all(PATIENCE), tls=tls) as session,
    ):
        session.read_reply()
        for line in lines:
            _say(session, line, tls)
    return entries


def _say(session: Session, line: str, tls: TlsSettings) -> None:
    octets = line.encode("latin-1" if "\xf6" not in line else "utf-8")
    if line == "tls":
        session.command(Command(b"STARTTLS"))
        if session.tls_due:
            session.start_tls(tls)
    elif session.phase is Phase.MAILDATA:
        session.send_mail_data(octets + b"\r\n", last=line == ".")
        if line == ".":
            session.read_reply()
    elif session.phase is Phase.AUTH:
        session.send_sasl(octets)
        session.read_reply()
    else:
        session.command(Command.parse(octets))


def unexplained(entries: list[Entry]) -> Iterator[str]:
    """Yield the replies that have no explanation, or none that is a fact."""
    narrator = Narrator()
    for entry in entries:
        told = narrator.tell(entry)
        last = narrator.exchanges.last
        if isinstance(entry.event, ReplyReceived):
            assert last is not None
            if not told or not explanation_of(last).known:
                yield f"{entry.event.verb} {last.before.phase.value}: {last.reply and last.reply.one_line()}"


def of_server(
    host: str, port: int, tls: TlsSettings, *more: tuple[str, ...], implicit: bool = False, lmtp: bool = False
) -> tuple[set[int], list[str]]:
    """Return the codes that a server gave, and its replies without an explanation."""
    dialogues = [*DIALOGUES, *more]
    if lmtp:
        dialogues = [tuple(line.replace(EHLO, LHLO) for line in lines) for lines in dialogues]
    found = [converse(host, port, lines, tls, implicit=implicit, lmtp=lmtp) for lines in dialogues]
    codes = {entry.event.reply.code for entries in found for entry in entries if isinstance(entry.event, ReplyReceived)}
    return codes, [missing for entries in found for missing in unexplained(entries)]


def test_each_reply_of_the_practice_server_is_explained(practice: PracticeServer) -> None:
    tls = TlsSettings(ca_file=practice.ca_file)
    codes, missing = of_server(practice.host, practice.port, tls, MISTAKES, RECIPIENTS)
    assert missing == []
    assert {220, 221, 250, 334, 354, 421, 452, 500, 501, 502, 503, 504, 530, 535, 550, 552, 554} <= codes


@pytest.mark.parametrize("port", ["smtp", "submission", "smtps", "strict"])
def test_each_reply_of_postfix_is_explained(postfix: Postfix, port: str) -> None:
    tls = TlsSettings(ca_file=postfix.ca_file)
    # The two others refuse each of them, and wait a second after each.
    more = (RECIPIENTS,) if port in ("smtp", "strict") else ()
    codes, missing = of_server(postfix.host, getattr(postfix, port), tls, *more, implicit=port == "smtps")
    assert missing == []
    assert len(codes) >= 6


@pytest.mark.exim
@pytest.mark.parametrize("port", ["smtp", "submission", "smtps", "strict"])
def test_each_reply_of_exim_is_explained(exim: Exim, port: str) -> None:
    more = RECIPIENTS, MISTAKES, *LOGGED_IN
    tls = TlsSettings(ca_file=exim.ca_file)
    codes, missing = of_server(exim.host, getattr(exim, port), tls, *more, implicit=port == "smtps")
    assert missing == []
    assert {220, 250, 500, 501, 503} <= codes


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("submission", {220, 221, 235, 250, 334, 354, 421, 451, 500, 501, 502, 503, 504, 530, 535, 550, 552, 555}),
        ("submissions", {220, 221, 235, 250, 334, 354, 421, 451, 500, 501, 502, 503, 504, 530, 535, 550, 552, 555}),
        ("lmtp", {220, 221, 250, 354, 500, 501, 502, 503, 550, 555}),
    ],
)
def test_each_reply_of_dovecot_is_explained(dovecot: Dovecot, port: str, expected: set[int]) -> None:
    tls = TlsSettings(ca_file=dovecot.ca_file)
    implicit, lmtp = port == "submissions", port == "lmtp"
    # Within TLS, this Dovecot takes STARTTLS again before the login, although it does not offer it.
    more = [tuple(line for line in lines if line != "tls") if implicit else lines for lines in LOGGED_IN]
    many = (EHLO, f"AUTH PLAIN {RIGHT}", *RECIPIENTS[1:])
    codes, missing = of_server(dovecot.host, getattr(dovecot, port), tls, many, *more, implicit=implicit, lmtp=lmtp)
    assert missing == []
    assert expected <= codes


def last_refusal(entries: list[Entry]) -> tuple[str, tuple[str, ...]]:
    """Return what is told about the last refusal, and the reasons."""
    narrator = Narrator()
    told: str = ""
    why: tuple[str, ...] = ()
    for entry in entries:
        narrator.tell(entry)
        last = narrator.exchanges.last
        if isinstance(entry.event, ReplyReceived) and last is not None and last.is_negative:
            told, why = of_reply(last), reasons(last)
    return told, why


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((MAIL,), "MAIL comes after EHLO or HELO"),
        ((EHLO, "DATA"), "DATA comes after MAIL"),
        ((EHLO, MAIL, "RCPT TO:<nobody@example.org>", "DATA"), "the server refused the only one"),
        ((EHLO, "MAIL FROM <ann@example.org>"), "The colon after FROM is missing"),
        ((EHLO, "EHL0 client.example.org"), "the letter O"),
        ((EHLO, "MAIL FROM:<ann@example.org> SIZE=999999999999"), "octets, and the server announced that it takes"),
        ((EHLO, "tls", MAIL), "EHLO must be said again"),
        ((EHLO, "tls", EHLO, "STARTTLS"), "TLS is in use already"),
    ],
)
def test_why_real_servers_refuse(
    practice: PracticeServer, postfix: Postfix, lines: tuple[str, ...], reason: str
) -> None:
    places = (practice.host, practice.port, practice.ca_file), (postfix.host, postfix.strict, postfix.ca_file)
    for host, port, ca_file in places:
        told, why = last_refusal(converse(host, port, lines, TlsSettings(ca_file=ca_file)))
        assert any(reason in each for each in why), (port, told, why)


def test_postfix_refuses_to_relay_and_it_is_known_as_its_wording(postfix: Postfix) -> None:
    entries = converse(postfix.host, postfix.smtp, (EHLO, MAIL, "RCPT TO:<carol@example.net>"), TlsSettings())
    reply = next(entry.event.reply for entry in reversed(entries) if isinstance(entry.event, ReplyReceived))
    found = explain_reply(reply, "RCPT")
    assert found.what.startswith("5")
    assert found.do == "fix"
    assert found.known

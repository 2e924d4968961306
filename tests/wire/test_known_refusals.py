"""Refusals that real servers make: known by their wording, and never taken for those of another server."""

from itertools import chain

import pytest

from smtp_shell.knowledge.refusals import ANY_SERVER, find_refusals, refusal_text
from smtp_shell.protocol.replies import Reply
from smtp_shell.servers.practice import PracticeServer
from tests.support.dovecot import Dovecot
from tests.support.exim import Exim
from tests.support.postfix import Postfix
from tests.support.provocations import MAIL, RCPT
from tests.wire.test_explained_replies import (
    HELLO,
    Conversation,
    of_exim,
    of_lmtp,
    of_submission,
    sessions,
    unexplained,
)


def refused(host: str, port: int) -> list[Reply]:
    replies = chain(sessions(host, port), sessions(host, port, tls=True))
    return [reply for reply in replies if reply.is_negative]


def strangers(replies: list[Reply], servers: set[str]) -> dict[str, set[str]]:
    """Return the texts that are taken for the wording of a server that did not send them."""
    found = {refusal_text(reply): {fact.server for fact in find_refusals(reply)} - servers for reply in replies}
    return {text: wrong for text, wrong in found.items() if wrong}


def unknown(replies: list[Reply]) -> set[str]:
    return {refusal_text(reply) for reply in replies if not find_refusals(reply)}


PRACTICE: tuple[tuple[bytes, ...], ...] = (
    (
        HELLO,
        MAIL + b" RET=x",
        MAIL + b" ENVID=+",
        MAIL + b" PRDR=1",
        MAIL + b" BODY=9BIT",
        MAIL + b" ENVID=" + b"x" * 101,
    ),
    (HELLO, MAIL, RCPT + b" NOTIFY=x", RCPT + b" ORCPT=x", RCPT + b" ORCPT=rfc822;" + b"x" * 500),
    (HELLO, MAIL, RCPT, b"BDAT 3\r\nx", RCPT, b"DATA", b"BDAT"),
    (HELLO, MAIL + b" BODY=BINARYMIME", RCPT, b"DATA"),
    (HELLO, MAIL + b" SIZE=5000", b"RCPT TO:<tiny@example.org>", b"BDAT 0 LAST"),
    (HELLO, MAIL, RCPT, b"BDAT 9999999999 LAST"),
    (b"XCLIENT", b"XCLIENT X=y", b"XCLIENT NAME=+", b"XCLIENT PORT=x", b"XCLIENT ADDR=", b"BDAT 0"),
)


def test_the_practice_server_is_known_by_its_wording(practice: PracticeServer) -> None:
    replies = refused(practice.host, practice.port)
    assert len(replies) > 50
    assert strangers(replies, {"practice", "aiosmtpd", ANY_SERVER}) == {}
    assert unknown(replies) == set()


def test_what_its_extensions_refuse_is_known_too(practice: PracticeServer) -> None:
    replies = [reply for script in PRACTICE for reply in Conversation(practice.host, practice.port).replies(script)]
    refusals = [reply for reply in replies if reply.is_negative]
    assert len(refusals) == 21
    assert strangers(refusals, {"practice", ANY_SERVER}) == {}
    assert unknown(refusals) == set()


@pytest.mark.parametrize("service", ["smtp", "submission", "strict"])
def test_postfix_is_known_by_its_wording(postfix: Postfix, service: str) -> None:
    replies = refused(postfix.host, getattr(postfix, service))
    assert len(replies) > 50
    assert strangers(replies, {"Postfix", ANY_SERVER}) == {}
    assert unknown(replies) == set()


@pytest.mark.exim
@pytest.mark.parametrize(
    ("service", "codes"),
    [
        ("smtp", "220 221 235 334 354 458 500 501 503 504 535 550 552 554"),
        ("submission", "220 221 235 334 500 501 503 504 535 550 552 554"),
        ("strict", "220 221 354 451 500 501 503 550 552 554"),
    ],
)
def test_exim_is_known_by_its_wording(exim: Exim, service: str, codes: str) -> None:
    replies = list(of_exim(exim, getattr(exim, service)))
    assert set(codes.split()) <= explained(replies, {"Exim", ANY_SERVER})


@pytest.mark.dovecot
@pytest.mark.parametrize("tls", [False, True])
def test_dovecots_submission_service_is_known_by_its_wording(dovecot: Dovecot, tls: bool) -> None:
    replies = list(of_submission(dovecot, tls=tls))
    codes = "221 235 250 334 354 421 451 500 501 502 503 504 530 535 550 552 555"
    # It passes on what the practice server behind it says.
    assert set(codes.split()) <= explained(replies, {"Dovecot", "practice", ANY_SERVER})


@pytest.mark.dovecot
def test_dovecots_lmtp_service_is_known_by_its_wording(dovecot: Dovecot) -> None:
    replies = list(of_lmtp(dovecot))
    codes = "220 221 250 354 421 451 500 501 502 503 550 552 555"
    assert set(codes.split()) <= explained(replies, {"Dovecot", ANY_SERVER})


def explained(replies: list[Reply], servers: set[str]) -> set[str]:
    """Hold that each code has a fact, and each refusal one of these servers. Return the codes."""
    seen, missing = unexplained(replies)
    refusals = [reply for reply in replies if reply.is_negative]
    assert len(refusals) > 40
    assert missing == set()
    assert strangers(refusals, servers) == {}
    assert unknown(refusals) == set()
    return seen

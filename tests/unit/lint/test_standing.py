"""Where a dialogue stands after what was sent and received."""

import io
from types import MappingProxyType
from typing import Any

import pytest

from smtp_shell.lint import Linter
from smtp_shell.lint.moments import View
from smtp_shell.lint.standing import domain_of
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import CommandSent, Connected, Entry
from smtp_shell.protocol.phases import Asked, Owed, Phase
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import TranscriptReader
from tests.unit.lint.cases import DATA, GREETING, HEADER, MAIL, RCPT, RECORDED, announcing

_OK, _NO = "S: 250 ok\n", "S: 550 no\n"
_EHLO = "C: EHLO x\nS: 250-mx.example.org\nS: 250 SIZE 10\n"
_OPEN = f"{_EHLO}{MAIL}{RCPT}C: RCPT TO:<c@EXAMPLE.net>\nS: 550 no\nC: RCPT TO:<bob@example.org>\nS: 251 ok\n"
_SENDER = b"MAIL FROM:<ann@example.org>"
_DOMAINS = frozenset({b"example.org", b"example.net"})
_MESSAGE = f"{DATA}{HEADER}C:\nC: x\nC: .\n"
_TLS = "C: STARTTLS\nS: 220 ready\n*: tls TLSv1.3 X verified\n"
_CLOSED: dict[str, Any] = {"sender": None, "mail_parameters": {}, "recipients": 0, "refusals": 0, "chunks": 0}
_KEPT: dict[str, Any] = {"sender": _SENDER, "recipients": 2, "refusals": 1}


def view_after(text: str) -> View:
    """Return where the dialogue of a transcript stands at its end."""
    reader = TranscriptReader(io.BytesIO(text.encode()), "case.smtp")
    linter = Linter()
    for entry in entries(reader, header=reader.header):
        linter.feed(entry)
    return linter.view()


def test_a_dialogue_begins_with_nothing() -> None:
    linter = Linter()
    beginning = View(owed=(Owed(Asked.GREETING),), mail_parameters=MappingProxyType({}))
    assert linter.view() == beginning
    linter.feed(Entry(1, 0.0, CommandSent(Command(b"MAIL FROM:<a> SIZE=1"))))
    linter.feed(Entry(2, 0.0, CommandSent(Command(b"AUTH PLAIN"))))
    assert linter.view() != beginning
    linter.feed(Entry(3, 0.0, Connected("client")))
    assert linter.view() == beginning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            _EHLO,
            {"hello": "EHLO", "announced": announcing("SIZE 10"), "sent": {"EHLO"}, "accepted": {"EHLO"}, "refused": set()}
            | {"last_code": 250, "phase": Phase.READY, "hello_since_tls": True, "tls": False, "owed": ()},
        ),
        ("C: HELO x\nS: 250-mx\nS: 250 SIZE 10\n", {"hello": "HELO", "announced": None}),
        ("C: LHLO x\nS: 250-mx\nS: 250 SIZE 10\n", {"hello": "LHLO", "announced": announcing("SIZE 10")}),
        ("C: EHLO x\nS: 550 no\n", {"hello": "", "announced": None, "accepted": set(), "refused": {"EHLO"}, "failure": b"EHLO x"}),
        ("C: EHLO x\nS: 450 no\n", {"hello": "", "refused": {"EHLO"}, "failure": b""}),
        (f"{_EHLO}C: EHLO x\n{_NO}", {"hello": "EHLO", "announced": announcing("SIZE 10")}),
        ("C: NOOP\nS: 399 hm\n", {"accepted": {"NOOP"}, "refused": set(), "last_code": 399}),
        ("C: NOOP\nS: 400 hm\n", {"accepted": set(), "refused": {"NOOP"}, "last_code": 400}),
        ("C: NOOP\nS: 499 hm\n", {"failure": b""}),
        ("C: NOOP\nS: 500 hm\n", {"failure": b"NOOP"}),
        ("C: NOOP\nS: 599 hm\n", {"failure": b"NOOP"}),
        (f"C: NOOP\n{_NO}C: RSET\n{_NO}", {"refused": {"NOOP", "RSET"}, "failure": b"RSET"}),
        (f"C: NOOP\n{_NO}C: RSET\n{_OK}", {"refused": set(), "failure": b"", "accepted": {"RSET"}, "sent": {"NOOP", "RSET"}}),
        (f"C: FOO\n{_NO}", {"sent": {""}, "refused": {""}}),
        (f"C: FOO\n{_OK}", {"sent": {""}, "accepted": {""}}),
        (f"C: Dear Bob\n{_NO}", {"in_text": False, "after_message": False, "data_refused": False}),
        (f"C: XCLIENT A=b\n{_NO}", {"sent": {"XCLIENT"}, "refused": {"XCLIENT"}}),
        ("S: 550 no\n", {"failure": b"", "refused": set(), "last_code": 550}),
        (f"{_EHLO}C: MAIL FROM:<a> SIZE=3\n{_OK}", {"sender": b"MAIL FROM:<a> SIZE=3", "mail_parameters": {"SIZE": b"3"}, "mails": 1}),
        (f"{_EHLO}C: MAIL FROM:<a> SIZE=3\n", {"sender": b"MAIL FROM:<a> SIZE=3", "mails": 1, "sent": {"EHLO", "MAIL"}}),
        (f"{_EHLO}C: MAIL FROM:<a> SIZE=3\n{_NO}", {**_CLOSED, "mails": 1, "refused": {"MAIL"}}),
        (_OPEN, {**_KEPT, "domains": _DOMAINS, "mails": 1, "phase": Phase.RCPT}),
        (f"{_OPEN}C: MAIL FROM:<other>\nS: 503 no\n", {**_KEPT, "mails": 2}),
        (f"{_EHLO}{RCPT}C: RCPT TO:<bob>\n{_NO}", {"recipients": 0, "refusals": 0, "domains": {b"example.org"}}),
        (f"{_OPEN}C: RSET\n{_OK}", {**_CLOSED, "domains": _DOMAINS, "mails": 1}),
        (f"{_OPEN}C: RSET\n{_NO}", _KEPT),
        *((f"{_OPEN}C: {verb} x\n{_OK}", _CLOSED) for verb in ("EHLO", "HELO", "LHLO")),
        (f"{_OPEN}C: EHLO x\n{_NO}", _KEPT),
        (f"{_OPEN}C: NOOP\n{_OK}", _KEPT),
        (
            f"{_OPEN}C& RSET\nC: MAIL FROM:<b> SIZE=4\n{_OK}",
            {**_CLOSED, "sender": b"MAIL FROM:<b> SIZE=4", "mail_parameters": {"SIZE": b"4"}},
        ),
        (f"{_OPEN}C& RSET\nC& MAIL FROM:<b>\nC: MAIL FROM:<c>\n{_OK}{_OK}S: 503 no\n", {"sender": b"MAIL FROM:<b>", "mails": 3}),
        (f"{_OPEN}{_MESSAGE}", {**_KEPT, "after_message": True, "last_code": 354}),
        (f"{_OPEN}{_MESSAGE}{_OK}", {**_CLOSED, "after_message": True, "domains": _DOMAINS}),
        (f"{_OPEN}{_MESSAGE}{_NO}", {**_CLOSED, "after_message": True, "failure": b"", "refused": set()}),
        (f"{_OPEN}{_MESSAGE}{_OK}C: NOOP\n", {"after_message": False, "in_text": False}),
        (f"{_OPEN}{_MESSAGE}{_OK}C: Dear Bob\n", {"after_message": True, "in_text": True}),
        (f"{_OPEN}{_MESSAGE}{_OK}C: Dear Bob\n{_NO}C: NOOP\n", {"after_message": False, "in_text": False}),
        (f"{_OPEN}C: DATA\n{_NO}", {**_KEPT, "data_refused": True, "in_text": False}),
        (f"{_OPEN}C: DATA\n{_NO}C: Dear Bob\n", {"data_refused": True, "in_text": True}),
        (f"{_OPEN}C: DATA\n{_NO}C: NOOP\n", {"data_refused": False}),
        (f"{_OPEN}C: DATA\nS: 354 go\n", {"data_refused": False, "phase": Phase.MAILDATA}),
        (f"{_OPEN}C: BDAT 2\nC| ab\n{_OK}C: BDAT 2\nC| cd\n{_OK}", {**_KEPT, "chunks": 2}),
        (f"{_OPEN}C: BDAT 2 LAST\nC| ab\n{_OK}", _CLOSED),
        (f"{_OPEN}C: AUTH PLAIN\nS: 235 ok\n", {"authenticated": True, "mechanism": "PLAIN"}),
        (f"{_EHLO}C: auth login x\nS: 535 no\n", {"authenticated": False, "mechanism": "LOGIN"}),
        (f"{_EHLO}C: AUTH PLAIN\nS: 236 ok\n", {"authenticated": False}),
        (f"{_EHLO}C: AUTH\n{_NO}", {"mechanism": ""}),
        (f"{_EHLO}C: AUTH plä\n{_NO}", {"mechanism": "PL\ufffd\ufffd"}),
        (f"{_EHLO}C: NOOP\nS: 235 ok\n", {"authenticated": False, "mechanism": ""}),
        (f"{_EHLO}*: auth PLAIN ann\n", {"authenticated": True}),
        (
            f"{_OPEN}{_TLS}",
            {**_CLOSED, "tls": True, "started_tls": True, "hello_since_tls": False, "hello": "EHLO", "announced": None}
            | {"announced_before_tls": announcing("SIZE 10"), "owed": (), "phase": Phase.FRESH},
        ),
        (f"{_EHLO}{_TLS}C: EHLO x\n", {"hello_since_tls": True, "started_tls": True}),
        (f"{_EHLO}{_TLS}C: NOOP\n", {"hello_since_tls": False}),
        (f"{_EHLO}{_TLS}C: HELO x\n", {"hello_since_tls": True}),
    ],
)  # fmt: skip
def test_the_standing_follows_from_what_was_sent_and_received(text: str, expected: dict[str, Any]) -> None:
    start = "" if text.startswith("S:") else GREETING
    view = view_after(f"{RECORDED}{start}{text}")
    assert {name: getattr(view, name) for name in expected} == expected
    assert view.is_recorded


def test_what_is_kept_of_a_command_is_bounded() -> None:
    long = "x" * 9_000
    view = view_after(f"{RECORDED}{GREETING}{_EHLO}C: MAIL FROM:<{long}>\n{_OK}C: NOOP {long}\n{_NO}")
    assert view.sender == f"MAIL FROM:<{long}>".encode()[:8_192]
    assert view.failure == f"NOOP {long}".encode()[:8_192]
    assert view_after(f"{RECORDED}{GREETING}{_EHLO}{MAIL}C: RCPT TO:<b@{long}>\n{_OK}").domains == frozenset()
    early = view_after(f"{RECORDED}{GREETING}{_EHLO}C& RSET\nC: MAIL FROM:<{long}>\n{_OK}")
    assert early.sender == view.sender


@pytest.mark.parametrize(
    ("line", "domain"),
    [
        (b"RCPT TO:<bob@Example.ORG>", b"example.org"),
        (b"RCPT TO:<Postmaster>", b""),
        (b"RCPT TO:<bob@${domain}>", b""),
        (b"NOOP", b""),
    ],
)
def test_a_recipient_has_a_domain_if_one_is_known(line: bytes, domain: bytes) -> None:
    assert domain_of(line) == domain


def test_a_thousand_domains_are_remembered() -> None:
    recipients = "".join(f"C: RCPT TO:<bob@d{number}.example>\n{_OK}" for number in range(1_001))
    text = f"{RECORDED}{GREETING}{_EHLO}{MAIL}"
    text += (
        f"C: RCPT TO:<Postmaster>\n{_OK}C: RCPT TO:<b@${{d}}>\n{_OK}C: RCPT TO:<@a:b@c@d0.example>\n{_OK}{recipients}"
    )
    view = view_after(text)
    assert view.domains == {f"d{number}.example".encode() for number in range(1_000)}
    assert view.recipients == 1_004


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C: EHLO x\nC: MAIL FROM:<a>\n", {"hello": "EHLO", "announced": None, "accepted": {"EHLO"}, "phase": Phase.READY}),
        ("C: EHLO x\nS: 250\nC: MAIL FROM:<a>\n", {"hello": "EHLO", "announced": None}),
        ("C: EHLO x\nS: 250-mx\nS: 250 SIZE 10\nC: NOOP\n", {"announced": announcing("SIZE 10")}),
        ("C: EHLO x\nC: AUTH PLAIN ${sasl}\nC: NOOP\n", {"authenticated": True, "last_code": 0}),
        ("C: EHLO x\nC: AUTH LOGIN\nC: ${sasl}\nC: ${sasl}\nC: NOOP\n", {"authenticated": True}),
        ("C: EHLO x\nC: STARTTLS\nC: EHLO x\n", {"tls": True, "started_tls": True, "hello_since_tls": True}),
        (
            "C: EHLO x\nC: MAIL FROM:<a>\nC: RCPT TO:<b@c>\nC: DATA\nC: x\nC: .\nC: NOOP\n",
            {**_CLOSED, "accepted": {"EHLO", "MAIL", "RCPT", "DATA"}},
        ),
        ("C: EHLO x\nC& NOOP\nC: RSET\n", {"accepted": {"EHLO"}}),
        ("C: EHLO x\nS: 4yz\nC: NOOP\n", {"hello": "", "refused": {"EHLO"}, "failure": b""}),
        ("C: EHLO x\nS: 5yz\nC: NOOP\n", {"hello": "", "refused": {"EHLO"}, "failure": b"EHLO x"}),
        ("C: EHLO x\nS: 2yz\nC: NOOP\n", {"hello": "EHLO", "announced": None, "refused": set()}),
        ("C: EHLO x\nS: 554\nC: NOOP\n", {"hello": "", "failure": b"EHLO x", "last_code": 554}),
    ],
)  # fmt: skip
def test_a_script_that_leaves_replies_out_is_taken_to_go_well(text: str, expected: dict[str, Any]) -> None:
    view = view_after(text)
    assert {name: getattr(view, name) for name in expected} == expected
    assert not view.is_recorded

"""What the practice server reads of a client, whatever it is: no exception, and each refusal one line in ASCII."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.protocol.secret import Secret
from smtp_shell.protocol.xtext import text_of
from smtp_shell.servers.mailboxes import parse_path, why_not_from, why_not_to
from smtp_shell.servers.notifications import (
    Verdict,
    report,
    requested_of_message,
    requested_of_recipient,
    why_not_notify,
    why_not_return,
)
from smtp_shell.servers.practice.exchanges import Account, begin
from smtp_shell.servers.practice.xclient import Origin, parse_xclient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.servers.practice.exchanges import Exchange

REPLY = re.compile(r"[45]\d\d [45]\.\d+\.\d+ [ -~]+")
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER")
ACCOUNT = Account("student", Secret("password"), Secret("token"), b"salt", lambda: {"tls-exporter": b"x" * 32})
# What a line of a client can hold after the server has decoded it; half of it looks like what is meant.
words = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=40) | st.from_regex(
    r"(RET|ENVID|NOTIFY|ORCPT|SIZE|BODY|AUTH|PRDR|NAME|ADDR|PORT|PROTO|HELO|LOGIN)=?[ -~]{0,30}", fullmatch=True
)
lines = st.lists(words, max_size=5).map(" ".join)
responses = st.binary(max_size=60) | st.from_regex(
    rb"([nyp](=[a-z-]{1,20})?,(a=[^,]{0,5})?,)?(n|m|r|c|p|user|auth)=[ -~]{0,20}(,r=[!-~]{0,9})?(\x01|,)?",
    fullmatch=True,
)


@given(words)
def test_xtext_is_decoded_or_refused(text: str) -> None:
    found = text_of(text)
    assert found is None or all(ord(char) < 256 for char in found)


@given(st.text(st.characters(max_codepoint=255), min_size=1))
def test_xtext_holds_any_octets(text: str) -> None:
    written = "".join(char if char.isascii() and char.isalnum() else f"+{ord(char):02X}" for char in text)
    assert text_of(written) == text


@given(lines)
def test_xclient_is_read_or_refused(line: str) -> None:
    found = parse_xclient(line, Origin())
    assert isinstance(found, Origin) or REPLY.fullmatch(found)
    if isinstance(found, Origin):
        assert all(value is None or not re.search(r"[\x00-\x20\x7f]", value) for value in (found.name, found.helo))


@given(lines, st.booleans())
def test_parameters_are_read_or_refused(line: str, smtp_utf8: bool) -> None:
    for keyword in (b"FROM:", b"TO:"):
        path = parse_path(f"{keyword.decode()}<ann@example.org> {line}", keyword)
        if isinstance(path, str):
            assert REPLY.fullmatch(path)
            continue
        refusal = (
            why_not_from(path, extended=True, may_authenticate=True)
            if keyword == b"FROM:"
            else why_not_to(path, smtp_utf8=smtp_utf8, authenticated=True, extended=True)
        )
        assert not refusal or REPLY.fullmatch(refusal.encode("ascii", "backslashreplace").decode())


@given(
    st.dictionaries(st.sampled_from(("RET", "ENVID", "NOTIFY", "ORCPT")), words.map(lambda word: word.replace(" ", "")))
)
def test_a_report_has_no_line_of_the_clients_making(parameters: dict[str, str]) -> None:
    if why_not_notify(parameters, smtp_utf8=True) or any(why_not_return(*each) for each in parameters.items()):
        return
    for field in (*requested_of_message(parameters), *requested_of_recipient(b"bob@example.org", parameters)):
        assert not re.search(rb"[\r\n\0]", field)
    verdict = Verdict(b"bob@example.org", "250 2.1.5 Ok", parameters)
    told = b"".join(report("practice.example", b"ann@example.org", parameters, [verdict], [b"Subject: x\r\n\r\nbody"]))
    known = rb"(?:Original-Envelope-Id|Reporting-MTA|Original-Recipient|Final-Recipient|Action|Status): [^\r\n]*"
    status = told.partition(b"message/delivery-status\r\n\r\n")[2].partition(b"\r\n--report-")[0]
    assert all(re.fullmatch(known, line) for line in status.split(b"\r\n") if line)


@given(st.sampled_from(MECHANISMS), st.lists(responses, max_size=4))
def test_no_response_breaks_an_exchange_or_lets_anybody_in(mechanism: str, given_responses: Sequence[bytes]) -> None:
    verdict = outcome(begin(mechanism, ACCOUNT), given_responses)
    assert verdict is None or REPLY.fullmatch(verdict)


def outcome(exchange: Exchange, responses: Sequence[bytes]) -> str | None:
    """Return how an exchange ends; None if it asks for more."""
    next(exchange)
    try:
        for response in responses:
            exchange.send(response)
    except StopIteration as end:
        return str(end.value)
    return None

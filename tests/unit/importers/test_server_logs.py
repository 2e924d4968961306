from __future__ import annotations

import pytest

from smtp_shell.errors import TranscriptError
from tests.support.foreign_text import lines_of, records, taken_for

HEAD = "Nov 27 14:26:39 mail postfix/"


def postfix(*lines: str) -> list[str]:
    return lines_of(records("".join(f"{HEAD}{line}\n" for line in lines), "postfix"))


def test_sessions_of_several_processes_stand_one_after_the_other() -> None:
    said = postfix(
        "smtpd[1]: connect from a[192.0.2.1]",
        "smtpd[1]: > a[192.0.2.1]: 220 one.example.com",
        "smtpd[2]: connect from b[192.0.2.2]",
        "smtpd[2]: > b[192.0.2.2]: 220 two.example.com",
        "smtpd[1]: < a[192.0.2.1]: NOOP",
        "smtpd[2]: < b[192.0.2.2]: RSET",
        "smtpd[2]: > b[192.0.2.2]: 250 two",
        "smtpd[2]: lost connection after RSET from b[192.0.2.2]",
        "smtpd[2]: disconnect from b[192.0.2.2]",
        "smtpd[1]: > a[192.0.2.1]: 250 one",
    )
    assert said == [
        "*: connect one.example.com:25",
        "S: 220 one.example.com",
        "C: NOOP",
        "S: 250 one",
        "*: close",
        "*: connect two.example.com:25",
        "S: 220 two.example.com",
        "C: RSET",
        "S: 250 two",
        "*: close",
    ]


@pytest.mark.parametrize(
    "head",
    [
        "Nov 27 14:26:39 mail postfix/",
        "2026-11-27T14:26:39.123456+00:00 mail postfix/",
        "Nov 27 14:26:39 mail postfix-out/submission/",
        "2026-11-27 14:26:39 mail postfix/",
        "postfix/",
    ],
)
def test_a_line_of_syslog_may_begin_in_several_ways(head: str) -> None:
    text = f"{head}smtpd[1]: > a[192.0.2.1]: 220 hi\n{head}smtpd[1]: < a[192.0.2.1]: QUIT\n"
    assert taken_for(text) == "postfix"
    assert lines_of(records(text, "postfix"))[1:] == ["S: 220 hi", "C: QUIT"]


def test_what_follows_starttls_in_a_log_was_said_inside_tls() -> None:
    said = postfix(
        "smtpd[1]: > a[192.0.2.1]: 220 hi",
        "smtpd[1]: < a[192.0.2.1]: STARTTLS",
        "smtpd[1]: > a[192.0.2.1]: 220 2.0.0 Ready",
        "smtpd[1]: Anonymous TLS connection established from a[192.0.2.1]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384",
        "smtpd[1]: < a[192.0.2.1]: QUIT",
    )
    assert said[-2:] == ["*: tls TLSv1.3 TLS_AES_256_GCM_SHA384", "C: QUIT"]


def test_a_main_log_of_exim_has_nothing_to_replay_and_says_so() -> None:
    text = (
        "2026-11-27 14:26:42 1xWwuS-00068j-0j <= ann@example.org H=(client.example.org) [192.0.2.1] P=esmtp S=271\n" * 3
    )
    assert taken_for(text) == "exim"
    with pytest.raises(TranscriptError, match="there is nothing to replay; run exim -d -bd"):
        records(text, "exim")


def test_a_masked_credential_is_no_password_of_asterisks() -> None:
    text = "  SMTP<< 220 hi\n  SMTP>> EHLO x\n  SMTP<< 250 AUTH PLAIN\n  SMTP>> AUTH PLAIN ****************\n  SMTP<< 235 ok\n"
    assert "C: AUTH PLAIN ${sasl}" in lines_of(records(text, "exim"))

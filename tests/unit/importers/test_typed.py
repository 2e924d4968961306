from __future__ import annotations

import pytest

from tests.support.foreign_text import lines_of, records, taken_for

WINDOWS = """\
Microsoft Windows [Version 10.0.19045.3803]
C:\\Users\\robin>telnet mail.example.com 25
Connecting To mail.example.com...
220 mail.example.com ESMTP Postfix
helo client.example.org
250 mail.example.com
quit
221 2.0.0 Bye


Connection to host lost.

C:\\Users\\robin>
"""

TWO_ADDRESSES = """\
$ telnet mail.example.com 25
Trying 2001:db8::25...
telnet: connect to address 2001:db8::25: Connection refused
Trying 192.0.2.25...
Connected to mail.example.com.
Escape character is '^]'.
220 mail.example.com ESMTP Postfix
NOOP
250 2.0.0 Ok
Connection closed by foreign host.
$
"""

NO_ECHO = """\
Trying 192.0.2.25...
Connected to mail.example.com.
Escape character is '^]'.
220 mail.example.com ESMTP Postfix
250 mail.example.com
354 End data with <CR><LF>.<CR><LF>
250 2.0.0 Ok: queued as 12345
221 2.0.0 Bye
Connection closed by foreign host.
"""

STARTTLS_IN_TELNET = """\
$ telnet mail.example.com 587
Trying 192.0.2.25...
Connected to mail.example.com.
Escape character is '^]'.
220 mail.example.com ESMTP
STARTTLS
220 2.0.0 Ready to start TLS
EHLO client.example.org
Connection closed by foreign host.
"""

PUTTY = (
    "=~=~=~=~=~=~=~=~=~=~=~= PuTTY log 2025.03.04 10:15:02 =~=~=~=~=~=~=~=~=~=~=~=\r\n"
    "220 mail.example.com ESMTP Postfix\r\n"
    "EHLO clienr\x08\x1b[Kt.example.org\r\n"
    "250-mail.example.com\r\n"
    "250 SIZE 1000\r\n"
    "421 4.4.2 mail.example.com Error: timeout exceeded\r\n"
    "=~=~=~=~=~=~=~=~=~=~=~= PuTTY log 2025.03.04 10:25:02 =~=~=~=~=~=~=~=~=~=~=~=\r\n"
    "220 mail.example.com ESMTP Postfix\r\n"
    "QUIT\r\n"
    "221 2.0.0 Bye\r\n"
)

S_CLIENT = """\
robin@laptop:~$ openssl s_client -starttls smtp -crlf -connect mail.example.com:587
CONNECTED(00000003)
depth=2 C = US, O = Example CA
verify return:1
---
250 CHUNKING
EHLO client.example.org
250 mail.example.com
RCPT TO:<bob@example.org>
RENEGOTIATING
depth=2 C = US, O = Example CA
verify return:1
rcpt to:<bob@example.org>
503 5.5.1 Error: need MAIL command
QUIT
DONE
robin@laptop:~$
"""

WRAPPED = """\
220 mail.example.com ESMTP
HELO client.example.org
250 mail.example.com, this is a very long reply that was wrapped at the width o
f the terminal
MAIL FROM:<somebody.with.a.very.long.name@subdomain.of.a.very.long.domain.exampl
e.org>
250 ok
hello
502 unimplemented
quit
221 bye
"""


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        (
            WINDOWS,
            "telnet",
            [
                "*: connect mail.example.com:25",
                "S: 220 mail.example.com ESMTP Postfix",
                "C: helo client.example.org",
                "S: 250 mail.example.com",
                "C: quit",
                "S: 221 2.0.0 Bye",
                "*: close server",
            ],
        ),
        (
            TWO_ADDRESSES,
            "telnet",
            [
                "*: connect mail.example.com:25",
                "S: 220 mail.example.com ESMTP Postfix",
                "C: NOOP",
                "S: 250 2.0.0 Ok",
                "*: close server",
            ],
        ),
        (
            STARTTLS_IN_TELNET,
            "telnet",
            [
                "*: connect mail.example.com:587",
                "S: 220 mail.example.com ESMTP",
                "C: STARTTLS",
                "S: 220 2.0.0 Ready to start TLS",
                "*: no-tls",
                "C: EHLO client.example.org",
                "*: close server",
            ],
        ),
        (
            PUTTY,
            "putty",
            [
                "S: 220 mail.example.com ESMTP Postfix",
                "C: EHLO client.example.org",
                "S: 250-mail.example.com",
                "S: 250 SIZE 1000",
                "S: 421 4.4.2 mail.example.com Error: timeout exceeded",
                "*: close",
                "*: connect mail.example.com:25",
                "S: 220 mail.example.com ESMTP Postfix",
                "C: QUIT",
                "S: 221 2.0.0 Bye",
            ],
        ),
        (
            S_CLIENT,
            "s_client",
            [
                "*: connect mail.example.com:587",
                "*: tls",
                "C: EHLO client.example.org",
                "S: 250 mail.example.com",
                "C: rcpt to:<bob@example.org>",
                "S: 503 5.5.1 Error: need MAIL command",
                "*: close",
            ],
        ),
        (
            WRAPPED,
            "telnet",
            [
                "S: 220 mail.example.com ESMTP",
                "C: HELO client.example.org",
                "S: 250 mail.example.com, this is a very long reply that was wrapped at the width of the terminal",
                "C: MAIL FROM:<somebody.with.a.very.long.name@subdomain.of.a.very.long.domain.example.org>",
                "S: 250 ok",
                "C: hello",
                "S: 502 unimplemented",
                "C: quit",
                "S: 221 bye",
            ],
        ),
    ],
)
def test_typed_lines_are_told_from_replies_by_syntax_and_order(text: str, form: str, said: list[str]) -> None:
    assert lines_of(records(text, form)) == said
    assert taken_for(text) == form


def test_lines_that_were_not_echoed_are_notes_and_no_steps() -> None:
    said = lines_of(records(NO_ECHO, "telnet"), notes=True)
    assert not any(line.startswith("C:") for line in said)
    assert said[2:4] == ["# what the client sent before this reply is not in the log", "S: 250 mail.example.com"]


def test_a_letter_that_s_client_takes_as_its_command_is_a_note() -> None:
    said = lines_of(records(S_CLIENT, "s_client"), notes=True)
    assert sum("it was not sent" in line for line in said) == 2
    assert any("EHLO and STARTTLS here" in line for line in said)


def test_a_wrapped_line_has_a_note_beside_it() -> None:
    said = lines_of(records(WRAPPED, "telnet"), notes=True)
    assert ["wrapped" in line for line in said if line.startswith("#")] == [True, True]


def test_a_refused_connection_is_an_error_and_no_step() -> None:
    text = "Trying 192.0.2.25...\ntelnet: Unable to connect to remote host: Connection refused\n"
    assert lines_of(records(text, "telnet")) == [
        "*: connect 192.0.2.25:25",
        "*: error Unable to connect to remote host: Connection refused",
    ]


def test_a_reply_to_a_client_that_is_too_slow_is_no_mail_data() -> None:
    text = (
        "Connected to mail.example.com.\n220 hi ESMTP\nDATA\n354 go on\nSubject: x\n"
        "421 4.4.2 timeout exceeded\nConnection closed by foreign host.\n"
    )
    assert lines_of(records(text, "telnet"))[-2:] == ["S: 421 4.4.2 timeout exceeded", "*: close server"]


@pytest.mark.parametrize("word", ["quit", "QUIT", "Quit "])
def test_quit_is_a_command_however_it_is_spelt(word: str) -> None:
    text = f"Connected to mail.example.com.\n220 hi ESMTP\n{word}\n221 bye\nConnection closed by foreign host.\n"
    assert f"C: {word}".rstrip() in lines_of(records(text, "telnet"))


def test_a_key_that_did_not_erase_is_applied_and_noted() -> None:
    text = "Connected to mail.example.com.\n220 hi ESMTP\nHELP^H^H^HELO client.example.org\n250 ok\n"
    said = lines_of(records(text, "telnet"), notes=True)
    assert "C: HELO client.example.org" in said
    assert any("^H" in line for line in said)


def test_a_chunk_is_read_by_its_size() -> None:
    text = "Connected to mail.example.com.\n220 hi ESMTP\nBDAT 13 LAST\n250 is a\nx\n250 2.0.0 ok\n"
    assert "S: 250 2.0.0 ok" in lines_of(records(text, "telnet"))
    assert "S: 250 is a" not in lines_of(records(text, "telnet"))


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("mail.example.com [192.0.2.25] 25 (smtp) open", "mail.example.com:25"),
        ("(UNKNOWN) [192.0.2.25] 2525 (?) open", "192.0.2.25:2525"),
        ("Connection to mail.example.com 587 port [tcp/submission] succeeded!", "mail.example.com:587"),
        ("Connection to mail.example.com (192.0.2.25) 25 port [tcp/smtp] succeeded!", "mail.example.com:25"),
        ("Ncat: Connected to 192.0.2.25:25.", "192.0.2.25:25"),
        ("$ nc -v mail.example.com 2525", "mail.example.com:2525"),
        ("C:\\> ncat --crlf mail.example.com 26", "mail.example.com:26"),
        ("robin@laptop:~$ telnet mail.example.com smtp", "mail.example.com:25"),
        ("% telnet 2001:db8::25 25", "[2001:db8::25]:25"),
    ],
)
def test_where_a_window_goes_is_found_out(line: str, address: str) -> None:
    assert lines_of(records(f"{line}\n220 hi ESMTP\nQUIT\n221 bye\n", "nc"))[0] == f"*: connect {address}"


def test_lmtp_has_a_reply_for_each_recipient_after_the_final_dot() -> None:
    text = (
        "Connected to mail.example.com.\n220 hi LMTP\nLHLO x\n250 hi\nMAIL FROM:<>\n250 ok\nRCPT TO:<a@example.org>\n250 ok\n"
        "RCPT TO:<b@example.org>\n250 ok\nDATA\n354 go\nx\n.\n250 one\n550 two\nQUIT\n221 bye\n"
    )
    assert not [line for line in lines_of(records(text, "telnet"), notes=True) if line.startswith("#")]


def test_a_line_of_mail_data_that_s_client_takes_as_its_command_was_not_sent() -> None:
    text = (
        "CONNECTED(00000003)\n---\n220 hi ESMTP\nDATA\n354 go\nhello\nRegards,\nRENEGOTIATING\n"
        "depth=0 CN = x\nverify return:1\nAnn\n.\n250 ok\n"
    )
    said = lines_of(records(text, "s_client"), notes=True)
    assert [line for line in said if line.startswith("C:")] == ["C: DATA", "C: hello", "C: Ann", "C: ."]
    assert any("it was not sent" in line for line in said)


def test_another_greeting_after_the_end_is_another_session() -> None:
    text = "220 one.example.com ESMTP\nQUIT\n221 bye\n\n220 two.example.com ESMTP\nNOOP\n250 ok\n"
    assert lines_of(records(text, "telnet"))[-4:] == [
        "*: connect two.example.com:25",
        "S: 220 two.example.com ESMTP",
        "C: NOOP",
        "S: 250 ok",
    ]

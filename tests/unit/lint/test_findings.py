"""All that the linter says of every faulty and mended transcript of the tables beside this file; of a case's own rule, word for word.

And all that it says of dialogues in which octets, chunks, TLS, early commands and broken replies go together, in a file and live.

`findings.txt` holds it. After a change that is meant, `python -m tests.unit.lint.test_findings` writes it anew: read the difference
before you commit it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.lint import Finding, Linter
from tests.fuzz.program import session
from tests.unit.lint import (
    test_auth_rules,
    test_extension_rules,
    test_line_rules,
    test_message_rules,
    test_order_rules,
    test_parameter_rules,
    test_server_rules,
    test_tls_rules,
)
from tests.unit.lint.cases import Case, lint

STORED = Path(__file__).parent / "findings.txt"
TABLES = (
    test_auth_rules,
    test_extension_rules,
    test_line_rules,
    test_message_rules,
    test_order_rules,
    test_parameter_rules,
    test_server_rules,
    test_tls_rules,
)


def cases() -> Iterator[tuple[str, Case]]:
    """Yield each case with a name of its own."""
    seen: Counter[str] = Counter()
    for table in TABLES:
        for case in table.CASES:
            seen[case.rule] += 1
            yield f"{case.rule} {seen[case.rule]}", case


ALL = dict(cases())

HELLO = "S: 220 x\nC: EHLO a.example.org\nS: 250-x\nS: 250-PIPELINING\nS: 250-CHUNKING\nS: 250-STARTTLS\nS: 250 AUTH LOGIN\n"
ENVELOPE = "C: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<b@example.org>\nS: 250\n"
RECORDED = "Transcript: 1\nClient: x\n\n"
MESSAGE = "C: From: a@example.org\nC: To: b@example.org\nC: Subject: x\nC: Date: Fri, 27 Nov 2026 10:21:05 +0100\nC: Message-ID: <1@x.example>\nC:\nC: hi\n"

DIALOGUES = {
    "octets of several commands": HELLO
    + "C| MAIL FROM:<a@example.org>\\r\\nRCPT TO:<b@example.org>\\nDATA\\r\\n\nS: 250\nS: 250\nS: 354\n",
    "a command in pieces": HELLO
    + "C| MAIL FR\nC| OM:<a@example.org>\\r\\n\nS: 250\nC| RCPT T\nC: O:<b@example.org>\nS: 250\nC: DATA\n",
    "a command without its end": HELLO + "C| NOOP\n*: timeout 5 the reply\n*: close\n",
    "a command without its end, and the server closes": HELLO + "C| NOOP\n*: close server\n",
    "octets of a message": HELLO
    + ENVELOPE
    + "C: DATA\nS: 354\nC| From: a\\r\\n\\r\\nhi\\r\\n.\\r\\n\nS: 250\nC: QUIT\nS: 221\n",
    "octets of a message with bare line ends": HELLO
    + ENVELOPE
    + "C: DATA\nS: 354\nC| From: a\\n\\nhi\\n.\\n\nS: 250\nC: QUIT\nS: 221\n",
    "a message in octets without a reply to DATA": HELLO
    + ENVELOPE
    + "C| DATA\\r\\n\nC| From: a\\r\\n\\r\\nhi\\r\\n.\\r\\n\nS: 354\nS: 250\n",
    "a message in octets after a refused DATA": HELLO
    + "C| DATA\\r\\n\nC| From: a\\r\\n.\\r\\n\nS: 503\nS: 500\nS: 500\n",
    "a dot in pieces": HELLO + ENVELOPE + "C: DATA\nS: 354\n" + MESSAGE + "C| .\nC| \\r\\n\nS: 250\n",
    "a chunk": HELLO + ENVELOPE + "C: BDAT 4 LAST\nC| hi\\r\\n\nS: 250\nC: QUIT\nS: 221\n",
    "a chunk in pieces": HELLO
    + ENVELOPE
    + "C& BDAT 9\nC| From: a\nC| \\r\\n\nS: 250\nC& BDAT 4 LAST\nC| \\r\\nhi\nS: 250\nC: QUIT\nS: 221\n",
    "a chunk too short": HELLO + ENVELOPE + "C: BDAT 9 LAST\nC| hi\n*: timeout 5 the reply\n*: close\n",
    "a chunk and a command in one piece": HELLO + ENVELOPE + "C| BDAT 4 LAST\\r\\nhi\\r\\nQUIT\\r\\n\nS: 250\nS: 221\n",
    "a chunk of nothing": HELLO + ENVELOPE + "C: BDAT 0 LAST\nS: 250\nC: QUIT\nS: 221\n",
    "a chunk without its reply": HELLO + ENVELOPE + "C& BDAT 4 LAST\nC| hi\\r\\n\nC: QUIT\nS: 250\nS: 221\n",
    "TLS": HELLO
    + "C: STARTTLS\nS: 220 go\n*: tls TLSv1.3 TLS_AES_256_GCM_SHA384 unverified\nC: MAIL FROM:<a@example.org>\nS: 503\nC: EHLO a.example.org\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 503\n",
    "TLS of a script": "C: EHLO a.example.org\nC: STARTTLS\nC: EHLO a.example.org\nC: AUTH PLAIN ${sasl}\nC: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.org>\nC: DATA\nC: hi\nC: .\n",
    "TLS declined": HELLO
    + "C: STARTTLS\nS: 220 go\n*: no-tls\nC: MAIL FROM:<a@example.org>\nS: 250\nC: AUTH PLAIN ${sasl}\n",
    "a script whose replies differ": HELLO
    + "C: MAIL FROM:<a@example.org>\nS: 550\nC: RCPT TO:<b@example.org>\nS: 5yz\nC: DATA\nS: 4yz\nC: From: a\nC: .\n",
    "patterns for replies": HELLO
    + "C: MAIL FROM:<a@example.org>\nS~ 2.*\nC: RCPT TO:<b@example.org>\nS~ 5.*\nC: DATA\nS~ 354\n"
    + MESSAGE
    + "C: .\nS~ queued\n",
    "a group": HELLO
    + "C& MAIL FROM:<a@example.org>\nC& RCPT TO:<b@example.org>\nC: DATA\nS: 250\nS: 550\nS: 354\n"
    + MESSAGE
    + "C: .\nS: 554\n",
    "a group that is not announced": "S: 220 x\nC: HELO a\nS: 250 x\nC& MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.org>\nS: 250\nS: 250\n",
    "a group after which nothing may come": HELLO
    + "C& STARTTLS\nC& EHLO a.example.org\nC: QUIT\nS: 220\nS: 250\nS: 221\n",
    "an early command of a recording": RECORDED
    + HELLO
    + "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.org>\nS: 250 ok\nS: 250 ok\nC: QUIT\nS: 221 bye\n",
    "a client that speaks first": RECORDED + "C: EHLO a.example.org\nS: 220 x\nS: 250 x\nC: QUIT\nS: 221 bye\n",
    "a recorded exchange": RECORDED
    + HELLO
    + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: ${sasl}\nS: 334 UGFzc3dvcmQ6\nC: ${sasl}\nS: 235 ok\n*: auth LOGIN ann\nC: AUTH LOGIN\nS: 503 no\n",
    "an exchange given up": HELLO
    + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501\nC: AUTH LOGIN\nS: 334 !!!\nC: =\nS: 501\n",
    "an exchange as octets": HELLO
    + "C| AUTH LOGIN\\r\\n\nS: 334\nC| ${sasl}\\r\\n\nS: 334\nC| ${sasl}\\n\nS: 235\nC| ${sasl}\\r\\n\nS: 500\n",
    "a response that is no base64": HELLO
    + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: hello there\nS: 501\nC: c2VjcmV0\nS: 500\n",
    "an unasked reply": RECORDED + HELLO + "C: NOOP\nS: 250 ok\nS: 421 busy\nC: QUIT\nS: 221 bye\n*: close server\n",
    "replies with odd codes": RECORDED
    + HELLO
    + "C: NOOP\nS: 050 x\nS: 250 ok\nC: NOOP\nS: 250-a\nS: 251 b\nC: QUIT\nS: 999 x\n",
    "no reply": RECORDED
    + HELLO
    + "C: NOOP\n*: timeout 5 the reply to NOOP\nC: NOOP\nS: 250 late\nS: 250 ok\n*: close server\n",
    "no reply to the dot": RECORDED
    + HELLO
    + ENVELOPE
    + "C: DATA\nS: 354 go\n"
    + MESSAGE
    + "C: .\n*: timeout 600 the reply\n*: close\n",
    "the server closes inside the message": RECORDED
    + HELLO
    + ENVELOPE
    + "C: DATA\nS: 354 go\nC: From: a\n*: close server\n",
    "no dot": HELLO + ENVELOPE + "C: DATA\nS: 354 go\nC: From: a\n*: close\n",
    "two connections": HELLO
    + "C: QUIT\nS: 221 bye\n*: close\n*: connect x.example:25\nC: MAIL FROM:<a@example.org>\nS: 503 no\n*: close\n",
    "text after a refused DATA": HELLO
    + "C: DATA\nS: 503 no\nC: From: a\nS: 500 what\nC: hello world\nS: 500 what\nC: .\nS: 500 what\nC: QUIT\nS: 221 bye\n",
    "text after the dot": HELLO
    + ENVELOPE
    + "C: DATA\nS: 354\n"
    + MESSAGE
    + "C: .\nS: 250\nC: more text\nS: 500\nC: QUIT\nS: 221\n",
    "two messages": HELLO + 2 * (ENVELOPE + "C: DATA\nS: 354\n" + MESSAGE + "C: .\nS: 250\n") + "C: QUIT\nS: 221\n",
    "LMTP": "S: 220 x\nC: LHLO a.example.org\nS: 250-x\nS: 250 PIPELINING\n"
    + ENVELOPE
    + "C: RCPT TO:<c@example.org>\nS: 550\nC: DATA\nS: 354\n"
    + MESSAGE
    + "C: .\nS: 250\nC: QUIT\nS: 221\n",
    "a file of mail data": HELLO + ENVELOPE + "C: DATA\nS: 354\nC< letter.eml\nS: 250\nC: QUIT\nS: 221\n",
}
"""Transcripts by what they are about."""

LIVE = {
    "a session": r"< 220 x|> EHLO a.example.org|< 250-x\r\n250 PIPELINING|> MAIL FROM:<a@example.org>|< 250 ok|> RCPT TO:<b@example.org>|< 250 ok|> DATA|< 354 go|D From: a\r\n\r\nhi\r\n|.|< 250 ok|> QUIT|< 221 bye",
    "commands too early": r"< 220 x|> EHLO a.example.org|< 250 x|> MAIL FROM:<a@example.org>|> RCPT TO:<b@example.org>|< 250 ok|< 250 ok",
    "octets": r"< 220 x|| EHLO a.example.org\r\nMAIL FROM:<a@example.org>\n|< 250 x|< 250 ok|| RCPT TO|| :<b@example.org>\r\nDATA\r\n|< 250 ok|< 354 go|| hi\n.\n|< 250 ok",
    "a doubtful dot that ends nothing": r"< 220 x|> EHLO a|< 250 x|> MAIL FROM:<a@example.org>|< 250 ok|> RCPT TO:<b@example.org>|< 250 ok|> DATA|< 354 go|| hi\n.\nmore\r\n.\r\n|< 250 ok",
    "a wait that ends": r"< 220 x|> EHLO a|T|< 250 x|> DATA|< 354 go|D From: a\r\n|T|L",
    "an exchange": r"< 220 x|> EHLO a|< 250 AUTH LOGIN|> AUTH LOGIN|< 334 VXNlcm5hbWU6|A YW5u|< 334 UGFzc3dvcmQ6|A c2VjcmV0|< 235 ok|> AUTH LOGIN|< 503 no",
    "an exchange that ends early": r"< 220 x|> EHLO a|< 250 AUTH LOGIN|> AUTH LOGIN|< 334 VXNlcm5hbWU6|A YW5u|< 535 no|> c2VjcmV0|< 500 what",
    "STARTTLS": r"< 220 x|> EHLO a|< 250 STARTTLS|> STARTTLS|< 220 go|> EHLO a|< 250 x|> MAIL FROM:<a@example.org>|< 250 ok",
}
"""Live dialogues: programs of `tests.fuzz.program`, with `|` between their lines."""


def live(program: str) -> list[Finding]:
    """Return the findings of a live dialogue."""
    linter = Linter()
    happened = session(re.sub(r"\|(?=[<>|TLDA.])", "\n", program).encode())
    return [*(each for entry in happened for each in linter.feed(entry)), *linter.finish()]


def every() -> Iterator[tuple[str, list[str]]]:
    """Yield the name of everything that is linted here, and what is found."""
    for name, case in ALL.items():
        yield name, found(case)
    for name, text in DIALOGUES.items():
        yield f"dialogue: {name}", [shown(each, "") for each in lint(text)]
    for name, program in LIVE.items():
        yield f"live: {name}", [shown(each, "") for each in live(program)]


def shown(finding: Finding, rule: str) -> str:
    return f"  {finding.line} {finding.seq} {finding if finding.rule == rule else finding.rule}"


def found(case: Case) -> list[str]:
    """Return the findings of the faulty transcript, and those of the mended one."""
    return [
        *(shown(each, case.rule) for each in lint(case.bad)),
        "  mended:",
        *(shown(each, case.rule) for each in lint(case.good)),
    ]


def stored() -> dict[str, list[str]]:
    """Return the findings of each case."""
    kept: dict[str, list[str]] = {}
    for line in STORED.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            kept[name].append(line)
        else:
            name = line
            kept[name] = []
    return kept


KEPT = stored() if STORED.exists() else {}


@pytest.mark.parametrize("name", ALL)
def test_the_findings_of_a_case(name: str) -> None:
    assert found(ALL[name]) == KEPT[name]


@pytest.mark.parametrize("name", DIALOGUES)
def test_the_findings_of_a_dialogue(name: str) -> None:
    assert [shown(each, "") for each in lint(DIALOGUES[name])] == KEPT[f"dialogue: {name}"]


@pytest.mark.parametrize("name", LIVE)
def test_the_findings_of_a_live_dialogue(name: str) -> None:
    assert [shown(each, "") for each in live(LIVE[name])] == KEPT[f"live: {name}"]


def test_no_findings_are_kept_of_what_is_gone() -> None:
    assert list(KEPT) == [*ALL, *(f"dialogue: {name}" for name in DIALOGUES), *(f"live: {name}" for name in LIVE)]


if __name__ == "__main__":
    STORED.write_text("".join(f"{line}\n" for name, lines in every() for line in (name, *lines)), encoding="utf-8")

"""What is secret in a typed line, also while it is only half typed."""

import base64

import pytest

from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.typed_secrets import is_guess, is_initial_response, is_kept, mask_start, mask_starts

BLOB = base64.b64encode(b"\0student\0open sesame").decode()
USER = base64.b64encode(b"student").decode()
PLAIN = f"AUTH PLAIN {BLOB}"


@pytest.mark.parametrize(
    ("mechanism", "word", "outcome"),
    [
        ("PLAIN", BLOB, True),
        ("plain", BLOB, True),
        ("PLAIN", "=", True),
        ("PLAIN", "alice", False),
        ("PLAIN", "student", False),
        ("PLAIN", "alice@example.org", False),
        ("PLAIN", "AAAA", True),
        ("LOGIN", USER, True),
        ("LOGIN", "student", False),
        ("LOGIN", "alice", False),
        ("scram-sha-256", "alice", False),
        ("SCRAM-SHA-256", base64.b64encode(b"n,,n=student,r=abc").decode(), True),
        ("XOAUTH2", base64.b64encode(b"user=student\x01auth=Bearer x\x01\x01").decode(), True),
        ("PLAIN", "jörg", False),
        ("LOGIN", "YW5u", True),  # ann
        ("LOGIN", "YWxpY2Ux", True),  # alice1
        ("login", "c3R1ZGVudDEy", True),  # student12
        ("LOGIN", base64.b64encode("jör".encode()).decode(), True),
        ("PLAIN", "c3R1ZGVudCBwYXNz", True),  # "student pass": a wrong form, for the server to refuse
        ("EXTERNAL", "YW5u", True),
        ("LOGIN", "anna", False),
        ("LOGIN", "user", False),
        ("LOGIN", "postmast", False),
        ("LOGIN", "aggf", False),  # decodes to text, but is a word
        ("LOGIN", "", False),
    ],
)
def test_a_response_typed_by_hand_is_told_from_a_user_name(mechanism: str, word: str, outcome: bool) -> None:
    assert is_initial_response(mechanism, word) is outcome


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (PLAIN, "AUTH PLAIN "),
        (PLAIN.lower()[:11] + BLOB, "auth plain "),
        ("AUTH PLAIN AHN0", "AUTH PLAIN "),
        ("AUTH PLAIN AGFs", "AUTH PLAIN "),
        (f"AUTH {BLOB}", "AUTH "),
        (f"  AUTH   LOGIN   {USER}", "  AUTH   LOGIN   "),
        (rf"/raw AUTH PLAIN {BLOB}\r\n", "/raw AUTH PLAIN "),
        (rf"/raw EHLO x\r\nAUTH PLAIN {BLOB}\r\n", r"/raw EHLO x\r\nAUTH PLAIN "),
        ("auth", None),
        ("auth plain", None),
        ("AUTH SCRAM-SHA-256", None),
        ("auth plain alice", None),
        ("auth plain alice@example.org", None),
        ("author abcDEF123", None),
        (BLOB, None),
        ("mail alice@example.org", None),
        (r"/raw AUTH LOGIN\r\n", None),
    ],
)
def test_a_credential_is_masked_while_it_is_typed(line: str, shown: str | None) -> None:
    start = mask_start(line)
    assert (None if start is None else line[:start]) == shown


PASSWORD = base64.b64encode(b"open sesame").decode()
PASTES = [
    # what is pasted, what of it is readable
    (f"AUTH LOGIN {USER}\n{PASSWORD}", "AUTH LOGIN |"),
    (f"AUTH LOGIN\n{USER}\n{PASSWORD}\nMAIL FROM:<>", "AUTH LOGIN|||MAIL FROM:<>"),
    (f"auth login\n  {USER}\n\t{PASSWORD} \nquit", "auth login|||quit"),
    (f"  AUTH PLAIN\n{BLOB}\nNOOP", "  AUTH PLAIN||NOOP"),
    (f"AUTH PLAIN {BLOB}\nRCPT TO:<b@c>", "AUTH PLAIN |RCPT TO:<b@c>"),
    ("AUTH CRAM-MD5\ndGltIGI5MTNhNjAy", "AUTH CRAM-MD5|"),
    ("AUTH XOAUTH2\ndXNlcj1hbm4BYXV0", "AUTH XOAUTH2|"),
    ("AUTH SCRAM-SHA-256\nbiwsbj1hLHI9eA==\nYz1iaXdzLHI9\n\nnoop", "AUTH SCRAM-SHA-256||||noop"),
    ("AUTH LOGIN\nstudent\nsesame", "AUTH LOGIN||"),
    (f"AUTH LOGIN\n*\nFOO\nAUTH LOGIN\n{USER}", "AUTH LOGIN|*|FOO|AUTH LOGIN|"),
    (f"/raw AUTH LOGIN\\r\\n\n{USER}\n{PASSWORD}", "/raw AUTH LOGIN\\r\\n||"),
    (f"/raw AUTH LOGIN\\r\\n{USER}\\r\\n{PASSWORD}\\r\\n", "/raw AUTH LOGIN\\r\\n"),
    (f"/raw AUTH LOGIN\\x0d\\x0a{USER}\\x0d\\x0a", "/raw AUTH LOGIN\\x0d\\x0a"),
    (f"/raw \\x41UTH LOGIN\\r\\n\n{PASSWORD}", "/raw \\x41UTH LOGIN\\r\\n|"),
    (f"AUTH LOGIN\n/status\n{USER}\n/raw {PASSWORD}\\r\\n", "AUTH LOGIN|/status||/raw "),
    (f"AUTH LOGIN\n/{PASSWORD}", "AUTH LOGIN|"),
    (f"noop\nehlo\nauth\n{BLOB}", "noop|ehlo|auth|"),
    (f"AUTH\u00a0LOGIN\n{PASSWORD}", "AUTH\u00a0LOGIN|"),
    ("noop\nFOO\nmail ann@example.org", "noop|FOO|mail ann@example.org"),
    ("Authentication-Results: x\nFOO", "Authentication-Results: x|FOO"),
]


@pytest.mark.parametrize(("text", "shown"), PASTES)
def test_the_answers_in_a_paste_are_masked_until_they_are_sent(text: str, shown: str) -> None:
    starts = mask_starts(text)
    lines = text.split("\n")
    assert "|".join(line[:start] for line, start in zip(lines, starts, strict=True)) == shown


def test_a_line_is_masked_where_a_challenge_has_not_come_yet() -> None:
    assert mask_starts(PASSWORD, in_exchange=True) == [0]
    assert mask_starts("QUIT\nFOO", in_exchange=True) == [None, None]


@pytest.mark.parametrize(
    ("word", "outcome"), [("YW5u", True), ("anna", True), ("YW4=", False), ("ann", False), ("", False)]
)
def test_a_word_that_could_be_both_is_a_guess(word: str, outcome: bool) -> None:
    assert is_guess(word) is outcome


KEPT = (
    "ehlo",
    "mail ann@example.org",
    "auth",
    "auth plain",
    r"/raw AUTH LOGIN\r\n",
    "/connect smtp://mail.example.org",
    "FOO",
)
FORGOTTEN = (
    PLAIN,
    f"auth plain {BLOB}",
    f"  AUTH  PLAIN  {BLOB}",
    f"AUTH {BLOB}",
    f"AUTH LOGIN {USER}",
    rf"/raw AUTH PLAIN {BLOB}\r\n",
    rf"  /raw  AUTH PLAIN {BLOB}\r\n",
    rf"/raw EHLO x\r\nAUTH PLAIN {BLOB}\r\n",
    rf"/raw \x41UTH PLAIN {BLOB}\r\n",
    rf"/raw AUTH LOGIN\r\n{USER}\r\n{USER}\r\n",
    f"noop\n{PLAIN}",
    "/connect smtp://student:secret@mail.example.org",
)


@pytest.mark.parametrize("line", KEPT)
def test_the_history_keeps_what_was_typed(line: str) -> None:
    assert is_kept(line, Phase.READY)
    assert is_kept(line, None)


@pytest.mark.parametrize("line", FORGOTTEN)
def test_the_history_keeps_no_credential(line: str) -> None:
    assert not is_kept(line, Phase.READY)
    assert not is_kept(line, None)


@pytest.mark.parametrize("phase", [Phase.MAILDATA, Phase.AUTH])
def test_the_history_keeps_no_mail_data_and_no_answers(phase: Phase) -> None:
    assert not any(is_kept(line, phase) for line in KEPT)

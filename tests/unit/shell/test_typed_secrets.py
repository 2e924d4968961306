"""What is secret in a typed line, also while it is only half typed."""

import base64

import pytest

from smtp_shell.protocol.dialogue import Phase
from smtp_shell.shell.typed_secrets import is_initial_response, is_kept, mask_start

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

"""The error tree: exit statuses as in INTERFACE.md, and messages."""

import pytest

from smtp_shell import errors
from smtp_shell.errors import Fault, SmtpShellError, TranscriptError

STATUSES = [
    ("Refused", 1),
    ("SystemRefused", 1),
    ("UsageError", 2),
    ("ConfigError", 2),
    ("NotSendable", 2),
    ("MessageChanged", 2),
    ("TranscriptError", 2),
    ("ConnectFailed", 3),
    ("ConnectionLost", 3),
    ("WaitTimedOut", 3),
    ("TlsFailed", 4),
    ("CertificateRefused", 4),
    ("AuthFailed", 5),
    ("ProtocolViolation", 6),
    ("OutcomeUnknown", 7),
    ("Interrupted", 130),
]


@pytest.mark.parametrize(("name", "status"), STATUSES)
def test_each_error_has_its_exit_status(name: str, status: int) -> None:
    assert getattr(errors, name).exit_status == status


def test_no_error_is_missing_from_this_table() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert classes == {name for name, _ in STATUSES} | {"SmtpShellError", "DialogueBroken"}


def test_errors_with_status_3_to_7_are_broken_dialogues() -> None:
    for name, status in STATUSES:
        assert issubclass(getattr(errors, name), errors.DialogueBroken) == (3 <= status <= 7)


def test_lost_connections_and_timeouts_are_also_builtin_errors() -> None:
    assert issubclass(errors.ConnectionLost, ConnectionError)
    assert issubclass(errors.WaitTimedOut, TimeoutError)


@pytest.mark.parametrize("kind", [errors.UsageError, errors.ConnectionLost, errors.WaitTimedOut, errors.OutcomeUnknown])
def test_the_message_is_the_text_of_the_error(kind: type[SmtpShellError]) -> None:
    error = kind("no connection to mail.example.com:25: refused; check the port.")
    assert error.message == str(error) == "no connection to mail.example.com:25: refused; check the port."


def test_a_transcript_error_lists_every_fault_on_a_line() -> None:
    faults = Fault(3, "no such marker", "one of C: S: *:"), Fault(0, "no steps")
    error = TranscriptError("lab.smtp", *faults)
    assert str(error) == "lab.smtp:3: no such marker; expected one of C: S: *:\nlab.smtp: no steps"
    assert (error.file, error.faults) == ("lab.smtp", faults)

"""Each error is a sentence, with the exit status of INTERFACE.md."""

import pytest

from smtp_shell import errors
from smtp_shell.errors import Fault, SmtpShellError, TranscriptError

STATUSES = [
    ("UsageError", 2),
    ("ConfigError", 2),
    ("NotSendable", 2),
    ("TranscriptError", 2),
    ("ConnectFailed", 3),
    ("ConnectionLost", 3),
    ("WaitTimedOut", 3),
    ("TlsFailed", 4),
    ("AuthFailed", 5),
    ("ProtocolViolation", 6),
    ("OutcomeUnknown", 7),
    ("Interrupted", 130),
]


@pytest.mark.parametrize(("name", "status"), STATUSES)
def test_the_exit_status(name: str, status: int) -> None:
    assert getattr(errors, name).exit_status == status


def test_every_error_is_in_the_table() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert classes == {name for name, _ in STATUSES} | {"SmtpShellError", "DialogueBroken"}


def test_statuses_3_to_7_mean_that_the_dialogue_broke() -> None:
    for name, status in STATUSES:
        assert issubclass(getattr(errors, name), errors.DialogueBroken) == (3 <= status <= 7)


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(errors.ConnectionLost, ConnectionError)
    assert issubclass(errors.WaitTimedOut, TimeoutError)


@pytest.mark.parametrize("kind", [errors.UsageError, errors.ConnectionLost, errors.WaitTimedOut, errors.OutcomeUnknown])
def test_the_message_is_what_is_shown(kind: type[SmtpShellError]) -> None:
    error = kind("no connection to mail.example.com:25: refused; check the port.")
    assert error.message == str(error) == "no connection to mail.example.com:25: refused; check the port."


def test_a_transcript_error_lists_its_faults() -> None:
    faults = Fault(3, "no such marker", "one of C: S: *:"), Fault(0, "no steps")
    error = TranscriptError("lab.smtp", *faults)
    assert str(error) == "lab.smtp:3: no such marker; expected one of C: S: *:\nlab.smtp: no steps"
    assert (error.file, error.faults) == ("lab.smtp", faults)

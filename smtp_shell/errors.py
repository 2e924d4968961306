"""The errors of smtp-shell, each with the exit status that it stands for.

```
SmtpShellError                     a sentence for a person: what, where, what to do
 |- UsageError                     2   wrong words on the command line or at the prompt
 |- ConfigError                    2   a setting that cannot be used
 |- TranscriptError                2   a transcript that cannot be read (file, line, what was expected)
 |- NotSendable                    2   a value that would not stay one command line
 |- Interrupted                  130   Ctrl-C
 `- DialogueBroken
     |- ConnectFailed              3   no connection
     |- ConnectionLost             3   closed too early (also a ConnectionError)
     |- WaitTimedOut               3   no reply in time (also a TimeoutError)
     |- TlsFailed                  4   refused, not offered, failed, not verified
     |- AuthFailed                 5   refused, or credentials or a mechanism missing
     |- ProtocolViolation          6   the server broke the protocol, or an attack is suspected
     `- OutcomeUnknown             7   broken after the final dot, before its reply
```

Exit status 1 is an outcome and no error: a 4yz or 5yz reply is never an exception.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class SmtpShellError(Exception):
    """Say in one sentence what went wrong, where, and what to do.

    Args:
        message: The sentence. Text from a server or a file in it has been through `octets.escape`.
    """

    exit_status: ClassVar[int] = 2

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class UsageError(SmtpShellError):
    """The words typed, or the options given, do not fit."""


class ConfigError(SmtpShellError):
    """A setting has a value that cannot be used."""


class NotSendable(SmtpShellError):
    """A value holds CR, LF or NUL and would not stay inside one command line."""


class Fault(Struct, frozen=True):
    """One thing that is wrong with a transcript.

    Args:
        line: Line number in the file, from 1; 0 for the file as a whole.
        problem: What is wrong, escaped.
        expected: What should stand there.
    """

    line: int
    problem: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.problem}; expected {self.expected}" if self.expected else self.problem


class TranscriptError(SmtpShellError):
    """A transcript cannot be read.

    Args:
        file: The file's name, escaped.
        faults: All that is wrong with it, in the order of the lines; at least one.
    """

    def __init__(self, file: str, *faults: Fault) -> None:
        self.file = file
        self.faults = faults
        super().__init__(
            "\n".join(f"{file}:{fault.line}: {fault}" if fault.line else f"{file}: {fault}" for fault in faults)
        )


class Interrupted(SmtpShellError):
    """The user pressed Ctrl-C."""

    exit_status = 130


class DialogueBroken(SmtpShellError):
    """The dialogue cannot go on."""

    exit_status = 3


class ConnectFailed(DialogueBroken):
    """There is no connection: an unknown name, a refusal, a timeout."""


class ConnectionLost(DialogueBroken, ConnectionError):
    """The connection closed where the dialogue was to go on."""


class WaitTimedOut(DialogueBroken, TimeoutError):
    """A reply did not come in time."""


class TlsFailed(DialogueBroken):
    """TLS was refused, not offered, failed, or the certificate could not be verified."""

    exit_status = 4


class AuthFailed(DialogueBroken):
    """Authentication was refused, or credentials or a common mechanism are missing."""

    exit_status = 5


class ProtocolViolation(DialogueBroken):
    """The server broke the protocol in a way that cannot be gone on with, or an attack is suspected."""

    exit_status = 6


class OutcomeUnknown(DialogueBroken):
    """The connection broke after the final dot and before its reply: the message may have been accepted."""

    exit_status = 7

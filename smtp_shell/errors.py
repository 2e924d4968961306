"""The errors of smtp-shell, each with its exit status.

```
SmtpShellError                     a sentence for a person: what, where, what to do
 |- UsageError                     2   wrong words on the command line or at the prompt
 |- ConfigError                    2   a setting that cannot be used
 |- TranscriptError                2   a transcript that cannot be read (file, line, what was expected)
 |- NotSendable                    2   a value that would not stay one command line
 |- MessageChanged                 2   a file of a message changed while it was sent; no message was
 |- SystemRefused                  1   the system or the memory refused what no other error stands for
 |- Interrupted                  130   Ctrl-C
 `- DialogueBroken
     |- ConnectFailed              3   no connection
     |- ConnectionLost             3   closed too early (also a ConnectionError)
     |- WaitTimedOut               3   no reply in time (also a TimeoutError)
     |- TlsFailed                  4   refused, not offered, failed, not verified
     |   `- CertificateRefused
     |- AuthFailed                 5   refused, or credentials or a mechanism missing
     |- ProtocolViolation          6   the server broke the protocol, or an attack is suspected
     `- OutcomeUnknown             7   broken after the final dot, before its reply
```

Exit status 1 is an outcome, not an error: a 4yz or 5yz reply never raises an exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

if TYPE_CHECKING:
    from smtp_shell.protocol.events import TlsStarted


class SmtpShellError(Exception):
    """Base class of every error that is shown to the user.

    Args:
        message: One sentence: what went wrong, where, and what to do. Text from a server or a file must be escaped already, with
            `octets.escape`.

    Attributes:
        exit_status: Exit status of a process that ends with this error.
    """

    exit_status: ClassVar[int] = 2

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class UsageError(SmtpShellError):
    """The command line, or a line typed at the prompt, is wrong."""


class ConfigError(SmtpShellError):
    """A setting has a value that cannot be used."""


class NotSendable(SmtpShellError):
    """A value contains CR, LF or NUL and would not stay inside one command line."""


class Fault(Struct, frozen=True):
    """One fault in a transcript.

    Args:
        line: Line number in the file, from 1, or 0 for the file as a whole.
        problem: What is wrong, escaped.
        expected: What was expected instead; may be empty.
        file: Name of the file, escaped, where it is not the one that is read, but included there; empty otherwise.
    """

    line: int
    problem: str
    expected: str = ""
    file: str = ""

    def __str__(self) -> str:
        return f"{self.problem}; expected {self.expected}" if self.expected else self.problem


class TranscriptError(SmtpShellError):
    """A transcript cannot be read.

    Args:
        file: Name of the file, escaped.
        faults: All faults in the order of their lines, at least one.
    """

    def __init__(self, file: str, *faults: Fault) -> None:
        self.file = file
        self.faults = faults
        super().__init__(
            "\n".join(
                f"{fault.file or file}:{fault.line}: {fault}" if fault.line else f"{fault.file or file}: {fault}"
                for fault in faults
            )
        )


class MessageChanged(SmtpShellError):
    """A file of a message is not what it was when the message was made, so the message was not ended."""


class SystemRefused(SmtpShellError):
    """The system refused a call, or there was no memory, where no other error says what that means."""

    exit_status = 1


class Interrupted(SmtpShellError):
    """The user pressed Ctrl-C."""

    exit_status = 130


class Refused(SmtpShellError):
    """The server answered with 4yz or 5yz, so that something else was not tried."""

    exit_status = 1


class DialogueBroken(SmtpShellError):
    """The dialogue cannot continue."""

    exit_status = 3


class ConnectFailed(DialogueBroken):
    """No connection could be made: unknown name, connection refused, timeout."""


class ConnectionLost(DialogueBroken, ConnectionError):
    """The connection was closed before the end of the dialogue."""


class WaitTimedOut(DialogueBroken, TimeoutError):
    """A reply did not arrive in time."""


class TlsFailed(DialogueBroken):
    """TLS was refused, not offered, failed, or the certificate could not be verified.

    Attributes:
        seen: What the server had shown by then; None if there was no handshake.
    """

    exit_status = 4
    seen: TlsStarted | None = None


class CertificateRefused(TlsFailed):
    """The server's certificate could not be verified.

    Args:
        reason: Which check failed, and what to do, in a sentence.
        facts: What the certificate says, in a sentence; empty if it is not known.
        seen: What the server had shown by then.
        check: The check that failed, as `net.chain_checks` names it; empty if that is not known.
    """

    seen: TlsStarted

    def __init__(self, reason: str, facts: str, seen: TlsStarted, check: str = "") -> None:
        super().__init__(f"{reason} {facts}".rstrip())
        self.reason = reason
        self.seen = seen
        self.check = check


class AuthFailed(DialogueBroken):
    """Authentication was refused, or credentials or a common mechanism are missing."""

    exit_status = 5


class ProtocolViolation(DialogueBroken):
    """The server broke the protocol so that the dialogue cannot continue, or an attack is suspected."""

    exit_status = 6


class OutcomeUnknown(DialogueBroken):
    """The connection broke after the final dot and before its reply, so the message may have been accepted."""

    exit_status = 7

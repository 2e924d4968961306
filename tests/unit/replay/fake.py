"""A session without a socket: a transport that answers each write with the next of a list of answers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from smtp_shell.client.session import Session
from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.target import Target, Way
from smtp_shell.net.transport import Transport
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.step import Step

GREETING = b"220 mail.example.org\r\n"
CLOSED = b""
"""An answer: the server closes the connection."""

SILENCE = None
"""An answer: nothing comes."""


class FakeTransport(Transport):
    """A connection to nowhere; nothing is ever waited for.

    Args:
        answers: What arrives at first, and then after each write; an exception is raised in place of reading.

    Attributes:
        log: In order, `write OCTETS` and `read` for each call.
    """

    def __init__(self, answers: Iterable[bytes | BaseException | None]) -> None:
        self.log: list[str] = []
        self.peer = ""
        self.busy_poll = False
        self.tls_error: TlsFailed | None = None
        self._answers = list(answers)
        self._arrived: list[bytes | BaseException] = []
        self._next_answer()

    @property
    def truncated(self) -> bool:
        return False

    @property
    def local(self) -> None:
        return None

    @property
    def server(self) -> None:
        return None

    @property
    def readable(self) -> bool:
        return bool(self._arrived)

    @property
    def sent(self) -> bytes:
        """All octets that were written."""
        return b"".join(line[6:].encode() for line in self.log if line.startswith("write "))

    def send(self, octets: bytes, seconds: float, until: float = float("inf")) -> None:
        self.log.append(f"write {octets.decode()}")
        self._next_answer()

    def recv(self, deadline: float) -> bytes | None:
        self.log.append("read")
        if not self._arrived:
            return None
        arrived = self._arrived.pop(0)
        if isinstance(arrived, BaseException):
            raise arrived
        return arrived

    def start_tls(self, settings: TlsSettings, name: str, seconds: float, *, implicit: bool = False) -> TlsStarted:
        if self.tls_error is not None:
            raise self.tls_error
        return TlsStarted("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, Certificate(b"CN=mail.example.org"), name)

    def close(self) -> None:
        self.log.append("close")

    def abort(self, *, reset: bool = False) -> None:
        self.log.append("reset" if reset else "drop")

    def shut(self) -> None:
        self.log.append("shut")

    def _next_answer(self) -> None:
        answer = self._answers.pop(0) if self._answers else None
        if answer is not None:
            self._arrived.append(answer)


TARGET = Target(Way.TCP, "mail.example.org", 25)


def session_with(
    *answers: bytes | BaseException | None, greeted: bool = True, starttls: bool = False
) -> tuple[Session, FakeTransport]:
    """Return a session, its greeting read, and the transport that answers its writes.

    Args:
        answers: What arrives after each write.
        greeted: Whether the greeting has been read; else it is the first answer.
        starttls: Whether the user demands STARTTLS.
    """
    transport = FakeTransport((GREETING, *answers) if greeted else answers)
    session = Session(Target(Way.TCP, "mail.example.org", 25, starttls=starttls), transport)
    if greeted:
        session.read_reply()
        transport.log.clear()
    return session, transport


def steps_of(*lines: str) -> list[Step]:
    """Return the steps that lines of a transcript are."""
    return list(TranscriptReader(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), "test.smtp"))


def cursor_over(*lines: str, steps: Sequence[Step] | None = None) -> StepCursor:
    """Return a cursor over lines of a transcript."""
    return StepCursor(steps_of(*lines) if steps is None else steps, "test.smtp")

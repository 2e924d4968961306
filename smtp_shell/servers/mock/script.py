"""What a mock server is to hear and to say: a transcript, compiled.

A transcript has what both sides said, in the order in which the client read and sent it. A server needs to know which reply belongs to
which line, so that a client that pipelines, and one that does not, are both served from the same file.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping


Parts = tuple["bytes | str", ...]
"""Octets, and names of variables, in order."""


class Says(Enum):
    """What the client does in an exchange."""

    LINE = "a line"
    AUTH = "an AUTH command, and the responses that follow it"
    OCTETS = "octets that do not end a line"
    DATA = "mail data"
    CLOSE = "the end of the connection"


class Then(Enum):
    """What the server does after the replies of an exchange."""

    NOTHING = ""
    TLS = "tls"
    CLOSE = "close"
    RESET = "reset"
    END = "end"
    """The dialogue broke here when it was recorded. The server closes the connection, and whatever the client does is right."""


class ScriptedReply(Struct, frozen=True):
    """One reply that the server sends.

    Args:
        octets: What is sent.
        code: Its reply code; 0 for what is no reply.
        line: Number of its first line in the file; 0 if the mock server makes it up.
        after: Seconds after the client's line, as recorded.
        delay: Seconds that are waited in any case: when it was recorded, a wait ended before it came.
        has_date: Whether there is a date in it that may be refreshed.
        captures: Values for variables that the transcript captures from it.
    """

    octets: bytes
    code: int = 0
    line: int = 0
    after: float = 0.0
    delay: float = 0.0
    has_date: bool = False
    captures: Mapping[str, bytes] = field(default_factory=dict)


class MailData(Struct, frozen=True):
    """Mail data as it is expected.

    Args:
        ends: Whether it ends in a dot. Otherwise the client or the server broke it off.
        lenient: Whether the dot, as recorded, ended the data although its line ends are not CRLF.
        size: Octets as they go over the wire, the dot's line included.
        digest: Their SHA-256; empty where there are variables in it, or where it is not compared.
        start: The first octets of them, to find the first difference.
        pattern: The lines, where there are variables in them.
    """

    ends: bool = True
    lenient: bool = False
    size: int = 0
    digest: bytes = b""
    start: bytes = b""
    pattern: tuple[Parts, ...] = ()


class Exchange(Struct, frozen=True):
    """Something that the client says, and what the server says to it.

    Args:
        says: What the client does.
        line: Number of the line in the file.
        parts: What it says, without the line end.
        shown: The same as it may be shown.
        verb: The verb of a command, upper-case.
        end: The line end, where it is not CRLF.
        replies: What the server says. For AUTH: the challenges, and last the reply that ends the exchange.
        then: What it does after that.
        responses: Numbers of the lines with the client's responses in an AUTH exchange, the one in the command included.
        initial: Whether the AUTH command has a response in it.
        cancelled: Whether the client cancels the exchange with `*`.
        data: The mail data, or the chunk after BDAT.
        chunk: Octets of the chunk after a BDAT command at which the server answered or closed; None where it took all of it.
        recipients: Recipients that were accepted before, where the exchange ends a mail transaction.
        mechanisms: Of an `*: authenticate`, for which the client chooses: those it may choose, upper-case; none for any.
            None for everything else.
    """

    says: Says
    line: int
    parts: Parts = ()
    shown: str = ""
    verb: str = ""
    end: bytes = b"\r\n"
    replies: tuple[ScriptedReply, ...] = ()
    then: Then = Then.NOTHING
    responses: tuple[int, ...] = ()
    initial: bool = False
    cancelled: bool = False
    data: MailData | None = None
    chunk: int | None = None
    recipients: int = 0
    mechanisms: tuple[str, ...] | None = None


class ScriptedSession(Struct, frozen=True):
    """One connection of a transcript.

    Args:
        file: The transcript's name, escaped.
        line: Number of the line with which it begins.
        tls: Whether TLS begins with the first octet.
        greeting: What the server says first.
        then: What it does after that.
        exchanges: What follows.
    """

    file: str
    line: int
    tls: bool
    greeting: tuple[ScriptedReply, ...]
    then: Then
    exchanges: tuple[Exchange, ...]


class MockScript(Struct, frozen=True):
    """A compiled transcript.

    Args:
        file: Its name, escaped.
        sessions: Its connections, at least one.
        values: Values of variables, from the caller and the header.
        mechanisms: The AUTH mechanisms in it, each with the number of a line.
        warnings: Sentences about what cannot be served as it is recorded.
    """

    file: str
    sessions: tuple[ScriptedSession, ...]
    values: Mapping[str, bytes]
    mechanisms: Mapping[str, int]
    warnings: tuple[str, ...] = ()

    @property
    def has_tls(self) -> bool:
        """Whether a certificate is needed."""
        return any(each.tls or any(exchange.then is Then.TLS for exchange in each.exchanges) for each in self.sessions)


MOST_SCRIPTED: Final = 200_000
"""The most lines of a client in one transcript that is served, mail data aside."""

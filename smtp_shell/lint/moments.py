"""What a rule reads: the moments of a dialogue, and the view of where it stood before each of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from smtp_shell.lint.findings import Place
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Disconnected, Noticed, TimedOut, TlsStarted
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.phases import Owed, Phase
from smtp_shell.protocol.replies import Extensions, Reply


class View(Struct, frozen=True, kw_only=True):
    """Where the dialogue stood before a moment.

    Args:
        phase: The phase.
        tls: Whether it is inside TLS.
        hello: The verb of the last EHLO, HELO or LHLO that was accepted on this connection, before TLS or inside; empty for none.
        announced: What the last EHLO announced; None where that is not known, as in a script that leaves it out.
        announced_before_tls: What was announced in the clear, once inside TLS.
        is_recorded: Whether every reply is known: it is live or a recording, and no script.
        owed: The replies that are owed, the oldest first.
        sent: Verbs of all commands of this connection so far.
        accepted: Verbs of the commands that were accepted.
        refused: Verbs of the commands that were refused since the last one that was accepted.
        sender: The line of the MAIL command of the transaction, accepted or not answered yet; None outside one.
        mail_parameters: Its parameters, upper-case keyword to value.
        recipients: How many recipients were accepted.
        refusals: How many were refused.
        domains: The domains of the recipients of the session, in lower case, at most 1,000.
        chunks: How many BDAT commands the transaction has had.
        authenticated: Whether AUTH has succeeded.
        mechanism: The mechanism of the current or last AUTH exchange, upper-case.
        failure: The last command that was refused for good, its public part.
        started_tls: Whether TLS began by STARTTLS.
        hello_since_tls: Whether EHLO or HELO was sent after TLS began.
        last_code: Code of the last reply; 0 before the first.
        mails: How many MAIL commands the session has had, refused ones too.
        after_message: Whether the final dot is the last that was sent.
        data_refused: Whether DATA is the last command that was sent and known, and was refused.
        in_text: Whether text came in the place of commands since then.
    """

    phase: Phase = Phase.GREETING
    tls: bool = False
    hello: str = ""
    announced: Extensions | None = None
    announced_before_tls: Extensions | None = None
    is_recorded: bool = True
    owed: tuple[Owed, ...] = ()
    sent: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    sender: bytes | None = None
    mail_parameters: Mapping[str, bytes] = {}
    recipients: int = 0
    refusals: int = 0
    domains: frozenset[bytes] = frozenset()
    chunks: int = 0
    authenticated: bool = False
    mechanism: str = ""
    failure: bytes = b""
    started_tls: bool = False
    hello_since_tls: bool = False
    last_code: int = 0
    mails: int = 0
    after_message: bool = False
    data_refused: bool = False
    in_text: bool = False

    def is_owed(self, *verbs: str) -> bool:
        """Return whether the reply to one of these commands has not come yet."""
        return any(each.verb in verbs for each in self.owed)

    def lacks(self, keyword: str) -> bool:
        """Return whether it is certain that the server did not announce a keyword."""
        return self.announced is not None and keyword not in self.announced


class LineSent(Struct, frozen=True):
    """A line of the client's ended, or a part of one was sent that nothing ended.

    Args:
        kind: `command`, `response` or `mail data`.
        length: Octets, line end included.
        end: CRLF, LF, or empty for a line that was not ended.
        facts: What stands in it: the odd octets of a command line.
    """

    kind: str
    length: int
    end: bytes = CRLF
    facts: frozenset[str] = frozenset()


class CommandLine(Struct, frozen=True):
    """A command was sent.

    Args:
        command: The command; only its public part may be shown.
        verb: Its verb, upper-case; empty where it has none.
        argument: What follows the verb, as far as it is public.
        pipelined: Whether more follows in the same write.
        is_text: Whether it is no command, and none that was misspelt: text of a message, perhaps.
        answers_nothing: Whether it is base64, after an AUTH exchange that is over.
    """

    command: Command
    verb: str
    argument: bytes
    pipelined: bool = False
    is_text: bool = False
    answers_nothing: bool = False


class ResponseLine(Struct, frozen=True):
    """A line of an AUTH exchange was sent.

    Args:
        is_empty: Whether it is empty.
        cancels: Whether it is `*`.
        is_base64: Whether it is base64; None where that is not known, because it is masked.
        challenge: The text of the 334 reply before it, decoded if it is base64; empty where there is none.
        number: Number of the line in its exchange, from 1.
        after_lf: Whether the line before ended in LF alone.
    """

    is_empty: bool
    cancels: bool
    is_base64: bool | None
    challenge: bytes
    number: int
    after_lf: bool = False


class SentEarly(Struct, frozen=True):
    """Something was sent before the reply to what precedes it was there.

    Args:
        verb: Verb of what was sent; empty where it has none.
        owed: The newest reply that was owed.
    """

    verb: str
    owed: Owed


class Answer(Struct, frozen=True):
    """A reply came in.

    Args:
        reply: The reply.
        owed: What it answers; None if it answers nothing.
        is_whole: Whether all its lines are known, and not only its code.
    """

    reply: Reply
    owed: Owed | None
    is_whole: bool = True


class HeaderField(Struct, frozen=True):
    """A field of the header of the mail data.

    Args:
        name: Its name, as written, at most 200 octets.
        value: Its value, unfolded, at most 4,000 octets.
        place: Where it begins.
        has_blank: Whether there is white space between the name and the colon.
    """

    name: bytes
    value: bytes
    place: Place
    has_blank: bool = False

    @property
    def key(self) -> str:
        """The name in lower case; what is not ASCII in it is replaced."""
        return self.name.decode("ascii", "replace").lower()


class HeaderEnd(Enum):
    """What ended a header."""

    EMPTY_LINE = "an empty line"
    TEXT = "a line that is no field"
    END = "the end of the mail data"


class HeaderSent(Struct, frozen=True):
    """The header of a message is over.

    Args:
        fields: Its fields, at most 1,000.
        end: What ended it.
        has_eight_bit: Whether there are octets over 127 in it.
    """

    fields: tuple[HeaderField, ...]
    end: HeaderEnd
    has_eight_bit: bool = False

    def all(self, *names: str) -> list[HeaderField]:
        """Return the fields with one of these names, given in lower case."""
        return [field for field in self.fields if field.key in names]


class DataFault(Enum):
    """What is odd in mail data."""

    BARE_LF = "a line that ends in LF alone"
    BARE_CR = "a CR that no LF follows"
    NUL = "an octet NUL"
    LONG_LINE = "a line of more than 998 octets"
    LONG_FIELD_LINE = "a header line of more than 78 octets"
    EIGHT_BIT_BODY = "octets over 127 in the body"
    EIGHT_BIT_HEADER = "octets over 127 in the header"
    SINGLE_DOT = "a line that begins with one dot"
    NO_COLON = "a header line without a colon"
    MBOX_LINE = "a first line that begins with From and a space"
    FOLDED_FIRST = "a first line that begins with white space"
    EMPTY_FOLD = "a folded line of white space alone"


class DataFaultSent(Struct, frozen=True):
    """The mail data has a fault, for the first time in this message.

    Args:
        fault: The fault.
        octets: Length of the line, where the fault is about that.
        header: The header, where the fault is in the body.
    """

    fault: DataFault
    octets: int = 0
    header: HeaderSent | None = None


class MessageSent(Struct, frozen=True):
    """The final dot was sent, or the last chunk.

    Args:
        header: Its header.
        size: Octets of the message, without transparency dots and without the final dot.
        body_octets: Octets of the body.
        has_eight_bit: Whether the body has octets over 127.
        is_ended_by_lf: Whether the final dot stands between bare LFs.
        chunked: Whether it was sent with BDAT.
    """

    header: HeaderSent
    size: int
    body_octets: int
    has_eight_bit: bool = False
    is_ended_by_lf: bool = False
    chunked: bool = False


class DataBegun(Struct, frozen=True):
    """Mail data begins.

    Args:
        is_expected: Whether the server said 354, or may still say it.
        is_early: Whether the reply to DATA is owed.
    """

    is_expected: bool
    is_early: bool = False


class Wait(Struct, frozen=True):
    """A wait ended without a reply, or the connection ended while somebody waited.

    Args:
        event: What ended it.
        waits_for: What the server waits for: `dot`, `line`, `chunk`, or empty if it waits for nothing in particular.
    """

    event: TimedOut | Disconnected
    waits_for: str = ""


Moment = (
    LineSent
    | CommandLine
    | ResponseLine
    | SentEarly
    | Answer
    | HeaderSent
    | DataFaultSent
    | MessageSent
    | DataBegun
    | Wait
    | TlsStarted
    | Noticed
    | Disconnected
)

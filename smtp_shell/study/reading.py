"""What the questions know of a dialogue: its exchanges, transactions and TLS, as values with line numbers.

All text in it is escaped and bounded, and none of it is a credential: lines of an AUTH exchange are counted, not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct


class Sent(Enum):
    """What a reply answers."""

    GREETING = "the opening of the connection"
    COMMAND = "a command"
    RESPONSE = "a line of an AUTH exchange"
    DOT = "the final dot"


class Said(Struct, frozen=True):
    """A reply, or what a written transcript expects of one.

    Args:
        line: Number of its first line.
        code: The reply code; 0 where a pattern does not fix it.
        digit: The first digit of the code; 0 where a pattern does not fix it.
        lines: Its first lines, code included; empty where the words are not known.
        count: How many lines it has; 0 where that is not known.
        enhanced: The enhanced status code of its first line; empty for none.
        tls: Whether it came inside TLS.
        odd: Whether it breaks the grammar of replies.
    """

    line: int
    code: int
    digit: int
    lines: tuple[str, ...] = ()
    count: int = 0
    enhanced: str = ""
    tls: bool = False
    odd: bool = False

    @property
    def text(self) -> str:
        """Its first line with the code; the code alone where the words are not known."""
        return (self.lines[0].rstrip() if self.lines else "") or str(self.code)

    @property
    def has_words(self) -> bool:
        """Whether anything but the code is known of it."""
        return any(len(line) > 4 for line in self.lines)


class State(Struct, frozen=True):
    """Where the dialogue stands, for the server.

    Args:
        hello: The verb of the last hello that was accepted; empty before it.
        sender: The reverse-path of the transaction; None outside of one.
        accepted: The recipients that were accepted.
        user: Whether the client is authenticated.
        certain: Whether all of this follows from what is in the dialogue.
    """

    hello: str = ""
    sender: str | None = None
    accepted: tuple[str, ...] = ()
    user: bool = False
    certain: bool = True


class Exchange(Struct, frozen=True):
    """Something that a reply is owed to, with its replies.

    Args:
        sent: What it is.
        line: Number of its line; 0 for the greeting, and where the line is not known.
        verb: The verb in capitals; empty for what is no command.
        text: The line as it may be shown.
        argument: What follows the verb.
        tls: Whether it was sent inside TLS.
        group: Number of the write that it was sent in.
        replies: The replies: none where they are not in the file, more than one for the final dot of LMTP.
        before: The state before it.
        after: The state after its replies.
    """

    sent: Sent
    line: int
    verb: str = ""
    text: str = ""
    argument: str = ""
    tls: bool = False
    group: int = 0
    replies: tuple[Said, ...] = ()
    before: State = State()
    after: State = State()

    @property
    def reply(self) -> Said | None:
        """Its reply; None for none."""
        return self.replies[0] if self.replies else None

    @property
    def digit(self) -> int:
        """First digit of its reply; 0 for none."""
        return self.replies[0].digit if self.replies else 0

    @property
    def code(self) -> int:
        """Code of its reply; 0 for none."""
        return self.replies[0].code if self.replies else 0

    @property
    def announced(self) -> Mapping[str, tuple[str, ...]] | None:
        """The keywords of a reply to EHLO or LHLO with their parameters; None where the dialogue does not have them all."""
        said = self.reply
        if self.verb not in ("EHLO", "LHLO") or said is None or said.digit != 2 or not said.has_words or said.odd:
            return None
        if said.count != len(said.lines):
            return None
        found: dict[str, tuple[str, ...]] = {}
        for words in (line[4:].split() for line in said.lines[1:]):
            if words:
                found[words[0].upper()] = tuple(words[1:])
        return found

    @property
    def mailbox(self) -> str | None:
        """What stands between the angle brackets of MAIL or RCPT; None where there are none."""
        start, bracket, rest = self.argument.partition("<")
        mailbox, end, _ = rest.partition(">")
        if not bracket or not end or start.replace(" ", "").upper() not in ("FROM:", "TO:"):
            return None
        return mailbox

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of MAIL or RCPT."""
        return tuple(self.argument.partition(">")[2].split()) if self.mailbox is not None else ()


class Field(Struct, frozen=True):
    """A header field.

    Args:
        name: Its name as it was written.
        value: The start of its value.
        line: Number of its line.
    """

    name: str
    value: str
    line: int


class Mail(Struct, frozen=True):
    """The mail data of one DATA.

    Args:
        fields: The first fields of the header.
        separator: Number of the empty line after the header; 0 for none.
        body: The first lines of the body, with their numbers, as they went over the wire.
        stuffed: The first lines that begin with a doubled dot, with their numbers, as they went over the wire.
        end: Number of the line with the final dot.
        whole: Whether all of it is in the dialogue.
    """

    fields: tuple[Field, ...] = ()
    separator: int = 0
    body: tuple[tuple[int, str], ...] = ()
    stuffed: tuple[tuple[int, str], ...] = ()
    end: int = 0
    whole: bool = True

    def field(self, name: str) -> Field | None:
        """Return the one field of this name; None if there is none or more than one."""
        found = [each for each in self.fields if each.name.lower() == name.lower()]
        return found[0] if len(found) == 1 else None


class Transaction(Struct, frozen=True):
    """A mail transaction, from an accepted MAIL.

    Args:
        mail: The MAIL.
        recipients: The RCPTs in it, in order.
        data: Its DATA or its first BDAT; None for none.
        end: What ended its mail data: the final dot, or BDAT with LAST; None for none.
        message: The mail data; None where it was not sent with DATA.
    """

    mail: Exchange
    recipients: tuple[Exchange, ...] = ()
    data: Exchange | None = None
    end: Exchange | None = None
    message: Mail | None = None

    @property
    def accepted(self) -> tuple[Exchange, ...]:
        """The RCPTs that were accepted."""
        return tuple(each for each in self.recipients if each.digit == 2)

    @property
    def refused(self) -> tuple[Exchange, ...]:
        """The RCPTs that were refused."""
        return tuple(each for each in self.recipients if each.digit in (4, 5))

    @property
    def delivered(self) -> bool:
        """Whether the message was accepted, for all its recipients."""
        return self.end is not None and bool(self.end.replies) and all(each.digit == 2 for each in self.end.replies)


class Auth(Struct, frozen=True):
    """An AUTH exchange.

    Args:
        command: The AUTH command.
        mechanism: The mechanism in capitals.
        challenges: Number of the line of each challenge, and its base64.
        responses: Numbers of the lines that carried a response, the command's own if it had one.
        cancelled: Number of the line that cancelled it; 0 for none.
        outcome: The reply that ended it; None for none.
        user: Who was authenticated; empty if nobody was, or it is not known.
    """

    command: Exchange
    mechanism: str
    challenges: tuple[tuple[int, str], ...] = ()
    responses: tuple[int, ...] = ()
    cancelled: int = 0
    outcome: Said | None = None
    user: str = ""


class Handshake(Struct, frozen=True):
    """The start of TLS.

    Args:
        line: Number of its line; 0 for none.
        version: Version of TLS; empty where it is not known.
        verified: Whether the certificate was verified; None where that is not known.
    """

    line: int
    version: str = ""
    verified: bool | None = None


class Reading(Struct, frozen=True):
    """One connection of a dialogue.

    Args:
        exchanges: What was sent, with the replies, in order.
        transactions: The mail transactions.
        messages: The mail data of each DATA, in a transaction or not.
        auths: The AUTH exchanges.
        handshakes: The starts of TLS that are in the dialogue.
        port: The server's port; 0 where it is not known.
        implicit: Whether TLS began with the first octet.
        regular: Whether each command has its reply, each reply its command, and nothing was sent as raw octets: the state is known.
        first: Number of its first line.
        alone: Whether the file has no other connection.
    """

    exchanges: tuple[Exchange, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    messages: tuple[Mail, ...] = ()
    auths: tuple[Auth, ...] = ()
    handshakes: tuple[Handshake, ...] = ()
    port: int = 0
    implicit: bool = False
    regular: bool = True
    first: int = 0
    alone: bool = True

    @property
    def here(self) -> str:
        """The dialogue, as a question names it."""
        return "this dialogue" if self.alone else f"the connection that begins at line {self.first}"

    @property
    def commands(self) -> tuple[Exchange, ...]:
        """The commands whose lines are known."""
        return tuple(each for each in self.exchanges if each.sent is Sent.COMMAND and each.line)

    @property
    def client_lines(self) -> tuple[Exchange, ...]:
        """The commands and final dots whose lines are known."""
        return tuple(each for each in self.exchanges if each.sent in (Sent.COMMAND, Sent.DOT) and each.line)

    @property
    def greeting(self) -> Said | None:
        """The greeting; None for none."""
        return next((each.reply for each in self.exchanges if each.sent is Sent.GREETING), None)

    @property
    def answered(self) -> Iterator[tuple[Exchange, Said]]:
        """Each reply whose code is known and which is well-formed, with what it answers."""
        for exchange in self.exchanges:
            for said in exchange.replies:
                if said.code and said.line and not said.odd:
                    yield exchange, said

    @property
    def is_lmtp(self) -> bool:
        """Whether the client said LHLO and the server accepted it."""
        return any(each.verb == "LHLO" and each.digit == 2 for each in self.exchanges)

    def of(self, *verbs: str) -> tuple[Exchange, ...]:
        """Return the commands with one of these verbs, in order."""
        return tuple(each for each in self.commands if each.verb in verbs)

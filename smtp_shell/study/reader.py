"""Reads entries into a `Reading`. It is bounded: of a long dialogue the first part is read, and the rest is passed over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.protocol.commands import Command, auth_mechanism, bdat_chunk
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Entry,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.replies import VIOLATIONS, enhanced_code, wire_lines
from smtp_shell.study.mail_reader import LONGEST_EXCERPT, MailReader, excerpt
from smtp_shell.study.reading import (
    Auth,
    Exchange,
    Handshake,
    Mail,
    Reading,
    Said,
    Sent,
)
from smtp_shell.study.transactions import TransactionReader, replies_after_message
from smtp_shell.transcript.foreign import HIDDEN_DATA

MOST_EXCHANGES: Final = 400
MOST_CONNECTIONS: Final = 20
_MOST_LINES: Final = 60

_IRREGULAR: Final = frozenset(
    {
        NoticeKind.BAD_REPLY,
        NoticeKind.NOT_A_REPLY,
        NoticeKind.CUT_REPLY,
        NoticeKind.UNSOLICITED,
        NoticeKind.UNFORESEEN,
        NoticeKind.LATE,
        NoticeKind.PLAINTEXT_AFTER_STARTTLS,
        NoticeKind.TOO_MUCH,
        NoticeKind.NO_TLS,
        NoticeKind.PREAMBLE,
    }
)


def read_dialogue(entries: Iterable[Entry]) -> tuple[Reading, ...]:
    """Read a dialogue: one `Reading` for each of its connections in which something was said.

    Args:
        entries: The dialogue, as a stream. Credentials in it must be masked.
    """
    readers = [_Reader()]
    for entry in entries:
        if isinstance(entry.event, Connected) and readers[-1].has_begun:
            if len(readers) >= MOST_CONNECTIONS:
                break
            readers.append(_Reader())
        readers[-1].take(entry)
    found = [reader.reading() for reader in readers if reader.has_begun]
    return tuple(replace(each, alone=len(found) == 1) for each in found)


class _Owed(Struct):
    """Something that a reply is owed to; `left` counts the replies."""

    sent: Sent
    place: int  # in the list of exchanges
    command: Command | None = None
    left: int = 1


class _Reader:
    def __init__(self) -> None:
        self.has_begun = False
        self._regular = True
        self._full = False
        self._port, self._implicit, self._first = 0, False, 0
        self._exchanges: list[Exchange] = [Exchange(Sent.GREETING, 0)]
        self._owed: deque[_Owed] = deque([_Owed(Sent.GREETING, 0)])
        self._transactions = TransactionReader()
        self._handshakes: list[Handshake] = []
        self._auth_commands: dict[
            int, list[int]
        ] = {}  # place of an AUTH -> places of the lines that followed in its exchange
        self._cancelled: dict[int, int] = {}
        self._initial: set[int] = set()
        self._users: dict[int, str] = {}
        self._messages: list[tuple[int, Mail]] = []  # place of the final dot, and the mail data
        self._mail = MailReader()
        self._group = 0
        self._goes_on = False  # the last command has more after it in the same write
        self._chunk = 0  # octets of a BDAT chunk that are still to come
        self._auth = 0  # place of the AUTH command of the current exchange

    def reading(self) -> Reading:
        """Return what was read."""
        exchanges, transactions = self._transactions.fold(self._exchanges, dict(self._messages))
        owed = any(each.place != len(exchanges) - 1 for each in self._owed)
        return Reading(
            exchanges,
            transactions,
            tuple(mail for _, mail in self._messages),
            tuple(self._auths(exchanges)),
            tuple(self._handshakes),
            self._port,
            self._implicit,
            self._regular and not self._full and not owed and self._transactions.regular,
            self._first,
        )

    def take(self, entry: Entry) -> None:
        line = entry.line or entry.seq
        event = entry.event
        if self._full or isinstance(event, Written | Remarked):
            if isinstance(event, Remarked):
                self._mail.whole = self._mail.whole and not event.text.startswith(
                    ("the mail data is in the file ", HIDDEN_DATA)
                )
            return
        self._first = self._first or line
        match event:
            case Connected():
                self._implicit = event.tls
                port = event.address.rpartition(":")[2]
                self._port = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
            case CommandSent():
                self._take_command(event, line, tls=entry.tls)
            case SaslSent():
                self._take_response(event, line, tls=entry.tls)
            case MailDataSent():
                self._take_mail_data(event, line, tls=entry.tls)
            case OctetsSent():
                self._take_octets(event)
            case ReplyReceived() | ReplyExpected():
                self._take_reply(event, line, tls=entry.tls)
            case TlsStarted():
                version = event.version if event.version.isascii() and len(event.version) < 20 else ""
                self._handshakes.append(Handshake(line, escape_str(version), event.verified))
            case Authenticated():
                self._users[self._auth] = escape_str(event.user[:LONGEST_EXCERPT])
            case Noticed() if event.kind in _IRREGULAR:
                self._regular = False
            case TimedOut():
                self._regular = False
            case _:
                pass

    def _begin(self, exchange: Exchange, command: Command | None = None, replies: int = 1) -> int:
        self.has_begun = True
        if len(self._exchanges) >= MOST_EXCHANGES:
            self._full = True
            return 0
        self._exchanges.append(exchange)
        place = len(self._exchanges) - 1
        self._owed.append(_Owed(exchange.sent, place, command, replies))
        return place

    def _take_command(self, event: CommandSent, line: int, *, tls: bool) -> None:
        if not self._goes_on:
            self._group += 1
        self._goes_on = event.pipelined
        command = event.command
        if command.public == 0:  # a response in a group with its AUTH
            self._respond(line, tls=tls)
            return
        if command.public is None:  # a file whose header says that credentials are included
            command = Command.parse(command.line)
        shown = excerpt(command.shown) + (MASK if command.secret else "")
        argument = excerpt(command.shown[len(command.verb) :].strip())
        chunk = bdat_chunk(command.line)
        replies = 1
        if command.verb == "BDAT":
            self._chunk = chunk.size if chunk else 0
            self._goes_on = False  # the chunk follows it, and is no command
            self._regular = self._regular and chunk is not None
            replies = replies_after_message(self._exchanges) if chunk and chunk.last else 1
        place = self._begin(
            Exchange(Sent.COMMAND, line, command.verb, shown, argument, tls, self._group), event.command, replies
        )
        if command.verb == "AUTH" and place:
            self._auth = place
            self._auth_commands[place] = []
            if command.secret:
                self._initial.add(place)

    def _take_response(self, event: SaslSent, line: int, *, tls: bool) -> None:
        if event.line == b"*" and self._auth:
            self._cancelled[self._auth] = line
            self._respond(line, tls=tls, text="*")
        else:
            self._respond(line, tls=tls)

    def _respond(self, line: int, *, tls: bool, text: str = MASK) -> None:
        self._goes_on = False
        place = self._begin(Exchange(Sent.RESPONSE, line, "", text, "", tls))
        if self._auth in self._auth_commands and place:
            self._auth_commands[self._auth].append(place)
        else:
            self._regular = False

    def _take_mail_data(self, event: MailDataSent, line: int, *, tls: bool) -> None:
        self._goes_on = False
        if not event.last:
            self._mail.take(event.octets, line)
            return
        replies = replies_after_message(self._exchanges)
        place = self._begin(Exchange(Sent.DOT, line, "", ".", "", tls), None, replies)
        mail = self._mail.mail(line)
        self._mail = MailReader()
        if place:
            self._messages.append((place, mail))

    def _take_octets(self, event: OctetsSent) -> None:
        self.has_begun = True
        if 0 < len(event.octets) <= self._chunk:
            self._chunk -= len(event.octets)
        else:
            self._regular = False

    def _take_reply(self, event: ReplyReceived | ReplyExpected, line: int, *, tls: bool) -> None:
        self.has_begun = True
        said = _said(event, line, tls=tls)
        self._regular = self._regular and bool(said.digit) and said.code != 353
        owed = self._owed_by(event)
        if owed is None:
            self._regular = False
            place = self._begin(Exchange(Sent.COMMAND, 0, event.verb, "", ""))  # sent as octets, or asked by nobody
            if place:
                self._owed.pop()
                self._exchanges[place] = replace(self._exchanges[place], replies=(said,))
            return
        self._exchanges[owed.place] = replace(
            self._exchanges[owed.place], replies=(*self._exchanges[owed.place].replies, said)
        )
        owed.left -= 1
        # A refusal of the whole message is one reply in LMTP too.
        if owed.left <= 0:
            self._owed.remove(owed)

    def _owed_by(self, event: ReplyReceived | ReplyExpected) -> _Owed | None:
        """Return what a reply answers; what is older than that has no reply in the dialogue."""
        for owed in self._owed:
            if self._answers(event, owed):
                while self._owed[0] is not owed:
                    self._owed.popleft()
                    self._regular = False
                return owed
        return None

    def _answers(self, event: ReplyReceived | ReplyExpected, owed: _Owed) -> bool:
        if event.command is None:
            return not event.verb and owed.sent in (Sent.GREETING, Sent.DOT)
        if owed.sent is Sent.RESPONSE:
            return event.verb == "AUTH"
        return owed.command is event.command or owed.command == event.command

    def _auths(self, exchanges: tuple[Exchange, ...]) -> Iterable[Auth]:
        for place, followed in self._auth_commands.items():
            command = exchanges[place]
            rows = [exchanges[each] for each in (place, *followed)]
            challenges = tuple(
                (row.reply.line, row.reply.text[4:])
                for row in rows
                if row.reply is not None and row.code == 334 and row.reply.count == 1
            )
            sent = [row.line for row in rows[1:] if row.text != "*"]
            last = rows[-1].reply
            mechanism = auth_mechanism(f"AUTH {command.argument}".encode()) or b""
            yield Auth(
                command,
                escape(mechanism.upper())[:20],
                challenges,
                tuple([command.line, *sent] if place in self._initial else sent),
                self._cancelled.get(place, 0),
                last if last is not None and last.digit in (2, 4, 5) else None,
                self._users.get(place, ""),
            )


def _said(event: ReplyReceived | ReplyExpected, line: int, *, tls: bool) -> Said:
    if isinstance(event, ReplyExpected):
        lines = tuple(
            excerpt(text.encode("utf-8", "surrogateescape")) for marker, text in event.lines if marker == "S="
        )
        lines = lines[:_MOST_LINES] if len(lines) == len(event.lines) else ()
        enhanced = enhanced_code(lines[0][4:].encode()) if lines else None
        return Said(line, event.code, event.digit, lines, len(lines), str(enhanced or ""), tls)
    reply = event.reply
    wire = wire_lines(reply.octets, most=_MOST_LINES)
    return Said(
        line,
        reply.code,
        reply.code // 100,
        tuple(excerpt(each) for each in wire),
        len(reply.lines),
        str(reply.enhanced or ""),
        tls,
        bool(VIOLATIONS & set(reply.oddities)),
    )

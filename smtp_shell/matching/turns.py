"""A dialogue as turns, to be compared with another one: each line of the client with the replies to it, and each event.

How the lines were sent, one at a time or in a group, is not in them. Neither are times, notes and what a viewer adds.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from hashlib import sha256
from itertools import chain, count
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Disconnected,
    Entry,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyBegun,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import CRLF, escape, escape_str
from smtp_shell.protocol.rawlines import lines_of
from smtp_shell.protocol.replies import Reply
from smtp_shell.transcript.variables import SASL_MARK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtp_shell.protocol.events import Event

MOST_TURNS: Final = 200_000
MOST_KEPT: Final = 32 * 1024 * 1024
"""Octets of a dialogue that are kept, without its mail data."""

_LINE_KEPT: Final = 2_000  # octets of a line that are shown
_MAIL_KEPT: Final = 16 * 1024  # octets of each message that are looked at for what differs
_ALL_MAIL_KEPT: Final = 8 * 1024 * 1024
_VARYING: Final = frozenset({b"date", b"message-id"})  # fields that differ from run to run
_ODD_OCTETS: Final = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.CUT_REPLY, NoticeKind.PREAMBLE})


class Kind(Enum):
    """What a turn is."""

    CONNECTION = auto()
    COMMAND = auto()
    RESPONSE = auto()
    DATA = auto()
    OCTETS = auto()
    SERVER = auto()
    EVENT = auto()


_ANSWERED_OFTEN: Final = frozenset({Kind.COMMAND, Kind.DATA})
_SAID: Final = frozenset({Kind.COMMAND, Kind.RESPONSE})


class Answer(Struct, frozen=True):
    """A reply, or what is expected of one.

    Args:
        line: Number in the file of its first line.
        reply: The reply; None where a written transcript only says what is expected.
        expected: Marker and content of the lines that say it.
        known: Numbers in the file of its first lines; each further one stands after the one before it, the first of them in `line`.
        is_cut: Whether the end of the reply never came.
    """

    line: int
    reply: Reply | None = None
    expected: tuple[tuple[str, str], ...] = ()
    known: tuple[int, ...] = ()
    is_cut: bool = False

    @property
    def rows(self) -> tuple[str, ...]:
        """Its lines with their markers, printable."""
        if self.reply is None:
            return tuple(f"{marker} {text}" for marker, text in self.expected)
        octets = self.reply.octets
        return tuple(_server_row(line) for line in lines_of(octets))

    @property
    def numbers(self) -> Iterator[int]:
        """Numbers in the file of its lines, without an end."""
        return chain(self.known, (self.line + place for place in count()))  # a line knows its file


class Mail(Struct, frozen=True):
    """The mail data of one message, or the octets of a chunk.

    Args:
        digest: Over all of it.
        steady: Over it without what differs from run to run: the fields Date and Message-ID.
        lines: How many lines.
        size: How many octets.
        start: What is kept of it.
        places: Where its lines begin in the transcript: from which line of the data on, the number of that line in the file, and how
            much more each further one has: 1, or 0 in octets or a file, of which one line has several.
    """

    digest: bytes
    steady: bytes
    lines: int
    size: int
    start: bytes
    places: tuple[tuple[int, int, int], ...]


class Turn(Struct, frozen=True):
    """One line of the client with the replies to it, or an event.

    Args:
        kind: What it is.
        text: What it says, with its marker; printable.
        line: Number of its line in the file.
        verb: The verb of a command, upper-case; the name of an event.
        key: What it is recognised by, whatever case its verb has.
        answers: The replies.
        tls: Whether it is inside TLS.
        mail: Mail data, or octets.
    """

    kind: Kind
    text: str
    line: int
    verb: str
    key: str
    answers: tuple[Answer, ...] = ()
    tls: bool = False
    mail: Mail | None = None


def turns_of(entries: Iterable[Entry], name: str) -> list[Turn]:
    """Return the turns of a dialogue.

    Args:
        entries: Its entries, from a file, credentials masked.
        name: The file's name, escaped, for messages.

    Raises:
        TranscriptError: The file cannot be read to its end.
        UsageError: It has more than can be compared.
    """
    reader = _Reader(name)
    for entry in entries:
        reader.take(entry)
    return reader.finish()


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._turns: list[Turn] = []
        self._answers: list[list[Answer]] = []
        self._owed: deque[int] = deque()  # numbers of turns without a reply
        self._last: int | None = None  # the turn that was answered last
        self._mail: _MailReader | None = None
        self._mail_left = _ALL_MAIL_KEPT
        self._in_data = False  # a 354 has come, and no final dot
        self._kept = 0
        self._begun: list[tuple[int, bytes]] = []  # the lines of a reply that is not whole, with their numbers

    def finish(self) -> list[Turn]:
        self._end_mail()
        self._cut_reply()
        return [
            replace(turn, answers=tuple(answers)) if answers else turn
            for turn, answers in zip(self._turns, self._answers, strict=True)
        ]

    def take(self, entry: Entry) -> None:
        event = entry.event
        if isinstance(event, MailDataSent):
            self._add_mail(entry, event.octets, Kind.DATA, ends=event.last)
            return
        if isinstance(event, OctetsSent) and event.public is None:
            self._add_mail(entry, event.octets, Kind.DATA if self._in_data else Kind.OCTETS, ends=False)
            return
        if isinstance(event, ReplyReceived):
            self._end_mail()
            if not event.known:
                self._cut_reply()
            known, self._begun = [number for number, _ in self._begun], []
            answer = Answer(entry.line, event.reply, known=(*known, *entry.numbers))
            self._answer(answer, event.verb, is_asked=event.seconds is not None)
            self._count(len(event.reply.octets))
            self._in_data = event.verb == "DATA" and event.reply.code == 354
        elif isinstance(event, ReplyExpected):
            self._end_mail()
            self._answer(Answer(entry.line, None, event.lines, entry.numbers), event.verb, is_asked=True)
            self._count(sum(len(text) for _, text in event.lines))
        elif isinstance(event, ReplyBegun):
            self._begun += zip(entry.numbers or count(entry.line), lines_of(event.octets), strict=False)
        elif turn := _turn_of(event, entry):
            self._end_mail()
            if turn.kind in (Kind.SERVER, Kind.CONNECTION):
                self._cut_reply()
            if turn.kind is Kind.SERVER and not turn.key:
                return  # the end of the input after whole lines of a reply
            self._add(turn, is_owed=turn.kind in (Kind.COMMAND, Kind.RESPONSE, Kind.CONNECTION))

    def _cut_reply(self) -> None:
        """Attach what came of a reply that never became whole to the turn that it answers."""
        if not self._begun:
            return
        numbers, lines = zip(*self._begun, strict=True)
        self._begun = []
        reply = Reply(int(lines[0][:3]), tuple(line[4:].rstrip(CRLF) for line in lines), b"".join(lines))
        self._count(len(reply.octets))
        verb = self._verb_at(self._owed[0]) if self._owed else ""
        self._answer(Answer(numbers[0], reply, known=numbers, is_cut=True), verb, is_asked=bool(self._owed))

    def _add(self, turn: Turn, *, is_owed: bool) -> None:
        if len(self._turns) >= MOST_TURNS:
            raise UsageError(f"{self._name} has more than {MOST_TURNS:,} steps; compare parts of it.")
        self._count(len(turn.text))
        if turn.kind is Kind.CONNECTION:
            self._owed.clear()
        if is_owed:
            self._owed.append(len(self._turns))
        self._turns.append(turn)
        self._answers.append([])

    def _count(self, octets: int) -> None:
        self._kept += octets
        if self._kept > MOST_KEPT:
            size = MOST_KEPT >> 20
            raise UsageError(f"{self._name} has more than {size} MiB without its mail data; compare parts of it.")

    def _answer(self, answer: Answer, verb: str, *, is_asked: bool) -> None:
        """Attach a reply to the turn that it answers, or add a turn for it."""
        number = self._asked_by(verb) if is_asked else None
        if number is None:
            kind = Kind.SERVER if self._turns else Kind.CONNECTION
            self._add(Turn(kind, "", answer.line, "", kind.name.lower()), is_owed=False)
            number = len(self._turns) - 1
        self._last = number
        self._answers[number].append(answer)

    def _asked_by(self, verb: str) -> int | None:
        """Return the number of the turn that a reply answers; None where there is none."""
        for place, number in enumerate(self._owed):
            if self._verb_at(number) == verb:
                for _ in range(place + 1):
                    self._owed.popleft()
                return number
        last = self._last
        if last is not None and self._verb_at(last) == verb and self._turns[last].kind in _ANSWERED_OFTEN:
            return last  # LMTP: one more recipient
        if self._turns and self._turns[-1].kind in (Kind.OCTETS, Kind.DATA):
            return len(self._turns) - 1
        return None

    def _verb_at(self, number: int) -> str:
        turn = self._turns[number]
        return turn.verb if turn.kind in _SAID else ""

    def _add_mail(self, entry: Entry, octets: bytes, kind: Kind, *, ends: bool) -> None:
        if self._mail is None:
            self._mail = _MailReader(kind, entry)
        if not ends:
            self._mail.add(octets, entry.line)
            return
        self._end_mail(is_owed=True)

    def _end_mail(self, *, is_owed: bool = False) -> None:
        if self._mail is None:
            return
        mail, self._mail, self._in_data = self._mail, None, False
        turn = mail.turn(self._mail_left, is_whole=is_owed)
        self._mail_left -= len(turn.mail.start) if turn.mail is not None else 0
        self._add(turn, is_owed=is_owed)


class _HeaderFilter:
    """Leaves out the fields of a message that differ from run to run.

    Attributes:
        is_open: Whether the next line is one of the header. In octets there is none.
    """

    def __init__(self, kind: Kind) -> None:
        self.is_open = kind is Kind.DATA
        self._varies = False  # the field under way differs

    def keeps(self, line: bytes) -> bool:
        """Return whether the next line counts.

        Args:
            line: The line, with or without its line end.
        """
        if not self.is_open:
            return True
        if line[:1] not in (b" ", b"\t"):
            self._varies = line.partition(b":")[0].lower() in _VARYING
        self.is_open = bool(line.strip())
        return not self._varies


class _MailReader:
    """Reads mail data, or octets, as a stream."""

    def __init__(self, kind: Kind, entry: Entry) -> None:
        self.kind = kind
        self._line = entry.line
        self._places: list[tuple[int, int, int]] = []
        self._begins = True  # the next octet begins a line
        self._tls = entry.tls
        self._digest, self._steady = sha256(), sha256()
        self._size = self._lines = 0
        self._start = bytearray()
        self._rest = b""
        self._header = _HeaderFilter(kind)

    def add(self, octets: bytes, number: int) -> None:
        """Read the next octets.

        Args:
            octets: The octets.
            number: Number of their line in the file.
        """
        if len(self._start) < _MAIL_KEPT:
            self._note_place(octets, number)
        self._begins = octets.endswith(b"\n")
        self._digest.update(octets)
        self._size += len(octets)
        self._lines += octets.count(b"\n")
        self._start += octets
        del self._start[_MAIL_KEPT:]
        while self._header.is_open:
            line, end, octets = (self._rest + octets).partition(b"\n")
            if not end and len(line) < _LINE_KEPT:
                self._rest = line
                return
            self._rest = b""
            if self._header.keeps(line):
                self._steady.update(line + end)
        self._steady.update(octets)

    def _note_place(self, octets: bytes, number: int) -> None:
        begun = octets.count(b"\n", 0, -1) + self._begins  # how many lines begin in the octets
        if not begun:
            return
        first, is_one = self._lines + (not self._begins), begun == 1
        if self._places:
            last, line, by = self._places[-1]
            if by and is_one and number - line == first - last:
                return
        self._places.append((first, number, int(is_one)))

    def turn(self, room: int, *, is_whole: bool) -> Turn:
        self._steady.update(self._rest)
        start = bytes(self._start[:room])
        digests = self._digest.digest(), self._steady.digest()
        mail = Mail(*digests, self._lines, self._size, start, tuple(self._places))
        if self.kind is Kind.OCTETS and self._size <= _LINE_KEPT:
            octets = bytes(self._start)
            return Turn(Kind.OCTETS, f"C| {escape(octets)}", self._line, "", escape(octets), tls=self._tls, mail=mail)
        what = "mail data" if self.kind is Kind.DATA else "octets"
        counted = f"{self._lines:,} line{'s' * (self._lines != 1)}, {self._size:,} octets"
        text = f"C: {what}, {counted}" + ("" if is_whole or self.kind is Kind.OCTETS else ", without a final dot")
        key = f"{what} {mail.steady.hex()} {is_whole}"
        return Turn(self.kind, text, self._line, "", key, tls=self._tls, mail=mail)


def _turn_of(event: Event, entry: Entry) -> Turn | None:
    """Return the turn that an event begins; None for an event that is not compared."""
    line, tls = entry.line, entry.tls
    match event:
        case CommandSent(command=command):
            hidden = "" if command.public is None else SASL_MARK
            shown = _short(command.shown) + hidden
            if command.public == 0:
                return Turn(Kind.RESPONSE, f"C: {SASL_MARK}", line, "AUTH", SASL_MARK, tls=tls)
            verb = escape_str(command.verb)
            return Turn(
                Kind.COMMAND,
                f"C: {shown}",
                line,
                command.verb,
                verb + _key(command.shown)[len(verb) :] + hidden,
                tls=tls,
            )
        case SaslSent():
            text = SASL_MARK if event.secret else _short(event.line)
            text = text.replace(MASK, SASL_MARK)
            return Turn(Kind.RESPONSE, f"C: {text}", line, "AUTH", text, tls=tls)
        case OctetsSent(public=int() as public):
            text = escape(event.octets[:public]) + SASL_MARK
            return Turn(Kind.OCTETS, f"C| {text}", line, "", text, tls=tls)
        case Connected():
            text = f"*: connect {event.address}{' tls' * event.tls}"
            return Turn(Kind.CONNECTION, text, line, "connect", f"connect{' tls' * event.tls}", tls=tls)
        case Noticed(kind=kind) if kind in _ODD_OCTETS:
            text = _short(event.octets)
            return Turn(Kind.SERVER, f"S| {text}", line, "", text, tls=tls)
    return _turn_of_event(event, line, tls=tls)


def _turn_of_event(event: Event, line: int, *, tls: bool) -> Turn | None:
    match event:
        case TlsStarted():
            verified = {True: " verified", False: " unverified", None: ""}[event.verified]
            words = f"tls {event.version} {event.cipher}{verified}".rstrip(" ")
            subject = escape(event.certificate.subject[:_LINE_KEPT])
            return _event(words, f" {subject}" if subject else "", line, tls=tls)
        case Authenticated():
            return _event(f"auth {event.mechanism} {escape_str(event.user)}".rstrip(" "), "", line, tls=tls)
        case Noticed(kind=NoticeKind.NO_TLS):
            return _event("no-tls", "", line, tls=tls)
        case TimedOut():
            return _event("timeout", "", line, tls=tls)
        case Disconnected():
            return _event(f"close {event.end.value}", f" {event.detail}" if event.detail else "", line, tls=tls)
        case Written(marker=marker) if marker:
            return Turn(
                Kind.EVENT, f"{marker} {event.text[:_LINE_KEPT]}", line, event.text.split(" ")[0], event.text, tls=tls
            )
    return None


def _event(words: str, more: str, line: int, *, tls: bool) -> Turn:
    return Turn(Kind.EVENT, f"*: {words}{more}", line, words.split(" ")[0], words, tls=tls)


def _server_row(line: bytes) -> str:
    return f"S: {_short(line[:-2])}" if line.endswith(CRLF) else f"S| {_short(line)}"


def _short(octets: bytes) -> str:
    if len(octets) <= _LINE_KEPT:
        return escape(octets)
    return f"{escape(octets[:_LINE_KEPT])}… ({len(octets):,} octets)"


def _key(octets: bytes) -> str:
    """Return what a long line is recognised by."""
    if len(octets) <= _LINE_KEPT:
        return escape(octets)
    return f"{escape(octets[:_LINE_KEPT])} {sha256(octets).hexdigest()}"


def lines_kept(turn: Turn) -> Iterator[tuple[int, str]]:
    """Yield the lines of mail data that are kept, without the fields that differ from run to run: number in the file, and text.

    Args:
        turn: One with mail data.
    """
    if turn.mail is None:
        return
    header, places = _HeaderFilter(turn.kind), deque(turn.mail.places)
    at = by = 0
    for number, line in enumerate(turn.mail.start.split(b"\n")):
        at += by
        if places and places[0][0] == number:
            _, at, by = places.popleft()
        if header.keeps(line) and (line or number < turn.mail.lines):
            yield at, _short(line.removesuffix(b"\r"))

"""Entries as rows of marked, escaped, masked text.

Each row begins with a gutter that no server can write: a sign for the class of a reply, a sign for TLS, and who speaks. So does each
further row of a long line.

```
   *: connect mail.example.org:587
+  S: 220 mail.example.org ESMTP        + positive completion     2yz
   C: STARTTLS                          > positive intermediate   3yz
+  S: 220 2.0.0 Ready                   ~ transient negative      4yz
 | C: MAIL FROM:<ann@example.org>       ! permanent negative      5yz
!| S: 550 5.7.1 Not today               | inside TLS              ? inside TLS that was not verified
   E| warning: over quota               what a program, which is the server, wrote on its standard error
```

The theme `plain`, which is for a screen reader, has words in place of the signs: `tls refused S: 550 5.7.1 Not today`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, assert_never

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.display.themes import (
    ODD_REPLY_SIGN,
    ODD_REPLY_WORDS,
    REPLY_SIGNS,
    REPLY_WORDS,
    TLS_UNVERIFIED_SIGN,
    TLS_VERIFIED_SIGN,
    is_spoken,
    reply_mark,
)
from smtp_shell.figures import plain, shown_seconds
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    FATAL,
    ORDINARY,
    Authenticated,
    CommandSent,
    Connected,
    Decoded,
    Disconnected,
    End,
    Entry,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyBegun,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.masking import MASK, ExchangeLines, is_user_name
from smtp_shell.protocol.octets import escape, escape_str, quoted
from smtp_shell.protocol.replies import wire_lines

if TYPE_CHECKING:
    from smtp_shell.display.folding import DataLine, MailDataFold

_MOST_OF_COMMAND = 60  # octets of a command that are shown again above its reply
_MOST_IN_GROUP = 20_000
_SHOWN_WHOLE = 1_000  # octets that are sent at once and shown whole; of more the start is shown
_MOST_OF_CHUNK = 150
_PREAMBLE_ROWS = 12

PROGRAM_GUTTER = "   E| "
"""The mark of a line that a program, which is the server, wrote on its standard error."""


class Row(Struct, frozen=True):
    """One line on the screen.

    Args:
        gutter: The mark, six columns; empty for our own words.
        text: Printable text.
        style: Name of the style, a key of `themes.STYLES`.
        aside: Short text for the right edge. It is left out where there is no space.
        further: The mark of the lines that follow where the text has no room on one; empty for the gutter with a colon.
    """

    gutter: str
    text: str
    style: str
    aside: str = ""
    further: str = ""


class Look(Struct, frozen=True):
    """What is shown, and in which colours.

    Args:
        times: Whether to show how long each reply took.
        decoded: Whether to show the meaning of base64 lines.
        typed_data: Whether to show mail data. False where the user has just typed it.
        unfolded: Whether to show all of it. Otherwise only its first and last lines are shown.
        unfold: What the user does to see all of it, in words; empty for nothing.
        theme: A key of `themes.THEMES`.
        groups: Whether to mark the commands of one write.
        paired: Whether to name the command of such a group above each reply. False for a file, whose rows are its lines: one more would
            look like a note in it.
        reasons: Whether to show why a connection broke. False where an error that ends the session is told anyway.
        links: Whether an RFC that our own words name is a link.
    """

    times: bool = True
    decoded: bool = True
    typed_data: bool = True
    theme: str = "dark"
    reasons: bool = True
    groups: bool = True
    paired: bool = True
    unfolded: bool = False
    unfold: str = ""
    links: bool = False


class WriteGroup:
    """The commands of one write whose replies have not come: each reply is shown with the name of its command.

    Attributes:
        place: Which of the commands was named last, such as `2 of 4`.
    """

    def __init__(self) -> None:
        self._commands: deque[Command] = deque(maxlen=_MOST_IN_GROUP)
        self._is_open = False  # more of the same write follows
        self._is_group = False  # the commands went out together
        self._is_named = False  # the command of the reply under way has been named
        self.place = ""
        self._sent = self._answered = 0  # commands of the group, and those of them whose replies have come

    def send(self, event: CommandSent) -> bool:
        """Record a command, and return whether more follow in its write. The octets of a chunk are none."""
        more = event.pipelined and event.command.verb != "BDAT"
        if self._is_open or more:
            self._is_group = self._is_group or self._is_open
            if not self._commands:
                self._sent = self._answered = 0
            self._sent += 1
            self._commands.append(event.command)
        self._is_open = more
        return more

    def begin_reply(self) -> Command | None:
        """Return the command to name before the lines of a reply that is not whole; None for none."""
        self._is_open = False
        if not (self._is_group and self._commands) or self._is_named:
            return None
        self._is_named = True
        self.place = f"{self._answered + 1:,} of {self._sent:,}"
        return self._commands[0]

    def receive(self, event: ReplyReceived) -> Command | None:
        """Return the command to name before a reply; None for none."""
        self._is_open = False
        if not self._commands or event.command is not self._commands[0]:
            return None
        named, self._is_named = self.begin_reply(), False
        self._commands.popleft()
        self._answered += 1
        self._is_group = self._is_group and bool(self._commands)
        return named


class Presenter:
    """Turns the entries of one dialogue into rows.

    Args:
        look: What is shown; may be replaced between entries.
    """

    def __init__(self, look: Look | None = None) -> None:
        self.look = look or Look()
        # Sign of the last TLS handshake on this connection.
        self._tls = " "
        self._is_late = False  # the next reply was noticed as late: what was sent last is not what it answers
        self._group = WriteGroup()
        self._is_live = False  # the times of its entries are measured, and not read from a file
        self._at = 0.0  # time of the last entry
        self._fold: MailDataFold | None = None  # the mail data of the current message; None outside of one

    def rows(self, entry: Entry) -> Iterator[Row]:
        """Return the rows of an entry. There are none for what `look` leaves out."""
        if not is_spoken(self.look.theme):
            yield from self._marked(entry)
            return
        for row in self._marked(entry):
            yield from _spoken(row)

    def _marked(self, entry: Entry) -> Iterator[Row]:
        event = entry.event
        if isinstance(event, MailDataSent):
            yield from self._mail_data(event, self._sign(entry))
            return
        if self._fold is not None:
            yield from self._end_of_data(self._sign(entry))
        if isinstance(event, TlsStarted):
            self._tls = tls_sign(event)
        elif isinstance(event, Connected):
            self._tls, self._is_live = " ", event.opened_in is not None
        yield from self._rows(entry)
        self._at = entry.at

    def _sign(self, entry: Entry) -> str:
        """Return the sign for TLS. A written transcript may leave out where TLS started."""
        return (self._tls if self._tls != " " else TLS_VERIFIED_SIGN) if entry.tls else " "

    def _rows(self, entry: Entry) -> Iterator[Row]:
        event = entry.event
        tls = self._sign(entry)
        match event:
            case CommandSent():
                marker = "C&" if self._group.send(event) and self.look.groups else "C:"
                yield Row(f" {tls} {marker} ", client_text(event, MASK), "command")
            case SaslSent():
                yield Row(f" {tls} C: ", client_text(event, MASK), "command")
            case OctetsSent():
                yield from self._octets(event, tls)
            case ReplyBegun():
                yield from self._answered(self._group.begin_reply())
                yield from self._begun(event, tls)
            case ReplyReceived():
                yield from self._answered(self._group.receive(event))
                yield from self._reply(event, tls)
                self._is_late = False
            case Decoded():
                if self.look.decoded:
                    yield Row("      ", f"means: {event.meaning or '(nothing)'}", "decoded")
            case Noticed(kind=NoticeKind.PREAMBLE):
                yield Row("   #! ", f"{event.sentence}:", "notice")
                for line in event.octets.removesuffix(b"\n").split(b"\n")[:_PREAMBLE_ROWS]:
                    yield Row("   S| ", escape(line.removesuffix(b"\r")[:2000]), "notice")
            case Noticed() if event.kind in FATAL and not self.look.reasons:
                if event.octets:
                    yield Row(f"{ODD_REPLY_SIGN}{tls} S| ", escape(event.octets[:2000]), "reply.odd")
            case Noticed(kind=NoticeKind.PROGRAM):
                yield Row(PROGRAM_GUTTER, event.detail, "program")
            case Noticed() if event.kind in ORDINARY:
                yield Row("   #  ", event.sentence, "note")
            case Noticed():
                self._is_late |= event.kind is NoticeKind.LATE
                yield Row("   #! ", _notice(event), "notice")
            case Remarked():
                yield Row("   #  ", event.text, "note")
            case ReplyExpected():
                sign, style = reply_mark(event.digit * 100) if event.digit else (" ", "event")
                for marker, text in event.lines:
                    yield Row(f"{sign}{tls} {marker} ", text, style)
            case Written():
                yield Row(f"   {event.marker:3}", event.text, "event" if event.marker else "note")
            case Connected() | TlsStarted() | Authenticated() | TimedOut() | Disconnected():
                text = describe(event) if self.look.reasons else _without_reason(event)
                yield Row("   *: ", text, "event", self._time_taken(entry) if self.look.times else "")
            case MailDataSent():
                return
            case _:
                assert_never(event)

    def _octets(self, event: OctetsSent, tls: str) -> Iterator[Row]:
        """Yield the rows of octets that were sent as they are. Of a large chunk only the start is shown, unless it is unfolded."""
        if self.look.unfolded and event.public is None:
            yield from (Row(f" {tls} C| ", escape(line), "command") for line in event.octets.splitlines(keepends=True))
            return
        if event.public is not None or len(event.octets) <= _SHOWN_WHOLE:
            yield Row(f" {tls} C| ", client_text(event, MASK), "command")
            return
        yield Row(f" {tls} C| ", escape(event.octets[:_MOST_OF_CHUNK]), "command")
        yield Row(
            "   #  ",
            f"… {len(event.octets) - _MOST_OF_CHUNK:,} more octets, {len(event.octets):,} in all{self._how_to_unfold}",
            "note",
        )

    def _answered(self, command: Command | None) -> Iterator[Row]:
        """Yield a row that names the command whose reply follows; none for a command that went out by itself."""
        if command is not None and self.look.paired:
            text = shown_command(command, _MOST_OF_COMMAND)
            yield Row(
                "   #  ",
                f"to {self._group.place}: {text}{'…' if len(command.shown) > _MOST_OF_COMMAND else ''}",
                "note",
            )

    def _time_taken(self, entry: Entry) -> str:
        """Return how long a connection or handshake took; empty for other events, and where that is not known."""
        event = entry.event
        if isinstance(event, Connected) and event.opened_in is not None:
            looked_up = f"DNS {shown_seconds(event.looked_up)}, " if event.looked_up else ""
            return f"{looked_up}TCP {shown_seconds(event.opened_in)}"
        if isinstance(event, TlsStarted) and self._is_live:
            return f"TLS {shown_seconds(entry.at - self._at)}"
        return ""

    def _reply(self, event: ReplyReceived, tls: str) -> Iterator[Row]:
        sign, style = reply_mark(event.reply.code)
        lines = wire_lines(event.new_octets)
        for number, line in enumerate(lines, 1):
            aside = ""
            if number == len(lines) and self.look.times and event.seconds is not None and not self._is_late:
                aside = f"{event.seconds * 1000:.0f} ms"
            yield Row(f"{sign}{tls} S: ", escape(line), style, aside)
        if event.recipient:
            yield Row("      ", f"for {escape(event.recipient)}", "decoded")

    def _begun(self, event: ReplyBegun, tls: str) -> Iterator[Row]:
        sign, style = reply_mark(event.code)
        for line in wire_lines(event.octets):
            yield Row(f"{sign}{tls} S: ", escape(line), style)

    def _mail_data(self, event: MailDataSent, tls: str) -> Iterator[Row]:
        if event.last:
            yield from self._end_of_data(tls)
            if self.look.typed_data:
                yield Row(f" {tls} C: ", ".", "command")
            return
        if not self.look.typed_data:
            return
        if self._fold is None:
            from smtp_shell.display.folding import MailDataFold

            self._fold = MailDataFold(unfolded=self.look.unfolded)
        yield from (_data_row(line, tls) for line in self._fold.feed(event.octets))

    @property
    def _how_to_unfold(self) -> str:
        return f"; {self.look.unfold}" if self.look.unfold else ""

    def _end_of_data(self, tls: str) -> Iterator[Row]:
        """Yield the last rows of mail data that has ended, or that something else has broken off."""
        fold, self._fold = self._fold, None
        if fold is None:
            return
        before, hidden, after = fold.end()
        yield from (_data_row(line, tls) for line in before)
        if hidden:
            yield Row(
                "   #  ",
                f"… {hidden:,} more lines of mail data, {fold.octets:,} octets in all{self._how_to_unfold}",
                "note",
            )
        yield from (_data_row(line, tls) for line in after)


def _data_row(line: DataLine, tls: str) -> Row:
    more = f"… ({line.left_out:,} more octets)" if line.left_out else ""
    return Row(f" {tls} C: ", escape(line.octets) + more, "data")


_SPOKEN_TLS = {TLS_VERIFIED_SIGN: "tls", TLS_UNVERIFIED_SIGN: "tls not verified"}
_SPOKEN_REPLIES = {
    **{REPLY_SIGNS[digit]: words for digit, words in REPLY_WORDS.items()},
    ODD_REPLY_SIGN: ODD_REPLY_WORDS,
}
_SPOKEN_MARKERS = {"C&": "with the next C:", "#": "note:", "#!": "attention:", "E|": "program:"}


def _spoken(row: Row) -> Iterator[Row]:
    """Yield a row with words in place of its signs, and what stands at the right edge in a row of its own."""
    gutter = row.gutter
    if gutter:
        marker = gutter[2:].strip()
        words = (_SPOKEN_TLS.get(gutter[1]), _SPOKEN_REPLIES.get(gutter[0]), _SPOKEN_MARKERS.get(marker, marker))
        gutter = "".join(f"{each} " for each in words if each)
    yield replace(row, gutter=gutter, aside="", further="more: ")
    if row.aside:
        yield Row("", f"took {row.aside}", "aside")


def tls_sign(facts: TlsStarted | None) -> str:
    """Return the sign of a line inside TLS with these facts; a space in the clear."""
    if facts is None:
        return " "
    return TLS_UNVERIFIED_SIGN if facts.verified is False else TLS_VERIFIED_SIGN


def client_text(event: CommandSent | SaslSent | OctetsSent, mask: str) -> str:
    """Return what the client sent, escaped, with a mask in place of its secret.

    The user name of AUTH LOGIN is none, though a transcript leaves it out: its base64 is what a student has to produce.
    """
    match event:
        case CommandSent():
            command = event.command
            return escape(command.line) if command.public is None else _masked_command(command, mask)
        case SaslSent():
            return mask if event.secret and not event.names_user else escape(event.line)
        case OctetsSent():
            return escape(event.octets) if event.public is None else escape(event.octets[: event.public]) + mask
        case _:
            assert_never(event)


def shown_command(command: Command, most: int) -> str:
    """Return the start of a command line for a person, escaped, with a mask in place of its secret.

    Args:
        command: The command.
        most: The most octets of it.
    """
    return escape(command.shown[:most]) + (MASK if command.secret else "")


def _masked_command(command: Command, mask: str) -> str:
    lines = ExchangeLines()
    lines.send(command.line)
    if lines.names_user and is_user_name(command.line[command.public :]):
        return escape(command.line)
    return escape(command.shown) + mask


def describe(event: Connected | TlsStarted | Authenticated | TimedOut | Disconnected) -> str:
    """Describe an event that is not text on the wire, in one line close to the transcript notation."""
    match event:
        case Connected():
            at = f" ({event.peer})" if event.peer and event.peer != event.address else ""
            return f"connect {event.address}{at}{' tls' if event.tls else ''}"
        case TlsStarted():
            verified = {True: "verified", False: "NOT VERIFIED", None: ""}[event.verified]
            return _joined("tls", event.version, event.cipher, verified, escape(event.certificate.subject))
        case Authenticated():
            return _joined("auth", event.mechanism, escape_str(event.user))
        case TimedOut():
            return f"timeout: {event.waiting_for or 'what was awaited'} did not come within {plain(event.waited)} s"
        case Disconnected():
            return _disconnected(event)
        case _:
            assert_never(event)


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)


def certificate_rows(facts: TlsStarted, problems: Sequence[str] = (), *, refused: bool = False) -> Iterator[str]:
    """Return names, issuer, validity and fingerprint of a server's certificate, one line each.

    There are none without a certificate.

    Args:
        facts: What the handshake agreed on.
        problems: What is wrong with a certificate that was not verified, in words.
        refused: Whether the handshake failed because of it.
    """
    certificate = facts.certificate
    if not certificate.der:
        return
    from smtp_shell.net.certificates import day_of, lifetime_of

    names = ", ".join(escape(name) for name in certificate.names[:8])
    more = f" and {len(certificate.names) - 8} more" if len(certificate.names) > 8 else ""
    yield f"certificate  {escape(certificate.subject) or '(no subject)'}"
    yield f"names        {names or '(none)'}{more}"
    yield f"issuer       {escape(certificate.issuer) or '(no issuer)'}"
    left = lifetime_of(certificate)
    lifetime = f" ({left})" if left else ""
    yield f"valid        {day_of(certificate.not_before)} to {day_of(certificate.not_after)}{lifetime}"
    yield f"SHA-256      {certificate.fingerprint}"
    yield from (f"problem      {problem}" for problem in problems)
    if facts.verified:
        name = escape(facts.name.encode("utf-8", "surrogateescape"))
        yield f"verified     chain, dates, and the name {name}; whether it was revoked is not known"
    elif refused:
        yield "verified     NO: the connection was closed"
    else:
        found = "" if problems else "; nothing is found to be wrong with it"
        yield f"verified     NO: --insecure is on, anybody could be at the other end{found}"


def _without_reason(event: Connected | TlsStarted | Authenticated | TimedOut | Disconnected) -> str:
    """Describe an event without what the error says that follows it: a sentence. What Ctrl-C broke off has no error."""
    match event:
        case TimedOut():
            # It was ended by its timeout, which the error names, or by Ctrl-C.
            return f"the wait ended after {plain(event.waited)} s"
        case Disconnected(end=End.ERROR) if event.detail.endswith("."):
            return "close: error"
        case _:
            return describe(event)


def _disconnected(event: Disconnected) -> str:
    words = {
        End.CLIENT: "close",
        End.SERVER: "close server",
        End.TIMEOUT: "close: timeout",
        End.ERROR: "close: error",
    }[event.end]
    return f"{words}: {event.detail}" if event.detail and event.end is not End.TIMEOUT else words


def _notice(event: Noticed) -> str:
    if not event.octets:
        return event.sentence
    return f"{event.sentence}: {quoted(escape(event.octets[:2000]))}"

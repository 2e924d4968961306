"""What the client did in a dialogue, as values: what an equivalent for another tool is made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.export.equivalents.routes import Route, proxy_of, source_of
from smtp_shell.net.target import Target, parse_target
from smtp_shell.protocol.commands import auth_mechanism, bdat_chunk, secret_start
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Disconnected,
    End,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    Remarked,
    ReplyReceived,
    SaslSent,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.maildata import MailDataDecoder
from smtp_shell.protocol.octets import unescape
from smtp_shell.protocol.rawlines import is_whole_proxy_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtp_shell.export.equivalents.spool import Spool
    from smtp_shell.net.proxy import Proxy
    from smtp_shell.protocol.events import Entry, Event

_AUTHENTICATE = re.compile(r"authenticate(?:\s+(\S+))?(?:\s+(\S+))?\s*")


class Opened(Struct, frozen=True):
    """A connection was opened.

    Args:
        target: To what; None where the transcript does not say.
        tls: Whether TLS began with the first octet.
        route: How it was made.
    """

    target: Target | None
    tls: bool = False
    route: Route = Route()


class Said(Struct, frozen=True):
    """A command line was sent.

    Args:
        line: The line without CRLF; up to the credential where it carries one.
        verb: Its verb, upper-case; empty where it has none.
        pipelined: Whether more followed in the same write.
        code: The reply code; 0 where none is known.
    """

    line: bytes
    verb: str
    pipelined: bool = False
    code: int = 0

    @property
    def is_refused(self) -> bool:
        """Whether the server refused it."""
        return self.code >= 400


class LoggedIn(Struct, frozen=True):
    """An AUTH exchange, whatever became of it.

    Args:
        mechanism: Name of the mechanism, upper-case.
        user: Who was authenticated; empty where that is not known.
        initial: Whether the command carried an initial response.
        code: The last reply code; 0 where none is known.
    """

    mechanism: str
    user: str = ""
    initial: bool = False
    code: int = 0


class Secured(Struct, frozen=True):
    """TLS began.

    Args:
        verified: Whether the certificate was verified; None where that is not known.
    """

    verified: bool | None = None


class Body(Struct, frozen=True):
    """Mail data, or octets as they are.

    Args:
        start: Where it begins in the spool.
        end: Where it ends.
        kind: `data` for what followed DATA, without the dots of transparency; `chunk` for what followed BDAT; `raw` for other octets.
        is_whole: Whether the final dot was sent, or the chunk was the last one.
        is_hidden: Whether a credential in it was left out.
        replies: How many replies came before the next line of the client.
    """

    start: int
    end: int
    kind: str = "data"
    is_whole: bool = False
    is_hidden: bool = False
    replies: int = 0


class Noted(Struct, frozen=True):
    """A person wrote a note.

    Args:
        text: The note, printable.
    """

    text: str


class Closed(Struct, frozen=True):
    """The client closed the connection, or it broke.

    Args:
        by_client: Whether the client closed it.
    """

    by_client: bool


Act = Opened | Said | LoggedIn | Secured | Body | Noted | Closed

LEFT_OUT = "an AUTH that the server refused is left out; only the last one is tried."
"""What is said of a script that does not repeat a wrong password."""


def client_acts(entries: Iterable[Entry], spool: Spool) -> list[Act]:
    """Return what the client did.

    Args:
        entries: The dialogue, with all of its mail data.
        spool: Where mail data and other octets are kept.
    """
    collector = _Collector(spool)
    for entry in entries:
        collector.take(entry.event)
    return collector.acts


def without_retries(acts: Iterable[Act]) -> tuple[Act, ...]:
    """Return the acts with a note in place of each AUTH exchange that was refused, where another one on its connection follows."""
    found: list[Act] = []
    refused: int | None = None  # where the last exchange of this connection stands, if it was refused
    for act in acts:
        if isinstance(act, LoggedIn):
            if refused is not None:
                found[refused] = Noted(LEFT_OUT)
            refused = len(found) if act.code >= 400 else None
        elif isinstance(act, Opened):
            refused = None
        found.append(act)
    return tuple(found)


class _Collector:
    """Turns events into acts.

    Args:
        spool: Where octets are kept.

    Attributes:
        acts: The acts so far.
    """

    def __init__(self, spool: Spool) -> None:
        self.acts: list[Act] = []
        self._spool = spool
        self._decoder: MailDataDecoder | None = None  # of the mail data that is being collected
        self._server = ""  # what the header of a transcript says
        self._is_open = False
        self._is_greeted = False
        self._chunk_left = 0
        self._chunk_is_last = False

    def take(self, event: Event) -> None:
        match event:
            case MailDataSent():
                self._take_mail_data(event)
                return
            case OctetsSent():
                self._take_octets(event)
                return
        self._end_mail_data(is_whole=False)
        match event:
            case Connected():
                self._add(Opened(_target(event.address, tls=event.tls), event.tls))
                self._is_open, self._is_greeted = True, False
            case Noticed(kind=NoticeKind.CONNECTION):
                self._take_route(event.detail)
            case CommandSent():
                self._take_command(event)
            case SaslSent():
                self._need_connection()
            case Authenticated():
                self._change_login(mechanism=event.mechanism.upper(), user=event.user)
            case TlsStarted():
                self._add(Secured(event.verified))
            case ReplyReceived():
                self._take_reply(event)
            case Remarked():
                self._add(Noted(event.text))
            case Written():
                self._take_written(event)
            case Disconnected():
                self._add(Closed(event.end is End.CLIENT))
                self._is_open = False

    def _add(self, act: Act) -> None:
        self.acts.append(act)

    def _need_connection(self) -> None:
        """Add a connection where a transcript that was written by hand has none."""
        if not self._is_open:
            self._is_open, self._is_greeted = True, False
            self._add(Opened(_target(self._server, tls=False)))

    def _take_route(self, words: str) -> None:
        """Note by which proxy the connection was made, or from where."""
        kind, _, place = words.partition(" ")
        if kind == "through":
            self._change_route(proxy=proxy_of(place))
        elif kind == "from":
            self._change_route(source=source_of(place))

    def _change_route(self, **changes: Proxy | str | bytes | None) -> None:
        for place in range(len(self.acts) - 1, -1, -1):
            act = self.acts[place]
            if isinstance(act, Opened):
                self.acts[place] = replace(act, route=replace(act.route, **changes))
                return

    def _take_command(self, event: CommandSent) -> None:
        self._need_connection()
        command = event.command
        mechanism = auth_mechanism(command.line) if command.verb == "AUTH" else None
        if mechanism is not None:
            initial = command.secret or len(command.line.split()) > 2
            self._add(LoggedIn(mechanism.decode("ascii", "replace").upper(), initial=initial))
            return
        self._add(Said(command.shown, command.verb, event.pipelined))
        chunk = bdat_chunk(command.line)
        if chunk is not None:
            self._chunk_left, self._chunk_is_last = chunk.size, chunk.last
            if not chunk.size:
                self._add(Body(self._spool.size, self._spool.size, "chunk", chunk.last))

    def _take_written(self, event: Written) -> None:
        if not event.marker:
            name, _, value = event.text.partition(": ")
            self._server = value if name.lower() == "server" else self._server
        elif found := _AUTHENTICATE.fullmatch(event.text):
            self._need_connection()
            user = unescape(found[2] or "").decode("utf-8", "surrogateescape")
            self._add(LoggedIn((found[1] or "").upper(), user))

    def _take_mail_data(self, event: MailDataSent) -> None:
        self._need_connection()
        if event.last:
            self._begin_mail_data()
            self._end_mail_data(is_whole=True)
            return
        self._spool.write(self._begin_mail_data().decode(event.octets))
        self._grow()

    def _begin_mail_data(self) -> MailDataDecoder:
        if self._decoder is None:
            self._decoder = MailDataDecoder()
            self._add(Body(self._spool.size, self._spool.size))
        return self._decoder

    def _end_mail_data(self, *, is_whole: bool) -> None:
        if self._decoder is None:
            return
        self._spool.write(self._decoder.end())
        self._decoder = None
        self._grow(is_whole=is_whole)

    def _grow(self, **changes: bool) -> None:
        """Extend the body that the last act is up to the end of the spool."""
        body = self.acts[-1]
        if isinstance(body, Body):
            self.acts[-1] = replace(body, end=self._spool.size, **changes)

    def _take_octets(self, event: OctetsSent) -> None:
        """Add octets: those of a chunk to the one act of the chunk."""
        self._end_mail_data(is_whole=False)
        self._need_connection()
        if not self._is_greeted and is_whole_proxy_header(event.octets):
            self._change_route(header=event.octets)
            return
        start = self._spool.size
        # A file that includes its secrets does not say where they are.
        public = secret_start(event.octets) if event.public is None and not self._chunk_left else event.public
        self._spool.write(event.octets if public is None else event.octets[:public])
        if not self._chunk_left:
            self._add(Body(start, self._spool.size, "raw", is_hidden=public is not None))
            return
        self._chunk_left = max(0, self._chunk_left - len(event.octets))
        is_whole = self._chunk_is_last and not self._chunk_left
        last = self.acts[-1]
        if isinstance(last, Body) and last.kind == "chunk":
            self._grow(is_whole=is_whole)
        else:
            self._add(Body(start, self._spool.size, "chunk", is_whole))

    def _take_reply(self, event: ReplyReceived) -> None:
        """Note the reply beside what it answers."""
        self._is_greeted = True
        code = event.reply.code
        last = self.acts[-1] if self.acts else None
        if isinstance(last, Body) and event.seconds is not None:
            self.acts[-1] = replace(last, replies=last.replies + 1)
        if event.verb == "AUTH" or (isinstance(last, LoggedIn) and event.command is None):
            self._change_login(code=code)
            return
        for place in range(len(self.acts) - 1, -1, -1):
            act = self.acts[place]
            if isinstance(act, Opened) or event.command is None:
                return
            if isinstance(act, Said) and act.verb == event.verb and not act.code and self._is_oldest(place):
                self.acts[place] = replace(act, code=code)
                return

    def _is_oldest(self, place: int) -> bool:
        """Whether no pipelined act of the same verb before this one still lacks its reply."""
        act = self.acts[place]
        before = self.acts[place - 1] if place else None
        while isinstance(before, Said) and before.pipelined and place:
            if isinstance(act, Said) and before.verb == act.verb and not before.code:
                return False
            place -= 1
            before = self.acts[place - 1] if place else None
        return True

    def _change_login(self, **changes: str | int) -> None:
        for place in range(len(self.acts) - 1, -1, -1):
            act = self.acts[place]
            if isinstance(act, LoggedIn):
                self.acts[place] = replace(act, **changes)
                return


def _target(address: str, *, tls: bool) -> Target | None:
    """Return the server of a transcript; None where it names none."""
    try:
        return parse_target(unescape(address).decode("utf-8", "surrogateescape"), tls=tls) if address else None
    except UsageError:
        return None

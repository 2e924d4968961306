"""Who said what in the log of a server or a client, where lines of several sessions are mixed and marked as in or out."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Final

from msgspec import Struct

from smtp_shell.importers.dialect import Kind, Line, Record
from smtp_shell.importers.sessions import Sessions

REPLY: Final = re.compile(r"[2-5][0-9]{2}(?:[ -]|$)")
"""Start of a line of a reply."""

_MASKED = re.compile(
    r"\*{3,}$|<[\w .-]{0,40}(?i:credential|password|authenticat|redacted|hidden|secret)[\w .-]{0,40}>$"
    r"|\[(?i:hidden|redacted|masked|password)\]$"
)
GREETING_NAME: Final = re.compile(r"220[ -]([A-Za-z0-9][\w.-]{0,254})")
"""Start of a greeting, with the name that the server gives itself."""

ADDRESS_OF_GREETING: Final = "the log does not name the server's address; its greeting names it"
"""Note for an address that is the name in a greeting."""

_MOST_TRACKS = 2_000
_DATA_END = "."


class _Track:
    """What is known of a session between its lines."""

    def __init__(self) -> None:
        self.server_mark = ""
        self.opened = False
        self.address = ""
        self.tls: bool | None = None
        self.in_data = False
        self.data_lines = 0
        self.verb = ""
        self.multiline = False
        self.ended = False
        self.tls_due = False  # STARTTLS was answered with 220, and nothing has been said since


class Said(Struct, frozen=True):
    """One line of a log that belongs to a session.

    Args:
        key: What tells the session from others.
        text: What was said.
        mark: The log's mark of the direction, whatever it is.
        by_server: Who said it; None if it follows from what has been said with the same mark.
    """

    key: Hashable
    text: str
    mark: str = ""
    by_server: bool | None = None


class Voices:
    """Turns the lines of a log into records, session by session.

    Each method yields the records that can be passed on.
    """

    def __init__(self) -> None:
        self._sessions = Sessions()
        self._tracks: OrderedDict[Hashable, _Track] = OrderedDict()
        self.last: Hashable = None  # the session of the last line
        self.has_said = False

    def open(self, key: Hashable, address: str = "", *, tls: bool | None = None) -> Iterator[Record]:
        """Begin a session; the one of the same key is over.

        Args:
            key: What tells the session from others.
            address: The server's, `HOST:PORT`; empty if the log does not say.
            tls: Whether TLS begins with the first octet.
        """
        yield from self.over(key)
        track = self._track(key)
        track.address, track.tls = address, tls

    def said(self, said: Said, line: Line) -> Iterator[Record]:
        """Read a line of one side.

        Args:
            said: What it is.
            line: Where it stands.
        """
        track = self._track(said.key)
        text = said.text
        by_server = said.by_server if said.by_server is not None else self._is_server(track, said.mark, text)
        if by_server and track.ended and text.startswith("220"):
            address, tls = track.address, track.tls
            yield from self.over(said.key)
            track = self._track(said.key)
            track.address, track.tls = address, tls
            track.server_mark = said.mark
        self.last, self.has_said = said.key, True
        yield from self._begin(said.key, track, text if by_server else "", line)
        if by_server:
            yield from self._server(said.key, track, text, line)
        else:
            yield from self._client(said.key, track, text, line)

    def goes_on(self, key: Hashable, text: str, line: Line) -> Iterator[Record]:
        """Read a line without a mark: the next one of a reply of several lines, if one is being read in this session."""
        track = self._tracks.get(key)
        if track is not None and track.multiline and REPLY.match(text):
            yield from self._server(key, track, text, line)

    def in_data(self, key: Hashable) -> bool:
        """Return whether a session is within mail data."""
        track = self._tracks.get(key)
        return track is not None and track.in_data

    def happened(self, key: Hashable, kind: Kind, text: str, line: Line) -> Iterator[Record]:
        """Read what the log says of a session besides what was said in it."""
        track = self._tracks.get(key)
        if track is None:
            return
        if kind is Kind.TLS and not track.opened:
            track.tls = True
            return
        if kind is Kind.ERROR and not track.opened:
            yield from self._begin(key, track, "", line)
        if kind in (Kind.TLS, Kind.TLS_FAILED):
            track.tls_due = False
        if track.opened:
            yield from self._sessions.add(key, Record(kind, text, line.number, line.at))

    def over(self, key: Hashable) -> Iterator[Record]:
        """End a session, if there is one of this key."""
        self._tracks.pop(key, None)
        yield from self._sessions.end(key)

    def finish(self) -> Iterator[Record]:
        """End all sessions."""
        self._tracks.clear()
        yield from self._sessions.finish()

    def _track(self, key: Hashable) -> _Track:
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = _Track()
            if len(self._tracks) > _MOST_TRACKS:
                self._tracks.popitem(last=False)
        return track

    def _is_server(self, track: _Track, mark: str, text: str) -> bool:
        if not track.server_mark:
            if not REPLY.match(text):
                return False
            track.server_mark = mark
        return mark == track.server_mark

    def _begin(self, key: Hashable, track: _Track, greeting: str, line: Line) -> Iterator[Record]:
        if track.opened:
            return
        track.opened = True
        address = track.address
        if not address and (found := GREETING_NAME.match(greeting)):
            address = f"{found[1]}:{465 if track.tls else 25}"
        yield from self._sessions.add(
            key, Record(Kind.CONNECT, address or "localhost:25", line.number, line.at, tls=track.tls)
        )
        if not track.address:
            note = ADDRESS_OF_GREETING if address else "the log does not name the server's address"
            yield from self._sessions.add(key, Record(Kind.NOTE, note, line.number))

    def _client(self, key: Hashable, track: _Track, text: str, line: Line) -> Iterator[Record]:
        if track.in_data:
            if text == _DATA_END:
                track.in_data = False
                if not track.data_lines:
                    yield from self._sessions.add(key, Record(Kind.HIDDEN_DATA, "", line.number, line.at))
            track.data_lines += 1
        elif track.tls_due:
            # The log shows what was said after it, so that it was said inside TLS.
            track.tls_due = False
            yield from self._sessions.add(key, Record(Kind.TLS, "", line.number, line.at))
        if not track.in_data and text != _DATA_END:
            track.verb = text.split(None, 1)[0].upper() if text.strip() else ""
        hidden = not track.in_data and text != _DATA_END and (found := _MASKED.search(text))
        if hidden and found:
            text = text[: found.start()]
        yield from self._sessions.add(key, Record(Kind.CLIENT, text, line.number, line.at, hidden=bool(hidden)))

    def _server(self, key: Hashable, track: _Track, text: str, line: Line) -> Iterator[Record]:
        track.in_data = False
        yield from self._sessions.add(key, Record(Kind.SERVER, text, line.number, line.at))
        track.multiline = text[3:4] == "-"
        if not track.multiline:
            if text.startswith("354") and track.verb in ("DATA", ""):
                track.in_data, track.data_lines = True, 0
            track.tls_due = track.verb == "STARTTLS" and text.startswith("220")
            track.ended = track.verb == "QUIT" and text.startswith("2")

"""The octets of both directions of a connection as the records of a dialogue, if it is one of SMTP at all."""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator
from typing import Final

from smtp_shell.importers.decryption import SUITES, Decryption, KeyLog, Undecipherable
from smtp_shell.importers.dialect import Kind, Record

_REPLY = re.compile(rb"[2-5][0-9]{2}(?:[ -]|\r?\n)")
_COMMAND = re.compile(
    rb"(?i)(?:EHLO|HELO|LHLO|MAIL|RCPT|QUIT|NOOP|RSET|HELP|STARTTLS|AUTH|VRFY|EXPN|ETRN|DATA|BDAT|XCLIENT|PROXY)\b"
)
_BDAT = re.compile(rb"(?i)BDAT[ \t]+([0-9]{1,12})(?:[ \t]+LAST)?[ \t]*\r?$")
_PORTS: Final = frozenset((24, 25, 465, 587, 2465, 2525, 2587, 10024, 10025, 10026))
_SAYS_SMTP = re.compile(rb"(?i)\b(?:E?SMTP|LMTP)\b")
_TLS = b"\x16\x03"
_LONGEST_LINE = 64 * 1024
_UNDECIDED = 16 * 1024
_PIECE = 8_000
_VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3", 0x0300: "SSLv3"}
_SUPPORTED_VERSIONS = 43


class Conversation:
    """One connection. It is told of what each side sends, in order.

    Args:
        server: The server's address, `HOST:PORT`.
        port: The server's port; 0 if it is not known.
        begun: Whether the connection was seen from its start.
        keys: Keys of TLS that are at hand.
        inside_tls: Whether what is said has been decrypted, of a connection that began with TLS; and version and cipher of that.

    Attributes:
        is_smtp: Whether it is SMTP; None as long as that is not known.
    """

    def __init__(
        self, server: str, port: int, *, begun: bool = True, keys: KeyLog | None = None, inside_tls: str | None = None
    ) -> None:
        self.server, self.port = server, port
        self.is_smtp: bool | None = None
        self._keys = KeyLog() if keys is None else keys
        self._inside_tls = inside_tls
        self._inner: Conversation | None = None  # what is said inside TLS that began with the first octet
        self._decryption: Decryption | None = None
        self._begun = begun
        self._early: list[tuple[bool, bytes | int, float | None]] = []  # a number: so many octets are lost
        self._early_size = 0
        self._rest = {True: bytearray(), False: bytearray()}
        self._in_data = False
        self._chunk = 0
        self._verbs: list[bytes] = []
        self._may_be_tls = False
        self._encrypted: dict[bool, int] | None = None
        self._hello = bytearray()
        self._tls_said = False

    def said(self, octets: bytes, *, by_client: bool, at: float | None = None) -> Iterator[Record]:
        """Read what a side has sent.

        Args:
            octets: The octets.
            by_client: Whether the client has sent them.
            at: When, in seconds since the epoch.
        """
        if self.is_smtp is False or not octets:
            return
        if self._decryption is None and self.is_smtp is None and not self._early and by_client:
            secrets = self._keys.of(octets) if octets.startswith(_TLS) else {}
            self._decryption = Decryption(secrets) if secrets else None
        if self._decryption is not None and self.is_smtp is None:
            yield from self._tunnel(octets, by_client, at)
            return
        if self.is_smtp is None:
            self._early.append((by_client, octets, at))
            self._early_size += len(octets)
            self.is_smtp = self._decide()
            if self.is_smtp is None:
                return
            if self.is_smtp:
                yield from self._begin()
            self._early = []
            return
        yield from self._read(by_client, octets, at)

    def lost(self, count: int, *, by_client: bool, at: float | None = None) -> Iterator[Record]:
        """Note that the capture lacks octets of a side."""
        if self._inner is not None or (self._decryption is not None and self.is_smtp is None):
            self.is_smtp = False  # a record is missing, so that nothing after it can be decrypted
            if self._inner is not None:
                yield from self._inner.lost(count, by_client=by_client, at=at)
            return
        if self.is_smtp is None:
            self._early.append((by_client, count, at))
        if not self.is_smtp:
            return
        if self._encrypted is not None:
            self._encrypted[by_client] += count
            return
        yield from self._cut(by_client, at)
        self._chunk = max(0, self._chunk - count) if by_client else self._chunk
        who = "client" if by_client else "server"
        yield Record(Kind.NOTE, f"the capture lacks {count:,} octets of the {who} here", at=at)

    def closed(self, *, by_client: bool | None, at: float | None = None, reset: bool = False) -> Iterator[Record]:
        """Note the end of the connection.

        Args:
            by_client: Who ended it; None if the capture does not say.
            at: When, in seconds since the epoch.
            reset: Whether it was reset.
        """
        if self._inner is not None:
            yield from self._inner.closed(by_client=by_client, at=at, reset=reset)
            return
        if self.is_smtp is None and self._is_greeting_only():
            self.is_smtp = True
            yield from self._begin()
        if not self.is_smtp:
            self.is_smtp = False
            return
        for side in (False, True):
            yield from self._cut(side, at)
        if self._encrypted is not None and self._decryption is None:
            yield Record(Kind.NOTE, self._unread(self._encrypted))
        if by_client is not None:
            if reset:
                yield Record(Kind.NOTE, f"the {'client' if by_client else 'server'} reset the connection")
            yield Record(Kind.CLOSE, "" if by_client else "server", at=at)

    # Is it SMTP?

    def _begin(self) -> Iterator[Record]:
        early, self._early = self._early, []
        first = early[0][1]
        tls = self._inside_tls is not None or (isinstance(first, bytes) and first.startswith(_TLS))
        yield Record(Kind.CONNECT, self.server, at=early[0][2], tls=tls)
        if self._inside_tls is not None:
            yield Record(Kind.TLS, self._inside_tls, at=early[0][2])
        if not self._begun:
            yield Record(Kind.NOTE, "the capture begins within this connection")
        for by_client, octets, at in early:
            if isinstance(octets, bytes):
                yield from self._read(by_client, octets, at)
            else:
                yield from self.lost(octets, by_client=by_client, at=at)

    def _of(self, *, by_client: bool) -> bytes:
        """Return what a side has sent so far, where it is not known yet whether it is SMTP."""
        return b"".join(each for side, each, _ in self._early if side is by_client and isinstance(each, bytes))[
            :_UNDECIDED
        ]

    def _decide(self) -> bool | None:
        client, server = self._of(by_client=True), self._of(by_client=False)
        if client.startswith(_TLS) and not server:
            return self.port in (465, 2465) or (None if self.port in _PORTS and len(client) < 100 else False)
        if len(server) >= 4 and not _REPLY.match(server):
            return False
        if client and server:
            return bool(_COMMAND.match(client)) or (self.port in _PORTS and bool(_SAYS_SMTP.search(server)))
        if client and not _COMMAND.match(client) and (len(client) > 8 or b"\n" in client):
            return False
        return False if self._early_size > _UNDECIDED else None

    def _is_greeting_only(self) -> bool:
        server = self._of(by_client=False)
        return bool(
            not self._of(by_client=True)
            and _REPLY.match(server)
            and (self.port in _PORTS or _SAYS_SMTP.search(server[:1_000]))
        )

    def _tunnel(self, octets: bytes, by_client: bool, at: float | None) -> Iterator[Record]:
        """Read octets of a connection that began with TLS and whose keys are known."""
        assert self._decryption is not None
        try:
            plain = self._decryption.add(octets, by_client=by_client)
        except Undecipherable:
            self.is_smtp = False
            if self._inner is not None:
                yield Record(Kind.NOTE, "what follows cannot be decrypted", at=at)
            return
        if plain and self._inner is None:
            self._inner = Conversation(self.server, self.port, begun=self._begun, inside_tls=self._decryption.words)
        if self._inner is not None:
            yield from self._inner.said(plain, by_client=by_client, at=at)

    # Lines

    def _read(self, by_client: bool, octets: bytes, at: float | None) -> Iterator[Record]:
        if self._encrypted is not None:
            octets = yield from self._inside(octets, by_client, at)
            if not octets:
                return
        elif by_client and not self._rest[True] and self._begins_tls(octets):
            self._encrypted = {True: 0, False: 0}
            secrets = self._keys.of(octets)
            self._decryption = Decryption(secrets) if secrets else None
            yield from self._inside(octets, by_client, at)
            return
        buffer = self._rest[by_client]
        buffer += octets
        start = 0
        while start < len(buffer):
            if by_client and self._chunk:
                piece = bytes(buffer[start : start + min(self._chunk, _PIECE)])
                end = piece.rfind(b"\n") + 1 or len(piece)
                self._chunk -= end
                start += end
                yield Record(Kind.CLIENT_OCTETS, _text(piece[:end]), at=at)
                continue
            end = buffer.find(b"\n", start) + 1
            if not end:
                break
            line = bytes(buffer[start:end])
            start = end
            yield from self._line(by_client, line, at)
        del buffer[:start]
        if len(buffer) > _LONGEST_LINE:
            yield from self._cut(by_client, at)

    def _begins_tls(self, octets: bytes) -> bool:
        """Whether the client begins TLS: after STARTTLS with anything but a command, since a dump may not show the octets as they are."""
        if self._may_be_tls:
            return octets.startswith(_TLS) or not _COMMAND.match(octets)
        return octets.startswith(_TLS) and not self._verbs

    def _line(self, by_client: bool, line: bytes, at: float | None) -> Iterator[Record]:
        whole = line.endswith(b"\r\n")
        text = line[:-2] if whole else line
        if whole:
            yield Record(Kind.CLIENT if by_client else Kind.SERVER, _text(text), at=at)
        else:
            yield Record(Kind.CLIENT_OCTETS if by_client else Kind.SERVER_OCTETS, _text(text), at=at)
        if by_client:
            self._command(text.rstrip(b"\r\n"))
        elif _REPLY.match(line) and line[3:4] != b"-":
            self._answered(line[:3])

    def _command(self, text: bytes) -> None:
        if self._in_data:
            if text == b".":
                self._in_data = False
                self._verbs.append(b".")
            return
        self._may_be_tls = False
        if len(self._verbs) < 1_000:
            self._verbs.append(text.split(None, 1)[0].upper() if text.strip() else b"")
        if chunk := _BDAT.match(text):
            self._chunk = int(chunk[1])

    def _answered(self, code: bytes) -> None:
        verb = self._verbs.pop(0) if self._verbs else b"greeting"
        if code == b"354" and verb == b"DATA":
            self._in_data = True
        elif code == b"220" and verb == b"STARTTLS":
            self._may_be_tls = True

    def _cut(self, by_client: bool, at: float | None) -> Iterator[Record]:
        """Yield what there is of a line that does not end."""
        buffer = self._rest[by_client]
        if buffer:
            octets = bytes(buffer)
            buffer.clear()
            yield Record(Kind.CLIENT_OCTETS if by_client else Kind.SERVER_OCTETS, _text(octets), at=at)

    # TLS

    def _inside(self, octets: bytes, by_client: bool, at: float | None) -> Generator[Record, None, bytes]:
        """Read octets of TLS, and return what they say if they can be decrypted."""
        assert self._encrypted is not None
        self._encrypted[by_client] += len(octets)
        plain = b""
        if self._decryption is not None:
            try:
                plain = self._decryption.add(octets, by_client=by_client)
            except Undecipherable:
                self._decryption = None
        yield from self._handshake(octets, by_client, at)
        return plain

    def _handshake(self, octets: bytes, by_client: bool, at: float | None) -> Iterator[Record]:
        """Yield the start of TLS, with what the server's first message says of it."""
        if by_client or self._tls_said:
            return
        self._hello += octets[: _UNDECIDED - len(self._hello)]
        if len(self._hello) < 5:
            return
        length = int.from_bytes(self._hello[3:5], "big")
        if self._hello[:2] == _TLS and len(self._hello) < min(5 + length, _UNDECIDED):
            return
        self._tls_said = True
        words = _hello_words(bytes(self._hello))
        if words is None:
            yield Record(Kind.TLS_FAILED, "the server did not answer with a handshake", at=at)
        else:
            yield Record(Kind.TLS, words, at=at)

    def _unread(self, encrypted: dict[bool, int]) -> str:
        keys = "the keys in the capture do not fit" if self._keys else "the capture holds no keys for it"
        return (
            f"what follows is encrypted: {encrypted[True]:,} octets of the client and {encrypted[False]:,} of the server; "
            f"{keys}"
        )


def _hello_words(octets: bytes) -> str | None:
    """Return version and cipher in a ServerHello, as many as are known; None if the octets are none."""
    if octets[:2] != _TLS or octets[5:6] != b"\x02":
        return None
    try:
        version = struct.unpack_from(">H", octets, 9)[0]
        at = 9 + 2 + 32
        at += 1 + octets[at]
        cipher = struct.unpack_from(">H", octets, at)[0]
        at += 5  # cipher, compression, length of the extensions
        while at + 4 <= len(octets):
            kind, length = struct.unpack_from(">HH", octets, at)
            if kind == _SUPPORTED_VERSIONS and length == 2:
                version = struct.unpack_from(">H", octets, at + 4)[0]
            at += 4 + length
    except (struct.error, IndexError):
        return ""
    words = _VERSIONS.get(version, ""), SUITES[cipher].name if cipher in SUITES else ""
    return " ".join(word for word in words if word) if words[0] else ""


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")

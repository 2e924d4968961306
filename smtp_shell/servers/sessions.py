"""The dialogue of any client with a server of ours, read from the octets of both directions.

The entries are those that a transcript of the dialogue has. A line of the client is read when the server reads it, after the replies to the
lines before: only then is it known whether it is a command, an answer or mail data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.dialogue import MOST_HELD, Dialogue
from smtp_shell.protocol.events import (
    Authenticated,
    Certificate,
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
    ReplyReceived,
    SaslSent,
    TlsStarted,
)
from smtp_shell.protocol.maildata import END_OF_DATA, has_only_crlf
from smtp_shell.protocol.masking import EchoMask, describe_typed, is_secret_answer, may_answer
from smtp_shell.protocol.octets import CRLF, decode_base64, escape, escape_str
from smtp_shell.protocol.phases import Asked, Phase
from smtp_shell.protocol.rawlines import is_proxy_header, lines_of, proxy_header_length
from smtp_shell.protocol.sasl.exchange import EMPTY
from smtp_shell.protocol.sasl.reading import user_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtp_shell.protocol.events import Consumer, Event

LINE_KEPT: Final = 64 * 1024
"""Octets of a line without an end that are kept. What follows up to its end is counted only."""

_DECIDE = frozenset({"AUTH", "BDAT", "DATA", "STARTTLS"})
"""Commands whose reply decides what the octets after them are."""

_CHANGE_STATE = (_DECIDE - {"BDAT"}) | {"EHLO", "HELO", "LHLO", "QUIT"}
"""Commands that nothing may follow before their reply (RFC 2920 section 3.1, RFC 3207 section 4, RFC 4954 section 4)."""

_ENDS_EXCHANGE = (b"v=", b"{")
"""Challenges that an empty answer acknowledges: the signature of SCRAM, and the reason why a token is refused."""

_ENDS_DATA = CRLF + END_OF_DATA
_TLS_HELLO = b"\x16\x03"
_MOST_IN_A_GROUP = 1000
_PROXY_SEEN = 16  # octets of a binary PROXY header that say how long it is

EARLY: Final = "what follows was sent before the reply to {}: read each reply up to its last line, then go on"
EMPTY_ANSWER: Final = "an empty line came as the {}"
TLS_AT_ONCE: Final = "you began TLS with the first octet: this port begins in the clear, STARTTLS starts TLS (in Python SMTP, not SMTP_SSL)"
RESET: Final = "reset"
"""Detail of the end of a connection that the client reset."""

CLOSED_UNREAD: Final = (
    "the connection was reset: it was closed with replies unread, so that what was sent last may be lost"
)


class WatchedDialogue:
    """The dialogue of one client, as the server's side sees it.

    It is told of what happens in its order, and publishes entries. It needs no clock and no socket.

    Args:
        publish: Called with each entry.
        preamble: Whether text may precede the greeting, as of a program that is the server.

    Attributes:
        dialogue: The state, observed.
        tls: The version of TLS; empty in the clear.
        in_data: Whether the server is reading mail data.
        has_bare_lf: Whether a line of the mail data, or the last line, ended in LF alone.
        last_line: The last whole line of the mail data, without its line end, at most a few octets of it.
        is_closed: Whether the connection has ended.
        is_unread: Whether what is published now has come after the last line that the server has read.
    """

    def __init__(self, publish: Consumer, *, preamble: bool = False) -> None:
        self.dialogue = Dialogue(preamble=preamble)
        self.tls = ""
        self.in_data = self.has_bare_lf = self.is_closed = self.is_unread = False
        self.last_line = b""
        self._publish = publish
        self._seq = 0
        self._at = self._sent_at = 0.0
        self._inside_tls = False
        self._buffer = bytearray()  # what the client has sent and the server has not read yet
        self._early_after = ""  # what the server owed a reply to when the octets in the buffer came; empty for nothing
        self._left_out = 0  # octets of an endless line that are not kept
        self._is_endless = False  # the start of the line in the buffer has been published
        self._is_endless_secret = False
        self._within_line = False  # in mail data: a part of the line has been published as octets
        self._is_cut = False  # in mail data: the start of a line that is too long has been published
        self._has_doubtful_dot = False  # the mail data has ended at it if a reply comes
        self._doubtful_left = 0  # lines after a doubtful dot that may yet turn out to be commands
        self._auth_refused = False  # what looks like an answer is one that came too late, and as secret
        self._heard = False  # the client has sent something
        self._challenge = b""  # of the last 334, decoded
        self._chunk_left = 0  # octets of a BDAT chunk that are still to come
        self._echo = EchoMask()  # credentials, which a server may send back

    @property
    def held(self) -> bytes:
        """What has come of the client's line that has not ended, or that the server has not read yet. It may hold a credential."""
        return bytes(self._buffer)

    # What happens

    def connected(self, address: str, *, tls: bool = False) -> None:
        """Note that a client has connected.

        Args:
            address: The server's address.
            tls: Whether TLS begins with the first octet.
        """
        self._emit((Connected(address, tls),))

    def from_client(self, octets: bytes, at: float) -> None:
        """Read what the client has sent.

        Args:
            octets: The octets, decrypted.
            at: Seconds since the connection was opened.
        """
        self._at = max(self._at, at)
        if not self._heard:
            self._heard = True
            if octets.startswith(_TLS_HELLO):
                self._remark(TLS_AT_ONCE)
        self._early_after = self._early_after or self._owed_before()
        self._buffer += octets
        self._read()

    def from_server(self, octets: bytes, at: float, *, more: bool = False) -> None:
        """Read what the server has sent.

        Args:
            octets: The octets, before they are encrypted.
            at: Seconds since the connection was opened.
            more: Whether octets of the client had arrived by then that were not read yet.
        """
        self._at = max(self._at, at)
        if more:
            self._early_after = self._early_after or self._owed_before()
        if self._buffer and not self.dialogue.owed and not self.in_data:
            self._flush()  # a reply that answers nothing, such as a 421, comes in the middle of a line
        for event in self.dialogue.receive(octets, self._at - self._sent_at):
            if isinstance(event, ReplyReceived):
                self._settle_dot(event.reply.code)
                event = self._masked(event)
                self._emit((event,))
                self._take_reply(event)
            else:
                self._emit(
                    (replace(event, octets=self._echo.octets(event.octets)) if isinstance(event, Noticed) else event,)
                )
        self._read()

    def tls_started(self, version: str, cipher: str, at: float) -> None:
        """Note that the handshake is done. The client's certificate, and whether it trusts the server's, are not known."""
        self.tls_started_as(TlsStarted(version, cipher, None, Certificate(), ""), at)

    def tls_started_as(self, facts: TlsStarted, at: float) -> None:
        """Note that the handshake is done, by one who knows what it agreed on and the server's certificate."""
        self._at = max(self._at, at)
        if (
            self.dialogue.phase is not Phase.GREETING
        ):  # else TLS began with the first octet, and the greeting is still owed
            self.dialogue.forget_plaintext()
        self._buffer.clear()
        self._early_after = ""
        self.tls = facts.version
        self._emit((facts,))
        self._inside_tls = True

    def closed(self, end: End, at: float, detail: str = "") -> None:
        """Note how the connection ended. Only the first call counts."""
        if self.is_closed:
            return
        self._at = max(self._at, at)
        self.is_closed = True
        self.is_unread = any(not owed.doubtful for owed in self.dialogue.owed)
        self._flush()
        self.is_unread = False
        self.in_data = False
        if detail == RESET and end is End.CLIENT:
            self._remark(CLOSED_UNREAD)
        for event in self.dialogue.receive_eof():
            self._emit((self._without_echo(event),))
        self._emit((Disconnected(end, detail),))

    def remark(self, text: str, at: float) -> None:
        """Write a remark into the dialogue, credentials masked.

        Args:
            text: One printable line.
            at: Seconds since the connection was opened.
        """
        self._at = max(self._at, at)
        self._remark(text if self._echo.is_empty else self._echo.octets(text.encode()).decode())

    # Reading the client

    def _owed_before(self) -> str:
        """Return what the server has not answered yet although nothing may follow it, for a remark; empty for nothing."""
        for owed in self.dialogue.owed:
            if owed.asked is Asked.GREETING:
                return "the connection, the greeting"
            if owed.asked is Asked.SASL:
                return "your answer in the AUTH exchange"
            if owed.verb in _CHANGE_STATE:
                return owed.verb
        return ""

    def _read(self) -> None:
        while self._buffer:
            if self._chunk_left:
                self._read_chunk()
            elif self._is_untouched and is_proxy_header(bytes(self._buffer[:_PROXY_SEEN])):
                if not self._read_proxy_header():
                    return
            elif self.in_data:
                self._remark_early()
                self._read_data()
                if self.in_data:
                    return
            elif self.dialogue.owed or not self._read_lines():
                return

    @property
    def _is_untouched(self) -> bool:
        """Whether neither side has said anything that counts."""
        return self.dialogue.asked == 1 and not self.dialogue.answered

    def _read_proxy_header(self) -> bool:
        """Publish a PROXY header, which precedes all that is a command; return whether it is whole."""
        length = proxy_header_length(bytes(self._buffer[:_PROXY_SEEN])) or self._buffer.find(b"\n") + 1
        if not length or len(self._buffer) < length:
            return False
        header = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._early_after = ""
        self._emit(self.dialogue.send_raw(header))
        return True

    def _read_chunk(self) -> None:
        """Publish octets of a BDAT chunk. The server reads them whatever it owes."""
        octets = bytes(self._buffer[: self._chunk_left])
        del self._buffer[: len(octets)]
        self._chunk_left -= len(octets)
        for start in range(0, len(octets), LINE_KEPT):
            self._emit(self.dialogue.send_chunk(octets[start : start + LINE_KEPT]))
        self._sent_at = self._at
        if not self._chunk_left and not self._buffer:
            self._early_after = ""

    def _remark_early(self) -> None:
        if self._early_after:
            after, self._early_after = self._early_after, ""
            self._remark(EARLY.format(after))

    def _read_lines(self) -> bool:
        """Read the lines that came before a reply to the first of them; return whether there was one."""
        lines: list[bytes] = []
        start = 0
        while len(lines) < _MOST_IN_A_GROUP and (end := self._buffer.find(b"\n", start) + 1):
            line = bytes(self._buffer[start:end])
            if lines and not line.endswith(CRLF):
                break
            lines.append(line)
            start = end
            if not line.endswith(CRLF) or self._decides(line) or self._is_endless:
                break
        if not lines:
            self._cut_endless()
            return False
        del self._buffer[:start]
        self._remark_early()
        for number, line in enumerate(lines, 1):
            self._read_line(line, more=number < len(lines))
        self._early_after = self._owed_before() if self._buffer else ""
        return True

    def _decides(self, line: bytes) -> bool:
        return self.dialogue.phase is Phase.AUTH or Command(line.rstrip(b"\r\n")).verb in _DECIDE

    def _read_line(self, line: bytes, *, more: bool) -> None:
        self._sent_at = self._at
        self.has_bare_lf = not line.endswith(CRLF)
        text = line.rstrip(b"\r\n")
        answers = self.dialogue.phase is Phase.AUTH
        stray = self._is_stray_answer(text)
        if self._is_endless:
            self._end_endless(line)
            return
        if self.has_bare_lf:
            events = self.dialogue.send_raw(line)
            self._emit(replace(each, public=0) if stray and isinstance(each, OctetsSent) else each for each in events)
        elif answers:
            self._emit(self.dialogue.send_sasl(line[:-2], secret=is_secret_answer(text)))
        else:
            command = Command(line[:-2], 0) if stray else Command.parse(line[:-2])
            chunk = bdat_chunk(text) if command.verb == "BDAT" and self._announces_chunks else None
            self._chunk_left = chunk.size if chunk else 0
            self._emit(self.dialogue.send(command, pipelined=more or bool(self._chunk_left)))
        self._explain(text, answers=answers)

    @property
    def _announces_chunks(self) -> bool:
        extensions = self.dialogue.extensions
        return extensions is not None and "CHUNKING" in extensions

    def _is_stray_answer(self, text: bytes) -> bool:
        """Return whether a line is to be masked although it answers no challenge.

        A client that does not read the replies, or sends base64 in two lines, sends its password when the exchange is over.
        """
        return (
            self._auth_refused and self.dialogue.phase is not Phase.AUTH and may_answer(text) and is_secret_answer(text)
        )

    def _explain(self, text: bytes, *, answers: bool) -> None:
        """Publish what the base64 of a line means."""
        exchange = self.dialogue.exchange
        words = [text] if answers else text.split()[2:3]
        if not exchange.is_open and not answers:
            return
        for response in words:
            meaning = describe_typed(response, exchange.mechanism, names_user=exchange.names_user)
            self._emit((Decoded(True, escape_str(exchange.mechanism), meaning),))
        if answers and not text and not self._challenge.startswith(_ENDS_EXCHANGE):
            self._remark(EMPTY_ANSWER.format(self._asked_for))

    def _cut_endless(self) -> None:
        """Publish the start of a line that does not end, once, and count the rest."""
        if len(self._buffer) <= LINE_KEPT:
            return
        if not self._is_endless:
            self._is_endless = True
            events = self.dialogue.send_raw(bytes(self._buffer[:LINE_KEPT]))
            self._is_endless_secret = any(isinstance(each, OctetsSent) and each.public is not None for each in events)
            self._emit(events)
            del self._buffer[:LINE_KEPT]
        self._left_out += len(self._buffer) - 1
        del self._buffer[:-1]  # it may be the CR of the line's end

    def _end_endless(self, line: bytes) -> None:
        self._left_out += len(line.rstrip(b"\r\n"))
        self._remark(f"{self._left_out:,} more octets of this line are left out")
        self._is_endless, self._left_out = False, 0
        end = CRLF if line.endswith(CRLF) else b"\n"
        events = self.dialogue.send_raw(end)
        secret, self._is_endless_secret = self._is_endless_secret, False
        self._emit(replace(each, public=0) if secret and isinstance(each, OctetsSent) else each for each in events)

    def _read_data(self) -> None:
        """Read mail data. Only CRLF ends a line of it, as for the server.

        Source: RFC 5321 section 4.1.1.4
        """
        starts_line = not self._within_line
        if starts_line and self._buffer.startswith(END_OF_DATA):
            self._end_data(0)
            return
        end = self._buffer.find(_ENDS_DATA)
        whole = (end if end >= 0 else self._buffer.rfind(CRLF)) + len(CRLF)
        if end >= 0 or whole > 1:
            self._data_lines(bytes(self._buffer[:whole]))
            if end >= 0:
                self._end_data(whole)
                return
            del self._buffer[:whole]
            if self._buffer.startswith(END_OF_DATA):
                self._end_data(0)
                return
        self._data_rest()

    def _data_lines(self, lines: bytes) -> None:
        """Publish whole lines of mail data; those with a bare LF in them as octets."""
        self.last_line = lines[-32:].removesuffix(CRLF).rpartition(b"\n")[2]
        if not self._within_line and not self._doubtful_left and has_only_crlf(lines):
            self._is_cut = False
            self._emit(self.dialogue.send_mail_data(lines))
            return
        for line in lines.split(CRLF)[:-1]:
            octets = line + CRLF
            if self._within_line or b"\n" in line or self._doubtful_left:
                self.has_bare_lf = self.has_bare_lf or b"\n" in line
                self._data_octets(octets)
            else:
                self._is_cut = False
                self._emit(self.dialogue.send_mail_data(octets))
            self._within_line = False

    def _data_rest(self) -> None:
        """Publish of a line that has not ended in CRLF what ended in LF. The server may not take that for its end."""
        end = self._buffer.rfind(b"\n") + 1
        if end:
            octets = bytes(self._buffer[:end])
            self.last_line = octets[-32:-1].rpartition(b"\n")[2]
            self._data_octets(octets)
            self.has_bare_lf = self._within_line = True
            del self._buffer[:end]
        if len(self._buffer) > LINE_KEPT:
            octets = bytes(self._buffer[:LINE_KEPT])
            # A part of a line with a bare LF in it is no mail data for a transcript, which has whole lines only.
            self._emit((OctetsSent(octets) if self._within_line else MailDataSent(octets),))
            self._is_cut = True
            del self._buffer[:LINE_KEPT]

    def _data_octets(self, octets: bytes) -> None:
        """Publish lines of mail data as octets. A dot without CRLF on both sides ends it for some servers: their reply says so.

        Source: RFC 5321 section 4.1.1.4
        """
        for line in lines_of(octets):
            if self._is_cut:
                self._is_cut = False
                self._emit((OctetsSent(line),))
                continue
            self._emit(self.dialogue.send_raw(line))
            if self._has_doubtful_dot:
                self._doubtful_left = max(0, self._doubtful_left - 1)
            elif any(owed.doubtful for owed in self.dialogue.owed):
                self._has_doubtful_dot, self._doubtful_left = True, MOST_HELD

    def _settle_dot(self, code: int) -> None:
        """Leave the mail data if the server, with its reply, has taken a doubtful dot for the end of it."""
        if self._has_doubtful_dot and not any(owed.doubtful for owed in self.dialogue.owed):
            self._has_doubtful_dot, self._doubtful_left = False, 0
            if code != 421:
                self.in_data = self._within_line = False

    def _end_data(self, start: int) -> None:
        del self._buffer[: start + len(END_OF_DATA)]
        self.in_data = self._within_line = self._is_cut = False
        self._has_doubtful_dot, self._doubtful_left = False, 0
        self._sent_at = self._at
        self._emit(self.dialogue.send_mail_data(END_OF_DATA, last=True))

    def _flush(self) -> None:
        """Publish what the server has not read as a line."""
        octets = bytes(self._buffer)
        self._buffer.clear()
        if not octets:
            return
        self._remark_early()
        if self.in_data:
            self._emit((OctetsSent(octets),))
            return
        for line in lines_of(octets):
            secret = self._is_endless_secret or self._is_stray_answer(line.rstrip(b"\r\n"))
            events = self.dialogue.send_raw(line)
            self._emit(replace(each, public=0) if secret and isinstance(each, OctetsSent) else each for each in events)

    # Reading the server

    def _without_echo(self, event: Event) -> Event:
        """Return an event without the credentials in octets that are no whole reply."""
        return replace(event, octets=self._echo.octets(event.octets)) if isinstance(event, Noticed) else event

    def _masked(self, event: ReplyReceived) -> ReplyReceived:
        """Return a reply without the credentials that the client has sent."""
        if self._echo.is_empty:
            return event
        masked = self._echo.reply(event.reply)
        if masked is event.reply:
            return event
        self._emit((Noticed(NoticeKind.ECHO),))
        self.dialogue.learn_again(event.reply, masked, event.command)
        return replace(event, reply=masked)

    def _take_reply(self, event: ReplyReceived) -> None:
        code = event.reply.code
        if event.verb == "BDAT" and all(owed.verb != "BDAT" for owed in self.dialogue.owed):
            self._chunk_left = 0  # a reply before all of the chunk: the server does not take it
        if event.verb == "DATA" and code == 354:
            self.in_data, self.has_bare_lf, self._within_line, self.last_line = True, False, False, b""
        elif event.verb == "AUTH":
            self._auth_refused = code // 100 in (4, 5) or (self._auth_refused and code != 235)
            if code == 334:
                self._challenge = decode_base64(event.reply.lines[0].strip()) or b""
                meaning = escape(self._challenge) or EMPTY
                self._emit((Decoded(False, escape_str(self.dialogue.exchange.mechanism), meaning),))
            elif code == 235:
                name, response = self.dialogue.auth
                self._emit((Authenticated(name.upper(), user_in(name, response)),))

    @property
    def _asked_for(self) -> str:
        asked = self._challenge.lower()
        return "password" if b"pass" in asked else "user name" if b"user" in asked else "answer to the 334"

    # Publishing

    def _remark(self, text: str) -> None:
        self._emit((Remarked(text),))

    def _emit(self, events: Iterable[Event]) -> None:
        for event in events:
            self._keep_secret(event)
            self._seq += 1
            self._publish(Entry(self._seq, self._at, event, self._inside_tls))

    def _keep_secret(self, event: Event) -> None:
        """Have a credential masked wherever the server sends it back."""
        if isinstance(event, CommandSent) and event.command.public is not None:
            self._echo.add_line(event.command.line, event.command.public)
        elif isinstance(event, SaslSent) and event.secret:
            self._echo.add_octets(event.line, decoded=not event.names_user)
        elif isinstance(event, OctetsSent) and event.public is not None:
            self._echo.add_line(event.octets, event.public)

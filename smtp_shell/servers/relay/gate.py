"""What of a relayed dialogue may be passed on at once, and what has to wait: the octets around STARTTLS, and what follows DATA too early.

It knows no socket. Where TLS starts is decided here, from the octets of both directions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import FATAL, Noticed, NoticeKind, ReplyReceived
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.masking import may_answer
from smtp_shell.protocol.octets import CRLF
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.rawlines import is_proxy_header, proxy_header_length

if TYPE_CHECKING:
    from smtp_shell.protocol.events import Event

ENDLESS: Final = 4 * 1024 * 1024
"""Octets of a command line without an end after which a client is dropped."""

UNANSWERED: Final = 256 * 1024
"""Octets of commands without a reply after which no more is read from the client until there is one."""

_MOST_OWED: Final = 1_000  # replies, likewise
_LINE_KEPT: Final = 4 * 1024  # octets of a command line that are looked at
_LONGEST_FIXED: Final = 16  # octets of a binary PROXY header that say how long it is
_ENDS_DATA: Final = CRLF + END_OF_DATA
_DOUBTFUL_DOT: Final = re.compile(rb"\n\.\r?\n")
_AFTER_DOT: Final = 64 * 1024  # octets after a doubtful dot that are kept
_HOLD_BACK: Final = frozenset({"STARTTLS", "DATA"})


class Gate:
    """The octets of one relayed dialogue, in the clear or decrypted.

    What a client sends is passed on as it comes. Two lines hold back what follows them until they are answered: STARTTLS, after which
    octets in the clear are an attack, and DATA, whose reply decides whether they are mail data or commands. What a server sends is
    passed on as it comes, too, except for the reply to STARTTLS, which is held back until the server's side is inside TLS.

    Args:
        preamble: Whether text may precede the greeting, as of a program that is the server on its standard output.

    Attributes:
        awaited: The verb whose reply what follows waits for; empty for none.
        tls_due: Whether the server has agreed to STARTTLS: `go_ahead` is the reply that the client has not been sent yet.
        go_ahead: That reply.
        is_injected: Whether the server has sent something after that reply, in the clear.
        garbled: What is wrong with the server's octets so that nothing more can be made of them; empty while nothing is.
        is_endless: Whether the client's line has grown longer than any line may.

    Source: RFC 3207 sections 4.2 and 6, RFC 5321 section 4.1.1.4, RFC 3030 section 2
    """

    def __init__(self, *, preamble: bool = False) -> None:
        self._dialogue = Dialogue(preamble=preamble)
        self.awaited = ""
        self._held = bytearray()  # of the client
        self._line = bytearray()  # of the client, as far as it has come
        self._line_length = 0
        self._in_data = False
        self._after_dot: bytearray | None = None  # in mail data: what follows a doubtful dot; None where there is none
        self._data_tail = b""  # the last octets of mail data: the end of it may come in pieces
        self._uncounted = 0  # octets of a chunk, or of a binary PROXY header, that are still to come
        self._unanswered = 0
        self._replies = bytearray()  # of the server, held back
        self._begun = 0  # octets of the reply under way that were passed on before STARTTLS was sent
        self.tls_due = self.is_endless = self.is_injected = False
        self.go_ahead = b""
        self.garbled = ""

    @property
    def bound_mechanisms(self) -> list[str]:
        """The mechanisms that the server has announced and that are bound to one TLS connection."""
        extensions = self._dialogue.extensions
        return (
            [name for name in extensions.mechanisms if name.upper().endswith("-PLUS")] if extensions is not None else []
        )

    @property
    def is_holding(self) -> bool:
        """Whether nothing more is to be read from the client until the server has answered."""
        return bool(self._held) or self._is_full

    @property
    def _is_full(self) -> bool:
        """Whether so much has no reply yet that no more is passed on."""
        return self._unanswered > UNANSWERED or len(self._dialogue.owed) > _MOST_OWED

    # The client

    def from_client(self, octets: bytes) -> bytes:
        """Return what is to be passed on to the server now.

        Args:
            octets: What the client has sent.
        """
        start = self._read(octets)
        self._held += octets[start:]
        return octets[:start]

    def _read(self, octets: bytes) -> int:
        """Read octets up to what has to wait; return where that begins."""
        start = 0
        while start < len(octets) and not self.awaited:
            if self._uncounted:
                taken = min(self._uncounted, len(octets) - start)
                self._uncounted -= taken
                start += taken
            elif self._in_data:
                start = self._take_data(octets, start)
            elif self._is_full:
                break
            else:
                start = self._take_commands(octets, start)
        return start

    def release(self) -> bytes:
        """Return what was held back of the client's octets and is to be passed on to the server now."""
        if self.awaited or self.tls_due or not self._held:
            return b""
        octets = bytes(self._held)
        self._held.clear()
        return self.from_client(octets)

    def start_tls(self) -> bytes:
        """Forget what was said in the clear; return what the client has sent after STARTTLS, which the server never gets."""
        octets = bytes(self._held)
        self._held.clear()
        self._line.clear()
        self._line_length = self._unanswered = 0
        self.tls_due, self.go_ahead = False, b""
        self._dialogue.forget_plaintext()
        return octets

    def _take_data(self, octets: bytes, start: int) -> int:
        """Read mail data, up to the final dot; return where the rest begins."""
        tail = self._data_tail
        found = (tail + octets[start : start + len(_ENDS_DATA) - 1]).find(_ENDS_DATA)
        end = start + found - len(tail) if found >= 0 else octets.find(_ENDS_DATA, start)
        if found < 0 and end < 0:
            self._look_for_dot(tail, octets, start)
            self._data_tail = (tail + octets[max(start, len(octets) - len(_ENDS_DATA)) :])[1 - len(_ENDS_DATA) :]
            return len(octets)
        self._in_data, self._after_dot = False, None
        self._dialogue.send_mail_data(END_OF_DATA, last=True)
        return end + len(_ENDS_DATA)

    def _look_for_dot(self, tail: bytes, octets: bytes, start: int) -> None:
        """Keep what follows a dot that has not CRLF on both sides: if the server answers it, these are commands.

        They have been passed on by then, whatever they are. A true end of the data shows that such a dot was text.
        """
        if self._after_dot is None:
            seen = tail + octets[start:]
            dot = _DOUBTFUL_DOT.search(seen)
            if dot is None:
                return
            self._after_dot = bytearray(seen[dot.end() :][:_AFTER_DOT])
            self._dialogue.send_raw(b".\n")
            self._dialogue.send_mail_data(CRLF)  # its line end is that of the dot for a true one
        else:
            self._after_dot += octets[start:][: _AFTER_DOT - len(self._after_dot)]

    def _end_at_dot(self) -> None:
        """End the mail data at the doubtful dot, and read what follows it as commands."""
        rest, self._after_dot, self._in_data = self._after_dot or b"", None, False
        self._read(bytes(rest))

    def _take_commands(self, octets: bytes, start: int) -> int:
        """Read a line, or what has come of it; return where the rest begins."""
        if self._is_untouched and (length := proxy_header_length(octets[start : start + _LONGEST_FIXED])):
            self._uncounted = length
            return start
        end = octets.find(b"\n", start) + 1
        stop = end or len(octets)
        self._line_length += stop - start
        if self._dialogue.owed:
            self._unanswered += stop - start
        self._line += octets[start : min(stop, start + _LINE_KEPT - len(self._line))]
        self.is_endless = self.is_endless or self._line_length > ENDLESS
        if end:
            line = bytes(self._line).rstrip(b"\r\n")
            self._line.clear()
            self._line_length = 0
            self._take_line(line)
        return stop

    @property
    def _is_untouched(self) -> bool:
        """Whether neither side has said anything yet."""
        dialogue = self._dialogue
        return dialogue.asked == 1 and not dialogue.answered and not self._line

    def _take_line(self, text: bytes) -> None:
        dialogue = self._dialogue
        if self._is_untouched and is_proxy_header(text):
            return
        if dialogue.phase is Phase.AUTH:
            dialogue.send_sasl(text)
            return
        answers = dialogue.is_authenticating and may_answer(text)
        command = Command(text, 0) if answers else Command.parse(text)
        dialogue.send(command)
        if answers:
            return
        if command.verb in _HOLD_BACK:
            self.awaited = command.verb
            self._begun = len(dialogue.pending)
        elif (chunk := bdat_chunk(text)) and dialogue.extensions is not None and "CHUNKING" in dialogue.extensions:
            self._uncounted = chunk.size

    # The server

    def from_server(self, octets: bytes) -> bytes:
        """Return what is to be passed on to the client now.

        Args:
            octets: What the server has sent.
        """
        if self.tls_due:
            self.is_injected = True
            return b""
        if self.awaited == "STARTTLS":
            return self._withhold(octets)
        for event in self._dialogue.receive(octets):
            self._take_event(event)
        return octets

    def _withhold(self, octets: bytes) -> bytes:
        """Read octets that may be the reply to STARTTLS; return those of the replies before it, or all if it is no 220."""
        self._replies += octets
        passed = b""
        for event in self._dialogue.receive(octets):
            self._take_event(event)
            if isinstance(event, ReplyReceived) and not self.tls_due:
                passed += event.reply.octets[self._begun :]
                self._begun = 0
        is_settled = bool(self.garbled) or not self.awaited
        if is_settled and not self.tls_due:
            passed = bytes(self._replies)
        del self._replies[: len(self._replies) if is_settled else len(passed)]
        return passed

    def _take_event(self, event: Event) -> None:
        if isinstance(event, ReplyReceived):
            self._take_reply(event)
        elif isinstance(event, Noticed) and event.kind is NoticeKind.PLAINTEXT_AFTER_STARTTLS:
            self.is_injected = True
        elif isinstance(event, Noticed) and event.kind in FATAL:
            self.garbled = event.sentence

    def _take_reply(self, event: ReplyReceived) -> None:
        self._unanswered = 0
        if self._after_dot is not None and all(not owed.doubtful for owed in self._dialogue.owed):
            if event.reply.code == 421:
                self._after_dot = None
            else:
                self._end_at_dot()
        if event.verb == "BDAT" and all(owed.verb != "BDAT" for owed in self._dialogue.owed):
            self._uncounted = 0  # a reply before all of the chunk: the server does not take it
        if event.verb != self.awaited or not self.awaited:
            return
        if event.verb == "DATA":
            self._in_data, self._data_tail = event.reply.code == 354, CRLF
        elif self._dialogue.phase is Phase.TLS:
            self.tls_due, self.go_ahead = True, event.reply.octets[self._begun :]
        self.awaited = ""

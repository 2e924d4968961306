"""The server of a case: sensible, except where the case says otherwise."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING

from smtp_shell.config import TlsSettings
from smtp_shell.errors import TlsFailed
from smtp_shell.net.channel_binding import bindings_of_server
from smtp_shell.net.tls_layer import TlsBuffers
from smtp_shell.protocol.octets import decode_base64, unescape
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.practice.exchanges import Account, begin
from tests.fuzz.whole.case import Act, Answer, How

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtp_shell.servers.certificate import ServerCertificate
    from tests.fuzz.whole.memory import Wire

USER = "student"
PASSWORDS = ("canary-7vT.parrot", "sparrow=4fQ+typed")
"""The password that the program is given, and the one that is typed."""
TOKEN = "token-9xK.finch"
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")
_KEYWORDS = (
    b"PIPELINING", b"SIZE 100000", b"8BITMIME", b"SMTPUTF8", b"DSN", b"CHUNKING", b"BINARYMIME", b"ENHANCEDSTATUSCODES",
    b"XCLIENT NAME ADDR",
)  # fmt: skip
_LONG = {b"@M": b"m" * 5_000, b"@H": b"h" * 70_000, b"@L": b"250-line\r\n" * 12_000}
_MOST_HEARD = 1 << 20


def plain_response(password: str) -> bytes:
    """Return the response of PLAIN with a password."""
    return b64encode(f"\0{USER}\0{password}".encode())


def expand(text: str, password: str) -> bytes:
    """Return the octets that a text of a case stands for.

    Args:
        text: The text.
        password: What stands for the password; empty for a word that is none.
    """
    octets = unescape(text)
    word = password or "public"
    for mark, value in (
        (b"@@", word.encode()),
        (b"@=", b64encode(word.encode())),
        (b"@p", plain_response(word)),
        *_LONG.items(),
    ):
        if mark in octets:
            octets = octets.replace(mark, value, 2)
    return octets


def certificate_of(made: ServerCertificate) -> Callable[[], _Tls]:
    """Return what makes the server's end of a TLS connection."""
    return lambda: _Tls(made)


class _Tls(TlsBuffers):
    def __init__(self, made: ServerCertificate) -> None:
        super().__init__(made.context, TlsSettings(), server_side=True)
        self._leaf = made.leaf

    def bindings(self) -> Mapping[str, bytes]:
        return bindings_of_server(self._tls, b"", self._leaf)


class CaseServer:
    """One connection of the server.

    Args:
        how: How the case is run.
        answers: The answers that the case has for what is heard next; they are taken from here.
        tls: Makes the server's end of a TLS connection.
    """

    def __init__(self, how: How, answers: deque[Answer], tls: Callable[[], _Tls]) -> None:
        self._how, self._answers, self._make_tls = how, answers, tls
        self._wire: Wire | None = None
        self._tls: _Tls | None = None
        self._mode = "line"  # or data, chunk, response, hello (of TLS), shaking
        self._buffer = b""
        self._chunk = 0
        self._last_chunk = False
        self._exchange: Generator[bytes, bytes, str] | None = None
        self._recipients = 0
        self._sizes = how.numbers("seg") or (0,)
        self._size = 0
        self.password = ""  # the last that the client has sent
        self.heard_octets = b""
        self.has_closed = False

    def opened(self, wire: Wire) -> None:
        self._wire = wire
        if "smtps" in self._how:
            self._mode = "hello"
            return
        self._answer(b"220 mail.example.com ESMTP\r\n")

    def left(self) -> None:
        self.has_closed = True

    def heard(self, octets: bytes) -> None:
        if self.has_closed:
            return
        if self._mode in ("hello", "shaking"):
            self._shake(octets)
            return
        if self._tls is not None:
            octets = self._decrypted(octets)
        self._read(octets)

    # TLS

    def _shake(self, octets: bytes) -> None:
        if self._mode == "hello":
            self._mode = "shaking"
            if self._answers and self._answers[0][0].kind != "=":
                self._mode = "line"
                self._do(self._answers.popleft(), b"")
                return
            self._tls = self._make_tls()
        tls = self._tls
        assert tls is not None
        tls.feed(octets)
        try:
            done = tls.handshake()
        except (ssl.SSLError, OSError):
            self._send(tls.outgoing(), whole=True)
            self._close()
            return
        cut = self._answers.popleft() if self._answers and self._answers[0][0].kind == "=" else ()
        self._flight(tls.outgoing(), cut)
        if done:
            self._mode, self._tls_is_on = "line", True
            if "smtps" in self._how:
                self._answer(b"220 mail.example.com ESMTP\r\n")
            self._read(self._decrypted(b""))

    def _flight(self, octets: bytes, acts: Iterable[Act]) -> None:
        """Send what the handshake has to say, cut and followed as a case says; nothing of it is encrypted."""
        for act in acts:
            if act.kind == "C":
                octets = octets[: int(act.number)]
        self._send(octets)
        for act in acts:
            if act.kind == "+":
                self._send(expand(act.text, self.password))
            else:
                self._other(act)

    def _decrypted(self, octets: bytes) -> bytes:
        assert self._tls is not None
        found = b""
        try:
            if octets:
                self._tls.feed(octets)
            while piece := self._tls.decrypt(65536):
                found += piece
        except TlsFailed:
            self._close()
        return found

    # What comes

    def _read(self, octets: bytes) -> None:
        if len(self.heard_octets) < _MOST_HEARD:
            self.heard_octets += octets
        self._buffer += octets
        while self._buffer and not self.has_closed and self._mode not in ("hello", "shaking"):
            if not self._read_one():
                return

    def _read_one(self) -> bool:
        """Take one thing that the client has said whole. Return whether there was one."""
        if self._mode == "data":
            end = re.search(rb"(?:\A|\r\n)\.\r\n", self._buffer)
            if end is None:
                self._buffer = self._buffer[-4:]
                return False
            self._buffer, self._mode = self._buffer[end.end() :], "line"
            self._answer(b"250 2.0.0 queued as 4711\r\n")
            return True
        if self._mode == "chunk":
            taken, self._buffer = self._buffer[: self._chunk], self._buffer[self._chunk :]
            self._chunk -= len(taken)
            if self._chunk:
                return False
            self._end_chunk()
            return True
        line, end_of_line, rest = self._buffer.partition(b"\n")
        if not end_of_line:
            return False
        self._buffer = rest
        self._note_password(line)
        self._hear(line.removesuffix(b"\r"))
        return True

    def _note_password(self, line: bytes) -> None:
        for word in line.split():
            decoded = decode_base64(word) or b""
            for password in PASSWORDS:
                if password.encode() in decoded or password.encode() in word:
                    self.password = password

    def _hear(self, line: bytes) -> None:
        if self._mode == "response":
            self._respond(line)
            return
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        match verb:
            case b"EHLO" | b"LHLO":
                self._answer(self._hello())
            case b"DATA":
                if self._answer(b"354 go on\r\n" if self._recipients else b"503 5.5.1 no recipients\r\n") == 354:
                    self._mode = "data"
            case b"BDAT":
                self._begin_chunk(rest)
            case b"STARTTLS" if self._tls is None:
                if self._answer(b"220 2.0.0 ready\r\n") == 220:
                    self._mode = "hello"
            case b"AUTH":
                self._begin_exchange(rest)
            case b"QUIT":
                if self._answer(b"221 2.0.0 bye\r\n", last=True) == 221:
                    self._close(notify=True)
            case b"MAIL" | b"RSET":
                self._recipients = 0
                self._answer(b"250 2.1.0 ok\r\n")
            case b"RCPT":
                self._recipients += self._answer(b"250 2.1.5 ok\r\n") == 250
            case b"NOOP" | b"HELO" | b"VRFY" | b"XCLIENT" | b"HELP":
                self._answer(b"250 2.0.0 ok\r\n")
            case _:
                self._answer(b"500 5.5.2 what?\r\n")

    def _hello(self) -> bytes:
        words = [b"mail.example.com", *_KEYWORDS, b"AUTH " + b" ".join(each.encode() for each in MECHANISMS)]
        if self._tls is None:
            words.append(b"STARTTLS")
        return b"".join(b"250-%s\r\n" % word for word in words[:-1]) + b"250 %s\r\n" % words[-1]

    def _begin_chunk(self, rest: bytes) -> None:
        found = re.match(rb"([0-9]{1,9})(?: +(LAST))?", rest, re.IGNORECASE)
        if found is None:
            self._answer(b"501 5.5.4 how many?\r\n")
            return
        self._chunk, self._last_chunk, self._mode = int(found[1]), bool(found[2]), "chunk"
        if not self._chunk:
            self._end_chunk()

    def _end_chunk(self) -> None:
        self._mode = "line"
        self._answer(b"250 2.0.0 queued\r\n" if self._last_chunk else b"250 2.0.0 got it\r\n")

    # AUTH

    def _begin_exchange(self, rest: bytes) -> None:
        name, _, response = rest.strip().partition(b" ")
        mechanism = name.decode("ascii", "replace").upper()
        if mechanism not in MECHANISMS:
            if self._answer(b"504 5.5.4 unknown mechanism\r\n") == 334:
                self._mode, self._exchange = "response", None
            return
        bindings = self._tls.bindings if self._tls is not None else dict
        self._exchange = begin(mechanism, Account(USER, Secret(self._expected()), Secret(TOKEN), b"salt" * 4, bindings))
        challenge = next(self._exchange)
        if response:
            self._mode = "response"
            self._respond(response)
        elif self._answer(b"334 %s\r\n" % b64encode(challenge)) == 334:
            self._mode = "response"

    def _expected(self) -> str:
        return self.password or PASSWORDS[0]

    def _respond(self, line: bytes) -> None:
        self._mode = "line"
        decoded = b"" if line == b"=" else decode_base64(line)
        if line == b"*" or decoded is None:
            reply = b"501 5.7.0 cancelled\r\n"
        elif self._exchange is None:
            reply = b"235 2.7.0 ok\r\n"
        else:
            try:
                reply = b"334 %s\r\n" % b64encode(self._exchange.send(decoded))
            except StopIteration as end:
                reply = str(end.value or "235 2.7.0 welcome").encode() + b"\r\n"
            if not reply.startswith(b"334"):
                self._exchange = None
        if self._answer(reply) == 334:
            self._mode = "response"

    # What is said

    def unasked(self, acts: Answer) -> None:
        """Do something that nobody has asked for."""
        if not self.has_closed and self._wire is not None and self._mode not in ("hello", "shaking"):
            self._acts(acts, b"")

    def _answer(self, sensible: bytes, *, last: bool = False) -> int:
        """Answer as the case says, or sensibly. Return the code of the answer; 0 for none."""
        if not self._answers:
            self._send(sensible)
            return int(sensible[:3])
        return self._do(self._answers.popleft(), sensible)

    def _do(self, answer: Answer, sensible: bytes) -> int:
        said = self._acts(answer, sensible)
        found = re.findall(rb"(?m)^([2-5][0-9][0-9])(?: |\r|$)", said)
        return int(found[-1]) if found else 0

    def _acts(self, acts: Answer, sensible: bytes) -> bytes:
        for act in acts:
            if act.kind == "C":
                sensible = sensible[: int(act.number)]
        said = b""
        for act in acts:
            match act.kind:
                case "<" | ":" | "+":
                    octets = expand(act.text, self.password) + (b"\r\n" if act.kind == "<" else b"")
                case "=":
                    octets = sensible
                case _:
                    self._other(act)
                    continue
            said += octets
            self._send(octets)
        return said

    def _other(self, act: Act) -> None:
        wire = self._wire
        assert wire is not None
        match act.kind:
            case "~":
                wire.pause(min(act.number, 100.0))
            case "E":
                self._close()
            case "Q":
                self._close(notify=True)
            case "R":
                wire.reset()
                self.has_closed = True
            case "W":
                wire.reads = False
            case "I":
                wire.interrupt()

    def _send(self, octets: bytes, *, whole: bool = False) -> None:
        wire = self._wire
        if wire is None or not octets:
            return
        if self._tls is not None and self._mode not in ("shaking", "hello"):
            try:
                octets = self._tls.encrypt(octets)
            except TlsFailed:
                return
        while octets:
            size = 0 if whole else self._sizes[self._size % len(self._sizes)]
            self._size += 1
            wire.say(octets[: size or len(octets)])
            octets = octets[size or len(octets) :]

    def _close(self, *, notify: bool = False) -> None:
        wire = self._wire
        if wire is None:
            return
        if notify and self._tls is not None and self._mode not in ("shaking", "hello"):
            wire.say(self._tls.close_notify())
        wire.end()
        self.has_closed = True

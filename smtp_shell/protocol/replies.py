"""Replies: read strictly, and kept as they came.

A reply code is three ASCII digits. Anything else that a server sends is kept and named, never guessed at: with an `Oddity` the dialogue
goes on, `Malformed` ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType

from msgspec import Struct

from smtp_shell.protocol.octets import CRLF, escape


class Oddity(Enum):
    """Something odd about a reply that can still be read."""

    BARE_LF = "a line ends with LF alone, not CRLF"
    BARE_CR = "a line holds CR that ends nothing"
    NUL = "a line holds NUL"
    CONTROL = "a line holds control characters"
    EIGHT_BIT = "a line holds octets over 127"
    NOT_UTF8 = "a line is not valid UTF-8"
    MIXED_CODES = "the lines of one reply have different codes"
    ODD_CODE = "the reply code is outside 200-599"


# A strict reader does not accept these: they end an unattended run, and are only named in the interactive shell.
VIOLATIONS = frozenset({Oddity.MIXED_CODES, Oddity.ODD_CODE})


class EnhancedCode(Struct, frozen=True):
    """An enhanced status code, such as 5.7.1.

    Source: RFC 3463 section 2
    """

    class_: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"


class Reply(Struct, frozen=True):
    """One whole reply.

    Args:
        code: The reply code of its last line.
        lines: The text of each line after the code and its separator, without the line end.
        octets: All of it, as it came.
        oddities: What is odd about it, in the order seen.
    """

    code: int
    lines: tuple[bytes, ...]
    octets: bytes
    oddities: tuple[Oddity, ...] = ()

    @property
    def text(self) -> str:
        """The text of the lines, escaped, joined with LF."""
        return "\n".join(escape(line) for line in self.lines)

    @property
    def is_negative(self) -> bool:
        """Whether the code is 4yz or 5yz."""
        return self.code // 100 in (4, 5)

    @property
    def enhanced(self) -> EnhancedCode | None:
        """The enhanced status code of the first line, if there is one."""
        return enhanced_code(self.lines[0])

    def one_line(self, most: int = 200) -> str:
        """Return the reply on one line, code included, escaped for a sentence about it.

        Args:
            most: Octets that are shown, before they are escaped.
        """
        return escape(b" ".join(self.wire_lines())[:most])

    def wire_lines(self) -> Iterator[bytes]:
        """Yield the lines as they came, code included, without the line end."""
        yield from wire_lines(self.octets)


class Malformed(Struct, frozen=True):
    """Octets that are no reply. Nothing that follows them can be trusted.

    Args:
        octets: What came, at most a limit's worth.
        reason: What is wrong with it, in words; holds no text of the server's.
    """

    octets: bytes
    reason: str


class ReplyLimits(Struct, frozen=True):
    """Limits of what a server may send.

    Args:
        line: Octets in a line, its end included.
        reply: Octets in one reply.
        lines: Lines in one reply.
    """

    line: int = 64 * 1024
    reply: int = 1024 * 1024
    lines: int = 10_000


class Extensions(Struct, frozen=True):
    """What the reply to EHLO announced.

    Args:
        keywords: Upper-case keyword to its parameters, as octets.

    Source: RFC 5321 section 4.1.1.1
    """

    keywords: Mapping[str, tuple[bytes, ...]]

    @classmethod
    def parse(cls, reply: Reply) -> Extensions:
        """Read the keywords of a 250 reply to EHLO or LHLO; a line that holds no keyword is passed over."""
        return cls.of_lines(reply.lines[1:])

    @classmethod
    def of_lines(cls, lines: tuple[bytes, ...]) -> Extensions:
        """Read the keywords of lines of such a reply, without the first one."""
        return cls(_keywords(lines))

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    def parameters(self, keyword: str) -> tuple[str, ...]:
        """Return the parameters of a keyword, escaped; none if it was not announced."""
        return tuple(escape(word) for word in self.keywords.get(keyword, ()))

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms announced, upper-case, each once."""
        names = (escape(word.upper()) for word in self.keywords.get("AUTH", ()))
        return tuple(dict.fromkeys(names))


def _keywords(lines: tuple[bytes, ...]) -> Mapping[str, tuple[bytes, ...]]:
    keywords: dict[str, list[bytes]] = {}
    for line in lines:
        words = line.split()
        if words and words[0][:5].upper() == b"AUTH=":  # the form of a draft of 1998 that some servers still announce
            words = [b"AUTH", words[0][5:], *words[1:]]
        if not words or not _is_keyword(words[0]):
            continue
        keyword = words[0].decode("ascii").upper()
        keywords.setdefault(keyword, []).extend(word for word in words[1:] if word)
    return MappingProxyType({keyword: tuple(words) for keyword, words in keywords.items()})


def _is_keyword(word: bytes) -> bool:
    return word[:1].isalnum() and word.replace(b"-", b"").isalnum()


class ReplyParser:
    """Parser of what a server sends, in segments of any size, into replies.

    Args:
        limits: How much a server may say.
    """

    def __init__(self, limits: ReplyLimits | None = None) -> None:
        self._limits = limits or ReplyLimits()
        self._line = bytearray()
        self._lines: list[bytes] = []
        self._size = 0
        self._failed = False
        self.consumed = 0

    @property
    def pending(self) -> bytes:
        """What has come of a reply that is not whole yet."""
        return b"" if self._failed else b"".join(self._lines) + bytes(self._line)

    @property
    def line_count(self) -> int:
        """How many whole lines have come of a reply that is not whole yet, or that a `Malformed` broke off."""
        return len(self._lines)

    def lines_from(self, start: int) -> bytes:
        """Return the whole lines of a reply that is not whole yet, or that a `Malformed` broke off.

        Args:
            start: How many of them to leave out.
        """
        return b"".join(self._lines[start:])

    def receive(self, octets: bytes) -> Iterator[Reply | Malformed]:
        """Yield each reply as it becomes whole.

        After a `Malformed` nothing more is read: the parser has failed. While a reply is yielded, `consumed` says how many of these
        octets it and those before it took.
        """
        start, size = 0, len(octets)
        while start < size and not self._failed:
            end = octets.find(b"\n", start) + 1
            line = octets[start : end or size]
            if self._line or not end:
                self._line += line
                line = bytes(self._line) if end else b""
            if len(line) > self._limits.line or len(self._line) > self._limits.line:
                yield self._fail(line or bytes(self._line), f"a reply line is longer than {self._limits.line:,} octets")
                return
            if not end:
                return
            self.consumed = start = end
            if self._line:
                self._line.clear()
            item = self._take_line(line)
            if item is not None:
                yield item

    def _take_line(self, line: bytes) -> Reply | Malformed | None:
        match = _LINE.match(line)
        if match is None:
            return self._fail(line, _what_it_is(line))
        self._size += len(line)
        if self._size > self._limits.reply:
            return self._fail(line, f"a reply is longer than {self._limits.reply:,} octets")
        if len(self._lines) == self._limits.lines:
            return self._fail(line, f"a reply has more than {self._limits.lines:,} lines")
        self._lines.append(line)
        if match[2] == b"-":
            return None
        lines, self._lines, self._size = self._lines, [], 0
        return _reply(lines)

    def _fail(self, octets: bytes, reason: str) -> Malformed:
        self._failed = True
        return Malformed(octets[: self._limits.line], reason)


def enhanced_code(text: bytes) -> EnhancedCode | None:
    """Read the enhanced status code that the text of a reply begins with.

    Source: RFC 2034 section 3, RFC 3463 section 2
    """
    match = re.match(_ENHANCED, text)
    return EnhancedCode(int(match[1]), int(match[2]), int(match[3])) if match else None


def wire_lines(octets: bytes, *, most: int = -1) -> list[bytes]:
    """Cut octets at LF; give the lines without CRLF or LF.

    Args:
        octets: What came.
        most: How many lines are wanted; less than 0 for all.
    """
    lines = octets.split(b"\n", most)
    if 0 <= most < len(lines) or octets.endswith(b"\n"):
        del lines[-1]
    return [line.removesuffix(b"\r") for line in lines]


_LINE = re.compile(rb"([0-9]{3})(?:([ -])([^\n]*))?\r?\n", re.DOTALL)
_ENHANCED = rb"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?=[ \t]|$)"
_ORDINARY = b"\t" + bytes(range(0x20, 0x7F))
_CONTROLS = rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]"  # compiled when something odd comes


def _reply(wire: list[bytes]) -> Reply:
    last = wire[-1]
    code = int(last[:3])
    oddities: dict[Oddity, None] = {}
    if not 200 <= code <= 599:
        oddities[Oddity.ODD_CODE] = None
    lines: list[bytes] = []
    for line in wire:
        if line[:3] != last[:3]:
            oddities[Oddity.MIXED_CODES] = None
        if line[-2:] != CRLF or line[:-2].translate(None, _ORDINARY):
            oddities.update(dict.fromkeys(_oddities(line)))
        lines.append(line[4:].removesuffix(b"\n").removesuffix(b"\r"))
    return Reply(code, tuple(lines), b"".join(wire), tuple(oddities))


def _oddities(line: bytes) -> Iterator[Oddity]:
    if not line.endswith(b"\r\n"):
        yield Oddity.BARE_LF
    text = line.removesuffix(b"\n").removesuffix(b"\r")
    if b"\r" in text:
        yield Oddity.BARE_CR
    if b"\0" in text:
        yield Oddity.NUL
    if re.search(_CONTROLS, text):
        yield Oddity.CONTROL
    if text.isascii():
        return
    yield Oddity.EIGHT_BIT
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        yield Oddity.NOT_UTF8


_FOREIGN = (
    (b"HTTP/", "it speaks HTTP"),
    (b"SSH-", "it speaks SSH"),
    (b"+OK", "it speaks POP3"),
    (b"* OK", "it speaks IMAP"),
    (b"\x15\x03", "it speaks TLS from the first octet"),
    (b"\x16\x03", "it speaks TLS from the first octet"),
)


def _what_it_is(line: bytes) -> str:
    for start, what in _FOREIGN:
        if line.startswith(start):
            return what
    if not line.strip():
        return "an empty line"
    return "it does not begin with a three-digit code and a space or a hyphen"

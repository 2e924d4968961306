"""Header fields as they go over the wire, each with its meaning.

The folding of the standard library's `email` package is not used: it splits and quotes differently from one Python version to the next,
and takes `=?...?=` in a subject for an encoded word. What encodes a word is its.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email import base64mime, quoprimime

from msgspec import Struct

from smtp_shell.message.mailboxes import Mailbox

LONGEST_LINE = 998
"""Octets in a line without its end.

Source: RFC 5322 section 2.1.1
"""

_WISE_LINE = 78
_ENCODED_LINE = (
    74  # of a line that holds an encoded word. 76 are allowed; on a screen of 80 columns 6 are before the line.
)
_ENCODED_WORD = 73
_AROUND = len("=?utf-8?q??=")
_LEAST = 32  # room for an encoded word beside a long name
_PARAMETER_PIECE = 50
_MOST_QUOTED = 1.6  # times the length in base64; German has 1.1, Greek 2.2
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN_UTF8 = re.compile(r"[!-~\u00a1-\U0010ffff]+(?: [!-~\u00a1-\U0010ffff]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_SAFE_IN_PARAMETER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{}~")


class Field(Struct, frozen=True):
    """A header field.

    Args:
        name: Its name.
        value: Its value as it goes over the wire, folded, without the last line end. UTF-8 is in it as characters.
        meaning: What it means, decoded.
        rules: Where the way it is written is defined; empty for a field that is written as it is.
    """

    name: str
    value: str
    meaning: str
    rules: tuple[str, ...] = ()

    @property
    def octets(self) -> bytes:
        """The field as it goes over the wire, with its line end."""
        return f"{self.name}: {self.value}\r\n".encode()


def text_field(name: str, text: str, *, utf8: bool, as_typed: bool = False) -> Field:
    """Return a field whose value is text.

    Args:
        name: Name of the field.
        text: The text, without line breaks.
        utf8: Whether the header may be in UTF-8.
        as_typed: Whether an encoded word in the text is meant as one.

    Source: RFC 2047 section 5, RFC 6532 section 3.2
    """
    if _goes_plain(text, utf8=utf8) and (as_typed or "=?" not in text):
        return Field(name, _folded(name, text.split(" ")), text, () if text.isascii() else ("RFC 6532",))
    words = list(_encoded_words(text, _room(name)))
    return Field(name, _folded(name, words, _ENCODED_LINE), text, ("RFC 2047",))


def mailboxes_field(name: str, mailboxes: Sequence[Mailbox], *, utf8: bool) -> Field:
    """Return a field whose value is a list of mailboxes.

    Args:
        name: Name of the field.
        mailboxes: The mailboxes. Without `utf8` their local parts are in ASCII.
        utf8: Whether the header may be in UTF-8.

    Source: RFC 5322 section 3.4, RFC 2047 section 5, RFC 5891 section 4
    """
    words: list[str] = []
    rules: set[str] = set()
    for number, each in enumerate(mailboxes, 1):
        address = each.address if utf8 else each.ascii_address
        if not utf8 and not each.domain.isascii():
            rules.add("RFC 5891")
        elif not address.isascii():
            rules.add("RFC 6532")
        if each.name:
            phrase, rule = _phrase(each.name, utf8=utf8, room=_room(name))
            words += phrase
            rules |= {rule} - {""}
            address = f"<{address}>"
        words.append(address if number == len(mailboxes) else f"{address},")
    limit = _ENCODED_LINE if "RFC 2047" in rules else _WISE_LINE
    return Field(name, _folded(name, words, limit), ", ".join(map(str, mailboxes)), tuple(sorted(rules)))


def disposition_field(file_name: str, *, utf8: bool) -> Field:
    """Return the Content-Disposition of an attachment.

    Args:
        file_name: Its name, without line breaks.
        utf8: Whether the header may be in UTF-8.

    Source: RFC 2183 section 2, RFC 2231 sections 3 and 4, RFC 6532 section 3.2
    """
    name = "Content-Disposition"
    quoted_name = f'filename="{_escaped(file_name)}"'
    if _goes_plain(file_name, utf8=utf8) and "=?" not in file_name and len(quoted_name) < _WISE_LINE * 4:
        rules = () if file_name.isascii() else ("RFC 6532",)
        return Field(name, _folded(name, ["attachment;", quoted_name]), file_name, rules)
    words = [f"{each};" for each in _continued(file_name)]
    words[-1] = words[-1][:-1]
    return Field(name, _folded(name, ["attachment;", *words]), file_name, ("RFC 2231",))


def plain_field(name: str, value: str) -> Field:
    """Return a field whose value goes as it is: a date, an identifier, a type."""
    return Field(name, value, value)


def is_readable(in_q: int, in_base64: int) -> bool:
    """Return whether a text is to be quoted rather than encoded in base64: most of it is ASCII.

    Args:
        in_q: Its length when it is quoted.
        in_base64: Its length in base64.
    """
    return in_q <= _MOST_QUOTED * in_base64


def _goes_plain(text: str, *, utf8: bool) -> bool:
    """Return whether words with single blanks between them can be folded and read back as they are."""
    pattern = _PLAIN_UTF8 if utf8 else _PLAIN
    if not pattern.fullmatch(text) or (not text.isascii() and not text.isprintable()):
        return False
    return all(len(word.encode()) <= LONGEST_LINE - _WISE_LINE for word in text.split(" "))


def _room(name: str) -> int:
    """Return how long an encoded word on the field's first line may be."""
    return min(max(_ENCODED_LINE - len(name) - 2, _LEAST), _ENCODED_WORD)


def _folded(name: str, words: Sequence[str], limit: int = _WISE_LINE) -> str:
    """Return words with blanks between them, and a line break before each blank where the line would become too long.

    Source: RFC 5322 section 2.2.3
    """
    pieces = [words[0]]
    length = len(name) + 2 + len(words[0])
    for word in words[1:]:
        fits = length + 1 + len(word) <= limit
        pieces.append(f" {word}" if fits else f"\r\n {word}")
        length = length + 1 + len(word) if fits else 1 + len(word)
    return "".join(pieces)


def _encoded_words(text: str, room: int) -> Iterator[str]:
    """Yield a text as encoded words, no character cut in two: in Q where most of it stays readable, in B elsewhere.

    Args:
        text: Any text.
        room: Octets of the first word; the others have what the RFC allows.

    Source: RFC 2047 sections 2 and 5
    """
    in_q = is_readable(sum(map(_length_in_q, text)), 4 * -(-len(text.encode()) // 3))
    word = bytearray()
    length = 0
    for char in text:
        octets = char.encode()
        longer = length + _length_in_q(char) if in_q else 4 * -(-(len(word) + len(octets)) // 3)
        if word and longer + _AROUND > room:
            yield _encoded_word(bytes(word), in_q=in_q)
            word.clear()
            longer = _length_in_q(char) if in_q else 4 * -(-len(octets) // 3)
            room = _ENCODED_WORD
        word += octets
        length = longer
    yield _encoded_word(bytes(word), in_q=in_q)


def _encoded_word(octets: bytes, *, in_q: bool) -> str:
    encode = quoprimime.header_encode if in_q else base64mime.header_encode
    return encode(octets, "utf-8")


def _length_in_q(char: str) -> int:
    return quoprimime.header_length(char.encode())


def _phrase(name: str, *, utf8: bool, room: int) -> tuple[list[str], str]:
    """Return the words of a display name, and where they are defined if they are not plain."""
    if _ATOMS.fullmatch(name) and "=?" not in name and _goes_plain(name, utf8=False):
        return name.split(" "), ""
    if _goes_plain(name, utf8=utf8) and "=?" not in name and len(name.encode()) < LONGEST_LINE // 2:
        return [f'"{_escaped(name)}"'], "" if name.isascii() else "RFC 6532"
    return list(_encoded_words(name, room)), "RFC 2047"


def _escaped(text: str) -> str:
    """Return the inside of a quoted string.

    Source: RFC 5322 section 3.2.4
    """
    return re.sub(r'(["\\])', r"\\\1", text)


def _continued(file_name: str) -> Iterator[str]:
    """Yield the parameter with a file's name: one, or numbered ones where it is long.

    Source: RFC 2231 sections 3 and 4
    """
    pieces = [""]
    for char in file_name:
        encoded = "".join(chr(each) if each in _SAFE_IN_PARAMETER else f"%{each:02X}" for each in char.encode())
        if len(pieces[-1]) + len(encoded) > _PARAMETER_PIECE:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        yield f"filename*=utf-8''{pieces[0]}"
        return
    for number, piece in enumerate(pieces):
        yield f"filename*{number}*={'' if number else chr(39).join(('utf-8', '', ''))}{piece}"

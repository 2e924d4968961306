r"""The words of a dialogue, and what each is: a verb, an address, a reply code, a parameter, an escape.

It is the one lexer for dialogue text. The screen, the input line and the HTML page colour the words by it, and `dialogue_lexer` hands
them to Pygments. It reads the rows of a transcript and those of the screen alike, line by line, and remembers only what it must: whether
a line is mail data or an answer to a 334 depends on the lines before it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

from smtp_shell.protocol.commands import HELLOS, VERBS
from smtp_shell.protocol.masking import MASK

if TYPE_CHECKING:
    from smtp_shell.display.render import Row

Mark = tuple[int, int, str]
"""Start and end of a word in its line, and its kind, a key of `themes.STYLES` that begins with `word.`."""

LANGUAGE = "smtp-transcript"
"""Name of the language in Pygments and in the fences of Markdown."""

_MOST_MARKED = 4_000  # characters of a line; what follows has the style of its row
_MOST_OWED = 20_000  # commands of one write whose replies have not come
_SASL = "${sasl}"

_WITH_PATH = ("MAIL", "RCPT", "SEND", "SOML", "SAML")
_VERB = re.compile(r"[ \t]*([A-Za-z0-9-]+)")
_OF_PATH = re.compile(r"[ \t]+(?:FROM|TO)[ \t]*:", re.IGNORECASE)
_MECHANISM = re.compile(r"[ \t]+([A-Za-z0-9_-]{1,20})(?![^ \t])")
_REPLY = re.compile(
    r"([2-5x][0-9xyz]{2}(?:\|[2-5x][0-9xyz]{2})*)(?:([ -])|(?=\[)|$)(?:([245]\.[0-9]{1,3}\.[0-9]{1,3})(?= |$))?"
)
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_FIELD = re.compile(r"[!-9;-~]+:")
# Each alternative begins where no word is under way, or consumes all of its characters: the time is linear in the length of the line.
_ANYWHERE = (
    r"(?P<secret>\$\{sasl\}|•+)"
    r"|(?P<variable>(?<!\\)\$\{[A-Za-z_][\w.-]*\})"
    r"|(?P<escape>\\(?:x[0-9A-Fa-f]{2}|[rnt\\]))"
    r"|(?P<address><(?:\"(?:[^\"\\]|\\.)*\"|[^<>\"\s])*>?|(?<![^\s<>,;:=])[^\s<>,;:\"@]+@[^\s<>,;:\"]+)"
)
_WORD = r"(?<!\S)[A-Za-z0-9][A-Za-z0-9-]*"
_IN_COMMAND = re.compile(rf"{_ANYWHERE}|(?P<parameter>{_WORD}(?==))|(?P<keyword>(?<!\S)LAST(?!\S))")
_AFTER_PATH = re.compile(rf"{_ANYWHERE}|(?P<parameter>{_WORD}(?=[=\s]|$))")
_IN_MAIL_DATA = re.compile(r"(?P<variable>(?<!\\)\$\{[A-Za-z_][\w.-]*\})|(?P<escape>\\(?:x[0-9A-Fa-f]{2}|[rnt\\]))")
_IN_REPLY = re.compile(
    r"(?P<escape>\\(?:x[0-9A-Fa-f]{2}|\\))|(?P<secret>\$\{sasl\}|•+)|(?P<link>\bhttps?://[^\s<>\"]+)"
)
_SLASH = re.compile(r"[ \t]*(/[^\s]*)")
_IN_SLASH = re.compile(
    r"(?P<option>(?<!\S)--?[A-Za-z][\w-]*)|(?P<address>(?<![^\s<>,;:=])[^\s<>,;:\"@]+@[^\s<>,;:\"]+)|(?P<value>\"[^\"]*\"?)"
)


class _Place(Enum):
    """What the next line of the client is."""

    COMMAND = "command"
    HEADER = "header"
    BODY = "body"


class DialogueWords:
    """Finds the words in the lines of one dialogue."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        """Begin a dialogue, with a connection or with TLS."""
        self._place = _Place.COMMAND
        self._is_challenged = False  # the last reply was a 334: the next line of the client answers it
        self._is_continued = False  # the last line of the server was not the last of its reply
        self._owed: deque[str] = deque(maxlen=_MOST_OWED)  # verbs whose replies have not come

    def of_row(self, row: Row) -> list[Mark]:
        """Return the words of a row of the screen, as `marks` does."""
        return self.marks(row.gutter.rstrip(" ")[-2:], row.text, is_data=row.style == "data") if row.gutter else []

    def marks(self, marker: str, text: str, *, is_data: bool | None = None) -> list[Mark]:
        """Return the words of a line, in order; what lies between them is plain text.

        Args:
            marker: Who speaks, as in a transcript: `C:`, `C&`, `C|`, `S:`, `*:` and so on. There is nothing in the lines of others.
            text: The line after the marker, escaped.
            is_data: Whether the line is mail data, where that is known.
        """
        text = text[:_MOST_MARKED]
        if marker[:1] == "C":
            return self._client(marker, text, is_data)
        if marker in ("S:", "S=", "S|", "S~"):
            return self._server(text)
        if marker == "*:":
            return self._event(text)
        return []

    def _client(self, marker: str, text: str, is_data: bool | None) -> list[Mark]:
        if marker == "C<":
            self._end_data()
            return []
        if is_data is False and self._place is not _Place.COMMAND and text != ".":
            self._place = _Place.COMMAND
        if self._owed and self._owed[-1] == "DATA" and is_data is not False:
            self._owed.pop()  # a script that leaves out the 354
            self._place = _Place.HEADER
        elif is_data and self._place is _Place.COMMAND:
            self._place = _Place.BODY
        if self._place is not _Place.COMMAND:
            return self._mail_data(text)
        if self._is_challenged:
            return self._answer(text)
        if marker == "C|" and self._owed and self._owed[-1] == "BDAT":
            return _scan(_IN_MAIL_DATA, text, 0)
        verb, found = _command(text)
        self._owed.append(verb)
        return found

    def _answer(self, text: str) -> list[Mark]:
        self._is_challenged = False
        self._owed.append("AUTH")
        if text == "*":
            return [(0, 1, "word.verb")]
        return [(0, len(text), "word.secret" if text in (MASK, _SASL) else "word.base64")] if text else []

    def _mail_data(self, text: str) -> list[Mark]:
        if text == ".":
            self._end_data()
            return [(0, 1, "word.verb")]
        found: list[Mark] = []
        if self._place is _Place.HEADER and text[:1] not in (" ", "\t"):
            field = _FIELD.match(text)
            if field is None:
                self._place = _Place.BODY
            else:
                found.append((0, field.end(), "word.field"))
        if text.startswith(".."):
            found.append((0, 1, "word.escape"))  # the dot that was doubled
        start = found[-1][1] if found else 0
        return [*found, *_scan(_IN_MAIL_DATA, text, start)]

    def _end_data(self) -> None:
        self._place = _Place.COMMAND
        self._owed.append(".")

    def _server(self, text: str) -> list[Mark]:
        reply = _REPLY.match(text)
        self._place = _Place.COMMAND  # a server speaks after mail data and not within it
        if reply is None:
            return _scan(_IN_REPLY, text, 0)
        verb = self._owed[0] if self._owed else ""
        found: list[Mark] = [(0, reply.end(1), "word.code")]
        if reply[3]:
            found.append((reply.start(3), reply.end(3), "word.enhanced"))
        rest = reply.end()
        if verb in HELLOS and self._is_continued and (keyword := _KEYWORD.match(text, rest)):
            found.append((rest, keyword.end(), "word.announced"))
            rest = keyword.end()
        if reply[1] == "334" and len(text) > rest and " " not in text[rest:]:
            found.append((rest, len(text), "word.secret" if text[rest:] in (MASK, _SASL) else "word.base64"))
            rest = len(text)
        self._is_continued = reply[2] == "-"
        if not self._is_continued:
            self._end_reply(reply[1])
        return [*found, *_scan(_IN_REPLY, text, rest)]

    def _end_reply(self, code: str) -> None:
        verb = self._owed.popleft() if self._owed else ""
        self._is_challenged = code == "334"
        if verb == "DATA" and code.startswith("3"):
            self._place = _Place.HEADER

    def _event(self, text: str) -> list[Mark]:
        name = text.partition(" ")[0]
        if name in ("connect", "tls") or name.startswith("close"):
            self._begin()
        return [(0, len(name), "word.event")] if name else []


def command_marks(text: str) -> list[Mark]:
    """Return the words of one line to a server, or of a shorthand for one, as far as it is typed."""
    return _command(text[:_MOST_MARKED])[1]


def message_marks(lines: Iterable[str]) -> Iterator[list[Mark]]:
    """Yield the words of each line of a message, from the first line of its header on."""
    words = DialogueWords()
    words.marks("C:", "DATA")
    for line in lines:
        yield words.marks("C:", line if line != "." else "", is_data=True)


def slash_marks(text: str) -> list[Mark]:
    """Return the words of a line for the shell, as far as it is typed."""
    text = text[:_MOST_MARKED]
    name = _SLASH.match(text)
    if name is None:
        return []
    found = [(name.start(1), name.end(1), "word.slash")]
    if name[1] == "/raw":
        blanks = len(text) - len(text[name.end() :].lstrip(" \t"))
        return [*found, *((start + blanks, end + blanks, kind) for start, end, kind in command_marks(text[blanks:]))]
    return [*found, *_scan(_IN_SLASH, text, name.end())]


def pieces(text: str, marks: list[Mark], start: int = 0) -> list[tuple[str, str]]:
    """Cut a part of a line into pieces: each with its kind, which is empty for plain text.

    Args:
        text: The part.
        marks: The words of the whole line.
        start: Where in the line the part begins.
    """
    found: list[tuple[str, str]] = []
    at, end = start, start + len(text)
    for first, last, kind in marks:
        if last <= at or first >= end:
            continue
        first, last = max(first, at), min(last, end)
        if first > at:
            found.append(("", text[at - start : first - start]))
        found.append((kind, text[first - start : last - start]))
        at = last
    if at < end:
        found.append(("", text[at - start :]))
    return found


def _command(text: str) -> tuple[str, list[Mark]]:
    """Return the verb of a command line, in capitals, and the words of the line. The verb is marked only if SMTP has it."""
    first = _VERB.match(text)
    if first is None:
        return "", _scan(_IN_COMMAND, text, 0)
    verb = first[1].upper()
    found: list[Mark] = []
    rest = first.end()
    if verb in VERBS:
        found.append((first.start(1), rest, "word.verb"))
    if verb in _WITH_PATH and (keyword := _OF_PATH.match(text, rest)):
        start = rest + len(keyword[0]) - len(keyword[0].lstrip())
        rest = keyword.end()
        found.append((start, rest, "word.verb"))
    if verb == "AUTH" and (mechanism := _MECHANISM.match(text, rest)):
        found.append((mechanism.start(1), mechanism.end(), "word.value"))
        rest = mechanism.end()
    marks = _scan(_IN_COMMAND, text, rest)
    path = next((end for _, end, kind in marks if kind == "word.address"), 0) if verb in _WITH_PATH else 0
    if path:
        # Each word after the path is a parameter, with a value or without one.
        marks = [each for each in marks if each[1] <= path] + _scan(_AFTER_PATH, text, path)
    return verb, [*found, *marks]


def _scan(pattern: re.Pattern[str], text: str, start: int) -> list[Mark]:
    """Return the words that a pattern finds, of the kind that its group is named after."""
    return [(found.start(), found.end(), f"word.{found.lastgroup}") for found in pattern.finditer(text, start)]

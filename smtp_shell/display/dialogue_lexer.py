"""The lexer for Pygments: `pygmentize -l smtp-transcript FILE`, and every program that colours code with Pygments.

`dialogue_words` knows what the words are; the screen and the HTML page use it without Pygments. Here are the lines of a file around them:
the header of a transcript, times, the signs of the screen, and the marker that says who speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pygments.lexer import Lexer
from pygments.token import (
    Comment,
    Error,
    Generic,
    Keyword,
    Literal,
    Name,
    Number,
    Punctuation,
    String,
    Text,
    Whitespace,
)

from smtp_shell.display.dialogue_words import LANGUAGE, DialogueWords, pieces

_Token = tuple[str, ...]

_TOKENS: Final = {
    "verb": Keyword,
    "keyword": Keyword,
    "value": Name.Constant,
    "address": Literal.String,
    "parameter": Name.Attribute,
    "code": Number.Integer,
    "enhanced": Number.Float,
    "announced": Name.Builtin,
    "base64": String.Other,
    "secret": String.Backtick,
    "variable": Name.Variable,
    "escape": String.Escape,
    "link": String.Affix,
    "field": Name.Tag,
    "event": Name.Decorator,
}

# A line of a transcript or of the screen: the number of a connection, the time, the signs of the screen or the words that the theme `plain`
# has in their place, and the marker.
_LINE = re.compile(
    r"(?P<label>\[[0-9]+\] )?(?P<time>[ \t]*[0-9]{1,9}(?:\.[0-9]{1,9})?(?=[ \t]))?"
    r"(?P<sign>(?:(?:tls|not verified|refused|for now|not a reply code) ){0,4}[^\w\n]{0,8}?)"
    r"(?P<marker>C[:&|<]|S[:=~|]|E\||\*:|#!?)(?P<blank>[ ]?)(?P<text>.*)"
)
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_FIRST = re.compile("\ufeff?Transcript:")
_FIELD = re.compile(r"([!-9;-~]+)(:)([^\n]*)")
_DIALOGUE = re.compile(
    r"(?m)^[^\w\n]{0,8}(?:[0-9.]+[ \t]+)?(?:S: [2-5][0-9]{2}[ -]|C: (?:EHLO|HELO|LHLO|MAIL FROM:)\b)"
)


class DialogueLexer(Lexer):
    """Reads transcripts, and dialogues as the screen shows them."""

    name = "SMTP transcript"
    aliases: Final = [LANGUAGE]
    filenames: Final = ["*.smtp"]
    mimetypes: Final = ["text/x-smtp-transcript"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _Token, str]]:
        """Yield the place, the token and the text of each word."""
        words = DialogueWords()
        is_header = _FIRST.match(text) is not None
        at = 0
        for line in _LINES.findall(text):
            content = line.rstrip("\r\n")
            if is_header:
                is_header = bool(content)
                found = _header(content)
            else:
                found = _row(words, content)
            for token, piece in found:
                if piece:
                    yield at, token, piece
                    at += len(piece)
            if len(line) > len(content):
                yield at, Whitespace, line[len(content) :]
                at += len(line) - len(content)

    def analyse_text(text: str) -> float:  # Pygments makes a static method of it
        """Return how probable it is that a text is a dialogue, from 0 to 1."""
        if _FIRST.match(text):
            return 0.9
        return 0.5 if _DIALOGUE.search(text[:10_000]) else 0.0


def _header(line: str) -> Iterator[tuple[_Token, str]]:
    field = _FIELD.match(line)
    if field is None:
        yield String, line
        return
    yield Name.Tag, field[1]
    yield Punctuation, field[2]
    yield String, field[3]


def _row(words: DialogueWords, line: str) -> Iterator[tuple[_Token, str]]:
    found = _LINE.fullmatch(line)
    if found is None:
        # What a screen adds has no marker. In a transcript such a line is an error, which replay names.
        yield (Comment if line[:1] in (" ", "\t", "") else Error), line
        return
    marker, text = found["marker"], found["text"]
    yield Comment.Preproc, found["label"] or ""
    yield Comment, found["time"] or ""
    yield Punctuation, found["sign"]
    yield (Generic.Prompt if marker[0] == "C" else Comment.Single if marker[0] in "#E" else Punctuation), marker
    yield Whitespace, found["blank"]
    base = _base(marker, text)
    for kind, piece in pieces(text, words.marks(marker, text)):
        token = _TOKENS[kind.removeprefix("word.")] if kind else base
        yield (base if base is Generic.Error and token in Number else token), piece


def _base(marker: str, text: str) -> _Token:
    """Return the token of the text between the words."""
    token: _Token = Text
    if marker[0] in "#E":
        token = Comment.Single
    elif marker == "S~":
        token = String.Regex
    elif marker[0] == "S":
        token = Generic.Error if text[:1] in ("4", "5") else Generic.Output
    return token

r"""The notation of a transcript's content: escapes everywhere, and `\${` for a literal `${` in client lines."""

from __future__ import annotations

import re

from smtp_shell.protocol.octets import escape, unescape

# Compiled at their first use: most lines need neither.
# The brace of `\${` belongs to the text that follows: a mark that combines with it is judged there.
_TOKEN = r"(\\(?:x[0-9A-Fa-f]{2}|[rnt\\]|\$(?=\{))|\\)"
_BRACE = r"(\\\\)|\\\$\{"


def clean(text: str) -> str:
    r"""Escape what cannot be seen in text that is in the notation already.

    Each character that `escape` would not show becomes `\xNN`. The octets that the text stands for do not change, and clean text is
    returned unchanged, with its spelling of escapes.

    Args:
        text: Text in the notation, with any characters in it.
    """
    if _is_plain(text):
        return text
    parts = re.split(_TOKEN, text)
    shown = [
        part if _is_plain(part) else escape(part.encode("utf-8", "surrogateescape"))  # most parts are short and plain
        for part in parts[::2]
    ]
    if shown == parts[::2]:
        return text
    parts[::2] = shown
    # A backslash that stood for itself must not join an escape that follows it now.
    parts[1::2] = [r"\\" if token == "\\" else token for token in parts[1::2]]
    return "".join(parts)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def client_text(octets: bytes) -> str:
    r"""Return the content of a client line that stands for these octets: as `escape` writes them, with `\${` for `${`.

    Args:
        octets: Any octets, without the line's CRLF.
    """
    return escape(octets).replace("${", r"\${")


def client_octets(text: str) -> bytes:
    r"""Return the octets of a client line's content. `\${` is `${`, and a variable stands for the octets of its name: `${name}`.

    Args:
        text: Text in the notation.
    """
    if "${" not in text:
        return unescape(text)
    return unescape(re.sub(_BRACE, lambda found: found[1] or "${", text))

r"""The notation of a transcript's content: escapes everywhere, and `\${` for a literal `${` in what a client sends."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smtp_shell.protocol.octets import PLAIN, escape, unescape

# Compiled when it is needed, as the other is: most lines have neither.
# The brace of `\${` is left to the text behind it: what combines with it is judged there.
_TOKEN = r"(\\(?:x[0-9A-Fa-f]{2}|[rnt\\]|\$(?=\{))|\\)"
_BRACE = r"(\\\\)|\\\$\{"
_PLAIN_LINES = PLAIN + b"\n"


def clean(text: str) -> str:
    r"""Write what a person or a stranger wrote in the notation so that nothing in it is unseen.

    Each character that `escape` would not show becomes `\xNN`; what the text means as octets stays the same, and text that is
    clean already stays as it is, its spelling of escapes included.

    Args:
        text: Text in the notation, with any characters in it.
    """
    if text.isascii() and text.isprintable():
        return text
    parts = re.split(_TOKEN, text)
    shown = [escape(part.encode("utf-8", "surrogateescape")) for part in parts[::2]]
    if shown == parts[::2]:
        return text
    parts[::2] = shown
    # A backslash that stood for itself must not join the escape that may follow it now.
    parts[1::2] = [r"\\" if token == "\\" else token for token in parts[1::2]]
    return "".join(parts)


def client_text(octets: bytes) -> str:
    r"""Write octets that a client sent, so that nothing in them is taken for a variable.

    Args:
        octets: Any octets, without the line's CRLF.

    Returns:
        The notation of `escape`, with `\${` for `${`.
    """
    return escape(octets).replace("${", r"\${")


def client_texts(lines: Sequence[bytes]) -> list[str]:
    """Write each line as `client_text` does, all of them at once where nothing in them is to be escaped, as in most.

    Args:
        lines: Lines that a client sent, without their CRLF.
    """
    octets = b"\n".join(lines)
    if octets.translate(None, _PLAIN_LINES) or octets.count(b"\n") != len(lines) - 1:
        return list(map(client_text, lines))
    return octets.decode("ascii").replace("${", r"\${").split("\n")


def client_octets(text: str) -> bytes:
    r"""Turn a client line's text into octets; `\${` is `${`, and a variable stands as it is written.

    Args:
        text: Text in the notation.
    """
    if "${" not in text:
        return unescape(text)
    return unescape(re.sub(_BRACE, lambda found: found[1] or "${", text))

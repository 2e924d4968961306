"""What stands in front of what was said, learnt from the lines of a log: a logger's own words, and the marks of a tool that nobody knows.

Commands and replies have the same words in front, such as a time, a thread and a level, and after these a mark that is another for each
side, or nothing. Words with digits may differ from line to line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

_LONGEST: Final = 160  # characters in front of what was said
_FEWEST: Final = 3  # lines with the same in front
_SHARE: Final = 0.6  # of the lines in which something was said
_LEVELS: Final = "(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FINE)"
_SPACES: Final = r"[ \t]+"
_TOKEN = re.compile(
    rf"(?P<space>[ \t]+)|(?P<level>{_LEVELS}\b)|(?P<digits>\w*[0-9]\w*)|(?P<word>[^\W\d]+)|(?P<other>.)", re.DOTALL
)
_SAID = re.compile(
    r"(?<![\w.,-])(?:(?P<c>(?i:(?:EHLO|HELO|LHLO) [\[\w]|MAIL FROM: ?<|RCPT TO: ?<)"
    r"|(?:DATA|QUIT|RSET|STARTTLS|AUTH (?:PLAIN|LOGIN|CRAM-MD5|XOAUTH2))(?:$|[\s\\'\"]))"
    r"|(?<![0-9]:)(?P<s>[2-5][0-9][0-9](?:-[\w\[]|[ ][\w\[<])))"
)


class Front(Struct, frozen=True):
    """What is in front of lines, as regular expressions.

    Args:
        prefix: What the lines of both sides begin with.
        client: What follows in lines of the client.
        server: What follows in lines of the server.
        commands: Commands in the sample that have it in front.
        replies: Lines of replies that have it in front.
    """

    prefix: str
    client: str
    server: str
    commands: int
    replies: int


def learnt(texts: Iterable[str]) -> Front | None:
    """Return what is in front of commands and replies; None if it is not the same in most lines.

    Args:
        texts: The lines of the sample.
    """
    found: dict[str, Counter[tuple[str, ...]]] = {"c": Counter(), "s": Counter()}
    for text in texts:
        if (said := _SAID.search(text, 0, _LONGEST + 40)) and said.start() <= _LONGEST:
            found[str(said.lastgroup)][_shape(text[: said.start()])] += 1
    if not found["c"] or not found["s"]:
        return None
    (client, commands), (server, replies) = found["c"].most_common(1)[0], found["s"].most_common(1)[0]
    total = found["c"].total() + found["s"].total()
    if commands + replies < max(_FEWEST, _SHARE * total):
        return None
    common = _in_common(client, server)
    prefix = "".join(client[:common])
    if common and client[common - 1] == _SPACES:  # what is indented after it stays so
        prefix = f"{prefix.removesuffix(_SPACES)}(?:[ \\t]|$)"
    return Front(prefix, "".join(client[common:]), "".join(server[common:]), commands, replies)


def _in_common(client: tuple[str, ...], server: tuple[str, ...]) -> int:
    """Return how many tokens both begin with, up to a space or a bracket that closes, so that no mark is cut in two."""
    common = 0
    for one, other in zip(client, server, strict=False):
        if one != other:
            break
        common += 1
    while common and client[common - 1] not in (_SPACES, r"\]", r"\)", r"\|"):
        common -= 1
    return common


def _shape(text: str) -> tuple[str, ...]:
    return tuple(_expression(found) for found in _TOKEN.finditer(text))


def _expression(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "space":
            return _SPACES
        case "level":
            return _LEVELS
        case "digits":
            return r"\w+"
    return re.escape(found[0])

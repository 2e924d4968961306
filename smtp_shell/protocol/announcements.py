"""What an EHLO keyword says with its parameters: typed values, made of what the server announced.

A parameter that is not what its RFC says is kept as it came, and `Announcement.odd` names it. Nothing is taken for good here that a server
has only written: the values are for a person, for completion and for advice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Extensions

_MOST_NAMED = 20
_LIMITS = ("MAILMAX", "RCPTMAX", "RCPTDOMAINMAX")


class Announcement(Struct, frozen=True, kw_only=True):
    """A keyword with what its parameters say.

    Args:
        keyword: The keyword, upper-case.
        words: Its parameters, as octets.
        said: What they say, in words and printable; empty where there are none, or nothing is known about them.
        numbers: The numbers among them by name, such as `{"limit": 10485760}`.
        names: The names that they list, upper-case: mechanisms, attributes.
        odd: What is wrong with them, in words; empty for nothing.
    """

    keyword: str
    words: tuple[bytes, ...] = ()
    said: str = ""
    numbers: Mapping[str, int] = MappingProxyType({})
    names: tuple[str, ...] = ()
    odd: str = ""


def announcements(extensions: Extensions) -> Sequence[Announcement]:
    """Return what was announced, in the order of the reply."""
    return [announcement(keyword, words) for keyword, words in extensions.keywords.items()]


def announcement(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Return what a keyword says with its parameters.

    Args:
        keyword: The keyword, upper-case.
        words: The words after it.
    """
    read = _READERS.get(keyword)
    return read(keyword, words) if read is not None else _plain(keyword, words)


def announced_number(extensions: Extensions | None, keyword: str, name: str) -> int | None:
    """Return a number that was announced; None where it was not, or is no number.

    Args:
        extensions: What was announced; None for nothing.
        keyword: The keyword, such as SIZE.
        name: The name that the number has in `Announcement.numbers`, such as `limit`.
    """
    if extensions is None or keyword not in extensions:
        return None
    return announcement(keyword, extensions.keywords[keyword]).numbers.get(name)


def size_limit(extensions: Extensions | None) -> int:
    """Return the largest message that the server takes, in octets; 0 where it names none.

    Source: RFC 1870 section 4
    """
    return announced_number(extensions, "SIZE", "limit") or 0


def _plain(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    return Announcement(keyword=keyword, words=words)


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return ", ".join(words[:_MOST_NAMED]) + more


def _number(word: bytes, digits: int) -> int | None:
    return int(word) if re.fullmatch(rb"[0-9]{1,%d}" % digits, word) else None


def _size(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read SIZE. Zero says that there is no fixed limit.

    Source: RFC 1870 section 4
    """
    if not words:
        return Announcement(keyword=keyword, said="it names no limit")
    limit = _number(words[0], 20)
    if limit is None:
        return Announcement(keyword=keyword, words=words, odd="SIZE is followed by no number of octets")
    said = f"at most {limit:,} octets{_in_units(limit)}" if limit else "no fixed limit"
    return Announcement(keyword=keyword, words=words, said=said, numbers=MappingProxyType({"limit": limit}))


def _in_units(octets: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if octets >= size:
            return f" ({octets / size:.3g} {unit})" if octets / size < 999.5 else ""
    return ""


def _names(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read a list of names: mechanisms of AUTH, attributes of XCLIENT and XFORWARD."""
    names = tuple(dict.fromkeys(escape(word.upper()) for word in words))
    odd = "" if names else f"{keyword} is followed by no name"
    return Announcement(keyword=keyword, words=words, said=_listed(names), names=names, odd=odd)


def _deliver_by(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read DELIVERBY, with the shortest time that the server takes.

    Source: RFC 2852 section 3
    """
    if not words:
        return Announcement(keyword=keyword, said="it names no shortest time")
    least = _number(words[0].split(b",")[0], 9)
    if least is None:
        return Announcement(keyword=keyword, words=words, odd="DELIVERBY is followed by no number of seconds")
    said = f"by {least:,} s from now at the earliest"
    return Announcement(keyword=keyword, words=words, said=said, numbers=MappingProxyType({"least": least}))


def _future_release(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read FUTURERELEASE, with the longest time and the latest date.

    Source: RFC 4865 section 4
    """
    longest = _number(words[0], 9) if words else None
    if longest is None or len(words) < 2:
        odd = "FUTURERELEASE is followed by a number of seconds and a date"
        return Announcement(keyword=keyword, words=words, odd=odd)
    said = f"at most {longest:,} s, or until {escape(words[1])}"
    return Announcement(keyword=keyword, words=words, said=said, numbers=MappingProxyType({"longest": longest}))


def _limits(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read LIMITS. Each is a number from 1.

    Source: RFC 9422 section 3
    """
    found: dict[str, int] = {}
    odd: list[str] = []
    for word in words:
        name, _, value = word.upper().partition(b"=")
        number = _number(value, 6)
        if name.decode("ascii", "replace") not in _LIMITS:
            continue  # a limit that another RFC may define
        if number:
            found[name.decode("ascii")] = number
        else:
            odd.append(f"{name.decode('ascii')} is no number from 1")
    of = {
        "MAILMAX": "messages in a session",
        "RCPTMAX": "recipients of a message",
        "RCPTDOMAINMAX": "domains of recipients in a session",
    }
    said = ", ".join(f"{number:,} {of[name]}" for name, number in found.items())
    said = f"at most {said}" if said else ""
    return Announcement(keyword=keyword, words=words, said=said, numbers=MappingProxyType(found), odd="; ".join(odd))


def _priority(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read MT-PRIORITY, with the policy by which priorities are used.

    Source: RFC 6710 section 3
    """
    said = f"by the policy {escape(words[0])}" if words else "from -9 to 9"
    return Announcement(keyword=keyword, words=words, said=said)


def _burl(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read BURL, with the IMAP servers that the server can fetch from.

    Source: RFC 4468 section 3.3
    """
    if not words:
        return Announcement(keyword=keyword, said="after AUTH")
    urls = [escape(word) for word in words[1:]]
    said = f"from {_listed(urls)}" if urls else "from any IMAP server that it can reach"
    return Announcement(keyword=keyword, words=words, said=said)


def _classes(keyword: str, words: tuple[bytes, ...]) -> Announcement:
    """Read NO-SOLICITING, with the classes of advertisement that the server does not take.

    Source: RFC 3865 section 2.1
    """
    names = [escape(name) for word in words for name in word.split(b",") if name]
    return Announcement(keyword=keyword, words=words, said=f"none of {_listed(names)}" if names else "")


_READERS: Mapping[str, Callable[[str, tuple[bytes, ...]], Announcement]] = MappingProxyType(
    {
        "SIZE": _size,
        "AUTH": _names,
        "XCLIENT": _names,
        "XFORWARD": _names,
        "DELIVERBY": _deliver_by,
        "FUTURERELEASE": _future_release,
        "LIMITS": _limits,
        "MT-PRIORITY": _priority,
        "BURL": _burl,
        "NO-SOLICITING": _classes,
    }
)

"""Where something is: files, servers and mail domains."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion.words import last_word

if TYPE_CHECKING:
    from smtp_shell.shell.completion.context import Candidates, CompletionContext

_MOST_FILES = 5000  # of a folder that are looked at, which takes 5 ms
_MOST_ADDRESSES = 1000  # whose domains are looked at; all of ten thousand take 5 ms
_PORTS = {
    "25": "smtp: between servers (RFC 5321)",
    "465": "submissions: TLS from the first octet (RFC 8314)",
    "587": "submission: a client's mail, with STARTTLS (RFC 6409)",
    "24": "lmtp (RFC 2033)",
}
_SCHEMES = {
    "smtp://": "SMTP over TCP",
    "smtps://": "TLS from the first octet",
    "lmtp://": "LMTP over TCP (RFC 2033)",
    "smtp+unix:/": "SMTP over a UNIX socket",
    "lmtp+unix:/": "LMTP over a UNIX socket",
    "mx:": "the first host of a mail domain that greets",
    "pipe:": "a program's standard input and output",
}


def hosts(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield servers: profiles, the practice server, those that were named before, and forms of a URL; after one, ports."""
    *before, word = text.split(" ")
    if any(each and not each.startswith("-") for each in before):
        yield from _PORTS.items()
    elif word.startswith("mx:"):
        yield from ((f"mx:{domain}", meaning) for domain, meaning in domains(context, word.removeprefix("mx:")))
    else:
        yield from _servers(context, word)


def _servers(context: CompletionContext, word: str) -> Iterator[tuple[str, str]]:
    options = context.shell_options
    profiles = options.configuration.profiles if options is not None and options.configuration is not None else {}
    for name, profile in profiles.items():
        yield name, f"profile: {escape_str(str(profile.get('url') or profile.get('host') or ''))}"
    if options is not None and options.practice is not None:
        yield "practice", f"the practice server of this shell, port {options.practice.port}"
    elif options is not None and options.start_practice is not None:
        yield "practice", "a mail server of your own, on this machine"
    for found in context.hosts.fitting(word, context.history) if context.hosts is not None else ():
        if found not in profiles and found != "practice":
            yield found, "named before"
    yield from _SCHEMES.items()


def domains(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the domains of the addresses that were typed before, the latest first."""
    if " " in text.strip():
        return
    latest = islice(context.addresses.fitting("", context.history), _MOST_ADDRESSES)
    found = dict.fromkeys(each.rpartition("@")[2] for each in latest)
    yield from ((domain, "of an address that was typed before") for domain in found)


def paths(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield files and folders, without hidden ones and those whose names are not printable; a name with blanks gets quotes."""
    word = last_word(text)
    prefix = "<" if word.startswith("<") else ""
    typed = word.removeprefix("<").lstrip("\"'")
    begun = os.path.basename(typed)
    shown = typed[: len(typed) - len(begun)]
    for entry in _entries(os.path.expanduser(shown) or ".", begun.lower()):
        quote = _quote_for(f"{shown}{entry.name}")
        if quote is not None:
            is_folder, size = _facts(entry)
            end = "/" if is_folder else quote  # the quote stays open where more is to follow
            yield f"{prefix}{quote}{shown}{entry.name}{end}", "folder" if is_folder else f"{size:,} octets"


def paths_or_off(meaning: str) -> Candidates:
    """Return what completes a command that writes a file: a file to begin with, or `off` to end it.

    Args:
        meaning: What `off` does.
    """

    def complete(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
        yield "off", meaning
        yield from paths(context, text)

    return complete


def _entries(folder: str, begun: str) -> list[os.DirEntry[str]]:
    """Return what is in a folder and begins so, in the order of the names. A folder may be large: no entry is looked into here."""
    try:
        with os.scandir(folder) as entries:
            found = [
                entry
                for entry in islice(entries, _MOST_FILES)
                if entry.name.lower().startswith(begun) and not entry.name.startswith(".") and entry.name.isprintable()
            ]
    except (OSError, ValueError):
        return []
    return sorted(found, key=lambda entry: entry.name)


def _facts(entry: os.DirEntry[str]) -> tuple[bool, int]:
    """Return whether an entry is a folder, and its size in octets."""
    try:
        facts = entry.stat()
    except OSError:  # a link that leads nowhere
        return False, 0
    return stat.S_ISDIR(facts.st_mode), facts.st_size


def _quote_for(name: str) -> str | None:
    """Return what a name is quoted with; empty for nothing, None where no quotes help."""
    if not any(each in name for each in " \"'"):
        return ""
    return next((quote for quote in "\"'" if quote not in name), None)


def files_after_sign(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield files with the `<` before them that `data` and `bdat` take."""
    if "<" in text:
        yield from paths(context, text)
    else:
        yield from ((f"<{name}", meaning) for name, meaning in paths(context, text))

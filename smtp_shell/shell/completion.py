"""What could be typed next: pure suggestions, from the registry, what the server announced, and what was typed before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.shell.shell import Shell

# Verbs that go out as typed; those with manners describe themselves in the registry.
VERBS = {
    "rset": "give up the mail transaction (RFC 5321 §4.1.1.5)",
    "vrfy": "ask whether a mailbox exists (RFC 5321 §4.1.1.6)",
    "expn": "ask who is on a mailing list (RFC 5321 §4.1.1.7)",
    "help": "ask the server for help (RFC 5321 §4.1.1.8)",
    "noop": "ask for a reply and nothing else (RFC 5321 §4.1.1.9)",
    "etrn": "ask the server to send what it has for a domain (RFC 1985)",
}

# ESMTP parameter -> the keyword that announces it, and what it says.
MAIL_PARAMETERS = {
    "SIZE=": ("SIZE", "octets in the message (RFC 1870)"),
    "BODY=8BITMIME": ("8BITMIME", "the body has octets over 127 (RFC 6152)"),
    "SMTPUTF8": ("SMTPUTF8", "addresses or header in UTF-8 (RFC 6531)"),
    "RET=HDRS": ("DSN", "a bounce returns the header only (RFC 3461)"),
    "ENVID=": ("DSN", "an identifier for delivery status (RFC 3461)"),
    "REQUIRETLS": ("REQUIRETLS", "every hop must use TLS (RFC 8689)"),
}
RCPT_PARAMETERS = {
    "NOTIFY=SUCCESS,FAILURE": ("DSN", "when to send delivery status (RFC 3461)"),
    "ORCPT=rfc822;": ("DSN", "the original recipient (RFC 3461)"),
}

_ADDRESS = re.compile(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+")
_MOST = 50


class Suggestion(Struct, frozen=True):
    """One thing that could be typed.

    Args:
        text: What to insert.
        start: How many characters before the cursor it replaces.
        description: A few words about it, printable.
    """

    text: str
    start: int
    description: str = ""


def suggest(shell: Shell, text: str) -> Iterator[Suggestion]:
    """Suggest what could follow.

    Args:
        shell: For the registry, what the server announced, and the history.
        text: The line up to the cursor.
    """
    if shell.phase in (Phase.MAILDATA, Phase.AUTH):
        return
    head, space, rest = text.lstrip().partition(" ")
    if not space:
        yield from _first_words(shell, head)
        return
    entry = shell.registry.verb(head)
    if entry is None or entry.complete is None:
        return
    word = rest.rsplit(" ", 1)[-1]
    seen = 0
    for candidate, description in entry.complete(shell, rest):
        if candidate.lower().startswith(word.lower()) and candidate != word:
            yield Suggestion(candidate, len(word), description)
            seen += 1
        if seen == _MOST:
            return


def _first_words(shell: Shell, head: str) -> Iterator[Suggestion]:
    wanted = head.lower()
    for entry in shell.registry:
        if entry.name.startswith(wanted) and entry.name.startswith("/") == wanted.startswith("/"):
            yield Suggestion(entry.name, len(head), entry.summary)
    if wanted.startswith("/"):
        return
    for verb, description in VERBS.items():
        if verb.startswith(wanted):
            yield Suggestion(verb, len(head), description)


def mail_parameters(shell: Shell, text: str) -> Iterator[tuple[str, str]]:
    """Suggest what may stand behind `mail`: addresses, and parameters that this server has announced."""
    return _parameters(shell, text, MAIL_PARAMETERS)


def rcpt_parameters(shell: Shell, text: str) -> Iterator[tuple[str, str]]:
    """Suggest what may stand behind `rcpt`: addresses, and parameters that this server has announced."""
    return _parameters(shell, text, RCPT_PARAMETERS)


def _parameters(shell: Shell, text: str, table: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    first = not text.strip() or " " not in text.lstrip()
    if not first:
        session = shell.session
        extensions = session.dialogue.extensions if session is not None else None
        for parameter, (keyword, description) in table.items():
            if extensions is not None and keyword in extensions:
                yield parameter, description
    for address in shell.addresses.beginning(text.rsplit(" ", 1)[-1], shell.history):
        yield address, "typed before"


class TypedAddresses:
    """The addresses in a history, each line of which is read once: it may have ten thousand, and every key asks."""

    def __init__(self) -> None:
        self._lines = 0
        self._last = ""
        self._found: dict[str, str] = {}

    def beginning(self, word: str, history: Sequence[str]) -> Iterator[str]:
        """Give those that begin with a word, in any case, the latest first, each once and printable.

        Args:
            word: What is typed of one.
            history: The lines typed before, the oldest first.
        """
        self._read(history)
        word = word.lower()
        for address, lower in reversed(self._found.items()):
            if lower.startswith(word):
                yield escape_str(address)

    def _read(self, history: Sequence[str]) -> None:
        if self._lines and (len(history) < self._lines or history[self._lines - 1] != self._last):
            self._lines, self._found = 0, {}  # another history, or one that has been loaded since
        if len(history) == self._lines:
            return
        new = history[self._lines :]
        self._lines, self._last = len(history), new[-1]
        for address in _ADDRESS.findall("\n".join(new)):
            self._found.pop(address, None)  # what comes again goes to the end
            self._found[address] = address.lower()


def mechanisms_of(shell: Shell, text: str) -> Iterator[tuple[str, str]]:
    """Suggest the mechanisms that the server announced, or all that there are."""
    if " " in text.lstrip():
        return
    from smtp_shell.protocol.sasl import MECHANISMS

    extensions = shell.session.dialogue.extensions if shell.session is not None else None
    announced = extensions.mechanisms if extensions is not None else ()
    for name in MECHANISMS:
        if name in announced:
            yield name.lower(), "announced by this server"
    for name in MECHANISMS:
        if name not in announced:
            yield name.lower(), "not announced"


def names(shell: Shell, text: str) -> Iterator[tuple[str, str]]:
    """Suggest the names of entries."""
    for entry in shell.registry:
        yield entry.name, entry.summary


def paths(shell: Shell, text: str) -> Iterator[tuple[str, str]]:
    """Suggest files and folders."""
    word = text.rsplit(" ", 1)[-1].removeprefix("<")
    prefix = "<" if text.rsplit(" ", 1)[-1].startswith("<") else ""
    folder = Path(word).expanduser() if word.endswith(("/", "\\")) or not word else Path(word).expanduser().parent
    shown = word[: len(word) - len(Path(word).name)] if not word.endswith(("/", "\\")) else word
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for path in found[:1000]:
        if path.name.startswith(".") or not path.name.isprintable():
            continue
        yield f"{prefix}{shown}{path.name}{'/' if path.is_dir() else ''}", ""

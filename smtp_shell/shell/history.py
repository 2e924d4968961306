"""The history of the prompt: what was typed, and at which server, in a private file without secrets and without mail data.

The file is that of prompt_toolkit, with the server after the time, so that a history of before is read too. It may be anybody's work:
what is no printable line of a shell is passed over, and no more than its end is read.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prompt_toolkit.application import get_app_or_none, run_in_terminal
from prompt_toolkit.history import History

from smtp_shell.config import state_dir
from smtp_shell.errors import SmtpShellError
from smtp_shell.private_files import (
    append_private,
    open_append,
    private_folder,
    read_private,
    reason_of,
    replace_private,
)
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.typed_secrets import is_kept as holds_no_secret

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.servers.practice import PracticeServer

_MOST_OCTETS = 2 * 1024 * 1024  # of the file that are read: 10,000 lines of 200 octets
_MOST_LINES = 10_000  # that are read from a file; a process keeps fewer than twice as many
_LONGEST_LINE = 8192
_ENTRY = r"(?m)^# \S+ \S+(?: (.+))?\n\+(.*)\n(?!\+)"
_MAY_HOLD_SECRET = re.compile(r"\s*(?:/raw|auth)|.*://", re.IGNORECASE)


class TypedLine(NamedTuple):
    """A line that was typed. A tuple: ten thousand of them are made after the first prompt.

    Args:
        text: The line.
        server: The server that there was a connection to; empty for none, and where it is not known.
    """

    text: str
    server: str


class ServerHistory(History):
    """A history whose lines are recalled by the server they were typed at.

    The lines of this process come first, whatever server they were for, then those of the same server, then all others.

    Args:
        path: The file; None for a history that lasts as long as the process.
        is_kept: Whether a line is kept.
        server: Returns the name of the server that there is a connection to; empty for none.
        on_failure: Takes a sentence that says why the history is not kept any more.
    """

    def __init__(
        self,
        path: Path | None,
        is_kept: Callable[[str], bool],
        server: Callable[[], str],
        on_failure: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._path = path
        self._is_kept = is_kept
        self._server = server
        self._on_failure = on_failure
        self._lines: list[TypedLine] = []
        self._texts: list[str] = []  # those of the lines
        self._old = 0  # how many of them are of earlier processes
        self._is_read = path is None
        self._order: tuple[str, int, list[str]] | None = None  # for this server, of so many lines: what is recalled

    async def load(self) -> AsyncGenerator[str, None]:
        """Yield the lines in the order in which they are recalled, each once."""
        for text in self.recalled():
            yield text

    def recalled(self) -> Iterator[str]:
        """Yield the lines in the order in which they are recalled, each once."""
        self._read()
        server, lines = self._server(), self._lines
        if self._order is None or self._order[:2] != (server, len(lines)):
            old = lines[: self._old][::-1]
            order = [lines[self._old :][::-1], [each for each in old if each.server == server], old]
            self._order = server, len(lines), list(dict.fromkeys(each.text for part in order for each in part))
        return iter(self._order[2])

    def typed_at(self, server: str) -> Sequence[str]:
        """Return the lines that were typed at a server, the oldest first."""
        self._read()
        return [each.text for each in self._lines if each.server == server]

    def typed_here(self) -> Sequence[str]:
        """Return the lines that were typed at the server that there is a connection to, the oldest first."""
        return self.typed_at(self._server())

    def get_strings(self) -> list[str]:
        """Return the lines that are known so far, the oldest first. The list is the history's own."""
        return self._texts

    def append_string(self, string: str) -> None:
        """Add a line, unless it is to be left out: then it is not even kept in memory."""
        if self._is_kept(string) and len(string) <= _LONGEST_LINE:
            self._read()
            self._lines.append(TypedLine(string, self._server()))
            self._texts.append(string)
            if len(self._lines) == 2 * _MOST_LINES:
                self._forget_oldest()
            self.store_string(string)

    def _forget_oldest(self) -> None:
        """Keep as many lines as would be read from a file: a session may last for weeks."""
        del self._lines[:_MOST_LINES], self._texts[:_MOST_LINES]
        self._old, self._order = max(0, self._old - _MOST_LINES), None

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines in the order in which they are recalled, as `load` does."""
        return self.recalled()

    def store_string(self, string: str) -> None:
        """Write a line to the end of the file, in one write: another shell may do so at the same time."""
        if self._path is None:
            return
        try:
            append_private(self._path, _entry(TypedLine(string, self._server())))
        except OSError as error:
            self._path = None
            self._on_failure(f"the history is not kept any more: {reason_of(error)}.")

    def _tell(self, sentence: str) -> None:
        """Pass a sentence on, above the prompt if one is on the screen."""
        app = get_app_or_none()
        if app is not None and app.is_running:
            run_in_terminal(partial(self._on_failure, sentence))
        else:
            self._on_failure(sentence)

    def _read(self) -> None:
        """Read the file, once: at the first line that is asked for, which is after the first prompt was drawn."""
        if self._is_read or self._path is None:
            return
        self._is_read = True
        try:
            octets = read_private(self._path, _MOST_OCTETS, end=True) or b""
        except (OSError, MemoryError) as error:
            octets = b""
            self._tell(f"the history of earlier sessions cannot be read: {reason_of(error)}.")
        self._lines = parse_history(octets)
        self._texts = [each.text for each in self._lines]
        self._old = len(self._lines)
        if len(octets) == _MOST_OCTETS:  # it would grow for ever
            with suppress(OSError):
                replace_private(self._path, octets[octets.find(b"\n# ", _MOST_OCTETS // 2) :])


def parse_history(octets: bytes) -> list[TypedLine]:
    """Return the latest lines of a history file, the oldest first.

    Left out is what a prompt would not have written: more than one line, what is not printable or not UTF-8, and credentials.
    """
    found = [
        TypedLine(text, server)
        for server, text in re.findall(_ENTRY, octets.decode("utf-8", "surrogateescape") + "\n")
        if (text.isprintable() or text.replace("\t", " ").isprintable()) and len(text) <= _LONGEST_LINE
    ]
    return [
        each
        for each in found[-_MOST_LINES:]
        if not _MAY_HOLD_SECRET.match(each.text) or holds_no_secret(each.text, None)
    ]


def open_history(
    is_kept: Callable[[str], bool], on_failure: Callable[[str], None], server: Callable[[], str] = str
) -> ServerHistory:
    """Open the history in the state directory. Where that fails, it lasts as long as the process.

    Args:
        is_kept: Whether a line is kept.
        on_failure: Takes a sentence that says why the history is not kept.
        server: Returns the name of the server that there is a connection to; empty for none.
    """
    path = state_dir() / "history"
    try:
        private_folder(path.parent)
        open_append(path, own=True).close()
    except SmtpShellError as error:
        on_failure(f"the history is not kept: {error}")
        return ServerHistory(None, is_kept, server, on_failure)
    except OSError as error:
        on_failure(f"the history is not kept: {escape_str(str(path))}: {reason_of(error)}.")
        return ServerHistory(None, is_kept, server, on_failure)
    return ServerHistory(path, is_kept, server, on_failure)


def server_name(session: Session | None, practice: PracticeServer | None) -> str:
    """Return how the history names the server of a connection; empty for none.

    A practice server has another port each time, and the command line of a pipe may hold what is nobody's business.

    Args:
        session: The connection, open or not.
        practice: The practice server of this process.
    """
    if session is None or not session.is_open:
        return ""
    from smtp_shell.net.target import Way

    if practice is not None and practice.is_at(session.target):
        return "practice"
    return "pipe" if session.target.way is Way.PIPE else str(session.target)


def _entry(line: TypedLine) -> bytes:
    return f"\n# {datetime.now()} {line.server}".rstrip().encode() + f"\n+{line.text}\n".encode()

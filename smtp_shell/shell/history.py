"""The history of the prompt: a private file without secrets and without mail data."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import FileHistory

from smtp_shell.config import private_folder, state_dir
from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.octets import escape_str


class FilteredHistory(FileHistory):
    """A history file that leaves lines out.

    Args:
        path: The file.
        is_kept: Whether a line is kept.
    """

    def __init__(self, path: str, is_kept: Callable[[str], bool]) -> None:
        super().__init__(path)
        self._is_kept = is_kept

    def append_string(self, string: str) -> None:
        """Add a line, unless it is to be left out: then it is not even kept in memory."""
        if self._is_kept(string):
            super().append_string(string)


def open_history(is_kept: Callable[[str], bool], on_failure: Callable[[str], None]) -> FilteredHistory:
    """Open the history in the state directory. Where that fails, it lasts as long as the process.

    Args:
        is_kept: Whether a line is kept.
        on_failure: Takes a sentence that says why the history is not kept.
    """
    path = state_dir() / "history"
    try:
        private_folder(path.parent)
        _make_private(path)
    except (SmtpShellError, OSError) as error:
        on_failure(f"the history is not kept: {escape_str(str(error))}")
        return FilteredHistory(os.devnull, is_kept)
    return FilteredHistory(str(path), is_kept)


def _make_private(path: Path) -> None:
    """Create the file for its owner only, if it is not there; follow no link.

    Raises:
        OSError: It is a link, or cannot be created.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags, 0o600)
    with suppress(AttributeError, OSError):
        os.fchmod(descriptor, 0o600)
    os.close(descriptor)

"""The history of the prompt: a private file without secrets and without mail data."""

from __future__ import annotations

import os
from collections.abc import Callable

from prompt_toolkit.history import FileHistory

from smtp_shell.config import state_dir
from smtp_shell.errors import SmtpShellError
from smtp_shell.private_files import open_append, private_folder
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
        open_append(path).close()
    except (SmtpShellError, OSError) as error:
        on_failure(f"the history is not kept: {escape_str(str(error))}")
        return FilteredHistory(os.devnull, is_kept)
    return FilteredHistory(str(path), is_kept)

"""Programs of the user's that this one starts: a pager, an editor, what follows a bar."""

from __future__ import annotations

import os
import shlex
import shutil
import sys


def words_of(command: str) -> list[str]:
    r"""Return the words of a command line, quoted as the system's own shell quotes them.

    On Windows a backslash and an apostrophe are themselves (`C:\Users\O'Neill\vim.exe`), and double quotes hold together what has blanks.

    Args:
        command: The command line, such as the value of `EDITOR`.

    Raises:
        ValueError: A quote is not closed.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if sys.platform == "win32":
        lexer.escape = ""
        lexer.quotes = '"'
    return list(lexer)


def program_file(name: str) -> str | None:
    """Return the file of a program; None where there is none.

    Windows looks into the current folder before all others. A folder that came with somebody's transcripts may hold a `less.exe`, which
    nobody meant: one from there counts only where its path is written.

    Args:
        name: Its name, or its path.
    """
    try:
        found = shutil.which(name)
    except ValueError:  # NUL
        return None
    is_windows = sys.platform == "win32"
    if found is None or not is_windows or os.path.dirname(name):
        return found
    here = os.path.abspath(os.curdir)
    if os.path.dirname(os.path.abspath(found)) != here:
        return found
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return found if any(os.path.abspath(each) == here for each in folders if each) else None

"""Programs of the user's that this one starts: a pager, an editor, what follows a bar."""

from __future__ import annotations

import os
import shutil
import sys


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

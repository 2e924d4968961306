"""The keys that are worth knowing, for `/help keys` and the manual page. It loads nothing: the keys themselves are bound elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS: Mapping[str, Mapping[str, str]] = {
    "at the prompt": {
        "Tab": "complete; again for the next row of the menu, Shift-Tab back",
        "Enter": "send the line; on a row of the menu, take the row",
        "Esc": "close the menu",
        "Right, Ctrl-E": "take the grey rest of an earlier line; Alt-F: a word of it",
        "Up, Down": "earlier lines that begin with what is typed",
        "Ctrl-R": "search all earlier lines; again for the one before",
        "Ctrl-O": "send an earlier line, and bring the one after it (Emacs keys)",
        "Alt-.": "the last word of the line before",
        "Ctrl-_": "undo",
        "Ctrl-L": "clear the screen",
    },
    "in mail data": {
        "Enter": "a new line; after a line of one dot, send",
        "Alt-Enter": "write the dot, and send (Emacs keys)",
    },
    "in both": {
        "Ctrl-X Ctrl-E": "what is typed, in $EDITOR; with vi keys v, after Esc",
        "F1": "help on the command that is typed; the line stays",
        "F4": "Emacs or vi keys (/set editing)",
        "F5": "explain replies: off, on, all (/set explain)",
        "F2, F3, F6-F12": "what you give them: /alias f6 = /capabilities",
        "Ctrl-C": "drop the line; end a wait",
        "Ctrl-D": "leave, where nothing is typed",
        "Ctrl-Z": "suspend the shell, but on Windows; fg goes on",
    },
}
"""Where a key works -> key -> what it does."""

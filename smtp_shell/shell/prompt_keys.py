"""Keys of the prompts that are ours, beside those of Emacs and vi; and why a prompt ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.cursor_shapes import CursorShapeConfig, DynamicCursorShapeConfig, ModalCursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.key_binding import KeyPressEvent

    from smtp_shell.shell.shell import Shell

_CURSOR_OF_VI = ModalCursorShapeConfig()


def editing_mode(shell: Shell) -> EditingMode:
    """Return whose keys the prompts have: those of Emacs or of vi."""
    return EditingMode.VI if shell.settings.editing == "vi" else EditingMode.EMACS


def cursor_shape(shell: Shell) -> CursorShapeConfig:
    """Return the shape of the cursor: the terminal's own, or with vi keys a bar to insert text and a block for keys that are commands."""
    return DynamicCursorShapeConfig(lambda: _CURSOR_OF_VI if shell.settings.editing == "vi" else None)


class EditorDue(Exception):
    """The prompt ended by itself, because its text is to be edited in the user's editor.

    Not at the prompt: Ctrl-C belongs to the editor there.

    Args:
        typed: What was at the prompt.
    """

    def __init__(self, typed: str) -> None:
        super().__init__()
        self.typed = typed


class MailDataOver(Exception):
    """The editor for mail data ended by itself, because the server takes none any more."""


def editor_keys(may_edit: Callable[[str], bool]) -> KeyBindings:
    """Return the keys that end a prompt with `EditorDue`: Ctrl-X Ctrl-E, and v in the navigation mode of vi, as in bash.

    Args:
        may_edit: Whether what is at the prompt may be written into a file.
    """
    keys = KeyBindings()

    @keys.add("c-x", "c-e")
    @keys.add("v", filter=vi_navigation_mode)
    def _(event: KeyPressEvent) -> None:
        text = event.current_buffer.text
        if not may_edit(text):
            event.app.output.bell()
            return
        event.app.erase_when_done = True  # what the editor leaves is drawn anew
        event.app.exit(exception=EditorDue(text))

    return keys

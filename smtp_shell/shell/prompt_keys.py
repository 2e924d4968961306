"""Keys of the prompts that are ours, beside those of Emacs and vi; and why a prompt ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.cursor_shapes import CursorShapeConfig, DynamicCursorShapeConfig, ModalCursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import completion_is_selected, emacs_mode, has_completions, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.shortcuts import CompleteStyle

from smtp_shell.display.themes import is_spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.key_binding import KeyPressEvent

    from smtp_shell.shell.history import ServerHistory
    from smtp_shell.shell.settings import ShellSettings
    from smtp_shell.shell.shell import Shell

_CURSOR_OF_VI = ModalCursorShapeConfig()


def editing_mode(shell: Shell) -> EditingMode:
    """Return whose keys the prompts have: those of Emacs or of vi."""
    return EditingMode.VI if shell.settings.editing == "vi" else EditingMode.EMACS


def cursor_shape(shell: Shell) -> CursorShapeConfig:
    """Return the shape of the cursor: the terminal's own, or with vi keys a bar to insert text and a block for keys that are commands."""
    return DynamicCursorShapeConfig(lambda: _CURSOR_OF_VI if shell.settings.editing == "vi" else None)


def menu_style(settings: ShellSettings) -> CompleteStyle:
    """Return how the menu stands: a row for each word with its description, or several words in a row."""
    return CompleteStyle.MULTI_COLUMN if settings.menu == "columns" else CompleteStyle.COLUMN


def opens_menu(settings: ShellSettings) -> bool:
    """Return whether the menu opens while one types. A screen reader would read each aloud; Tab asks for one."""
    return settings.menu != "tab" and not is_spoken(settings.theme)


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


def menu_keys() -> KeyBindings:
    """Return the keys of a menu that opens by itself: it takes none that had a meaning before, until a row of it is chosen."""
    keys = KeyBindings()

    @keys.add("up", filter=has_completions & ~completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.cancel_completion()
        event.current_buffer.auto_up(event.arg)

    # Enter would send a line that nobody has seen whole.
    @keys.add("enter", filter=completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    # In vi, Escape has its own meaning, and closes the menu too.
    @keys.add("escape", filter=has_completions & emacs_mode)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.cancel_completion()

    return keys


def history_keys(shell: Shell, history: ServerHistory) -> KeyBindings:
    """Return the key that sends an earlier line and brings the one that followed it: Ctrl-O, as in bash.

    That of prompt_toolkit looks for the line before the history is loaded, and a line that is sent again changes its place there.

    Args:
        shell: The shell.
        history: What is recalled.
    """
    keys = KeyBindings()

    @keys.add("c-o", filter=emacs_mode)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        lines = list(history.recalled())[::-1]
        at = buffer.working_index
        buffer.go_to_history(len(lines))
        is_loaded = buffer.working_index == len(lines)
        buffer.go_to_history(at)
        if is_loaded and at < len(lines):
            shell.at_hand.following = lines[at + 1 :]
        shell.at_hand.offer_following()
        buffer.validate_and_handle()

    return keys

"""Suggestions as prompt_toolkit takes them, for the menu of the prompt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.filters import emacs_insert_mode, vi_insert_mode
from prompt_toolkit.key_binding import KeyBindings

from smtp_shell.shell.completion import CompletionContext, suggest

if TYPE_CHECKING:
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyPressEvent


class MenuCompleter(Completer):
    """Hands suggestions to the menu, each with as much of its description as the terminal has room for.

    Args:
        context: Returns what suggestions are made from now.
    """

    def __init__(self, context: Callable[[], CompletionContext]) -> None:
        self._context = context

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what could be typed next."""
        from smtp_shell.display.characters import in_ascii, shows_utf_8
        from smtp_shell.shell.completion.menu import menu_rows

        found = list(suggest(self._context(), document.text_before_cursor))
        output = get_app().output
        ellipsis = "…"
        if not shows_utf_8(os.environ, output.encoding()):
            ellipsis = in_ascii(ellipsis)
            found = [
                replace(each, description=in_ascii(each.description), shown=in_ascii(each.label)) for each in found
            ]
        rows = menu_rows(found, output.get_size().columns, ellipsis)
        for each, (label, description) in zip(found, rows, strict=True):
            yield Completion(each.text, -each.start, display=[("", label)], display_meta=[("", description)])

    def wants_more(self, text: str) -> bool:
        """Return whether a line is the whole name of a slash command, and something can follow it."""
        name = text.lstrip(" \t")
        command = self._context().commands.get(name) if name.startswith("/") else None
        return command is not None and command.complete is not None


def completion_keys(completer: MenuCompleter) -> KeyBindings:
    """Return the binding of Tab: what is the only possibility is inserted, and of several the menu opens.

    A blank follows a command of the shell that takes something, so that its argument can be typed at once.

    That of prompt_toolkit does nothing while suggestions are being made for the key before, as where keys come in one piece over a
    slow line.

    Args:
        completer: The completer of the prompt.
    """
    keys = KeyBindings()

    @keys.add("tab", filter=emacs_insert_mode | vi_insert_mode)
    def _complete(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        shown = buffer.complete_state
        if shown is not None and (len(shown.completions) > 1 or shown.current_completion is not None):
            buffer.complete_next()
            return
        found = list(completer.get_completions(buffer.document, CompleteEvent(completion_requested=True)))
        if len(found) == 1:
            buffer.apply_completion(found[0])
            if completer.wants_more(buffer.text):
                buffer.insert_text(" ")
        else:
            buffer.start_completion(insert_common_part=True)

    return keys

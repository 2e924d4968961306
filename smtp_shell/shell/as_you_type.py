"""What prompt_toolkit shows of a line while it is typed: the colours of its words, the rest of an earlier line, and the hint.

Nothing of this is needed before the first key. What it loads is loaded in a thread once the first prompt is drawn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.lexers import Lexer

from smtp_shell.display.themes import is_spoken
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.chunks import takes_chunk
from smtp_shell.shell.completion import options_of, suggest
from smtp_shell.shell.prompt import on_terminal
from smtp_shell.shell.typed_secrets import mask_starts

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from smtp_shell.display.dialogue_words import Mark
    from smtp_shell.shell.hints import Hint
    from smtp_shell.shell.shell import Shell

_LOWEST = 12  # rows of a screen that has room for a line of hints
_SOON = 0.05  # seconds from the first prompt to the loading: the terminal draws first, and nobody types sooner
_ATTRIBUTES = ("bold", "dim", "italic", "underline")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan")
_OF_HINTS = "noreverse bg:default fg:default"


class InputLexer(Lexer):
    """Colours the words of what is typed.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def invalidation_hash(self) -> Hashable:
        """Return what the colours depend on, beside the text."""
        return self._shell.phase, self._shell.view.look.theme

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return what returns the pieces of a line, each with its style."""
        lines, theme = document.lines, self._shell.view.look.theme
        if not any(lines) or self._shell.phase is Phase.AUTH:
            return lambda number: [("", lines[number])] if number < len(lines) else []
        from smtp_shell.display.dialogue_words import pieces

        marks = list(_marks(lines, is_message=self._shell.phase is Phase.MAILDATA))

        def line(number: int) -> StyleAndTextTuples:
            if number >= len(lines):
                return []
            return [
                (style_in_prompt(kind, theme) if kind else "", text)
                for kind, text in pieces(lines[number], marks[number])
            ]

        return line


def _marks(lines: list[str], *, is_message: bool) -> Iterator[list[Mark]]:
    """Yield the words of each line; what follows DATA in a paste is a message."""
    from smtp_shell.display.dialogue_words import command_marks, message_marks, slash_marks

    if is_message:
        # Of a single line nobody knows whether the header goes on.
        yield from message_marks(lines) if len(lines) > 1 else [[]]
        return
    begins = len(lines)
    for number, line in enumerate(lines):
        if number > begins:
            if line == ".":
                begins = len(lines)
            yield []
            continue
        yield slash_marks(line) if line.lstrip(" \t").startswith("/") else command_marks(line)
        if line.strip(" \t").upper() == "DATA":
            begins = number


def style_in_prompt(name: str, theme: str) -> str:
    """Return a style of the screen in the notation of prompt_toolkit.

    Args:
        name: A key of `themes.STYLES`.
        theme: A key of `themes.THEMES`.
    """
    from smtp_shell.display.themes import style_of

    return " ".join(filter(None, map(_in_prompt, style_of(name, theme).split())))


def _in_prompt(word: str) -> str:
    """Return a word of a style; empty for what a prompt does not show."""
    if word in _ATTRIBUTES or word.startswith("#"):
        return word
    if word in ("white", "bright_white"):
        return "ansigray" if word == "white" else "ansiwhite"
    colour = word.removeprefix("bright_")
    return f"ansi{'bright' if colour != word else ''}{colour}" if colour in _COLOURS else ""


class GhostText(AutoSuggest):
    """Suggests the rest of the last line that began with what is typed.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._last = ("", "")  # what was typed at the last key, and the line that was found for it; empty for none
        self._history: tuple[int, str] = (0, "")  # how many lines the history had then, and the last of them

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """Return what could follow the text; None for nothing."""
        typed = document.text
        if not typed.strip(" \t") or "\n" in typed or not self._is_on(typed):
            return None
        line = self._line(typed)
        return Suggestion(line[len(typed) :]) if line else None

    def _is_on(self, typed: str) -> bool:
        shell = self._shell
        # In that theme typed text and suggested text would look the same.
        if not shell.settings.ghost or is_spoken(shell.view.look.theme):
            return False
        if shell.phase in (Phase.MAILDATA, Phase.AUTH):
            return False
        return mask_starts(typed, in_exchange=shell.awaits_answer)[0] is None

    def _line(self, typed: str) -> str:
        """Return the last printable line of the history that begins with the text and goes on; an empty one for none."""
        history = self._shell.history()
        state = (len(history), history[-1] if history else "")
        before, found = self._last
        if state == self._history and before and typed.startswith(before):
            # A line that begins with more begins with less too, so the latest one stays the latest.
            if not found:
                return ""
            if len(found) > len(typed) and found.startswith(typed):
                self._last = (typed, found)
                return found
        longer = (line for line in reversed(history) if line.startswith(typed) and len(line) > len(typed))
        found = next((line for line in longer if line.isprintable()), "")
        self._last, self._history = (typed, found), state
        return found


class HintRow:
    """The row above the bottom line that says what becomes of a line.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._key: Hashable = None
        self._hint: Hint | None = None

    def __call__(self) -> StyleAndTextTuples:
        """Return the row, with its line break; nothing where hints are off, or where the screen has no room."""
        app = get_app()
        size = app.output.get_size()
        # A screen reader would read the row aloud after each key.
        if not self._shell.settings.hints or size.rows < _LOWEST or is_spoken(self._shell.view.look.theme):
            return []
        buffer = app.current_buffer
        found = self._current(buffer.text if buffer.name == DEFAULT_BUFFER else "")
        return [*fitted(found, size.columns, self._shell.view.look.theme), ("", "\n")]

    def _current(self, text: str) -> Hint | None:
        """Return the hint, which is made once for each key: the row is drawn several times."""
        shell = self._shell
        dialogue = shell.session.dialogue if shell.session is not None else None
        owed = (dialogue.asked, dialogue.answered) if dialogue is not None else None
        key = (text, shell.phase, owed, id(dialogue), shell.group is None, shell.settings.ehlo)
        if key != self._key:
            self._key, self._hint = key, self._made(text)
        return self._hint

    def _made(self, text: str) -> Hint | None:
        shell = self._shell
        if not text or "\n" in text or takes_chunk(shell.session):
            return None
        from smtp_shell.shell.hints import Situation, hint

        session, standing = shell.session, None
        if shell.phase is not None and session is not None and shell.group is None and not session.dialogue.owed:
            standing = shell.explanations.exchanges.now if shell.explanations is not None else None
        return hint(text, Situation(shell.registry, shell.hello_command, shell.phase, standing, shell.awaits_answer))


def fitted(found: Hint | None, columns: int, theme: str) -> StyleAndTextTuples:
    """Return a hint as one row over the whole width, which has not the colours of the bottom line."""
    room = columns - 1
    if found is None:
        return [(_OF_HINTS, " " * max(room, 0))]
    from prompt_toolkit.utils import get_cwidth

    fitting = (both for both in found.forms() if sum(get_cwidth(part) + 2 for part in both if part) <= room)
    text, doubt = next(fitting, ("", ""))
    if not text and not doubt:
        text, doubt = ("", _cut(found.doubt, room - 2)) if found.doubt else (_cut(found.text, room - 2), "")
    parts: StyleAndTextTuples = []
    for part, name in ((text, "typed.hint"), (doubt, "typed.doubt")):
        if part:
            parts.append((f"{_OF_HINTS} {style_in_prompt(name, theme)}", f" {part} "))
            room -= get_cwidth(part) + 2
    return [*parts, (_OF_HINTS, " " * max(room, 0))]


def _cut(text: str, room: int) -> str:
    """Return as much of a text as has room, up to the end of a word, with a sign that it goes on."""
    from prompt_toolkit.utils import get_cwidth

    if get_cwidth(text) <= room:
        return text
    more = on_terminal("…")
    while text and get_cwidth(text) > room - len(more):
        text = text.rpartition(" ")[0] if " " in text else text[:-1]
    return text + more if text else ""


def load_after_first_prompt(app: Application[str], shell: Shell) -> None:
    """Load what the first key needs in a thread, once the first prompt is drawn; and at the first `/` what its menus need.

    Args:
        app: The prompt.
        shell: The shell, whose commands are loaded too.
    """

    def drawn(app: Application[str]) -> None:
        app.after_render -= drawn
        if app.loop is not None:
            app.loop.call_later(_SOON, _in_thread, _load, shell)

    def typed(buffer: Buffer) -> None:
        if buffer.text.startswith("/") and app.loop is not None:
            buffer.on_text_changed -= typed
            # Not at once: its menu comes first.
            app.loop.call_later(_SOON, _in_thread, _load_options, shell)

    app.after_render += drawn
    app.current_buffer.on_text_changed += typed


def _in_thread(load: Callable[[Shell], None], shell: Shell) -> None:
    """Load something in a thread of its own: the loop that draws the prompt takes none when it is about to end."""

    def run() -> None:
        with suppress(Exception):  # what cannot be loaded now is loaded at its key, which says why not
            load(shell)

    with suppress(RuntimeError):  # no thread can be had: it is loaded at its key
        threading.Thread(target=run, name="load", daemon=True).start()


def _load(shell: Shell) -> None:
    import smtp_shell.display.characters
    import smtp_shell.display.dialogue_words
    import smtp_shell.knowledge.near
    import smtp_shell.knowledge.reasons
    import smtp_shell.knowledge.tables
    import smtp_shell.protocol.parameters
    import smtp_shell.shell.completion.menu
    import smtp_shell.shell.hints  # noqa: F401

    # The commands, and the addresses and servers in a long history.
    context = shell.completion_context()
    for name in ("rcpt", "/connect"):
        next(suggest(context, f"{name} "), None)


def _load_options(shell: Shell) -> None:
    """Load the options of the commands, and what knows the values of the options. Some are parsers of whole packages."""
    context = shell.completion_context()
    for command in shell.registry.values():
        for option in options_of(command.options):
            if option.complete is not None:
                next(option.complete(context, ""), None)

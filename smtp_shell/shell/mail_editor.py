"""The editor for mail data: lines with numbers that are sent together, once a dot alone on a line has ended them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.filters import Condition, emacs_mode, has_completions, vi_insert_mode, vi_navigation_mode
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.layout.processors import TabsProcessor, Transformation, TransformationInput
from prompt_toolkit.styles import DynamicStyle

from smtp_shell.shell.draft_remarks import DraftRemarks
from smtp_shell.shell.function_keys import function_keys
from smtp_shell.shell.header_completion import is_in_header, suggest_header
from smtp_shell.shell.prompt import CLOCK_SECONDS, color_depth, prompt_style, toolbar
from smtp_shell.shell.prompt_keys import cursor_shape, editing_mode, editor_keys, menu_style, opens_menu
from smtp_shell.shell.prompting import run_prompt
from smtp_shell.shell.whole_characters import keep_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyPressEvent

    from smtp_shell.shell.shell import Shell

_GUTTER = 5
_HEADING = "a line of one dot ends it"


class MailEditor:
    """The editor for mail data.

    Args:
        shell: The shell.

    Attributes:
        kept: What was written and not sent, because the connection ended: the next mail data begins with it.
    """

    def __init__(self, shell: Shell) -> None:
        self.kept = ""
        self._shell = shell
        self._measured = ("", 0)  # the last text and its size, which is asked for with each key and each second
        self._remarks = DraftRemarks(shell, _GUTTER, self._is_in_header)
        self._prompt: PromptSession[str] = PromptSession(
            message=self._heading,
            multiline=True,
            prompt_continuation=_continuation,
            history=DummyHistory(),
            completer=_HeaderCompleter(shell),
            complete_while_typing=Condition(lambda: self._is_in_header() and opens_menu(shell.settings)),
            bottom_toolbar=lambda: toolbar(shell, draft=self._size()),
            input_processors=[_Tabs(char1=" ", char2=" "), self._remarks],
            style=DynamicStyle(lambda: prompt_style(shell)),
            color_depth=color_depth(shell),
            refresh_interval=CLOCK_SECONDS,
            key_bindings=merge_key_bindings(
                [_keys(Condition(self._is_in_header)), function_keys(shell), editor_keys(lambda text: True)]
            ),
            mouse_support=Condition(lambda: shell.settings.mouse),
            cursor=cursor_shape(shell),
            enable_suspend=True,
            reserve_space_for_menu=6,
        )
        keep_whole(self._prompt.default_buffer)

    @property
    def text(self) -> str:
        """What is written now, or was when the editor ended."""
        return self._prompt.default_buffer.text

    def read(self, pre_run: Callable[[], None], text: str) -> str:
        """Return mail data: its lines, the dot among them.

        Args:
            pre_run: Called when the editor begins.
            text: What it begins with; empty for what was kept.

        Raises:
            KeyboardInterrupt: Ctrl-C.
            EOFError: Ctrl-D in an empty editor.
            SystemRefused: There can be no editor now.
        """
        text, self.kept = text or self.kept, ""
        self._remarks.forget()
        self._prompt.app.erase_when_done = False
        self._prompt.editing_mode = editing_mode(self._shell)
        self._prompt.complete_style = menu_style(self._shell.settings)
        return run_prompt(self._prompt, pre_run=pre_run, default=text)

    def look(self) -> None:
        """Look at what is written: called a few times a second."""
        if self._remarks.look(self.text):
            self._prompt.app.invalidate()

    def _size(self) -> int:
        text = self.text
        if text is not self._measured[0]:
            self._measured = (text, size_of(text))
        return self._measured[1]

    def _heading(self) -> StyleAndTextTuples:
        what = "mail data goes on" if self._shell.mail_data.has_begun else "mail data"
        return [("class:prompt.phase", what), ("", f": {_HEADING}\n"), _number(1)]

    def _is_in_header(self) -> bool:
        if self._shell.mail_data.has_begun:
            return False
        buffer = self._prompt.default_buffer
        return is_in_header(buffer.text, buffer.cursor_position)


def is_ended(document: Document) -> bool:
    """Return whether Enter sends mail data: it has a line of one dot, and the cursor is on its last line."""
    return document.on_last_line and "." in document.lines


def end_and_send(buffer: Buffer) -> None:
    """End mail data with a line of one dot, unless it has one, and send it."""
    buffer.complete_state = None
    lines = buffer.document.lines
    buffer.cursor_position = len(buffer.text)
    if "." not in lines:
        buffer.insert_text("\n." if lines[-1] else ".", fire_event=False)
    buffer.validate_and_handle()


def size_of(text: str) -> int:
    """Return the octets of mail data that a text becomes: its lines up to a line of one dot, with CRLF and doubled dots.

    Source: RFC 5321 sections 2.3.8 and 4.5.2
    """
    end = f"\n{text}\n".find("\n.\n")
    lines = text[:end] if end >= 0 else text
    if lines and not lines.endswith("\n"):
        lines += "\n"
    # No loop over the lines: 10,000 of them take 0.2 ms.
    return len(lines.encode("utf-8", "surrogateescape")) + lines.count("\n") + f"\n{lines}".count("\n.")


def _number(line: int) -> tuple[str, str]:
    return "class:number", f"{line:>{_GUTTER - 2}}  "


def _continuation(width: int, line: int, wraps: int) -> StyleAndTextTuples:
    return [("", " " * _GUTTER) if wraps else _number(line + 1)]


def _keys(in_header: Condition) -> KeyBindings:
    keys = KeyBindings()

    # With vi keys it stays Enter: Escape and Enter come one after the other there, and are no wish to send.
    @keys.add("escape", "enter", filter=emacs_mode)
    def _(event: KeyPressEvent) -> None:
        end_and_send(event.current_buffer)

    @keys.add("enter")
    @keys.add("escape", "enter", filter=~emacs_mode)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None  # what was chosen is in the line
        elif is_ended(buffer.document):
            buffer.validate_and_handle()
        elif vi_navigation_mode():
            buffer.cursor_down()
        else:
            buffer.newline(copy_margin=False)

    @keys.add("tab", filter=~in_header & ~vi_navigation_mode)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\t")

    # There is no history here: a line is left for another line only.
    @keys.add("up", filter=~has_completions)
    @keys.add("c-p", filter=~has_completions & ~vi_insert_mode)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.cursor_up(event.arg)

    @keys.add("down", filter=~has_completions)
    @keys.add("c-n", filter=~has_completions & ~vi_insert_mode)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.cursor_down(event.arg)

    return keys


class _Tabs(TabsProcessor):
    """Draws tabs. A line without one is passed on whole: with each key all lines of the screen are drawn."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        if "\t" in transformation_input.document.lines[transformation_input.lineno]:
            return super().apply_transformation(transformation_input)
        return Transformation(transformation_input.fragments)


class _HeaderCompleter(Completer):
    """Hands suggestions for the header to prompt_toolkit."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        if self._shell.mail_data.has_begun:
            return
        asked = complete_event.completion_requested
        for found in suggest_header(self._shell.completion_context(), document.text_before_cursor, asked=asked):
            yield Completion(
                found.text, -found.start, display=[("", found.text)], display_meta=[("", found.description)]
            )

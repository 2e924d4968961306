"""What reads a line at the prompt: its completion, history, masks for credentials, keys and bottom line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from prompt_toolkit import PromptSession
from prompt_toolkit.filters import Condition, vi_navigation_mode
from prompt_toolkit.key_binding import merge_key_bindings
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.styles import DynamicStyle

from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.as_you_type import GhostText, HintRow, InputLexer, load_after_first_prompt
from smtp_shell.shell.at_hand import is_secret
from smtp_shell.shell.completer import MenuCompleter, completion_keys
from smtp_shell.shell.function_keys import function_keys
from smtp_shell.shell.history import open_history, server_name
from smtp_shell.shell.prompt import CLOCK_SECONDS, color_depth, on_terminal, prompt_style, prompt_text, toolbar
from smtp_shell.shell.prompt_keys import cursor_shape, editing_mode, editor_keys, history_keys, menu_keys, opens_menu
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_secrets import is_kept, mask_starts
from smtp_shell.shell.whole_characters import keep_whole


def make_prompt(shell: Shell) -> PromptSession[str]:
    """Return what reads the lines of a shell: the one place where completion, history, masks and keys are put together."""
    history = open_history(
        lambda line: (
            is_kept(line, Phase.AUTH if shell.awaits_answer else shell.phase)
            and not shell.aliases.holds_credential(line)
        ),
        shell.say_loudly,
        lambda: server_name(shell.session, shell.options.practice),
    )
    shell.history, shell.typed_here = history.get_strings, history.typed_here
    completer = MenuCompleter(shell.completion_context)
    hints = HintRow(shell)
    session: PromptSession[str] = PromptSession(
        message=lambda: prompt_text(shell),
        history=history,
        completer=completer,
        key_bindings=merge_key_bindings(
            [
                menu_keys(),
                completion_keys(completer),
                history_keys(shell, history),
                function_keys(shell),
                editor_keys(
                    lambda text: shell.phase is not Phase.AUTH and not is_secret(text, in_exchange=shell.awaits_answer)
                ),
            ]
        ),
        mouse_support=Condition(lambda: shell.settings.mouse),
        cursor=cursor_shape(shell),
        complete_while_typing=Condition(
            lambda: shell.phase not in (Phase.MAILDATA, Phase.AUTH) and opens_menu(shell.settings)
        ),
        lexer=InputLexer(shell),
        auto_suggest=GhostText(shell),
        bottom_toolbar=lambda: [*hints(), *toolbar(shell)],
        input_processors=[
            MaskCredential(partial(_starts, shell)),
            Hide(Condition(lambda: shell.phase is Phase.AUTH)),
        ],
        style=DynamicStyle(lambda: prompt_style(shell)),
        color_depth=color_depth(shell),
        refresh_interval=CLOCK_SECONDS,
        enable_suspend=True,
        reserve_space_for_menu=6,
        editing_mode=editing_mode(shell),
    )
    # Not by the session's own argument, which would turn the menu off. As in vi, k goes through all lines.
    session.default_buffer.enable_history_search = ~vi_navigation_mode
    keep_whole(session.default_buffer)
    load_after_first_prompt(session.app, shell)
    return session


class MaskCredential(Processor):
    """Masks credentials while they are typed, over all lines of a paste.

    Args:
        starts: Returns for each line of what is typed where to begin to mask it; None for a line that is shown.
    """

    def __init__(self, starts: Callable[[str], Sequence[int | None]]) -> None:
        self._starts = starts

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return the line with its credential masked."""
        fragments = transformation_input.fragments
        lineno = transformation_input.lineno
        start = self._starts("\n".join(transformation_input.document.lines[: lineno + 1]))[lineno]
        if start is None:
            return Transformation(fragments)
        text = "".join(fragment[1] for fragment in fragments)
        return Transformation([("", text[:start] + on_terminal("•") * (len(text) - start))])


def _starts(shell: Shell, text: str) -> list[int | None]:
    """Return where to mask each line at the prompt; of an alias that is given a credential all its words are."""
    starts = mask_starts(text, in_exchange=shell.awaits_answer)
    if not shell.aliases.named:
        return starts
    return [
        start if start is not None or not shell.aliases.holds_credential(line) else _after_name(line)
        for start, line in zip(starts, text.split("\n"), strict=True)
    ]


def _after_name(line: str) -> int:
    name = line.split(None, 1)[0]
    return line.index(name) + len(name) + 1


def answer_starts(text: str) -> list[int | None]:
    """Return where to mask an answer to a question, which may be a line to send; what is pasted after it answers another question."""
    first, *further = text.split("\n")
    return [*mask_starts(first), *(0 for _ in further)]


class Hide(Processor):
    """Shows nothing of what is typed, not even its length."""

    def __init__(self, hidden: Condition) -> None:
        self._hidden = hidden

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Return the line, or nothing of it."""
        if not self._hidden():
            return Transformation(transformation_input.fragments)
        return Transformation([], source_to_display=lambda position: 0, display_to_source=lambda position: 0)

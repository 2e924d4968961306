"""The function keys of the prompts: what they say stands above the line that is being typed, which stays."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings

from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.at_hand import is_secret
from smtp_shell.shell.completion.words import SENT_AS_TYPED
from smtp_shell.shell.prompt_keys import editing_mode
from smtp_shell.shell.registry import Args
from smtp_shell.shell.terminal_echo import no_echo

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPressEvent

    from smtp_shell.shell.shell import Shell

_MOST = 12
_EDITING = {"emacs": "vi", "vi": "emacs"}
_EXPLAIN = {"off": "on", "on": "all", "all": "off"}


def function_keys(shell: Shell) -> KeyBindings:
    """Return the function keys: F1 explains what is typed, F4 and F5 change a setting, as they do in the shells of databases.

    An alias that is called as a key, such as f6, is that key's.
    """
    keys = KeyBindings()

    @keys.add("f1")
    def _(event: KeyPressEvent) -> None:
        run_in_terminal(partial(_run, shell, "/help", help_topic(shell, event.current_buffer.text)))

    @keys.add("f4")
    def _(event: KeyPressEvent) -> None:
        def change() -> None:
            _run(shell, "/set", f"editing {_EDITING[shell.settings.editing]}", "editing")
            event.app.editing_mode = editing_mode(shell)

        run_in_terminal(change)

    @keys.add("f5")
    def _(event: KeyPressEvent) -> None:
        run_in_terminal(partial(_run, shell, "/set", f"explain {_EXPLAIN[shell.settings.explain]}", "explain"))

    for number in range(1, _MOST + 1):  # after ours, so that the user's go before them
        _add_alias(keys, f"f{number}", shell)
    return keys


def _add_alias(keys: KeyBindings, key: str, shell: Shell) -> None:
    """Bind a function key to the alias of its name, if there is one. What was typed is at the next prompt."""

    @keys.add(key, filter=Condition(lambda: key in shell.aliases.named))
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if shell.phase in (Phase.MAILDATA, Phase.AUTH) or is_secret(buffer.text, in_exchange=shell.awaits_answer):
            event.app.output.bell()
            return
        shell.at_hand.next, shell.at_hand.following = buffer.text, []
        buffer.text = f"/{key}"
        buffer.validate_and_handle()


def help_topic(shell: Shell, text: str) -> str:
    """Return what `/help` explains for a line that is being typed: its command, or else the keys.

    Nothing else of the line is looked at, since it may hold a credential.

    Args:
        shell: The shell.
        text: The line.
    """
    if shell.phase is Phase.MAILDATA:
        return "data"
    if shell.phase is Phase.AUTH:
        return "auth"
    name = (text.split() or [""])[0].lower()
    return name if name in shell.registry or name in SENT_AS_TYPED else "keys"


def _run(shell: Shell, name: str, *texts: str) -> None:
    """Run a command of the shell between two keys: not as a line, which might go to the server as mail data."""
    command = shell.registry.find(name)
    with no_echo():  # prompt_toolkit turns it on here
        for text in texts:
            command.run(shell, Args(name, text, command.options))

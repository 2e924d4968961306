"""Several lines that come at once, from a paste or an editor, are asked about before they go out as commands.

What is pasted may be longer than the screen, or come from a page that shows something else than it puts into the clipboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.typed_secrets import mask_starts

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.shell.shell import Shell

_AT_EACH_END = 5  # lines that are shown of many
_BESIDE_THE_PASTE = 3  # rows of the screen: the question, and what is above the paste
_NOT_SENT = "Nothing was sent; /edit opens the lines in an editor."


def confirmed(shell: Shell, text: str, confirm: Callable[[str], bool], rows: int) -> str | None:
    """Return what is to be run of what was typed or pasted; None for nothing. One line is never asked about, and no text of a mail.

    Args:
        shell: The shell that is to run it.
        text: What was typed or pasted.
        confirm: Asks the user a question, and returns whether the answer is yes.
        rows: Rows of the screen.
    """
    session = shell.session
    if "\n" not in text or not shell.settings.ask_paste or shell.group is not None:
        return text
    if session is not None and session.is_open and session.dialogue.chunk_left:
        return text
    if shell.phase is Phase.MAILDATA:
        return _up_to_dot(shell, text, confirm)
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 2:
        return text
    hidden = shell.phase is Phase.AUTH
    if not hidden and (
        len(lines) > rows - _BESIDE_THE_PASTE or escape_str(text.replace("\n", "")) != text.replace("\n", "")
    ):
        for row in numbered(text, in_exchange=shell.awaits_answer):
            shell.say(row)
    verb = "Run" if all(line.lstrip().startswith("/") for line in lines) else "Send"
    if confirm(f"{verb} these {len(lines):,} lines?"):
        return text
    shell.say("Nothing was sent." if hidden else _NOT_SENT)
    return None


def _up_to_dot(shell: Shell, text: str, confirm: Callable[[str], bool]) -> str:
    """Return mail data with what follows its dot, if the user wants that to go out as commands, and without it otherwise."""
    lines = text.split("\n")
    if "." not in lines:
        return text
    end = lines.index(".") + 1
    further = sum(1 for line in lines[end:] if line.strip())
    if not further:
        return "\n".join(lines[:end])
    what = "a line follows" if further == 1 else f"{further:,} lines follow"
    shell.say(f"The dot on line {end:,} ends the message, and {what} it.", "notice")
    for row in numbered("\n".join(lines[end:]), end + 1):
        shell.say(row)
    sends = confirm("Send what follows as commands?")
    return text if sends else "\n".join(lines[:end])


def numbered(text: str, first: int = 1, *, in_exchange: bool = False) -> list[str]:
    """Return lines as the user is shown them: numbered, escaped, credentials masked, and only both ends of many.

    Args:
        text: The lines.
        first: The number of the first.
        in_exchange: Whether an AUTH command was sent whose exchange has not ended.
    """
    lines = text.removesuffix("\n").split("\n")
    starts = mask_starts(text.removesuffix("\n"), in_exchange=in_exchange)
    left_out = len(lines) - 2 * _AT_EACH_END
    shown = range(len(lines)) if left_out < 2 else (*range(_AT_EACH_END), *range(len(lines) - _AT_EACH_END, len(lines)))
    rows: list[str] = []
    for index in shown:
        start = starts[index]
        line = lines[index] if start is None else f"{lines[index][:start]}••••"
        rows.append(f"{first + index:>5}  {escape_str(line)}")
        if left_out >= 2 and index == _AT_EACH_END - 1:
            rows.append(f"    …  {left_out:,} more lines")
    return rows

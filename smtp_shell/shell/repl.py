"""The prompt: reads lines, polls the connection while it waits for one, and asks questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app, run_in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.renderer import CPR_Support
from prompt_toolkit.utils import is_dumb_terminal

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.dumb_prompt import read_line
from smtp_shell.shell.handshakes import finish_tls
from smtp_shell.shell.pasted_lines import PastedLines
from smtp_shell.shell.prompt import prompt_text, toolbar
from smtp_shell.shell.prompt_session import Hide, MaskCredential, answer_starts, make_prompt
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_answers import LinesInARow
from smtp_shell.shell.wait_line import WaitLine

if TYPE_CHECKING:
    from smtp_shell.client.session import Session

_POLL_SECONDS = 0.2


def ask(question: str, hidden: bool) -> str:
    """Ask the user at the terminal.

    Args:
        question: The question, printable.
        hidden: Whether the answer is not shown.
    """
    if is_dumb_terminal():
        return read_line(lambda: question, hidden=hidden)
    session: PromptSession[str] = PromptSession(
        history=InMemoryHistory(),
        input_processors=[MaskCredential(answer_starts), Hide(Condition(lambda: hidden))],
    )
    return session.prompt([("", question)])


def edit_line(question: str, line: str) -> str:
    """Ask the user at the terminal for a line, which begins as another one.

    Args:
        question: The question, printable.
        line: The line, printable.
    """
    if is_dumb_terminal():
        return read_line(lambda: f"{question}[{line}] ") or line
    session: PromptSession[str] = PromptSession(
        history=InMemoryHistory(), input_processors=[MaskCredential(answer_starts)]
    )
    return session.prompt([("", question)], default=line)


def run_repl(shell: Shell, begin: Callable[[], None]) -> int:
    """Read lines and run them until the user leaves.

    Args:
        shell: The shell.
        begin: Called before the first prompt; what goes wrong in it is shown like what goes wrong in a line.

    Returns:
        The exit status.
    """
    prompt = make_prompt(shell)
    shell.edit = edit_line
    if not is_dumb_terminal():
        has_bottom = prompt.app.renderer.cpr_support is not CPR_Support.NOT_SUPPORTED
        wait_line = WaitLine(shell.view, prompt.output, partial(toolbar, shell) if has_bottom else None)
        shell.view, shell.waiting_for = wait_line, wait_line.waiting
    _guard(shell, begin)
    typed = ""  # what is at the prompt already
    shaken: Session | None = None  # the session whose late handshake was done, or failed and left it open
    while not shell.leaving:
        try:
            if is_dumb_terminal():
                text = _read_dumb(shell, prompt, shaken)
            else:
                text = prompt.prompt(
                    pre_run=partial(_poll, shell, shaken), default=typed, vi_mode=shell.settings.editing == "vi"
                )
            typed = ""
        except _HandshakeDue as due:
            typed, shaken = due.typed, shell.session
            _guard(shell, partial(finish_tls, shell))
            continue
        except KeyboardInterrupt:
            typed = ""
            _guard(shell, lambda: _leave_mail_data(shell))
            continue
        except EOFError:
            if shell.phase is Phase.MAILDATA:
                _guard(shell, lambda: _leave_mail_data(shell))
                if shell.phase is Phase.MAILDATA:
                    continue
            break
        run_typed(shell, text)
    shell.close()
    return 0


def run_typed(shell: Shell, text: str) -> None:
    """Run what was typed, or several lines that were pasted.

    Lines that can go out in one write do, if the server has announced PIPELINING. Lines that follow a refused DATA in one paste are the
    text for it. They must not go out as commands.
    """
    row = LinesInARow(shell)
    rest = text.split("\n")
    paste = PastedLines(shell)
    done = _guard(shell, partial(paste.run_next, row, rest))
    while rest and done and not (shell.leaving or shell.stopped or shell.refusals.of_mail_data):
        done = _guard(shell, partial(paste.run_next, row, rest))
    left = len(rest) - (rest[-1:] == [""])
    if left and not shell.leaving:
        shell.say_loudly(f"The rest of what was pasted was not sent: {left} {'line' if left == 1 else 'lines'}.")


def _guard(shell: Shell, action: Callable[[], object]) -> bool:
    """Do something; show what goes wrong in a sentence. Returns whether it went well."""
    try:
        action()
    except SmtpShellError as error:
        shell.say_loudly(str(error))
        shell.advise(error)
        return False
    except (KeyboardInterrupt, EOFError):
        shell.say("Cancelled.")
        return False
    shell.advise()
    return True


def _leave_mail_data(shell: Shell) -> None:
    """Offer to drop the connection, which is the only way out of mail data in SMTP."""
    if shell.phase is not Phase.MAILDATA:
        return
    shell.say(
        "Mail data cannot be cancelled in SMTP: a dot alone ends and sends it, and only dropping the connection does not."
    )
    if shell.confirm("Drop the connection?"):
        shell.drop()


class _HandshakeDue(Exception):
    """The prompt ended by itself, because a late 220 to STARTTLS asks for the handshake.

    Args:
        typed: What was at the prompt.
    """

    def __init__(self, typed: str) -> None:
        super().__init__()
        self.typed = typed


def _read_dumb(shell: Shell, prompt: PromptSession[str], shaken: Session | None) -> str:
    """Read a line on a terminal that can do nothing. The arguments are those of `_poll`, and the prompt, which has the history."""
    line = read_line(
        lambda: fragment_list_to_text(prompt_text(shell)),
        hidden=shell.phase is Phase.AUTH,
        news=partial(_news, shell, shaken),
    )
    prompt.history.append_string(line)
    return line


def _news(shell: Shell, shaken: Session | None) -> Callable[[], object] | None:
    """Return what shows what has come since the last call; None if nothing has. The arguments are those of `_poll`.

    Raises:
        _HandshakeDue: A late 220 to STARTTLS asks for the handshake.
    """
    live, session = shell.options.live, shell.session
    if live is not None and live.has_news:
        return live.show
    if session is not None and session.has_input:
        return partial(_guard, shell, shell.look)
    if session is not None and session.tls_due and session is not shaken:
        raise _HandshakeDue("")
    return None


def _poll(shell: Shell, shaken: Session | None) -> None:
    """Show what the server sends while the prompt waits; the task ends with the prompt.

    Args:
        shell: The shell.
        shaken: The session whose handshake is not tried again.
    """
    app = get_app()

    async def poll() -> None:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                show = _news(shell, shaken)
            except _HandshakeDue:
                # Not in here: Ctrl-C ends a handshake only where no prompt runs.
                app.exit(exception=_HandshakeDue(app.current_buffer.text))
                return
            if show is not None:
                await run_in_terminal(show)
                app.invalidate()

    app.create_background_task(poll())

"""The prompt: reads lines, polls the connection while it waits for one, and asks questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app, run_in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.renderer import CPR_Support
from prompt_toolkit.utils import is_dumb_terminal

from smtp_shell.errors import SmtpShellError, SystemRefused
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.dumb_prompt import read_line
from smtp_shell.shell.handshakes import finish_tls
from smtp_shell.shell.paste_question import confirmed
from smtp_shell.shell.prompt import prompt_style, prompt_text, toolbar
from smtp_shell.shell.prompt_keys import EditorDue, MailDataOver, editing_mode, menu_style
from smtp_shell.shell.prompt_session import Hide, MaskCredential, answer_starts, make_prompt
from smtp_shell.shell.prompting import forget_typed, run_prompt, usual_modes
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.terminal_echo import no_echo
from smtp_shell.shell.typed_answers import LinesInARow
from smtp_shell.shell.wait_line import WaitLine
from smtp_shell.shell.whole_characters import keep_whole

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.shell.mail_editor import MailEditor

_POLL_SECONDS = 0.2
_INPUT_LOST = 1
_MOST_ENDS = 3  # ends of the input in a row: Ctrl-D ends what is asked, once
AGAIN: Final = "{} (again): "
_MOST_REFUSALS = 3  # prompts in a row that the system refuses: the next would be refused too


def ask(question: str, hidden: bool) -> str:
    """Ask the user at the terminal.

    Args:
        question: The question, printable.
        hidden: Whether the answer is not shown. Then it is asked for again where the prompt fails, and what was typed by then is forgotten:
            it must not become a line of the next prompt, which is shown and sent.

    Raises:
        SystemRefused: There can be no prompt.
    """
    if is_dumb_terminal():
        return read_line(lambda: question, hidden=hidden)
    refusals = 0
    while True:
        session: PromptSession[str] = PromptSession(
            history=InMemoryHistory(),
            input_processors=[MaskCredential(answer_starts), Hide(Condition(lambda: hidden))],
        )
        keep_whole(session.default_buffer)
        try:
            return run_prompt(session, [("", AGAIN.format(question.rstrip(": ")) if refusals else question)])
        except SystemRefused:
            refusals += 1
            if not hidden or refusals == _MOST_REFUSALS:
                raise
            forget_typed()


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
    keep_whole(session.default_buffer)
    return run_prompt(session, [("", question)], default=line)


def run_repl(shell: Shell, begin: Callable[[], None]) -> int:
    """Read lines and run them until the user leaves.

    Args:
        shell: The shell.
        begin: Called before the first prompt; what goes wrong in it is shown like what goes wrong in a line.

    Returns:
        The exit status.

    Raises:
        SystemRefused: There can be no prompt, again and again.
    """
    refusals, status = 0, 0  # refusals in a row
    with usual_modes(), no_echo():
        reader = _Reader(shell)
        _guard(shell, begin)
        while not shell.leaving:
            try:
                text = reader.read()
            except EOFError:
                if reader.is_cut:
                    shell.say_loudly("The terminal gives no more input.")
                    status = _INPUT_LOST
                break
            except SystemRefused as error:
                refusals += 1
                if refusals == _MOST_REFUSALS:
                    shell.close()
                    raise
                shell.say_loudly(str(error))
                continue
            refusals = 0
            if text is not None:
                run_typed(shell, text)
        shell.close()
    return status


class _Reader:
    """Reads what is typed next, at the prompt.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._prompt = make_prompt(shell)
        self._typed = ""  # what the prompt begins with
        self._ends = 0  # of the input, in a row
        self._shaken: Session | None = None  # the session whose late handshake was done, or failed and left it open
        shell.edit = edit_line
        self._has_screen = not is_dumb_terminal()
        if self._has_screen:
            has_bottom = self._prompt.app.renderer.cpr_support is not CPR_Support.NOT_SUPPORTED
            bottom = partial(toolbar, shell, waits=True) if has_bottom else None
            wait_line = WaitLine(shell.view, self._prompt.output, bottom, partial(prompt_style, shell))
            shell.view, shell.waiting_for = wait_line, wait_line.waiting

    @property
    def is_cut(self) -> bool:
        """Whether there will be no more input, which is not what Ctrl-D says."""
        return self._prompt.app.input.closed or self._ends >= _MOST_ENDS

    def read(self) -> str | None:
        """Return a line, or several that were pasted; None where there is nothing to run.

        Raises:
            EOFError: The user leaves.
            SystemRefused: There can be no prompt now. What was typed stands at the next one.
        """
        shell = self._shell
        is_answer = shell.phase in (Phase.MAILDATA, Phase.AUTH)  # a line that is at hand waits for the next command
        typed, self._typed = self._typed or ("" if is_answer else shell.at_hand.take_next()), ""
        writes = self._has_screen and shell.settings.mail_editor and shell.phase is Phase.MAILDATA
        try:
            text = self._write(typed) if writes else self._line(typed)
        except MailDataOver:
            self._keep()
        except _HandshakeDue as due:
            self._typed, self._shaken = due.typed, shell.session
            _guard(shell, partial(finish_tls, shell))
        except EditorDue as due:
            self._typed = due.typed
            _guard(shell, partial(self._edit, due.typed))
        except KeyboardInterrupt:
            _guard(shell, lambda: _leave_mail_data(shell))
            if writes and shell.phase is Phase.MAILDATA:
                self._typed = self._editor.text
            elif writes:
                self._keep()
        except EOFError:
            self._ends += 1
            if shell.phase is not Phase.MAILDATA or self.is_cut:
                raise
            _guard(shell, lambda: _leave_mail_data(shell))
            if shell.phase is not Phase.MAILDATA:
                raise
        except SystemRefused:
            if writes:
                self._typed = self._editor.text
            elif not is_answer:
                self._typed = self._prompt.default_buffer.text
            raise
        else:
            self._ends = 0
            if not any(shell.aliases.holds_credential(line) for line in text.split("\n")):
                shell.at_hand.note(text, shell.phase, in_exchange=shell.awaits_answer)
            return confirmed(shell, text, _confirm_afresh, self._prompt.output.get_size().rows)
        return None

    def _line(self, typed: str) -> str:
        if not self._has_screen:
            return _read_dumb(self._shell, self._prompt, self._shaken)
        self._prompt.app.erase_when_done = False
        self._prompt.editing_mode = editing_mode(self._shell)
        self._prompt.complete_style = menu_style(self._shell.settings)
        return run_prompt(self._prompt, pre_run=partial(_poll, self._shell, self._shaken), default=typed)

    def _write(self, typed: str) -> str:
        return self._editor.read(partial(_poll, self._shell, self._shaken, self._editor), typed)

    @cached_property
    def _editor(self) -> MailEditor:
        from smtp_shell.shell.mail_editor import MailEditor

        return MailEditor(self._shell)

    def _keep(self) -> None:
        """Keep what was written for the next mail data."""
        self._editor.kept = self._editor.text
        if self._editor.kept.strip():
            self._shell.say("The text was not sent. It is kept: the next mail data begins with it.")

    def _edit(self, text: str) -> None:
        from smtp_shell.shell.composition import edited

        self._typed = edited(text).replace("\r\n", "\n").rstrip("\n")


def _confirm_afresh(question: str) -> bool:
    """Ask a question whose answer is no unless it is yes. What was typed before it was shown is no answer to it, and is dropped."""
    session: PromptSession[str] = PromptSession(history=InMemoryHistory())
    with session.input.raw_mode():
        clear_typeahead(session.input)
        while session.input.read_keys():
            pass
        session.input.flush_keys()
    try:
        return run_prompt(session, [("", f"{question} [y/N] ")]).strip().lower() in ("y", "yes")
    except (KeyboardInterrupt, EOFError):
        return False


def run_typed(shell: Shell, text: str) -> None:
    """Run what was typed, or several lines that were pasted.

    Lines that can go out in one write do, if the server has announced PIPELINING. Lines that follow a refused DATA in one paste are the
    text for it. They must not go out as commands.
    """
    from smtp_shell.shell.pasted_lines import PastedLines

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
    if shell.aliases.problem:
        return lambda: shell.say_loudly(shell.aliases.take_problem())
    if live is not None and live.has_news:
        return live.show
    if session is not None and session.has_input:
        return partial(_guard, shell, shell.look)
    if session is not None and session.tls_due and session is not shaken:
        raise _HandshakeDue("")
    return None


def _unmixed(show: Callable[[], object]) -> Callable[[], None]:
    """Return what shows something between two keys. prompt_toolkit turns the echo on there."""

    def run() -> None:
        with no_echo():
            show()

    return run


def _poll(shell: Shell, shaken: Session | None, editor: MailEditor | None = None) -> None:
    """Show what the server sends while the prompt waits; the task ends with the prompt.

    Args:
        shell: The shell.
        shaken: The session whose handshake is not tried again.
        editor: What mail data is written in; None at the prompt for lines.
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
            if editor is not None:
                editor.look()
            if show is not None:
                await run_in_terminal(_unmixed(show))
                app.invalidate()
            if editor is not None and shell.phase is not Phase.MAILDATA:
                app.exit(exception=MailDataOver)
                return

    app.create_background_task(poll())

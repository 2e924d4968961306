"""The prompt: reads lines, watches the connection meanwhile, and asks every other question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import overload

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app, run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.styles import Style

from smtp_shell.config import state_dir
from smtp_shell.errors import SmtpShellError
from smtp_shell.private_files import open_append, private_folder
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import suggest
from smtp_shell.shell.lines import is_kept, secret_from
from smtp_shell.shell.shell import Shell

WATCH_SECONDS = 0.2
_HOST_WIDTH = 32

_STYLE = Style.from_dict(
    {
        "prompt.host": "bold",
        "prompt.phase": "ansicyan",
        "prompt.danger": "bold ansired",
        "bottom-toolbar": "noreverse bg:ansibrightblack ansiwhite",
        "bottom-toolbar.danger": "bold bg:ansired ansiwhite",
    }
)


def ask(question: str, hidden: bool) -> str:
    """Ask a person at the terminal.

    Args:
        question: The question, printable.
        hidden: Whether the answer is not shown.
    """
    session: PromptSession[str] = PromptSession(
        history=InMemoryHistory(), input_processors=[_Hide(Condition(lambda: hidden))]
    )
    return session.prompt([("", question)])


def run_repl(shell: Shell, begin: Callable[[], None]) -> int:
    """Read lines and run them until the person leaves.

    Args:
        shell: The shell.
        begin: What to do before the first prompt.

    Returns:
        The exit status.
    """
    prompt = _make_prompt(shell)
    _guard(shell, begin)
    while not shell.leaving:
        try:
            text = prompt.prompt(pre_run=lambda: _watch(shell), vi_mode=shell.settings.editing == "vi")
        except KeyboardInterrupt:
            _guard(shell, lambda: _leave_mail_data(shell))
            continue
        except EOFError:
            if shell.phase is Phase.MAILDATA and not _guard(shell, lambda: _leave_mail_data(shell)):
                continue
            break
        for line in text.split("\n"):
            if not _guard(shell, partial(shell.run, line)) or shell.leaving:
                break
    shell.close()
    return 0


def _guard(shell: Shell, action: Callable[[], object]) -> bool:
    """Do something; show what goes wrong in a sentence. Says whether it went well."""
    try:
        action()
    except SmtpShellError as error:
        shell.say_loudly(str(error))
        return False
    except (KeyboardInterrupt, EOFError):
        shell.say("Cancelled.")
        return False
    return True


def _leave_mail_data(shell: Shell) -> None:
    """SMTP has no way to cancel mail data: the only way out is to drop the connection."""
    if shell.phase is not Phase.MAILDATA:
        return
    shell.say(
        "Mail data cannot be cancelled in SMTP: a dot alone ends and sends it, and only dropping the connection does not."
    )
    if shell.confirm("Drop the connection?"):
        shell.need_session().drop()


def _watch(shell: Shell) -> None:
    """Begin to look for what the server says while the prompt waits; it ends with the prompt."""
    app = get_app()

    async def watch() -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            session = shell.session
            if session is not None and session.has_input:
                await run_in_terminal(partial(_guard, shell, session.look))
                app.invalidate()

    app.create_background_task(watch())


def _make_prompt(shell: Shell) -> PromptSession[str]:
    history = _open_history(shell)
    shell.history = _HistoryLines(history)
    plain = Condition(lambda: shell.phase not in (Phase.MAILDATA, Phase.AUTH))
    session: PromptSession[str] = PromptSession(
        message=lambda: _prompt_text(shell),
        history=history,
        completer=_Completer(shell),
        complete_while_typing=plain,
        bottom_toolbar=lambda: _toolbar(shell),
        input_processors=[_MaskCredential(), _Hide(Condition(lambda: shell.phase is Phase.AUTH))],
        style=_STYLE,
        enable_suspend=True,
        reserve_space_for_menu=6,
        editing_mode=EditingMode.VI if shell.settings.editing == "vi" else EditingMode.EMACS,
    )
    return session


def _prompt_text(shell: Shell) -> StyleAndTextTuples:
    session = shell.session
    if session is None or not session.is_open:
        return [("class:prompt.host", "smtp-shell"), ("", "> ")]
    if shell.phase is Phase.MAILDATA:
        return [("class:prompt.phase", "mail data"), ("", ": ")]
    if shell.phase is Phase.AUTH:
        return [("class:prompt.phase", "answer to the 334 (hidden)"), ("", ": ")]
    host = str(session.target)
    parts: StyleAndTextTuples = [
        ("class:prompt.host", host if len(host) <= _HOST_WIDTH else host[: _HOST_WIDTH - 1] + "…")
    ]
    if session.tls is not None and not session.tls.verified:
        parts.append(("class:prompt.danger", " NOT-VERIFIED"))
    elif session.tls is not None:
        parts.append(("", " tls"))
    return [*parts, ("class:prompt.phase", f" {session.phase.value}"), ("", "> ")]


def _toolbar(shell: Shell) -> StyleAndTextTuples:
    session = shell.session
    recording = shell.extra_recording or shell.recording
    own = f" {escape_str(recording.path.name)[:24]}" if recording and recording is shell.extra_recording else ""
    kept = f"rec{own}" if recording is not None and not recording.failed else "not recorded"
    if session is None or not session.is_open:
        return [("", f" not connected | /connect HOST[:PORT] | /help | {kept if recording else ''}".rstrip(" |"))]
    parts: StyleAndTextTuples = [("", f" {str(session.target)[:40]} | {session.phase.value} | ")]
    if session.tls is None:
        parts.append(("", "no TLS"))
    elif session.tls.verified:
        parts.append(("", f"{session.tls.version} verified"))
    else:
        parts.append(("class:bottom-toolbar.danger", f"{session.tls.version} NOT VERIFIED"))
    if shell.settings.insecure or shell.tls.insecure:
        parts.append(("class:bottom-toolbar.danger", " insecure on"))
    if shell.settings.insecure_auth:
        parts.append(("class:bottom-toolbar.danger", " insecure-auth on"))
    user = escape_str(session.user) or "no user"
    return [*parts, ("", f" | {user[:24]} | {kept}")]


class _Completer(Completer):
    """Hand the pure suggestions to prompt_toolkit."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        for found in suggest(self._shell, document.text_before_cursor):
            yield Completion(
                found.text, -found.start, display=[("", found.text)], display_meta=[("", found.description)]
            )


class _MaskCredential(Processor):
    """Show a credential that is being typed behind AUTH as a mask."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        text = "".join(fragment[1] for fragment in fragments)
        start = secret_from(text)
        if start is None:
            return Transformation(fragments)
        return Transformation([("", text[:start] + "•" * (len(text) - start))])


class _Hide(Processor):
    """Show nothing of what is typed, not even its length."""

    def __init__(self, hidden: Condition) -> None:
        self._hidden = hidden

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        if not self._hidden():
            return Transformation(transformation_input.fragments)
        return Transformation([], source_to_display=lambda position: 0, display_to_source=lambda position: 0)


class _History(FileHistory):
    """Keep what was typed, but no secret and no mail data, in a file that only its owner can read."""

    def __init__(self, path: str, shell: Shell) -> None:
        super().__init__(path)
        self._shell = shell

    def append_string(self, string: str) -> None:
        if is_kept(string, self._shell.phase):
            super().append_string(string)


class _MemoryHistory(InMemoryHistory):
    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self._shell = shell

    def append_string(self, string: str) -> None:
        if is_kept(string, self._shell.phase):
            super().append_string(string)


class _HistoryLines(Sequence[str]):
    """The history as a sequence, the oldest first."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __len__(self) -> int:
        return len(self._history.get_strings())

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._history.get_strings()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._history.get_strings())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._history.get_strings())


def _open_history(shell: Shell) -> History:
    path = state_dir() / "history"
    try:
        private_folder(path.parent)
        open_append(path).close()
    except (SmtpShellError, OSError) as error:
        shell.say_loudly(f"the history is not kept: {escape_str(str(error))}")
        return _MemoryHistory(shell)
    return _History(str(path), shell)

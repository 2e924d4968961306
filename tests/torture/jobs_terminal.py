"""The jobs at a terminal: the interactive shell, from `/connect` to `/exit`, and the quiz with its memory.

Beside what is asked of each job: a call that fails costs one command, the terminal has its modes again, the typed secret is nowhere, and
what was on the screen by then is in the recording. POSIX only.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smtp_shell.errors import SmtpShellError
from smtp_shell.shell.repl import AGAIN
from tests.support.terminal import CTRL_U, ENTER, Look, Terminal
from tests.support.transcripts import check
from tests.torture.forked_terminal import ForkedTerminal
from tests.torture.mail_clients import PASSWORD, USER
from tests.torture.tortured_server import environment
from tests.torture.what_is_left import files_below, secrets_in, tracebacks_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.torture.forking import Starter
    from tests.torture.jobs_servers import Place
    from tests.torture.plan import Plan

_LAST_ROWS: Final = 12
_ECHO_SECONDS: Final = 8.0
_AGAIN_SECONDS: Final = 1.0
_NO_MORE_INPUT: Final = "The terminal gives no more input."
_LOOK: Final = Look((200, 50))
_SHOWN_REPLY: Final = re.compile(r"^\+\| S: (.+?)(?: {2,}[0-9.]+ m?s)?$")
_RECORDING_STOPPED: Final = ("has stopped", "cannot be created", "cannot be written", "not recorded", "cannot be made")
_LETTER: Final = ("Subject: typed at a terminal", "", "Hello,", ".a line with a dot")
_QUIZ_FILE: Final = Path(__file__).parents[2] / "transcripts" / "02-starttls.smtp"
_QUIZ_WORDS: Final = ("quiz", str(_QUIZ_FILE), "--kind", "tls-begins", "--kind", "line-end", "--seed", "1")

_OF_OCTETS_THERE: Final = frozenset({"SSLWantRead"})
"""A failure that does not happen: TLS over buffers in memory reads octets that are there. Whoever types would wait for more of them."""

_OF_THE_TERMINAL: Final = frozenset(
    {"tcgetattr", "tcsetattr", "stdout", "stderr", "stdin", "selector", "select", "signal"}
)
"""Calls without which there is no prompt. A failure of one may end the program, in order and with a sentence."""


@dataclass
class Typed:
    """What came of a program at a terminal.

    Attributes:
        status: The exit status, or minus the signal; None where it had to be killed.
        prompts: How often it asked for a line.
        left: The lines that it never asked for.
        problems: What is wrong, a sentence each.
        raw: All octets that it wrote.
        rows: The rows of the screen, those that have scrolled off too.
    """

    status: int | None = None
    prompts: int = 0
    left: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    raw: bytes = b""
    rows: list[str] = field(default_factory=list)

    @property
    def printed(self) -> bytes:
        """What it printed, as it stood on the screen."""
        return "\n".join(row for row in self.rows if row).encode()

    @property
    def has_sentence(self) -> bool:
        """Whether it says at its end, in a sentence, what went wrong."""
        return any(
            row.lstrip("! ").startswith("smtp-shell: ") or row.endswith(_NO_MORE_INPUT)
            for row in [row for row in self.rows if row][-_LAST_ROWS:]
        )


@dataclass(frozen=True)
class TerminalJob:
    """One job.

    Attributes:
        name: Its name.
        words: The words of its command line.
        lines: What is typed, a line for each prompt.
        judge: What else must hold afterwards.
        prepare: Writes what it needs into its folder.
        never: Failures to leave out.
        goes_on: Whether a prompt that fails is followed by another one. The quiz keeps its answers, and ends.
    """

    name: str
    words: Callable[[Place], Sequence[str]]
    lines: Callable[[Place], Sequence[str]]
    judge: Callable[[Place, Typed], Iterator[str]]
    prepare: Callable[[Place], None]
    never: frozenset[str] = frozenset()
    goes_on: bool = True

    def run(self, starter: Starter, plan: Plan, place: Place, expected: Typed | None) -> Typed:
        """Run the job once.

        Args:
            starter: Forks the program.
            plan: What is to fail.
            place: Where.
            expected: What came of the run without a failure; None for that run.
        """
        self.prepare(place)
        env = environment(place.folder, {"SMTP_SHELL_PASSWORD": ""})
        terminal = ForkedTerminal(starter, self.words(place), plan, place.folder, env, _LOOK)
        typed = _type(terminal, self.lines(place))
        typed.problems += self._problems(place, typed, plan)
        return typed

    def _problems(self, place: Place, typed: Typed, plan: Plan) -> Iterator[str]:
        call = plan.call
        if typed.status is None:
            yield f"it hangs before {typed.left[:1] or ['its end']}"
        elif typed.status < 0:
            yield f"it is ended by signal {-typed.status}"
        elif typed.left and typed.prompts and self.goes_on and call not in _OF_THE_TERMINAL:
            yield f"it ends before {typed.left[0]!r}, with status {typed.status}"
        elif typed.left and plan.fault != "EPIPE" and not (typed.status and typed.has_sentence):
            yield f"it ends before {typed.left[0]!r} without a sentence, with status {typed.status}"
        elif (
            not typed.left
            and typed.status
            and (not typed.has_sentence if not self.goes_on else call not in _OF_THE_TERMINAL)
        ):
            yield f"the exit status is {typed.status}"
        yield from tracebacks_in((typed.raw,))
        yield from secrets_in((typed.raw, "\n".join(typed.rows).encode()), files_below(place.folder))
        yield from self.judge(place, typed)


def _type(terminal: ForkedTerminal, lines: Sequence[str]) -> Typed:
    """Type each line when it is asked for, and answer what is asked beside."""
    typed, waiting, letter = Typed(), deque(lines), deque(_LETTER)
    modes = terminal.modes
    try:
        while waiting:
            if not terminal.until(lambda: terminal.asks, _ECHO_SECONDS):
                terminal.type(CTRL_U)  # a line that was typed, and not taken, stands at the prompt
                terminal.wait(lambda: terminal.asks, "a prompt")
            typed.prompts += 1
            # What was typed as the prompt failed may have come to the one that asks again.
            if AGAIN.format("") in terminal.line and terminal.until(_is_answered(terminal), _AGAIN_SECONDS):
                continue
            if terminal.in_editor:
                _write(terminal, letter)
            else:
                _enter(terminal, _answer(terminal, waiting))
        typed.status = terminal.end_within(20.0)
    except AssertionError:  # no prompt came in time, or the program has ended
        typed.status = terminal.end_within(1.0)
    finally:
        typed.left = list(waiting)
        typed.raw, typed.rows = bytes(terminal.raw), terminal.all_rows
        if typed.status is not None and terminal.modes != modes:
            typed.problems.append("the terminal does not have its modes again")
        terminal.close()
    return typed


def _is_answered(terminal: Terminal) -> Callable[[], bool]:
    return lambda: AGAIN.format("") not in terminal.line


def _enter(terminal: Terminal, text: str) -> None:
    """Type a line, and wait until it stands on the screen, or its question does not: nothing may be typed into the wrong prompt.

    A prompt that failed once may announce itself twice, so that to count prompts is not enough.
    """

    def times() -> int:
        return sum(row.endswith(text) for row in terminal.all_rows)

    before, question = times(), terminal.line
    terminal.enter(text)
    if text == PASSWORD:
        terminal.wait(lambda: terminal.line != question, "the end of the question")
    else:
        shows = terminal.until(lambda: times() > before, _ECHO_SECONDS)
        if not shows:  # the prompt failed in the middle of it: the beginning of the line stands at the next one
            terminal.type(f"{CTRL_U}{text}{ENTER}")
            terminal.wait(lambda: times() > before, f"{text!r} on the screen")


def _write(terminal: Terminal, letter: deque[str]) -> None:
    """Write the mail data that is left into the editor, and a dot."""
    while letter:
        terminal.enter(letter.popleft(), "mail data")
    terminal.enter(".", "mail data")


def _answer(terminal: Terminal, waiting: deque[str]) -> str:
    if terminal.line.endswith("mail data> "):
        return "."
    if terminal.line.startswith("Password for "):
        return PASSWORD
    if terminal.line.endswith("answer: "):
        waiting.popleft()
        return "220" if "STARTTLS. After which" in terminal.text.rpartition(" of 2")[2] else "crlf"
    return waiting.popleft()


def _shell_words(place: Place) -> Sequence[str]:
    return ("--ca-file", str(place.upstream.ca_file), "--user", USER)


def _shell_lines(place: Place) -> Sequence[str]:
    return (
        f"/connect localhost:{place.upstream.port}",
        f"/record {place.folder / 'own.smtp'}",
        "ehlo",
        "starttls",
        "ehlo",
        "auth",
        "mail ann@example.org",
        "rcpt bob@example.org",
        "data",
        f"/output {place.folder / 'words'}",
        "/show",
        "/history",
        "/output off",
        f"/save {place.folder / 'saved.smtp'}",
        "quit",
        "/exit",
    )


def _judge_shell(place: Place, typed: Typed) -> Iterator[str]:
    text = "\n".join(typed.rows)
    recordings = [path for path in files_below(place.folder) if path.suffix == ".smtp"]
    for path in recordings:
        try:
            check(path)
        except SmtpShellError as error:
            if "no step" not in str(error):
                yield f"{path.name}: {error}"
    if any(words in text for words in _RECORDING_STOPPED):
        return
    of_sessions = "\n".join(path.read_text("utf-8") for path in recordings if path.parent.name == "recordings")
    for row in typed.rows:
        shown = _SHOWN_REPLY.match(row)
        if shown and f"S: {shown[1]}" not in of_sessions:
            yield f"what was on the screen is not recorded: {row}"


def _remember(place: Place) -> None:
    """Write the memory of earlier runs: a question that was known, and one of another file."""
    cards = {"0123456789abcdef": {"box": 2, "due": 1_800_000_000}}
    folder = place.folder / "state"
    folder.mkdir(mode=0o700)
    path = folder / "quiz.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"version": 1, "cards": cards}), encoding="utf-8")


def _judge_quiz(place: Place, typed: Typed) -> Iterator[str]:
    """Check that the memory is as before, or as after the run."""
    path = place.folder / "state" / "quiz.json"
    try:
        cards = json.loads(path.read_text("utf-8"))["cards"]
        boxes = {name: card["box"] for name, card in cards.items()}
    except (OSError, ValueError, KeyError) as error:
        yield f"the memory of the quiz cannot be read: {error}"
        return
    known = boxes.pop("0123456789abcdef", None)
    aside = path.with_name(f"{path.name}.damaged-1")  # of a file that could not be trusted nothing is lost
    if known != 2 and not (aside.is_file() and "0123456789abcdef" in aside.read_text("utf-8")):
        yield "the memory of the quiz has lost what was in it"
    answered = sum("+ Right." in row or row.startswith("! No: ") for row in typed.rows)
    if boxes and len(boxes) != answered:
        yield f"the memory of the quiz has {len(boxes)} of {answered} answers"


TERMINAL_JOBS: Final = (
    TerminalJob("shell", _shell_words, _shell_lines, _judge_shell, lambda place: None, never=_OF_OCTETS_THERE),
    TerminalJob(
        "quiz",
        lambda place: _QUIZ_WORDS,
        lambda place: ("the first answer", "the second answer"),
        _judge_quiz,
        _remember,
        goes_on=False,
    ),
)

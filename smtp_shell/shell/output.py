"""Where the words of a slash command go: a file (`/output FILE`), a program (`/show | less`), or a pager where they do not fit the screen.

A line for the server is never cut at a bar: it goes out as typed, and its replies are on the screen.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from smtp_shell.config import child_environment
from smtp_shell.display.json_lines import JsonView
from smtp_shell.display.views import ConsoleView, PlainView
from smtp_shell.errors import UsageError
from smtp_shell.private_files import create_private, open_append, reason_of
from smtp_shell.programs import program_file, words_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TextIO

    from smtp_shell.display.views import View
    from smtp_shell.shell.outlet import Outlet
    from smtp_shell.shell.registry import Args

_FREE_TEXT = frozenset({"/note", "/raw", "/pipeline", "/watch", "/alias", "/compose", "/set"})
"""Commands whose own words may hold a bar. Nothing but a bar after the name is a program for them too."""

_ASKING = frozenset({"/compose", "/exit", "/lesson", "/output", "/quiz", "/source", "/watch", "/edit"})
"""Commands whose words stay on the screen: they ask something, or run other lines."""

_ANSWERING = frozenset(
    {
        "/capabilities", "/diagram", "/explain", "/help", "/hex", "/history", "/inbox", "/lint", "/sessions", "/set",
        "/show", "/status", "/timing", "/tls", "/as", "/pipeline",
    }
)  # fmt: skip
"""Commands whose answer a pager may hold back until it is known whether it fits: they wait for no server."""

_STYLED = "less"  # the program that shows colours
_LESS = "FRX"  # leave at the end of what fits, show colours, leave what was shown on the screen


class _ReaderGone(Exception):
    """The program or pager has ended, and wants no more."""


class OutputFile:
    """The file of `/output`.

    Args:
        path: The file.
        append: Whether to add to what is in it.
        overwrite: Whether to replace it.

    Raises:
        UsageError: There is a file already, or it cannot be created.
    """

    def __init__(self, path: Path, *, append: bool = False, overwrite: bool = False) -> None:
        self.name = escape_str(str(path))
        if append:
            try:
                stream = open_append(path)
            except (OSError, ValueError) as error:
                reason = reason_of(error) if isinstance(error, OSError) else "this is no file name"
                raise UsageError(f"{self.name} cannot be written to: {reason}; choose another.") from None
        else:
            stream = create_private(path, overwrite=overwrite)
        self._stream = io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="\n")

    def close(self) -> None:
        """Close it. Closing twice does nothing."""
        with suppress(OSError):
            self._stream.close()

    def write(self, outlet: Outlet, act: Callable[[], None]) -> None:
        """Do something, and write what it shows.

        Raises:
            SmtpShellError: It cannot be done, or the file cannot be written to.
        """
        out = _Counting(self._stream)
        try:
            with _led_to(outlet, out):
                act()
            out.flush()
        except OSError as error:
            outlet.close()
            raise UsageError(
                f"{self.name} cannot be written to: {reason_of(error)}; what follows is on the screen again."
            ) from None
        finally:
            if not self._stream.closed:
                outlet.say(f"  {out.lines:,} {'line' if out.lines == 1 else 'lines'} to {self.name}")


class _Text(io.TextIOBase):
    """Text that is led somewhere. What it writes to is closed by whoever opened it."""

    def close(self) -> None:
        """Do nothing. Python would flush it when nobody needs it any more, and from 3.13 on report that this fails."""


class _Counting(_Text):
    """Text that goes to another stream, its lines counted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lines = 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


def run_command(outlet: Outlet, args: Args, run: Callable[[Args], None], *, pager: bool) -> None:
    """Run a slash command, and lead its words to where they are to go.

    Args:
        outlet: The view of the shell.
        args: What follows the name of the command.
        run: Runs the command.
        pager: Whether what does not fit the screen goes to a pager.

    Raises:
        SmtpShellError: It cannot be done, or a program is not found; then nothing was done.
    """
    name = args.name
    before, programs = split_programs(name, args.text)
    if programs:
        _run_with(outlet, replace(args, text=before), run, programs)
    elif outlet.file is not None and name not in _ASKING:
        outlet.file.write(outlet, partial(run, args))
    elif pager and name in _ANSWERING and sys.stdout.isatty():
        out = _Paged(shutil.get_terminal_size().lines - 1)
        with _closing(out), _led_to(outlet, out, styled=True):
            run(args)
    else:
        run(args)


def split_programs(name: str, text: str) -> tuple[str, list[list[str]]]:
    """Return what precedes the first bar, and the words of each program that follows one; no programs where there is no bar.

    A bar counts if a blank or the start precedes it, outside of quotation marks.

    Args:
        name: Name of the command.
        text: What follows it.

    Raises:
        UsageError: A program is missing, or a quote is not closed.
    """
    parts = _cut_at_bars(text)
    if len(parts) == 1 or (name in _FREE_TEXT and parts[0].strip()) or name in _ASKING:
        return text, []
    before, *programs = parts
    found = []
    for each in programs:
        try:
            words = words_of(each)
        except ValueError:
            raise UsageError(f"{name} |{escape_str(each)}: a quote is not closed; close it.") from None
        if not words:
            raise UsageError(f"{name} |: the name of a program follows the bar, such as less.")
        found.append(words)
    return before.strip(" \t"), found


def _cut_at_bars(text: str) -> list[str]:
    parts, start, quote = [], 0, ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "|" and (at == 0 or text[at - 1] in " \t"):
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _run_with(outlet: Outlet, args: Args, run: Callable[[Args], None], programs: Sequence[Sequence[str]]) -> None:
    missing = next((words[0] for words in programs if program_file(words[0]) is None), None)
    if missing is not None:
        raise UsageError(f"{args.name} | {escape_str(missing)}: there is no such program; nothing was done.")
    out = _Pipe(programs)
    is_styled = len(programs) == 1 and os.path.basename(programs[0][0]).partition(".")[0] == _STYLED
    with _closing(out), _led_to(outlet, out, styled=is_styled):
        run(args)


@contextmanager
def _closing(out: _Pipe) -> Iterator[None]:
    """Wait at the end until the program has ended. That it wants no more is no error, and Ctrl-C ends what is written only."""
    try:
        with suppress(_ReaderGone, KeyboardInterrupt):
            yield
    finally:
        out.finish()


def _led_to(outlet: Outlet, out: io.TextIOBase, *, styled: bool = False) -> AbstractContextManager[None]:
    """Show on a stream what the outlet's view would show, without colours unless they are asked for."""
    to, stream = outlet.to, cast("TextIO", out)  # it has all that a view calls
    view: View
    if isinstance(to, JsonView):
        view = JsonView(stream, stream)
    elif styled and isinstance(to, ConsoleView):
        view = to.on_stream(stream, shutil.get_terminal_size().columns)
    else:
        view = _Words(stream, to)
    return outlet.led_to(view, stream)


class _Words(PlainView):
    """Plain text, with errors where they would be without it."""

    def __init__(self, stream: TextIO, to: View) -> None:
        super().__init__(stream, stream, to.look)
        self._to = to

    def say(self, text: str, style: str = "said") -> None:
        if style == "error":
            self._to.say(text, style)
        else:
            super().say(text, style)


class _Pipe(_Text):
    """Text for programs, each of which reads what the one before it writes. They are started when there is something to read.

    Args:
        programs: The words of each.
    """

    def __init__(self, programs: Sequence[Sequence[str]]) -> None:
        self._programs = programs
        self._running: list[subprocess.Popen[bytes]] = []
        self._stream: TextIO | None = None

    def write(self, text: str) -> int:
        """Write text.

        Raises:
            _ReaderGone: The first program has ended.
            UsageError: A program cannot be started.
        """
        if self._stream is None:
            self._start()
        assert self._stream is not None
        try:
            return self._stream.write(text)
        except (BrokenPipeError, OSError, ValueError):
            raise _ReaderGone from None

    def flush(self) -> None:
        """Write what is buffered."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (BrokenPipeError, OSError, ValueError):
                raise _ReaderGone from None

    def finish(self) -> None:
        """Write the rest, and wait until the programs have ended. Ctrl-C is theirs meanwhile."""
        if self._stream is None and self._programs:
            self._start()
        with _ctrl_c_ignored():
            if self._stream is not None:
                with suppress(OSError, ValueError):
                    self._stream.close()
            for each in self._running:
                each.wait()

    def _start(self) -> None:
        sys.stdout.flush()
        environment = {"LESS": _LESS, **child_environment()}
        source = subprocess.PIPE
        try:
            for number, words in enumerate(self._programs, 1):
                is_last = number == len(self._programs)
                started = subprocess.Popen(
                    [program_file(words[0]) or words[0], *words[1:]],
                    stdin=source,
                    stdout=_own_stdout() if is_last else subprocess.PIPE,
                    env=environment,
                )
                if self._running and (between := self._running[-1].stdout) is not None:
                    between.close()  # it is the next program's alone, which is told when this one ends
                self._running.append(started)
                source = started.stdout  # type: ignore[assignment]  # that of the next
        except (OSError, ValueError) as error:
            self._programs = ()
            for each in self._running:
                each.kill()
            reason = reason_of(error) if isinstance(error, OSError) else "a word holds NUL"
            raise UsageError(f"{escape_str(words[0])} cannot be started: {reason}.") from None
        first = self._running[0].stdin
        assert first is not None
        self._stream = io.TextIOWrapper(first, _encoding(), errors="backslashreplace")


class _Paged(_Pipe):
    """Text for a pager, which is started if there are more lines than a screen has. Otherwise it goes to the screen.

    Args:
        lines: How many lines have room.
    """

    def __init__(self, lines: int) -> None:
        super().__init__(())
        self._room = lines
        self._held: list[str] = []

    def write(self, text: str) -> int:
        """Write text."""
        if self._stream is not None:
            return super().write(text)
        self._held.append(text)
        self._room -= text.count("\n")
        if self._room < 0 and (pager := pager_words()):
            self._programs = (pager,)
            self._start()
            super().write("".join(self._held))
            self._held.clear()
        return len(text)

    def finish(self) -> None:
        """Show what fits, or wait until the pager has ended."""
        sys.stdout.write("".join(self._held))
        sys.stdout.flush()
        super().finish()


def pager_words() -> list[str]:
    """Return the words of the user's pager: PAGER, less or more; none where there is none."""
    named = os.environ.get("PAGER", "")
    with suppress(ValueError):
        words = words_of(named)
        if words and program_file(words[0]):
            return words
    return next(([name] for name in (_STYLED, "more") if program_file(name)), [])


def _encoding() -> str:
    """Return the encoding in which a program reads what is on the screen otherwise.

    Python writes UTF-16 to a console of Windows, whatever its code page is. Programs there, `more` among them, read by the code page.
    """
    code_page = os.device_encoding(1) if sys.platform == "win32" and sys.stdout.isatty() else None
    return code_page or getattr(sys.stdout, "encoding", None) or "utf-8"


def _own_stdout() -> int | None:
    """Return the descriptor of standard output; None, which is the same one, where it has none."""
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return None


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

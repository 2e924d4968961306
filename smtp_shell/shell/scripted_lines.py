"""Lines without a prompt: `-c`, `-f`, standard input that is no terminal, and `/source`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from smtp_shell.errors import AuthFailed, ConnectionLost, Interrupted, SmtpShellError, UsageError
from smtp_shell.protocol.octets import escape_str, unescape
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.rawlines import is_proxy_header
from smtp_shell.shell.line_files import check_file, file_lines, is_comment
from smtp_shell.shell.lines import begins_mail_data
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_answers import LinesInARow
from smtp_shell.shell.typed_secrets import is_kept

_OPTION = "-c"
_MOST_HELD = 1000
"""How many lines after a refused DATA are read in search of the final dot. More than these are mail data for sure."""
_LEFTOVER_SECONDS = 0.05


class SourceStopped(UsageError):
    """A line of a file was refused by the server; the message names file and line."""


def run_lines(shell: Shell, lines: Iterable[tuple[str, str]], *, keep_going: bool) -> int:
    """Run lines; show what goes wrong with the place where it went wrong.

    Mail data that follows a refused DATA is left out, up to its dot: it would go out as commands.

    Args:
        shell: The shell.
        lines: (place, line). Comments are left out, but not in `-c`. A line of `-c` is named by its own text, unless that holds a
            credential.
        keep_going: Go on after a 4yz or 5yz reply, and after a line that failed.

    Returns:
        The exit status.
    """
    status = 0
    row = LinesInARow(shell)
    left = iter(lines)
    while (each := next(left, None)) is not None:
        where, line = each
        if where != _OPTION and is_comment(line, shell.phase):
            continue
        before = shell.refusals.number
        phase = Phase.AUTH if shell.awaits_answer else shell.phase
        secret = not is_kept(line, phase) or row.is_answer(line) or shell.aliases.holds_credential(line)
        place = f"{where} {escape_str(line)[:60]}" if where == _OPTION and not secret else where
        try:
            if not row.await_decision(line) or keep_going:
                row.run(line)
        except SmtpShellError as error:
            shell.say_loudly(f"smtp-shell: {place}: {error}")
            status = status or error.exit_status
            if not keep_going or error.exit_status == Interrupted.exit_status:
                return status
            left = _without_mail_data(shell, place, line, left)
            continue
        if shell.refusals.number > before:
            shell.say_loudly(f"smtp-shell: {place}: {shell.refusals.last}")
            status = status or 1
            if not keep_going:
                return status
            left = _without_mail_data(shell, place, line, left)
        if shell.leaving:
            break
    return status or _check_end(shell)


def _without_mail_data(
    shell: Shell, place: str, line: str, left: Iterator[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Return the lines to go on with after a line that failed: without the mail data that follows it, if it was DATA.

    Without a dot alone on a line there is no mail data, and all lines are commands.
    """
    if not begins_mail_data(line) or shell.phase is Phase.MAILDATA:
        return left
    held: list[tuple[str, str]] = []
    number = 0
    for each in left:
        number += 1
        if each[1] == ".":
            break
        if number <= _MOST_HELD:
            held.append(each)
    else:
        if number <= _MOST_HELD:
            return iter(held)
    shell.say_loudly(f"smtp-shell: {place}: what follows it up to the dot, {number:,} lines, was not sent.")
    return left


def _check_end(shell: Shell) -> int:
    """Return the exit status for how the lines left the dialogue: not in mail data, and with nothing that nobody asked for."""
    try:
        shell.greet()
    except SmtpShellError as error:
        shell.say_loudly(f"smtp-shell: {error}")
        return error.exit_status
    if shell.phase is Phase.AUTH:
        shell.say_loudly(
            "smtp-shell: the lines ended inside an AUTH exchange: the server waits for an answer, and nobody is authenticated."
        )
        return AuthFailed.exit_status
    if shell.phase is Phase.MAILDATA:
        shell.say_loudly(
            "smtp-shell: the lines ended inside mail data, so no message was sent; end it with a dot alone on a line."
        )
        return UsageError.exit_status
    session = shell.session
    if session is None or not session.is_open:
        return 0
    if shell.group is not None and shell.group.commands:
        shell.say_loudly("smtp-shell: the lines ended inside a group, so nothing of it was sent; /pipeline sends it.")
        return UsageError.exit_status
    if session.dialogue.chunk_left:
        left = session.dialogue.chunk_left
        shell.say_loudly(f"smtp-shell: the lines ended inside a chunk: {left:,} of its octets were not sent.")
        return UsageError.exit_status
    before = shell.refusals.number
    try:
        # After an unasked reply, no reply before it is sure to have been the right one.
        session.listen(_LEFTOVER_SECONDS)
    except ConnectionLost:
        return 0
    except SmtpShellError as error:
        shell.say_loudly(f"smtp-shell: {error}")
        return error.exit_status
    return 1 if shell.refusals.number > before else 0


def begins_with_proxy(lines: Iterable[tuple[str, str]]) -> bool:
    """Return whether the first line that does something sends a PROXY header with `/raw`; nothing that follows it is read.

    A server that waits for one greets after it only. Other octets before the greeting would be an error in most dialogues, so they need
    `/connect --no-wait`.
    """
    first = next((line for _, line in lines if line.strip() and not line.startswith("#")), "")
    word, _, octets = first.strip().partition(" ")
    return word == "/raw" and is_proxy_header(unescape(octets.strip()))


def command_lines(commands: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines of `-c` options, which may hold several lines each."""
    for command in commands:
        for line in command.split("\n"):
            yield _OPTION, line.removesuffix("\r")


def run_file(shell: Shell, path: Path) -> None:
    """Run a file of shell lines for `/source`, up to the first line that fails.

    Raises:
        SmtpShellError: A line failed, and the message says which; or the file cannot be read, or runs itself, and no line was run.
    """
    resolved = path.resolve()
    if resolved in shell.sources:
        raise UsageError(f"{escape_str(str(path))} runs itself; take the /source line out.")
    check_file(path)
    shell.sources.append(resolved)
    try:
        run_each(shell, file_lines(path))
    finally:
        shell.sources.pop()


def run_each(shell: Shell, lines: Iterable[tuple[str, str]]) -> None:
    """Run lines of a file or an alias, up to the first that fails.

    Args:
        shell: The shell.
        lines: (place, line). Comments are left out.

    Raises:
        SmtpShellError: A line failed, and the message says which.
    """
    row = LinesInARow(shell)
    for where, line in lines:
        if is_comment(line, shell.phase):
            continue
        before = shell.refusals.number
        try:
            if not row.await_decision(line):
                row.run(line)
        except SmtpShellError as error:
            error.message = f"{where}: {error.message}"
            raise
        if shell.stopped:
            raise SourceStopped(f"{where}: the wait was stopped; the lines after it were not run.")
        if shell.refusals.number > before:
            raise SourceStopped(f"{where}: {shell.refusals.last} The lines after it were not run.")
        if shell.leaving:
            return

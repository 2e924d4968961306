"""The entry point: the table of commands, and the one place that catches errors.

A command is a module with `main(words) -> exit status`, `make_parser() -> ArgumentParser` and a line in `COMMANDS`. From the parsers
come the help, the completions of shells and the manual page. Nothing is imported at the top that `--version` does not need.
"""

from __future__ import annotations

import sys

from smtp_shell import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "practice": ("a server of your own on loopback, and a shell connected to it", "smtp_shell.cli.practice"),
    "explain": ("explain a command, a reply, a keyword, a header field or a term", "smtp_shell.cli.explain"),
    "quiz": ("questions about a dialogue, asked and explained", "smtp_shell.cli.quiz"),
    "send": ("send one message in one dialogue, and print it", "smtp_shell.cli.send"),
    "replay": ("replay transcripts against a server and compare what it says", "smtp_shell.cli.replay"),
    "show": ("show a transcript as a dialogue", "smtp_shell.cli.show"),
    "diff": ("compare two transcripts, step by step", "smtp_shell.cli.diff"),
    "lint": ("find what in a dialogue breaks a rule or is unwise, line by line", "smtp_shell.cli.lint"),
    "convert": ("convert a transcript into another format, or another into one", "smtp_shell.cli.convert"),
    "serve": ("a mock server that speaks the server's side of a transcript", "smtp_shell.cli.serve"),
    "relay": ("stand between a client and a server, and record both halves", "smtp_shell.cli.relay"),
    "config": ("write, find or check the configuration file", "smtp_shell.cli.config"),
    "doctor": ("what this machine can do, and which ports this network reaches", "smtp_shell.cli.doctor"),
    "man": ("the manual page, for man", "smtp_shell.cli.man"),
    "completion": ("the script that completes commands and options in your shell", "smtp_shell.cli.completion"),
}
"""Name of a command -> its line in `smtp-shell --help`, and the module that runs it. The help of all of them fits a screen."""

SHELL = "smtp_shell.cli.shell"
"""Runs a command line that begins with no command: a server's name, an option, or nothing."""


def main(argv: list[str] | None = None) -> int:
    """Run smtp-shell.

    Args:
        argv: The arguments. None: those of the process, which ends when its command has ended.

    Returns:
        The exit status.
    """
    words = sys.argv[1:] if argv is None else argv
    try:
        if words == ["--version"]:
            sys.stdout.write(f"smtp-shell {__version__}\n")
            sys.stdout.flush()
            return 0
        status = _run(words)
    except OSError as error:
        return _refused(error)
    if argv is None:
        from smtp_shell.cli.startup import exit_at_once

        exit_at_once(status)
    return status


def _run(words: list[str]) -> int:
    """Run the command that the words name, and print the error that ends it."""
    from smtp_shell.cli.startup import escape_unprintable

    escape_unprintable()
    try:
        try:
            return _dispatch(words)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        _say("interrupted.")
        return 130
    except Exception as error:
        return _tell(error)


def _tell(error: Exception) -> int:
    """Print the sentence of an error of ours, and return its exit status; raise any other again.

    The tree of errors is imported here, because it imports msgspec: `smtp-shell explain 550` takes 16 ms, and 44 ms with it.
    """
    from smtp_shell.errors import SmtpShellError

    if isinstance(error, MemoryError):
        _say("there is no memory left; what was done before this stands.")
        return 1
    if not isinstance(error, SmtpShellError):
        raise error
    for line in str(error).split("\n"):
        _say(line)
    return error.exit_status


def _wrapped(sentence: str) -> str:
    """Return a sentence as it fits a terminal, which would break it inside words; whole for a file or a pipe."""
    if not sys.stderr.isatty():
        return sentence
    from os import get_terminal_size

    from smtp_shell.display.columns import wrap

    try:
        width = get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return sentence
    # Its continued lines are marked: the sentence may quote a server.
    return "\n".join(wrap(sentence, width, quotes=True)) if width else sentence


def _dispatch(words: list[str]) -> int:
    from importlib import import_module

    from smtp_shell.cli.startup import collector_off

    is_command = bool(words) and words[0] in COMMANDS
    with collector_off():
        module = import_module(COMMANDS[words[0]][1] if is_command else SHELL)
    status: int = module.main(words[1:] if is_command else words)
    return status


def _refused(error: OSError) -> int:
    """Report that standard output cannot be written to, unless its reader has closed the pipe, or what else the system refused.

    Returns:
        The exit status.
    """
    from smtp_shell.output_loss import give_up, is_lost
    from smtp_shell.private_files import reason_of, refusal_of

    if not is_lost(sys.stdout, error):
        _say(f"{refusal_of(error)}; what was done before this stands.")
        return 1
    give_up(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return 0
    _say(f"the results cannot be written: {reason_of(error)}; make room, or send them elsewhere.")
    return 1


def _say(sentence: str) -> None:
    """Print a sentence on standard error. Where that fails, the exit status has to do."""
    try:
        sys.stderr.write(f"{_wrapped(f'smtp-shell: {sentence}')}\n")
        sys.stderr.flush()
    except OSError:
        from smtp_shell.output_loss import give_up

        give_up(sys.stderr)

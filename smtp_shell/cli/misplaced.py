"""Command lines whose words are in another order than smtp-shell's: what was meant by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.cli.main import COMMANDS
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.arguments import ArgumentParser


def run_misplaced(parser: ArgumentParser, words: Sequence[str], target: str | None, unknown: Sequence[str]) -> int:
    """Run the command that follows options, or say what was meant.

    Args:
        parser: The parser of the shell's options.
        words: All arguments of the command line.
        target: The word that it takes for the server.
        unknown: The words that it does not know what to do with.

    Returns:
        The exit status of the command.

    Raises:
        UsageError: There is no command, or not where it can be understood.
        SmtpShellError: The command failed.
    """
    at = _command_after_options(parser, words)
    if at is not None:
        from importlib import import_module

        status: int = import_module(COMMANDS[words[at]][1]).main([*words[:at], *words[at + 1 :]])
        return status
    # What follows an option that is not known may be its value, a password too: it is not repeated.
    strange = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    servers = [*([target] if target is not None else []), *(word for word in unknown if not word.startswith("-"))]
    command = next((word for word in servers if word in COMMANDS), "")
    if command:
        raise UsageError(_command_first(command, servers, strange))
    if servers and servers[0].startswith("pipe:"):
        raise UsageError("the command of pipe: is one word for smtp-shell; put it into quotes: 'pipe:sendmail -bs'.")
    if strange:
        parser.error(f"unrecognized arguments: {' '.join(strange)}")
    raise UsageError(_too_many(servers))


def _command_after_options(parser: ArgumentParser, words: Sequence[str]) -> int | None:
    """Return the place of a command that only options precede, all of them whole."""
    for at, word in enumerate(words):
        if word not in COMMANDS:
            continue
        try:
            before, unknown = parser.parse_known_args(words[:at])
        except UsageError:  # the word is the value of the option in front of it
            continue
        return at if not before.target and not unknown else None
    return None


def _command_first(command: str, servers: Sequence[str], strange: Sequence[str]) -> str:
    if command == "replay" and servers[1:2] == [command] and not strange:
        from smtp_shell.net.target import parse_target

        parse_target(servers[0])  # refuses a password, which must not be repeated
        files = " ".join(escape_str(file) for file in servers[2:]) or "FILE"
        return f"a command comes first: smtp-shell replay {files} --server {escape_str(servers[0])}."
    return f"a command comes first, and its options after it: smtp-shell {command} …; see smtp-shell {command} --help."


def _too_many(servers: Sequence[str]) -> str:
    from difflib import get_close_matches

    from smtp_shell.net.target import parse_target

    first = servers[0]
    near = get_close_matches(first, COMMANDS, n=1, cutoff=0.7)
    if near:
        return f"{escape_str(first)} is no command; did you mean smtp-shell {near[0]}?"
    parse_target(first)
    rest = " ".join(escape_str(word) for word in servers[1:])
    return f"one server at a time: {rest} after {escape_str(first)} is too much; write HOST:PORT as one word."

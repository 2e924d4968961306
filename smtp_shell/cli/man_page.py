"""The manual page, in the macros of man(7): written from the parsers, the registry of the shell and the table of its settings."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from smtp_shell import __version__
from smtp_shell.cli.command_tree import command_tree
from smtp_shell.cli.exit_statuses import EXIT_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smtp_shell.cli.command_tree import Argument, CommandLine
    from smtp_shell.shell.registry import ShellCommand
    from smtp_shell.shell.shell import Shell

_DESCRIPTION = (
    "smtp-shell is a terminal for mail servers. A line that is typed goes to the server as it stands, and what it answers is shown; "
    "it goes on after STARTTLS and AUTH, records every dialogue as a transcript, and replays a transcript against any server.",
    "A line that begins with / is for the shell: see SHELL COMMANDS. A few others are shorthands, which become what SMTP writes: see "
    "SHORTHANDS. Everything else goes out exactly as typed, wrong or right.",
    "With -c, -f, or standard input that is no terminal, the same lines run without a prompt: nothing is asked, and the exit status tells "
    "the outcome.",
)

_ENVIRONMENT = {
    "SMTP_SHELL_PASSWORD": "the password for AUTH, where no option and no answer gives one; never shown or recorded",
    "SMTP_SHELL_PROXY_PASSWORD": "the password of the proxy of --proxy",
    "SMTP_SHELL_CONFIG": "the configuration file, in place of the one below FILES",
    "SMTP_SHELL_STATE_DIR": "the folder for recordings and history, in place of the one below FILES",
    "SMTP_SHELL_NAME": "a setting by its name in capitals, as SMTP_SHELL_THEME; an option and a profile go before it",
    "SSL_CERT_FILE, SSL_CERT_DIR": "the authorities that certificates are checked against, in place of the system's",
    "SSLKEYLOGFILE": "a file that the keys of TLS connections are added to, for Wireshark",
    "NO_COLOR": "no colours, if it is set and not empty",
}

_FILES = {
    "~/.config/smtp-shell/config.toml": "the configuration: settings, profiles of servers, aliases",
    "~/.local/state/smtp-shell/recordings/": "every session, as a transcript without its secrets",
    "~/.local/state/smtp-shell/history": "what was typed, without secrets and without mail data",
    "~/.netrc": "passwords by host",
}

_PLACES = "These are the places on Linux; macOS and Windows have others. smtp-shell doctor names the ones in use."

_SEE_ALSO = "swaks(1), openssl-s_client(1), telnet(1), tshark(1); RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 4954 (AUTH)"
_UNIFIED = ("connection", "authentication")
"""Headings of options that several commands share; each command's section refers to the first."""


def man_page() -> str:
    """Return the page."""
    first, *commands = command_tree()
    found: list[str] = []
    for line in _lines(first, commands):
        if line != ".P" or not found[-1].startswith(".S"):  # a heading begins a paragraph by itself
            found.append(line)
    return "".join(f"{line}\n" for line in found)


def _lines(first: CommandLine, commands: Sequence[CommandLine]) -> Iterator[str]:
    yield f'.TH SMTP\\-SHELL 1 "{_date()}" "smtp\\-shell {escaped(__version__)}" "User commands"'
    yield ".nh"  # a hyphenated word could not be told from a word with a hyphen
    yield from (".SH NAME", "smtp\\-shell \\- see SMTP with your own eyes, in an interactive shell")
    yield ".SH SYNOPSIS"
    for usage in ("smtp-shell [OPTIONS] [HOST[:PORT] | URL | PROFILE]", "smtp-shell COMMAND ..."):
        yield from (".P", _bold_program(usage))
    yield ".SH DESCRIPTION"
    yield from _paragraphs(_DESCRIPTION)
    yield ".SH OPTIONS"
    yield from _arguments(first, ())
    yield ".SH COMMANDS"
    for line in commands:
        yield from _command(line, first)
    yield from _shell_lines()
    yield ".SH KEYS"
    yield from _keys()
    yield ".SH SETTINGS"
    yield from _settings()
    for heading, table in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        yield f".SH {heading}"
        yield from (line for name, meaning in table.items() for line in _tagged(f"\\fB{escaped(name)}\\fP", [meaning]))
    yield from _paragraphs([_PLACES])
    yield ".SH EXIT STATUS"
    yield from (line for status, meaning in EXIT_STATUSES.items() for line in _tagged(str(status), [meaning]))
    yield ".SH EXAMPLES"
    for line in (first, *commands):
        yield from (row for example, what in line.examples for row in _tagged(_bold_program(example), [what]))
    yield from (".SH SEE ALSO", text_line(_SEE_ALSO))


def _date() -> str:
    """Return the day of today, or that of `SOURCE_DATE_EPOCH`, with which a build is the same each time."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return time.strftime("%Y-%m-%d", time.gmtime(int(epoch) if epoch.isascii() and epoch.isdigit() else None))


def _command(line: CommandLine, first: CommandLine) -> Iterator[str]:
    yield f".SS smtp\\-shell {escaped(line.name)}"
    yield from _paragraphs([f"{line.summary[0].upper()}{line.summary[1:]}."])
    yield from (".P", _bold_program(" ".join(line.usage.split())))
    yield from _arguments(line, first.options)
    if line.epilog:
        yield from (".P", ".nf", *(_line(escaped(row)) or "\\&" for row in line.epilog.strip("\n").split("\n")), ".fi")


def _arguments(line: CommandLine, known: Sequence[Argument]) -> Iterator[str]:
    """Yield the arguments of a command; those of a shared section are left to the one that has them already."""
    shared = {each.section for each in line.options if each.section in _UNIFIED and each in known}
    for argument in (*line.operands, *line.options):
        if argument.section in shared and argument in known:
            continue
        names = ", ".join(f"\\fB{escaped(name)}\\fP" for name in argument.names)
        value = f"\\fI{escaped(argument.value)}\\fP" if argument.value else ""
        words = [argument.help] if argument.help else []
        if argument.words and not all(word in argument.help for word in argument.words):
            words.append(f"One of {', '.join(argument.words)}.")
        yield from _tagged(" ".join(filter(None, (names, value))), words)
    if shared:
        headings = " and ".join(each for each in _UNIFIED if each in shared)
        yield from _paragraphs([f"The options for {headings} are those below OPTIONS."])


def _shell_lines() -> Iterator[str]:
    """Yield what the shell does itself: the registry, as `/help` has it."""
    from smtp_shell.shell.commands.learn import by_task
    from smtp_shell.shell.registry import SHORTHANDS, Registry

    tasks = by_task(Registry.load())
    yield ".SH SHORTHANDS"
    for each in tasks.pop(SHORTHANDS):
        yield from _shell_line(each)
    yield ".SH SHELL COMMANDS"
    for task, found in tasks.items():
        if found:
            yield f".SS {escaped(task)}"
        for each in found:
            yield from _shell_line(each)


def _keys() -> Iterator[str]:
    from smtp_shell.shell.key_table import KEYS

    for place, keys in KEYS.items():
        yield f".SS {escaped(place)}"
        yield from (line for key, meaning in keys.items() for line in _tagged(f"\\fB{escaped(key)}\\fP", [meaning]))


def _shell_line(command: ShellCommand[Shell]) -> Iterator[str]:
    from smtp_shell.shell.completion import options_of

    usage = f" {escaped(command.synopsis)}" if command.synopsis else ""
    words = [line for line in command.help.split("\n") if line.strip()]
    words += [f"`{each.usage}`: {each.meaning}" for each in options_of(command.options)]
    if command.rfc:
        words.append(f"{command.rfc}.")
    yield from _tagged(f"\\fB{escaped(command.name)}\\fP{usage}", words)


def _settings() -> Iterator[str]:
    from smtp_shell.shell.settings import settings_table

    yield from _paragraphs(["/set lists them with their values, and /set NAME VALUE changes one."])
    for name, setting in settings_table().items():
        yield from _tagged(f"\\fB{escaped(name)}\\fP", [setting.meaning])


def _tagged(tag: str, words: Iterable[str]) -> Iterator[str]:
    """Yield a tag, ready for print, and what it means: paragraphs below it."""
    yield from (".TP", tag)
    paragraphs = [text_line(each) for each in words if each]
    yield paragraphs[0] if paragraphs else "\\&"
    for each in paragraphs[1:]:
        yield from (".IP", each)


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (".P", text_line(text))


def _bold_program(usage: str) -> str:
    """Return a command line, its program and command in bold."""
    words = usage.split(" ")
    bold = 2 if len(words) > 1 and words[1].isalpha() and words[1].islower() else 1
    return f"\\fB{escaped(' '.join(words[:bold]))}\\fP {escaped(' '.join(words[bold:]))}".rstrip()


def text_line(text: str) -> str:
    """Return a paragraph on one line; what is between backquotes is bold."""
    parts = text.strip().split("`")
    if len(parts) % 2 == 0:  # a backquote of its own
        return _line(escaped(text.strip()))
    return _line(
        "".join(f"\\fB{escaped(part)}\\fP" if number % 2 else escaped(part) for number, part in enumerate(parts))
    )


def _line(text: str) -> str:
    """Return a line that roff does not take for a request."""
    return f"\\&{text}" if text.startswith((".", "'")) else text


def escaped(text: str) -> str:
    """Return text for roff, in ASCII: a hyphen that can be copied, and any other character by its number."""
    return "".join(_ESCAPED.get(char) or (char if char.isascii() else f"\\[u{ord(char):04X}]") for char in text)


_ESCAPED = {
    "\\": "\\e",
    "-": "\\-",
    "~": "\\(ti",
    "^": "\\(ha",
    "`": "\\(ga",
    "'": "\\(aq",
    "\u2026": "...",
    "\u00a7": "section ",
}

"""Groups of commands that go out in one write (PIPELINING): which lines can be in one, and what must end it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from smtp_shell.errors import SmtpShellError, UsageError
from smtp_shell.protocol.commands import HELLOS, WITHIN_GROUP, Command, bdat_chunk, refuse_line_breaks
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell import chunks
from smtp_shell.shell.envelope_lines import mail_command, rcpt_commands
from smtp_shell.shell.lines import Run, Wire, parse
from smtp_shell.shell.registry import Registry, ShellT
from smtp_shell.shell.typed_secrets import begins_exchange

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.dialogue import Dialogue
    from smtp_shell.protocol.replies import Extensions, Reply

IN_ONE_WRITE = 100
"""Commands in one write. With more, each side could wait for the other one to read (RFC 2920 section 3.1)."""

Hello = Callable[[str], Command]
"""Returns EHLO, HELO or LHLO with this client's name, given the verb."""

_BUILDERS: Mapping[str, Callable[[str], list[Command]]] = {
    "mail": lambda text: [mail_command(text)],
    "rcpt": rcpt_commands,
    "data": lambda text: [Command(b"DATA")],
    "starttls": lambda text: [Command(b"STARTTLS")],
    "quit": lambda text: [Command(b"QUIT")],
}
_ENDS_PASTED = frozenset({"STARTTLS", "QUIT", "XCLIENT"})  # whose own functions do what follows their replies
_MOST_HELD = 10_000
_BETWEEN = re.compile(r"""((?:"(?:[^"\\]|\\.)*"|[^;"]|;(?![ \t]|\Z)|")+)(?:;[ \t]*|\Z)""", re.DOTALL)


def split_lines(text: str) -> list[str]:
    """Cut `LINE; LINE; …` into lines. A semicolon separates them if a blank or the end follows it, outside of quotation marks."""
    return [line for found in _BETWEEN.finditer(text) if (line := found[1].strip(" \t"))]


def commands_of(text: str, registry: Registry[ShellT], hello: Hello) -> list[Command]:
    """Return the commands that a line in a group stands for: a shorthand's, or the line as typed.

    Args:
        text: The line.
        registry: The shell commands and shorthands.
        hello: Returns EHLO, HELO or LHLO.

    Raises:
        UsageError: The line is for the shell, or a whole exchange that cannot be part of a group.
        NotSendable: It holds CR, LF or NUL.
    """
    refuse_line_breaks(text, "the line")
    line = parse(text, registry, Phase.READY)
    match line:
        case None:
            return []
        case Run():
            name = line.command.name
            if name.upper() in HELLOS:
                return [hello(name.upper())]
            build = None if name == "data" and line.args.text else _BUILDERS.get(name)
            if build is None:
                what = "is for the shell" if line.command.is_for_shell else "is more than one line"
                word = text.split()[0]  # a credential may follow it
                raise UsageError(f"{escape_str(word)[:60]} {what}, and cannot be in a group.")
            return build(line.args.text)
        case Wire():
            command = Command.parse(line.text.encode("utf-8", "surrogateescape"))
            chunk = bdat_chunk(command.line)
            if chunk is not None and chunk.size:
                raise UsageError("the octets of a chunk follow BDAT, which a group of lines cannot hold; use /raw.")
            return [command]
    raise AssertionError(line)


def pasted_group(lines: Sequence[str], registry: Registry[ShellT], hello: Hello) -> tuple[int, list[Command]]:
    """Return how many of the first lines of a paste can go out in one write, and their commands; 0 where only one or none can.

    A line that must be the last of a group ends it, and so does one that the shell has to do something about.

    Args:
        lines: What is left of the paste.
        registry: The shell commands and shorthands.
        hello: Returns EHLO, HELO or LHLO.
    """
    found: list[Command] = []
    taken = 0
    for text in lines[:IN_ONE_WRITE]:
        if not text.strip(" \t") or text.lstrip(" \t").startswith("/") or begins_exchange(text):
            break
        try:
            commands = commands_of(text, registry, hello)
        except SmtpShellError:
            break  # it is run by itself, and says what is wrong
        if any(each.secret or not each.verb or each.verb in _ENDS_PASTED for each in commands):
            break
        found += commands
        taken += 1
        if len(found) >= IN_ONE_WRITE or any(each.verb not in WITHIN_GROUP for each in commands):
            break
    return (taken, found) if taken > 1 else (0, [])


def advice(commands: Iterable[Command], extensions: Extensions | None) -> Iterator[str]:
    """Yield what is to be said before a group goes out. It goes out all the same.

    Args:
        commands: The commands.
        extensions: What the server announced; None for nothing yet.

    Source: RFC 2920 sections 3.1 and 3.2
    """
    if extensions is None or "PIPELINING" not in extensions:
        yield "The server has not announced PIPELINING, and the group goes out in one write all the same."
    *before, _ = (each.verb for each in commands)
    early = [verb or "an unknown command" for verb in dict.fromkeys(before) if verb not in WITHIN_GROUP]
    if early:
        named = ", ".join(early)
        reply = "its reply decides" if len(early) == 1 else "their replies decide"
        yield f"{named} should be the last of a group, since {reply} what may follow (RFC 2920 §3.1); it goes out as it is."


class HeldGroup:
    """The lines that are typed after `/pipeline`, until they go out together.

    Args:
        dialogue: The dialogue that they belong to. An AUTH exchange counts as it stands when the first line is typed.

    Attributes:
        commands: The commands so far.
    """

    def __init__(self, dialogue: Dialogue) -> None:
        self.commands: list[Command] = []
        self._dialogue = dialogue
        self._exchange = dialogue.exchange

    def add(self, commands: Sequence[Command]) -> None:
        """Hold more commands. What was to answer a challenge when it was typed is secret, whatever has come until it goes out.

        Raises:
            UsageError: There are too many.
        """
        if len(self.commands) + len(commands) > _MOST_HELD:
            raise UsageError(f"a group has at most {_MOST_HELD:,} commands; send it with /pipeline.")
        if not self.commands:
            self._exchange = copy(self._dialogue.exchange)
        self.commands += map(self._marked, commands)

    def _marked(self, command: Command) -> Command:
        start = self._exchange.send(command.line)
        return replace(command, public=start) if self._exchange.answers and start is not None else command


class Sender(chunks.Sender, Protocol):
    """What sends for a user: the shell."""

    def confirm_cleartext(self) -> bool:
        """Check that a credential may cross this connection."""

    def disconnect(self) -> None:
        """Close the connection."""


def send_group(sender: Sender, commands: Sequence[Command]) -> None:
    """Send commands in one write, and wait for their replies.

    Raises:
        AuthFailed: A command carries a credential, the connection is in the clear, and the user does not insist.
        DialogueBroken: The connection broke.
    """
    session = sender.need_session()
    if any(each.secret for each in commands):
        sender.confirm_cleartext()
    for text in advice(commands, session.dialogue.extensions):
        sender.say(text, "notice")
    for start in range(0, len(commands), IN_ONE_WRITE):
        if sender.waiting(partial(_in_one_write, session, commands[start : start + IN_ONE_WRITE])) is None:
            return
        if not session.is_open or session.tls_due:
            return
    if commands[-1].verb == "QUIT" and session.phase is Phase.CLOSED:
        sender.disconnect()


def _in_one_write(session: Session, commands: Sequence[Command]) -> Reply:
    """Send commands in one write, and read the replies up to the last, or up to one after which TLS begins."""
    session.send(*commands)
    reply = session.read_reply()
    while session.awaited and not session.tls_due:
        reply = session.read_reply()
    return reply

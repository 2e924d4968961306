"""One dialogue of a client with a server of ours, as it is kept: its entries, what lint finds in them, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.commands import HELLOS
from smtp_shell.protocol.events import CommandSent, Disconnected, End, MailDataSent, OctetsSent, ReplyReceived
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.lint import Finding, Linter
    from smtp_shell.protocol.events import Entry, Event
    from smtp_shell.recording.recording import Recording
    from smtp_shell.servers.sessions import WatchedDialogue

MOST_ENTRIES: Final = 4_000
"""Entries of one dialogue that are kept in memory."""

MOST_OCTETS: Final = 512 * 1024
"""Octets of one dialogue that are kept in memory."""


class WatchedSession:
    """One dialogue of a client with the server.

    Args:
        number: Its number, from 1.
        server: The server's address.
        peer: The client's address.
        linter: Checks the dialogue while it goes on; None to have it checked when somebody asks.

    Attributes:
        began: When it began.
        hello: The name that the client gave in EHLO, escaped; empty before that.
        tls: The version of TLS; empty in the clear.
        messages: How many messages were accepted.
        ended: How it ended, in a word or two; empty while it goes on.
        left_out: How many entries are not kept.
        recording: The transcript that is written of it; None for none.
    """

    def __init__(self, number: int, server: str, peer: str, linter: Linter | None) -> None:
        self.number, self.server, self.peer = number, server, peer
        self.began = datetime.now().astimezone()
        self.hello = self.tls = self.ended = ""
        self.messages = self.left_out = 0
        self.recording: Recording | None = None
        self.linter = linter
        self._entries: list[Entry] = []
        self._findings: list[Finding] = []
        self._octets = 0  # of the entries
        self._ends_message = False  # the next reply is the one to a final dot
        self._said_quit = False

    @property
    def entries(self) -> Sequence[Entry]:
        """The entries that are kept, long mail data cut."""
        return tuple(self._entries)

    @property
    def findings(self) -> Sequence[Finding]:
        """What lint found, in the order of the entries. Where it is asked for the first time, the entries that are kept are checked."""
        if self.linter is not None:
            return tuple(self._findings)
        from smtp_shell.lint import Linter

        linter = Linter()
        found: list[Finding] = []
        for entry in self.entries:
            found += linter.feed(entry)
        return (*found, *linter.finish()) if self.ended else found

    @property
    def faults(self) -> int:
        """How many findings are errors or warnings."""
        return sum(each.severity in ("error", "warning") for each in self.findings)

    def add(self, entry: Entry, watched: WatchedDialogue) -> None:
        """Note an entry, and keep it.

        Args:
            entry: The entry.
            watched: The dialogue that it comes from.
        """
        event = entry.event
        self.tls = watched.tls
        if isinstance(event, CommandSent):
            if event.command.verb in HELLOS:
                self.hello = escape(event.command.argument[:255])
            self._said_quit = event.command.verb == "QUIT"
        elif isinstance(event, MailDataSent):
            self._ends_message = event.last
        elif isinstance(event, ReplyReceived):
            self.messages += self._ends_message and event.reply.code // 100 == 2
            self._ends_message = False
        elif isinstance(event, Disconnected):
            self.ended = _ending(event, said_quit=self._said_quit)
        self._octets += _size(event)
        if isinstance(event, Disconnected) or (len(self._entries) < MOST_ENTRIES and self._octets <= MOST_OCTETS):
            self._entries.append(entry)
        else:
            self.left_out += 1

    def add_finding(self, finding: Finding) -> None:
        """Keep a finding."""
        if len(self._findings) < MOST_ENTRIES:
            self._findings.append(finding)


def _size(event: Event) -> int:
    match event:
        case MailDataSent() | OctetsSent():
            return len(event.octets)
        case CommandSent():
            return len(event.command.line)
        case ReplyReceived():
            return len(event.reply.octets)
    return 0


def _ending(event: Disconnected, *, said_quit: bool) -> str:
    if event.end is End.ERROR:
        return "TLS failed" if "TLS" in event.detail else "an error"
    if said_quit:
        return "QUIT"
    return event.detail or ("no QUIT" if event.end is End.CLIENT else "by server")

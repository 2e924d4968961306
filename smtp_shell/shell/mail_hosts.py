"""Connecting to a server, or to a domain: to its hosts in turn, up to the first that greets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smtp_shell.errors import ConnectFailed, DialogueBroken, Refused, SmtpShellError, TlsFailed
from smtp_shell.net.target import Way
from smtp_shell.protocol.events import Entry, Noticed, NoticeKind, Remarked
from smtp_shell.protocol.octets import quoted

if TYPE_CHECKING:
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import Event
    from smtp_shell.shell.shell import Shell


def connect(shell: Shell, target: Target, *, greets: bool = True, connection: ConnectSettings | None = None) -> None:
    """Connect to a server, or to the first host of a domain that greets; say why the ones before it were passed over.

    What the DNS says of the domain, and each host that was tried in vain, precedes the dialogue, on the screen and in the recordings.

    Args:
        shell: The shell.
        target: The server, or the domain.
        greets: As for `Shell.connect`.
        connection: As for `Shell.connect`.

    Raises:
        DialogueBroken: There is no connection, no such domain, or no connection to any host of it.
        Refused: No host of the domain greeted, and the last one said why.

    Source: RFC 5321 section 5.1
    """
    if target.way is not Way.MX:
        shell.connect(target, greets=greets, connection=connection)
        return
    from smtp_shell.client.mail_hosts import MOST_TRIED, described, mail_hosts, refuse_null
    from smtp_shell.display.surveys import short_reason

    shell.disconnect()
    shell.target = target
    connection = connection or shell.connection
    deadline = time.monotonic() + shell.timeouts.connect
    with shell.waiting_for(lambda: f"the MX records of {target.host}"):
        answer, hosts = mail_hosts(target, connection.resolver, deadline)
    refuse_null(target, answer)
    before: list[Event] = []
    _tell(shell, before, Remarked(described(answer)))
    last: SmtpShellError | None = None
    for each in hosts[:MOST_TRIED]:
        problem = each.host.problem
        if each.target is not None:
            try:
                _try(shell, each.target, before, connection, greets=greets)
                return
            except (DialogueBroken, Refused) as error:
                problem, last = short_reason(error.message), error
        _tell(shell, before, Noticed(NoticeKind.ATTEMPT, f"{each}: {problem}"))
    shell.target = target
    number = min(len(hosts), MOST_TRIED)
    what = "its host does not take this client" if number == 1 else f"none of {number} hosts takes this client"
    kind = Refused if isinstance(last, Refused) else TlsFailed if isinstance(last, TlsFailed) else ConnectFailed
    raise kind(f"no connection to {target}: {what}; `/mx {answer.domain}` asks each of them.")


def _tell(shell: Shell, before: list[Event], event: Event) -> None:
    """Show what happened before there is a connection; the user's recording gets it now, that of a session with its beginning."""
    before.append(event)
    entry = Entry(0, 0.0, event)
    if shell.recordings.own is not None:
        shell.recordings.own(entry)
    shell.view(entry)


def _try(shell: Shell, target: Target, before: list[Event], connection: ConnectSettings, *, greets: bool) -> None:
    """Connect to one host.

    Raises:
        DialogueBroken: There is no connection, no greeting, or no TLS.
        Refused: Its greeting is a 4yz or 5yz reply.
    """
    answered, refusals = shell.answered, shell.refusals.number
    try:
        shell.connect(target, greets=greets, connection=connection, before=before)
        session = shell.session
        reply = session.dialogue.greeting if session is not None else None
        if reply is not None and reply.is_negative:
            raise Refused(f"the greeting was {quoted(reply.one_line())}")
    except (DialogueBroken, Refused):
        shell.disconnect()
        shell.answered, shell.refusals.number = answered, refusals
        raise

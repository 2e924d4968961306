"""The command about the practice server's dialogues with its clients."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.protocol.events import Entry
    from smtp_shell.servers.watched_session import WatchedSession
    from smtp_shell.shell.completion import CompletionContext

_HEAD = f"{'n':>4} {'began':<8} {'client':<21} {'name':<14} {'TLS':<7} mail faults ended"


def _numbers(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    practice = context.shell_options.practice if context.shell_options is not None else None
    if practice is not None and practice.watch is not None and not text.strip(string.digits):
        for each in practice.watch.sessions():
            yield str(each.number), f"{each.began:%H:%M:%S} {each.peer} {each.hello}"


@shell_command("/sessions", "[N]", complete=_numbers, group="connection")
def sessions(shell: Shell, args: Args) -> None:
    """List the practice server's dialogues, or show one.

    Those of any client are there, the last hundred: when each began, who it was and what name EHLO gave, TLS, how many messages were
    accepted, how many faults lint found, and how it ended.
    `/sessions 3` shows the third, with what lint says; of long mail data the start.
    """
    watch = shell.options.practice.watch if shell.options.practice is not None else None
    if watch is None:
        raise UsageError("/sessions: there is no practice server here yet; /connect practice starts one.")
    found = watch.sessions()
    if args.text:
        _show(shell, _chosen(found, args.one("number")))
    elif not found:
        shell.say("  no client has connected yet.")
    else:
        shell.say(_HEAD)
        for each in found:
            shell.say(_row(each))


def _chosen(found: Sequence[WatchedSession], word: str) -> WatchedSession:
    for each in found:
        if word == str(each.number):
            return each
    there = f"there are {found[0].number} to {found[-1].number}" if found else "there are none yet"
    raise UsageError(f"/sessions: there is no dialogue {escape_str(word)}; {there}.")


def _row(session: WatchedSession) -> str:
    faults = str(session.faults) if session.faults else "-"
    return (
        f"{session.number:>4} {session.began:%H:%M:%S} {session.peer[:21]:<21} {session.hello[:14] or '-':<14} "
        f"{session.tls or '-':<7} {session.messages:>4} {faults:>6} {session.ended or 'goes on'}"
    )


def _show(shell: Shell, session: WatchedSession) -> None:
    shell.view.show_all(_with_findings(session))
    if session.left_out:
        shell.say(f"  {session.left_out:,} more events are left out; practice --keep DIR writes all of them.")
    if session.faults:
        shell.say(f"  {session.faults} {'fault' if session.faults == 1 else 'faults'} in all.")


def _with_findings(session: WatchedSession) -> Iterator[Entry]:
    """Yield the entries, each finding after the entry that it is about."""
    from smtp_shell.protocol.events import Entry, Remarked

    left = sorted(session.findings, key=lambda finding: finding.seq)
    at, tls = 0.0, False
    for entry in session.entries:
        while left and left[0].seq < entry.seq:
            finding = left.pop(0)
            yield Entry(finding.seq, at, Remarked(str(finding)), tls)
        at, tls = entry.at, entry.tls
        yield entry
    for finding in left:
        yield Entry(finding.seq, at, Remarked(str(finding)), tls)

"""The report of a mock server: what its clients said beside what was expected, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtp_shell.transcript.included_line import file_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.servers.mock.results import ServedSession
    from smtp_shell.servers.mock.script import MockScript

_NEVER_AGAIN = frozenset({"NTLM", "GSSAPI"})
"""Mechanisms whose client is asked for something new each time, and that the mock does not know."""


def session_lines(session: ServedSession) -> Iterator[str]:
    """Yield the report of one session.

    Args:
        session: The session, which is over.
    """
    who = f" from {session.peer}" if session.peer else ""
    where = f"{session.file}:{session.line}" if session.line else session.file
    yield f"session {session.number}{who}, {where}: {session.matched:,} as expected, {session.differed:,} differed"
    for each in session.differences:
        yield f"  {each}"
    if session.differed > len(session.differences):
        yield f"  and {session.differed - len(session.differences):,} more"
    if session.faults:
        yield f"  faults made: {', '.join(session.faults)}"


def session_objects(session: ServedSession) -> Iterator[dict[str, Any]]:
    """Yield the differences of one session, and the session, for JSON. Absent values are left out.

    Args:
        session: The session, which is over.
    """
    for each in session.differences:
        found = {
            "session": session.number,
            "file": each.file,
            "line": each.line,
            "outcome": each.kind.value,
            "why": each.why,
            "expected": each.expected,
            "said": each.said,
        }
        yield {name: value for name, value in found.items() if value != ""}
    whole = {
        "session": session.number,
        "peer": session.peer,
        "file": session.file,
        "line": session.line,
        "matched": session.matched,
        "differed": session.differed,
        "faults": list(session.faults),
        "seconds": session.seconds,
        "exit_status": 0 if session.ok else 1,
    }
    yield {name: value for name, value in whole.items() if value not in ("", [])}


def credentials_warning(script: MockScript, *, knows_password: bool) -> str:
    """Return a sentence about AUTH exchanges that cannot be served as recorded; empty if there are none.

    Args:
        script: The compiled transcript.
        knows_password: Whether the server knows the user's password.
    """
    for name, line in script.mechanisms.items():
        where = f"{file_of(line) or script.file}:{line}"
        if name in _NEVER_AGAIN:
            return f"{where}: {name} has other answers each time, and the mock has only the recorded ones, which no client will accept."
        if name.startswith(("SCRAM-", "DIGEST-")) and not knows_password:
            return (
                f"{where}: {name} needs the password on both sides, so no client will accept this exchange; "
                "give --user NAME, and the password in SMTP_SHELL_PASSWORD."
            )
    return ""

"""What the prompt and the bottom line show: where the dialogue is, and each weakening while it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.styles import Style

from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from smtp_shell.shell.recordings import SessionRecordings
    from smtp_shell.shell.shell import Shell

_HOST_WIDTH = 32

STYLE = Style.from_dict(
    {
        "prompt.host": "bold",
        "prompt.phase": "ansicyan",
        "prompt.danger": "bold ansired",
        "wait": "italic",
        "auto-suggestion": "ansibrightblack italic",
        "bottom-toolbar": "noreverse bg:ansibrightblack ansiwhite",
        "bottom-toolbar.danger": "bold bg:ansired ansiwhite",
    }
)


def prompt_text(shell: Shell) -> StyleAndTextTuples:
    """Return the prompt."""
    session = shell.session
    if session is None or not session.is_open:
        return [("class:prompt.host", "smtp-shell"), ("", "> ")]
    if shell.phase is Phase.MAILDATA:
        return [("class:prompt.phase", "mail data"), ("", ": ")]
    if shell.phase is Phase.AUTH and not shell.undecided:
        return [("class:prompt.phase", "answer to the 334 (hidden)"), ("", ": ")]
    if session.dialogue.chunk_left:
        return [("class:prompt.phase", f"chunk, {session.dialogue.chunk_left:,} octets left"), ("", ": ")]
    host = str(session.target)
    parts: StyleAndTextTuples = [
        ("class:prompt.host", host if len(host) <= _HOST_WIDTH else host[: _HOST_WIDTH - 1] + "…")
    ]
    if session.tls is not None and not session.tls.verified:
        parts.append(("class:prompt.danger", " NOT-VERIFIED"))
    elif session.tls is not None:
        parts.append(("", " tls"))
    if shell.group is not None:
        parts.append(("class:prompt.phase", f" group of {len(shell.group.commands)}"))
    phase = "auth pending hidden" if shell.phase is Phase.AUTH else session.dialogue.standing.value
    return [*parts, ("class:prompt.phase", f" {phase}"), ("", "> ")]


def toolbar(shell: Shell) -> StyleAndTextTuples:
    """Return the bottom line."""
    session = shell.session
    recorded = _recorded(shell.recordings)
    if session is None or not session.is_open:
        return [("", " | ".join(filter(None, (" not connected", "/connect HOST[:PORT]", "/help", recorded))))]
    parts: StyleAndTextTuples = [("", f" {str(session.target)[:40]} | {session.dialogue.standing.value} | ")]
    if session.tls is None:
        parts.append(("", "no TLS"))
    elif session.tls.verified:
        parts.append(("", f"{session.tls.version} verified"))
    else:
        parts.append(("class:bottom-toolbar.danger", f"{session.tls.version} NOT VERIFIED"))
    if shell.tls.insecure:
        parts.append(("class:bottom-toolbar.danger", " insecure on"))
    if shell.settings.insecure_auth:
        parts.append(("class:bottom-toolbar.danger", " insecure-auth on"))
    user = escape_str(session.user) or "no user"
    return [*parts, ("", f" | {user[:24]} | {recorded or 'not recorded'}")]


def _recorded(recordings: SessionRecordings) -> str:
    """Return whether something is recorded, and the name of the user's own file; empty where nothing was begun."""
    recording = recordings.own or recordings.session
    if recording is None:
        return ""
    if recording.failed:
        return "not recorded"
    return f"rec {escape_str(recording.path.name)[:24]}" if recording is recordings.own else "rec"

"""What the prompt and the bottom line show: where the dialogue is, what is awaited, and each weakening while it is on."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from smtp_shell.display.characters import in_ascii, shows_utf_8
from smtp_shell.display.themes import is_spoken, usable_theme
from smtp_shell.figures import counted
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell import owed_replies
from smtp_shell.shell.bottom_line import Part, fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from smtp_shell.client.session import Session
    from smtp_shell.shell.recordings import SessionRecordings
    from smtp_shell.shell.shell import Shell

CLOCK_SECONDS = 1.0
"""Seconds after which the bottom line is drawn again, for its clock. What has not changed is not written."""

_HOST_WIDTH = 32
_NARROW_HOST = 12
_MOST_USER = 24
_MINUTE = 60
# A server may close a connection on which nothing has come for five minutes (RFC 5321 section 4.5.3.2.7).
_NEARLY_CLOSED = 4 * _MINUTE
_FEW_SECONDS = 10
_DANGER, _LATE = "class:bottom-toolbar.danger", "class:bottom-toolbar.late"

# What has no room goes in this order: of the bottom line's parts first the long forms, then what is told elsewhere or matters least.
(
    _LONG_CLOCK,
    _LONG_HOST,
    _NO_USER,
    _NAME_OF_RECORDING,
    _TLS_VERSION,
    _LONG_PHASE,
    _RECORDING,
    _CLOCK,
    _USER,
    _HOST,
    _LIMIT,
    _RECIPIENTS,
    _VERIFIED,
    _NO_HOST,
    _NO_PHASE,
    _AWAITED,
    _NO_SIZE,
    _OWED,
    _WEAKENING,
) = range(19)

_PHASES = {
    Phase.GREETING: "session initiation",
    Phase.FRESH: "client initiation",
    Phase.READY: "no mail transaction",
    Phase.MAIL: "mail transaction",
    Phase.RCPT: "mail transaction",
    Phase.MAILDATA: "mail data",
    Phase.ENDED: "end of mail data",
    Phase.AUTH: "AUTH exchange",
    Phase.TLS: "TLS negotiation",
}
"""Phase -> its name in the RFCs. Source: RFC 5321 sections 3.1 to 3.3, RFC 3207 section 4, RFC 4954 section 4"""

_COLOURS = {
    "prompt.host": "bold",
    "prompt.phase": "ansicyan",
    "prompt.danger": "bold ansired",
    "wait": "italic",
    "auto-suggestion": "ansibrightblack italic",
    "number": "ansibrightblack",
    "remark": "italic ansiyellow",
    "bottom-toolbar": "noreverse bg:ansibrightblack ansiwhite",
    "bottom-toolbar.danger": "bold bg:ansired ansiwhite",
    "bottom-toolbar.late": "bold",
}
_THEMES = {
    "dark": {},
    "light": {
        "prompt.phase": "ansiblue",
        "remark": "italic ansimagenta",
        "bottom-toolbar": "noreverse bg:ansiwhite ansiblack",
    },
    # What `reverse` makes is as far from the background as the text is.
    "contrast": {
        "prompt.phase": "bold",
        "prompt.danger": "bold reverse",
        "wait": "",
        "auto-suggestion": "noinherit underline",
        "number": "",
        "remark": "italic",
        "bottom-toolbar": "reverse",
        "bottom-toolbar.danger": "bold underline",
    },
    "plain": dict.fromkeys(_COLOURS, "") | {"bottom-toolbar": "noreverse"},
}
_WITHOUT_COLOUR = {
    "prompt.host": "bold",
    "prompt.danger": "bold",
    "wait": "italic",
    "auto-suggestion": "italic",
    "remark": "italic",
    "bottom-toolbar": "reverse",
    "bottom-toolbar.danger": "bold underline",
    "bottom-toolbar.late": "bold",
}


def color_depth(shell: Shell) -> ColorDepth | None:
    """Return how many colours the prompt has; None: as many as the terminal has, none with NO_COLOR."""
    return None if shell.options.color else ColorDepth.DEPTH_1_BIT


def prompt_style(shell: Shell) -> Style:
    """Return the style of the prompt and of the bottom line, by the theme."""
    return _style(usable_theme(shell.settings.theme, os.environ), color=shell.options.color)


@cache  # a new style would make prompt_toolkit draw the whole screen anew with each key
def _style(theme: str, *, color: bool) -> Style:
    if not color and not is_spoken(theme):
        return Style.from_dict(_WITHOUT_COLOUR)
    return Style.from_dict(_COLOURS | _THEMES[theme])


def screen_width() -> int:
    """Return the columns of the terminal, at least one."""
    return max(get_app_session().output.get_size().columns, 1)


def prompt_text(shell: Shell, width: int | None = None) -> StyleAndTextTuples:
    """Return the prompt.

    Args:
        shell: The shell.
        width: Columns of the screen; None for those of the terminal.
    """
    return _printable(_prompt_text(shell, screen_width() if width is None else width))


def _prompt_text(shell: Shell, width: int) -> StyleAndTextTuples:
    session = shell.session
    if session is None or not session.is_open:
        return [("class:prompt.host", "smtp-shell"), ("", "> ")]
    if shell.phase is Phase.MAILDATA:
        return [("class:prompt.phase", "mail data"), ("", ": ")]
    if shell.phase is Phase.AUTH and not shell.undecided:
        return [("class:prompt.phase", "answer to the 334 (hidden)"), ("", ": ")]
    if session.dialogue.chunk_left:
        return [("class:prompt.phase", f"chunk, {session.dialogue.chunk_left:,} octets left"), ("", ": ")]
    parts: StyleAndTextTuples = [("class:prompt.host", _short_host(str(session.target), _host_width(width)))]
    if session.tls is not None and not session.tls.verified:
        parts.append(("class:prompt.danger", " NOT-VERIFIED"))
    elif session.tls is not None:
        parts.append(("", " tls"))
    if shell.group is not None:
        parts.append(("class:prompt.phase", f" group of {len(shell.group.commands)}"))
    phase = "auth pending hidden" if shell.phase is Phase.AUTH else session.dialogue.standing.value
    return [*parts, ("class:prompt.phase", f" {phase}"), ("", "> ")]


def toolbar(shell: Shell, width: int | None = None, *, waits: bool = False, draft: int = 0) -> StyleAndTextTuples:
    """Return the bottom line.

    Args:
        shell: The shell.
        width: Columns of the screen; None for those of the terminal.
        waits: Whether the line above it says what is awaited.
        draft: Octets of mail data that are written and have not gone out.

    Returns:
        It; nothing for a screen reader, which would read each change of it aloud: there the prompt tells, and `/status`.
    """
    if is_spoken(shell.settings.theme):
        return []
    width = screen_width() if width is None else width
    session = shell.session
    if session is None or not session.is_open:
        recorded = _recorded(shell.recordings)
        words = Part(("not connected",)), Part(("/connect HOST[:PORT]", ""), (3,)), Part(("/help", ""), (2,))
        return _printable(fitted([*words, Part((recorded, ""), (1,))], width))
    return _printable(fitted([*_parts(shell, session, waits=waits, draft=draft)], width))


def _parts(shell: Shell, session: Session, *, waits: bool, draft: int) -> Iterator[Part]:
    phase = session.dialogue.standing
    host = str(session.target)
    yield Part((*(_short_host(host, room) for room in (40, 24, _NARROW_HOST)), ""), (_LONG_HOST, _HOST, _NO_HOST))
    yield Part((_PHASES.get(phase, phase.value), phase.value, ""), (_LONG_PHASE, _NO_PHASE))
    yield from _size(shell, session, phase, draft)
    yield from _security(shell, session)
    if session.dialogue.owed and not waits:
        yield Part((f"awaits {owed_replies.awaited(session)}", "reply owed", "owed"), (_AWAITED, _OWED), _LATE)
    user = _short(escape_str(session.user), _MOST_USER)
    yield Part((user, ""), (_USER,)) if user else Part(("no user", ""), (_NO_USER,))
    recorded = _recorded(shell.recordings) or "not recorded"
    if recorded.startswith("rec "):
        yield Part((recorded, "rec", ""), (_NAME_OF_RECORDING, _RECORDING))
    else:
        yield Part((recorded, ""), (_RECORDING,))
    if not waits:
        yield from _clock(shell.gauge.silence)


def _security(shell: Shell, session: Session) -> Iterator[Part]:
    """Yield how the connection is secured, and each weakening that is on."""
    if session.tls is None:
        yield Part(("no TLS",))
    elif session.tls.verified:
        yield Part((f"{session.tls.version} verified", "TLS verified", "TLS"), (_TLS_VERSION, _VERIFIED))
    else:
        yield Part((f"{session.tls.version} NOT VERIFIED", "NOT VERIFIED"), (_TLS_VERSION,), _DANGER)
    switches = (("insecure", shell.tls.insecure), ("insecure-auth", shell.settings.insecure_auth))
    names = " and ".join(name for name, is_on in switches if is_on)
    if names:
        yield Part((f"{names} on", names), (_WEAKENING,), _DANGER)


def _size(shell: Shell, session: Session, phase: Phase, draft: int) -> Iterator[Part]:
    """Yield how large the mail transaction is so far."""
    gauge = shell.gauge
    if phase is Phase.RCPT and not gauge.octets:
        yield Part((counted(gauge.recipients, "recipient"), ""), (_RECIPIENTS,))
    elif phase in (Phase.RCPT, Phase.MAILDATA, Phase.ENDED):
        from smtp_shell.protocol.announcements import size_limit

        limit, size = size_limit(session.dialogue.extensions), f"{gauge.octets + draft:,} octets"
        forms, weights = (size, ""), (_NO_SIZE,)
        yield Part((f"{size} of {limit:,}", *forms), (_LIMIT, *weights)) if limit else Part(forms, weights)


def _clock(silence: float | None) -> Iterator[Part]:
    """Yield the time since the last reply. It changes in steps, so that the line is quiet."""
    if silence is None:
        return
    if silence < _MINUTE:
        step = 1 if silence < _FEW_SECONDS else 10
        short = f"{int(silence // step) * step} s ago"
    else:
        short = f"{int(silence // _MINUTE)} min ago"
    if silence < _NEARLY_CLOSED:
        yield Part((f"last reply {short}", short, ""), (_LONG_CLOCK, _CLOCK))
    else:
        forms = (f"last reply {short}: a server may close after 5 min", f"last reply {short}", short)
        yield Part(forms, (_TLS_VERSION, _AWAITED), _LATE)


def _host_width(width: int) -> int:
    return max(_NARROW_HOST, min(_HOST_WIDTH, width * 2 // 5))


def _short_host(host: str, room: int) -> str:
    """Return a host cut to its room, with its port: two servers of one machine differ in nothing else."""
    name, colon, port = host.rpartition(":")
    if len(host) <= room or not port.isdigit():
        return _short(host, room)
    return f"{name[: max(room - len(port) - 2, 1)]}…{colon}{port}"


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _printable(parts: StyleAndTextTuples) -> StyleAndTextTuples:
    return [(part[0], on_terminal(part[1])) for part in parts]


def on_terminal(text: str) -> str:
    """Return printable text in characters that the terminal shows."""
    return text if text.isascii() or shows_utf_8(os.environ, sys.stdout.encoding) else in_ascii(text)


def _recorded(recordings: SessionRecordings) -> str:
    """Return whether something is recorded, and the name of the user's own file; empty where nothing was begun."""
    recording = recordings.own or recordings.session
    if recording is None:
        return ""
    if recording.failed:
        return "not recorded"
    return f"rec {escape_str(recording.path.name)[:24]}" if recording is recordings.own else "rec"

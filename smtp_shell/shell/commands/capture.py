"""`/capture`: the octets of a session for Wireshark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import Option, paths_or_off
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from smtp_shell.net.target import Target

_NEXT = (
    "This connection is inside TLS already, and its keys cannot be had any more: the capture begins with the next one. "
    "/reconnect opens it."
)
_MIDDLE = "This connection is captured from here on; /reconnect for one from its first octet."


@shell_command(
    "/capture",
    "[FILE | off]",
    complete=paths_or_off("end the capture"),
    group="transcripts",
    options=(
        Option("--live", "true packets, ARP and DNS among them, by dumpcap; takes the rights that Wireshark needs"),
    ),
)
def capture(shell: Shell, args: Args) -> None:
    """Capture the octets of the dialogue into a file for Wireshark, with the keys of TLS.

    FILE is a pcapng file. Wireshark opens it and shows EHLO, STARTTLS, the handshake, and the dialogue decrypted.
    The octets are real, TLS records as they went over the wire, with their addresses and ports. It takes no rights.
    Whoever has the file can decrypt the connections in it, passwords included; it is for its owner alone.
    Connections of /replay are captured as well.
    With nothing, show what is being captured; `off` ends it.
    """
    given = args.read()
    if not args.text:
        _show(shell)
    elif args.text == "off":
        _end(shell)
    else:
        if len(given.words) != 1 or given.words[0] == "off":
            raise UsageError("/capture takes one file, with --live before it or not, or off; see /help /capture.")
        begin(shell, user_path(given.words[0]), live="--live" in given)


def begin(shell: Shell, path: Path, *, live: bool = False, target: Target | None = None) -> None:
    """Begin a capture, and tell the user what it is.

    Args:
        shell: The shell.
        path: The file, which must not exist.
        live: Whether to capture from the wire.
        target: The server that is to be connected to; None for the one that is.

    Raises:
        UsageError: The file exists or cannot be created, there is a capture already, or no rights to capture from the wire.
    """
    from smtp_shell.recording.capture import WARNING, Capture

    recordings = shell.recordings
    running = recordings.capture or recordings.live
    if running is not None:
        raise UsageError(f"/capture: {escape_str(str(running.path))} is being written; /capture off ends it.")
    target = target or shell.target
    if live:
        from smtp_shell.recording.live import LiveCapture

        recordings.live = LiveCapture(path, _practice(shell) if target is None else target)
        shell.say(f"  dumpcap captures: {recordings.live.filter}", "quoted")
    else:
        recordings.capture = Capture.create(path, on_failure=recordings.fail)
    shell.say(f"  capturing to {escape_str(str(path))}: {WARNING}.", "notice")
    _join_session(shell, live=live)
    _advise(shell, target)


def _join_session(shell: Shell, *, live: bool) -> None:
    """Capture the connection that is open, if that is of any use."""
    session, taps = shell.session, shell.recordings.taps
    if session is None or not session.is_open or taps is None:
        return
    if session.tls is not None:
        shell.say(f"  {_NEXT}", "notice")
        return
    session.transport.attach(taps)
    if not live:
        shell.say(f"  {_MIDDLE}")


def _end(shell: Shell) -> None:
    recordings = shell.recordings
    running = recordings.capture or recordings.live
    if running is None:
        raise UsageError("/capture off: nothing is being captured.")
    if shell.session is not None and shell.session.is_open:
        shell.session.transport.detach()
    recordings.end_captures()
    shell.say(f"  captured to {escape_str(str(running.path))}")
    _advise(shell, shell.target)


def _show(shell: Shell) -> None:
    running = shell.recordings.capture or shell.recordings.live
    shell.say("  capturing nothing" if running is None else f"  capturing to {escape_str(str(running.path))}")
    if running is not None:
        _advise(shell, shell.target)


def _practice(shell: Shell) -> Target | None:
    from smtp_shell.net.target import Target, Way

    server = shell.options.practice
    return Target(Way.TCP, server.host, server.port) if server is not None else None


def _advise(shell: Shell, target: Target | None) -> None:
    """Show what is to be set in Wireshark, if anything."""
    from smtp_shell.export.wireshark import decode_as_advice
    from smtp_shell.net.target import Way

    if target is not None and target.way is Way.TCP:
        advice = decode_as_advice(target.port, implicit=target.tls)
        if advice:
            shell.say(f"  {advice}", "quoted")

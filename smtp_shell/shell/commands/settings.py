"""Entries about the shell itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from smtp_shell.display.render import THEMES
from smtp_shell.errors import UsageError
from smtp_shell.protocol.commands import refuse_line_breaks
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import paths
from smtp_shell.shell.registry import Args, entry
from smtp_shell.shell.scripted_lines import run_file
from smtp_shell.shell.settings import ShellSettings
from smtp_shell.shell.shell import Shell

_MEANINGS = {
    "timeout": "seconds for every wait but QUIT's; 0 for the defaults",
    "auto-ehlo": "say EHLO after the greeting and after TLS has started",
    "times": "show how long each reply took",
    "decoded": "show what base64 means beside it",
    "theme": "colours: dark, light or plain",
    "editing": "keys of the prompt: emacs or vi",
    "ehlo": "name that EHLO gives; empty for this host's",
    "insecure": "go on although a certificate cannot be verified",
    "insecure-auth": "let credentials cross a connection without TLS",
    "ca-file": "PEM file with the authorities to trust; empty for the system's",
}
_CHOICES = {"editing": ("emacs", "vi"), "theme": tuple(THEMES)}
_ON_OFF = {"on": True, "off": False, "yes": True, "no": False, "true": True, "false": False, "1": True, "0": False}


def _names(shell: Shell, text: str) -> Iterator[tuple[str, str]]:
    if " " not in text.lstrip():
        yield from _MEANINGS.items()


@entry("/set", "[NAME [VALUE]]", complete=_names)
def set_(shell: Shell, args: Args) -> None:
    """List the settings, or change one.

    `/set times off` changes one. A setting without a value shows it. They hold until the shell ends; `timeout`, `insecure` and
    `ca-file` take effect with the next
    connection or handshake.
    """
    name, _, value = args.text.partition(" ")
    if not name:
        for each, meaning in _MEANINGS.items():
            shell.say(f"  {each:<14} {_shown(shell.settings, each):<10} {meaning}")
        return
    if name not in _MEANINGS:
        raise UsageError(f"/set: {escape_str(name)} is no setting; /set lists them.")
    if not value:
        shell.say(f"  {name} {_shown(shell.settings, name)}")
        return
    shell.settings = changed(shell.settings, name, value.strip())
    shell.apply_look()


def changed(settings: ShellSettings, name: str, value: str) -> ShellSettings:
    """Give the settings with one of them changed.

    Raises:
        UsageError: The value does not fit.
    """
    field = name.replace("-", "_")
    kind = type(getattr(settings, field))
    if kind is bool:
        if value.lower() not in _ON_OFF:
            raise UsageError(f"/set {name}: {escape_str(value)} is neither on nor off.")
        return replace(settings, **{field: _ON_OFF[value.lower()]})
    if kind is float:
        return replace(settings, timeout=_seconds(value))
    if field in _CHOICES and value not in _CHOICES[field]:
        raise UsageError(f"/set {name} takes one of {', '.join(_CHOICES[field])}.")
    refuse_line_breaks(value, f"/set {name}")
    if field == "ca_file" and value != "''" and not Path(value).expanduser().is_file():
        raise UsageError(f"/set ca-file: there is no file {escape_str(value)}.")
    return replace(settings, **{field: "" if value in ("''", '""') else value})


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise UsageError("/set timeout takes a number of seconds from 0 (the defaults) to 86400.")
    return seconds


def _shown(settings: ShellSettings, name: str) -> str:
    value = getattr(settings, name.replace("-", "_"))
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else escape_str(value) or "''"


@entry("/source", "FILE", complete=paths)
def source(shell: Shell, args: Args) -> None:
    """Run a file of shell lines, as if typed here.

    A line that begins with # is a comment. It stops at the first line that fails.
    """
    run_file(shell, Path(args.one("file")).expanduser())

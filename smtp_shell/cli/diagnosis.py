"""What `smtp-shell doctor` finds out about this machine: program, libraries, TLS, terminal, extras, configuration and state folder.

Nothing here uses the network.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell import __version__
from smtp_shell.config import (
    KEY_LOG_VARIABLE,
    SECRET_VARIABLES,
    VARIABLE_PREFIX,
    state_dir,
)
from smtp_shell.errors import SmtpShellError
from smtp_shell.figures import counted
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from smtp_shell.net.tls_library import TrustStore

LIBRARIES = (
    "prompt_toolkit",
    "rich",
    "pygments",
    "tzlocal",
    "platformdirs",
    "aiosmtpd",
    "trustme",
    "idna",
    "cryptography",
    "dnspython",
    "regex",
    "msgspec",
)
"""What smtp-shell cannot do without."""

EXTRAS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "keyring": (("keyring",), "passwords from the system's keyring"),
    "proxy": (("python-socks",), "connections through a proxy, --proxy"),
    "ntlm": (("pyspnego",), "AUTH NTLM"),
    "gssapi": (("pyspnego", "gssapi"), "AUTH GSSAPI, with the system's Kerberos"),
    "locust": (("locust",), "load with Locust"),
}
"""Extra -> the libraries that it brings, and what it is for."""

_NARROW, _LOW = 40, 10  # columns and rows below which the screen gets hard to read


class Verdict(StrEnum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(Struct, frozen=True):
    """One thing that was looked at. All text is printable.

    Args:
        about: What was looked at, in a word or two.
        text: What was found.
        verdict: What it means.
        advice: What to do; empty where nothing is to be done.
        section: Heading that it is below.
    """

    about: str
    text: str
    verdict: Verdict = Verdict.OK
    advice: str = ""
    section: str = ""


def machine_findings() -> Iterator[Finding]:
    """Yield what there is to know about this machine, section by section."""
    for section, find in (
        ("program", _program),
        ("TLS", _tls),
        ("terminal", terminal_findings),
        ("extras", _extras),
        ("files", _files),
    ):
        for each in find():
            yield Finding(each.about, each.text, each.verdict, each.advice, section)


def _program() -> Iterator[Finding]:
    import platform

    yield Finding("smtp-shell", f"{__version__}, in {_shown(os.path.dirname(os.path.dirname(__file__)))}")
    python = f"{platform.python_version()} ({platform.python_implementation()}), {_shown(sys.executable)}"
    yield Finding("Python", python)
    yield Finding("system", escape_str(f"{platform.system()} {platform.release()}, {platform.machine()}"))
    versions = {name: _version(name) for name in LIBRARIES}
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield Finding("libraries", there or "none is found")
    missing = [name for name, version in versions.items() if not version]
    if missing:
        yield Finding(
            "libraries", f"missing: {', '.join(missing)}", Verdict.PROBLEM, f"pip install {' '.join(missing)}"
        )


def _version(name: str) -> str:
    """Return the version of an installed library; empty if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return escape_str(version(name))
    except PackageNotFoundError:
        return ""


def _tls() -> Iterator[Finding]:
    from smtp_shell.net.tls_library import tls_library, trust_store

    library = tls_library()
    yield Finding("TLS library", f"{library.version}; TLS {', '.join(library.versions)}")
    if library.reads_too_early:
        yield Finding(
            "Python's ssl",
            "may take octets for protected that came before the handshake (CVE-2023-40217)",
            Verdict.PROBLEM,
            "use Python 3.11.5 or later",
        )
    if "1.3" not in library.versions:
        yield Finding("TLS 1.3", "this library cannot do it", Verdict.NOTE, "use a Python with OpenSSL 1.1.1 or later")
    yield _authorities(trust_store)
    if os.environ.get(KEY_LOG_VARIABLE):
        yield Finding(
            "key log",
            f"{KEY_LOG_VARIABLE} is set: the keys of every TLS connection are written to that file",
            Verdict.NOTE,
            "unset it unless you decrypt a capture",
        )


def _authorities(trust_store: Callable[[], TrustStore]) -> Finding:
    try:
        store = trust_store()
    except (OSError, ValueError) as error:
        from smtp_shell.private_files import reason_of

        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        return Finding("authorities", f"cannot be read: {escape_str(reason)}", Verdict.PROBLEM, _CERTIFICATES)
    named = f" ({', '.join(store.named_by)})" if store.named_by else ""
    places = ", ".join(map(_shown, store.places)) or "no place that is there"
    if not store.number:
        return Finding("authorities", f"none in {places}{named}", Verdict.PROBLEM, _CERTIFICATES)
    return Finding("authorities", f"{store.number} in {places}{named}")


_CERTIFICATES = (
    "without them no certificate is verified: install the system's (Debian: apt-get install ca-certificates; "
    "macOS: Install Certificates.command in the folder of Python), or name a PEM file with --ca-file"
)


def terminal_findings() -> Iterator[Finding]:
    """Yield what there is to know about the terminal."""
    is_there = {name: stream.isatty() for name, stream in (("input", sys.stdin), ("output", sys.stdout))}
    if not all(is_there.values()):
        which = ", ".join(name for name, is_terminal in is_there.items() if not is_terminal)
        yield Finding(which, "no terminal: lines are run without a prompt", Verdict.NOTE)
    name = os.environ.get("TERM", "")
    if sys.platform != "win32" and is_there["output"]:
        if name.lower() in ("", "dumb", "unknown"):
            yield Finding(
                "TERM",
                f"{_shown(name) or 'is not set'}: no bottom line, no colours",
                Verdict.NOTE,
                "set TERM, such as to xterm-256color",
            )
        else:
            yield Finding("TERM", _shown(name))
    if is_there["output"]:
        yield _size()
    encoding = (sys.stdout.encoding or "ascii").lower()
    if encoding.replace("-", "") in ("utf8", "utf16le", "cp65001"):
        yield Finding("characters", encoding)
    else:
        # Python writes Unicode to a console of Windows: where it does not, this is a pipe or a file, and its code page no help.
        advice = "set PYTHONUTF8=1" if sys.platform == "win32" else "set LC_ALL to a UTF-8 locale, such as C.UTF-8"
        yield Finding("characters", f"{escape_str(encoding)}: others are shown as escapes", Verdict.NOTE, advice)
    if os.environ.get("NO_COLOR"):
        yield Finding("NO_COLOR", "is set: no colours")


def _size() -> Finding:
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return Finding("size", "the terminal does not tell its size: 80 columns are assumed", Verdict.NOTE)
    text = f"{columns} columns, {rows} rows"
    if columns < _NARROW or rows < _LOW:
        return Finding("size", text, Verdict.NOTE, f"{_NARROW} columns and {_LOW} rows or more are easier to read")
    return Finding("size", text)


def _extras() -> Iterator[Finding]:
    for extra, (libraries, purpose) in EXTRAS.items():
        versions = {name: _version(name) for name in libraries}
        if all(versions.values()):
            yield Finding(extra, f"{', '.join(f'{name} {version}' for name, version in versions.items())}: {purpose}")
        else:
            advice = f'pip install "smtp-shell[{extra}]" for {purpose}'
            yield Finding(extra, "not installed", Verdict.NOTE, advice)


def _files() -> Iterator[Finding]:
    yield _configuration()
    yield from _state(state_dir())
    ours = sorted(name for name in os.environ if name.startswith(VARIABLE_PREFIX))
    if ours:
        # No value is shown here. Of a password that is said, for whoever looks for it in what he hands on.
        shown = (f"{escape_str(name)} (not shown)" if name in SECRET_VARIABLES else escape_str(name) for name in ours)
        yield Finding("environment", ", ".join(shown))


def _configuration() -> Finding:
    from smtp_shell.configuration import configuration_path, load
    from smtp_shell.shell.settings import ShellSettings

    path = configuration_path()
    try:
        found = load(settings=ShellSettings.__struct_fields__)
        found.check()
    except SmtpShellError as error:
        return Finding(
            "config file",
            str(error).replace("\n", " "),
            Verdict.PROBLEM,
            "correct the file; smtp-shell config check reads it again",
        )
    if found.file is None:
        return Finding("config file", f"none, in {_shown(path)}", Verdict.OK, "if you want one: smtp-shell config init")
    counts = ((found.settings, "setting"), (found.profiles, "profile"), (found.aliases, "alias"))
    words = ", ".join(counted(len(each), noun) for each, noun in counts)
    return Finding("config file", f"{_shown(path)}: {words}")


def _state(folder: Path) -> Iterator[Finding]:
    from smtp_shell.private_files import reason_of

    own = "make it your own (chmod 700), or " if os.name == "posix" else ""
    advice = f"{own}name another with SMTP_SHELL_STATE_DIR"
    try:
        facts = folder.stat()
    except FileNotFoundError:
        yield Finding("state folder", f"{_shown(folder)}: made when it is needed")
        return
    except OSError as error:
        yield Finding("state folder", f"{_shown(folder)} cannot be read: {reason_of(error)}", Verdict.PROBLEM, advice)
        return
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("state folder", f"{_shown(folder)} cannot be written to", Verdict.PROBLEM, advice)
        return
    loose = [] if os.name != "posix" else _loose(folder, facts.st_mode)
    if loose:
        text = f"others may read or change {', '.join(map(_shown, loose))}"
        yield Finding("state folder", text, Verdict.PROBLEM, f"chmod go= {' '.join(map(_shown, loose))}")
        return
    yield Finding("state folder", _shown(folder))
    number, size = _recordings(folder / "recordings")
    if number:
        yield Finding("recordings", f"{counted(number, 'file')}, {max(size >> 20, 1):,} MiB")


def _loose(folder: Path, mode: int) -> list[Path]:
    """Return what other users may get at: the folder if they can write to it, and what is private in it if they can do anything."""
    found = [folder] if mode & 0o022 else []
    for private in (folder / "recordings", folder / "history", folder / "practice"):
        try:
            if private.lstat().st_mode & 0o077:
                found.append(private)
        except OSError:  # it is made when it is needed
            continue
    return found


def _recordings(folder: Path) -> tuple[int, int]:
    number = size = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                number += entry.name.endswith(".smtp")
                size += entry.stat(follow_symlinks=False).st_size
    except OSError:  # no folder yet, or a file that was pruned meanwhile
        pass
    return number, size


def _shown(path: str | os.PathLike[str]) -> str:
    return escape_str(os.fspath(path))

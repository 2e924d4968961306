"""Reading a TOML file that a user keeps: which files are trusted, and the line that a problem is in."""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from smtp_shell.errors import ConfigError
from smtp_shell.private_files import reason_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

MOST_OCTETS: Final = 1024 * 1024
SECRETS: Final = ("password", "passwd", "passphrase", "secret", "token")
"""Keys that a file has no place for."""

_BOM = b"\xef\xbb\xbf"
_BARE = r"[A-Za-z0-9_-]+"
_KEY = rf"""(?:{_BARE}|"[^"\\]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?")
_ASSIGNMENT = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")


class TomlFile(Struct, frozen=True):
    """A file that was read.

    Args:
        path: The file.
        text: What it holds.
        tables: The same, parsed.
    """

    path: Path
    text: str = ""
    # What tomllib returns; `loading` makes typed values of it.
    tables: Mapping[str, Any] = {}

    def where(self, *keys: str) -> str:
        """Return the file, and the line that a key is in, as `FILE:LINE`, printable.

        Args:
            keys: The names of the tables that it is in, and its own.
        """
        line = line_of(self.text, keys)
        return f"{escape_str(str(self.path))}:{line}" if line else escape_str(str(self.path))

    def check_keys(self, inside: Sequence[str], known: Collection[str]) -> None:
        """Check the keys of a table.

        Args:
            inside: The names of the tables down to this one.
            known: The keys that it may have.

        Raises:
            ConfigError: It has another one, or one that is for a secret; the message names the line, and the nearest that there is.
        """
        table = self.table(*inside)
        shown = f"[{'.'.join(map(escape_str, inside))}]" if inside else "the file"
        for key in table:
            where = self.where(*inside, key)
            if key in SECRETS:
                raise ConfigError(
                    f"{where}: {shown} holds a {key}; a file is no place for it: name a "
                    f"{'token' if key == 'token' else 'password'}_command, whose program prints it."
                )
            if key.replace("-", "_") not in known:
                raise ConfigError(f"{where}: {escape_str(key)} is no key of {shown}; {_nearest(key, known)}")

    def table(self, *keys: str) -> dict[str, Any]:
        """Return a table by its name; an empty one if the file has none.

        Raises:
            ConfigError: It is something else.
        """
        found: Any = self.tables
        for number, key in enumerate(keys, 1):
            found = found.get(key, {})
            if not isinstance(found, dict):
                name = ".".join(map(escape_str, keys[:number]))
                raise ConfigError(f"{self.where(*keys[:number])}: {name} is a value; write a table, [{name}].")
        return dict(found)


def read_toml(path: Path, *, own: bool = False) -> TomlFile:
    """Read a file and parse it.

    Args:
        path: The file.
        own: Whether it must be the user's own: it can name programs that are run, so nobody else may write it.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: It cannot be read, is not to be trusted, is too long, or is no TOML.
    """
    name = escape_str(str(path))
    try:
        octets = _octets(path, own=own)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {reason_of(error)}.") from None
    except ValueError:
        raise ConfigError(f"{name} is no file name; choose another.") from None
    if len(octets) > MOST_OCTETS:
        raise ConfigError(f"{name} is longer than {MOST_OCTETS:,} octets; a configuration is short.")
    return parse_toml(path, octets)


def parse_toml(path: Path, octets: bytes) -> TomlFile:
    """Parse what a file holds.

    Args:
        path: The file, for messages.
        octets: What it holds.

    Raises:
        ConfigError: It is no TOML.
    """
    import tomllib

    name = escape_str(str(path))
    try:
        text = octets.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        raise ConfigError(f"{name}:{line} is not UTF-8, which TOML is written in; save the file as UTF-8.") from None
    try:
        return TomlFile(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is no TOML file: {escape_str(str(error))}.") from None
    except RecursionError:
        raise ConfigError(f"{name} is no TOML file: it is nested too deep.") from None
    except ValueError as error:  # a whole number of more digits than Python converts
        raise ConfigError(f"{name} is no TOML file: {escape_str(str(error)[:100])}.") from None


def line_of(text: str, keys: Sequence[str]) -> int:
    """Return the number of the line that sets a key or opens a table, from 1; 0 if no line can be named.

    Args:
        text: The TOML text, which can be parsed.
        keys: The names of the tables that it is in, and its own.
    """
    wanted = tuple(keys)
    found = 0
    for number, inside, key in assignments(text):
        path = (*inside, *key)
        if path == wanted:
            return number
        if not found and path[: len(wanted)] == wanted:  # [profile.lab] is a line of `profile` too
            found = number
        if key and wanted[: len(path)] == path:  # an inline table
            return number
    return found


def assignments(text: str) -> Iterator[tuple[int, tuple[str, ...], tuple[str, ...]]]:
    """Yield (number of the line, tables it is in, key) for each line that sets a key, and with an empty key for each that opens a table.

    Args:
        text: The TOML text, which can be parsed.
    """
    inside: tuple[str, ...] = ()
    closes = ""  # what ends the string of several lines that the line is in
    for number, line in enumerate(text.split("\n"), 1):
        if closes:
            if closes in line:
                closes = ""
            continue
        if header := _HEADER.fullmatch(line.rstrip("\r")):
            inside = _names(header[1])
            yield number, inside, ()
        elif assignment := _ASSIGNMENT.match(line):
            yield number, inside, _names(assignment[1])
        closes = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(found.strip("\"'") for found in re.findall(_KEY, dotted))


def _octets(path: Path, *, own: bool) -> bytes:
    if str(path) == os.devnull:
        return b""
    # To open a FIFO must not block.
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(0, "it is no regular file")
        if own and (problem := why_not_trusted(facts)):
            raise OSError(0, problem)
        return file.read(MOST_OCTETS + 1)


def why_not_trusted(facts: os.stat_result) -> str:
    """Return why a file can have been written by somebody else; empty if it cannot. Windows has no such owners and modes."""
    if sys.platform == "win32":
        return ""
    if facts.st_uid not in (0, os.geteuid()):
        return "it belongs to another user, who could have programs run in your name; copy it, and read it first"
    if facts.st_mode & 0o022:
        return "other users may write to it, and could have programs run in your name; use chmod go-w"
    return ""


def _nearest(key: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key.replace("-", "_"), known, n=1)
    return f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known))}."

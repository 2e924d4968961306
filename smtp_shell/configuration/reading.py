"""Reading a TOML file that a user keeps: which files are trusted, and the line that a problem is in."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from smtp_shell.errors import ConfigError
from smtp_shell.private_files import reason_of, stream_of
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

MOST_OCTETS: Final = 1024 * 1024
SECRETS: Final = ("password", "passwd", "passphrase", "secret", "token")
"""Keys that a file has no place for."""

NOT_FOR_PROFILES: Final = frozenset({"practice", "none"})
"""Names that stand for something else where a profile can be named."""

_MOST_NAMED = 10
_MOST_SHOWN = 60
_MOST_SENTENCE = 200
_LONG = 10_000
_OF_BACKSLASHES = (
    "Unescaped '\\'",
    "Invalid hex value",
)  # what tomllib says of a path of Windows between double quotes
_ABOUT_BACKSLASHES = "; a path with backslashes goes between single quotes"
_BOM = b"\xef\xbb\xbf"
_IN_NAMES: Final = str.maketrans("", "", "_.-")


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
        from smtp_shell.configuration.positions import line_of  # nobody asks where nothing is wrong

        line = line_of(self.text, keys)
        return f"{escape_str(str(self.path))}:{line}" if line else escape_str(str(self.path))

    def check_keys(self, inside: Sequence[str], known: Collection[str]) -> None:
        """Check the keys of a table.

        Args:
            inside: The names of the tables down to this one.
            known: The keys that it may have.

        Raises:
            ConfigError: It has others, or one that is for a secret; a line of the message names each, and the nearest that there is.
        """
        self.check_secrets(inside)
        unknown = [key for key in self.table(*inside) if as_field(key) not in known]
        problems = [
            f"{self.where(*inside, key)}: {shortened(key)} is no key of {_shown(inside)}; {_nearest(key, known)}"
            for key in unknown[:_MOST_NAMED]
        ]
        if len(unknown) > _MOST_NAMED:
            problems.append(
                f"{escape_str(str(self.path))}: {_shown(inside)} has {len(unknown) - _MOST_NAMED:,} more such keys."
            )
        if problems:
            raise ConfigError("\n".join(problems))

    def check_secrets(self, inside: Sequence[str]) -> None:
        """Check that a table holds no secret.

        Args:
            inside: The names of the tables down to this one.

        Raises:
            ConfigError: It does.
        """
        for key in self.table(*inside):
            if as_field(key).lower() in SECRETS:
                command = "token_command" if key.lower() == "token" else "password_command"
                raise ConfigError(
                    f"{self.where(*inside, key)}: {_shown(inside)} holds a {key.lower()}; a file is no place for it: "
                    f"name a {command}, whose program prints it."
                )

    def check_profile_name(self, *inside: str) -> None:
        """Check the name of a profile: menus and scripts of other shells have it, and nothing in it may need an escape.

        Args:
            inside: The names of the tables down to the profile; the last is its own.

        Raises:
            ConfigError: It cannot be one.
        """
        name = inside[-1]
        is_plain = name.isascii() and name.translate(_IN_NAMES).isalnum() and name[0] not in ".-"
        if not is_plain or name in NOT_FOR_PROFILES:
            raise ConfigError(
                f"{self.where(*inside)}: {_shown(inside)}: that name cannot be one of a profile; "
                "use letters, digits, - and _."
            )

    def table(self, *keys: str) -> dict[str, Any]:
        """Return a table by its name; an empty one if the file has none.

        Raises:
            ConfigError: It is something else.
        """
        found: Any = self.tables
        for number, key in enumerate(keys, 1):
            found = found.get(key, {})
            if not isinstance(found, dict):
                name = ".".join(map(shortened, keys[:number]))
                raise ConfigError(f"{self.where(*keys[:number])}: {name} is a value; write a table, [{name}].")
        return dict(found)


def as_field(key: str) -> str:
    """Return a key with `_` for `-`: `ca-file` is `ca_file`."""
    return key.replace("-", "_")


def shortened(key: str) -> str:
    """Return a key for a message, printable: a hostile file can have one of a million characters."""
    return escape_str(key if len(key) <= _MOST_SHOWN else f"{key[:_MOST_SHOWN]}…")


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
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(error.errno, error.strerror, error.filename) from None
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
    if len(text) > _LONG and _is_deep(text):
        raise ConfigError(f"{name} is no TOML file: it is nested too deep.")
    try:
        return TomlFile(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        hint = _ABOUT_BACKSLASHES if any(each in str(error) for each in _OF_BACKSLASHES) else ""
        raise ConfigError(f"{name} is no TOML file: {escape_str(str(error)[:_MOST_SENTENCE])}{hint}.") from None
    except RecursionError:
        raise ConfigError(f"{name} is no TOML file: it is nested too deep.") from None
    except ValueError as error:  # a whole number of more digits than Python converts
        raise ConfigError(f"{name} is no TOML file: {escape_str(str(error)[:100])}.") from None


def _octets(path: Path, *, own: bool) -> bytes:
    if str(path) == os.devnull:
        return b""
    # To open a FIFO must not block.
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    with stream_of(os.open(path, flags), "rb") as file:
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


def _is_deep(text: str) -> bool:
    """Return whether a key may have a hundred parts: for one of half a million tomllib takes minutes."""
    import re

    return re.search(r"""(?:\.[ \t]*+["']?+[A-Za-z0-9_-]*+["']?+[ \t]*+){100}""", text) is not None


def _shown(inside: Sequence[str]) -> str:
    return f"[{'.'.join(map(shortened, inside))}]" if inside else "the file"


def _nearest(key: str, known: Collection[str]) -> str:
    from smtp_shell.arguments import did_you_mean  # nobody asks where nothing is wrong

    return did_you_mean(as_field(key), known, f"it has {', '.join(sorted(known))}.")

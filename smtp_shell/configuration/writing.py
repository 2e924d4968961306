"""Changing one key of a TOML file: its comments, its order and the rest of it stay as they are.

The text is edited, and then parsed: what it says must be what it said before, with the one change. Where no such edit is found, as in
an inline table, the file is left as it is, and the user is told to edit it.
"""

from __future__ import annotations

import copy
import os
import re
from typing import TYPE_CHECKING, Any, Final

from smtp_shell.config import state_dir
from smtp_shell.configuration.positions import assignments
from smtp_shell.configuration.reading import TomlFile, as_field, parse_toml, read_toml
from smtp_shell.errors import ConfigError
from smtp_shell.private_files import locked, make_folder, private_folder, reason_of, replace_private
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smtp_shell.configuration.loading import Scalar

_LOCK_SECONDS: Final = 5.0
_MOST_LINES: Final = 200
"""The most lines that a value to replace may take."""

_SIMPLE_VALUE = re.compile(
    r"""[ \t]*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"'\[{][^\s#]*)(?P<rest>[ \t]*(?:\#.*)?\r?)""", re.DOTALL
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", '"': r"\"", "\\": r"\\"}


def save_value(path: Path, table: str, key: str, value: Scalar | None) -> None:
    """Change a key in a file, or add it; the file is created where there is none.

    Args:
        path: The file. What a link leads to is changed.
        table: The table that the key is in.
        key: The key. One that is in the file with `-` for `_` is the same.
        value: The value; None to take the key out.

    Raises:
        ConfigError: The file cannot be read or written, is no TOML, or holds the key where it cannot be changed alone.
    """
    name = escape_str(str(path))
    if str(path) == os.devnull:
        raise ConfigError(f"{name} keeps nothing; name a file with SMTP_SHELL_CONFIG, or leave that variable out.")
    place = path.resolve()
    try:
        make_folder(place.parent)
        private_folder(state_dir())
        with locked(state_dir() / "config.lock", _LOCK_SECONDS):  # two shells may save at once
            try:
                file = read_toml(place, own=True)
            except FileNotFoundError:
                file = TomlFile(place)
            replace_private(place, with_value(file, table, key, value).encode())
    except TimeoutError:
        raise ConfigError(f"{name} is not written: another smtp-shell is writing it; try again.") from None
    except OSError as error:
        raise ConfigError(f"{name} cannot be written: {reason_of(error)}.") from None


def with_value(file: TomlFile, table: str, key: str, value: Scalar | None) -> str:
    """Return the text of a file with one key changed, added or taken out. The arguments are those of `save_value`.

    Raises:
        ConfigError: The key cannot be changed alone.
    """
    spelt = _spelling(file, table, key)
    try:
        wanted = _changed(file, table, spelt, value)
        for text in _edits(file.text, table, spelt, value):
            try:
                found = parse_toml(file.path, text.encode("utf-8", "surrogatepass"))
            except ConfigError:
                continue
            if found.tables == wanted:
                return text
    except RecursionError:  # tables in tables, a thousand deep
        pass
    raise ConfigError(
        f"{file.where(table, spelt)}: {escape_str(key)} cannot be changed there without changing more; edit the file."
    )


def literal(value: Scalar) -> str:
    """Return a value as TOML writes it.

    Source: TOML 1.0
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{"".join(map(_escaped, value))}"'
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return f"\\u{ord(char):04x}" if char < " " or char == "\x7f" else char


def _spelling(file: TomlFile, table: str, key: str) -> str:
    """Return the key as the file has it."""
    there = file.table(table)
    return next((each for each in there if as_field(each) == as_field(key)), key)


def _changed(file: TomlFile, table: str, key: str, value: Scalar | None) -> dict[str, Any]:
    tables = copy.deepcopy(dict(file.tables))
    if value is None:
        tables.get(table, {}).pop(key, None)
    else:
        tables.setdefault(table, {})[key] = value
    return tables


def _edits(text: str, table: str, key: str, value: Scalar | None) -> Iterator[str]:
    """Yield texts that may be the one that is wanted."""
    lines = text.split("\n")
    rows = list(assignments(text))
    at = next((number for number, inside, name in rows if name and (*inside, *name) == (table, key)), 0)
    if at:
        yield from _replaced(lines, at - 1, value)
    elif value is not None:
        yield from _added(lines, rows, table, key, value)
    else:
        yield text


def _replaced(lines: list[str], at: int, value: Scalar | None) -> Iterator[str]:
    """Yield texts in which a line's value is another one, whose end is where the text can be parsed again."""
    # A quoted key with = in it is not found again, and the file is left as it is.
    before, equals, old = lines[at].partition("=")
    simple = _SIMPLE_VALUE.fullmatch(old)
    end_of_line = "\r" if old.endswith("\r") else ""
    rest = simple["rest"] if simple is not None else end_of_line
    for end in range(at + 1, min(len(lines), at + _MOST_LINES) + 1):
        new = [] if value is None else [f"{before}{equals} {literal(value)}{rest}"]
        yield "\n".join([*lines[:at], *new, *lines[end:]])


def _added(
    lines: list[str],
    rows: list[tuple[int, tuple[str, ...], tuple[str, ...]]],
    table: str,
    key: str,
    value: Scalar,
) -> Iterator[str]:
    """Yield texts with a new line: after the comment that shows the key, at the end of its table, or in a new table at the end."""
    end_of_line = "\r" if lines[0].endswith("\r") else ""
    shown = key if _BARE_KEY.fullmatch(key) else literal(key)
    line = f"{shown} = {literal(value)}{end_of_line}"
    begin = next((number for number, inside, name in rows if not name and inside == (table,)), 0)
    if begin:
        after = next((number for number, _, name in rows if number > begin and not name), len(lines) + 1)
        comment = re.compile(rf"[ \t]*#[ \t]*{re.escape(shown)}[ \t]*=.*", re.DOTALL)
        inside = range(begin, after - 1)  # indexes of the lines of the table
        place = next((at for at in inside if comment.fullmatch(lines[at])), None)
        if place is not None:
            yield "\n".join([*lines[: place + 1], line, *lines[place + 1 :]])
        last = max((number for number, _, name in rows if begin <= number < after and (name or number == begin)))
        for at in range(last, min(after, last + _MOST_LINES)):  # its value may take several lines
            yield "\n".join([*lines[:at], line, *lines[at:]])
        return
    text = "\n".join(lines)
    gap = "" if not text.strip() else "\n" if text.endswith("\n") else f"{end_of_line}\n\n"
    yield f"{text}{gap}[{table}]{end_of_line}\n{line}\n"


def shown_path(path: Path) -> str:
    """Return a path for a person, printable, with `~` for the home folder."""
    text, home = str(path), os.path.expanduser("~")
    inside = text.startswith(home + os.sep)
    return escape_str(f"~{text[len(home) :]}" if inside else text)

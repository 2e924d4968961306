"""The configuration file as values: settings, profiles and aliases.

Loading checks names and types. Values are checked where they are used, and all of them by `Configuration.check`: the first prompt
waits for this, and does not need a parser of proxies.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct, field

from smtp_shell.config import CONFIG_VARIABLE, config_dir
from smtp_shell.configuration.profile import Profile, as_fields, check_profile, profile_of
from smtp_shell.configuration.reading import TomlFile, read_toml
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Collection

FILE_NAME: Final = "config.toml"
SETTINGS: Final = "settings"
PROFILES: Final = "profile"
ALIASES: Final = "alias"

Scalar: TypeAlias = str | bool | int | float
"""A value of a setting as TOML has it."""


class Configuration(Struct, frozen=True):
    """What a configuration file says.

    Args:
        file: The file; None where there is none.
        settings: Each setting that it names, by the name of the field, to its value as it stands there.
        profiles: Its servers by name.
        aliases: Its aliases: name to the lines that it stands for.
    """

    file: TomlFile | None = None
    settings: dict[str, Scalar] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that files of profiles and settings are relative to."""
        return self.file.path.absolute().parent if self.file is not None else Path()

    def where(self, *keys: str) -> str:
        """Return the file, and the line that a key is in, printable; the key can be written with `-` for `_`."""
        if self.file is None:
            return ""
        *inside, key = keys
        is_spelt = key in self.file.table(*inside)
        return self.file.where(*inside, key if is_spelt else key.replace("_", "-"))

    def profile(self, name: str) -> Profile:
        """Return a profile by its name, its values checked.

        Raises:
            UsageError: There is none of that name.
            ConfigError: A value cannot be used.
        """
        found = self.profiles.get(name)
        if found is None:
            raise UsageError(f"{escape_str(name)} is no profile; {self._which(name)}")
        check_profile(f"{self.where(PROFILES, name)}: [profile.{name}]", found)
        return found

    def check(self) -> None:
        """Check the values of all profiles.

        Raises:
            ConfigError: One cannot be used.
        """
        for name in self.profiles:
            self.profile(name)

    def _which(self, name: str) -> str:
        if not self.profiles:
            return "the configuration has none; `smtp-shell config init` writes a file with an example."
        from difflib import get_close_matches

        near = get_close_matches(name, self.profiles, n=1)
        return f"did you mean {near[0]}?" if near else f"the configuration has {', '.join(self.profiles)}."


def configuration_path() -> Path:
    """Return the file of the configuration: the one that `SMTP_SHELL_CONFIG` names, else `config.toml` in the platform's place."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named).expanduser() if named else config_dir() / FILE_NAME


def load(path: Path | None = None, *, settings: Collection[str] = ()) -> Configuration:
    """Read the configuration.

    Args:
        path: The file; None for `configuration_path`, which need not exist unless `SMTP_SHELL_CONFIG` names it.
        settings: The names of the settings that there are, as fields; nothing where the caller uses none.

    Raises:
        ConfigError: The file cannot be read, is not the user's own, is no TOML, or says what cannot be understood.
    """
    is_named = path is not None or bool(os.environ.get(CONFIG_VARIABLE))
    path = path or configuration_path()
    try:
        file = read_toml(path, own=True)
    except FileNotFoundError:
        if not is_named:
            return Configuration()
        raise ConfigError(
            f"{escape_str(str(path))} cannot be read: there is no such file; `smtp-shell config init` writes one."
        ) from None
    return configuration_of(file, settings)


def configuration_of(file: TomlFile, settings: Collection[str] = ()) -> Configuration:
    """Return what a file says.

    Args:
        file: The file.
        settings: As for `load`.

    Raises:
        ConfigError: A name is unknown, or a value has another type.
    """
    file.check_keys((), (SETTINGS, PROFILES, ALIASES))
    table = file.table(SETTINGS)
    if settings:
        file.check_keys((SETTINGS,), settings)
    for key, value in table.items():
        if not isinstance(value, str | bool | int | float):
            raise ConfigError(f"{file.where(SETTINGS, key)}: {escape_str(key)} takes one value, and no list or table.")
    aliases = file.table(ALIASES)
    for key, value in aliases.items():
        if not isinstance(value, str):
            raise ConfigError(
                f'{file.where(ALIASES, key)}: alias {escape_str(key)}: write its lines as one text, "LINE; LINE".'
            )
    profiles = {name: profile_of(file, PROFILES, name) for name in file.table(PROFILES)}
    return Configuration(file, as_fields(table), profiles, aliases)


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles, for completion; none where the configuration cannot be read."""
    try:
        return tuple(load().profiles)
    except ConfigError:
        return ()

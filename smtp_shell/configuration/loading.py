"""The configuration file as values: settings, profiles and aliases.

Loading checks the names of all but the keys of profiles, and that the file holds no secret. A profile is checked when it is used, and
all are by `Configuration.check`: the first prompt waits for this, and needs neither their class (1 ms) nor a parser of proxies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct, field

from smtp_shell.config import CONFIG_VARIABLE, configuration_path
from smtp_shell.configuration.reading import SECRETS, TomlFile, as_field, read_toml, shortened
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from smtp_shell.configuration.profile import Profile

SETTINGS: Final = "settings"
PROFILES: Final = "profile"
ALIASES: Final = "alias"
STARTUP: Final = "startup"

Scalar: TypeAlias = str | bool | int | float
"""A value of a setting as TOML has it."""


class Configuration(Struct, frozen=True):
    """What a configuration file says.

    Args:
        file: The file; None where there is none.
        settings: Each setting that it names, by the name of the field, to its value as it stands there.
        profiles: Its servers by name, as they stand there; `profile` checks one.
        aliases: Its aliases: name to the lines that it stands for.
        startup: The file of lines to run before the first prompt; empty for none, None where it says nothing.
    """

    file: TomlFile | None = None
    settings: dict[str, Scalar] = field(default_factory=dict)
    # What tomllib returns; `profile` makes a typed value of it.
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    startup: str | None = None

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
            ConfigError: A key is unknown, or a value cannot be used.
        """
        if self.file is None or name not in self.profiles:
            raise UsageError(f"{escape_str(name)} is no profile; {self._which(name)}")
        from smtp_shell.configuration.profile import check_profile, profile_of

        found = profile_of(self.file, PROFILES, name)
        check_profile(f"{self.where(PROFILES, name)}: [profile.{name}]", found)
        return found

    def check(self) -> None:
        """Check all profiles.

        Raises:
            ConfigError: Some cannot be used; a line of the message is about each.
        """
        if problems := _problems(*(partial(self.profile, name) for name in self.profiles)):
            raise ConfigError("\n".join(problems))

    def _which(self, name: str) -> str:
        if not self.profiles:
            return "the configuration has none; `smtp-shell config init` writes a file with an example."
        from smtp_shell.arguments import did_you_mean

        return did_you_mean(name, self.profiles, f"the configuration has {', '.join(self.profiles)}.")


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
    if problems := _problems(
        lambda: file.check_keys((), (SETTINGS, PROFILES, ALIASES, STARTUP)),
        lambda: _check_settings(file, settings),
        lambda: _check_profiles(file),
        lambda: _check_texts(file),
    ):
        raise ConfigError("\n".join(problems))
    return Configuration(
        file,
        {as_field(key): value for key, value in file.table(SETTINGS).items()},
        file.table(PROFILES),
        file.table(ALIASES),
        file.tables.get(STARTUP),
    )


def _problems(*checks: Callable[[], object]) -> list[str]:
    """Return what checks complain of, each sentence once."""
    found: dict[str, None] = {}
    for check in checks:
        try:
            check()
        except ConfigError as error:
            found[error.message] = None
    return list(found)


def _check_profiles(file: TomlFile) -> None:
    """Check what must be right of profiles that nobody uses: their names, which menus show, and that they hold no secret."""
    for name in file.table(PROFILES):
        file.check_profile_name(PROFILES, name)
        file.check_secrets((PROFILES, name))
        _check_variables(file, name)


def _check_variables(file: TomlFile, name: str) -> None:
    """Check that the variables of a profile are no passwords. A token can be another thing than a secret."""
    variables = file.table(PROFILES, name).get("variables")
    for key in variables if isinstance(variables, dict) else ():
        if as_field(key).lower() in SECRETS and key.lower() != "token":
            raise ConfigError(
                f"{file.where(PROFILES, name, 'variables', key)}: the variables of [{PROFILES}.{shortened(name)}] hold a "
                f"{key.lower()}; a file is no place for it: leave it out, and give it with --var where it is needed."
            )


def _check_settings(file: TomlFile, settings: Collection[str]) -> None:
    table = file.table(SETTINGS)
    if settings:
        file.check_keys((SETTINGS,), settings)
    else:
        file.check_secrets((SETTINGS,))
    for key, value in table.items():
        if not isinstance(value, str | bool | int | float):
            raise ConfigError(f"{file.where(SETTINGS, key)}: {shortened(key)} takes one value, and no list or table.")
        if as_field(key) != key and as_field(key) in table:
            raise ConfigError(f"{file.where(SETTINGS, key)}: {shortened(key)} is there twice; leave one of them out.")


def _check_texts(file: TomlFile) -> None:
    """Check the values that are texts: aliases, and the name of the start-up file."""
    for key, value in file.table(ALIASES).items():
        if not isinstance(value, str):
            raise ConfigError(
                f'{file.where(ALIASES, key)}: alias {shortened(key)}: write its lines as one text, "LINE; LINE".'
            )
    if not isinstance(file.tables.get(STARTUP, ""), str):
        raise ConfigError(f"{file.where(STARTUP)}: startup is the name of a file; write it in quotation marks.")


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles, for completion; none where the configuration cannot be read."""
    try:
        return tuple(load().profiles)
    except ConfigError:
        return ()

"""Where settings come from: the command line, a profile, the environment, the configuration file, and the defaults, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.config import user_path
from smtp_shell.errors import ConfigError, SmtpShellError
from smtp_shell.shell.settings import ShellSettings, settings_table, with_setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smtp_shell.configuration.loading import Configuration, Scalar
    from smtp_shell.configuration.profile import Profile

COMMAND_LINE: Final = "command line"
TYPED: Final = "/set"
FROM_FILE: Final = "configuration"
DEFAULT: Final = "default"
OF_THE_USER: Final = (COMMAND_LINE, TYPED)
"""Origins that a profile does not override."""

NAMES: Final = ShellSettings.__struct_fields__
FILES: Final = ("ca_file", "client_cert", "client_key")


class Configured(Struct, frozen=True):
    """Settings, and where they came from.

    Args:
        settings: The settings.
        origins: The origin of each setting that is not as by default, by the name of its field.
    """

    settings: ShellSettings
    origins: dict[str, str]


def configured(
    settings: ShellSettings,
    given: Mapping[str, str],
    configuration: Configuration | None,
    environ: Mapping[str, str],
    without: Iterable[str] = (),
) -> Configured:
    """Return the settings that a shell starts with.

    Args:
        settings: The defaults.
        given: What the command line says, by the name of the field, as it would be typed.
        configuration: The configuration file; None for none.
        environ: The environment.
        without: The settings that file and environment do not change.

    Raises:
        ConfigError: A value in the file or the environment does not fit; the message names its place.
        UsageError: One of the command line does not.
    """
    from smtp_shell.config import environment_settings, setting_variable

    left_out = set(without)
    found: dict[str, tuple[str, str]] = {}
    if configuration is not None:
        for name, value in configuration.settings.items():
            found[name] = (FROM_FILE, typed(file_value(configuration, name, value)))
    found |= {name: (setting_variable(name), text) for name, text in environment_settings(NAMES, environ).items()}
    found = {name: each for name, each in found.items() if name not in left_out}
    found |= {name: (COMMAND_LINE, text) for name, text in given.items()}
    table = settings_table([*found])
    for name, (origin, text) in found.items():
        what = {COMMAND_LINE: f"--{shown_name(name)}", FROM_FILE: name}.get(origin, origin)
        try:
            settings = replace(settings, **{name: table[shown_name(name)].parse(what, text)})
        except SmtpShellError as error:
            if origin == COMMAND_LINE:
                raise
            if origin != FROM_FILE or configuration is None:
                raise ConfigError(error.message) from None
            from smtp_shell.configuration.loading import SETTINGS

            raise ConfigError(f"{configuration.where(SETTINGS, name)}: {error.message}") from None
    return Configured(settings, {name: origin for name, (origin, _) in found.items()})


def with_profile(before: Configured, name: str, profile: Profile, folder: Path) -> Configured:
    """Return settings with those of a profile, where the user has not said otherwise.

    Args:
        before: The settings before.
        name: The profile's name.
        profile: The profile.
        folder: The folder that its files are relative to.

    Raises:
        ConfigError: A value does not fit.
    """
    settings, origins = before.settings, dict(before.origins)
    for key in NAMES:
        value: Scalar | None = getattr(profile, key, None)
        if value is None or before.origins.get(key) in OF_THE_USER:
            continue
        if key in FILES and value:
            value = str(folder / user_path(str(value)))
        try:
            settings = with_setting(settings, shown_name(key), typed(value), f"[profile.{name}]: {key}")
        except SmtpShellError as error:
            raise ConfigError(error.message) from None
        origins[key] = profile_origin(name)
    return Configured(settings, origins)


def profile_origin(name: str) -> str:
    """Return the origin of a setting that a profile has."""
    return f"profile {name}"


def file_value(configuration: Configuration, name: str, value: Scalar) -> Scalar:
    """Return the value of a setting in the file: the name of a file is relative to the folder of that one."""
    if name not in FILES or not isinstance(value, str) or not value:
        return value
    return str(configuration.folder / user_path(value))


def typed(value: Scalar) -> str:
    """Return a value as it is typed after `/set NAME`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if value != "" else "''"


def shown_name(field: str) -> str:
    """Return the name of a setting, given that of its field."""
    return field.replace("_", "-")


def shown_origin(origin: str, name: str, configuration: Configuration | None) -> str:
    """Return where a setting came from, for a person.

    Args:
        origin: Its origin.
        name: The name of its field.
        configuration: The configuration file.
    """
    if origin != FROM_FILE or configuration is None:
        return origin
    from smtp_shell.configuration.loading import SETTINGS
    from smtp_shell.configuration.writing import shown_path

    place = configuration.where(SETTINGS, name)
    path, colon, line = place.rpartition(":")
    return f"{shown_path(Path(path))}:{line}" if colon and line.isdigit() else place

"""The configuration on the command line: what a shell starts with, and `--profile` for the commands that open none."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtp_shell.config import is_configured, user_path
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.shell.configured import FILES, NAMES, Configured, configured
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.settings import OF_TLS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from smtp_shell.configuration import Configuration
    from smtp_shell.configuration.profile import Profile
    from smtp_shell.shell.registry import ShellCommand
    from smtp_shell.shell.settings import ShellSettings
    from smtp_shell.shell.shell import Shell

_FILES = (*FILES, "netrc_file")
_OWN = ("url", "host", "port", "tls", "starttls", "match", "variables", "tls_pin")
"""Keys that are no option of that name, or one of another form."""


class Start(Struct, frozen=True):
    """The configuration that a shell starts with.

    Args:
        configuration: What the file says; None if there is none, or it cannot be used.
        problem: Why it cannot be used, in a sentence or several; empty if it can.
        is_off: Whether the user wants none.
    """

    configuration: Configuration | None = None
    problem: str = ""
    is_off: bool = False


def read_start(options: argparse.Namespace, *, interactive: bool) -> Start:
    """Read the configuration.

    Args:
        options: The parsed options; with `no_config` nothing is read.
        interactive: Whether a user is at the prompt. A file that cannot be used is a problem to show there, and ends any other run.

    Raises:
        ConfigError: The file cannot be used, and nobody is at the prompt or a profile is wanted.
        UsageError: A profile is wanted, and no configuration.
    """
    profile = getattr(options, "profile", None)
    if options.no_config:
        if profile is not None:
            raise UsageError("--profile is in the configuration, which --no-config leaves out; give one of them.")
        return Start(is_off=True)
    if profile is None and not is_configured():
        return Start()
    from smtp_shell.configuration import load

    try:
        return Start(load(settings=NAMES))
    except ConfigError as error:
        if not interactive or profile is not None:
            raise
        return Start(problem=_unused(error))


def settle(
    options: argparse.Namespace, settings: ShellSettings, start: Start, *, interactive: bool, practises: bool
) -> tuple[Configured, Start]:
    """Return the settings that a shell starts with, and what it starts with: without a configuration whose values do not fit.

    Args:
        options: The parsed options.
        settings: The defaults.
        start: The configuration.
        interactive: As for `read_start`.
        practises: Whether a practice server runs in this process. How TLS is done with other servers is not for it.

    Raises:
        ConfigError: A value does not fit, and nobody is at the prompt.
    """
    given = given_settings(options)
    without = OF_TLS if practises else ()
    environ = {} if start.is_off else os.environ
    try:
        return configured(settings, given, start.configuration, environ, without), start
    except ConfigError as error:
        if not interactive:
            raise
        return configured(settings, given, None, {}), Start(problem=_unused(error))


def take_aliases(shell: Shell, start: Start) -> None:
    """Add the aliases of the configuration to the commands of the shell.

    At a prompt they are read with the commands, which the first prompt does not wait for, and what is wrong with them is said then.

    Raises:
        ConfigError: One cannot be used, and nobody is at the prompt.
    """
    if start.configuration is None or not start.configuration.aliases:
        return
    configuration, without = start.configuration, shell.registry

    def commands() -> Iterable[ShellCommand[Shell]]:
        from smtp_shell.configuration.loading import ALIASES
        from smtp_shell.shell.commands.aliases import with_aliases

        try:
            return with_aliases(shell, configuration.aliases, partial(configuration.where, ALIASES))
        except UsageError as error:
            if not shell.options.interactive:
                raise ConfigError(error.message) from None
            shell.aliases.problem = f"{error.message} The aliases are left out."
            return without.values()

    shell.registry = Registry(commands)
    if not shell.options.interactive:
        len(shell.registry)  # before anything is sent


def given_settings(options: argparse.Namespace) -> dict[str, str]:
    """Return the settings that the command line gives, as they would be typed, by the names of the fields."""
    found: dict[str, str] = {}
    for name in NAMES:
        value = getattr(options, name, None)
        if value is None or value is False or value in ("", []):
            continue
        if value is True:
            found[name] = "on"
        else:
            found[name] = ",".join(value) if isinstance(value, list) else str(value)
    return found


def fill_from_profile(options: argparse.Namespace) -> Profile:
    """Fill in what `--profile` says and the command line leaves out, but for the server itself; return the profile.

    Args:
        options: The parsed options, with the `profile` that is named; options that the command has not are left out.

    Raises:
        ConfigError: The configuration, or a value of the profile, cannot be used.
        UsageError: There is no such profile.
    """
    from smtp_shell.configuration import load
    from smtp_shell.configuration.profile import PROFILE_KEYS

    configuration = load()
    profile = configuration.profile(options.profile)
    for key in PROFILE_KEYS:
        value: Any = getattr(profile, key)
        if key in _OWN or not value or getattr(options, key, True):
            continue
        setattr(options, key, configuration.folder / user_path(value) if key in _FILES else value)
    if profile.tls_pin and not options.tls_pin:
        options.tls_pin = [profile.tls_pin]
    return profile


def take_tls(options: argparse.Namespace, profile: Profile) -> None:
    """Set when TLS begins to what a profile says, unless the command line says it."""
    if not (options.tls or options.starttls):
        options.tls, options.starttls = bool(profile.tls), bool(profile.starttls)


def _unused(error: ConfigError) -> str:
    return f"{error.message}\nThe configuration is not used; `smtp-shell config check` looks at it again."

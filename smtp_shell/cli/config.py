"""`smtp-shell config`: writes the configuration file, says where it is, and checks it."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from smtp_shell.arguments import file_path
from smtp_shell.cli.json_rows import json_row
from smtp_shell.cli.options import command_parser
from smtp_shell.config import (
    OTHER_VARIABLES,
    VARIABLE_PREFIX,
    configuration_path,
    environment_settings,
    setting_variable,
)
from smtp_shell.configuration.loading import ALIASES, PROFILES, SETTINGS, Configuration, load
from smtp_shell.configuration.sample import sample
from smtp_shell.configuration.writing import shown_path
from smtp_shell.errors import ConfigError, SmtpShellError, UsageError
from smtp_shell.figures import counted
from smtp_shell.private_files import make_folder, reason_of, whole_file
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.commands.aliases import make_alias
from smtp_shell.shell.configured import NAMES, Configured, configured, with_profile
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.settings import ShellOptions, ShellSettings, check_tls_change, settings_table
from smtp_shell.shell.startup_lines import check_startup

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from smtp_shell.arguments import ArgumentParser

_EPILOG = """\
The file is the one that SMTP_SHELL_CONFIG names, else config.toml in this platform's place for configurations.
Exit status of check: 0 it can be used, 2 it cannot.
"""


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell config`.

    Args:
        words: The arguments after `config`.

    Returns:
        The exit status.

    Raises:
        UsageError: An option is wrong, or there is a file already.
        ConfigError: The file cannot be used.
    """
    options = make_parser().parse_args(words)
    if options.force and options.action != "init":
        raise UsageError("config: --force is for init, which writes the file; leave it out.")
    if options.action == "path":
        return _path(options)
    return _init(options) if options.action == "init" else _check(options)


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("config", epilog=_EPILOG)
    parser.add_argument(
        "action",
        choices=("init", "path", "check"),
        help="init writes a file with every setting and its meaning, path prints where it is, check reads it",
    )
    parser.add_argument("file", nargs="?", type=file_path, metavar="FILE", help="another file than the usual one")
    parser.add_argument("--force", action="store_true", help="let init overwrite the file that is there")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _path(options: argparse.Namespace) -> int:
    path = options.file or configuration_path()
    if options.json:
        _write({"file": escape_str(str(path)), "exists": os.path.isfile(path), "exit_status": 0})
    else:
        sys.stdout.write(f"{escape_str(str(path))}\n")
    return 0


def _init(options: argparse.Namespace) -> int:
    path: Path = options.file or configuration_path()
    defaults = ShellSettings()
    rows = [
        (key, setting.meaning, getattr(defaults, key))
        for name, setting in settings_table().items()
        for key in [name.replace("-", "_")]
    ]
    try:
        make_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"the folder {escape_str(str(path.parent))} cannot be made: {reason_of(error)}.") from None
    with whole_file(path, overwrite=options.force) as file:
        file.write(sample(rows).encode())
    if options.json:
        _write({"file": escape_str(str(path)), "exists": True, "exit_status": 0})
    else:
        sys.stdout.write(
            f"{shown_path(path)} is written. Each line in it is a comment; edit it, then: smtp-shell config check\n"
        )
    return 0


def _check(options: argparse.Namespace) -> int:
    path = options.file or configuration_path()
    remarks = [f"{name} is no variable of smtp-shell." for name in _unknown_variables()]
    problems: list[str] = []
    configuration = Configuration()
    try:
        configuration = load(options.file, settings=NAMES)
    except ConfigError as error:
        problems += str(error).split("\n")
    problems += _problems(configuration)
    if options.json:
        for text in problems:
            _write({"problem": text})
        for text in remarks:
            _write({"remark": escape_str(text)})
        _write({"file": escape_str(str(path)), "exit_status": 2 if problems else 0})
        return 2 if problems else 0
    for text in remarks:
        sys.stderr.write(f"smtp-shell: {escape_str(text)}\n")
    if problems:
        raise ConfigError("\n".join(problems))
    sys.stdout.write(f"{_summary(configuration, path)}\n")
    return 0


def _unknown_variables() -> list[str]:
    """Return the variables that begin as ours do and mean nothing."""
    known = {*map(setting_variable, NAMES), *OTHER_VARIABLES}
    return sorted(name for name in os.environ if name.startswith(VARIABLE_PREFIX) and name not in known)


def _problems(configuration: Configuration) -> list[str]:
    """Return what is wrong with the values in the file and in the environment, and with the files that they name."""
    checks = [
        *(partial(_check_setting, configuration, name) for name in configuration.settings),
        *(partial(_check_variable, name) for name in environment_settings(NAMES, os.environ)),
        partial(_check_files, configuration),
        *(partial(_check_profile, configuration, name) for name in configuration.profiles),
        *(partial(_check_alias, configuration, name) for name in configuration.aliases),
        partial(check_startup, configuration),
    ]
    problems: list[str] = []
    for check in checks:
        try:
            check()
        except SmtpShellError as error:
            problems.append(error.message)
    return problems


def _check_setting(configuration: Configuration, name: str) -> None:
    one = Configuration(configuration.file, {name: configuration.settings[name]})
    configured(ShellSettings(), {}, one, {})


def _check_variable(name: str) -> None:
    configured(ShellSettings(), {}, Configuration(), {setting_variable(name): os.environ[setting_variable(name)]})


def _check_files(configuration: Configuration) -> None:
    """Check the files, versions and ciphers of TLS that settings name, if each by itself is right."""
    try:
        found = configured(ShellSettings(), {}, configuration, {})
    except SmtpShellError:
        return
    _check_tls(f"{configuration.where(SETTINGS)}: [{SETTINGS}]", found.settings)


def _check_profile(configuration: Configuration, name: str) -> None:
    profile = configuration.profile(name)
    found = with_profile(Configured(ShellSettings(), {}), name, profile, configuration.folder)
    _check_tls(f"{configuration.where(PROFILES, name)}: [{PROFILES}.{name}]", found.settings)


def _check_tls(where: str, settings: ShellSettings) -> None:
    try:
        check_tls_change(ShellOptions(), ShellSettings(), settings)
    except SmtpShellError as error:
        raise ConfigError(f"{where}: {error.message}") from None


def _check_alias(configuration: Configuration, name: str) -> None:
    try:
        make_alias(Registry.load(), name, configuration.aliases[name])
    except UsageError as error:
        raise ConfigError(f"{configuration.where(ALIASES, name)}: {error.message}") from None


def _summary(configuration: Configuration, path: Path) -> str:
    if configuration.file is None:
        return f"{shown_path(path)} is not there, so everything is as by default; smtp-shell config init writes it."
    counts = (
        (len(configuration.settings), "setting"),
        (len(configuration.profiles), "profile"),
        (len(configuration.aliases), "alias"),
    )
    return f"{shown_path(path)} can be used: {', '.join(counted(*each) for each in counts)}."


def _write(row: dict[str, object]) -> None:
    sys.stdout.write(f"{json_row(row)}\n")

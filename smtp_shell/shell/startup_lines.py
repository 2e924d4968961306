"""The start-up file: lines that the shell runs before its first prompt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smtp_shell.config import config_dir, user_path
from smtp_shell.errors import SmtpShellError, UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.configuration.loading import Configuration
    from smtp_shell.shell.shell import Shell

FILE_NAME: Final = "startup"


def startup_file(configuration: Configuration | None) -> Path | None:
    """Return the file: what `startup` in the configuration names, else `startup` in the platform's place if it is there."""
    if configuration is not None and configuration.startup is not None:
        named = user_path(configuration.startup)
        return configuration.folder / named if configuration.startup else None
    path = config_dir() / FILE_NAME
    return path if os.path.lexists(path) else None


def run_startup(shell: Shell, configuration: Configuration | None) -> None:
    """Run the lines of the start-up file, up to the first that fails; say what went wrong.

    Args:
        shell: The shell.
        configuration: The configuration; None where there is none.
    """
    path = startup_file(configuration)
    if path is None:
        return
    from smtp_shell.shell.scripted_lines import run_file

    try:
        check_startup(configuration)
        run_file(shell, path)
    except SmtpShellError as error:
        shell.say_loudly(f"start-up file: {error}")
        shell.advise(error)


def check_startup(configuration: Configuration | None) -> None:
    """Check that the start-up file is the user's own, and neither a device nor endless.

    Args:
        configuration: The configuration, which may name it; None where there is none.

    Raises:
        UsageError: It is not to be run.
    """
    path = startup_file(configuration)
    if path is None:
        return
    from smtp_shell.configuration.reading import MOST_OCTETS, why_not_trusted

    name = escape_str(str(path))
    if not os.path.lexists(path):
        raise UsageError(f"{name} cannot be read: there is no such file.")
    if not os.path.isfile(path):
        raise UsageError(f"{name} is not run: it is no regular file.")
    facts = os.stat(path)
    if problem := why_not_trusted(facts):
        raise UsageError(f"{name} is not run: {problem}.")
    if facts.st_size > MOST_OCTETS:
        raise UsageError(f"{name} is not run: it is longer than {MOST_OCTETS:,} octets.")

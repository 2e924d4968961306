"""The configuration: a TOML file with settings, profiles of servers and aliases, and the environment.

`reading` reads a file and parses it, `profile` is one server's table, `loading` the whole file as values, `writing` changes one key
and keeps the rest of the file, `environment` reads `SMTP_SHELL_NAME`. What a setting is, the shell knows: its table is handed in.
"""

from __future__ import annotations

from smtp_shell.configuration.loading import Configuration, configuration_path, load, profile_names
from smtp_shell.configuration.profile import Profile

__all__ = ["Configuration", "Profile", "configuration_path", "load", "profile_names"]

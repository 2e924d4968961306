"""The configuration: a TOML file with settings, profiles of servers and aliases, and the environment.

`reading` reads a file and parses it, `positions` finds the line of a key, `profile` is one server's table, `loading` the whole file
as values, `writing` changes one key and keeps the rest of the file. What a setting is, the shell knows: its names are handed in.
"""

from __future__ import annotations

from smtp_shell.config import configuration_path
from smtp_shell.configuration.loading import Configuration, load, profile_names

__all__ = ["Configuration", "configuration_path", "load", "profile_names"]

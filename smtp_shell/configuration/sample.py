"""The configuration file as `smtp-shell config init` writes it: every setting with its meaning and its default, commented out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.configuration.writing import literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtp_shell.configuration.loading import Scalar

_HEAD = """\
# Configuration of smtp-shell. Take the # away in front of what you want to change; `smtp-shell config check` checks it.
#
# The command line precedes a profile, a profile the environment (SMTP_SHELL_THEME=light), and the environment this file.
# `/set --origin` in the shell shows where each setting came from, and `/set --save NAME VALUE` writes it in here.
# No passwords: name a program that prints one, or keep it in the system's keyring.

# A file of lines to run before the first prompt; names of files are relative to this one.
# startup = "startup"

[settings]
"""

_TAIL = """
# A server: `smtp-shell lab`, `/connect lab`, `smtp-shell send --profile lab`; also for replay and relay.
# Its user and its password are offered to no other server.

# [profile.lab]
# host = "mail.example.org"
# port = 587
# starttls = true
# ca_file = "lab-ca.pem"
# user = "student"
# mechanism = "SCRAM-SHA-256"
# password_command = "pass show lab"
# ehlo = "client.example.org"
# match = "keywords"
# variables = { to = "bob@example.org" }

# Names for lines: /hello runs four, and `/to bob@example.org` fills in $1.

[alias]
# hello = "ehlo; starttls; ehlo; auth"
# to = "mail <>; rcpt $1"
"""


def sample(rows: Iterable[tuple[str, str, Scalar]]) -> str:
    """Return the text of the file.

    Args:
        rows: The key of each setting, its meaning, and its default.
    """
    settings = "\n".join(f"# {meaning}\n# {key} = {literal(default)}\n" for key, meaning, default in rows)
    return f"{_HEAD}\n{settings}{_TAIL}"

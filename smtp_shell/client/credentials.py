"""Credentials for AUTH: from a command, the environment, the system's keyring, or the user."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.config import PASSWORD_VARIABLE, child_environment
from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Set

    from smtp_shell.protocol.sasl import Credentials

_COMMAND_TIMEOUT = 120
"""Seconds that a command may take to print a password or a token."""

Ask = Callable[[str, bool], str]
"""Asks the user. Takes the question, and whether the answer is hidden; returns the answer."""


class CredentialSource(Struct, frozen=True):
    """Finds the credentials for an AUTH; the first source that has them wins.

    Args:
        user: User name; empty if none was given.
        password_command: Command that prints the password.
        token_command: Command that prints an OAuth token.
        ask: Asks the user; None where nobody can be asked.
        preset: A password that the program itself knows, as for its own practice server.
    """

    user: str = ""
    password_command: str | None = None
    token_command: str | None = None
    ask: Ask | None = None
    preset: Secret | None = None

    @property
    def has_token(self) -> bool:
        """Whether an OAuth token can be had."""
        return self.token_command is not None

    def find(self, needs: Set[str], *, user: str = "", host: str = "") -> Credentials:
        """Return what a mechanism needs.

        Args:
            needs: Any of `user`, `password`, `token`.
            user: User name that overrides the one given at the start.
            host: The server's name, under which the keyring is asked.

        Raises:
            AuthFailed: Something is missing and nobody can be asked; the message names the option.
        """
        from smtp_shell.protocol.sasl import Credentials

        name = user or self.user
        if "user" in needs and not name:
            name = self._ask_user("User: ", "no user: give --user NAME", hidden=False)
        if "token" in needs:
            return Credentials(name, self._token())
        if "password" in needs:
            return Credentials(name, self._password(name, host))
        return Credentials(name)

    def _password(self, user: str, host: str) -> Secret:
        if self.password_command is not None:
            return _run(self.password_command, "--password-command")
        if PASSWORD_VARIABLE in os.environ:
            return Secret(os.environ[PASSWORD_VARIABLE])
        if self.preset is not None:
            return self.preset
        kept = _from_keyring(user, host)
        if kept is not None:
            return kept
        missing = f"no password: give --password-command CMD or set {PASSWORD_VARIABLE}"
        return Secret(self._ask_user(f"Password for {escape_str(user)}: ", missing, hidden=True))

    def _token(self) -> Secret:
        if self.token_command is not None:
            return _run(self.token_command, "--token-command")
        return Secret(self._ask_user("Token: ", "no token: give --token-command CMD", hidden=True))

    def _ask_user(self, question: str, missing: str, *, hidden: bool) -> str:
        if self.ask is None:
            raise AuthFailed(f"{missing}; nobody can be asked here.")
        return self.ask(question, hidden)


def _run(command: str, option: str) -> Secret:
    """Run the user's own command line; the first line that it prints is the secret."""
    import subprocess

    try:
        done = subprocess.run(
            command,
            shell=True,
            stdout=subprocess.PIPE,
            env=child_environment(),
            timeout=_COMMAND_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise AuthFailed(f"{option}: the command could not be run or did not end; try it by hand.") from None
    first = done.stdout.split(b"\n")[0].removesuffix(b"\r")
    if done.returncode or not first:
        raise AuthFailed(f"{option}: the command printed nothing or failed (status {done.returncode}); try it by hand.")
    return Secret(first.decode("utf-8", "surrogateescape"))


def _from_keyring(user: str, host: str) -> Secret | None:
    """Return the password from the system's keyring, where the extra `keyring` is installed; None if there is none."""
    try:
        import keyring
    except ImportError:
        return None
    try:
        found = keyring.get_password("smtp-shell", f"{user}@{host}")
    except Exception:  # whatever a keyring's backend raises, there is another way to a password
        return None
    return Secret(found) if found is not None else None

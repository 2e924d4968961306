"""Credentials for AUTH: from a command, the environment, the system's keyring, a netrc file, or the user."""

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
    from pathlib import Path

    from smtp_shell.client.netrc_file import NetrcEntry
    from smtp_shell.protocol.sasl import Credentials

_COMMAND_TIMEOUT = 120
"""Seconds that a command may take to print a password or a token."""

_KEYRING = "the system's keyring"
_NETRC = "netrc file "
HOST_ORIGINS = (_KEYRING, _NETRC)
"""How the origins begin that know a password for one host alone."""

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
        netrc: The netrc file; None for the one in the home folder.
        authzid: Whom to act as; empty for the user.
        host: The server's name, where `find` is not told.
        preset_token: A token that the program itself knows. Unlike a token of the user's it is used where a mechanism is named, alone.
    """

    user: str = ""
    password_command: str | None = None
    token_command: str | None = None
    ask: Ask | None = None
    preset: Secret | None = None
    netrc: Path | None = None
    authzid: str = ""
    host: str = ""
    preset_token: Secret | None = None

    @property
    def has_token(self) -> bool:
        """Whether an OAuth token can be had."""
        return self.token_command is not None

    def find(
        self, needs: Set[str], *, user: str = "", host: str = "", last_user: str = "", authzid: str = ""
    ) -> Credentials:
        """Return what a mechanism needs. What is empty counts as missing, whatever it comes from.

        Args:
            needs: Any of `user`, `password`, `token`.
            user: User name that overrides the one given at the start.
            host: The server's name, under which the keyring and the netrc file are asked.
            last_user: User name that was used before; it is offered where the user is asked for one.
            authzid: Whom to act as, in place of the one given at the start.

        Raises:
            AuthFailed: Something is missing and nobody can be asked, or the answer is empty; the message names the option.
        """
        from smtp_shell.protocol.sasl import Credentials

        name, host, acting = user or self.user, host or self.host, authzid or self.authzid
        if "password" in needs and not name and (entry := _netrc_entry(self.netrc, host)) is not None:
            name = entry.user
        if "user" in needs and not name:
            # The name stands in the question, so that nobody takes it for the one about the password, whose answer is hidden.
            offered = f" [{escape_str(last_user)}]" if last_user else ""
            name = self._ask_user(f"User{offered}: ", "no user: give --user NAME", hidden=False, default=last_user)
        if "token" in needs:
            token, origin = self._token()
            return Credentials(name, token, acting, origin)
        if "password" in needs:
            password, origin = self._password(name, host)
            return Credentials(name, password, acting, origin)
        return Credentials(name, authzid=acting)

    def has_password(self, user: str = "", host: str = "") -> bool:
        """Return whether a password is at hand, so that nobody need be asked for one. No command is run, and the keyring stays closed.

        Args:
            user: User name that overrides the one given at the start.
            host: The server's name.
        """
        if self.password_command or self.preset or os.environ.get(PASSWORD_VARIABLE, "").strip():
            return True
        try:
            entry = _netrc_entry(self.netrc, host or self.host, user or self.user)
        except AuthFailed:  # there is one, and whoever needs it is told what is wrong
            return True
        return entry is not None and bool(entry.password)

    def missing(self, needs: Set[str], user: str = "") -> str:
        """Return what is missing of what a mechanism needs, in a sentence; empty if nothing is.

        No command is run, nobody is asked, and the keyring stays closed: it may ask for a password of its own. A netrc file that was
        named counts as one that has it.

        Args:
            needs: As for `find`.
            user: User name that overrides the one given at the start.
        """
        if "user" in needs and not (user or self.user):
            return "no user: give --user NAME"
        if "token" in needs and self.token_command is None and self.preset_token is None:
            return "no token: give --token-command CMD"
        known = os.environ.get(PASSWORD_VARIABLE, "").strip() or self.password_command or self.preset
        if "password" in needs and not known and self.netrc is None:
            return f"no password: give --password-command CMD or set {PASSWORD_VARIABLE}"
        return ""

    def _password(self, user: str, host: str) -> tuple[Secret, str]:
        """Return the password, and where it comes from."""
        if self.password_command is not None:
            return _run(self.password_command, "--password-command"), "--password-command"
        if (known := os.environ.get(PASSWORD_VARIABLE, "")).strip():
            return Secret(known), PASSWORD_VARIABLE
        if self.preset is not None and self.preset.reveal().strip():
            return self.preset, "the practice server"
        if (known := _from_keyring(user, host)).strip():
            return Secret(known), _KEYRING
        entry = _netrc_entry(self.netrc, host, user)
        if entry is not None and entry.password.reveal().strip():
            return entry.password, f"{_NETRC}{entry.file}"
        is_empty = f" ({PASSWORD_VARIABLE} is empty)" if PASSWORD_VARIABLE in os.environ else ""
        missing = f"no password: give --password-command CMD or set {PASSWORD_VARIABLE}{is_empty}"
        return Secret(self._ask_user(f"Password for {escape_str(user)}: ", missing, hidden=True)), "the prompt"

    def _token(self) -> tuple[Secret, str]:
        """Return the token, and where it comes from."""
        if self.token_command is not None:
            return _run(self.token_command, "--token-command"), "--token-command"
        if self.preset_token is not None:
            return self.preset_token, "the practice server"
        missing = "no token: give --token-command CMD"
        return Secret(self._ask_user("Token: ", missing, hidden=True).strip()), "the prompt"

    def _ask_user(self, question: str, missing: str, *, hidden: bool, default: str = "") -> str:
        if self.ask is None:
            raise AuthFailed(f"{missing}; nobody can be asked here.")
        answer = self.ask(question, hidden)
        if not answer.strip():
            answer = default
        if not answer:
            raise AuthFailed(f"{missing}; the answer was empty, and nothing was sent.")
        return answer


def _netrc_entry(file: Path | None, host: str, user: str = "") -> NetrcEntry | None:
    """Return what a netrc file says of a host, as `netrc_entry` does, whose module is loaded when it is needed."""
    from smtp_shell.client.netrc_file import netrc_entry

    return netrc_entry(file, host, user)


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
    except (OSError, ValueError, subprocess.TimeoutExpired):  # it may hold NUL
        raise AuthFailed(f"{option}: the command could not be run or did not end; try it by hand.") from None
    first = done.stdout.split(b"\n")[0].removesuffix(b"\r")
    if done.returncode or not first.strip():
        raise AuthFailed(f"{option}: the command printed nothing or failed (status {done.returncode}); try it by hand.")
    return Secret(first.decode("utf-8", "surrogateescape"))


def _from_keyring(user: str, host: str) -> str:
    """Return the password from the system's keyring, where the extra `keyring` is installed; empty if there is none."""
    try:
        import keyring
    except ImportError:
        return ""
    try:
        found = keyring.get_password("smtp-shell", f"{user}@{host}")
    except Exception:  # whatever a keyring's backend raises, there is another way to a password
        return ""
    return found or ""

"""Credentials for replays: each is looked up once, and asked for at the host that the replay connects to."""

from __future__ import annotations

from _thread import allocate_lock  # threading.Lock itself; importing threading takes 2 ms
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.client.credentials import CredentialSource
    from smtp_shell.protocol.sasl import Credentials, Mechanism


@final
class CredentialFinder:
    """Looks each credential up once for all replays. It is safe to call from several threads.

    A user is not asked, and no command is run, for each of a thousand runs, nor for each of several servers.

    Args:
        source_of: Returns the source of credentials; called when a replay first needs one.
        host: The server's name, under which the keyring and a netrc file are asked; empty where it is not known.
    """

    def __init__(self, source_of: Callable[[], CredentialSource], host: str = "") -> None:
        self._source_of = source_of
        self._host = host
        self._found: dict[tuple[frozenset[str], str, str], Credentials] = {}
        self._lock = allocate_lock()

    def at(self, host: str) -> CredentialFinder:
        """Return a finder for another host that shares what has been found."""
        other = CredentialFinder(self._source_of, host)
        other._found, other._lock = self._found, self._lock
        return other

    def __call__(self, mechanism: Mechanism, user: str) -> Credentials:
        """Return the credentials for a mechanism.

        Args:
            mechanism: The mechanism.
            user: The user that the transcript names; empty for none.

        Raises:
            AuthFailed: Something is missing and nobody can be asked.
        """
        from smtp_shell.client.credentials import HOST_ORIGINS

        source = self._source_of()
        name, needs = source.user or user, frozenset(mechanism.needs - {"binding"})
        with self._lock:
            for host in ("", self._host):
                if (needs, name, host) in self._found:
                    return self._found[needs, name, host]
            found = source.find(needs, user=name, host=self._host)
            is_of_host = found.origin.startswith(HOST_ORIGINS)
            self._found[needs, name, self._host if is_of_host else ""] = found
            return found

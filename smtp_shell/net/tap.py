"""What gets the octets of a connection as they go over the wire, below TLS. A capture is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smtp_shell.net.session_keys import SessionKeys

Place = tuple[str, int] | None
"""Address and port of one end; None where it has none, as a pipe."""


class Tap(Protocol):
    """Gets the octets of one connection."""

    def sent(self, octets: bytes) -> None:
        """Receive octets that the client has sent."""

    def received(self, octets: bytes) -> None:
        """Receive octets that the server has sent."""

    def ended(self, *, by_client: bool, reset: bool = False) -> None:
        """Note that one side has ended the connection.

        Args:
            by_client: Which side.
            reset: Whether with a TCP reset, which ends both directions.
        """

    def flush(self) -> None:
        """Write what was taken. Called before each wait, so that the work costs no time."""


class Taps(Protocol):
    """Has a tap for each connection.

    Attributes:
        keys: Where the keys of the connections' TLS go.
    """

    keys: SessionKeys

    def begin(self, client: Place, server: Place, *, opened: bool) -> Tap:
        """Return the tap for a connection.

        Args:
            client: The client's end.
            server: The server's end.
            opened: Whether the connection has just been opened, and nothing has gone over it.
        """

"""A relay: it stands between a client and a server, passes every line on at once, and does TLS with each by itself.

`Gate` decides which octets have to wait, `Half` is one of the two connections, `Relayed` joins two of them, and `RelayServer` is the thread
that they run in. The dialogues are watched as those of the practice server are, and recorded as the server's side of them.
"""

from __future__ import annotations

from smtp_shell.servers.relay.server import RelayServer

__all__ = ["RelayServer"]

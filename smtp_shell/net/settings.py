"""How a connection is opened: where it comes from, which addresses it may use, and what it goes through."""

from __future__ import annotations

from msgspec import Struct


class ConnectSettings(Struct, frozen=True):
    """Settings of a connection that is about to be opened. The defaults are the system's choice.

    Args:
        source: Local address to connect from; None for the system's choice.
        source_port: Local port to connect from; 0 for the system's choice.
        family: `socket.AF_INET`, `socket.AF_INET6`, or 0 for either.
    """

    source: str | None = None
    source_port: int = 0
    family: int = 0

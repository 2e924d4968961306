"""What the dialogue of a mock server asks its driver to do, besides what a fault does."""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from smtp_shell.servers.faults import HangUp, Pause


class Need(Enum):
    """The dialogue needs octets of the client, or the end of them."""

    MORE = "more"


class StartTls(Struct, frozen=True):
    """Do the server's side of a TLS handshake. The driver answers whether it was done."""


Yielded: TypeAlias = bytes | Pause | HangUp | StartTls | Need
Acts: TypeAlias = Generator[Yielded, object, None]
Asks: TypeAlias = Generator[Yielded, object, tuple[bytes, bytes] | None]

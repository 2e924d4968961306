"""Masking of credentials that a server sends back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.protocol.masking import conceal_traces, traces_of
from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Reply


class EchoMask:
    """Replaces every credential that this connection has carried, in clear and in base64, in what the server sends.

    Attributes:
        is_empty: Whether there is nothing to mask yet.
    """

    def __init__(self) -> None:
        self.is_empty = True
        self._traces: dict[bytes, None] = {}

    def add(self, secret: Secret) -> None:
        """Mask a secret from now on."""
        self._traces.update(dict.fromkeys(traces_of(secret)))
        self.is_empty = not self._traces

    def add_octets(self, octets: bytes) -> None:
        """Mask octets that were sent as a credential."""
        self.add(Secret(octets.decode("utf-8", "surrogateescape")))

    def add_all(self, other: EchoMask) -> None:
        """Mask what another connection masks: the server may remember it."""
        self._traces.update(other._traces)
        self.is_empty = not self._traces

    def octets(self, octets: bytes) -> bytes:
        """Return octets with the credentials masked; the same object if there are none."""
        return conceal_traces(octets, self._traces)

    def reply(self, reply: Reply) -> Reply:
        """Return a reply with the credentials masked; the same object if there are none."""
        octets = self.octets(reply.octets)
        if octets is reply.octets:
            return reply
        return replace(reply, octets=octets, lines=tuple(self.octets(line) for line in reply.lines))

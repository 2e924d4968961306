"""AUTH at the practice server: which mechanisms are offered, and how an exchange goes over the wire."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final

from smtp_shell.protocol.octets import decode_base64
from smtp_shell.servers.practice.connection import LINE_LIMITS, Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

MECHANISMS: Final = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")
"""The mechanisms that need no TLS."""

BOUND_MECHANISM: Final = "SCRAM-SHA-256-PLUS"
"""The mechanism that is bound to TLS."""

_SERVER_FIRST = frozenset({"CRAM-MD5"})


class PracticeAuth(Connection):
    """A connection that knows AUTH. The mechanisms are in `exchanges`, which is loaded by the first AUTH."""

    @property
    def may_authenticate(self) -> bool:
        """Whether AUTH is announced."""
        return self.session.ssl is not None or self._shared.settings.auth_before_tls

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The mechanisms that are offered now."""
        return MECHANISMS if self.session.ssl is None else (*MECHANISMS, BOUND_MECHANISM)

    async def smtp_AUTH(self, arg: str | None) -> None:
        """Carry out an AUTH exchange.

        Source: RFC 4954 section 4
        """
        words = (arg or "").split()
        refusal = self._why_no_auth(words) or await self._exchange(*words)
        if refusal is None:
            return
        if refusal:
            await self.push(refusal)
            return
        self.session.authenticated = True
        await self.push("235 2.7.0 Authentication successful")

    def _why_no_auth(self, words: list[str]) -> str:
        if not self.session.host_name or not self.session.extended_smtp:
            return "503 5.5.1 Send EHLO first"
        if not self.may_authenticate:
            return "538 5.7.11 Encryption required for authentication; send STARTTLS first"
        if self.session.authenticated:
            return "503 5.5.1 Authenticated already; only once in a session"
        if self.envelope.mail_from is not None:
            return "503 5.5.1 AUTH may not stand inside a mail transaction; RSET ends it"
        if not 1 <= len(words) <= 2:
            return "501 5.5.4 Syntax: AUTH mechanism [initial-response]"
        if words[0].upper() not in self.mechanisms:
            return f"504 5.5.4 Mechanism not recognized; there are {', '.join(self.mechanisms)}"
        if len(words) == 2 and words[0].upper() in _SERVER_FIRST:
            return f"501 5.5.4 {words[0].upper()} takes no initial response: the server speaks first"
        return ""

    async def _exchange(self, mechanism: str, initial: str | None = None) -> str | None:
        """Carry out an exchange.

        Args:
            mechanism: One of those that are offered, as it stands in the AUTH command.
            initial: The initial response as it stands in the AUTH command; None for none.

        Returns:
            The reply that refuses the client, empty if the client is who it says, None if a reply has been sent.
        """
        from smtp_shell.servers.practice.exchanges import Account, begin

        shared = self._shared
        account = Account(shared.settings.user, shared.password, shared.token, shared.salt, self._bindings)
        exchange = begin(mechanism.upper(), account)
        try:
            challenge = next(exchange)
            while True:
                if initial is None:
                    response = await self._answer_to(challenge)
                else:  # "=" is the empty one (RFC 4954 section 4)
                    response = b"" if initial == "=" else _decoded(initial.encode("utf-8", "surrogateescape"))
                if isinstance(response, str):
                    await self.push(response)
                    return None
                challenge, initial = exchange.send(response), None
        except StopIteration as end:
            return str(end.value)

    async def _answer_to(self, challenge: bytes) -> bytes | str:
        """Send a challenge and return the decoded response, or the reply that refuses it.

        Source: RFC 4954 section 4
        """
        await self.push(b"334 " + b64encode(challenge))
        response = await self._read_line(LINE_LIMITS["AUTH"])
        if response is None:
            return f"500 5.5.6 Authentication exchange line is too long, {LINE_LIMITS['AUTH']} octets at most"
        if response == b"*":
            return "501 5.7.0 Authentication cancelled"
        return _decoded(response)

    def _bindings(self) -> Mapping[str, bytes]:
        """Return what an exchange can be bound to: type of channel binding -> its octets; nothing outside TLS."""
        from smtp_shell.net.channel_binding import bindings_of_server

        tls = None if self.transport is None else self.transport.get_extra_info("ssl_object")
        leaf = self._shared.certificate.result().leaf if tls is not None else b""
        return bindings_of_server(tls, self.exporter_secret, leaf) if tls is not None else {}


def _decoded(line: bytes) -> bytes | str:
    """Decode a response; return the reply that refuses it if it is not base64."""
    octets = decode_base64(line)
    return "501 5.5.2 The response is not base64" if octets is None else octets

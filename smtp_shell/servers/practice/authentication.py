"""AUTH at the practice server: which mechanisms there are, and their exchanges."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, auth_mechanism

from smtp_shell.servers.mailboxes import HOSTNAME
from smtp_shell.servers.practice.connection import LINE_LIMITS, Connection

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")


class PracticeAuth(Connection):
    """A connection that knows AUTH; aiosmtpd has the exchanges of PLAIN and LOGIN."""

    @property
    def may_authenticate(self) -> bool:
        """Whether AUTH is announced."""
        return self.session.ssl is not None or self._shared.settings.auth_before_tls

    async def smtp_AUTH(self, arg: str | None) -> None:
        """Carry out an AUTH exchange.

        Source: RFC 4954 section 4
        """
        words = (arg or "").split()
        refusal = self._why_no_auth(words)
        if refusal:
            await self.push(refusal)
            return
        method = self._auth_methods[words[0].upper()].method
        result: Any = await method(self, ["" if word == "=" else word for word in words])
        if result.success:
            self.session.authenticated = True
            await self.push("235 2.7.0 Authentication successful")
        elif not result.handled:
            await self.push("535 5.7.8 Authentication credentials invalid")

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
        if words[0].upper() not in MECHANISMS:
            return f"504 5.5.4 Mechanism not recognized; there are {', '.join(MECHANISMS)}"
        return ""

    async def challenge_auth(
        self, challenge: str | bytes, encode_to_b64: bool = True, log_client_response: bool = False
    ) -> Any:
        """Send a challenge and return the decoded response, or `MISSING` when it has been refused.

        Source: RFC 4954 section 4
        """
        octets = challenge.encode() if isinstance(challenge, str) else challenge
        await self.push(b"334 " + base64.b64encode(octets))
        response = await self._read_line(LINE_LIMITS["AUTH"])
        if response is None:
            await self.push(f"500 5.5.6 Authentication exchange line is too long, {LINE_LIMITS['AUTH']} octets at most")
        elif response == b"*":
            await self.push("501 5.7.0 Authentication cancelled")
        else:
            try:
                return base64.b64decode(response, validate=True)
            except (binascii.Error, ValueError):
                await self.push("501 5.5.2 The response is not base64")
        return MISSING

    @auth_mechanism("CRAM-MD5")
    async def auth_CRAM_MD5(self, _: SMTP, args: list[str]) -> AuthResult:
        """Carry out the exchange of CRAM-MD5.

        Source: RFC 2195 section 2
        """
        if len(args) > 1:
            await self.push("501 5.5.4 CRAM-MD5 takes no initial response: the server speaks first")
            return AuthResult(success=False)
        challenge = f"<{secrets.token_hex(8)}.{time.time_ns()}@{HOSTNAME}>".encode()
        response = await self.challenge_auth(challenge)
        if response is MISSING:
            return AuthResult(success=False)
        user, _space, digest = response.rpartition(b" ")
        return AuthResult(success=self._shared.accepts_digest(user, digest, challenge), handled=False)

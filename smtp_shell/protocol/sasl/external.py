"""EXTERNAL: the client certificate authenticates."""

from __future__ import annotations

from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.sasl.exchange import EMPTY, Exchange, Response, Setting, encode


class External(Exchange):
    """Send the authorization identity, or nothing: the client certificate does the rest.

    Source: RFC 4422 appendix A
    """

    name = "EXTERNAL"
    needs = frozenset(("certificate",))
    takes_authzid = True
    by_name_only = True
    holds_credential = False
    merit = "the client certificate has shown who this is"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._authzid)

    def _authzid(self, challenge: bytes) -> Response:
        authzid = self._credentials.authzid or self._credentials.user
        return Response(
            encode(authzid),
            f"act as {escape_str(authzid)}" if authzid else f"{EMPTY}: as the user that the certificate names",
            secret=bool(authzid),
        )

"""PLAIN and LOGIN: the password itself crosses the wire."""

from __future__ import annotations

from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.sasl.exchange import Exchange, Response, Setting, encode


class Plain(Exchange):
    """Send the authorization identity, the user name and the password in one line, with NUL between them.

    Source: RFC 4616 section 2
    """

    name = "PLAIN"
    plaintext = True
    merit = "the password itself goes over, and TLS alone protects it"
    takes_authzid = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._message)

    def _message(self, challenge: bytes) -> Response:
        who = self._credentials
        names = " ".join(filter(None, (escape_str(who.authzid), "NUL", escape_str(who.user), "NUL")))
        octets = b"\0".join(map(encode, (who.authzid, who.user, who.password.reveal())))
        return Response(octets, f"{names} {MASK}", secret=True)


class Login(Exchange):
    """Answer two challenges by their order, whatever their words: user name, then password.

    Source: draft-murchison-sasl-login-00 section 2
    """

    name = "LOGIN"
    plaintext = True
    merit = "the password itself goes over, in two steps, and TLS alone protects it"
    initial = "asked"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, self._user, self._password)

    def _user(self, challenge: bytes) -> Response:
        return Response(encode(self._credentials.user), f"user name {escape_str(self._credentials.user)}", secret=True)

    def _password(self, challenge: bytes) -> Response:
        return Response(encode(self._credentials.password.reveal()), f"password {MASK}", secret=True)
